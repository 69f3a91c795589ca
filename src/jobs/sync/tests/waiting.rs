//! Syncs that wait for a report, and how its file is fetched.

use std::sync::Arc;

use super::house::{House, SHOP, brought, word};
use super::reports::{BEGIN, REPORT, made, open};
use crate::connect::{Catalog, Counts};
use crate::databases::{Database, on_both_databases};
use crate::store::connections;
use crate::store::syncs::SyncState;
use crate::types::{Clock as _, Timestamp};
use crate::vendors::teekontor::Teekontor;
use crate::vendors::{Break, Fake};

on_both_databases!(
    a_report_that_is_not_ready_holds_nobody_up,
    a_file_that_is_guarded_is_asked_for_as_every_call_is,
    a_file_that_lies_with_somebody_else_is_not_asked_for,
    a_file_is_fetched_as_fast_as_the_vendor_allows,
);

async fn a_report_that_is_not_ready_holds_nobody_up(database: Database) {
    // Beside it a stream that is ready.
    let orders = "  orders:\n    detect: 'false'\n    objects: .items[]\n    records: '{type: \"order\", external_id: (.id | text), updated_at: .changed, data: {number: (.id | text)}}'\n    \
        fields: {commerce: [data.number]}\n    pull: {request: {path: /customers, query: {limit: \"{limit}\", cursor: \"{token}\"}}, paging: {size: 10, token: .next}}\n";
    let (house, fake) = open(database, &format!("{REPORT}{orders}")).await;
    let row = async || house.syncs.vendors.connections.rows().await.unwrap().remove(0);
    let part = async || house.syncs.run_part(SHOP, false, |_| {}).await.unwrap();
    let now = house.clock.now();
    let (counts, waits) = part().await;
    assert_eq!(waits, Some(std::time::Duration::from_secs(45)));
    // Nothing was waited for, the lease is free, and it is known when it goes on.
    assert_eq!((house.waited(), house.clock.now()), (0, now));
    let waiting = row().await;
    assert_eq!((waiting.lease_until, waiting.failures), (Timestamp::UNSET, 0));
    assert_eq!(waiting.next_at, now.plus(45 * Timestamp::SECOND));
    assert!(!waiting.is_due(now) && waiting.is_due(waiting.next_at));
    assert_eq!((counts.streams["orders"].read, counts.streams["customers"].complete), (25, false));
    assert_eq!(house.history().await[0].state, SyncState::Waiting.number());
    // Whoever looks too early does not look: the vendor counts its looks.
    let calls = fake.calls();
    let (_, waits) = part().await;
    assert_eq!((waits, fake.calls()), (Some(std::time::Duration::from_secs(45)), calls));
    // Nor is anything read again meanwhile.
    house.wait(45);
    assert!(part().await.1.is_some());
    house.wait(45);
    let (counts, waits) = part().await;
    assert_eq!((waits, counts.streams["customers"].created, counts.streams["orders"].read), (None, 25, 25));
    let lists = fake.calls_since(0).iter().filter(|call| call.as_str() == "GET /v2/customers").count();
    assert_eq!((lists, made(&fake).len()), (3, 1));
    // To whoever looks at the history it was one sync.
    let history = house.history().await;
    assert_eq!((history.len(), history[0].state), (1, SyncState::Done.number()));
    assert_eq!((Counts::parse(&history[0].counts), history[0].begun_at), (counts, now));
    let next = row().await.next_at;
    let spread = |seconds: i64| house.clock.now().plus(seconds * Timestamp::SECOND);
    assert!(spread(900) <= next && next <= spread(990), "{next:?}");
    // Who asks for what is new while it waits is told what is new.
    house.wait(900);
    assert!(part().await.1.is_some());
    let (source, now) = (house.source(), house.clock.now());
    assert!(house.store.write(move |write| connections::want(write, source, now)).await.unwrap());
    assert!(row().await.is_due(now));
    assert_eq!(part().await.0.streams["orders"].read, 50, "twice in this sync");
}

/// As [`BEGIN`], with a token that ends.
fn with_tokens(pull: &str) -> Catalog {
    let token = "oauth2_client_credentials: {token_url: \"{shop_url}/oauth/token\", client_id: tee-client, client_secret: tee-secret, basic: true}";
    let begin = BEGIN.replace("{headers: {Authorization: \"Token {api_token}\"}}", &format!("{{{token}}}"));
    assert_ne!(begin, BEGIN);
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("teekontor")).unwrap();
    std::fs::write(directory.path().join("teekontor/manifest.yaml"), format!("{}{pull}", begin.trim_end())).unwrap();
    Catalog::read(directory.path()).unwrap()
}

async fn a_file_that_is_guarded_is_asked_for_as_every_call_is(database: Database) {
    let guarded = REPORT.replace("url: .url", "url: .url\n        authenticated: true");
    let house = House::open_with(database, Arc::new(with_tokens(&guarded))).await;
    let fake = Fake::serve(Teekontor::with_people(25, 10), house.clock.clone());
    house.connect("teekontor", &[("shop_url", fake.address()), ("api_token", "none")], &[]).await;
    fake.with(|tee| (tee.reports.guarded, tee.reports.takes) = (true, 0));
    // The token, asked for, ready, where it is: then the token ends before its time.
    fake.break_calls(4, &[Break::Status(401)]);
    assert_eq!(brought(&house.sync().await.unwrap()), [25, 0, 0, 0, 0]);
    assert_eq!(fake.with(|tee| tee.grants.asked.len()), 2);
    // Refused with a fresh one as well, it is told as every refusal of credentials.
    house.wait(7_200);
    fake.break_calls(4, &[Break::Status(401)]);
    fake.break_calls(6, &[Break::Status(401)]);
    assert_eq!(word(house.syncs.run(SHOP, true, |_| {}).await), "credentials_refused");
}

async fn a_file_that_lies_with_somebody_else_is_not_asked_for(database: Database) {
    let (house, fake) = open(database, REPORT).await;
    fake.with(|tee| (tee.reports.takes, tee.reports.elsewhere) = (0, Some("https://files.example")));
    let Err(error) = house.sync().await else { panic!("it must fail") };
    assert!(error.to_string().contains("`files.example`") && !error.to_string().contains("signature"), "{error}");
    assert_eq!(word(house.sync().await), "foreign_host");
    assert_eq!(house.records(), 0);
    // Nor one in the hub's own network.
    fake.with(|tee| tee.reports.elsewhere = Some("http://169.254.169.254"));
    house.wait(7_200);
    assert_eq!(word(house.sync().await), "foreign_host");
}

async fn a_file_is_fetched_as_fast_as_the_vendor_allows(database: Database) {
    let (house, fake) = open(database, REPORT).await;
    fake.with(|tee| tee.reports.takes = 0);
    // All its calls of this minute are used up but three: the file is the fourth.
    let session = house.syncs.vendors.session(SHOP).await.unwrap();
    for _ in 0..57 {
        session.test().await.unwrap();
    }
    house.waited();
    assert_eq!(brought(&house.sync().await.unwrap()), [25, 0, 0, 0, 0]);
    assert!((55..=61).contains(&house.waited()), "the file waits for the window");
    // A file that is refused for haste holds the source.
    house.wait(7_200);
    fake.break_calls(3, &[Break::Throttle(Some("3600")); 4]);
    let told = house.clock.now();
    assert_eq!(word(house.syncs.run(SHOP, true, |_| {}).await), "throttled");
    let row = house.syncs.vendors.connections.rows().await.unwrap().remove(0);
    assert!(row.next_at >= told.plus(3_600 * Timestamp::SECOND), "{row:?}");
}
