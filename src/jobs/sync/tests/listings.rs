//! Who a shop does not list any more, and who only seems to be gone.

use std::ops::Range;

use serde_json::json;

use super::house::{House, SHOP, word};
use super::shopware::shop;
use crate::connect::{Counts, StreamCounts};
use crate::databases::{Database, on_both_databases};
use crate::store::Shelf;
use crate::vendors::shopware::{Shop, customer, id};
use crate::vendors::{Break, Fake};

on_both_databases!(
    who_is_not_listed_any_more_ends_here_too,
    who_comes_while_it_is_listed_is_not_gone,
    who_is_listed_again_is_there_again,
    a_listing_of_nobody_or_of_less_than_half_is_none,
    who_moves_out_of_sight_between_two_pages_stays,
    a_listing_that_was_cut_short_ends_nobody,
    everything_is_read_by_itself_from_time_to_time,
);

fn ended(house: &House) -> String {
    let counted = "SELECT CAST(COUNT(*) AS TEXT) AS answer FROM record WHERE source_until > 0";
    house.database.texts(Shelf::Records, counted).remove(0)
}

fn let_go(fake: &Fake<Shop>, numbers: Range<usize>) {
    let gone: Vec<_> = numbers.map(|number| json!(id("customer", number))).collect();
    fake.with(|shop| shop.entities.get_mut("customer").unwrap().retain(|one| !gone.contains(&one["id"])));
}

/// Reads everything anew, an hour later.
async fn list(house: &House) -> StreamCounts {
    house.wait(3_600);
    house.syncs.run(SHOP, true, |_| {}).await.unwrap().streams["customers"]
}

async fn who_is_not_listed_any_more_ends_here_too(database: Database) {
    let (house, fake) = shop(database, 30).await;
    house.sync().await.unwrap();
    let_go(&fake, 3..5);
    house.wait(3_600);
    house.sync().await.unwrap();
    assert_eq!(ended(&house), "0", "what is new says nothing of what is gone");
    // An object that cannot be read may be one of them.
    fake.with(|shop| shop.entities.get_mut("customer").unwrap()[0]["id"] = json!(null));
    for _ in 0..2 {
        assert_eq!((list(&house).await.rejected, ended(&house).as_str()), (1, "0"));
    }
    fake.with(|shop| shop.entities.get_mut("customer").unwrap()[0]["id"] = json!(id("customer", 0)));
    assert_eq!((list(&house).await.ended, ended(&house).as_str()), (0, "0"), "one listing is no proof");
    assert_eq!((list(&house).await.ended, ended(&house).as_str()), (2, "2"));
    assert_eq!(house.rights.requests(None, 10).await.unwrap().len(), 0, "it opens nothing by itself");
    let again = list(&house).await;
    assert_eq!((again.ended, again.created), (0, 0));
    // A shop that shows almost nobody is broken, not empty.
    let_go(&fake, 5..30);
    for _ in 0..3 {
        assert_eq!((list(&house).await.ended, ended(&house).as_str()), (0, "2"));
    }
}

async fn who_comes_while_it_is_listed_is_not_gone(database: Database) {
    let (house, _fake) = shop(database, 260).await;
    house.sync().await.unwrap();
    house.wait(3_600);
    // Of whom a webhook tells between two pages, and the first of them was read before.
    let arrives = json!({
        "type": "customer", "source": SHOP, "external_id": "new", "updated_at": "2026-05-02T10:00:00Z",
        "identifiers": [{"kind": "email", "value": "neu@example.org", "verified": true}], "data": {},
    })
    .to_string();
    let intake = house.syncs.intake.clone();
    let mut told = false;
    let between = |counts: &Counts| {
        if !std::mem::replace(&mut told, true) {
            assert!(!counts.streams["customers"].complete);
            let (intake, line) = (intake.clone(), arrives.clone());
            let tell = move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(intake.ingest(&[line])).unwrap();
            };
            std::thread::spawn(tell).join().unwrap();
        }
    };
    house.syncs.run(SHOP, true, between).await.unwrap();
    assert!(house.knows("neu@example.org").await);
    // So that listing left nobody out: the next one is the first that does.
    assert_eq!((list(&house).await.ended, ended(&house).as_str()), (0, "0"));
    assert_eq!((list(&house).await.ended, ended(&house).as_str()), (1, "1"));
}

async fn who_is_listed_again_is_there_again(database: Database) {
    let (house, fake) = shop(database, 10).await;
    house.sync().await.unwrap();
    let all = fake.with(|shop| shop.entities["customer"].clone());
    let_go(&fake, 3..5);
    list(&house).await;
    // Listed once in between: the count begins anew.
    fake.with(|shop| shop.entities.insert("customer".to_owned(), all.clone()));
    list(&house).await;
    let_go(&fake, 3..5);
    assert_eq!((list(&house).await.ended, list(&house).await.ended), (0, 2));
    assert_eq!(ended(&house), "2");
    // The very same objects, as they were.
    fake.with(|shop| shop.entities.insert("customer".to_owned(), all));
    let back = list(&house).await;
    assert_eq!((back.unchanged, back.created, back.ended, ended(&house).as_str()), (10, 0, 0, "0"));
    list(&house).await;
    assert_eq!(ended(&house), "0");
}

async fn a_listing_of_nobody_or_of_less_than_half_is_none(database: Database) {
    let (house, fake) = shop(database, 3).await;
    house.sync().await.unwrap();
    let_go(&fake, 1..3);
    for _ in 0..3 {
        assert_eq!((list(&house).await.ended, ended(&house).as_str()), (0, "0"), "two of three");
    }
    let_go(&fake, 0..3);
    for _ in 0..3 {
        assert_eq!((list(&house).await.ended, ended(&house).as_str()), (0, "0"), "nobody is listed");
    }
    fake.with(|shop| (0..2).for_each(|number| shop.add("customer", customer(number))));
    assert_eq!((list(&house).await.ended, list(&house).await.ended), (0, 1), "one of three");
    assert_eq!(ended(&house), "1");
    // The last one makes room for somebody else.
    let_go(&fake, 1..2);
    list(&house).await;
    assert_eq!((list(&house).await.ended, ended(&house).as_str()), (1, "2"), "one of two");
    fake.with(|shop| shop.entities.get_mut("customer").unwrap().clear());
    list(&house).await;
    assert_eq!((list(&house).await.ended, ended(&house).as_str()), (0, "2"), "the only one, and nobody is listed");
}

async fn who_moves_out_of_sight_between_two_pages_stays(database: Database) {
    let (house, fake) = shop(database, 260).await;
    house.sync().await.unwrap();
    // One of the first page goes and somebody registers: as many as before, and the first of the second page is on the first.
    fake.with(|shop| {
        let happens = |shop: &mut Shop| {
            let all = shop.entities.get_mut("customer").unwrap();
            all.retain(|one| one["id"] != id("customer", 3));
            all.push(customer(400));
        };
        shop.on_page = Some(("customer", 2, happens));
    });
    let marked = || {
        let counted = "SELECT CAST(COUNT(*) AS TEXT) AS answer FROM record WHERE unlisted_at > 0";
        house.database.texts(Shelf::Records, counted).remove(0)
    };
    assert_eq!((list(&house).await.ended, marked().as_str()), (0, "1"), "one was not seen");
    assert_eq!(
        (list(&house).await.ended, marked().as_str()),
        (0, "1"),
        "it was found again, and the other one is missing"
    );
    assert_eq!((list(&house).await.ended, ended(&house).as_str()), (1, "1"));
    assert!(house.knows("kunde250@example.org").await);
}

async fn a_listing_that_was_cut_short_ends_nobody(database: Database) {
    let (house, fake) = shop(database, 260).await;
    house.sync().await.unwrap();
    let_go(&fake, 3..5);
    for _ in 0..2 {
        house.wait(3_600);
        // The token and the first page are answered.
        fake.break_calls(2, &[Break::Status(500); 6]);
        assert_eq!(word(house.syncs.run(SHOP, true, |_| {}).await), "vendor_error");
        house.wait(7_200);
        // It goes on with the second page, and knows no more who was on the first.
        assert!(house.sync().await.unwrap().streams["customers"].complete);
    }
    assert_eq!(ended(&house), "0");
}

async fn everything_is_read_by_itself_from_time_to_time(database: Database) {
    let (house, fake) = shop(database, 30).await;
    house.sync().await.unwrap();
    let_go(&fake, 3..5);
    let mut read = Vec::new();
    for _ in 0..15 {
        house.wait(86_400);
        read.push(house.sync().await.unwrap().streams["customers"].read);
    }
    assert_eq!(read.iter().filter(|read| **read == 28).count(), 2, "once a week: {read:?}");
    assert_eq!(read.iter().filter(|read| **read == 0).count(), 13, "{read:?}");
    assert_eq!(ended(&house), "2");
}
