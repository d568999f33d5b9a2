//! How well the projection is known to agree with Meta.

use domain::ids::{PhoneNumberId, Second};
use serde::{Serialize, Serializer, ser::SerializeStruct};

use super::Time;

/// Counts over active groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Agreement {
    /// Active groups.
    pub groups: u64,
    /// Of them, read completely and not changed since.
    pub verified: u64,
    /// Of them, never read completely.
    pub never_verified: u64,
    /// Of them, changed since they were read completely.
    pub changed_since: u64,
    /// Of them, with a field in doubt.
    pub in_doubt: u64,
    /// Of them, hinted since they were read completely.
    pub hinted: u64,
    /// When the longest unread of those ever read was read.
    pub oldest_verified_at: Option<Second>,
}

impl Agreement {
    /// Share of active groups that are verified; `None` of none.
    fn share(&self) -> Option<f64> {
        (self.groups > 0).then(|| self.verified as f64 / self.groups as f64)
    }

    fn serialize_fields<S: SerializeStruct>(&self, out: &mut S) -> Result<(), S::Error> {
        let Self {
            groups,
            verified,
            never_verified,
            changed_since,
            in_doubt,
            hinted,
            oldest_verified_at,
        } = self;
        out.serialize_field("groups", groups)?;
        out.serialize_field("verified", verified)?;
        out.serialize_field("verified_share", &self.share())?;
        out.serialize_field("never_verified", never_verified)?;
        out.serialize_field("changed_since", changed_since)?;
        out.serialize_field("in_doubt", in_doubt)?;
        out.serialize_field("hinted", hinted)?;
        out.serialize_field("oldest_verified_at", &oldest_verified_at.map(Time))
    }
}

impl Serialize for Agreement {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_struct("Agreement", 8)?;
        self.serialize_fields(&mut out)?;
        out.end()
    }
}

/// What `GET /v1/agreement` answers: counts over all numbers, then by number.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AgreementAnswer {
    /// Over all numbers.
    pub total: Agreement,
    /// By number, in order of their ids.
    pub numbers: Vec<NumberAgreement>,
}

impl Serialize for AgreementAnswer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { total, numbers } = self;
        let mut out = serializer.serialize_struct("Agreement", 9)?;
        total.serialize_fields(&mut out)?;
        out.serialize_field("numbers", numbers)?;
        out.end()
    }
}

/// Counts of one number's groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberAgreement {
    /// Which.
    pub phone_number_id: PhoneNumberId,
    /// Its counts.
    pub agreement: Agreement,
}

impl Serialize for NumberAgreement {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self {
            phone_number_id,
            agreement,
        } = self;
        let mut out = serializer.serialize_struct("NumberAgreement", 9)?;
        out.serialize_field("phone_number_id", phone_number_id.as_str())?;
        agreement.serialize_fields(&mut out)?;
        out.end()
    }
}
