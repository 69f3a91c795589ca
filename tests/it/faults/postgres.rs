//! PostgreSQL connections that are ended by the server or cut on the wire, in the middle of anything.

use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use obhut::types::Role;
use reqwest::Method;
use serde_json::json;

use super::load::{SETTLED, Told, all_is_there, eventually, expect_later, house};
use super::proxy::Proxy;
use crate::clock_and_chance::SeededChance;
use crate::databases::Database;
use crate::house::{House, Surroundings, customer};

/// The next write and the next read work. Idle connections may have died unseen, so each may be turned away once.
fn works_again(house: &House, name: &str) {
    let twice = |mut ask: Box<dyn FnMut() -> crate::house::Reply + '_>| {
        let first = ask();
        if first.status == 200 {
            return;
        }
        expect_later(&first);
        sleep(Duration::from_millis(50));
        ask().expect(200);
    };
    twice(Box::new(|| house.lookup(Role::Partner, "marlene", "newsletter_email")));
    let records = json!({"records": [customer("webshop", name)]});
    twice(Box::new(|| house.post(Role::Partner, "/v1/records", &records)));
    eventually("the hub is ready", || ready(house) == 200);
}

fn ready(house: &House) -> u16 {
    house.send(house.request(0, Method::GET, "/readyz")).status
}

#[test]
fn a_storm_of_terminated_backends_loses_nothing() {
    let house = house(Database::postgres(), Surroundings::default());
    let (told, chance) = (Told::default(), SeededChance::of(7));
    let mut ended = 0;
    told.while_(&house, |house| {
        for _ in 0..20 {
            sleep(Duration::from_millis(50 + u64::try_from(chance.below(250)).unwrap()));
            ended += house.database().count_disconnected();
        }
        sleep(Duration::from_millis(1500));
    });
    assert!(ended > 25, "only {ended} connections were ended");
    works_again(&house, "lastly");
    let (stored, disclosed) = told.counts();
    assert!(stored > 5 && disclosed > 5, "{stored} {disclosed} {:?}", told.refused);
    all_is_there(&house, &told);
}

#[test]
fn a_wire_that_is_cut_again_and_again_loses_nothing() {
    let database = Database::postgres();
    let proxy = Proxy::to(&database);
    let house = house(database, Surroundings { database_url: Some(proxy.url()), ..Surroundings::default() });
    let (told, chance) = (Told::default(), SeededChance::of(8));
    told.while_(&house, |_| {
        for _ in 0..15 {
            sleep(Duration::from_millis(100 + u64::try_from(chance.below(400)).unwrap()));
            proxy.cut();
        }
        sleep(Duration::from_millis(1500));
    });
    assert!(proxy.cuts() > 30, "only {} ends were cut", proxy.cuts());
    works_again(&house, "lastly");
    let (stored, disclosed) = told.counts();
    assert!(stored > 5 && disclosed > 5, "{stored} {disclosed} {:?}", told.refused);
    all_is_there(&house, &told);
}

#[test]
fn a_database_that_is_away_for_a_while_is_answered_with_later() {
    let database = Database::postgres();
    let proxy = Proxy::to(&database);
    let house = house(database, Surroundings { database_url: Some(proxy.url()), ..Surroundings::default() });
    let told = Told::default();
    told.while_(&house, |house| {
        for _ in 0..2 {
            sleep(Duration::from_millis(200));
            proxy.go_down();
            sleep(SETTLED);
            let before = told.counts();
            sleep(Duration::from_millis(1500));
            assert_eq!(told.counts(), before, "answered without a database");
            expect_later(&house.get(Role::Admin, "/v1/api-keys"));
            assert_eq!(ready(house), 503, "ready without a database");
            proxy.come_back();
            eventually("writes and reads go on", || {
                let now = told.counts();
                now.0 > before.0 && now.1 > before.1
            });
        }
    });
    assert!(told.refusals() > 0);
    works_again(&house, "lastly");
    all_is_there(&house, &told);
}

/// Nobody may wait for ever on a server that was cut off by a network that swallows everything.
#[test]
fn a_database_that_never_answers_is_not_waited_for() {
    let database = Database::postgres();
    let proxy = Proxy::to(&database);
    let house = house(database, Surroundings { database_url: Some(proxy.url()), ..Surroundings::default() });
    assert_eq!(ready(&house), 200);
    proxy.go_silent();
    // The last answer counts for a second; then a probe waits for a second, and says so.
    eventually("the hub is not ready any more", || ready(&house) == 503);
    let (status, waited) = measured(|| ready(&house));
    assert!(status == 503 && waited < Duration::from_secs(3), "{status} after {waited:?}");
    scope(|threads| {
        for client in 0..8 {
            let house = &house;
            threads.spawn(move || {
                let records = json!({"records": [customer("webshop", "lastone")]});
                let (reply, waited) = measured(|| match client % 2 {
                    0 => house.lookup(Role::Partner, "marlene", "newsletter_email"),
                    _ => house.post(Role::Partner, "/v1/records", &records),
                });
                expect_later(&reply);
                assert!(waited < Duration::from_secs(30), "waited for {waited:?}");
            });
        }
    });
    proxy.come_back();
    works_again(&house, "lastly");
    all_is_there(&house, &Told::default());
}

#[expect(clippy::disallowed_methods, reason = "it only measures; nothing is decided by it")]
fn measured<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let begin = Instant::now();
    (work(), begin.elapsed())
}
