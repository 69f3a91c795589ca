//! [`Handshake`]: what is answered to a vendor that tries the address before it tells anything.

use subtle::ConstantTimeEq;

use super::call::At;
use super::filter::Filter;
use super::manifest::handshake::{HandshakeKind, HandshakeSpec};
use super::template::{Template, Variables};
use super::{Error, Unheard};

/// How a vendor tries the address.
pub(super) enum Handshake {
    /// The challenge, for whoever knows the token.
    Challenge(Template),
    /// A parameter as it came.
    Echo(String),
    /// The token and a parameter.
    Verify(Template, String),
    /// Any answer.
    Reach,
    /// A signed delivery that means nothing.
    Intent(Filter),
}

impl Handshake {
    pub(super) fn load(spec: HandshakeSpec, at: At<'_>, known: &[&str]) -> Result<Self, Error> {
        let token = spec.token.as_deref().map(|token| at.template(token, known)).transpose()?;
        let when = spec.when.map(|code| at.filter(&code, "webhooks.handshake.when")).transpose()?;
        let (kind, wanted) = match spec.kind {
            HandshakeKind::HubChallenge => ("hub_challenge", "`token`"),
            HandshakeKind::Echo => ("echo", "`parameter`"),
            HandshakeKind::Verify => ("verify", "`token` and `parameter`"),
            HandshakeKind::Reach => ("reach", "nothing besides"),
            HandshakeKind::Intent => ("intent", "`when`"),
        };
        match (spec.kind, token, spec.parameter, when) {
            (HandshakeKind::HubChallenge, Some(token), None, None) => Ok(Self::Challenge(token)),
            (HandshakeKind::Echo, None, Some(parameter), None) => Ok(Self::Echo(parameter)),
            (HandshakeKind::Verify, Some(token), Some(parameter), None) => Ok(Self::Verify(token, parameter)),
            (HandshakeKind::Reach, None, None, None) => Ok(Self::Reach),
            (HandshakeKind::Intent, None, None, Some(when)) => Ok(Self::Intent(when)),
            _ => Err(at
                .wrong("handshake:", format!("a handshake of the kind `{kind}` has {wanted}; write that and no more"))),
        }
    }

    /// What is sent back, given the parameters of the query.
    pub(super) fn answer(&self, variables: &Variables, query: &[(String, String)]) -> Result<String, Unheard> {
        let one = |name: &str| query.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.as_str());
        let set = |token: &Template| token.fill(variables).filter(|token| !token.is_empty()).ok_or(Unheard::NoSecret);
        match self {
            Self::Challenge(token) => {
                let token = set(token)?;
                let shown = one("hub.verify_token").as_bytes();
                if one("hub.mode") != "subscribe" || !bool::from(shown.ct_eq(token.as_bytes())) {
                    return Err(Unheard::Forged);
                }
                plain(one("hub.challenge"))
            }
            Self::Echo(parameter) => plain(one(parameter)),
            Self::Verify(token, parameter) => Ok(format!("{} {}", set(token)?, plain(one(parameter))?)),
            Self::Reach => Ok(String::new()),
            Self::Intent(_) => Err(Unheard::NoSecret),
        }
    }
}

/// What is sent back is no page: nobody may put one there.
fn plain(challenge: &str) -> Result<String, Unheard> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.=".contains(&byte);
    if (1..=256).contains(&challenge.len()) && challenge.bytes().all(plain) {
        Ok(challenge.to_owned())
    } else {
        Err(Unheard::Unreadable)
    }
}
