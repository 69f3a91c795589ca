//! Rows and ciphertext, in SQLite or PostgreSQL.

pub mod rows;
