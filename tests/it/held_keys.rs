//! A key that a write chose to seal with is neither ended nor deleted by another node until what it seals is stored.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::Duration;

use obhut::store::rows::DataKeyRow;
use obhut::store::{Error, Store, Write, keys};
use obhut::types::{SubjectId, Timestamp};
use uuid::Uuid;

use crate::databases::{Database, on_both_databases};

on_both_databases!(
    a_category_does_not_end_while_it_is_written_to,
    a_person_is_not_shredded_while_they_are_written_to,
    wrapping_many_anew_leaves_alone_what_changed_since_they_were_read,
);

/// Long enough for a statement that nothing keeps waiting.
const PATIENCE: Duration = Duration::from_millis(400);

fn data_key() -> DataKeyRow {
    let subject = SubjectId::from_uuid(Uuid::from_u128(7));
    DataKeyRow {
        part: subject.part(),
        subject,
        key_no: 1,
        epoch: 1,
        wrapped: vec![1; 60],
        commitment: vec![1; 16],
        salts: vec![1; 160],
        created_at: Timestamp::from_micros(1_800_000_000_000_000),
    }
}

/// One node holds the key and stays; another does `change` to it, is kept waiting, and answers then.
async fn change_while_held<T: Send + 'static>(
    database: &Database,
    change: impl FnMut(&mut Write<'_>) -> Result<T, Error> + Send + 'static,
) -> T {
    let (one, other): (Store, Store) = (database.store(), database.store());
    let key = data_key();
    one.write(move |write: &mut Write<'_>| keys::insert_data_key(write, &key)).await.unwrap();
    let (held, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let (is_held, may_end) = (held.clone(), done.clone());
    let holding = tokio::spawn(async move {
        one.write(move |write: &mut Write<'_>| {
            assert_eq!(keys::hold_data_keys(write, &[data_key().subject])?, [data_key()]);
            is_held.store(true, Ordering::Release);
            while !may_end.load(Ordering::Acquire) {
                sleep(Duration::from_millis(5));
            }
            Ok::<(), Error>(())
        })
        .await
    });
    while !held.load(Ordering::Acquire) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let mut changing = tokio::spawn(async move { other.write(change).await });
    let early = tokio::time::timeout(PATIENCE, &mut changing).await;
    done.store(true, Ordering::Release);
    assert!(early.is_err(), "the key was changed while it was held");
    holding.await.unwrap().unwrap();
    changing.await.unwrap().unwrap()
}

async fn a_category_does_not_end_while_it_is_written_to(database: Database) {
    let ended = DataKeyRow { salts: vec![0; 160], ..data_key() };
    let changed = change_while_held(&database, move |write| keys::update_data_key(write, &data_key(), &ended)).await;
    assert!(changed, "the end of a category that waited was lost");
}

async fn a_person_is_not_shredded_while_they_are_written_to(database: Database) {
    let deleted = change_while_held(&database, |write| keys::delete_data_keys(write, &[data_key().subject])).await;
    assert_eq!(deleted, 1);
}

async fn wrapping_many_anew_leaves_alone_what_changed_since_they_were_read(database: Database) {
    let store = database.store();
    let read: Vec<DataKeyRow> = (1..=4).map(|key_no| DataKeyRow { key_no, ..data_key() }).collect();
    let wrapped = |old: &DataKeyRow| DataKeyRow { epoch: 2, wrapped: vec![2; 60], salts: vec![2; 160], ..old.clone() };
    let again: Vec<(DataKeyRow, DataKeyRow)> = read.iter().map(|old| (old.clone(), wrapped(old))).collect();
    // Of one a category has ended, one is wrapped anew already, and one is gone.
    let [same, ended, other] = [0, 1, 2].map(|at| read[at].clone());
    let ended = DataKeyRow { salts: vec![0; 160], ..ended };
    let other = DataKeyRow { wrapped: vec![3; 60], ..other };
    let stored = [same.clone(), ended.clone(), other.clone()];
    let changed = store.write(move |write: &mut Write<'_>| {
        keys::insert_data_keys(write, &stored)?;
        keys::update_data_keys(write, &again)
    });
    assert_eq!(changed.await.unwrap(), 1);
    let now = store.read(|read| keys::data_keys(read.keys(), &[data_key().subject])).await.unwrap();
    assert_eq!(now, [wrapped(&same), ended, other]);
}
