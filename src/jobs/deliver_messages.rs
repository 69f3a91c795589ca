//! Sending messages to subscribers, later and later until they arrive, as Standard Webhooks recommends.
//!
//! A message is due at once, then after the pauses of `PAUSES`, each a little longer or shorter by chance. A subscriber that
//! takes nothing for `PATIENCE` days, or says 410, is disabled until the operator resumes it; what happens meanwhile is not
//! kept for it. What leaves is a line of the audit book first: a subscriber is among the recipients a person is told of.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt as _};

use crate::audit::{self, Act, Book, Line};
use crate::connect::{Fault, NoSession, Vendors};
use crate::gateway::{self, Gateway};
use crate::store::messages::{self, Attempt, MessageRow};
use crate::store::rows::Who;
use crate::store::subscribers::{self, SubscriberRow};
use crate::store::{self, Store};
use crate::types::{SourceNo, SubjectId, Timestamp};
use crate::vault::Pseudonym;

/// How long a process that says nothing more is thought to be at a message: longer than a call may take.
const LEASE: i64 = 120 * Timestamp::SECOND;
/// How often it is looked what is due.
const CHECK: Duration = Duration::from_secs(1);
/// Seconds from one attempt to the next: the schedule Standard Webhooks gives.
pub(super) const PAUSES: [i64; 9] = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];
/// Days a subscriber may take nothing.
const PATIENCE: i64 = 5;
/// Days the traces of a message are kept.
const TRACES: i32 = 30;
/// Every how many looks old traces are forgotten: hourly.
const TIDY: u32 = 3_600;
/// Messages sent at once to one subscriber by one node, with one line of the audit book.
const AT_ONCE: i64 = 8;

/// A failure of the hub; a subscriber's stands in the message.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store failed.
    #[error("a message could not be read or written down")]
    Store(#[from] store::Error),
    /// The audit line is not durable.
    #[error("the step could not be recorded")]
    Audit(#[from] audit::Error),
    /// Whom messages are about could not be looked up.
    #[error("whom the messages are about could not be looked up")]
    Gateway(#[from] gateway::Error),
}

/// The job of one process.
pub struct Deliveries {
    /// Whom to call.
    pub vendors: Arc<Vendors>,
    /// What waits.
    pub store: Store,
    /// Where it is written down what leaves, and who is disabled.
    pub book: Arc<Book>,
    /// Who knows under which names people stand there.
    pub gateway: Arc<Gateway>,
}

impl Deliveries {
    /// Sends what is due, to all subscribers at once.
    ///
    /// # Errors
    /// If the hub fails; what was sent stays sent.
    pub async fn send_due(&self) -> Result<usize, Error> {
        let mut running: FuturesUnordered<_> = self.told().await?.into_iter().map(|to| self.send_to(to)).collect();
        let (mut sent, mut outcome) = (0, Ok(()));
        while let Some(done) = running.next().await {
            match done {
                Ok(some) => sent += some,
                Err(error) => outcome = Err(error),
            }
        }
        outcome.map(|()| sent)
    }

    /// Those who are told.
    async fn told(&self) -> Result<Vec<SourceNo>, Error> {
        let rows = self.store.read(|read| subscribers::all(read.records())).await?;
        Ok(rows.into_iter().filter(|row| row.state == SubscriberRow::ON).map(|row| row.source_no).collect())
    }

    /// Sends one subscriber what is due, until one does not arrive. To one that fails a single message is sent, so that it is in
    /// nobody's way.
    async fn send_to(&self, to: SourceNo) -> Result<usize, Error> {
        let mut sent = 0;
        loop {
            let now = self.now();
            let read = move |read: &mut store::Read| {
                let subscriber = subscribers::find(read.records(), to)?;
                let Some(row) = subscriber.filter(|row| row.state == SubscriberRow::ON) else { return Ok(Vec::new()) };
                let limit = if row.failing_since.is_set() { 1 } else { AT_ONCE };
                messages::due(read.records(), to, now, limit)
            };
            let rows: Vec<MessageRow> = self.store.read(read).await?;
            let lease = now.plus(LEASE);
            let take = move |write: &mut store::Write<'_>| {
                let mut taken = Vec::new();
                for row in &rows {
                    if messages::take(write, row, lease, now)? {
                        taken.push(row.clone());
                    }
                }
                Ok::<_, store::Error>(taken)
            };
            let taken = self.store.write(take).await?;
            if taken.is_empty() {
                return Ok(sent);
            }
            self.note(to, &taken).await?;
            let (mut running, mut arrived, count) = (FuturesUnordered::new(), true, taken.len());
            running.extend(taken.into_iter().map(|row| self.send(row, lease)));
            while let Some(done) = running.next().await {
                arrived &= done?;
            }
            sent += count;
            if !arrived {
                return Ok(sent);
            }
        }
    }

    /// Writes down, before they leave, that messages go to a subscriber, and about whom. Who was erased has no name in the book any
    /// more.
    async fn note(&self, to: SourceNo, rows: &[MessageRow]) -> Result<(), Error> {
        let people: BTreeSet<SubjectId> = rows.iter().flat_map(MessageRow::subjects).collect();
        let mut names = BTreeSet::new();
        for person in people {
            if let Some(rows) = self.gateway.snapshot(Who::Subject(person)).await? {
                // Somebody whose keys are lost is in the book without a name.
                let pseudonyms = self.gateway.pseudonyms(&rows).unwrap_or_default();
                names.extend(pseudonyms.iter().map(Pseudonym::bytes));
            }
        }
        let edition = self.vendors.rulebook.edition();
        let named = edition.source(to).map_or_else(String::new, |source| format!("{} ({})", source.title, source.code));
        let line = Line::new(Act::Disclosed).to(named).object("messages").count(rows.len()).about(names);
        Ok(self.book.note(line).await?)
    }

    /// Forgets the traces of long ago.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn tidy(&self) -> Result<usize, Error> {
        let before = self.now().plus_days(-i64::from(TRACES));
        Ok(self.store.write(move |write| messages::delete_before(write, before)).await?)
    }

    /// Sends one message once. False if it did not arrive.
    async fn send(&self, row: MessageRow, lease: Timestamp) -> Result<bool, Error> {
        let outcome = self.call(&row).await;
        let (now, to) = (self.now(), row.source_no);
        let attempts = row.attempts.saturating_add(1);
        let mut next = MessageRow { attempts, changed_at: now, lease_until: Timestamp::UNSET, ..row };
        let attempt = match &outcome {
            Ok(()) => {
                (next.state, next.body, next.cause) = (MessageRow::ARRIVED, String::new(), String::new());
                Attempt::Arrived
            }
            Err(cause) => {
                next.cause = cause.words.clone();
                match usize::try_from(attempts - 1).ok().and_then(|done| PAUSES.get(done)) {
                    Some(pause) => next.next_at = now.plus(self.about(*pause)),
                    None => (next.state, next.body) = (MessageRow::GIVEN_UP, String::new()),
                }
                if cause.gone { Attempt::Refused } else { Attempt::Failed }
            }
        };
        if next.state == MessageRow::GIVEN_UP && next.topic == messages::ERASED {
            // Whom it was about stands nowhere any more; that a recipient was not told must.
            let line = Line::new(Act::RecipientTold).to(format!("source {}", self.code(to))).object("erasure");
            self.book.note(line.reasons(vec!["given_up".to_owned()])).await?;
        }
        if attempt != Attempt::Arrived {
            self.note_disabled(to, attempt, now).await?;
        }
        self.store.write(move |write| messages::step(write, &next, lease, attempt, PATIENCE * Timestamp::DAY)).await?;
        Ok(outcome.is_ok())
    }

    /// Writes down that a subscriber is disabled, if the attempt that failed now is one too many.
    async fn note_disabled(&self, to: SourceNo, attempt: Attempt, now: Timestamp) -> Result<(), Error> {
        let subscriber = self.store.read(move |read| subscribers::find(read.records(), to)).await?;
        let since = subscriber.filter(|row| row.state == SubscriberRow::ON).map(|row| row.failing_since);
        let long = |since: Timestamp| since.is_set() && since.plus(PATIENCE * Timestamp::DAY) <= now;
        if since.is_some_and(|since| attempt == Attempt::Refused || long(since)) {
            let code = self.code(to);
            tracing::error!(destination = code, "a subscriber takes no messages and is disabled");
            let line = Line::new(Act::Configured).to("hub").object(format!("destination {code}"));
            self.book.note(line.reasons(vec!["disabled".to_owned()])).await?;
        }
        Ok(())
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

    fn code(&self, source: SourceNo) -> String {
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

/// Sends for as long as it is polled, to each subscriber at its own pace.
pub async fn keep_delivering(deliveries: Arc<Deliveries>) {
    let (mut running, mut busy, mut rounds) = (FuturesUnordered::new(), BTreeSet::new(), 0_u32);
    loop {
        tokio::select! {
            Some(done) = running.next(), if !running.is_empty() => {
                busy.remove(&done);
            }
            () = tokio::time::sleep(CHECK) => {
                if rounds.is_multiple_of(TIDY) {
                    warn(deliveries.tidy().await);
                }
                rounds = rounds.wrapping_add(1);
                let told = deliveries.told().await.unwrap_or_else(|error| {
                    warn::<()>(Err(error));
                    Vec::new()
                });
                for to in told.into_iter().filter(|to| busy.insert(*to)).collect::<Vec<_>>() {
                    let deliveries = &deliveries;
                    running.push(async move {
                        warn(deliveries.send_to(to).await);
                        to
                    });
                }
            }
        }
    }
}

fn warn<T>(done: Result<T, Error>) {
    if let Err(error) = done {
        tracing::warn!(error = ?error, "messages could not be sent; it is tried again");
    }
}

#[cfg(test)]
mod tests;
