//! Messages to a program that checks them, on both databases.

use serde_json::{Value, json};

use super::{Deliveries, PAUSES};
use crate::connect::{Connection, Outgoing};
use crate::consent::{Act, Terms};
use crate::databases::{Database, on_both_databases};
use crate::intake::{Out, Papers};
use crate::jobs::announce::Announcer;
use crate::jobs::sync::tests::house::House;
use crate::jobs::sync::tests::scenarios::open;
use crate::store::messages::{self, MessageRow, SubscriberRow};
use crate::types::{Clock as _, IdentifierKind, SourceNo, SubjectId, Timestamp};
use crate::vendors::Fake;
use crate::vendors::subscriber::{SECRET, Subscriber};
use crate::vendors::teekontor::Teekontor;

on_both_databases!(
    a_subscriber_is_told_what_people_decide_and_no_value_of_theirs,
    a_message_is_sent_later_and_later_until_it_arrives,
    a_subscriber_that_takes_nothing_for_days_is_disabled,
    a_subscriber_that_says_gone_is_disabled_at_once,
    a_subscriber_hears_of_its_topics_and_purposes_alone,
    whoever_subscribes_is_not_told_of_what_was_before,
);

const MAIL: &str = "kunde3@example.org";

struct Scene {
    house: House,
    tee: Fake<Teekontor>,
    program: Fake<Subscriber>,
    announcer: Announcer,
    deliveries: Deliveries,
    crm: SourceNo,
}

impl Scene {
    async fn open(database: Database, topics: &str, purposes: &str) -> Self {
        let (house, tee) = open::<Teekontor>(database).await;
        house.sync().await.unwrap();
        let program = Fake::serve(Subscriber::new(), house.clock.clone());
        let vendors = house.syncs.vendors.clone();
        // The connectors of the test are those of the guide; this one comes with the hub.
        let vendors = std::sync::Arc::new(crate::connect::Vendors {
            catalog: std::sync::Arc::new(crate::connect::Catalog::embedded().unwrap()),
            connections: vendors.connections.clone(),
            rulebook: vendors.rulebook.clone(),
            surroundings: vendors.surroundings.clone(),
        });
        let now = house.clock.now();
        let named = ("crm".to_owned(), "CRM".to_owned(), "webhook".to_owned());
        let source = vendors.rulebook.ensure_source(named.0, named.1, named.2, &Terms::default(), now).await;
        let crm = source.unwrap().number;
        let url = format!("{}/obhut", program.address());
        let parameters = [("url", url.as_str()), ("secret", SECRET)];
        let parameters = parameters.map(|(name, value)| (name.to_owned(), value.to_owned())).into_iter().collect();
        let outgoing = Outgoing { private_hosts: vec!["127.0.0.1".to_owned()], ..Outgoing::default() };
        vendors.connections.put(crm, &Connection { parameters, outgoing }, 0, now).await.unwrap();
        let row = SubscriberRow {
            source_no: crm,
            topics: topics.to_owned(),
            purposes: purposes.to_owned(),
            state: SubscriberRow::ON,
            failing_since: Timestamp::UNSET,
            created_at: now,
        };
        house.store.write(move |write| messages::put_subscriber(write, &row)).await.unwrap();
        let announcer = Announcer::new(house.store.clone(), house.syncs.ids.clone(), house.clock.clone()).unwrap();
        let deliveries = Deliveries { vendors, store: house.store.clone(), book: house.book.clone() };
        let scene = Self { house, tee, program, announcer, deliveries, crm };
        scene.run().await;
        scene
    }

    async fn run(&self) {
        self.announcer.look().await.unwrap();
        self.deliveries.send_due().await.unwrap();
    }

    async fn say(&self, who: SubjectId, act: Act, purpose: &str) {
        self.house.say(who, act, purpose).await;
    }

    fn heard(&self) -> Vec<Value> {
        self.program.with(|program| program.heard.iter().map(|(_, message)| message.clone()).collect())
    }

    async fn subscriber(&self) -> SubscriberRow {
        let rows = self.house.store.read(|read| messages::subscribers(read.records())).await.unwrap();
        rows.into_iter().find(|row| row.source_no == self.crm).unwrap()
    }

    async fn standing(&self) -> Vec<(i16, i64)> {
        let crm = self.crm;
        self.house.store.read(move |read| messages::counts(read.records(), crm)).await.unwrap().0
    }
}

async fn a_subscriber_is_told_what_people_decide_and_no_value_of_theirs(database: Database) {
    let scene = Scene::open(database, "", "").await;
    let house = &scene.house;
    assert_eq!(scene.heard(), Vec::<Value>::new());
    let person = house.subject(MAIL).await;
    scene.say(person, Act::Withdrawn, "newsletter_email").await;
    scene.run().await;
    scene.run().await;
    let heard = scene.heard();
    assert_eq!(heard.len(), 1, "{heard:?}");
    let id = person.to_string();
    assert_eq!(
        (&heard[0]["type"], &heard[0]["data"]),
        (
            &json!("consent.withdrawn"),
            &json!({"subject_ids": [id], "act": "withdrawn", "purpose": "newsletter_email", "channel": "email"})
        )
    );
    scene.say(person, Act::Objected, "personalisation").await;
    scene.say(person, Act::Restricted, "newsletter_email").await;
    scene.say(person, Act::RestrictionLifted, "newsletter_email").await;
    scene.run().await;
    house.erase(MAIL).await;
    scene.run().await;
    // What is due together arrives in any order; its time tells which was first.
    let mut heard = scene.heard();
    heard.sort_by_key(|message| message["timestamp"].as_str().map(str::to_owned));
    let types: Vec<&str> = heard.iter().map(|message| message["type"].as_str().unwrap()).collect();
    let expected =
        ["consent.withdrawn", "objection.recorded", "restriction.changed", "restriction.changed", "subject.erased"];
    assert_eq!(types, expected, "{heard:?}");
    assert_eq!(heard[4]["data"], json!({"subject_ids": [id]}));
    let all = heard.iter().map(Value::to_string).collect::<String>().to_lowercase();
    assert!(!all.contains("example.org") && !all.contains("beispiel3"), "{all}");
    assert_eq!(scene.program.with(|program| program.forged), 0);
    // What arrived names nobody here any more.
    assert!(!house.database.dump().join("\n").contains(&id), "a message that arrived is kept");
}

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

async fn a_subscriber_hears_of_its_topics_and_purposes_alone(database: Database) {
    let scene = Scene::open(database, "consent.withdrawn,subject.split", "postal_marketing").await;
    let person = scene.house.subject(MAIL).await;
    scene.say(person, Act::Withdrawn, "newsletter_email").await;
    scene.say(person, Act::Objected, "postal_marketing").await;
    scene.run().await;
    assert_eq!(scene.heard(), Vec::<Value>::new());
    // Two customers of one proven mailbox are one person, until somebody takes them apart.
    let twin = scene.house.twins(&scene.tee).await;
    let records = scene.house.records_of(twin).await;
    assert!(records.len() > 1, "they are not one person");
    let last = records[records.len() - 1];
    let papers = Papers { decided: true, ..Papers::default() };
    scene.house.syncs.intake.separate(twin, &Out::Records(vec![last]), &papers, None).await.unwrap();
    scene.run().await;
    let heard = scene.heard();
    assert_eq!((heard.len(), &heard[0]["type"]), (1, &json!("subject.split")), "{heard:?}");
    assert_eq!(heard[0]["data"]["into"].as_array().unwrap().len(), 2);
}

async fn whoever_subscribes_is_not_told_of_what_was_before(database: Database) {
    // The sync before brought consents of 25 people.
    let scene = Scene::open(database, "", "").await;
    scene.house.wait(300);
    scene.run().await;
    assert_eq!(scene.heard(), Vec::<Value>::new());
    let who = (IdentifierKind::Email, MAIL.to_owned());
    assert!(scene.house.knows_as(&who).await);
}
