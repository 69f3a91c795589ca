//! Names inside mailboxes and handles: "anna.mueller82" holds "anna" and "muller".

use crate::graph::matching::card::{Card, MailboxClass};

/// The words of a mailbox or handle, folded as names are; digits and single letters go.
pub(in crate::graph::matching) fn folded(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    for c in text.chars().flat_map(char::to_lowercase).chain(['.']) {
        match c {
            'ä' => word.push('a'),
            'ö' => word.push('o'),
            'ü' => word.push('u'),
            'ß' => word.push_str("ss"),
            'e' if word.ends_with(['a', 'o', 'u']) => {}
            c if c.is_alphabetic() => word.push(c),
            _ => words.extend(Some(std::mem::take(&mut word)).filter(|word| word.len() > 1)),
        }
    }
    words
}

impl Card {
    /// The words of all personal mailboxes and handles; of one that begins or ends with the given name the rest too.
    pub(in crate::graph::matching) fn pieces(&self) -> Vec<String> {
        let personal = self.mailboxes.iter().filter(|mailbox| mailbox.class == MailboxClass::Personal);
        let locals = personal.map(|mailbox| mailbox.local.as_str());
        let mut pieces: Vec<String> = locals.chain(self.handles.iter().map(String::as_str)).flat_map(folded).collect();
        for given in &self.given {
            let rests = pieces
                .iter()
                .filter_map(|piece| piece.strip_prefix(given.as_str()).or(piece.strip_suffix(given.as_str())));
            let mut rests: Vec<String> = rests.filter(|rest| rest.len() >= 4).map(str::to_owned).collect();
            if let Some(initial) = given.chars().next() {
                let after =
                    pieces.iter().filter_map(|piece| piece.strip_prefix(initial).or(piece.strip_suffix(initial)));
                rests.extend(after.filter(|rest| rest.len() >= 5).map(str::to_owned));
            }
            pieces.extend(rests);
        }
        pieces.retain(|piece| !self.given.contains(piece) && !self.family.contains(piece));
        pieces
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_mailboxes() {
        assert_eq!(folded("anna.mueller82"), ["anna", "muller"]);
        assert_eq!(folded("A_Weiß-99"), ["weiss"]);
        assert!(folded("12345").is_empty());
    }
}
