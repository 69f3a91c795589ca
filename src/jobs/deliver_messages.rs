//! Sending messages to subscribers, later and later until they arrive, as Standard Webhooks recommends.
//!
//! A message is due at once, then after the pauses of `PAUSES`, each a little longer or shorter by chance. A subscriber that
//! takes nothing for `PATIENCE` days, or says 410, is disabled until the operator resumes it; what happens meanwhile is not
//! kept for it.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt as _};

use crate::audit::{self, Act, Book, Line};
use crate::connect::{Fault, NoSession, Vendors};
use crate::store::messages::{self, MessageRow, SubscriberRow};
use crate::store::{self, Store};
use crate::types::Timestamp;

/// How long a process that says nothing more is thought to be at a message: longer than a call may take.
const LEASE: i64 = 120 * Timestamp::SECOND;
/// How often it is looked what is due.
const CHECK: Duration = Duration::from_secs(1);
/// Seconds from one attempt to the next: the schedule Standard Webhooks gives.
pub(super) const PAUSES: [i64; 9] = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];
/// Days a subscriber may take nothing.
const PATIENCE: i32 = 5;
/// Days the traces of a message are kept.
const TRACES: i32 = 30;
/// Every how many looks old traces are forgotten: hourly.
const TIDY: u32 = 3_600;
/// Messages sent at once by one node.
const AT_ONCE: usize = 8;

/// A failure of the hub; a subscriber's stands in the message.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store failed.
    #[error("a message could not be read or written down")]
    Store(#[from] store::Error),
    /// The audit line is not durable.
    #[error("the step could not be recorded")]
    Audit(#[from] audit::Error),
}

/// The job of one process.
pub struct Deliveries {
    /// Whom to call.
    pub vendors: Arc<Vendors>,
    /// What waits.
    pub store: Store,
    /// Where a subscriber that is disabled is written down.
    pub book: Arc<Book>,
}

impl Deliveries {
    /// Sends what is due, each message once.
    ///
    /// # Errors
    /// If the hub fails; what was sent stays sent.
    pub async fn send_due(&self) -> Result<usize, Error> {
        let now = self.now();
        let rows = self.store.read(move |read| messages::due(read.records(), now, 500)).await?;
        let (mut rows, mut running, mut sent) = (rows.into_iter(), FuturesUnordered::new(), 0);
        loop {
            while running.len() < AT_ONCE
                && let Some(row) = rows.next()
            {
                running.push(self.send(row));
            }
            match running.next().await {
                Some(done) => sent += usize::from(done?),
                None => return Ok(sent),
            }
        }
    }

    /// Forgets the traces of long ago.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn tidy(&self) -> Result<usize, Error> {
        let before = self.now().plus_days(-i64::from(TRACES));
        Ok(self.store.write(move |write| messages::delete_before(write, before)).await?)
    }

    /// Sends one message once. False if somebody else did.
    async fn send(&self, row: MessageRow) -> Result<bool, Error> {
        let (this, now) = (row.clone(), self.now());
        if !self.store.write(move |write| messages::take(write, &this, now.plus(LEASE), now)).await? {
            return Ok(false);
        }
        let outcome = self.call(&row).await;
        let now = self.now();
        let whose = row.source_no;
        let read = move |read: &mut store::Read| messages::subscribers(read.records());
        let found = self.store.read(read).await?.into_iter().find(|found| found.source_no == whose);
        let Some(subscriber) = found else { return Ok(true) };
        let attempts = row.attempts.saturating_add(1);
        let mut next = MessageRow { attempts, changed_at: now, lease_until: Timestamp::UNSET, ..row };
        let (mut failing_since, mut state) = (Timestamp::UNSET, subscriber.state);
        match &outcome {
            Ok(()) => (next.state, next.body, next.cause) = (MessageRow::ARRIVED, String::new(), String::new()),
            Err(cause) => {
                failing_since = if subscriber.failing_since.is_set() { subscriber.failing_since } else { now };
                next.cause = cause.words.clone();
                match usize::try_from(attempts - 1).ok().and_then(|done| PAUSES.get(done)) {
                    Some(pause) => next.next_at = now.plus(self.about(*pause)),
                    None => (next.state, next.body) = (MessageRow::GIVEN_UP, String::new()),
                }
                if cause.gone || failing_since.plus_days(i64::from(PATIENCE)) <= now {
                    state = SubscriberRow::DISABLED;
                }
            }
        }
        let disabled = state == SubscriberRow::DISABLED && subscriber.state == SubscriberRow::ON;
        if disabled {
            let code = self.code(whose);
            tracing::error!(destination = code, "a subscriber takes no messages and is disabled");
            let line = Line::new(Act::Configured).to("hub").object(format!("destination {code}"));
            self.book.note(line.reasons(vec!["disabled".to_owned()])).await?;
        }
        self.store.write(move |write| messages::step(write, &next, failing_since, state)).await?;
        Ok(true)
    }

    async fn call(&self, row: &MessageRow) -> Result<(), Cause> {
        let words = |words: &dyn std::fmt::Display| Cause { words: words.to_string(), gone: false };
        let session = match self.vendors.session(&self.code(row.source_no)).await {
            Ok(session) => session,
            Err(NoSession::Unkept(_)) => return Err(words(&"the connection could not be read")),
            Err(cause) => return Err(words(&cause)),
        };
        let connector = session.connector().clone();
        let notify = connector.notify().ok_or_else(|| words(&"its connector tells nobody anything"))?;
        let id = format!("msg_{}", hex::encode(&row.event_id));
        notify.send(&session, &id, &row.body).await.map_err(|fault| {
            // "Gone" is how a subscriber says that it wants no more (Standard Webhooks).
            let gone = matches!(fault, Fault::Vendor { status: 410, .. });
            Cause { words: fault.to_string(), gone }
        })
    }

    /// A pause of about so many seconds: up to a tenth longer.
    fn about(&self, seconds: i64) -> i64 {
        let mut bytes = [0; 2];
        let chance =
            self.vendors.surroundings.entropy.fill(&mut bytes).map_or(0, |()| i64::from(u16::from_be_bytes(bytes)));
        seconds * Timestamp::SECOND + seconds * Timestamp::SECOND / 10 * chance / i64::from(u16::MAX)
    }

    fn code(&self, source: crate::types::SourceNo) -> String {
        let edition = self.vendors.rulebook.edition();
        edition.source(source).map_or_else(String::new, |source| source.code.clone())
    }

    fn now(&self) -> Timestamp {
        self.vendors.surroundings.clock.now()
    }
}

/// Why a message did not arrive.
struct Cause {
    words: String,
    gone: bool,
}

/// Sends for as long as it is polled.
pub async fn keep_delivering(deliveries: Arc<Deliveries>) {
    let mut rounds = 0_u32;
    loop {
        tokio::time::sleep(CHECK).await;
        let mut done = deliveries.send_due().await;
        if done.is_ok() && rounds.is_multiple_of(TIDY) {
            done = deliveries.tidy().await;
        }
        rounds = rounds.wrapping_add(1);
        if let Err(error) = done {
            tracing::warn!(error = ?error, "messages could not be sent; it is tried again");
        }
    }
}

#[cfg(test)]
mod tests;
