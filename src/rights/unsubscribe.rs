//! What the vendor of a source is told when somebody withdraws a consent or objects (Art. 7(3), 21 GDPR): by what it knows them.
//!
//! Nothing is kept for it. Unlike an erasure, after which nobody could be found any more, a withdrawal leaves the person's data here:
//! it is read when the vendor is told, as what the source itself brought of them, and the next attempt reads it anew. Whoever was
//! erased meanwhile is forgotten at the vendor by the errand of the erasure.

use std::collections::BTreeSet;

use super::errand::{Known, ask};
use super::{Error, Rights};
use crate::audit::{Act, Line};
use crate::consent::{Act as Said, Entry, ledger};
use crate::gateway::Answer;
use crate::store::rows::{SubjectRows, Who};
use crate::store::unsubscriptions::UnsubscriptionRow;

/// Whom a vendor is to be told of.
pub enum Withdrawal {
    /// Nobody any more: the person was erased, says yes again, or is not of this source.
    Over,
    /// By what the vendor knows them may not be read as the purpose of the person's own access is configured.
    Refused,
    /// This person, by what the source brought of them.
    Stands(KnownThere),
}

/// By what the vendor of a source knows a person. It is personal: it lives as long as the call.
pub struct KnownThere(Known);

impl KnownThere {
    /// The values of a list: `emails`, `phones`, `accounts`, `customer_numbers`.
    #[must_use]
    pub fn values(&self, list: &str) -> BTreeSet<&str> {
        let lists = self.0.iter().filter(|((_, name), _)| *name == list);
        lists.flat_map(|(_, values)| values.iter().map(String::as_str)).collect()
    }
}

impl Rights {
    /// What the vendor is to be told of a withdrawal, if it still stands. That it is about to be told is on record before.
    ///
    /// # Errors
    /// If it cannot be read, or the audit line is not durable.
    pub async fn withdrawal(&self, row: &UnsubscriptionRow) -> Result<Withdrawal, Error> {
        let Some(rows) = self.gateway.snapshot(Who::Subject(row.subject_id)).await? else {
            return Ok(Withdrawal::Over);
        };
        // Its vendor knows nobody the source did not tell of: then nothing is opened.
        let theirs = rows.records.iter().any(|record| record.source_no == row.source_no);
        if !theirs || !stands(&rows, row.entry_no)? {
            return Ok(Withdrawal::Over);
        }
        if row.attempts == 0 {
            self.note_unsubscription(row, "intended").await?;
        }
        Ok(match self.gateway.own_copy(&ask()?, &rows, None).await? {
            Answer::Disclosed(copy) => Withdrawal::Stands(KnownThere(self.known(&copy, row.source_no))),
            // The person is there, and so is what the source told of them.
            Answer::Nothing => Withdrawal::Refused,
        })
    }

    /// Writes into the audit book what becomes of a withdrawal at a vendor.
    ///
    /// # Errors
    /// If the line is not durable.
    pub async fn note_unsubscription(&self, row: &UnsubscriptionRow, word: &str) -> Result<(), Error> {
        let edition = self.rulebook.edition();
        let code = edition.source(row.source_no).map_or_else(String::new, |source| source.code.clone());
        let line = Line::new(Act::RecipientTold).to(format!("source {code}"));
        let line = line.object(format!("withdrawal {}", row.purpose)).reasons(vec![word.to_owned()]);
        let line = match self.gateway.snapshot(Who::Subject(row.subject_id)).await? {
            Some(rows) => {
                line.about(self.gateway.pseudonyms(&rows)?.iter().map(|name| name.bytes()).collect::<Vec<_>>())
            }
            None => line,
        };
        Ok(self.book.note(line).await?)
    }
}

/// Is this no still the last word about what it refuses?
fn stands(rows: &SubjectRows, entry_no: i64) -> Result<bool, Error> {
    let entries = rows.ledger.iter().map(ledger::entry).collect::<Result<Vec<Entry>, _>>()?;
    let Some(no) = entries.iter().find(|entry| entry.entry_no.0 == entry_no) else { return Ok(false) };
    let lifts = |entry: &&Entry| {
        let same_person = entry.origin == no.origin || entry.origin == rows.subject;
        let same_channel = entry.channel.is_none() || no.channel.is_none() || entry.channel == no.channel;
        let same_purpose = entry.purpose.is_none() || no.purpose.is_none() || entry.purpose == no.purpose;
        matches!(entry.act, Said::Granted | Said::ObjectionLifted) && same_person && same_channel && same_purpose
    };
    // On equal time the no counts.
    Ok(!entries.iter().filter(lifts).any(|yes| yes.at > no.at))
}
