//! Why records belong together, where comparing found it: the officer and the person see the same sum, step by step.

use actix_web::test::TestRequest;
use serde_json::{Value, json};

use super::rectification::copy;
use super::whole_state::Played;
use crate::databases::{Database, on_both_databases};
use crate::types::Role;

on_both_databases!(what_comparing_joined_is_explained_step_by_step,);

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
