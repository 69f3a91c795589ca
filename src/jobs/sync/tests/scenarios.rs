//! What every vendor's connector must stand: the same scenarios for each, against the fake that keeps its rules.

use std::sync::Arc;

use super::house::{House, SHOP, brought, word};
use crate::connect::{Catalog, Leaves, Person};
use crate::databases::Database;
use crate::jobs::sync::Error;
use crate::store::connections;
use crate::types::{Clock as _, IdentifierKind};
use crate::vendors::{Break, Fake, Vendor};

/// People the vendor knows at the begin: at least three pages of what the fake gives at once.
pub(in crate::jobs) const PEOPLE: usize = 25;
/// What the fakes give at once, whatever they are asked for.
pub(in crate::jobs) const PAGE: usize = 10;

/// A vendor in the scenarios.
pub(in crate::jobs) trait Case: Vendor + Sized {
    /// The name of its connector.
    const CONNECTOR: &'static str;
    /// The origin that is led to the fake; none if its address is a parameter.
    const VIA: &'static [&'static str];
    /// Records of each person.
    const RECORDS: u64;
    /// Records of the person that come again after [`Case::change`].
    const CHANGED: u64;
    /// Records that are new after it.
    const ADDED: u64 = 0;
    /// Objects that are read again then: what changed where the vendor can be asked for it, everything where it cannot.
    const READ_AGAIN: u64;
    /// Objects of each person that say nothing but what another stream brought.
    const TWICE: u64 = 0;
    /// What is left at the vendor after an erasure; none if the connector takes no steps.
    const LEAVES: Option<Leaves>;

    /// With [`PEOPLE`], at most [`PAGE`] objects at once.
    fn new() -> Self;
    /// What the merchant enters.
    fn parameters(address: &str) -> Vec<(&'static str, String)>;
    /// The first person changes at this time.
    fn change(&mut self, at: &str);
    /// The credentials are not valid any more.
    fn revoke(&mut self);
    /// They are again.
    fn restore(&mut self);
    /// Where its connector is.
    fn catalog() -> Arc<Catalog> {
        Arc::new(Catalog::embedded().unwrap())
    }
    /// By what a person is found here. An address nobody proved may be that of several.
    fn who(number: usize) -> (IdentifierKind, String) {
        (IdentifierKind::Email, Self::email(number))
    }
    /// Whom the vendor is to forget.
    fn person(number: usize) -> Person {
        Person { email: Some(Self::email(number).to_uppercase()), ..Person::default() }
    }
    /// The mail address of a person.
    fn email(number: usize) -> String {
        format!("kunde{number}@example.org")
    }
}

pub(in crate::jobs) async fn open<V: Case>(database: Database) -> (House, Fake<V>) {
    let house = House::open_with(database, V::catalog()).await;
    let fake = Fake::serve(V::new(), house.clock.clone());
    let parameters = V::parameters(fake.address());
    let parameters: Vec<_> = parameters.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let via: Vec<_> = V::VIA.iter().map(|origin| (*origin, fake.address())).collect();
    house.connect(V::CONNECTOR, &parameters, &via).await;
    (house, fake)
}

fn all<V: Case>() -> u64 {
    PEOPLE as u64 * V::RECORDS
}

fn twice<V: Case>() -> u64 {
    PEOPLE as u64 * V::TWICE
}

pub(in crate::jobs) async fn everything_comes_in_once<V: Case>(database: Database) {
    let (house, fake) = open::<V>(database).await;
    house.syncs.vendors.session(SHOP).await.unwrap().test().await.unwrap();
    let counts = house.sync().await.unwrap();
    assert_eq!(brought(&counts), [all::<V>(), 0, twice::<V>(), 0, 0], "{counts:?}");
    assert!(counts.streams.values().all(|stream| stream.complete));
    for number in [0, PAGE - 1, PAGE, PEOPLE - 1] {
        assert!(house.knows_as(&V::who(number)).await, "{number} is not there");
    }
    let anew = house.syncs.run(SHOP, true, |_| {}).await.unwrap();
    assert_eq!(brought(&anew), [0, 0, all::<V>() + twice::<V>(), 0, 0], "{anew:?}");
    assert!(fake.calls() > 2 * PEOPLE / PAGE);
    let dump = house.database.dump().join("\n");
    for (name, secret) in V::parameters(fake.address()) {
        assert!(!dump.contains(&secret), "{name} lies open");
    }
}

pub(in crate::jobs) async fn only_what_changed_comes_again<V: Case>(database: Database) {
    let (house, fake) = open::<V>(database).await;
    house.sync().await.unwrap();
    house.clock.set("2026-11-23T09:00:00Z");
    fake.with(|vendor| vendor.change("2026-11-23T08:30:00Z"));
    let counts = house.sync().await.unwrap();
    let sum = counts.sum();
    assert!(V::CHANGED + V::ADDED > 0, "it must come in");
    assert_eq!((sum.created, sum.updated, sum.rejected), (V::ADDED, V::CHANGED, 0), "{counts:?}");
    assert_eq!(sum.read, V::READ_AGAIN, "{counts:?}");
}

pub(in crate::jobs) async fn storms_are_waited_out<V: Case>(database: Database) {
    let (house, fake) = open::<V>(database).await;
    fake.break_calls(0, &[Break::Status(500), Break::Throttle(Some("7")), Break::Status(502)]);
    fake.break_calls(5, &[Break::Cut, Break::Throttle(None), Break::HangUp, Break::Html]);
    fake.break_calls(10, &[Break::Status(503), Break::Cut]);
    let counts = house.sync().await.unwrap();
    assert_eq!(brought(&counts), [all::<V>(), 0, twice::<V>(), 0, 0], "{counts:?}");
    assert!(house.waited() >= 7);
    // Nobody waits for ever.
    fake.break_calls(0, &[Break::Throttle(Some("1")); 20]);
    assert_eq!(word(house.sync().await), "throttled");
}

/// An error that comes with a good status is no page without objects: nothing counts as read, and nothing is lost by that.
pub(in crate::jobs) async fn an_error_with_a_good_status_is_no_page<V: Case>(database: Database) {
    let (house, fake) = open::<V>(database).await;
    house.sync().await.unwrap();
    house.clock.set("2026-11-23T09:00:00Z");
    fake.with(|vendor| vendor.change("2026-11-23T08:30:00Z"));
    // A token that ended meanwhile is replaced before.
    house.syncs.vendors.session(SHOP).await.unwrap().test().await.unwrap();
    let error = r#"{"data": null, "errors": [{"message": "maintenance"}]}"#;
    fake.break_calls(0, &[Break::Instead(error); 100]);
    let before = fake.calls();
    let Err(Error::Refused(refused)) = house.sync().await else { panic!("an error was read as a page") };
    assert!(refused.iter().all(|(_, fault)| ["no_page", "not_readable"].contains(&fault.word())), "{refused:?}");
    assert!(fake.calls() - before <= 6, "page after page is asked for: {:?}", fake.calls_since(before));
    fake.mend();
    let sum = house.sync().await.unwrap().sum();
    assert_eq!((sum.created, sum.updated, sum.rejected), (V::ADDED, V::CHANGED, 0), "what changed meanwhile is lost");
}

pub(in crate::jobs) async fn revoked_and_cut_short_it_goes_on<V: Case>(database: Database) {
    let (house, fake) = open::<V>(database).await;
    let mut pages = 0;
    let revoke = |_: &crate::connect::Counts| {
        pages += 1;
        // The next page is read by then, perhaps, and none after it.
        if pages == 1 {
            fake.with(Case::revoke);
        }
    };
    let Err(Error::Vendor(fault)) = house.syncs.run(SHOP, false, revoke).await else { panic!("it must fail") };
    assert_eq!(fault.word(), "credentials_refused");
    let there = house.records();
    assert!(there > 0 && there < i64::try_from(all::<V>()).unwrap(), "{there}");
    // Its process dies too, between the records of a page and its place: they are in, it is not, and the lease is held.
    let (source, now) = (house.source(), house.clock.now());
    let dies = move |write: &mut crate::store::Write<'_>| {
        let until = now.plus(60_000_000);
        connections::take(write, source, b"a process that died", until, now)?.unwrap();
        connections::renew(write, source, b"a process that died", until, Some(&[]))
    };
    assert!(house.store.write(dies).await.unwrap());
    fake.with(Case::restore);
    assert_eq!(word(house.sync().await), Error::Busy.to_string());
    house.clock.set("2026-11-21T12:30:00Z");
    let counts = house.sync().await.unwrap();
    assert_eq!(house.records(), i64::try_from(all::<V>()).unwrap(), "lost or doubled");
    let again = u64::try_from(there).unwrap() + twice::<V>();
    assert_eq!(counts.sum().unchanged, again, "what was in came again: {counts:?}");
}

/// A vendor whose page tokens end.
pub(in crate::jobs) trait Expires: Case {
    /// Those that were handed out are not valid any more.
    fn expire_pages(&mut self);
}

pub(in crate::jobs) async fn a_page_that_is_not_valid_any_more_begins_it_anew<V: Expires>(database: Database) {
    let (house, fake) = open::<V>(database).await;
    let mut pages = 0;
    let revoke = |_: &crate::connect::Counts| {
        pages += 1;
        if pages == 1 {
            fake.with(Case::revoke);
        }
    };
    assert_eq!(word(house.syncs.run(SHOP, false, revoke).await), "credentials_refused");
    fake.with(Case::restore);
    fake.with(V::expire_pages);
    house.clock.set("2026-11-23T12:00:00Z");
    let counts = house.sync().await.unwrap();
    assert_eq!(house.records(), i64::try_from(all::<V>()).unwrap(), "{counts:?}");
    assert!(counts.streams.values().all(|stream| stream.complete));
    // While it reads, a page that is refused ends it: it would begin anew again and again.
    let mut pages = 0;
    let expire = |_: &crate::connect::Counts| {
        pages += 1;
        if pages == 1 {
            fake.with(V::expire_pages);
        }
    };
    assert_eq!(word(house.syncs.run(SHOP, true, expire).await), "vendor_error");
    assert!(house.sync().await.is_ok());
}

pub(in crate::jobs) async fn erased_they_stay_erased<V: Case>(database: Database) {
    let (house, fake) = open::<V>(database).await;
    house.sync().await.unwrap();
    assert!(house.knows_as(&V::who(3)).await);
    house.clock.set("2026-11-21T12:30:00Z");
    let session = house.syncs.vendors.session(SHOP).await.unwrap();
    let connector = session.connector().clone();
    let calls = fake.calls();
    let report = connector.erase().unwrap().run(&session, &V::person(3)).await;
    assert_eq!(report.leaves, V::LEAVES, "{report:?}");
    for step in &report.steps {
        assert_eq!(step.failure, None, "{report:?}");
        let done = step.leaves.is_some_and(|left| left < Leaves::Asked);
        assert!(!done || step.verified == Some(true), "{report:?}");
    }
    assert!(report.steps.is_empty() == (fake.calls() == calls), "{report:?}");
    assert!(!format!("{report:?}").to_lowercase().contains(&V::email(3)));
    house.erase_as(&V::who(3)).await;
    assert!(!house.knows_as(&V::who(3)).await);
    house.clock.set("2026-11-21T13:00:00Z");
    let anew = house.syncs.run(SHOP, true, |_| {}).await.unwrap();
    assert_eq!(anew.sum().created, 0, "{anew:?}");
    assert!(!house.knows_as(&V::who(3)).await);
}

/// The scenarios of a vendor, on both databases.
macro_rules! scenarios {
    ($case:ty) => {
        use crate::databases::{Database, on_both_databases};
        use crate::jobs::sync::tests::scenarios as all;

        on_both_databases!(
            everything_comes_in_once,
            only_what_changed_comes_again,
            storms_are_waited_out,
            an_error_with_a_good_status_is_no_page,
            revoked_and_cut_short_it_goes_on,
            erased_they_stay_erased,
        );

        async fn everything_comes_in_once(database: Database) {
            all::everything_comes_in_once::<$case>(database).await;
        }

        async fn only_what_changed_comes_again(database: Database) {
            all::only_what_changed_comes_again::<$case>(database).await;
        }

        async fn storms_are_waited_out(database: Database) {
            all::storms_are_waited_out::<$case>(database).await;
        }

        async fn an_error_with_a_good_status_is_no_page(database: Database) {
            all::an_error_with_a_good_status_is_no_page::<$case>(database).await;
        }

        async fn revoked_and_cut_short_it_goes_on(database: Database) {
            all::revoked_and_cut_short_it_goes_on::<$case>(database).await;
        }

        async fn erased_they_stay_erased(database: Database) {
            all::erased_they_stay_erased::<$case>(database).await;
        }
    };
}
pub(super) use scenarios;
