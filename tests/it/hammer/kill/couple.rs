//! Two people of one call who turn out to be one, and are erased as one.

use std::collections::BTreeSet;
use std::io;

use obhut::types::Role;
use serde_json::{Value, json};

use super::super::unlike;
use super::super::wire::{Wire, post};
use super::{Door, Told, answered};
use crate::house::{House, demand, lookup, mail, text};

/// How far they came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Absent,
    /// Two people, who came in one body.
    Two,
    /// One, by a record that has the mailboxes of both.
    One,
    Erased,
}

impl Step {
    const fn next(self) -> Option<Self> {
        match self {
            Self::Absent => Some(Self::Two),
            Self::Two => Some(Self::One),
            Self::One => Some(Self::Erased),
            Self::Erased => None,
        }
    }
}

/// What a client knows of them.
pub(super) struct Couple {
    names: [String; 2],
    step: Step,
    /// Was the next step sent and not answered?
    pending: bool,
    /// Their numbers, of before they were one.
    ids: BTreeSet<String>,
    pub(super) touched: bool,
}

impl Couple {
    pub(super) fn new(writer: usize, number: usize) -> Self {
        let names = ["one", "other"].map(|which| unlike(&format!("w{writer}c{number}{which}")));
        Self { names, step: Step::Absent, pending: false, ids: BTreeSet::new(), touched: true }
    }

    /// Can nothing more happen to them?
    pub(super) const fn is_over(&self) -> bool {
        // A call that was cut off before it had an effect is not sent again.
        self.step.next().is_none() || matches!(self.step, Step::Absent) && !self.pending && !self.touched
    }

    /// The next step; says whether it was an erasure.
    pub(super) fn act(&mut self, wire: &mut Wire, door: &Door, told: &Told) -> io::Result<bool> {
        let Some(next) = self.step.next() else { return Ok(false) };
        (self.touched, self.pending) = (true, true);
        let (path, key, body, status) = match next {
            Step::Erased => ("/v1/requests", &door.officer, demand(&self.names[0], "erasure"), 201),
            Step::One => ("/v1/records", &door.partner, json!({"records": [self.record("webshop", &[0, 1])]}), 200),
            _ => {
                let records = [self.record("webshop", &[0]), self.record("books", &[1])];
                ("/v1/records", &door.partner, json!({"records": records}), 200)
            }
        };
        let answer = answered(wire.call(&post(path, key, &body))?, status)?;
        if next != Step::Erased {
            let created = if next == Step::Two { 2 } else { 1 };
            assert_eq!(answer.json().unwrap()["summary"]["created"], created);
        }
        (self.step, self.pending) = (next, false);
        if next == Step::Two {
            for name in &self.names {
                let own = post("/v1/profiles/lookup", &door.officer, &lookup(name, "subject_access"));
                let answer = answered(wire.call(&own)?, 200)?;
                told.remember(&answer);
                self.ids.insert(text(&answer.json().unwrap()["subject_id"]));
            }
            assert_eq!(self.ids.len(), 2, "two people were one from the start");
        }
        Ok(next == Step::Erased)
    }

    /// A record with the mailboxes of these of them.
    fn record(&self, source: &str, of: &[usize]) -> Value {
        let identifiers =
            of.iter().map(|of| json!({"kind": "email", "value": mail(&self.names[*of]), "verified": true}));
        let id: String = of.iter().map(|of| self.names[*of].as_str()).collect();
        json!({
            "type": "customer", "source": source, "external_id": id, "updated_at": "2026-03-07T13:40:01Z",
            "identifiers": identifiers.collect::<Vec<_>>(),
            // Names that do not contradict each other.
            "data": {"person": {"given_name": "Kim", "family_name": format!("Family{id}")}},
        })
    }

    /// Looks how far they are: where it was acknowledged or, if a call was cut off, one step further. The numbers of erased
    /// people go into `erased`.
    pub(super) fn compare(&mut self, house: &House, told: &Told, erased: &mut BTreeSet<String>) {
        let replies = self.names.each_ref().map(|name| house.lookup(Role::Dpo, name, "subject_access"));
        let seen = match replies.each_ref().map(|reply| reply.status) {
            [404, 404] if self.step == Step::Absent => Step::Absent,
            [404, 404] => Step::Erased,
            [200, 200] => {
                let ids = replies.each_ref().map(|reply| {
                    let reply = reply.json();
                    told.disclosed.lock().unwrap().push(text(&reply["decision"]["id"]));
                    text(&reply["subject_id"])
                });
                let all = replies.each_ref().map(crate::house::Reply::text);
                let shows = |of: usize, whom: usize| all[of].contains(&mail(&self.names[whom]));
                assert!(shows(0, 0) && shows(1, 1), "somebody has lost a mailbox");
                let one = ids[0] == ids[1];
                assert!(shows(0, 1) == one && shows(1, 0) == one, "half of a join");
                self.ids.extend(ids);
                if one { Step::One } else { Step::Two }
            }
            half => panic!("half of a body is there: {half:?}"),
        };
        let possible = [Some(self.step), self.step.next().filter(|_| self.pending)];
        assert!(possible.contains(&Some(seen)), "{:?} is {seen:?}, not {possible:?}", self.names);
        (self.step, self.pending, self.touched) = (seen, false, false);
        if seen == Step::Erased {
            erased.extend(self.ids.iter().map(|id| id.replace('-', "")));
        }
    }
}
