//! Laws that hold for every rule and every document.

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::{Map, json};

use super::super::evaluate;
use super::*;

const CONDITIONS: &[&str] = &[
    r#"{"attribute": "identity.language", "is": "de"}"#,
    r#"{"attribute": "identity.tags", "is_one_of": ["a", "b"]}"#,
    r#"{"attribute": "identity.registered_at", "within_days": 30}"#,
    r#"{"attribute": "commerce.orders.total", "at_least": 5}"#,
    r#"{"attribute": "derived.score", "at_most": 0.5}"#,
    r#"{"place": {"country": "DE", "postal_code_prefix": ["1"]}}"#,
    r#"{"orders": {"count": {"at_least": 2}, "total": {"at_least": "5", "currency": "EUR"}, "within_days": 9}}"#,
    r#"{"last_order": {"older_than_days": 10}}"#,
    r#"{"channel": ["web"]}"#,
    r#"{"birthday": {"within_days": 30}}"#,
    r#"{"age": {"at_least": 18}}"#,
    r#"{"phase": ["new", "lost"]}"#,
    r#"{"newsletter": {"status": ["confirmed"]}}"#,
    r#"{"reviews": {"rating": {"at_least": 4}}}"#,
    r#"{"events": {"within_days": 3}}"#,
];

fn any_rule() -> impl Strategy<Value = Rule> {
    let leaf = proptest::sample::select(CONDITIONS).prop_map(|json| rule(serde_json::from_str(json).unwrap()));
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(|all| Rule::All { all }),
            vec(inner.clone(), 0..4).prop_map(|any| Rule::Any { any }),
            inner.prop_map(|not| Rule::Not { not: Box::new(not) }),
        ]
    })
}

/// Documents with the right names and any values at all.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        "\\PC{0,12}".prop_map(Value::from),
        "-?[0-9]{1,40}(\\.[0-9]{1,30})?".prop_map(Value::from),
        "[0-9]{4}-[01][0-9]-[0-3][0-9](T[0-2][0-9]:00:00Z)?".prop_map(Value::from),
        proptest::sample::select(&["DE", "EUR", "paid", "cancelled", "web", "de-DE", "confirmed"][..])
            .prop_map(Value::from),
    ];
    let name = proptest::sample::select(
        &[
            "orders",
            "ordered_at",
            "status",
            "total",
            "currency",
            "lines",
            "sku",
            "channel",
            "addresses",
            "country",
            "postal_code",
            "birth_date",
            "language",
            "tags",
            "registered_at",
            "newsletters",
            "reviews",
            "rating",
            "events",
            "occurred_at",
            "score",
            "value",
        ][..],
    );
    leaf.prop_recursive(4, 64, 6, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Value::from),
            vec((name.clone(), inner), 0..6).prop_map(|fields| {
                Value::Object(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
            }),
        ]
    })
}

fn any_profile() -> impl Strategy<Value = BTreeMap<Category, Map<String, Value>>> {
    let part = any_json().prop_map(|json| match json {
        Value::Object(fields) => fields,
        other => Map::from_iter([("orders".to_owned(), other.clone()), ("birth_date".to_owned(), other)]),
    });
    btree_map(proptest::sample::select(&Category::ALL[..]), part, 0..6)
}

proptest! {
    #[test]
    fn evaluating_and_explaining_agree_and_never_fail(
        rule in any_rule(),
        profile in any_profile(),
        at in any::<i64>(),
    ) {
        let now = Timestamp::from_micros(at);
        let holds = evaluate(&rule, &profile, now);
        prop_assert_eq!(rule.explain(&Facts::from_profile(profile), now).holds, holds);
    }

    #[test]
    fn de_morgan(rules in vec(any_rule(), 0..4), profile in any_profile()) {
        let denied = |rules: &[Rule]| rules.iter().map(|rule| Rule::Not { not: Box::new(rule.clone()) }).collect();
        let not_all = Rule::Not { not: Box::new(Rule::All { all: rules.clone() }) };
        let any_not = Rule::Any { any: denied(&rules) };
        prop_assert_eq!(evaluate(&not_all, &profile, now()), evaluate(&any_not, &profile, now()));
    }

    #[test]
    fn one_more_order_never_lowers_the_count(days in vec(0_i64..2_000, 0..8), more in 0_i64..2_000, least in 0_u32..6) {
        let bought = |days: &[i64]| {
            let orders = days.iter().map(|days| json!({"ordered_at": now().plus_days(-days).rfc3339(), "status": "paid"}));
            facts(json!({"commerce": {"orders": orders.collect::<Vec<_>>()}}))
        };
        let asked = rule(json!({"orders": {"count": {"at_least": least}, "within_days": 365}}));
        let before = asked.holds(&bought(&days), now());
        let after = asked.holds(&bought(&[days, vec![more]].concat()), now());
        prop_assert!(!before || after);
    }

    #[test]
    fn any_json_is_a_rule_or_has_faults_that_point(json in any_json()) {
        match Rule::read(&json, "/rule") {
            Ok(rule) => prop_assert_eq!(Rule::read(&serde_json::to_value(&rule).unwrap(), "").unwrap(), rule),
            Err(faults) => {
                prop_assert!(!faults.is_empty());
                prop_assert!(faults.iter().all(|fault| fault.pointer.starts_with("/rule")));
            }
        }
    }

    #[test]
    fn a_rule_survives_being_written(rule in any_rule()) {
        let json = serde_json::to_value(&rule).unwrap();
        prop_assert_eq!(Rule::read(&json, "").unwrap(), rule);
    }
}
