//! The rights over a real store.

mod access;
mod erase;
mod house;
mod request;
