//! What rules mean.

use serde_json::json;

use super::*;

fn holds(json: Value, of: &Facts) -> bool {
    rule(json).holds(of, now())
}

fn person() -> Facts {
    facts(json!({
        "identity": {"language": "de-DE", "birth_date": "2000-12-01", "tags": ["VIP", "b2b"], "guest": false,
                     "registered_at": "2026-10-01T00:00:00.000000Z"},
        "address": {"addresses": [
            {"country": "DE", "postal_code": "10115", "city": "Berlin"},
            {"country": "AT", "postal_code": "5020", "city": "Salzburg"},
        ]},
        "commerce": {"orders": [
            {"ordered_at": "2026-10-20T10:00:00.000000Z", "status": "delivered", "currency": "EUR", "total": "60.10",
             "channel": "web", "lines": [{"sku": "A-1"}]},
            {"ordered_at": "2025-01-20T10:00:00.000000Z", "status": "completed", "currency": "EUR", "total": "39.90"},
            {"ordered_at": "2026-11-01T10:00:00.000000Z", "status": "cancelled", "currency": "EUR", "total": "500.00"},
            {"ordered_at": "2026-09-01T10:00:00.000000Z", "status": "paid", "currency": "CHF", "total": "900.00"},
        ]},
        "engagement": {
            "newsletters": [{"list": "main", "status": "confirmed"}],
            "reviews": [{"reviewed_at": "2026-11-01T10:00:00.000000Z", "rating": 5}],
            "events": [{"name": "cart", "occurred_at": "2026-11-20T10:00:00.000000Z"}],
        },
    }))
}

#[test]
fn attributes() {
    let person = person();
    for (json, expected) in [
        (json!({"attribute": "identity.language", "is": "de"}), true),
        (json!({"attribute": "identity.language", "is": "d"}), false),
        (json!({"attribute": "identity.language", "is_one_of": ["fr", "DE-de"]}), true),
        (json!({"attribute": "identity.tags", "is": "vip"}), true),
        (json!({"attribute": "identity.guest", "is": false}), true),
        (json!({"attribute": "identity.title", "exists": false}), true),
        (json!({"attribute": "identity.title", "exists": true}), false),
        (json!({"attribute": "identity.birth_date", "at_most": "2000-12-01"}), true),
        (json!({"attribute": "identity.birth_date", "at_least": "2000-12-02"}), false),
        (json!({"attribute": "identity.registered_at", "within_days": 60}), true),
        (json!({"attribute": "identity.registered_at", "older_than_days": 60}), false),
        (json!({"attribute": "address.addresses.city", "is": "salzburg"}), true),
        (json!({"attribute": "commerce.orders.total", "at_least": 900}), true),
        (json!({"attribute": "commerce.orders.total", "at_least": "900.01"}), false),
    ] {
        assert_eq!(holds(json.clone(), &person), expected, "{json}");
    }
}

#[test]
fn places_are_one_address_and_not_the_sum_of_several() {
    let person = person();
    assert!(holds(json!({"place": {"country": "DE", "postal_code_prefix": ["12", "10"]}}), &person));
    assert!(!holds(json!({"place": {"country": "AT", "postal_code_prefix": ["10"]}}), &person));
    assert!(holds(json!({"place": {"city": ["BERLIN"]}}), &person));
}

#[test]
fn orders_count_what_stands_and_never_mix_currencies() {
    let person = person();
    for (json, expected) in [
        (json!({"orders": {"count": {"at_least": 3, "at_most": 3}}}), true),
        (json!({"orders": {"count": {"at_least": 1, "at_most": 1}, "status": ["cancelled"]}}), true),
        (json!({"orders": {"count": {"at_least": 2, "at_most": 2}, "within_days": 365}}), true),
        (json!({"orders": {"total": {"at_least": "100.00", "at_most": "100.00", "currency": "EUR"}}}), true),
        (json!({"orders": {"total": {"at_least": "100.01", "currency": "EUR"}}}), false),
        (json!({"orders": {"total": {"at_least": "1000", "currency": "CHF"}}}), false),
        (json!({"orders": {"total": {"at_most": "0", "currency": "USD"}}}), true),
        (json!({"orders": {"sku": ["A-1"]}}), true),
        (json!({"orders": {"sku": ["A-2"]}}), false),
        (json!({"orders": {"channel": ["web"], "count": {"at_most": 1}}}), true),
        (json!({"channel": ["web"]}), true),
        (json!({"channel": ["amazon"]}), false),
        (json!({"last_order": {"within_days": 40}}), true),
        (json!({"last_order": {"older_than_days": 40}}), false),
    ] {
        assert_eq!(holds(json.clone(), &person), expected, "{json}");
    }
    let nobody = facts(json!({}));
    assert!(holds(json!({"orders": {"count": {"at_most": 0}}}), &nobody));
    assert!(!holds(json!({"last_order": {"older_than_days": 1}}), &nobody));
    assert!(!holds(json!({"orders": {}}), &nobody));
}

#[test]
fn birthdays_and_ages_follow_the_calendar() {
    let person = person();
    assert!(holds(json!({"birthday": {"within_days": 10}}), &person));
    assert!(!holds(json!({"birthday": {"within_days": 9}}), &person));
    assert!(!holds(json!({"birthday": {"this_month": true}}), &person));
    assert!(holds(json!({"age": {"at_least": 25, "at_most": 25}}), &person));
    let leap = facts(json!({"identity": {"birth_date": "2000-02-29"}}));
    let on = |at: &str, json| rule(json).holds(&leap, Timestamp::parse(at).unwrap());
    assert!(on("2027-02-28T12:00:00Z", json!({"birthday": {"within_days": 0}})));
    assert!(on("2028-02-29T12:00:00Z", json!({"birthday": {"within_days": 0}})));
    // 23:30 UTC is the next day in Berlin.
    assert!(on("2028-02-28T23:30:00Z", json!({"birthday": {"within_days": 0}})));
    assert!(on("2028-12-31T12:00:00Z", json!({"birthday": {"within_days": 60}})));
}

#[test]
fn phases_follow_each_other() {
    let bought = |days: &[i64]| {
        let orders: Vec<Value> =
            days.iter().map(|days| json!({"ordered_at": now().plus_days(-days).rfc3339(), "status": "paid"})).collect();
        facts(json!({"commerce": {"orders": orders}}))
    };
    for (days, phase) in [
        (&[][..], "prospect"),
        (&[90], "new"),
        (&[91], "active"),
        (&[400, 10], "active"),
        (&[180], "active"),
        (&[181], "at_risk"),
        (&[365], "at_risk"),
        (&[366], "lost"),
        (&[900, 800], "lost"),
    ] {
        for candidate in ["prospect", "new", "active", "at_risk", "lost"] {
            assert_eq!(holds(json!({"phase": [candidate]}), &bought(days)), candidate == phase, "{days:?} {candidate}");
        }
    }
}

#[test]
fn engagement() {
    let person = person();
    assert!(holds(json!({"newsletter": {"status": ["confirmed"], "list": ["main"]}}), &person));
    assert!(!holds(json!({"newsletter": {"status": ["pending"]}}), &person));
    assert!(holds(json!({"reviews": {"rating": {"at_least": 4}}}), &person));
    assert!(!holds(json!({"reviews": {"rating": {"at_most": 4}}}), &person));
    assert!(holds(json!({"events": {"name": ["cart"], "within_days": 2}}), &person));
    assert!(!holds(json!({"events": {"count": {"at_least": 2}}}), &person));
}

#[test]
fn nothing_holds_for_nobody_and_everything_for_everybody() {
    let nobody = facts(json!({}));
    assert!(holds(json!({"all": []}), &nobody));
    assert!(!holds(json!({"any": []}), &nobody));
}

#[test]
fn explanations_name_the_rule_and_what_was_found() {
    let asked = rule(json!({"all": [
        {"attribute": "identity.language", "is": "de"},
        {"orders": {"count": {"at_least": 2}, "total": {"at_least": "50", "currency": "EUR"}, "within_days": 365}},
        {"not": {"phase": ["lost"]}},
    ]}));
    let told = serde_json::to_value(asked.explain(&person(), now())).unwrap();
    assert_eq!(told["holds"], true);
    assert_eq!(told["parts"][0]["de"], "identity.language ist „de“; gespeichert: de-DE.");
    assert_eq!(
        told["parts"][1]["en"],
        "Orders of the last 365 days: number at least 2; found: 2. Sum at least 50 EUR; found: 60.10 EUR. 1 in another \
         currency not counted."
    );
    assert_eq!(told["parts"][2]["en"], "This does not hold:");
    assert_eq!(told["parts"][2]["parts"][0]["holds"], false);
    assert!(told["parts"][2]["parts"][0]["de"].as_str().unwrap().contains("errechnet: aktiv"));
}
