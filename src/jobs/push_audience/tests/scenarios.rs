//! What every vendor that takes people must stand.

use serde_json::json;

use super::lists::{Hears, Lists};
use super::scene::Scene;
use super::{MAIL, mail};
use crate::connect::{Fault, Person};
use crate::consent::Act;
use crate::databases::Database;
use crate::jobs::push_audience::Error;
use crate::jobs::retention::Retention;
use crate::jobs::sync::tests::scenarios::PEOPLE;
use crate::rights::NoticeState;
use crate::store::audiences::{self, MemberRow};
use crate::store::{Shelf, syncs};
use crate::types::{Clock as _, Timestamp};
use crate::vendors::Break;

pub(super) async fn whoever_consented_is_handed_over_once<V: Lists>(database: Database) {
    let scene = Scene::<V>::open(database).await;
    scene.pushes.vendors.session("letters").await.unwrap().test().await.unwrap();
    scene.say(&mail(9), Act::Withdrawn).await;
    let counts = scene.pushes.run("letters", true).await.unwrap();
    let added = &counts.streams["members"];
    assert_eq!((added.created, added.unchanged), (PEOPLE as u64 - 1, 0), "{counts:?}");
    let listed = scene.listed();
    assert!(listed.len() == PEOPLE - 1 && !listed.contains(&mail(9)), "{listed:?}");
    let dump = scene.house.database.dump().join("\n").to_lowercase();
    assert!(!dump.contains("example.org"), "who was handed over lies open");
    let calls = scene.vendor.calls();
    let again = scene.pushes.run("letters", true).await.unwrap();
    assert_eq!((again.streams["members"].created, again.streams["members"].unchanged), (0, PEOPLE as u64 - 1));
    assert_eq!(scene.told_since(calls), Vec::<String>::new(), "who is there is told again");
    let list = scene.list;
    let history =
        scene.house.store.read(move |read| syncs::list(read.records(), list, Timestamp::NEVER, 9)).await.unwrap();
    assert_eq!(history.len(), 2);
    // Each page stands in the book as handed to this destination.
    let book = scene.house.lines().await;
    assert!(book.iter().any(|line| line.contains("(letters)") && line.contains("segment:readers")));
}

pub(super) async fn who_says_no_is_taken_off_at_once_and_not_handed_over_again<V: Lists>(database: Database) {
    let scene = Scene::<V>::open(database).await;
    scene.pushes.run("letters", true).await.unwrap();
    assert_eq!(scene.pushes.run_due().await.unwrap(), 0, "nothing is due");
    for (number, act) in [(3, Act::Withdrawn), (4, Act::Objected), (5, Act::Restricted)] {
        scene.say(&mail(number), act).await;
    }
    assert_eq!(scene.pushes.run_due().await.unwrap(), 1);
    let listed = scene.listed();
    assert_eq!(listed.len(), PEOPLE - 3, "{listed:?}");
    assert!((3..6).all(|number| !listed.contains(&mail(number))));
    let book = scene.house.lines().await;
    let lines = |word: &str| book.iter().filter(|line| line.contains("taken off") && line.contains(word)).count();
    assert!(lines("intended") > 0 && lines("intended") >= lines("done"), "nothing is on record before it is done");
    // Whom the vendor may still be adding are taken off once more.
    if V::SETTLES > 0 {
        assert_eq!(scene.members().await.len(), PEOPLE);
        assert_eq!(scene.pushes.run_due().await.unwrap(), 0, "it is done again and again");
        scene.settle();
        assert_eq!(scene.pushes.run_due().await.unwrap(), 1);
    }
    assert_eq!(scene.members().await.len(), PEOPLE - 3, "what was kept to take them off is still there");
    // Two of them said no, which the vendor knows of them.
    assert_eq!(scene.gone().await, if V::KEEPS { 3 } else { 2 * usize::from(V::HEARS_NO) });
    scene.pushes.run("letters", true).await.unwrap();
    assert_eq!(scene.listed().len(), PEOPLE - 3);
    // Nobody is in the segment any more.
    scene.select(json!({"any": []})).await;
    scene.pushes.run("letters", true).await.unwrap();
    assert_eq!((scene.listed().len(), scene.members().await.len()), (0, 0));
}

/// A withdrawal and an objection reach the vendor as a no, and not as leaving a list alone: its other lists and mails end too. What a
/// rule or a restriction takes off is no word of the person's.
pub(super) async fn a_no_is_told_as_a_no<V: Hears>(database: Database) {
    let scene = Scene::<V>::open(database).await;
    scene.pushes.run("letters", true).await.unwrap();
    scene.settle();
    for (number, act) in [(3, Act::Withdrawn), (4, Act::Objected), (5, Act::Restricted)] {
        scene.say(&mail(number), act).await;
    }
    // The first try fails, whatever the vendor did of it.
    scene.vendor.break_calls(1, &[Break::Status(422)]);
    assert!(scene.pushes.run("letters", false).await.is_err());
    scene.vendor.mend();
    scene.house.wait(120);
    scene.pushes.run("letters", false).await.unwrap();
    let refused = |number: usize| scene.vendor.with(|vendor| vendor.is_unsubscribed(&mail(number)));
    assert_eq!([3, 4, 5, 6].map(refused), [true, true, false, false]);
    let listed = scene.listed();
    assert!([3, 4, 5].iter().all(|number| !listed.contains(&mail(*number))), "{listed:?}");
    // Who leaves the segment by its rule said nothing; who says no afterwards, off the list by then, is told of.
    scene.select(json!({"any": []})).await;
    scene.pushes.run("letters", true).await.unwrap();
    assert!(scene.listed().is_empty() && !refused(6) && !refused(7));
    scene.settle();
    scene.pushes.run("letters", false).await.unwrap();
    scene.say(&mail(6), Act::Withdrawn).await;
    scene.pushes.run_due().await.unwrap();
    assert_eq!(refused(6), V::KEEPS, "the vendor may go on mailing them");
    // What the hub told comes back as no word of theirs: a yes given since stands. The block stays until the merchant lifts it.
    scene.house.wait(60);
    scene.say(&mail(3), Act::Granted).await;
    let late = scene.house.clock.now().plus(60 * Timestamp::SECOND);
    scene.vendor.with(|vendor| vendor.unsubscribe(&mail(3), late));
    scene.select(json!({"all": []})).await;
    scene.house.wait(8 * 3_600);
    let readers = scene.readers().await;
    let counts = scene.pushes.run("letters", true).await.unwrap();
    assert_eq!((counts.streams["unsubscribed"].created, scene.readers().await), (0, readers), "{counts:?}");
    assert!(!scene.listed().contains(&mail(3)) && refused(3));
    // An erasure reaches who is known there by a no alone.
    let request = scene.house.erase(&mail(4)).await;
    scene.erasures.ask_all_of(request).await.unwrap();
    assert!(!scene.vendor.with(|vendor| vendor.holds(&mail(4))), "the vendor keeps who said no for ever");
}

pub(super) async fn who_is_erased_is_taken_off_and_erased_there<V: Lists>(database: Database) {
    let scene = Scene::<V>::open(database).await;
    scene.pushes.run("letters", true).await.unwrap();
    scene.settle();
    let request = scene.house.erase(MAIL).await;
    scene.pushes.run_due().await.unwrap();
    assert!(!scene.listed().contains(&MAIL.to_owned()));
    assert_eq!(scene.erasures.due().await.iter().filter(|row| row.source_no == scene.list).count(), 1);
    scene.erasures.ask_all_of(request).await.unwrap();
    assert!(!scene.vendor.with(|vendor| vendor.holds(MAIL)), "the vendor still holds them");
    assert_eq!(scene.certified(request).await, ("final".to_owned(), V::ERASED.to_owned()));
    // Whom the data went to was told by that (Art. 19 GDPR).
    let notices = scene.house.rights.notices(request).await.unwrap();
    let letters = notices.iter().find(|notice| notice.recipient.ends_with("(letters)")).expect("no recipient");
    assert_eq!(letters.state, NoticeState::Told, "{notices:?}");
    assert_eq!(scene.members().await.len(), PEOPLE - 1);
    scene.house.wait(150_000);
    scene.pushes.run_due().await.unwrap();
    assert!(!scene.listed().contains(&MAIL.to_owned()), "they came back");
}

/// Who left a list that keeps them is erased there when they ask for it later.
pub(super) async fn who_was_taken_off_before_is_erased_there_too<V: Lists>(database: Database) {
    let scene = Scene::<V>::open(database).await;
    scene.pushes.run("letters", true).await.unwrap();
    scene.settle();
    scene.say(MAIL, Act::Withdrawn).await;
    assert_eq!(scene.pushes.run_due().await.unwrap(), 1);
    assert!(!scene.listed().contains(&MAIL.to_owned()) && scene.vendor.with(|vendor| vendor.holds(MAIL)));
    // Who comes back is handed over again, and taken off again.
    scene.say(&mail(4), Act::Restricted).await;
    scene.pushes.run("letters", false).await.unwrap();
    scene.say(&mail(4), Act::RestrictionLifted).await;
    scene.pushes.run("letters", true).await.unwrap();
    assert!(scene.listed().contains(&mail(4)) && scene.gone().await == 1);
    scene.house.wait(5_000);
    let request = scene.house.erase(MAIL).await;
    scene.erasures.ask_all_of(request).await.unwrap();
    assert!(!scene.vendor.with(|vendor| vendor.holds(MAIL)), "the vendor keeps them for ever");
    assert_eq!(scene.certified(request).await, ("final".to_owned(), V::ERASED.to_owned()));
    assert_eq!(scene.gone().await, 0);
}

/// Nobody demands anything, and the time of what is kept is over: what the vendor keeps of whoever left its list ends as well.
pub(super) async fn who_ends_by_retention_is_forgotten_there<V: Lists>(database: Database) {
    let scene = Scene::<V>::open(database).await;
    scene.pushes.run("letters", true).await.unwrap();
    scene.settle();
    // One was taken off and says no to nothing; the others are on the list. (Who said no is known here by that without end.)
    scene.say(MAIL, Act::Restricted).await;
    scene.pushes.run("letters", false).await.unwrap();
    scene.say(MAIL, Act::RestrictionLifted).await;
    let holds = |mail: &str| scene.vendor.with(|vendor| vendor.holds(mail));
    assert!(holds(MAIL) && scene.gone().await == 1);
    let keys = scene.house.database.count(Shelf::Keys, "data_key");
    scene.house.wait(12 * 366 * 86_400);
    let (rights, clock) = (scene.house.rights.clone(), scene.house.clock.clone());
    let retention = Retention::new(scene.house.store.clone(), rights, &scene.house.syncs.ids, clock).unwrap();
    retention.run(|_| {}).await.unwrap();
    assert!(!scene.house.knows(MAIL).await && !scene.house.knows(&mail(4)).await, "they live on");
    // The vendor fails, and is told again at the next push.
    scene.vendor.with(|vendor| vendor.revoke(true));
    assert!(scene.pushes.run("letters", true).await.is_err());
    assert!(holds(MAIL) && scene.gone().await == 1);
    scene.vendor.with(|vendor| vendor.revoke(false));
    // Who was on the list leaves it with the first push, and is forgotten with the second one.
    for _ in 0..2 {
        scene.house.wait(8 * 3_600);
        scene.pushes.run("letters", true).await.unwrap();
        scene.settle();
        scene.pushes.run("letters", false).await.unwrap();
    }
    scene.pushes.run("letters", true).await.unwrap();
    let left: Vec<String> = (0..PEOPLE).map(mail).filter(|mail| holds(mail)).collect();
    assert_eq!(
        (left, scene.gone().await, scene.members().await.len()),
        (Vec::new(), 0, 0),
        "the vendor keeps them for ever"
    );
    assert!(scene.house.database.count(Shelf::Keys, "data_key") < keys, "what they were told by is kept for ever");
    let book = scene.house.lines().await;
    let lines =
        |word: &str| book.iter().filter(|line| line.contains("ended by retention") && line.contains(word)).count();
    assert!(lines("intended") >= lines("done") && lines("done") > 0, "nothing is on record");
}

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

pub(super) async fn who_unsubscribes_at_the_vendor_says_no_here_and_is_not_subscribed_again<V: Hears>(
    database: Database,
) {
    let scene = Scene::<V>::open(database).await;
    // Long ago, before they said yes here; and after it.
    let (before, after) = (Timestamp::parse("2025-06-01T00:00:00Z").unwrap(), scene.house.clock.now());
    scene.vendor.with(|vendor| {
        vendor.unsubscribe(&mail(1), before);
        vendor.unsubscribe(&mail(2), after);
        vendor.unsubscribe("fremd@example.org", before);
    });
    let counts = scene.pushes.run("letters", true).await.unwrap();
    assert_eq!(counts.streams["members"].created, PEOPLE as u64 - 2, "{counts:?}");
    assert!(counts.rejections.keys().any(|why| why.contains("unsubscribed at the vendor")), "{counts:?}");
    let listed = scene.listed();
    assert!(!listed.contains(&mail(1)) && !listed.contains(&mail(2)), "{listed:?}");
    assert!(scene.vendor.with(|vendor| vendor.is_unsubscribed(&mail(1)) && vendor.is_unsubscribed(&mail(2))));
    assert!(!scene.house.knows("fremd@example.org").await, "a stranger is no person here");
    // A yes given later stands; a no given later counts, where the vendor says when it was.
    assert_eq!(scene.readers().await, PEOPLE as u64 - u64::from(V::DATED));
    // Whom the hub handed over, and who unsubscribes there, on the last of many pages.
    scene.house.wait(4_000);
    let now = scene.house.clock.now();
    scene.vendor.with(|vendor| {
        (0..1_100).for_each(|number| vendor.unsubscribe(&format!("fremd{number}@example.org"), before));
        vendor.unsubscribe(MAIL, now);
    });
    let counts = scene.pushes.run("letters", true).await.unwrap();
    assert_eq!(counts.streams["unsubscribed"].created, 1, "{counts:?}");
    assert_eq!(scene.readers().await, PEOPLE as u64 - u64::from(V::DATED) - 1);
    assert!(scene.vendor.with(|vendor| vendor.is_unsubscribed(MAIL)), "what they said there is lost");
    assert_eq!(scene.members().await.len(), PEOPLE - 3);
    let again = scene.pushes.run("letters", true).await.unwrap();
    assert_eq!(again.streams["unsubscribed"].created, 0);
    // What the hub did itself does not come back as a no: who was taken off and says yes again is handed over again.
    scene.say(&mail(7), Act::Restricted).await;
    scene.pushes.run("letters", true).await.unwrap();
    assert!(!scene.listed().contains(&mail(7)));
    scene.say(&mail(7), Act::RestrictionLifted).await;
    scene.pushes.run("letters", true).await.unwrap();
    assert!(scene.listed().contains(&mail(7)));
}
