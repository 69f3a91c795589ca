//! What a jq filter may call besides jq's own syntax, as far as it does.
//!
//! A filter is compiled together with every definition it is given. A hub has hundreds of filters and most of them call
//! next to nothing, so each is given what its words can mean and no more.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use jaq_core::data::JustLut;
use jaq_core::load::parse::Def;
use jaq_core::native::Fun;
use jaq_json::Val;

/// Names that no manifest may use: what reads the clock, the environment or the time zone of the machine, what prints,
/// and what ends the process.
const FORBIDDEN: &[&str] = &[
    "env",
    "now",
    "debug",
    "debug_empty",
    "stderr",
    "stderr_empty",
    "halt",
    "halt_error",
    "localtime",
    "strflocaltime",
];

type Native = Fun<JustLut<Val>>;

/// What one filter can call.
pub(super) struct Library {
    /// Definitions in jq, each after those it calls.
    pub(super) defs: Vec<Def<&'static str>>,
    /// What is built into jaq.
    pub(super) funs: Vec<Native>,
}

impl Library {
    /// All that `code` can call, directly or by what it calls.
    pub(super) fn of(code: &str) -> Self {
        let mut names: HashSet<&str> = HashSet::new();
        let mut waiting: Vec<&str> = words(code).collect();
        while let Some(name) = waiting.pop() {
            let Some((known, calls)) = SHELF.calls.get_key_value(name) else { continue };
            if names.insert(known) {
                waiting.extend(calls.iter().map(String::as_str));
            }
        }
        let defs = SHELF.defs.iter().filter(|def| names.contains(def.name)).cloned().collect();
        let funs = natives().filter(|fun| names.contains(fun.0)).collect();
        Self { defs, funs }
    }
}

/// Everything that filters may call.
struct Shelf {
    defs: Vec<Def<&'static str>>,
    /// The words in the definitions of a name: none for what is built in.
    calls: HashMap<&'static str, Vec<String>>,
}

static SHELF: LazyLock<Shelf> = LazyLock::new(|| {
    let own = jaq_core::load::parse(include_str!("prelude.jq"), |parser| parser.defs()).unwrap_or_default();
    let defs = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs()).chain(own);
    let defs: Vec<_> = defs.filter(|def| allowed(def.name)).collect();
    let mut calls: HashMap<_, Vec<String>> = natives().map(|fun| (fun.0, Vec::new())).collect();
    for def in &defs {
        // What is printed of a body holds every name in it, and words that are none, which harm nobody.
        let body = format!("{:?}", def.body);
        calls.entry(def.name).or_default().extend(words(&body).map(ToOwned::to_owned));
    }
    Shelf { defs, calls }
});

/// What is built into jaq, as far as it is allowed. It cannot be cloned, so it is made each time.
fn natives() -> impl Iterator<Item = Native> {
    let funs = jaq_core::funs().chain(jaq_std::funs()).chain(jaq_json::funs());
    funs.filter(|fun: &Native| allowed(fun.0))
}

fn allowed(name: &str) -> bool {
    !FORBIDDEN.contains(&name)
}

/// Whatever could be a name.
fn words(code: &str) -> impl Iterator<Item = &str> {
    code.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '@').filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_given_to_who_calls_nothing() {
        let library = Library::of(".data.\"a-b\" // {x: 1}");
        assert!(library.defs.is_empty() && library.funs.is_empty());
    }

    #[test]
    fn what_is_called_brings_what_it_calls() {
        let names = |code| Library::of(code).defs.iter().map(|def| def.name).collect::<Vec<_>>();
        let filled = names("filled");
        assert!(filled.last() == Some(&"filled") && filled.contains(&"isstring"), "{filled:?}");
    }

    #[test]
    fn every_definition_compiles_with_what_it_is_given() {
        for def in &SHELF.defs {
            let call = format!("{}({})", def.name, vec!["."; def.args.len()].join("; "));
            let call = if def.args.is_empty() { def.name.to_owned() } else { call };
            let made = super::super::filter::Filter::compile(&call, "test.yaml", "test");
            assert!(made.is_ok(), "{call}: {}", made.err().unwrap());
        }
    }
}
