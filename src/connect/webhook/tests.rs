//! How vendors try an address, and what they tell in forms and in lists.

use serde_json::{Value, json};

use super::{Delivery, News, Unheard};
use crate::connect::catalog::Catalog;
use crate::connect::signature::hmac_hex;
use crate::connect::{Connector, Headers, Parameters, Told};
use crate::types::Timestamp;

const NOW: Timestamp = Timestamp::from_micros(1_772_890_801 * Timestamp::SECOND);

const SHOP: &str = r#"
name: shop
title: Shop
docs: none
source_policy: {purposes_allowed: all}
connection:
  guide: none
  parameters:
    secret: {title: Secret, kind: secret, optional: true}
    verify: {title: Token, kind: secret, optional: true}
  base_url: https://shop.example
  hosts: [shop.example]
  auth: {}
  test: {request: {path: /}}
streams: {}
webhooks:
  guide: none
  signature: {header: X-Sign, encoding: hex, secret: "{secret}"}
  delivery: .body.id
  topic: .body.type
  topics:
    changed: {sync: true}
"#;

/// The shop with parts of its `webhooks` replaced.
struct Shop(std::sync::Arc<Connector>);

impl Shop {
    fn with(changes: &[(&str, &str)]) -> Self {
        let text = changes.iter().fold(SHOP.to_owned(), |text, (from, to)| {
            assert!(text.contains(from), "{from}");
            text.replacen(from, to, 1)
        });
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("shop")).unwrap();
        std::fs::write(folder.path().join("shop/manifest.yaml"), text).unwrap();
        Self(Catalog::read(folder.path()).unwrap().connector("shop").unwrap().clone())
    }

    fn parameters() -> Parameters {
        [("secret", "hush"), ("verify", "a-token-of-ours")].map(|(k, v)| (k.to_owned(), v.to_owned())).into()
    }

    fn shake(&self, secret: Option<&str>, query: &[(&str, &str)]) -> Result<String, Unheard> {
        let query: Vec<_> = query.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        self.0.webhooks().unwrap().shake((self.0.link().unwrap(), &Self::parameters()), secret, &query)
    }

    fn hear(&self, secret: Option<&str>, headers: &[(&str, &str)], body: &str) -> Result<Vec<Delivery>, Unheard> {
        let headers: Vec<_> = headers.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let told = Told { headers: Headers(&headers), secret, body: body.as_bytes() };
        self.0.webhooks().unwrap().hear((self.0.link().unwrap(), &Self::parameters()), &told, NOW)
    }

    fn signed(&self, body: &str) -> Result<Vec<Delivery>, Unheard> {
        self.hear(None, &[("x-sign", &hmac_hex(b"hush", body.as_bytes()))], body)
    }
}

fn handshake(text: &str) -> Shop {
    Shop::with(&[("  delivery:", &format!("  handshake: {text}\n  delivery:"))])
}

const PATH: (&str, &str) =
    ("{header: X-Sign, encoding: hex, secret: \"{secret}\"}", "{scheme: path, secret: \"{secret}\"}");

#[test]
fn each_vendor_that_tries_the_address_is_answered_its_way() {
    let hub = handshake("{token: \"{verify}\"}");
    let right = [("hub.mode", "subscribe"), ("hub.verify_token", "a-token-of-ours"), ("hub.challenge", "11582")];
    assert_eq!(hub.shake(None, &right).as_deref(), Ok("11582"));
    let wrong = [("hub.mode", "subscribe"), ("hub.verify_token", "another"), ("hub.challenge", "11582")];
    assert_eq!(hub.shake(None, &wrong), Err(Unheard::Forged));

    let echo = handshake("{kind: echo, parameter: echo}");
    assert_eq!(echo.shake(None, &[("echo", "0a-1b_2c")]).as_deref(), Ok("0a-1b_2c"));
    for page in ["", "<script>", "a b", "ä"] {
        assert_eq!(echo.shake(None, &[("echo", page)]), Err(Unheard::Unreadable), "{page}");
    }
    assert_eq!(echo.shake(None, &[("secret", "1")]), Err(Unheard::Unreadable));

    let verify = handshake("{kind: verify, token: \"{verify}\", parameter: secret}");
    assert_eq!(verify.shake(None, &[("secret", "1029384756")]).as_deref(), Ok("a-token-of-ours 1029384756"));
    assert_eq!(verify.shake(None, &[]), Err(Unheard::Unreadable), "the token is sent to nobody who asks for nothing");

    assert_eq!(handshake("{kind: reach}").shake(None, &[("x", "<script>")]).as_deref(), Ok(""));
    assert_eq!(Shop::with(&[]).shake(None, &[("echo", "1")]), Err(Unheard::NoSecret), "this one tries nothing");
}

#[test]
fn where_the_address_is_the_secret_it_is_tried_with_it() {
    let reach = Shop::with(&[PATH, ("  delivery:", "  handshake: {kind: reach}\n  delivery:")]);
    assert_eq!(reach.shake(Some("hush"), &[]).as_deref(), Ok(""));
    for wrong in [None, Some(""), Some("hus"), Some("husht")] {
        assert_eq!(reach.shake(wrong, &[]), Err(Unheard::Forged), "{wrong:?}");
        assert!(matches!(reach.hear(wrong, &[], "{}"), Err(Unheard::Forged)));
    }
    let heard = reach.hear(Some("hush"), &[], r#"{"id": 1, "type": "changed"}"#).unwrap();
    assert!(matches!(heard[..], [Delivery { news: News::Changed, .. }]));
}

#[test]
fn an_intent_to_receive_is_answered_by_whether_its_signature_holds() {
    let xero = handshake("{kind: intent, when: \".body.events == []\"}");
    let intent = r#"{"events":[],"firstEventSequence":0,"entropy":"S0m3r4Nd0mt3xt"}"#;
    assert!(xero.signed(intent).unwrap().is_empty());
    assert!(matches!(xero.hear(None, &[("x-sign", "00")], intent), Err(Unheard::Forged)));
    assert!(
        matches!(xero.hear(None, &[], intent), Err(Unheard::Forged)),
        "a trial without a signature is not answered"
    );
    assert_eq!(xero.signed(r#"{"events":[1],"id":1,"type":"changed"}"#).unwrap().len(), 1);
    assert_eq!(xero.shake(None, &[]), Err(Unheard::NoSecret));
}

#[test]
fn a_form_is_read_as_an_object() {
    let form = Shop::with(&[PATH, ("  delivery: .body.id", "  body: form\n  delivery: .body.data.id")]);
    let heard = form.hear(Some("hush"), &[], "type=changed&data%5Bid%5D=8a25").unwrap();
    assert!(matches!(heard[..], [Delivery { news: News::Changed, .. }]));
    assert!(matches!(form.hear(Some("hush"), &[], ""), Err(Unheard::Unreadable)));
    assert!(matches!(form.hear(Some("hush"), &[], r#"{"type": "changed"}"#), Err(Unheard::Unreadable)), "no id");
}

#[test]
fn every_event_of_a_delivery_is_heard_once() {
    let each = Shop::with(&[
        ("  delivery: .body.id", "  each: .body.events[]\n  sent_at: .body.at\n  delivery: .headers[\"x-id\"]"),
        ("  topic: .body.type", "  topic: .event.type"),
    ]);
    let body = |types: &[&str], at: &str| {
        let events: Vec<Value> = types.iter().map(|of| json!({"type": of})).collect();
        json!({"events": events, "at": at}).to_string()
    };
    let tell = |body: &str| each.hear(None, &[("x-sign", &hmac_hex(b"hush", body.as_bytes())), ("x-id", "d1")], body);
    let heard = tell(&body(&["changed", "unknown", "changed"], "2026-03-07T13:40:01Z")).unwrap();
    let changed = |one: &&Delivery| matches!(one.news, News::Changed);
    assert_eq!((heard.len(), heard.iter().filter(changed).count()), (3, 2));
    // Its number is a header that nobody signed: the place in the body tells them apart.
    assert!(heard[0].marks[1] != heard[2].marks[1]);
    assert!(tell(&body(&[], "2026-03-07T13:40:01Z")).unwrap().is_empty());
    assert!(matches!(tell(&body(&["changed"], "2026-03-01T13:40:01Z")), Err(Unheard::TooOld)));
    assert!(matches!(tell(r#"{"at": "2026-03-07T13:40:01Z", "events": 7}"#), Err(Unheard::Unreadable)));
}

#[test]
fn two_people_within_one_second_are_told_apart_whatever_form_tells_them() {
    let catalog = Catalog::embedded().unwrap();
    let connector = catalog.connector("cleverreach").unwrap();
    let entered = [("client_id", "c"), ("client_secret", "s"), ("group_id", "7"), ("call_token", "hush")];
    let parameters: Parameters = entered.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
    let headers = [("x-cr-calltoken".to_owned(), "hush".to_owned())];
    let tell = |pool: &str| {
        let body = json!({"event": "receiver.unsubscribed", "payload": null, "pool_id": pool, "stamp": 1}).to_string();
        let told = Told { headers: Headers(&headers), secret: None, body: body.as_bytes() };
        connector.webhooks().unwrap().hear((connector.link().unwrap(), &parameters), &told, NOW).unwrap().remove(0)
    };
    assert_eq!(tell("1").marks, tell("1").marks);
    assert!(tell("1").marks.iter().all(|mark| !tell("2").marks.contains(mark)));
    // A part that is missing tells nobody apart: the body does.
    let shop = Shop::with(&[("delivery: .body.id", "delivery: \"[.body.type, .body.id]\"")]);
    let marks = |body: &str| shop.signed(body).unwrap().remove(0).marks;
    let (one, other) = (r#"{"type": "changed", "who": 1}"#, r#"{"type": "changed", "who": 2}"#);
    assert_eq!(marks(one), marks(one));
    assert!(marks(one).iter().all(|mark| !marks(other).contains(mark)));
}

#[test]
fn where_nobody_signs_no_records_and_demands_are_taken() {
    let refused = |topic: &str| {
        let text = SHOP.replace(PATH.0, PATH.1).replace("changed: {sync: true}", topic);
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("shop")).unwrap();
        std::fs::write(folder.path().join("shop/manifest.yaml"), text).unwrap();
        Catalog::read(folder.path()).err().map(|error| error.to_string())
    };
    assert_eq!(refused("changed: {sync: true}"), None);
    let gone = "changed: {gone: {of: customer, id: .body.id, shape: 'true'}}";
    for topic in ["changed: {stream: customers}", "changed: {request: erasure, shape: 'true', who: .body}", gone] {
        let why = refused(topic).unwrap_or_default();
        assert!(why.contains("nobody signs") && why.contains("manifest.yaml:"), "{topic}: {why}");
    }
}

/// Of what is gone a manifest says what the body shows, where nobody signs the topic, and a type there is.
#[test]
fn a_topic_of_what_is_gone_says_all_it_needs() {
    let load = |topic: &str, changes: &[(&str, &str)]| {
        let streams = "streams: {people: {detect: 'true', objects: ., records: '{type: \"customer\"}', fields: {}}}";
        let text = SHOP.replace("streams: {}", streams).replace("changed: {sync: true}", topic);
        let text = changes.iter().fold(text, |text, (from, to)| text.replace(from, to));
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("shop")).unwrap();
        std::fs::write(folder.path().join("shop/manifest.yaml"), text).unwrap();
        Catalog::read(folder.path()).err().map(|error| error.to_string()).unwrap_or_default()
    };
    let loose = [("topic: .body.type", "topic: .headers[\"x-type\"]")];
    let topic = "changed: {gone: {of: customer, id: .body.id}}";
    assert_eq!(load(topic, &[]), "");
    let why = load(topic, &loose);
    assert!(why.contains("`shape`") && why.contains("manifest.yaml:"), "{why}");
    let shaped = "changed: {gone: {of: customer, id: .body.id, shape: .body.gone}}";
    assert_eq!(load(shaped, &loose), "");
    let why = load("changed: {gone: {of: order, id: .body.id}}", &[]);
    assert!(why.contains("no stream makes a record of the type `order`"), "{why}");
    let why = load("changed: {gone: {of: customer, id: .body.id}, sync: true}", &[]);
    assert!(why.contains("say one thing"), "{why}");
}

/// What is signed are the bytes as they came.
#[test]
fn half_a_character_keeps_no_delivery_from_being_heard() {
    let shop = Shop::with(&[]);
    let body = r#"{"id": 7, "type": "changed", "name": "Hallo \ud83d", "total": 1e400}"#;
    let heard = shop.signed(body).unwrap();
    assert!(matches!(heard[..], [Delivery { news: News::Changed, .. }]));
    let mended = body.replace("\\ud83d", "\\ufffd");
    let forged = shop.hear(None, &[("x-sign", &hmac_hex(b"hush", mended.as_bytes()))], body);
    assert!(matches!(forged, Err(Unheard::Forged)));
}
