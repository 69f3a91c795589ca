//! [`Reader`]: one message becomes one canonical record.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::message::{Message, text};
use super::scalars::{Scalars, cleaned};
use super::traits::Person;
use super::{Around, Kind, Refusal, consent, delivery};
use crate::consent::{Edition, Source};
use crate::store::unheard::Unheard;
use crate::types::{Timestamp, Voice};

/// Characters of the address of a page.
const MAX_URL: usize = 2_048;
/// Characters of a name.
const MAX_NAME: usize = 256;

/// Reads the messages of one call.
pub struct Reader<'a> {
    /// The source they come for.
    pub source: &'a Source,
    /// The purposes in force.
    pub edition: &'a Edition,
    /// Whose word they are.
    pub voice: Voice,
    /// When they arrived.
    pub now: Timestamp,
    /// What tells this call from every other: it stands in for the id of a message that has none and says no time.
    pub call: [u8; 16],
}

/// What became of a message.
pub struct Made {
    /// The canonical record, as JSON.
    pub record: Zeroizing<Vec<u8>>,
    /// What of it could not be understood: words that are counted.
    pub notes: BTreeSet<&'static str>,
    /// Names of consents nobody mapped to a purpose, as they may be shown.
    pub unheard: BTreeSet<(Unheard, String)>,
}

impl Reader<'_> {
    /// Makes a canonical record of the message at the place `at` of its call. `whole` is the size of the body.
    ///
    /// # Errors
    /// Why it is not taken.
    pub fn read(
        &self,
        message: Value,
        kind: Option<Kind>,
        around: &Around,
        (at, whole): (usize, usize),
    ) -> Result<Made, Refusal> {
        if delivery::is_too_large(&message, whole) {
            return Err(Refusal::TOO_LARGE);
        }
        let mut message = Message::read(message, kind, around, (self.voice, self.now))?;
        let said = consent::read(&message, self.source, self.edition)?;
        let (kind, external_id, data, contact) = match message.kind {
            Kind::Identify => {
                let Person { data, email, phone } = Person::of(&mut message);
                let id = self.identity(&message, "identify", &json!([data, email, phone]));
                ("customer", id, data, [("email", email), ("phone", phone)])
            }
            Kind::Alias if self.voice == Voice::Server => {
                let before = text(&message.fields, "previousId").map(str::to_owned).ok_or(Refusal::NO_PREVIOUS)?;
                if message.user.is_none() {
                    return Err(Refusal::NO_PREVIOUS);
                }
                // Whoever it was before is a visitor. If it was an account, the two accounts stay two.
                message.visitor = Some(before);
                let id = self.identity(&message, "alias", &Value::Null);
                ("customer", id, json!({}), [("email", None), ("phone", None)])
            }
            _ => {
                let data = event(&mut message)?;
                ("event", self.message_id(&message, &data, at), data, [("email", None), ("phone", None)])
            }
        };
        let ids = [("anonymous_id", message.visitor.clone()), ("account", message.user.clone())];
        let identifiers =
            ids.into_iter().chain(contact).filter_map(|(kind, value)| Some(json!({"kind": kind, "value": value?})));
        let record = json!({
            "type": kind, "source": self.source.code, "external_id": external_id, "updated_at": message.at.rfc3339(),
            "identifiers": identifiers.collect::<Vec<_>>(), "data": data, "consents": said.claims,
        });
        // A tree of texts and numbers: writing it cannot fail.
        let record = Zeroizing::new(serde_json::to_vec(&record).unwrap_or_default());
        Ok(Made { record, notes: said.notes, unheard: said.unheard })
    }

    /// The id of what was said about somebody: the same words of the same person are the same record, other words another
    /// one, so that nothing that was said before is lost.
    fn identity(&self, message: &Message, word: &str, said: &Value) -> String {
        let who = json!([self.voice_word(), message.user, message.visitor, said]);
        format!("{word}:{}", digest(&[who.to_string().as_bytes()]))
    }

    /// The id of an event: that of its message. A page's is its visitor's own, so that it stands for no other message.
    fn message_id(&self, message: &Message, data: &Value, at: usize) -> String {
        let owner = match self.voice {
            Voice::Server => String::new(),
            Voice::Visitor => message.visitor.clone().unwrap_or_default(),
        };
        let voice = self.voice_word().as_bytes();
        let told = match &message.id {
            Some(id) => digest(&[voice, owner.as_bytes(), id.as_bytes()]),
            // Sent again it says the same at the same time.
            None if message.dated => {
                let all = json!([message.user, message.visitor, message.at.micros(), data]).to_string();
                digest(&[voice, b"content", all.as_bytes()])
            }
            None => digest(&[voice, b"call", &self.call, &at.to_be_bytes()]),
        };
        format!("message:{told}")
    }

    const fn voice_word(&self) -> &'static str {
        match self.voice {
            Voice::Server => "server",
            Voice::Visitor => "visitor",
        }
    }
}

/// What happened, as the data of an event record.
fn event(message: &mut Message) -> Result<Value, Refusal> {
    let mut properties = Scalars::default();
    let name = match message.kind {
        Kind::Track => {
            let name =
                text(&message.fields, "event").and_then(|name| cleaned(&name.replace(['\n', '\t'], " "), MAX_NAME));
            properties.add("", Value::Object(std::mem::take(&mut message.properties)));
            name.ok_or(Refusal::NO_EVENT)?
        }
        Kind::Group => {
            let group = message.fields.remove("groupId").filter(|id| id.is_string() || id.is_number());
            properties.add("group_id", group.ok_or(Refusal::NO_GROUP)?);
            properties.add("traits", Value::Object(std::mem::take(&mut message.traits)));
            "group".into()
        }
        kind => {
            for name in ["name", "category"] {
                properties.add(name, message.fields.remove(name).unwrap_or_default());
            }
            let mut told = std::mem::take(&mut message.properties);
            // What stands in fields of its own, or was just added.
            for name in ["url", "referrer", "name", "category"] {
                if let Some(value) = told.remove(name).filter(|_| matches!(name, "url" | "referrer"))
                    && message.told_around(["page", name]).is_none()
                {
                    let page = message.context.entry("page").or_insert_with(|| Value::Object(Map::new()));
                    if let Some(page) = page.as_object_mut() {
                        page.insert(name.to_owned(), value);
                    }
                }
            }
            if kind == Kind::Alias {
                properties.add("previous_id", message.fields.remove("previousId").unwrap_or_default());
            }
            properties.add("", Value::Object(told));
            kind.word().into()
        }
    };
    let long =
        |way: [&str; 2]| message.told_around(way).and_then(|url| cleaned(&url.replace(['\n', '\t'], " "), MAX_URL));
    let campaign = message.told_around(["campaign", "name"]);
    Ok(json!({
        "name": name, "occurred_at": message.at.rfc3339(), "page_url": long(["page", "url"]),
        "referrer": long(["page", "referrer"]),
        "campaign": campaign.and_then(|name| cleaned(&name.replace(['\n', '\t'], " "), MAX_NAME)),
        "properties": properties.object(),
    }))
}

/// A short name of all of these together.
fn digest(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(part);
    }
    hex::encode(hash.finalize()).get(..40).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::collect::Delivery;
    use crate::consent::Terms;
    use crate::types::{SourceNo, Voice};

    fn source() -> Source {
        Source {
            number: SourceNo(1),
            code: "pages".to_owned(),
            title: "Pages".to_owned(),
            connector: "api".to_owned(),
            terms: Terms {
                consent_categories: [("A".to_owned(), ["analytics".parse().unwrap()].into())].into(),
                ..Terms::default()
            },
            purposes: None::<Arc<_>>,
        }
    }

    fn read(message: Value, voice: Voice) -> Result<Value, Refusal> {
        let (source, edition) = (source(), Edition::default());
        let now = Timestamp::parse("2026-03-07T12:00:00Z").unwrap();
        let reader = Reader { source: &source, edition: &edition, voice, now, call: [7; 16] };
        let around = Delivery::open(json!({"batch": []}), None).unwrap().around;
        let made = reader.read(message, None, &around, (0, 1 << 20))?;
        Ok(serde_json::from_slice(&made.record).unwrap())
    }

    #[test]
    fn a_message_has_one_id_and_a_page_has_none_of_a_server() {
        let told = |visitor: &str, id: &str, voice| {
            let message = json!({"type": "track", "event": "Seen", "anonymousId": visitor, "messageId": id});
            read(message, voice).unwrap()["external_id"].clone()
        };
        let server = told("v1", "m1", Voice::Server);
        assert_eq!(server, told("v2", "m1", Voice::Server));
        assert_ne!(server, told("v1", "m1", Voice::Visitor));
        assert_ne!(told("v1", "m1", Voice::Visitor), told("v2", "m1", Voice::Visitor));
        // Without an id, what says the same at the same time is the same.
        let dated = |price: u32| {
            let message = json!({"type": "track", "event": "Seen", "userId": "u", "timestamp": "2026-03-07T11:00:00Z", "properties": {"price": price}});
            read(message, Voice::Server).unwrap()["external_id"].clone()
        };
        assert_eq!(dated(1), dated(1));
        assert_ne!(dated(1), dated(2));
    }

    #[test]
    fn the_same_words_of_one_person_are_one_record() {
        let said = |traits: Value, locale: &str| {
            let message = json!({"type": "identify", "userId": "u", "traits": traits, "context": {"locale": locale}});
            read(message, Voice::Server).unwrap()["external_id"].clone()
        };
        let first = said(json!({"firstName": "Erika", "email": "erika@muster.org", "shoe": 41}), "de-DE");
        assert_eq!(first, said(json!({"firstName": "Erika", "email": "erika@muster.org", "shoe": 42}), "de-DE"));
        assert_ne!(first, said(json!({"firstName": "Erika"}), "de-DE"));
    }

    /// Any JSON, with the names that mean something more often than others.
    fn json_value() -> impl Strategy<Value = Value> {
        let word = prop_oneof![
            prop::sample::select(vec![
                "type",
                "track",
                "identify",
                "page",
                "alias",
                "userId",
                "anonymousId",
                "traits",
                "properties",
                "context",
                "consent",
                "categoryPreferences",
                "consentManagement",
                "allowedConsentIds",
                "A",
                "email",
                "timestamp",
                "2026-03-07T11:00:00Z",
                "messageId",
                "event",
                "address",
                "createdAt",
                "previousId",
                "groupId",
            ])
            .prop_map(str::to_owned),
            any::<String>(),
        ];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            word.clone().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 8, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::vec((word.clone(), inner), 0..8)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn whatever_comes_is_read_or_refused(message in json_value(), kind in 0..6_usize, server: bool) {
            let mut message = message;
            if let Some(fields) = message.as_object_mut() {
                fields.insert("type".to_owned(), Kind::ALL[kind].word().into());
                fields.entry("anonymousId").or_insert("v".into());
                fields.entry("event").or_insert("Seen".into());
            }
            let voice = if server { Voice::Server } else { Voice::Visitor };
            if let Ok(record) = read(message, voice) {
                // Intake reads it, or says why not; it is not the form that is wrong.
                let now = Timestamp::parse("2026-03-07T12:00:00Z").unwrap();
                let parsed = crate::intake::parse(record.to_string().as_bytes(), now);
                let form = ["unknown_field", "missing_field", "wrong_type", "duplicate_key", "invalid_json"];
                let code = parsed.err().map_or("", |rejection| rejection.code);
                prop_assert!(!form.contains(&code), "{} of {}", code, record);
            }
        }
    }
}
