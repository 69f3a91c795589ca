//! The tracking API that the SDKs of Segment, RudderStack and Jitsu speak, so that they feed the hub by changing one
//! address. What they send is read by [`crate::collect`]; docs/collecting.md says how to switch one over.
//!
//! A write key (`key`) belongs to one source and does nothing but bring events in. Answered events are durable. What
//! cannot be taken is answered, counted by its reason ([`turned_away`](crate::store::turned_away)) and not kept.
//!
//! These addresses follow other people's rules where they differ from the house's: any content type is read as JSON, success
//! is exactly 200, and a failure says its `message` once more. Read next: `take`.

pub mod batch;
pub mod beacon;
pub mod cors;
pub mod jitsu;
mod key;
pub mod parts;
pub mod pixel;
mod pool;
pub mod settings;
pub mod single;
pub mod source_config;
mod take;

pub use pool::Pool;

use actix_web::HttpResponse;
use actix_web::http::header::{HeaderMap, HeaderName};
use serde::Serialize;
use utoipa::ToSchema;

/// The paths of this API. Pages of every origin may call them, and a failure there is told as tracking SDKs read it.
#[must_use]
pub fn serves(path: &str) -> bool {
    const CALLS: [&str; 15] =
        ["batch", "b", "import", "identify", "i", "track", "t", "page", "p", "screen", "s", "group", "g", "alias", "a"];
    if let Some(call) = path.strip_prefix("/v1/") {
        return CALLS.contains(&call) || (call.starts_with("projects/") && call.ends_with("/settings"));
    }
    ["/api/s/", "/beacon/v1/", "/pixel/v1/", "/sourceConfig"].iter().any(|prefix| path.starts_with(prefix))
}

/// The write key in the headers of a call, valid or not.
#[must_use]
pub fn write_key(headers: &HeaderMap) -> Option<String> {
    key::shown(headers).next()
}

/// Lets a page of another origin see the reply (Fetch standard, Cross-Origin-Resource-Policy).
const RESOURCE_POLICY: (HeaderName, &str) = (HeaderName::from_static("cross-origin-resource-policy"), "cross-origin");

/// All events are durable.
#[derive(Serialize, ToSchema)]
#[schema(as = EventReply)]
pub struct Taken {
    /// Always true.
    #[schema(example = true)]
    success: bool,
}

fn taken() -> HttpResponse {
    HttpResponse::Ok().insert_header(RESOURCE_POLICY).json(Taken { success: true })
}
