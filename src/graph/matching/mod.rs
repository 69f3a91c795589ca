//! Are these two records one person? Pure: no store, no clock, no network, no randomness.
//!
//! A [`Card`] holds what of one record is compared. [`keys()`] says under which blocking keys it is to be found (the
//! caller makes blind indexes of them), [`terms()`] which of its values are counted. [`Model::score`] compares two cards
//! and yields a [`Waterfall`]: every step in levels and weights, never a value. [`Model::guard`] looks at two groups
//! before they become one, [`candidates`] says which of many cards are compared and [`cluster()`] makes groups of them,
//! [`train()`] estimates a model anew from a [`Sample`].
//!
//! Nothing here may print, log or return a value of a card. Read next: [`Model`], then `score.rs`.

mod bytes;
mod card;
mod cluster;
mod compare;
mod either;
mod filled;
mod frequent;
mod guard;
mod keys;
mod leaning;
mod looked;
mod make;
mod model;
mod named;
pub mod nobody;
mod pairs;
mod rarity;
mod run;
mod sample;
mod score;
mod terms;
#[cfg(test)]
mod tests;
mod train;
mod unclear;
mod veto;
mod waterfall;
mod weigh;
mod words;

pub use card::{AddressFields, Card, Fields, MailboxClass, Number, NumberKind, Unreadable};
pub use cluster::{Bonds, Clustering, Join, Review, ReviewReason, cluster, cluster_telling};
pub use either::{Either, LIKELIEST, either};
pub use filled::FilledIn;
pub use guard::Shape;
pub use keys::keys;
pub use looked::{telling, telling_first};
pub use make::written_out;
pub use model::{Model, ModelError};
pub use pairs::candidates;
pub use sample::Sample;
pub use terms::{TermFrequencies, terms};
pub use train::{Change, Levels, Pass, Trained, train};
pub use unclear::logins;
pub use waterfall::{Bits, Step, Verdict, Waterfall};
pub use words::{Field, KeyKind, Level, TermKind, Veto};
