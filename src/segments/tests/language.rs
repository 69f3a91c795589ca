//! What is a rule and what is not.

use serde_json::{Value, json};

use super::super::{Bounds, Fault, Segment, default_segments};
use super::*;

fn refused(json: &Value) -> Vec<(&'static str, String)> {
    pairs(Rule::read(json, "/rule").unwrap_err())
}

fn pairs(faults: Vec<Fault>) -> Vec<(&'static str, String)> {
    faults.into_iter().map(|fault| (fault.code, fault.pointer)).collect()
}

fn checked(json: Value, under: &str) -> Vec<(&'static str, String)> {
    pairs(rule(json).check(&purpose(under), "/rule"))
}

#[test]
fn every_form_reads_and_writes_itself() {
    let forms = json!({"all": [
        {"attribute": "identity.language", "is": "de"},
        {"attribute": "identity.group", "is_one_of": ["a", "b"]},
        {"attribute": "identity.registered_at", "at_least": "2020-01-01", "within_days": 9000},
        {"attribute": "identity.guest", "exists": false},
        {"place": {"country": "DE", "postal_code_prefix": ["10", "12"], "city": ["Berlin"]}},
        {"orders": {"count": {"at_least": 2}, "total": {"at_least": "100.00", "currency": "EUR"}, "within_days": 365,
                    "channel": ["web"], "sku": ["A"], "status": ["delivered"]}},
        {"last_order": {"older_than_days": 180}},
        {"any": [{"channel": ["amazon"]}, {"birthday": {"within_days": 30}}, {"birthday": {"this_month": true}}]},
        {"not": {"age": {"at_most": 17}}},
        {"phase": ["lost", "at_risk"], "limits": {"new_days": 30, "at_risk_after_days": 60, "lost_after_days": 90}},
        {"newsletter": {"list": ["main"], "status": ["confirmed"]}},
        {"reviews": {"rating": {"at_least": 4}, "within_days": 90}},
        {"events": {"name": ["cart"], "count": {"at_least": 2}}},
    ]});
    let read = rule(forms.clone());
    assert_eq!(serde_json::to_value(&read).unwrap(), forms);
    assert_eq!(serde_json::from_value::<Rule>(forms).unwrap(), read);
}

#[test]
fn a_bound_is_what_its_schema_says() {
    let schema = serde_json::to_value(<Bounds as utoipa::PartialSchema>::schema()).unwrap();
    for bound in ["at_least", "at_most"] {
        let largest = schema["properties"][bound]["maximum"].as_u64().unwrap();
        assert!(Rule::read(&json!({"age": {bound: largest}}), "/rule").is_ok());
        assert!(Rule::read(&json!({"age": {bound: largest + 1}}), "/rule").is_err());
    }
}

#[test]
fn mistakes_are_pointed_at_and_never_repeated() {
    let secret = json!({"all": [
        {"atribute": "identity.language"},
        {"attribute": "Secret Person", "is": "x"},
        {"orders": {"count": {"at_least": "Secret Person"}}},
        {"place": {"town": "Secret Person"}},
        {"not": {"all": 7}},
        {"channel": ["a"], "age": {"at_least": 1}},
        {"orders": {"total": {"at_least": "1"}}},
        {"phase": ["asleep"]},
    ]});
    let faults = Rule::read(&secret, "/rule").unwrap_err();
    assert!(!serde_json::to_string(&faults).unwrap().contains("Secret"));
    assert_eq!(
        pairs(faults),
        [
            ("unknown_condition", "/rule/all/0".to_owned()),
            ("invalid_value", "/rule/all/1/attribute".to_owned()),
            ("invalid_value", "/rule/all/2/orders/count/at_least".to_owned()),
            ("unknown_field", "/rule/all/3/place/town".to_owned()),
            ("invalid_rule", "/rule/all/4/not/all".to_owned()),
            ("invalid_rule", "/rule/all/5".to_owned()),
            ("missing_field", "/rule/all/6/orders/total".to_owned()),
            ("invalid_value", "/rule/all/7/phase/0".to_owned()),
        ]
    );
}

#[test]
fn rules_have_limits() {
    let mut deep = json!({"age": {"at_least": 1}});
    for _ in 0..8 {
        deep = json!({"not": deep});
    }
    assert!(Rule::read(&deep, "").is_ok());
    assert_eq!(refused(&json!({"not": deep}))[0].0, "too_deep");
    let wide = |count: usize| json!({"all": vec![json!({"age": {"at_least": 1}}); count]});
    assert!(Rule::read(&wide(99), "").is_ok());
    assert_eq!(refused(&wide(5_000)), [("too_large", "/rule/all/99".to_owned())]);
}

#[test]
fn a_rule_that_needs_more_than_its_purpose_sees_is_refused() {
    let orders = json!({"any": [{"attribute": "identity.language", "is": "de"}, {"not": {"orders": {}}}]});
    let expected = [("category_not_in_purpose", "/rule/any/1/not".to_owned())];
    assert_eq!(checked(orders.clone(), "newsletter_email"), expected);
    assert_eq!(checked(orders, "loyalty"), []);
    assert_eq!(
        checked(json!({"attribute": "special.allergy", "exists": true}), "customer_value"),
        [("category_not_in_purpose", "/rule".to_owned())]
    );
    // A phase is a value the hub derives: the purpose must see derived values too.
    assert_eq!(checked(json!({"phase": ["lost"]}), "review_request")[0].0, "category_not_in_purpose");
}

#[test]
fn what_would_be_silently_false_is_refused() {
    for (json, under, code, pointer) in [
        (json!({"attribute": "identity.languages", "is": "de"}), "loyalty", "unknown_attribute", "/rule/attribute"),
        (json!({"attribute": "identity.language"}), "loyalty", "nothing_asked", "/rule"),
        (json!({"attribute": "identity.guest", "is": "yes"}), "loyalty", "invalid_value", "/rule/is"),
        (json!({"attribute": "identity.language", "at_least": "de"}), "loyalty", "invalid_value", "/rule/at_least"),
        (json!({"place": {"postal_code_prefix": ["10"]}}), "customer_value", "country_missing", "/rule/place/country"),
        (json!({"place": {"country": "de"}}), "customer_value", "invalid_value", "/rule/place/country"),
        (json!({"orders": {"within_days": 2000}}), "customer_value", "beyond_look_back", "/rule/orders/within_days"),
        (json!({"last_order": {}}), "loyalty", "nothing_asked", "/rule/last_order"),
        (json!({"age": {"at_least": 9, "at_most": 8}}), "loyalty", "contradiction", "/rule/age"),
    ] {
        assert_eq!(checked(json.clone(), under), [(code, pointer.to_owned())], "{json}");
    }
}

#[test]
fn a_rule_names_no_value_of_one_person() {
    let secret = "zqxsecret@example.org";
    for (field, under) in [
        ("contact.emails.value", "newsletter_email"),
        ("contact.phones.value", "order_fulfilment"),
        ("identity.given_name", "newsletter_email"),
        ("identity.family_name", "newsletter_email"),
        ("identity.full_name", "newsletter_email"),
        ("identity.customer_numbers", "newsletter_email"),
        ("address.addresses.street", "order_fulfilment"),
        ("address.addresses.postal_code", "order_fulfilment"),
        ("commerce.orders.number", "order_fulfilment"),
    ] {
        let tests = [
            json!({"attribute": field, "is": secret}),
            json!({"attribute": field, "is_one_of": ["a", secret]}),
            json!({"attribute": field, "at_least": secret}),
            json!({"attribute": field, "exists": true, "is": secret}),
        ];
        for test in tests {
            let faults = rule(json!({"not": test})).check(&purpose(under), "/rule");
            assert!(!serde_json::to_string(&faults).unwrap().contains("zqxsecret"));
            assert!(faults[0].text.contains("write") || faults[0].text.contains("exists"), "{}", faults[0].text);
            assert_eq!(pairs(faults), [("identifying_value", "/rule/not".to_owned())], "{test}");
        }
        assert_eq!(checked(json!({"attribute": field, "exists": true}), under), [], "{field}");
    }
    for test in [
        json!({"attribute": "identity.birth_date", "is": "1980-02-29"}),
        json!({"attribute": "identity.birth_date", "at_least": "1980-02-29", "at_most": "1980-02-29"}),
        json!({"attribute": "identity.birth_date", "within_days": 16_701}),
    ] {
        assert_eq!(checked(test.clone(), "loyalty"), [("identifying_value", "/rule".to_owned())], "{test}");
    }
}

#[test]
fn what_is_about_many_may_be_asked() {
    for (json, under) in [
        (json!({"place": {"country": "DE", "postal_code_prefix": ["10"], "city": ["Berlin"]}}), "order_fulfilment"),
        (json!({"attribute": "address.addresses.city", "is": "Berlin"}), "order_fulfilment"),
        (json!({"attribute": "contact.emails.verified", "is": true}), "newsletter_email"),
        (json!({"attribute": "contact.emails.mailbox", "is": "personal"}), "newsletter_email"),
        (json!({"age": {"at_least": 18}}), "loyalty"),
        (json!({"birthday": {"this_month": true}}), "loyalty"),
        (json!({"attribute": "identity.registered_at", "within_days": 30}), "loyalty"),
        (json!({"attribute": "identity.tags", "is": "vip"}), "loyalty"),
    ] {
        assert_eq!(checked(json.clone(), under), [], "{json}");
    }
}

#[test]
fn the_default_segments_fit_the_default_purposes() {
    let segments = default_segments().unwrap();
    assert!(segments.len() >= 5);
    for segment in segments {
        let selection = segment.select_under.as_ref().unwrap_or(&segment.purpose);
        assert_eq!(segment.rule.check(&purpose(selection.as_str()), "/rule"), [], "{}", segment.code);
        let json = serde_json::to_value(&segment).unwrap();
        assert_eq!(Segment::read(json).unwrap(), segment);
    }
}

#[test]
fn a_segment_says_where_it_is_wrong() {
    let segment = |json: Value| pairs(Segment::read(json).unwrap_err());
    assert_eq!(segment(json!({"code": "x"})), [("missing_field", "/rule".to_owned())]);
    assert_eq!(segment(json!({"rule": {"all": [{"x": 1}]}})), [("unknown_condition", "/rule/all/0".to_owned())]);
    let title = json!({"de": "a", "en": "b"});
    let unknown = json!({"code": "xy", "title": title, "purpose": "ab", "rule": {"all": []}, "colour": 1});
    assert_eq!(segment(unknown)[0].0, "unknown_field");
    assert_eq!(segment(json!(7)), [("missing_field", "/rule".to_owned())]);
}

#[test]
fn every_schema_is_described_and_every_reference_leads_somewhere() {
    use super::super::{Count, Membership, Page, Stored};
    use utoipa::ToSchema;
    let mut schemas = Vec::new();
    Page::schemas(&mut schemas);
    Count::schemas(&mut schemas);
    Stored::schemas(&mut schemas);
    Membership::schemas(&mut schemas);
    Fault::schemas(&mut schemas);
    let names: Vec<&String> = schemas.iter().map(|(name, _)| name).collect();
    let text = serde_json::to_string(&schemas.iter().map(|(_, schema)| schema).collect::<Vec<_>>()).unwrap();
    for reference in text.split("#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap().to_owned();
        assert!(names.contains(&&name), "{name} leads nowhere");
    }
    assert!(text.contains("#/components/schemas/SegmentRule"));
}
