//! Which record of which source belongs to whom: the result of matching, in the names the sources know.
//!
//! The names are sealed, because some sources take e-mail addresses as ids; so they leave through the door like
//! everything else, under the purpose of matching, with an audit line that names the people.

use super::many::Lines;
use super::permit::{Permit, Verdict};
use super::{Ask, Disclosed, Error, Gateway};
use crate::store::cards;
use crate::store::rows::{CardRow, Who};
use crate::types::{RecordNo, SubjectId};

/// One record and the person it belongs to.
pub struct Assignment {
    /// The code of its source.
    pub source: String,
    /// The source's own id of it.
    pub external_id: Disclosed<String>,
    /// Whose it is.
    pub subject: SubjectId,
}

/// The records of some people.
pub struct Assignments {
    /// Those that may be named, person by person, in the order of arrival.
    pub named: Vec<Assignment>,
    /// How many may not: their person objected, their source does not allow it, or the name is not kept any more.
    pub withheld: usize,
}

impl Gateway {
    /// Names the records of these people as their sources do.
    ///
    /// # Errors
    /// As [`Gateway::read`].
    pub async fn assignments(&self, ask: &Ask, who: Vec<SubjectId>) -> Result<Assignments, Error> {
        let asked = who.len();
        let rows = self.load(who.into_iter().map(Who::Subject).collect()).await?;
        let numbers: Vec<RecordNo> =
            rows.iter().flatten().flat_map(|rows| &rows.records).map(|record| record.record_no).collect();
        let mut all = numbers.len();
        let cards = self.store.read(move |read| cards::of_records(read.records(), &numbers)).await?;
        let edition = self.rulebook.edition();
        let id = self.decision_id()?;
        let (mut allowed, mut lines) = (Vec::new(), Lines::default());
        for rows in rows.iter().flatten() {
            match self.decide(ask, Some(rows), &edition, id)? {
                Verdict::Allow(permit) => {
                    let mut keys = self.door.keys(rows);
                    lines.disclosed(permit.categories(), keys.pseudonym()?);
                    allowed.push((permit, keys));
                }
                verdict => lines.refused(verdict.decision()),
            }
        }
        let version = edition.purpose(&ask.purpose).and_then(|purpose| i32::try_from(purpose.version).ok());
        let receipt = self.book.record_all(id, lines.written(ask, version, asked)).await?;
        let of = |permit: &Permit| -> Vec<&CardRow> {
            cards.iter().filter(|card| card.subject_id == permit.subject()).collect()
        };
        let allowed = allowed.into_iter().map(|(permit, keys)| {
            let cards = of(&permit);
            (permit, keys, cards)
        });
        let named = self.door.names(allowed.collect(), receipt, &edition)?;
        all -= named.len();
        Ok(Assignments { named, withheld: all })
    }
}
