//! Keys and ciphers.

mod personal;

pub use personal::Personal;
