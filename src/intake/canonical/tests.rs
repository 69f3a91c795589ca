use serde_json::{Value, json};

use super::*;
use crate::intake::record::Statute;

mod golden;
mod hostile;

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn now() -> Timestamp {
    at("2026-03-08T12:00:00Z")
}

fn open(record: &Value) -> Result<Open, Rejection> {
    let line = serde_json::to_vec(record).unwrap();
    read(wire::read(&line)?, now(), |source| source.as_str() == "meta")
}

fn fault(record: &Value) -> (&'static str, String) {
    let fault = open(record).err().unwrap();
    (fault.code, fault.pointer)
}

/// The documents by the word of their category.
fn documents(record: &Value) -> Value {
    let documents = open(record).unwrap().documents();
    documents.into_iter().map(|(category, document)| (category.word().to_owned(), document)).collect()
}

/// `(kind, value, matching, verified, joins, lookup)` of every identifier.
fn identifiers(record: &Value) -> Vec<(IdentifierKind, String, String, bool, Joins, bool)> {
    let plain = open(record).unwrap().identifiers.into_iter();
    plain.map(|p| (p.kind, p.value, p.matching, p.verified, p.joins, p.lookup)).collect()
}

fn record(kind: &str, data: Value) -> Value {
    json!({
        "type": kind, "source": "webshop", "external_id": "10023", "updated_at": "2026-03-07T13:40:01Z", "data": data,
    })
}

/// One full record of each type.
fn examples() -> Vec<Value> {
    let person = json!({"given_name": "Jörg", "family_name": "Weiß"});
    let data = [
        (
            "customer",
            json!({
                "person": {
                    "salutation": "Herr", "title": "Dr.", "given_name": " Jörg ", "family_name": "Weiß", "company": "Weiß GmbH",
                    "birth_date": "01.05.1980", "language": "de_DE",
                },
                "addresses": [{
                    "use": "billing", "name": "Jörg Weiß", "street": "Musterstraße 12 A", "postal_code": "1067",
                    "city": "Dresden", "country": "Deutschland", "region": "",
                }],
                "customer_number": "10023", "group": "Stammkunde", "tags": ["vip", "b2b", "vip"],
                "registered_at": "2020-01-10T09:05:12+01:00", "guest": false, "note": "Zeile 1\r\nZeile 2",
            }),
        ),
        (
            "order",
            json!({
                "number": "B-1", "ordered_at": "2026-03-01T10:00:00Z", "status": "delivered",
                "delivered_at": "2026-03-04T10:00:00Z", "channel": "web", "currency": "eur", "total": "119.9", "net": 100.76,
                "shipping_cost": 0, "lines": [
                    {"sku": "A-1", "title": "Schraube", "quantity": 2.5, "unit_price": "0.0125", "total": "0.03"},
                    {"title": "Gutschein", "quantity": 1, "unit_price": -5, "total": "-5.00"},
                ],
                "person": person, "addresses": [{"use": "shipping", "street": "Am Markt", "house_number": "3", "country": "AUT"}],
                "payment_method": "paypal", "campaign": "fruehling",
            }),
        ),
        (
            "invoice",
            json!({
                "number": "R-1", "issued_at": "2025-12-31T23:30:00Z", "kind": "credit_note", "status": "paid", "currency": "EUR",
                "total": "-19.90", "net": "-16.72", "tax": "-3.18", "lines": [], "person": person, "addresses": null,
                "order_number": "B-1", "due_at": "2026-04-01",
            }),
        ),
        (
            "payment",
            json!({
                "paid_at": "2026-03-01T10:00:00Z", "currency": "EUR", "amount": "19.90", "method": "sepa", "status": "settled",
                "iban": "de89 3704 0044 0532 0130 00", "account_holder": "Jörg Weiß", "order_number": "B-1", "reference": "R-1",
            }),
        ),
        (
            "message",
            json!({
                "thread": "t1", "sent_at": "2026-03-01T10:00:00Z", "direction": "inbound", "platform": "instagram",
                "text": "Wo bleibt mein Paket?", "sender_name": "joerg.w", "person": person,
            }),
        ),
        (
            "review",
            json!({
                "reviewed_at": "2026-03-01T10:00:00Z", "product": "A-1", "rating": 4, "title": "Gut", "text": "Hält.",
                "status": "published", "person": person,
            }),
        ),
        (
            "newsletter_subscription",
            json!({
                "list": "news", "status": "confirmed", "subscribed_at": "2026-01-10T09:00:00Z",
                "confirmed_at": "2026-01-10T09:05:12Z", "person": person, "addresses": [],
            }),
        ),
        (
            "event",
            json!({
                "name": "page_view", "occurred_at": "2026-03-01T10:00:00Z", "page_url": "https://shop.example/a?b=c",
                "referrer": "https://suche.example/", "campaign": "fruehling",
                "properties": {"size": 42, "color": "rot", "new": true, "none": null},
            }),
        ),
        (
            "complaint",
            json!({
                "opened_at": "2026-03-01T10:00:00Z", "status": "open", "subject": "Bruch", "text": "Kaputt", "order_number": "B-1",
                "resolution": "Ersatz", "person": person,
            }),
        ),
        (
            "contact_note",
            json!({
                "noted_at": "2026-03-01T10:00:00Z", "channel": "phone", "text": "Rückruf erbeten", "author": "Eva", "person": person,
            }),
        ),
    ];
    let examples = data.into_iter().map(|(kind, data)| {
        let mut example = record(kind, data);
        example["identifiers"] = json!([
            {"kind": "email", "value": "Joerg.Weiss@Gmail.com", "verified": true},
            {"kind": "phone", "value": "0171 2345678"},
            {"kind": "account", "value": "0fa91c"},
        ]);
        example["consents"] = json!([{
            "purpose": "newsletter_email", "channel": "email", "act": "granted", "at": "2026-01-10T09:05:12Z",
            "method": "double_opt_in", "text_version": "2026-01",
            "evidence": {"requested_at": "2026-01-10T09:00:00Z", "form_url": "https://shop.example/newsletter"},
        }]);
        example
    });
    examples.collect()
}

fn example(kind: &str) -> Value {
    examples().into_iter().find(|example| example["type"] == kind).unwrap()
}
