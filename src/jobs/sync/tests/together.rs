//! What all who talk to a vendor share, and what the streams of a source do not.

use super::house::{SHOP, word};
use super::patience::row;
use super::shopware::{complete, shop};
use crate::connect::{Counts, Leaves, Person};
use crate::databases::{Database, on_both_databases};
use crate::jobs::sync::Error;
use crate::store::syncs::SyncState;
use crate::types::{Clock as _, Timestamp};
use crate::vendors::Break;
use crate::vendors::shopware::email;

on_both_databases!(
    a_schedule_is_spread,
    whoever_talks_to_the_shop_uses_one_token,
    a_vendor_that_fails_again_and_again_is_left_alone_by_everybody,
    a_stream_that_is_refused_keeps_no_other_from_being_read,
);

async fn whoever_talks_to_the_shop_uses_one_token(database: Database) {
    let (house, fake) = shop(database, 10).await;
    let asked = |from: usize| fake.calls_since(from).iter().filter(|call| call.ends_with("/oauth/token")).count();
    let vendors = &house.syncs.vendors;
    let mut sessions = Vec::new();
    for _ in 0..8 {
        sessions.push(vendors.session(SHOP).await.unwrap());
    }
    let tried = futures_util::future::join_all(sessions.iter().map(crate::connect::Session::test)).await;
    assert!(tried.iter().all(Result::is_ok), "{tried:?}");
    house.sync().await.unwrap();
    assert_eq!(asked(0), 1);
    // One that is refused before its time is replaced once, for all of them.
    fake.with(|shop| shop.uses_of_a_token = Some(0));
    sessions[0].test().await.unwrap_err();
    fake.with(|shop| shop.uses_of_a_token = None);
    let before = fake.calls();
    for session in &sessions {
        session.test().await.unwrap();
    }
    assert!(asked(before) <= 1, "{:?}", fake.calls_since(before));
    // Whoever enters something else is somebody else.
    house.set(&[("client_secret", "another")]).await;
    let fault = vendors.session(SHOP).await.unwrap().test().await.unwrap_err();
    assert_eq!(fault.word(), "credentials_refused");
}

async fn a_vendor_that_fails_again_and_again_is_left_alone_by_everybody(database: Database) {
    let (house, fake) = shop(database, 10).await;
    let session = async || house.syncs.vendors.session(SHOP).await.unwrap();
    fake.break_calls(0, &[Break::Status(500); 100]);
    for _ in 0..5 {
        assert_eq!(session().await.test().await.unwrap_err().word(), "vendor_error");
    }
    let calls = fake.calls();
    assert_eq!(calls, 30, "each of them was patient");
    let erase = async || {
        let session = session().await;
        let connector = session.connector().clone();
        let person = Person { email: Some(email(1)), ..Person::default() };
        connector.erase().unwrap().run(&session, &person).await
    };
    for _ in 0..100 {
        let report = erase().await;
        assert_eq!(report.leaves, Some(Leaves::ManualTask));
        assert!(report.steps[0].failure.as_ref().unwrap().contains("left alone"), "{report:?}");
    }
    assert_eq!(word(house.sync().await), "resting");
    assert_eq!(fake.calls(), calls, "nobody knocks");
    // One call tries it, once.
    house.wait(61);
    assert_eq!(session().await.test().await.unwrap_err().word(), "vendor_error");
    assert_eq!(session().await.test().await.unwrap_err().word(), "resting");
    assert_eq!(fake.calls(), calls + 1);
    fake.mend();
    house.wait(121);
    assert_eq!(erase().await.steps[0].failure, None);
    assert!(complete(&house.sync().await.unwrap()));
}

async fn a_stream_that_is_refused_keeps_no_other_from_being_read(database: Database) {
    let (house, fake) = shop(database, 20).await;
    fake.with(|shop| shop.rights.remove("customer:read"));
    for round in 1..=3 {
        let Err(error @ Error::Refused(_)) = house.sync().await else { panic!("it must fail") };
        let told = error.to_string();
        assert!(told.starts_with("`customers`: ") && told.contains("lack a right"), "{told}");
        assert!(!told.contains("kunde") && !told.contains("orders"), "{told}");
        assert_eq!(house.records(), 40, "orders and newsletter come in");
        let history = house.history().await;
        let counts = Counts::parse(&history[0].counts);
        assert_eq!((history[0].state, &history[0].cause), (SyncState::Failed.number(), &told));
        assert!(counts.streams["orders"].complete && counts.streams["newsletter_recipients"].complete, "{counts:?}");
        let row = row(&house).await;
        assert_eq!(row.failures, 1, "what can be read comes as often as ever, in round {round}");
        assert!(row.is_due(house.clock.now().plus(990 * Timestamp::SECOND)));
        house.wait(990);
    }
    // The right is given: nothing of what was refused is passed over, and nothing else is read anew.
    fake.with(|shop| shop.rights.insert("customer:read".to_owned()));
    let counts = house.sync().await.unwrap();
    assert_eq!((counts.streams["customers"].created, counts.streams["orders"].read), (20, 0), "{counts:?}");
    // Where the credentials are refused, nobody is asked any further.
    house.wait(900);
    fake.with(|shop| shop.secret = "another".to_owned());
    let before = fake.calls();
    assert_eq!(word(house.sync().await), "credentials_refused");
    assert!(fake.calls_since(before).iter().all(|call| call.ends_with("/oauth/token")));
}

/// Sources that were connected together do not go on calling at one second.
async fn a_schedule_is_spread(database: Database) {
    let (house, _fake) = shop(database, 1).await;
    let mut late = std::collections::BTreeSet::new();
    for _ in 0..6 {
        house.sync().await.unwrap();
        late.insert(row(&house).await.next_at.micros() - house.clock.now().micros() - 900 * Timestamp::SECOND);
        house.wait(1_000);
    }
    assert!(late.len() > 4 && late.iter().all(|late| (0..=90 * Timestamp::SECOND).contains(late)), "{late:?}");
}
