//! [`Ready`]: records that were read and indexed ahead, while others are still being written.
//!
//! Reading and indexing need no other record, so they may run beside the writing of those before. What they were checked against
//! may change meanwhile: then they are read once more when their turn comes.

use std::sync::Arc;

use super::ingest::{Intake, Taken};
use super::known::external_id;
use super::prepare::{Bringer, Prepared, prepare};
use super::{Error, Listed, Rejection, canonical};
use crate::consent::Edition;
use crate::types::Timestamp;

/// Fewer are not worth a second thread.
const WORTH_A_THREAD: usize = 64;

/// Records that only need to be written: everything about them that needs no other record is done.
pub struct Ready {
    lines: Vec<Vec<u8>>,
    bringer: Bringer,
    pub(super) checked: Checked,
}

/// Records that were read and indexed, or why one was refused, by the rules of one edition.
#[derive(Clone)]
pub(super) struct Checked {
    pub(super) edition: Arc<Edition>,
    pub(super) now: Timestamp,
    pub(super) prepared: Arc<Vec<Result<Prepared, Rejection>>>,
}

impl Ready {
    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.lines.len()
    }

    /// The source's own id of the record at this place, where it can be told.
    #[must_use]
    pub fn name(&self, at: usize) -> Option<String> {
        external_id(self.lines.get(at)?)
    }

    /// Is there none?
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }
}

impl Intake {
    /// Reads and indexes records, one JSON object each, to be written with [`Intake::take_in`]. It takes the processor for a while,
    /// two threads of it for many records: call it where that keeps nobody waiting. `undated`: what they are about changes without a
    /// time that says so, so of two contents with one version the one that is read last counts.
    ///
    /// # Errors
    /// If the vault fails. What is refused is told when it is taken in.
    pub fn make_ready(&self, lines: Vec<Vec<u8>>, undated: bool) -> Result<Ready, Error> {
        let bringer = if undated { Bringer::Reading } else { Bringer::Outside };
        let (edition, now) = (self.rulebook.edition(), self.clock.now());
        let read = |lines: &[Vec<u8>]| self.read(lines, (&edition, now), |_| bringer);
        let prepared = if lines.len() < WORTH_A_THREAD {
            read(&lines)?
        } else {
            let (one, other) = lines.split_at(lines.len() / 2);
            let (one, other) = std::thread::scope(|scope| {
                let other = scope.spawn(|| read(other));
                (read(one), other.join().unwrap_or_else(|cause| std::panic::resume_unwind(cause)))
            });
            let mut prepared = one?;
            prepared.extend(other?);
            prepared
        };
        let checked = Checked { edition, now, prepared: Arc::new(prepared) };
        Ok(Ready { lines, bringer, checked })
    }

    /// Takes records that were made ready, all in one transaction, and says what became of each, in their order. With `listed`
    /// those that can be read are noted as listed. Answered outcomes are durable.
    ///
    /// # Errors
    /// If the store or the vault fails; taking them in again is harmless.
    pub async fn take_in(&self, ready: &Ready, listed: Option<&mut Listed>) -> Result<Vec<Taken>, Error> {
        // A source or purpose changed since: what was checked may not hold any more.
        if !Arc::ptr_eq(&ready.checked.edition, &self.rulebook.edition()) {
            return self.settle_checked(self.inspect(&ready.lines, |_| ready.bringer)?, listed).await;
        }
        self.settle_checked(ready.checked.clone(), listed).await
    }

    /// Reads and indexes records. One that is refused takes no others with it.
    pub(super) fn inspect<L: AsRef<[u8]>>(
        &self,
        lines: &[L],
        bringer: impl Fn(usize) -> Bringer,
    ) -> Result<Checked, Error> {
        let (edition, now) = (self.rulebook.edition(), self.clock.now());
        let prepared = Arc::new(self.read(lines, (&edition, now), bringer)?);
        Ok(Checked { edition, now, prepared })
    }

    fn read<L: AsRef<[u8]>>(
        &self,
        lines: &[L],
        (edition, now): (&Edition, Timestamp),
        bringer: impl Fn(usize) -> Bringer,
    ) -> Result<Vec<Result<Prepared, Rejection>>, Error> {
        let mut prepared = Vec::with_capacity(lines.len());
        for (at, line) in lines.iter().enumerate() {
            let record = canonical::parse_under(line.as_ref(), now, edition).map_err(Error::Rejected);
            match record.and_then(|record| prepare(&self.sealer, edition, record, now, bringer(at))) {
                Ok(ready) => prepared.push(Ok(ready)),
                Err(Error::Rejected(rejection)) => prepared.push(Err(rejection)),
                Err(failure) => return Err(failure),
            }
        }
        Ok(prepared)
    }
}
