//! Vendors that fail, refuse or break off in the middle, and processes that die: nobody is lost by it.

use super::lists::{Hears, Lists};
use super::scene::Scene;
use super::{MAIL, mail};
use crate::connect::{Fault, Person};
use crate::consent::Act;
use crate::databases::Database;
use crate::jobs::push_audience::Error;
use crate::jobs::sync::tests::scenarios::PEOPLE;
use crate::store::audiences::{self, MemberRow};
use crate::store::{Shelf, syncs};
use crate::types::{Clock as _, Timestamp};
use crate::vendors::Break;

pub(super) async fn storms_and_refused_credentials_lose_nobody<V: Lists>(database: Database) {
    let scene = Scene::<V>::open(database).await;
    scene.vendor.break_calls(0, &[Break::Status(500), Break::Throttle(Some("2")), Break::HangUp]);
    scene.pushes.run("letters", true).await.unwrap();
    assert_eq!(scene.listed().len(), PEOPLE);
    scene.vendor.with(|vendor| vendor.revoke(true));
    scene.say(MAIL, Act::Withdrawn).await;
    assert!(matches!(scene.pushes.run("letters", false).await, Err(Error::Left(1) | Error::Vendor(_))));
    assert!(scene.listed().contains(&MAIL.to_owned()));
    assert_eq!(scene.pushes.run_due().await.unwrap(), 0, "it is tried again at once");
    let list = scene.list;
    let history = scene.house.store.read(move |read| syncs::list(read.records(), list, Timestamp::NEVER, 1)).await;
    let newest = history.unwrap().remove(0);
    assert!(
        newest.cause.contains("take 1 people off") && newest.counts.contains("refuses the credentials"),
        "{newest:?}"
    );
    scene.vendor.with(|vendor| vendor.revoke(false));
    scene.house.wait(120);
    assert_eq!(scene.pushes.run_due().await.unwrap(), 1);
    assert!(!scene.listed().contains(&MAIL.to_owned()));
}

/// A reply that is cut off says nothing: the call is made again, also one that added people.
pub(super) async fn cut_replies_lose_nobody<V: Lists>(database: Database) {
    let scene = Scene::<V>::open(database).await;
    for at in 0..6 {
        scene.vendor.break_calls(at * 2, &[Break::Cut]);
    }
    let counts = scene.pushes.run("letters", true).await.unwrap();
    assert_eq!(counts.streams["members"].created, PEOPLE as u64, "{counts:?}");
    assert_eq!(scene.listed().len(), PEOPLE);
    scene.vendor.mend();
    scene.settle();
    scene.say(MAIL, Act::Withdrawn).await;
    scene.vendor.break_calls(0, &[Break::Cut, Break::HangUp]);
    assert_eq!(scene.pushes.run_due().await.unwrap(), 1);
    assert!(!scene.listed().contains(&MAIL.to_owned()));
    // One that answers nothing else is not believed, and asked again later.
    scene.say(&mail(4), Act::Withdrawn).await;
    scene.vendor.break_calls(0, &[Break::Cut; 60]);
    assert!(scene.pushes.run("letters", false).await.is_err());
    assert_eq!(scene.members().await.iter().filter(|row| MemberRow::TO_LEAVE.contains(&row.state)).count(), 1);
    scene.vendor.mend();
    scene.house.wait(8 * 3_600);
    scene.pushes.run("letters", false).await.unwrap();
    assert!(!scene.listed().contains(&mail(4)));
}

/// The calls since, but for those for a token: that of a first push serves the next one.
fn but_tokens<V: Lists>(scene: &Scene<V>, since: usize) -> usize {
    scene.vendor.calls_since(since).iter().filter(|call| !call.contains("token")).count()
}

/// The vendor takes the credentials back after it answered the first calls of a push.
pub(super) async fn credentials_that_end_in_the_middle_lose_nobody<V: Lists>(database: Database) {
    let scene = Scene::<V>::open(database).await;
    let before = scene.vendor.calls();
    scene.pushes.run("letters", true).await.unwrap();
    let calls = but_tokens(&scene, before);
    scene.settle();
    scene.pushes.empty("letters").await.unwrap();
    scene.pushes.forget(scene.list).await.unwrap();
    scene.keep().await;
    scene.vendor.break_calls(calls - 1, &[Break::Status(401); 40]);
    let ended = scene.pushes.run("letters", true).await;
    assert!(matches!(ended, Err(Error::Vendor(Fault::Credentials(_)))), "{ended:?}");
    let kept = scene.members().await;
    assert!(!kept.is_empty() && kept.iter().all(|row| row.state == MemberRow::HANDED), "who it is at is not known");
    // Who says no meanwhile is taken off when it can be, whether the vendor took them or not.
    scene.say(MAIL, Act::Withdrawn).await;
    assert!(scene.pushes.run("letters", false).await.is_err());
    scene.vendor.mend();
    scene.house.wait(8 * 3_600);
    scene.pushes.run("letters", true).await.unwrap();
    let listed = scene.listed();
    assert!(listed.len() == PEOPLE - 1 && !listed.contains(&MAIL.to_owned()), "{listed:?}");
}

/// Who unsubscribed is not known in full: nobody is handed over, and the next push begins the list anew.
pub(super) async fn a_page_of_the_list_that_expires_hands_nobody_over<V: Hears>(database: Database) {
    let scene = Scene::<V>::open(database).await;
    let (before, after) = (Timestamp::parse("2025-06-01T00:00:00Z").unwrap(), scene.house.clock.now());
    scene.vendor.with(|vendor| {
        (0..1_100).for_each(|number| vendor.unsubscribe(&format!("a{number}@example.org"), before));
        // On the last page.
        vendor.unsubscribe(MAIL, after);
    });
    let calls = scene.vendor.calls();
    scene.pushes.run("letters", false).await.unwrap();
    // A token, where there is one, and the first page.
    let first = usize::from(V::CONNECTOR == "cleverreach") + 1;
    assert_eq!(scene.vendor.calls(), calls);
    for status in [400, 410] {
        scene.vendor.break_calls(first, &[Break::Status(status)]);
        let ended = scene.pushes.run("letters", true).await;
        assert!(matches!(ended, Err(Error::Vendor(Fault::Vendor { .. }))), "{ended:?}");
        assert_eq!((scene.told_since(calls), scene.members().await.len()), (Vec::new(), 0), "somebody is handed over");
    }
    scene.vendor.mend();
    scene.pushes.run("letters", true).await.unwrap();
    let listed = scene.listed();
    assert!(listed.len() == PEOPLE - 1 && !listed.contains(&MAIL.to_owned()), "{listed:?}");
    assert!(scene.vendor.with(|vendor| vendor.is_unsubscribed(MAIL)));
}

/// Whoever unsubscribed does not come back because the vendor told something else than who did.
pub(super) async fn an_error_with_a_good_status_is_not_nobody<V: Hears>(database: Database) {
    let scene = Scene::<V>::open(database).await;
    scene.pushes.run("letters", true).await.unwrap();
    scene.settle();
    let now = scene.house.clock.now();
    scene.vendor.with(|vendor| vendor.unsubscribe(MAIL, now));
    scene.pushes.vendors.session("letters").await.unwrap().test().await.unwrap();
    let before = scene.vendor.calls();
    for error in [r#"{"error": {"code": 5}, "data": null}"#, r#"{"code": "maintenance"}"#] {
        scene.vendor.break_calls(0, &[Break::Instead(error); 30]);
        let ended = scene.pushes.run("letters", true).await;
        assert!(matches!(ended, Err(Error::Vendor(Fault::Filter(_)))), "{ended:?}");
        scene.vendor.mend();
    }
    assert_eq!(scene.vendor.calls() - before, 2, "page after page is asked for");
    // A lookup of one person that is answered so finds nobody no more than everybody.
    let session = scene.pushes.vendors.session("letters").await.unwrap();
    let erase = session.connector().clone();
    scene.vendor.break_calls(0, &[Break::Instead(r#"{"code": "maintenance"}"#); 9]);
    let report = erase.erase().unwrap().run(&session, &Person { email: Some(mail(5)), ..Person::default() }).await;
    assert!(report.steps.iter().all(|step| step.failure.is_some()), "{report:?}");
    scene.vendor.mend();
    scene.pushes.run("letters", true).await.unwrap();
    assert_eq!(scene.readers().await, PEOPLE as u64 - 1);
}

pub(super) async fn who_was_kept_when_a_process_died_is_told_again<V: Lists>(database: Database) {
    let scene = Scene::<V>::open(database).await;
    // The process that was told to push dies with the lease.
    let (list, now) = (scene.list, scene.house.clock.now());
    let until = now.plus(60 * Timestamp::SECOND);
    let taken = scene.house.store.write(move |write| audiences::take(write, (list, true), b"dead", until, now)).await;
    assert!(taken.unwrap().is_some());
    assert!(matches!(scene.pushes.run("letters", true).await, Err(Error::Busy)));
    assert_eq!((scene.pushes.run_due().await.unwrap(), scene.listed().len()), (0, 0));
    scene.house.wait(61);
    // The next one is cut off in the middle.
    let before = scene.vendor.calls();
    scene.pushes.run_due().await.unwrap();
    assert_eq!(scene.listed().len(), PEOPLE);
    let calls = but_tokens(&scene, before);
    if V::SETTLES > 0 {
        let ending = scene.pushes.empty("letters").await.unwrap_err();
        assert!(matches!(ending, Error::Ending(_)), "{ending}");
    }
    scene.settle();
    scene.pushes.empty("letters").await.unwrap();
    assert_eq!((scene.listed().len(), scene.members().await.len()), (0, 0));
    // Nobody is handed over while it ends, whoever asks for it.
    scene.pushes.run("letters", true).await.unwrap();
    assert_eq!((scene.listed().len(), scene.members().await.len()), (0, 0));
    scene.pushes.forget(list).await.unwrap();
    scene.keep().await;
    let keys = scene.house.database.count(Shelf::Keys, "data_key");
    scene.vendor.break_calls(calls - 1, &[Break::Status(422); 40]);
    assert!(matches!(scene.pushes.run("letters", true).await, Err(Error::Vendor(_))));
    let kept = scene.members().await;
    assert!(!kept.is_empty() && kept.iter().all(|row| row.state == MemberRow::HANDED));
    assert!(scene.house.database.count(Shelf::Keys, "data_key") > keys);
    scene.vendor.mend();
    scene.pushes.run("letters", true).await.unwrap();
    assert_eq!(scene.listed().len(), PEOPLE);
    assert!(scene.members().await.iter().all(|row| row.state == MemberRow::THERE));
    // The destination is given up: everybody is taken off, and nothing is kept of whom it had.
    scene.settle();
    scene.pushes.empty("letters").await.unwrap();
    scene.pushes.forget(list).await.unwrap();
    assert_eq!((scene.listed().len(), scene.members().await.len()), (0, 0));
    assert_eq!(scene.house.database.count(Shelf::Keys, "data_key"), keys);
}
