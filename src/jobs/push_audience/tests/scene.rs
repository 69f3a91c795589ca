//! A hub with a shop, in which everybody consented, and a vendor that takes people.

use std::sync::Arc;

use serde_json::{Value, json};

use super::lists::Lists;
use super::mail;
use crate::connect::{Catalog, Connection, Outgoing, Vendors};
use crate::consent::{Act, Terms};
use crate::databases::Database;
use crate::gateway::{Actor, Caller, Scope};
use crate::jobs::announce::Announcer;
use crate::jobs::erase_at_vendors::VendorErasures;
use crate::jobs::push_audience::Pushes;
use crate::jobs::sync::tests::house::House;
use crate::jobs::sync::tests::scenarios::{PEOPLE, open};
use crate::segments::{Segment, Segments};
use crate::store::audiences::{self, MemberRow};
use crate::types::{Clock as _, RequestId, SourceNo};
use crate::vendors::Fake;
use crate::vendors::teekontor::Teekontor;

pub(super) struct Scene<V> {
    pub(super) house: House,
    _tee: Fake<Teekontor>,
    pub(super) vendor: Fake<V>,
    pub(super) pushes: Pushes,
    announcer: Announcer,
    pub(super) erasures: VendorErasures,
    pub(super) list: SourceNo,
}

impl<V: Lists> Scene<V> {
    /// Everybody of the shop consented.
    pub(super) async fn open(database: Database) -> Self {
        let (house, tee) = open::<Teekontor>(database).await;
        house.sync().await.unwrap();
        if V::PURPOSE != "newsletter_email" {
            for number in 0..PEOPLE {
                house.say(house.subject(&mail(number)).await, Act::Granted, V::PURPOSE).await;
            }
        }
        let vendor = Fake::serve(V::default(), house.clock.clone());
        let ours = &house.syncs.vendors;
        let vendors = Arc::new(Vendors {
            catalog: Arc::new(Catalog::embedded().unwrap()),
            connections: ours.connections.clone(),
            rulebook: ours.rulebook.clone(),
            surroundings: ours.surroundings.clone(),
            paces: ours.paces.clone(),
        });
        let now = house.clock.now();
        let word = || V::CONNECTOR.to_owned();
        let source = vendors.rulebook.ensure_source("letters".to_owned(), word(), word(), &Terms::default(), now).await;
        let list = source.unwrap().number;
        let pairs = |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let via: Vec<_> = V::ORIGINS.iter().map(|origin| (*origin, vendor.address())).collect();
        let outgoing = Outgoing { private_hosts: vec!["127.0.0.1".to_owned()], via: pairs(&via) };
        let connection = Connection::new(pairs(V::PARAMETERS), outgoing);
        vendors.connections.put(list, &connection, 0, now).await.unwrap();
        let segments = Arc::new(Segments::new(
            house.store.clone(),
            house.gateway.clone(),
            vendors.rulebook.clone(),
            house.book.clone(),
            house.strongbox.clone(),
            house.clock.clone(),
            house.syncs.ids.clone(),
        ));
        let (store, ids) = (house.store.clone(), house.syncs.ids.clone());
        let announcer = Announcer::new(store.clone(), ids.clone(), house.clock.clone()).unwrap();
        let (rights, book) = (house.rights.clone(), house.book.clone());
        let erasures = VendorErasures {
            vendors: vendors.clone(),
            rights: rights.clone(),
            store: store.clone(),
            book: book.clone(),
            ids: ids.clone(),
        };
        let intake = house.syncs.intake.clone();
        let pushes = Pushes { vendors, segments, rights, intake, store, book, ids };
        let scene = Self { house, _tee: tee, vendor, pushes, announcer, erasures, list };
        scene.select(json!({"all": []})).await;
        scene.keep().await;
        scene.announcer.look().await.unwrap();
        scene
    }

    /// Makes it a destination of the segment, every 40 hours.
    pub(super) async fn keep(&self) {
        let connector = self.pushes.vendors.catalog.connector(V::CONNECTOR).unwrap().clone();
        let (code, audience) = ("readers".parse().unwrap(), connector.audience().unwrap());
        self.pushes.keep(self.list, &code, audience, 40 * 3_600).await.unwrap();
    }

    /// Waits until the vendor is done with whatever it was told.
    pub(super) fn settle(&self) {
        self.house.wait(V::SETTLES);
    }

    /// Who is in the segment.
    pub(super) async fn select(&self, rule: Value) {
        self.define(rule, None).await;
    }

    /// The same, and what it delivers.
    pub(super) async fn define(&self, rule: Value, fields: Option<&[&str]>) {
        let mut segment = json!({
            "code": "readers", "title": {"de": "Leser", "en": "Readers"}, "purpose": V::PURPOSE, "channel": V::CHANNEL,
            "rule": rule,
        });
        if let Some(fields) = fields {
            segment["fields"] = json!(fields);
        }
        let admin = Caller { actor: Actor::Hub("test"), scope: Scope::Every };
        self.pushes.segments.save(&admin, Segment::read(segment).unwrap()).await.unwrap();
    }

    pub(super) fn listed(&self) -> Vec<String> {
        self.vendor.with(|vendor| Lists::listed(vendor))
    }

    /// Who is on the list, or is still to be taken off.
    pub(super) async fn members(&self) -> Vec<MemberRow> {
        self.at(&MemberRow::ON_LIST).await
    }

    /// Who was taken off, and is kept for their erasure.
    pub(super) async fn gone(&self) -> usize {
        self.at(&MemberRow::OFF).await.len()
    }

    /// The same, each.
    pub(super) async fn kept(&self) -> Vec<MemberRow> {
        self.at(&MemberRow::OFF).await
    }

    async fn at(&self, states: &'static [i16]) -> Vec<MemberRow> {
        let list = self.list;
        self.house.store.read(move |read| audiences::members(read.records(), list, states, &[], 500)).await.unwrap()
    }

    /// How many are in the segment.
    pub(super) async fn readers(&self) -> u64 {
        let test = Caller { actor: Actor::Hub("test"), scope: Scope::Every };
        self.pushes.segments.count(&test, &"readers".parse().unwrap()).await.unwrap().members
    }

    /// What the certificate says of the vendor.
    pub(super) async fn certified(&self, request: RequestId) -> (String, String) {
        let sources = self.house.certificate(request).await.certificate["sources"].clone();
        let letters = sources.as_array().unwrap().iter().find(|one| one["source"] == "letters").unwrap().clone();
        (letters["state"].as_str().unwrap().to_owned(), letters["outcome"].as_str().unwrap_or_default().to_owned())
    }

    pub(super) async fn say(&self, mail: &str, act: Act) {
        let person = self.house.subject(mail).await;
        self.house.say(person, act, V::PURPOSE).await;
        self.announcer.look().await.unwrap();
    }

    /// The calls since number `from` that told the vendor something.
    pub(super) fn told_since(&self, from: usize) -> Vec<String> {
        let calls = self.vendor.calls_since(from).into_iter();
        calls.filter(|call| !call.starts_with("GET") && !call.contains("/oauth/")).collect()
    }
}
