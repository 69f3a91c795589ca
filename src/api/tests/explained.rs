//! Why records belong together, where comparing found it: the officer and the person see the same sum, step by step.

use actix_web::test::TestRequest;
use serde_json::{Value, json};

use super::rectification::copy;
use super::whole_state::Played;
use crate::databases::{Database, on_both_databases};
use crate::intake::{Error, Out, Papers};
use crate::types::{Role, SubjectId};

on_both_databases!(
    what_comparing_joined_is_explained_step_by_step,
    a_rule_names_the_record_it_joined_with,
    a_reason_is_found_anew_when_its_record_leaves,
);

/// The one reason that names comparisons, under this name.
fn compared<'a>(links: &'a Value, name: &str) -> &'a Value {
    let with: Vec<&Value> = links.as_array().unwrap().iter().filter(|link| !link[name].is_null()).collect();
    let [link] = with[..] else { panic!("{links}") };
    link
}

/// The steps and where they began add up to the weight, which is told in bits.
fn adds_up(waterfall: &Value, weight: &Value) {
    let bits = |value: &Value| value.as_i64().unwrap_or_else(|| panic!("{waterfall}"));
    let steps = waterfall["steps"].as_array().unwrap();
    let fields: Vec<&str> = steps.iter().map(|step| step["field"].as_str().unwrap()).collect();
    for field in ["given_name", "family_name", "birth_date"] {
        assert!(fields.contains(&field), "{field}: {waterfall}");
    }
    let sum: i64 = steps.iter().map(|step| bits(&step["weight"]) + bits(&step["frequency"])).sum();
    assert_eq!(bits(&waterfall["prior"]) + sum, bits(&waterfall["total"]), "{waterfall}");
    let told = weight.as_f64().unwrap_or_else(|| panic!("{weight}"));
    #[allow(clippy::cast_precision_loss, reason = "a few thousand")]
    let total = bits(&waterfall["total"]) as f64 / 1_000.0;
    assert!((told - total).abs() < 1e-9 && told > 0.0, "{told}: {waterfall}");
    assert!(!waterfall.to_string().contains("wirnlechner"), "{waterfall}");
}

async fn what_comparing_joined_is_explained_step_by_step(database: Database) {
    let played = Played::open(database, 31).await;
    for (source, given) in [("webshop", "Ottilie"), ("books", "Otilie")] {
        played
            .bring(&[json!({
                "type": "customer", "source": source, "external_id": source, "updated_at": "2026-05-01T08:00:00Z",
                "data": {
                    "person": {"given_name": given, "family_name": "Zwirnlechner", "birth_date": "1971-03-09"},
                    "addresses": [{"street": "Kastanienallee", "house_number": "12", "postal_code": "10437", "city": "Berlin"}],
                },
            })])
            .await;
    }
    let [person] = played.people()[..] else { panic!("{:?}", played.people()) };
    let told = played.hub.get(Role::Dpo, &format!("/v1/subjects/{person}/links")).await.json();
    let link = compared(&told["links"], "waterfall");
    assert_eq!(link["rule"], "compared", "{link}");
    adds_up(&link["waterfall"], &link["weight"]);
    // It names the two records, and who was joined in with one of them.
    let number = |source: &str| {
        let mut of = told["records"].as_array().unwrap().iter().filter(|record| record["source"] == source);
        of.next().unwrap()["record"].clone()
    };
    assert_eq!((&link["record"], &link["other_record"]), (&number("books"), &number("webshop")), "{told}");
    assert_eq!(link["joined"], told["parts"][0]["subject_id"], "{told}");

    let demand = json!({"right": "access", "subject_id": person, "execute": true});
    let call = TestRequest::post().uri("/v1/requests").set_json(demand);
    let package = copy(&played.hub.bytes(Role::Dpo, call).await.2);
    let own = compared(&package["links"], "comparisons");
    assert_eq!((&own["comparisons"], &own["weight"]), (&link["waterfall"], &link["weight"]), "{own}");
    assert_eq!(own["joined_two_people"], true, "{own}");
    let source = |number: &Value| {
        let at = usize::try_from(number.as_u64().unwrap_or_else(|| panic!("{own}"))).unwrap() - 1;
        package["records"][at]["source"].clone()
    };
    assert_eq!((source(&own["record"]), source(&own["other_record"])), (json!("books"), json!("webshop")), "{own}");
}

async fn told(played: &Played, person: SubjectId) -> Value {
    played.hub.get(Role::Dpo, &format!("/v1/subjects/{person}/links")).await.json()
}

/// What a value joined names the oldest record that has it, also where it joined two people.
async fn a_rule_names_the_record_it_joined_with(database: Database) {
    let played = Played::open(database, 32).await;
    let with = |source: &str, phones: &[&str]| {
        let phones: Vec<Value> =
            phones.iter().map(|phone| json!({"kind": "phone", "value": phone, "verified": true})).collect();
        json!({
            "type": "customer", "source": source, "external_id": source, "updated_at": "2026-05-01T08:00:00Z",
            "identifiers": phones, "data": {"note": "called"},
        })
    };
    let (one, other) = ("+49 171 2312514", "+49 171 8812599");
    played.bring(&[with("webshop", &[one])]).await;
    played.bring(&[with("books", &[other])]).await;
    assert_eq!(played.people().len(), 2);
    played.bring(&[with("social", &[one, other])]).await;
    let [person] = played.people()[..] else { panic!("{:?}", played.people()) };
    let told = told(&played, person).await;
    let number = |at: usize| told["records"][at]["record"].clone();
    let links: Vec<&Value> =
        told["links"].as_array().unwrap().iter().filter(|link| link["record"] == number(2)).collect();
    assert!(links.iter().all(|link| link["rule"] == "same_verified_phone"), "{told}");
    let joined: Vec<_> =
        links.iter().filter(|link| !link["joined"].is_null()).map(|link| &link["other_record"]).collect();
    assert_eq!(joined, [&number(1)], "{told}");
    let own: Vec<_> = links.iter().filter(|link| link["joined"].is_null()).map(|link| &link["other_record"]).collect();
    assert!(own == [&number(0)] || own == [&number(1)], "{told}");
}

/// A record by which two were joined is somebody else's by what it says now. The two are one by what they say themselves, that is
/// told, and nothing tears them apart.
async fn a_reason_is_found_anew_when_its_record_leaves(database: Database) {
    let played = Played::open(database, 33).await;
    let of = |source: &str, id: &str, given: &str, born: Option<&str>| {
        let mut record = json!({
            "type": "customer", "source": source, "external_id": id, "updated_at": "2026-05-01T08:00:00Z",
            "data": {
                "person": {"given_name": given, "family_name": "Zwirnlechner"},
                "addresses": [{"street": "Kastanienallee", "house_number": "12", "postal_code": "10437", "city": "Berlin"}],
            },
        });
        if let Some(born) = born {
            record["data"]["person"]["birth_date"] = json!(born);
        }
        record
    };
    let born = Some("1971-03-09");
    played.bring(&[of("webshop", "one", "Ottilie", None)]).await;
    played.bring(&[of("books", "bridge", "Ottilie", born)]).await;
    played.bring(&[of("social", "other", "Ottilie", born)]).await;
    let [person] = played.people()[..] else { panic!("{:?}", played.people()) };
    played.bring(&[of("webshop", "hers", "Kunigunde", Some("1988-05-30"))]).await;
    assert_eq!(played.people().len(), 2);
    let mut moved = of("books", "bridge", "Kunigunde", Some("1988-05-30"));
    moved["updated_at"] = json!("2026-06-01T08:00:00Z");
    played.bring(&[moved]).await;
    let done = played.hub.house.intake.regroup(None, |_| {}).await.unwrap();
    assert_eq!((done.parted, played.people().len()), (1, 2), "{done:?}");
    let told = told(&played, person).await;
    let records: Vec<&Value> = told["records"].as_array().unwrap().iter().map(|record| &record["record"]).collect();
    assert_eq!(records.len(), 2, "{told}");
    let links = told["links"].as_array().unwrap();
    for link in links {
        assert!(records.contains(&&link["record"]), "{told}");
        assert!(link["other_record"].is_null() || records.contains(&&link["other_record"]), "{told}");
    }
    assert!(links.iter().any(|link| !link["joined"].is_null() && link["rule"] == "compared"), "{told}");
    let torn = played.hub.house.intake.separate(person, &Out::Loose, &Papers::default(), None).await;
    assert!(matches!(torn, Err(Error::NoPart)), "{torn:?}");
}
