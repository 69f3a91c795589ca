//! How many connections the hub takes at once: a caller more waits until one ends, and the operator is told.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use crate::databases::Database;
use crate::house::House;

/// How long an answer may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);
/// After so long nobody is served who has no place.
const SPELL: Duration = Duration::from_secs(2);

/// A caller who connects, and stays.
struct Caller {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Caller {
    fn of(house: &House) -> Self {
        let stream = TcpStream::connect(house.address().trim_start_matches("http://")).unwrap();
        Self { stream, received: Vec::new() }
    }

    fn asks(mut self, path: &str) -> Self {
        self.ask(path);
        self
    }

    fn ask(&mut self, path: &str) {
        write!(self.stream, "GET {path} HTTP/1.1\r\nhost: hub\r\n\r\n").unwrap();
    }

    /// The answer to what was asked, if it comes before nothing came for so long. What came of it until then is kept.
    fn answer(&mut self, patience: Duration) -> Option<String> {
        self.stream.set_read_timeout(Some(patience)).unwrap();
        loop {
            if let Some(answer) = self.whole() {
                assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
                return Some(answer);
            }
            let mut buffer = [0; 4_096];
            let count = self.stream.read(&mut buffer).ok()?;
            assert!(count > 0, "the hub hangs up on who waits");
            self.received.extend_from_slice(&buffer[..count]);
        }
    }

    fn whole(&mut self) -> Option<String> {
        let text = String::from_utf8_lossy(&self.received);
        let (head, body) = text.split_once("\r\n\r\n")?;
        let length: usize = head.lines().find_map(|line| line.strip_prefix("content-length: "))?.parse().unwrap();
        let whole = (body.len() >= length).then(|| text.clone().into_owned());
        if whole.is_some() {
            self.received.clear();
        }
        whole
    }

    /// A number of the hub.
    #[track_caller]
    fn number(&mut self, name: &str) -> usize {
        self.ask("/metrics");
        let numbers = self.answer(PATIENCE).expect("who has a place is served");
        let number = numbers.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        number.unwrap_or_else(|| panic!("no {name}: {numbers}")).parse().unwrap()
    }
}

/// How often the log says that the limit was reached.
fn told(house: &House) -> usize {
    let logs = house.logs();
    let logs = logs.iter().map(|log| std::fs::read_to_string(log).unwrap());
    logs.map(|log| log.lines().filter(|line| line.contains("the limit of connections was reached")).count()).sum()
}

/// Of `wanted` connections the hub with so many workers takes `most`.
#[track_caller]
fn takes(wanted: usize, workers: usize, most: usize) {
    let arguments = [format!("--max-connections={wanted}"), format!("--workers={workers}")];
    let house = House::open_with(Database::sqlite(), &arguments.each_ref().map(String::as_str));
    let mut watcher = Caller::of(&house);
    assert_eq!(watcher.number("obhut_connections_max"), most);
    assert_eq!(told(&house), 0, "there was room");

    let mut taken = Vec::new();
    let mut waiting = loop {
        let mut caller = Caller::of(&house).asks("/healthz");
        // The tests' own connections to the hub have places as well, so who fills the last one is not known beforehand. A slow answer
        // to that one looks like none, which is as good: then the places are taken, too.
        let is_full = watcher.number("obhut_connections") >= most;
        if caller.answer(if is_full { SPELL } else { PATIENCE }).is_none() {
            break caller;
        }
        taken.push(caller);
        assert!(taken.len() < most, "{} connections are taken beside the watcher's", taken.len());
    };
    assert_eq!(watcher.number("obhut_connections"), most);
    let first = told(&house);
    assert!(first > 0, "nobody is told that the house is full");
    let again = (0..200).any(|_| {
        std::thread::sleep(Duration::from_millis(100));
        told(&house) > first
    });
    assert!(again, "nobody is told that the house is still full");

    let held = taken.len();
    assert!(held > 1, "the tests' own connections have nearly all places");
    drop(taken);
    assert!(waiting.answer(PATIENCE).is_some(), "nobody is served when there is room again");
    // Who waited has one of the places.
    let fewer = (0..200).any(|_| {
        std::thread::sleep(Duration::from_millis(100));
        watcher.number("obhut_connections") <= most - held + 1
    });
    assert!(fewer, "connections that ended are still counted");
}

#[test]
fn no_more_than_so_many_connections_are_taken_and_the_next_waits() {
    // Each worker has as many as the other.
    takes(9, 2, 8);
}

#[test]
fn who_wants_fewer_connections_than_workers_gets_no_more() {
    takes(5, 8, 5);
}
