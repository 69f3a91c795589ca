//! Subscribers that fail, refuse or are gone: when they are told again, and when nobody tells them any more.

use super::{MAIL, Scene};
use crate::consent::Act;
use crate::databases::{Database, on_both_databases};
use crate::jobs::deliver_messages::PAUSES;
use crate::store::Shelf;
use crate::store::messages::{self, MessageRow, News};
use crate::store::subscribers::{self, SubscriberRow};
use crate::types::{Clock as _, SourceNo, Timestamp};
use crate::vendors::Break;

on_both_databases!(
    a_message_is_sent_later_and_later_until_it_arrives,
    an_answer_that_breaks_is_none_and_a_throttle_is_kept_to,
    a_subscriber_that_takes_nothing_for_days_is_disabled,
    a_subscriber_that_says_gone_is_disabled_at_once,
    a_subscriber_that_was_disabled_meanwhile_stays_so,
    a_message_that_somebody_else_took_over_is_left_to_them,
    a_subscriber_that_fails_is_in_nobodys_way,
    what_waits_for_a_disabled_subscriber_ends,
);

async fn a_message_is_sent_later_and_later_until_it_arrives(database: Database) {
    let scene = Scene::open(database, "", "").await;
    scene.program.with(|program| program.status = 500);
    let person = scene.house.subject(MAIL).await;
    scene.say(person, Act::Withdrawn, "newsletter_email").await;
    scene.run().await;
    let before = scene.program.calls();
    for (done, pause) in PAUSES.iter().take(3).enumerate() {
        scene.run().await;
        assert_eq!(scene.program.calls(), before + done, "it is sent before its time");
        scene.house.wait(pause + pause / 10 + 1);
        scene.run().await;
        assert_eq!(scene.program.calls(), before + done + 1);
    }
    assert!(scene.subscriber().await.failing_since.is_set());
    scene.program.with(|program| program.status = 200);
    scene.house.wait(PAUSES[3] * 2);
    scene.run().await;
    assert_eq!(scene.heard().len(), 1);
    assert_eq!(scene.standing().await, [(MessageRow::ARRIVED, 1)]);
    assert!(!scene.subscriber().await.failing_since.is_set());
}

async fn an_answer_that_breaks_is_none_and_a_throttle_is_kept_to(database: Database) {
    let scene = Scene::open(database, "", "").await;
    // The answer breaks in the middle, then the program is throttled for ten minutes, then its answer is cut short but whole by its
    // length.
    scene.program.break_calls(0, &[Break::HangUp, Break::Throttle(Some("600")), Break::Cut]);
    let person = scene.house.subject(MAIL).await;
    scene.say(person, Act::Withdrawn, "newsletter_email").await;
    let before = scene.program.calls();
    scene.run().await;
    assert_eq!(scene.heard().len(), 1, "it took it, and nobody knows");
    assert_eq!(scene.standing().await, [(MessageRow::WAITS, 1)]);
    scene.house.wait(PAUSES[0] * 2);
    scene.run().await;
    let throttled = scene.house.clock.now();
    assert_eq!(scene.program.calls(), before + 2);
    for pause in &PAUSES[1..4] {
        scene.house.wait(pause * 2);
        scene.run().await;
        let long = scene.house.clock.now().micros() - throttled.micros() >= 600 * Timestamp::SECOND;
        assert!(long || scene.program.calls() == before + 2, "it is called before it wants to be");
    }
    assert_eq!(scene.standing().await, [(MessageRow::ARRIVED, 1)]);
    let ids: Vec<String> = scene.program.with(|program| program.heard.iter().map(|(id, _)| id.clone()).collect());
    assert!(ids.len() == 2 && ids[0] == ids[1], "the same message is known by its id: {ids:?}");
    assert_eq!((scene.program.calls(), scene.program.with(|program| program.forged)), (before + 3, 0));
}

async fn a_subscriber_that_takes_nothing_for_days_is_disabled(database: Database) {
    let scene = Scene::open(database, "", "").await;
    scene.program.with(|program| program.status = 503);
    let person = scene.house.subject(MAIL).await;
    scene.say(person, Act::Withdrawn, "newsletter_email").await;
    scene.run().await;
    for pause in PAUSES {
        assert_eq!(scene.subscriber().await.state, SubscriberRow::ON);
        scene.house.wait(pause * 2);
        scene.run().await;
    }
    assert_eq!(scene.standing().await, [(MessageRow::GIVEN_UP, 1)]);
    assert_eq!(scene.subscriber().await.state, SubscriberRow::DISABLED);
    // Nothing more is sent, and nothing is kept for it.
    let calls = scene.program.calls();
    scene.say(person, Act::Objected, "personalisation").await;
    scene.run().await;
    assert_eq!((scene.program.calls(), scene.standing().await.len()), (calls, 1));
}

async fn a_subscriber_that_says_gone_is_disabled_at_once(database: Database) {
    let scene = Scene::open(database, "", "").await;
    scene.program.with(|program| program.status = 410);
    let person = scene.house.subject(MAIL).await;
    scene.say(person, Act::Withdrawn, "newsletter_email").await;
    scene.run().await;
    assert_eq!(scene.subscriber().await.state, SubscriberRow::DISABLED);
}

/// Somebody withdraws: the message that is due, and now.
async fn told_of_a_withdrawal(scene: &Scene) -> (MessageRow, Timestamp) {
    let person = scene.house.subject(MAIL).await;
    scene.say(person, Act::Withdrawn, "newsletter_email").await;
    scene.announcer.look().await.unwrap();
    let (crm, now) = (scene.crm, scene.house.clock.now());
    let due = scene.house.store.read(move |read| messages::due(read.records(), crm, now, 8)).await.unwrap().remove(0);
    (due, now)
}

async fn a_subscriber_that_was_disabled_meanwhile_stays_so(database: Database) {
    let scene = Scene::open(database, "", "").await;
    let (due, now) = told_of_a_withdrawal(&scene).await;
    let lease = now.plus(60 * Timestamp::SECOND);
    let (taken, one) = (due.clone(), due.clone());
    assert!(scene.house.store.write(move |write| messages::take(write, &taken, lease, now)).await.unwrap());
    scene.house.database.execute(Shelf::Records, "UPDATE subscriber SET state = 2, failing_since = 77");
    let failed = MessageRow { attempts: 1, changed_at: now, ..one };
    let step = move |write: &mut crate::store::Write<'_>| {
        messages::step(write, &failed, lease, messages::Attempt::Failed, Timestamp::DAY)
    };
    assert!(scene.house.store.write(step).await.unwrap());
    let row = scene.subscriber().await;
    assert_eq!((row.state, row.failing_since.micros()), (SubscriberRow::DISABLED, 77), "overwritten from a stale read");
}

async fn a_message_that_somebody_else_took_over_is_left_to_them(database: Database) {
    let scene = Scene::open(database, "", "").await;
    let (due, now) = told_of_a_withdrawal(&scene).await;
    let (ours, theirs) = (now.plus(1), now.plus(60 * Timestamp::SECOND));
    let (first, second) = (due.clone(), due.clone());
    assert!(scene.house.store.write(move |write| messages::take(write, &first, ours, now)).await.unwrap());
    let later = now.plus(2);
    assert!(scene.house.store.write(move |write| messages::take(write, &second, theirs, later)).await.unwrap());
    let failed = MessageRow { attempts: 9, state: MessageRow::GIVEN_UP, body: String::new(), ..due };
    let step = move |write: &mut crate::store::Write<'_>| {
        messages::step(write, &failed, ours, messages::Attempt::Failed, Timestamp::DAY)
    };
    assert!(!scene.house.store.write(step).await.unwrap(), "the lease of another was ended");
    assert_eq!(scene.standing().await, [(MessageRow::WAITS, 1)]);
}

async fn a_subscriber_that_fails_is_in_nobodys_way(database: Database) {
    let scene = Scene::open(database, "", "").await;
    let person = scene.house.subject(MAIL).await;
    // Somebody else takes nothing, and has much that is due for longer.
    let dead = SourceNo(4_000);
    let row = SubscriberRow { source_no: dead, ..scene.subscriber().await };
    let now = scene.house.clock.now();
    let much = move |write: &mut crate::store::Write<'_>| {
        subscribers::put(write, &row)?;
        for number in 0..600_u32 {
            let id = News::id_of(&[&number.to_be_bytes()]);
            let topic = messages::WITHDRAWN;
            let (at, subjects) = (now.plus(-Timestamp::DAY), vec![person]);
            let news = News { id, topic, at, subjects, into: Vec::new(), purpose: None, channel: None, act: None };
            messages::tell(write, std::iter::once(&row), &news, at)?;
        }
        Ok::<_, crate::store::Error>(())
    };
    scene.house.store.write(much).await.unwrap();
    scene.say(person, Act::Withdrawn, "newsletter_email").await;
    scene.run().await;
    assert_eq!(scene.heard().len(), 1, "the dead one starves the others");
    let count = |state| {
        let waits = scene.house.store.read(move |read| messages::counts(read.records(), dead));
        async move { waits.await.unwrap().0.iter().filter(|(of, _)| *of == state).map(|(_, count)| *count).sum::<i64>() }
    };
    // It was told of the withdrawal too.
    assert_eq!(count(MessageRow::WAITS).await, 601);
    // One that fails is sent a single message at a time.
    let attempts = scene.house.database.count(Shelf::Records, "message WHERE attempts > 0 AND source_no = 4000");
    scene.run().await;
    let more = scene.house.database.count(Shelf::Records, "message WHERE attempts > 0 AND source_no = 4000");
    assert_eq!(more, attempts + 1);
}

async fn what_waits_for_a_disabled_subscriber_ends(database: Database) {
    let scene = Scene::open(database, "", "").await;
    let person = scene.house.subject(MAIL).await;
    scene.program.with(|program| program.status = 410);
    scene.say(person, Act::Withdrawn, "newsletter_email").await;
    scene.run().await;
    assert_eq!(scene.standing().await, [(MessageRow::WAITS, 1)]);
    scene.house.clock.set("2026-12-20T12:00:00Z");
    scene.deliveries.tidy().await.unwrap();
    assert_eq!(scene.standing().await, [(MessageRow::WAITS, 1)]);
    scene.house.clock.set("2026-12-22T12:00:00Z");
    scene.deliveries.tidy().await.unwrap();
    assert_eq!(scene.standing().await, [], "it names a person for ever");
}
