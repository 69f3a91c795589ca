//! How much of what a vendor allows is used, as its headers say it, and how long to rest for that.

use std::time::Duration;

use reqwest::header::HeaderMap;
use serde_json::Value;

use super::filter::Filter;
use super::link::Usage;
use super::mapping::{exact, value};

/// The longest pause between two calls while something is left.
const SLOWEST: f64 = 30.0;
/// How long nothing is called when nothing is left and the vendor does not say for how long.
const REST: f64 = 240.0;

impl Usage {
    /// How long to rest before the next call; none if there is enough left.
    pub(super) fn rest(&self, headers: &HeaderMap) -> Option<Duration> {
        let said = self.headers.iter().flat_map(|name| headers.get_all(name));
        let rests = said.filter_map(|said| self.rest_for(&serde_json::from_slice(said.as_bytes()).ok()?));
        rests.max()
    }

    fn rest_for(&self, said: &Value) -> Option<Duration> {
        let number = |filter: &Filter| exact(filter.run(value(said)).next()?.ok()?)?.as_f64();
        let percent = number(&self.percent)?;
        if percent >= 100.0 {
            let minutes = self.wait_minutes.as_ref().and_then(number).filter(|minutes| *minutes > 0.0);
            return Some(Duration::from_secs_f64(minutes.map_or(REST, |minutes| minutes.min(1_440.0) * 60.0)));
        }
        let over = (percent - self.slow_from) / (100.0 - self.slow_from);
        (over > 0.0).then(|| Duration::from_secs_f64(over * SLOWEST))
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderName;

    use super::*;

    #[test]
    fn the_fuller_it_is_the_longer_the_rest() {
        let filter = |code: &str| Filter::compile(code, "test.yaml", "usage").unwrap();
        let usage = Usage {
            headers: vec![HeaderName::from_static("x-app-usage"), HeaderName::from_static("x-business-use-case-usage")],
            percent: filter("[.. | objects | .call_count, .total_time | numbers] | max"),
            wait_minutes: Some(filter("[.. | objects | .estimated_time_to_regain_access | numbers] | max")),
            slow_from: 80.0,
        };
        let rest = |app: &str, business: &str| {
            let pairs = [("x-app-usage", app), ("x-business-use-case-usage", business)];
            let pairs = pairs.map(|(name, text)| (HeaderName::from_static(name), text.parse().unwrap()));
            usage.rest(&HeaderMap::from_iter(pairs)).map(|rest| rest.as_secs())
        };
        let full = |minutes: u32| {
            format!(
                r#"{{"1": [{{"type": "leads", "call_count": 100, "estimated_time_to_regain_access": {minutes}}}]}}"#
            )
        };
        assert_eq!(rest(r#"{"call_count": 79, "total_time": 3}"#, "no json"), None);
        assert_eq!(rest(r#"{"call_count": 12, "total_time": 90}"#, "{}"), Some(15));
        assert_eq!(rest(r#"{"call_count": 100}"#, "{}"), Some(240));
        assert_eq!(rest(r#"{"call_count": 90}"#, &full(19)), Some(1_140));
        assert_eq!(rest("{}", &full(0)), Some(240));
    }
}
