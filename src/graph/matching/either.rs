//! Of whom a record is that is as like the one as the other of two who are known to be two people: the rule by which what arrives and
//! what is grouped anew is judged.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::Bits;

/// Of all whom somebody may be, so many are looked at where it is asked whether others are other people than those: the likeliest. A
/// common name may leave hundreds, and then each would be held against each, and all of them against whoever comes, while nothing else
/// can be written. What arrives and what is grouped anew keeps to the same number.
pub const LIKELIEST: usize = 32;

/// Of whom a record may be as well as of somebody else. Positions in the list of those whom it is like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Either {
    /// For each of them whether it may be of another as well.
    pub open: Vec<bool>,
    /// Those who are two people, and whom it is about as like.
    pub two: Vec<(usize, usize)>,
    /// May it be of another as well as of whom it is most like? Then it is nobody's, and everybody is open.
    pub nobodys: bool,
}

/// A record is like some people, by these weights, the likeliest first. Of two whom it is like within what is `enough` to join it may be
/// the one's as well as the other's, if they are known to be two people.
///
/// # Errors
/// If `are_two` fails.
pub fn either<E>(
    weights: &[Bits],
    enough: Bits,
    mut are_two: impl FnMut(usize, usize) -> Result<bool, E>,
) -> Result<Either, E> {
    let mut found = Either { open: vec![false; weights.len()], ..Either::default() };
    for (other, less) in weights.iter().enumerate() {
        for (one, more) in weights.iter().take(other).enumerate() {
            if more.0 - less.0 < enough.0 && are_two(one, other)? {
                found.two.push((one, other));
                for at in [one, other] {
                    if let Some(open) = found.open.get_mut(at) {
                        *open = true;
                    }
                }
            }
        }
    }
    found.nobodys = is_nobodys(weights, enough, &found.open);
    if found.nobodys {
        found.open.fill(true);
    }
    Ok(found)
}

/// Is one of those who are most alike `open`?
pub(super) fn is_nobodys(weights: &[Bits], enough: Bits, open: &[bool]) -> bool {
    let first = weights.first().copied().unwrap_or_default();
    let near = weights.iter().take_while(|weight| first.0 - weight.0 < enough.0).count();
    open.iter().take(near).any(|open| *open)
}

/// What somebody is known to be on matters on which two people may differ: which side of a decision, whose login at a source.
#[derive(Clone)]
pub(super) struct Known<M, S>(BTreeMap<M, Option<S>>);

impl<M, S> Default for Known<M, S> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<M: Ord, S: PartialEq> Known<M, S> {
    pub(super) fn note(&mut self, matter: M, is: S) {
        self.add(matter, Some(is));
    }

    /// None: several at once, which is other than whatever anybody else is.
    fn add(&mut self, matter: M, is: Option<S>) {
        match self.0.entry(matter) {
            Entry::Vacant(free) => {
                free.insert(is);
            }
            Entry::Occupied(mut known) if *known.get() != is => {
                known.insert(None);
            }
            Entry::Occupied(_) => {}
        }
    }

    /// All that is known of some.
    pub(super) fn merge(&mut self, other: Self) {
        let (few, many) = if self.0.len() < other.0.len() {
            (std::mem::take(&mut self.0), other.0)
        } else {
            (other.0, std::mem::take(&mut self.0))
        };
        self.0 = many;
        few.into_iter().for_each(|(matter, is)| self.add(matter, is));
    }

    /// Is one of the two other than the other on any matter?
    pub(super) fn differs(&self, other: &Self) -> bool {
        let (few, many) = if self.0.len() < other.0.len() { (&self.0, &other.0) } else { (&other.0, &self.0) };
        few.iter().any(|(matter, one)| many.get(matter).is_some_and(|other| are_other(one.as_ref(), other.as_ref())))
    }

    /// What is known on a matter; `Some(None)`: several at once.
    pub(super) fn get(&self, matter: &M) -> Option<Option<&S>> {
        self.0.get(matter).map(Option::as_ref)
    }

    /// What is known on some matters.
    pub(super) fn on(&self, which: impl Fn(&M) -> bool) -> impl Iterator<Item = (&M, Option<&S>)> {
        self.0.iter().filter(move |(matter, _)| which(matter)).map(|(matter, is)| (matter, is.as_ref()))
    }
}

fn are_other<S: PartialEq>(one: Option<&S>, other: Option<&S>) -> bool {
    one.is_none() || other.is_none() || one != other
}

/// What one of several, by their place, is known to be on a matter.
pub(super) type Stand<M, S> = (M, usize, Option<S>);

/// As [`either()`] finds who is `open`, of any number of people: who is within what is `enough` as like as another who is known to be
/// somebody else. All `stands` are looked at twice, and no two people side by side.
pub(super) fn rivals<M: Ord, S: PartialEq>(weights: &[Bits], enough: Bits, mut stands: Vec<Stand<M, S>>) -> Vec<bool> {
    let mut open = vec![false; weights.len()];
    stands.sort_by(|(one, at, _), (other, place, _)| one.cmp(other).then(at.cmp(place)));
    for matter in stands.chunk_by(|one, other| one.0 == other.0) {
        mark_rivals(matter.iter(), (weights, enough), &mut open);
        mark_rivals(matter.iter().rev(), (weights, enough), &mut open);
    }
    open
}

/// Marks who is near whom of those before them that are somebody else comes next to them.
fn mark_rivals<'a, M: 'a, S: PartialEq + 'a>(
    stands: impl Iterator<Item = &'a Stand<M, S>>,
    (weights, enough): (&[Bits], Bits),
    open: &mut [bool],
) {
    let weight = |at: usize| weights.get(at).copied().unwrap_or_default().0;
    // The last one, and the last that is other than that.
    let (mut last, mut other) = (None::<&Stand<M, S>>, None::<&Stand<M, S>>);
    for stand in stands {
        if last.is_some_and(|last| are_other(last.2.as_ref(), stand.2.as_ref())) {
            other = last;
        }
        let near = other.is_some_and(|other| (weight(other.1) - weight(stand.1)).abs() < enough.0);
        if let Some(open) = open.get_mut(stand.1).filter(|_| near) {
            *open = true;
        }
        last = Some(stand);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::convert::Infallible;

    use proptest::prelude::*;

    use super::*;

    /// Whom a record may be as well as another, of people whom it is like by so many bits, of whom these are two.
    fn open(bits: &[i32], two: &[(usize, usize)]) -> (Vec<usize>, bool) {
        let weights: Vec<Bits> = bits.iter().map(|bits| Bits(bits * 1_000)).collect();
        let are_two = |one, other| Ok::<_, Infallible>(two.contains(&(one, other)));
        let Ok(found) = either(&weights, Bits(4_000), are_two);
        let open = found.open.iter().enumerate().filter(|(_, open)| **open).map(|(at, _)| at);
        (open.collect(), found.nobodys)
    }

    #[test]
    fn who_is_as_like_two_is_neithers() {
        assert_eq!(open(&[], &[]), (vec![], false));
        assert_eq!(open(&[20], &[]), (vec![], false));
        assert_eq!(open(&[20, 20], &[]), (vec![], false));
        assert_eq!(open(&[20, 17], &[(0, 1)]), (vec![0, 1], true));
        assert_eq!(open(&[20, 16], &[(0, 1)]), (vec![], false), "clearly more like the one");
        // Whoever else is as like.
        assert_eq!(open(&[20, 20, 20, 9], &[(1, 2)]), (vec![0, 1, 2, 3], true));
        assert_eq!(open(&[20, 18, 15], &[(1, 2)]), (vec![0, 1, 2], true));
    }

    #[test]
    fn who_is_clearly_of_somebody_may_be_either_of_two_beside() {
        assert_eq!(open(&[30, 20, 19, 12], &[(1, 2)]), (vec![1, 2], false));
        assert_eq!(open(&[30, 20, 12, 10], &[(1, 2), (2, 3)]), (vec![2, 3], false));
    }

    thread_local! {
        static COMPARED: Cell<usize> = const { Cell::new(0) };
    }

    /// Counts how often two are compared.
    #[derive(Clone, Copy)]
    struct Counted(u32);

    impl PartialEq for Counted {
        fn eq(&self, other: &Self) -> bool {
            COMPARED.set(COMPARED.get() + 1);
            self.0 == other.0
        }
    }

    /// Thousands of people of one shop, and as many of one login that somebody decided on.
    #[test]
    fn any_number_of_people_are_judged_by_few_comparisons() {
        const MANY: usize = 10_000;
        let weights = vec![Bits(20_000); MANY];
        for login in [(|at| at) as fn(usize) -> usize, |_| 0] {
            let stands =
                (0..MANY).map(|at| ("webshop", at, Some(Counted(u32::try_from(login(at)).unwrap())))).collect();
            COMPARED.set(0);
            let open = rivals(&weights, Bits(4_000), stands);
            assert!(open.iter().all(|open| *open == (login(1) == 1)));
            assert!(COMPARED.get() <= 2 * MANY, "{} comparisons", COMPARED.get());
        }
    }

    proptest! {
        /// However many people are looked at, it comes out as if each two had been.
        #[test]
        fn many_are_judged_as_each_two_would_be(
            known in prop::collection::vec((0..16_i32, prop::collection::vec((0..3_u8, 0..3_u8), 0..4)), 0..12),
        ) {
            let mut known: Vec<(Bits, Known<u8, u8>)> = known
                .into_iter()
                .map(|(bits, all)| {
                    let mut known = Known::default();
                    all.into_iter().for_each(|(matter, is)| known.note(matter, is));
                    (Bits(bits * 1_000), known)
                })
                .collect();
            known.sort_by_key(|(weight, _)| -weight.0);
            let (weights, known): (Vec<Bits>, Vec<Known<u8, u8>>) = known.into_iter().unzip();
            let stands = known.iter().enumerate().flat_map(|(at, known)| known.on(|_| true).map(move |(matter, is)| (*matter, at, is.copied())));
            let mut open = rivals(&weights, Bits(4_000), stands.collect());
            let are_two = |one: usize, other: usize| Ok::<_, Infallible>(known[one].differs(&known[other]));
            let Ok(found) = either(&weights, Bits(4_000), are_two);
            let nobodys = is_nobodys(&weights, Bits(4_000), &open);
            if nobodys {
                open.fill(true);
            }
            prop_assert_eq!((open, nobodys), (found.open, found.nobodys));
        }
    }
}
