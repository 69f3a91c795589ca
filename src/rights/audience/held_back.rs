//! Who may not be handed over after all: somebody who said no, or was erased, since they were read for it.

use crate::consent::{Act, Entry, ledger};
use crate::rights::Error;
use crate::store::{self, ledger as entries, subjects, tombstones};
use crate::types::{SubjectId, Timestamp};

/// Did the person say no to anything since, are they gone, or was the address erased while they were known?
pub(super) fn held_back(
    write: &mut store::Write<'_>,
    subject: SubjectId,
    stone: &[u8; 16],
    since: Timestamp,
) -> Result<bool, Error> {
    let Some(living) = subjects::living(write.records(), subject)? else { return Ok(true) };
    // Who came back of their own will after an erasure is somebody new.
    if tombstones::laid(write.records(), stone)?.is_some_and(|erased_at| erased_at >= living.created_at) {
        return Ok(true);
    }
    let rows = entries::of(write.records(), living.subject_id)?;
    let said = rows.iter().filter(|row| row.recorded_at >= since).map(ledger::entry);
    Ok(is_a_no(&said.collect::<Result<Vec<_>, store::Error>>()?))
}

/// Is there a no among these statements that none of them takes back?
pub(super) fn is_a_no(said: &[Entry]) -> bool {
    let about = |entry: &Entry| (entry.purpose.clone(), entry.channel, answers(entry.act));
    let takes_back = |no: &Entry, yes: &Entry| {
        !yes.act.is_no() && about(yes) == about(no) && (yes.at, yes.entry_no.0) > (no.at, no.entry_no.0)
    };
    said.iter().filter(|entry| entry.act.is_no()).any(|no| !said.iter().any(|yes| takes_back(no, yes)))
}

/// What takes an act back: the same number.
const fn answers(act: Act) -> u8 {
    match act {
        Act::Restricted | Act::RestrictionLifted => 0,
        Act::Objected | Act::ObjectionLifted => 1,
        Act::Granted | Act::Denied | Act::Withdrawn => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consent::{EntryNo, Method};

    fn said(act: Act, at: i64) -> Entry {
        let at = Timestamp::from_micros(at);
        Entry {
            act,
            purpose: "newsletter_email".parse().ok(),
            channel: None,
            at,
            recorded_at: at,
            entry_no: EntryNo(at.micros()),
            origin: SubjectId::from_uuid(uuid::Uuid::from_u128(1)),
            text_version: None,
            method: Method::Link,
            proven: false,
            confirmed: false,
            explicit: false,
            parental: false,
        }
    }

    #[test]
    fn only_a_yes_that_comes_after_it_takes_a_no_back() {
        for (first, second, no) in [
            (Act::Granted, Act::Withdrawn, true),
            (Act::Withdrawn, Act::Granted, false),
            (Act::Restricted, Act::RestrictionLifted, false),
            (Act::Objected, Act::ObjectionLifted, false),
            (Act::Objected, Act::Granted, true),
            (Act::Restricted, Act::Granted, true),
        ] {
            assert_eq!(is_a_no(&[said(first, 1), said(second, 2)]), no, "{first:?} {second:?}");
            assert_eq!(is_a_no(&[said(second, 2), said(first, 1)]), no, "{first:?} {second:?}");
        }
        assert!(!is_a_no(&[]));
    }
}
