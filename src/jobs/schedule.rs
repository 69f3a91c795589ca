//! When each job runs while the hub serves.
//!
//! Every node runs the schedule; that of the retention run is in [`super::retention`]. A job must be harmless when two
//! nodes run it at once: the database decides who wins, and the other finds nothing left to do.

use std::sync::Arc;
use std::time::Duration;

use super::resolve_graph;
use super::rotate_keys::KeyRotation;
use crate::audit::Book;
use crate::consent::Rulebook;
use crate::intake::{BY_ITSELF, Heeded, Intake};
use crate::rights::Rights;
use crate::store::Store;
use crate::types::Clock;
use crate::vault::Strongbox;

/// How often configuration made on other nodes is read.
const CONFIGURATION: Duration = Duration::from_secs(1);
/// How often the head of the audit log is kept apart.
const HEADS: Duration = Duration::from_secs(10);
/// How often erasures that were cut short are looked for.
const UNFINISHED: Duration = Duration::from_secs(600);
/// How often values that join nobody any more are looked for. Mostly there is none: the batch that finds one does it.
const TAKEN_BACK: Duration = Duration::from_secs(60);
/// How often people are looked for who said whether they may be matched.
const HEEDED: Duration = Duration::from_secs(2);
/// How long nothing may have come in before everything is grouped anew.
const QUIET: Duration = Duration::from_secs(20);
/// Records from which on that is worth while.
const MANY: u64 = 500;
/// How often it is checked whether a rotation is due.
const ROTATION: Duration = Duration::from_secs(3600);

/// Keeps the head of this process's audit log apart from it, for as long as it is polled.
pub async fn keep_heads(book: Arc<Book>, store: Store, strongbox: Arc<Strongbox>) {
    loop {
        tokio::time::sleep(HEADS).await;
        if let Err(error) = book.keep_head(&store, &strongbox).await {
            tracing::warn!(error = ?error, "the head of the audit log could not be kept");
        }
    }
}

/// Reads purposes and sources of other nodes for as long as it is polled.
pub async fn keep_rulebook(rulebook: Arc<Rulebook>) {
    loop {
        tokio::time::sleep(CONFIGURATION).await;
        if let Err(error) = rulebook.reload().await {
            tracing::warn!(error = ?error, "the rulebook could not be read again; the last edition stays in force");
        }
    }
}

/// Follows the rotations of other processes for as long as it is polled.
pub async fn keep_following(rotation: Arc<KeyRotation>) {
    loop {
        tokio::time::sleep(CONFIGURATION).await;
        if let Err(error) = rotation.follow().await {
            tracing::warn!(error = ?error, "the key epochs could not be read again; those that are known stay in use");
        }
    }
}

/// Goes on with erasures that a fault cut short, for as long as it is polled.
pub async fn keep_finishing(rights: Arc<Rights>) {
    loop {
        tokio::time::sleep(UNFINISHED).await;
        match rights.resume().await {
            Ok(0) => {}
            Ok(erasures) => tracing::info!(erasures, "erasures that were cut short are finished"),
            Err(error) => tracing::error!(error = ?error, "an erasure could not be finished and is tried again"),
        }
    }
}

/// Goes on taking apart what a shared value had joined, where that was cut short, and follows the model of matching that
/// another process put in force, for as long as it is polled.
pub async fn keep_taking_back(intake: Arc<Intake>) {
    loop {
        if let Err(error) = intake.load_model().await {
            tracing::warn!(error = ?error, "the model of matching could not be read again; the one before stays in force");
        }
        match intake.take_back().await {
            Ok(0) => {}
            Ok(values) => tracing::info!(values, "what shared values had joined is taken apart"),
            Err(error) => tracing::error!(error = ?error, "what a shared value had joined is taken apart later"),
        }
        tokio::time::sleep(TAKEN_BACK).await;
    }
}

/// Takes apart who objected to being matched, and compares again who took that back, for as long as it is polled. Who says so
/// through the API waits for it; this is for what records say, and for what was cut short.
pub async fn keep_heeding(intake: Arc<Intake>, rights: Arc<Rights>) {
    loop {
        match intake.heed_objections(async |person| rights.told_apart(person).await).await {
            Ok(Heeded { people: 0, .. }) => {}
            Ok(Heeded { people, apart }) => {
                tracing::info!(people, apart = apart.len(), "what people said about being matched is carried out");
            }
            Err(error) => tracing::error!(error = ?error, "who objected to being matched is taken apart later"),
        }
        tokio::time::sleep(HEEDED).await;
    }
}

/// Groups everything anew once the hub has grown by a tenth and nothing comes in any more, for as long as it is polled.
pub async fn keep_grouping(store: Store, intake: Arc<Intake>, clock: Arc<dyn Clock>) {
    let (mut grouped, mut seen) = (0, 0);
    loop {
        tokio::time::sleep(QUIET).await;
        let before = std::mem::replace(&mut seen, intake.records_seen());
        // What was there when this process began was grouped by the one before.
        grouped = grouped.max(intake.records_found());
        if !is_to_be_grouped(before, seen, grouped) {
            continue;
        }
        match resolve_graph::resolve(&store, &intake, &*clock, None, |_| ()).await {
            Ok(done) => {
                tracing::info!(
                    parted = done.parted,
                    joined = done.joined,
                    asked = done.asked,
                    "all records were grouped anew"
                );
                grouped = seen;
            }
            Err(error) => tracing::error!(error = ?error, "the records could not be grouped anew; it is tried again"),
        }
    }
}

/// Is it time to group everything anew? `before` and `seen` are how many records were compared a moment ago and now, `grouped` how
/// many there were when it was done last.
fn is_to_be_grouped(before: u64, seen: u64, grouped: u64) -> bool {
    seen == before && seen.saturating_sub(grouped) >= seen / 10 && (MANY..=BY_ITSELF).contains(&seen)
}

/// Turns the keys every `days` for as long as it is polled.
pub async fn keep_rotating(rotation: Arc<KeyRotation>, days: i64) {
    loop {
        match rotation.rotate_if_due(days).await {
            Ok(Some(done)) => tracing::info!(
                epoch = done.epoch,
                rewrapped = done.rewrapped,
                destroyed = ?done.destroyed,
                "the key epoch was turned"
            ),
            Ok(None) => {}
            Err(error) => tracing::error!(error = ?error, "the key rotation failed and is tried again"),
        }
        tokio::time::sleep(ROTATION).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_grouped_anew_when_it_is_quiet_and_has_grown_by_a_tenth() {
        assert!(is_to_be_grouped(600, 600, 540));
        assert!(!is_to_be_grouped(599, 600, 540), "something came in");
        assert!(!is_to_be_grouped(600, 600, 541), "less than a tenth");
        assert!(!is_to_be_grouped(550, 550, 550), "a process that begins finds what the one before grouped");
        assert!(!is_to_be_grouped(MANY - 1, MANY - 1, 0));
        assert!(is_to_be_grouped(BY_ITSELF, BY_ITSELF, 0));
        assert!(!is_to_be_grouped(BY_ITSELF + 1, BY_ITSELF + 1, 0));
    }
}
