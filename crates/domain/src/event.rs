//! Events: what became known, when, and from whom. Past tense, parsed, never judged again.

use crate::agreement::Counts;
use crate::ids::{EventId, GroupId, MessageId, PersonId, PhoneNumberId, RequestId, Second, Text};

/// Who says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// A webhook of Meta's.
    Webhook,
    /// An answer of Meta's API to a read of ours.
    Read,
    /// An answer of Meta's API to a management call of ours.
    Command,
    /// Rollcall itself.
    Rollcall,
}

/// One event about one entity.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Hash of what it says.
    pub id: EventId,
    /// The second it asserts at: Meta's stamp for a webhook, `t0 − L` for a read, the `Date` header for an answer.
    pub at: Second,
    /// Who says so.
    pub source: Source,
    /// Business number that the webhook or call was for.
    pub phone_number_id: Option<PhoneNumberId>,
    /// WhatsApp Business Account, as Meta names it.
    pub waba_id: Option<Text>,
    /// About what, and what.
    pub about: About,
}

/// The entity and what happened to it.
#[derive(Debug, Clone, PartialEq)]
pub enum About {
    /// About a group.
    Group(GroupId, GroupEvent),
    /// About a message.
    Message(MessageId, MessageEvent),
    /// About a number.
    Number(PhoneNumberId, NumberEvent),
    /// About a request.
    Request(RequestId, RequestEvent),
}

/// How a person was named. Absent is absent: an empty text never identifies anybody.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Person {
    /// What the caller of the API had sent, echoed: a number in any writing, or a user id.
    pub input: Option<Text>,
    /// Phone number as WhatsApp knows it.
    pub wa_id: Option<Text>,
    /// Business-scoped user id.
    pub user_id: Option<Text>,
    /// Parent business-scoped user id; identifies nobody by itself.
    pub parent_user_id: Option<Text>,
    /// Username, with or without `@`.
    pub username: Option<Text>,
}

/// An error as Meta gives it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct MetaError {
    /// Meta's code; 0 where none was given.
    pub code: i64,
    /// Meta's title.
    pub title: Text,
    /// Meta's details, for people; may contain personal data.
    pub details: Text,
}

/// What happened to a group.
#[derive(Debug, Clone, PartialEq)]
pub enum GroupEvent {
    /// Create succeeded.
    Created(GroupCreated),
    /// Delete succeeded.
    Deleted,
    /// Persons joined.
    ParticipantsAdded {
        /// Who.
        participants: Vec<Person>,
    },
    /// Persons were removed or left.
    ParticipantsRemoved {
        /// Who.
        participants: Vec<Person>,
    },
    /// A person asked to join.
    JoinRequestCreated {
        /// Who; may name nobody.
        person: Person,
        /// Meta's id; may be the same each time a person asks (reference §6.1).
        join_request_id: Option<Text>,
    },
    /// A join request was revoked or expired.
    JoinRequestClosed {
        /// Who; may name nobody.
        person: Person,
        /// Meta's id.
        join_request_id: Option<Text>,
    },
    /// Parts of the settings were changed; only those that succeeded.
    SettingsUpdated {
        /// New subject.
        subject: Option<Text>,
        /// New description; `""` is none.
        description: Option<Text>,
        /// Hash of the new picture, as Meta wrote it.
        picture_sha256: Option<Text>,
    },
    /// Meta suspended the group (`true`) or lifted that (`false`).
    Suspended(bool),
    /// A person wrote to the group.
    MessageReceived {
        /// Who.
        sender: Person,
    },
    /// Somebody should read this group.
    Hinted {
        /// Why, as a closed word: see [`HintReason`].
        reason: HintReason,
    },
    /// Group info was read.
    Read(GroupRead),
    /// The open join requests were read, all pages.
    JoinRequestsRead {
        /// All of them.
        join_requests: Vec<JoinRequest>,
    },
    /// The list of active groups shows this group, and we held something else.
    Listed {
        /// Subject there.
        subject: Option<Text>,
        /// Creation second there.
        created: Option<Second>,
    },
    /// Asked for by id, Meta says there is no such group, confirmed as the design's interlock asks.
    Unknown,
    /// Alive by id, though not in the list.
    Unlisted,
    /// Identifiers of one person: each `old` now leads to `new`.
    IdentityLinked {
        /// Former identifiers.
        old: Vec<PersonId>,
        /// Identifier that they lead to.
        new: PersonId,
    },
    /// Meta answered an approval or a rejection: these join requests are no longer open.
    JoinRequestsAnswered {
        /// Meta's ids of those approved or rejected.
        join_request_ids: Vec<Text>,
    },
    /// Meta answered with the invite link; `""` after it was revoked.
    InviteLinkAnswered {
        /// The link.
        invite_link: Text,
    },
    /// Gone for so long that it may be dropped, if it is still gone with exactly this stamp.
    Forgotten {
        /// Second at which `exists` became gone.
        stamp: Second,
    },
    /// A person's data is to be dropped, unless they are present.
    Erased {
        /// All identifiers known of the person.
        ids: Vec<PersonId>,
    },
}

/// Why a group should be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HintReason {
    /// A webhook about it could not be understood and lies in quarantine.
    Quarantined,
    /// A removal named a number that need not be the person's `wa_id`.
    RemovedByInput,
    /// A member's identity changed.
    IdentityChanged,
    /// A person asked for it.
    Asked,
}

/// A group as its creation described it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct GroupCreated {
    /// Subject.
    pub subject: Option<Text>,
    /// Description.
    pub description: Option<Text>,
    /// Invite link.
    pub invite_link: Option<Text>,
    /// `auto_approve` or `approval_required`, or what Meta says next.
    pub join_approval_mode: Option<Text>,
    /// Members, if any were named.
    pub participants: Vec<Person>,
}

/// A group as `GET /{GROUP_ID}` described it. A field that was not given is `None`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct GroupRead {
    /// Subject.
    pub subject: Option<Text>,
    /// Description; in a complete read without one, `Some("")`.
    pub description: Option<Text>,
    /// `auto_approve` or `approval_required`, or what Meta says next.
    pub join_approval_mode: Option<Text>,
    /// Suspended by Meta?
    pub suspended: Option<bool>,
    /// Creation second.
    pub created: Option<Second>,
    /// Those listed, with what Rollcall knew of them and Meta left out ("carry").
    pub participants: Vec<Person>,
    /// Was everybody identified who is counted? Only then the roster floor rises.
    pub is_complete: bool,
}

/// An open join request as read.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct JoinRequest {
    /// Who; may name nobody.
    pub person: Person,
    /// Meta's id.
    pub join_request_id: Text,
    /// When it was made.
    pub created: Option<Second>,
}

/// How a message fared.
#[derive(Debug, Clone, PartialEq)]
pub enum MessageEvent {
    /// A status of a message to a group.
    Status(MessageStatus),
}

/// One status of a message, for one recipient or for the message as a whole.
#[derive(Debug, Clone, PartialEq)]
pub struct MessageStatus {
    /// Which.
    pub status: Status,
    /// Group it was sent to.
    pub group_id: Option<GroupId>,
    /// For whom; `None` for the message as a whole.
    pub recipient: Option<Person>,
    /// Errors, for [`Status::Failed`].
    pub errors: Vec<MetaError>,
    /// What it costs, if said.
    pub pricing: Option<Pricing>,
}

/// Statuses of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// Accepted by WhatsApp's servers.
    Sent,
    /// Reached a device.
    Delivered,
    /// Seen.
    Read,
    /// A voice message was played.
    Played,
    /// Failed.
    Failed,
}

/// Price of a message as Meta gives it; each field by itself may be absent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pricing {
    /// `group_marketing`, `group_utility`, `group_service`, or what Meta says next, as given.
    pub category: Option<Text>,
    /// `regular`, `free_group_customer_service`, …
    pub kind: Option<Text>,
    /// `PMP`.
    pub model: Option<Text>,
    /// To be deprecated; absent since 2026-10-01 in places.
    pub billable: Option<bool>,
    /// `origin.type` of the conversation, kept beside the category.
    pub origin: Option<Text>,
}

/// What a management call asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// Create a group.
    CreateGroup,
    /// Delete a group.
    DeleteGroup,
    /// Change settings.
    UpdateSettings,
    /// Remove participants.
    RemoveParticipants,
    /// Approve join requests.
    ApproveJoinRequests,
    /// Reject join requests.
    RejectJoinRequests,
    /// Get, reset or revoke the invite link.
    InviteLink,
    /// Send, pin or unpin a message.
    SendMessage,
    /// Not known.
    Other,
}

/// What happened to a management request.
#[derive(Debug, Clone, PartialEq)]
pub enum RequestEvent {
    /// An instance intends to call Meta.
    Intended {
        /// What for.
        operation: Operation,
        /// Group it is about, unless it creates one.
        group_id: Option<GroupId>,
        /// Tells the intents of several instances apart; the first in the log calls.
        nonce: u64,
        /// Hash of the call's body, so that a repeated key with another body is refused.
        body_hash: [u8; 32],
        /// Subject of the group that it creates: by it the list settles a create that was never answered.
        subject: Option<Text>,
    },
    /// Meta answered, or did not.
    Answered {
        /// What it said.
        answer: Answer,
        /// Meta's id of the asynchronous request, if it gave one.
        meta_request_id: Option<RequestId>,
        /// What else it said.
        particulars: Option<Box<Particulars>>,
    },
    /// The webhook told the outcome.
    Completed {
        /// What for.
        operation: Operation,
        /// Group it was about, if named.
        group_id: Option<GroupId>,
        /// The outcome.
        outcome: Outcome,
        /// Why, where it failed or failed in part.
        errors: Vec<MetaError>,
        /// Those of several for whom it failed.
        failed: Vec<ItemFailure>,
    },
}

/// What an answer to a call says beside whether it was accepted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Particulars {
    /// Meta's trace of the call, for its support.
    pub fbtrace_id: Option<Text>,
    /// The message that was sent.
    pub message_id: Option<Text>,
    /// The new invite link.
    pub invite_link: Option<Text>,
    /// Join requests that were decided as asked.
    pub done: Vec<Text>,
    /// Join requests that were not, and why.
    pub failed: Vec<ItemFailure>,
    /// Join requests of which the answer says nothing.
    pub untold: Vec<Text>,
    /// Errors of the call as a whole, where it succeeded in part.
    pub errors: Vec<MetaError>,
}

/// One thing of several that a call was about, and why it was not done.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct ItemFailure {
    /// What the caller named: a phone number, a user id, or a join request, whose id holds a phone number.
    pub input: Text,
    /// Why; Meta may say nothing.
    pub errors: Vec<MetaError>,
}

/// Meta's immediate answer to a call.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Answer {
    /// Accepted, or done.
    Accepted,
    /// Refused.
    Refused(MetaError),
    /// No answer came: it may or may not have been done.
    Unknown,
}

/// How a management request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// All of it.
    Done,
    /// None of it.
    Failed,
    /// Some of it.
    Partly,
}

/// What happened to a number.
#[derive(Debug, Clone, PartialEq)]
pub enum NumberEvent {
    /// A person's identity changed; the reconciler fans this out to the groups that hold them.
    IdentityChanged {
        /// Former identifiers given.
        old: Vec<PersonId>,
        /// New identifiers.
        new: Person,
    },
    /// The list of active groups was read and compared.
    ListPassed(ListPass),
    /// Too many groups seem gone: nothing is asserted until a person releases this.
    Held {
        /// Identity of the hold.
        hold_id: Text,
        /// Groups that would be asserted gone.
        groups: u32,
        /// Which they are, as many as the number keeps.
        suspects: Vec<GroupId>,
    },
    /// A person released a hold.
    Released {
        /// Identity of the hold.
        hold_id: Text,
        /// Groups of the hold: so many more may vanish than otherwise would be believed.
        groups: u32,
        /// By what right: the role of the token that was presented, or `open` where none is asked for.
        by: Option<Text>,
    },
    /// What reads found and calls cost, counted until now.
    Counted(Figures),
    /// A person asked for a pass over the list.
    PassAsked {
        /// By what right, as in [`NumberEvent::Released`].
        by: Option<Text>,
    },
    /// Judging of this number was stopped (`true`) or resumed (`false`).
    Paused(bool),
}

/// What the reconciler counted of a number until now; it grows only, whichever instance counts on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Figures {
    /// Drift, repairs, calls.
    pub counts: Counts,
    /// Calls that reads might have made then.
    pub budget_left: u32,
}

/// Summary of one pass over the list of active groups.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct ListPass {
    /// Second at which its first page was asked for, in Meta's clock.
    pub started: Second,
    /// Was completeness proven?
    pub is_complete: bool,
    /// The first pass over this number: what it found is not news.
    pub is_first: bool,
    /// Pages answered.
    pub pages: u32,
    /// Groups listed.
    pub listed: u32,
    /// Listed and unknown to us.
    pub unknown_to_us: u32,
    /// Held active by us and not listed.
    pub unlisted: u32,
    /// Listed with another subject.
    pub subject_differs: u32,
    /// The last second at which a person had asked for a pass when this one began; 0 if nobody ever had.
    pub asked: Second,
}
