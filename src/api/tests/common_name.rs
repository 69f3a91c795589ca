//! Somebody of whom it is asked whether they are any of hundreds, as a common name may leave it: what arrives is judged by the likeliest
//! of those, and the only one who writes is not kept by the others.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use diesel::connection::{Instrumentation, InstrumentationEvent, set_default_instrumentation};
use serde_json::{Value, json};
use uuid::Uuid;

use super::guests::{PEOPLE, contact, of, reached};
use super::whole_state::{Played, fresh};
use crate::databases::{Database, on_both_databases};
use crate::graph::matching::LIKELIEST;
use crate::store::apart::{self, Mark};
use crate::store::reviews::{self, Weighed};
use crate::store::rows::ReviewRow;
use crate::store::{Error, Location, Shelf, Write, records};
use crate::types::{Clock as _, RecordNo, ReviewId, SubjectId, Timestamp};

on_both_databases!(
    who_arrives_is_judged_by_few_of_hundreds_of_questions,
    who_was_made_of_many_is_judged_by_as_few_statements,
    of_more_who_are_as_likely_those_who_are_asked_about_first_are_looked_at,
);

/// How many others somebody may be.
const QUESTIONS: usize = 300;
/// Statements that settling one record takes at most: whatever it takes otherwise, and a few for each of the likeliest. Each of the
/// hundreds by itself would take as many, and each with each a hundred times that.
const STATEMENTS: usize = 8 * LIKELIEST;

/// So many more it may be by chance, as when something else is done meanwhile.
const MORE: usize = 8;

/// How many statements went to which address.
static ASKED: Mutex<BTreeMap<String, usize>> = Mutex::new(BTreeMap::new());

#[expect(clippy::unnecessary_wraps, reason = "so it is asked for")]
fn counting() -> Option<Box<dyn Instrumentation>> {
    let mut address = String::new();
    Some(Box::new(move |event: InstrumentationEvent<'_>| match event {
        InstrumentationEvent::StartEstablishConnection { url, .. } => url.clone_into(&mut address),
        InstrumentationEvent::StartQuery { .. } => {
            let mut asked = ASKED.lock().unwrap_or_else(PoisonError::into_inner);
            *asked.entry(address.clone()).or_default() += 1;
        }
        _ => {}
    }))
}

/// How many statements went to this place since it was there.
fn statements(location: &Location) -> usize {
    let address = match location {
        Location::Sqlite(directory) => directory.to_str().unwrap(),
        Location::Postgres { url, .. } => url,
    };
    let asked = ASKED.lock().unwrap();
    asked.iter().filter(|(to, _)| to.starts_with(address)).map(|(_, count)| count).sum()
}

/// Asks about a guest and each of these, as much of each as of every other; by what levels of agreement is told beside each.
async fn ask(played: &Played, guest: (RecordNo, SubjectId), about: &[((RecordNo, SubjectId), &'static str)]) {
    let (about, at) = (about.to_vec(), played.clock.now());
    let work = played.hub.house.store.write(move |write| {
        for (number, ((record, person), says)) in (1_u128..).zip(&about) {
            let row = ReviewRow {
                review_id: ReviewId::from_uuid(Uuid::from_u128(number)),
                one_no: *record,
                one_id: *person,
                other_no: guest.0,
                other_id: guest.1,
                weight: 60_000,
                waterfall: (*says).to_owned(),
                state: reviews::OPEN,
                made_at: at,
                decided_at: Timestamp::UNSET,
            };
            reviews::ask(write, row, Weighed::Record(guest.0))?;
        }
        Ok::<_, Error>(())
    });
    work.await.unwrap();
}

/// Somebody decided that these are each two.
async fn decide(played: &Played, pairs: &[(SubjectId, SubjectId)]) {
    let (pairs, at) = (pairs.to_vec(), played.clock.now());
    let mark = move |write: &mut Write<'_>| {
        pairs
            .iter()
            .try_for_each(|(one, other)| apart::mark(write, Mark { one: *one, other: *other, at, looked: true }))
    };
    played.hub.house.store.write(mark).await.unwrap();
}

/// Brings a guest without a date of birth. Their record and they.
async fn guest(played: &Played) -> (RecordNo, SubjectId) {
    let (family, people) = (PEOPLE[0].1, played.people());
    let mut guest = of(family, "guest", &contact(family));
    guest["data"]["person"].as_object_mut().unwrap().remove("birth_date").unwrap();
    played.bring(&[guest]).await;
    let new: Vec<SubjectId> = played.people().into_iter().filter(|person| !people.contains(person)).collect();
    let [guest] = new[..] else { panic!("{new:?}") };
    records_of(played, &[guest]).await[0]
}

/// Who reaches the guest's mailbox and phone, and was born in another year than who is known of those the guest may be.
fn young() -> Value {
    let mut young = reached(PEOPLE[0].1, "young", None);
    young["data"] = json!({"person": {"birth_date": "1999-05-20"}});
    young
}

/// Brings so many people of names that no other has; `born`: of whom each tells another date of birth.
async fn bring(played: &Played, numbers: Range<usize>, born: bool) -> Vec<SubjectId> {
    let (people, count) = (played.people(), numbers.len());
    let others = numbers.map(|number| {
        let mut other = other(number);
        if born {
            let date = format!("{}-{:02}-{:02}", 1930 + number, 1 + number % 12, 2 + number % 27);
            other["data"]["person"]["birth_date"] = json!(date);
        }
        other
    });
    played.bring(&others.collect::<Vec<_>>()).await;
    let new: Vec<SubjectId> = played.people().into_iter().filter(|person| !people.contains(person)).collect();
    assert_eq!(new.len(), count);
    new
}

/// Somebody of a name that no other has.
fn other(number: usize) -> Value {
    const SYLLABLES: [&str; 18] = [
        "ber", "dol", "fin", "gar", "hum", "kol", "lum", "mar", "nus", "pel", "rit", "sam", "tor", "vel", "wix", "zan",
        "brod", "schun",
    ];
    let (first, second) = (SYLLABLES[number / SYLLABLES.len()], SYLLABLES[number % SYLLABLES.len()]);
    json!({
        "type": "customer", "source": "webshop", "external_id": format!("other-{number}"), "updated_at": "2026-05-01T08:00:00Z",
        "identifiers": [], "data": {"person": {"given_name": "Anna", "family_name": format!("{first}{second}")}},
    })
}

/// A record of each of these people.
async fn records_of(played: &Played, people: &[SubjectId]) -> Vec<(RecordNo, SubjectId)> {
    let people = people.to_vec();
    let found = played.hub.house.store.read(move |read| {
        let first = |person: &SubjectId| {
            let numbers = records::numbers_of(read.records(), *person)?;
            Ok((*numbers.first().ok_or(Error::Unreadable("record"))?, *person))
        };
        people.iter().map(first).collect::<Result<Vec<_>, Error>>()
    });
    found.await.unwrap()
}

/// A guest may be any of three hundred, of whom none is known not to be another but each not to be somebody else: who says what the guest
/// says is that guest, without a login as with one.
async fn who_arrives_is_judged_by_few_of_hundreds_of_questions(database: Database) {
    set_default_instrumentation(counting).unwrap();
    let played = Played::open(database, 41).await;
    let family = PEOPLE[0].1;
    let others: Vec<Value> = (0..=QUESTIONS).map(other).collect();
    for some in others.chunks(50) {
        played.bring(some).await;
    }
    let people = played.people();
    played.bring(&[of(family, "guest", &contact(family))]).await;
    let guest: Vec<SubjectId> = played.people().into_iter().filter(|person| !people.contains(person)).collect();
    assert_eq!((people.len(), guest.len()), (QUESTIONS + 1, 1));
    let (guest, known) = (records_of(&played, &guest).await[0], records_of(&played, &people).await);
    let about: Vec<((RecordNo, SubjectId), &str)> = known.iter().take(QUESTIONS).map(|one| (*one, "")).collect();
    ask(&played, guest, &about).await;
    let (_, else_) = known[QUESTIONS];
    decide(&played, &about.iter().map(|((_, person), _)| (*person, else_)).collect::<Vec<_>>()).await;
    assert_eq!(played.hub.database.count(Shelf::Records, "review"), i64::try_from(QUESTIONS).unwrap());
    let account = json!({"kind": "account", "value": format!("{family}-K-1"), "verified": true});
    for (id, more) in [("next", None), ("login", Some(account))] {
        let before = statements(played.hub.database.location());
        played.bring(&[reached(family, id, more)]).await;
        let taken = statements(played.hub.database.location()) - before;
        assert!((1..=STATEMENTS).contains(&taken), "{taken} statements for one record");
        assert_eq!(played.people().len(), QUESTIONS + 2, "{id} is somebody else");
    }
}

/// A guest may be either of two, of whom each was made of many, and of two parts of theirs somebody decided that they are not one: it is
/// seen, and takes no more statements than if nobody had been merged into them.
async fn who_was_made_of_many_is_judged_by_as_few_statements(database: Database) {
    set_default_instrumentation(counting).unwrap();
    let dialect = database.dialect();
    let mut database = Some(database);
    let mut taken = Vec::new();
    for parts in [1, 30] {
        let played = Played::open(database.take().unwrap_or_else(|| fresh(dialect)), 42).await;
        let all = bring(&played, 0..2 * parts, true).await;
        let (ones, others) = all.split_at(parts);
        decide(&played, &[(ones[parts - 1], others[parts - 1])]).await;
        for some in [ones, others] {
            for part in &some[1..] {
                played.merge(some[0], *part).await;
            }
        }
        let guest = guest(&played).await;
        let about = records_of(&played, &[ones[0], others[0]]).await;
        ask(&played, guest, &about.iter().map(|one| (*one, "")).collect::<Vec<_>>()).await;
        let before = statements(played.hub.database.location());
        played.bring(&[young()]).await;
        taken.push(statements(played.hub.database.location()) - before);
        assert_eq!(played.people().len(), 4, "of {parts}: who came is neither of the two, and the guest may be");
    }
    assert!(taken[1] <= taken[0] + MORE, "{taken:?} statements");
}

/// A guest is as like each of more than are looked at. Of two of them somebody decided that they are not one, and who comes is neither:
/// whether that is seen is told by what is known of the two, and not by who came first.
async fn of_more_who_are_as_likely_those_who_are_asked_about_first_are_looked_at(database: Database) {
    let dialect = database.dialect();
    let mut database = Some(database);
    for (says, people) in [("a", 1), ("c", 0)] {
        for are_last in [true, false] {
            let played = Played::open(database.take().unwrap_or_else(|| fresh(dialect)), 43).await;
            let many = async || bring(&played, 2..2 + LIKELIEST, false).await;
            let two = async || bring(&played, 0..2, true).await;
            let (many, two) = if are_last {
                (many().await, two().await)
            } else {
                let two = two().await;
                (many().await, two)
            };
            decide(&played, &[(two[0], two[1])]).await;
            let guest = guest(&played).await;
            let mut about: Vec<_> = records_of(&played, &many).await.into_iter().map(|one| (one, "b")).collect();
            about.extend(records_of(&played, &two).await.into_iter().map(|one| (one, says)));
            ask(&played, guest, &about).await;
            played.bring(&[young()]).await;
            let found = played.people().len() - LIKELIEST - 3;
            assert_eq!(found, people, "asked {says}, last: {are_last}");
        }
    }
}
