//! Who a record is about: identifiers in normal form, and what each may do.

use serde::Deserialize;
use utoipa::ToSchema;

use super::normal::email::{self, Mailbox};
use super::normal::{Reason, name, phone, placeholder, text};
use super::record::Draft;
use super::rejection::{At, Rejection};
use super::wire::field::Line512;
use crate::graph::matching::{MailboxClass, nobody};
use crate::types::{Category, IdentifierKind};
use crate::vault::Personal;

/// Identifiers one record may have.
const MAX: usize = 64;

/// Whom an identifier joins: records that share it are about one person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Joins {
    /// Nobody: it is found by lookup, but is no proof that two records are about one person.
    Never,
    /// Records of the same source.
    WithinSource,
    /// Records of any source.
    People,
}

/// An identifier as the wire has it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RecordIdentifier)]
pub(super) struct Claimed {
    /// What it is. `relay` and `email_and_name` are found out by the hub and refused here.
    kind: IdentifierKind,
    /// The value in any usual spelling; blank says nothing. Personal: e-mail and phone are of category contact,
    /// `anonymous_id` of engagement, an account at a social network of social, everything else of identity.
    #[schema(value_type = String, max_length = 512, example = "erika@muster.org")]
    // The field must be there, but a blank value says nothing and is passed over.
    #[serde(deserialize_with = "Option::deserialize")]
    value: Option<Line512>,
    /// Did the source make sure that it is theirs? Only then does an e-mail address or phone number join records to one
    /// person. Without it: no.
    verified: Option<bool>,
}

/// An identifier in normal form, not yet closed into [`Personal`].
pub(super) struct Plain {
    /// What it is.
    pub(super) kind: IdentifierKind,
    /// The normal form.
    pub(super) value: String,
    /// The form for matching.
    pub(super) matching: String,
    /// Whether the source verified it.
    pub(super) verified: bool,
    /// Whom it joins.
    pub(super) joins: Joins,
    /// Whether the person can be looked up by it.
    pub(super) lookup: bool,
}

/// The index forms of a value somebody looks up: the same the intake made when the value came in.
///
/// Returns the kind under which it is indexed (a relay address is no e-mail address of a person) and the normal form.
///
/// # Errors
/// The reason of the form; `invalid_value` for a placeholder, which is never indexed, and for a derived kind.
pub fn lookup_form(kind: IdentifierKind, value: &str) -> Result<(IdentifierKind, Personal), Reason> {
    let value = text::line(value, 512)?;
    let plain = read(kind, &value, false, None)?.identifier.ok_or(Reason::INVALID_VALUE)?;
    Ok((plain.kind, Personal::text(plain.value)))
}

/// Reads the claimed identifiers, adds the derived ones, and writes the contact data into `draft`.
pub(super) fn identify(claimed: Vec<Claimed>, draft: &mut Draft) -> Result<Vec<Plain>, Rejection> {
    if claimed.len() > MAX {
        let detail = format!("at most {MAX} entries are allowed");
        return Err(Rejection::because(Reason::TOO_MANY, detail).under("identifiers"));
    }
    let mut found = Vec::new();
    for (index, claim) in claimed.into_iter().enumerate() {
        let Some(value) = claim.value else { continue };
        let verified = claim.verified.unwrap_or(false);
        let read = match read(claim.kind, &value.0, verified, draft.country) {
            // A typing error in one of them says nothing against the rest of the record.
            Err(reason @ (Reason::INVALID_EMAIL | Reason::INVALID_PHONE)) => {
                draft.leave_out(reason, format!("/identifiers/{index}/value"));
                continue;
            }
            read => read.at("value").map_err(|fault| fault.entry(index)).at("identifiers")?,
        };
        show(&read, claim.kind, verified, draft);
        add(&mut found, read.identifier);
    }
    for number in std::mem::take(&mut draft.customer_numbers) {
        let read = read(IdentifierKind::CustomerNumber, &number, false, None);
        let read = read.at("customer_number").at("data")?;
        show(&read, IdentifierKind::CustomerNumber, false, draft);
        add(&mut found, read.identifier);
    }
    let name = draft.full_name.as_deref().and_then(name::folded_full);
    if let Some(name) = name.filter(|name| !placeholder::is_full_name(name)) {
        derive_email_and_name(&mut found, &name);
    }
    Ok(found)
}

/// A value that was read: how it is shown, and how it identifies, if it does.
struct Read {
    /// The normal form for the documents; absent if the value says nothing.
    shown: Option<String>,
    /// Whose mailbox, for e-mail addresses.
    mailbox: Option<&'static str>,
    identifier: Option<Plain>,
}

fn read(kind: IdentifierKind, value: &str, verified: bool, country: Option<&str>) -> Result<Read, Reason> {
    let nothing = Read { shown: None, mailbox: None, identifier: None };
    if placeholder::is_nothing(value) {
        return Ok(nothing);
    }
    match kind {
        IdentifierKind::Email => read_email(value, verified),
        IdentifierKind::Phone if placeholder::is_phone(value) => Ok(nothing),
        IdentifierKind::Phone => {
            let number = phone::normal(value, country)?;
            // An unverified number is often the household's or a typing error.
            let joins = if verified && !nobody::is_phone(&number) { Joins::People } else { Joins::Never };
            Ok(single(kind, number, verified, joins))
        }
        // It stays in the documents: somebody may look for it in the books.
        IdentifierKind::CustomerNumber if placeholder::is_customer_number(value) => {
            let shown = Some(value.to_owned()).filter(|value| !placeholder::is_id(value));
            Ok(Read { shown, ..nothing })
        }
        // Books keep everybody under it who has none, but it may be somebody's own: they are found by it.
        IdentifierKind::CustomerNumber if placeholder::is_all_nines(value) => {
            Ok(single(kind, value.to_owned(), false, Joins::Never))
        }
        IdentifierKind::CustomerNumber | IdentifierKind::Account | IdentifierKind::AnonymousId => {
            if placeholder::is_id(value) {
                return Ok(nothing);
            }
            Ok(single(kind, value.to_owned(), verified, Joins::WithinSource))
        }
        // The hub derives these itself.
        IdentifierKind::Relay | IdentifierKind::EmailAndName => Err(Reason::INVALID_VALUE),
    }
}

fn read_email(value: &str, verified: bool) -> Result<Read, Reason> {
    let address = email::normal(value)?;
    let shown = address.text();
    if placeholder::is_email(&address) {
        return Ok(Read { shown: Some(shown), mailbox: Some("placeholder"), identifier: None });
    }
    let mailbox = address.mailbox();
    let (kind, joins) = match mailbox {
        Mailbox::Relay => (IdentifierKind::Relay, Joins::WithinSource),
        Mailbox::Personal if verified => (IdentifierKind::Email, Joins::People),
        Mailbox::Personal | Mailbox::Role => (IdentifierKind::Email, Joins::Never),
    };
    let mut read = single(kind, shown, verified, joins);
    read.mailbox = Some(mailbox.word());
    if let Some(plain) = &mut read.identifier {
        plain.matching = address.matching();
    }
    Ok(read)
}

fn single(kind: IdentifierKind, value: String, verified: bool, joins: Joins) -> Read {
    let identifier = Plain { kind, matching: value.clone(), value: value.clone(), verified, joins, lookup: true };
    Read { shown: Some(value), mailbox: None, identifier: Some(identifier) }
}

/// Keeps one identifier per kind and value; the better claim wins.
fn add(found: &mut Vec<Plain>, plain: Option<Plain>) {
    let Some(plain) = plain else { return };
    match found.iter_mut().find(|known| known.kind == plain.kind && known.value == plain.value) {
        Some(known) => {
            known.verified |= plain.verified;
            known.joins = known.joins.max(plain.joins);
        }
        None => found.push(plain),
    }
}

/// A mailbox with a full name names one person even if nobody verified the mailbox: the two would have to be mistyped
/// together. Mailboxes of posts and relays are not used, nor those of a family, in which a father and a son of one name may
/// both be found.
fn derive_email_and_name(found: &mut Vec<Plain>, name: &str) {
    let mut derived = Vec::new();
    for mailbox in found.iter().filter(|plain| plain.kind == IdentifierKind::Email) {
        let own =
            |address: email::Email| address.mailbox() == Mailbox::Personal && !MailboxClass::is_family(address.local());
        if email::normal(&mailbox.value).is_ok_and(own) {
            let value = format!("{}\0{name}", mailbox.matching);
            derived.push(Plain {
                kind: IdentifierKind::EmailAndName,
                matching: value.clone(),
                value,
                verified: mailbox.verified,
                joins: Joins::People,
                lookup: false,
            });
        }
    }
    for plain in derived {
        add(found, Some(plain));
    }
}

/// Writes the value into the document of its category.
fn show(read: &Read, kind: IdentifierKind, verified: bool, draft: &mut Draft) {
    let Some(value) = read.shown.clone() else { return };
    match kind {
        IdentifierKind::Email => {
            let entry = serde_json::json!({"value": value, "verified": verified, "mailbox": read.mailbox});
            draft.push(Category::Contact, "emails", entry);
        }
        IdentifierKind::Phone => {
            draft.push(Category::Contact, "phones", serde_json::json!({"value": value, "verified": verified}));
        }
        IdentifierKind::CustomerNumber => draft.push(Category::Identity, "customer_numbers", value),
        IdentifierKind::Account if draft.social => draft.push(Category::Social, "accounts", value),
        IdentifierKind::Account => draft.push(Category::Identity, "accounts", value),
        IdentifierKind::AnonymousId => draft.push(Category::Engagement, "anonymous_ids", value),
        IdentifierKind::Relay | IdentifierKind::EmailAndName => {}
    }
}
