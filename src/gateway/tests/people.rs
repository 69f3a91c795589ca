//! People and purposes for the tests, made of sentences.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::consent::{
    Act, Age, Entry, EntryNo, Merge, Method, OriginFacts, Purpose, Snapshot, Standing, default_purposes,
};
use crate::gateway::{Actor, Ask, Caller, Scope, Verdict, decide};
use crate::types::{ApiKeyId, Channel, DecisionId, PurposeCode, Role, SubjectId, Timestamp};

pub fn day(number: i64) -> Timestamp {
    Timestamp::from_micros(0).plus_days(number)
}

/// The day on which everything is asked.
pub const TODAY: i64 = 1_000;

pub fn subject(number: u128) -> SubjectId {
    SubjectId::from_uuid(uuid::Uuid::from_u128(number))
}

pub fn code(text: &str) -> PurposeCode {
    text.parse().unwrap()
}

pub fn purpose(text: &str) -> Purpose {
    default_purposes().unwrap().into_iter().find(|purpose| purpose.code.as_str() == text).unwrap()
}

/// An entry that would carry any purpose: granted, proven, confirmed, explicit, to the text in force.
pub fn entry(act: Act, purpose: Option<&str>, at: i64) -> Entry {
    Entry {
        act,
        purpose: purpose.map(code),
        channel: None,
        at: day(at),
        recorded_at: day(at),
        entry_no: EntryNo(at),
        text_version: Some(Arc::from("2026-01")),
        method: Method::DoubleOptIn,
        proven: true,
        confirmed: true,
        explicit: true,
        parental: false,
        origin: subject(1),
    }
}

/// Somebody with data and nothing else.
pub fn somebody(entries: Vec<Entry>) -> Snapshot {
    let origins = vec![OriginFacts::nothing(subject(1))];
    Snapshot { subject: subject(1), origins, merges: Vec::new(), entries, age: Age::Unknown }
}

/// Subject 2 became part of subject 1 on `day_of_merge`.
pub fn merged(entries: Vec<Entry>, day_of_merge: i64) -> Snapshot {
    let mut both = somebody(entries);
    both.origins.push(OriginFacts::nothing(subject(2)));
    both.merges.push(Merge { from: subject(2), into: subject(1), at: day(day_of_merge) });
    both
}

pub fn caller(role: Role, purposes: &[&str]) -> Caller {
    let purposes: BTreeSet<_> = purposes.iter().map(|text| code(text)).collect();
    Caller {
        actor: Actor::Key { id: ApiKeyId::from_uuid(uuid::Uuid::from_u128(7)), role },
        scope: Scope::only(purposes),
    }
}

pub fn ask(purpose: &Purpose, channel: Option<Channel>) -> Ask {
    let hub = Caller { actor: Actor::Hub("tests"), scope: Scope::Every };
    Ask { caller: hub, purpose: purpose.code.clone(), categories: None, channel, reason: None }
}

pub fn decided(ask: &Ask, purpose: &Purpose, snapshot: Snapshot) -> Verdict {
    decide(ask, Some(purpose), &Standing::fold(snapshot), DecisionId::from_uuid(uuid::Uuid::nil()), day(TODAY))
}

/// "allow", or why the first category is not allowed.
pub fn in_a_word(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Allow(_) => "allow".to_owned(),
        Verdict::Refuse(refusal) => refusal.decision().refused.first().unwrap().reason.word().to_owned(),
        Verdict::Gap(gap) => format!("gap: {}", gap.reason),
    }
}
