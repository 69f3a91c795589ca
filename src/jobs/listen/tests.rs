//! What a vendor turned off is subscribed again.

use std::time::Duration;

use serde_json::{Value, json};

use super::Listening;
use crate::connect::{Elsewhere, Fault, Heard, NotListening, Subscribed};
use crate::databases::{Database, on_both_databases};
use crate::jobs::sync::tests::house::{House, SHOP};
use crate::jobs::sync::tests::scenarios::{PAGE, open};
use crate::store::connections::{self, ConnectionRow};
use crate::types::{SourceNo, Timestamp};
use crate::vendors::brevo::Brevo;
use crate::vendors::cleverreach::CleverReach;
use crate::vendors::klaviyo::Klaviyo;
use crate::vendors::mailchimp::Mailchimp;
use crate::vendors::shopify::{SECRET, Shop};
use crate::vendors::woocommerce::Store;
use crate::vendors::{Answer, Call, Fake, Vendor};

on_both_databases!(
    what_the_vendor_removed_is_made_again,
    two_who_subscribe_at_once_leave_what_one_would,
    of_two_who_subscribe_at_once_the_first_secret_counts,
    of_two_who_subscribe_at_once_the_first_address_counts,
    what_was_ended_is_not_begun_again,
    what_stands_on_a_later_page_is_not_made_twice,
    a_connection_that_does_not_open_keeps_no_other_from_being_looked_at,
    who_listens_is_not_led_to_another_shop,
    a_bounce_is_no_withdrawal_and_its_time_is_the_vendors,
    a_group_that_is_not_there_is_not_believed,
    klaviyo_is_asked_for_its_webhooks_as_often_as_it_allows,
);

const HUB: &str = "https://hub.example";

async fn shop(database: Database) -> (House, Fake<Shop>) {
    let (house, fake) = open::<Shop>(database).await;
    house.set(&[("webhook_secret", SECRET)]).await;
    (house, fake)
}

fn hooks(fake: &Fake<Shop>) -> usize {
    fake.with(|shop| shop.hooks.len())
}

async fn what_the_vendor_removed_is_made_again(database: Database) {
    let (house, fake) = shop(database).await;
    let vendors = house.syncs.vendors.clone();
    let listening = |url: Option<&str>| Listening {
        vendors: vendors.clone(),
        book: house.book.clone(),
        public_url: url.map(str::to_owned),
    };
    // Who was never told to listen is left alone.
    assert_eq!((listening(Some(HUB)).look().await.unwrap(), hooks(&fake)), (0, 0));
    assert!(matches!(vendors.listen(SHOP, None, false).await, Err(NotListening::NoAddress)));
    let came = vendors.listen(SHOP, Some(HUB), false).await.unwrap();
    assert_eq!(came, Subscribed { kept: 0, made: 7, ended: 0 });
    assert_eq!(listening(Some(HUB)).look().await.unwrap(), 0);
    fake.with(|shop| shop.hooks.truncate(1));
    assert_eq!(listening(None).look().await.unwrap(), 0, "without an address nothing is looked for");
    assert_eq!((listening(Some(HUB)).look().await.unwrap(), hooks(&fake)), (1, 7));
    let lines = house.lines().await;
    assert_eq!(lines.iter().filter(|line| line.contains("looked_after")).count(), 1, "{lines:?}");
    // The hub moved: what is under the address of before ends.
    assert_eq!((listening(Some("https://new.example")).look().await.unwrap(), hooks(&fake)), (1, 7));
    assert!(fake.with(|shop| shop.hooks.iter().all(|(_, _, address)| address.starts_with("https://new.example/"))));
    // A vendor that fails is no reason to stop, nor is one that is let go.
    fake.with(|shop| shop.token_is_valid = false);
    assert_eq!(listening(Some(HUB)).look().await.unwrap(), 0);
    fake.with(|shop| shop.token_is_valid = true);
    assert_eq!((vendors.stop_listening(SHOP).await.unwrap(), hooks(&fake)), (7, 0));
    assert_eq!((listening(Some(HUB)).look().await.unwrap(), hooks(&fake)), (0, 0));
}

/// Both may fail at what the other one made, and the next look finds everything.
async fn two_who_subscribe_at_once_leave_what_one_would(database: Database) {
    let (house, fake) = shop(database).await;
    let vendors = &house.syncs.vendors;
    let (one, other) =
        futures_util::future::join(vendors.listen(SHOP, Some(HUB), false), vendors.listen(SHOP, Some(HUB), false))
            .await;
    // Nothing else may go wrong, and whatever was made stands there once.
    for failed in [one, other].into_iter().filter_map(Result::err) {
        assert!(matches!(failed, NotListening::Vendor(Fault::Vendor { status: 422, .. })), "{failed}");
    }
    let topics: std::collections::BTreeSet<String> =
        fake.with(|shop| shop.hooks.iter().map(|hook| hook.1.clone()).collect());
    assert!(!topics.is_empty() && topics.len() == hooks(&fake), "{topics:?}");
    vendors.listen(SHOP, Some(HUB), false).await.unwrap();
    assert_eq!(hooks(&fake), 7);
    assert_eq!(vendors.listen(SHOP, Some(HUB), false).await.unwrap(), Subscribed { kept: 7, made: 0, ended: 0 });
}

async fn what_stands_on_a_later_page_is_not_made_twice(database: Database) {
    let hub = Fake::serve(Reached, std::sync::Arc::new(crate::types::SystemClock));
    let (house, fake) = open::<Store>(database).await;
    // Those of others fill two pages, as they would with a hundred a page.
    let foreign = |number: usize| json!({"id": number, "topic": "order.created", "status": "active", "secret": "theirs", "delivery_url": "https://other.example/x"});
    fake.with(|store| store.hooks = (0..2 * PAGE).map(foreign).collect());
    let vendors = &house.syncs.vendors;
    let made = vendors.listen(SHOP, Some(hub.address()), false).await.unwrap();
    assert_eq!(made, Subscribed { kept: 0, made: 5, ended: 0 });
    for _ in 0..2 {
        let kept = vendors.listen(SHOP, Some(hub.address()), false).await.unwrap();
        assert_eq!(
            (kept, fake.with(|store| store.hooks.len())),
            (Subscribed { kept: 5, made: 0, ended: 0 }, 2 * PAGE + 5)
        );
    }
    assert_eq!(vendors.stop_listening(SHOP).await.unwrap(), 5);
}

/// A hub that answers whoever tries its address.
struct Reached;

impl Vendor for Reached {
    fn answer(&mut self, _: &Call) -> Answer {
        Answer::new(200, Value::Null)
    }
}

async fn connected<V: Vendor + Default>(
    database: Database,
    connector: &str,
    parameters: &[(&str, &str)],
    origin: &str,
) -> (House, Fake<V>) {
    let house = House::open(database).await;
    let fake = Fake::serve(V::default(), house.clock.clone());
    house.connect(connector, parameters, &[(origin, fake.address())]).await;
    (house, fake)
}

async fn brevo(database: Database) -> (House, Fake<Brevo>) {
    connected(database, "brevo", &[("api_key", "xkeysib-1"), ("list_id", "12")], "https://api.brevo.com").await
}

/// Both look what is there before either keeps a secret. Answers the secret that is kept once everything is done.
async fn two_at_once<V: Vendor>(house: &House, fake: &Fake<V>, hub: &str, secret: &str) -> String {
    let vendors = &house.syncs.vendors;
    fake.slow_down(Duration::from_millis(50));
    // Each may fail at what the other one made.
    let listen = || vendors.listen(SHOP, Some(hub), false);
    let _ = futures_util::future::join(listen(), listen()).await;
    fake.slow_down(Duration::ZERO);
    listen().await.unwrap();
    assert_eq!(listen().await.unwrap(), Subscribed { kept: 1, made: 0, ended: 0 });
    vendors.connections.of(house.source()).await.unwrap().unwrap().parameters[secret].clone()
}

async fn of_two_who_subscribe_at_once_the_first_secret_counts(database: Database) {
    let hub = Fake::serve(Reached, std::sync::Arc::new(crate::types::SystemClock));
    let (house, fake) = brevo(database).await;
    let known = two_at_once(&house, &fake, hub.address(), "webhook_token").await;
    fake.with(|brevo| assert!(brevo.hooks.len() == 1 && brevo.hooks[0]["auth"]["token"] == known, "the hub is deaf"));
}

async fn of_two_who_subscribe_at_once_the_first_address_counts(database: Database) {
    let hub = Fake::serve(Reached, std::sync::Arc::new(crate::types::SystemClock));
    let parameters = [("api_key", "0a1b2c-us10"), ("list_id", "a1b2c3d4e5")];
    let (house, fake) =
        connected::<Mailchimp>(database, "mailchimp", &parameters, "https://us10.api.mailchimp.com").await;
    let known = two_at_once(&house, &fake, hub.address(), "path_secret").await;
    fake.with(|mailchimp| {
        assert_eq!(mailchimp.hooks.len(), 1);
        assert!(mailchimp.hooks[0]["url"].as_str().unwrap().ends_with(&known), "the hub is deaf");
        assert_eq!(mailchimp.hooks[0]["sources"]["admin"], false, "the merchant's act is no withdrawal");
    });
}

async fn what_was_ended_is_not_begun_again(database: Database) {
    let (house, fake) = shop(database).await;
    let vendors = &house.syncs.vendors;
    vendors.listen(SHOP, Some(HUB), false).await.unwrap();
    vendors.stop_listening(SHOP).await.unwrap();
    assert!(matches!(vendors.keep_listening(SHOP, Some(HUB)).await, Err(NotListening::Stopped)));
    assert_eq!(hooks(&fake), 0);
    // While it is at it.
    vendors.listen(SHOP, Some(HUB), false).await.unwrap();
    fake.with(|shop| shop.hooks.truncate(1));
    fake.slow_down(Duration::from_millis(20));
    let at_once =
        futures_util::future::join(vendors.keep_listening(SHOP, Some(HUB)), vendors.stop_listening(SHOP)).await;
    at_once.1.unwrap();
    assert_eq!(hooks(&fake), 0, "something was made after it was ended");
    assert!(vendors.connections.of(house.source()).await.unwrap().unwrap().listening.is_empty());
}

async fn a_connection_that_does_not_open_keeps_no_other_from_being_looked_at(database: Database) {
    let (house, fake) = shop(database).await;
    let vendors = house.syncs.vendors.clone();
    vendors.listen(SHOP, Some(HUB), false).await.unwrap();
    let row = vendors.connections.rows().await.unwrap().remove(0);
    let broken = ConnectionRow { source_no: SourceNo(0), sealed: vec![1, 2, 3], ..row };
    house.store.write(move |write| connections::put(write, &broken)).await.unwrap();
    fake.with(|shop| shop.hooks.truncate(1));
    let listening = Listening { vendors, book: house.book.clone(), public_url: Some(HUB.to_owned()) };
    assert_eq!((listening.look().await.unwrap(), hooks(&fake)), (1, 7));
    let lines = house.lines().await;
    assert!(lines.iter().any(|line| line.contains("subscriptions of") && line.contains("intended")), "{lines:?}");
}

async fn who_listens_is_not_led_to_another_shop(database: Database) {
    let (house, _fake) = shop(database).await;
    let vendors = &house.syncs.vendors;
    let connector = vendors.catalog.connector("shopify").unwrap();
    let changed = |before: &crate::connect::Connection, name: &str| {
        let mut next = before.parameters.clone();
        next.insert(name.to_owned(), "another".to_owned());
        vendors.leads_there(connector, before, &next)
    };
    let before = vendors.connections.of(house.source()).await.unwrap().unwrap();
    assert_eq!(changed(&before, "shop"), Ok(()), "nothing tells by itself yet");
    vendors.listen(SHOP, Some(HUB), false).await.unwrap();
    let before = vendors.connections.of(house.source()).await.unwrap().unwrap();
    assert_eq!((changed(&before, "shop"), changed(&before, "access_token")), (Err(Elsewhere), Ok(())));
    let next = crate::connect::Connection { listening: Vec::new(), ..before.clone() };
    assert!(!vendors.still_listening(connector, next, before).unwrap().listening.is_empty());
}

async fn heard(house: &House, body: Value, topic: &str) -> Heard {
    let session = house.syncs.vendors.session(SHOP).await.unwrap();
    let connector = session.connector().clone();
    connector.webhooks().unwrap().left(&session, json!({"headers": {}, "body": body}), topic).await.unwrap()
}

async fn a_bounce_is_no_withdrawal_and_its_time_is_the_vendors(database: Database) {
    let (house, fake) = brevo(database).await;
    let mail = "anna@example.org";
    let told = || json!({"event": "unsubscribe", "email": mail, "ts_event": 1});
    let (at, blocked) = ("2026-11-20T10:00:00Z", |code| fake.with(|brevo| brevo.blocked.insert(mail.to_owned(), code)));
    fake.with(|brevo| brevo.contacts.insert(mail.to_owned(), (vec![12], json!({}))));
    for code in ["hardBounce", "adminBlocked"] {
        blocked((code, at.to_owned()));
        assert!(heard(&house, told(), "unsubscribe").await.people.is_empty(), "{code}");
    }
    blocked(("unsubscribedViaEmail", at.to_owned()));
    let people = heard(&house, told(), "unsubscribe").await.people;
    assert_eq!((people[0].email.as_str(), people[0].at), (mail, Timestamp::parse(at).ok()), "the body's time counts");
    // Who left this list alone.
    fake.with(|brevo| {
        brevo.blocked.clear();
        brevo.left.insert(mail.to_owned())
    });
    let people = heard(&house, told(), "spam").await.people;
    assert_eq!((people.len(), people[0].at), (1, None));
}

async fn a_group_that_is_not_there_is_not_believed(database: Database) {
    let client = [("client_id", "c1"), ("client_secret", "hush"), ("group_id", "7")];
    let (house, _fake) =
        connected::<CleverReach>(database, "cleverreach", &client, "https://rest.cleverreach.com").await;
    let session = house.syncs.vendors.session(SHOP).await.unwrap();
    let connector = session.connector().clone();
    let told = json!({"headers": {}, "body": {"event": "receiver.unsubscribed", "pool_id": "1", "payload": null}});
    let asked = connector.webhooks().unwrap().left(&session, told, "receiver.unsubscribed").await;
    assert!(asked.is_err(), "whoever is looked up where nothing is, is nobody");
}

/// Fifteen times a minute, and once a second.
async fn klaviyo_is_asked_for_its_webhooks_as_often_as_it_allows(database: Database) {
    let parameters = [("private_key", "pk_1"), ("list_id", "Y6nRLr")];
    let (house, fake) = connected::<Klaviyo>(database, "klaviyo", &parameters, "https://a.klaviyo.com").await;
    let vendors = &house.syncs.vendors;
    assert_eq!(vendors.listen(SHOP, Some(HUB), false).await.unwrap(), Subscribed { kept: 0, made: 1, ended: 0 });
    for _ in 0..20 {
        assert_eq!(vendors.listen(SHOP, Some(HUB), false).await.unwrap(), Subscribed { kept: 1, made: 0, ended: 0 });
    }
    assert_eq!(vendors.stop_listening(SHOP).await.unwrap(), 1);
    assert_eq!(fake.with(|klaviyo| klaviyo.throttled), 0);
}
