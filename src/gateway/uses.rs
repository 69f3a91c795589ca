//! Which purposes may read what of a person today (Art. 15(1)(a) GDPR). Nothing is opened here.

use std::sync::Arc;

use super::door::facts;
use super::{Actor, Ask, Caller, Error, Gateway, Scope, Verdict, decide};
use crate::consent::{Edition, Purpose, ledger};
use crate::store::rows::SubjectRows;
use crate::types::{Category, CategorySet, Channel, RecordNo};

/// One purpose that may read one category of one record today.
#[derive(Clone, Debug)]
pub struct Use {
    /// The record.
    pub record: RecordNo,
    /// The category.
    pub category: Category,
    /// The purpose.
    pub purpose: Arc<Purpose>,
    /// The channels on which it may; empty if nobody is addressed.
    pub channels: Vec<Channel>,
}

impl Gateway {
    /// Every use the purposes in force may make of the person's records now, as [`decide`] would answer. The permits it
    /// comes from are dropped unused.
    ///
    /// # Errors
    /// If a ledger entry cannot be read or there is no randomness.
    pub fn uses(&self, rows: &SubjectRows) -> Result<Vec<Use>, Error> {
        let edition = self.rulebook.edition();
        let mut uses: Vec<Use> = Vec::new();
        for purpose in edition.purposes() {
            let channels: Vec<Option<Channel>> = if purpose.needs_channel() {
                purpose.channels.iter().map(|channel| Some(*channel)).collect()
            } else {
                vec![None]
            };
            for channel in channels {
                self.uses_of(rows, &edition, &purpose, channel, &mut uses)?;
            }
        }
        Ok(uses)
    }

    fn uses_of(
        &self,
        rows: &SubjectRows,
        edition: &Edition,
        purpose: &Arc<Purpose>,
        channel: Option<Channel>,
        uses: &mut Vec<Use>,
    ) -> Result<(), Error> {
        let caller = Caller { actor: Actor::Hub("rights"), scope: Scope::Every };
        let ask = Ask { caller, purpose: purpose.code.clone(), categories: None, channel, reason: None };
        let standing = ledger::standing(rows, edition)?;
        let verdict = decide(&ask, Some(purpose.as_ref()), &standing, self.decision_id()?, self.now());
        let Verdict::Allow(permit) = verdict else { return Ok(()) };
        for record in &rows.records {
            let facts = facts(&permit, record, edition);
            let held = CategorySet::from_bits(record.categories.cast_unsigned());
            for category in held.iter().filter(|category| permit.covers(&facts, *category)) {
                let known = uses.iter_mut().find(|known| {
                    known.record == record.record_no && known.category == category && known.purpose.code == purpose.code
                });
                match known {
                    Some(known) => known.channels.extend(channel),
                    None => uses.push(Use {
                        record: record.record_no,
                        category,
                        purpose: Arc::clone(purpose),
                        channels: channel.into_iter().collect(),
                    }),
                }
            }
        }
        Ok(())
    }
}
