//! [`Rule`]: the rule language, as data.
//!
//! A rule is a JSON object: `{"all": [..]}`, `{"any": [..]}`, `{"not": {..}}` or one condition. `all` of nothing holds
//! for everybody, `any` of nothing for nobody. What is not known of a person does not hold; so `not` holds for it.
//! What the purpose may not see of a person (a source that gave its data for other purposes, an event before the
//! look-back window, a part of them that withholds it) does not exist for the rule.
//! A rule cannot express a question outside its purpose: [`Rule::categories`] says what it needs, and saving refuses
//! a rule that needs more than the purpose may see.

use serde::Serialize;
use utoipa::ToSchema;

use super::terms::{AttributeTest, Birthday, Bounds, Events, Newsletter, Orders, PhaseTest, Place, Reviews, Since};
use crate::types::{Category, CategorySet};

/// A rule over what is known of one person.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = SegmentRule)]
pub enum Rule {
    /// Every rule of the list holds.
    All {
        /// The rules.
        #[schema(no_recursion)]
        all: Vec<Rule>,
    },
    /// At least one rule of the list holds.
    Any {
        /// The rules.
        #[schema(no_recursion)]
        any: Vec<Rule>,
    },
    /// The rule does not hold.
    Not {
        /// The rule.
        #[schema(no_recursion)]
        not: Box<Rule>,
    },
    /// A condition.
    If(Condition),
}

/// One condition.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = SegmentCondition)]
pub enum Condition {
    /// About one field.
    Attribute(AttributeTest),
    /// One address lies there. Category address.
    Place {
        /// Where.
        place: Place,
    },
    /// Orders, counted and summed up. Category commerce.
    Orders {
        /// Which, how many, how much.
        orders: Orders,
    },
    /// The age of the last order; false without one. Category commerce.
    LastOrder {
        /// How old.
        last_order: Since,
    },
    /// Bought at one of these sources or by one of these order channels. Category commerce.
    Channel {
        /// Codes of sources, or words of the orders' `channel`.
        channel: Vec<String>,
    },
    /// The birthday comes soon, in the calendar of Berlin. Category identity.
    Birthday {
        /// When.
        birthday: Birthday,
    },
    /// Full years of age, in the calendar of Berlin. Category identity.
    Age {
        /// How old.
        age: Bounds,
    },
    /// The phase of the customer's life, computed from order dates. Categories commerce and derived.
    Phase(PhaseTest),
    /// A newsletter subscription, as the tool tells it; it is no consent. Category engagement.
    Newsletter {
        /// Which.
        newsletter: Newsletter,
    },
    /// Reviews. Category engagement.
    Reviews {
        /// Which, how many.
        reviews: Reviews,
    },
    /// Tracked events. Category engagement.
    Events {
        /// Which, how many.
        events: Events,
    },
}

impl Rule {
    /// What must be opened to evaluate it.
    #[must_use]
    pub fn categories(&self) -> CategorySet {
        let join = |rules: &[Self]| rules.iter().flat_map(|rule| rule.categories().iter()).collect();
        match self {
            Self::All { all } => join(all),
            Self::Any { any } => join(any),
            Self::Not { not } => not.categories(),
            Self::If(condition) => condition.categories(),
        }
    }
}

impl Condition {
    /// What must be opened to evaluate it.
    #[must_use]
    pub fn categories(&self) -> CategorySet {
        let list: &[Category] = match self {
            Self::Attribute(test) => &[test.attribute.category()],
            Self::Place { .. } => &[Category::Address],
            Self::Orders { .. } | Self::LastOrder { .. } | Self::Channel { .. } => &[Category::Commerce],
            Self::Birthday { .. } | Self::Age { .. } => &[Category::Identity],
            Self::Phase(_) => &[Category::Commerce, Category::Derived],
            Self::Newsletter { .. } | Self::Reviews { .. } | Self::Events { .. } => &[Category::Engagement],
        };
        list.iter().copied().collect()
    }
}
