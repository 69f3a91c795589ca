//! Laws that hold for every person, purpose and question.

use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;

use super::people::{code, day, somebody, subject};
use crate::consent::{
    Act, Age, Entry, EntryNo, Merge, Method, OriginFacts, Purpose, SaleFacts, Snapshot, SourceFacts, Standing,
    default_purposes,
};
use crate::gateway::{Actor, Ask, Caller, RecordFacts, Scope, Verdict, decide};
use crate::types::{
    ApiKeyId, Category, CategorySet, Channel, DecisionId, Ground, PurposeCode, Role, SourceNo, SubjectId, Timestamp,
};

const LAST_DAY: i64 = 12;
const NAMES: [&str; 4] = ["newsletter_email", "analytics", "postal_marketing", "fraud_prevention"];

fn some_act() -> impl Strategy<Value = Act> {
    prop::sample::select(Act::ALL)
}

fn some_channel() -> impl Strategy<Value = Option<Channel>> {
    prop::option::of(prop::sample::select(Channel::ALL))
}

prop_compose! {
    fn some_entry(origins: std::ops::RangeInclusive<u128>)(
        act in some_act(),
        purpose in prop::option::of(prop::sample::select(NAMES.as_slice())),
        channel in some_channel(),
        (at, late, entry_no) in (0..=LAST_DAY, 0..3_i64, 0..100_i64),
        old_text in prop::bool::weighted(0.1),
        method in prop_oneof![4 => Just(Method::DoubleOptIn), 1 => prop::sample::select(Method::ALL)],
        (proven, confirmed, explicit, parental) in
            (prop::bool::weighted(0.8), prop::bool::weighted(0.8), any::<bool>(), any::<bool>()),
        origin in origins,
    ) -> Entry {
        Entry {
            act,
            purpose: purpose.map(code),
            channel,
            at: day(at),
            recorded_at: day(at + late),
            entry_no: EntryNo(entry_no),
            text_version: Some(Arc::from(if old_text { "2019" } else { "2026-01" })),
            method,
            proven,
            confirmed,
            explicit,
            parental,
            origin: subject(origin),
        }
    }
}

prop_compose! {
    fn some_facts(origin: u128)(
        contract in prop::option::of(0..2_000_i64),
        sale in any::<[bool; 4]>(),
        sources in prop::collection::vec((0..4_i32, prop::option::of(any::<bool>()), prop::option::of(0..40_i64)), 0..3),
    ) -> OriginFacts {
        let [paid_order, address_from_order, similar_goods, notice_at_collection] = sale.map(|is| is || origin == 1);
        let listed = |open: bool| Arc::new(NAMES.iter().filter(|_| open).map(|text| code(text)).collect::<BTreeSet<_>>());
        let source = |(number, policy, until): (i32, Option<bool>, Option<i64>)| SourceFacts {
            source: SourceNo(number),
            purposes: policy.map(listed),
            until: until.map(day),
        };
        OriginFacts {
            origin: subject(origin),
            contract_until: contract.map(|end| day(end - 1_000)),
            sale: SaleFacts { paid_order, address_from_order, similar_goods, notice_at_collection },
            sources: sources.into_iter().map(source).collect(),
        }
    }
}

fn some_entries(origins: std::ops::RangeInclusive<u128>) -> impl Strategy<Value = Vec<Entry>> {
    prop::collection::vec(some_entry(origins), 0..10)
}

fn some_age() -> impl Strategy<Value = Age> {
    prop::sample::select(vec![Age::Unknown, Age::OfAge, Age::Child])
}

prop_compose! {
    /// Subjects 2 and 3 may have become parts of subject 1, at any time, one after the other or each alone.
    fn some_person()(
        entries in some_entries(1..=3),
        facts in (some_facts(1), some_facts(2), some_facts(3)),
        chain in any::<bool>(),
        (first, second) in (0..=LAST_DAY, 0..=LAST_DAY),
        age in some_age(),
    ) -> Snapshot {
        let into = |from, into, at| Merge { from: subject(from), into: subject(into), at: day(at) };
        let merges = vec![into(3, if chain { 2 } else { 1 }, first), into(2, 1, second)];
        Snapshot { subject: subject(1), origins: vec![facts.0, facts.1, facts.2], merges, entries, age }
    }
}

/// One of the default purposes, mostly one that the entries are about.
fn some_purpose() -> impl Strategy<Value = Purpose> {
    let all = default_purposes().unwrap();
    let named: Vec<Purpose> = all.iter().filter(|purpose| NAMES.contains(&purpose.code.as_str())).cloned().collect();
    prop_oneof![3 => prop::sample::select(named), 1 => prop::sample::select(all)]
}

fn some_consent_purpose() -> impl Strategy<Value = Purpose> {
    let all = default_purposes().unwrap().into_iter().filter(|purpose| purpose.ground == Ground::Consent);
    prop::sample::select(all.collect::<Vec<_>>())
}

fn some_caller() -> impl Strategy<Value = Caller> {
    let purposes = prop::collection::btree_set(prop::sample::select(NAMES.as_slice()).prop_map(code), 0..4);
    let scope = prop_oneof![purposes.prop_map(Scope::only), Just(Scope::Every)];
    let key = |role| Actor::Key { id: ApiKeyId::from_uuid(uuid::Uuid::nil()), role };
    let actor = prop_oneof![
        prop::sample::select(Role::ALL).prop_map(key),
        (1..=2_u128).prop_map(|number| Actor::Subject(subject(number))),
        Just(Actor::Hub("tests")),
    ];
    (actor, scope).prop_map(|(actor, scope)| Caller { actor, scope })
}

fn the_hub() -> Caller {
    Caller { actor: Actor::Hub("tests"), scope: Scope::Every }
}

fn asks(purpose: &Purpose, channel: Option<Channel>) -> Ask {
    Ask { caller: the_hub(), purpose: purpose.code.clone(), categories: None, channel, reason: None }
}

fn verdict(ask: &Ask, purpose: &Purpose, person: &Snapshot, now: i64) -> Verdict {
    let id = DecisionId::from_uuid(uuid::Uuid::nil());
    decide(ask, Some(purpose), &Standing::fold(person.clone()), id, day(now))
}

/// Whom a part was merged into, one after the other, and since when it is part of each.
fn joined(person: &Snapshot, part: SubjectId) -> Vec<(SubjectId, Timestamp)> {
    let (mut joined, mut at, mut since): (Vec<_>, _, _) = (Vec::new(), part, None);
    while let Some(merge) = person.merges.iter().find(|merge| merge.from == at) {
        since = since.max(Some(merge.at));
        joined.extend(since.map(|since| (merge.into, since)));
        at = merge.into;
    }
    joined
}

/// Every (part, source, category) that may be read.
fn readable(verdict: &Verdict) -> BTreeSet<(SubjectId, SourceNo, Category)> {
    let Verdict::Allow(permit) = verdict else { return BTreeSet::new() };
    let record = |origin, source| RecordFacts {
        origin,
        source,
        source_allows: true,
        source_until: None,
        happened_at: None,
        kept_by_law: false,
        keep_until: None,
    };
    let places = (1..=4).map(subject).flat_map(|origin| (0..4).map(move |source| (origin, SourceNo(source))));
    let read = places.flat_map(|(origin, source)| {
        let open = Category::ALL.into_iter().filter(move |category| permit.covers(&record(origin, source), *category));
        open.map(move |category| (origin, source, category))
    });
    read.collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, ..ProptestConfig::default() })]

    /// Any order, any repetition.
    #[test]
    fn order_and_repetition_of_entries_do_not_matter(
        (person, mixed) in some_person().prop_flat_map(|person| {
            let twice: Vec<Entry> = person.entries.iter().chain(&person.entries).cloned().collect();
            (Just(person), Just(twice).prop_shuffle())
        }),
        dropped in any::<prop::sample::Index>(),
    ) {
        let mut again = person.clone();
        again.entries = mixed;
        if !again.entries.is_empty() {
            // Every entry is there twice: losing one repetition loses nothing.
            again.entries.remove(dropped.index(again.entries.len()));
        }
        prop_assert_eq!(Standing::fold(person), Standing::fold(again));
    }

    /// Nothing outside what the purpose needs, the question names and the caller may.
    #[test]
    fn nothing_is_allowed_outside_purpose_question_and_scope(
        person in some_person(),
        purpose in some_purpose(),
        caller in some_caller(),
        bits in prop::option::of(any::<u16>()),
        channel in some_channel(),
        now in 0..20_i64,
    ) {
        let categories = bits.map(CategorySet::from_bits);
        let ask = Ask { caller: caller.clone(), categories, ..asks(&purpose, channel) };
        let verdict = verdict(&ask, &purpose, &person, now);
        for (_, _, category) in readable(&verdict) {
            prop_assert!(purpose.categories.contains(category));
            prop_assert!(categories.is_none_or(|asked| asked.contains(category)));
            match (&caller.actor, &caller.scope) {
                (Actor::Key { role, .. }, _) if *role == Role::Admin => prop_assert!(false, "an administrator reads nothing"),
                (Actor::Key { role, .. }, Scope::Every) => prop_assert_eq!(*role, Role::Dpo),
                (Actor::Key { .. } | Actor::Hub(_), Scope::Only(purposes)) => prop_assert!(purposes.contains(&purpose.code)),
                (Actor::Subject(person), _) => prop_assert!(purpose.own_access && *person == subject(1)),
                (Actor::Hub(_), Scope::Every) => {}
            }
        }
        let decision = verdict.decision();
        let told = decision.allowed.iter().map(|of| of.category).chain(decision.refused.iter().map(|of| of.category));
        let told: Vec<Category> = told.collect();
        if !matches!(verdict, Verdict::Gap(_)) {
            let asked = categories.unwrap_or(purpose.categories);
            prop_assert_eq!(told.len(), asked.iter().count(), "each category asked for is answered once");
            prop_assert_eq!(told.into_iter().collect::<CategorySet>(), asked);
        }
    }

    /// Once withdrawn, no later time and no older or equally old yes brings it back.
    #[test]
    fn after_a_withdrawal_only_a_newer_consent_allows(
        mut person in some_person(),
        purpose in some_consent_purpose(),
        channel in some_channel(),
        of_all in any::<bool>(),
        after in 0..1_000_i64,
    ) {
        let code: Option<PurposeCode> = (!of_all).then(|| purpose.code.clone());
        person.entries.push(Entry {
            act: Act::Withdrawn,
            purpose: code,
            channel: None,
            at: day(LAST_DAY),
            ..super::people::entry(Act::Withdrawn, None, LAST_DAY)
        });
        prop_assert!(readable(&verdict(&asks(&purpose, channel), &purpose, &person, LAST_DAY + after)).is_empty());
    }

    /// Of a merged person nothing may be read that its part alone did not allow.
    #[test]
    fn merging_never_widens(
        (ours, theirs) in (some_entries(1..=1), some_entries(2..=2)),
        (our_facts, their_facts) in (some_facts(1), some_facts(2)),
        into_us in any::<bool>(),
        purpose in some_purpose(),
        channel in some_channel(),
        age in some_age(),
    ) {
        let now = LAST_DAY + 5;
        let merge_at = day(LAST_DAY + 3);
        let (from, into) = if into_us { (subject(2), subject(1)) } else { (subject(1), subject(2)) };
        let alone = Snapshot { origins: vec![our_facts.clone()], age, ..somebody(ours.clone()) };
        let merged = Snapshot {
            subject: into,
            origins: vec![our_facts, their_facts],
            merges: vec![Merge { from, into, at: merge_at }],
            entries: ours.into_iter().chain(theirs).collect(),
            age,
        };
        let before = readable(&verdict(&asks(&purpose, channel), &purpose, &alone, now));
        let after = readable(&verdict(&asks(&purpose, channel), &purpose, &merged, now));
        let ours_after: BTreeSet<_> = after.into_iter().filter(|(origin, ..)| *origin == subject(1)).collect();
        prop_assert!(ours_after.is_subset(&before));
    }

    /// Nor of one who was merged of three, one after the other or in a chain, whatever was said before, in between and after: each part
    /// may be read at most as if it alone had said what it said, and what the joined person said since it joined.
    #[test]
    fn merging_of_many_never_widens_whenever_something_is_said(
        person in some_person(),
        purpose in some_purpose(),
        channel in some_channel(),
        now in 0..20_i64,
    ) {
        let of_all = readable(&verdict(&asks(&purpose, channel), &purpose, &person, now));
        for facts in &person.origins {
            let part = facts.origin;
            let joined = joined(&person, part);
            let said = person.entries.iter().filter(|entry| {
                let later = |since: &Timestamp| entry.at > *since && entry.recorded_at >= *since;
                entry.origin == part || joined.iter().any(|(into, since)| entry.origin == *into && later(since))
            });
            let alone = Snapshot {
                subject: part,
                origins: vec![facts.clone()],
                merges: Vec::new(),
                entries: said.map(|entry| Entry { origin: part, ..entry.clone() }).collect(),
                age: person.age,
            };
            let alone = readable(&verdict(&asks(&purpose, channel), &purpose, &alone, now));
            let theirs: BTreeSet<_> = of_all.iter().filter(|(origin, ..)| *origin == part).copied().collect();
            prop_assert!(theirs.is_subset(&alone), "{part}: {:?}", theirs.difference(&alone).collect::<Vec<_>>());
        }
    }

    /// A no never opens anything, whoever says it and whenever it is heard.
    #[test]
    fn another_no_never_widens(
        person in some_person(),
        purpose in some_purpose(),
        channel in some_channel(),
        no in some_entry(1..=4),
        act in prop::sample::select(vec![Act::Denied, Act::Withdrawn, Act::Objected, Act::Restricted]),
        now in 0..20_i64,
    ) {
        let mut told = person.clone();
        told.entries.push(Entry { act, ..no });
        let before = readable(&verdict(&asks(&purpose, channel), &purpose, &person, now));
        let after = readable(&verdict(&asks(&purpose, channel), &purpose, &told, now));
        prop_assert!(after.is_subset(&before));
    }

    /// What a permit says about its end is true: all of it holds up to the last moment, and some of it ends there.
    #[test]
    fn a_permit_ends_when_it_says(mut person in some_person(), purpose in some_purpose(), channel in some_channel()) {
        for part in &mut person.origins {
            part.sources.clear();
        }
        let (ask, standing) = (asks(&purpose, channel), Standing::fold(person));
        let id = DecisionId::from_uuid(uuid::Uuid::nil());
        let at = |time| decide(&ask, Some(&purpose), &standing, id, time);
        let now = at(day(LAST_DAY));
        if let Some(end) = now.decision().allowed.iter().filter_map(|allowed| allowed.until).min() {
            let (last, then) = (readable(&at(end.plus(-1))), readable(&at(end)));
            prop_assert_eq!(readable(&now), last.clone());
            prop_assert!(then.is_subset(&last) && then.len() < last.len());
        }
    }
}
