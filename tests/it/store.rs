//! The store's promises on both databases: gathered writes, snapshots, the hot read.

use std::sync::mpsc;

use futures_util::future::join_all;
use obhut::store::audit::{Auditor, Draft};
use obhut::store::rows::{DataKeyRow, HubSecretRow, KekRow, LinkRow, SubjectRow, SubjectState, Who};
use obhut::store::sources::{self, SourceRow};
use obhut::store::{self, Error, Location, Shelf, Store, Write, keys, links, subjects, tombstones};
use obhut::types::{LogId, RecordNo, SourceNo, SubjectId, Timestamp};
use uuid::Uuid;

use crate::databases::{Database, Dialect, on_both_databases};

const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);

on_both_databases!(
    a_refused_write_does_not_take_its_neighbours_with_it,
    a_panicking_write_does_not_take_its_neighbours_with_it,
    a_refused_write_alone_leaves_nothing,
    keys_are_committed_before_records,
    writers_in_each_others_way_converge,
    an_acknowledged_write_is_seen_by_the_next_read_on_every_node,
    a_read_sees_one_snapshot,
    writes_that_wait_are_done_before_the_store_closes,
    an_erased_value_can_be_scrubbed,
    lost_connections_are_opened_anew,
    a_write_that_always_meets_a_conflict_does_not_take_its_neighbours_with_it,
    a_panic_is_not_answered_with_the_run_before_it,
    a_key_is_added_again_only_if_it_is_the_same,
    long_reads_keep_nobody_waiting,
    a_record_that_joins_two_people_at_once_keeps_both_links,
);

async fn a_refused_write_does_not_take_its_neighbours_with_it(database: Database) {
    let store = database.store();
    let answers = gathered(&store, 9, |number| {
        move |write: &mut Write<'_>| {
            add_person(write, number)?;
            if number % 3 == 1 { Err(Error::Unreadable("refused")) } else { Ok(number) }
        }
    })
    .await;
    assert_kept(&database, &answers, |number| number % 3 != 1);
}

async fn a_panicking_write_does_not_take_its_neighbours_with_it(database: Database) {
    let store = database.store();
    let answers = gathered(&store, 9, |number| {
        move |write: &mut Write<'_>| {
            add_person(write, number)?;
            assert!(number != 4, "a job that panics");
            Ok(number)
        }
    })
    .await;
    assert_kept(&database, &answers, |number| number != 4);
    store.write(|write: &mut Write<'_>| add_person(write, 100)).await.unwrap();
}

async fn a_refused_write_alone_leaves_nothing(database: Database) {
    let store = database.store();
    let refused: Result<(), Error> = store
        .write(|write: &mut Write<'_>| {
            add_person(write, 1)?;
            Err(Error::Unreadable("refused"))
        })
        .await;
    assert!(matches!(refused, Err(Error::Unreadable("refused"))));
    assert_eq!((database.count(Shelf::Records, "subject"), database.count(Shelf::Keys, "data_key")), (0, 0));
}

/// The commit of the records is made to fail by a constraint that is checked at its end: the key is there, which
/// nobody uses; a record without its key would be lost.
async fn keys_are_committed_before_records(database: Database) {
    let store = database.store();
    let trigger = match database.dialect() {
        Dialect::Sqlite => "CREATE TRIGGER fail AFTER INSERT ON tombstone BEGIN INSERT INTO fails VALUES (1); END;",
        Dialect::Postgres => {
            "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS
                 'BEGIN INSERT INTO records.fails VALUES (1); RETURN NULL; END';
             CREATE TRIGGER fail AFTER INSERT ON tombstone FOR EACH ROW EXECUTE FUNCTION fail();"
        }
    };
    let tables = "CREATE TABLE nobody (id INTEGER PRIMARY KEY);
         CREATE TABLE fails (id INTEGER REFERENCES nobody (id) DEFERRABLE INITIALLY DEFERRED);";
    database.execute(Shelf::Records, &format!("{tables}{trigger}"));
    let failed: Result<(), Error> = store
        .write(|write: &mut Write<'_>| {
            add_person(write, 1)?;
            tombstones::insert(write, &[[7; 16]], NOW)
        })
        .await;
    assert!(failed.is_err(), "the commit was made to fail");
    assert_eq!(database.count(Shelf::Keys, "data_key"), 1);
    assert_eq!(database.count(Shelf::Records, "subject"), 0);
    assert!(store.healthy(), "a refused constraint is no broken disk");
    store.write(|write: &mut Write<'_>| add_person(write, 2)).await.unwrap();
    assert_eq!(database.count(Shelf::Records, "subject"), 1);
}

/// Each node numbers the sources from what it reads: without one order among them, numbers would be taken twice.
async fn writers_in_each_others_way_converge(database: Database) {
    let nodes = [database.store(), database.store()];
    let writes = (0..24).map(|number| {
        let node = &nodes[number % nodes.len()];
        async move {
            let mut tries = 0;
            loop {
                let code = format!("source_{}", number / 2);
                match node.write(move |write: &mut Write<'_>| sources::ensure(write, source(&code))).await {
                    Ok(row) => return (number / 2, row.source_no),
                    Err(Error::Overloaded) if tries < 50 => tries += 1,
                    Err(cause) => panic!("{cause:?}"),
                }
            }
        }
    });
    let mut made = join_all(writes).await;
    made.sort_unstable();
    made.dedup();
    assert_eq!(made.len(), 12, "the nodes disagree on a source's number: {made:?}");
    let mut numbers: Vec<i32> = made.iter().map(|(_, number)| number.0).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=12).collect::<Vec<i32>>());
}

async fn an_acknowledged_write_is_seen_by_the_next_read_on_every_node(database: Database) {
    let nodes = [database.store(), database.store()];
    for number in 0..40 {
        let writer = &nodes[number % 2];
        writer.write(move |write: &mut Write<'_>| add_person(write, number)).await.unwrap();
        for node in &nodes {
            let seen = node.read(move |read| subjects::find(read.records(), person(number))).await;
            assert!(seen.unwrap().is_some(), "person {number} was acknowledged and is not seen");
        }
    }
}

async fn a_read_sees_one_snapshot(database: Database) {
    let store = database.store();
    let writer = store.clone();
    let (ask, asked) = mpsc::channel::<()>();
    let (tell, told) = mpsc::channel::<()>();
    let writing = tokio::task::spawn_blocking(move || asked.recv().unwrap());
    let writing = tokio::spawn(async move {
        writing.await.unwrap();
        writer.write(|write: &mut Write<'_>| add_person(write, 1)).await.unwrap();
        tell.send(()).unwrap();
    });
    let (before, after) = store
        .read(move |read| {
            let before = subjects::find(read.records(), person(1))?;
            ask.send(()).unwrap();
            told.recv().unwrap();
            Ok::<_, Error>((before, subjects::find(read.records(), person(1))?))
        })
        .await
        .unwrap();
    writing.await.unwrap();
    assert_eq!((before, after), (None, None), "a write came into a running snapshot");
    let now = store.read(|read| subjects::find(read.records(), person(1))).await.unwrap();
    assert!(now.is_some());
}

async fn writes_that_wait_are_done_before_the_store_closes(database: Database) {
    let store = database.store();
    let (release, released) = mpsc::channel::<()>();
    let (begin, _begun) = mpsc::channel::<()>();
    let blocking = tokio::spawn(occupied(store.clone(), begin, released));
    let waiting: Vec<_> = (0..20)
        .map(|number| {
            let store = store.clone();
            tokio::spawn(async move { store.write(move |write: &mut Write<'_>| add_person(write, number)).await })
        })
        .collect();
    drop(store);
    release.send(()).unwrap();
    blocking.await.unwrap();
    for write in waiting {
        write.await.unwrap().unwrap();
    }
    assert_eq!(database.count(Shelf::Records, "subject"), 20);
}

/// No byte of an erased row is left in the files of the embedded database.
async fn an_erased_value_can_be_scrubbed(database: Database) {
    let store = database.store();
    let secret = b"a wrapped key that nobody may find again";
    let row = DataKeyRow { wrapped: secret.to_vec(), ..data_key(person(1)) };
    store.write(move |write: &mut Write<'_>| keys::insert_data_key(write, &row)).await.unwrap();
    if let Location::Sqlite(directory) = database.location() {
        assert!(holds(directory, secret), "the test looks in the wrong place");
    }
    let deleted = store.write(|write: &mut Write<'_>| keys::delete_data_keys(write, &[person(1)])).await.unwrap();
    assert_eq!(deleted, 1);
    assert!(store.scrub().await.unwrap());
    if let Location::Sqlite(directory) = database.location() {
        assert!(!holds(directory, secret), "an erased value is still in the files");
    }
    assert_eq!(database.count(Shelf::Keys, "data_key"), 0);
}

async fn lost_connections_are_opened_anew(database: Database) {
    let store = database.store();
    let link = |_, _: &[u8; 32], _, _: &Draft| [9; 32];
    let log = LogId::from_uuid(Uuid::from_u128(7));
    let auditor = Auditor::start(database.location(), log, NOW, link).unwrap();
    let draft = || Draft { recorded_at: NOW, act: 1, body: b"{}".to_vec(), subjects: Vec::new() };
    for number in 0..3 {
        database.disconnect();
        store.write(move |write: &mut Write<'_>| add_person(write, number)).await.unwrap();
        database.disconnect();
        // More of them than there are reading connections.
        for _ in 0..5 {
            let seen = store.read(move |read| subjects::find(read.records(), person(number))).await;
            assert!(seen.unwrap().is_some());
        }
        database.disconnect();
        for _ in 0..5 {
            let seen = store.subjects(vec![Who::Subject(person(number))]).await.unwrap();
            assert_eq!(seen[0].as_ref().unwrap().keys.len(), 1);
        }
        database.disconnect();
        let place = auditor.append(vec![draft()]).await.unwrap()[0];
        assert_eq!(place.idx, i64::try_from(number).unwrap());
    }
}

async fn a_write_that_always_meets_a_conflict_does_not_take_its_neighbours_with_it(database: Database) {
    let store = database.store();
    let answers = gathered(&store, 9, |number| {
        move |write: &mut Write<'_>| {
            add_person(write, number)?;
            if number == 4 {
                add_person(write, number)?;
            }
            Ok(number)
        }
    })
    .await;
    assert_kept(&database, &answers, |number| number != 4);
}

async fn a_panic_is_not_answered_with_the_run_before_it(database: Database) {
    let store = database.store();
    let answers = gathered(&store, 2, |number| {
        let mut runs = 0;
        move |write: &mut Write<'_>| {
            runs += 1;
            assert!(number == 1 || runs == 1, "a job that panics when it runs again");
            add_person(write, number)?;
            if number == 1 && runs == 1 {
                add_person(write, number)?;
            }
            Ok(number)
        }
    })
    .await;
    assert_kept(&database, &answers, |number| number == 1);
}

async fn a_key_is_added_again_only_if_it_is_the_same(database: Database) {
    let store = database.store();
    let row = data_key(person(1));
    let kek = KekRow { epoch: 1, wrapped: vec![1; 60], created_at: NOW, destroyed_at: None };
    let secret = HubSecretRow { name: "one".to_owned(), wrapped: vec![1; 60], created_at: NOW };
    let add = |row: DataKeyRow, kek: KekRow, secret: HubSecretRow| {
        store.write(move |write: &mut Write<'_>| {
            keys::insert_data_key(write, &row)?;
            keys::insert_kek(write, &kek)?;
            keys::insert_hub_secret(write, &secret)
        })
    };
    for _ in 0..2 {
        add(row.clone(), kek.clone(), secret.clone()).await.unwrap();
    }
    let others = [
        add(DataKeyRow { wrapped: vec![9; 60], ..row.clone() }, kek.clone(), secret.clone()).await,
        add(row.clone(), KekRow { wrapped: vec![9; 60], ..kek.clone() }, secret.clone()).await,
        add(row, kek, HubSecretRow { wrapped: vec![9; 60], ..secret }).await,
    ];
    for other in others {
        assert!(matches!(other, Err(Error::Taken)), "{other:?}");
    }
}

async fn long_reads_keep_nobody_waiting(database: Database) {
    let store = database.store();
    store.write(|write: &mut Write<'_>| add_person(write, 1)).await.unwrap();
    let (releases, reads): (Vec<_>, Vec<_>) = (0..5)
        .map(|_| {
            let (release, released) = mpsc::channel::<()>();
            let store = store.clone();
            let read = tokio::spawn(async move {
                store
                    .read_apart(move |read| {
                        released.recv().unwrap();
                        subjects::find(read.records(), person(1))
                    })
                    .await
            });
            (release, read)
        })
        .unzip();
    for _ in 0..6 {
        store.read(|read| subjects::find(read.records(), person(1))).await.unwrap().unwrap();
    }
    releases.into_iter().for_each(|release| release.send(()).unwrap());
    for read in reads {
        read.await.unwrap().unwrap().unwrap();
    }
}

async fn a_record_that_joins_two_people_at_once_keeps_both_links(database: Database) {
    let store = database.store();
    let link = |merged_from| LinkRow {
        merged_from,
        ..LinkRow::by_rule(person(1), person(1).part(), RecordNo(5), 2, None, NOW)
    };
    let all = [None, Some(person(2).into()), Some(person(3).into()), None].map(link);
    store
        .write(move |write: &mut Write<'_>| all.iter().cloned().try_for_each(|row| links::insert(write, row)))
        .await
        .unwrap();
    let stored = store.read(|read| links::of(read.records(), person(1))).await.unwrap();
    let merged: Vec<_> = stored.into_iter().map(|row| row.merged_from).collect();
    assert_eq!(merged, [None, Some(person(2).into()), Some(person(3).into())]);
}

/// Who reads then finds everything in the file, which is mapped, and looks for nothing in the log.
#[actix_web::test]
async fn what_was_written_is_in_the_file_when_nobody_writes_any_more() {
    let database = Database::sqlite();
    let store = database.store();
    let Location::Sqlite(directory) = database.location() else { panic!("not embedded") };
    let file = directory.join("keys.db");
    let mark = b"a wrapped key in the log and then in the file";
    // More than what stays in the log because it disturbs nobody there.
    let row = DataKeyRow { wrapped: mark.repeat(200_000), ..data_key(person(1)) };
    store.write(move |write: &mut Write<'_>| keys::insert_data_key(write, &row)).await.unwrap();
    let is_there = || std::fs::read(&file).unwrap().windows(mark.len()).any(|window| window == mark);
    for _ in 0..100 {
        if is_there() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("it is in the log alone");
}

#[test]
fn the_data_directory_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let database = Database::sqlite();
    drop(database.store());
    let Location::Sqlite(directory) = database.location() else { panic!("not embedded") };
    assert_eq!(std::fs::metadata(directory).unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn an_address_that_cannot_be_reached_is_not_repeated() {
    let location = Location::parse("postgres://someone:hunter2@127.0.0.1:1/nowhere", None).unwrap();
    let cause = store::Store::open(&location).err().unwrap();
    assert!(!format!("{cause} {cause:?}").contains("hunter2"));
}

/// Does a file below `directory` hold these bytes?
fn holds(directory: &std::path::Path, bytes: &[u8]) -> bool {
    let mut files = crate::databases::files_below(directory).into_iter();
    files.any(|file| std::fs::read(file).unwrap().windows(bytes.len()).any(|window| window == bytes))
}

/// Runs `count` writes in one batch: the writer is kept busy until all of them wait.
async fn gathered<F>(store: &Store, count: usize, job: impl Fn(usize) -> F) -> Vec<Result<usize, Error>>
where
    F: FnMut(&mut Write<'_>) -> Result<usize, Error> + Send + 'static,
{
    let (release, released) = mpsc::channel::<()>();
    let (begin, begun) = mpsc::channel::<()>();
    let mut busy = Box::pin(occupied(store.clone(), begin, released));
    // Handed in by the first poll; once it runs, everything that comes waits for the next batch.
    std::future::poll_fn(|context| std::task::Poll::Ready(busy.as_mut().poll(context).is_ready())).await;
    begun.recv().unwrap();
    let jobs = join_all((0..count).map(|number| store.write(job(number))));
    let release = async {
        // The futures before this one were polled first, so all of them wait by now.
        release.send(()).unwrap();
    };
    let ((), answers, ()) = futures_util::future::join3(busy, jobs, release).await;
    answers
}

/// A write that lasts until it is released.
async fn occupied(store: Store, begin: mpsc::Sender<()>, released: mpsc::Receiver<()>) {
    let mut first = true;
    store
        .write(move |_: &mut Write<'_>| {
            if std::mem::take(&mut first) {
                begin.send(()).unwrap();
                released.recv().unwrap();
            }
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
}

fn assert_kept(database: &Database, answers: &[Result<usize, Error>], kept: impl Fn(usize) -> bool) {
    for (number, answer) in answers.iter().enumerate() {
        assert_eq!(answer.as_ref().ok().copied(), kept(number).then_some(number), "write {number}: {answer:?}");
    }
    let expected = i64::try_from((0..answers.len()).filter(|number| kept(*number)).count()).unwrap();
    assert_eq!(database.count(Shelf::Records, "subject"), expected);
    assert_eq!(database.count(Shelf::Keys, "data_key"), expected);
}

fn person(number: usize) -> SubjectId {
    SubjectId::from_uuid(Uuid::from_u128(0x1000 + u128::try_from(number).unwrap()))
}

/// A person with a key: something on both shelves.
fn add_person(write: &mut Write<'_>, number: usize) -> Result<(), Error> {
    let id = person(number);
    let state = SubjectState::Living as i16;
    let (part, merged_at) = (id.part(), Timestamp::UNSET);
    subjects::insert(
        write,
        &SubjectRow { part, subject_id: id, merged_into: None, merged_at, state, created_at: NOW },
    )?;
    keys::insert_data_key(write, &data_key(id))
}

fn data_key(subject: SubjectId) -> DataKeyRow {
    let (part, created_at) = (subject.part(), NOW);
    let (wrapped, commitment, salts) = (vec![1; 60], vec![2; 32], vec![3; 160]);
    DataKeyRow { part, subject, key_no: 1, epoch: 1, wrapped, commitment, salts, created_at }
}

fn source(code: &str) -> SourceRow {
    SourceRow {
        source_no: SourceNo(0),
        code: code.to_owned(),
        title: String::new(),
        connector: "generic".to_owned(),
        policy: "{}".to_owned(),
        created_at: NOW,
    }
}
