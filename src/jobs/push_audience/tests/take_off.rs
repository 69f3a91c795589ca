//! Taking people off where something is in the way.

use serde_json::json;

use super::lists::Lists as _;
use super::scene::Scene;
use super::{MAIL, mail};
use crate::consent::{Act, Purpose};
use crate::databases::{Database, on_both_databases};
use crate::intake::Unsubscription;
use crate::jobs::push_audience::Error;
use crate::jobs::retention::Retention;
use crate::jobs::sync::tests::scenarios::PEOPLE;
use crate::store::Shelf;
use crate::store::audiences::{self, MemberRow};
use crate::types::{Category, Channel, Clock as _, Timestamp};
use crate::vendors::Break;
use crate::vendors::brevo::Brevo;
use crate::vendors::mailchimp::Mailchimp;

on_both_databases!(
    one_who_cannot_be_taken_off_keeps_nobody_from_being_handed_over,
    many_who_cannot_be_taken_off_keep_nobody_on_the_list,
    what_may_not_be_read_is_not_forgotten,
    what_is_kept_of_the_erased_ends_whatever_the_vendor_does,
    a_no_on_another_channel_takes_nobody_off,
    who_is_leaving_is_not_told_of,
    whose_mailbox_is_somebodys_who_lives_is_theirs_at_the_vendor_too,
    what_cannot_be_told_is_not_on_record_as_told,
    a_no_at_the_vendor_counts_for_everybody_of_the_mailbox,
    a_vendor_that_wants_to_rest_is_left_alone_so_long,
);

async fn a_vendor_that_wants_to_rest_is_left_alone_so_long(database: Database) {
    let scene = Scene::<Brevo>::open(database).await;
    scene.pushes.run("letters", true).await.unwrap();
    scene.say(MAIL, Act::Withdrawn).await;
    let told = scene.house.clock.now();
    scene.vendor.break_calls(0, &[Break::Throttle(Some("4000"))]);
    // Who is to be taken off waits, and so does the next push.
    assert!(scene.pushes.run("letters", true).await.is_err());
    let all = scene.house.store.read(|read| audiences::all(read.records())).await.unwrap();
    let rests = told.plus(4_000 * Timestamp::SECOND);
    assert!(all[0].retry_at >= rests && all[0].next_at >= rests, "{:?}", all[0]);
    let calls = scene.vendor.calls();
    scene.house.wait(3_900);
    assert_eq!((scene.pushes.run_due().await.unwrap(), scene.vendor.calls()), (0, calls));
    scene.house.wait(101);
    assert_eq!(scene.pushes.run_due().await.unwrap(), 1);
    assert!(!scene.listed().contains(&MAIL.to_owned()));
}

async fn one_who_cannot_be_taken_off_keeps_nobody_from_being_handed_over(database: Database) {
    let scene = Scene::<Mailchimp>::open(database).await;
    scene.say(&mail(9), Act::Restricted).await;
    scene.pushes.run("letters", true).await.unwrap();
    assert_eq!(scene.listed().len(), PEOPLE - 1);
    scene.say(&mail(9), Act::RestrictionLifted).await;
    scene.say(MAIL, Act::Withdrawn).await;
    scene.vendor.with(|vendor| vendor.keeps.insert(MAIL.to_owned()));
    assert!(matches!(scene.pushes.run("letters", true).await, Err(Error::Left(1))));
    assert_eq!(scene.listed().len(), PEOPLE);
    // It is tried again, later and later, also when nobody asks for a push.
    scene.vendor.with(|vendor| vendor.keeps.clear());
    scene.house.wait(120);
    assert_eq!(scene.pushes.run_due().await.unwrap(), 1);
    assert!(!scene.listed().contains(&MAIL.to_owned()));
}

async fn many_who_cannot_be_taken_off_keep_nobody_on_the_list(database: Database) {
    let scene = Scene::<Mailchimp>::open(database).await;
    scene.pushes.run("letters", true).await.unwrap();
    scene.vendor.with(|vendor| vendor.keeps = (0..20).map(mail).collect());
    for number in 0..PEOPLE {
        scene.say(&mail(number), Act::Withdrawn).await;
    }
    for _ in 0..4 {
        let _ = scene.pushes.run("letters", false).await;
        scene.house.wait(1);
    }
    assert_eq!(scene.listed().len(), 20, "the same ones are tried again and again");
}

async fn what_may_not_be_read_is_not_forgotten(database: Database) {
    let scene = Scene::<Mailchimp>::open(database).await;
    scene.pushes.run("letters", true).await.unwrap();
    scene.say(MAIL, Act::Withdrawn).await;
    let rulebook = &scene.pushes.vendors.rulebook;
    let before = (**rulebook.edition().purpose(&"subject_access".parse().unwrap()).unwrap()).clone();
    let narrow = Purpose { categories: [Category::Engagement].into_iter().collect(), ..before.clone() };
    rulebook.put_purpose(narrow, scene.house.clock.now()).await.unwrap();
    assert!(matches!(scene.pushes.run("letters", false).await, Err(Error::Left(1))));
    assert_eq!(scene.members().await.len(), PEOPLE, "whom nobody may read is forgotten on the list");
    rulebook.put_purpose(before, scene.house.clock.now()).await.unwrap();
    scene.house.wait(120);
    scene.pushes.run("letters", false).await.unwrap();
    assert!(!scene.listed().contains(&MAIL.to_owned()) && scene.members().await.len() == PEOPLE - 1);
}

async fn what_is_kept_of_the_erased_ends_whatever_the_vendor_does(database: Database) {
    let scene = Scene::<Mailchimp>::open(database).await;
    scene.pushes.run("letters", true).await.unwrap();
    scene.vendor.with(|vendor| vendor.revoke(true));
    scene.house.erase(MAIL).await;
    assert!(scene.pushes.run("letters", false).await.is_err());
    assert_eq!(scene.members().await.len(), PEOPLE);
    scene.house.wait(59 * 86_400);
    assert!(scene.pushes.run("letters", false).await.is_err());
    assert_eq!(scene.members().await.len(), PEOPLE, "it is given up too early");
    scene.house.wait(2 * 86_400);
    assert!(scene.pushes.run("letters", false).await.is_err());
    assert_eq!(scene.members().await.len(), PEOPLE - 1, "it is kept for ever");
    let book = scene.house.lines().await;
    assert!(book.iter().any(|line| line.contains("taken off") && line.contains("manual_task")), "nobody is told");
}

async fn a_no_on_another_channel_takes_nobody_off(database: Database) {
    let scene = Scene::<Mailchimp>::open(database).await;
    scene.pushes.run("letters", true).await.unwrap();
    let (who, now) = (scene.house.subject(MAIL).await, scene.house.clock.now());
    let says_no = async |about: (Option<&'static str>, Option<&'static str>)| {
        scene.house.store.write(move |write| audiences::take_off(write, &[who], about, false, now)).await.unwrap();
        scene.members().await.iter().filter(|row| row.state == MemberRow::LEAVING).count()
    };
    assert_eq!(says_no((Some("newsletter_email"), Some("phone"))).await, 0);
    assert_eq!(says_no((Some("market_research"), Some("email"))).await, 0);
    assert_eq!(says_no((Some("newsletter_email"), Some("email"))).await, 1);
}

async fn who_is_leaving_is_not_told_of(database: Database) {
    let scene = Scene::<Brevo>::open(database).await;
    scene.vendor.with(|vendor| vendor.processes_fail = true);
    assert!(scene.pushes.run("letters", true).await.is_err());
    let (list, all) = (scene.list, scene.members().await);
    scene.say(MAIL, Act::Withdrawn).await;
    let ixs: Vec<Vec<u8>> = all.iter().map(|row| row.ix.clone()).collect();
    let until = scene.house.clock.now().plus(1);
    let told = scene.house.store.write(move |write| audiences::tell(write, list, &ixs, until)).await.unwrap();
    assert_eq!(told.len(), PEOPLE - 1);
}

/// Somebody was taken off a list that keeps them, and then nobody of the shop lives any more.
async fn with_the_dead(database: Database) -> Scene<Mailchimp> {
    let scene = Scene::<Mailchimp>::open(database).await;
    scene.pushes.run("letters", true).await.unwrap();
    scene.settle();
    scene.say(MAIL, Act::Restricted).await;
    scene.pushes.run("letters", false).await.unwrap();
    scene.say(MAIL, Act::RestrictionLifted).await;
    scene.house.wait(12 * 366 * 86_400);
    let (rights, clock) = (scene.house.rights.clone(), scene.house.clock.clone());
    let retention = Retention::new(scene.house.store.clone(), rights, &scene.house.syncs.ids, clock).unwrap();
    retention.run(|_| {}).await.unwrap();
    assert!(!scene.house.knows(MAIL).await && scene.gone().await == 1);
    scene
}

/// How often the book says so of those whom retention ended.
async fn ended(scene: &Scene<Mailchimp>, word: &str) -> usize {
    let lines = scene.house.lines().await;
    lines.iter().filter(|line| line.contains("ended by retention") && line.contains(word)).count()
}

/// A customer of the shop with this mail address.
async fn comes(scene: &Scene<Mailchimp>, name: &str, mail: &str) {
    let line = json!({
        "type": "customer", "source": "webshop", "external_id": name, "updated_at": scene.house.clock.now().rfc3339(),
        "identifiers": [{"kind": "email", "value": mail, "verified": true}], "data": {"person": {"given_name": name, "family_name": "Neu"}},
    });
    let taken = scene.house.syncs.intake.ingest(&[line.to_string()]).await.unwrap();
    assert_eq!(taken[0].outcome, crate::intake::Outcome::Created);
}

async fn whose_mailbox_is_somebodys_who_lives_is_theirs_at_the_vendor_too(database: Database) {
    let scene = with_the_dead(database).await;
    comes(&scene, "Berta", MAIL).await;
    let holds = || scene.vendor.with(|vendor| vendor.members.contains_key(MAIL));
    scene.pushes.run("letters", true).await.unwrap();
    let berta = scene.house.subject(MAIL).await;
    let theirs = async || scene.kept().await.iter().filter(|row| row.subject_id == berta).count();
    assert!(holds() && theirs().await == 1, "who lives is not known to be there");
    assert_eq!((ended(&scene, "withheld").await, ended(&scene, "done").await), (1, 0));
    let request = scene.house.erase(MAIL).await;
    scene.erasures.ask_all_of(request).await.unwrap();
    assert!(!holds() && theirs().await == 0, "their erasure does not reach the vendor");
}

async fn what_cannot_be_told_is_not_on_record_as_told(database: Database) {
    let scene = with_the_dead(database).await;
    // By what the vendor knew them is lost.
    let row = scene.kept().await.remove(0);
    let ix = row.ix.clone();
    let lost = MemberRow { errand: Vec::new(), ..row.clone() };
    let anew = scene.house.store.write(move |write| {
        audiences::forget(write, row.source_no, &row.ix)?;
        audiences::insert(write, lost.clone())
    });
    anew.await.unwrap();
    scene.pushes.run("letters", true).await.unwrap();
    assert_eq!((ended(&scene, "manual_task").await, ended(&scene, "done").await), (1, 0));
    assert!(scene.kept().await.iter().all(|row| row.ix != ix));
}

async fn a_no_at_the_vendor_counts_for_everybody_of_the_mailbox(database: Database) {
    let scene = Scene::<Mailchimp>::open(database).await;
    scene.pushes.run("letters", true).await.unwrap();
    let entries = || scene.house.database.count(Shelf::Records, "ledger");
    let (before, intake) = (entries(), &scene.house.syncs.intake);
    let edition = scene.pushes.vendors.rulebook.edition();
    let purpose = edition.purpose(&"newsletter_email".parse().unwrap()).unwrap();
    let left = Unsubscription { purpose, channel: Some(Channel::Email), destination: "letters", at: None };
    // The row names somebody else than who has the mailbox.
    let (holder, other) = (scene.house.subject(MAIL).await, scene.house.subject(&mail(4)).await);
    let ix = scene.members().await.into_iter().find(|row| row.subject_id == holder).unwrap().ix;
    scene.house.wait(1);
    intake.take_unsubscription((other, &ix), &left, scene.house.clock.now()).await.unwrap();
    scene.pushes.run("letters", true).await.unwrap();
    assert_eq!(entries(), before + 1);
    assert!(!scene.listed().contains(&MAIL.to_owned()) && scene.listed().contains(&mail(4)));
    // Nobody has this one.
    intake.take_unsubscription((other, &[7; 16]), &left, scene.house.clock.now()).await.unwrap();
    assert_eq!(entries(), before + 2);
}
