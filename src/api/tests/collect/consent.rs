//! The consent blocks of SDKs, row by row of docs/collecting.md, judged by what may be read afterwards.

use actix_web::http::StatusCode;
use serde_json::{Value, json};

use super::super::hub::Hub;
use super::with_banner;
use crate::consent::Terms;
use crate::databases::{Database, on_both_databases};
use crate::store::ledger;
use crate::types::{Role, SubjectId};

on_both_databases!(
    each_row_of_the_table_is_kept,
    an_event_repeats_what_is_known_and_adds_nothing,
    a_banner_does_not_lift_a_no_that_was_said_otherwise,
    the_event_of_a_choice_needs_the_choice,
    what_the_banner_of_rudderstack_says_counts_as_said,
    one_yes_suffices_where_the_source_says_so,
    a_source_names_only_what_a_banner_can_speak_about,
    a_page_says_nothing_for_the_account_it_names,
);

/// Purpose and channel of what the banner of the tests speaks about.
const ASKED: [(&str, &str); 3] = [("analytics", "web"), ("personalisation", "web"), ("social_advertising", "social")];

fn event(visitor: &str, id: &str, context: Value) -> Value {
    json!({"anonymousId": visitor, "messageId": id, "event": "Seen", "context": context})
}

fn choice(visitor: &str, id: &str, preferences: Value) -> Value {
    json!({
        "anonymousId": visitor, "messageId": id, "event": "Segment Consent Preference Updated",
        "context": {"consent": {"categoryPreferences": preferences}},
    })
}

/// Which of the three purposes may read of a visitor.
async fn open_to(hub: &Hub, visitor: &str) -> Vec<&'static str> {
    // Something of every category the three read.
    let traits = json!({"email": "erika@muster.org"});
    let known = json!({"anonymousId": visitor, "messageId": "known", "traits": traits});
    hub.taken(Role::Browser, "/v1/i", known).await;
    let mut open = Vec::new();
    for (purpose, channel) in ASKED {
        if hub.seen_as("anonymous_id", visitor, purpose, Some(channel)).await.is_some() {
            open.push(purpose);
        }
    }
    open
}

async fn entries(hub: &Hub, visitor: &str) -> Vec<(String, i16)> {
    let id: SubjectId = hub.copy_of("anonymous_id", visitor).await["subject_id"].as_str().unwrap().parse().unwrap();
    let rows = hub.house.store.read(move |read| ledger::of(read.records(), id)).await.unwrap();
    rows.into_iter().map(|row| (row.purpose, row.act)).collect()
}

async fn counted(hub: &Hub, code: &str) -> i64 {
    let days = hub.get(Role::Admin, "/v1/sources/webshop/turned-away").await.json()["days"].clone();
    let of_code = days.as_array().unwrap().iter().filter(|row| row["code"] == code);
    of_code.filter_map(|row| row["events"].as_i64()).sum()
}

async fn each_row_of_the_table_is_kept(database: Database) {
    let hub = with_banner(database).await;
    let all = json!({"Analytics": true, "Advertising": true, "Personal": true});
    let block = |preferences: Value| json!({"consent": {"categoryPreferences": preferences}});
    let nothing: [&str; 0] = [];
    let rows: [(&str, Value, &[&str]); 11] = [
        ("no block", json!({}), &nothing),
        ("empty block", json!({"consent": {}}), &nothing),
        ("null block", json!({"consent": null}), &nothing),
        ("all false", block(json!({})), &nothing),
        ("all true", block(all.clone()), &["analytics", "personalisation", "social_advertising"]),
        // A category that is missing is a no, and a purpose under two categories needs both.
        ("one missing", block(json!({"Analytics": true, "Advertising": true})), &["analytics", "social_advertising"]),
        ("no boolean", block(json!({"Analytics": "true", "Advertising": 1, "Personal": [true]})), &nothing),
        ("other spelling", block(json!({"analytics": true, "ADVERTISING": true})), &nothing),
        ("unknown beside known", block(json!({"Analytics": true, "Nonsense": true})), &["analytics"]),
        ("a list", json!({"consent": {"categoryPreferences": ["Analytics"]}}), &nothing),
        ("a word", json!({"consent": "yes"}), &nothing),
    ];
    for (row, context, open) in rows {
        hub.taken(Role::Browser, "/v1/t", event(row, row, context)).await;
        assert_eq!(open_to(&hub, row).await, open, "{row}");
    }
    // A no takes a yes back, block by block.
    hub.taken(Role::Browser, "/v1/t", event("all true", "later", json!({"consent": {}}))).await;
    assert_eq!(open_to(&hub, "all true").await.len(), 3, "an empty block says nothing");
    hub.taken(Role::Browser, "/v1/t", event("all true", "latest", block(json!({})))).await;
    assert_eq!(open_to(&hub, "all true").await, nothing, "every category refused");
    assert_eq!(entries(&hub, "all false").await.len(), 3, "a refusal is written down");
    assert_eq!(entries(&hub, "no block").await.len(), 0);
    assert_eq!((counted(&hub, "unknown_consent_category").await, counted(&hub, "invalid_consent").await), (2, 2));
    // A purpose under no category is never opened by any.
    hub.taken(Role::Browser, "/v1/t", event("all", "all", block(all))).await;
    assert!(hub.seen_as("anonymous_id", "all", "newsletter_email", Some("email")).await.is_none());
}

async fn an_event_repeats_what_is_known_and_adds_nothing(database: Database) {
    let hub = with_banner(database).await;
    let block = |yes: bool| json!({"consent": {"categoryPreferences": {"Analytics": yes, "Advertising": yes, "Personal": yes}}});
    for (at, yes) in [true, true, true, false, false, true, true].into_iter().enumerate() {
        hub.taken(Role::Browser, "/v1/t", event("v", &at.to_string(), block(yes))).await;
    }
    assert_eq!(entries(&hub, "v").await.len(), 9, "yes, no, yes for each of three purposes");
    assert_eq!(open_to(&hub, "v").await.len(), 3);
}

async fn a_banner_does_not_lift_a_no_that_was_said_otherwise(database: Database) {
    let hub = with_banner(database).await;
    let yes = json!({"Analytics": true, "Advertising": true, "Personal": true});
    let stamp = |id: &str| event("v", id, json!({"consent": {"categoryPreferences": yes}}));
    hub.taken(Role::Browser, "/v1/t", stamp("1")).await;
    let id = hub.copy_of("anonymous_id", "v").await["subject_id"].clone();
    let said = json!({"subject_id": id, "purpose": "analytics", "act": "withdrawn", "method": "written"});
    let answer = hub.post(Role::Dpo, "/v1/consents", said).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
    assert_eq!(open_to(&hub, "v").await, ["personalisation", "social_advertising"]);
    // The cookie of the banner knows nothing of the letter.
    hub.taken(Role::Browser, "/v1/t", stamp("2")).await;
    assert_eq!(open_to(&hub, "v").await, ["personalisation", "social_advertising"]);
    // Whoever chooses anew in the banner says so.
    hub.taken(Role::Browser, "/v1/t", choice("v", "3", yes.clone())).await;
    assert_eq!(open_to(&hub, "v").await.len(), 3);
}

async fn the_event_of_a_choice_needs_the_choice(database: Database) {
    let hub = with_banner(database).await;
    for (at, context) in
        [json!({}), json!({"consent": {}}), json!({"consent": {"categoryPreferences": null}})].into_iter().enumerate()
    {
        let mut event = choice("v", &at.to_string(), json!({}));
        event["context"] = context;
        let answer = hub.track(Role::Browser, "/v1/t", event).await;
        assert_eq!(answer.json()["errors"][0]["code"], "missing_consent", "{}", answer.text);
    }
    hub.taken(Role::Browser, "/v1/t", choice("v", "4", json!({"Analytics": true}))).await;
    assert_eq!(open_to(&hub, "v").await, ["analytics"]);
}

async fn what_the_banner_of_rudderstack_says_counts_as_said(database: Database) {
    let hub = with_banner(database).await;
    let block = |allowed: Value, denied: Value| json!({"consentManagement": {"provider": "oneTrust", "allowedConsentIds": allowed, "deniedConsentIds": denied}});
    let rows: [(&str, Value, &[&str], usize); 8] = [
        ("said", block(json!(["Analytics"]), json!(["Advertising"])), &["analytics"], 3),
        // What is in neither list is not known: nothing is written about it.
        ("unsaid", block(json!(["Analytics"]), json!([])), &["analytics"], 1),
        ("both", block(json!(["Analytics"]), json!(["Analytics"])), &[], 1),
        ("object", block(json!({"Analytics": "Statistik"}), json!([])), &["analytics"], 1),
        // What stands there as not allowed is not allowed.
        ("object false", block(json!({"Analytics": false}), json!([])), &[], 0),
        ("object null", block(json!({"Analytics": null}), json!([])), &[], 0),
        ("object text", block(json!({"Analytics": "false"}), json!({"Advertising": true})), &[], 2),
        ("neither", block(json!(null), json!(7)), &[], 0),
    ];
    for (row, context, open, written) in rows {
        hub.taken(Role::Browser, "/v1/t", event(row, row, context)).await;
        assert_eq!((open_to(&hub, row).await.as_slice(), entries(&hub, row).await.len()), (open, written), "{row}");
    }
}

async fn one_yes_suffices_where_the_source_says_so(database: Database) {
    let hub = with_banner(database).await;
    let (house, now) = (&hub.house, hub.house.clock.now());
    let known = house.rulebook.edition().source_named("webshop").unwrap().terms.clone();
    let terms = Terms { consent_categories_any: ["personalisation".parse().unwrap()].into(), ..known };
    let named = ("webshop".to_owned(), "webshop".to_owned(), "api".to_owned());
    house.rulebook.put_source(named, &terms, |_| true, now).await.unwrap().unwrap();
    let segment = |preferences: Value| json!({"consent": {"categoryPreferences": preferences}});
    let rudder = |allowed: Value, denied: Value| json!({"consentManagement": {"allowedConsentIds": allowed, "deniedConsentIds": denied}});
    let nothing: [&str; 0] = [];
    // Personalisation stands under Advertising and Personal, social advertising under Advertising alone.
    let rows: [(&str, Value, &[&str]); 9] = [
        ("one", segment(json!({"Personal": true})), &["personalisation"]),
        ("one and a no", segment(json!({"Personal": true, "Advertising": false})), &["personalisation"]),
        ("the other", segment(json!({"Advertising": true})), &["personalisation", "social_advertising"]),
        ("neither", segment(json!({"Analytics": true})), &["analytics"]),
        ("all false", segment(json!({})), &nothing),
        ("rudder one", rudder(json!(["Personal"]), json!(["Advertising"])), &["personalisation"]),
        ("rudder no", rudder(json!([]), json!(["Personal"])), &nothing),
        ("rudder silent", rudder(json!(["Analytics"]), json!([])), &["analytics"]),
        ("rudder both", rudder(json!(["Personal"]), json!(["Personal"])), &nothing),
    ];
    for (row, context, open) in rows {
        hub.taken(Role::Browser, "/v1/t", event(row, row, context)).await;
        assert_eq!(open_to(&hub, row).await, open, "{row}");
    }
    // What nobody says yes to any more is taken back, also where nothing is known of the other category.
    for (row, id) in [("one", "later"), ("rudder one", "last")] {
        hub.taken(Role::Browser, "/v1/t", event(row, id, rudder(json!([]), json!(["Personal"])))).await;
        assert_eq!(open_to(&hub, row).await, nothing, "{row}");
    }
}

async fn a_source_names_only_what_a_banner_can_speak_about(database: Database) {
    let hub = Hub::open(database).await;
    let put = |categories: Value, texts: Value| {
        let terms = json!({"consent_categories": categories, "text_versions": texts});
        hub.post(
            Role::Admin,
            "/v1/sources",
            json!({"code": "pages", "title": "Pages", "connector": "api", "terms": terms}),
        )
    };
    let texts = json!({"analytics": "2026-01", "newsletter_email": "2026-01"});
    for (categories, texts) in [
        (json!({"A": ["nothing_such"]}), texts.clone()),
        (json!({"A": ["newsletter_email"]}), texts.clone()),
        (json!({"A": ["bookkeeping"]}), texts.clone()),
        (json!({"A": ["analytics"]}), json!({})),
        (json!({"": ["analytics"]}), texts.clone()),
    ] {
        let answer = put(categories, texts).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.json()["pointer"]),
            (422, &json!("/terms/consent_categories")),
            "{}",
            answer.text
        );
    }
    let answer = put(json!({"A": ["analytics"]}), texts.clone()).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
    // One yes suffices for nothing that no category speaks about.
    let any = |codes: Value| {
        let terms = json!({"consent_categories": {"A": ["analytics"]}, "text_versions": texts, "consent_categories_any": codes});
        hub.post(
            Role::Admin,
            "/v1/sources",
            json!({"code": "more", "title": "More", "connector": "api", "terms": terms}),
        )
    };
    let answer = any(json!(["personalisation"])).await;
    let refused = (answer.status.as_u16(), &answer.json()["pointer"]);
    assert_eq!(refused, (422, &json!("/terms/consent_categories_any")), "{}", answer.text);
    let answer = any(json!(["analytics"])).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
}

async fn a_page_says_nothing_for_the_account_it_names(database: Database) {
    let hub = with_banner(database).await;
    hub.taken(Role::Collector, "/v1/track", json!({"userId": "u1", "event": "Seen"})).await;
    let yes = json!({"Analytics": true, "Advertising": true, "Personal": true});
    let mut forged = choice("v", "1", yes);
    forged["userId"] = json!("u1");
    hub.taken(Role::Browser, "/v1/t", forged).await;
    assert_eq!(open_to(&hub, "v").await.len(), 3);
    assert!(hub.seen_as("account", "u1", "analytics", Some("web")).await.is_none());
}
