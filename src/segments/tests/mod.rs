//! Tests of the whole room: the language, what it means, and real pulls from a real store.

mod language;
mod laws;
mod meaning;
mod walk;
