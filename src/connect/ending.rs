//! [`Ending`]: what a merchant entered and the vendor lets end before long.

use super::{Connection, Connector};
use crate::types::Timestamp;

/// So many days before it ends it is said.
const NOTICE: i64 = 30;

/// Something that was entered and ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// Its parameter.
    pub parameter: String,
    /// When, as far as the hub can tell from when it was entered: it may have been made before.
    pub at: Timestamp,
    /// In words, for who runs the hub.
    pub words: String,
}

/// What of a connection ends within thirty days, or should have ended already. `since` is when it was made: of what was entered before
/// the hub kept the time nothing else is known.
#[must_use]
pub fn endings(connector: &Connector, connection: &Connection, since: Timestamp, now: Timestamp) -> Vec<Ending> {
    let Some(link) = connector.link() else { return Vec::new() };
    let entered = link.parameters().filter(|asked| connection.parameters.contains_key(asked.name));
    let ends = entered.filter_map(|asked| {
        let entered = connection.entered.get(asked.name).map_or(since, |at| Timestamp::from_micros(*at));
        let at = entered.plus_days(i64::from(asked.ends_after_days?));
        let day: String = at.rfc3339().chars().take(10).collect();
        let verb = if at > now { "ends" } else { "should have ended" };
        let words = format!(
            "`{}` ({}) {verb} on {day} or before, counted from when it was entered: make the next one and enter it under the same code",
            asked.name, asked.title
        );
        (at <= now.plus_days(NOTICE)).then(|| Ending { parameter: asked.name.to_owned(), at, words })
    });
    ends.collect()
}
