//! Erasures that a full disk or a cut wire interrupts at any step: never half, never confirmed too early, and finished
//! without a restart.

use std::thread::{scope, sleep};
use std::time::Duration;

use obhut::types::Role;
use serde_json::{Value, json};

use super::injector::{Errno, Injector};
use super::load::{Told, all_is_there, complaint_about, house};
use super::proxy::Proxy;
use crate::clock_and_chance::SeededChance;
use crate::databases::Database;
use crate::hammer::{figure, times, unlike};
use crate::house::{House, Reply, Surroundings, customer, order, text};

/// The answer of a hub that may turn callers away for a moment.
#[track_caller]
fn until_served(ask: impl Fn() -> Reply) -> Reply {
    for _ in 0..20 {
        let reply = ask();
        if reply.status != 503 {
            return reply;
        }
        assert_eq!(complaint_about(&reply), None);
        sleep(Duration::from_millis(100));
    }
    panic!("turned away for two seconds");
}

/// Erases somebody while `fault` breaks something, and carries it to its end when all is well again. Says whether the
/// fault was felt.
fn erased(house: &House, name: &str, fault: impl FnOnce(&(dyn Fn() -> Reply + Sync)) -> Reply) -> bool {
    let records = [customer("webshop", name), order("webshop", name, name, "2026-01-05T10:00:00Z")];
    let brought = || house.post(Role::Partner, "/v1/records", &json!({"records": records}));
    until_served(brought).expect(200);
    let first = fault(&|| house.erase(name));
    let found = || house.lookup(Role::Dpo, name, "subject_access");
    if first.status == 201 {
        assert!(first.json()["signature"].is_string(), "{}", first.text());
    } else {
        assert_eq!(complaint_about(&first), None);
        match until_served(found) {
            there if there.status == 200 => {
                let all = there.text();
                assert!(all.contains(&format!("Family{name}")) && all.contains("Teekanne"), "half a person: {all}");
                until_served(|| house.erase(name)).expect(201);
            }
            gone => {
                gone.expect(404);
                for id in executing(house) {
                    until_served(|| house.post(Role::Dpo, &format!("/v1/requests/{id}/execution"), &json!({})))
                        .expect(200);
                }
            }
        }
    }
    assert_eq!(executing(house), Vec::<String>::new());
    until_served(found).expect(404);
    until_served(brought).expect(200).expect_all("suppressed");
    first.status != 201
}

/// The requests that were begun and not answered.
fn executing(house: &House) -> Vec<String> {
    let all = until_served(|| house.get(Role::Dpo, "/v1/requests?limit=200")).expect(200).json();
    let begun = all["requests"].as_array().unwrap().iter().filter(|request| request["state"] == "executing");
    begun.map(|request: &Value| text(&request["id"])).collect()
}

#[test]
fn a_disk_that_fills_up_at_any_step_of_an_erasure_leaves_nothing_half() {
    let injector = Injector::new();
    let house = house(Database::sqlite(), injector.surroundings());
    // In the long run each write of an erasure once, and some more.
    let (mut felt, steps) = (0, u32::try_from(times("erasures", 6, 60)).unwrap());
    let stride = if steps > 6 { 1 } else { 3 };
    for file in ["records.db", "keys.db", "audit.db", ".db"] {
        for pass in 0..steps {
            let name = unlike(&format!("gone{pass}{file}"));
            felt += u32::from(erased(&house, &name, |erase| {
                injector.fail_after(pass * stride, "write", file, Errno::NoSpace);
                let reply = erase();
                injector.relax();
                reply
            }));
        }
    }
    assert!(injector.failed() > 0 && felt > 8, "only {felt} erasures felt it");
    figure(
        "faults, erasures",
        "SQLite",
        "erasures on a disk that fills up; that felt it",
        format!("{}; {felt}", 4 * steps),
    );
    all_is_there(&house, &Told::default());
}

#[test]
fn a_wire_that_is_cut_at_any_step_of_an_erasure_leaves_nothing_half() {
    let database = Database::postgres();
    let proxy = Proxy::to(&database);
    let house = house(database, Surroundings { database_url: Some(proxy.url()), ..Surroundings::default() });
    let chance = SeededChance::of(11);
    let (number, mut felt) = (times("cut_wires", 20, 400), 0);
    for number in 0..number {
        felt += u32::from(erased(&house, &unlike(&format!("gone{number}")), |erase| {
            scope(|threads| {
                let reply = threads.spawn(erase);
                sleep(Duration::from_millis(u64::try_from(chance.below(150)).unwrap()));
                proxy.cut();
                reply.join().unwrap()
            })
        }));
    }
    figure("faults, erasures", "PostgreSQL", "erasures whose wire is cut; that felt it", format!("{number}; {felt}"));
    assert!(proxy.cuts() > 40, "only {} ends were cut", proxy.cuts());
    all_is_there(&house, &Told::default());
}
