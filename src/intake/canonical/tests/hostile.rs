//! What a record must not do: get through, break the parser, or be repeated in the refusal.

use proptest::prelude::*;

use super::*;

/// `(what is changed, to what, code, pointer)`; the places are JSON pointers into the example.
fn changed(kind: &str, place: &str, value: Value) -> Value {
    let mut example = example(kind);
    let (parent, name) = place.rsplit_once('/').unwrap();
    match example.pointer_mut(parent).unwrap() {
        Value::Object(object) => drop(object.insert(name.to_owned(), value)),
        Value::Array(list) => list[name.parse::<usize>().unwrap()] = value,
        _ => unreachable!(),
    }
    example
}

#[test]
fn refusals_have_a_code_and_a_pointer() {
    let far = "2026-03-10T12:00:00Z";
    for (kind, place, value, code) in [
        ("customer", "/type", json!("person"), "invalid_value"),
        ("customer", "/source", json!("Web Shop"), "invalid_source"),
        ("customer", "/external_id", json!(10023), "wrong_type"),
        ("customer", "/external_id", json!("  "), "empty"),
        ("customer", "/external_id", json!("x".repeat(257)), "too_long"),
        ("customer", "/updated_at", json!("yesterday"), "invalid_timestamp"),
        ("customer", "/updated_at", json!(far), "implausible_date"),
        ("customer", "/colour", json!("red"), "unknown_field"),
        ("customer", "/data", json!([]), "wrong_type"),
        ("customer", "/data/colour", json!("red"), "unknown_field"),
        ("customer", "/data/person/given_name", json!("x".repeat(201)), "invalid_name"),
        ("customer", "/data/person/given_name", json!("a\u{0}b"), "control_character"),
        ("customer", "/data/person/salutation", json!("a\nb"), "control_character"),
        ("customer", "/data/addresses/0/use", json!("home"), "invalid_value"),
        ("customer", "/data/guest", json!("yes"), "wrong_type"),
        ("customer", "/data/note", json!("x".repeat(70_000)), "too_long"),
        ("customer", "/data/note", json!("a\u{1b}[31m"), "control_character"),
        ("customer", "/data/tags", json!(vec!["x"; 65]), "too_many"),
        ("customer", "/data/tags/0", json!(5), "wrong_type"),
        ("customer", "/identifiers/2/value", json!("x".repeat(600)), "too_long"),
        ("customer", "/identifiers/0/kind", json!("passport"), "invalid_value"),
        ("customer", "/identifiers/0/verified", json!(1), "wrong_type"),
        ("customer", "/identifiers", json!(vec![json!({"kind": "account", "value": "a"}); 65]), "too_many"),
        ("customer", "/consents/0/purpose", json!("News Letter"), "invalid_purpose"),
        ("customer", "/consents/0/channel", json!("pigeon"), "invalid_value"),
        ("customer", "/consents/0/act", json!("not_blocked"), "invalid_value"),
        ("customer", "/consents/0/at", json!(far), "implausible_date"),
        ("customer", "/consents/0/evidence", json!({"a": {"b": "c"}}), "wrong_type"),
        ("customer", "/consents/0/evidence", json!({"requested_at": "soon"}), "invalid_timestamp"),
        ("customer", "/consents/0/evidence", json!({"confirmed_at": 5}), "wrong_type"),
        ("customer", "/consents/0/act", json!("objection_lifted"), "invalid_value"),
        ("customer", "/consents/0/method", json!("guessed"), "invalid_value"),
        ("customer", "/consents/0/at", json!("2026-03-08T12:06:00Z"), "implausible_date"),
        ("order", "/data/number", Value::Null, "wrong_type"),
        ("order", "/data/status", json!("lost"), "invalid_value"),
        ("order", "/data/currency", json!("XXX"), "invalid_currency"),
        ("order", "/data/total", json!("-1"), "negative_amount"),
        ("order", "/data/total", json!(-0.5), "negative_amount"),
        ("order", "/data/total", json!("1,50"), "invalid_amount"),
        ("order", "/data/total", json!("1.00001"), "too_precise"),
        ("order", "/data/total", json!(1e13), "amount_too_large"),
        ("order", "/data/total", json!(true), "wrong_type"),
        ("order", "/data/ordered_at", json!("1989-01-01T00:00:00Z"), "implausible_date"),
        ("order", "/data/ordered_at", json!("9998-12-31T23:59:59Z"), "implausible_date"),
        ("order", "/data/lines/0/quantity", json!(-1), "negative_amount"),
        ("order", "/data/lines/1/quantity", json!("many"), "invalid_amount"),
        ("order", "/data/lines/1/color", json!("red"), "unknown_field"),
        ("order", "/data/lines", json!(vec![json!({}); 1001]), "too_many"),
        ("order", "/data/lines", json!({}), "wrong_type"),
        ("invoice", "/data/due_at", json!("2999-01-01"), "implausible_date"),
        ("payment", "/data/iban", json!("DE88 3704 0044 0532 0130 00"), "invalid_iban"),
        ("payment", "/data/amount", json!("-19.90"), "negative_amount"),
        ("review", "/data/rating", json!(6), "invalid_value"),
        ("review", "/data/rating", json!(0), "invalid_value"),
        ("review", "/data/rating", json!(4.5), "invalid_value"),
        ("event", "/data/properties", json!({"a": [1]}), "wrong_type"),
        ("event", "/data/page_url", json!("x".repeat(2049)), "too_long"),
    ] {
        assert_eq!(fault(&changed(kind, place, value)), (code, place.to_owned()), "for {kind} {place}");
    }
}

#[test]
fn what_cannot_be_is_left_out_and_the_rest_is_taken() {
    for (place, value, code) in [
        ("/data/person/birth_date", "1980-02-30", "invalid_date"),
        ("/data/person/birth_date", "2030-01-01", "implausible_date"),
        ("/data/person/birth_date", "1450-01-01", "implausible_date"),
        ("/data/person/language", "Deutsch", "invalid_language"),
        ("/data/addresses/0/country", "Absurdistan", "invalid_country"),
        ("/data/addresses/0/postal_code", "9876543", "invalid_postal_code"),
        ("/identifiers/0/value", "joerg@", "invalid_email"),
        ("/identifiers/1/value", "12", "invalid_phone"),
    ] {
        let changed = changed("customer", place, json!(value));
        let left_out = open(&changed).unwrap().draft.left_out;
        let [told] = &left_out[..] else { panic!("{place}: {left_out:?}") };
        assert_eq!((told.code, told.pointer.as_str()), (code, place));
        let whole = documents(&example("customer"));
        let rest = documents(&changed);
        assert_ne!(rest, whole, "{place} is still there");
        assert_eq!(rest["identity"]["family_name"], whole["identity"]["family_name"]);
        assert!(!rest.to_string().contains(&format!("\"{value}\"")), "{place}");
    }
    // Of another type it is no value of a person at all.
    assert_eq!(fault(&changed("customer", "/data/person/birth_date", json!(5))).0, "wrong_type");
}

#[test]
fn what_must_be_there() {
    for (kind, required) in [
        ("customer", &["type", "source", "external_id", "updated_at", "data"] as &[_]),
        ("order", &["data/number", "data/ordered_at", "data/status", "data/currency", "data/total"]),
        ("invoice", &["data/number", "data/issued_at", "data/currency", "data/total"]),
        ("payment", &["data/paid_at", "data/currency", "data/amount"]),
        ("message", &["data/thread", "data/sent_at", "data/direction"]),
        ("review", &["data/reviewed_at"]),
        ("newsletter_subscription", &["data/list", "data/status"]),
        ("event", &["data/name", "data/occurred_at"]),
        ("complaint", &["data/opened_at"]),
        ("contact_note", &["data/noted_at", "data/text"]),
        ("customer", &["identifiers/0/kind", "identifiers/0/value", "consents/0/purpose", "consents/0/at"]),
    ] {
        for field in required {
            let mut example = example(kind);
            let place = format!("/{field}");
            let (parent, name) = place.rsplit_once('/').unwrap();
            example.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(name).unwrap();
            assert_eq!(fault(&example), ("missing_field", place), "for {kind}");
        }
    }
    // All else may be absent.
    assert!(open(&record("customer", json!({}))).is_ok());
    assert!(
        open(&record(
            "order",
            json!({
                "number": "1", "ordered_at": "2026-03-01", "status": "open", "currency": "EUR", "total": 1,
            })
        ))
        .is_ok()
    );
}

#[test]
fn refunds_may_be_negative() {
    for status in ["refunded", "partially_refunded", "chargeback"] {
        let mut example = example("payment");
        example["data"]["status"] = status.into();
        example["data"]["amount"] = "-19.90".into();
        assert_eq!(documents(&example)["financial"]["payment"]["amount"], "-19.90");
    }
    let mut invoice = example("invoice");
    invoice["data"]["kind"] = "invoice".into();
    assert_eq!(fault(&invoice), ("negative_amount", "/data/total".into()));
}

#[test]
fn duplicates_and_floods_are_refused() {
    let twice = br#"{"type":"customer","source":"webshop","external_id":"1","external_id":"2"}"#;
    let fault = parse(twice, now()).err().unwrap();
    assert_eq!((fault.code, fault.pointer.as_str()), ("duplicate_key", "/external_id"));
    let mut name = br#"{"type":"customer","data":{"person":{"given_name":""#.to_vec();
    name.extend(std::iter::repeat_n(b'x', 10 << 20));
    name.extend(br#""}}}"#);
    assert_eq!(parse(&name, now()).err().unwrap().code, "too_large");
    assert_eq!(parse(&[b'['; 1 << 20], now()).err().unwrap().code, "too_deep");
}

/// Letters no fixed text of ours contains.
const SENTINEL: &str = "Qzx Jvk 7391";

/// Every place of a value in `value`, as JSON pointers.
fn places(value: &Value, here: &str, found: &mut Vec<String>) {
    found.push(here.to_owned());
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| places(value, &format!("{here}/{name}"), found))
        }
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(at, value)| places(value, &format!("{here}/{at}"), found))
        }
        _ => {}
    }
}

/// Values that hold the sentinel, in shapes that fail in different ways.
fn sentinels() -> Vec<Value> {
    vec![
        json!(SENTINEL),
        json!(format!("{SENTINEL}\u{0}")),
        json!(format!("{SENTINEL}@")),
        json!(format!("a@{SENTINEL}")),
        json!(SENTINEL.repeat(100)),
        json!(SENTINEL.repeat(10_000)),
        json!([SENTINEL]),
        json!({SENTINEL: SENTINEL}),
        json!({"value": {SENTINEL: SENTINEL}}),
        json!({"properties": {"a": {SENTINEL: SENTINEL}}}),
        json!([[[[[[[[[[[[[[SENTINEL]]]]]]]]]]]]]]),
    ]
}

fn is_silent(line: &[u8]) {
    let faults = match parse(line, now()) {
        Ok(read) => read.left_out,
        Err(fault) => vec![fault],
    };
    for fault in faults {
        let told = format!("{fault:?} {fault}");
        for piece in ["Qzx", "Jvk", "7391"] {
            assert!(!told.contains(piece), "a refusal repeats what it refuses: {told}");
        }
        assert!(told.len() < 500);
        assert!(Reason::by_code(fault.code).is_some());
    }
}

#[test]
fn no_refusal_repeats_a_value() {
    for example in examples() {
        let mut found = Vec::new();
        places(&example, "", &mut found);
        for place in found {
            for sentinel in sentinels() {
                let mut replaced = example.clone();
                *replaced.pointer_mut(&place).unwrap() = sentinel.clone();
                is_silent(&serde_json::to_vec(&replaced).unwrap());
                let mut added = example.clone();
                if let Some(Value::Object(fields)) = added.pointer_mut(&place) {
                    fields.insert(SENTINEL.to_owned(), sentinel);
                    let line = serde_json::to_string(&added).unwrap();
                    is_silent(line.as_bytes());
                    is_silent(line.replacen(SENTINEL, &format!("{SENTINEL}\":1,\"{SENTINEL}"), 1).as_bytes());
                    is_silent(line.replacen(SENTINEL, &format!("{SENTINEL}\\"), 1).as_bytes());
                }
            }
        }
    }
}

/// Any JSON, made of the words records are made of and of others.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,20}".prop_map(Value::from),
        "[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9:]{8}Z)?".prop_map(Value::from),
        "-?[0-9]{1,20}\\.?[0-9]{0,6}".prop_map(Value::from),
    ];
    let name = prop_oneof![
        "\\PC{0,12}",
        prop::sample::select(vec![
            "person",
            "addresses",
            "lines",
            "total",
            "currency",
            "status",
            "number",
            "ordered_at",
            "value",
            "kind",
            "text",
            "properties",
            "street",
            "postal_code",
            "country",
            "birth_date",
            "given_name",
            "family_name",
        ])
        .prop_map(str::to_owned),
    ];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((name.clone(), inner), 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&bytes, now());
    }

    #[test]
    fn any_json_is_read_or_refused(value in any_json(), which in 0..10_usize, place in any::<prop::sample::Index>()) {
        let _ = parse(&serde_json::to_vec(&value).unwrap(), now());
        let mut example = examples().remove(which);
        let mut found = Vec::new();
        places(&example, "", &mut found);
        *example.pointer_mut(place.get(&found[..]).as_str()).unwrap() = value;
        let _ = parse(&serde_json::to_vec(&example).unwrap(), now());
    }

    #[test]
    fn a_damaged_line_is_read_or_refused(which in 0..10_usize, at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut line = serde_json::to_vec(&examples().remove(which)).unwrap();
        let at = at.index(line.len());
        line[at] = byte;
        let _ = parse(&line, now());
        let _ = parse(&line[..at], now());
    }
}
