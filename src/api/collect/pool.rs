//! [`Pool`]: what many calls bring at once goes into the store together. Most calls bring one event, and a transaction of
//! one costs nearly as much as one of a hundred.
//!
//! Nobody waits for company: what came while a batch was written makes the next one.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use actix_web::web::Data;
use tokio::sync::oneshot;
use tracing::Instrument;
use zeroize::Zeroizing;

use crate::api::House;
use crate::api::problem::Problem;
use crate::intake::{self, CHUNK, Taken};
use crate::types::{ApiKeyId, Role, Voice};

/// Batches that are on their way at once: one is prepared while another is written.
const AT_ONCE: usize = 2;
/// Events that may wait before new calls are turned away.
const MOST: usize = 20_000;

/// One event on its way in, and whose word it is.
pub(super) type Item = (Zeroizing<Vec<u8>>, Voice);
type Answer = Result<Vec<Taken>, Arc<intake::Error>>;

/// Calls whose events are not stored yet.
#[derive(Default)]
pub struct Pool(Mutex<State>);

#[derive(Default)]
struct State {
    waiting: VecDeque<Waiting>,
    events: usize,
    at_work: usize,
}

/// One call.
struct Waiting {
    items: Vec<Item>,
    by: (ApiKeyId, Role),
    answer: oneshot::Sender<Answer>,
}

impl Pool {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls with a batch of events together, or a single larger one.
    fn next(&self) -> Vec<Waiting> {
        let mut state = self.state();
        let (mut group, mut events) = (Vec::new(), 0);
        while let Some(first) = state.waiting.front()
            && (group.is_empty() || events + first.items.len() <= CHUNK)
        {
            events += first.items.len();
            group.extend(state.waiting.pop_front());
        }
        state.events -= events.min(state.events);
        if group.is_empty() {
            state.at_work -= 1;
        }
        group
    }
}

/// Takes the events of one call in, and says what became of each. Answered ones are durable.
///
/// # Errors
/// If too much waits, or the store or the vault fails; sending all again is harmless.
pub(super) async fn bring(house: &Data<House>, items: Vec<Item>, by: (ApiKeyId, Role)) -> Result<Vec<Taken>, Problem> {
    let (answer, answered) = oneshot::channel();
    let begin = {
        let mut state = house.pool.state();
        if state.events + items.len() > MOST && state.events > 0 {
            return Err(Problem::overloaded(1));
        }
        state.events += items.len();
        state.waiting.push_back(Waiting { items, by, answer });
        let begin = state.at_work < AT_ONCE;
        state.at_work += usize::from(begin);
        begin
    };
    if begin {
        // Calls that come later are worked off as well: their lines must not stand under the name of this one.
        let span = tracing::info_span!(parent: None, "events");
        actix_web::rt::spawn(work(house.clone()).instrument(span));
    }
    let answer = answered.await.map_err(|_| Problem::internal("a batch of events ended without an answer"))?;
    Ok(answer?)
}

/// Works off what waits, until nothing does.
async fn work(house: Data<House>) {
    let mut shift = Shift { house: &house, over: false };
    loop {
        let group = house.pool.next();
        if group.is_empty() {
            shift.over = true;
            return;
        }
        write_down(&house, group).await;
    }
}

/// Somebody at work; if they fall over it, another may begin.
struct Shift<'a> {
    house: &'a House,
    over: bool,
}

impl Drop for Shift<'_> {
    fn drop(&mut self) {
        if !self.over {
            self.house.pool.state().at_work -= 1;
        }
    }
}

async fn write_down(house: &House, group: Vec<Waiting>) {
    let (mut items, mut calls) = (Vec::new(), Vec::new());
    for call in group {
        calls.push((call.items.len(), call.by, call.answer));
        items.extend(call.items);
    }
    tracing::debug!(calls = calls.len(), events = items.len(), "events are written together");
    let counts: Vec<_> = calls.iter().map(|(count, by, _)| (*count, *by)).collect();
    let done = store(house, &items, &counts).await;
    match done {
        Ok(outcomes) => {
            let mut outcomes = outcomes.into_iter();
            for (count, _, answer) in calls {
                // Who hung up wants no answer.
                let _ = answer.send(Ok(outcomes.by_ref().take(count).collect()));
            }
        }
        Err(cause) => {
            let cause = Arc::new(cause);
            for (_, _, answer) in calls {
                let _ = answer.send(Err(cause.clone()));
            }
        }
    }
}

/// Stores a batch, and writes down which key brought how many.
async fn store(
    house: &House,
    items: &[Item],
    calls: &[(usize, (ApiKeyId, Role))],
) -> Result<Vec<Taken>, intake::Error> {
    let mut outcomes = Vec::with_capacity(items.len());
    for chunk in items.chunks(CHUNK) {
        outcomes.extend(house.intake.collect(chunk).await?);
    }
    let mut by_key: HashMap<(ApiKeyId, Role), usize> = HashMap::new();
    for (count, by) in calls {
        *by_key.entry(*by).or_default() += count;
    }
    for (by, count) in by_key {
        house.intake.note_ingest(Some(by), count).await?;
    }
    Ok(outcomes)
}
