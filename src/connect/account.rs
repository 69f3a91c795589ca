//! Whose account at a vendor credentials are for.
//!
//! Two shops' people under one source would be taken for one shop's: numbers and accounts of the one would name people of the other. So
//! the hub keeps, as a keyed digest, which account the data of a source is of, and refuses credentials of another one.

use serde_json::Value;

use super::mapping::{exact, value};
use super::template::Variables;
use super::{Connections, Fault, Session, Vendors};

/// Credentials of another account at the vendor than the one whose data the source holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "these credentials are of another account at the vendor than the one whose data this source holds, and two businesses' people \
     would be taken for one's. Connect it under a code of its own; if it is meant so, say --another-account"
)]
pub struct AnotherAccount;

impl Session {
    /// The vendor's id of the account the credentials are for; none where the manifest does not say how it is asked for, or the reply
    /// does not tell it.
    async fn whoami(&self) -> Result<Option<String>, Fault> {
        let Some(whoami) = self.connector().link().and_then(|link| link.whoami.as_ref()) else { return Ok(None) };
        let answer = self.call(&whoami.call, &Variables::new(), None).await?;
        let id = whoami.id.run(value(&answer.json)).next().and_then(Result::ok).and_then(exact);
        Ok(match id {
            Some(Value::String(text)) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
            Some(Value::Number(number)) => Some(number.to_string()),
            _ => None,
        })
    }
}

impl Vendors {
    /// A keyed digest of the account the credentials of a session are for, where the vendor tells it.
    ///
    /// # Errors
    /// If the vendor does not answer.
    pub async fn account(&self, session: &Session) -> Result<Option<String>, Fault> {
        let id = session.whoami().await?;
        Ok(id.map(|id| self.connections.account(session.connector().name(), &id)))
    }
}

impl Connections {
    /// What an account at a vendor is known by.
    fn account(&self, connector: &str, id: &str) -> String {
        hex::encode(self.strongbox().fingerprint(&format!("account at {connector}"), id.as_bytes()).bytes())
    }
}

/// The account the data of a source is of from now on: what is `kept`, or what the credentials are for.
///
/// # Errors
/// If they are for another one than what is kept, and that is not `meant`.
pub fn still_of(kept: Option<&str>, now: Option<String>, meant: bool) -> Result<Option<String>, AnotherAccount> {
    match (kept, now) {
        (Some(kept), Some(now)) if kept != now && !meant => Err(AnotherAccount),
        (kept, now) => Ok(now.or_else(|| kept.map(str::to_owned))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_account_is_refused_unless_it_is_meant() {
        let account = |text: &str| Some(text.to_owned());
        assert_eq!(still_of(None, account("a"), false), Ok(account("a")), "the first one is kept");
        assert_eq!(still_of(Some("a"), account("a"), false), Ok(account("a")));
        assert_eq!(still_of(Some("a"), account("b"), false), Err(AnotherAccount));
        assert_eq!(still_of(Some("a"), account("b"), true), Ok(account("b")));
        // Who does not say it is neither the same nor another one.
        assert_eq!(still_of(Some("a"), None, false), Ok(account("a")));
        assert_eq!(still_of(None, None, false), Ok(None));
    }
}
