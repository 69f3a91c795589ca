//! Values that name nobody: what people type to get past a form, and what systems fill in by themselves.

/// Words that stand in a field when there is nothing to say, folded.
const NOTHING: &[&str] = &[
    "na",
    "n a",
    "ka",
    "k a",
    "keine",
    "kein",
    "keine angabe",
    "keineangabe",
    "none",
    "null",
    "nil",
    "nan",
    "undefined",
    "unknown",
    "unbekannt",
    "nicht angegeben",
    "not available",
    "xx",
    "xxx",
    "xxxx",
    "asdf",
    "asd",
    "qwertz",
    "test",
    "tester",
    "testtest",
    "tests",
    "dummy",
    "leer",
    "anonym",
    "anonymous",
    "anonymisiert",
    "geloscht",
    "deleted",
    "vorname",
    "nachname",
    "firma",
    "company",
    "name",
    "privat",
    "private",
    "storniert",
    "barverkauf",
    "laufkunde",
    "laufkundschaft",
    "amazon kunde",
    "amazon kundin",
    "amazon customer",
    "ebay kaufer",
    "facebook user",
    "instagram user",
    "gast kunde",
    "gastkunde",
];

pub(super) fn is_text(text: &str) -> bool {
    let text = text.trim();
    text.chars().all(|c| !c.is_alphanumeric() || c == '0') || NOTHING.contains(&text)
}

/// A list of words that says nothing.
pub(super) fn is_word(words: &[String]) -> bool {
    const NAMES: &[&str] = &["mustermann", "musterfrau", "muster mann", "muster"];
    let text = words.join(" ");
    words.is_empty() || is_text(&text) || NAMES.contains(&text.as_str()) || alike(&text)
}

/// A name nobody has.
pub(super) fn is_name(given: &[String], family: &[String]) -> bool {
    const NAMES: &[&str] = &[
        "max mustermann",
        "erika mustermann",
        "erika musterfrau",
        "maxi musterfrau",
        "john doe",
        "jane doe",
        "max muster",
        "gast gast",
        "vorname nachname",
        "first last",
        "first name last name",
        "otto normalverbraucher",
        "lieschen muller",
        "account holder",
        "konto inhaber",
        "kunde kunde",
        "guest guest",
        "admin admin",
    ];
    let words: Vec<&str> = given.iter().chain(family).map(String::as_str).collect();
    let name = words.join(" ");
    let somebody = |one: &str, other: &str| SOMEWHERE.contains(&one) && SOMEBODY.contains(&other);
    let role = matches!(words[..], [one, other] if somebody(one, other) || somebody(other, one));
    role || NAMES.contains(&name.as_str()) || (words.len() > 1 && NOTHING.contains(&name.as_str()))
}

/// As `is_name`, of a folded full name whose last word is the family name.
#[must_use]
pub fn is_full_name(folded: &str) -> bool {
    let words: Vec<String> = folded.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect();
    is_name(&words, &[])
}

/// With a word of the list below these make the name a system gives to whoever has none: "Facebook User", "Gast Kunde", "Gelöschter
/// Nutzer".
const SOMEWHERE: &[&str] = &[
    "amazon",
    "anonym",
    "anonyme",
    "anonymer",
    "anonymous",
    "deleted",
    "ebay",
    "ehemaliger",
    "etsy",
    "facebook",
    "former",
    "gast",
    "geloscht",
    "geloschte",
    "geloschter",
    "google",
    "guest",
    "instagram",
    "kaufland",
    "marketplace",
    "marktplatz",
    "messenger",
    "neuer",
    "online",
    "paypal",
    "shop",
    "shopify",
    "test",
    "tiktok",
    "twitter",
    "unbekannte",
    "unbekannter",
    "unknown",
    "web",
    "webshop",
    "whatsapp",
    "youtube",
];

const SOMEBODY: &[&str] = &[
    "account",
    "benutzer",
    "besteller",
    "buyer",
    "client",
    "customer",
    "kaufer",
    "konto",
    "kunde",
    "kundin",
    "member",
    "mitglied",
    "nutzer",
    "nutzerin",
    "person",
    "profil",
    "profile",
    "user",
];

/// Dates a form or a database puts in by itself.
pub(super) fn is_birth(year: i16, month: u8, day: u8) -> bool {
    let machine =
        [(1900, 1, 1), (1901, 1, 1), (1970, 1, 1), (1899, 12, 30), (1899, 12, 31), (1753, 1, 1), (1111, 11, 11)];
    machine.contains(&(year, month, day)) || !(1000..=2999).contains(&year)
}

pub(super) fn is_postal_code(code: &str) -> bool {
    matches!(code, "12345" | "123456" | "54321" | "1234" | "00001") || alike(code)
}

pub(super) fn is_town(town: &str) -> bool {
    matches!(town, "musterstadt" | "musterhausen" | "musterort" | "teststadt" | "stadt" | "ort")
}

pub(super) fn is_street(street: &str) -> bool {
    matches!(street, "musterstr" | "teststr" | "str" | "strasse" | "musterweg" | "beispielstr" | "street" | "adresse")
}

/// A number in E.164 that ends in one repeated digit or in digits in a row.
#[must_use]
pub fn is_phone(phone: &str) -> bool {
    let digits = phone.as_bytes();
    let last = digits.get(digits.len().saturating_sub(7)..).unwrap_or_default();
    digits.len() < 6 || last.windows(2).all(|pair| matches!(pair, [a, b] if a == b)) || phone.ends_with("23456789")
}

/// A mailbox nobody reads, or one that was made up: what stands before and behind its @, in small letters.
#[must_use]
pub fn is_mailbox(local: &str, domain: &str) -> bool {
    const NOBODY: &[&str] = &[
        "anonym",
        "anonymisiert",
        "anonymized",
        "anonymous",
        "deleted",
        "deleted-user",
        "deleted_user",
        "deleteduser",
        "do-not-reply",
        "donotreply",
        "geloescht",
        "gelöscht",
        "kein",
        "keine",
        "keine-email",
        "keineemail",
        "keinemail",
        "no-email",
        "no-reply",
        "no.reply",
        "no_reply",
        "nobody",
        "noemail",
        "nomail",
        "none",
        "noreply",
        "null",
        "ohne",
        "unbekannt",
        "undefined",
        "unknown",
    ];
    NOBODY.contains(&local) || domain.ends_with(".invalid") || {
        let site = domain.split('.').next().unwrap_or_default();
        MADE_UP.contains(&local) && (MADE_UP.contains(&site) || local == site)
    }
}

const MADE_UP: &[&str] = &[
    "test", "tester", "testtest", "a", "aa", "aaa", "abc", "asd", "asdf", "x", "xx", "xxx", "qwertz", "mail", "email",
    "info",
];

/// One of a domain that is kept for examples.
pub(super) fn is_example(local: &str, domain: &str) -> bool {
    matches!(domain, "example.com" | "example.org" | "example.net") && MADE_UP.contains(&local)
}

/// One sign again and again.
fn alike(text: &str) -> bool {
    let mut signs = text.chars();
    let first = signs.next();
    text.len() > 2 && signs.all(|sign| Some(sign) == first)
}
