//! Estimating the weights of matching from the records of this hub, and choosing which model weighs.

use std::sync::{Arc, PoisonError};

use super::{Error, Intake};
use crate::audit::{Act, Line};
use crate::gateway::Caller;
use crate::graph::matching::{Card, Change, Model, Sample, TermFrequencies, train};
use crate::store::models::{self, ModelRow};
use crate::store::{cards, fellows};
use crate::types::RecordNo;

/// Records that are looked at, at most. They are spread over all there are.
const RECORDS: usize = 60_000;
/// Trained models count from here; below are the versions the hub ships with.
pub const FIRST_TRAINED: i32 = 1_001;
/// With fewer pairs nothing can be learnt.
const LEAST_PAIRS: usize = 1_000;

/// What an estimation came to.
#[derive(Clone, Debug)]
pub struct Training {
    /// Records that were looked at.
    pub records: usize,
    /// Pairs that were compared.
    pub pairs: usize,
    /// Every weight that would change, or did.
    pub changes: Vec<Change>,
    /// The version that is in force now; none if nothing was stored.
    pub version: Option<i32>,
}

impl Intake {
    /// The model that weighs now.
    #[must_use]
    pub fn model(&self) -> Arc<Model> {
        self.matching.model.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Every model that was estimated here, the oldest first.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn models(&self) -> Result<Vec<ModelRow>, Error> {
        Ok(self.store.read(|read| models::all(read.records())).await?)
    }

    /// Takes the model that is in force, which another process may have put there, and what grouping found last.
    ///
    /// # Errors
    /// If it cannot be read; the one before goes on weighing.
    pub async fn load_model(&self) -> Result<(), Error> {
        let (stored, found) = self
            .store
            .read(|read| {
                Ok::<_, crate::store::Error>((models::in_force(read.records())?, fellows::found(read.records())?))
            })
            .await?;
        let model = match stored {
            Some(row) => Model::from_toml(&row.definition).map_err(Error::Model)?,
            None => Model::shipped(),
        };
        *self.matching.model.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(model);
        *self.matching.fellows.write().unwrap_or_else(PoisonError::into_inner) = found;
        Ok(())
    }

    /// Lets a model weigh that was estimated before; none: the shipped one. What was joined stays joined.
    ///
    /// # Errors
    /// [`Error::NoModel`] if there is none of this version.
    pub async fn use_model(&self, version: Option<i32>, by: &Caller) -> Result<(), Error> {
        let named = version.unwrap_or(i32::try_from(Model::shipped().version).unwrap_or(0));
        let line = by.named_in(Line::new(Act::Configured).object(format!("matching model {named}")));
        let work = self.store.write(
            move |write| {
                if models::put_in_force(write, version)? { Ok(()) } else { Err(Error::NoModel) }
            },
        );
        self.book.change(line, work).await?;
        self.load_model().await
    }

    /// Estimates the weights anew from the records whose people and sources allow that they are compared. Unless it is a
    /// `rehearsal` the model is stored, and weighs from now on. `progress` hears how many records were looked at.
    ///
    /// # Errors
    /// [`Error::TooFewPairs`] if there is too little to learn from; or the store or the vault failed.
    pub async fn train(
        &self,
        rehearsal: bool,
        by: &Caller,
        mut progress: impl FnMut(usize),
    ) -> Result<Training, Error> {
        let all = usize::try_from(self.store.read(|read| cards::count(read.records())).await?).unwrap_or(usize::MAX);
        let every = all.div_ceil(RECORDS).max(1);
        let (mut looked_at, mut seen, mut after) = (Vec::new(), 0_usize, RecordNo(i64::MIN));
        while let Some((page, last)) = self.open_page(after).await? {
            for open in page {
                // Of records that share keys none may be missing: everybody with all of theirs, or not at all.
                let lot = open
                    .person
                    .bytes()
                    .into_iter()
                    .rev()
                    .take(8)
                    .fold(0_usize, |lot, byte| (lot << 8) | usize::from(byte));
                if lot.is_multiple_of(every) {
                    looked_at.push(open.card);
                }
                seen += 1;
            }
            after = last;
            progress(seen);
        }
        let cards: Vec<&Card> = looked_at.iter().collect();
        let (before, frequencies) = (self.model(), TermFrequencies::count(cards.iter().copied()));
        let sample = Sample::of(&before, &cards, &frequencies);
        let pairs = sample.pairs();
        if pairs < LEAST_PAIRS || sample.passes.is_empty() {
            return Err(Error::TooFewPairs);
        }
        let trained = train(&before, sample.random, &sample.passes);
        let (records, changes) = (cards.len(), trained.changes);
        if rehearsal {
            return Ok(Training { records, pairs, changes, version: None });
        }
        let version = self.put_down(trained.model, (records, pairs), by).await?;
        Ok(Training { records, pairs, changes, version: Some(version) })
    }

    async fn put_down(&self, model: Model, (records, pairs): (usize, usize), by: &Caller) -> Result<i32, Error> {
        let now = self.clock.now();
        let before = self.models().await?.last().map_or(0, |row| row.version);
        let version = FIRST_TRAINED.max(before + 1);
        let model = model.named(u32::try_from(version).unwrap_or(u32::MAX));
        let row = ModelRow {
            version,
            definition: model.to_toml().map_err(Error::Model)?,
            made_at: now,
            records: i64::try_from(records).unwrap_or(i64::MAX),
            pairs: i64::try_from(pairs).unwrap_or(i64::MAX),
            in_force: 0,
        };
        let line = by.named_in(Line::new(Act::Configured).object(format!("matching model {version}")).count(records));
        let work = self.store.write(move |write| {
            models::insert(write, row.clone())?;
            models::put_in_force(write, Some(version))?;
            Ok::<_, Error>(())
        });
        self.book.change(line, work).await?;
        self.load_model().await?;
        Ok(version)
    }
}
