//! Which cards are compared at all: those that share a blocking key.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::{Card, KeyKind, keys};

/// Records under one key that are all compared with each other.
const BLOCK: usize = 60;
/// As many under one full name: it is what somebody is looked for by who gives nothing else.
const NAMES: usize = 240;
/// Where there are more, each is compared with so many of its neighbours in the order of what the cards say: those that
/// say the same lie side by side, and the work grows no faster than the records.
const NEIGHBOURS: usize = 4;

/// The pairs of positions in `cards` that are to be compared, in ascending order, each once. They do not depend on the
/// order of the cards.
#[must_use]
pub fn candidates(cards: &[&Card]) -> Vec<(u32, u32)> {
    let mut blocks: HashMap<(KeyKind, u64), Vec<u32>> = HashMap::new();
    for (at, card) in (0..).zip(cards) {
        for (kind, value) in keys(card) {
            // Two values under one number cost a comparison and nothing else.
            let mut hasher = DefaultHasher::new();
            value.hash(&mut hasher);
            blocks.entry((kind, hasher.finish())).or_default().push(at);
        }
    }
    let mut pairs = Vec::new();
    for ((kind, _), mut block) in blocks {
        let most = if kind == KeyKind::FullName { NAMES } else { BLOCK };
        let near = if block.len() <= most { block.len() } else { NEIGHBOURS };
        if near < block.len() {
            let card = |at: &u32| usize::try_from(*at).ok().and_then(|at| cards.get(at));
            block.sort_unstable_by(|one, other| said(card(one)).cmp(&said(card(other))).then(one.cmp(other)));
        }
        for (place, one) in block.iter().enumerate() {
            let others = block.iter().skip(place + 1).take(near);
            pairs.extend(others.map(|other| (*one.min(other), *one.max(other))));
        }
    }
    pairs.sort_unstable();
    pairs.dedup();
    pairs
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
