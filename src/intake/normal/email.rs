//! E-mail addresses: the normal form, the form for matching, and whose mailbox it is.

use email_address::{EmailAddress, Options};

use super::{Reason, text};

/// Longest address in bytes (RFC 5321 § 4.5.3.1.3, less the angle brackets).
const MAX_ADDRESS: usize = 254;
/// Longest part before the `@` in bytes (RFC 5321 § 4.5.3.1.1).
const MAX_LOCAL: usize = 64;

/// An address in normal form: NFC, lower-case, the domain in ASCII (IDNA).
///
/// RFC 5321 leaves the case of the local part to the receiving host; no provider in use tells them apart, and people
/// write their own address in changing case.
pub struct Email {
    local: String,
    domain: String,
}

/// Whose mailbox an address is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mailbox {
    /// One person's.
    Personal,
    /// A post's, such as `info@`: several people read it, so it joins nobody.
    Role,
    /// A forwarding alias a market place made for one person or one order.
    Relay,
}

impl Mailbox {
    /// The word in a contact document.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Personal => "personal",
            Self::Role => "role",
            Self::Relay => "relay",
        }
    }
}

/// Reads an address.
///
/// # Errors
/// `invalid_email` if it cannot receive mail from the internet: no display names, comments, quoted parts or
/// IP literals, and the domain has at least two labels.
pub fn normal(text: &str) -> Result<Email, Reason> {
    let text = text.trim();
    if text.len() > 4 * MAX_ADDRESS {
        return Err(Reason::INVALID_EMAIL);
    }
    let text = text.strip_prefix("mailto:").unwrap_or(text);
    let lower = text::composed(text).to_lowercase();
    // Small letters can compose where capitals could not.
    let lower = text::composed(&lower);
    let (local, domain) = lower.rsplit_once('@').ok_or(Reason::INVALID_EMAIL)?;
    let domain = domain.strip_suffix('.').unwrap_or(domain);
    let domain = idna::domain_to_ascii_strict(domain).map_err(|_| Reason::INVALID_EMAIL)?;
    let odd = |c: char| matches!(c, '"' | '\\' | '(' | ')' | '<' | '>') || c.is_whitespace() || c.is_control();
    if local.len() > MAX_LOCAL || local.contains(odd) || local.len() + 1 + domain.len() > MAX_ADDRESS {
        return Err(Reason::INVALID_EMAIL);
    }
    let options = Options::default().without_display_text().without_domain_literal().with_required_tld();
    EmailAddress::parse_with_options(&format!("{local}@{domain}"), options).map_err(|_| Reason::INVALID_EMAIL)?;
    if domain.rsplit('.').next().is_none_or(|tld| tld.bytes().all(|b| b.is_ascii_digit())) {
        return Err(Reason::INVALID_EMAIL);
    }
    Ok(Email { local: local.to_owned(), domain })
}

impl Email {
    /// The part before the `@`.
    #[must_use]
    pub fn local(&self) -> &str {
        &self.local
    }

    /// The part after the `@`, in ASCII.
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// The whole address.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{}@{}", self.local, self.domain)
    }

    /// The form under which two spellings of one mailbox are equal. Google ignores dots and everything after a plus
    /// and answers under two names; other providers do tell such addresses apart, so theirs stay as they are.
    #[must_use]
    pub fn matching(&self) -> String {
        if !matches!(self.domain.as_str(), "gmail.com" | "googlemail.com") {
            return self.text();
        }
        let account = self.local.split('+').next().unwrap_or_default().replace('.', "");
        if account.is_empty() { format!("{}@gmail.com", self.local) } else { format!("{account}@gmail.com") }
    }

    /// Whose mailbox it is.
    #[must_use]
    pub fn mailbox(&self) -> Mailbox {
        if is_relay(&self.domain) {
            Mailbox::Relay
        } else if is_role(&self.local) {
            Mailbox::Role
        } else {
            Mailbox::Personal
        }
    }
}

/// Domains whose addresses forward to somebody they do not name.
fn is_relay(domain: &str) -> bool {
    const WHOLE: &[&str] = &[
        "privaterelay.appleid.com",
        "facebook.com",
        "proxymail.facebook.com",
        "groups.facebook.com",
        "guest.airbnb.com",
        "guest.booking.com",
        "users.noreply.github.com",
    ];
    const STARTS: &[&str] = &["marketplace.amazon.", "members.ebay.", "reply.", "replies."];
    const ENDS: &[&str] = &[".privaterelay.appleid.com", ".marketplace.amazon.com", ".reply.ebay.com"];
    WHOLE.contains(&domain)
        || STARTS.iter().any(|start| domain.starts_with(start))
        || ENDS.iter().any(|end| domain.ends_with(end))
}

/// Names of posts (RFC 2142 and the usual German ones), with or without a suffix such as `info-berlin@`.
fn is_role(local: &str) -> bool {
    const POSTS: &[&str] = &[
        "abuse",
        "accounting",
        "admin",
        "administrator",
        "anfrage",
        "auftrag",
        "bestellung",
        "bestellungen",
        "bewerbung",
        "billing",
        "buchhaltung",
        "buero",
        "büro",
        "contact",
        "datenschutz",
        "dispo",
        "einkauf",
        "email",
        "empfang",
        "finance",
        "geschaeftsfuehrung",
        "hallo",
        "hello",
        "help",
        "hilfe",
        "hostmaster",
        "hr",
        "info",
        "invoice",
        "jobs",
        "karriere",
        "kontakt",
        "kundendienst",
        "kundenservice",
        "lager",
        "mail",
        "marketing",
        "office",
        "order",
        "orders",
        "personal",
        "post",
        "postmaster",
        "presse",
        "press",
        "privacy",
        "purchasing",
        "rechnung",
        "rechnungen",
        "redaktion",
        "reception",
        "root",
        "sales",
        "secretary",
        "security",
        "sekretariat",
        "service",
        "shop",
        "support",
        "team",
        "verkauf",
        "versand",
        "vertrieb",
        "verwaltung",
        "webmaster",
        "zentrale",
    ];
    let post = local.split(['-', '.', '+', '_']).next().unwrap_or(local);
    let rest = local.get(post.len()..).unwrap_or_default();
    // `post.peter@` is a person called Post, `info-berlin@` is not one called Info.
    POSTS.contains(&post) && (rest.is_empty() || rest.starts_with(['-', '+']) || matches!(post, "info" | "kontakt"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_people_write() {
        for (written, expected) in [
            (" Max@Example.de ", "max@example.de"),
            ("MAX.MUSTERMANN@EXAMPLE.DE", "max.mustermann@example.de"),
            ("mailto:max@example.de", "max@example.de"),
            ("max@Müller-Möbel.de", "max@xn--mller-mbel-kcb9d.de"),
            ("max@xn--mller-mbel-kcb9d.de", "max@xn--mller-mbel-kcb9d.de"),
            ("ju\u{308}rgen@example.de", "jürgen@example.de"),
            ("max+shop@example.de", "max+shop@example.de"),
            ("max@example.de.", "max@example.de"),
            ("o'neil@sub.example.co.uk", "o'neil@sub.example.co.uk"),
        ] {
            assert_eq!(normal(written).map(|email| email.text()).unwrap(), expected);
        }
    }

    #[test]
    fn what_is_no_address() {
        let long = format!("{}@example.de", "a".repeat(65));
        let wide = format!("a@{}.de", "a".repeat(250));
        for written in [
            "",
            "max",
            "max@",
            "@example.de",
            "max@example",
            "max@@example.de",
            "max@exa mple.de",
            "m ax@example.de",
            "Max <max@example.de>",
            "max@[192.0.2.1]",
            "max@192.0.2.1",
            "max..m@example.de",
            ".max@example.de",
            "max@-example.de",
            "max@example..de",
            "\"max\"@example.de",
            "max@example.de\0",
            &long,
            &wide,
        ] {
            assert_eq!(normal(written).err(), Some(Reason::INVALID_EMAIL));
        }
    }

    #[test]
    fn google_answers_under_many_names() {
        for written in ["max.muster@gmail.com", "maxmuster+x@googlemail.com", "M.A.X.muster@gmail.com"] {
            assert_eq!(normal(written).unwrap().matching(), "maxmuster@gmail.com");
        }
        assert_eq!(normal("max.muster+x@example.de").unwrap().matching(), "max.muster+x@example.de");
        assert_ne!(normal("+x@gmail.com").unwrap().matching(), "@gmail.com");
    }

    #[test]
    fn whose_mailbox() {
        for (written, mailbox) in [
            ("max@example.de", Mailbox::Personal),
            ("post.peter@example.de", Mailbox::Personal),
            ("informatik@example.de", Mailbox::Personal),
            ("info@example.de", Mailbox::Role),
            ("info-berlin@example.de", Mailbox::Role),
            ("kontakt@example.de", Mailbox::Role),
            ("office@example.at", Mailbox::Role),
            ("service@example.de", Mailbox::Role),
            ("8xq2k1@marketplace.amazon.de", Mailbox::Relay),
            ("info@marketplace.amazon.co.uk", Mailbox::Relay),
            ("abc@privaterelay.appleid.com", Mailbox::Relay),
            ("abc@members.ebay.de", Mailbox::Relay),
            ("m+1@reply.kaufland.de", Mailbox::Relay),
            ("123456@facebook.com", Mailbox::Relay),
        ] {
            assert_eq!(normal(written).unwrap().mailbox(), mailbox);
        }
    }

    proptest! {
        #[test]
        fn normalising_twice_is_normalising_once(text in "\\PC{0,40}|[a-zA-ZäöüßİΣ.+]{1,12}@[a-zA-ZäöüßİΣ.-]{1,12}\\.(de|com|Gmail.COM)") {
            if let Ok(email) = normal(&text) {
                let once = email.text();
                prop_assert_eq!(normal(&once).map(|email| email.text()), Ok(once));
                let matching = email.matching();
                prop_assert_eq!(normal(&matching).map(|email| email.matching()), Ok(matching));
            }
        }
    }
}
