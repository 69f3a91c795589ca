use std::collections::{BTreeMap, BTreeSet};

use diesel::connection::SimpleConnection as _;
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::store::newcomers::Newcomers;
use crate::store::rows::CardRow;
use crate::store::{Location, Store, Write, cards};
use crate::types::{SourceNo, SubjectId};

/// The keys there are: so few that each leads to several records.
const KEYS: i64 = 40;
/// Keys of a card.
const OF_A_CARD: usize = 12;

/// What somebody does at one of two processes.
#[derive(Clone, Debug)]
enum Act {
    /// So many new cards, with keys from this one on. `late`: their numbers were given before those of others.
    Add {
        cards: usize,
        first: i64,
        late: bool,
    },
    /// The same, and then the job is refused.
    AddInVain {
        cards: usize,
        first: i64,
    },
    /// Both in one transaction, in which the refused job is undone by itself.
    AddBeside {
        cards: usize,
        first: i64,
    },
    /// One of the cards has other keys, and others again in the same transaction.
    Replace {
        which: usize,
        first: i64,
    },
    /// A card is replaced, another deleted, and then the job is refused, beside one that is kept.
    ReplaceInVain {
        which: usize,
        first: i64,
    },
    Delete {
        which: usize,
    },
    Silence {
        which: usize,
    },
    /// The process dies and begins anew.
    Restart,
}

fn acts() -> impl Strategy<Value = Vec<(bool, Act)>> {
    let first = 0..KEYS;
    let act = prop_oneof![
        4 => (1_usize..30, first.clone(), proptest::bool::weighted(0.2))
            .prop_map(|(cards, first, late)| Act::Add { cards, first, late }),
        1 => (1_usize..30, first.clone()).prop_map(|(cards, first)| Act::AddInVain { cards, first }),
        1 => (1_usize..30, first.clone()).prop_map(|(cards, first)| Act::AddBeside { cards, first }),
        2 => (any::<usize>(), first.clone()).prop_map(|(which, first)| Act::Replace { which, first }),
        1 => (any::<usize>(), first).prop_map(|(which, first)| Act::ReplaceInVain { which, first }),
        1 => any::<usize>().prop_map(|which| Act::Delete { which }),
        1 => any::<usize>().prop_map(|which| Act::Silence { which }),
        1 => Just(Act::Restart),
    ];
    proptest::collection::vec((proptest::bool::weighted(0.2), act), 1..40)
}

fn card(record: i64, first: i64) -> CardRow {
    let person = SubjectId::from_slice(&[u8::try_from(record % 200).unwrap(); 16]).unwrap();
    let keys = (0..i64::try_from(OF_A_CARD).unwrap()).map(|step| (first + step * (record % 3 + 1)) % KEYS);
    CardRow {
        record_no: RecordNo(record),
        subject_id: person,
        sealed_for: person,
        key_no: 0,
        source_no: SourceNo(1),
        named: vec![1],
        sealed: vec![2],
        matching_keys: keys.flat_map(i64::to_be_bytes).collect(),
        terms: None,
    }
}

/// What is to be found: the cards, each with its keys.
#[derive(Default)]
struct Model {
    cards: BTreeMap<i64, BTreeSet<i64>>,
    next: i64,
}

impl Model {
    /// The next numbers: after all others, or in a gap that was left.
    fn numbers(&mut self, cards: usize, late: bool) -> Vec<i64> {
        let numbers: Vec<i64> = if late {
            (1..self.next).filter(|number| number % 10 == 9 && !self.cards.contains_key(number)).take(cards).collect()
        } else {
            (self.next..).filter(|number| number % 10 != 9).take(cards).collect()
        };
        self.next = self.next.max(numbers.last().map_or(0, |last| last + 1));
        numbers
    }

    fn any(&self, which: usize) -> Option<i64> {
        self.cards.keys().nth(which.checked_rem(self.cards.len())?).copied()
    }

    fn put(&mut self, card: &CardRow) {
        self.cards.insert(card.record_no.0, card.keys().collect());
    }

    fn found(&self) -> Vec<Vec<RecordNo>> {
        let under = |key| self.cards.iter().filter(move |(_, keys)| keys.contains(&key));
        (0..KEYS).map(|key| under(key).map(|(record, _)| RecordNo(*record)).take(cards::BLOCK + 1).collect()).collect()
    }
}

struct Two {
    directory: TempDir,
    stores: [Store; 2],
    model: Model,
}

impl Two {
    fn open() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let stores = [(); 2].map(|()| open(&directory));
        Self { directory, stores, model: Model { next: 1, ..Model::default() } }
    }

    fn write<T: Send + 'static>(&self, at: usize, mut work: impl FnMut(&mut Write<'_>) -> T + Send + 'static) -> T {
        block_on(self.stores[at].write(move |write| Ok::<_, Error>(work(write)))).unwrap()
    }

    fn act(&mut self, at: usize, act: Act) {
        match act {
            Act::Add { cards, first, late } => {
                let cards = new(self.model.numbers(cards, late), cards, first);
                cards.iter().for_each(|card| self.model.put(card));
                block_on(self.stores[at].write(kept(cards))).unwrap();
            }
            Act::AddInVain { cards, first } => {
                let cards = new(self.model.next.., cards, first);
                block_on(self.stores[at].write(refused(cards))).unwrap_err();
            }
            Act::AddBeside { cards, first } => {
                let in_vain = new(self.model.next.., cards, first);
                let cards = new(self.model.numbers(cards, false), cards, first);
                cards.iter().for_each(|card| self.model.put(card));
                // While the first sleeps, the others come together.
                let slow = self.stores[at].write(|_| {
                    std::thread::sleep(std::time::Duration::from_millis(5));
                    Ok::<_, Error>(())
                });
                let (refused, kept) = (self.stores[at].write(refused(in_vain)), self.stores[at].write(kept(cards)));
                let (slow, refused, kept) = block_on(async { tokio::join!(slow, refused, kept) });
                assert!(slow.is_ok() && refused.is_err() && kept.is_ok());
            }
            Act::Replace { which, first } => {
                let Some(record) = self.model.any(which) else { return };
                let card = card(record, first);
                self.model.put(&card);
                self.write(at, move |write| {
                    let between = CardRow { matching_keys: 7_i64.to_be_bytes().to_vec(), ..card.clone() };
                    cards::put(write, between).unwrap();
                    cards::put(write, card.clone()).unwrap();
                });
            }
            Act::ReplaceInVain { which, first } => {
                let (Some(record), Some(other)) = (self.model.any(which), self.model.any(which / 2)) else { return };
                let new = new(self.model.numbers(2, false), 2, first);
                new.iter().for_each(|card| self.model.put(card));
                let in_vain = card(record, first);
                let slow = self.stores[at].write(|_| {
                    std::thread::sleep(std::time::Duration::from_millis(5));
                    Ok::<_, Error>(())
                });
                let kept = self.stores[at].write(kept(new));
                let refused = self.stores[at].write(move |write| {
                    cards::put(write, in_vain.clone())?;
                    cards::delete_of(write, &[RecordNo(other)])?;
                    Err::<(), _>(Error::Unreadable("somebody else's mind"))
                });
                let (slow, kept, refused) = block_on(async { tokio::join!(slow, kept, refused) });
                assert!(slow.is_ok() && kept.is_ok() && refused.is_err());
            }
            Act::Delete { which } => {
                let Some(record) = self.model.any(which) else { return };
                self.model.cards.remove(&record);
                self.write(at, move |write| cards::delete_of(write, &[RecordNo(record)]).unwrap());
            }
            Act::Silence { which } => {
                let Some(record) = self.model.any(which) else { return };
                self.model.cards.insert(record, BTreeSet::new());
                self.write(at, move |write| cards::silence(write, &[RecordNo(record)]).unwrap());
            }
            Act::Restart => self.stores[at] = open(&self.directory),
        }
    }

    fn found(&self, at: usize) -> Vec<Vec<RecordNo>> {
        let keys: Vec<i64> = (0..KEYS).collect();
        self.write(at, move |write| cards::candidates(write, &keys).unwrap())
    }

    /// What is in the index: key and record.
    fn index(&self) -> BTreeSet<Pair> {
        let pairs: Vec<Pair> = self.write(0, |write| match write.records() {
            Connection::Sqlite(sqlite) => {
                block::table.select((block::matching_key, block::record_no)).load(sqlite).unwrap()
            }
            Connection::Postgres(_) => unreachable!("it is embedded"),
        });
        pairs.into_iter().collect()
    }
}

fn open(directory: &TempDir) -> Store {
    Store::open(&Location::Sqlite(directory.path().to_owned())).unwrap()
}

fn new(numbers: impl IntoIterator<Item = i64>, cards: usize, first: i64) -> Vec<CardRow> {
    numbers.into_iter().take(cards).map(|number| card(number, first)).collect()
}

fn kept(cards: Vec<CardRow>) -> impl FnMut(&mut Write<'_>) -> Result<(), Error> {
    move |write| Newcomers { cards: cards.clone(), ..Newcomers::default() }.write(write)
}

fn refused(cards: Vec<CardRow>) -> impl FnMut(&mut Write<'_>) -> Result<(), Error> {
    let mut kept = kept(cards);
    move |write| kept(write).and(Err(Error::Unreadable("somebody else's mind")))
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Whatever two processes on one file do, each finds all and nothing else, and the index has no key its card has not.
    #[test]
    fn two_processes_find_what_there_is(acts in acts()) {
        let mut two = Two::open();
        for (other, act) in acts {
            let at = usize::from(other);
            two.act(at, act);
            prop_assert_eq!(two.found(at), two.model.found());
        }
        prop_assert_eq!(two.found(0), two.model.found());
        prop_assert_eq!(two.found(1), two.model.found());
        for (key, record) in two.index() {
            prop_assert!(two.model.cards.get(&record).is_some_and(|keys| keys.contains(&key)), "{key} {record}");
        }
    }
}

/// The keys of a few cards are in memory alone; when there are many they come into the index, all of them and by and by.
#[test]
fn many_are_written_in_a_run_and_few_are_not() {
    let mut two = Two::open();
    let add = |two: &mut Two, cards| two.act(0, Act::Add { cards, first: 0, late: false });
    add(&mut two, KEPT / OF_A_CARD);
    assert_eq!(two.index().len(), 0);
    add(&mut two, 1);
    let begun = two.index().len();
    assert!((1..KEPT).contains(&begun), "{begun} were written at once");
    let due: BTreeSet<i64> = two.model.cards.keys().copied().collect();
    while two.index().len() < KEPT {
        let before = two.index().len();
        two.act(0, Act::Add { cards: 1, first: 3, late: false });
        assert!(two.index().len() > before, "the run stands still at {before}");
        assert_eq!(two.found(0), two.model.found());
    }
    assert!(two.index().iter().all(|(_, record)| due.contains(record)));
}

/// Cards without keys are passed by as well, so that who begins anew has few to read.
#[test]
fn cards_without_keys_are_not_read_for_ever() {
    let two = Two::open();
    for number in 1..=10 * i64::try_from(CARDS).unwrap() {
        let card = CardRow { matching_keys: Vec::new(), ..card(number, 0) };
        block_on(two.stores[0].write(kept(vec![card]))).unwrap();
    }
    let later = two.write(0, |write| match write.records() {
        Connection::Sqlite(sqlite) => {
            let up_to: i64 = block_state::table.select(block_state::up_to).first(sqlite).unwrap();
            card::table.filter(card::record_no.gt(up_to)).count().get_result::<i64>(sqlite).unwrap()
        }
        Connection::Postgres(_) => unreachable!("it is embedded"),
    });
    assert!(later <= 2 * i64::try_from(CARDS).unwrap(), "{later} cards are read with each start");
}

/// What another process left is written in steps and comes to its end, also while that one goes on.
#[test]
fn what_another_process_left_is_written_by_and_by() {
    let mut two = Two::open();
    let add = |two: &mut Two, at, cards| two.act(at, Act::Add { cards, first: 5, late: false });
    add(&mut two, 1, 1);
    add(&mut two, 0, KEPT / OF_A_CARD - 2);
    let newest = *two.model.cards.keys().last().unwrap();
    let due = |two: &Two| {
        let all = two.model.cards.iter().filter(|(record, _)| **record <= newest);
        all.map(|(_, keys)| keys.len()).sum::<usize>()
            - two.index().iter().filter(|(_, record)| *record <= newest).count()
    };
    let mut steps = 0;
    while due(&two) > 0 {
        let before = due(&two);
        add(&mut two, 1, 1);
        assert!(before - due(&two) <= LARGE_SLICE, "all was written at once");
        assert_eq!(two.found(1), two.model.found());
        add(&mut two, 0, 1);
        steps += 1;
        assert!(steps < 20, "{} keys are left", due(&two));
    }
    assert!(steps > 1);
}

/// Who goes back to the version before finds everything in the index.
#[test]
fn going_back_writes_what_was_kept() {
    let mut two = Two::open();
    two.act(0, Act::Add { cards: 7, first: 30, late: false });
    let negative =
        CardRow { matching_keys: [i64::MIN, -1].iter().flat_map(|key| key.to_be_bytes()).collect(), ..card(9, 0) };
    two.model.put(&negative);
    block_on(two.stores[0].write(kept(vec![negative]))).unwrap();
    assert_eq!(two.index().len(), 0);
    let down = include_str!("../../../migrations/sqlite/records/2026-11-23-060000_block_state/down.sql");
    two.write(0, |write| match write.records() {
        Connection::Sqlite(sqlite) => sqlite.batch_execute(down).unwrap(),
        Connection::Postgres(_) => unreachable!("it is embedded"),
    });
    let all = two.model.cards.iter().flat_map(|(record, keys)| keys.iter().map(|key| (*key, *record)));
    assert_eq!(two.index(), all.collect());
}
