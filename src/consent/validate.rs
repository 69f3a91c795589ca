//! What must be said before a purpose is used or an act is written down.

use serde::Serialize;
use utoipa::ToSchema;

use super::{Act, Entry, Method, Purpose, Text};
use crate::types::{Category, Channel, Ground, Timestamp};

/// How far a source's clock may run ahead of ours before an act counts as dated in the future.
const CLOCK_SKEW: i64 = 300 * Timestamp::SECOND;

/// One thing wrong with a definition or an act. It never holds a personal value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Problem {
    /// Stable code in snake_case.
    #[schema(value_type = String)]
    pub code: &'static str,
    /// JSON pointer (RFC 6901) to the field.
    #[schema(value_type = String)]
    pub pointer: &'static str,
    /// What to do about it.
    #[schema(value_type = String)]
    pub text: &'static str,
}

const fn problem(code: &'static str, pointer: &'static str, text: &'static str) -> Problem {
    Problem { code, pointer, text }
}

/// Rows of (broken, problem): the problems of the broken ones.
fn collect(rows: impl IntoIterator<Item = (bool, Problem)>) -> Result<(), Vec<Problem>> {
    let found: Vec<Problem> = rows.into_iter().filter_map(|(broken, problem)| broken.then_some(problem)).collect();
    if found.is_empty() { Ok(()) } else { Err(found) }
}

impl Purpose {
    /// Is everything said that the law wants said before data is used (Art. 5(1)(b), 13 GDPR)?
    ///
    /// # Errors
    /// Every problem found, in the order of the fields.
    pub fn validate(&self) -> Result<(), Vec<Problem>> {
        let consent = self.ground == Ground::Consent;
        let special = self.categories.contains(Category::Special);
        let special_ground = self.special_ground.as_deref().is_some_and(|text| !text.trim().is_empty());
        let email_only = self.sole_channel() == Some(Channel::Email);
        collect([
            (self.version == 0, problem("version_missing", "/version", "versions count from 1")),
            (self.title.is_incomplete(), problem("title_missing", "/title", "give a German and an English title")),
            (
                self.description.is_incomplete(),
                problem("description_missing", "/description", "say in German and English what the data is used for"),
            ),
            (
                self.statute.trim().is_empty(),
                problem("statute_missing", "/statute", "name the article or statute relied on"),
            ),
            (
                self.categories.is_empty(),
                problem("categories_missing", "/categories", "name the categories this purpose needs"),
            ),
            (
                special && !(consent && self.explicit || special_ground && !consent),
                problem(
                    "special_needs_explicit_consent",
                    "/categories",
                    "special categories need explicit consent or a named exception of Art. 9(2) GDPR",
                ),
            ),
            (
                consent && self.channels.is_empty() && self.direct_marketing,
                problem("channels_missing", "/channels", "consent to marketing is given per channel"),
            ),
            (
                consent && self.text_version.as_deref().is_none_or(|text| text.trim().is_empty()),
                problem(
                    "text_version_missing",
                    "/text_version",
                    "a consent needs the version of the text it is given to",
                ),
            ),
            (
                self.double_opt_in && !consent,
                problem(
                    "double_opt_in_without_consent",
                    "/double_opt_in",
                    "double opt-in confirms a consent; this purpose has another ground",
                ),
            ),
            (
                self.double_opt_in && self.confirm_within_days == 0,
                problem("confirm_within_missing", "/confirm_within_days", "give at least one day to confirm"),
            ),
            (
                self.validity_days == Some(0),
                problem("validity_empty", "/validity_days", "a consent must be valid for at least one day"),
            ),
            (
                self.look_back_days == Some(0),
                problem("look_back_empty", "/look_back_days", "look back at least one day or leave it out"),
            ),
            (
                self.retention_days == 0,
                problem("retention_missing", "/retention_days", "say for how many days the data is kept at most"),
            ),
            (
                self.direct_marketing && !matches!(self.ground, Ground::Consent | Ground::LegitimateInterest),
                problem("marketing_ground", "/ground", "direct marketing rests on consent or a legitimate interest"),
            ),
            (
                self.direct_marketing && special_ground,
                problem(
                    "special_marketing",
                    "/special_ground",
                    "no exception but explicit consent opens special categories to marketing",
                ),
            ),
            (
                self.existing_customer_advertising
                    && !(self.ground == Ground::LegitimateInterest && self.direct_marketing && email_only),
                problem(
                    "existing_customer_terms",
                    "/existing_customer_advertising",
                    "§ 7(3) UWG is direct marketing by e-mail alone, on a legitimate interest",
                ),
            ),
            (
                self.survives_objection && (self.direct_marketing || !self.objectable()),
                problem(
                    "objection_terms",
                    "/survives_objection",
                    "only a legitimate interest or public task other than marketing can outlive an objection",
                ),
            ),
            (
                self.survives_restriction && self.direct_marketing,
                problem("restriction_terms", "/survives_restriction", "marketing never outlives a restriction"),
            ),
            (
                self.reads_retained && !(self.ground == Ground::LegalObligation || self.survives_restriction),
                problem(
                    "retained_terms",
                    "/reads_retained",
                    "records kept by law are for that duty, legal claims and the person alone",
                ),
            ),
            (
                self.own_access && self.ground != Ground::LegalObligation,
                problem("own_access_terms", "/own_access", "the person's own access is a legal obligation"),
            ),
            (
                self.survives_contract_end_days > 0 && self.ground != Ground::Contract,
                problem("follow_up_terms", "/survives_contract_end_days", "only a contract has a follow-up time"),
            ),
        ])
    }
}

impl Text {
    fn is_incomplete(&self) -> bool {
        self.de.trim().is_empty() || self.en.trim().is_empty()
    }
}

impl Entry {
    /// Does this act make sense for `purpose`, the definition that its code names?
    ///
    /// A no is hardly ever turned away: it is refused only where the law leaves no choice, because silently keeping a
    /// refusal that can have no effect would mislead the person.
    ///
    /// # Errors
    /// Every problem found. `purpose_unknown` if the entry names a purpose and no definition is given.
    pub fn validate(&self, purpose: Option<&Purpose>) -> Result<(), Vec<Problem>> {
        let future = (
            self.at > self.recorded_at.plus(CLOCK_SKEW),
            problem("in_future", "/at", "an act cannot be dated in the future"),
        );
        let Some(code) = &self.purpose else {
            return collect([
                future,
                (
                    matches!(self.act, Act::Granted | Act::ObjectionLifted),
                    problem("purpose_missing", "/purpose", "a yes names its purpose"),
                ),
                (
                    self.act.is_restriction() && self.channel.is_some(),
                    problem("channel_without_meaning", "/channel", "a restriction has no channel"),
                ),
            ]);
        };
        let Some(purpose) = purpose.filter(|purpose| purpose.code == *code) else {
            return collect([(true, problem("purpose_unknown", "/purpose", "no such purpose is configured"))]);
        };
        let consent = purpose.ground == Ground::Consent;
        let no_choice = !consent && !purpose.objectable();
        let yes = matches!(self.act, Act::Granted | Act::ObjectionLifted);
        collect([
            future,
            (
                self.act == Act::Granted && !consent,
                problem(
                    "consent_not_ground",
                    "/act",
                    "this purpose does not rest on consent; there is nothing to grant",
                ),
            ),
            (
                matches!(self.act, Act::Denied | Act::Withdrawn) && no_choice,
                problem(
                    "consent_not_ground",
                    "/act",
                    "this purpose does not rest on consent; there is nothing to withdraw",
                ),
            ),
            (
                matches!(self.act, Act::Objected | Act::ObjectionLifted) && no_choice,
                problem("objection_not_possible", "/act", "Art. 21 GDPR gives no objection against this ground"),
            ),
            (
                self.act.is_restriction() && self.channel.is_some(),
                problem("channel_without_meaning", "/channel", "a restriction has no channel"),
            ),
            (
                self.channel.is_some_and(|channel| !self.act.is_restriction() && !purpose.channels.contains(&channel)),
                problem("channel_not_in_purpose", "/channel", "this purpose does not use the channel"),
            ),
            (
                yes && self.channel.is_none() && purpose.channels.len() > 1,
                problem("channel_missing", "/channel", "a yes is given per channel"),
            ),
            (
                self.act == Act::Granted && self.text_version.is_none(),
                problem("text_version_missing", "/text_version", "name the version of the text the person agreed to"),
            ),
            (
                self.confirmed && !matches!(self.method, Method::DoubleOptIn | Method::Portal),
                problem(
                    "confirmation_without_double_opt_in",
                    "/method",
                    "only a double opt-in, or the portal behind a confirmed mailbox, is confirmed",
                ),
            ),
        ])
    }
}
