//! [`Ask`]: who wants which categories of whom for which purpose.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Serialize;
use utoipa::ToSchema;

use crate::audit::Line;
use crate::consent::{Purpose, Reason, Standing};
use crate::types::{ApiKeyId, CategorySet, Channel, PurposeCode, Role, SubjectId, UnknownWord};

/// A question to the gateway. It names no person: the standing it is decided on does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// Who asks.
    pub caller: Caller,
    /// For which purpose (Art. 5(1)(b) GDPR).
    pub purpose: PurposeCode,
    /// Which categories. None: all the purpose needs.
    pub categories: Option<CategorySet>,
    /// By which channel the person is to be addressed. None: the purpose's only channel, or nobody is addressed.
    pub channel: Option<Channel>,
    /// What the caller says the reading is for, as a code for the audit line.
    pub reason: Option<ReasonCode>,
}

/// Who asks, and under which purposes they may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Who it is.
    pub actor: Actor,
    /// The purposes they may ask under.
    pub scope: Scope,
}

/// Who can ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// Somebody with an API key.
    Key {
        /// The key's public half.
        id: ApiKeyId,
        /// Its role.
        role: Role,
    },
    /// The person whose data it is, identified. They may ask for their own copy and nothing else.
    Subject(SubjectId),
    /// A room of the hub that works inside: matching, segments, a verified request.
    Hub(&'static str),
}

/// Under which purposes a caller may ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// These and no others.
    Only(Arc<BTreeSet<PurposeCode>>),
    /// Every configured purpose. It counts for the data protection officer and the hub's own rooms; for any other caller it
    /// is an empty scope, so that a forgotten scope gives nothing.
    Every,
}

impl Scope {
    /// These purposes and no others.
    pub fn only(purposes: impl IntoIterator<Item = PurposeCode>) -> Self {
        Self::Only(Arc::new(purposes.into_iter().collect()))
    }
}

impl Caller {
    /// The audit line with who asked.
    #[must_use]
    pub fn named_in(&self, line: Line) -> Line {
        match self.actor {
            Actor::Key { id, role } => line.by(id, role),
            Actor::Subject(_) => line.to("the person"),
            Actor::Hub(room) => line.to(room),
        }
    }

    /// Why this caller may not ask under `purpose` about the person of `standing`; None if they may.
    #[must_use]
    pub fn refusal(&self, purpose: &Purpose, standing: &Standing) -> Option<Reason> {
        if let Actor::Key { role: Role::Admin, .. } = self.actor {
            return Some(Reason::RoleReadsNothing);
        }
        if let Actor::Subject(person) = self.actor {
            let own = purpose.own_access && standing.subject() == Some(person);
            return (!own).then_some(Reason::OutOfScope);
        }
        if !self.scope_holds(&purpose.code) {
            return Some(Reason::OutOfScope);
        }
        (purpose.own_access && !self.speaks_for_everyone()).then_some(Reason::OwnAccessOnly)
    }

    fn scope_holds(&self, purpose: &PurposeCode) -> bool {
        match &self.scope {
            Scope::Only(purposes) => purposes.contains(purpose),
            Scope::Every => self.speaks_for_everyone(),
        }
    }

    const fn speaks_for_everyone(&self) -> bool {
        matches!(self.actor, Actor::Key { role: Role::Dpo, .. } | Actor::Hub(_))
    }
}

/// A code such as `order.10023` or `campaign:spring`: lower-case letters, digits, `_`, `.`, `:` and `-`, 1 to 64. It goes into
/// the audit log; it is no place for anything personal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, pattern = "^[a-z0-9_.:-]{1,64}$")]
pub struct ReasonCode(Arc<str>);

impl ReasonCode {
    /// The code as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for ReasonCode {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_.:-".contains(&byte);
        let fits = (1..=64).contains(&text.len()) && text.bytes().all(letter);
        if fits { Ok(Self(text.into())) } else { Err(UnknownWord("reason code")) }
    }
}

impl<'de> serde::Deserialize<'de> for ReasonCode {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
