//! The frame of the HTTP API: what every request passes before and after its endpoint.
//!
//! Here live the problem replies, the readers of bodies and query strings, limits, headers, request ids,
//! health, metrics and the documentation. Only [`problem`] knows status codes of failures. Nothing here may
//! write a value the caller sent into a reply or a log line: field names that the API itself defines are the
//! only words of a document that come back.
//!
//! An endpoint is one file with its request, its reply, its handler and its OpenAPI lines, registered in the
//! `configure` closure that [`server::app`] takes. Read next: [`server`], then [`problem`].

pub mod body;
pub mod docs;
pub mod doorkeeper;
mod fields;
pub mod frame;
pub mod headers;
pub mod health;
pub mod house;
mod json;
pub mod limits;
mod lines;
pub mod metrics;
pub mod problem;
mod query;
pub mod request_id;
pub mod routes;
pub mod server;
mod span;

pub use body::{Body, BodyLimits, Reader};
pub use doorkeeper::Doorkeeper;
pub use house::House;
pub use lines::{Line, Lines};
pub use problem::{Code, FieldFault, Problem};
pub use query::Query;
pub use request_id::CallId;
