//! [`Message`]: one call of a tracking program, with what is the same in all six.

use std::str::FromStr;

use serde_json::{Map, Value};

use super::{Around, Refusal};
use crate::types::{Timestamp, UnknownWord, Voice};

/// Which call it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Who somebody is.
    Identify,
    /// Something happened.
    Track,
    /// A page was seen.
    Page,
    /// A screen of an app was seen.
    Screen,
    /// Somebody belongs to a group.
    Group,
    /// Somebody had another name before.
    Alias,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Identify, Self::Track, Self::Page, Self::Screen, Self::Group, Self::Alias];

    /// The word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Identify => "identify",
            Self::Track => "track",
            Self::Page => "page",
            Self::Screen => "screen",
            Self::Group => "group",
            Self::Alias => "alias",
        }
    }
}

impl FromStr for Kind {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        Self::ALL.into_iter().find(|kind| kind.word() == word).ok_or(UnknownWord("type of event"))
    }
}

/// The longest id, in characters.
const MAX_ID: usize = 256;
/// How far the clocks of sender and hub may differ before the sender's is corrected.
const SKEW: i64 = 60 * Timestamp::SECOND;

/// One call, its values still readable: it is neither printed nor kept.
pub(super) struct Message {
    pub(super) kind: Kind,
    pub(super) user: Option<String>,
    pub(super) visitor: Option<String>,
    /// What tells it from others, if the sender said so.
    pub(super) id: Option<String>,
    /// When it happened, by the hub's clock.
    pub(super) at: Timestamp,
    /// Did the sender say when?
    pub(super) dated: bool,
    pub(super) context: Map<String, Value>,
    pub(super) properties: Map<String, Value>,
    pub(super) traits: Map<String, Value>,
    /// The others.
    pub(super) fields: Map<String, Value>,
}

impl Message {
    /// Reads what all calls have.
    pub(super) fn read(
        message: Value,
        kind: Option<Kind>,
        around: &Around,
        (voice, now): (Voice, Timestamp),
    ) -> Result<Self, Refusal> {
        let Value::Object(mut fields) = message else { return Err(Refusal::NO_OBJECT) };
        let kind = match kind {
            Some(kind) => kind,
            None => text(&fields, "type").and_then(|word| word.parse().ok()).ok_or(Refusal::UNKNOWN_TYPE)?,
        };
        let told = |name, refusal| is_text(&fields, name).then(|| text(&fields, name)).ok_or(refusal);
        told("type", Refusal::UNKNOWN_TYPE)?;
        told("event", Refusal::WRONG_EVENT)?;
        let sent_at = told("sentAt", Refusal::WRONG_CLOCK)?.and_then(|at| Timestamp::parse(at).ok());
        let original = told("originalTimestamp", Refusal::WRONG_TIME)?;
        let timestamp = told("timestamp", Refusal::WRONG_TIME)?;
        let dated = original.or(timestamp).map(instant).transpose()?;
        let mut context = around.context.clone();
        context.extend(object(fields.remove("context")).ok_or(Refusal::WRONG_CONTEXT)?);
        let properties = object(fields.remove("properties")).ok_or(Refusal::WRONG_PROPERTIES)?;
        let traits = object(fields.remove("traits")).ok_or(Refusal::WRONG_TRAITS)?;
        let user = id(fields.get("userId")).map_err(|()| Refusal::WRONG_USER)?;
        let nested = || context.get("traits").and_then(|traits| traits.get("anonymousId"));
        let visitor = match id(fields.get("anonymousId")).map_err(|()| Refusal::WRONG_VISITOR)? {
            Some(visitor) => Some(visitor),
            None => id(nested()).map_err(|()| Refusal::WRONG_VISITOR)?,
        };
        match voice {
            Voice::Visitor if visitor.is_none() => return Err(Refusal::NO_VISITOR),
            Voice::Server if visitor.is_none() && user.is_none() => return Err(Refusal::NO_ID),
            _ => {}
        }
        let message_id = id(fields.get("messageId")).map_err(|()| Refusal::WRONG_MESSAGE_ID)?;
        let at = dated.map_or(now, |dated| corrected(dated, sent_at.or(around.sent_at), now));
        Ok(Self {
            kind,
            user,
            visitor,
            id: message_id,
            at,
            dated: dated.is_some(),
            context,
            properties,
            traits,
            fields,
        })
    }

    /// A text of the context, by its way through it.
    pub(super) fn told_around(&self, way: [&str; 2]) -> Option<&str> {
        let [first, second] = way;
        self.context.get(first)?.get(second)?.as_str().map(str::trim).filter(|text| !text.is_empty())
    }
}

/// The fields of an object; none if it is something else. Null says nothing, and nor does an empty list: programs in PHP
/// write an object without fields like that.
pub(super) fn object(value: Option<Value>) -> Option<Map<String, Value>> {
    match value {
        Some(Value::Object(object)) => Some(object),
        None | Some(Value::Null) => Some(Map::new()),
        Some(Value::Array(list)) if list.is_empty() => Some(Map::new()),
        Some(_) => None,
    }
}

/// A text that says something.
pub(super) fn text<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    object.get(name)?.as_str().map(str::trim).filter(|text| !text.is_empty())
}

/// Is it a text, or not there?
pub(super) fn is_text(object: &Map<String, Value>, name: &str) -> bool {
    object.get(name).is_none_or(|value| value.is_null() || value.is_string())
}

/// An id: a text, or a number where a program has numbers for ids. Null and blank say nothing.
fn id(value: Option<&Value>) -> Result<Option<String>, ()> {
    let id = match value {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) => text.trim().to_owned(),
        Some(Value::Number(number)) => number.to_string(),
        Some(_) => return Err(()),
    };
    let fits = id.chars().count() <= MAX_ID && !id.chars().any(char::is_control);
    if fits { Ok(Some(id).filter(|id| !id.is_empty())) } else { Err(()) }
}

/// An instant; one without an offset is UTC.
fn instant(text: &str) -> Result<Timestamp, Refusal> {
    Timestamp::parse(text).or_else(|_| Timestamp::parse(&format!("{text}Z"))).map_err(|_| Refusal::WRONG_TIME)
}

/// When it happened by the hub's clock: what the sender's clock was wrong when it sent, it was wrong before. A clock that is
/// nearly right is believed, so that the same message has the same time whenever it is sent again. Nothing happens later
/// than it is told.
fn corrected(told: Timestamp, sent_at: Option<Timestamp>, now: Timestamp) -> Timestamp {
    let wrong = sent_at.map_or(0, |sent| now.micros().saturating_sub(sent.micros()));
    let told = if wrong.abs() > SKEW { told.plus(wrong) } else { told };
    told.min(now)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: &str = "2026-03-07T12:00:00Z";

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    fn read(message: Value, voice: Voice) -> Result<Message, Refusal> {
        Message::read(message, None, &Around::default(), (voice, at(NOW)))
    }

    #[test]
    fn an_event_names_somebody_and_with_a_page_key_its_visitor() {
        let code = |message, voice| read(message, voice).err().map(|refusal| refusal.code);
        assert_eq!(code(json!({"type": "track"}), Voice::Server), Some("missing_id"));
        assert_eq!(
            code(json!({"type": "track", "userId": null, "anonymousId": " "}), Voice::Server),
            Some("missing_id")
        );
        assert_eq!(code(json!({"type": "track", "userId": "7"}), Voice::Visitor), Some("missing_visitor"));
        assert_eq!(code(json!({"type": "track", "userId": ["7"]}), Voice::Server), Some("invalid_id"));
        assert_eq!(code(json!({"type": "track", "userId": 7}), Voice::Server), None);
        assert_eq!(code(json!({"type": "tracks", "userId": 7}), Voice::Server), Some("unknown_type"));
        assert_eq!(code(json!("x"), Voice::Server), Some("not_an_object"));
        for (field, refused) in [
            ("type", Refusal::UNKNOWN_TYPE),
            ("event", Refusal::WRONG_EVENT),
            ("timestamp", Refusal::WRONG_TIME),
            ("originalTimestamp", Refusal::WRONG_TIME),
            ("sentAt", Refusal::WRONG_CLOCK),
        ] {
            let message = json!({"type": "track", "userId": "7", field: {}});
            assert_eq!(
                Message::read(message, Some(Kind::Page), &Around::default(), (Voice::Server, at(NOW))).err(),
                Some(refused)
            );
        }
        for part in ["context", "properties", "traits"] {
            let with = |value: Value| json!({"type": "track", "userId": "7", part: value});
            let refused = read(with(json!([null])), Voice::Server).err().map(|refusal| (refusal.code, refusal.pointer));
            assert_eq!(refused, Some(("not_an_object", format!("/{part}").as_str())));
            assert_eq!(code(with(json!([])), Voice::Server), None, "PHP writes no fields like that");
            assert_eq!(code(with(Value::Null), Voice::Server), None);
        }
        let nested = json!({"type": "track", "context": {"traits": {"anonymousId": "v"}}});
        assert_eq!(read(nested, Voice::Visitor).ok().and_then(|message| message.visitor).as_deref(), Some("v"));
    }

    #[test]
    fn a_clock_that_is_wrong_is_corrected_and_nothing_lies_ahead() {
        let moment = |original: &str, sent: &str| {
            let message = json!({"type": "track", "userId": "7", "timestamp": original, "sentAt": sent});
            read(message, Voice::Server).ok().map(|message| message.at)
        };
        // Right, give or take the way: believed as it is.
        assert_eq!(moment("2026-03-07T11:59:50.123Z", "2026-03-07T11:59:58Z"), Some(at("2026-03-07T11:59:50.123Z")));
        // An hour ahead, sent ten seconds after it happened.
        assert_eq!(moment("2026-03-07T12:59:50Z", "2026-03-07T13:00:00Z"), Some(at("2026-03-07T11:59:50Z")));
        // Ahead of all that was said.
        assert_eq!(moment("2026-03-08T12:00:00Z", "2026-03-07T12:00:00Z"), Some(at(NOW)));
        assert_eq!(moment("2026-03-07T11:00:00+00:00", "x"), Some(at("2026-03-07T11:00:00Z")));
        assert_eq!(moment("2026-03-07T11:00:00", "x"), Some(at("2026-03-07T11:00:00Z")));
        assert_eq!(moment("yesterday", "x"), None);
        assert_eq!(moment("", ""), Some(at(NOW)));
    }

    #[test]
    fn what_stands_around_a_batch_holds_for_each_unless_it_says_otherwise() {
        let Value::Object(context) = json!({"locale": "de-DE", "page": {"url": "https://a.example"}}) else { panic!() };
        let around = Around { sent_at: None, context };
        let message = json!({"type": "page", "userId": "7", "context": {"locale": "fr-FR"}});
        let message = Message::read(message, None, &around, (Voice::Server, at(NOW))).ok().unwrap();
        assert_eq!(message.context["locale"], "fr-FR");
        assert_eq!(message.told_around(["page", "url"]), Some("https://a.example"));
    }
}
