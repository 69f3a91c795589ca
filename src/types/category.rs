//! Categories of personal data. Consent, keys and retention all work per category.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::UnknownWord;

/// A kind of personal data (Art. 15(1)(b) GDPR speaks of "the categories of personal data concerned").
///
/// The numbers are stored and bound into ciphertexts: they never change and are never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Category {
    /// Names, salutation, birth date, customer numbers.
    Identity = 1,
    /// E-mail addresses and phone numbers.
    Contact = 2,
    /// Postal addresses.
    Address = 3,
    /// Orders, baskets, products bought.
    Commerce = 4,
    /// Visits, clicks, newsletter activity.
    Engagement = 5,
    /// Handles and messages on social networks.
    Social = 6,
    /// Complaints, contact notes, support conversations.
    Service = 7,
    /// Invoices, payments, bank details.
    Financial = 8,
    /// Scores and values the hub computed.
    Derived = 9,
    /// Special categories of Art. 9 GDPR.
    Special = 10,
}

impl Category {
    /// All categories, in the order of their numbers.
    pub const ALL: [Self; 10] = [
        Self::Identity,
        Self::Contact,
        Self::Address,
        Self::Commerce,
        Self::Engagement,
        Self::Social,
        Self::Service,
        Self::Financial,
        Self::Derived,
        Self::Special,
    ];

    /// The stable number, as stored and as bound into ciphertexts.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The word used in the API and in documents.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Contact => "contact",
            Self::Address => "address",
            Self::Commerce => "commerce",
            Self::Engagement => "engagement",
            Self::Social => "social",
            Self::Service => "service",
            Self::Financial => "financial",
            Self::Derived => "derived",
            Self::Special => "special",
        }
    }
}

impl TryFrom<u8> for Category {
    type Error = UnknownWord;

    fn try_from(number: u8) -> Result<Self, UnknownWord> {
        Self::ALL.into_iter().find(|category| category.number() == number).ok_or(UnknownWord("category"))
    }
}

impl std::str::FromStr for Category {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        Self::ALL.into_iter().find(|category| category.word() == word).ok_or(UnknownWord("category"))
    }
}

/// A set of categories: one bit each, stored as a 16-bit integer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CategorySet(u16);

impl CategorySet {
    /// No category.
    pub const EMPTY: Self = Self(0);

    /// Every category.
    #[must_use]
    pub fn all() -> Self {
        Category::ALL.into_iter().collect()
    }

    /// The set as stored.
    #[must_use]
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// The set from its stored form; unknown bits are dropped, so that no information means no.
    #[must_use]
    pub fn from_bits(bits: u16) -> Self {
        Self(bits & Self::all().0)
    }

    /// Is `category` in the set?
    #[must_use]
    pub const fn contains(self, category: Category) -> bool {
        self.0 & (1 << category.number()) != 0
    }

    /// How many are in it.
    #[must_use]
    pub const fn len(self) -> u32 {
        self.0.count_ones()
    }

    /// Adds `category`.
    pub const fn insert(&mut self, category: Category) {
        self.0 |= 1 << category.number();
    }

    /// What this set holds and `other` does not.
    #[must_use]
    pub const fn difference(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Is the set empty?
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The categories in the set, in the order of their numbers.
    pub fn iter(self) -> impl Iterator<Item = Category> {
        Category::ALL.into_iter().filter(move |category| self.contains(*category))
    }
}

impl FromIterator<Category> for CategorySet {
    fn from_iter<I: IntoIterator<Item = Category>>(categories: I) -> Self {
        let mut set = Self::EMPTY;
        for category in categories {
            set.insert(category);
        }
        set
    }
}
