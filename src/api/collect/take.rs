//! Taking the events of a call in: read, stored together with those of other calls, answered.

use std::collections::BTreeMap;

use actix_web::web::Data;

use super::key::Collected;
use super::pool;
use crate::api::House;
use crate::api::metrics;
use crate::api::once;
use crate::api::problem::{Code, FieldFault, Problem};
use crate::collect::{Delivery, Kind, MAX_EVENTS, Reader, Refusal};
use crate::intake::Outcome;
use crate::store::unheard::Unheard;
use crate::store::{turned_away, unheard};

/// Faults one reply lists; the sentence counts all.
const LISTED: usize = 100;

/// Takes in what a call brought: one event of this kind, or a list of any.
///
/// # Errors
/// `events_refused` if some were not taken; the others are durable all the same.
pub(super) async fn take<O: 'static>(
    house: Data<House>,
    mut call: Collected<O>,
    kind: Option<Kind>,
) -> Result<(), Problem> {
    let delivery = Delivery::open(std::mem::take(&mut call.body), kind).map_err(of_whole)?;
    let messages = delivery.messages.len();
    if messages == 0 || messages > MAX_EVENTS {
        let detail = format!("Send 1 to {MAX_EVENTS} events in one call; nothing was taken.");
        return Err(Problem::new(Code::EventsRefused, detail).at("/batch"));
    }
    once::apart(async move {
        let mut refused = Refused { single: kind.is_some(), all: messages, ..Refused::default() };
        let (mut items, mut places) = (Vec::new(), Vec::new());
        let Delivery { around, messages, .. } = delivery;
        {
            let edition = house.rulebook.edition();
            let now = house.clock.now();
            let id = house.ids.uuid().map_err(Problem::internal)?.into_bytes();
            let reader = Reader { source: &call.source, edition: &edition, voice: call.voice, now, call: id };
            for (at, message) in messages.into_iter().enumerate() {
                match reader.read(message, kind, &around, (at, call.size)) {
                    Ok(made) => {
                        made.notes.into_iter().for_each(|word| refused.count(word));
                        made.unheard.into_iter().for_each(|name| *refused.unheard.entry(name).or_default() += 1);
                        items.push((made.record, call.voice));
                        places.push(at);
                    }
                    Err(Refusal { code, pointer, detail }) => refused.add(at, code, pointer.to_owned(), detail.into()),
                }
            }
        }
        let by = (call.writer.key, call.writer.role);
        let outcomes = if items.is_empty() { Vec::new() } else { pool::bring(&house, items, by).await? };
        for (at, outcome) in places.into_iter().zip(outcomes) {
            // An address or number that cannot be: the rest of the event counts without it.
            outcome.left_out.iter().for_each(|rejection| refused.count(rejection.code));
            if let Outcome::Rejected(rejection) = outcome.outcome {
                // Its pointer leads through the record that was made of the event, not through the event.
                let detail = format!("{} ({})", rejection.detail, rejection.pointer);
                refused.add(at, rejection.code, String::new(), detail.into());
            }
        }
        refused.tell(&house, &call).await
    })
    .await
}

fn of_whole(refusal: Refusal) -> Problem {
    let fault = FieldFault { code: refusal.code, pointer: refusal.pointer.to_owned(), detail: refusal.detail.into() };
    Problem::fields(Code::EventsRefused, vec![fault])
}

/// What was not taken or not understood.
#[derive(Default)]
struct Refused {
    single: bool,
    all: usize,
    faults: Vec<FieldFault>,
    events: usize,
    counts: BTreeMap<&'static str, i64>,
    /// Names of consents that mean nothing here.
    unheard: BTreeMap<(Unheard, String), i64>,
}

impl Refused {
    fn count(&mut self, word: &'static str) {
        *self.counts.entry(word).or_default() += 1;
    }

    fn add(&mut self, at: usize, code: &'static str, pointer: String, detail: std::borrow::Cow<'static, str>) {
        self.count(code);
        self.events += 1;
        if self.faults.len() < LISTED {
            let pointer = if self.single { pointer } else { format!("/batch/{at}{pointer}") };
            self.faults.push(FieldFault { code, pointer, detail });
        }
    }

    /// Writes the counts down, and says what was refused.
    async fn tell<O>(self, house: &House, call: &Collected<O>) -> Result<(), Problem> {
        if !self.counts.is_empty() {
            let (source, now, counts, unheard) = (call.writer.source, house.clock.now(), self.counts, self.unheard);
            for (code, events) in &counts {
                metrics::turned_away(code, *events);
            }
            let add = move |write: &mut crate::store::Write<'_>| {
                turned_away::add(write, source, &counts, now)?;
                unheard::add(write, source, &unheard, now)
            };
            if house.store.write(add).await? > 0 {
                let source = &call.source.code;
                tracing::warn!(source, "a banner names a consent nobody mapped; `obhut sources parked` lists it");
            }
        }
        if self.events == 0 {
            return Ok(());
        }
        let first = self.faults.first().map_or("", |fault| fault.code);
        let detail = format!(
            "{} of {} events were refused, the first as {first}; the others are stored.",
            self.events, self.all
        );
        Err(Problem::fields(Code::EventsRefused, self.faults).saying(detail))
    }
}
