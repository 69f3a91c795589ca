//! [`Origin`]: where records come from, as the filters that make them know it.

use jaq_json::Val;
use serde_json::Value;

use super::link::{Link, Parameters};
use super::mapping::value;
use super::template::Variables;

/// The source of records, and what the merchant entered for it that may be shown: `$parameters` in the filters that make records.
#[derive(Clone)]
pub struct Origin<'a> {
    pub(super) code: &'a str,
    pub(super) parameters: Val,
}

impl<'a> Origin<'a> {
    /// The source of this code, reached by `link` with these parameters. What cannot be used is left out: a filter that needs it
    /// then finds nothing.
    #[must_use]
    pub fn of(code: &'a str, link: &Link, entered: &Parameters) -> Self {
        Self::with(code, link, &link.variables_but(entered, link.authorised()).unwrap_or_default())
    }

    /// The same of what was read before.
    pub(super) fn with(code: &'a str, link: &Link, variables: &Variables) -> Self {
        let shown = variables.iter().filter(|(name, _)| link.may_be_shown(name));
        let shown: Variables = shown.map(|(name, value)| (name.clone(), value.clone())).collect();
        Self { code, parameters: value(&Value::Object(shown)) }
    }
}

/// A source of which nothing was entered.
impl<'a> From<&'a str> for Origin<'a> {
    fn from(code: &'a str) -> Self {
        Self { code, parameters: Val::obj(jaq_json::Map::default()) }
    }
}

impl<'a> From<&'a String> for Origin<'a> {
    fn from(code: &'a String) -> Self {
        code.as_str().into()
    }
}
