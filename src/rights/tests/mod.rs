//! The rights over a real store.

mod access;
mod erase;
mod forget;
mod house;
mod request;
