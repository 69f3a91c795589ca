//! Audiences pushed to fakes that keep the vendors' rules, on both databases.

use std::sync::Arc;

use serde_json::json;

use super::{Error, Pushes};
use crate::connect::{Catalog, Connection, Outgoing, Vendors};
use crate::consent::{Act, Terms};
use crate::databases::{Database, on_both_databases};
use crate::gateway::{Actor, Caller, Scope};
use crate::jobs::announce::Announcer;
use crate::jobs::erase_at_vendors::VendorErasures;
use crate::jobs::sync::tests::house::House;
use crate::jobs::sync::tests::scenarios::{PEOPLE, open};
use crate::segments::{Segment, Segments};
use crate::store::audiences::{self, AudienceRow, MemberRow};
use crate::store::{Shelf, syncs};
use crate::types::{Clock as _, SourceNo, Timestamp};
use crate::vendors::brevo::Brevo;
use crate::vendors::cleverreach::CleverReach;
use crate::vendors::klaviyo::Klaviyo;
use crate::vendors::mailchimp::Mailchimp;
use crate::vendors::teekontor::Teekontor;
use crate::vendors::{Break, Fake, Vendor};

const MAIL: &str = "kunde3@example.org";
const PURPOSE: &str = "newsletter_email";

/// A vendor that takes people.
trait Lists: Vendor + Default {
    const CONNECTOR: &'static str;
    const ORIGINS: &'static [&'static str];
    const PARAMETERS: &'static [(&'static str, &'static str)];
    /// What is left after an erasure.
    const LEAVES: &'static str;

    fn listed(&self) -> Vec<String>;
    /// Does it know this address at all, or has it not taken its deletion in?
    fn holds(&self, mail: &str) -> bool;
    fn revoke(&mut self, revoked: bool);
}

impl Lists for Brevo {
    const CONNECTOR: &'static str = "brevo";
    const ORIGINS: &'static [&'static str] = &["https://api.brevo.com"];
    const PARAMETERS: &'static [(&'static str, &'static str)] = &[("api_key", "xkeysib-1"), ("list_id", "12")];
    const LEAVES: &'static str = "deleted";

    fn listed(&self) -> Vec<String> {
        self.listed()
    }

    fn holds(&self, mail: &str) -> bool {
        self.contacts.contains_key(mail)
    }

    fn revoke(&mut self, revoked: bool) {
        self.key_is_revoked = revoked;
    }
}

impl Lists for Mailchimp {
    const CONNECTOR: &'static str = "mailchimp";
    const ORIGINS: &'static [&'static str] = &["https://us10.api.mailchimp.com"];
    const PARAMETERS: &'static [(&'static str, &'static str)] =
        &[("api_key", "0a1b2c-us10"), ("list_id", "a1b2c3d4e5")];
    const LEAVES: &'static str = "deleted";

    fn listed(&self) -> Vec<String> {
        self.listed()
    }

    fn holds(&self, mail: &str) -> bool {
        self.members.contains_key(mail)
    }

    fn revoke(&mut self, revoked: bool) {
        self.key_is_revoked = revoked;
    }
}

impl Lists for CleverReach {
    const CONNECTOR: &'static str = "cleverreach";
    const ORIGINS: &'static [&'static str] = &["https://rest.cleverreach.com"];
    const PARAMETERS: &'static [(&'static str, &'static str)] =
        &[("client_id", "c1"), ("client_secret", "hush"), ("group_id", "550011")];
    const LEAVES: &'static str = "deleted";

    fn listed(&self) -> Vec<String> {
        self.listed()
    }

    fn holds(&self, mail: &str) -> bool {
        self.receivers.contains_key(mail)
    }

    fn revoke(&mut self, revoked: bool) {
        self.client_is_revoked = revoked;
    }
}

impl Lists for Klaviyo {
    const CONNECTOR: &'static str = "klaviyo";
    const ORIGINS: &'static [&'static str] = &["https://a.klaviyo.com"];
    const PARAMETERS: &'static [(&'static str, &'static str)] = &[("private_key", "pk_1"), ("list_id", "Y6nRLr")];
    const LEAVES: &'static str = "deleted";

    fn listed(&self) -> Vec<String> {
        self.listed()
    }

    fn holds(&self, mail: &str) -> bool {
        !self.to_delete.iter().any(|gone| gone == mail)
    }

    fn revoke(&mut self, revoked: bool) {
        self.key_is_revoked = revoked;
    }
}

struct Scene<V> {
    house: House,
    _tee: Fake<Teekontor>,
    vendor: Fake<V>,
    pushes: Pushes,
    announcer: Announcer,
    erasures: VendorErasures,
    list: SourceNo,
}

impl<V: Lists> Scene<V> {
    /// Everybody of the shop consented to the newsletter.
    async fn open(database: Database) -> Self {
        let (house, tee) = open::<Teekontor>(database).await;
        house.sync().await.unwrap();
        let vendor = Fake::serve(V::default(), house.clock.clone());
        let ours = &house.syncs.vendors;
        let vendors = Arc::new(Vendors {
            catalog: Arc::new(Catalog::embedded().unwrap()),
            connections: ours.connections.clone(),
            rulebook: ours.rulebook.clone(),
            surroundings: ours.surroundings.clone(),
        });
        let now = house.clock.now();
        let word = || V::CONNECTOR.to_owned();
        let source = vendors.rulebook.ensure_source("letters".to_owned(), word(), word(), &Terms::default(), now).await;
        let list = source.unwrap().number;
        let pairs = |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let via: Vec<_> = V::ORIGINS.iter().map(|origin| (*origin, vendor.address())).collect();
        let outgoing = Outgoing { private_hosts: vec!["127.0.0.1".to_owned()], via: pairs(&via) };
        let connection = Connection { parameters: pairs(V::PARAMETERS), outgoing };
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
        let segment = Segment::read(json!({
            "code": "readers", "title": {"de": "Leser", "en": "Readers"}, "purpose": PURPOSE, "channel": "email",
            "rule": {"all": []},
        }));
        let admin = Caller { actor: Actor::Hub("test"), scope: Scope::Every };
        segments.save(&admin, segment.unwrap()).await.unwrap();
        let row = AudienceRow {
            source_no: list,
            segment: "readers".to_owned(),
            purpose: PURPOSE.to_owned(),
            every_seconds: 3_600,
            next_at: now,
            wanted_at: Timestamp::UNSET,
            failures: 0,
            retry_at: Timestamp::UNSET,
            lease_owner: Vec::new(),
            lease_until: Timestamp::UNSET,
            created_at: now,
        };
        house.store.write(move |write| audiences::put(write, &row)).await.unwrap();
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
        let pushes = Pushes { vendors, segments, rights, store, book, ids };
        announcer.look().await.unwrap();
        Self { house, _tee: tee, vendor, pushes, announcer, erasures, list }
    }

    fn listed(&self) -> Vec<String> {
        self.vendor.with(|vendor| Lists::listed(vendor))
    }

    async fn members(&self) -> Vec<MemberRow> {
        let list = self.list;
        self.house.store.read(move |read| audiences::members(read.records(), list, None, &[], 500)).await.unwrap()
    }

    async fn withdraw(&self, mail: &str, act: Act) {
        let person = self.house.subject(mail).await;
        self.house.say(person, act, PURPOSE).await;
        self.announcer.look().await.unwrap();
    }
}

async fn whoever_consented_is_handed_over_once<V: Lists>(database: Database) {
    let scene = Scene::<V>::open(database).await;
    scene.pushes.vendors.session("letters").await.unwrap().test().await.unwrap();
    scene.withdraw("kunde9@example.org", Act::Withdrawn).await;
    let counts = scene.pushes.run("letters", true).await.unwrap();
    let added = &counts.streams["members"];
    assert_eq!((added.created, added.unchanged), (PEOPLE as u64 - 1, 0), "{counts:?}");
    let listed = scene.listed();
    assert!(listed.len() == PEOPLE - 1 && !listed.contains(&"kunde9@example.org".to_owned()), "{listed:?}");
    let dump = scene.house.database.dump().join("\n").to_lowercase();
    assert!(!dump.contains("example.org"), "who was handed over lies open");
    let calls = scene.vendor.calls();
    let again = scene.pushes.run("letters", true).await.unwrap();
    assert_eq!((again.streams["members"].created, again.streams["members"].unchanged), (0, PEOPLE as u64 - 1));
    assert!(scene.vendor.calls() - calls <= 1, "who is there is told again");
    let list = scene.list;
    let history =
        scene.house.store.read(move |read| syncs::list(read.records(), list, Timestamp::NEVER, 9)).await.unwrap();
    assert_eq!(history.len(), 2);
    // Each page stands in the book as handed to this destination.
    let book = scene.house.lines().await;
    assert!(book.iter().any(|line| line.contains("(letters)") && line.contains("segment:readers")));
}

async fn who_says_no_is_taken_off_at_once_and_not_handed_over_again<V: Lists>(database: Database) {
    let scene = Scene::<V>::open(database).await;
    scene.pushes.run("letters", true).await.unwrap();
    assert_eq!(scene.pushes.run_due().await.unwrap(), 0, "nothing is due");
    for (number, act) in [(3, Act::Withdrawn), (4, Act::Objected), (5, Act::Restricted)] {
        scene.withdraw(&format!("kunde{number}@example.org"), act).await;
    }
    assert_eq!(scene.pushes.run_due().await.unwrap(), 1);
    let listed = scene.listed();
    assert_eq!(listed.len(), PEOPLE - 3, "{listed:?}");
    assert!((3..6).all(|number| !listed.contains(&format!("kunde{number}@example.org"))));
    assert_eq!(scene.members().await.len(), PEOPLE - 3, "what was kept to take them off is still there");
    scene.pushes.run("letters", true).await.unwrap();
    assert_eq!(scene.listed().len(), PEOPLE - 3);
}

async fn who_is_erased_is_taken_off_and_erased_there<V: Lists>(database: Database) {
    let scene = Scene::<V>::open(database).await;
    scene.pushes.run("letters", true).await.unwrap();
    let request = scene.house.erase(MAIL).await;
    scene.pushes.run_due().await.unwrap();
    assert!(!scene.listed().contains(&MAIL.to_owned()));
    scene.erasures.ask_all_of(request).await.unwrap();
    assert!(!scene.vendor.with(|vendor| vendor.holds(MAIL)), "the vendor still holds them");
    let sources = scene.house.certificate(request).await.certificate["sources"].clone();
    let letters = sources.as_array().unwrap().iter().find(|one| one["source"] == "letters").unwrap().clone();
    assert_eq!((&letters["state"], &letters["outcome"]), (&json!("final"), &json!(V::LEAVES)), "{sources}");
    assert_eq!(scene.members().await.len(), PEOPLE - 1);
    scene.house.wait(7_200);
    scene.pushes.run_due().await.unwrap();
    assert!(!scene.listed().contains(&MAIL.to_owned()), "they came back");
}

async fn storms_and_refused_credentials_lose_nobody<V: Lists>(database: Database) {
    let scene = Scene::<V>::open(database).await;
    scene.vendor.break_calls(0, &[Break::Status(500), Break::Throttle(Some("2")), Break::HangUp]);
    scene.pushes.run("letters", true).await.unwrap();
    assert_eq!(scene.listed().len(), PEOPLE);
    scene.vendor.with(|vendor| vendor.revoke(true));
    scene.withdraw(MAIL, Act::Withdrawn).await;
    assert!(matches!(scene.pushes.run("letters", false).await, Err(Error::Left(1) | Error::Vendor(_))));
    assert!(scene.listed().contains(&MAIL.to_owned()));
    assert_eq!(scene.pushes.run_due().await.unwrap(), 0, "it is tried again at once");
    scene.vendor.with(|vendor| vendor.revoke(false));
    scene.house.wait(120);
    assert_eq!(scene.pushes.run_due().await.unwrap(), 1);
    assert!(!scene.listed().contains(&MAIL.to_owned()));
}

async fn who_was_kept_when_a_process_died_is_told_again<V: Lists>(database: Database) {
    let scene = Scene::<V>::open(database).await;
    scene.vendor.with(|vendor| vendor.revoke(true));
    assert!(scene.pushes.run("letters", true).await.is_err());
    assert_eq!(scene.listed().len(), 0);
    let kept = scene.members().await;
    assert!(!kept.is_empty() && kept.iter().all(|row| row.state == MemberRow::HANDED));
    let keys = scene.house.database.count(Shelf::Keys, "data_key");
    scene.vendor.with(|vendor| vendor.revoke(false));
    scene.pushes.run("letters", true).await.unwrap();
    assert_eq!(scene.listed().len(), PEOPLE);
    assert!(scene.members().await.iter().all(|row| row.state == MemberRow::THERE));
    // The destination is given up: everybody is taken off, and nothing is kept of whom it had.
    scene.pushes.empty("letters").await.unwrap();
    assert_eq!((scene.listed().len(), scene.members().await.len()), (0, 0));
    assert!(scene.house.database.count(Shelf::Keys, "data_key") <= keys);
}

/// The scenarios of a vendor.
macro_rules! scenarios {
    ($module:ident, $vendor:ty) => {
        mod $module {
            use super::*;

            on_both_databases!(
                whoever_consented_is_handed_over_once,
                who_says_no_is_taken_off_at_once_and_not_handed_over_again,
                who_is_erased_is_taken_off_and_erased_there,
                storms_and_refused_credentials_lose_nobody,
                who_was_kept_when_a_process_died_is_told_again,
            );

            async fn whoever_consented_is_handed_over_once(database: Database) {
                super::whoever_consented_is_handed_over_once::<$vendor>(database).await;
            }

            async fn who_says_no_is_taken_off_at_once_and_not_handed_over_again(database: Database) {
                super::who_says_no_is_taken_off_at_once_and_not_handed_over_again::<$vendor>(database).await;
            }

            async fn who_is_erased_is_taken_off_and_erased_there(database: Database) {
                super::who_is_erased_is_taken_off_and_erased_there::<$vendor>(database).await;
            }

            async fn storms_and_refused_credentials_lose_nobody(database: Database) {
                super::storms_and_refused_credentials_lose_nobody::<$vendor>(database).await;
            }

            async fn who_was_kept_when_a_process_died_is_told_again(database: Database) {
                super::who_was_kept_when_a_process_died_is_told_again::<$vendor>(database).await;
            }
        }
    };
}

scenarios!(brevo, Brevo);
scenarios!(mailchimp, Mailchimp);
scenarios!(cleverreach, CleverReach);
scenarios!(klaviyo, Klaviyo);
