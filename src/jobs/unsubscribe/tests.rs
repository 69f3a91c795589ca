//! Withdrawals told to the shops they came from, against fakes that keep the state, on both databases.

use serde_json::json;

use super::Unsubscriptions;
use crate::connect::Counts;
use crate::consent::Act;
use crate::databases::{Database, on_both_databases};
use crate::graph::decide_that_they_are_one;
use crate::jobs::announce::Announcer;
use crate::jobs::sync::tests::house::House;
use crate::jobs::sync::tests::scenarios::open;
use crate::store::{Shelf, unsubscriptions};
use crate::types::{Clock as _, Timestamp};
use crate::vendors::shopware::{Shop, email, id};
use crate::vendors::{Break, Fake, shopify};

on_both_databases!(
    a_withdrawal_reaches_the_shop_and_comes_back_as_no_new_statement,
    what_the_shop_tells_itself_is_not_told_back,
    a_yes_that_came_meanwhile_is_not_undone,
    a_shop_that_does_not_stop_is_told_again_and_then_left_to_somebody,
    a_restriction_is_no_withdrawal,
    shopify_is_told_too,
    shopify_is_told_of_what_was_withdrawn_alone,
    a_no_of_whom_the_shop_was_never_told_is_their_own,
    what_the_shop_ended_once_is_known_for_good,
    what_is_to_be_told_of_somebody_goes_with_their_erasure,
    a_shop_that_wants_to_rest_is_told_when_it_has,
    a_shop_that_fails_after_it_did_it_has_done_it,
);

struct Told {
    house: House,
    announcer: Announcer,
    unsubscriptions: Unsubscriptions,
}

impl Told {
    async fn by(house: House) -> Self {
        let vendors = house.syncs.vendors.clone();
        let (store, ids) = (house.store.clone(), house.syncs.ids.clone());
        let announcer = Announcer::new(store.clone(), ids.clone(), house.clock.clone()).unwrap();
        let announcer = announcer.telling(vendors.clone());
        let unsubscriptions = Unsubscriptions { vendors, rights: house.rights.clone(), store, ids };
        house.sync().await.unwrap();
        // Following begins, and what was said before is no news.
        announcer.look().await.unwrap();
        Self { house, announcer, unsubscriptions }
    }

    /// Follows what was said, and tells whoever is due. Answers how many there were.
    async fn tell(&self) -> usize {
        self.announcer.look().await.unwrap();
        self.unsubscriptions.run_due().await.unwrap()
    }

    async fn says(&self, mail: &str, act: Act) {
        self.house.say(self.house.subject(mail).await, act, "newsletter_email").await;
    }

    fn entries(&self) -> i64 {
        self.house.database.count(Shelf::Records, "ledger")
    }

    fn outcome(&self) -> Vec<String> {
        self.house.database.texts(Shelf::Records, "SELECT outcome AS answer FROM unsubscription")
    }

    async fn on_record(&self, word: &str) -> usize {
        let told = |line: &&String| line.contains("withdrawal newsletter_email") && line.contains(word);
        self.house.lines().await.iter().filter(told).count()
    }
}

async fn shop(database: Database) -> (Told, Fake<Shop>) {
    let house = House::open(database).await;
    let fake = Fake::serve(Shop::with_people(5), house.clock.clone());
    let secret = fake.with(|shop| shop.secret.clone());
    let parameters = [("shop_url", fake.address()), ("client_id", "SWIATEST"), ("client_secret", secret.as_str())];
    house.connect("shopware6", &parameters, &[]).await;
    (Told::by(house).await, fake)
}

fn status(fake: &Fake<Shop>, number: usize) -> String {
    fake.with(|shop| shop.entities["newsletter-recipient"][number]["status"].as_str().unwrap().to_owned())
}

async fn a_withdrawal_reaches_the_shop_and_comes_back_as_no_new_statement(database: Database) {
    let (told, fake) = shop(database).await;
    assert_eq!(status(&fake, 3), "optIn");
    told.says(&email(3), Act::Withdrawn).await;
    assert_eq!(told.tell().await, 1);
    assert_eq!((status(&fake, 3).as_str(), status(&fake, 4).as_str()), ("optOut", "optIn"));
    assert_eq!(told.outcome(), ["unsubscribed"]);
    assert_eq!((told.on_record("intended").await, told.on_record("unsubscribed").await), (1, 1));
    let history = told.house.history().await;
    assert_eq!(Counts::parse(&history[0].counts).streams["unsubscribe"].updated, 1);
    assert!(!told.house.database.dump().join("\n").contains(&email(3)), "nothing of them lies open");
    // What the shop tells of it is what the hub did.
    let before = told.entries();
    told.house.wait(60);
    let counts = told.house.sync().await.unwrap();
    assert_eq!(counts.streams["newsletter_recipients"].updated, 1, "{counts:?}");
    assert_eq!(told.entries(), before, "it is no new statement");
    assert_eq!(told.tell().await, 0);
    // A yes and another no are.
    told.says(&email(3), Act::Granted).await;
    told.says(&email(3), Act::Withdrawn).await;
    fake.with(|shop| shop.entities.get_mut("newsletter-recipient").unwrap()[3]["status"] = json!("direct"));
    assert_eq!((told.tell().await, status(&fake, 3).as_str()), (1, "optOut"));
}

async fn what_the_shop_tells_itself_is_not_told_back(database: Database) {
    let (told, fake) = shop(database).await;
    told.house.wait(3_600);
    let at = "2026-11-21T12:30:00.000+00:00";
    fake.with(|shop| {
        shop.change("newsletter-recipient", &id("newsletter-recipient", 3), at, "status", json!("optOut"))
    });
    let before = told.entries();
    told.house.sync().await.unwrap();
    assert_eq!(told.entries(), before + 1, "it is a statement");
    assert_eq!((told.tell().await, told.outcome().len()), (0, 0));
}

async fn a_yes_that_came_meanwhile_is_not_undone(database: Database) {
    let (told, fake) = shop(database).await;
    told.says(&email(3), Act::Withdrawn).await;
    told.says(&email(3), Act::Granted).await;
    let calls = fake.calls();
    assert_eq!((told.tell().await, told.outcome()), (1, vec!["over".to_owned()]));
    assert_eq!((status(&fake, 3).as_str(), fake.calls()), ("optIn", calls));
}

async fn a_shop_that_does_not_stop_is_told_again_and_then_left_to_somebody(database: Database) {
    let (told, fake) = shop(database).await;
    fake.with(|shop| shop.deletes_nothing = true);
    told.says(&email(3), Act::Withdrawn).await;
    told.says(&email(4), Act::Withdrawn).await;
    assert_eq!((told.tell().await, told.outcome()), (2, vec![String::new(), String::new()]));
    assert_eq!(told.tell().await, 0, "not at once");
    assert!(told.house.history().await[0].cause.contains("told again"));
    told.house.wait(120);
    fake.with(|shop| shop.deletes_nothing = false);
    assert_eq!(told.tell().await, 2);
    assert_eq!((status(&fake, 3).as_str(), told.outcome()), ("optOut", vec!["unsubscribed".to_owned(); 2]));
    // One that never does ends with the officer.
    fake.with(|shop| shop.rights.remove("newsletter_recipient:update"));
    told.says(&email(2), Act::Withdrawn).await;
    assert_eq!(told.tell().await, 1);
    told.house.wait(31 * 86_400);
    assert_eq!(told.tell().await, 1);
    assert_eq!(told.on_record("manual_task").await, 1);
    assert!(told.house.history().await[0].cause.contains("by hand"));
    told.house.wait(31 * 86_400);
    assert_eq!(told.tell().await, 0);
}

/// What it did before it failed is the hub's doing, too, though nothing is left to do when it is told again.
async fn a_shop_that_fails_after_it_did_it_has_done_it(database: Database) {
    let (told, fake) = shop(database).await;
    told.says(&email(3), Act::Withdrawn).await;
    // It is looked up and changed; then it cannot be looked again.
    fake.break_calls(2, &[Break::Throttle(Some("4000"))]);
    assert_eq!((told.tell().await, told.outcome()), (1, vec!["unsure".to_owned()]));
    assert_eq!(status(&fake, 3), "optOut");
    told.house.wait(4_200);
    assert_eq!((told.tell().await, told.outcome()), (1, vec!["unsubscribed".to_owned()]));
    assert_eq!(told.on_record("nothing_subscribed").await, 0);
    told.says(&email(3), Act::Granted).await;
    told.house.wait(3_600);
    let at = told.house.clock.now().plus(-60 * Timestamp::SECOND).rfc3339();
    fake.with(|shop| {
        shop.change("newsletter-recipient", &id("newsletter-recipient", 3), &at, "zipCode", json!("10115"))
    });
    let before = told.entries();
    assert_eq!(told.house.sync().await.unwrap().sum().updated, 1);
    assert_eq!(told.entries(), before, "a yes since is not ended by it");
}

async fn a_shop_that_wants_to_rest_is_told_when_it_has(database: Database) {
    let (told, fake) = shop(database).await;
    told.says(&email(3), Act::Withdrawn).await;
    fake.break_calls(0, &[Break::Throttle(Some("4000"))]);
    assert_eq!((told.tell().await, told.outcome()), (1, vec![String::new()]));
    let calls = fake.calls();
    told.house.wait(3_900);
    assert_eq!((told.tell().await, fake.calls()), (0, calls), "the shop said when it wants to be called again");
    told.house.wait(101);
    assert_eq!((told.tell().await, status(&fake, 3).as_str()), (1, "optOut"));
}

async fn a_restriction_is_no_withdrawal(database: Database) {
    let (told, fake) = shop(database).await;
    told.house.say(told.house.subject(&email(3)).await, Act::Restricted, "newsletter_email").await;
    assert_eq!((told.tell().await, status(&fake, 3).as_str()), (0, "optIn"));
}

async fn shopify_is_told_too(database: Database) {
    let (house, fake) = open::<shopify::Shop>(database).await;
    let told = Told::by(house).await;
    let state = |number: usize| {
        fake.with(|shop| shop.customers[number]["email_marketing_consent"]["state"].as_str().unwrap().to_owned())
    };
    assert_eq!(state(3), "subscribed");
    told.says("kunde3@example.org", Act::Objected).await;
    assert_eq!(told.tell().await, 1);
    assert_eq!(
        (state(3).as_str(), state(4).as_str(), told.outcome()),
        ("unsubscribed", "subscribed", vec!["unsubscribed".to_owned()])
    );
    let before = told.entries();
    told.house.wait(60);
    told.house.sync().await.unwrap();
    assert_eq!(told.entries(), before);
    // A refusal in a good reply is none of it done.
    fake.with(|shop| shop.refuses = Some(json!({"data": null, "errors": [{"message": "Access denied"}]})));
    told.says("kunde5@example.org", Act::Withdrawn).await;
    told.tell().await;
    assert_eq!(state(5), "subscribed");
}

async fn shopify_is_told_of_what_was_withdrawn_alone(database: Database) {
    let (house, fake) = open::<shopify::Shop>(database).await;
    fake.with(|shop| {
        for number in [3, 4] {
            shop.customers[number]["phone"] = json!(format!("+49302312500{number}"));
            shop.customers[number]["sms_marketing_consent"] = json!({
                "state": "subscribed", "opt_in_level": "confirmed_opt_in", "consent_updated_at": "2026-05-01T10:00:00+02:00",
                "consent_collected_from": "SHOPIFY",
            });
        }
    });
    let told = Told::by(house).await;
    let states = |number: usize| {
        let state =
            |shop: &shopify::Shop, consent: &str| shop.customers[number][consent]["state"].as_str().unwrap().to_owned();
        fake.with(|shop| [state(shop, "email_marketing_consent"), state(shop, "sms_marketing_consent")])
    };
    told.says("kunde3@example.org", Act::Withdrawn).await;
    assert_eq!((told.tell().await, states(3)), (1, ["unsubscribed", "subscribed"].map(str::to_owned)));
    let somebody = told.house.subject("kunde4@example.org").await;
    told.house.say(somebody, Act::Withdrawn, "newsletter_sms").await;
    assert_eq!((told.tell().await, states(4)), (1, ["subscribed", "unsubscribed"].map(str::to_owned)));
    assert_eq!(told.outcome(), ["unsubscribed", "unsubscribed"]);
    // It comes back as no new statement.
    let before = told.entries();
    told.house.wait(60);
    told.house.sync().await.unwrap();
    assert_eq!(told.entries(), before);
}

/// The shop does not say when. What the hub had it do is old, and a yes since is not ended by it; what the hub never told it is news.
async fn a_no_of_whom_the_shop_was_never_told_is_their_own(database: Database) {
    let (house, fake) = open::<shopify::Shop>(database).await;
    let told = Told::by(house).await;
    for (number, outcome) in [(3, "over"), (4, "unsubscribed"), (5, "nothing_subscribed")] {
        let mail = format!("kunde{number}@example.org");
        if outcome == "nothing_subscribed" {
            fake.with(|shop| shop.customers[number]["email_marketing_consent"]["state"] = json!("not_subscribed"));
        }
        told.says(&mail, Act::Withdrawn).await;
        if outcome != "over" {
            assert_eq!(told.tell().await, 1);
        }
        told.says(&mail, Act::Granted).await;
        told.tell().await;
        assert!(told.outcome().contains(&outcome.to_owned()), "{:?}", told.outcome());
        told.house.wait(3_600);
        fake.with(|shop| {
            let customer = &mut shop.customers[number];
            customer["email_marketing_consent"] = json!({"state": "unsubscribed", "consent_updated_at": null});
            customer["note"] = json!("Ruft gern an.");
            customer["updated_at"] = json!(told.house.clock.now().plus(-60 * Timestamp::SECOND).rfc3339());
        });
        let before = told.entries();
        assert_eq!(told.house.sync().await.unwrap().sum().updated, 1);
        assert_eq!(told.entries() - before, i64::from(outcome != "unsubscribed"), "{outcome}");
    }
}

/// Whatever is said elsewhere and whoever they are found to be, for as long as it does not say that they agreed there since.
async fn what_the_shop_ended_once_is_known_for_good(database: Database) {
    let (house, fake) = open::<shopify::Shop>(database).await;
    let told = Told::by(house).await;
    let [one, mail] = [3, 4].map(|number| format!("kunde{number}@example.org"));
    for (act, outcome) in [(Act::Withdrawn, "unsubscribed"), (Act::Granted, ""), (Act::Withdrawn, "nothing_subscribed")]
    {
        told.says(&mail, act).await;
        told.tell().await;
        assert!(outcome.is_empty() || told.outcome() == [outcome], "{:?}", told.outcome());
    }
    told.says(&mail, Act::Granted).await;
    told.house.wait(90 * 86_400);
    let swept = told.house.clock.now();
    told.house.store.write(move |write| unsubscriptions::forget_old(write, swept)).await.unwrap();
    let both = (told.house.subject(&one).await, told.house.subject(&mail).await);
    assert_eq!(decide_that_they_are_one(&told.house.store, both, swept).await, both.1);
    let comes = async |state: &str, level: Option<&str>, dated: bool| {
        told.house.wait(3_600);
        let at = told.house.clock.now().plus(-60 * Timestamp::SECOND).rfc3339();
        let moment = dated.then(|| at.clone());
        fake.with(|shop| {
            let customer = &mut shop.customers[4];
            customer["email_marketing_consent"] =
                json!({"state": state, "opt_in_level": level, "consent_updated_at": moment});
            (customer["note"], customer["updated_at"]) = (json!(at), json!(at));
        });
        let before = told.entries();
        assert_eq!(told.house.sync().await.unwrap().sum().updated, 1);
        told.entries() - before
    };
    assert_eq!(comes("unsubscribed", None, false).await, 0);
    assert_eq!(comes("unsubscribed", None, false).await, 0);
    // They agreed there, how is not said, and changed their mind.
    assert_eq!(comes("subscribed", None, true).await, 1);
    assert_eq!(comes("unsubscribed", None, false).await, 1);
    assert_eq!(comes("unsubscribed", None, false).await, 0);
    // Nor did it end what a customer says who was not there yet.
    told.says(&mail, Act::Granted).await;
    fake.with(|shop| {
        let mut second = shopify::customer(40);
        (second["email"], second["last_name"]) = (json!(mail), json!("Beispiel4"));
        second["email_marketing_consent"] = json!({"state": "unsubscribed", "consent_updated_at": null});
        second["updated_at"] = json!(told.house.clock.now().rfc3339());
        shop.customers.push(second);
    });
    told.house.wait(3_600);
    let before = told.entries();
    assert_eq!(told.house.sync().await.unwrap().sum().created, 1);
    assert_eq!(told.entries() - before, 1);
}

/// What the hub keeps of whom a vendor is, or was, told names the person: it goes with them.
async fn what_is_to_be_told_of_somebody_goes_with_their_erasure(database: Database) {
    let (told, fake) = shop(database).await;
    told.says(&email(3), Act::Withdrawn).await;
    assert_eq!((told.tell().await, told.outcome()), (1, vec!["unsubscribed".to_owned()]));
    // One that waits, because the shop fails.
    fake.with(|shop| shop.deletes_nothing = true);
    told.says(&email(4), Act::Withdrawn).await;
    assert_eq!((told.tell().await, told.outcome().len()), (1, 2));
    told.says(&email(2), Act::Withdrawn).await;
    told.tell().await;
    assert_eq!(told.outcome().len(), 3);
    let rows = || told.house.database.count(Shelf::Records, "unsubscription");
    for (number, left) in [(3, 2), (4, 1)] {
        told.house.erase(&email(number)).await;
        assert_eq!(rows(), left, "what was kept of customer {number} is still there");
    }
    // Nobody is told of them later; of the third one it goes on.
    told.house.wait(86_400);
    fake.with(|shop| shop.deletes_nothing = false);
    assert_eq!(told.tell().await, 1);
    assert_eq!((rows(), told.outcome()), (1, vec!["unsubscribed".to_owned()]));
    assert_eq!(status(&fake, 2), "optOut");
}
