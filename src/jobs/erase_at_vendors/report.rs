//! What vendors answered, put together: by several values, again and again, and where nobody could be asked.

use crate::connect::{Connector, Erase, Erasure, Leaves, Person, Session, StepReport};
use crate::types::Timestamp;

/// Asks the vendor by everything it is known to know the person by.
pub(super) async fn told(erase: &Erase, session: &Session, people: &[Person], withheld: i32) -> Erasure {
    let (mut whole, mut in_vain) = (None, 0_u32);
    for (person, report) in people.iter().zip(erase.run_all(session, people).await) {
        // What a network was given is in nobody else's hands: each pair of digests must be told by itself.
        let given = person.email_sha256.is_some() || person.phone_sha256.is_some();
        if given && !report.steps.is_empty() && report.steps.iter().all(|step| step.unasked) {
            in_vain = in_vain.saturating_add(1);
        }
        whole = Some(match whole {
            Some(before) => both(before, report),
            None => report,
        });
    }
    let nobody = Person::default();
    let mut whole = match whole {
        Some(whole) => whole,
        // Each step says that it was not looked for.
        None => erase.run(session, &nobody).await,
    };
    let untold = [
        ("values that are not told", u32::try_from(withheld).unwrap_or(0), WITHHELD),
        ("values no step takes", in_vain, NO_STEP),
    ];
    for (name, found, why) in untold.into_iter().filter(|(_, found, _)| *found > 0) {
        whole.steps.push(StepReport {
            name: name.to_owned(),
            found,
            leaves: Some(Leaves::ManualTask),
            failure: Some(why.to_owned()),
            unasked: true,
            ..StepReport::default()
        });
        whole.leaves = whole.leaves.max(Some(Leaves::ManualTask));
    }
    whole
}

/// Why a value is not told.
const WITHHELD: &str =
    "the person is known there by values that are also somebody else's, or that may not be read; look there by hand";
/// The same.
const NO_STEP: &str = "the person was handed over by digests that no step of the connector takes; look there by hand";

/// Is there anything the vendor may still do?
pub(super) fn is_open(report: &Erasure) -> bool {
    report.steps.iter().any(StepReport::is_open)
}

/// What came of asking by one value and by another: the worse of both. What was not looked for by the one was by the other.
fn both(one: Erasure, other: Erasure) -> Erasure {
    let Erasure { note, mut steps, .. } = other;
    for old in one.steps {
        match steps.iter_mut().find(|step| step.name == old.name) {
            Some(_) if old.unasked => {}
            Some(step) if step.unasked => *step = old,
            Some(step) => {
                step.found = step.found.saturating_add(old.found);
                step.kept = step.kept.saturating_add(old.kept);
                step.kept_until = step.kept_until.take().max(old.kept_until);
                step.next_ripe = step.next_ripe.take().into_iter().chain(old.next_ripe).min();
                step.leaves = step.leaves.max(old.leaves);
                step.promised = step.promised.max(old.promised);
                step.promised_until = step.promised_until.take().max(old.promised_until);
                step.verified = match (step.verified, old.verified) {
                    (Some(one), Some(other)) => Some(one && other),
                    (one, other) => one.or(other),
                };
                step.failure = step.failure.take().or(old.failure);
            }
            None => steps.push(old),
        }
    }
    let leaves = steps.iter().filter_map(|step| step.leaves).max();
    Erasure { note, leaves, steps }
}

/// What came of asking again. What was found before and is not any more was done then, whatever was said of it; but what was kept
/// for its age is not gone because it is out of sight: when nothing keeps it any more, somebody is to look.
pub(super) fn again(before: Option<Erasure>, after: Erasure, erase: Option<&Erase>, now: Timestamp) -> Erasure {
    let today: String = now.rfc3339().chars().take(10).collect();
    let is_over = |day: &Option<String>| day.as_ref().is_some_and(|day| *day < today);
    let Some(before) = before else { return after };
    let Erasure { note, leaves, mut steps } = after;
    for old in before.steps.into_iter().filter(|old| old.name != UNREACHED) {
        match steps.iter_mut().find(|step| step.name == old.name) {
            Some(step) => {
                let seen = step.verified != Some(false) && step.failure.is_none();
                // All that were kept were seen again, were old enough, and are gone or left to somebody. What was done away with before is
                // not found any more; was that not seen, it is not known which are.
                let kept = if old.verified == Some(false) { old.found } else { old.kept };
                let ripened = seen && step.found >= kept;
                let gone = seen && step.found >= old.found && step.verified == Some(true);
                step.out_of_sight = old.out_of_sight && !gone;
                if old.kept > step.kept && !ripened {
                    step.kept = old.kept;
                    step.kept_until = step.kept_until.take().max(old.kept_until);
                    step.next_ripe = step.next_ripe.take().or(old.next_ripe);
                    step.leaves = step.leaves.max(Some(Leaves::Restricted));
                    if seen && is_over(&step.next_ripe) {
                        step.out_of_sight = true;
                        // Of those that are kept longer it is asked again.
                        step.next_ripe.clone_from(&step.kept_until);
                    }
                    if seen && is_over(&step.kept_until) {
                        step.out_of_sight = true;
                        (step.kept, step.kept_until, step.next_ripe) = (0, None, None);
                    }
                } else if step.failure.is_none()
                    && step.found == 0
                    && old.found > 0
                    && !old.unasked
                    && !step.out_of_sight
                {
                    step.leaves = erase.and_then(|erase| erase.leaves_of(&step.name));
                    step.verified = Some(true);
                }
                if step.out_of_sight {
                    step.leaves = step.leaves.max(Some(Leaves::ManualTask));
                }
                step.found = step.found.max(old.found);
            }
            None => steps.push(old),
        }
    }
    let worst = steps.iter().filter_map(|step| step.leaves).max();
    Erasure { note, leaves: worst.or(leaves), steps }
}

/// The name of a step that never came to its call.
const UNREACHED: &str = "connection";

pub(super) fn unreached(why: &str) -> Erasure {
    let step = StepReport {
        name: UNREACHED.to_owned(),
        leaves: Some(Leaves::ManualTask),
        failure: Some(why.to_owned()),
        ..StepReport::default()
    };
    Erasure { note: String::new(), leaves: Some(Leaves::ManualTask), steps: vec![step] }
}

/// What came of asking, and whether asking again is of no use.
pub(super) struct Answer {
    pub(super) report: Erasure,
    pub(super) is_final: bool,
    /// The vendor wants not to be called before.
    pub(super) rests_until: Timestamp,
}

impl Answer {
    /// What is to be asked for again if it is open.
    pub(super) const fn so_far(report: Erasure) -> Self {
        Self { report, is_final: false, rests_until: Timestamp::UNSET }
    }

    /// What asking again does not change.
    pub(super) fn last(report: Erasure) -> Self {
        Self { is_final: true, ..Self::so_far(report) }
    }
}

/// Nobody can be asked any more. What was done before stays done.
pub(super) fn by_hand(note: &str, before: Option<Erasure>) -> Answer {
    let steps = before.into_iter().flat_map(|before| before.steps).filter(|step| step.name != UNREACHED).collect();
    let note = format!("{note} Do it there by hand.");
    Answer::last(Erasure { note, leaves: Some(Leaves::ManualTask), steps })
}

pub(super) fn failed(before: Option<Erasure>, why: &str, now: Timestamp) -> Answer {
    Answer::so_far(again(before, unreached(why), None, now))
}

/// What is to be said of a connector of which nobody can be asked.
pub(super) fn without_asking(connector: &Connector) -> Option<Erasure> {
    if connector.can_erase() {
        return None;
    }
    let said = connector.erase().and_then(Erase::without_asking);
    Some(said.unwrap_or_else(|| by_hand(CANNOT, None).report))
}

/// Why nobody is asked where the manifest does not say it.
pub(super) const CANNOT: &str = "The connector cannot make the vendor forget anybody.";
/// Why nobody was asked by this node.
pub(super) const NO_CONNECTOR: &str = "this node has no such connector; one of a newer version may";
/// Why nobody was asked this time.
pub(super) const OWN_FAULT: &str = "the hub itself failed before it could ask; its log says why";

#[cfg(test)]
mod tests {
    use super::*;

    fn step(found: u32, kept: u32, verified: Option<bool>) -> StepReport {
        let leaves = match (found, kept) {
            (0, _) => None,
            (_, 0) => Some(Leaves::Deleted),
            _ => Some(Leaves::Restricted),
        };
        let kept_until = (kept > 0).then(|| "2026-12-12".to_owned());
        StepReport { name: "orders".to_owned(), found, leaves, kept, kept_until, verified, ..StepReport::default() }
    }

    fn asked_again(before: StepReport, after: StepReport) -> (Option<Leaves>, StepReport) {
        let now = Timestamp::parse("2026-12-12T23:00:00Z").unwrap();
        asked_again_at(before, after, now)
    }

    fn asked_again_at(before: StepReport, after: StepReport, now: Timestamp) -> (Option<Leaves>, StepReport) {
        let erasure = |step: StepReport| Erasure { note: String::new(), leaves: step.leaves, steps: vec![step] };
        let mut whole = again(Some(erasure(before)), erasure(after), None, now);
        (whole.leaves, whole.steps.remove(0))
    }

    #[test]
    fn what_was_kept_and_is_out_of_sight_is_not_called_deleted() {
        let (leaves, told) = asked_again(step(3, 3, None), step(0, 0, None));
        assert_eq!((leaves, told.verified, told.found, told.kept), (Some(Leaves::Restricted), None, 3, 3));
        assert_eq!(told.kept_until.as_deref(), Some("2026-12-12"));
        // One of them is seen.
        let (leaves, told) = asked_again(step(3, 3, None), step(1, 1, None));
        assert_eq!((leaves, told.verified, told.kept), (Some(Leaves::Restricted), None, 3));
        // Others are done away with, and that was seen; nobody saw the kept ones go.
        let (leaves, told) = asked_again(step(5, 3, Some(false)), step(2, 0, Some(true)));
        assert_eq!((leaves, told.found, told.kept), (Some(Leaves::Restricted), 5, 3));
        // Nobody could be asked.
        let failed =
            StepReport { failure: Some("fails".to_owned()), leaves: Some(Leaves::ManualTask), ..step(0, 0, None) };
        let (leaves, told) = asked_again(step(3, 3, None), failed);
        assert_eq!((leaves, told.kept), (Some(Leaves::ManualTask), 3));
    }

    #[test]
    fn what_is_out_of_sight_when_nothing_keeps_it_any_more_is_left_to_somebody() {
        let at = |day: &str| Timestamp::parse(&format!("{day}T08:00:00Z")).unwrap();
        let (leaves, told) = asked_again_at(step(3, 3, None), step(0, 0, None), at("2026-12-13"));
        assert_eq!((leaves, told.found, told.kept), (Some(Leaves::ManualTask), 3, 0));
        assert_eq!((told.kept_until, told.next_ripe), (None, None), "a day that is over");
        // Some of them are kept longer.
        let ripens = |day: &str| StepReport { next_ripe: Some(day.to_owned()), ..step(3, 3, None) };
        let (leaves, told) = asked_again_at(ripens("2026-10-10"), step(0, 0, None), at("2026-11-11"));
        assert_eq!((leaves, told.kept), (Some(Leaves::ManualTask), 3));
        assert_eq!(told.next_ripe.as_deref(), Some("2026-12-12"), "of the others it is asked again");
        // Nobody could be asked on that day: it is asked again.
        let failed =
            StepReport { failure: Some("fails".to_owned()), leaves: Some(Leaves::ManualTask), ..step(0, 0, None) };
        let (_, told) = asked_again_at(step(3, 3, None), failed, at("2026-12-13"));
        assert_eq!((told.kept, told.kept_until.as_deref()), (3, Some("2026-12-12")));
    }

    /// Another step keeps the erasure open, so the vendor is asked a third time.
    #[test]
    fn what_was_left_to_somebody_is_not_done_because_it_stays_out_of_sight() {
        let at = |day: &str| Timestamp::parse(&format!("{day}T08:00:00Z")).unwrap();
        let (_, left) = asked_again_at(step(3, 3, None), step(0, 0, None), at("2026-12-13"));
        let (leaves, told) = asked_again_at(left.clone(), step(0, 0, None), at("2026-12-14"));
        assert_eq!((leaves, told.verified, told.found), (Some(Leaves::ManualTask), None, 3));
        // Nobody could be asked in between.
        let failed =
            StepReport { failure: Some("fails".to_owned()), leaves: Some(Leaves::ManualTask), ..step(0, 0, None) };
        let (_, told) = asked_again_at(left.clone(), failed, at("2026-12-14"));
        let (leaves, told) = asked_again_at(told, step(0, 0, None), at("2026-12-15"));
        assert_eq!((leaves, told.verified, told.found), (Some(Leaves::ManualTask), None, 3));
        // One of them comes into sight and is done away with: of the others nobody knows.
        let (leaves, told) = asked_again_at(left.clone(), step(1, 0, Some(true)), at("2026-12-14"));
        assert_eq!((leaves, told.found), (Some(Leaves::ManualTask), 3));
        let (leaves, told) = asked_again_at(told, step(0, 0, None), at("2026-12-15"));
        assert_eq!((leaves, told.verified), (Some(Leaves::ManualTask), None));
        // All of them come into sight and are done away with.
        let (leaves, told) = asked_again_at(left, step(3, 0, Some(true)), at("2026-12-14"));
        assert_eq!((leaves, told.verified, told.out_of_sight), (Some(Leaves::Deleted), Some(true), false));
        // Some of them are kept longer.
        let ripens = StepReport { next_ripe: Some("2026-10-10".to_owned()), ..step(3, 3, None) };
        let (_, left) = asked_again_at(ripens, step(0, 0, None), at("2026-11-11"));
        let (leaves, told) = asked_again_at(left, step(0, 0, None), at("2026-11-12"));
        assert_eq!((leaves, told.kept), (Some(Leaves::ManualTask), 3));
        assert_eq!(told.next_ripe.as_deref(), Some("2026-12-12"));
    }

    #[test]
    fn what_ripens_year_by_year_is_gone_when_the_last_of_it_is() {
        let at = |day: &str| Timestamp::parse(&format!("{day}T08:00:00Z")).unwrap();
        let kept = |found, kept, verified, until: &str, ripe: &str| StepReport {
            kept_until: Some(until.to_owned()),
            next_ripe: Some(ripe.to_owned()),
            ..step(found, kept, verified)
        };
        // Of three, one is done away with at once, and the others a year apart.
        let first = kept(3, 2, Some(true), "2027-12-12", "2026-12-12");
        let second = kept(2, 1, Some(true), "2027-12-12", "2027-12-12");
        let (leaves, told) = asked_again_at(first, second, at("2026-12-13"));
        assert_eq!((leaves, told.found, told.kept, told.out_of_sight), (Some(Leaves::Restricted), 3, 1, false));
        let (leaves, told) = asked_again_at(told, step(1, 0, Some(true)), at("2027-12-13"));
        assert_eq!((leaves, told.kept, told.out_of_sight), (Some(Leaves::Deleted), 0, false));
    }

    #[test]
    fn what_was_kept_and_was_done_away_with_in_its_time_is_gone() {
        let (leaves, told) = asked_again(step(3, 3, None), step(3, 0, Some(true)));
        assert_eq!((leaves, told.verified, told.kept), (Some(Leaves::Deleted), Some(true), 0));
        // Nobody can do away with them by a call.
        let by_hand = StepReport { leaves: Some(Leaves::ManualTask), ..step(3, 0, None) };
        let (leaves, told) = asked_again(step(3, 3, None), by_hand);
        assert_eq!((leaves, told.kept, told.kept_until), (Some(Leaves::ManualTask), 0, None));
        let (_, told) = asked_again(step(3, 0, Some(false)), step(0, 0, None));
        assert_eq!((told.verified, told.found), (Some(true), 3));
        // What somebody had to do by hand, and did.
        let by_hand = StepReport { leaves: Some(Leaves::ManualTask), ..step(3, 0, None) };
        let (_, told) = asked_again(by_hand, step(0, 0, None));
        assert_eq!((told.verified, told.found), (Some(true), 3));
    }
}
