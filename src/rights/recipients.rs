//! Who received a person's data, out of the audit book (Art. 15(1)(c), 19 GDPR): identities, not categories
//! (CJEU C-154/21).

use std::collections::{BTreeMap, BTreeSet};

use super::certificate::Recipient;
use crate::audit::{Act, Told};
use crate::store::api_keys::ApiKeyRow;
use crate::store::{Error, Read, api_keys, audit};
use crate::types::{Role, Timestamp};

/// What the book tells about the readings of one person.
#[derive(Clone, Debug, Default)]
pub(super) struct Readings {
    /// Those to whom data went.
    pub(super) recipients: Vec<Recipient>,
    /// Readings by the merchant's own people and by the hub itself. The names of staff are not among them (CJEU C-579/21).
    pub(super) inside: Vec<Recipient>,
}

/// Reads the book.
pub(super) fn readings(read: &mut Read, pseudonyms: &[[u8; 16]]) -> Result<Readings, Error> {
    if pseudonyms.is_empty() {
        return Ok(Readings::default());
    }
    let lines = audit::about(read, pseudonyms)?;
    let keys = api_keys::all(read.records())?;
    let mut groups: BTreeMap<(bool, String, String), Group> = BTreeMap::new();
    // A batch line stands once per pseudonym of a merged person.
    let mut seen = BTreeSet::new();
    for line in lines.iter().filter(|line| seen.insert((line.log_id, line.idx))) {
        let told = Told::read(line)?;
        if told.act != Act::Disclosed {
            continue;
        }
        let (outside, name) = who(&told, &keys);
        let purpose = told.purpose.as_ref().map_or_else(String::new, ToString::to_string);
        groups.entry((outside, name, purpose)).or_insert_with(|| Group::new(told.at)).add(&told);
    }
    let mut readings = Readings::default();
    for ((outside, name, purpose), group) in groups {
        let list = if outside { &mut readings.recipients } else { &mut readings.inside };
        list.push(Recipient {
            name,
            purpose,
            categories: group.categories.into_iter().collect(),
            first: group.first.rfc3339(),
            last: group.last.rfc3339(),
            count: group.count,
        });
    }
    Ok(readings)
}

/// Is it somebody outside, and what are they called?
fn who(told: &Told, keys: &[ApiKeyRow]) -> (bool, String) {
    let room = told.recipient.clone().unwrap_or_else(|| "the hub".to_owned());
    match (told.caller, told.role) {
        // A delivery has no decision of its own: it hands on what a decision opened.
        _ if told.decision.is_none() && told.recipient.is_some() => (true, room),
        (Some(_), Some(Role::Dpo)) => (false, "data protection officer".to_owned()),
        (Some(id), role) => {
            let title = keys.iter().find(|key| key.key_id == id).map(|key| key.title.clone());
            (role != Some(Role::Admin), title.unwrap_or_else(|| format!("API key {id}")))
        }
        (None, _) => (false, room),
    }
}

struct Group {
    first: Timestamp,
    last: Timestamp,
    count: usize,
    categories: BTreeSet<String>,
}

impl Group {
    const fn new(at: Timestamp) -> Self {
        Self { first: at, last: at, count: 0, categories: BTreeSet::new() }
    }

    fn add(&mut self, told: &Told) {
        self.first = self.first.min(told.at);
        self.last = self.last.max(told.at);
        self.count += 1;
        self.categories.extend(told.categories.iter().cloned());
    }
}
