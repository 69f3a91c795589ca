//! How many connections the hub takes at once: a caller more waits until one ends.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use crate::databases::Database;
use crate::house::House;

const MOST: usize = 8;

/// A caller who connects, asks once, and stays.
struct Caller(TcpStream);

impl Caller {
    fn ask(house: &House) -> Self {
        let mut stream = TcpStream::connect(house.address().trim_start_matches("http://")).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
        stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: hub\r\n\r\n").unwrap();
        Self(stream)
    }

    fn is_answered(&mut self) -> bool {
        let mut answer = [0; 12];
        self.0.read_exact(&mut answer).is_ok_and(|()| answer.ends_with(b"200"))
    }
}

#[test]
fn no_more_than_so_many_connections_are_taken_and_the_next_waits() {
    let house = House::open_with(Database::sqlite(), &["--max-connections=8", "--workers=2"]);
    let mut taken = Vec::new();
    // The tests' own connections to the hub count as well.
    let mut waiting = loop {
        let mut caller = Caller::ask(&house);
        if !caller.is_answered() {
            break caller;
        }
        taken.push(caller);
        assert!(taken.len() <= MOST, "more than {MOST} connections are taken");
    };
    assert!(taken.len() >= MOST / 2, "{} connections are taken", taken.len());
    drop(taken);
    assert!((0..5).any(|_| waiting.is_answered()), "nobody is served when there is room again");
}
