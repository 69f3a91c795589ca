//! Messages to a program that checks them, on both databases.

mod failing;

use serde_json::{Value, json};

use super::{Deliveries, PAUSES};
use crate::connect::{Connection, Outgoing};
use crate::consent::{Act, Terms};
use crate::databases::{Database, on_both_databases};
use crate::intake::{Out, Papers};
use crate::jobs::announce::Announcer;
use crate::jobs::sync::tests::house::House;
use crate::jobs::sync::tests::scenarios::open;
use crate::store::Shelf;
use crate::store::messages::{self, MessageRow};
use crate::store::subscribers::{self, SubscriberRow};
use crate::types::{Clock as _, IdentifierKind, SourceNo, SubjectId, Timestamp};
use crate::vendors::Fake;
use crate::vendors::subscriber::{SECRET, Subscriber};
use crate::vendors::teekontor::Teekontor;

on_both_databases!(
    a_subscriber_is_told_what_people_decide_and_no_value_of_theirs,
    a_subscriber_hears_of_its_topics_and_purposes_alone,
    whoever_subscribes_is_not_told_of_what_was_before,
    what_is_said_before_anybody_follows_is_told,
    what_leaves_is_in_the_book_and_in_the_access_package,
    an_erasure_that_nobody_took_is_in_the_book,
    a_statement_that_cannot_be_read_keeps_no_other_from_being_told,
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
            paces: vendors.paces.clone(),
        });
        house.wait(1);
        let now = house.clock.now();
        let named = ("crm".to_owned(), "CRM".to_owned(), "webhook".to_owned());
        let source = vendors.rulebook.ensure_source(named.0, named.1, named.2, &Terms::default(), now).await;
        let crm = source.unwrap().number;
        let url = format!("{}/obhut", program.address());
        let parameters = [("url", url.as_str()), ("secret", SECRET)];
        let parameters = parameters.map(|(name, value)| (name.to_owned(), value.to_owned())).into_iter().collect();
        let outgoing = Outgoing { private_hosts: vec!["127.0.0.1".to_owned()], ..Outgoing::default() };
        vendors.connections.put(crm, &Connection::new(parameters, outgoing), 0, now).await.unwrap();
        let row = SubscriberRow {
            source_no: crm,
            topics: topics.to_owned(),
            purposes: purposes.to_owned(),
            state: SubscriberRow::ON,
            failing_since: Timestamp::UNSET,
            created_at: now,
        };
        let announcer = Announcer::new(house.store.clone(), house.syncs.ids.clone(), house.clock.clone()).unwrap();
        announcer.subscribe(row).await.unwrap();
        let gateway = house.gateway.clone();
        let deliveries = Deliveries { vendors, store: house.store.clone(), book: house.book.clone(), gateway };
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
        let rows = self.house.store.read(|read| subscribers::all(read.records())).await.unwrap();
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

async fn what_is_said_before_anybody_follows_is_told(database: Database) {
    let scene = Scene::open(database, "", "").await;
    let person = scene.house.subject(MAIL).await;
    // The only subscriber leaves; what is said then is told to nobody.
    let (crm, row) = (scene.crm, scene.subscriber().await);
    scene.house.store.write(move |write| subscribers::delete(write, crm)).await.unwrap();
    scene.say(person, Act::Withdrawn, "newsletter_email").await;
    scene.house.wait(3_600);
    // It comes back, and something is said before any node looked.
    let row = SubscriberRow { created_at: scene.house.clock.now(), ..row };
    scene.announcer.subscribe(row).await.unwrap();
    scene.say(person, Act::Objected, "personalisation").await;
    let (store, ids, clock) = (scene.house.store.clone(), scene.house.syncs.ids.clone(), scene.house.clock.clone());
    let other_node = Announcer::new(store, ids, clock).unwrap();
    scene.house.wait(600);
    other_node.look().await.unwrap();
    scene.deliveries.send_due().await.unwrap();
    let types: Vec<Value> = scene.heard().iter().map(|message| message["type"].clone()).collect();
    assert_eq!(types, [json!("objection.recorded")]);
}

/// The lines of the book that name a recipient: act, recipient, object, number of people.
async fn lines(scene: &Scene, act: crate::audit::Act) -> Vec<Value> {
    let texts = match scene.house.database.dialect() {
        crate::databases::Dialect::Sqlite => {
            "SELECT CAST(body AS TEXT) AS answer FROM audit_entry WHERE act = {} ORDER BY idx"
        }
        crate::databases::Dialect::Postgres => {
            "SELECT convert_from(body, 'UTF8') AS answer FROM audit_entry WHERE act = {} ORDER BY idx"
        }
    };
    let query = texts.replace("{}", &act.number().to_string());
    let lines = scene.house.database.texts(Shelf::Audit, &query);
    lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
}

async fn what_leaves_is_in_the_book_and_in_the_access_package(database: Database) {
    let scene = Scene::open(database, "", "").await;
    let person = scene.house.subject(MAIL).await;
    scene.program.with(|program| program.status = 500);
    scene.say(person, Act::Withdrawn, "newsletter_email").await;
    let before = lines(&scene, crate::audit::Act::Disclosed).await.len();
    scene.run().await;
    let lines = lines(&scene, crate::audit::Act::Disclosed).await;
    // It stands there also if nobody can say whether it arrived.
    assert_eq!(lines.len(), before + 1, "{lines:?}");
    let line = &lines[before];
    assert_eq!((&line["recipient"], &line["object"]), (&json!("CRM (crm)"), &json!("messages")));
    assert_eq!((line["subjects"].as_array().unwrap().len(), &line["count"]), (1, &json!(1)), "{line}");
    let names = scene.house.gateway.snapshot(crate::store::rows::Who::Subject(person)).await.unwrap().unwrap();
    let names: Vec<String> =
        scene.house.gateway.pseudonyms(&names).unwrap().iter().map(|name| hex::encode(name.bytes())).collect();
    assert_eq!(line["subjects"], json!(names));
    let request = scene.house.demand_access(MAIL).await;
    let package = scene.house.rights.access(request, Vec::new(), &scene.house.dpo()).await.unwrap();
    let mut package = zip::ZipArchive::new(std::io::Cursor::new(package.bytes())).unwrap();
    let data: Value = serde_json::from_reader(package.by_name("data.json").unwrap()).unwrap();
    assert_eq!(data["recipients"][0]["name"], "CRM (crm)", "{}", data["recipients"]);
}

async fn an_erasure_that_nobody_took_is_in_the_book(database: Database) {
    let scene = Scene::open(database, "subject.erased", "").await;
    scene.program.with(|program| program.status = 503);
    scene.house.erase(MAIL).await;
    for pause in std::iter::once(0).chain(PAUSES) {
        // It is resumed by hand in between, or it would be disabled before.
        scene.house.database.execute(Shelf::Records, "UPDATE subscriber SET state = 1, failing_since = 0");
        scene.house.wait(pause * 2 + 1);
        scene.run().await;
    }
    assert_eq!(scene.standing().await, [(MessageRow::GIVEN_UP, 1)]);
    let told = lines(&scene, crate::audit::Act::RecipientTold).await;
    let given_up: Vec<&Value> = told.iter().filter(|line| line["reasons"] == json!(["given_up"])).collect();
    assert_eq!(given_up.len(), 1, "{told:?}");
    assert_eq!((&given_up[0]["recipient"], &given_up[0]["object"]), (&json!("source crm"), &json!("erasure")));
}

async fn a_statement_that_cannot_be_read_keeps_no_other_from_being_told(database: Database) {
    let scene = Scene::open(database, "", "").await;
    let person = scene.house.subject(MAIL).await;
    scene.say(person, Act::Withdrawn, "newsletter_email").await;
    // A newer version wrote it.
    let newest = "(SELECT max(entry_no) FROM ledger)";
    scene.house.database.execute(Shelf::Records, &format!("UPDATE ledger SET act = 99 WHERE entry_no = {newest}"));
    let other = scene.house.subject("kunde4@example.org").await;
    scene.say(other, Act::Objected, "personalisation").await;
    scene.run().await;
    assert_eq!(scene.heard().len(), 1);
    assert_eq!(scene.heard()[0]["type"], "objection.recorded");
}
