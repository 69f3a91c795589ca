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
    /// Characters of the longer one.
    #[must_use]
    pub fn longest(&self) -> usize {
        self.de.chars().count().max(self.en.chars().count())
    }

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consent::{EntryNo, confirmed_in_time, default_purposes, proven};
    use crate::types::{CategorySet, SubjectId};

    fn purpose(code: &str) -> Purpose {
        default_purposes().unwrap().into_iter().find(|purpose| purpose.code.as_str() == code).unwrap()
    }

    fn codes(result: Result<(), Vec<Problem>>) -> Vec<&'static str> {
        result.err().unwrap_or_default().into_iter().map(|problem| problem.code).collect()
    }

    fn entry(act: Act, purpose: Option<&str>, channel: Option<Channel>) -> Entry {
        Entry {
            act,
            purpose: purpose.map(|code| code.parse().unwrap()),
            channel,
            at: Timestamp::from_micros(0),
            recorded_at: Timestamp::from_micros(0),
            entry_no: EntryNo(1),
            text_version: Some("2026-01".into()),
            method: Method::Checkbox,
            proven: true,
            confirmed: false,
            explicit: true,
            parental: false,
            origin: SubjectId::from_uuid(uuid::Uuid::nil()),
        }
    }

    #[test]
    fn each_missing_piece_of_a_purpose_is_named() {
        type Broken = (&'static str, &'static str, fn(&mut Purpose));
        let broken: [Broken; 17] = [
            ("newsletter_email", "version_missing", |purpose| purpose.version = 0),
            ("newsletter_email", "title_missing", |purpose| purpose.title.de = " ".to_owned()),
            ("newsletter_email", "description_missing", |purpose| purpose.description.en.clear()),
            ("newsletter_email", "statute_missing", |purpose| purpose.statute.clear()),
            ("newsletter_email", "categories_missing", |purpose| purpose.categories = CategorySet::EMPTY),
            ("newsletter_email", "special_needs_explicit_consent", |purpose| {
                purpose.categories.insert(Category::Special)
            }),
            ("newsletter_email", "channels_missing", |purpose| purpose.channels.clear()),
            ("newsletter_email", "text_version_missing", |purpose| purpose.text_version = None),
            ("postal_marketing", "double_opt_in_without_consent", |purpose| purpose.double_opt_in = true),
            ("newsletter_email", "confirm_within_missing", |purpose| purpose.confirm_within_days = 0),
            ("newsletter_email", "validity_empty", |purpose| purpose.validity_days = Some(0)),
            ("newsletter_email", "retention_missing", |purpose| purpose.retention_days = 0),
            ("postal_marketing", "marketing_ground", |purpose| purpose.ground = Ground::LegalObligation),
            ("existing_customer_email", "existing_customer_terms", |purpose| {
                purpose.channels.insert(Channel::Sms);
            }),
            ("postal_marketing", "objection_terms", |purpose| purpose.survives_objection = true),
            ("postal_marketing", "restriction_terms", |purpose| purpose.survives_restriction = true),
            ("analytics", "retained_terms", |purpose| purpose.reads_retained = true),
        ];
        for (code, problem, change) in broken {
            let mut purpose = purpose(code);
            assert_eq!(codes(purpose.validate()), Vec::<&str>::new());
            change(&mut purpose);
            assert_eq!(codes(purpose.validate()), [problem]);
        }
    }

    #[test]
    fn acts_that_make_no_sense_are_turned_away_with_a_code() {
        let email = Some(Channel::Email);
        for (act, code, channel, problems) in [
            (Act::Granted, "newsletter_email", email, &[] as &[&str]),
            (Act::Granted, "newsletter_email", None, &[]),
            (Act::Granted, "newsletter_email", Some(Channel::Phone), &["channel_not_in_purpose"]),
            (Act::Granted, "postal_marketing", None, &["consent_not_ground"]),
            (Act::Granted, "order_fulfilment", None, &["consent_not_ground", "channel_missing"]),
            (Act::Withdrawn, "postal_marketing", None, &[]),
            (Act::Withdrawn, "bookkeeping", None, &["consent_not_ground"]),
            (Act::Objected, "postal_marketing", None, &[]),
            (Act::Objected, "newsletter_email", None, &[]),
            (Act::Objected, "analytics", None, &[]),
            (Act::Objected, "order_fulfilment", None, &["objection_not_possible"]),
            (Act::Restricted, "order_fulfilment", None, &[]),
            (Act::Restricted, "order_fulfilment", email, &["channel_without_meaning"]),
        ] {
            assert_eq!(codes(entry(act, Some(code), channel).validate(Some(&purpose(code)))), problems, "{act} {code}");
        }
        assert_eq!(codes(entry(Act::Granted, Some("nothing_such"), None).validate(None)), ["purpose_unknown"]);
        assert_eq!(codes(entry(Act::Granted, None, None).validate(None)), ["purpose_missing"]);
        assert_eq!(codes(entry(Act::Objected, None, None).validate(None)), Vec::<&str>::new());
    }

    #[test]
    fn nothing_is_dated_in_the_future_or_confirmed_by_a_checkbox() {
        let newsletter = purpose("newsletter_email");
        let granted = entry(Act::Granted, Some("newsletter_email"), None);
        let future = Entry { at: granted.at.plus(CLOCK_SKEW + 1), ..granted.clone() };
        assert_eq!(codes(future.validate(Some(&newsletter))), ["in_future"]);
        let confirmed = Entry { confirmed: true, ..granted.clone() };
        assert_eq!(codes(confirmed.validate(Some(&newsletter))), ["confirmation_without_double_opt_in"]);
        let textless = Entry { text_version: None, ..granted };
        assert_eq!(codes(textless.validate(Some(&newsletter))), ["text_version_missing"]);
    }

    #[test]
    fn proof_and_confirmation_are_counted_strictly() {
        let (newsletter, analytics) = (purpose("newsletter_email"), purpose("analytics"));
        assert!(proven(&newsletter, Method::Import, true));
        assert!(!proven(&newsletter, Method::Portal, false));
        assert!(proven(&analytics, Method::Portal, false));
        assert!(!proven(&analytics, Method::Import, false));
        let (asked, day) = (Timestamp::from_micros(0), |days| Timestamp::from_micros(0).plus_days(days));
        assert!(confirmed_in_time(&newsletter, asked, Some(day(14))));
        assert!(!confirmed_in_time(&newsletter, asked, Some(day(14).plus(1))));
        assert!(!confirmed_in_time(&newsletter, asked, Some(asked.plus(-1))));
        assert!(!confirmed_in_time(&newsletter, asked, None));
    }
}
