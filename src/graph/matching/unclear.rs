//! Records that are as like the one as the other of two who are known to be two people, of all that are grouped anew: by what they say
//! nobody can tell of whom they are, so they join neither, and somebody is asked. The rule is that of what arrives ([`super::either()`]).

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::either::{Known, LIKELIEST, is_nobodys, rivals};
use super::run::Run;
use super::{Bits, Card};
use crate::types::SourceNo;

/// A pair and what it is worth.
pub(super) type Weighed = ((u32, u32), Bits);

/// On what two people may be known to be two.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Matter {
    /// A decision that two are not the same.
    Mark(u32),
    /// Whose login it is at a source.
    Login(SourceNo),
}

/// Which of them somebody is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Is {
    Side(bool),
    Login([u8; 16]),
}

type Facts = Known<Matter, Is>;

/// Somebody who is nobody's.
struct Nobody {
    /// Whom they may be, and how like them they are: the likeliest [`LIKELIEST`].
    possible: BTreeMap<u32, Bits>,
    /// What is known of all whom they may be.
    told: Facts,
}

impl Nobody {
    /// Are those whom the one may be others than those whom the other may be?
    fn is_other(&self, other: &Self) -> bool {
        !self.possible.keys().any(|one| other.possible.contains_key(one)) && self.told.differs(&other.told)
    }
}

/// Those who come to one another.
#[derive(Default)]
struct Lot {
    told: Facts,
    /// Whom those of them may be who are nobody's.
    possible: BTreeMap<u32, Bits>,
}

impl Lot {
    fn add(&mut self, nobody: &Nobody) {
        self.told.merge(nobody.told.clone());
        for (root, weight) in &nobody.possible {
            let most = self.possible.entry(*root).or_insert(*weight);
            *most = (*most).max(*weight);
        }
    }
}

/// Puts groups with their weights in the order of how likely they are, and of as likely ones in that of their cards, which does not depend
/// on arrival.
fn put_likeliest_first(run: &Run<'_>, groups: &mut [(Bits, u32)]) {
    let cards = |root: u32| run.of(root).iter().map(|at| run.card(*at));
    groups.sort_by(|(weight, one), (others, other)| others.cmp(weight).then_with(|| cards(*one).cmp(cards(*other))));
}

/// The pairs of records that would join, and may be of one person as well as the one with somebody who is another. Who is one by what is
/// settled is weighed as one.
///
/// Who may be either of two is none of them, and of nobody else who may be one of the two: who is like those whom the two are like
/// as well, or whom what they say keeps from one of the two. Beside that they are whoever they are like.
pub(super) fn unclear(run: &Run<'_>, scored: &[Weighed]) -> HashSet<(u32, u32)> {
    let mut people = People::new(run);
    let mut open = HashSet::new();
    if people.with_login.is_empty() && run.marked().is_empty() {
        return open;
    }
    let enough = run.enough();
    let pairs = || {
        let pairs = scored.iter().filter(move |(_, weight)| *weight >= enough);
        pairs.flat_map(|((one, other), weight)| [(*one, *other, *weight), (*other, *one, *weight)])
    };
    // Whom they are each like that may not be one with another.
    let mut telling: HashMap<u32, BTreeSet<u32>> = HashMap::new();
    for (at, known, _) in pairs() {
        let (own, other) = (run.root(at), run.root(known));
        if people.tells(own, other) {
            telling.entry(own).or_default().insert(other);
        }
    }
    // Mostly they are all one customer's, and nothing need be weighed again.
    telling.retain(|own, telling| telling.len() > 1 && people.has_two(*own, telling));
    let mut like: BTreeMap<u32, Vec<(Bits, Pair)>> = BTreeMap::new();
    for (at, known, weight) in pairs() {
        let own = run.root(at);
        if telling.contains_key(&own) && may_be_one(run, (at, known)) && run.would_join(at, known) {
            like.entry(own).or_default().push((weight, (at, known)));
        }
    }
    let mut nobodys: BTreeMap<u32, Nobody> = BTreeMap::new();
    for (own, like) in like {
        let mut best: HashMap<u32, Bits> = HashMap::new();
        for (weight, (_, known)) in &like {
            let best = best.entry(run.root(*known)).or_insert(*weight);
            *best = (*best).max(*weight);
        }
        let mut best: Vec<(Bits, u32)> = best.into_iter().map(|(root, weight)| (weight, root)).collect();
        put_likeliest_first(run, &mut best);
        let (weights, roots): (Vec<Bits>, Vec<u32>) = best.iter().copied().unzip();
        let are_open = people.rivals(own, (&weights, &roots), enough);
        let is_nobodys = is_nobodys(&weights, enough, &are_open);
        let likeliest =
            || best.iter().zip(&are_open).filter(|(_, open)| **open).map(|((weight, root), _)| (*root, *weight));
        let two: BTreeSet<u32> = likeliest().map(|(root, _)| root).collect();
        let with_two = like.iter().filter(|(_, (_, known))| two.contains(&run.root(*known)));
        open.extend(with_two.map(|(_, pair)| in_order(*pair)));
        if is_nobodys {
            // All of it, whoever has a login as well: who comes to them is told from those by it.
            let mut told = Facts::default();
            two.iter().for_each(|root| told.merge(people.told(*root).clone()));
            nobodys.insert(own, Nobody { possible: likeliest().take(LIKELIEST).collect(), told });
        }
    }
    if !nobodys.is_empty() {
        let also = with_others(
            &mut people,
            &nobodys,
            pairs().map(|(at, known, _)| (at, known)).filter(|pair| !open.contains(&in_order(*pair))),
        );
        open.extend(also);
    }
    open
}

/// Two records, that whose person is looked at first.
type Pair = (u32, u32);

/// As pairs are listed.
fn in_order((one, other): Pair) -> Pair {
    (one.min(other), one.max(other))
}

/// Are they of two groups of which nobody decided that they are not one?
fn may_be_one(run: &Run<'_>, (one, other): Pair) -> bool {
    let (one, other) = (run.root(one), run.root(other));
    one != other && !run.is_forbidden(one, other)
}

/// The pairs of a record that is nobody's with somebody who, by being like others, may come to be one with those it may be of.
fn with_others(
    people: &mut People<'_, '_>,
    nobodys: &BTreeMap<u32, Nobody>,
    pairs: impl Iterator<Item = Pair>,
) -> Vec<Pair> {
    let run = people.run;
    let mut like: HashMap<u32, Vec<Pair>> = HashMap::new();
    for pair in pairs.filter(|pair| may_be_one(run, *pair)) {
        like.entry(run.root(pair.0)).or_default().push(pair);
    }
    let like = |own: u32| like.get(&own).map(Vec::as_slice).unwrap_or_default();
    let near = nobodys.keys().flat_map(|own| like(*own)).map(|(_, known)| run.root(*known));
    let starts: Vec<u32> = nobodys.keys().copied().chain(near).collect();
    // Those who are nobody's are apart from all others here, and may be one with each other.
    let may_come = |own: u32, other: u32| match (nobodys.get(&own), nobodys.get(&other)) {
        (Some(own), Some(other)) => !own.is_other(other),
        (own, other) => own.is_none() && other.is_none(),
    };
    let lots = lots(starts, |own, is_known| {
        let others = like(own).iter().filter(|(_, known)| may_come(own, run.root(*known)));
        let others = others.filter(|(at, known)| !is_known(run.root(*known)) && run.would_join(*at, *known));
        others.map(|(_, known)| run.root(*known)).collect()
    });
    let mut all = Vec::<Lot>::new();
    for (own, lot) in &lots {
        all.resize_with(all.len().max(lot + 1), Lot::default);
        let Some(lot) = all.get_mut(*lot) else { continue };
        match nobodys.get(own) {
            Some(nobody) => lot.add(nobody),
            None => lot.told.merge(people.told(*own).clone()),
        }
    }
    // However many they come to, what is said is compared with what as many say as one of them may be.
    let likeliest = |lot: &Lot| -> Vec<u32> {
        let mut possible: Vec<(Bits, u32)> = lot.possible.iter().map(|(root, weight)| (*weight, *root)).collect();
        put_likeliest_first(run, &mut possible);
        possible.into_iter().take(LIKELIEST).map(|(_, root)| root).collect()
    };
    let possible: Vec<Vec<u32>> = all.iter().map(likeliest).collect();
    let mut differ: HashMap<(usize, usize), bool> = HashMap::new();
    // By who they are, and the lot of who is nobody's.
    let mut kept: HashMap<(u32, usize), bool> = HashMap::new();
    let mut found = Vec::new();
    for (own, nobody) in nobodys {
        for (at, known) in like(*own) {
            let root = run.root(*known);
            if let Some(other) = nobodys.get(&root) {
                found.extend(nobody.is_other(other).then(|| in_order((*at, *known))));
                continue;
            }
            let Some((one, other)) = lots.get(own).zip(lots.get(&root)) else { continue };
            let differ = *differ.entry((*one, *other)).or_insert_with(|| {
                all.get(*one).zip(all.get(*other)).is_some_and(|(one, other)| one.told.differs(&other.told))
            });
            if differ
                || *kept
                    .entry((root, *one))
                    .or_insert_with(|| possible.get(*one).is_some_and(|possible| people.is_kept_from(root, possible)))
            {
                found.push(in_order((*at, *known)));
            }
        }
    }
    found
}

/// Who comes to whom, from these on: each who is reached, and a number for all who are reached from one another. Whom somebody comes to
/// is asked once of each; who `is_known` already need not be named.
fn lots(
    starts: impl IntoIterator<Item = u32>,
    mut next: impl FnMut(u32, &dyn Fn(u32) -> bool) -> Vec<u32>,
) -> BTreeMap<u32, usize> {
    let (mut lots, mut count): (BTreeMap<u32, usize>, usize) = (BTreeMap::new(), 0);
    for start in starts {
        if lots.contains_key(&start) {
            continue;
        }
        let mut waiting = vec![start];
        lots.insert(start, count);
        while let Some(own) = waiting.pop() {
            let others = next(own, &|other| lots.contains_key(&other));
            for other in others {
                if lots.insert(other, count).is_none() {
                    waiting.push(other);
                }
            }
        }
        count += 1;
    }
    lots
}

/// Who is one by what is settled, by the roots of their groups, and what tells them from others.
struct People<'a, 'b> {
    run: &'a Run<'b>,
    with_login: HashSet<u32>,
    /// Of those who were asked about.
    told: HashMap<u32, Facts>,
    /// Of those who were compared with whom somebody may be, the records that are looked at.
    looked: HashMap<u32, Vec<u32>>,
}

impl<'a, 'b> People<'a, 'b> {
    fn new(run: &'a Run<'b>) -> Self {
        let with_login = run.all().filter(|(_, card)| card.has_login()).map(|(at, _)| run.root(at)).collect();
        Self { run, with_login, told: HashMap::new(), looked: HashMap::new() }
    }

    /// May this other group be who the one is, and may it tell who else they are not?
    fn tells(&self, own: u32, other: u32) -> bool {
        let login = || !self.with_login.contains(&own) && self.with_login.contains(&other);
        (self.run.marked().contains_key(&other) || login()) && own != other && !self.run.is_forbidden(own, other)
    }

    /// What is known of a group.
    fn told(&mut self, group: u32) -> &Facts {
        let run = self.run;
        self.told.entry(group).or_insert_with(|| {
            let mut told = Facts::default();
            for (mark, side) in run.marked().get(&group).into_iter().flatten() {
                told.note(Matter::Mark(*mark), Is::Side(*side));
            }
            // Who has the same login is one already, so of several on one record each counts by itself.
            for (source, ix) in run.of(group).iter().filter_map(|at| run.card(*at)).flat_map(Card::logins) {
                told.note(Matter::Login(source), Is::Login(ix));
            }
            told
        })
    }

    /// Does it tell who came with `own` who they are not? Whose login it is, is told by the login alone.
    fn counts(&self, own: u32) -> impl Fn(&Matter) -> bool + use<> {
        let is_guest = !self.with_login.contains(&own);
        move |matter| is_guest || matches!(matter, Matter::Mark(_))
    }

    /// Does what somebody says keep them from being one of these?
    fn is_kept_from(&mut self, own: u32, others: &[u32]) -> bool {
        let run = self.run;
        let ours = self.looked.entry(own).or_insert_with(|| run.telling_of(own)).clone();
        others.iter().any(|other| {
            let theirs = self.looked.entry(*other).or_insert_with(|| run.telling_of(*other));
            run.are_vetoed(&ours, theirs)
        })
    }

    /// Which of these groups, whom one is like by these weights, are about as like as another who is somebody else?
    fn rivals(&mut self, own: u32, (weights, roots): (&[Bits], &[u32]), enough: Bits) -> Vec<bool> {
        let counts = self.counts(own);
        let mut stands = Vec::new();
        for (place, root) in roots.iter().enumerate() {
            stands.extend(self.told(*root).on(&counts).map(|(matter, is)| (*matter, place, is.copied())));
        }
        rivals(weights, enough, stands)
    }

    fn has_two(&mut self, own: u32, groups: &BTreeSet<u32>) -> bool {
        let (weights, roots): (Vec<Bits>, Vec<u32>) = groups.iter().map(|group| (Bits::default(), *group)).unzip();
        self.rivals(own, (&weights, &roots), Bits(1)).contains(&true)
    }
}

/// Of cards, each with what it is known by, those with a login: of a customer's hundreds of records one for each.
pub fn logins<'a, T>(cards: impl Iterator<Item = (T, &'a Card)>) -> Vec<(T, &'a Card)> {
    let mut few: Vec<(T, &Card)> = Vec::new();
    for (own, card) in cards.filter(|(_, card)| card.has_login()) {
        if !few.iter().any(|(_, known)| known.has_same_logins(card)) {
            few.push((own, card));
        }
    }
    few
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A long row of people who are each like the next, and as many who are each like all.
    #[test]
    fn who_comes_to_whom_is_asked_once_of_each() {
        const MANY: u32 = 20_000;
        let (mut asked, mut named) = (0_u32, 0);
        let found = lots([7, 0, MANY, 9], |own, is_known| {
            asked += 1;
            let next: Vec<u32> = match own {
                MANY => (MANY + 1..2 * MANY).collect(),
                own if own > MANY => vec![MANY],
                own => [own.checked_sub(1), Some(own + 1).filter(|next| *next < MANY)].into_iter().flatten().collect(),
            };
            named += next.iter().filter(|next| !is_known(**next)).count();
            next
        });
        assert_eq!((found.len(), asked), (2 * MANY as usize, 2 * MANY));
        assert!(named <= 2 * MANY as usize, "{named}");
        assert_eq!((found[&0], found[&(MANY - 1)], found[&MANY], found[&(2 * MANY - 1)]), (0, 0, 1, 1));
    }
}
