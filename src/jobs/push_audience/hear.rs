//! Hearing who unsubscribed at the vendor: of whom the hub handed over, it is a no here too.

use std::collections::HashMap;

use serde_json::json;

use super::{Cause, Error, PRESENT, Pushes, Run};
use crate::connect::{Audience, Session};
use crate::consent::{Act, Entry, EntryNo, Method};
use crate::intake::{self, Stated, lookup_form};
use crate::store;
use crate::store::audiences::{self, MemberRow};
use crate::types::{Ground, IdentifierKind, SubjectId, Timestamp};
use crate::vault::Personal;

/// The stream of the counts that names who unsubscribed there.
pub(super) const HEARD: &str = "unsubscribed";

impl Pushes {
    /// Reads who unsubscribed at the vendor. Of whom it had from the hub that is a withdrawal (or an objection), and they are to be
    /// taken off. Answers everybody, by index and with the time if the vendor says it: they are not handed over.
    pub(super) async fn hear(
        &self,
        run: &mut Run,
        (session, audience): (&Session, &Audience),
        cause: &Cause,
    ) -> Result<HashMap<[u8; 16], Option<Timestamp>>, Error> {
        let (mut all, mut place) = (HashMap::new(), None);
        if !audience.hears_unsubscribed() {
            return Ok(all);
        }
        let source = run.row.source_no;
        loop {
            let (people, next) = audience.unsubscribed(session, place).await?;
            run.counts.stream(HEARD).read += people.len() as u64;
            let mut met = HashMap::new();
            for one in people {
                // What is no mail address here is nobody's here.
                let Ok((kind, normal)) = lookup_form(IdentifierKind::Email, &one.email) else { continue };
                met.insert(self.rights.index_of(kind, &normal)?, one.at);
            }
            let ixs: Vec<Vec<u8>> = met.keys().map(|ix| ix.to_vec()).collect();
            let read = move |read: &mut store::Read| audiences::with_indexes(read.records(), source, &ixs);
            for row in self.store.read(read).await?.into_iter().filter(|row| PRESENT.contains(&row.state)) {
                let at = row.ix.first_chunk::<16>().and_then(|ix| met.get(ix)).copied().flatten();
                self.take_no(cause, &run.code, row.subject_id, at).await?;
                run.counts.stream(HEARD).created += 1;
                let now = self.now();
                let step = move |write: &mut store::Write<'_>| {
                    audiences::step(write, source, std::slice::from_ref(&row.ix), (&PRESENT, MemberRow::LEAVING), now)
                };
                self.store.write(step).await?;
            }
            all.extend(met);
            place = next;
            if place.is_none() {
                return Ok(all);
            }
        }
    }

    /// Writes down that somebody said no at the vendor. Without a time it is said now.
    pub(super) async fn take_no(
        &self,
        cause: &Cause,
        destination: &str,
        subject: SubjectId,
        at: Option<Timestamp>,
    ) -> Result<(), Error> {
        let now = self.now();
        let act = if cause.purpose.ground == Ground::Consent { Act::Withdrawn } else { Act::Objected };
        let entry = Entry {
            act,
            purpose: Some(cause.purpose.code.clone()),
            channel: cause.channel,
            at: at.unwrap_or(now).min(now),
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
        let evidence = Personal::document(&json!({"unsubscribed_at": destination})).ok();
        match self.intake.record(subject, Stated { entry, evidence, dated: at.is_some() }, None).await {
            // Whom nobody knows any more is asked for nothing.
            Ok(_) | Err(intake::Error::UnknownSubject) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
