//! Given names.

use super::{names, near, nicknames};
use crate::graph::matching::Level;

/// Compares two lists of given names, the name somebody is called by first.
pub(in crate::graph::matching) fn givens(one: &[String], other: &[String]) -> Option<Level> {
    let (first, second) = (one.first()?, other.first()?);
    if one == other {
        // Two initials may stand for two names.
        return Some(if one.iter().all(|name| name.chars().count() == 1) { Level::Initial } else { Level::Same });
    }
    let best = one.iter().flat_map(|one| other.iter().map(move |other| word(one, other))).max_by_key(rank)?;
    let heads = word(first, second);
    Some(match (heads, best) {
        // "Anna" and "Anna Maria": who has one name only is called by it.
        (Level::Same, _) if others_fit(one, other) => Level::Same,
        (Level::Same, _) => Level::Part,
        _ if grown(one) == grown(other) => Level::Same,
        (Level::Different | Level::Initial | Level::Near, Level::Same) => Level::Part,
        (heads @ (Level::Nickname | Level::Similar | Level::Near), _) => heads,
        _ if one.len() + other.len() > 2 && near::similar(&grown(one), &grown(other)) => Level::Similar,
        (Level::Different, Level::Nickname) => Level::Nickname,
        (heads, _) => heads,
    })
}

/// Are they called by two names that people have, of which neither is a form of any name of the other?
pub(in crate::graph::matching) fn are_two_names(one: &[String], other: &[String]) -> bool {
    let (Some(first), Some(second)) = (one.first(), other.first()) else { return false };
    let one_of = |name: &str, names: &[String]| names.iter().any(|known| is_one_name(name, known));
    let known = names::known(first).is_some() && names::known(second).is_some();
    known && !one_of(first, other) && !one_of(second, one)
}

fn is_one_name(one: &str, other: &str) -> bool {
    let spelt = names::known(one).zip(names::known(other)).is_some_and(|(one, other)| one.is_spelt(other));
    one == other || spelt || nicknames::same(one, other)
}

/// Do the second names not contradict each other?
fn others_fit(one: &[String], other: &[String]) -> bool {
    let pairs = one.iter().skip(1).zip(other.iter().skip(1));
    pairs.into_iter().all(|(one, other)| word(one, other) != Level::Different)
}

fn grown(words: &[String]) -> String {
    words.concat()
}

fn rank(level: &Level) -> u8 {
    match level {
        Level::Same => 5,
        Level::Nickname => 4,
        Level::Similar => 3,
        Level::Initial => 2,
        Level::Near => 1,
        _ => 0,
    }
}

fn word(one: &str, other: &str) -> Level {
    if one == other {
        return if one.chars().count() == 1 { Level::Initial } else { Level::Same };
    }
    let (short, long) = if one.len() <= other.len() { (one, other) } else { (other, one) };
    if short.chars().count() == 1 {
        return if long.starts_with(short) { Level::Initial } else { Level::Different };
    }
    if near::numbered_apart(one, other) {
        return Level::Different;
    }
    let known = names::known(one).zip(names::known(other));
    if known.is_some_and(|(one, other)| one.is_opposite(other)) {
        return Level::Different;
    }
    if known.is_some_and(|(one, other)| one.is_spelt(other)) {
        return Level::Similar;
    }
    if nicknames::same(one, other) {
        return Level::Nickname;
    }
    if known.is_some() {
        // Two names people have are two names, however alike they sound; a slip of one letter may turn one into the other.
        return if near::one_error(one, other) { Level::Near } else { Level::Different };
    }
    if sexes(short, long) {
        Level::Near
    } else if short.len() >= 3 && long.starts_with(short) && long.len() - short.len() >= 2 {
        Level::Nickname
    } else if near::similar(one, other) {
        Level::Similar
    } else if short.len() == 3 && near::one_error(one, other) {
        // Too short to tell an error from another name: "Jes" and "Jens", "Lea" and "Lena".
        Level::Near
    } else {
        Level::Different
    }
}

/// "Martin" and "Martina", "Mario" and "Maria": one letter apart, and two people more often than a typing error.
fn sexes(short: &str, long: &str) -> bool {
    const PAIRS: &[(&str, &str)] = &[
        ("", "a"),
        ("", "e"),
        ("o", "a"),
        ("us", "a"),
        ("e", "a"),
        ("", "ine"),
        ("", "in"),
        ("", "na"),
        ("", "ette"),
        ("an", "ine"),
        ("ian", "ine"),
        ("an", "ina"),
        ("ian", "ina"),
    ];
    PAIRS.iter().any(|(male, female)| {
        let stem = |name: &str, ending: &str| name.strip_suffix(ending).map(str::to_owned);
        let fits = |male_name, female_name| {
            stem(male_name, male).zip(stem(female_name, female)).is_some_and(|(a, b)| a == b && a.len() >= 3)
        };
        fits(short, long) || fits(long, short)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compared(one: &str, other: &str) -> Option<Level> {
        let words = |text: &str| text.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect::<Vec<_>>();
        let (one, other) = (words(one), words(other));
        assert_eq!(givens(&one, &other), givens(&other, &one));
        givens(&one, &other)
    }

    #[test]
    fn levels() {
        for (one, other, level) in [
            ("anna", "anna", Level::Same),
            ("anna", "anna maria", Level::Same),
            ("anna maria", "anna lena", Level::Part),
            ("hans peter", "hanspeter", Level::Same),
            ("peter", "hans peter", Level::Part),
            ("josef", "sepp", Level::Nickname),
            ("alex", "alexander", Level::Nickname),
            ("chris", "christoph", Level::Nickname),
            ("a", "anna", Level::Initial),
            ("b", "anna", Level::Different),
            ("jorg", "jrog", Level::Similar),
            ("philipp", "filip", Level::Similar),
            ("katrin", "cathrin", Level::Similar),
            ("charlotte", "karlotta", Level::Similar),
            ("jannik", "yannick", Level::Similar),
            ("marie", "maria", Level::Similar),
            ("luise", "luisa", Level::Similar),
            ("helene", "helena", Level::Similar),
            ("regine", "regina", Level::Similar),
            ("mehmet", "muhammet", Level::Similar),
            ("jasmin", "yasmin", Level::Similar),
            ("katja", "katharina", Level::Nickname),
            ("phillip", "philipp", Level::Similar),
            ("zwirnbert", "zwirnberta", Level::Near),
            ("wendelmar", "wendelmra", Level::Similar),
            ("hans peter", "petra", Level::Different),
            ("lea", "lena", Level::Near),
            ("jan", "anja", Level::Different),
            ("lea", "sven", Level::Different),
            ("m", "m", Level::Initial),
            ("thomas", "andreas", Level::Different),
        ] {
            assert_eq!(compared(one, other), Some(level), "for {one} and {other}");
        }
        assert_eq!(compared("", "anna"), None);
    }

    #[test]
    fn a_woman_and_a_man() {
        let pairs = "peter petra, andreas andrea, ulrich ulrike, erich erika, friedrich friederike, alexander alexandra, \
            johannes johanna, heinrich henrike, karl karola, julia julian, mario marion, heike heiko, christa christian, \
            patrick patricia, fabian fabienne, stefan stefanie, anton antonia, viktor viktoria, sven svenja, leon leonie, \
            emil emilia, nico nicole, franz franziska, jan janina, marc marcel, martin martina, mario maria, lars lara, \
            christian christine";
        for pair in pairs.split(", ").filter(|pair| *pair != "marc marcel") {
            let (one, other) = pair.split_once(' ').unwrap();
            assert_eq!(compared(one, other), Some(Level::Different), "for {pair}");
        }
    }

    #[test]
    fn two_names_that_sound_or_look_alike() {
        for pair in [
            "hans heinz",
            "franz frank",
            "jens jonas",
            "jonas johannes",
            "ralf rolf",
            "robert rupert",
            "karin katrin",
            "nina tina",
            "lena lina",
            "marc marcel",
        ] {
            let (one, other) = pair.split_once(' ').unwrap();
            let level = compared(one, other);
            assert!(matches!(level, Some(Level::Near | Level::Different)), "{level:?} for {pair}");
        }
    }
}
