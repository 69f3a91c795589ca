//! Many clients at several nodes, one of which dies now and then: the logged histories are given to the [`checker`].

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{scope, sleep};
use std::time::Duration;

use obhut::types::Role;
use serde_json::{Value, json};

use super::checker::{self, Act, Read, Said, check};
use super::wire::{Answer, Wire, get, post, post_once};
use super::{Stopwatch, assert_log_verifies, figure, seed, times};
use crate::clock_and_chance::SeededChance;
use crate::databases::{Database, Dialect};
use crate::house::{customer, demand, in_a_house_on_both_databases, lookup, moment, statement};

const WRITERS: usize = 3;
const READERS: usize = 5;
const PURPOSE: &str = "newsletter_email";
/// The people who are read: those whom writers act on, and some who were left a while ago.
const READ: usize = 12;
/// One read of so many asks for anybody.
const ANYBODY: usize = 8;
/// People of one call of the last look at everybody.
const SWEPT: usize = 100;

/// Everything the clients share.
struct Meeting {
    /// Where nodes answer; empty while there is none.
    nodes: Mutex<Vec<String>>,
    /// Whom readers ask for, by their number.
    people: Mutex<Vec<usize>>,
    known: AtomicUsize,
    reads: AtomicUsize,
    /// Calls of readers that were answered; one of several people is one.
    calls: AtomicUsize,
    turned_away: AtomicUsize,
    over: AtomicBool,
    watch: Stopwatch,
    partner: String,
    officer: String,
}

impl Meeting {
    /// A connection to one of the nodes that are there.
    fn connect(&self, chance: &SeededChance) -> Option<Wire> {
        while !self.is_over() {
            let node = {
                let nodes = self.nodes.lock().unwrap();
                (!nodes.is_empty()).then(|| chance.one_of(&nodes).clone())
            };
            if let Some(wire) = node.and_then(|node| Wire::connect(&node).ok()) {
                return Some(wire);
            }
            sleep(Duration::from_millis(5));
        }
        None
    }

    /// Calls until the house takes it: nodes that write at once are in each other's way, and one of them says so.
    fn insist(&self, wire: &mut Wire, request: &[u8]) -> io::Result<Answer> {
        loop {
            let answer = wire.call(request)?;
            if answer.status != 503 {
                return Ok(answer);
            }
            assert!(answer.header("retry-after").is_some(), "{}", answer.head);
            self.turned_away.fetch_add(1, Ordering::Relaxed);
            sleep(Duration::from_millis(20));
        }
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    fn new_person(&self) -> usize {
        let number = self.known.fetch_add(1, Ordering::Relaxed);
        self.people.lock().unwrap().push(number);
        number
    }

    /// One of the newest, whom writers act on; one time in [`ANYBODY`] anyone: who was erased or said no long ago, also before a
    /// failover, must stay so.
    fn somebody(&self, chance: &SeededChance) -> Option<usize> {
        let people = self.people.lock().unwrap();
        if chance.below(ANYBODY) == 0 && !people.is_empty() {
            return Some(*chance.one_of(&people));
        }
        let newest = people.len().saturating_sub(READ);
        people.get(newest + chance.below(READ)).copied()
    }
}

fn called(person: usize) -> String {
    super::unlike(&format!("mensch{person}"))
}

/// Lives through people one after the other, and returns what was said about each.
fn write(meeting: &Meeting, seed: u64) -> Vec<(usize, Vec<Said>)> {
    let chance = SeededChance::of(seed);
    let mut histories = Vec::new();
    while let Some(mut wire) = meeting.connect(&chance) {
        while !meeting.is_over() {
            let (person, mut said) = (meeting.new_person(), Vec::new());
            let lived = live(meeting, &mut wire, &chance, person, &mut said);
            histories.push((person, said));
            if lived.is_err() {
                // The node died. What it was told last may count or not: nobody acts for this person any more.
                break;
            }
        }
    }
    histories
}

fn live(
    meeting: &Meeting,
    wire: &mut Wire,
    chance: &SeededChance,
    person: usize,
    said: &mut Vec<Said>,
) -> io::Result<()> {
    let name = called(person);
    let arrive = post("/v1/records", &meeting.partner, &json!({"records": [customer("webshop", &name)]}));
    assert_eq!(summary(&meeting.insist(wire, &arrive)?.json())["created"], 1);
    let mut say = |act: Act, wire: &mut Wire| {
        let request = match act {
            Act::Granted => post("/v1/consents", &meeting.partner, &statement(&name, "granted", Some(PURPOSE))),
            Act::Withdrawn => post("/v1/consents", &meeting.partner, &statement(&name, "withdrawn", Some(PURPOSE))),
            Act::Erased => post_once("/v1/requests", &meeting.officer, &name, &demand(&name, "erasure")),
        };
        said.push(Said { act, begun: meeting.watch.micros(), acknowledged: None });
        let answer = meeting.insist(wire, &request)?;
        assert_eq!(answer.status, 201, "{act:?}: {}", String::from_utf8_lossy(&answer.body));
        said.last_mut().unwrap().acknowledged = Some(meeting.watch.micros());
        // Time for reads that begin now.
        sleep(Duration::from_micros(u64::try_from(chance.below(6_000)).unwrap()));
        io::Result::Ok(())
    };
    for _ in 0..=chance.below(4) {
        say(Act::Granted, wire)?;
        say(Act::Withdrawn, wire)?;
    }
    if chance.below(4) > 0 {
        say(Act::Granted, wire)?;
        say(Act::Erased, wire)?;
        // Neither the next sync nor a late report of an old yes brings the person back.
        assert_eq!(summary(&meeting.insist(wire, &arrive)?.json())["suppressed"], 1);
        let late = meeting.insist(wire, &post("/v1/consents", &meeting.partner, &an_old_yes(&name)))?;
        assert!(late.status < 500, "{}", String::from_utf8_lossy(&late.body));
    }
    Ok(())
}

/// A yes of last week.
fn an_old_yes(name: &str) -> Value {
    let mut yes = statement(name, "granted", Some(PURPOSE));
    for field in ["at", "requested_at", "confirmed_at"] {
        yes[field] = moment(-7 * 86_400).into();
    }
    yes
}

fn summary(report: &Option<Value>) -> &Value {
    &report.as_ref().unwrap()["summary"]
}

/// How people are read.
enum Way {
    /// One, by a mail address.
    Lookup,
    /// One, by the id an earlier answer gave.
    ById(String),
    /// Several in one call.
    Batch(Vec<usize>),
}

impl Way {
    fn any(meeting: &Meeting, chance: &SeededChance, person: usize, ids: &HashMap<usize, String>) -> Self {
        match (chance.below(4), ids.get(&person)) {
            (0, Some(id)) => Self::ById(id.clone()),
            (1, _) => {
                let others = (0..3).filter_map(|_| meeting.somebody(chance));
                Self::Batch(others.chain([person]).collect::<BTreeSet<_>>().into_iter().collect())
            }
            _ => Self::Lookup,
        }
    }

    fn request(&self, meeting: &Meeting, person: usize) -> Vec<u8> {
        match self {
            Self::Lookup => post("/v1/profiles/lookup", &meeting.partner, &lookup(&called(person), PURPOSE)),
            Self::ById(id) => get(&format!("/v1/profiles/{id}?purpose={PURPOSE}"), &meeting.partner),
            Self::Batch(people) => {
                let named = |person: &usize| json!({"identifier": lookup(&called(*person), PURPOSE)["identifier"]});
                let people: Vec<Value> = people.iter().map(named).collect();
                post("/v1/profiles/batch", &meeting.partner, &json!({"people": people, "purpose": PURPOSE}))
            }
        }
    }

    /// Who was asked for, and what came of each.
    fn told(&self, person: usize, answer: &Answer) -> Vec<(usize, Option<Value>)> {
        let text = String::from_utf8_lossy(&answer.body);
        let body = answer.json().unwrap();
        if let Self::Batch(people) = self {
            assert_eq!(answer.status, 200, "{text}");
            let profiles = body["profiles"].as_array().unwrap();
            assert_eq!(profiles.len(), people.len());
            return people
                .iter()
                .copied()
                .zip(profiles.iter().map(|found| Some(found.clone()).filter(|it| !it.is_null())))
                .collect();
        }
        assert!(matches!(answer.status, 200 | 404), "a read was answered {}: {text}", answer.status);
        vec![(person, (answer.status == 200).then_some(body))]
    }
}

/// Reads whoever is acted on, in every way, and returns every answer.
fn read(meeting: &Meeting, seed: u64) -> Vec<(usize, Read)> {
    let chance = SeededChance::of(seed);
    let (mut reads, mut ids) = (Vec::new(), HashMap::new());
    while let Some(mut wire) = meeting.connect(&chance) {
        while !meeting.is_over() {
            let Some(person) = meeting.somebody(&chance) else {
                sleep(Duration::from_millis(1));
                continue;
            };
            let way = Way::any(meeting, &chance, person, &ids);
            let request = way.request(meeting, person);
            let begun = meeting.watch.micros();
            // An answer that did not come tells nothing.
            let Ok(answer) = wire.call(&request) else { break };
            let ended = meeting.watch.micros();
            meeting.calls.fetch_add(1, Ordering::Relaxed);
            let text = String::from_utf8_lossy(&answer.body).into_owned();
            for (person, found) in way.told(person, &answer) {
                let disclosed = found.is_some();
                assert_eq!(text.contains(&format!("Family{}\"", called(person))), disclosed, "{text}");
                if let Some(id) = found.and_then(|found| found["subject_id"].as_str().map(str::to_owned)) {
                    ids.insert(person, id);
                }
                reads.push((person, Read { begun, ended, disclosed }));
                meeting.reads.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
    reads
}

/// Reads everybody once, when all is over.
fn read_everybody(meeting: &Meeting, node: &str) -> Vec<(usize, Read)> {
    let everybody: Vec<usize> = (0..meeting.known.load(Ordering::Relaxed)).collect();
    let mut wire = Wire::connect(node).unwrap();
    let mut reads = Vec::with_capacity(everybody.len());
    for people in everybody.chunks(SWEPT) {
        let way = Way::Batch(people.to_vec());
        let request = way.request(meeting, 0);
        let begun = meeting.watch.micros();
        let answer = meeting.insist(&mut wire, &request).unwrap();
        let ended = meeting.watch.micros();
        let told = way.told(0, &answer).into_iter();
        reads.extend(told.map(|(person, found)| (person, Read { begun, ended, disclosed: found.is_some() })));
    }
    reads
}

fn no_answer_contradicts_what_was_said_before(database: Database) {
    let (wanted, failovers) = (times("reads", 800, 1_000_000), times("failovers", 1, 9));
    let seed = seed("history", 0);
    let (of, several) = (super::name(&database), database.dialect() == Dialect::Postgres);
    let mut house = super::house(database, &[]).with_key(Role::Partner, [PURPOSE]);
    for _ in 0..if several { times("nodes", 1, 2) } else { 0 } {
        house = house.with_second_node();
    }
    let meeting = Meeting {
        nodes: Mutex::new(house.addresses()),
        people: Mutex::default(),
        known: AtomicUsize::new(0),
        reads: AtomicUsize::new(0),
        calls: AtomicUsize::new(0),
        turned_away: AtomicUsize::new(0),
        over: AtomicBool::new(false),
        watch: Stopwatch::start(),
        partner: house.key(Role::Partner).key.clone(),
        officer: house.key(Role::Dpo).key.clone(),
    };
    let (histories, reads) = scope(|threads| {
        let seeds = |from: u64, count: usize| (from..).take(count);
        let writers: Vec<_> = seeds(seed + 1, WRITERS)
            .map(|seed| {
                threads.spawn({
                    let meeting = &meeting;
                    move || write(meeting, seed)
                })
            })
            .collect();
        let readers: Vec<_> = seeds(seed + 100, READERS)
            .map(|seed| {
                threads.spawn({
                    let meeting = &meeting;
                    move || read(meeting, seed)
                })
            })
            .collect();
        for failover in 1..=failovers + 1 {
            // A client that found a fault ends; then so does all of this.
            while meeting.reads.load(Ordering::Relaxed) < wanted * failover / (failovers + 1)
                && !writers.iter().any(|writer| writer.is_finished())
                && !readers.iter().any(|reader| reader.is_finished())
            {
                sleep(Duration::from_millis(2));
            }
            if failover <= failovers {
                house.kill();
                *meeting.nodes.lock().unwrap() = house.addresses();
                house.start();
                *meeting.nodes.lock().unwrap() = house.addresses();
            }
        }
        meeting.over.store(true, Ordering::Relaxed);
        let histories: Vec<_> = writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect();
        let reads: Vec<_> = readers.into_iter().flat_map(|reader| reader.join().unwrap()).collect();
        (histories, reads)
    });
    let seconds = meeting.watch.passed().as_secs_f64();
    let swept = read_everybody(&meeting, &house.address());

    let mut read_of = vec![Vec::new(); meeting.known.load(Ordering::Relaxed)];
    for (person, read) in &reads {
        read_of[*person].push(*read);
    }
    let (mut acts, mut lost, mut decisive) = (0, 0, 0);
    for (person, said) in &histories {
        let reads = &read_of[*person];
        let last = swept[*person].1;
        assert_eq!(check(said, &[reads.as_slice(), &[last]].concat()), None, "{}: {said:?}", called(*person));
        acts += said.len();
        lost += said.iter().filter(|said| said.acknowledged.is_none()).count();
        decisive += reads.iter().filter(|read| is_decisive(said, **read)).count();
    }
    let disclosed = reads.iter().filter(|(_, read)| read.disclosed).count();
    assert!(disclosed > 0 && decisive * 4 > reads.len(), "{decisive} of {} reads could tell", reads.len());
    assert_log_verifies(&house);
    for (what, count) in [
        ("people read", reads.len()),
        ("calls that read them", meeting.calls.load(Ordering::Relaxed)),
        ("of them disclosed", disclosed),
        ("of them decisive: the other answer would have been a violation", decisive),
        ("people", histories.len()),
        ("people read once more at the end", swept.len()),
        ("acts", acts),
        ("acts whose answer a failover cut off", lost),
        ("writes told to come again, which they did", meeting.turned_away.load(Ordering::Relaxed)),
        ("failovers", failovers),
        ("violations", 0),
    ] {
        figure("history", of, what, count);
    }
    figure("history", of, "seconds", format!("{seconds:.0}"));
}

/// Would the other answer have been a violation?
fn is_decisive(said: &[Said], read: Read) -> bool {
    checker::check(said, &[Read { disclosed: !read.disclosed, ..read }]).is_some()
}

in_a_house_on_both_databases!(no_answer_contradicts_what_was_said_before);
