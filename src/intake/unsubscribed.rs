//! Whoever unsubscribed at a vendor that the hub handed them over to said no here, too.

use serde_json::json;

use super::{Error, Intake, Stated};
use crate::consent::{Act, Entry, EntryNo, Method, Purpose};
use crate::types::{Channel, Ground, SubjectId, Timestamp};
use crate::vault::Personal;

/// What somebody unsubscribed from at a vendor.
pub struct Unsubscription<'a> {
    /// For what they were handed over.
    pub purpose: &'a Purpose,
    /// On which channel.
    pub channel: Option<Channel>,
    /// The code of the destination.
    pub destination: &'a str,
    /// When, if the vendor says it. Without a time it is said now.
    pub at: Option<Timestamp>,
}

impl Intake {
    /// Writes down that somebody said no at a vendor: a withdrawal, or an objection where the purpose rests on no consent. It counts for
    /// everybody who has the mail address, of which `ix` is the blind index; if nobody has, for whom the vendor was told of. Of
    /// whom nobody knows any more nothing is written.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn take_unsubscription(
        &self,
        (subject, ix): (SubjectId, &[u8]),
        left: &Unsubscription<'_>,
        now: Timestamp,
    ) -> Result<(), Error> {
        let act = if left.purpose.ground == Ground::Consent { Act::Withdrawn } else { Act::Objected };
        let entry = Entry {
            act,
            purpose: Some(left.purpose.code.clone()),
            channel: left.channel,
            at: left.at.unwrap_or(now).min(now),
            recorded_at: now,
            entry_no: EntryNo(0),
            origin: subject,
            text_version: None,
            method: Method::Import,
            proven: false,
            confirmed: false,
            explicit: false,
            parental: false,
        };
        let evidence = Personal::document(&json!({"unsubscribed_at": left.destination})).ok();
        match self.record_shared(subject, ix, Stated { entry, evidence, dated: left.at.is_some() }).await {
            Ok(_) | Err(Error::UnknownSubject) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
