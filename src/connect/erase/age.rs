//! [`Age`]: what is too young to be done away with, because a law or the vendor's terms keep it until then.

use serde_json::Value;

use crate::connect::Error;
use crate::connect::call::At;
use crate::connect::filter::Filter;
use crate::connect::manifest::erase::AgeSpec;
use crate::connect::mapping::value;
use crate::connect::pull::instant;
use crate::types::Timestamp;

/// How old something must be.
pub(super) struct Age {
    days: u32,
    since: Filter,
}

/// May it be done away with?
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ripe {
    Yes,
    /// Not before this instant; none: nobody can say how old it is.
    NotBefore(Option<Timestamp>),
}

impl Age {
    pub(super) fn load(spec: &AgeSpec, place: &str, at: At<'_>) -> Result<Self, Error> {
        if spec.days == 0 {
            return Err(at.wrong("older_than:", "everything is older than no day; leave it out"));
        }
        Ok(Self { days: spec.days, since: at.filter(&spec.since, &format!("{place}.older_than.since"))? })
    }

    pub(super) fn of(&self, found: &Value, now: Timestamp) -> Ripe {
        let since = self.since.run(value(found)).next().and_then(Result::ok);
        match since.as_ref().and_then(instant).map(|since| since.plus_days(i64::from(self.days))) {
            Some(ripe) if ripe <= now => Ripe::Yes,
            ripe => Ripe::NotBefore(ripe),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_does_not_say_how_old_it_is_is_kept() {
        let age = Age { days: 30, since: Filter::compile(".placed", "test.yaml", "since").unwrap() };
        let now = Timestamp::parse("2026-11-21T12:00:00Z").unwrap();
        let at = |text: &str| Timestamp::parse(text).ok();
        assert_eq!(age.of(&json!({"placed": "2026-10-22T12:00:00Z"}), now), Ripe::Yes);
        assert_eq!(age.of(&json!({"placed": "2026-10-22"}), now), Ripe::Yes);
        let tomorrow = Ripe::NotBefore(at("2026-11-22T12:00:00Z"));
        assert_eq!(age.of(&json!({"placed": "2026-10-23T12:00:00Z"}), now), tomorrow);
        for unknown in [json!({}), json!({"placed": "soon"}), json!({"placed": null}), json!("x")] {
            assert_eq!(age.of(&unknown, now), Ripe::NotBefore(None), "{unknown}");
        }
    }
}
