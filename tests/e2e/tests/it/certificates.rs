//! Certificates for 127.0.0.1, and authorities for them.

use std::{ops::Range, path::Path};

use openssl::{
    asn1::Asn1Time,
    bn::BigNum,
    ec::{EcGroup, EcKey},
    hash::MessageDigest,
    nid::Nid,
    pkey::{PKey, Private},
    x509::{
        X509, X509NameBuilder,
        extension::{BasicConstraints, SubjectAlternativeName},
    },
};

/// A certificate for 127.0.0.1 that is its own authority, and its key.
pub fn certificate(serial: u32, days: u32) -> (X509, PKey<Private>) {
    issue("rollcall of a test", serial, 0..i64::from(days), None)
}

/// Who issues certificates.
#[derive(Debug)]
pub struct Authority(X509, PKey<Private>);

impl Authority {
    pub fn new(name: &str) -> Self {
        let (certificate, key) = issue(name, 1, 0..30, None);
        Self(certificate, key)
    }

    /// Its own certificate, as PEM.
    pub fn pem(&self) -> Vec<u8> {
        self.0.to_pem().unwrap()
    }

    /// A certificate for 127.0.0.1 in somebody's name and its key, as one PEM file; valid for these days from now.
    pub fn issue(&self, name: &str, days: Range<i64>, to: &Path) {
        let (certificate, key) = issue(name, 2, days, Some(self));
        let mut pem = key.private_key_to_pem_pkcs8().unwrap();
        pem.extend(certificate.to_pem().unwrap());
        std::fs::write(to, pem).unwrap();
    }
}

fn issue(
    name: &str,
    serial: u32,
    days: Range<i64>,
    by: Option<&Authority>,
) -> (X509, PKey<Private>) {
    let curve = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let key = PKey::from_ec_key(EcKey::generate(&curve).unwrap()).unwrap();
    let mut subject = X509NameBuilder::new().unwrap();
    subject.append_entry_by_text("CN", name).unwrap();
    let subject = subject.build();
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    let serial = BigNum::from_u32(serial).unwrap().to_asn1_integer().unwrap();
    builder.set_serial_number(&serial).unwrap();
    builder.set_subject_name(&subject).unwrap();
    let issuer = by.map_or(&*subject, |authority| authority.0.subject_name());
    builder.set_issuer_name(issuer).unwrap();
    builder.set_pubkey(&key).unwrap();
    builder.set_not_before(&day(days.start)).unwrap();
    builder.set_not_after(&day(days.end)).unwrap();
    let mut names = SubjectAlternativeName::new();
    let names = names
        .ip("127.0.0.1")
        .build(&builder.x509v3_context(None, None))
        .unwrap();
    builder.append_extension(names).unwrap();
    if by.is_none() {
        let is_authority = BasicConstraints::new().ca().build().unwrap();
        builder.append_extension(is_authority).unwrap();
    }
    let signs = by.map_or(&key, |authority| &authority.1);
    builder.sign(signs, MessageDigest::sha256()).unwrap();
    (builder.build(), key)
}

/// So many days from now, or before it.
fn day(days: i64) -> Asn1Time {
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    Asn1Time::from_unix(now.cast_signed() + days * 86_400).unwrap()
}
