//! [`Tally`]: what a run of storage limitation did, counted by its rules.

use std::collections::BTreeMap;

/// Why something is due, and what is done about it. The words stand in the audit book and in the outcome of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// Parts of records that no purpose keeps.
    PurposesOver,
    /// Parts of records whose source's clock ended.
    SourceClockOver,
    /// Parts of records that only a law kept, and whose period ended.
    StatuteOver,
    /// Whole records that are deleted by these.
    Records,
    /// Records that from now on only a law keeps.
    LawAlone,
    /// People of whom nothing is left.
    People,
    /// Keys of whole categories.
    CategoryKeys,
    /// Records of erased people whose statutory period ended.
    KeptOfErased,
    /// Closed requests.
    Requests,
    /// Kept replies.
    Replies,
    /// Data keys without a person.
    OrphanKeys,
    /// Proofs of what people said that are not needed any more.
    Proofs,
    /// People who could not be read, or of whom something could not be deleted.
    Failed,
    /// People with something due who are left alone: an open request, or a restriction (Art. 18 GDPR).
    HeldBack,
}

impl Rule {
    /// The word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::PurposesOver => "purposes_over",
            Self::SourceClockOver => "source_clock_over",
            Self::StatuteOver => "statute_over",
            Self::Records => "records",
            Self::LawAlone => "law_alone",
            Self::People => "people",
            Self::CategoryKeys => "category_keys",
            Self::KeptOfErased => "kept_of_erased",
            Self::Requests => "requests",
            Self::Replies => "replies",
            Self::OrphanKeys => "orphan_keys",
            Self::Proofs => "proofs",
            Self::Failed => "failed",
            Self::HeldBack => "held_back",
        }
    }
}

/// How many, by the word of the rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally(BTreeMap<String, u64>);

impl Tally {
    /// Counts `count` more.
    pub fn add(&mut self, rule: Rule, count: usize) {
        if count > 0 {
            *self.0.entry(rule.word().to_owned()).or_default() += u64::try_from(count).unwrap_or(u64::MAX);
        }
    }

    /// Counts all of `other` too.
    pub fn join(&mut self, other: &Self) {
        for (word, count) in &other.0 {
            *self.0.entry(word.clone()).or_default() += count;
        }
    }

    /// How many.
    #[must_use]
    pub fn of(&self, rule: Rule) -> u64 {
        self.0.get(rule.word()).copied().unwrap_or(0)
    }

    /// Each word and its count.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0.iter().map(|(word, count)| (word.as_str(), *count))
    }

    /// Is nothing counted?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The counts as JSON.
    #[must_use]
    pub fn text(&self) -> String {
        // A map of texts and numbers: writing it cannot fail.
        serde_json::to_string(&self.0).unwrap_or_default()
    }

    /// Reads [`Tally::text`]; what it cannot read counts nothing.
    #[must_use]
    pub fn read(text: &str) -> Self {
        Self(serde_json::from_str(text).unwrap_or_default())
    }
}
