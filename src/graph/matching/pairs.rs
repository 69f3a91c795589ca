//! Which cards are compared at all: those that share a blocking key.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::{Card, KeyKind, keys};

/// Records under one key that are all compared with each other.
const BLOCK: usize = 60;
/// As many under one full name: it is what somebody is looked for by who gives nothing else.
const NAMES: usize = 240;
/// Where there are more, each is compared with so many of its neighbours in the order of what the cards say: those that
/// say the same lie side by side, and the work grows no faster than the records.
const NEIGHBOURS: usize = 4;
/// Pairs that are kept before those found twice are dropped the first time.
const KEPT: usize = 1 << 20;

/// The pairs of positions in `cards` that are to be compared, in ascending order, each once. They do not depend on the
/// order of the cards.
#[must_use]
pub fn candidates(cards: &[&Card]) -> Vec<(u32, u32)> {
    // Sorted, the records under one key lie side by side: a table of lists would take several times the room.
    let mut found: Vec<(u64, KeyKind, u32)> = Vec::new();
    for (at, card) in (0..).zip(cards) {
        for (kind, value) in keys(card) {
            // Two values under one number cost a comparison and nothing else.
            let mut hasher = DefaultHasher::new();
            value.hash(&mut hasher);
            found.push((hasher.finish(), kind, at));
        }
    }
    found.sort_unstable();
    let mut pairs = Pairs { all: Vec::new(), enough: KEPT };
    for run in found.chunk_by(|one, other| (one.0, one.1) == (other.0, other.1)) {
        let mut block: Vec<u32> = run.iter().map(|(_, _, at)| *at).collect();
        let most = if run.first().is_some_and(|(_, kind, _)| *kind == KeyKind::FullName) { NAMES } else { BLOCK };
        let near = if block.len() <= most { block.len() } else { NEIGHBOURS };
        if near < block.len() {
            let card = |at: &u32| usize::try_from(*at).ok().and_then(|at| cards.get(at));
            // By all the rest they say where that is the same: which of them are neighbours must not be a matter of arrival.
            block.sort_unstable_by(|one, other| {
                let by_what_they_say = said(card(one)).cmp(&said(card(other)));
                by_what_they_say.then_with(|| card(one).cmp(&card(other))).then(one.cmp(other))
            });
        }
        for (place, one) in block.iter().enumerate() {
            block.iter().skip(place + 1).take(near).for_each(|other| pairs.add(*one, *other));
        }
    }
    drop(found);
    pairs.drop_doubles();
    pairs.all
}

/// Pairs that were found, some of them by several keys.
struct Pairs {
    all: Vec<(u32, u32)>,
    /// When there are so many, those found twice are dropped.
    enough: usize,
}

impl Pairs {
    fn add(&mut self, one: u32, other: u32) {
        if one != other {
            self.all.push((one.min(other), one.max(other)));
        }
        if self.all.len() >= self.enough {
            self.drop_doubles();
            self.enough = (2 * self.all.len()).max(KEPT);
        }
    }

    fn drop_doubles(&mut self) {
        self.all.sort_unstable();
        self.all.dedup();
    }
}

/// What a card says, wherever it came from.
fn said<'a>(card: Option<&&'a Card>) -> Option<impl Ord + use<'a>> {
    card.map(|card| {
        (
            &card.given,
            &card.family,
            &card.birth,
            &card.mailboxes,
            &card.phones,
            &card.places,
            &card.handles,
            &card.source,
        )
    })
}
