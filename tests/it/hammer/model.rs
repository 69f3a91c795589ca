//! Random lives of a few people, on both databases at once, against a model that fits on a page: all three must answer
//! the same.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use obhut::types::Role;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest};
use serde_json::{Value, json};

use super::{figure, times};
use crate::databases::Database;
use crate::house::{House, Reply, customer, demand, lookup, mail, moment, statement};

/// Mailboxes, each of somebody until records join them.
const MAILBOXES: usize = 4;
const PURPOSE: &str = "newsletter_email";

/// One step.
#[derive(Clone, Debug)]
enum Step {
    /// A source sends its customer: as it always was, or changed just now.
    Ingest(usize, bool),
    /// A record with two mailboxes makes one person of two.
    Join(usize, usize),
    Grant(usize),
    Withdraw(usize),
    Restrict(usize),
    Lift(usize),
    Erase(usize),
    Rotate,
    /// With a power cut or in peace.
    Restart(bool),
}

/// What was said for one part of a person: the steps at which it was.
#[derive(Clone, Debug, Default)]
struct Part {
    /// The person: parts with one number are one.
    person: usize,
    granted: Option<usize>,
    withdrawn: Option<usize>,
    restricted: Option<usize>,
    lifted: Option<usize>,
    /// The step that told what the record says now; 0: what the source says if nothing ever changes.
    told: usize,
}

/// The word of a part on the purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    Yes,
    No,
    Silent,
}

impl Part {
    fn word(&self) -> Word {
        let no = self.withdrawn.max(self.restricted);
        match self.granted {
            Some(_) if self.granted > no => Word::Yes,
            _ if no.is_some() => Word::No,
            _ => Word::Silent,
        }
    }
}

/// The model.
#[derive(Clone, Debug, Default)]
struct Model {
    parts: BTreeMap<usize, Part>,
    erased: [bool; MAILBOXES],
    step: usize,
    /// What the last ingest must have come to.
    outcome: &'static str,
    /// Was the last no the same as the one before it, with no yes between them? Then it is not written down again. Nothing:
    /// of a person of several parts it depends on whose part said it.
    repeated: Option<bool>,
}

impl Model {
    /// The parts of whoever has this mailbox.
    fn person(&self, mailbox: usize) -> Vec<usize> {
        let Some(part) = self.parts.get(&mailbox) else { return Vec::new() };
        let person = part.person;
        self.parts.iter().filter(|(_, part)| part.person == person).map(|(number, _)| *number).collect()
    }

    fn say(&mut self, mailbox: usize, about: impl Fn(&mut Part)) {
        for part in self.person(mailbox) {
            about(self.parts.get_mut(&part).unwrap());
        }
    }

    /// Would this no of theirs add nothing?
    fn repeats(&self, mailbox: usize, no: impl Fn(&Part) -> Option<usize>) -> Option<bool> {
        let person: Vec<&Part> = self.person(mailbox).iter().map(|part| &self.parts[part]).collect();
        let yes = person.iter().map(|part| part.granted.max(part.lifted)).max().flatten();
        let said = person.iter().any(|part| no(part) > yes);
        if said && person.len() > 1 { None } else { Some(said) }
    }

    /// The parts that a consented read shows: those that say yes, unless any of the person says no.
    fn shown(&self, mailbox: usize) -> Vec<usize> {
        let person = self.person(mailbox);
        let word = |part: &usize| self.parts[part].word();
        if person.iter().any(|part| word(part) == Word::No) {
            return Vec::new();
        }
        person.into_iter().filter(|part| word(part) == Word::Yes).collect()
    }
}

/// How the model moves.
struct Lives;

impl ReferenceStateMachine for Lives {
    type State = Model;
    type Transition = Step;

    fn init_state() -> BoxedStrategy<Model> {
        Just(Model::default()).boxed()
    }

    fn transitions(model: &Model) -> BoxedStrategy<Step> {
        let anybody = || 0..MAILBOXES;
        let known = || {
            let all: Vec<usize> = model.parts.keys().copied().collect();
            proptest::sample::select(if all.is_empty() { vec![0] } else { all })
        };
        prop_oneof![
            6 => (anybody(), any::<bool>()).prop_map(|(who, fresh)| Step::Ingest(who, fresh)),
            4 => (known(), known()).prop_map(|(one, other)| Step::Join(one, other)),
            6 => known().prop_map(Step::Grant),
            4 => known().prop_map(Step::Withdraw),
            2 => known().prop_map(Step::Restrict),
            2 => known().prop_map(Step::Lift),
            2 => known().prop_map(Step::Erase),
            1 => Just(Step::Rotate),
            1 => any::<bool>().prop_map(Step::Restart),
        ]
        .boxed()
    }

    fn preconditions(model: &Model, step: &Step) -> bool {
        match step {
            Step::Ingest(..) | Step::Rotate | Step::Restart(_) => true,
            Step::Join(one, other) => {
                let (one, other) = (model.parts.get(one), model.parts.get(other));
                one.zip(other).is_some_and(|(one, other)| one.person != other.person)
            }
            Step::Grant(who) | Step::Withdraw(who) | Step::Restrict(who) | Step::Lift(who) | Step::Erase(who) => {
                model.parts.contains_key(who)
            }
        }
    }

    fn apply(mut model: Model, step: &Step) -> Model {
        model.step += 1;
        let now = Some(model.step);
        model.repeated = match *step {
            Step::Withdraw(who) => model.repeats(who, |part| part.withdrawn),
            Step::Restrict(who) => model.repeats(who, |part| part.restricted),
            _ => Some(false),
        };
        match *step {
            Step::Ingest(who, fresh) => {
                model.outcome = match (model.parts.get(&who), fresh) {
                    (Some(_), true) => "updated",
                    // It tells of the time before the erasure, whoever came since.
                    (_, false) if model.erased[who] => "suppressed",
                    (Some(part), false) if part.told == 0 => "unchanged",
                    (Some(_), false) => "stale",
                    (None, _) => "created",
                };
                if model.outcome == "created" {
                    model.parts.insert(who, Part { person: model.step, ..Part::default() });
                }
                if let Some(part) = model.parts.get_mut(&who).filter(|_| fresh) {
                    part.told = model.step;
                }
            }
            Step::Join(one, other) => {
                let person = model.parts[&one].person;
                model.say(other, |part| part.person = person);
            }
            Step::Grant(who) => model.say(who, |part| part.granted = now),
            Step::Withdraw(who) => model.say(who, |part| part.withdrawn = now),
            Step::Restrict(who) => model.say(who, |part| part.restricted = now),
            Step::Lift(who) => model.say(who, |part| (part.restricted, part.lifted) = (None, now)),
            Step::Erase(who) => {
                for part in model.person(who) {
                    model.parts.remove(&part);
                    model.erased[part] = true;
                }
            }
            Step::Rotate | Step::Restart(_) => {}
        }
        model
    }
}

thread_local! {
    /// Both houses, between two lives; a life takes names of its own and leaves the rest to the next.
    static HOUSES: RefCell<Option<[House; 2]>> = const { RefCell::new(None) };
    static LIVES: Cell<usize> = const { Cell::new(0) };
    static STEPS: Cell<usize> = const { Cell::new(0) };
}

/// One life on both databases.
struct Life {
    houses: [House; 2],
    number: usize,
}

impl Life {
    fn name(&self, mailbox: usize) -> String {
        format!("l{}m{mailbox}q", self.number)
    }

    /// What the record of a mailbox was given at a step.
    fn given_name(&self, mailbox: usize, told: usize) -> String {
        let name = self.name(mailbox);
        if told == 0 { format!("Given{name}") } else { format!("Given{name}s{told}e") }
    }

    /// Does the answer show the name that these parts' newest record gave? Where several are as old, one of theirs.
    fn tells_the_newest(&self, model: &Model, parts: &[usize], reply: &Reply) -> bool {
        let told = |part: &usize| model.parts[part].told;
        let Some(newest) = parts.iter().map(told).max() else { return reply.status == 404 };
        let text = reply.text();
        let mut of_newest = parts.iter().filter(|part| told(part) == newest);
        of_newest.any(|part| text.contains(&format!("\"{}\"", self.given_name(*part, newest))))
    }

    /// The same to both houses.
    fn both(&self, call: impl Fn(&House) -> Reply) -> [Reply; 2] {
        self.houses.each_ref().map(call)
    }

    fn ingest(&self, record: &Value, outcome: &str) {
        for reply in self.both(|house| house.ingest(std::slice::from_ref(record))) {
            reply.expect_all(outcome);
        }
    }

    fn say(&self, mailbox: usize, act: &str, purpose: Option<&str>, repeated: Option<bool>) {
        let mut statement = statement(&self.name(mailbox), act, purpose);
        if act == "restriction_lifted" {
            statement["method"] = "operator".into();
        }
        let replies = self.both(|house| house.post(Role::Dpo, "/v1/consents", &statement));
        let statuses = replies.each_ref().map(|reply| reply.status);
        let expected: &[u16] = match repeated {
            Some(false) => &[201],
            Some(true) => &[200],
            None => &[200, 201],
        };
        assert!(expected.contains(&statuses[0]) && statuses[0] == statuses[1], "{act}: {statuses:?}, not {expected:?}");
        assert!(replies.iter().all(|reply| reply.json()["recorded"] == (reply.status == 201)));
    }

    /// What a reply shows, without ids and times that are each house's own.
    fn shown(reply: &Reply) -> Value {
        if reply.status == 200 { reply.json()["data"].clone() } else { json!(reply.status) }
    }
}

impl StateMachineTest for Lives {
    type SystemUnderTest = Life;
    type Reference = Self;

    fn init_test(_: &Model) -> Life {
        let open = |database| super::house_without_matching(database, &[]).with_key(Role::Partner, [PURPOSE]);
        let houses = HOUSES.take().unwrap_or_else(|| [open(Database::sqlite()), open(Database::postgres())]);
        LIVES.set(LIVES.get() + 1);
        Life { houses, number: LIVES.get() }
    }

    fn apply(mut life: Life, model: &Model, step: Step) -> Life {
        STEPS.set(STEPS.get() + 1);
        match step {
            Step::Ingest(who, fresh) => {
                let mut record = customer("webshop", &life.name(who));
                if fresh {
                    record["updated_at"] = moment(0).into();
                    record["data"]["person"]["given_name"] = life.given_name(who, model.step).into();
                }
                life.ingest(&record, model.outcome);
            }
            Step::Join(one, other) => {
                let mut record = customer("webshop", &format!("{}s{}", life.name(one), model.step));
                let email = |who| json!({"kind": "email", "value": mail(&life.name(who)), "verified": true});
                (record["identifiers"], record["data"]) = (json!([email(one), email(other)]), json!({}));
                record["updated_at"] = moment(0).into();
                life.ingest(&record, "created");
            }
            Step::Grant(who) => life.say(who, "granted", Some(PURPOSE), model.repeated),
            Step::Withdraw(who) => life.say(who, "withdrawn", Some(PURPOSE), model.repeated),
            Step::Restrict(who) => life.say(who, "restricted", None, model.repeated),
            Step::Lift(who) => life.say(who, "restriction_lifted", None, model.repeated),
            Step::Erase(who) => {
                let demand = demand(&life.name(who), "erasure");
                for reply in life.both(|house| house.post(Role::Dpo, "/v1/requests", &demand)) {
                    reply.expect(201);
                }
            }
            Step::Rotate => {
                for house in &life.houses {
                    let done = house.run(&["keys", "rotate"]);
                    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
                }
            }
            Step::Restart(power_cut) => {
                for house in &mut life.houses {
                    if power_cut {
                        house.kill();
                    } else {
                        assert!(house.stop().success());
                    }
                    house.start();
                }
            }
        }
        life
    }

    fn check_invariants(life: &Life, model: &Model) {
        for mailbox in 0..MAILBOXES {
            let name = life.name(mailbox);
            let shown = model.shown(mailbox);
            let replies = life.both(|house| house.lookup(Role::Partner, &name, PURPOSE));
            let expected = if shown.is_empty() { 404 } else { 200 };
            let statuses = replies.each_ref().map(|reply| reply.status);
            assert_eq!(statuses, [expected; 2], "a consented read of {mailbox}: {model:?}");
            for other in 0..MAILBOXES {
                let (name, may) = (life.name(other), shown.contains(&other));
                let text = replies[0].text();
                assert!(may || !text.contains(&format!("Family{name}")), "{other} is shown: {model:?}");
                assert!(!may || text.contains(&mail(&name)), "{other} is not shown: {model:?}");
            }
            assert!(life.tells_the_newest(model, &shown, &replies[0]), "a consented read is old: {model:?}");
            let [one, other] = replies.each_ref().map(Life::shown);
            assert_eq!(one, other, "the databases answer differently: {model:?}");

            let own = life.both(|house| house.post(Role::Dpo, "/v1/profiles/lookup", &lookup(&name, "subject_access")));
            let expected = if model.parts.contains_key(&mailbox) { 200 } else { 404 };
            assert_eq!(own.each_ref().map(|reply| reply.status), [expected; 2], "the own read of {mailbox}: {model:?}");
            assert!(life.tells_the_newest(model, &model.person(mailbox), &own[0]), "an own read is old: {model:?}");
            let [one, other] = own.each_ref().map(Life::shown);
            assert_eq!(one, other, "the databases answer differently: {model:?}");
        }
    }

    fn teardown(life: Life, _: Model) {
        HOUSES.set(Some(life.houses));
    }
}

#[test]
fn both_databases_answer_as_the_model_does() {
    let cases = times("cases", 2, 200);
    let config = Config {
        cases: u32::try_from(cases).unwrap(),
        max_shrink_iters: 60,
        failure_persistence: None,
        ..Config::default()
    };
    // All of it: a byte alone would begin no more than 256 different runs.
    let mut seed = [0; 32];
    let words = super::seed("model", 7).to_le_bytes();
    seed.chunks_exact_mut(words.len()).for_each(|place| place.copy_from_slice(&words));
    let chance = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let mut runner = TestRunner::new_with_rng(config.clone(), chance);
    let steps = Lives::sequential_strategy(1..times("steps", 11, 30));
    let run = runner.run(&steps, |(model, steps, seen)| {
        Lives::test_sequential(config.clone(), model, steps, seen);
        Ok(())
    });
    let houses = HOUSES.take();
    if let Err(found) = run {
        panic!("{found}");
    }
    for house in houses.iter().flatten() {
        super::assert_log_verifies(house);
    }
    figure("model", "both", "lives", LIVES.get());
    figure("model", "both", "steps, each with 16 reads compared", STEPS.get());
}
