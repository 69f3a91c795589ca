//! The hot read answers the same on both databases, whatever the population and however it is asked.

use std::sync::Arc;

use obhut::store::rows::{DataKeyRow, IdentifierRow, LedgerRow, RecordRow, SubjectRow, SubjectRows, SubjectState, Who};
use obhut::store::{Error, Store, Write, identifiers, keys, ledger, records, subjects};
use obhut::types::{RecordNo, SourceNo, SubjectId, Timestamp};

use crate::clock_and_chance::{SeededChance, StoppedClock, ids, subject};
use crate::databases::{Database, finish, on_both_databases};

on_both_databases!(
    an_identifier_of_two_people_finds_nobody,
    an_identifier_of_one_person_finds_them_through_many_records,
    an_identifier_that_is_not_for_look_up_finds_nobody,
    who_is_not_living_is_not_found,
    a_merged_person_is_found_as_the_one_they_are_now,
    one_broken_person_does_not_keep_the_others_from_being_read,
);

#[test]
fn both_databases_give_the_same_answers() {
    finish(async {
        let databases = [Database::sqlite(), Database::postgres()];
        for seed in 0..6 {
            let population = Population::of(seed);
            let [sqlite, postgres] = databases.each_ref().map(Database::store);
            for store in [&sqlite, &postgres] {
                population.clone().settle(store).await;
            }
            let questions = population.questions();
            let expected = texts(&sqlite.subjects(questions.clone()).await.unwrap());
            assert!(expected.iter().filter(|answer| *answer != "None").count() > 30, "too few are found");
            assert!(expected.iter().filter(|answer| *answer == "None").count() > 10, "too few are not found");
            let together = texts(&postgres.subjects(questions.clone()).await.unwrap());
            assert_eq!(together.len(), expected.len());
            for ((question, expected), together) in questions.into_iter().zip(expected).zip(together) {
                assert_eq!(together, expected, "{question:?} asked with others, seed {seed}");
                let alone = texts(&postgres.subjects(vec![question.clone()]).await.unwrap());
                assert_eq!(alone, [expected], "{question:?} asked alone, seed {seed}");
            }
        }
    });
}

async fn an_identifier_of_two_people_finds_nobody(database: Database) {
    let mut population = Population::empty();
    let [one, other] = [population.add_person(), population.add_person()];
    // The other person's record comes after more of the first one's than one page of a look-up holds.
    for number in 1..=300 {
        population.add_identifier([1; 16], number, one, IdentifierRow::LOOKUP);
    }
    population.add_identifier([1; 16], 301, other, IdentifierRow::LOOKUP);
    let store = population.settled(&database).await;
    assert_eq!(found(&store, Who::Identifier([1; 16])).await, None);
}

async fn an_identifier_of_one_person_finds_them_through_many_records(database: Database) {
    let mut population = Population::empty();
    let [one, other] = [population.add_person(), population.add_person()];
    // Somebody else's rows that are not for look-up stand before.
    for number in 1..=300 {
        population.add_identifier([1; 16], number, other, IdentifierRow::JOINS);
    }
    for number in 301..=305 {
        population.add_identifier([1; 16], number, one, IdentifierRow::LOOKUP);
    }
    let store = population.settled(&database).await;
    assert_eq!(found(&store, Who::Identifier([1; 16])).await, Some(one));
}

async fn an_identifier_that_is_not_for_look_up_finds_nobody(database: Database) {
    let mut population = Population::empty();
    let one = population.add_person();
    population.add_identifier([1; 16], 1, one, IdentifierRow::VERIFIED | IdentifierRow::JOINS);
    let store = population.settled(&database).await;
    assert_eq!(found(&store, Who::Identifier([1; 16])).await, None);
    assert_eq!(found(&store, Who::Subject(one)).await, Some(one));
}

async fn who_is_not_living_is_not_found(database: Database) {
    let mut population = Population::empty();
    let people = [SubjectState::Erasing, SubjectState::Retained].map(|state| {
        let id = population.add_person();
        population.people.last_mut().unwrap().state = state as i16;
        population.add_identifier(id.bytes(), 1, id, IdentifierRow::LOOKUP);
        id
    });
    let store = population.settled(&database).await;
    for id in people {
        assert_eq!(found(&store, Who::Subject(id)).await, None);
        assert_eq!(found(&store, Who::Identifier(id.bytes())).await, None);
    }
}

async fn a_merged_person_is_found_as_the_one_they_are_now(database: Database) {
    let mut population = Population::empty();
    let chain: Vec<SubjectId> = (0..20).map(|_| population.add_person()).collect();
    for pair in chain.windows(2) {
        population.merge(pair[0], pair[1]);
    }
    let last = *chain.last().unwrap();
    population.add_record(last, chain[0]);
    let store = population.settled(&database).await;
    for id in &chain {
        let rows = store.subjects(vec![Who::Subject(*id)]).await.unwrap().pop().unwrap().unwrap();
        assert_eq!(rows.subject, last);
        assert_eq!(rows.records.len(), 1);
        assert_eq!(rows.merged.iter().map(|row| row.subject_id).collect::<Vec<_>>(), [chain[0]]);
        assert!(rows.keys.iter().any(|key| key.subject == chain[0]), "the key of the record's owner is missing");
    }
}

/// A merge that leads in a circle is a fault of this one person's rows.
async fn one_broken_person_does_not_keep_the_others_from_being_read(database: Database) {
    let mut population = Population::empty();
    let [sound, one, other] = [(); 3].map(|()| population.add_person());
    population.merge(one, other);
    population.merge(other, one);
    let store = population.settled(&database).await;
    assert_eq!(found(&store, Who::Subject(sound)).await, Some(sound));
    let both = store.subjects(vec![Who::Subject(one), Who::Subject(sound)]).await.unwrap();
    assert!(both[0].is_none(), "a circle leads to nobody");
    assert!(both[1].is_some(), "the circle of one is the failure of another");
    let living = store.read(move |read| subjects::living(read.records(), one)).await.unwrap();
    assert!(living.is_none());
    let merged = store.read(move |read| subjects::merged_into(read.records(), one)).await.unwrap();
    assert_eq!(merged, [other]);
}

async fn found(store: &Store, who: Who) -> Option<SubjectId> {
    store.subjects(vec![who]).await.unwrap().pop().unwrap().map(|rows| rows.subject)
}

fn texts(answers: &[Option<SubjectRows>]) -> Vec<String> {
    answers.iter().map(|answer| format!("{answer:?}")).collect()
}

/// People with everything the hot read brings along.
#[derive(Clone)]
struct Population {
    chance: Arc<SeededChance>,
    clock: Arc<StoppedClock>,
    people: Vec<SubjectRow>,
    keys: Vec<DataKeyRow>,
    records: Vec<RecordRow>,
    ledger: Vec<LedgerRow>,
    identifiers: Vec<IdentifierRow>,
}

impl Population {
    fn empty() -> Self {
        let (chance, clock) = (SeededChance::of(1), StoppedClock::at("2026-11-21T12:00:00Z"));
        let (people, keys, records) = (Vec::new(), Vec::new(), Vec::new());
        Self { chance, clock, people, keys, records, ledger: Vec::new(), identifiers: Vec::new() }
    }

    /// Sixty people, a third of them merged into others, with records, consents and identifiers, some of them shared.
    fn of(seed: u64) -> Self {
        let mut all = Self { chance: SeededChance::of(seed), ..Self::empty() };
        all.clock.pass(i64::try_from(seed).unwrap() * Timestamp::DAY);
        let people: Vec<SubjectId> = (0..60).map(|_| all.add_person()).collect();
        let (merged, living) = people.split_at(20);
        for (at, id) in merged.iter().enumerate() {
            // Into a living person, or into one who is merged later on.
            let into = if all.chance.below(3) == 0 && at + 1 < merged.len() {
                merged[at + 1]
            } else {
                *all.chance.one_of(living)
            };
            all.merge(*id, into);
        }
        for _ in 0..4 {
            let who = all.chance.one_of(living).to_owned();
            let state = *all.chance.one_of(&[SubjectState::Erasing, SubjectState::Retained]);
            all.people.iter_mut().find(|row| row.subject_id == who).unwrap().state = state as i16;
        }
        for _ in 0..150 {
            let origin = all.chance.one_of(&people).to_owned();
            let now = all.now(origin);
            let number = all.add_record(now, origin);
            for _ in 0..all.chance.below(3) {
                let mut ix = [0; 16];
                ix[0] = u8::try_from(seed).unwrap();
                ix[1] = u8::try_from(all.chance.below(90)).unwrap();
                let flags = i16::try_from(all.chance.below(8)).unwrap();
                all.add_identifier(ix, number, now, flags);
            }
            if all.chance.below(2) == 0 {
                all.add_entry(now, origin);
            }
        }
        all
    }

    fn add_person(&mut self) -> SubjectId {
        let id = subject(&ids(&self.clock, &self.chance));
        self.people.push(SubjectRow {
            part: id.part(),
            subject_id: id,
            merged_into: None,
            merged_at: Timestamp::UNSET,
            state: SubjectState::Living as i16,
            created_at: Timestamp::from_micros(i64::try_from(self.people.len() + 1).unwrap()),
        });
        for key_no in 1..=i16::try_from(1 + self.chance.below(2)).unwrap() {
            self.keys.push(DataKeyRow {
                part: id.part(),
                subject: id,
                key_no,
                epoch: 1,
                wrapped: id.bytes().to_vec(),
                commitment: vec![2; 2],
                salts: vec![3; 2],
                created_at: Timestamp::from_micros(1),
            });
        }
        id
    }

    fn merge(&mut self, from: SubjectId, into: SubjectId) {
        let row = self.people.iter_mut().find(|row| row.subject_id == from).unwrap();
        row.merged_into = Some(into.into());
        row.merged_at = Timestamp::from_micros(99);
        row.state = SubjectState::Merged as i16;
    }

    /// Whom this person is now.
    fn now(&self, id: SubjectId) -> SubjectId {
        let row = self.people.iter().find(|row| row.subject_id == id).unwrap();
        row.merged_into.as_ref().map_or(id, |into| self.now(SubjectId::from_slice(into).unwrap()))
    }

    fn add_record(&mut self, id: SubjectId, sealed_for: SubjectId) -> i64 {
        let number = ids(&self.clock, &self.chance).record_no().0 + i64::try_from(self.records.len()).unwrap() * 1024;
        let at = |micros| Timestamp::from_micros(micros);
        self.records.push(RecordRow {
            record_no: RecordNo(number),
            part: id.part(),
            subject_id: id,
            sealed_for,
            key_no: 1,
            source_no: SourceNo(1),
            kind: 2,
            version: at(5),
            content_mac: vec![4; 2],
            categories: 1,
            facts: 0,
            ingested_at: at(6),
            happened_at: at(7),
            contract_until: at(8),
            source_until: at(9),
            keep_until: at(10),
            sealed: vec![5; self.chance.below(9)],
        });
        number
    }

    fn add_entry(&mut self, id: SubjectId, origin: SubjectId) {
        self.ledger.push(LedgerRow {
            part: id.part(),
            subject_id: id,
            entry_no: i64::try_from(self.ledger.len()).unwrap() + 1,
            origin,
            act: 1,
            purpose: "newsletter_email".to_owned(),
            channel: 1,
            happened_at: Timestamp::from_micros(11),
            recorded_at: Timestamp::from_micros(12),
            method: "double_opt_in".to_owned(),
            text_version: "1".to_owned(),
            proof_flags: 3,
            source_no: SourceNo(1),
            sealed_for: origin,
            key_no: 1,
            evidence: vec![6; 2],
            evidence_mac: vec![7; 2],
            record_no: 0,
            said_at: Timestamp::UNSET,
        });
    }

    fn add_identifier(&mut self, ix: [u8; 16], record: i64, subject_id: SubjectId, use_flags: i16) {
        self.identifiers.push(IdentifierRow {
            ix: ix.to_vec(),
            record_no: RecordNo(record),
            kind: 1,
            subject_id,
            use_flags,
            behind: IdentifierRow::behind(1, use_flags),
            whose: 0,
        });
    }

    async fn settle(self, store: &Store) {
        store
            .write(move |write: &mut Write<'_>| {
                self.people.iter().try_for_each(|row| subjects::insert(write, row))?;
                self.keys.iter().try_for_each(|row| keys::insert_data_key(write, row))?;
                self.records.iter().cloned().try_for_each(|row| records::insert(write, row))?;
                self.ledger.iter().cloned().try_for_each(|row| ledger::insert(write, row))?;
                identifiers::insert(write, self.identifiers.clone())?;
                Ok::<_, Error>(())
            })
            .await
            .unwrap();
    }

    async fn settled(self, database: &Database) -> Store {
        let store = database.store();
        self.settle(&store).await;
        store
    }

    /// Every person and every identifier, some twice, some unknown, in no order.
    fn questions(&self) -> Vec<Who> {
        let people = self.people.iter().map(|row| Who::Subject(row.subject_id));
        let indexes = self.identifiers.iter().map(|row| Who::Identifier(row.ix.clone().try_into().unwrap()));
        let mut all: Vec<Who> = people.chain(indexes).collect();
        all.push(Who::Identifier([255; 16]));
        all.push(Who::Subject(SubjectId::from_uuid(uuid::Uuid::from_u128(5))));
        for at in (1..all.len()).rev() {
            all.swap(at, self.chance.below(at + 1));
        }
        all
    }
}
