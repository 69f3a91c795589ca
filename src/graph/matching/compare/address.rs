//! Addresses.

use super::near;
use crate::graph::matching::Level;
use crate::graph::matching::card::Place;

/// Where two records meet: the best level over their addresses, and the address it is about.
pub(in crate::graph::matching) struct Meeting<'a> {
    pub(in crate::graph::matching) level: Level,
    pub(in crate::graph::matching) place: &'a Place,
}

/// Compares all addresses of one record with all of the other.
pub(in crate::graph::matching) fn addresses<'a>(one: &'a [Place], other: &[Place]) -> Option<Meeting<'a>> {
    let pairs = one.iter().flat_map(|one| other.iter().map(move |other| (one, other)));
    let met = pairs.filter_map(|(one, other)| Some(Meeting { level: place(one, other)?, place: one }));
    // The first of equals, so that the order of the two records makes no difference to the level.
    met.reduce(|best, next| if rank(next.level) > rank(best.level) { next } else { best })
}

fn rank(level: Level) -> u8 {
    match level {
        Level::Building => 7,
        Level::Similar => 6,
        Level::Street => 5,
        Level::Locker => 4,
        Level::PostalCode => 3,
        Level::OtherStreet => 3,
        Level::Town => 2,
        Level::Near => 1,
        _ => 0,
    }
}

fn place(one: &Place, other: &Place) -> Option<Level> {
    let code = both(one.postal_code.as_deref(), other.postal_code.as_deref());
    let town = both(one.town.as_deref(), other.town.as_deref());
    let street = both(one.street.as_deref(), other.street.as_deref());
    let number = houses(one.house_number.as_deref(), other.house_number.as_deref());
    if code.is_none() && town.is_none() && street.is_none() {
        return None;
    }
    if one.country.is_some() && other.country.is_some() && one.country != other.country && code != Some(Alike::Same) {
        return Some(Level::Different);
    }
    let same_area = matches!(code, Some(Alike::Same)) || (code.is_none() && matches!(town, Some(Alike::Same)));
    let near_area = same_area
        || matches!(town, Some(Alike::Same | Alike::Similar))
        || matches!(code, Some(Alike::Similar))
        || (code.is_none() && town.is_none());
    if one.locker || other.locker {
        let met = street == Some(Alike::Same) && number == Some(Alike::Same) && near_area;
        return Some(if met && one.locker && other.locker { Level::Locker } else { area(code, town) });
    }
    Some(match (street, number) {
        (Some(Alike::Same), Some(Alike::Same)) if same_area => Level::Building,
        (Some(Alike::Same | Alike::Similar), Some(Alike::Same)) if near_area => Level::Similar,
        (Some(Alike::Same), Some(Alike::Similar)) if same_area => Level::Similar,
        (Some(Alike::Same), _) if near_area => Level::Street,
        (Some(Alike::Similar), _) if same_area => Level::Street,
        (Some(Alike::Different), _) if code == Some(Alike::Same) || town == Some(Alike::Same) => Level::OtherStreet,
        _ => area(code, town),
    })
}

fn area(code: Option<Alike>, town: Option<Alike>) -> Level {
    match (code, town) {
        (Some(Alike::Same), _) => Level::PostalCode,
        (_, Some(Alike::Same)) => Level::Town,
        (Some(Alike::Similar), _) | (_, Some(Alike::Similar)) => Level::Near,
        _ => Level::Different,
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Alike {
    Same,
    Similar,
    Different,
}

fn both(one: Option<&str>, other: Option<&str>) -> Option<Alike> {
    let (one, other) = (one?, other?);
    Some(if one == other {
        Alike::Same
    } else if one.len().min(other.len()) <= 5 && one.bytes().all(|b| b.is_ascii_digit()) {
        if near::one_error(one, other) { Alike::Similar } else { Alike::Different }
    } else if near::similar(one, other) || begins(one, other) {
        Alike::Similar
    } else {
        Alike::Different
    })
}

/// House numbers: who lives at 12-14 may write 12.
fn houses(one: Option<&str>, other: Option<&str>) -> Option<Alike> {
    let (first, second) = (one?, other?);
    let of = |number: &str| number.split('-').map(str::to_owned).collect::<Vec<_>>();
    let (houses, others) = (of(first), of(second));
    if houses.len() + others.len() > 2 && first != second && houses.iter().any(|house| others.contains(house)) {
        return Some(Alike::Similar);
    }
    both(one, other)
}

/// "Lange" and "Lange Straße", "Köln" and "Köln-Ehrenfeld", "12" and "12a".
fn begins(one: &str, other: &str) -> bool {
    let (short, long) = if one.len() <= other.len() { (one, other) } else { (other, one) };
    let digits = short.bytes().all(|b| b.is_ascii_digit());
    let rest = long.strip_prefix(short).unwrap_or_default();
    if digits {
        rest.bytes().next().is_some_and(|b| b.is_ascii_alphabetic())
    } else {
        short.len() >= 4 && !rest.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn house_numbers() {
        for (one, other, alike) in [
            ("12", "12", Alike::Same),
            ("12-14", "12", Alike::Similar),
            ("14", "12-14", Alike::Similar),
            ("12-14", "12-14", Alike::Same),
            ("12", "12a", Alike::Similar),
            ("12", "14", Alike::Similar),
            ("12", "87", Alike::Different),
        ] {
            assert!(houses(Some(one), Some(other)) == Some(alike), "{one} {other}");
            assert!(houses(Some(other), Some(one)) == Some(alike), "{other} {one}");
        }
    }
}
