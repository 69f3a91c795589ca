//! Weighing all pairs at once, and finding out by it how often two records are one person's.
//!
//! The prior of the model is that of a hub of which nothing is known. What the pairs say shows how many records people have here:
//! in a list of a few people with many records each, two taken by chance are one person's far more often (the first step of
//! expectation maximisation; nothing else is learnt from it).

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::score::LIFTED;
use super::{Bits, Card, Model, TermFrequencies, Verdict};

/// Pairs that one thread scores; fewer are not worth a second one.
const PAIRS: usize = 10_000;
/// Pairs after which it is told how many were weighed.
const TOLD: usize = 1_000;
/// Of fewer pairs that are one person's nothing is found out.
const FEW: u64 = 100;
/// Likelihoods are added up in millionths: in whole numbers their order makes no difference.
const ONE: f64 = 1e6;

/// A pair and what it is worth.
type Weighed = ((u32, u32), Bits);

/// The pairs that say enough to be looked at, in their order, and how many other records one has of the same person; that is
/// noted in `frequencies` before they are weighed for good.
pub(super) fn weigh(
    model: &Model,
    frequencies: &mut TermFrequencies,
    cards: &[&Card],
    pairs: Vec<(u32, u32)>,
    weighed: &AtomicUsize,
) -> (Vec<Weighed>, Option<f64>) {
    frequencies.set_fellows(None);
    let usual = model.strangers(frequencies);
    let (mut enough, likely) = scored(model, frequencies, cards, &pairs, weighed);
    drop(pairs);
    let fellows = fellows(likely, cards.len());
    frequencies.set_fellows(fellows);
    if model.strangers(frequencies) != usual {
        let pairs: Vec<(u32, u32)> = enough.iter().map(|(pair, _)| *pair).collect();
        (enough, _) = scored(model, frequencies, cards, &pairs, &AtomicUsize::new(0));
    }
    enough.retain(|(_, total)| *total >= model.review_at());
    (enough, fellows)
}

/// How many other records one of so many has of the same person, if so many pairs are one person's, in millionths.
#[allow(clippy::cast_precision_loss, reason = "counts of pairs lie far below 2^53")]
fn fellows(likely: u64, records: usize) -> Option<f64> {
    let pairs = likely as f64 / ONE;
    (pairs >= FEW as f64).then(|| 2.0 * pairs / records.max(1) as f64)
}

/// The pairs that may say enough, in their order, whatever number of threads weighs them; and how many of all pairs are likely one
/// person's, in millionths.
fn scored(
    model: &Model,
    frequencies: &TermFrequencies,
    cards: &[&Card],
    pairs: &[(u32, u32)],
    weighed: &AtomicUsize,
) -> (Vec<Weighed>, u64) {
    let card = |at: u32| usize::try_from(at).ok().and_then(|at| cards.get(at));
    let least = model.review_at() + Bits::of(-LIFTED);
    let scored = |pairs: &[(u32, u32)]| -> (Vec<Weighed>, u64) {
        let (mut enough, mut sum) = (Vec::new(), 0);
        for some in pairs.chunks(TOLD) {
            for pair in some {
                let Some((one, other)) = card(pair.0).zip(card(pair.1)) else { continue };
                let found = model.score(one, other, frequencies);
                if !matches!(found.verdict, Verdict::Veto(_)) {
                    sum += likelihood(found.total);
                }
                if found.total >= least {
                    enough.push((*pair, found.total));
                }
            }
            weighed.fetch_add(some.len(), Ordering::Relaxed);
        }
        (enough, sum)
    };
    let threads = thread::available_parallelism().map_or(1, usize::from).min(pairs.len() / PAIRS + 1);
    if threads == 1 {
        return scored(pairs);
    }
    let some = pairs.len().div_ceil(threads);
    thread::scope(|scope| {
        let running: Vec<_> = pairs.chunks(some).map(|some| scope.spawn(|| scored(some))).collect();
        let (mut all, mut sum) = (Vec::new(), 0);
        for thread in running {
            let (enough, likely) = match thread.join() {
                Ok(scored) => scored,
                Err(panic) => std::panic::resume_unwind(panic),
            };
            all.extend(enough);
            sum += likely;
        }
        (all, sum)
    })
}

/// How likely two records are one person's, in millionths.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between nought and a million")]
fn likelihood(total: Bits) -> u64 {
    (ONE / (1.0 + (-total.bits()).exp2())) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::matching::{Fields, candidates};

    /// So many people with so many records each, of name and birth date.
    fn records(people: usize, each: usize) -> Vec<Card> {
        let pick = |of: &str, at: usize| of.split(' ').nth(at % 10).map(str::to_owned).unwrap_or_default();
        let card = |person: usize| {
            let head = pick("zwirn haber quast rucke ober wies yms loib kesten dorn", person);
            let tail = pick("lechner stroh berg deschel priller inger ker auer thal feld", person / 10);
            let mut fields = Fields::default();
            fields.given_name =
                Some(pick("adalwin burkhild chlod dankrad ekke folk gernot irmtraud jobst mechthild", person / 7));
            fields.family_name = Some(format!("{head}{tail}{}", pick("a o e", person / 100)));
            let day = u8::try_from(1 + person * 5 % 28).unwrap_or_default();
            let month = u8::try_from(1 + person % 12).unwrap_or_default();
            fields.birth_date = Some((i16::try_from(1930 + person % 67).unwrap_or_default(), month, day));
            Card::new(&fields)
        };
        (0..people).flat_map(|person| (0..each).map(move |_| card(person))).collect()
    }

    fn found(cards: &[Card]) -> (Option<f64>, Bits) {
        let model = Model::shipped();
        let cards: Vec<&Card> = cards.iter().collect();
        let mut frequencies = TermFrequencies::count(cards.iter().copied());
        let (_, fellows) = weigh(&model, &mut frequencies, &cards, candidates(&cards), &AtomicUsize::new(0));
        (fellows, model.strangers(&frequencies))
    }

    #[test]
    fn how_many_records_people_have_is_found_out() {
        let (fellows, prior) = found(&records(200, 5));
        assert!(fellows.is_some_and(|fellows| (3.9..4.3).contains(&fellows)), "{fellows:?}");
        // Two of a thousand records are one person's once in 2^8, which is as likely as it gets.
        assert!(prior > Bits::of(-8.2) && prior <= Bits::of(-8.0), "{prior:?}");
        let mut turned = records(200, 5);
        turned.reverse();
        assert_eq!(found(&turned), (fellows, prior));
        // Too few pairs say nothing.
        assert_eq!(found(&records(90, 2)), (None, Bits::of(-12.0)));
        assert_eq!(found(&records(380, 1)).1, Bits::of(-12.0));
    }

    #[test]
    fn what_was_found_is_bounded() {
        let prior = |records: u64, fellows: f64| {
            let mut frequencies = TermFrequencies::new(records);
            frequencies.set_fellows(Some(fellows));
            Model::shipped().strangers(&frequencies).bits()
        };
        assert_eq!([prior(100, 50.0), prior(1_000, 900.0), prior(16_384, 8_000.0)], [-8.0, -8.0, -9.0]);
        assert_eq!([prior(16_384, 1.0), prior(16_384, 4.0), prior(16_384, 16.0)], [-13.0, -12.0, -10.0]);
    }
}
