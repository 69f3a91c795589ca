//! [`Pull`]: reading a stream from the vendor, page by page, from wherever the last reading stood.

mod changes;
mod each;
mod enrich;
mod ids;
mod known;
mod leaf;
mod paging;
mod place;
mod report;
mod rows;
mod turn;

use changes::Incremental;
pub(super) use changes::instant;
use each::Each;
use enrich::Enrich;
pub use ids::Ids;
pub(super) use ids::id_of;
pub use known::Known;
pub use leaf::Leaf;
use paging::Paging;
pub(super) use paging::{Refusal, link_header};
pub use place::Place;
pub(super) use report::Opened;
use report::Report;
use turn::Turn;

use super::call::{At, Call};
use super::link::Link;
use super::manifest::pull::PullSpec;
use super::session::Session;
use super::{Error, Fault, Stream};
use crate::types::{RecordKind, Timestamp};

/// After so long, everything is read once more where that says who is gone; microseconds.
const WHOLE_EVERY: i64 = 7 * 86_400 * Timestamp::SECOND;
/// So long an object whose rest could not be had is looked for again; microseconds.
const OWED_FOR: i64 = 7 * 86_400 * Timestamp::SECOND;
/// So often another report is asked for in the place of one that failed, before the reading begins anew.
const REPORTS: u8 = 2;

/// How a stream is read.
pub struct Pull {
    name: String,
    each: Option<Each>,
    asks: Asks,
    paging: Option<Paging>,
    incremental: Option<Incremental>,
    enrich: Vec<Enrich>,
    lists: Option<RecordKind>,
    ids: Option<Box<Ids>>,
    /// Does a request name an end of the time it asks for?
    bounded: bool,
}

/// What a page is had by.
enum Asks {
    Call(Box<Call>),
    Report(Box<Report>),
}

/// May the same page be refused for ever?
fn may_last(fault: &Fault) -> bool {
    fault.lasts() || matches!(fault, Fault::NoPage(_))
}

impl Pull {
    pub(super) fn load(spec: PullSpec, stream: &str, link: &Link, at: At<'_>) -> Result<Self, Error> {
        let place = format!("streams.{stream}.pull");
        let mut known = link.names();
        known.extend(["page", "offset", "limit", "token", "since", "until"]);
        let each = spec.each.map(|spec| Each::load(spec, &place, link, at)).transpose()?;
        known.extend(each.iter().flat_map(Each::names));
        let (asks, paging, bounded) = match (spec.request, spec.report) {
            (Some(request), None) => {
                let call = Call::load(&request, &format!("{place}.request"), at, &known)?;
                let alone = spec.paging.as_ref().is_some_and(|paging| paging.token_alone);
                let call = if alone { call.with_token_alone() } else { call };
                let paging = spec.paging.map(|paging| Paging::load(paging, &place, &call, &request.body, at));
                let bounded = call.needs().any(|name| name == "until")
                    || request.body.as_ref().is_some_and(|body| body.contains("until"));
                (Asks::Call(Box::new(call)), paging.transpose()?, bounded)
            }
            (None, Some(_)) if spec.paging.is_some() => {
                return Err(at.wrong("paging:", "a report is one file, read row by row; leave the pages out"));
            }
            (None, Some(report)) => {
                let bounded = Report::is_bounded(&report);
                (Asks::Report(Box::new(Report::load(report, &place, link, at, &known)?)), None, bounded)
            }
            _ => return Err(at.wrong("pull:", "say with `request` or with `report` what is read, and not with both")),
        };
        let incremental = spec.incremental.map(|spec| Incremental::load(spec, &place, at)).transpose()?;
        let enrich = spec.enrich.into_iter().map(|spec| Enrich::load(spec, &place, link, at));
        let enrich = enrich.collect::<Result<_, Error>>()?;
        // Without a total, an object that goes away meanwhile hides another one that stays.
        if spec.lists.is_some() && paging.as_ref().is_some_and(|paging| !paging.misses_nothing()) {
            return Err(at.wrong("lists:", "pages with numbers or offsets need a `total` for that"));
        }
        if spec.lists.is_some() && incremental.as_ref().is_some_and(|incremental| incremental.start_days.is_some()) {
            return Err(
                at.wrong("lists:", "with `start_days` a first reading lists a part only; leave one of them out")
            );
        }
        let window = incremental.as_ref().filter(|incremental| incremental.window.is_some());
        if window.is_some_and(|incremental| incremental.start_days.is_none()) {
            return Err(at.wrong("window_days:", "say with `start_days` where the first window begins"));
        }
        if spec.lists.is_some() && spec.ids.is_some() {
            return Err(at.wrong("ids:", "a reading that lists every one needs no list of ids; leave one of them out"));
        }
        let ids = spec.ids.map(|spec| Ids::load(spec, &place, stream, link, at).map(Box::new));
        if window.is_some() && !bounded {
            return Err(
                at.wrong("window_days:", "the request uses `{until}` nowhere, so every window would be the whole")
            );
        }
        let (ids, lists) = (ids.transpose()?, spec.lists);
        Ok(Self { name: place, each, asks, paging, incremental, enrich, lists, ids, bounded })
    }

    /// The list of ids beside it.
    #[must_use]
    pub fn ids(&self) -> Option<&Ids> {
        self.ids.as_deref()
    }

    /// The type of record of which a reading from the beginning lists every one.
    #[must_use]
    pub const fn lists(&self) -> Option<RecordKind> {
        self.lists
    }

    /// Does a reading that begins at this place come by every object there is?
    #[must_use]
    pub fn begins_whole(&self, place: &Place) -> bool {
        place.sweep.is_none() && (place.since.is_none() || self.compares())
    }

    /// Does a reading that begins at this place bring in everything there is anew?
    #[must_use]
    pub const fn begins_anew(&self, place: &Place) -> bool {
        place.sweep.is_none() && place.since.is_none()
    }

    /// Is it time to read everything once more, because only that says who is gone?
    #[must_use]
    pub fn is_whole_due(&self, place: &Place, now: Timestamp) -> bool {
        let asks_for_news = self.lists.is_some() && !self.compares() && place.sweep.is_none() && place.since.is_some();
        asks_for_news && place.whole.is_none_or(|at| now.micros().saturating_sub(at) >= WHOLE_EVERY)
    }

    fn compares(&self) -> bool {
        self.incremental.as_ref().is_some_and(|incremental| incremental.compare.is_some())
    }

    /// Reads the next page of `stream` from `place`. Where what changed is told by a comparison, what did not change and is not
    /// `known` comes in as well.
    ///
    /// # Errors
    /// Why it cannot be had; the place stays as it is, and reading goes on from it another time.
    pub async fn page(
        &self,
        session: &Session,
        stream: &Stream,
        place: &Place,
        known: Option<&dyn Known>,
    ) -> Result<Leaf, Fault> {
        let mut place = place.clone();
        // A token that is not valid any more: what was read before is in; the rest is found from the beginning.
        for _ in 0..3 {
            match self.turn(session, stream, &place, known).await {
                Ok(Turn::Page(leaf)) => return Ok(*leaf),
                Ok(Turn::Expired) => {}
                // What an earlier run left may be refused for ever: a page, or one of the things it is read for.
                Err(fault) if may_last(&fault) && place.sweep.as_ref().is_some_and(|sweep| !sweep.runs) => {
                    // That one report failed says nothing of what was read before it.
                    if let Some(sweep) = place.sweep.as_mut().filter(|sweep| sweep.failed < REPORTS)
                        && sweep.report.take().is_some()
                    {
                        tracing::info!(pull = self.name, cause = fault.word(), "another report is asked for");
                        sweep.failed += 1;
                        continue;
                    }
                    tracing::info!(pull = self.name, cause = fault.word(), "a reading that was cut short begins anew");
                }
                Err(fault) => return Err(fault),
            }
            place.sweep = None;
        }
        Err(Fault::Expired)
    }
}
