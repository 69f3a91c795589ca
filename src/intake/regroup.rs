//! Grouping everything anew: what records join, as if all had arrived at once.
//!
//! A record that arrives is compared with what is there, by what is known at that moment. Later ones may show that a name is
//! frequent after all, or that two groups do not fit. So everything is compared with everything that shares a matching
//! key, by the frequencies of all, and the strongest evidence joins first (`graph::matching::cluster`, by [`plan()`]). The same records give the
//! same groups, in whatever order they came. What differs is carried out, person by person: who does not belong is
//! taken out, who belongs is joined. Cut short at any point, another run does the rest.

use std::collections::HashSet;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::bonds::Settled;
use super::bridge::Cut;
use super::plan::{Doubtful, Plan, Weighing, Why, plan};
use super::separate::Out;
use super::table::Table;
use super::walk::Open;
use super::{Error, Intake};
use crate::gateway::Caller;
use crate::graph::matching::Join;
use crate::graph::{self, Rule};
use crate::store::reviews::{self, Weighed};
use crate::store::rows::{LinkRow, ReviewRow};
use crate::store::{self, Write, cards, subjects};
use crate::types::{IdMaker, RecordNo, ReviewId, SubjectId, Timestamp};

/// Changes carried out in one transaction.
const AT_ONCE: usize = 50;
/// How often it is told how far the weighing is.
const TOLD: Duration = Duration::from_millis(200);
/// Questions looked at in one transaction.
const QUESTIONS: i64 = 200;

/// Records up to which a hub groups everything anew by itself; the memory it takes for more is for the operator to give.
pub const BY_ITSELF: u64 = 200_000;

/// How far a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// So many records are opened.
    Opened(usize),
    /// So many of all pairs of records are weighed; of none while it is found out which.
    Comparing(usize, usize),
    /// So many of all changes are carried out.
    Changed(usize, usize),
}

/// What a run came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Regrouped {
    /// Records that were compared.
    pub records: usize,
    /// Groups of records that were taken out of a person.
    pub parted: usize,
    /// People that were joined into others.
    pub joined: usize,
    /// Questions for somebody to decide.
    pub asked: usize,
}

impl Intake {
    /// Groups everything anew and carries out what differs.
    ///
    /// # Errors
    /// If the store or the vault fails. What was carried out stays; run it again.
    pub async fn regroup(&self, by: Option<&Caller>, mut progress: impl FnMut(Progress)) -> Result<Regrouped, Error> {
        let began = self.clock.now();
        self.matching.full.forget();
        let (open, settled) = self.opened(&mut progress).await?;
        let model = self.model();
        let records = open.len();
        let weighing = Arc::new(Weighing::default());
        // It takes a while, and nobody else must wait for it.
        let told = weighing.clone();
        let mut planned = std::pin::pin!(tokio::task::spawn_blocking(move || plan(&model, &open, settled, &told)));
        let plan = loop {
            progress(Progress::Comparing(
                weighing.weighed.load(Ordering::Relaxed),
                weighing.pairs.load(Ordering::Relaxed),
            ));
            if let Ok(plan) = tokio::time::timeout(TOLD, &mut planned).await {
                break plan.map_err(|_| Error::Changed)?;
            }
        };
        let pairs = weighing.pairs.load(Ordering::Relaxed);
        progress(Progress::Comparing(pairs, pairs));
        let (mut done, mut regrouped) = (0, Regrouped { records, ..Regrouped::default() });
        let Plan { parts, joins, mut reviews, fellows } = plan;
        // What arrives from now on is weighed as everything is here, by this process and by every other.
        self.store.write(move |write| store::fellows::put(write, fellows)).await?;
        *self.matching.fellows.write().unwrap_or_else(PoisonError::into_inner) = fellows;
        let all = parts.len() + joins.len() + reviews.len();
        let (mut whole, mut left, mut cut) = (Vec::new(), HashSet::new(), HashSet::new());
        for (person, compared) in parts {
            let (leaving, of) = (compared.records.clone(), compared.of.clone());
            match self.separate_by_itself(person, &Out::Compared(compared), by).await {
                Ok(parted) => {
                    cut.insert(parted.kept);
                    regrouped.parted += parted.out.len();
                    left.extend(leaving);
                }
                // They changed or were erased meanwhile; somebody has to decide, or has decided; or nobody can say now who is to
                // be told.
                Err(Error::UnknownSubject | Error::NoPart | Error::Changed | Error::Corrected | Error::Untold) => {
                    whole.push(of)
                }
                Err(failure) => return Err(failure),
            }
            done += 1;
            progress(Progress::Changed(done, all));
        }
        // Who was to be taken apart and is whole still would be joined with all they are: also with whom a part of theirs was kept
        // apart from, perhaps by a veto. Somebody is asked instead.
        let mixed: HashSet<RecordNo> =
            whole.iter().flat_map(|of| of.iter()).filter(|record| !left.contains(record)).copied().collect();
        let (stopped, joins): (Vec<_>, Vec<_>) =
            joins.into_iter().partition(|(one, other, _)| mixed.contains(one) || mixed.contains(other));
        reviews.extend(stopped.into_iter().filter_map(|(one, other, why)| Some((one, other, why.waterfall()?))));
        let (joins, reviews, mut cut) = (Arc::new(joins), Arc::new(reviews), Arc::new(cut));
        for from in (0..joins.len()).step_by(AT_ONCE) {
            let (joins, before, now) = (joins.clone(), cut.clone(), self.clock.now());
            let (matching, edition) = (self.matching.clone(), self.rulebook.edition());
            let work = move |write: &mut Write<'_>| {
                let (mut table, mut cut) = (Table::empty(&matching, &edition, now), Cut::new(before.clone()));
                let some = joins.iter().skip(from).take(AT_ONCE);
                let done = some.map(|join| joined(write, &mut table, &mut cut, join)).sum::<Result<usize, Error>>()?;
                Ok::<_, Error>((done, cut.changed()))
            };
            let (joined, changed) = self.store.write(work).await?;
            regrouped.joined += joined;
            for (person, is_cut) in changed {
                let cut = Arc::make_mut(&mut cut);
                if is_cut {
                    cut.insert(person)
                } else {
                    cut.remove(&person)
                };
            }
            done = (done + AT_ONCE).min(all);
            progress(Progress::Changed(done, all));
        }
        let mut about = HashSet::new();
        for from in (0..reviews.len()).step_by(AT_ONCE) {
            let (reviews, ids, now) = (reviews.clone(), self.ids.clone(), self.clock.now());
            let (matching, edition) = (self.matching.clone(), self.rulebook.edition());
            let work = move |write: &mut Write<'_>| {
                let mut table = Table::empty(&matching, &edition, now);
                let some = reviews.iter().skip(from).take(AT_ONCE);
                some.map(|review| asked(write, &mut table, (&ids, began), review)).collect::<Result<Vec<_>, Error>>()
            };
            let asked: Vec<(SubjectId, SubjectId)> = self.store.write(work).await?.into_iter().flatten().collect();
            about.extend(asked);
            done = (done + AT_ONCE).min(all);
            progress(Progress::Changed(done, all));
        }
        regrouped.asked = about.len();
        self.close_questions(Arc::new(about), began).await?;
        Ok(regrouped)
    }

    /// All that may be compared, and what is settled of it.
    async fn opened(&self, mut progress: impl FnMut(Progress)) -> Result<(Vec<Open>, Settled), Error> {
        loop {
            let (mut open, mut after) = (Vec::new(), RecordNo(i64::MIN));
            while let Some((page, last)) = self.open_page(after).await? {
                open.extend(page);
                after = last;
                progress(Progress::Opened(open.len()));
            }
            let settled = self.settled(&mut open).await?;
            if settled.shared.is_empty() {
                return Ok((open, settled));
            }
            self.name_nobody(settled.shared).await?;
        }
    }

    /// Takes the open questions back that were asked before `began` and would not be asked now.
    async fn close_questions(
        &self,
        about: Arc<HashSet<(SubjectId, SubjectId)>>,
        began: Timestamp,
    ) -> Result<(), Error> {
        let mut after = None;
        loop {
            let about = about.clone();
            let work = move |write: &mut Write<'_>| {
                let some = reviews::waiting(write.records(), after, QUESTIONS)?;
                let last = some.last().map(|row| row.review_id);
                // What is about one person waits until they are taken apart.
                let stale = |row: &&ReviewRow| {
                    row.made_at < began
                        && row.one_id != row.other_id
                        && !about.contains(&pair(row.one_id, row.other_id))
                };
                for row in some.iter().filter(stale) {
                    reviews::close(write, row)?;
                }
                Ok::<_, Error>(last)
            };
            let last = self.store.write(work).await?;
            if last.is_none() {
                return Ok(());
            }
            after = last;
        }
    }
}

/// Two people, whichever comes first.
fn pair(one: SubjectId, other: SubjectId) -> (SubjectId, SubjectId) {
    (one.min(other), one.max(other))
}

/// Joins the people of two records, if they are two and nobody decided otherwise. Of those who were `cut` in this run what holds
/// them together is looked after.
fn joined(
    write: &mut Write<'_>,
    table: &mut Table<'_>,
    cut: &mut Cut,
    (one, other, why): &(RecordNo, RecordNo, Why),
) -> Result<usize, Error> {
    let now = table.now();
    let Some((ours, theirs)) = people_of(write, *one, *other)? else { return Ok(0) };
    let (into, from) = pair(ours, theirs);
    let link = |join: &Join| LinkRow {
        other_no: other.0,
        weight: join.waterfall.total.0,
        waterfall: join.waterfall.text(),
        ..LinkRow::by_rule(into, into.part(), *one, Rule::Compared.number(), None, now)
    };
    if ours == theirs {
        // Of whom somebody was taken out, the one who joined others may have gone.
        if let Why::Compared(join) = why {
            cut.mend(write, ours, &link(join))?;
        }
        return Ok(0);
    }
    if graph::are_apart(write, ours, theirs)? {
        return Ok(0);
    }
    if !may_be_one(write, table, [ours, theirs])? {
        return Ok(0);
    }
    match why {
        Why::Rule(rule, ix, _) => graph::merge(write, from, into, (*other, Some(*one)), (*rule, *ix), now)?,
        Why::Compared(join) => {
            graph::merge_by(write, from, LinkRow { merged_from: Some(from.into()), ..link(join) })?;
        }
    }
    table.merged(from, into);
    cut.merged(from, into);
    Ok(1)
}

/// May both still be compared? They may have objected since they were.
fn may_be_one(write: &mut Write<'_>, table: &mut Table<'_>, people: [SubjectId; 2]) -> Result<bool, Error> {
    subjects::lock(write, &people)?;
    for person in people {
        if table.is_barred(write.records(), person)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Asks about two records, if their people are two who may be compared and nobody decided otherwise. About whom.
fn asked(
    write: &mut Write<'_>,
    table: &mut Table<'_>,
    (ids, began): (&IdMaker, Timestamp),
    (one, other, waterfall): &Doubtful,
) -> Result<Option<(SubjectId, SubjectId)>, Error> {
    let Some((ours, theirs)) = people_of(write, *one, *other)? else { return Ok(None) };
    if ours == theirs || graph::are_apart(write, ours, theirs)? || !may_be_one(write, table, [ours, theirs])? {
        return Ok(None);
    }
    let asked = [(*one, ours), (*other, theirs)];
    let [(one_no, one_id), (other_no, other_id)] = if one < other { asked } else { [asked[1], asked[0]] };
    let row = ReviewRow {
        review_id: ReviewId::from_uuid(ids.uuid().map_err(crate::store::Error::from)?),
        one_no,
        one_id,
        other_no,
        other_id,
        weight: waterfall.total.0,
        waterfall: waterfall.text(),
        state: reviews::OPEN,
        made_at: table.now(),
        decided_at: Timestamp::UNSET,
    };
    reviews::ask(write, row, Weighed::All { since: began })?;
    Ok(Some(pair(ours, theirs)))
}

/// Whose two records are now; none if one of them is gone.
fn people_of(write: &mut Write<'_>, one: RecordNo, other: RecordNo) -> Result<Option<(SubjectId, SubjectId)>, Error> {
    let found = cards::of_records(write.records(), &[one, other])?;
    let whose = |record: RecordNo| found.iter().find(|card| card.record_no == record).map(|card| card.subject_id);
    let Some((ours, theirs)) = whose(one).zip(whose(other)) else { return Ok(None) };
    let mut now = Vec::with_capacity(2);
    for person in [ours, theirs] {
        now.extend(subjects::living(write.records(), person)?.map(|row| row.subject_id));
    }
    Ok(if let [ours, theirs] = now[..] { Some((ours, theirs)) } else { None })
}
