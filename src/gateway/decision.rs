//! [`Decision`]: what was decided and why, for the reply and the audit line. It holds no personal data.

use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use crate::consent::{EntryNo, Purpose, Reason, Standing};
use crate::types::{Category, Channel, DecisionId, PurposeCode, Timestamp, words};

use super::Ask;

words! {
    /// How a question was decided.
    Outcome as "DecisionOutcome", "outcome" {
        /// Something may be read.
        Allow = 1 "allow",
        /// Nothing may be read.
        Refuse = 2 "refuse",
        /// Nothing may be read, because the house is not set up for the question.
        Gap = 3 "gap",
    }
}

words! {
    /// What carries an allowed category.
    Why as "DecisionGround", "why" {
        /// Consent, Art. 6(1)(a) GDPR.
        Consent = 1 "consent",
        /// A contract, Art. 6(1)(b) GDPR.
        Contract = 2 "contract",
        /// A legal obligation, Art. 6(1)(c) GDPR.
        LegalObligation = 3 "legal_obligation",
        /// A vital interest, Art. 6(1)(d) GDPR.
        VitalInterest = 4 "vital_interest",
        /// A public task, Art. 6(1)(e) GDPR.
        PublicTask = 5 "public_task",
        /// A legitimate interest, Art. 6(1)(f) GDPR.
        LegitimateInterest = 6 "legitimate_interest",
        /// Advertising to existing customers, § 7(3) UWG.
        ExistingCustomer = 7 "existing_customer",
        /// The person's own access, Art. 15 GDPR.
        OwnAccess = 8 "own_access",
    }
}

/// What was decided, per category, and on what it relied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Decision {
    /// Ties it to the audit line.
    pub id: DecisionId,
    /// The purpose asked under.
    pub purpose: PurposeCode,
    /// The definition of the purpose that was used. None if there is none.
    pub purpose_version: Option<u32>,
    /// The channel decided on.
    pub channel: Option<Channel>,
    /// How it was decided.
    pub outcome: Outcome,
    /// When.
    #[serde(serialize_with = "rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// The last ledger entry that was seen. None: there was none.
    pub ledger_version: Option<EntryNo>,
    /// What may be read.
    pub allowed: Vec<Allowed>,
    /// What may not.
    pub refused: Vec<Refused>,
    /// Allowed categories of which some part of the person withholds its data, and why.
    pub withheld: Vec<Refused>,
}

/// A category that may be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = AllowedCategory)]
pub struct Allowed {
    /// Which.
    pub category: Category,
    /// Until when, by the parts' earliest end. None: no end is known today.
    #[serde(serialize_with = "rfc3339_or_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub until: Option<Timestamp>,
    /// On what ground.
    pub why: Why,
    /// The ledger entry relied on, if it is a consent.
    pub entry_no: Option<EntryNo>,
}

/// A category that may not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[schema(as = RefusedCategory)]
pub struct Refused {
    /// Which.
    pub category: Category,
    /// Why.
    pub reason: Reason,
}

impl Decision {
    /// A decision that allows nothing yet.
    pub(super) fn nothing(
        ask: &Ask,
        purpose: Option<&Purpose>,
        standing: &Standing,
        id: DecisionId,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            purpose: ask.purpose.clone(),
            purpose_version: purpose.map(|purpose| purpose.version),
            channel: ask.channel,
            outcome: Outcome::Refuse,
            at: now,
            ledger_version: standing.ledger_version(),
            allowed: Vec::new(),
            refused: Vec::new(),
            withheld: Vec::new(),
        }
    }
}

fn rfc3339<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&at.rfc3339())
}

fn rfc3339_or_none<S: Serializer>(at: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => rfc3339(at, serializer),
        None => serializer.serialize_none(),
    }
}
