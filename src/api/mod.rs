//! The frame of the HTTP API: what every request passes before and after its endpoint.
//!
//! Here live the problem replies, the readers of bodies and query strings, limits, headers, request ids,
//! health, metrics and the documentation. Only [`problem`] knows status codes of failures. Nothing here may
//! write a value the caller sent into a reply or a log line: field names that the API itself defines are the
//! only words of a document that come back.
//!
//! An endpoint is one file with its request, its reply, its handler and its OpenAPI lines, registered in the
//! [`routes::configure`]. Who may call it stands in [`permissions`]. Read next: [`server`], then [`problem`]; to add
//! one, `docs/adding-an-endpoint.md`.

pub mod api_keys;
pub mod audit;
pub mod body;
mod caller;
mod causes;
pub mod collect;
pub mod consents;
pub mod decisions;
mod describe;
pub mod destinations;
pub mod docs;
pub mod doorkeeper;
mod etag;
mod fields;
pub mod frame;
pub mod headers;
pub mod health;
pub mod house;
mod instant;
mod json;
mod level;
pub mod limits;
mod lines;
pub mod metrics;
mod once;
pub mod opt_outs;
pub mod overload;
mod paging;
pub mod permissions;
pub mod problem;
pub mod profiles;
pub mod purposes;
mod query;
pub mod records;
pub mod request_id;
pub mod requests;
pub mod reviews;
pub mod routes;
pub mod segments;
pub mod server;
pub mod sources;
mod span;
pub mod subjects;
pub mod survivorship;
mod whom;

#[cfg(test)]
mod tests;

pub use body::{Body, BodyLimits, Document, Reader};
pub use caller::{May, bearer};
pub use doorkeeper::Doorkeeper;
pub use house::House;
pub use instant::Instant;
pub use lines::{Line, Lines};
pub use problem::{Code, FieldFault, Problem};
pub use query::Query;
pub use request_id::CallId;
pub use whom::Identifier;
