//! Connectors: what a vendor's reply looks like, and how it becomes canonical records.
//!
//! A connector is data, not code: `connectors/<name>/` holds `manifest.yaml`, jq filters and fixtures, and this room
//! is the one engine that runs them. [`Catalog`] lists them, a [`Connector`] recognises the [`Stream`] of a reply,
//! the stream yields canonical records as JSON bytes, and [`TableMapping`] does the same for a CSV file. A [`Session`]
//! talks to a vendor, a [`Pull`] reads a stream from it page by page, an [`Erase`] makes it forget somebody, and
//! [`Connections`] keeps what the merchant entered, sealed.
//!
//! Only `outside` makes calls. It asks `guard` before each: the manifest's hosts and no others, no private network, no
//! plain HTTP, no redirect to a stranger.
//!
//! This room must never decide whether data may enter: it hands bytes to whoever asked, and only `intake` reads
//! them. It must never let through a field without a category, and never put a value of the data into an error. It
//! reads no clock and no environment; jq's `now`, `env`, `debug` and `halt` do not exist here.
//!
//! Read next: `connectors/shopware6/manifest.yaml`, then [`Pull::page`], which `jobs::sync` calls.

mod account;
mod aside;
mod at;
mod audience;
mod auth;
mod authorise;
mod call;
mod catalog;
mod connections;
mod connector;
mod deletion;
mod demand;
mod encoding;
mod ending;
mod erase;
mod error;
mod examine;
pub mod extf;
mod fault;
mod fields;
mod file;
mod filter;
mod folder;
mod form;
mod guard;
mod handshake;
mod history;
mod job;
mod left;
mod library;
mod link;
mod listen;
mod listing;
mod manifest;
mod mapping;
mod notify;
mod origin;
mod outside;
mod pace;
mod parking;
mod pull;
mod rsa;
mod session;
mod signature;
mod subscribe;
mod table;
mod template;
mod topic;
mod unsubscribe;
mod usage;
mod vendors;
mod webhook;

pub use account::{AnotherAccount, still_of};
pub use aside::Aside;
pub use audience::{Audience, Heard, Newcomer, Spot, Unsubscribed};
pub use authorise::Authorisation;
pub use catalog::Catalog;
pub use connections::{Connection, Connections, Places, Unkept};
pub use connector::Connector;
pub use deletion::{Deletions, Wish};
pub use demand::{Demanding, Demands};
pub use ending::{Ending, endings};
pub use erase::{Erase, Erasure, Person, StepReport};
pub use error::{Error, FileError, MappingError, Place, Reason};
pub use fault::Fault;
pub use file::{Form, Item, Items};
pub use folder::{Dropped, FilePlace, Folder, Opened};
pub use guard::Outgoing;
pub use history::{Counts, StreamCounts};
pub use link::{Link, Parameter, Parameters};
pub use listen::{Elsewhere, NotListening, Subscribed};
pub use manifest::erase::Leaves;
pub use manifest::webhook::Demanded;
pub use manifest::{AllowedPurposes, SourcePolicy, schema};
pub use mapping::Stream;
pub use notify::Notify;
pub use origin::Origin;
pub use pace::{Paces, Pause, Timer};
pub use parking::{Mark, Parked, Parking, Refused};
pub use pull::{Ids, Known, Leaf, Place as StreamPlace, Pull};
pub use session::{Keeper, Session, Surroundings};
pub use signature::{Headers, Told, new_secret};
pub use table::TableMapping;
pub use unsubscribe::{Stopped, Unsubscribe};
pub use vendors::{NoSession, Vendors};
pub use webhook::{Delivery, News, Unheard, Webhooks};
