//! What is so at one vendor only.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;

use super::lists::{Hears as _, Lists};
use super::scene::Scene;
use super::{MAIL, mail};
use crate::connect::{Catalog, Fault, Leaves, Person};
use crate::consent::Act;
use crate::databases::{Database, on_both_databases};
use crate::jobs::push_audience::Error;
use crate::jobs::sync::tests::scenarios::PEOPLE;
use crate::rights::{Handed, Handing, Kind, ToldBy};
use crate::store::audiences::MemberRow;
use crate::store::rows::Who;
use crate::types::{Clock as _, IdentifierKind, SubjectId};
use crate::vendors::Break;
use crate::vendors::brevo::Brevo;
use crate::vendors::klaviyo::Klaviyo;
use crate::vendors::mailchimp::Mailchimp;
use crate::vendors::meta_audiences::{Ads, digest};

on_both_databases!(
    klaviyo_looks_before_it_subscribes,
    klaviyo_subscribes_nobody_when_it_cannot_look,
    klaviyo_lets_cursors_end_and_subscribes_nobody_by_half_a_list,
    klaviyo_lifts_no_suppression_and_tells_of_complaints,
    klaviyo_takes_off_whom_a_job_adds_later,
    klaviyo_is_done_when_the_profile_is_gone,
    brevo_waits_for_its_process,
    brevo_tells_a_no_from_a_bounce,
    brevo_takes_people_off_while_a_process_lasts,
    brevo_erases_whom_a_process_was_adding,
    mailchimp_erases_in_every_audience_and_shop,
    mailchimp_keeps_the_customer_until_the_last_cart_is_gone,
    mailchimp_keeps_the_customer_until_the_last_order_is_gone,
    meta_wants_its_terms_accepted,
    meta_takes_off_whom_it_knows_by_number_alone,
    meta_is_told_digests_as_they_were_handed_over,
    a_segment_must_fit,
);

/// Subscribing would lift a suppression, and the list of them may lag.
async fn klaviyo_looks_before_it_subscribes(database: Database) {
    let scene = Scene::<Klaviyo>::open(database).await;
    let now = scene.house.clock.now();
    scene.vendor.with(|vendor| {
        vendor.unsubscribe(MAIL, now);
        vendor.lists_lag = true;
    });
    let counts = scene.pushes.run("letters", true).await.unwrap();
    assert_eq!(counts.streams["members"].created, PEOPLE as u64 - 1, "{counts:?}");
    assert!(scene.vendor.with(|vendor| vendor.is_unsubscribed(MAIL)) && !scene.listed().contains(&MAIL.to_owned()));
    assert_eq!(scene.members().await.len(), PEOPLE - 1);
}

async fn klaviyo_subscribes_nobody_when_it_cannot_look(database: Database) {
    let scene = Scene::<Klaviyo>::open(database).await;
    let now = scene.house.clock.now();
    scene.vendor.with(|vendor| {
        vendor.unsubscribe(MAIL, now);
        vendor.lists_lag = true;
    });
    // After the two lists of who unsubscribed comes the look.
    scene.vendor.break_calls(2, &[Break::Status(404)]);
    let pushed = scene.pushes.run("letters", true).await;
    assert!(matches!(pushed, Err(Error::Vendor(Fault::NotFound(_)))), "{pushed:?}");
    assert_eq!(scene.told_since(0), Vec::<String>::new(), "everybody is subscribed unseen");
    assert!(scene.vendor.with(|vendor| vendor.is_unsubscribed(MAIL)));
}

async fn klaviyo_lets_cursors_end_and_subscribes_nobody_by_half_a_list(database: Database) {
    let scene = Scene::<Klaviyo>::open(database).await;
    let now = scene.house.clock.now();
    scene.vendor.with(|vendor| {
        (0..150).for_each(|number| vendor.unsubscribe(&format!("a{number:03}@example.org"), now));
        vendor.unsubscribe(MAIL, now);
        vendor.cursor_life = Some(0);
    });
    let pushed = scene.pushes.run("letters", true).await;
    assert!(matches!(pushed, Err(Error::Vendor(Fault::Vendor { status: 400, .. }))), "{pushed:?}");
    assert_eq!((scene.told_since(0), scene.members().await.len()), (Vec::new(), 0), "somebody is handed over");
    scene.vendor.with(|vendor| vendor.cursor_life = None);
    scene.pushes.run("letters", true).await.unwrap();
    assert!(scene.vendor.with(|vendor| vendor.is_unsubscribed(MAIL)) && !scene.listed().contains(&MAIL.to_owned()));
    assert_eq!(scene.listed().len(), PEOPLE - 1);
}

async fn klaviyo_lifts_no_suppression_and_tells_of_complaints(database: Database) {
    let scene = Scene::<Klaviyo>::open(database).await;
    let suppress = |number: usize, why: &'static str| {
        let at = scene.house.clock.now().rfc3339();
        scene.vendor.with(move |vendor| {
            vendor.profiles.entry(mail(number)).or_default();
            vendor.suppressed.insert(mail(number), (why, at));
        });
    };
    suppress(1, "USER_SUPPRESSED");
    suppress(2, "SPAM_COMPLAINT");
    scene.pushes.run("letters", true).await.unwrap();
    let kept = |number| scene.vendor.with(|vendor| vendor.suppressed.contains_key(&mail(number)));
    assert!(kept(1), "whom the merchant suppressed by hand is subscribed again");
    assert!(kept(2), "who complained is subscribed again");
    // To suppress somebody by hand is no word of theirs.
    assert_eq!(scene.readers().await, PEOPLE as u64 - 1);
    scene.house.wait(60);
    suppress(4, "SPAM_COMPLAINT");
    scene.pushes.run("letters", true).await.unwrap();
    assert_eq!(scene.readers().await, PEOPLE as u64 - 2, "a complaint of somebody who is there is not heard");
    assert!(!scene.listed().contains(&mail(4)) && kept(4));
}

async fn klaviyo_takes_off_whom_a_job_adds_later(database: Database) {
    let scene = Scene::<Klaviyo>::open(database).await;
    scene.vendor.with(|vendor| vendor.lag = 600);
    scene.pushes.run("letters", true).await.unwrap();
    assert_eq!(scene.listed(), Vec::<String>::new());
    scene.say(MAIL, Act::Withdrawn).await;
    assert_eq!(scene.pushes.run_due().await.unwrap(), 1);
    scene.house.wait(700);
    scene.pushes.vendors.session("letters").await.unwrap().test().await.unwrap();
    assert_eq!(scene.listed().len(), PEOPLE, "the job adds everybody it was told of");
    scene.settle();
    assert_eq!(scene.pushes.run_due().await.unwrap(), 1, "they are subscribed for ever");
    assert!(!scene.listed().contains(&MAIL.to_owned()));
    // It took their no in, and carries it out later: until then they are not done with.
    assert_eq!((scene.members().await.len(), scene.gone().await), (PEOPLE, 0));
    scene.house.wait(700);
    assert_eq!(scene.pushes.run_due().await.unwrap(), 1);
    assert_eq!((scene.members().await.len(), scene.gone().await), (PEOPLE - 1, 1));
    assert!(scene.vendor.with(|vendor| vendor.suppressed.contains_key(MAIL)));
}

/// It takes the wish in at once, and carries it out later.
async fn klaviyo_is_done_when_the_profile_is_gone(database: Database) {
    let scene = Scene::<Klaviyo>::open(database).await;
    scene.pushes.run("letters", true).await.unwrap();
    scene.settle();
    scene.vendor.with(|vendor| vendor.lag = 600);
    let request = scene.house.erase(MAIL).await;
    scene.erasures.ask_all_of(request).await.unwrap();
    assert_eq!(scene.certified(request).await.0, "waiting", "it is called deleted while the profile is there");
    scene.house.wait(3_600);
    scene.pushes.vendors.session("letters").await.unwrap().test().await.unwrap();
    for row in scene.erasures.due().await {
        scene.erasures.ask(&row).await.unwrap();
    }
    assert!(!scene.vendor.with(|vendor| vendor.holds(MAIL)));
    assert_eq!(scene.certified(request).await, ("final".to_owned(), "deleted".to_owned()));
}

async fn brevo_waits_for_its_process(database: Database) {
    let scene = Scene::<Brevo>::open(database).await;
    scene.vendor.with(|vendor| vendor.processes_fail = true);
    let failed = scene.pushes.run("letters", true).await;
    assert!(failed.unwrap_err().to_string().contains("did not say that it carried it out"));
    assert!(scene.members().await.iter().all(|row| row.state == MemberRow::HANDED));
    scene.vendor.with(|vendor| vendor.processes_fail = false);
    scene.house.wait(120);
    assert_eq!(scene.pushes.run_due().await.unwrap(), 1);
    assert_eq!(scene.listed().len(), PEOPLE);
}

async fn brevo_tells_a_no_from_a_bounce(database: Database) {
    let scene = Scene::<Brevo>::open(database).await;
    let now = scene.house.clock.now().rfc3339();
    let block = |number: usize, why: &'static str| {
        let at = now.clone();
        scene.vendor.with(move |vendor| {
            vendor.contacts.entry(mail(number)).or_default();
            vendor.blocked.insert(mail(number), (why, at));
        });
    };
    block(1, "hardBounce");
    block(2, "adminBlocked");
    let counts = scene.pushes.run("letters", true).await.unwrap();
    assert_eq!(counts.streams["members"].created, PEOPLE as u64 - 2, "{counts:?}");
    assert_eq!(scene.readers().await, PEOPLE as u64, "nobody said no");
    // Of people who are there.
    block(4, "hardBounce");
    block(5, "unsubscribedViaMA");
    scene.vendor.with(|vendor| vendor.left.insert(mail(6)));
    scene.pushes.run("letters", true).await.unwrap();
    assert_eq!(scene.readers().await, PEOPLE as u64 - 2, "a bounce is a withdrawal, or a no is none");
    let listed = scene.listed();
    assert!(listed.contains(&mail(4)) && !listed.contains(&mail(5)) && !listed.contains(&mail(6)), "{listed:?}");
}

/// Waits until the vendor was called so.
async fn seen<V: Lists>(scene: &Scene<V>, call: &str, from: usize) {
    while !scene.vendor.calls_since(from).iter().any(|made| made == call) {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

async fn brevo_takes_people_off_while_a_process_lasts(database: Database) {
    let scene = Scene::<Brevo>::open(database).await;
    scene.say(&mail(9), Act::Restricted).await;
    scene.pushes.run("letters", true).await.unwrap();
    scene.say(&mail(9), Act::RestrictionLifted).await;
    scene.vendor.with(|vendor| vendor.process_looks = 60);
    scene.vendor.slow_down(Duration::from_millis(30));
    let from = scene.vendor.calls();
    let says_no = async {
        seen(&scene, "POST /v3/contacts/import", from).await;
        scene.say(MAIL, Act::Withdrawn).await;
    };
    let (pushed, ()) = tokio::join!(scene.pushes.run("letters", true), says_no);
    pushed.unwrap();
    let calls = scene.vendor.calls_since(from);
    let at = |part: &str| calls.iter().rposition(|call| call.contains(part)).unwrap();
    assert!(at("contacts/remove") < at("/processes/"), "they waited for the process");
    assert!(!scene.listed().contains(&MAIL.to_owned()) && scene.listed().contains(&mail(9)));
}

async fn brevo_erases_whom_a_process_was_adding(database: Database) {
    let scene = Scene::<Brevo>::open(database).await;
    scene.vendor.with(|vendor| vendor.process_looks = 60);
    scene.vendor.slow_down(Duration::from_millis(30));
    let erased = async {
        seen(&scene, "POST /v3/contacts/import", 0).await;
        let request = scene.house.erase(MAIL).await;
        let theirs = scene.erasures.due().await.into_iter().filter(|row| row.source_no == scene.list);
        assert_eq!(theirs.count(), 0, "the vendor is asked while it may still add them");
        scene.erasures.ask_all_of(request).await.unwrap();
        request
    };
    let (pushed, request) = tokio::join!(scene.pushes.run("letters", true), erased);
    pushed.unwrap();
    scene.vendor.slow_down(Duration::ZERO);
    scene.house.wait(5 * 3_600);
    scene.pushes.run_due().await.unwrap();
    for row in scene.erasures.due().await {
        scene.erasures.ask(&row).await.unwrap();
    }
    assert!(!scene.vendor.with(|vendor| vendor.holds(MAIL)), "they stay at the vendor for ever");
    assert_eq!(scene.certified(request).await.0, "final");
    assert_eq!(scene.members().await.len(), PEOPLE - 1);
}

async fn meta_wants_its_terms_accepted(database: Database) {
    let scene = Scene::<Ads>::open(database).await;
    scene.vendor.with(|ads| ads.terms_are_accepted = false);
    let told = scene.pushes.vendors.session("letters").await.unwrap().test().await.unwrap_err().to_string();
    assert!(told.contains("terms for custom audiences are not accepted"), "{told}");
    scene.vendor.with(|ads| ads.terms_are_accepted = true);
    scene.pushes.run("letters", true).await.unwrap();
    assert_eq!(scene.listed().len(), PEOPLE);
}

/// A customer with a number, and perhaps a mail address, who may be advertised to.
async fn with_number(scene: &Scene<Ads>, name: &str, phone: &str, mail: Option<&str>) -> SubjectId {
    let at = scene.house.clock.now().rfc3339();
    let mut identifiers = vec![json!({"kind": "phone", "value": phone, "verified": true})];
    identifiers.extend(mail.map(|mail| json!({"kind": "email", "value": mail, "verified": true})));
    let line = json!({
        "type": "customer", "source": "webshop", "external_id": name, "updated_at": at, "identifiers": identifiers,
        "data": {"person": {"given_name": "Anna", "family_name": name}},
    });
    let taken = scene.house.syncs.intake.ingest(&[line.to_string()]).await.unwrap();
    assert_eq!(taken[0].outcome, crate::intake::Outcome::Created);
    let (kind, normal) = crate::intake::lookup_form(IdentifierKind::Phone, phone).unwrap();
    let who = scene.house.gateway.who_has(kind, scene.house.source(), &normal).unwrap();
    let subject = scene.house.gateway.snapshot(who).await.unwrap().unwrap().subject;
    scene.house.say(subject, Act::Granted, Ads::PURPOSE).await;
    subject
}

async fn meta_takes_off_whom_it_knows_by_number_alone(database: Database) {
    let scene = Scene::<Ads>::open(database).await;
    let alone = with_number(&scene, "Fernsprecher", "+491701234567", None).await;
    let both = with_number(&scene, "Beides", "+491707654321", Some("beides@example.org")).await;
    // The segment delivers numbers alone: who has none cannot be told of.
    scene.define(json!({"all": []}), Some(&["contact.phones"])).await;
    scene.pushes.run("letters", true).await.unwrap();
    let rows = scene.vendor.with(|ads| ads.users.clone());
    let numbers = ["491701234567", "491707654321"].map(|number| (String::new(), digest(number)));
    assert_eq!(rows, BTreeSet::from(numbers));
    scene.settle();
    // One is erased; the other says no.
    let who = scene.house.rights.receive(Kind::Erasure, Who::Subject(alone), None, &scene.house.dpo()).await.unwrap();
    let request = who.case().id;
    scene.house.rights.erase(request, &scene.house.dpo()).await.unwrap();
    scene.house.say(both, Act::Withdrawn, Ads::PURPOSE).await;
    scene.pushes.run("letters", true).await.unwrap();
    let rows = scene.vendor.with(|ads| ads.users.clone());
    assert!(rows.is_empty(), "whom it knows by a number alone is never taken out: {rows:?}");
    assert_eq!(scene.members().await.len(), 0);
    let calls = scene.vendor.calls();
    scene.erasures.ask_all_of(request).await.unwrap();
    assert!(scene.vendor.calls() > calls, "an erasure does not ask by a number alone");
    // Meta took it in and shows nobody: it is not certified as done.
    assert_eq!(scene.certified(request).await, ("final".to_owned(), "asked".to_owned()));
    let certificate = scene.house.certificate(request).await.certificate;
    let day = scene.house.clock.now().plus_days(1).rfc3339();
    let promise = json!([{"of": "custom audience, by phone number", "outcome": "deleted", "until": day[..10]}]);
    let sources = certificate["sources"].as_array().unwrap();
    assert_eq!(sources.iter().find(|one| one["source"] == "letters").unwrap()["promised"], promise);
}

async fn meta_is_told_digests_as_they_were_handed_over(database: Database) {
    let scene = Scene::<Ads>::open(database).await;
    let subject = scene.house.subject(MAIL).await;
    // Sorted by themselves, the addresses and the numbers stand in another order.
    let pairs = [("a".repeat(64), "f".repeat(64)), ("b".repeat(64), "0".repeat(64)), ("c".repeat(64), String::new())];
    for (email, phone) in &pairs {
        let (email, phone) = (Some(email.as_str()), (!phone.is_empty()).then_some(phone.as_str()));
        let handing = [Handing { subject, by: ToldBy::Digests { email, phone } }];
        let handed = scene.house.rights.hand_over(scene.list, &handing, scene.house.clock.now()).await.unwrap();
        assert!(matches!(handed[..], [Handed::New(_)]));
    }
    let request = scene.house.erase(MAIL).await;
    scene.erasures.ask_all_of(request).await.unwrap();
    let removals = scene.vendor.with(|ads| ads.removals.clone());
    for pair in &pairs {
        assert!(removals.contains(pair), "{removals:?}");
    }
}

async fn a_segment_must_fit(database: Database) {
    let scene = Scene::<Ads>::open(database).await;
    let catalog = Catalog::embedded().unwrap();
    let brevo = catalog.connector("brevo").unwrap();
    let fits = async |code: &str| scene.pushes.fits(&code.parse().unwrap(), brevo.audience().unwrap()).await;
    assert_eq!(
        fits("readers").await.unwrap_err().to_string(),
        "the channel of the segment must be `email` for this destination"
    );
    assert!(fits("nobody").await.unwrap_err().to_string().contains("there is no segment `nobody`"));
}

/// A member of two audiences has one id in both.
async fn mailchimp_erases_in_every_audience_and_shop(database: Database) {
    let scene = Scene::<Mailchimp>::open(database).await;
    scene.pushes.run("letters", true).await.unwrap();
    scene.vendor.with(|vendor| {
        vendor.elsewhere.extend([MAIL.to_owned(), mail(5)]);
        vendor.shoppers = vec![("shop1", MAIL.to_owned()), ("shop2", mail(5)), ("shop2", MAIL.to_uppercase())];
        vendor.orders = vec![("shop1", "o1", 0), ("shop2", "o2", 1), ("shop2", "o3", 2), ("shop2", "o4", 2)];
        // The person's stand on the second page alone. Of some shoppers no address is known.
        vendor.shoppers.push(("shop2", String::new()));
        vendor.carts = (0..1_000).map(|number| ("shop2", format!("other{number}"), 1 + 2 * (number % 2))).collect();
        vendor.carts.extend([
            ("shop2", "k1".to_owned(), 2),
            ("shop2", "k2".to_owned(), 2),
            ("shop1", "k3".to_owned(), 0),
        ]);
    });
    let session = scene.pushes.vendors.session("letters").await.unwrap();
    let person = Person { email: Some(MAIL.to_uppercase()), ..Person::default() };
    let report = session.connector().clone().erase().unwrap().run(&session, &person).await;
    let step = &report.steps[0];
    assert_eq!((step.found, step.leaves, step.verified), (2, Some(Leaves::Deleted), Some(true)), "{report:?}");
    scene.vendor.with(|vendor| {
        assert!(!vendor.members.contains_key(MAIL) && vendor.members.contains_key(&mail(5)));
        assert_eq!(vendor.elsewhere.iter().collect::<Vec<_>>(), [&mail(5)]);
        let there: Vec<_> = vendor.shoppers.iter().map(|(_, mail)| mail).filter(|mail| !mail.is_empty()).collect();
        assert_eq!(there, [&mail(5)]);
        assert_eq!(vendor.orders, [("shop2", "o2", 1)], "the orders of nobody else");
        let others = vendor.carts.iter().filter(|(_, id, _)| id.starts_with("other")).count();
        assert_eq!((others, vendor.carts.len()), (1_000, 1_000), "the carts of nobody else");
    });
    assert_eq!(report.steps.len(), 4, "{report:?}");
    for (step, found) in report.steps[1..].iter().zip([3, 3, 2]) {
        assert_eq!((step.found, step.leaves, step.verified), (found, Some(Leaves::Deleted), Some(true)), "{report:?}");
    }
}

/// With the customer goes who left the cart.
async fn mailchimp_keeps_the_customer_until_the_last_cart_is_gone(database: Database) {
    let scene = Scene::<Mailchimp>::open(database).await;
    scene.pushes.run("letters", true).await.unwrap();
    scene.settle();
    scene.vendor.with(|vendor| {
        vendor.shoppers = vec![("shop1", MAIL.to_owned())];
        vendor.carts = vec![("shop1", "k1".to_owned(), 0), ("shop1", "k2".to_owned(), 0)];
        vendor.jammed.insert("k2");
    });
    let request = scene.house.erase(MAIL).await;
    scene.erasures.ask_all_of(request).await.unwrap();
    assert_eq!(scene.certified(request).await, ("waiting".to_owned(), String::new()), "a cart is there still");
    let left = scene.vendor.with(|vendor| (vendor.shoppers[0].0, vendor.carts.len()));
    assert_eq!(left, ("shop1", 1), "a cart is there of which nobody knows whose it is");
    scene.vendor.with(|vendor| vendor.jammed.clear());
    scene.house.wait(5 * 3_600);
    for row in scene.erasures.due().await {
        scene.erasures.ask(&row).await.unwrap();
    }
    assert_eq!(scene.vendor.with(|vendor| (vendor.shoppers[0].0, vendor.carts.len())), ("", 0));
    assert_eq!(scene.certified(request).await, ("final".to_owned(), "deleted".to_owned()));
}

/// With the customer goes the only way to their orders.
async fn mailchimp_keeps_the_customer_until_the_last_order_is_gone(database: Database) {
    let scene = Scene::<Mailchimp>::open(database).await;
    scene.pushes.run("letters", true).await.unwrap();
    scene.settle();
    scene.vendor.with(|vendor| {
        vendor.shoppers = vec![("shop1", MAIL.to_owned()), ("shop2", MAIL.to_owned())];
        vendor.orders = vec![("shop1", "o1", 0), ("shop1", "o2", 0), ("shop2", "o3", 1)];
        vendor.jammed.insert("o2");
    });
    let request = scene.house.erase(MAIL).await;
    scene.erasures.ask_all_of(request).await.unwrap();
    assert_eq!(scene.certified(request).await, ("waiting".to_owned(), String::new()), "one order is there still");
    let customers = |vendor: &mut Mailchimp| vendor.shoppers.iter().filter(|(shop, _)| !shop.is_empty()).count();
    let left = scene.vendor.with(|vendor| (vendor.shoppers[0].0, vendor.orders.contains(&("shop1", "o2", 0))));
    assert_eq!(left, ("shop1", true), "an order is there that nobody leads to");
    scene.vendor.with(|vendor| vendor.jammed.clear());
    scene.house.wait(5 * 3_600);
    for row in scene.erasures.due().await {
        scene.erasures.ask(&row).await.unwrap();
    }
    assert_eq!((scene.vendor.with(|vendor| vendor.orders.clone()), scene.vendor.with(customers)), (Vec::new(), 0));
    assert_eq!(scene.certified(request).await, ("final".to_owned(), "deleted".to_owned()));
}
