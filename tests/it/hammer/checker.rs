//! Whether a logged history of one person can be: who was told what, and when each call began and ended.
//!
//! All times are of one clock, and a call takes effect at some moment between its begin and its end. One client writes
//! for a person, one call after the other; anybody reads. Nothing is assumed about the moment inside a call, so what is
//! reported here cannot have happened in a house that keeps its promises.

/// What somebody said about themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    Granted,
    Withdrawn,
    Erased,
}

/// A call that says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Said {
    pub act: Act,
    pub begun: u64,
    /// Nothing: no answer came. It may have taken effect at any time since, or never.
    pub acknowledged: Option<u64>,
}

/// A read that was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Read {
    pub begun: u64,
    pub ended: u64,
    pub disclosed: bool,
}

/// What cannot have been.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Violation {
    /// It disclosed, and every yes there was had been taken back before it began.
    DisclosedWithoutConsent(Read),
    /// It disclosed somebody whose erasure was acknowledged before it began.
    DisclosedAfterErasure(Read),
    /// It was refused although a yes was acknowledged before it began and no no can have come between.
    RefusedDespiteConsent(Read),
}

/// The first thing in this history that cannot have been. `said` is in the order of its calls.
pub fn check(said: &[Said], reads: &[Read]) -> Option<Violation> {
    reads.iter().find_map(|read| of_one(said, *read))
}

fn of_one(said: &[Said], read: Read) -> Option<Violation> {
    let acts = |act: Act| said.iter().filter(move |said| said.act == act);
    let over_before = |said: &&Said| said.acknowledged.is_some_and(|end| end < read.begun);
    let noes = || acts(Act::Withdrawn).chain(acts(Act::Erased));
    if read.disclosed {
        if acts(Act::Erased).any(|erased| over_before(&erased)) {
            return Some(Violation::DisclosedAfterErasure(read));
        }
        // A yes that may have come before the read, and was not certainly taken back between the two.
        let stands = |yes: &Said| {
            yes.begun < read.ended
                && !noes().filter(over_before).any(|no| yes.acknowledged.is_some_and(|end| end < no.begun))
        };
        (!acts(Act::Granted).any(stands)).then_some(Violation::DisclosedWithoutConsent(read))
    } else {
        // A yes before the read, and no no that may have come after that yes and before the read's end. After an
        // erasure no yes counts.
        let certain = |yes: &Said| {
            let after = |no: &Said| no.act == Act::Erased || no.acknowledged.is_none_or(|end| end > yes.begun);
            over_before(&yes) && !noes().any(|no| no.begun < read.ended && after(no))
        };
        acts(Act::Granted).any(certain).then_some(Violation::RefusedDespiteConsent(read))
    }
}

mod tests {
    use super::*;

    fn said(act: Act, begun: u64, end: u64) -> Said {
        Said { act, begun, acknowledged: Some(end) }
    }

    fn read(begun: u64, ended: u64, disclosed: bool) -> Read {
        Read { begun, ended, disclosed }
    }

    /// Yes from 10 to 20, no from 30 to 40, yes again from 50 to 60, erased from 70 to 80.
    fn life() -> [Said; 4] {
        [
            said(Act::Granted, 10, 20),
            said(Act::Withdrawn, 30, 40),
            said(Act::Granted, 50, 60),
            said(Act::Erased, 70, 80),
        ]
    }

    #[test]
    fn a_disclosure_needs_a_yes_that_may_stand() {
        let disclosed = |begun, ended| check(&life(), &[read(begun, ended, true)]);
        for (begun, ended) in [(5, 11), (12, 13), (25, 26), (25, 100), (35, 36), (39, 45), (45, 51), (65, 66), (79, 90)]
        {
            assert_eq!(disclosed(begun, ended), None, "{begun} to {ended}");
        }
        for (begun, ended) in [(0, 9), (41, 42), (41, 49)] {
            let found = Violation::DisclosedWithoutConsent(read(begun, ended, true));
            assert_eq!(disclosed(begun, ended), Some(found), "{begun} to {ended}");
        }
    }

    #[test]
    fn an_erasure_is_final() {
        let late = read(81, 82, true);
        assert_eq!(check(&life(), &[late]), Some(Violation::DisclosedAfterErasure(late)));
        let mut again = life().to_vec();
        again.push(said(Act::Granted, 90, 95));
        let later = read(96, 97, true);
        assert_eq!(check(&again, &[later]), Some(Violation::DisclosedAfterErasure(later)));
        assert_eq!(check(&again, &[read(96, 97, false)]), None);
    }

    #[test]
    fn a_refusal_needs_a_no_that_may_stand() {
        let refused = |begun, ended| check(&life(), &[read(begun, ended, false)]);
        for (begun, ended) in [(5, 11), (15, 16), (25, 31), (35, 36), (45, 46), (55, 56), (65, 71), (85, 86)] {
            assert_eq!(refused(begun, ended), None, "{begun} to {ended}");
        }
        for (begun, ended) in [(21, 29), (61, 69)] {
            let found = Violation::RefusedDespiteConsent(read(begun, ended, false));
            assert_eq!(refused(begun, ended), Some(found), "{begun} to {ended}");
        }
    }

    #[test]
    fn a_call_without_an_answer_may_have_counted_or_not() {
        let lost = |act| [said(Act::Granted, 10, 20), Said { act, begun: 30, acknowledged: None }];
        for disclosed in [true, false] {
            assert_eq!(check(&lost(Act::Withdrawn), &[read(50, 51, disclosed)]), None);
            assert_eq!(check(&lost(Act::Erased), &[read(50, 51, disclosed)]), None);
        }
        let late_yes = [
            said(Act::Granted, 1, 2),
            said(Act::Withdrawn, 3, 4),
            Said { act: Act::Granted, begun: 10, acknowledged: None },
            said(Act::Withdrawn, 20, 30),
        ];
        assert_eq!(check(&late_yes, &[read(50, 51, true)]), None, "the lost yes may have come after the no");
        assert!(check(&late_yes, &[read(5, 9, true)]).is_some());
    }

    /// A plain house that answers every call at once, and the same with one wrong answer in it.
    #[test]
    fn one_wrong_answer_among_many_is_found() {
        let (mut time, mut open, mut history, mut reads) = (0, false, Vec::new(), Vec::new());
        let chance = crate::clock_and_chance::SeededChance::of(7);
        let mut tick = || {
            time += 1;
            time
        };
        for _ in 0..200 {
            if chance.below(5) == 0 {
                open = !open;
                let act = if open { Act::Granted } else { Act::Withdrawn };
                history.push(said(act, tick(), tick()));
            } else {
                reads.push(read(tick(), tick(), open));
            }
        }
        assert_eq!(check(&history, &reads), None);
        for at in 0..reads.len() {
            let mut wrong = reads.clone();
            wrong[at].disclosed = !wrong[at].disclosed;
            assert!(check(&history, &wrong).is_some(), "a wrong answer was not found: {:?}", wrong[at]);
        }
    }
}
