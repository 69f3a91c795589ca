//! Trustpilot.

use serde_json::json;

use super::house::{House, SHOP, word};
use super::scenarios::{Case, PAGE, PEOPLE, open, scenarios};
use crate::connect::{Counts, Leaves, Person};
use crate::rights::Kind;
use crate::vendors::Fake;
use crate::vendors::trustpilot::Reviews;

scenarios!(Reviews);
on_both_databases!(
    deleted_there_they_wait_for_the_officer_here,
    one_row_that_names_nobody_keeps_no_other_from_being_heard,
    a_hub_with_a_slow_clock_asks_for_what_lies_between,
    demands_are_heard_when_reviews_may_not_be_read,
    an_application_that_acts_for_a_user_is_known_by_the_password,
    a_page_of_demands_that_is_not_valid_any_more_begins_them_anew,
    more_pages_than_five_minutes_allow_are_waited_for,
    whom_the_merchant_invited_is_deleted_and_a_review_is_not,
);

const DEMANDS: &str = "demands.consumer deletions";

fn consumer(number: usize) -> String {
    format!("5f0a{number:020}")
}

impl Case for Reviews {
    const CONNECTOR: &'static str = "trustpilot";
    const VIA: &'static [&'static str] = &["https://api.trustpilot.com", "https://invitations-api.trustpilot.com"];
    const RECORDS: u64 = 1;
    const CHANGED: u64 = 1;
    const READ_AGAIN: u64 = PEOPLE as u64;
    const LEAVES: Option<Leaves> = Some(Leaves::Impossible);

    fn new() -> Self {
        Self::with_people(PEOPLE, PAGE)
    }

    fn parameters(_: &str) -> Vec<(&'static str, String)> {
        let pairs = [
            ("business_unit", "46d6a890"),
            ("api_key", "a-key"),
            ("api_secret", "a-secret"),
            ("business_user", "5f0a00000000000000000777"),
        ];
        pairs.map(|(name, value)| (name, value.to_owned())).to_vec()
    }

    fn person(number: usize) -> Person {
        Person { email: Some(Self::email(number)), account: Some(consumer(number)), ..Person::default() }
    }

    fn change(&mut self, at: &str) {
        (self.reviews[0]["stars"], self.reviews[0]["updatedAt"]) = (json!(3), json!(at));
    }

    fn revoke(&mut self) {
        self.key_is_valid = false;
    }

    fn restore(&mut self) {
        self.key_is_valid = true;
    }
}

async fn more_pages_than_five_minutes_allow_are_waited_for(database: Database) {
    let (house, fake) = open::<Reviews>(database).await;
    fake.with(|reviews| *reviews = Reviews::with_people(850, 1));
    // Nobody waits five minutes within a sync; the next one goes on where it stopped.
    assert_eq!(word(house.sync().await), "throttled");
    assert!((800..850).contains(&house.records()), "{}", house.records());
    house.wait(301);
    house.sync().await.unwrap();
    assert_eq!((house.records(), fake.with(|reviews| reviews.refused)), (850, 0));
}

async fn deleted_there_they_wait_for_the_officer_here(database: Database) {
    let (house, fake) = open::<Reviews>(database).await;
    let at = "2026-11-20T08:00:00Z".to_owned();
    // Five at two a page: two known, one of them twice, others never heard of.
    let listed = [consumer(3), consumer(900), consumer(901), consumer(7), consumer(3)];
    fake.with(|reviews| reviews.deletions = listed.iter().map(|id| (id.clone(), at.clone())).collect());
    let counts = house.sync().await.unwrap();
    let demands = counts.streams[DEMANDS];
    assert_eq!((demands.read, demands.complete), (5, true), "{counts:?}");
    let waiting = async || house.rights.requests(None, 100).await.unwrap();
    let requests = waiting().await;
    assert_eq!(requests.len(), 2, "nobody is erased by a list alone");
    assert!(requests.iter().all(|request| request.case().kind == Kind::Erasure));
    assert!(house.knows("kunde3@example.org").await);
    // The list is read from where it was left; who waits is not opened twice.
    house.syncs.run(SHOP, true, |_| {}).await.unwrap();
    assert_eq!(waiting().await.len(), 2);
    house.erase("kunde3@example.org").await;
    fake.with(|reviews| reviews.reviews.remove(3));
    house.clock.set("2026-11-22T12:00:00Z");
    fake.with(|reviews| reviews.deletions.push((consumer(9), "2026-11-22T08:00:00Z".to_owned())));
    let counts = house.sync().await.unwrap();
    assert_eq!(counts.streams[DEMANDS].read, 1, "{counts:?}");
    assert!(!house.knows("kunde3@example.org").await);
}

async fn a_hub_with_a_slow_clock_asks_for_what_lies_between(database: Database) {
    let (house, fake) = open::<Reviews>(database).await;
    fake.run_ahead(600);
    house.sync().await.unwrap();
    // After the end the hub asked for by its own clock, and before the vendor's time of that reply.
    fake.with(|reviews| reviews.deletions.push((consumer(3), "2026-11-21T12:05:00Z".to_owned())));
    house.clock.set("2026-11-21T13:00:00Z");
    let counts = house.sync().await.unwrap();
    assert_eq!(counts.streams[DEMANDS].read, 1, "{counts:?}");
    assert_eq!(house.rights.requests(None, 10).await.unwrap().len(), 1);
    // With a fast one nothing is passed over either.
    fake.run_ahead(-600);
    house.sync().await.unwrap();
    fake.with(|reviews| reviews.deletions.push((consumer(4), "2026-11-21T12:55:00Z".to_owned())));
    house.clock.set("2026-11-21T14:00:00Z");
    house.sync().await.unwrap();
    assert_eq!(house.rights.requests(None, 10).await.unwrap().len(), 2);
}

async fn demands_are_heard_when_reviews_may_not_be_read(database: Database) {
    let (house, fake) = open::<Reviews>(database).await;
    house.sync().await.unwrap();
    fake.with(|reviews| {
        reviews.may_read = false;
        reviews.deletions.push((consumer(3), "2026-11-22T08:00:00Z".to_owned()));
    });
    house.clock.set("2026-11-22T12:00:00Z");
    assert_eq!(word(house.sync().await), "permission_missing", "it is told all the same");
    assert_eq!(house.rights.requests(None, 10).await.unwrap().len(), 1);
}

async fn a_page_of_demands_that_is_not_valid_any_more_begins_them_anew(database: Database) {
    let (house, fake) = open::<Reviews>(database).await;
    let at = "2026-11-20T08:00:00Z";
    fake.with(|reviews| reviews.deletions = (0..5).map(|number| (consumer(number), at.to_owned())).collect());
    let revoke = |counts: &Counts| {
        if counts.streams.contains_key(DEMANDS) {
            fake.with(Case::revoke);
        }
    };
    assert_eq!(word(house.syncs.run(SHOP, false, revoke).await), "credentials_refused");
    assert_eq!(house.rights.requests(None, 10).await.unwrap().len(), 2, "those of its first page");
    fake.with(|reviews| {
        reviews.restore();
        reviews.era += 1;
    });
    house.clock.set("2026-11-21T13:00:00Z");
    assert!(house.sync().await.unwrap().streams[DEMANDS].complete);
    assert_eq!(house.rights.requests(None, 10).await.unwrap().len(), 5);
}

async fn one_row_that_names_nobody_keeps_no_other_from_being_heard(database: Database) {
    let (house, fake) = open::<Reviews>(database).await;
    let at = "2026-11-20T08:00:00Z";
    let listed = [consumer(3), String::new(), consumer(4), consumer(5)];
    fake.with(|reviews| reviews.deletions = listed.iter().map(|id| (id.clone(), at.to_owned())).collect());
    for _ in 0..2 {
        let counts = house.syncs.run(SHOP, true, |_| {}).await.unwrap();
        assert_eq!((counts.streams[DEMANDS].read, counts.streams[DEMANDS].rejected), (4, 1), "{counts:?}");
        assert!(counts.streams[DEMANDS].complete);
        assert_eq!(house.rights.requests(None, 10).await.unwrap().len(), 3);
    }
    let told = house.lines().await.into_iter().filter(|line| line.contains("unreadable_demand")).count();
    assert_eq!(told, 1, "the officer is told, and once");
}

async fn an_application_that_acts_for_a_user_is_known_by_the_password(database: Database) {
    let (house, fake) = open::<Reviews>(database).await;
    fake.with(|reviews| reviews.acts_by_itself = false);
    assert_eq!(word(house.sync().await), "credentials_refused");
    house.wait(3_600);
    house.set(&[("user", "erika@example.org"), ("password", "a-password")]).await;
    assert_eq!(house.sync().await.unwrap().streams["reviews"].created, PEOPLE as u64);
    house.wait(3_600);
    house.set(&[("password", "another")]).await;
    assert_eq!(word(house.sync().await), "credentials_refused");
}

async fn whom_the_merchant_invited_is_deleted_and_a_review_is_not(database: Database) {
    let house = House::open(database).await;
    let [fake, invitations] = [(), ()].map(|()| Fake::serve(Reviews::new(), house.clock.clone()));
    let parameters = Reviews::parameters("");
    let parameters: Vec<_> = parameters.iter().map(|(name, value)| (*name, value.as_str())).collect();
    // They lie at another address. Both know the tokens of one.
    let via = [(Reviews::VIA[0], fake.address()), (Reviews::VIA[1], invitations.address())];
    house.connect(Reviews::CONNECTOR, &parameters, &via).await;
    let session = house.syncs.vendors.session(SHOP).await.unwrap();
    session.test().await.unwrap();
    let token = fake.with(|reviews| reviews.token());
    invitations.with(|reviews| reviews.take_token(token));
    let before = fake.calls();
    let forget = async |person: Person| session.connector().clone().erase().unwrap().run(&session, &person).await;
    let report = forget(Reviews::person(3)).await;
    let told: Vec<_> = report.steps.iter().map(|step| (step.leaves, step.promised)).collect();
    assert_eq!(told, [(Some(Leaves::Asked), Some(Leaves::Deleted)), (Some(Leaves::Impossible), None)], "{report:?}");
    assert_eq!((fake.calls() - before, invitations.calls()), (0, 1));
    invitations
        .with(|reviews| assert!(reviews.invited.len() == PEOPLE - 1 && !reviews.invited.contains(&Reviews::email(3))));
    // Without a user nobody may; that is told, and left to somebody.
    house.set(&[("business_user", "")]).await;
    let session = house.syncs.vendors.session(SHOP).await.unwrap();
    session.test().await.unwrap();
    let token = fake.with(|reviews| reviews.token());
    invitations.with(|reviews| reviews.take_token(token));
    let report = session.connector().clone().erase().unwrap().run(&session, &Reviews::person(4)).await;
    assert!(report.steps[0].failure.is_some() && report.steps[0].leaves == Some(Leaves::ManualTask), "{report:?}");
}
