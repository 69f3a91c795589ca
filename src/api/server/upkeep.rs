//! What a serving hub does beside its calls: it keeps its numbers small, and tells the log what nobody else would.

use std::sync::Arc;
use std::time::Duration;

use actix_web::web::Data;

use super::connections::Connections;
use crate::api::frame::{Frame, now};

/// Seconds between two times that measured durations are folded into their buckets, and that a full house says that it still is.
const SELDOM: u32 = 5;

/// Goes on without end.
pub(super) async fn keep(frame: Data<Frame>, connections: Arc<Connections>) {
    for second in 1_u32.. {
        tokio::time::sleep(Duration::from_secs(1)).await;
        if second.is_multiple_of(SELDOM) {
            // Also while nobody reads `/metrics`.
            frame.metrics.run_upkeep();
            connections.note_if_full(now());
        }
        frame.tell_rest(now());
        connections.tell_rest(now());
    }
}
