//! Rectification (Art. 16 GDPR): what a person says of themselves holds, for all of them, however their records are joined.

use std::io::{Cursor, Read as _};
use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::test::TestRequest;
use serde_json::{Value, json};

use super::hub::{Hub, SENTINEL, consent};
use super::survivorship::{account, bring, origin, seen};
use crate::clock_and_chance::{SeededChance, StoppedClock};
use crate::databases::{Database, on_both_databases};
use crate::intake::{Error, Out, Papers};
use crate::types::{Role, SubjectId, Timestamp};

on_both_databases!(
    what_a_person_rectifies_comes_before_what_sources_say,
    a_rectification_holds_for_every_part_of_a_person,
    who_stated_and_rectified_is_still_found_by_their_first_record,
    the_newest_rectification_holds_whatever_the_clock_says,
    a_rectification_that_cannot_be_changes_nothing,
);

async fn open(database: Database) -> (Hub, Arc<StoppedClock>) {
    let clock = StoppedClock::at("2026-03-05T12:00:00Z");
    (Hub::open_at(database, clock.clone(), SeededChance::of(5)).await, clock)
}

async fn what_a_person_rectifies_comes_before_what_sources_say(database: Database) {
    let (hub, clock) = open(database).await;
    bring(&hub, account("1", "Falsch", "2026-03-01T10:00:00Z", true)).await;
    // A partner reads, and is to be told.
    hub.subscribe("erika@muster.org").await;
    let newsletter = hub.lookup(Role::Partner, "erika@muster.org", "newsletter_email").await;
    assert_eq!(newsletter.status, StatusCode::OK, "{}", newsletter.text);
    let person = seen(&hub).await["subject_id"].as_str().unwrap().to_owned();
    let path = format!("/v1/subjects/{person}/rectification");
    let right = json!({
        "person": {"family_name": "Richtig"},
        "addresses": [{"street": "Richtigweg", "house_number": "2", "postal_code": "50667", "city": "Köln"}],
    });
    let rectify = || {
        let call = TestRequest::post().uri(&path).insert_header(("Idempotency-Key", "of-the-letter"));
        hub.ask(Role::Dpo, call.set_json(&right))
    };
    let made = rectify().await;
    assert_eq!((made.status, &made.json()["subject_id"]), (StatusCode::CREATED, &json!(person)), "{}", made.text);
    assert_eq!(made.json()["recipients"], json!(["partner"]), "{}", made.text);
    let request = made.json()["request_id"].as_str().unwrap().to_owned();
    let request = hub.get(Role::Dpo, &format!("/v1/requests/{request}")).await.json();
    assert_eq!((&request["right"], &request["state"]), (&json!("rectification"), &json!("answered")), "{request}");

    // Sent again after a lost reply it is one rectification.
    assert_eq!(rectify().await.json(), made.json());
    let listed = hub.get(Role::Dpo, "/v1/requests").await.json();
    assert_eq!(listed["requests"].as_array().map(Vec::len), Some(1), "{listed}");

    // A source that told otherwise before changes nothing, also where it is heard of only now.
    bring(&hub, account("2", "Falsch", "2026-03-04T10:00:00Z", true)).await;
    assert_eq!(addresses(&seen(&hub).await), ["Köln"]);
    // One that goes on saying otherwise changes no name; an address that it tells of later stands behind.
    clock.pass(5 * Timestamp::DAY);
    bring(&hub, account("1", "Falsch", "2026-03-09T10:00:00Z", true)).await;
    let seen = seen(&hub).await;
    let identity = &seen["data"]["identity"];
    assert_eq!((&identity["family_name"], &identity["given_name"]), (&json!("Richtig"), &json!("Erika")));
    assert_eq!(addresses(&seen), ["Köln", "Berlin"]);
    assert_eq!(origin(&seen, "identity.family_name")["because"], "rectification");
    assert_eq!(origin(&seen, "identity.family_name")["source"], "hub");
    assert_eq!(origin(&seen, "identity.given_name")["because"], "undisputed");
    // It is one person as before, and says why.
    assert_eq!(seen["subject_id"], json!(person));
    let links = hub.get(Role::Dpo, &format!("/v1/subjects/{person}/links")).await.json();
    assert!(links["links"].as_array().unwrap().iter().any(|link| link["rule"] == "rectification"), "{links}");
    let book = hub.get(Role::Dpo, "/v1/audit/entries?limit=100").await;
    assert!(book.text.contains("rectified") && book.text.contains("intended"), "{}", book.text);
    // Their own copy says which record each value is of.
    let demand = json!({"right": "access", "subject_id": person, "execute": true});
    let (status, _, package) = hub.bytes(Role::Dpo, TestRequest::post().uri("/v1/requests").set_json(demand)).await;
    assert_eq!(status, StatusCode::CREATED);
    let package = copy(&package);
    let attributes = package["attributes"].as_array().unwrap();
    let family_name = attributes.iter().find(|part| part["attribute"] == "family_name").unwrap();
    assert_eq!(family_name["because"], "rectification", "{family_name}");
    let record = &package["records"].as_array().unwrap()[family_name["record"].as_u64().unwrap() as usize - 1];
    assert!(record.to_string().contains("Richtig"), "{record}");
}

async fn a_rectification_that_cannot_be_changes_nothing(database: Database) {
    let hub = Hub::open(database).await;
    bring(&hub, account("1", "Muster", "2026-03-01T10:00:00Z", true)).await;
    let person = seen(&hub).await["subject_id"].as_str().unwrap().to_owned();
    let path = format!("/v1/subjects/{person}/rectification");
    for (wrong, pointer) in [
        (json!({}), "/person"),
        (json!({"person": {"birth_date": "2026-02-31"}}), "/person/birth_date"),
        (json!({"person": {"shoe_size": SENTINEL}}), "/person"),
        (json!({"addresses": [{"postal_code": SENTINEL, "country": "DE"}]}), "/addresses/0"),
        (json!({"identifiers": [{"kind": "email", "value": SENTINEL}]}), "/identifiers"),
    ] {
        let refused = hub.post(Role::Dpo, &path, wrong).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", refused.text);
        assert!(!refused.text.contains(SENTINEL), "{}", refused.text);
        assert!(refused.json()["pointer"].as_str().unwrap_or_default().starts_with(pointer), "{}", refused.text);
    }
    let nobody = "/v1/subjects/018f3f3c-0000-7000-8000-0000000000aa/rectification";
    let unknown = hub.post(Role::Dpo, nobody, json!({"person": {"family_name": "Niemand"}})).await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND, "{}", unknown.text);
    let listed = hub.get(Role::Dpo, "/v1/requests").await.json();
    assert_eq!(listed["requests"].as_array().map(Vec::len), Some(0), "{listed}");
    assert_eq!(origin(&seen(&hub).await, "identity.family_name")["because"], "undisputed");
}

/// The towns of a person's addresses, in their order.
fn addresses(seen: &Value) -> Vec<String> {
    let addresses = seen["data"]["address"]["addresses"].as_array().unwrap();
    addresses.iter().map(|address| address["city"].as_str().unwrap().to_owned()).collect()
}

/// The document of a package that a person is given.
pub(super) fn copy(package: &[u8]) -> Value {
    let mut zip = zip::ZipArchive::new(Cursor::new(package)).unwrap();
    let mut text = String::new();
    zip.by_name("data.json").unwrap().read_to_string(&mut text).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// Somebody the webshop and the books know by different addresses, found to be one person by comparing.
async fn two_in_one(hub: &Hub) -> SubjectId {
    for (id, mail) in [("1", "erika@muster.org"), ("2", "e.zwirnlechner@example.org")] {
        let record = json!({
            "type": "customer", "source": "webshop", "external_id": id, "updated_at": "2026-03-01T10:00:00Z",
            "identifiers": [{"kind": "email", "value": mail, "verified": true}],
            "data": {
                "person": {"given_name": "Ottilie", "family_name": "Zwirnlechner", "birth_date": "1971-03-09"},
                "addresses": [{"street": "Kastanienallee", "house_number": "12", "postal_code": "10437", "city": "Berlin"}],
            },
        });
        bring(hub, record).await;
    }
    let person = seen(hub).await["subject_id"].as_str().unwrap().to_owned();
    let links = hub.get(Role::Dpo, &format!("/v1/subjects/{person}/links")).await.text;
    assert!(links.contains("\"compared\""), "{links}");
    person.parse().unwrap()
}

async fn a_rectification_holds_for_every_part_of_a_person(database: Database) {
    let (hub, _) = open(database).await;
    let person = two_in_one(&hub).await;
    // Their yes came with one of the two.
    let yes = hub.post(Role::Partner, "/v1/consents", consent("e.zwirnlechner@example.org", "granted")).await;
    assert_eq!(yes.status, StatusCode::CREATED, "{}", yes.text);
    let right = json!({"person": {"family_name": "Zwirn"}});
    let made = hub.post(Role::Dpo, &format!("/v1/subjects/{person}/rectification"), right).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    for mail in ["erika@muster.org", "e.zwirnlechner@example.org"] {
        let read = hub.lookup(Role::Partner, mail, "newsletter_email").await;
        assert!(read.text.contains("\"Zwirn\"") && !read.text.contains("Zwirnlechner"), "{}", read.text);
    }
    // No program takes apart whom it concerns; who decides that they are two gives each what was corrected of them.
    let parts = hub.house.store.read(move |read| crate::store::subjects::merged_into(read.records(), person)).await;
    let out = Out::Parts(parts.unwrap());
    let by_itself = hub.house.intake.separate(person, &out, &Papers::default(), None).await;
    assert!(matches!(by_itself, Err(Error::Corrected)));
    let decided = Papers { decided: true, ..Papers::default() };
    let done = hub.house.intake.separate(person, &out, &decided, None).await.unwrap();
    assert_eq!(done.out.len(), 1);
    for mail in ["erika@muster.org", "e.zwirnlechner@example.org"] {
        let body = json!({"identifier": {"kind": "email", "value": mail}, "purpose": "subject_access"});
        let read = hub.post(Role::Dpo, "/v1/profiles/lookup", body).await;
        assert_eq!(read.json()["data"]["identity"]["family_name"], "Zwirn", "{}", read.text);
    }
}

async fn who_stated_and_rectified_is_still_found_by_their_first_record(database: Database) {
    let (hub, _) = open(database).await;
    let said = hub.post(Role::Partner, "/v1/consents", consent("erika@muster.org", "withdrawn")).await;
    assert_eq!(said.status, StatusCode::CREATED, "{}", said.text);
    let person = seen(&hub).await["subject_id"].as_str().unwrap().to_owned();
    let right = json!({"person": {"family_name": "Richtig"}});
    let made = hub.post(Role::Dpo, &format!("/v1/subjects/{person}/rectification"), right).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    // Nobody verified the address; what they said and corrected holds for it all the same.
    bring(&hub, account("1", "Falsch", "2026-03-01T10:00:00Z", false)).await;
    let seen = seen(&hub).await;
    assert_eq!(seen["data"]["identity"]["family_name"], "Richtig", "{seen}");
    assert_eq!(seen["data"]["identity"]["given_name"], "Erika", "{seen}");
    let read = hub.lookup(Role::Partner, "erika@muster.org", "newsletter_email").await;
    assert_ne!(read.status, StatusCode::OK, "{}", read.text);
}

async fn the_newest_rectification_holds_whatever_the_clock_says(database: Database) {
    let (hub, clock) = open(database).await;
    bring(&hub, account("1", "Falsch", "2026-03-01T10:00:00Z", true)).await;
    let person = seen(&hub).await["subject_id"].as_str().unwrap().to_owned();
    for (name, passed) in [("Erst", 0), ("Dann", -Timestamp::SECOND), ("Zuletzt", -Timestamp::SECOND)] {
        // The next node's clock is behind.
        clock.pass(passed);
        let right = json!({"person": {"family_name": name}});
        let made = hub.post(Role::Dpo, &format!("/v1/subjects/{person}/rectification"), right).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
        assert_eq!(seen(&hub).await["data"]["identity"]["family_name"], name);
    }
}
