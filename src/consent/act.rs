//! The acts of the ledger: who said what, when, how.

use std::sync::Arc;

use serde::Serialize;
use utoipa::ToSchema;

use super::Purpose;
use crate::types::{Channel, PurposeCode, SubjectId, Timestamp, words};

words! {
    /// What a person, or the controller for a person, did. Numbers are stored and never reused.
    Act as "ConsentAct", "act" {
        /// Consent was given (Art. 7 GDPR).
        Granted = 1 "granted",
        /// Consent was asked for and refused.
        Denied = 2 "denied",
        /// Consent was taken back (Art. 7(3) GDPR).
        Withdrawn = 3 "withdrawn",
        /// The person objected (Art. 21 GDPR).
        Objected = 4 "objected",
        /// The person took the objection back, or a documented balancing outweighed it (Art. 21(1) GDPR).
        ObjectionLifted = 5 "objection_lifted",
        /// Processing is restricted (Art. 18 GDPR).
        Restricted = 6 "restricted",
        /// The restriction ended, and the person was told before (Art. 18(3) GDPR).
        RestrictionLifted = 7 "restriction_lifted",
    }
}

impl Act {
    /// Is it about restriction, which has no channel?
    #[must_use]
    pub const fn is_restriction(self) -> bool {
        matches!(self, Self::Restricted | Self::RestrictionLifted)
    }

    /// Is it an explicit no?
    #[must_use]
    pub const fn is_no(self) -> bool {
        matches!(self, Self::Denied | Self::Withdrawn | Self::Objected | Self::Restricted)
    }
}

words! {
    /// How an act was done. Numbers are stored and never reused.
    Method as "ConsentMethod", "method" {
        /// Request, mail with a link, confirmation by that link. It proves control of a mailbox and nothing about a phone.
        DoubleOptIn = 1 "double_opt_in",
        /// A form without confirmation.
        SingleOptIn = 2 "single_opt_in",
        /// A box the person ticked.
        Checkbox = 3 "checkbox",
        /// Spoken.
        Verbal = 4 "verbal",
        /// On paper or in a letter, message or mail.
        Written = 5 "written",
        /// In the hub's portal, signed in.
        Portal = 6 "portal",
        /// Taken over from another system that does not say how it was done.
        Import = 7 "import",
        /// A click on the link in a message.
        Link = 8 "link",
        /// A machine signal: TCF, Consent Mode, Global Privacy Control. Good for pages and ads, never for mail, phone or post.
        Signal = 9 "signal",
        /// A box that was ticked beforehand; no affirmative act (Art. 4(11) GDPR, recital 32).
        PreTicked = 10 "pre_ticked",
        /// Tied to a service that does not need it; not freely given (Art. 7(4) GDPR).
        Bundled = 11 "bundled",
        /// Decided by an operator, such as a balancing of interests. What the person wrote in a letter is `written`.
        Operator = 12 "operator",
    }
}

impl Method {
    /// Is there a free, affirmative act in it at all?
    #[must_use]
    pub const fn is_free_act(self) -> bool {
        !matches!(self, Self::PreTicked | Self::Bundled)
    }

    /// Was it the person who acted, so that it can take back an objection?
    #[must_use]
    pub const fn is_by_the_person(self) -> bool {
        !matches!(self, Self::Import | Self::Signal | Self::PreTicked | Self::Bundled | Self::Operator)
    }

    /// Can it prove a consent for `channel`? A machine signal proves none for mail, phone, messages or post; a double
    /// opt-in by e-mail proves none for a phone (BGH I ZR 164/09).
    #[must_use]
    pub const fn proves(self, channel: Option<Channel>) -> bool {
        !matches!(
            (self, channel),
            (Self::Signal, Some(Channel::Email | Channel::Phone | Channel::Sms | Channel::Post))
                | (Self::DoubleOptIn, Some(Channel::Phone))
        )
    }
}

/// The number of a ledger entry. Numbers of one subject grow; the highest seen is the version of the ledger.
///
/// In JSON it is a text: it has more digits than a JavaScript number keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, ToSchema)]
#[schema(value_type = String, pattern = "^[0-9]{1,19}$", example = "222685454830520540")]
#[schema(as = LedgerEntryNumber)]
pub struct EntryNo(pub i64);

impl Serialize for EntryNo {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// One line of the ledger. Lines are added and never changed; the proof itself lies sealed elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Entry {
    /// What was done.
    pub act: Act,
    /// For which purpose. None: an objection to all direct marketing, a withdrawal of all consents, a restriction of all.
    pub purpose: Option<PurposeCode>,
    /// For which channel. None: all channels, for a no; the purpose's only channel, for a yes.
    pub channel: Option<Channel>,
    /// When it happened; the order of these decides.
    pub at: Timestamp,
    /// When the hub wrote it down.
    pub recorded_at: Timestamp,
    /// Its number.
    pub entry_no: EntryNo,
    /// The version of the text the person saw.
    pub text_version: Option<Arc<str>>,
    /// How it was done.
    pub method: Method,
    /// Is there evidence (Art. 7(1) GDPR)? See [`proven`].
    pub proven: bool,
    /// Was it confirmed by double opt-in, in time? See [`confirmed_in_time`].
    pub confirmed: bool,
    /// Was it explicit (Art. 9(2)(a) GDPR)? For a yes after an objection: did it name this very purpose?
    pub explicit: bool,
    /// Is the holder of parental responsibility proven to have agreed (Art. 8 GDPR)?
    pub parental: bool,
    /// The subject it was given to, before merges.
    pub origin: SubjectId,
}

/// Does a yes count as proven? With evidence, yes; without, only where the purpose does not demand it and the hub itself saw
/// the act. A claim that was imported without evidence is unproven.
#[must_use]
pub const fn proven(purpose: &Purpose, method: Method, has_evidence: bool) -> bool {
    has_evidence || (!purpose.evidence && method.is_by_the_person())
}

/// Did the confirmation of a double opt-in come, after the request and within the purpose's days?
#[must_use]
pub fn confirmed_in_time(purpose: &Purpose, requested_at: Timestamp, confirmed_at: Option<Timestamp>) -> bool {
    let last = requested_at.plus_days(i64::from(purpose.confirm_within_days));
    confirmed_at.is_some_and(|at| requested_at <= at && at <= last)
}
