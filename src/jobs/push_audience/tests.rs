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
use crate::store::audiences::{self, MemberRow};
use crate::store::{Shelf, syncs};
use crate::types::{Clock as _, SourceNo, Timestamp};
use crate::vendors::brevo::Brevo;
use crate::vendors::cleverreach::CleverReach;
use crate::vendors::klaviyo::Klaviyo;
use crate::vendors::mailchimp::Mailchimp;
use crate::vendors::meta;
use crate::vendors::meta_audiences::{self, Ads, digest};
use crate::vendors::teekontor::Teekontor;
use crate::vendors::{Break, Fake, Vendor};

const MAIL: &str = "kunde3@example.org";

fn mail(number: usize) -> String {
    format!("kunde{number}@example.org")
}

/// A vendor that takes people.
trait Lists: Vendor + Default {
    const CONNECTOR: &'static str;
    const ORIGINS: &'static [&'static str];
    const PARAMETERS: &'static [(&'static str, &'static str)];
    const PURPOSE: &'static str = "newsletter_email";
    const CHANNEL: &'static str = "email";

    fn listed(&self) -> Vec<String>;
    /// Does it know this address at all, or has it not taken its deletion in?
    fn holds(&self, mail: &str) -> bool;
    fn revoke(&mut self, revoked: bool);
}

/// A vendor that tells who unsubscribed there.
trait Hears: Lists {
    /// Does it say when?
    const DATED: bool;

    /// Somebody unsubscribes, whether the vendor had them before or not.
    fn unsubscribe(&mut self, mail: &str, at: Timestamp);
    fn is_unsubscribed(&self, mail: &str) -> bool;
}

impl Lists for Brevo {
    const CONNECTOR: &'static str = "brevo";
    const ORIGINS: &'static [&'static str] = &["https://api.brevo.com"];
    const PARAMETERS: &'static [(&'static str, &'static str)] = &[("api_key", "xkeysib-1"), ("list_id", "12")];

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

impl Hears for Brevo {
    const DATED: bool = false;

    fn unsubscribe(&mut self, mail: &str, _: Timestamp) {
        self.contacts.entry(mail.to_owned()).or_default();
        self.blocked.insert(mail.to_owned());
    }

    fn is_unsubscribed(&self, mail: &str) -> bool {
        self.blocked.contains(mail)
    }
}

impl Lists for Mailchimp {
    const CONNECTOR: &'static str = "mailchimp";
    const ORIGINS: &'static [&'static str] = &["https://us10.api.mailchimp.com"];
    const PARAMETERS: &'static [(&'static str, &'static str)] =
        &[("api_key", "0a1b2c-us10"), ("list_id", "a1b2c3d4e5")];

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

impl Hears for Mailchimp {
    const DATED: bool = false;

    fn unsubscribe(&mut self, mail: &str, _: Timestamp) {
        self.members.insert(mail.to_owned(), ("unsubscribed".to_owned(), json!({})));
    }

    fn is_unsubscribed(&self, mail: &str) -> bool {
        self.members.get(mail).is_some_and(|(status, _)| status == "unsubscribed")
    }
}

impl Lists for CleverReach {
    const CONNECTOR: &'static str = "cleverreach";
    const ORIGINS: &'static [&'static str] = &["https://rest.cleverreach.com"];
    const PARAMETERS: &'static [(&'static str, &'static str)] =
        &[("client_id", "c1"), ("client_secret", "hush"), ("group_id", "550011")];

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

impl Hears for CleverReach {
    const DATED: bool = true;

    fn unsubscribe(&mut self, mail: &str, at: Timestamp) {
        let id = 9_000 + self.receivers.len();
        let known = json!({"id": id, "email": mail, "activated": 1, "deactivated": 0, "groups_id": "550011"});
        let receiver = self.receivers.entry(mail.to_owned()).or_insert(known);
        receiver["deactivated"] = json!(at.micros() / Timestamp::SECOND);
    }

    fn is_unsubscribed(&self, mail: &str) -> bool {
        self.receivers.get(mail).is_some_and(|one| one["deactivated"].as_i64() > Some(0))
    }
}

impl Lists for Klaviyo {
    const CONNECTOR: &'static str = "klaviyo";
    const ORIGINS: &'static [&'static str] = &["https://a.klaviyo.com"];
    const PARAMETERS: &'static [(&'static str, &'static str)] = &[("private_key", "pk_1"), ("list_id", "Y6nRLr")];

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

impl Hears for Klaviyo {
    const DATED: bool = true;

    fn unsubscribe(&mut self, mail: &str, at: Timestamp) {
        self.profiles.entry(mail.to_owned()).or_default();
        self.suppressed.insert(mail.to_owned(), at.rfc3339());
    }

    fn is_unsubscribed(&self, mail: &str) -> bool {
        self.suppressed.contains_key(mail)
    }
}

impl Lists for Ads {
    const CONNECTOR: &'static str = "meta_audiences";
    const ORIGINS: &'static [&'static str] = &["https://graph.facebook.com"];
    const PARAMETERS: &'static [(&'static str, &'static str)] = &[
        ("ad_account_id", meta_audiences::ACCOUNT),
        ("audience_id", meta_audiences::AUDIENCE),
        ("access_token", meta::TOKEN),
        ("app_secret", meta::SECRET),
    ];
    const PURPOSE: &'static str = "social_advertising";
    const CHANNEL: &'static str = "social";

    fn listed(&self) -> Vec<String> {
        (0..PEOPLE).map(mail).filter(|mail| self.holds(mail)).collect()
    }

    fn holds(&self, mail: &str) -> bool {
        let wanted = digest(mail);
        self.users.iter().any(|(digest, _)| *digest == wanted)
    }

    fn revoke(&mut self, revoked: bool) {
        self.token_is_revoked = revoked;
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
    /// Everybody of the shop consented.
    async fn open(database: Database) -> Self {
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
        let connector = scene.pushes.vendors.catalog.connector(V::CONNECTOR).unwrap().clone();
        let (code, audience) = ("readers".parse().unwrap(), connector.audience().unwrap());
        scene.pushes.keep(list, &code, audience, 3_600).await.unwrap();
        scene.announcer.look().await.unwrap();
        scene
    }

    /// Who is in the segment.
    async fn select(&self, rule: serde_json::Value) {
        let segment = Segment::read(json!({
            "code": "readers", "title": {"de": "Leser", "en": "Readers"}, "purpose": V::PURPOSE, "channel": V::CHANNEL,
            "rule": rule,
        }));
        let admin = Caller { actor: Actor::Hub("test"), scope: Scope::Every };
        self.pushes.segments.save(&admin, segment.unwrap()).await.unwrap();
    }

    fn listed(&self) -> Vec<String> {
        self.vendor.with(|vendor| Lists::listed(vendor))
    }

    async fn members(&self) -> Vec<MemberRow> {
        let list = self.list;
        self.house.store.read(move |read| audiences::members(read.records(), list, None, &[], 500)).await.unwrap()
    }

    async fn say(&self, mail: &str, act: Act) {
        let person = self.house.subject(mail).await;
        self.house.say(person, act, V::PURPOSE).await;
        self.announcer.look().await.unwrap();
    }

    /// The calls since number `from` that told the vendor something.
    fn told_since(&self, from: usize) -> Vec<String> {
        let calls = self.vendor.calls_since(from).into_iter();
        calls.filter(|call| !call.starts_with("GET") && !call.contains("/oauth/")).collect()
    }
}

async fn whoever_consented_is_handed_over_once<V: Lists>(database: Database) {
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

async fn who_says_no_is_taken_off_at_once_and_not_handed_over_again<V: Lists>(database: Database) {
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
    assert_eq!(scene.members().await.len(), PEOPLE - 3, "what was kept to take them off is still there");
    scene.pushes.run("letters", true).await.unwrap();
    assert_eq!(scene.listed().len(), PEOPLE - 3);
    // Nobody is in the segment any more.
    scene.select(json!({"any": []})).await;
    scene.pushes.run("letters", true).await.unwrap();
    assert_eq!((scene.listed().len(), scene.members().await.len()), (0, 0));
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
    assert_eq!((&letters["state"], &letters["outcome"]), (&json!("final"), &json!("deleted")), "{sources}");
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

async fn who_was_kept_when_a_process_died_is_told_again<V: Lists>(database: Database) {
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
    let calls = scene.vendor.calls();
    scene.pushes.run_due().await.unwrap();
    assert_eq!(scene.listed().len(), PEOPLE);
    let calls = scene.vendor.calls() - calls;
    scene.pushes.empty("letters").await.unwrap();
    assert_eq!((scene.listed().len(), scene.members().await.len()), (0, 0));
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
    scene.pushes.empty("letters").await.unwrap();
    assert_eq!((scene.listed().len(), scene.members().await.len()), (0, 0));
    assert_eq!(scene.house.database.count(Shelf::Keys, "data_key"), keys);
}

async fn who_unsubscribes_at_the_vendor_says_no_here_and_is_not_subscribed_again<V: Hears>(database: Database) {
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
    let readers = async || {
        let test = Caller { actor: Actor::Hub("test"), scope: Scope::Every };
        scene.pushes.segments.count(&test, &"readers".parse().unwrap()).await.unwrap().members
    };
    assert_eq!(readers().await, PEOPLE as u64 - u64::from(V::DATED));
    // Whom the hub handed over, and who unsubscribes there, on the last of many pages.
    scene.house.wait(4_000);
    let now = scene.house.clock.now();
    scene.vendor.with(|vendor| {
        (0..1_100).for_each(|number| vendor.unsubscribe(&format!("fremd{number}@example.org"), before));
        vendor.unsubscribe(MAIL, now);
    });
    let counts = scene.pushes.run("letters", true).await.unwrap();
    assert_eq!(counts.streams["unsubscribed"].created, 1, "{counts:?}");
    assert_eq!(readers().await, PEOPLE as u64 - u64::from(V::DATED) - 1);
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

on_both_databases!(
    klaviyo_looks_before_it_subscribes,
    brevo_waits_for_its_process,
    meta_wants_its_terms_accepted_and_gets_numbers_too,
    a_segment_must_fit,
    one_who_cannot_be_taken_off_keeps_nobody_from_being_handed_over,
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

async fn meta_wants_its_terms_accepted_and_gets_numbers_too(database: Database) {
    let scene = Scene::<Ads>::open(database).await;
    scene.vendor.with(|ads| ads.terms_are_accepted = false);
    let told = scene.pushes.vendors.session("letters").await.unwrap().test().await.unwrap_err().to_string();
    assert!(told.contains("terms for custom audiences are not accepted"), "{told}");
    scene.vendor.with(|ads| ads.terms_are_accepted = true);
    scene.pushes.run("letters", true).await.unwrap();
    let rows = scene.vendor.with(|ads| ads.users.clone());
    assert!(rows.iter().all(|(mail, phone)| mail.len() == 64 && phone.is_empty()), "{rows:?}");
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

async fn one_who_cannot_be_taken_off_keeps_nobody_from_being_handed_over(database: Database) {
    let scene = Scene::<Mailchimp>::open(database).await;
    scene.say(&mail(9), Act::Restricted).await;
    scene.pushes.run("letters", true).await.unwrap();
    assert_eq!(scene.listed().len(), PEOPLE - 1);
    scene.say(&mail(9), Act::RestrictionLifted).await;
    scene.say(MAIL, Act::Withdrawn).await;
    scene.vendor.with(|vendor| vendor.keeps = Some(MAIL.to_owned()));
    assert!(matches!(scene.pushes.run("letters", true).await, Err(Error::Left(1))));
    assert_eq!(scene.listed().len(), PEOPLE);
    // It is tried again, later and later, also when nobody asks for a push.
    scene.vendor.with(|vendor| vendor.keeps = None);
    scene.house.wait(120);
    assert_eq!(scene.pushes.run_due().await.unwrap(), 1);
    assert!(!scene.listed().contains(&MAIL.to_owned()));
}

/// The scenarios of a vendor.
macro_rules! scenarios {
    ($module:ident, $vendor:ty, [$($name:ident),+ $(,)?]) => {
        mod $module {
            use super::*;

            on_both_databases!($($name),+);

            $(
                async fn $name(database: Database) {
                    super::$name::<$vendor>(database).await;
                }
            )+
        }
    };
    ($module:ident, $vendor:ty, hears) => {
        scenarios!($module, $vendor, [
            whoever_consented_is_handed_over_once,
            who_says_no_is_taken_off_at_once_and_not_handed_over_again,
            who_is_erased_is_taken_off_and_erased_there,
            storms_and_refused_credentials_lose_nobody,
            who_was_kept_when_a_process_died_is_told_again,
            who_unsubscribes_at_the_vendor_says_no_here_and_is_not_subscribed_again,
        ]);
    };
    ($module:ident, $vendor:ty) => {
        scenarios!($module, $vendor, [
            whoever_consented_is_handed_over_once,
            who_says_no_is_taken_off_at_once_and_not_handed_over_again,
            who_is_erased_is_taken_off_and_erased_there,
            storms_and_refused_credentials_lose_nobody,
            who_was_kept_when_a_process_died_is_told_again,
        ]);
    };
}

scenarios!(brevo, Brevo, hears);
scenarios!(mailchimp, Mailchimp, hears);
scenarios!(cleverreach, CleverReach, hears);
scenarios!(klaviyo, Klaviyo, hears);
scenarios!(meta_ads, Ads);
