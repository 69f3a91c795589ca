//! What holds for every decision: the table a data protection officer reads, and the laws.

mod laws;
mod people;
mod profile;
mod rules;
mod table;
