//! What each record type becomes.

use super::*;

/// Contact and identity as every example has them.
fn contact() -> Value {
    json!({
        "emails": [{"value": "joerg.weiss@gmail.com", "verified": true, "mailbox": "personal"}],
        "phones": [{"value": "+491712345678", "verified": false}],
    })
}

fn identity() -> Value {
    json!({"given_name": "Jörg", "family_name": "Weiß", "accounts": ["0fa91c"]})
}

#[test]
fn customer() {
    assert_eq!(
        documents(&example("customer")),
        json!({
            "identity": {
                "salutation": "Herr", "title": "Dr.", "given_name": "Jörg", "family_name": "Weiß",
                "company": "Weiß GmbH", "birth_date": "1980-05-01", "language": "de-DE", "group": "Stammkunde",
                "tags": ["vip", "b2b"], "registered_at": "2020-01-10T08:05:12.000000Z", "guest": false,
                "accounts": ["0fa91c"], "customer_numbers": ["10023"],
            },
            "contact": contact(),
            "address": {"addresses": [{
                "use": "billing", "name": "Jörg Weiß", "street": "Musterstraße", "house_number": "12a",
                "postal_code": "01067", "city": "Dresden", "country": "DE",
            }]},
            "service": {"note": "Zeile 1\nZeile 2"},
        })
    );
    let open = open(&example("customer")).unwrap();
    assert_eq!(open.draft.occurred_at, Some(at("2020-01-10T08:05:12Z")));
    assert_eq!(open.draft.contract_until, None);
    assert_eq!(open.draft.keep_until, None);
}

#[test]
fn order() {
    assert_eq!(
        documents(&example("order")),
        json!({
            "identity": identity(),
            "contact": contact(),
            "address": {"addresses": [{"use": "shipping", "street": "Am Markt", "house_number": "3", "country": "AT"}]},
            "commerce": {"order": {
                "number": "B-1", "ordered_at": "2026-03-01T10:00:00.000000Z", "status": "delivered",
                "delivered_at": "2026-03-04T10:00:00.000000Z", "channel": "web", "currency": "EUR", "total": "119.90",
                "net": "100.76", "shipping_cost": "0.00", "payment_method": "paypal", "campaign": "fruehling",
                "lines": [
                    {"sku": "A-1", "title": "Schraube", "quantity": "2.5", "unit_price": "0.0125", "total": "0.03"},
                    {"title": "Gutschein", "quantity": "1", "unit_price": "-5.00", "total": "-5.00"},
                ],
            }},
        })
    );
}

#[test]
fn invoice() {
    let example = example("invoice");
    assert_eq!(
        documents(&example),
        json!({
            "identity": identity(),
            "contact": contact(),
            "financial": {"invoice": {
                "number": "R-1", "issued_at": "2025-12-31T23:30:00.000000Z", "kind": "credit_note", "status": "paid",
                "currency": "EUR", "total": "-19.90", "net": "-16.72", "tax": "-3.18", "order_number": "B-1",
                "due_at": "2026-03-31T22:00:00.000000Z",
            }},
        })
    );
    // Issued half an hour into the new year in Germany: the eight years count from the end of 2026.
    let keep = open(&example).unwrap().draft.keep_until.unwrap();
    assert_eq!(keep, KeepUntil { until: at("2034-12-31T23:00:00Z"), statute: Statute::Voucher });
}

#[test]
fn payment() {
    let example = example("payment");
    assert_eq!(
        documents(&example),
        json!({
            "identity": {"accounts": ["0fa91c"]},
            "contact": contact(),
            "financial": {"payment": {
                "paid_at": "2026-03-01T10:00:00.000000Z", "currency": "EUR", "amount": "19.90", "method": "sepa",
                "status": "settled", "iban": "DE89370400440532013000", "account_holder": "Jörg Weiß",
                "order_number": "B-1", "reference": "R-1",
            }},
        })
    );
    assert_eq!(open(&example).unwrap().draft.keep_until.map(|keep| keep.until), Some(at("2034-12-31T23:00:00Z")));
}

#[test]
fn message() {
    let mut example = example("message");
    let written = json!({
        "thread": "t1", "sent_at": "2026-03-01T10:00:00.000000Z", "direction": "inbound", "platform": "instagram",
        "text": "Wo bleibt mein Paket?", "sender_name": "joerg.w",
    });
    let names = json!({"given_name": "Jörg", "family_name": "Weiß"});
    assert_eq!(
        documents(&example),
        json!({
            "identity": names, "contact": contact(), "social": {"messages": [written], "accounts": ["0fa91c"]},
        })
    );
    example["data"]["platform"] = Value::Null;
    let documents = documents(&example);
    assert_eq!(documents["service"]["messages"][0]["text"], "Wo bleibt mein Paket?");
    assert_eq!(documents["identity"], identity());
    assert!(documents.get("social").is_none());
}

#[test]
fn review() {
    assert_eq!(
        documents(&example("review")),
        json!({
            "identity": identity(),
            "contact": contact(),
            "engagement": {"review": {
                "reviewed_at": "2026-03-01T10:00:00.000000Z", "product": "A-1", "rating": 4, "status": "published",
            }},
            "service": {"review": {"reviewed_at": "2026-03-01T10:00:00.000000Z", "title": "Gut", "text": "Hält."}},
        })
    );
}

#[test]
fn newsletter_subscription() {
    let example = example("newsletter_subscription");
    assert_eq!(
        documents(&example),
        json!({
            "identity": identity(),
            "contact": contact(),
            "engagement": {"newsletter": {
                "list": "news", "status": "confirmed", "subscribed_at": "2026-01-10T09:00:00.000000Z",
                "confirmed_at": "2026-01-10T09:05:12.000000Z",
            }},
        })
    );
    assert_eq!(open(&example).unwrap().draft.occurred_at, Some(at("2026-01-10T09:05:12Z")));
}

#[test]
fn event() {
    let mut example = example("event");
    example["identifiers"] = json!([{"kind": "anonymous_id", "value": "c0ffee"}]);
    assert_eq!(
        documents(&example),
        json!({
            "engagement": {
                "event": {
                    "name": "page_view", "occurred_at": "2026-03-01T10:00:00.000000Z",
                    "page_url": "https://shop.example/a?b=c", "referrer": "https://suche.example/",
                    "campaign": "fruehling", "properties": {"size": 42, "color": "rot", "new": true},
                },
                "anonymous_ids": ["c0ffee"],
            },
        })
    );
}

#[test]
fn complaint() {
    let mut example = example("complaint");
    assert_eq!(
        documents(&example),
        json!({
            "identity": identity(),
            "contact": contact(),
            "service": {"complaint": {
                "opened_at": "2026-03-01T10:00:00.000000Z", "status": "open", "subject": "Bruch", "text": "Kaputt",
                "order_number": "B-1", "resolution": "Ersatz",
            }},
        })
    );
    let keep = open(&example).unwrap().draft.keep_until.unwrap();
    assert_eq!(keep, KeepUntil { until: at("2032-12-31T23:00:00Z"), statute: Statute::BusinessLetter });
    example["data"].as_object_mut().unwrap().remove("order_number");
    assert_eq!(open(&example).unwrap().draft.keep_until, None);
}

#[test]
fn contact_note() {
    assert_eq!(
        documents(&example("contact_note")),
        json!({
            "identity": identity(),
            "contact": contact(),
            "service": {"contact_note": {
                "noted_at": "2026-03-01T10:00:00.000000Z", "channel": "phone", "text": "Rückruf erbeten", "author": "Eva",
            }},
        })
    );
}

#[test]
fn contracts_end_when_orders_do() {
    let mut example = example("order");
    let updated = at("2026-03-07T13:40:01Z");
    let delivered = at("2026-03-04T10:00:00Z");
    for (status, until) in [
        ("open", Timestamp::NEVER),
        ("paid", Timestamp::NEVER),
        ("shipped", Timestamp::NEVER),
        ("delivered", delivered.plus_days(745)),
        ("completed", delivered.plus_days(745)),
        ("cancelled", updated.plus_days(14)),
        ("returned", updated.plus_days(14)),
    ] {
        example["data"]["status"] = status.into();
        let draft = open(&example).unwrap().draft;
        assert_eq!(draft.contract_until, Some(until), "for {status}");
        assert_eq!(draft.delivered_at, Some(delivered));
        assert_eq!(draft.keep_until.map(|keep| keep.until), Some(at("2032-12-31T23:00:00Z")));
    }
    example["data"]["status"] = "completed".into();
    example["data"].as_object_mut().unwrap().remove("delivered_at");
    assert_eq!(open(&example).unwrap().draft.contract_until, Some(updated.plus_days(745)));
}

#[test]
fn identifiers_and_whom_they_join() {
    let mut example = example("customer");
    example["identifiers"] = json!([
        {"kind": "email", "value": "Joerg.Weiss+shop@Googlemail.com", "verified": true},
        {"kind": "email", "value": "joerg.weiss+shop@googlemail.com"},
        {"kind": "email", "value": "joerg@weiss.example"},
        {"kind": "email", "value": "info@weiss.example", "verified": true},
        {"kind": "email", "value": "8xq2k1@marketplace.amazon.de", "verified": true},
        {"kind": "email", "value": "test@test.de", "verified": true},
        {"kind": "phone", "value": "0171 2345678", "verified": true},
        {"kind": "phone", "value": "030 901820"},
        {"kind": "phone", "value": "0000000", "verified": true},
        {"kind": "phone", "value": "keine"},
        {"kind": "phone", "value": ""},
        {"kind": "account", "value": "0fa91c"},
        {"kind": "account", "value": "0"},
        {"kind": "customer_number", "value": "10023"},
        {"kind": "anonymous_id", "value": "c0ffee"},
    ]);
    use IdentifierKind as Kind;
    let told: Vec<_> = identifiers(&example);
    let expected = [
        (Kind::Email, "joerg.weiss+shop@googlemail.com", "joergweiss@gmail.com", true, Joins::People, true),
        (Kind::Email, "joerg@weiss.example", "joerg@weiss.example", false, Joins::Never, true),
        (Kind::Email, "info@weiss.example", "info@weiss.example", true, Joins::Never, true),
        (Kind::Relay, "8xq2k1@marketplace.amazon.de", "8xq2k1@marketplace.amazon.de", true, Joins::WithinSource, true),
        (Kind::Phone, "+491712345678", "+491712345678", true, Joins::People, true),
        (Kind::Phone, "+4930901820", "+4930901820", false, Joins::Never, true),
        (Kind::Account, "0fa91c", "0fa91c", false, Joins::WithinSource, true),
        (Kind::CustomerNumber, "10023", "10023", false, Joins::WithinSource, true),
        (Kind::AnonymousId, "c0ffee", "c0ffee", false, Joins::WithinSource, true),
        (
            Kind::EmailAndName,
            "joergweiss@gmail.com\0jorg weiss",
            "joergweiss@gmail.com\0jorg weiss",
            true,
            Joins::People,
            false,
        ),
        (
            Kind::EmailAndName,
            "joerg@weiss.example\0jorg weiss",
            "joerg@weiss.example\0jorg weiss",
            false,
            Joins::People,
            false,
        ),
    ];
    let expected = expected.map(|(kind, value, matching, verified, joins, lookup)| {
        (kind, value.to_owned(), matching.to_owned(), verified, joins, lookup)
    });
    assert_eq!(told, expected);
    // What was made up is shown as such, but identifies nobody.
    let emails = &documents(&example)["contact"]["emails"];
    assert!(
        emails
            .as_array()
            .unwrap()
            .contains(&json!({"value": "test@test.de", "verified": true, "mailbox": "placeholder"}))
    );
}

#[test]
fn accounts_at_a_social_network_are_social() {
    let mut example = example("customer");
    example["source"] = "meta".into();
    let documents = documents(&example);
    assert_eq!(documents["social"], json!({"accounts": ["0fa91c"]}));
    assert!(documents["identity"].get("accounts").is_none());
}

#[test]
fn numbers_without_country_code_are_read_where_the_person_lives() {
    let mut example = example("order");
    example["identifiers"] = json!([{"kind": "phone", "value": "0664 1234567"}]);
    assert_eq!(documents(&example)["contact"]["phones"][0]["value"], "+436641234567");
}

#[test]
fn closing_keeps_everything() {
    for example in examples() {
        let line = serde_json::to_vec(&example).unwrap();
        let record = parse(&line, now()).ok().unwrap();
        assert_eq!(record.kind.word(), example["type"]);
        assert_eq!(record.source.as_str(), "webshop");
        assert_eq!(record.version, at("2026-03-07T13:40:01Z"));
        assert_eq!(record.external_id.len(), 5);
        assert!(record.parts.iter().all(|(_, part)| part.len() > 2));
        assert!(record.parts.is_sorted_by_key(|(category, _)| *category));
        assert_eq!(record.consents.len(), 1);
        let claim = record.consents.first().unwrap();
        assert_eq!((claim.purpose.as_str(), claim.act.word()), ("newsletter_email", "granted"));
        assert_eq!(claim.at, at("2026-01-10T09:05:12Z"));
        assert_eq!(claim.method.word(), "double_opt_in");
        assert_eq!(claim.requested_at, Some(at("2026-01-10T09:00:00Z")));
        assert_eq!(claim.confirmed_at, Some(claim.at));
        assert!(claim.evidence.is_some());
        let named = !matches!(record.kind, RecordKind::Payment | RecordKind::Event);
        assert_eq!(record.name_key.map(|key| key.len()), named.then_some("jorg weiss".len()));
    }
}

#[test]
fn the_order_of_fields_does_not_matter() {
    fn turned(value: &Value) -> Value {
        match value {
            Value::Object(fields) => fields.iter().rev().map(|(name, value)| (name.clone(), turned(value))).collect(),
            Value::Array(list) => list.iter().map(turned).collect(),
            value => value.clone(),
        }
    }
    for example in examples() {
        let text = |record: &Value| {
            let documents = open(record).unwrap().documents();
            documents.iter().map(|(category, document)| format!("{}{document}", category.word())).collect::<String>()
        };
        assert_eq!(text(&example), text(&turned(&example)));
    }
}

#[test]
fn looking_up_uses_the_same_forms() {
    for (kind, value, indexed) in [
        (IdentifierKind::Email, " Max@Example.de", Ok((IdentifierKind::Email, "max@example.de".len()))),
        (IdentifierKind::Email, "a1@marketplace.amazon.de", Ok((IdentifierKind::Relay, 24))),
        (IdentifierKind::Phone, "0171 2345678", Ok((IdentifierKind::Phone, 13))),
        (IdentifierKind::CustomerNumber, "9999", Ok((IdentifierKind::CustomerNumber, 4))),
        (IdentifierKind::CustomerNumber, "99999", Ok((IdentifierKind::CustomerNumber, 5))),
        (IdentifierKind::CustomerNumber, "CASH", Err(Reason::INVALID_VALUE)),
        (IdentifierKind::Email, "max", Err(Reason::INVALID_EMAIL)),
        (IdentifierKind::Phone, "keine", Err(Reason::INVALID_VALUE)),
        (IdentifierKind::Relay, "a1@marketplace.amazon.de", Err(Reason::INVALID_VALUE)),
    ] {
        let form = identify::lookup_form(kind, value).map(|(kind, form)| (kind, form.len()));
        assert_eq!(form, indexed);
    }
}
