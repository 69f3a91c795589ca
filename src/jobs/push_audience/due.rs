//! When a destination is told: when its segment is due, and at once when somebody is to be taken off.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use futures_util::stream::{FuturesUnordered, StreamExt as _};

use super::{Error, Pushes};
use crate::store;
use crate::store::audiences;
use crate::types::SourceNo;

/// How often it is looked who is to be taken off, and what is due.
const CHECK: Duration = Duration::from_secs(2);

/// A destination to be told something: its source, its code, and whether everybody is handed over.
type Due = (SourceNo, String, bool);

impl Pushes {
    /// Does what is due, all destinations side by side. Answers how many there were.
    ///
    /// # Errors
    /// If it cannot be looked what is due.
    pub async fn run_due(&self) -> Result<usize, Error> {
        Ok(join_all(self.due().await?.into_iter().map(|due| self.run_one(due))).await.len())
    }

    async fn due(&self) -> Result<Vec<Due>, Error> {
        let now = self.now();
        let read = move |read: &mut store::Read| {
            let mut all = Vec::new();
            for row in audiences::all(read.records())? {
                let leaving = audiences::leaving(read.records(), row.source_no, now, 1)?;
                all.push((row, !leaving.is_empty()));
            }
            Ok::<_, store::Error>(all)
        };
        let edition = self.vendors.rulebook.edition();
        let due = self.store.read(read).await?.into_iter().filter_map(|(row, leaving)| {
            let everybody = row.is_due(now);
            let wanted = everybody || (leaving && row.retry_at <= now);
            let code = edition.source(row.source_no).map(|source| source.code.clone())?;
            (wanted && row.lease_until <= now).then_some((row.source_no, code, everybody))
        });
        Ok(due.collect())
    }

    async fn run_one(&self, (source, code, everybody): Due) -> SourceNo {
        match self.run(&code, everybody).await {
            Ok(_) | Err(Error::Busy) => {}
            Err(error) => tracing::warn!(destination = code, error = ?error, "a push did not come to its end"),
        }
        source
    }
}

/// Pushes for as long as it is polled. A destination that takes long keeps no other from being told.
pub async fn keep_pushing(pushes: Arc<Pushes>) {
    let mut running = FuturesUnordered::new();
    let mut busy: Vec<SourceNo> = Vec::new();
    loop {
        tokio::select! {
            Some(done) = running.next(), if !running.is_empty() => busy.retain(|source| *source != done),
            () = tokio::time::sleep(CHECK) => match pushes.due().await {
                Ok(due) => {
                    for one in due {
                        if !busy.contains(&one.0) {
                            busy.push(one.0);
                            running.push(pushes.run_one(one));
                        }
                    }
                }
                Err(error) => tracing::warn!(error = ?error, "it could not be looked what is to be pushed"),
            }
        }
    }
}
