//! [`Fields`]: what the records of a stream may hold, and writing one as JSON in the same pass.

use std::collections::HashMap;

use jaq_json::Val;
use serde_json::{Map, Value};

use super::Reason;
use super::manifest::FieldLists;
use super::mapping::{json, plain_number};
use crate::types::{Category, IdentifierKind, PurposeCode};

/// Every field the records may hold, and the purposes they may bring consents for.
pub(super) struct Fields {
    paths: Vec<(String, Category)>,
    data: Node,
    consents: Vec<PurposeCode>,
}

/// A place in the data of a record, with the places below it.
#[derive(Default)]
struct Node {
    /// May a text, number or truth value stand here?
    declared: bool,
    /// May an object with any names stand here (`data.properties.*`)?
    any: bool,
    parts: HashMap<Vec<u8>, Node>,
    items: Option<Box<Node>>,
}

/// Why a part was not written: how the path to it goes on, or that it is not JSON.
enum Wrong {
    Undeclared(String),
    NotJson,
}

impl Fields {
    pub(super) fn load(lists: FieldLists, consents: Vec<PurposeCode>) -> Self {
        let paths = lists.into_iter().flat_map(|(category, paths)| paths.into_iter().map(move |path| (path, category)));
        let paths: Vec<_> = paths.collect();
        let mut data = Node::default();
        for path in paths.iter().filter_map(|(path, _)| path.strip_prefix("data.")) {
            data.declare(path);
        }
        Self { paths, data, consents }
    }

    /// Every path with its category.
    pub(super) fn paths(&self) -> impl Iterator<Item = (&str, Category)> {
        self.paths.iter().map(|(path, category)| (path.as_str(), *category))
    }

    pub(super) fn consents(&self) -> &[PurposeCode] {
        &self.consents
    }

    /// A record as JSON, as of the source `source`. What says nothing is left out: nulls, blank texts, and lists and objects with
    /// nothing in them. A field that is not mapped to a category never enters the hub.
    pub(super) fn write(&self, record: &Val, source: &str) -> Result<Vec<u8>, Reason> {
        let Val::Obj(parts) = record else { return Err(Reason::NotARecord) };
        let (mut out, mut has_data) = (Vec::with_capacity(1_024), false);
        out.push(b'{');
        for (key, part) in parts.iter() {
            let Val::TStr(key) = key else { return Err(Reason::NotJson) };
            let key = std::str::from_utf8(key).map_err(|_| Reason::NotJson)?;
            let before = out.len();
            if before > 1 {
                out.push(b',');
            }
            text(key, &mut out).map_err(|_| Reason::NotJson)?;
            out.push(b':');
            if self.part(key, part, &mut out)? {
                has_data |= key == "data";
            } else {
                out.truncate(before);
            }
        }
        if out.len() == 1 {
            return Err(Reason::NotARecord);
        }
        out.extend_from_slice(b",\"source\":");
        text(source, &mut out).map_err(|_| Reason::NotJson)?;
        // A record whose data all says nothing still is one.
        out.extend_from_slice(if has_data { b"}" } else { b",\"data\":{}}" });
        Ok(out)
    }

    /// Writes one of the parts of a record. False: it says nothing.
    fn part(&self, key: &str, part: &Val, out: &mut Vec<u8>) -> Result<bool, Reason> {
        match key {
            // The engine says it.
            "source" => Ok(false),
            "type" | "external_id" | "updated_at" => put(part, None, out).map_err(|wrong| wrong.reason(key)),
            "data" => put(part, Some(&self.data), out).map_err(|wrong| wrong.reason(key)),
            "identifiers" => self.list(key, part, out, |one| self.check_identifier(one)),
            "consents" => self.list(key, part, out, |one| self.check_consent(one)),
            key => {
                if json(part.clone())?.is_some() {
                    Err(undeclared(key))
                } else {
                    Ok(false)
                }
            }
        }
    }

    fn list(
        &self,
        key: &str,
        part: &Val,
        out: &mut Vec<u8>,
        check: impl Fn(&Value) -> Result<(), Reason>,
    ) -> Result<bool, Reason> {
        let list = match json(part.clone())? {
            None => return Ok(false),
            Some(Value::Array(list)) => list,
            Some(_) => return Err(undeclared(key)),
        };
        list.iter().try_for_each(check)?;
        serde_json::to_writer(out, &list).map_err(|_| Reason::NotJson)?;
        Ok(true)
    }

    fn check_identifier(&self, identifier: &Value) -> Result<(), Reason> {
        let keys = identifier.as_object().into_iter().flat_map(Map::keys);
        if let Some(key) = keys.into_iter().find(|key| !matches!(key.as_str(), "kind" | "value" | "verified")) {
            return Err(undeclared(&format!("identifiers[].{key}")));
        }
        let kind = identifier.get("kind").and_then(Value::as_str).and_then(|word| word.parse::<IdentifierKind>().ok());
        let path = kind.map(|kind| format!("identifiers.{kind}")).ok_or_else(|| undeclared("identifiers[].kind"))?;
        if self.paths.iter().any(|(known, _)| *known == path) { Ok(()) } else { Err(undeclared(&path)) }
    }

    fn check_consent(&self, consent: &Value) -> Result<(), Reason> {
        let purpose = consent.get("purpose").and_then(Value::as_str).unwrap_or_default();
        if self.consents.iter().any(|code| code.as_str() == purpose) {
            return Ok(());
        }
        let code = purpose.parse::<PurposeCode>().map_or_else(|_| "?".to_owned(), |code| code.to_string());
        Err(Reason::UndeclaredConsent(code))
    }
}

impl Node {
    fn declare(&mut self, path: &str) {
        let mut node = self;
        for step in path.split('.') {
            if step == "*" {
                node.any = true;
                return;
            }
            let name = step.trim_end_matches("[]");
            node = node.parts.entry(name.as_bytes().to_vec()).or_default();
            for _ in 0..(step.len() - name.len()) / 2 {
                node = node.items.get_or_insert_default();
            }
        }
        node.declared = true;
    }
}

/// Writes a value. Without a node it may be anything. False: it says nothing, and what was written of it is to be cut.
fn put(value: &Val, node: Option<&Node>, out: &mut Vec<u8>) -> Result<bool, Wrong> {
    let declared =
        || if node.is_none_or(|node| node.declared) { Ok(()) } else { Err(Wrong::Undeclared(String::new())) };
    match value {
        Val::Null => return Ok(false),
        Val::Bool(yes) => {
            declared()?;
            out.extend_from_slice(if *yes { b"true" } else { b"false" });
        }
        Val::Num(number) => {
            declared()?;
            serde_json::to_writer(out, &plain_number(number).map_err(|_| Wrong::NotJson)?)
                .map_err(|_| Wrong::NotJson)?;
        }
        Val::TStr(bytes) => {
            let told = std::str::from_utf8(bytes).map_err(|_| Wrong::NotJson)?;
            if told.trim().is_empty() {
                return Ok(false);
            }
            declared()?;
            text(told, out)?;
        }
        Val::BStr(_) => return Err(Wrong::NotJson),
        Val::Arr(items) => {
            let nowhere = Node::default();
            let below = node.map(|node| node.items.as_deref().unwrap_or(&nowhere));
            return each(out, (b'[', b']'), items.iter(), |item, out| {
                put(item, below, out).map_err(|wrong| wrong.under("[]"))
            });
        }
        Val::Obj(parts) => {
            let nowhere = Node::default();
            let below = |key: &[u8]| match node {
                Some(node) if !node.any => Some(node.parts.get(key).unwrap_or(&nowhere)),
                _ => None,
            };
            return each(out, (b'{', b'}'), parts.iter(), |(key, part), out| {
                let Val::TStr(key) = key else { return Err(Wrong::NotJson) };
                let name = std::str::from_utf8(key).map_err(|_| Wrong::NotJson)?;
                text(name, out)?;
                out.push(b':');
                put(part, below(key), out).map_err(|wrong| wrong.under(&format!(".{name}")))
            });
        }
    }
    Ok(true)
}

/// Writes what says something of a list or object, between its brackets.
fn each<I>(
    out: &mut Vec<u8>,
    (open, close): (u8, u8),
    items: impl Iterator<Item = I>,
    mut put: impl FnMut(I, &mut Vec<u8>) -> Result<bool, Wrong>,
) -> Result<bool, Wrong> {
    out.push(open);
    let start = out.len();
    for item in items {
        let before = out.len();
        if before > start {
            out.push(b',');
        }
        if !put(item, out)? {
            out.truncate(before);
        }
    }
    let says = out.len() > start;
    out.push(close);
    Ok(says)
}

fn text(text: &str, out: &mut Vec<u8>) -> Result<(), Wrong> {
    serde_json::to_writer(out, text).map_err(|_| Wrong::NotJson)
}

impl Wrong {
    fn under(self, step: &str) -> Self {
        match self {
            Self::Undeclared(rest) => Self::Undeclared(format!("{step}{rest}")),
            Self::NotJson => Self::NotJson,
        }
    }

    fn reason(self, part: &str) -> Reason {
        match self {
            Self::Undeclared(rest) => undeclared(&format!("{part}{rest}")),
            Self::NotJson => Reason::NotJson,
        }
    }
}

/// A field's name may come out of the data where a filter builds keys; only what looks like a name is repeated.
fn undeclared(path: &str) -> Reason {
    let plain = path.len() <= 100
        && path.bytes().all(|b| b.is_ascii_lowercase() || matches!(b, b'_' | b'.' | b'[' | b']' | b'*'));
    Reason::UndeclaredField(if plain { path.to_owned() } else { "(a name that is no field name)".to_owned() })
}
