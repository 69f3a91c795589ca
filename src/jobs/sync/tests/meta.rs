//! Meta.

use serde_json::json;

use super::house::{SHOP, brought, word};
use super::scenarios::{self, Case, Expires, PAGE, PEOPLE, open, scenarios};
use crate::connect::{Counts, Leaves};
use crate::store::Shelf;
use crate::types::IdentifierKind;
use crate::vendors::meta::{self, Graph, conversation, lead, talk};

scenarios!(Graph);
on_both_databases!(
    a_new_lead_and_a_new_message_come_in,
    calls_slow_down_before_too_much_is_used,
    a_wrong_app_secret_is_told,
    a_page_that_is_not_valid_any_more_begins_it_anew,
    a_form_that_is_deleted_meanwhile_is_passed_over,
    the_merchant_is_known_on_a_page_of_one_conversation,
    without_the_account_instagram_is_not_read,
    a_ticked_box_is_a_consent_where_the_merchant_says_so,
    a_permission_that_is_missing_is_told_before_the_first_sync,
    leads_come_in_where_messages_may_not_be_read,
    half_a_character_stops_nobody,
    a_page_that_is_no_json_stops_its_stream_alone,
);

impl Case for Graph {
    const CONNECTOR: &'static str = "meta";
    const VIA: &'static [&'static str] = &["https://graph.facebook.com"];
    const RECORDS: u64 = 2;
    // Leads and messages are never changed, only added.
    const CHANGED: u64 = 0;
    const ADDED: u64 = 2;
    // Every conversation, and the new lead.
    const READ_AGAIN: u64 = PEOPLE as u64 + 1;
    const LEAVES: Option<Leaves> = Some(Leaves::ManualTask);

    fn new() -> Self {
        Self::with_people(PEOPLE, PAGE)
    }

    fn parameters(_: &str) -> Vec<(&'static str, String)> {
        vec![
            ("page_id", meta::PAGE.to_owned()),
            ("access_token", meta::TOKEN.to_owned()),
            ("app_secret", meta::SECRET.to_owned()),
        ]
    }

    fn change(&mut self, at: &str) {
        let at = at.replace('Z', "+0000");
        let mut new = lead(70);
        new["created_time"] = json!(at);
        self.forms[0].1.push(new);
        let said = json!({"id": "m_changed", "created_time": at, "from": self.conversations[0]["messages"]["data"][0]["from"], "message": "Und?"});
        self.conversations[0]["updated_time"] = json!(at);
        self.conversations[0]["messages"]["data"].as_array_mut().unwrap().push(said);
    }

    fn revoke(&mut self) {
        self.token_is_valid = false;
    }

    fn restore(&mut self) {
        self.token_is_valid = true;
    }
}

async fn a_new_lead_and_a_new_message_come_in(database: Database) {
    let (house, fake) = open::<Graph>(database).await;
    house.sync().await.unwrap();
    house.clock.set("2026-11-23T09:00:00Z");
    fake.with(|graph| {
        let mut new = lead(70);
        new["created_time"] = json!("2026-11-23T08:30:00+0000");
        // In a form that was empty until now.
        graph.forms[1].1.push(new);
        let mut talk = conversation(3);
        talk["updated_time"] = json!("2026-11-23T08:40:00+0000");
        talk["messages"]["data"][0]["id"] = json!("m_new");
        talk["messages"]["data"][0]["created_time"] = json!("2026-11-23T08:40:00+0000");
        graph.conversations[3] = talk;
    });
    let before = fake.calls();
    let counts = house.sync().await.unwrap();
    assert_eq!((counts.sum().created, counts.sum().updated), (2, 0), "{counts:?}");
    assert!(house.knows("kunde70@example.org").await);
    let leads = fake.calls_since(before).iter().filter(|call| call.ends_with("/leads")).count();
    assert_eq!(leads, 3, "one page of each form");
}

async fn calls_slow_down_before_too_much_is_used(database: Database) {
    let (house, fake) = open::<Graph>(database).await;
    fake.with(|graph| graph.cost = 8.0);
    let counts = house.sync().await.unwrap();
    assert_eq!(brought(&counts), [50, 0, 0, 0, 0], "{counts:?}");
    assert_eq!(fake.with(|graph| graph.refused), 0, "it slows down before it is told to");
    fake.with(|graph| graph.cost = 40.0);
    house.syncs.run(SHOP, true, |_| {}).await.unwrap();
    assert!(house.waited() > 60);
}

async fn a_wrong_app_secret_is_told(database: Database) {
    let (house, _fake) = open::<Graph>(database).await;
    house.set(&[("app_secret", "another")]).await;
    let Err(fault) = house.syncs.vendors.session(SHOP).await.unwrap().test().await else { panic!("it must fail") };
    assert!(fault.to_string().contains("(it says `100`)"), "{fault}");
    assert_eq!(word(house.sync().await), "vendor_error");
}

async fn a_permission_that_is_missing_is_told_before_the_first_sync(database: Database) {
    let (house, fake) = open::<Graph>(database).await;
    let test = async || house.syncs.vendors.session(SHOP).await.unwrap().test().await;
    test().await.unwrap();
    for missing in ["leads_retrieval", "pages_messaging"] {
        let all = fake.with(|graph| graph.permissions.clone());
        fake.with(|graph| graph.permissions.retain(|one| *one != missing));
        let told = test().await.unwrap_err().to_string();
        assert!(told.contains(missing), "{told}");
        fake.with(|graph| graph.permissions = all.clone());
    }
}

async fn a_ticked_box_is_a_consent_where_the_merchant_says_so(database: Database) {
    let (house, fake) = open::<Graph>(database).await;
    let said = || house.database.count(Shelf::Records, "ledger");
    house.sync().await.unwrap();
    assert_eq!(said(), 0, "a box is believed for what it is called");
    house.set(&[("newsletter_boxes", "newsletter")]).await;
    house.clock.set("2026-11-23T09:00:00Z");
    fake.with(|graph| {
        for (number, key) in [(80, "newsletter"), (81, "kein_newsletter"), (82, "newsletter_abbestellen")] {
            let mut new = lead(number);
            new["created_time"] = json!("2026-11-23T08:30:00+0000");
            new["custom_disclaimer_responses"][0]["checkbox_key"] = json!(key);
            graph.forms[1].1.push(new);
        }
    });
    assert_eq!(house.sync().await.unwrap().sum().created, 3);
    assert_eq!(said(), 1);
}

impl Expires for Graph {
    fn expire_pages(&mut self) {
        self.era += 1;
    }
}

async fn a_page_that_is_not_valid_any_more_begins_it_anew(database: Database) {
    scenarios::a_page_that_is_not_valid_any_more_begins_it_anew::<Graph>(database).await;
}

async fn a_form_that_is_deleted_meanwhile_is_passed_over(database: Database) {
    let (house, fake) = open::<Graph>(database).await;
    let delete = |counts: &Counts| {
        // After the first page of the first form, and before the turn of the others.
        if counts.streams.get("leads").is_some_and(|leads| leads.read == 10) {
            fake.with(|graph| graph.forms.truncate(1));
            fake.with(|graph| graph.forms.push(("900000000000009".to_owned(), vec![lead(80)])));
        }
    };
    let counts = house.syncs.run(SHOP, false, delete).await.unwrap();
    // Twelve leads of the first form; the second and third are gone.
    assert_eq!(counts.streams["leads"].created, 12, "{counts:?}");
    assert!(counts.streams["leads"].complete && counts.streams["conversations"].complete);
    assert_eq!(counts.left_out.values().sum::<u64>(), 2, "{counts:?}");
    // What came meanwhile is found from where this one began.
    house.clock.set("2026-11-23T09:00:00Z");
    fake.with(|graph| graph.forms[1].1[0]["created_time"] = json!("2026-11-22T08:30:00+0000"));
    assert_eq!(house.sync().await.unwrap().streams["leads"].created, 1);
}

async fn the_merchant_is_known_on_a_page_of_one_conversation(database: Database) {
    let (house, fake) = open::<Graph>(database).await;
    house.set(&[("platforms", "messenger, instagram"), ("instagram_id", meta::ACCOUNT)]).await;
    fake.with(|graph| {
        graph.most = 1;
        graph.forms.clear();
        graph.conversations.truncate(2);
        graph.conversations[1]["participants"]["data"].as_array_mut().unwrap().reverse();
        graph.instagram = Some(vec![talk(1, true), talk(2, false), talk(3, true)]);
    });
    let counts = house.sync().await.unwrap();
    assert_eq!(brought(&counts), [5, 0, 0, 0, 0], "{counts:?}");
    let account = |id: String| (IdentifierKind::Account, id);
    for id in ["71000000000000", "71000000000001", "51000000000001", "51000000000002", "51000000000003"] {
        assert!(house.knows_as(&account(id.to_owned())).await, "{id} is not there");
    }
    for own in [meta::PAGE, meta::ACCOUNT] {
        assert!(!house.knows_as(&account(own.to_owned())).await, "the merchant was taken for a customer");
    }
}

async fn without_the_account_instagram_is_not_read(database: Database) {
    let (house, fake) = open::<Graph>(database).await;
    house.set(&[("platforms", "instagram")]).await;
    fake.with(|graph| graph.instagram = Some(vec![talk(1, true)]));
    let Err(fault) = house.sync().await else { panic!("it must fail") };
    assert!(fault.to_string().contains("enter instagram_id"), "{fault}");
}

async fn leads_come_in_where_messages_may_not_be_read(database: Database) {
    let (house, fake) = open::<Graph>(database).await;
    let before = fake.calls();
    fake.break_calls(0, &[crate::vendors::Break::Status(403)]);
    assert_eq!(word(house.sync().await), "permission_missing");
    assert!(fake.calls_since(before)[0].ends_with("/conversations"), "{:?}", fake.calls_since(before));
    assert_eq!(u64::try_from(house.records()).unwrap(), PEOPLE as u64, "every lead, and no message");
    assert!(house.history().await[0].cause.starts_with("`conversations`: "));
}

/// Meta writes what is no ASCII as escapes, and previews of messages end in the middle of a pair of them.
async fn half_a_character_stops_nobody(database: Database) {
    let (house, fake) = open::<Graph>(database).await;
    fake.with(|graph| {
        graph.conversations[1]["messages"]["data"][0]["message"] = json!("Hallo TORN");
        graph.conversations[2]["messages"]["data"][0]["message"] = json!("Gr\u{fc}\u{df}e BYTE");
    });
    fake.spoil(|text| {
        let text = format!("\u{feff}{}", text.replace("TORN", "\\ud83d"));
        text.split("BYTE").map(str::as_bytes).collect::<Vec<_>>().join(&b"\xfc"[..])
    });
    let counts = house.sync().await.unwrap();
    assert_eq!(brought(&counts), [50, 0, 0, 0, 0], "{counts:?}");
    assert!(house.knows("kunde24@example.org").await);
}

async fn a_page_that_is_no_json_stops_its_stream_alone(database: Database) {
    let (house, fake) = open::<Graph>(database).await;
    let before = fake.calls();
    fake.break_calls(0, &[crate::vendors::Break::Cut; 6]);
    assert_eq!(word(house.sync().await), "unreadable_reply");
    assert!(fake.calls_since(before)[..6].iter().all(|call| call.ends_with("/conversations")));
    assert_eq!(u64::try_from(house.records()).unwrap(), PEOPLE as u64, "every lead, and no message");
    house.wait(600);
    assert_eq!(house.sync().await.unwrap().streams["conversations"].created, PEOPLE as u64);
}
