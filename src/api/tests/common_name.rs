//! Somebody of whom it is asked whether they are any of hundreds, as a common name may leave it: what arrives is judged by the likeliest
//! of those, and the only one who writes is not kept by the others.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use diesel::connection::{Instrumentation, InstrumentationEvent, set_default_instrumentation};
use serde_json::{Value, json};
use uuid::Uuid;

use super::guests::{PEOPLE, contact, of, reached};
use super::whole_state::Played;
use crate::databases::{Database, on_both_databases};
use crate::graph::matching::LIKELIEST;
use crate::store::apart::{self, Mark};
use crate::store::reviews::{self, Weighed};
use crate::store::rows::ReviewRow;
use crate::store::{Error, Location, Shelf, records};
use crate::types::{Clock as _, RecordNo, ReviewId, SubjectId, Timestamp};

on_both_databases!(who_arrives_is_judged_by_few_of_hundreds_of_questions,);

/// How many others somebody may be.
const QUESTIONS: usize = 300;
/// Statements that settling one record takes at most: whatever it takes otherwise, and a few for each of the likeliest. Each of the
/// hundreds by itself would take as many, and each with each a hundred times that.
const STATEMENTS: usize = 8 * LIKELIEST;

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
    let at = played.clock.now();
    let work = played.hub.house.store.write(move |write| {
        let (_, else_) = known[QUESTIONS];
        for (number, (record, person)) in (1_u128..).zip(known.iter().take(QUESTIONS)) {
            let row = ReviewRow {
                review_id: ReviewId::from_uuid(Uuid::from_u128(number)),
                one_no: *record,
                one_id: *person,
                other_no: guest.0,
                other_id: guest.1,
                weight: 60_000,
                waterfall: String::new(),
                state: reviews::OPEN,
                made_at: at,
                decided_at: Timestamp::UNSET,
            };
            reviews::ask(write, row, Weighed::Record(guest.0))?;
            apart::mark(write, Mark { one: *person, other: else_, at, looked: true })?;
        }
        Ok::<_, Error>(())
    });
    work.await.unwrap();
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
