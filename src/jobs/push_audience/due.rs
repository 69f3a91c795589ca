//! When a destination is told: when its segment is due, and at once when somebody is to be taken off.

use std::sync::Arc;
use std::time::Duration;

use super::{Error, Pushes};
use crate::store;
use crate::store::audiences::{self, MemberRow};

/// How often it is looked who is to be taken off, and what is due.
const CHECK: Duration = Duration::from_secs(2);

impl Pushes {
    /// Does what is due, one destination after the other. Answers how many there were.
    ///
    /// # Errors
    /// If it cannot be looked what is due.
    pub async fn run_due(&self) -> Result<usize, Error> {
        let now = self.now();
        let read = |read: &mut store::Read| {
            let mut all = Vec::new();
            for row in audiences::all(read.records())? {
                let leaving = audiences::members(read.records(), row.source_no, Some(MemberRow::LEAVING), &[], 1)?;
                all.push((row, !leaving.is_empty()));
            }
            Ok::<_, store::Error>(all)
        };
        let mut done = 0;
        for (row, leaving) in self.store.read(read).await? {
            let everybody = row.is_due(now);
            let free = row.lease_until <= now;
            if !free || !(everybody || (leaving && row.retry_at <= now)) {
                continue;
            }
            let edition = self.vendors.rulebook.edition();
            let Some(code) = edition.source(row.source_no).map(|source| source.code.clone()) else { continue };
            done += 1;
            match self.run(&code, everybody).await {
                Ok(_) | Err(Error::Busy) => {}
                Err(error) => tracing::warn!(destination = code, error = ?error, "a push did not come to its end"),
            }
        }
        Ok(done)
    }
}

/// Pushes for as long as it is polled.
pub async fn keep_pushing(pushes: Arc<Pushes>) {
    loop {
        tokio::time::sleep(CHECK).await;
        if let Err(error) = pushes.run_due().await {
            tracing::warn!(error = ?error, "it could not be looked what is to be pushed");
        }
    }
}
