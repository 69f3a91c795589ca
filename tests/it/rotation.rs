//! Turning the key epoch on both databases: interrupted, at the same time on two nodes, and on time.

use std::sync::Arc;

use obhut::audit::Book;
use obhut::jobs::rotate_keys::KeyRotation;
use obhut::store::rows::KekRow;
use obhut::store::{Error, Store, Write, keys};
use obhut::types::{Clock as _, SubjectId, Timestamp};
use obhut::vault::{self, CredentialRoot, Keyring, Sealer};
use uuid::Uuid;

use crate::clock_and_chance::{SeededChance, StoppedClock, ids};
use crate::databases::{Database, on_both_databases};

/// More than one transaction wraps again.
const PEOPLE: u128 = 1_200;

on_both_databases!(
    a_rotation_wraps_all_keys_again_and_destroys_the_old_epoch,
    an_interrupted_rotation_goes_on,
    two_nodes_that_begin_at_once_end_with_one_epoch,
    a_rotation_waits_until_it_is_due,
);

async fn a_rotation_wraps_all_keys_again_and_destroys_the_old_epoch(database: Database) {
    let node = Node::start(&database, 1).await;
    node.add_people().await;
    let done = node.rotation.rotate(|_, _| {}).await.unwrap();
    assert_eq!((done.epoch, done.rewrapped, done.destroyed), (2, 1_200, vec![1]));
    node.assert_all_open_under(2).await;
    assert!(node.keks().await[0].wrapped.is_empty(), "a destroyed epoch is still there");
}

async fn an_interrupted_rotation_goes_on(database: Database) {
    let node = Node::start(&database, 1).await;
    node.add_people().await;
    let rotation = Arc::clone(&node.rotation);
    let interrupted = tokio::spawn(async move {
        rotation.rotate(|wrapped, left| assert!(left == 0, "interrupted after {wrapped}")).await
    });
    assert!(interrupted.await.is_err(), "the rotation was not interrupted");
    let living = node.keks().await.into_iter().filter(|row| row.destroyed_at.is_none()).count();
    assert_eq!(living, 2, "an epoch that still wraps keys is gone");
    // Another process, and long before the next rotation is due.
    let other = Node::start(&database, 2).await;
    let done = other.rotation.rotate_if_due(90).await.unwrap().unwrap();
    assert_eq!((done.epoch, done.destroyed.as_slice()), (2, [1].as_slice()));
    assert!((1..1_200).contains(&done.rewrapped), "{done:?}");
    other.assert_all_open_under(2).await;
}

async fn two_nodes_that_begin_at_once_end_with_one_epoch(database: Database) {
    let nodes = [Node::start(&database, 1).await, Node::start(&database, 2).await];
    nodes[0].add_people().await;
    for node in &nodes {
        node.clock.pass(91 * Timestamp::DAY);
    }
    let [one, other] = nodes.each_ref().map(|node| {
        let rotation = Arc::clone(&node.rotation);
        // Two nodes may be in each other's way; then the job runs again later.
        tokio::spawn(async move { rotation.rotate_if_due(90).await })
    });
    let (one, other) = (one.await.unwrap(), other.await.unwrap());
    assert!(one.is_ok() || other.is_ok(), "{one:?} {other:?}");
    for node in &nodes {
        node.rotation.rotate_if_due(90).await.unwrap();
    }
    let keks = nodes[0].keks().await;
    let living: Vec<i32> = keks.iter().filter(|row| row.destroyed_at.is_none()).map(|row| row.epoch).collect();
    assert_eq!(living, [2], "{:?}", keks.len());
    for node in &nodes {
        node.assert_all_open_under(2).await;
    }
}

async fn a_rotation_waits_until_it_is_due(database: Database) {
    let node = Node::start(&database, 1).await;
    node.clock.pass(90 * Timestamp::DAY - 1);
    assert_eq!(node.rotation.rotate_if_due(90).await.unwrap(), None);
    node.clock.pass(1);
    assert_eq!(node.rotation.rotate_if_due(90).await.unwrap().unwrap().epoch, 2);
    // The clock stands still: nothing is due again.
    assert_eq!(node.rotation.rotate_if_due(90).await.unwrap(), None);
}

/// A process with keys.
struct Node {
    clock: Arc<StoppedClock>,
    store: Store,
    sealer: Arc<Sealer>,
    keyring: Arc<Keyring>,
    rotation: Arc<KeyRotation>,
}

impl Node {
    #[expect(clippy::disallowed_methods, reason = "a test is its own wiring")]
    async fn start(database: &Database, seed: u64) -> Self {
        let (clock, chance) = (StoppedClock::at("2026-11-21T12:00:00Z"), SeededChance::of(seed));
        let store = database.store();
        let root = Arc::new(CredentialRoot::from_text(&"2a".repeat(32)).unwrap());
        let (kek, secrets) = vault::first_secrets(&*root, &*chance, clock.now()).unwrap();
        store
            .write(move |write: &mut Write<'_>| {
                if keys::newest_epoch(write)?.is_none() {
                    keys::insert_kek(write, &kek)?;
                    secrets.iter().try_for_each(|secret| keys::insert_hub_secret(write, secret))?;
                }
                Ok::<_, Error>(())
            })
            .await
            .unwrap();
        let keks = store.read(keys::keks).await.unwrap();
        let secrets = store.read(keys::hub_secrets).await.unwrap();
        let keys = vault::unlock(&*root, &keks, &secrets, chance.clone()).unwrap();
        let keyring = Arc::new(Keyring::new(keys.ring, root, store.clone()));
        let book = Arc::new(Book::open(&store, &ids(&clock, &chance), clock.clone()).await.unwrap());
        let rotation = KeyRotation::new(keys.rotator, keyring.clone(), store.clone(), book, clock.clone());
        Self { clock, store, sealer: Arc::new(keys.sealer), keyring, rotation: Arc::new(rotation) }
    }

    async fn add_people(&self) {
        let (sealer, now) = (Arc::clone(&self.sealer), self.clock.now());
        let rows: Vec<_> = people().map(|person| sealer.new_data_key(person, 1, now).unwrap()).collect();
        self.store
            .write(move |write: &mut Write<'_>| rows.iter().try_for_each(|row| keys::insert_data_key(write, row)))
            .await
            .unwrap();
    }

    async fn keks(&self) -> Vec<KekRow> {
        self.store.read(keys::keks).await.unwrap()
    }

    async fn assert_all_open_under(&self, epoch: i32) {
        self.keyring.reload().await.unwrap();
        let all: Vec<SubjectId> = people().collect();
        let rows = self.store.read(move |read| keys::data_keys(read.keys(), &all)).await.unwrap();
        assert_eq!(rows.len(), people().count());
        for row in rows {
            assert_eq!(row.epoch, epoch);
            assert!(self.sealer.with_key(&row).is_ok(), "a key cannot be opened any more");
        }
    }
}

fn people() -> impl Iterator<Item = SubjectId> {
    (1..=PEOPLE).map(|number| SubjectId::from_uuid(Uuid::from_u128(number)))
}
