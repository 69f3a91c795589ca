//! Mailboxes, phones, handles and numbers.

use super::near;
use crate::graph::matching::Level;
use crate::graph::matching::card::{Card, Mailbox, MailboxClass, Number, NumberKind};
use crate::types::SourceNo;

/// How the mailboxes of two records meet, and in which one.
pub(in crate::graph::matching) struct MailboxMeeting<'a> {
    pub(in crate::graph::matching) level: Level,
    pub(in crate::graph::matching) mailbox: &'a Mailbox,
}

/// Compares all mailboxes.
pub(in crate::graph::matching) fn mailboxes<'a>(one: &'a [Mailbox], other: &[Mailbox]) -> Option<MailboxMeeting<'a>> {
    let pairs = one.iter().flat_map(|one| other.iter().map(move |other| (one, other)));
    let met = pairs.filter_map(|(one, other)| Some(MailboxMeeting { level: mailbox(one, other)?, mailbox: one }));
    met.reduce(|best, next| if rank(next.level) > rank(best.level) { next } else { best })
}

fn rank(level: Level) -> u8 {
    match level {
        Level::Same => 5,
        Level::RoleMailbox => 4,
        Level::LocalPart => 3,
        Level::Similar => 2,
        Level::Domain => 1,
        _ => 0,
    }
}

/// A relay says nothing when it differs: a market place makes one per order.
fn mailbox(one: &Mailbox, other: &Mailbox) -> Option<Level> {
    let relay = one.class == MailboxClass::Relay || other.class == MailboxClass::Relay;
    let role = one.class == MailboxClass::Role || other.class == MailboxClass::Role;
    if one.local == other.local && one.domain == other.domain {
        return Some(if role { Level::RoleMailbox } else { Level::Same });
    }
    if relay {
        return None;
    }
    let own = |mailbox: &Mailbox| !is_provider(&mailbox.domain);
    let misspelt = !near::numbered_apart(&one.local, &other.local) && near::one_error(&one.local, &other.local);
    if one.domain == other.domain && own(one) {
        return Some(if !role && misspelt && one.local.len() > 4 { Level::Similar } else { Level::Domain });
    }
    if role {
        return None;
    }
    Some(if one.local == other.local && one.local.len() >= 5 {
        // A domain with a typing error is the same mailbox; another provider is another one of the same name.
        if near::one_error(&one.domain, &other.domain) { Level::Similar } else { Level::LocalPart }
    } else if one.domain == other.domain && one.local.len() >= 6 && misspelt {
        Level::Similar
    } else {
        Level::Different
    })
}

/// Providers where everybody may have a mailbox: the domain says nothing.
fn is_provider(domain: &str) -> bool {
    const NAMES: &[&str] = &[
        "gmail",
        "googlemail",
        "gmx",
        "web",
        "outlook",
        "hotmail",
        "live",
        "msn",
        "yahoo",
        "ymail",
        "icloud",
        "me",
        "mac",
        "aol",
        "aim",
        "t-online",
        "freenet",
        "arcor",
        "online",
        "posteo",
        "mailbox",
        "proton",
        "protonmail",
        "pm",
        "1und1",
        "vodafone",
        "kabelbw",
        "unitymedia",
        "mail",
        "email",
        "bluewin",
        "a1",
        "aon",
        "chello",
        "yandex",
        "fastmail",
        "tutanota",
        "tuta",
        "netcologne",
        "alice",
        "alice-dsl",
        "ewe",
        "ewetel",
        "o2online",
        "o2mail",
        "comcast",
        "verizon",
        "att",
        "sbcglobal",
        "example",
        "gmial",
        "gmai",
        "wanadoo",
        "orange",
        "free",
        "laposte",
        "libero",
        "wp",
        "o2",
        "hey",
        "zoho",
        "qq",
        "163",
        "mein",
        "magenta",
        "htp-tel",
        "osnanet",
        "versanet",
        "ish",
        "gmxde",
        "kabelmail",
    ];
    domain.split('.').next().is_some_and(|name| NAMES.contains(&name))
}

/// Compares all phone numbers.
pub(in crate::graph::matching) fn phones<'a>(one: &'a [String], other: &[String]) -> Option<(Level, &'a str)> {
    let first = one.first().filter(|_| !other.is_empty())?;
    // A mobile is one person's more often than a landline.
    let shared = || one.iter().filter(|phone| other.contains(phone));
    if let Some(same) = shared().find(|phone| !is_landline(phone)).or_else(|| shared().next()) {
        return Some((if is_landline(same) { Level::Landline } else { Level::Same }, same));
    }
    let similar = one.iter().find(|one| other.iter().any(|other| one.len() > 9 && near::one_error(one, other)));
    if let Some(phone) = similar {
        return Some((Level::Similar, phone));
    }
    // Who has one mobile has no other; a landline beside it says nothing.
    let mobiles = |phones: &[String]| phones.iter().any(|phone| is_mobile(phone));
    Some((if mobiles(one) && mobiles(other) { Level::Different } else { Level::Near }, first))
}

fn is_landline(phone: &str) -> bool {
    mobile(phone) == Some(false)
}

fn is_mobile(phone: &str) -> bool {
    mobile(phone) == Some(true)
}

/// In Germany, Austria and Switzerland the number says whether it is a mobile; elsewhere it mostly does not.
fn mobile(phone: &str) -> Option<bool> {
    const PLANS: &[(&str, &[&str])] = &[("+49", &["15", "16", "17"]), ("+43", &["6"]), ("+41", &["7"])];
    PLANS.iter().find_map(|(plan, starts)| {
        phone.strip_prefix(plan).map(|number| starts.iter().any(|start| number.starts_with(start)))
    })
}

/// Compares what people call themselves: handles with handles, and with what stands before the @. Differing handles
/// say nothing, since everybody has several.
pub(in crate::graph::matching) fn handles(one: &Card, other: &Card) -> Option<(Level, String)> {
    let plain = |card: &Card| card.handles.iter().map(|handle| letters(handle)).collect::<Vec<_>>();
    let (ours, theirs) = (plain(one), plain(other));
    if let Some(same) = one.handles.iter().find(|handle| theirs.contains(&letters(handle))) {
        return Some((Level::Same, same.clone()));
    }
    let before_at = |handles: &[String], mailboxes: &[Mailbox]| {
        let personal =
            mailboxes.iter().filter(|mailbox| mailbox.handle().is_some_and(|handle| handles.contains(&handle)));
        personal.map(|mailbox| mailbox.local.clone()).next()
    };
    let found = before_at(&ours, &other.mailboxes).or_else(|| before_at(&theirs, &one.mailboxes))?;
    Some((Level::LocalPart, found))
}

/// Compares numbers that name one person. Only agreement says something: people have several accounts. A customer number under two
/// accounts of its source is two customers'.
pub(in crate::graph::matching) fn numbers(one: &Card, other: &Card) -> Option<Level> {
    let alike = |one: &Number| {
        other.numbers.iter().any(|other| one.kind == other.kind && one.source == other.source && one.ix == other.ix)
    };
    let of_two = |number: &Number| number.kind == NumberKind::Customer && have_two_accounts(one, other, number.source);
    let shared: Vec<NumberKind> =
        one.numbers.iter().filter(|number| alike(number) && !of_two(number)).map(|number| number.kind).collect();
    let kind = shared.into_iter().min()?;
    Some(match kind {
        NumberKind::Customer | NumberKind::Account => Level::Same,
        NumberKind::BankAccount => Level::Shared,
        NumberKind::Order => Level::Paper,
    })
}

/// Have both an account at this source, and none in common?
fn have_two_accounts(one: &Card, other: &Card, source: Option<SourceNo>) -> bool {
    let is_account = |number: &&Number| number.kind == NumberKind::Account && number.source == source;
    let mut ours = one.numbers.iter().filter(is_account).peekable();
    let theirs: Vec<[u8; 16]> = other.numbers.iter().filter(is_account).map(|number| number.ix).collect();
    ours.peek().is_some() && !theirs.is_empty() && !ours.any(|number| theirs.contains(&number.ix))
}

/// A handle without what separates its words.
pub(in crate::graph::matching) fn letters(handle: &str) -> String {
    handle.chars().filter(|c| c.is_alphanumeric()).collect()
}

impl Mailbox {
    /// What stands before the @ as a handle, where it is long enough to be one.
    pub(in crate::graph::matching) fn handle(&self) -> Option<String> {
        if self.class != MailboxClass::Personal {
            return None;
        }
        let handle = letters(&self.local);
        (handle.chars().count() >= 5 && handle.chars().any(char::is_alphabetic)).then_some(handle)
    }
}
