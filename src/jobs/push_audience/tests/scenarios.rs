//! What every vendor that takes people must stand.

use serde_json::json;

use super::lists::{Hears, Lists};
use super::scene::Scene;
use super::{MAIL, mail};
use crate::consent::Act;
use crate::databases::Database;
use crate::jobs::retention::Retention;
use crate::jobs::sync::tests::scenarios::PEOPLE;
use crate::rights::NoticeState;
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
