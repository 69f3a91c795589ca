//! Shopify.

use serde_json::json;

use super::house::SHOP;
use super::scenarios::{self, Case, Expires, PAGE, PEOPLE, open, scenarios};
use crate::connect::{Leaves, Person};
use crate::consent::{Act, Method, Terms};
use crate::store::Shelf;
use crate::types::{Channel, Clock as _, Ground, Timestamp};
use crate::vendors::Break;
use crate::vendors::shopify::Shop;

scenarios!(Shop);
on_both_databases!(
    a_throttle_in_a_good_reply_is_waited_out,
    a_page_that_is_not_valid_any_more_begins_it_anew,
    a_refusal_in_a_good_reply_is_no_erasure,
    a_customer_without_a_mail_address_is_found_by_the_id,
    an_interface_that_is_switched_off_is_no_empty_search,
    a_bucket_that_others_fill_too_never_runs_over,
    a_larger_bucket_is_used,
    whom_the_shop_redacts_ten_days_later_does_not_come_back,
    a_scope_that_is_missing_is_told_before_the_first_sync,
    the_consent_to_text_messages_stands_beside_that_to_the_newsletter,
    a_yes_to_a_text_nobody_named_keeps_nobody_out,
    a_no_without_a_moment_is_one_and_is_said_once,
    an_old_no_without_a_moment_ends_no_later_yes,
);

impl Case for Shop {
    const CONNECTOR: &'static str = "shopify";
    const VIA: &'static [&'static str] = &["https://teeladen.myshopify.com"];
    const RECORDS: u64 = 2;
    const CHANGED: u64 = 2;
    const READ_AGAIN: u64 = 2;
    const LEAVES: Option<Leaves> = Some(Leaves::Asked);

    fn new() -> Self {
        Self::with_people(PEOPLE, PAGE)
    }

    fn parameters(_: &str) -> Vec<(&'static str, String)> {
        vec![("shop", "teeladen".to_owned()), ("access_token", "shpat_0123456789".to_owned())]
    }

    fn change(&mut self, at: &str) {
        (self.customers[0]["note"], self.customers[0]["updated_at"]) = (json!("Ruft gern an."), json!(at));
        (self.orders[0]["fulfillment_status"], self.orders[0]["updated_at"]) = (json!("fulfilled"), json!(at));
    }

    fn revoke(&mut self) {
        self.token_is_valid = false;
    }

    fn restore(&mut self) {
        self.token_is_valid = true;
    }
}

async fn a_throttle_in_a_good_reply_is_waited_out(database: Database) {
    let (house, fake) = open::<Shop>(database).await;
    fake.with(|shop| shop.throttled = 2);
    let session = house.syncs.vendors.session(SHOP).await.unwrap();
    let connector = session.connector().clone();
    let person = Person { email: Some(Shop::email(4)), ..Person::default() };
    let report = connector.erase().unwrap().run(&session, &person).await;
    // It is carried out later: nobody says that it was done, nor that it was verified.
    let step = &report.steps[0];
    assert_eq!((report.leaves, step.promised), (Some(Leaves::Asked), Some(Leaves::Anonymised)), "{report:?}");
    assert_eq!((step.promised_until.as_deref(), step.verified), (Some("2027-06-03"), None), "{report:?}");
    fake.with(|shop| assert_eq!(shop.to_erase, ["gid://shopify/Customer/7300000000004"]));
}

async fn a_scope_that_is_missing_is_told_before_the_first_sync(database: Database) {
    let (house, fake) = open::<Shop>(database).await;
    let test = async || house.syncs.vendors.session(SHOP).await.unwrap().test().await;
    test().await.unwrap();
    fake.with(|shop| shop.scopes = vec!["read_customers", "read_products"]);
    let told = test().await.unwrap_err().to_string();
    assert!(told.contains("read_orders"), "{told}");
    // What they may not do beside reading is told as well, and refuses nothing.
    let lacking = async |scopes: &[&'static str]| {
        fake.with(|shop| shop.scopes = scopes.to_vec());
        test().await.unwrap()
    };
    let told = lacking(&["read_customers", "read_orders"]).await;
    assert!(told.len() == 2 && told[0].contains("write_customers") && told[1].contains("write_customer_data_erasure"));
    let told = lacking(&["write_customers", "write_orders"]).await;
    assert!(told.len() == 1 && told[0].contains("write_customer_data_erasure"), "{told:?}");
    let all = ["write_customers", "read_orders", "write_customer_data_erasure"];
    assert_eq!(lacking(&all).await, Vec::<String>::new());
}

impl Expires for Shop {
    fn expire_pages(&mut self) {
        self.era += 1;
    }
}

async fn a_page_that_is_not_valid_any_more_begins_it_anew(database: Database) {
    scenarios::a_page_that_is_not_valid_any_more_begins_it_anew::<Shop>(database).await;
}

async fn a_refusal_in_a_good_reply_is_no_erasure(database: Database) {
    let (house, fake) = open::<Shop>(database).await;
    let session = house.syncs.vendors.session(SHOP).await.unwrap();
    let connector = session.connector().clone();
    let person = Person { email: Some(Shop::email(4)), ..Person::default() };
    let denied =
        json!({"errors": [{"message": "Access denied", "extensions": {"code": "ACCESS_DENIED"}}], "data": null});
    let wrong = json!({"data": {"customerRequestDataErasure": {
        "customerId": null, "userErrors": [{"field": ["customerId"], "message": "Customer cannot be erased"}]}}});
    for refusal in [denied, wrong] {
        fake.with(|shop| shop.refuses = Some(refusal));
        let report = connector.erase().unwrap().run(&session, &person).await;
        assert_eq!((report.steps[0].found, report.leaves), (1, Some(Leaves::ManualTask)), "{report:?}");
        assert!(report.steps[0].failure.as_ref().unwrap().contains("refused"), "{report:?}");
    }
    fake.with(|shop| assert_eq!(shop.to_erase, Vec::<String>::new()));
}

async fn a_customer_without_a_mail_address_is_found_by_the_id(database: Database) {
    let (house, fake) = open::<Shop>(database).await;
    fake.with(|shop| shop.customers[4]["email"] = json!(null));
    let session = house.syncs.vendors.session(SHOP).await.unwrap();
    let connector = session.connector().clone();
    let person = Person { account: Some("7300000000004".to_owned()), ..Person::default() };
    let report = connector.erase().unwrap().run(&session, &person).await;
    assert_eq!((report.steps[0].found, report.leaves), (1, Some(Leaves::Asked)), "{report:?}");
    fake.with(|shop| assert_eq!(shop.to_erase, ["gid://shopify/Customer/7300000000004"]));
    // Whoever is not there is nobody.
    let person = Person { account: Some("1".to_owned()), ..Person::default() };
    assert_eq!(connector.erase().unwrap().run(&session, &person).await.leaves, None);
}

async fn an_interface_that_is_switched_off_is_no_empty_search(database: Database) {
    let (house, fake) = open::<Shop>(database).await;
    let session = house.syncs.vendors.session(SHOP).await.unwrap();
    let connector = session.connector().clone();
    let person = Person { email: Some(Shop::email(4)), ..Person::default() };
    fake.break_calls(0, &[Break::Status(404)]);
    let report = connector.erase().unwrap().run(&session, &person).await;
    assert_eq!(report.leaves, Some(Leaves::ManualTask), "{report:?}");
    assert!(report.steps[0].failure.is_some(), "{report:?}");
}

async fn whom_the_shop_redacts_ten_days_later_does_not_come_back(database: Database) {
    let (house, fake) = open::<Shop>(database).await;
    house.sync().await.unwrap();
    let session = house.syncs.vendors.session(SHOP).await.unwrap();
    let connector = session.connector().clone();
    let person = Person { email: Some(Shop::email(4)), ..Person::default() };
    assert_eq!(connector.erase().unwrap().run(&session, &person).await.leaves, Some(Leaves::Asked));
    house.erase_as(&Shop::who(4)).await;
    let people = house.database.count(Shelf::Records, "subject");
    // As long as the shop has them, they are told of and not taken in.
    house.wait(9 * 86_400);
    assert_eq!(house.syncs.run(SHOP, true, |_| {}).await.unwrap().sum().created, 0);
    fake.with(|shop| assert_eq!(shop.customers[4]["email"], json!(Shop::email(4))));
    // Then it does what it was asked for: what is left of them changed after their erasure, and is nobody.
    house.wait(2 * 86_400);
    for whole in [false, true] {
        let sum = house.syncs.run(SHOP, whole, |_| {}).await.unwrap().sum();
        assert_eq!((sum.created, sum.updated, sum.rejected), (0, 0, 0), "{sum:?}");
    }
    fake.with(|shop| {
        assert_eq!((&shop.customers[4]["email"], shop.redacted.len()), (&json!(null), 1));
        assert_eq!(shop.redacted[0]["orders_to_redact"].as_array().map(Vec::len), Some(1));
    });
    assert!(!house.knows(&Shop::email(4)).await);
    assert_eq!(house.database.count(Shelf::Records, "subject"), people, "somebody new came of what is left");
    // Whom the shop redacts at somebody's word there is not listed as anybody any more, and ends here too.
    fake.with(|shop| {
        for field in ["email", "first_name", "last_name", "phone", "default_address", "email_marketing_consent"] {
            shop.customers[7][field] = json!(null);
        }
        shop.customers[7]["addresses"] = json!([]);
    });
    for ended in [0, 1] {
        house.wait(3_600);
        let counts = house.syncs.run(SHOP, true, |_| {}).await.unwrap();
        assert_eq!(counts.streams["customers"].ended, ended, "{counts:?}");
    }
}

async fn a_bucket_that_others_fill_too_never_runs_over(database: Database) {
    let (house, fake) = open::<Shop>(database).await;
    fake.with(|shop| shop.used = (38.5, house.clock.now().micros()));
    house.sync().await.unwrap();
    assert_eq!(fake.with(|shop| shop.refused), 0);
    assert!((2..=5).contains(&house.waited()), "half a second for each call");
}

async fn a_larger_bucket_is_used(database: Database) {
    let (house, fake) = open::<Shop>(database).await;
    fake.with(|shop| *shop = Shop::with_people(PEOPLE, 1));
    fake.with(|shop| shop.bucket = 400.0);
    assert_eq!(house.sync().await.unwrap().sum().created, 2 * PEOPLE as u64);
    assert!(fake.calls() > 40);
    assert_eq!((fake.with(|shop| shop.refused), house.waited()), (0, 0));
}

async fn the_consent_to_text_messages_stands_beside_that_to_the_newsletter(database: Database) {
    let (house, fake) = open::<Shop>(database).await;
    let said = |state: &str, level: Option<&str>, at: Option<&str>| json!({"state": state, "opt_in_level": level, "consent_updated_at": at, "consent_collected_from": "OTHER"});
    let at = "2026-05-01T10:00:00+02:00";
    // What is not blocked is no consent, nor is one without a moment; how somebody agreed that nobody says proves nothing.
    let rows = [
        (json!(null), None),
        (said("subscribed", Some("confirmed_opt_in"), Some(at)), Some((Act::Granted, Method::DoubleOptIn, true))),
        (said("subscribed", Some("single_opt_in"), Some(at)), Some((Act::Granted, Method::SingleOptIn, false))),
        (said("unsubscribed", Some("confirmed_opt_in"), Some(at)), Some((Act::Withdrawn, Method::Import, false))),
        (said("subscribed", Some("confirmed_opt_in"), None), None),
        (said("subscribed", Some("unknown"), Some(at)), Some((Act::Granted, Method::Import, false))),
        (said("not_subscribed", None, Some(at)), None),
        (said("pending", Some("confirmed_opt_in"), Some(at)), None),
        (said("redacted", Some("confirmed_opt_in"), Some(at)), None),
    ];
    assert!(rows.len() <= PEOPLE);
    fake.with(|shop| {
        for (number, (consent, _)) in rows.iter().enumerate() {
            shop.customers[number]["phone"] = json!(format!("+49302312501{number}"));
            shop.customers[number]["sms_marketing_consent"] = consent.clone();
        }
    });
    house.sync().await.unwrap();
    for (number, (consent, expected)) in rows.iter().enumerate() {
        let person = house.subject(&Shop::email(number)).await;
        let entries = house.ledger(person).await;
        let sms: Vec<_> =
            entries.iter().filter(|entry| entry.purpose.as_ref().unwrap().as_str() == "newsletter_sms").collect();
        let told = sms.iter().map(|entry| (entry.act, entry.method, entry.confirmed)).next();
        assert_eq!((told, sms.len()), (*expected, usize::from(expected.is_some())), "{consent}");
        for entry in sms {
            assert_eq!((entry.channel, entry.at), (Some(Channel::Sms), Timestamp::parse(at).unwrap()));
        }
        assert_eq!(entries.len(), 1 + usize::from(expected.is_some()), "that to the newsletter stays");
    }
    // A yes that was not confirmed opens nothing.
    let purpose = house.syncs.vendors.rulebook.edition().purpose(&"newsletter_sms".parse().unwrap()).unwrap().clone();
    assert!(purpose.double_opt_in && purpose.ground == Ground::Consent, "{purpose:?}");
    // Without a number there is nothing to send to.
    fake.with(|shop| {
        (shop.customers[9]["sms_marketing_consent"], shop.customers[9]["updated_at"]) =
            (rows[1].0.clone(), json!("2026-11-21T13:00:00Z"));
    });
    house.wait(7_200);
    house.sync().await.unwrap();
    assert_eq!(house.ledger(house.subject(&Shop::email(9)).await).await.len(), 1);
}

/// The shop says that somebody unsubscribed, and not when.
async fn a_no_without_a_moment_is_one_and_is_said_once(database: Database) {
    let (house, fake) = open::<Shop>(database).await;
    let said = |state: &str, at: Option<&str>| json!({"state": state, "opt_in_level": "confirmed_opt_in", "consent_updated_at": at});
    fake.with(|shop| {
        shop.customers[0]["email_marketing_consent"] = said("subscribed", Some("2026-05-01T10:00:00+02:00"));
        // Never asked, and no yes either.
        shop.customers[1]["email_marketing_consent"] = said("not_subscribed", None);
    });
    house.sync().await.unwrap();
    let acts = async |number: usize| {
        let person = house.subject(&Shop::email(number)).await;
        house.ledger(person).await.iter().map(|entry| (entry.act, entry.at)).collect::<Vec<_>>()
    };
    assert_eq!((acts(0).await.len(), acts(1).await.len()), (1, 0));
    let told = "2026-11-21T12:30:00Z";
    for at in [told, "2026-11-21T13:30:00Z"] {
        house.wait(3_600);
        fake.with(|shop| {
            shop.customers[0]["email_marketing_consent"] = said("unsubscribed", None);
            // Something else changes, and the no comes with it.
            (shop.customers[0]["note"], shop.customers[0]["updated_at"]) = (json!(at), json!(at));
        });
        let counts = house.sync().await.unwrap();
        assert_eq!((counts.sum().updated, counts.sum().rejected), (1, 0), "{at}: {counts:?}");
        let acts = acts(0).await;
        assert_eq!(acts.iter().filter(|(act, _)| act.is_no()).count(), 1, "{acts:?}");
        assert!(acts.contains(&(Act::Withdrawn, Timestamp::parse(told).unwrap())), "{acts:?}");
    }
}

/// The shop tells it again with everything that changes there.
async fn an_old_no_without_a_moment_ends_no_later_yes(database: Database) {
    let (house, fake) = open::<Shop>(database).await;
    let say = |state: &str, at: Option<&str>, changed: &str| {
        let said = json!({"state": state, "opt_in_level": "confirmed_opt_in", "consent_updated_at": at});
        fake.with(|shop| {
            shop.customers[0]["email_marketing_consent"] = said;
            (shop.customers[0]["note"], shop.customers[0]["updated_at"]) = (json!(changed), json!(changed));
        });
    };
    let newest = async || {
        let entries = house.ledger(house.subject(&Shop::email(0)).await).await;
        entries.iter().max_by_key(|entry| (entry.at, entry.act.is_no())).unwrap().act
    };
    say("unsubscribed", None, "2026-11-21T11:00:00Z");
    house.sync().await.unwrap();
    assert_eq!(newest().await, Act::Withdrawn);
    // Elsewhere they say yes, and then order something.
    house.say(house.subject(&Shop::email(0)).await, Act::Granted, "newsletter_email").await;
    for changed in ["2026-11-21T12:30:00Z", "2026-11-21T13:30:00Z"] {
        house.wait(3_600);
        say("unsubscribed", None, changed);
        let counts = house.sync().await.unwrap();
        assert_eq!((counts.sum().updated, counts.sum().rejected), (1, 0), "{changed}: {counts:?}");
        assert_eq!(newest().await, Act::Granted, "{changed}");
    }
    // Who said yes to the shop itself since, and then no, is heard.
    house.wait(3_600);
    say("subscribed", Some("2026-11-21T14:10:00Z"), "2026-11-21T14:10:00Z");
    house.sync().await.unwrap();
    house.wait(3_600);
    say("unsubscribed", None, "2026-11-21T15:30:00Z");
    house.sync().await.unwrap();
    assert_eq!(newest().await, Act::Withdrawn);
    // Nor does one that was no news when the shop told it first.
    let other = house.subject(&Shop::email(1)).await;
    house.say(other, Act::Withdrawn, "newsletter_email").await;
    let change = async |number: i64| {
        house.wait(61 * 86_400);
        fake.with(|shop| {
            shop.customers[1]["email_marketing_consent"] = json!({"state": "unsubscribed", "consent_updated_at": null});
            let now = house.clock.now().plus(-60 * Timestamp::SECOND).rfc3339();
            (shop.customers[1]["note"], shop.customers[1]["updated_at"]) = (json!(number.to_string()), json!(now));
        });
        house.sync().await.unwrap();
    };
    change(1).await;
    house.say(other, Act::Granted, "newsletter_email").await;
    change(2).await;
    let entries = house.ledger(other).await;
    assert_eq!(entries.iter().max_by_key(|entry| (entry.at, entry.act.is_no())).unwrap().act, Act::Granted);
}

async fn a_yes_to_a_text_nobody_named_keeps_nobody_out(database: Database) {
    let (house, fake) = open::<Shop>(database).await;
    // As a source that was connected before its connector brought consents to text messages.
    let rulebook = &house.syncs.vendors.rulebook;
    let sms = "newsletter_sms".parse().unwrap();
    let source = rulebook.edition().source_named(SHOP).unwrap().clone();
    let put = async |texts| {
        let terms = Terms { text_versions: texts, ..source.terms.clone() };
        let known = (SHOP.to_owned(), source.title.clone(), source.connector.clone());
        rulebook.put_source(known, &terms, |_| true, house.clock.now()).await.unwrap().unwrap();
    };
    let mut texts = source.terms.text_versions.clone();
    let text = texts.remove(&sms).unwrap();
    put(texts.clone()).await;
    fake.with(|shop| {
        shop.customers[0]["phone"] = json!("+493023125010");
        shop.customers[0]["sms_marketing_consent"] = json!({"state": "subscribed", "opt_in_level": "confirmed_opt_in",
            "consent_updated_at": "2026-05-01T10:00:00+02:00", "consent_collected_from": "OTHER"});
    });
    let counts = house.sync().await.unwrap();
    let textless = counts.left_out.iter().find(|(reason, _)| reason.contains("text_version_missing"));
    assert_eq!((counts.sum().rejected, textless.map(|(_, count)| *count)), (0, Some(1)), "{counts:?}");
    let person = house.subject(&Shop::email(0)).await;
    assert_eq!(house.ledger(person).await.len(), 1, "the yes to the newsletter");
    texts.insert(sms, text);
    put(texts).await;
    fake.with(|shop| shop.customers[0]["updated_at"] = json!("2026-11-21T13:00:00Z"));
    house.wait(7_200);
    house.sync().await.unwrap();
    assert_eq!(house.ledger(person).await.len(), 2, "and to text messages, since the text is named");
}
