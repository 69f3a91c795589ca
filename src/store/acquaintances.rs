//! What a batch knows of people, asked for at once: who lives, who has parts, and who is marked as not the same as
//! somebody.
//!
//! It holds as long as the transaction does; what the batch itself changes is told to it.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::connection::Connection;
use super::rows::SubjectRow;
use super::{Error, apart, subjects};
use crate::types::SubjectId;

/// The people a batch met.
#[derive(Default)]
pub struct Acquaintances {
    /// Whom those who were asked for are now; who is nobody any more is not there.
    living: HashMap<SubjectId, SubjectRow>,
    /// The living others were merged into.
    whole: HashSet<SubjectId>,
    /// The living who are known not to be somebody.
    marked: HashSet<SubjectId>,
}

impl Acquaintances {
    /// Asks for those of these people that it does not know.
    ///
    /// # Errors
    /// If the shelf cannot be read.
    pub fn meet(
        &mut self,
        connection: &mut Connection,
        people: impl IntoIterator<Item = SubjectId>,
    ) -> Result<(), Error> {
        let strangers: HashSet<SubjectId> =
            people.into_iter().filter(|person| !self.living.contains_key(person)).collect();
        if strangers.is_empty() {
            return Ok(());
        }
        let now = subjects::living_many(connection, strangers)?;
        let living: HashSet<SubjectId> = now.values().map(|row| row.subject_id).collect();
        let living: Vec<SubjectId> = living.into_iter().collect();
        self.whole.extend(subjects::with_parts(connection, &living)?);
        self.marked.extend(apart::marked(connection, &living)?);
        // Whoever they were asked for as, they are known as themselves too.
        let themselves: Vec<SubjectRow> = now.values().cloned().collect();
        self.living.extend(themselves.into_iter().map(|row| (row.subject_id, row)));
        self.living.extend(now);
        Ok(())
    }

    /// The living person that `id` is now, if it is known.
    #[must_use]
    pub fn known(&self, id: SubjectId) -> Option<SubjectId> {
        self.living.get(&id).map(|row| row.subject_id)
    }

    /// All living people that are known.
    #[must_use]
    pub fn all(&self) -> HashSet<SubjectId> {
        self.living.values().map(|row| row.subject_id).collect()
    }

    /// The living person that `id` is now, if there is one.
    ///
    /// # Errors
    /// If the shelf cannot be read.
    pub fn living(&self, connection: &mut Connection, id: SubjectId) -> Result<Option<SubjectId>, Error> {
        match self.known(id) {
            Some(person) => Ok(Some(person)),
            None => Ok(subjects::living(connection, id)?.map(|row| row.subject_id)),
        }
    }

    /// The living people that these are now.
    ///
    /// # Errors
    /// If the shelf cannot be read.
    pub fn living_many(
        &self,
        connection: &mut Connection,
        ids: impl IntoIterator<Item = SubjectId>,
    ) -> Result<BTreeSet<SubjectId>, Error> {
        let (known, strangers): (Vec<SubjectId>, Vec<SubjectId>) =
            ids.into_iter().partition(|id| self.living.contains_key(id));
        let found = subjects::living_many(connection, strangers)?;
        Ok(known.into_iter().filter_map(|id| self.known(id)).chain(found.values().map(|row| row.subject_id)).collect())
    }

    /// Is it certain that nobody was merged into this living person?
    #[must_use]
    pub fn is_alone(&self, person: SubjectId) -> bool {
        self.living.contains_key(&person) && !self.whole.contains(&person)
    }

    /// Is it certain that nobody is known not to be this living person?
    #[must_use]
    pub fn is_unmarked(&self, person: SubjectId) -> bool {
        self.is_alone(person) && !self.marked.contains(&person)
    }

    /// Somebody new.
    pub fn welcome(&mut self, row: SubjectRow) {
        self.living.insert(row.subject_id, row);
    }

    /// `from` was merged into `into`.
    pub fn merged(&mut self, from: SubjectId, into: SubjectId) {
        let Some(row) = self.living.get(&into).cloned() else {
            // Nothing is known of whom they are now: they are asked for again.
            self.living.retain(|_, row| row.subject_id != from);
            return;
        };
        for known in self.living.values_mut().filter(|known| known.subject_id == from) {
            *known = row.clone();
        }
        self.whole.insert(into);
    }
}
