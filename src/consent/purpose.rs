//! [`Purpose`]: why data is read, as data.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::types::{Category, CategorySet, Channel, Ground, PurposeCode};

/// A text in both languages of the house.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = BilingualText)]
pub struct Text {
    /// German.
    pub de: String,
    /// English.
    pub en: String,
}

/// Why data is read (Art. 5(1)(b) GDPR), on which ground (Art. 6), and how far that goes.
///
/// A purpose that [`Purpose::validate`] finds fault with is never decided on: the gateway answers with a gap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Purpose {
    /// The code callers name.
    pub code: PurposeCode,
    /// Counts the definitions of this purpose from 1. Every decision names the one it used.
    #[serde(default = "first_version")]
    pub version: u32,
    /// What a person sees in the portal.
    pub title: Text,
    /// One or two plain sentences for the privacy notice and the portal.
    pub description: Text,
    /// The ground of Art. 6(1) GDPR.
    pub ground: Ground,
    /// The articles relied on, such as `Art. 6(1)(c) GDPR with § 147 AO`.
    pub statute: String,
    /// What may be seen, and no more (Art. 5(1)(c) GDPR).
    #[serde(with = "category_list")]
    #[schema(value_type = Vec<Category>)]
    pub categories: CategorySet,
    /// How the person may be addressed under this purpose. Empty: nobody is addressed.
    #[serde(default)]
    pub channels: BTreeSet<Channel>,
    /// Who receives the data (Art. 13(1)(e) GDPR), for the notice and the record of processing.
    #[serde(default)]
    pub recipients: Vec<String>,
    /// The version of the consent text or notice in force. Consents need one.
    #[serde(default)]
    pub text_version: Option<String>,
    /// Older text versions that the data protection officer declared to cover the present definition.
    #[serde(default)]
    pub compatible_versions: BTreeSet<String>,
    /// A consent counts only once confirmed by double opt-in (BGH I ZR 164/09).
    #[serde(default)]
    pub double_opt_in: bool,
    /// How many days after the request a confirmation still counts; later it never does.
    #[serde(default = "two_weeks")]
    pub confirm_within_days: u32,
    /// A consent counts only if it was explicit (Art. 9(2)(a) GDPR).
    #[serde(default)]
    pub explicit: bool,
    /// A consent counts as proven only with evidence fields. Without this, one that the hub itself took in the portal or
    /// by its API counts as proven by its ledger entry; an import never does.
    #[serde(default = "yes")]
    pub evidence: bool,
    /// The service is offered to the public online: a child's consent needs the parents' (Art. 8 GDPR).
    #[serde(default)]
    pub online_service: bool,
    /// Days after which a consent no longer counts. None: it does not age.
    #[serde(default)]
    pub validity_days: Option<u32>,
    /// How many days back from now events may be used (CJEU C-446/21). None: no limit beyond retention.
    #[serde(default)]
    pub look_back_days: Option<u32>,
    /// For how many days data is kept for this purpose, at most; statutory periods count from the end of the year.
    pub retention_days: u32,
    /// Direct marketing and the profiling related to it: an objection to marketing is absolute (Art. 21(2)–(3) GDPR).
    #[serde(default)]
    pub direct_marketing: bool,
    /// Advertising to existing customers by e-mail: the conditions of § 7(3) UWG are checked on each decision.
    #[serde(default)]
    pub existing_customer_advertising: bool,
    /// A refusal or withdrawal of these purposes on the same channel is one of this purpose too, so that nobody hops from
    /// a withdrawn consent to another ground (Art. 5(1)(a) GDPR).
    #[serde(default)]
    pub refused_with: BTreeSet<PurposeCode>,
    /// Goes on under a restriction (Art. 18(2) GDPR: the person's own access, legal claims).
    #[serde(default)]
    pub survives_restriction: bool,
    /// Goes on after an objection (Art. 21(1) GDPR: legal claims). Never for direct marketing.
    #[serde(default)]
    pub survives_objection: bool,
    /// Days after the end of a contract during which its purpose still stands.
    #[serde(default)]
    pub survives_contract_end_days: u32,
    /// May read records that are kept only because a law demands it (§ 35(3) BDSG).
    #[serde(default)]
    pub reads_retained: bool,
    /// The person's own copy (Art. 15, 20 GDPR): only the person and the data protection officer may ask for it.
    #[serde(default)]
    pub own_access: bool,
    /// The exception of Art. 9(2) GDPR, other than explicit consent, that opens special categories.
    #[serde(default)]
    pub special_ground: Option<String>,
}

impl Purpose {
    /// The only channel of the purpose, if there is exactly one.
    #[must_use]
    pub fn sole_channel(&self) -> Option<Channel> {
        let mut channels = self.channels.iter();
        channels.next().copied().filter(|_| channels.next().is_none())
    }

    /// Does a consent given to `version` of the text cover the definition in force?
    #[must_use]
    pub fn covers_text(&self, version: Option<&str>) -> bool {
        version.is_some_and(|version| {
            self.text_version.as_deref() == Some(version) || self.compatible_versions.contains(version)
        })
    }

    /// Does somebody get addressed or asked, so that the channel must be known before anything is decided?
    #[must_use]
    pub fn needs_channel(&self) -> bool {
        !self.channels.is_empty() && (self.ground == Ground::Consent || self.direct_marketing)
    }

    /// Can a person object to it (Art. 21(1)–(2) GDPR)?
    #[must_use]
    pub fn objectable(&self) -> bool {
        self.direct_marketing || matches!(self.ground, Ground::LegitimateInterest | Ground::PublicTask)
    }
}

const fn first_version() -> u32 {
    1
}

const fn two_weeks() -> u32 {
    14
}

const fn yes() -> bool {
    true
}

/// Categories as a list of words.
mod category_list {
    use super::{Category, CategorySet, Deserialize};

    pub(super) fn serialize<S: serde::Serializer>(set: &CategorySet, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(set.iter())
    }

    pub(super) fn deserialize<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<CategorySet, D::Error> {
        Vec::<Category>::deserialize(deserializer).map(|list| list.into_iter().collect())
    }
}
