//! What befalls a sync on its way, told of a Shopware shop: a vendor that fails, a hub that dies, and others who want the same.

use std::time::Duration;

use super::house::{House, SHOP, brought, word};
use super::shopware::{complete, connect, shop};
use crate::connect::Counts;
use crate::databases::{Database, on_both_databases};
use crate::jobs::sync::Error;
use crate::store::connections::{self, ConnectionRow};
use crate::store::syncs::SyncState;
use crate::store::{self, Shelf};
use crate::types::{Clock as _, Timestamp};
use crate::vendors::shopware::Shop;
use crate::vendors::{Break, Fake};

on_both_databases!(
    a_token_that_ends_is_made_anew,
    storms_of_429_and_500_are_waited_out,
    a_vendor_that_stays_down_is_told_and_asked_later,
    credentials_that_end_during_a_sync_are_told_and_nothing_is_lost,
    a_crash_between_records_and_place_loses_and_doubles_nothing,
    a_door_that_was_tried_too_often_is_waited_for,
    one_node_syncs_a_source,
    a_hint_is_answered_once_it_is_done_and_waits_for_the_pause,
    a_database_that_is_busy_for_a_moment_ends_no_sync,
    a_sync_that_cannot_say_that_it_goes_on_ends_in_time,
    the_next_page_is_read_while_one_is_written,
);

async fn a_token_that_ends_is_made_anew(database: Database) {
    let (house, fake) = shop(database, 510).await;
    // Before its time, in the middle of the pages.
    fake.with(|shop| shop.uses_of_a_token = Some(2));
    assert!(complete(&house.sync().await.unwrap()));
    assert_eq!(house.records(), 1530);
    // And by the clock: a pause of more than ten minutes between two calls.
    fake.with(|shop| shop.uses_of_a_token = None);
    house.clock.set("2026-11-21T12:20:00Z");
    let session = house.syncs.vendors.session(SHOP).await.unwrap();
    session.test().await.unwrap();
    house.clock.set("2026-11-21T12:31:00Z");
    let before = fake.calls();
    session.test().await.unwrap();
    assert_eq!(fake.calls_since(before)[..2], ["POST /api/oauth/token", "POST /api/search/customer"]);
    assert_eq!(fake.calls() - before, 5, "another token was made");
}

async fn storms_of_429_and_500_are_waited_out(database: Database) {
    let (house, fake) = shop(database, 260).await;
    fake.break_calls(0, &[Break::Throttle(Some("30")), Break::Status(500)]);
    fake.break_calls(4, &[Break::Throttle(None), Break::Status(503), Break::Cut, Break::HangUp, Break::Status(502)]);
    fake.break_calls(12, &[Break::Html, Break::Throttle(Some("Sat, 21 Nov 2026 12:05:00 GMT"))]);
    let counts = house.sync().await.unwrap();
    assert!(complete(&counts));
    assert_eq!((brought(&counts)[0], house.records()), (780, 780));
    assert!(house.waited() > 60, "it must wait as it is told");
}

async fn a_vendor_that_stays_down_is_told_and_asked_later(database: Database) {
    let (house, fake) = shop(database, 10).await;
    for failures in 1..=2 {
        let now = house.clock.now();
        fake.break_calls(0, &[Break::Status(500); 6]);
        assert_eq!(word(house.sync().await), "vendor_error");
        let row = house.syncs.vendors.connections.rows().await.unwrap().remove(0);
        assert_eq!((row.failures, row.lease_until), (failures, Timestamp::UNSET));
        assert!(row.next_at >= now.plus(900 * Timestamp::SECOND) && !row.is_due(house.clock.now()));
        let history = house.history().await;
        assert_eq!(history[0].state, SyncState::Failed.number());
        assert_eq!(history[0].cause, "the vendor answered with status 500");
    }
    // Longer than a sync waits. Nobody calls meanwhile, neither the next sync nor anybody else of this source.
    fake.break_calls(0, &[Break::Throttle(Some("4000"))]);
    let told = house.clock.now();
    let calls = fake.calls();
    for _ in 0..2 {
        assert_eq!(word(house.sync().await), "throttled");
        let row = row(&house).await;
        assert!(row.next_at >= told.plus(4_000 * Timestamp::SECOND), "{row:?}");
        let session = house.syncs.vendors.session(SHOP).await.unwrap();
        assert_eq!(session.test().await, Err(crate::connect::Fault::Throttled));
    }
    assert_eq!((fake.calls(), house.waited() < 100), (calls + 1, true));
    house.wait(4_001);
    assert!(complete(&house.sync().await.unwrap()));
    assert_eq!(house.syncs.vendors.connections.rows().await.unwrap()[0].failures, 0);
}

async fn credentials_that_end_during_a_sync_are_told_and_nothing_is_lost(database: Database) {
    let (house, fake) = shop(database, 510).await;
    fake.with(|shop| shop.uses_of_a_token = Some(2));
    let revoke = |counts: &Counts| {
        // The second page is asked for with the first token, at the latest now.
        if counts.streams["customers"].read == 250 {
            fake.with(|shop| shop.secret = "another".to_owned());
        }
    };
    let outcome = house.syncs.run(SHOP, false, revoke).await;
    let Err(Error::Vendor(fault)) = outcome else { panic!("it must fail") };
    assert_eq!(fault.word(), "credentials_refused");
    assert!(fault.to_string().contains("make new ones") && fault.to_string().contains("`6`"), "{fault}");
    assert_eq!(house.records(), 500);
    fake.with(|shop| shop.uses_of_a_token = None);
    connect(&house, &fake).await;
    let before = fake.calls();
    let counts = house.sync().await.unwrap();
    assert_eq!(counts.streams["customers"].created, 10, "it goes on where it stopped: {counts:?}");
    assert_eq!(fake.calls_since(before).iter().filter(|call| call.ends_with("/customer")).count(), 1);
    assert_eq!(house.records(), 1530);
}

async fn a_crash_between_records_and_place_loses_and_doubles_nothing(database: Database) {
    let (house, fake) = shop(database, 300).await;
    fake.break_calls(2, &[Break::Status(500); 6]);
    assert_eq!(word(house.sync().await), "vendor_error");
    assert_eq!(house.records(), 250);
    // As after a kill between the two commits: the records of a page are in, its place is not written, the lease is held.
    let source = house.source();
    house
        .store
        .write(move |write| {
            let row = connections::find(write.records(), source)?.unwrap();
            let until = row.created_at.plus(3600 * Timestamp::SECOND);
            connections::take(write, source, b"a process that died", until, row.created_at)?;
            connections::renew(write, source, b"a process that died", until, Some(&[]))
        })
        .await
        .unwrap();
    assert_eq!(word(house.sync().await), Error::Busy.to_string());
    house.clock.set("2026-11-21T13:00:01Z");
    let counts = house.sync().await.unwrap();
    assert_eq!((counts.streams["customers"].unchanged, counts.streams["customers"].created), (250, 50));
    assert_eq!(house.records(), 900);
}

async fn a_door_that_was_tried_too_often_is_waited_for(database: Database) {
    let (house, fake) = shop(database, 3).await;
    fake.with(|shop| shop.secret = "another".to_owned());
    for number in 1..=10 {
        assert_eq!(word(house.sync().await), "credentials_refused", "{number}");
        assert_eq!(fake.calls(), number, "wrong credentials are tried once a sync");
    }
    assert_eq!(house.waited(), 0);
    // The shop takes no more tries for a while, and says it by a status alone: the right ones come in when it does.
    fake.with(|shop| shop.secret = "secret-of-the-shop".to_owned());
    assert!(complete(&house.sync().await.unwrap()));
    assert!(house.waited() >= 5, "it was not waited");
    assert!(fake.with(|shop| shop.tries_refused) > 0);
}

async fn one_node_syncs_a_source(database: Database) {
    let (house, _fake) = shop(database, 20).await;
    let (first, second) = futures_util::join!(house.sync(), house.sync());
    let words = [word(first), word(second)];
    assert!(words.contains(&"done".to_owned()) && words.contains(&Error::Busy.to_string()), "{words:?}");
    assert_eq!(house.records(), 60);
}

pub(super) async fn row(house: &House) -> ConnectionRow {
    house.syncs.vendors.connections.rows().await.unwrap().remove(0)
}

async fn hint(house: &House) {
    let (source, now) = (house.source(), house.clock.now());
    assert!(house.store.write(move |write| connections::want(write, source, now)).await.unwrap());
}

async fn a_hint_is_answered_once_it_is_done_and_waits_for_the_pause(database: Database) {
    let (house, fake) = shop(database, 5).await;
    // Only when told to.
    house.database.execute(Shelf::Records, "UPDATE connection SET every_seconds = 0, next_at = 0");
    assert!(!row(&house).await.is_due(house.clock.now()));
    hint(&house).await;
    assert!(row(&house).await.is_due(house.clock.now()));
    for failures in 1..=3 {
        fake.break_calls(0, &[Break::Status(500); 6]);
        assert_eq!(word(house.sync().await), "vendor_error");
        fake.mend();
        hint(&house).await;
        let (row, now) = (row(&house).await, house.clock.now());
        assert_eq!((row.failures, row.wanted_at.is_set()), (failures, true), "what was asked for is not lost");
        let pause = i64::from(60 << (failures - 1)) * Timestamp::SECOND;
        assert!(!row.is_due(now.plus(pause - 1)), "hints do not go round the pause");
        assert!(
            row.is_due(now.plus(pause + pause / 10)) && row.next_at > now.plus(pause),
            "others call at this second"
        );
    }
    // Somebody who put it right asks for it.
    let (source, now) = (house.source(), house.clock.now());
    assert!(house.store.write(move |write| connections::ask(write, source, now)).await.unwrap());
    assert!(row(&house).await.is_due(now));
    // A process that dies leaves it to the next one.
    let until = now.plus(60 * Timestamp::SECOND);
    let dies = move |write: &mut store::Write<'_>| connections::take(write, source, b"a process that died", until, now);
    house.store.write(dies).await.unwrap().unwrap();
    assert!(!row(&house).await.is_due(now) && row(&house).await.is_due(until));
    house.wait(61);
    // A hint that comes meanwhile is answered by the next sync, at the very same moment too.
    let first = row(&house).await.wanted_at;
    let meanwhile = |_: &Counts| {
        let later = format!("UPDATE connection SET wanted_at = {} WHERE wanted_at > 0", first.plus(1).micros());
        house.database.execute(Shelf::Records, &later);
    };
    house.syncs.run(SHOP, false, meanwhile).await.unwrap();
    assert!(row(&house).await.is_due(house.clock.now()));
    house.sync().await.unwrap();
    let done = row(&house).await;
    assert_eq!((done.failures, done.wanted_at, done.next_at), (0, Timestamp::UNSET, Timestamp::UNSET));
}

/// A hub that says that it goes on all the time, with a shop that takes a second for each answer.
async fn slow(database: Database) -> (House, Fake<Shop>) {
    let (mut house, fake) = shop(database, 5).await;
    house.syncs.beat = Duration::from_millis(20);
    fake.slow_down(Duration::from_millis(400));
    (house, fake)
}

async fn a_database_that_is_busy_for_a_moment_ends_no_sync(database: Database) {
    let (house, fake) = slow(database).await;
    let watched = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        house.database.execute(Shelf::Records, "ALTER TABLE connection RENAME TO away");
        tokio::time::sleep(Duration::from_millis(100)).await;
        house.database.execute(Shelf::Records, "ALTER TABLE away RENAME TO connection");
        fake.slow_down(Duration::ZERO);
    };
    let (outcome, ()) = futures_util::join!(house.sync(), watched);
    assert!(complete(&outcome.unwrap()));
}

async fn a_sync_that_cannot_say_that_it_goes_on_ends_in_time(database: Database) {
    let (house, fake) = slow(database).await;
    let watched = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        house.database.execute(Shelf::Records, "ALTER TABLE connection RENAME COLUMN lease_until TO away");
        house.wait(45);
        tokio::time::sleep(Duration::from_millis(100)).await;
        house.database.execute(Shelf::Records, "ALTER TABLE connection RENAME COLUMN away TO lease_until");
        fake.slow_down(Duration::ZERO);
    };
    let (outcome, ()) = futures_util::join!(house.sync(), watched);
    assert!(matches!(outcome, Err(Error::Store(_))), "{}", word(outcome));
}

async fn the_next_page_is_read_while_one_is_written(database: Database) {
    let (house, fake) = shop(database, 60).await;
    fake.with(|shop| shop.most = 10);
    let (before, mut pages) = (fake.calls(), 0);
    // The writer stands still here, after a page and before the next.
    let stands_still = |counts: &Counts| {
        let stream = &counts.streams["customers"];
        if stream.complete || counts.streams.len() > 1 {
            return;
        }
        pages += 1;
        let asked = || fake.calls_since(before).iter().filter(|call| call.ends_with("/search/customer")).count();
        let written = usize::try_from(stream.read / 10).unwrap();
        for _ in 0..2_000 {
            if asked() > written {
                break;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(asked(), written + 1, "the next page is fetched meanwhile");
        std::thread::sleep(Duration::from_millis(100));
        assert_eq!(asked(), written + 1, "and no more of them: memory is bounded");
    };
    let counts = house.syncs.run(SHOP, false, stands_still).await.unwrap();
    assert_eq!((counts.streams["customers"].created, pages), (60, 5), "{counts:?}");
}
