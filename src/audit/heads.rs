//! Heads kept apart: how long a log was and what its last hash was, sealed, on the shelf of the keys.
//!
//! The links of a log say nothing of its own end. What was cut off the newest log, or the whole of it, is missed only by
//! somebody who remembers it. The book keeps its head when it is opened, every few seconds while it grows, and when the
//! process stops; what is cut off behind the head kept last is not missed.

use std::sync::Arc;

use super::line::Head;
use super::{Book, Error};
use crate::store::audit::last;
use crate::store::audit_heads::{self, AuditHeadRow};
use crate::store::{self, Store};
use crate::types::LogId;
use crate::vault::{Drawer, Row, Strongbox};

/// How many are looked at when a process starts.
pub const AT_START: i64 = 64;

/// A head as it was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptHead {
    pub(super) log: LogId,
    /// None: what was kept does not open, so somebody changed it.
    pub(super) head: Option<Head>,
}

impl Book {
    /// Keeps the head of this log. Nothing is written if no line came since the last time.
    ///
    /// # Errors
    /// If it cannot be read or written. Nothing else suffers from it.
    pub async fn keep_head(&self, store: &Store, strongbox: &Strongbox) -> Result<(), Error> {
        let mut kept = self.kept.lock().await;
        let log = self.log;
        let Some(entry) = store.read(move |read| last(read, log)).await? else { return Ok(()) };
        let size = entry.idx + 1;
        if size == *kept {
            return Ok(());
        }
        let plain = [size.to_be_bytes().as_slice(), &entry.hash].concat();
        let sealed = strongbox.seal(Drawer::AuditHeads, Row::id(log.bytes()), &plain)?;
        let row = AuditHeadRow { log_id: log, sealed, kept_at: self.clock.now() };
        store.write(move |write| audit_heads::put(write, row.clone())).await?;
        *kept = size;
        Ok(())
    }
}

/// The heads kept last, newest first; at most `limit` of them. To be read before the logs are, which may grow meanwhile.
///
/// # Errors
/// If they cannot be read.
pub async fn kept_heads(store: &Store, strongbox: &Arc<Strongbox>, limit: i64) -> Result<Vec<KeptHead>, store::Error> {
    let rows = store.read(move |read| audit_heads::newest(read, limit)).await?;
    Ok(rows.into_iter().map(|row| opened(&row, strongbox)).collect())
}

fn opened(row: &AuditHeadRow, strongbox: &Strongbox) -> KeptHead {
    let plain = strongbox.open(Drawer::AuditHeads, Row::id(row.log_id.bytes()), &row.sealed).ok();
    let head = plain.as_ref().and_then(|plain| plain.split_first_chunk::<8>()).map(|(size, hash)| Head {
        log: row.log_id,
        size: i64::from_be_bytes(*size),
        hash: hex::encode(hash),
    });
    KeptHead { log: row.log_id, head }
}
