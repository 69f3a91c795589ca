//! [`Webhooks`]: what a vendor tells by itself. Checked first, understood by the manifest, carried out by whoever asked.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::call::At;
use super::erase::Person;
use super::filter::Filter;
use super::link::Link;
use super::manifest::webhook::{Demanded, TopicSpec, WebhookSpec};
use super::mapping::{exact, value};
use super::signature::{Headers, Signature};
use super::template::{Template, Variables};
use super::{Error, Parameters};
use crate::types::Timestamp;

/// What a vendor tells by itself.
pub struct Webhooks {
    guide: String,
    signature: Signature,
    handshake: Option<Template>,
    ping: Option<Filter>,
    delivery: Filter,
    sent_at: Option<Filter>,
    window: i64,
    topic: Filter,
    topics: Vec<(String, Topic)>,
    /// Is what tells deliveries apart a header that nobody signed?
    loose: bool,
}

enum Topic {
    Stream(String),
    Sync,
    Request { right: Demanded, who: Filter, shape: Filter },
    Note(String),
}

/// A delivery whose sender is proven.
pub struct Delivery {
    /// What tells it from every other of its source; if one of them is known, it was carried out.
    pub marks: Vec<[u8; 16]>,
    /// What it says.
    pub news: News,
}

/// What a delivery says. It holds personal values: it is neither printed nor kept.
pub enum News {
    /// Objects of a stream, as a page of it.
    Objects {
        /// The stream's name.
        stream: String,
        /// The page.
        page: Value,
    },
    /// Something changed: what is new is to be read.
    Changed,
    /// A person demands something.
    Demand {
        /// What.
        right: Demanded,
        /// Who.
        who: Person,
    },
    /// What no request of one person is, in the manifest's words.
    Note(String),
    /// Nothing the manifest knows.
    Nothing,
}

/// Why a delivery is not heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unheard {
    /// The merchant entered no secret for it.
    #[error("no secret is entered for what this vendor tells by itself")]
    NoSecret,
    /// The signature is missing or wrong.
    #[error("the signature does not hold")]
    Forged,
    /// It is older than the vendor would try again.
    #[error("the delivery is too old")]
    TooOld,
    /// It is not what the manifest says it is.
    #[error("the delivery cannot be read")]
    Unreadable,
}

impl Webhooks {
    pub(super) fn load(spec: WebhookSpec, link: &Link, streams: &[&str], at: At<'_>) -> Result<Self, Error> {
        let topics =
            spec.topics.into_iter().map(|(name, topic)| Ok((name.clone(), Topic::load(topic, &name, streams, at)?)));
        let filter = |code: &str, name: &str| at.filter(code, &format!("webhooks.{name}"));
        let signature = Signature::load(spec.signature, at, &link.names())?;
        let loose = !signature.covers_headers() && spec.delivery.contains("headers");
        Ok(Self {
            guide: spec.guide,
            loose,
            signature,
            handshake: spec.handshake.map(|shake| at.template(&shake.token, &link.names())).transpose()?,
            ping: spec.ping.map(|code| filter(&code, "ping")).transpose()?,
            delivery: filter(&spec.delivery, "delivery")?,
            sent_at: spec.sent_at.map(|code| filter(&code, "sent_at")).transpose()?,
            window: i64::from(spec.window_hours) * 3_600 * Timestamp::SECOND,
            topic: filter(&spec.topic, "topic")?,
            topics: topics.collect::<Result<_, Error>>()?,
        })
    }

    /// Where the merchant enters the address and the secret.
    #[must_use]
    pub fn guide(&self) -> &str {
        &self.guide
    }

    /// What is answered to a vendor that tries the address, given the parameters of its query.
    ///
    /// # Errors
    /// If this vendor tries nothing, or it is not this vendor.
    pub fn shake(&self, link: &Link, parameters: &Parameters, query: &[(String, String)]) -> Result<String, Unheard> {
        let variables: Variables = link.variables(parameters).map_err(|_| Unheard::NoSecret)?;
        let token = self.handshake.as_ref().and_then(|token| token.fill(&variables)).filter(|token| !token.is_empty());
        let token = token.ok_or(Unheard::NoSecret)?;
        let one = |name: &str| query.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.as_str());
        if one("hub.mode") != "subscribe" || !bool::from(one("hub.verify_token").as_bytes().ct_eq(token.as_bytes())) {
            return Err(Unheard::Forged);
        }
        let challenge = one("hub.challenge");
        // What is sent back is no page: nobody may put one there.
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.=".contains(&byte);
        if !(1..=256).contains(&challenge.len()) || !challenge.bytes().all(plain) {
            return Err(Unheard::Unreadable);
        }
        Ok(challenge.to_owned())
    }

    /// Checks a delivery and reads what it says. None: it only tries the address.
    ///
    /// # Errors
    /// Why it is not heard.
    pub fn hear(
        &self,
        link: &Link,
        parameters: &Parameters,
        headers: &[(String, String)],
        body: &[u8],
        now: Timestamp,
    ) -> Result<Option<Delivery>, Unheard> {
        let variables: Variables = link.variables(parameters).map_err(|_| Unheard::NoSecret)?;
        if !self.signature.is_set(&variables) {
            return Err(Unheard::NoSecret);
        }
        let shown: Value = headers.iter().map(|(name, value)| (name.clone(), Value::String(value.clone()))).collect();
        let holds = self.signature.holds(&variables, &Headers(headers), body, now);
        let read: Option<Value> = serde_json::from_slice(body).ok();
        let whole = json!({"headers": shown, "body": read});
        if self.ping.as_ref().is_some_and(|ping| ping.holds(value(&whole))) {
            return Ok(None);
        }
        if !holds {
            return Err(Unheard::Forged);
        }
        if read.is_none() {
            return Err(Unheard::Unreadable);
        }
        let yields = |filter: &Filter| filter.run(value(&whole)).next().and_then(Result::ok).and_then(exact);
        if let Some(sent_at) = &self.sent_at {
            let sent = yields(sent_at).as_ref().and_then(instant).ok_or(Unheard::Unreadable)?;
            if sent.plus(self.window) < now {
                return Err(Unheard::TooOld);
            }
        }
        let delivery = yields(&self.delivery).filter(|id| !id.is_null()).ok_or(Unheard::Unreadable)?;
        let mut marks = vec![mark(&[delivery.to_string().as_bytes()])];
        let topic = yields(&self.topic).and_then(|topic| Some(topic.as_str()?.to_owned()));
        let topic = topic.and_then(|topic| self.topics.iter().find(|(name, _)| *name == topic));
        let news = match topic.map(|(_, topic)| topic) {
            None => News::Nothing,
            Some(Topic::Sync) => News::Changed,
            Some(Topic::Note(note)) => News::Note(note.clone()),
            Some(Topic::Stream(stream)) => News::Objects { stream: stream.clone(), page: read.unwrap_or_default() },
            Some(Topic::Request { right, who, shape }) => {
                let who = yields(who).filter(|_| shape.holds(value(&whole))).ok_or(Unheard::Unreadable)?;
                News::Demand { right: *right, who: person(&who) }
            }
        };
        // Under another topic nobody asked for, the same body may come first.
        if self.loose && !matches!(news, News::Nothing) {
            marks.push(mark(&[b"body", body]));
        }
        Ok(Some(Delivery { marks, news }))
    }
}

impl Topic {
    fn load(spec: TopicSpec, name: &str, streams: &[&str], at: At<'_>) -> Result<Self, Error> {
        let filter = |code: &str, what: &str| at.filter(code, &format!("webhooks.topics.{name}.{what}"));
        let of_request = spec.who.zip(spec.shape);
        match (spec.stream, spec.sync, spec.request, spec.note, of_request) {
            (Some(stream), false, None, None, None) if streams.contains(&stream.as_str()) => Ok(Self::Stream(stream)),
            (Some(stream), false, None, None, None) => {
                Err(at.wrong(&stream, format!("there is no stream `{stream}`; known are {}", streams.join(", "))))
            }
            (None, true, None, None, None) => Ok(Self::Sync),
            (None, false, Some(right), None, Some((who, shape))) => {
                Ok(Self::Request { right, who: filter(&who, "who")?, shape: filter(&shape, "shape")? })
            }
            (None, false, None, Some(note), None) => Ok(Self::Note(note)),
            _ => {
                Err(at
                    .wrong(name, "say one thing: `stream`, `sync: true`, `request` with `who` and `shape`, or `note`"))
            }
        }
    }
}

/// What tells something from everything else, and says nothing of it.
pub(super) fn mark(parts: &[&[u8]]) -> [u8; 16] {
    let mut digest = Sha256::new();
    parts.iter().for_each(|part| digest.update(part));
    digest.finalize().first_chunk().copied().unwrap_or_default()
}

/// A time: RFC 3339, or seconds since 1970.
pub(super) fn instant(value: &Value) -> Option<Timestamp> {
    match value {
        Value::String(text) => Timestamp::parse(text).ok().or_else(|| seconds(text.parse().ok()?)),
        Value::Number(number) => seconds(number.as_i64()?),
        _ => None,
    }
}

fn seconds(seconds: i64) -> Option<Timestamp> {
    seconds.checked_mul(Timestamp::SECOND).map(Timestamp::from_micros)
}

pub(super) fn person(who: &Value) -> Person {
    let text = |name: &str| match who.get(name)? {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    Person {
        email: text("email"),
        phone: text("phone"),
        customer_number: text("customer_number"),
        account: text("account"),
        ..Person::default()
    }
}
