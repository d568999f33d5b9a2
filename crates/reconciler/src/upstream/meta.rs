//! Meta's API itself, by the crate `graph`.

use std::sync::{Arc, PoisonError, RwLock};

use chassis::{
    SecretString,
    trace::{self, Kind},
};
use domain::{
    event::{GroupRead, JoinRequest, Person},
    ids::{GroupId, PhoneNumberId, Text},
    plan::Listed,
};
use graph::api::{self, Client, ClientConfig, Meaning, Sent};
use url::Url;

use super::{Answer, Info, JoinRequestPage, Load, Page, Read, Refused};
use crate::{Args, limits::LIST_PAGE};

/// Reads from Meta.
#[derive(Debug, Clone)]
pub struct Meta {
    url: Url,
    version: String,
    /// Made anew when the token is replaced; calls under way end with the token that they began with.
    client: Arc<RwLock<Client>>,
}

impl Meta {
    /// A client with the address, version and token of `args`.
    ///
    /// # Errors
    ///
    /// The client's, where TLS or the address can't be used.
    pub fn new(args: &Args) -> Result<Self, api::ConfigError> {
        let token = args.access_token_file.secret().clone();
        let (url, version) = (args.graph_url.clone(), args.graph_version.clone());
        let config = ClientConfig::new(url.clone(), version.clone(), token);
        Ok(Self {
            client: Arc::new(RwLock::new(Client::new(config)?)),
            url,
            version,
        })
    }

    /// One that presents another token, such as the app's.
    ///
    /// # Errors
    ///
    /// The client's, where the token cannot be sent.
    pub(crate) fn with_token(&self, token: &SecretString) -> Result<Client, api::ConfigError> {
        let config = ClientConfig::new(self.url.clone(), self.version.clone(), token.clone());
        Client::new(config)
    }

    /// The client as it is now.
    pub fn client(&self) -> Client {
        // A panic while it was held cannot have left half a client.
        let held = self.client.read();
        held.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Turns an answer of the client into ours. One without a `Date` header could be of any second, and asserts nothing.
    fn answer<A, T>(
        asked: Result<api::Answer<A>, api::Error>,
        read: impl FnOnce(A) -> T,
    ) -> Answer<T> {
        let (sent, result) = match asked {
            Ok(api::Answer { value, sent }) => (Some(sent), Ok(read(value))),
            Err(error) => {
                let refused = refused(&error);
                log(&error, refused);
                (error.sent().cloned(), Err(refused))
            }
        };
        let load = sent.as_ref().map(load).unwrap_or_default();
        match sent.and_then(|sent| sent.t0) {
            Some(t0) => Answer { t0, load, result },
            None => Answer {
                t0: 0,
                load,
                result: Err(undated(result.err())),
            },
        }
    }
}

/// A call of Meta as a span: `what` is the word that metrics have for it.
pub(crate) async fn traced<T>(
    what: &'static str,
    call: impl Future<Output = Result<T, api::Error>>,
) -> Result<T, api::Error> {
    let span = trace::is_on().then(|| format!("Meta {what}"));
    let span = span.and_then(|name| trace::span(Kind::Client, name));
    let answered = trace::within(span.clone(), call).await;
    if let (Some(span), Err(error)) = (span, &answered) {
        span.fail(error.as_str());
    }
    answered
}

/// What is left of an answer of no certain second: nothing that anything could be concluded from.
fn undated(refused: Option<Refused>) -> Refused {
    match refused {
        Some(Refused::GroupUnknown | Refused::GroupSuspended) | None => Refused::Failed,
        Some(refused) => refused,
    }
}

impl Read for Meta {
    fn present(&self, token: &SecretString) -> Result<(), api::ConfigError> {
        let client = self.with_token(token)?;
        *self.client.write().unwrap_or_else(PoisonError::into_inner) = client;
        Ok(())
    }

    fn client(&self) -> Option<Client> {
        Some(Meta::client(self))
    }

    async fn list(&self, number: &PhoneNumberId, after: Option<&str>) -> Answer<Page> {
        let client = self.client();
        let asked = client.list_groups(number.as_str(), LIST_PAGE, after);
        let asked = traced("list", asked).await;
        Self::answer(asked, |page| {
            let mut read = Page {
                after: page.next,
                ..Page::default()
            };
            for group in page.items {
                match GroupId::parse(&group.id) {
                    Ok(id) => {
                        let listed = Listed {
                            subject: group.subject.map(Text::from),
                            created: group.created_at,
                        };
                        read.groups.push((id, listed));
                    }
                    Err(_) => read.unreadable += 1,
                }
            }
            read
        })
    }

    async fn group(&self, group_id: &GroupId) -> Answer<Info> {
        let client = self.client();
        let asked = traced("group", client.group(group_id.as_str())).await;
        Self::answer(asked, |info| {
            // An answer about nobody's list of participants is complete only if it counts none.
            let participants = info.participants.unwrap_or_default();
            let listed = participants.len();
            let participants: Vec<Person> = participants
                .into_iter()
                .filter(|person| !person.is_empty())
                .map(person)
                .collect();
            Info {
                unreadable: count(listed - participants.len()),
                total_participant_count: info.total_participant_count,
                read: GroupRead {
                    subject: info.subject.map(Text::from),
                    description: info.description.map(Text::from),
                    join_approval_mode: info.join_approval_mode.map(Text::from),
                    suspended: info.suspended,
                    created: info.creation_timestamp,
                    participants,
                    is_complete: false,
                },
            }
        })
    }

    async fn join_requests(
        &self,
        group_id: &GroupId,
        after: Option<&str>,
    ) -> Answer<JoinRequestPage> {
        let client = self.client();
        let asked = client.join_requests(group_id.as_str(), after);
        let asked = traced("join_requests", asked).await;
        Self::answer(asked, |page| {
            let listed = page.items.len();
            let join_requests: Vec<JoinRequest> =
                page.items.into_iter().filter_map(join_request).collect();
            JoinRequestPage {
                unreadable: count(listed - join_requests.len()),
                join_requests,
                after: page.next,
            }
        })
    }
}

fn person(person: graph::webhook::Person<'static>) -> Person {
    let graph::webhook::Person {
        wa_id,
        user_id,
        parent_user_id,
        username,
    } = person;
    Person {
        input: None,
        wa_id: wa_id.map(Text::from),
        user_id: user_id.map(Text::from),
        parent_user_id: parent_user_id.map(Text::from),
        username: username.map(Text::from),
    }
}

/// A join request without an id can be neither shown nor answered, but who waits is known all the same.
fn join_request(item: api::JoinRequest) -> Option<JoinRequest> {
    let api::JoinRequest {
        join_request_id,
        person: who,
        creation_timestamp,
    } = item;
    Some(JoinRequest {
        person: person(who),
        join_request_id: Text::from(join_request_id?),
        created: creation_timestamp,
    })
}

fn count(items: usize) -> u32 {
    u32::try_from(items).unwrap_or(u32::MAX)
}

pub(crate) fn load(sent: &Sent) -> Load {
    let usage = sent.usage.as_ref();
    Load {
        usage_percent: usage.map(|usage| usage.percent()),
        retry_after: sent
            .retry_after
            .or_else(|| usage.and_then(|usage| usage.regain_access)),
    }
}

pub(crate) fn refused(error: &api::Error) -> Refused {
    match error.meaning() {
        Some(Meaning::GroupUnknown) => Refused::GroupUnknown,
        Some(Meaning::GroupSuspended) => Refused::GroupSuspended,
        Some(Meaning::CursorExpired) => Refused::CursorExpired,
        Some(Meaning::Throttled) => Refused::Throttled,
        Some(Meaning::Auth | Meaning::Policy) => Refused::Token,
        Some(Meaning::BadInput) => Refused::Input,
        // What is not understood proves nothing, and may be better next time.
        Some(Meaning::Transient | Meaning::Partly | Meaning::Unknown) | None => Refused::Failed,
    }
}

/// What is part of the ordinary course is for the metrics; what nobody expects is for people.
fn log(error: &api::Error, refused: Refused) {
    match refused {
        Refused::Failed | Refused::Input | Refused::Token => {
            tracing::warn!(%error, kind = refused.as_str(), "Meta's API did not answer as it should");
        }
        Refused::GroupUnknown
        | Refused::GroupSuspended
        | Refused::CursorExpired
        | Refused::Throttled => {
            tracing::debug!(%error, kind = refused.as_str(), "Meta's API refused a read");
        }
    }
}

#[cfg(test)]
mod tests;
