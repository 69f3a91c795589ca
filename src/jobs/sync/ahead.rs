//! Reading ahead: while the records of a page are written, the next page is fetched, mapped and indexed.
//!
//! ```text
//! reader   page 1 ─ page 2 ────── page 3 ──────
//! writer            page 1, place page 2, place …
//! ```
//!
//! One page is ahead at most, and pages come in their order; so memory stays bounded, and whatever fails drops what was read
//! ahead. It is read again another time, because the place of the stream does not move before its records are durable.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::Error;
use crate::connect::{Connector, Known, Leaf, Mark, Parking, Refused, Session, StreamPlace};
use crate::consent::Source;
use crate::intake::{Intake, Ready, SYNC_CHUNK};

/// Pages that wait to be written while another one is.
const AHEAD: usize = 1;

/// A page whose records only need to be written.
pub(super) struct Page {
    /// Objects on it.
    pub(super) read: u64,
    /// Objects that did not change since the last reading.
    pub(super) left_out: u64,
    /// Things the stream is read for that are gone.
    pub(super) passed_over: u64,
    /// Objects there are in all.
    pub(super) total: Option<u64>,
    /// Is it the last one?
    pub(super) last: bool,
    /// The vendor is not ready with the next one.
    pub(super) waits: Option<Duration>,
    /// Where the stream stands once it is in.
    pub(super) after: StreamPlace,
    /// Its records, as many together as one transaction takes.
    pub(super) ready: Vec<Ready>,
    /// Objects of it that could not be mapped.
    pub(super) refused: Vec<Refused>,
    /// The records of what did not change, where they count as listed.
    pub(super) unchanged: Vec<Vec<u8>>,
    /// Is there something that did not change and cannot be named?
    pub(super) unnamed: bool,
}

/// The pages of one stream, read ahead for as long as this is kept.
pub(super) struct Pages {
    pages: mpsc::Receiver<Result<Page, Error>>,
    _reader: JoinSet<()>,
}

/// What the reading of a stream needs.
pub(super) struct Reader {
    pub(super) session: Arc<Session>,
    pub(super) intake: Arc<Intake>,
    pub(super) source: Arc<Source>,
    pub(super) stream: String,
    /// What of it could not be taken in.
    pub(super) parking: Parking,
    /// And is put aside: it is not asked for again before everything is.
    pub(super) parked: Arc<HashSet<Mark>>,
    /// Is what did not change to be named all the same?
    pub(super) lists: bool,
}

impl Pages {
    /// Begins to read a stream from `place`.
    pub(super) fn begin(reader: Reader, place: StreamPlace) -> Self {
        let (told, pages) = mpsc::channel(AHEAD);
        let mut task = JoinSet::new();
        task.spawn(reader.read(place, told));
        Self { pages, _reader: task }
    }

    /// The next page.
    pub(super) async fn next(&mut self) -> Result<Page, Error> {
        self.pages.recv().await.unwrap_or(Err(Error::Mapping))
    }
}

impl Reader {
    async fn read(self, mut place: StreamPlace, told: mpsc::Sender<Result<Page, Error>>) {
        let reader = Arc::new(self);
        loop {
            // Nothing is asked for before there is room for it.
            let Ok(room) = told.reserve().await else { return };
            let page = reader.clone().page(&place).await;
            let goes_on =
                page.as_ref().ok().filter(|page| !page.last && page.waits.is_none()).map(|page| page.after.clone());
            room.send(page);
            let Some(next) = goes_on else { return };
            place = next;
        }
    }

    async fn page(self: Arc<Self>, place: &StreamPlace) -> Result<Page, Error> {
        let connector = self.session.connector().clone();
        let stream = connector.stream(&self.stream).ok_or(Error::Mapping)?;
        let pull = stream.pull().ok_or(Error::Mapping)?;
        let leaf = pull.page(&self.session, stream, place, Some(&*self)).await?;
        // Mapping takes the processor for a while; others must not wait for it.
        tokio::task::spawn_blocking(move || self.map(&connector, leaf)).await.map_err(|_| Error::Mapping)?
    }

    fn map(&self, connector: &Connector, mut leaf: Leaf) -> Result<Page, Error> {
        let stream = connector.stream(&self.stream).ok_or(Error::Mapping)?;
        let (mut lines, mut refused) = (Vec::new(), Vec::new());
        let mut page = Page {
            read: leaf.len(),
            left_out: leaf.left_out(),
            passed_over: leaf.passed_over,
            total: leaf.total,
            last: leaf.last,
            waits: leaf.waits,
            after: leaf.after.clone(),
            ready: Vec::new(),
            refused: Vec::new(),
            unchanged: Vec::new(),
            unnamed: false,
        };
        let origin = self.session.origin(&self.source.code);
        if self.lists {
            (page.unchanged, page.unnamed) = leaf.unchanged();
        }
        for record in leaf.records(stream, &origin) {
            match record {
                Ok(line) => lines.push(line),
                Err(error) => refused.push(Refused { name: error.name, reason: error.reason.to_string() }),
            }
        }
        page.refused = refused;
        while !lines.is_empty() {
            let rest = lines.split_off(lines.len().min(SYNC_CHUNK));
            page.ready.push(self.intake.make_ready(std::mem::replace(&mut lines, rest), stream.is_undated())?);
        }
        Ok(page)
    }
}

impl Known for Reader {
    fn source(&self) -> &str {
        &self.source.code
    }

    fn known(&self, records: Vec<Vec<u8>>) -> BoxFuture<'_, Option<Vec<bool>>> {
        Box::pin(async move {
            let known = self.intake.known(&self.source, &records).await;
            let known =
                known.inspect_err(|error| tracing::error!(error = ?error, "it could not be looked up what is held"));
            let is_parked = |record: &Vec<u8>| {
                let name = Intake::name_of(record).filter(|_| !self.parked.is_empty());
                name.is_some_and(|name| {
                    self.parked.contains(&self.parking.mark(self.source.number, &self.stream, &name))
                })
            };
            Some(known.ok()?.into_iter().zip(&records).map(|(held, record)| held || is_parked(record)).collect())
        })
    }
}
