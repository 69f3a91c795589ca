//! How entries are linked.
//!
//! `hash = SHA-256(0x00 ‖ previous hash (32) ‖ log id (16) ‖ idx (8) ‖ recorded_at (8) ‖ act (2) ‖ length (8) ‖ body)`,
//! numbers big-endian. The leading zero keeps these hashes apart from the inner nodes of a Merkle tree
//! (RFC 6962, section 2.1), which can be built over the same entries.

use sha2::{Digest as _, Sha256};

use crate::store::audit::Draft;
use crate::types::LogId;

/// The hash before the first entry of every log.
pub const GENESIS: [u8; 32] = [0; 32];

pub(super) fn link(log: LogId, previous: &[u8; 32], idx: i64, draft: &Draft) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update([0]);
    hash.update(previous);
    hash.update(log.bytes());
    hash.update(idx.to_be_bytes());
    hash.update(draft.recorded_at.micros().to_be_bytes());
    hash.update(draft.act.to_be_bytes());
    hash.update(u64::try_from(draft.body.len()).unwrap_or(u64::MAX).to_be_bytes());
    hash.update(&draft.body);
    hash.finalize().into()
}
