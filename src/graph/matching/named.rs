//! Names inside mailboxes and handles, beside the names a record gives.

use super::Level;
use super::card::Card;
use super::compare;

/// Is a text no more than a person's name written together, as in "anna.muller"?
pub(super) fn names_itself(one: &Card, other: &Card, text: &str) -> bool {
    if text.chars().any(|c| c.is_ascii_digit()) {
        return false;
    }
    let words = compare::folded(text);
    let text = words.concat();
    [one, other].into_iter().any(|card| {
        let family = compare::family_key(&card.family);
        // One of two words is a name: the other is one too.
        let beside = words.len() <= 2 && words.iter().any(|word| card.given.contains(word) || *word == family);
        let together = card.given.iter().any(|given| {
            let initial: String = given.chars().take(1).collect();
            [format!("{given}{family}"), format!("{family}{given}"), format!("{initial}{family}")].contains(&text)
        });
        beside || together
    })
}

/// Does a record that lacks a name have it in a mailbox or handle?
pub(super) fn written(name: &[String], other: &Card) -> Option<Level> {
    let name = name.first().filter(|name| name.len() >= 4)?;
    let found = other.pieces().iter().any(|piece| piece == name);
    found.then_some(Level::Written)
}
