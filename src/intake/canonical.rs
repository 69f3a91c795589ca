//! [`Canonical`]: a record in the form the hub keeps, with everything personal already [`Personal`].

use std::str::FromStr;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::card;
use super::claim::{self, Claim, ConsentClaim, PlainClaim};
use super::identify::{self, Claimed, Joins, Plain};
use super::normal::{Reason, date, name};
use super::record::{self, Draft, KeepUntil};
use super::rejection::{At, Rejection};
use super::unread;
use super::wire;
use super::wire::field::{Instant, Line64, Short};
use crate::consent::Edition;
use crate::graph::matching::Card;
use crate::types::{Category, IdentifierKind, RecordKind, Timestamp, UnknownWord};
use crate::vault::Personal;

/// The code of a configured source, such as `webshop`: lower-case letters, digits, `_` and `-`, 2 to 64.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceCode(Arc<str>);

impl SourceCode {
    /// The code as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SourceCode {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        let letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-');
        let starts = text.starts_with(|c: char| c.is_ascii_lowercase());
        let fits = (2..=64).contains(&text.len()) && starts && text.bytes().all(letter);
        if fits { Ok(Self(text.into())) } else { Err(UnknownWord("source")) }
    }
}

/// An identifier of the person a record is about.
pub struct Identifier {
    /// What it is; [`IdentifierKind::Relay`] and [`IdentifierKind::EmailAndName`] are derived here.
    pub kind: IdentifierKind,
    /// The normal form, for the lookup index.
    pub value: Personal,
    /// The form under which spellings of one thing are equal, for the matching index; mostly the normal form.
    pub matching: Personal,
    /// Whether the source verified that it belongs to the person.
    pub verified: bool,
    /// Whose records it joins.
    pub joins: Joins,
    /// Whether the person can be looked up by it.
    pub lookup: bool,
}

/// A record in canonical form.
pub struct Canonical {
    /// The type of record.
    pub kind: RecordKind,
    /// Where it came from.
    pub source: SourceCode,
    /// The source's id of it. Personal, because some sources take e-mail addresses as ids.
    pub external_id: Personal,
    /// When the source last changed it; the newest version wins.
    pub version: Timestamp,
    /// Who it is about; empty if it does not say.
    pub identifiers: Vec<Identifier>,
    /// One JSON object per category, by the categories' numbers; their shapes are in [`crate::intake::record`].
    pub parts: Vec<(Category, Personal)>,
    /// When what it tells happened.
    pub occurred_at: Option<Timestamp>,
    /// Until when it serves a contract: [`Timestamp::NEVER`] while an order is open, then the follow-up window.
    pub contract_until: Option<Timestamp>,
    /// Until when a law keeps it.
    pub keep_until: Option<KeepUntil>,
    /// When the goods arrived; some sources' terms count from here (Amazon: 30 days).
    pub delivered_at: Option<Timestamp>,
    /// Whether it is an order that was paid and not called off (§ 7(3) UWG asks).
    pub paid_order: bool,
    /// Consents the source claims.
    pub consents: Vec<ConsentClaim>,
    /// The folded full name, if the record gives one of at least two words.
    pub name_key: Option<Personal>,
    /// Under each identifier, by its place, the folded family name with the value: to tell how many share it.
    pub holders: Vec<Option<Personal>>,
    /// What of it is compared with other records. Its numbers are added by whoever can make blind indexes.
    pub card: Card,
    /// What was left out because it cannot be, or no purpose keeps it: the rest is taken in without it.
    pub left_out: Vec<Rejection>,
    /// Was all that it says left out because no purpose keeps it? Then there is nothing to store.
    pub unread: bool,
}

/// Reads one JSON object.
///
/// `now` is for plausibility only: the same line gives the same record today and tomorrow.
///
/// # Errors
/// What is wrong with it and where; see [`Rejection`].
pub fn parse(line: &[u8], now: Timestamp) -> Result<Canonical, Rejection> {
    parse_with(line, now, |_| false)
}

/// As [`parse`], where `is_social` says whether a source is a social network: accounts there are of the category social.
///
/// # Errors
/// As [`parse`].
pub fn parse_with(
    line: &[u8],
    now: Timestamp,
    is_social: impl Fn(&SourceCode) -> bool,
) -> Result<Canonical, Rejection> {
    read(wire::read(line)?, now, is_social)?.close()
}

/// As [`parse`], by the terms of its source: accounts at a social network are of the category social, and what no purpose of
/// the source keeps is left out.
///
/// # Errors
/// As [`parse`].
pub fn parse_under(line: &[u8], now: Timestamp, edition: &Edition) -> Result<Canonical, Rejection> {
    let social = |code: &SourceCode| edition.source_named(code.as_str()).is_some_and(|source| source.terms.social);
    let mut open = read(wire::read(line)?, now, social)?;
    let said = !open.draft.parts.is_empty();
    unread::leave_out(&mut open.draft, open.kind, open.source.as_str(), edition);
    let unread = said && open.draft.parts.is_empty() && open.consents.is_empty();
    Ok(Canonical { unread, ..open.close()? })
}

/// What stands around the data of a record.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Envelope {
    /// What it is.
    r#type: RecordKind,
    /// The code of the configured source it comes from. Example: `webshop`.
    source: Line64,
    /// The source's id of it. Sealed, because some sources take e-mail addresses as ids. Example: `10023`.
    external_id: Short,
    /// When the source last changed it: its version. The newest wins, in whatever order they come.
    /// Example: `2026-03-07T13:40:01Z`.
    updated_at: Instant,
    /// Who it is about. Without any, it is nobody's but its own.
    #[serde(default)]
    identifiers: Vec<Claimed>,
    /// Consents and refusals the source can prove, at most 64. That somebody is not blocked is no consent.
    #[serde(default)]
    consents: Vec<Claim>,
}

/// A record whose values can still be read: only here and in the tests below.
struct Open {
    kind: RecordKind,
    source: SourceCode,
    external_id: String,
    identifiers: Vec<Plain>,
    consents: Vec<PlainClaim>,
    draft: Draft,
}

fn read(
    mut object: Map<String, Value>,
    now: Timestamp,
    is_social: impl Fn(&SourceCode) -> bool,
) -> Result<Open, Rejection> {
    let data = object.shift_remove("data");
    let envelope: Envelope = wire::decode(object)?;
    let data = match data {
        Some(Value::Object(data)) => data,
        Some(_) => return Err(Rejection::new(Reason::WRONG_TYPE).under("data")),
        None => return Err(Rejection::new(Reason::MISSING_FIELD).under("data")),
    };
    let source = SourceCode::from_str(&envelope.source.0).map_err(|_| Reason::INVALID_SOURCE).at("source")?;
    let version = date::event(envelope.updated_at.0, now).at("updated_at")?;
    let mut draft = Draft::new(now, version, is_social(&source));
    record::draw(envelope.r#type, data, &mut draft)?;
    let identifiers = identify::identify(envelope.identifiers, &mut draft)?;
    let consents = claim::check(envelope.consents, now)?;
    Ok(Open { kind: envelope.r#type, source, external_id: envelope.external_id.0, identifiers, consents, draft })
}

impl Open {
    /// The document of each category, names sorted, so that equal records are equal byte by byte.
    fn documents(&mut self) -> Vec<(Category, Value)> {
        let parts = std::mem::take(&mut self.draft.parts).into_iter();
        let sorted = parts.map(|(category, fields)| {
            let mut document = Value::Object(fields);
            document.sort_all_objects();
            (category, document)
        });
        sorted.collect()
    }

    /// Closes every value; from here on only the ciphers see them.
    fn close(mut self) -> Result<Canonical, Rejection> {
        let card = Card::new(&card::fields(&self.draft.parts));
        let parts = self.documents().into_iter().map(|(category, document)| {
            let closed = Personal::document(&document).map_err(|_| Rejection::new(Reason::INVALID_JSON))?;
            Ok((category, closed))
        });
        let draft = self.draft;
        let full_name = draft.full_name.as_deref().and_then(name::folded_full);
        let family = full_name.as_deref().and_then(|name| name.rsplit(' ').next());
        let holder = |plain: &Plain| family.map(|family| Personal::text(format!("{}\0{family}", plain.matching)));
        let holders = self.identifiers.iter().map(holder).collect();
        Ok(Canonical {
            kind: self.kind,
            source: self.source,
            external_id: Personal::text(self.external_id),
            version: draft.version,
            identifiers: self.identifiers.into_iter().map(Identifier::from).collect(),
            parts: parts.collect::<Result<_, Rejection>>()?,
            occurred_at: draft.occurred_at,
            contract_until: draft.contract_until,
            keep_until: draft.keep_until,
            delivered_at: draft.delivered_at,
            paid_order: draft.paid_order,
            consents: self.consents.into_iter().map(PlainClaim::close).collect::<Result<_, _>>()?,
            name_key: full_name.map(Personal::text),
            holders,
            card,
            left_out: draft.left_out,
            unread: false,
        })
    }
}

impl From<Plain> for Identifier {
    fn from(plain: Plain) -> Self {
        Self {
            kind: plain.kind,
            value: Personal::text(plain.value),
            matching: Personal::text(plain.matching),
            verified: plain.verified,
            joins: plain.joins,
            lookup: plain.lookup,
        }
    }
}

#[cfg(test)]
mod tests;
