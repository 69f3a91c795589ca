//! Events of tracking programs, which have a way in of their own: many calls come into the store together.

use std::io;

use obhut::types::Role;
use serde_json::json;

use super::super::unlike;
use super::super::wire::{Wire, post};
use super::{Door, Told, answered};
use crate::clock_and_chance::SeededChance;
use crate::house::{House, text};

/// Events of one call.
const TOGETHER: usize = 3;

/// What a client knows of the calls it sent, each about an account of its own.
#[derive(Default)]
pub(super) struct Visits {
    acknowledged: Vec<String>,
    /// Calls that were not answered.
    cut_off: Vec<String>,
    sent: usize,
}

impl Visits {
    /// So many events were acknowledged.
    pub(super) const fn events(&self) -> usize {
        self.acknowledged.len() * TOGETHER
    }

    /// Sends a call of [`TOGETHER`] events.
    pub(super) fn add(&mut self, writer: usize, wire: &mut Wire, door: &Door) -> io::Result<()> {
        let account = unlike(&format!("w{writer}v{}", self.sent));
        self.sent += 1;
        let event = |at: usize| {
            json!({"type": "track", "userId": account, "messageId": format!("{account}{at}"),
                "event": format!("Seen{at}by{account}")})
        };
        let batch: Vec<_> = (0..TOGETHER).map(event).collect();
        self.cut_off.push(account);
        answered(wire.call(&post("/v1/batch", &door.collector, &json!({"batch": batch})))?, 200)?;
        self.acknowledged.extend(self.cut_off.pop());
        Ok(())
    }

    /// All events of the newest acknowledged calls and of a sample are there; those of a call that was cut off are, or none is.
    pub(super) fn compare(&mut self, house: &House, told: &Told, chance: &SeededChance, everybody: bool) {
        let all = self.acknowledged.len();
        let sample: Vec<usize> = if everybody {
            (0..all).collect()
        } else {
            (all.saturating_sub(10)..all).chain((0..3).filter(|_| all > 0).map(|_| chance.below(all))).collect()
        };
        for at in sample {
            assert_eq!(seen(house, told, &self.acknowledged[at]), TOGETHER, "an acknowledged event is not there");
        }
        for account in self.cut_off.drain(..) {
            let there = seen(house, told, &account);
            assert!([0, TOGETHER].contains(&there), "{there} of {TOGETHER} events of one call");
            if there == TOGETHER {
                self.acknowledged.push(account);
            }
        }
    }
}

/// How many events of this account are there.
fn seen(house: &House, told: &Told, account: &str) -> usize {
    let identifier = json!({"kind": "account", "value": account, "source": "webshop"});
    let reply =
        house.post(Role::Dpo, "/v1/profiles/lookup", &json!({"identifier": identifier, "purpose": "subject_access"}));
    if reply.status == 404 {
        return 0;
    }
    let reply = reply.expect(200);
    told.disclosed.lock().unwrap().push(text(&reply.json()["decision"]["id"]));
    (0..TOGETHER).filter(|at| reply.text().contains(&format!("\"Seen{at}by{account}\""))).count()
}
