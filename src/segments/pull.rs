//! Pulling a segment: walk everybody, select, deliver, and only then hand over.
//!
//! A batch passes the door twice. First only what the rule asks about is opened, under the purpose that selects; then,
//! for those the rule holds for, only the fields of the segment, under the purpose of the segment. Both readings leave
//! their line in the audit book, and before a page is returned a third says who went to which recipient.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use super::excluded::{Excluded, Exclusion};
use super::facts::Facts;
use super::member::Member;
use super::segment::{Bound, Segment, SegmentCode};
use super::token::{Cursor, OptOut, Stop};
use super::{Error, Segments};
use crate::audit::{Act, Line};
use crate::consent::{Purpose, Reason, Standing};
use crate::gateway::{self, Actor, Ask, Caller, Disclosed, Disclosure};
use crate::store::subjects;
use crate::types::{CategorySet, SubjectId};

/// People who are read with one audit line.
const BATCH: usize = 200;
/// Batches one page walks at most, so that a call stays quick where few match.
const BATCHES: usize = 10;
/// Members on a page, at most.
pub const MAX_LIMIT: usize = 1_000;

/// A page of a segment. It may be short or empty while there is more: `next` tells.
#[derive(Serialize, ToSchema)]
#[schema(as = SegmentPage)]
pub struct Page {
    /// The members.
    pub members: Vec<Member>,
    /// The cursor of the next page; null at the end. The header `Link`, `rel="next"`, has the whole address.
    #[serde(serialize_with = "cursor")]
    #[schema(value_type = Option<String>, required = true)]
    pub next: Option<Cursor>,
    /// On the last page: the people of the whole walk who are not in it, by reason. Never for a single page, because the
    /// difference of two pages would point at a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub excluded: Option<Excluded>,
}

/// How many people are in a segment now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = SegmentCount)]
pub struct Count {
    /// Members.
    pub members: u64,
    /// Everybody else, by reason; people the rule does not hold for are not counted.
    pub excluded: Excluded,
}

impl Segments {
    /// The next page of a segment, at most `limit` members (1 to 1000).
    ///
    /// # Errors
    /// [`Error::Unknown`], [`Error::Outdated`], [`Error::Cursor`], [`Error::Changed`], [`Error::NotAllowed`]; or a failure,
    /// and then nothing was handed over.
    pub async fn page(
        &self,
        caller: &Caller,
        code: &SegmentCode,
        cursor: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page, Error> {
        self.page_to(caller, &recipient(caller), code, cursor, limit).await
    }

    /// The same for somebody else: who is on the page stands in the audit book as handed to `recipient`.
    ///
    /// # Errors
    /// As [`Segments::page`].
    pub async fn page_to(
        &self,
        caller: &Caller,
        recipient: &str,
        code: &SegmentCode,
        cursor: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page, Error> {
        let (stored, bound) = self.bound(code).await?;
        self.admit(caller, &bound).await?;
        let stop = cursor.map(|cursor| Stop::open(cursor, &self.strongbox)).transpose()?;
        match &stop {
            Some(stop) if stop.segment != stored.id => return Err(Error::Cursor),
            Some(stop) if stop.version != stored.version => return Err(Error::Changed),
            _ => {}
        }
        let limit = limit.clamp(1, MAX_LIMIT);
        let (mut after, mut walk) = match stop {
            Some(stop) => (Some(stop.after), Walk::new(stop.excluded)),
            None => (None, Walk::new(BTreeMap::new())),
        };
        let mut ended = false;
        for _ in 0..BATCHES {
            // A batch never holds more people than there is room for, so nobody read is left behind.
            let room = limit - walk.delivered.len();
            // A page that is nearly full is not worth many small batches.
            if room == 0 || (room * 4 <= limit && room < BATCH / 4) {
                break;
            }
            let Some(last) = self.batch(caller, &bound, after, room.min(BATCH), &mut walk).await? else {
                ended = true;
                break;
            };
            after = Some(last);
        }
        let members = self.members(&bound, &mut walk)?;
        if !members.is_empty() {
            let ask = ask(caller, &bound.purpose, bound.delivered(), &bound);
            let object = format!("segment:{code}");
            self.gateway.deliver(&ask, &walk.delivered, recipient, &object).await?;
        }
        let next = match after.filter(|_| !ended) {
            Some(after) => {
                let stop = Stop { segment: stored.id, version: stored.version, after, excluded: walk.excluded.clone() };
                Some(stop.seal(&self.strongbox)?)
            }
            None => None,
        };
        let excluded = next.is_none().then(|| Excluded::from(&walk.excluded));
        Ok(Page { members, next, excluded })
    }

    /// How many people a walk over the segment would deliver now. It walks everybody.
    ///
    /// # Errors
    /// As [`Segments::page`].
    pub async fn count(&self, caller: &Caller, code: &SegmentCode) -> Result<Count, Error> {
        let (_, bound) = self.bound(code).await?;
        self.count_bound(caller, &bound).await
    }

    /// As [`Segments::count`], of a segment that is not saved.
    ///
    /// # Errors
    /// [`Error::Invalid`]; else as [`Segments::count`].
    pub async fn preview(&self, caller: &Caller, segment: &Segment) -> Result<Count, Error> {
        let bound = segment.bind(&self.rulebook.edition()).map_err(Error::Invalid)?;
        self.count_bound(caller, &bound).await
    }

    async fn count_bound(&self, caller: &Caller, bound: &Bound) -> Result<Count, Error> {
        self.admit(caller, bound).await?;
        let (mut after, mut walk, mut members) = (None, Walk::new(BTreeMap::new()), 0);
        while let Some(last) = self.batch(caller, bound, after, BATCH, &mut walk).await? {
            after = Some(last);
            members += walk.delivered.len() as u64;
            walk.delivered.clear();
            walk.cut.clear();
        }
        Ok(Count { members, excluded: Excluded::from(&walk.excluded) })
    }

    /// Whether the caller may ask at all is said once, and not by excluding everybody one by one: that would tell how
    /// many people there are.
    async fn admit(&self, caller: &Caller, bound: &Bound) -> Result<(), Error> {
        let nobody = Standing::unknown();
        let refusal = |purpose: &Purpose| caller.refusal(purpose, &nobody).map(|reason| (purpose.code.clone(), reason));
        let Some((purpose, reason)) = refusal(&bound.purpose).or_else(|| refusal(&bound.selection)) else {
            return Ok(());
        };
        let mut line = Line::new(Act::Refused)
            .under(purpose, None)
            .object(format!("segment:{}", bound.segment.code))
            .reasons(vec![reason.word().to_owned()]);
        if let Actor::Key { id, role } = caller.actor {
            line = line.by(id, role);
        }
        self.book.note(line).await?;
        Err(Error::NotAllowed(reason))
    }

    /// Walks over the next `size` people; None if there is nobody left.
    async fn batch(
        &self,
        caller: &Caller,
        bound: &Bound,
        after: Option<SubjectId>,
        size: usize,
        walk: &mut Walk,
    ) -> Result<Option<SubjectId>, Error> {
        let size = i64::try_from(size).unwrap_or(1);
        let people = self.store.read(move |read| subjects::page(read.records(), after, size)).await?;
        let Some(last) = people.last().copied() else { return Ok(None) };
        let chosen = self.select(caller, bound, people, walk).await?;
        let delivered = bound.delivered();
        let disclosed = match chosen {
            Chosen::Read(disclosed) => disclosed,
            Chosen::Ids(ids) if ids.is_empty() => Vec::new(),
            Chosen::Ids(ids) => {
                let asked: BTreeSet<_> = ids.iter().copied().collect();
                let page = self.gateway.read_many(&ask(caller, &bound.purpose, delivered, bound), ids).await?;
                walk.missed(&page);
                // Somebody merged away meanwhile is met at their own place.
                page.disclosed.into_iter().filter(|found| asked.contains(&found.subject())).collect()
            }
        };
        for disclosure in disclosed {
            match bound.cut(&disclosure) {
                Some(data) => {
                    walk.delivered.push(disclosure);
                    walk.cut.push(data);
                }
                None => walk.exclude(Exclusion::NoContactPoint),
            }
        }
        Ok(Some(last))
    }

    /// Those of `people` the rule holds for.
    async fn select(
        &self,
        caller: &Caller,
        bound: &Bound,
        people: Vec<SubjectId>,
        walk: &mut Walk,
    ) -> Result<Chosen, Error> {
        let needed = bound.segment.rule.categories();
        let now = self.clock.now();
        if needed.is_empty() && bound.segment.select_under.is_none() {
            // Such a rule says the same of everybody.
            let everybody = bound.segment.rule.holds(&Facts::from_profile(BTreeMap::new()), now);
            return Ok(Chosen::Ids(if everybody { people } else { Vec::new() }));
        }
        // Even a rule about nothing is no way around the standing on the purpose that selects.
        let needed = if needed.is_empty() { bound.selection.categories } else { needed };
        let asked: BTreeSet<_> = people.iter().copied().collect();
        let page = self.gateway.read_many(&ask(caller, &bound.selection, needed, bound), people).await?;
        walk.missed(&page);
        let mut chosen = Vec::new();
        for disclosure in page.disclosed.into_iter().filter(|found| asked.contains(&found.subject())) {
            // A rule that could not see what it asks about must not decide: `not` would hold for want of knowing.
            let unseen = disclosure.decision().refused.first().map(|refused| refused.reason);
            match unseen {
                Some(reason) => walk.exclude(Exclusion::Refused(reason)),
                None if bound.segment.rule.holds(&Facts::of(&disclosure), now) => chosen.push(disclosure),
                None => {}
            }
        }
        Ok(if bound.delivered().is_empty() {
            Chosen::Read(chosen)
        } else {
            Chosen::Ids(chosen.iter().map(Disclosure::subject).collect())
        })
    }

    fn members(&self, bound: &Bound, walk: &mut Walk) -> Result<Vec<Member>, Error> {
        let data = std::mem::take(&mut walk.cut);
        let members = walk.delivered.iter().zip(data).map(|(disclosure, data)| {
            let subject = disclosure.subject();
            let channel = bound.channel.filter(|_| bound.purpose.direct_marketing);
            let opt_out = channel.map(|channel| OptOut { subject, purpose: bound.purpose.code.clone(), channel });
            let opt_out = opt_out.map(|opt_out| opt_out.seal(&self.strongbox)).transpose()?;
            Ok(Member { subject_id: subject, opt_out, data })
        });
        members.collect()
    }
}

/// What was found so far.
struct Walk {
    delivered: Vec<Disclosure>,
    cut: Vec<Disclosed<serde_json::Map<String, serde_json::Value>>>,
    excluded: BTreeMap<Exclusion, u32>,
}

enum Chosen {
    /// Their fields are still to be read.
    Ids(Vec<SubjectId>),
    /// Nothing more is to be read of them.
    Read(Vec<Disclosure>),
}

impl Walk {
    const fn new(excluded: BTreeMap<Exclusion, u32>) -> Self {
        Self { delivered: Vec::new(), cut: Vec::new(), excluded }
    }

    fn missed(&mut self, page: &gateway::Page) {
        for decision in &page.refused {
            let reason = decision.refused.iter().map(|refused| refused.reason).min();
            self.exclude(Exclusion::Refused(reason.unwrap_or(Reason::PurposeIncomplete)));
        }
        (0..page.damaged).for_each(|_| self.exclude(Exclusion::Damaged));
    }

    fn exclude(&mut self, exclusion: Exclusion) {
        let count = self.excluded.entry(exclusion).or_default();
        *count = count.saturating_add(1);
    }
}

pub(super) fn ask(caller: &Caller, purpose: &Purpose, categories: CategorySet, bound: &Bound) -> Ask {
    let channel = if purpose.code == bound.purpose.code { bound.channel } else { None };
    let categories = Some(categories);
    Ask { caller: caller.clone(), purpose: purpose.code.clone(), categories, channel, reason: None }
}

fn recipient(caller: &Caller) -> String {
    match caller.actor {
        Actor::Key { id, .. } => format!("api_key:{id}"),
        Actor::Subject(_) => "the person".to_owned(),
        Actor::Hub(room) => room.to_owned(),
    }
}

fn cursor<S: Serializer>(cursor: &Option<Cursor>, serializer: S) -> Result<S::Ok, S::Error> {
    cursor.as_ref().map(Cursor::as_str).serialize(serializer)
}
