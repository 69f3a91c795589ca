//! [`Leaf`]: a page as it came, and the records of its objects.

use std::time::Duration;

use jaq_json::Val;

use super::Place;
use super::known::Old;
use crate::connect::{MappingError, Origin, Stream};

/// One page as it came.
pub struct Leaf {
    pub(super) objects: Vec<Result<Val, MappingError>>,
    /// What did not change since the last reading and was left out.
    pub(super) old: Old,
    /// Where the stream stands once the records of this page are durable.
    pub after: Place,
    /// Things the stream is read for that are gone at the vendor, with all their objects.
    pub passed_over: u64,
    /// Was it the last one?
    pub last: bool,
    /// The vendor is not ready with what comes next: it is to be asked again after so long.
    pub waits: Option<Duration>,
    /// Objects there are in all, where the vendor says it.
    pub total: Option<u64>,
}

impl Leaf {
    /// One that brought nothing, and after which the stream stands there.
    pub(super) fn nothing(after: Place) -> Self {
        Self { objects: Vec::new(), old: Old::default(), after, passed_over: 0, last: false, waits: None, total: None }
    }

    /// Objects on the page.
    #[must_use]
    pub fn len(&self) -> u64 {
        u64::try_from(self.objects.len()).unwrap_or(u64::MAX).saturating_add(self.left_out())
    }

    /// Is the page without any?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Its objects.
    pub(in crate::connect) fn objects(self) -> impl Iterator<Item = Result<Val, MappingError>> {
        self.objects.into_iter()
    }

    /// The canonical records of its objects; what cannot be mapped stands between them as an error. It takes the processor for a
    /// while, two threads of it for many objects.
    #[must_use]
    pub fn records(mut self, stream: &Stream, source: &Origin<'_>) -> Vec<Result<Vec<u8>, MappingError>> {
        let map = |objects: Vec<_>, before: usize| -> Vec<Result<Vec<u8>, MappingError>> {
            let late = |error: MappingError| MappingError { object: error.object + before, ..error };
            stream.map_objects(objects.into_iter(), source.clone()).map(|record| record.map_err(late)).collect()
        };
        if self.objects.len() < WORTH_A_THREAD {
            return map(self.objects, 0);
        }
        let half = self.objects.len() / 2;
        let rest = self.objects.split_off(half);
        std::thread::scope(|scope| {
            let rest = scope.spawn(|| map(rest, half));
            let mut all = map(self.objects, 0);
            all.extend(rest.join().unwrap_or_else(|cause| std::panic::resume_unwind(cause)));
            all
        })
    }

    /// Objects that did not change since the last reading and were left out.
    #[must_use]
    pub const fn left_out(&self) -> u64 {
        self.old.left_out
    }

    /// The canonical records of what did not change and was left out, and whether something is among them that cannot be named.
    pub fn unchanged(&mut self) -> (Vec<Vec<u8>>, bool) {
        (std::mem::take(&mut self.old.held), self.old.unnamed)
    }
}

/// Fewer objects are not worth a second thread.
const WORTH_A_THREAD: usize = 64;
