//! Words with a fixed list: channels, grounds, roles, kinds. Numbers are stored and never reused.

use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};

/// A text or number that is none of the known words of its list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a known {0}")]
pub struct UnknownWord(pub &'static str);

/// Declares a list of words: number in tables, snake_case in the API. `as` names it in the OpenAPI document, where the
/// room it belongs to does not stand beside it.
macro_rules! words {
    ($(#[doc = $doc:literal])* $name:ident $(as $schema:literal)?, $what:literal {
        $($(#[doc = $vdoc:literal])* $variant:ident = $number:literal $word:literal,)+
    }) => {
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $($(#[doc = $vdoc])* #[serde(rename = $word)] $variant = $number,)+
        }

        // Not derived: utoipa does not see a rename that comes from a macro, and would publish the names of the code.
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                $crate::types::words::schema(&[$($doc),*], &[$(($word, &[$($vdoc),*])),+])
            }
        }

        impl utoipa::ToSchema for $name {
            $(fn name() -> std::borrow::Cow<'static, str> {
                $schema.into()
            })?
        }

        impl $name {
            /// Every word of the list.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The number as stored.
            #[must_use]
            pub const fn number(self) -> i16 {
                self as i16
            }

            /// The word as in the API.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl TryFrom<i16> for $name {
            type Error = $crate::types::UnknownWord;

            fn try_from(number: i16) -> Result<Self, $crate::types::UnknownWord> {
                match number { $($number => Ok(Self::$variant),)+ _ => Err($crate::types::UnknownWord($what)) }
            }
        }

        impl From<$name> for i16 {
            fn from(word: $name) -> Self {
                word.number()
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::types::UnknownWord;

            fn from_str(word: &str) -> Result<Self, $crate::types::UnknownWord> {
                match word { $($word => Ok(Self::$variant),)+ _ => Err($crate::types::UnknownWord($what)) }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.word())
            }
        }
    };
}
pub(crate) use words;

/// A list of words in the OpenAPI document, from the doc comments of the list and of each word.
pub(crate) fn schema(doc: &[&str], words: &[(&str, &[&str])]) -> RefOr<Schema> {
    let text = |doc: &[&str]| doc.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ");
    let mut description = text(doc);
    for (place, (word, doc)) in words.iter().enumerate() {
        let border = if place == 0 { "\n\n" } else { "\n" };
        description.push_str(&format!("{border}- `{word}`: {}", text(doc)));
    }
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(description))
        .enum_values(Some(words.iter().map(|(word, _)| *word)))
        .into()
}

words! {
    /// A way to address a person. Consent is given per channel (§ 7 UWG tells them apart).
    Channel, "channel" {
        /// E-mail.
        Email = 1 "email",
        /// A voice call.
        Phone = 2 "phone",
        /// Text and messenger messages.
        Sms = 3 "sms",
        /// Letters.
        Post = 4 "post",
        /// Advertising and messages on social networks.
        Social = 5 "social",
        /// The merchant's own pages.
        Web = 6 "web",
    }
}

words! {
    /// The legal ground of a purpose: Art. 6(1)(a)–(f) GDPR.
    Ground, "ground" {
        /// Art. 6(1)(a).
        Consent = 1 "consent",
        /// Art. 6(1)(b).
        Contract = 2 "contract",
        /// Art. 6(1)(c).
        LegalObligation = 3 "legal_obligation",
        /// Art. 6(1)(d).
        VitalInterest = 4 "vital_interest",
        /// Art. 6(1)(e).
        PublicTask = 5 "public_task",
        /// Art. 6(1)(f).
        LegitimateInterest = 6 "legitimate_interest",
    }
}

words! {
    /// Who calls. Each role has its own list of operations; administrators alone cannot read personal data.
    Role, "role" {
        /// Runs the hub: keys, sources, purposes. Reads no personal data.
        Admin = 1 "admin",
        /// An integration partner: pushes and pulls records.
        Partner = 2 "partner",
        /// A marketing tool: pulls segments.
        Marketing = 3 "marketing",
        /// The data protection officer: requests, evidence, explanations.
        Dpo = 4 "dpo",
        /// A server of the merchant that tells of events: writes for one source and reads nothing.
        Collector = 5 "collector",
        /// A page or app of the merchant, whose key everybody can read: speaks for one visitor at a time and reads nothing.
        Browser = 6 "browser",
    }
}

/// How much the word of a write key counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Voice {
    /// The merchant's own server. It says whom an account belongs to.
    Server,
    /// A page everybody can read the key of. It speaks for one visitor and nobody else: what it says of accounts and
    /// addresses is kept as said, and neither finds nor joins anybody.
    Visitor,
}

impl Role {
    /// The voice of a key of this role that belongs to one source and can do nothing but bring events in for it; none of
    /// all other roles.
    #[must_use]
    pub const fn voice(self) -> Option<Voice> {
        match self {
            Self::Collector => Some(Voice::Server),
            Self::Browser => Some(Voice::Visitor),
            _ => None,
        }
    }
}

words! {
    /// The canonical record types every source is mapped to.
    RecordKind, "record type" {
        /// A customer account or contact.
        Customer = 1 "customer",
        /// An order.
        Order = 2 "order",
        /// An invoice or credit note.
        Invoice = 3 "invoice",
        /// A payment.
        Payment = 4 "payment",
        /// A message in a conversation.
        Message = 5 "message",
        /// A product or shop review.
        Review = 6 "review",
        /// A newsletter subscription.
        NewsletterSubscription = 7 "newsletter_subscription",
        /// A tracked event.
        Event = 8 "event",
        /// A complaint or return.
        Complaint = 9 "complaint",
        /// A note about a contact with the person.
        ContactNote = 10 "contact_note",
    }
}

impl RecordKind {
    /// Is it a state, such as an account, and nothing that happened once? Of a state there is one, which changes; when it began
    /// says nothing about how old it is.
    #[must_use]
    pub const fn is_state(self) -> bool {
        matches!(self, Self::Customer | Self::NewsletterSubscription)
    }
}

words! {
    /// What kind of identifier a value is.
    IdentifierKind, "identifier kind" {
        /// A personal e-mail address.
        Email = 1 "email",
        /// A phone number in E.164.
        Phone = 2 "phone",
        /// A customer number, unique at its source.
        CustomerNumber = 3 "customer_number",
        /// An account or contact id at a source (shop account, accounting contact, social user id).
        Account = 4 "account",
        /// An anonymous device or visitor id.
        AnonymousId = 5 "anonymous_id",
        /// An address that forwards to a person without naming them (Amazon buyer alias), unique at its source.
        Relay = 6 "relay",
        /// A mailbox together with the full name: names one person even where nobody verified the mailbox.
        EmailAndName = 7 "email_and_name",
    }
}
