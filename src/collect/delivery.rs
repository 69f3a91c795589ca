//! [`Delivery`]: one body, taken apart into its messages.

use serde_json::{Map, Value};

use super::message::{is_text, object, text};
use super::{Kind, Refusal};
use crate::types::Timestamp;

/// Bytes of one event.
pub const MAX_EVENT: usize = 32 << 10;
/// Events of one call.
pub const MAX_EVENTS: usize = 2_500;

/// What one call brought.
pub struct Delivery {
    /// What holds for all of its messages.
    pub around: Around,
    /// The write key, if the body names one.
    pub write_key: Option<String>,
    /// The messages, in their order.
    pub messages: Vec<Value>,
}

/// What stands around the messages of a call.
#[derive(Default)]
pub struct Around {
    pub(super) sent_at: Option<Timestamp>,
    pub(super) context: Map<String, Value>,
}

impl Delivery {
    /// Takes a body apart: one message for a call of this `kind`, a list of them without one.
    ///
    /// # Errors
    /// If the body is no object or has no list where one belongs.
    pub fn open(body: Value, kind: Option<Kind>) -> Result<Self, Refusal> {
        let Value::Object(mut body) = body else { return Err(Refusal::NO_OBJECT) };
        for (name, refusal) in [("writeKey", Refusal::WRONG_KEY), ("sentAt", Refusal::WRONG_CLOCK)] {
            if !is_text(&body, name) {
                return Err(refusal);
            }
        }
        let write_key = text(&body, "writeKey").map(str::to_owned);
        if kind.is_some() {
            let messages = vec![Value::Object(body)];
            return Ok(Self { around: Around::default(), write_key, messages });
        }
        let Some(Value::Array(messages)) = body.remove("batch") else { return Err(NO_BATCH) };
        // A clock that cannot be read corrects nothing.
        let sent_at = text(&body, "sentAt").and_then(|at| Timestamp::parse(at).ok());
        let context = object(body.remove("context")).ok_or(Refusal::WRONG_CONTEXT)?;
        Ok(Self { around: Around { sent_at, context }, write_key, messages })
    }
}

const NO_BATCH: Refusal =
    Refusal { code: "missing_batch", pointer: "/batch", detail: "Send the events as a list: {\"batch\": […]}." };

/// Is a message longer than an event may be? `whole` is the size of the body it came in.
#[must_use]
pub fn is_too_large(message: &Value, whole: usize) -> bool {
    // Only a large body can hold a large message; writing it again costs as much as reading it.
    whole > MAX_EVENT && serde_json::to_vec(message).map_or(usize::MAX, |bytes| bytes.len()) > MAX_EVENT
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_list_is_taken_apart_and_a_single_call_is_its_own_message() {
        let batch = json!({"batch": [{"type": "track"}, 7], "writeKey": "key", "sentAt": "2026-03-07T13:40:01Z"});
        let delivery = Delivery::open(batch, None).unwrap();
        assert_eq!((delivery.messages.len(), delivery.write_key.as_deref()), (2, Some("key")));
        assert!(delivery.around.sent_at.is_some());
        let one = Delivery::open(json!({"event": "Seen", "writeKey": "key"}), Some(Kind::Track)).unwrap();
        assert_eq!((one.messages.len(), one.messages[0]["event"].as_str()), (1, Some("Seen")));
    }

    #[test]
    fn what_is_no_call_is_refused() {
        let code = |body: Value, kind| Delivery::open(body, kind).err().unwrap().code;
        assert_eq!(code(json!([]), None), "not_an_object");
        assert_eq!(code(json!("x"), Some(Kind::Track)), "not_an_object");
        assert_eq!(code(json!({"batch": {}}), None), "missing_batch");
        assert_eq!(code(json!({}), None), "missing_batch");
        assert_eq!(code(json!({"batch": [], "sentAt": 7}), None), "invalid_timestamp");
        assert_eq!(code(json!({"batch": [], "writeKey": []}), None), "invalid_write_key");
        assert_eq!(code(json!({"batch": [], "context": "x"}), None), "not_an_object");
    }

    #[test]
    fn an_event_is_measured_only_where_one_can_be_too_large() {
        let event = json!({"x": "y".repeat(MAX_EVENT)});
        assert!(is_too_large(&event, MAX_EVENT + 10));
        assert!(!is_too_large(&json!({}), 10 * MAX_EVENT));
    }
}
