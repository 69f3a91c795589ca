//! What comparing looks at: the records that can be compared, however many others a person has.

use serde_json::{Value, json};

use super::hub::Hub;
use super::survivorship::bring;
use crate::databases::{Database, on_both_databases};
use crate::intake::Progress;
use crate::store::Shelf;

on_both_databases!(
    a_veto_is_seen_behind_any_number_of_visits,
    only_what_is_compared_is_counted_and_each_record_once,
    grouping_anew_tells_how_far_it_is,
    what_grouping_finds_of_how_many_records_people_have_counts_for_what_comes,
    a_date_that_a_form_puts_in_says_nothing_whoever_comes_first,
);

fn visit(at: usize) -> Value {
    json!({
        "type": "event", "source": "webshop", "external_id": format!("visit-{at}"), "updated_at": "2026-03-01T10:00:00Z",
        "identifiers": [{"kind": "anonymous_id", "value": "v-1"}],
        "data": {"name": "Page Viewed", "occurred_at": "2026-03-01T10:00:00Z"},
    })
}

fn described(id: &str, account: Option<&str>, born: Option<&str>) -> Value {
    let mut record = json!({
        "type": "customer", "source": "webshop", "external_id": id, "updated_at": "2026-03-01T10:00:00Z",
        "identifiers": [],
        "data": {
            "person": {"given_name": "Ottilie", "family_name": "Zwirnlechner"},
            "addresses": [{"street": "Kastanienallee", "house_number": "12", "postal_code": "10437", "city": "Berlin"}],
        },
    });
    if let Some(account) = account {
        record["identifiers"] =
            json!([{"kind": "account", "value": account}, {"kind": "anonymous_id", "value": "v-1"}]);
    }
    if let Some(born) = born {
        record["data"]["person"]["birth_date"] = json!(born);
    }
    record
}

/// The living people.
fn people(hub: &Hub) -> usize {
    hub.database.bytes(Shelf::Records, "subject_id", "FROM subject WHERE state = 1 ORDER BY subject_id").len()
}

async fn a_veto_is_seen_behind_any_number_of_visits(database: Database) {
    let hub = Hub::open(database).await;
    for at in 0..45 {
        bring(&hub, visit(at)).await;
    }
    // They sign in: one record without, one with a birth date.
    bring(&hub, described("1", Some("A-1"), None)).await;
    bring(&hub, described("2", Some("A-1"), Some("1971-03-09"))).await;
    assert_eq!(people(&hub), 1);
    // Like the first, and contradicted by the second.
    bring(&hub, described("3", None, Some("1999-11-23"))).await;
    assert_eq!(people(&hub), 2);
    // Nothing contradicts this one.
    bring(&hub, described("4", None, Some("1971-03-09"))).await;
    assert_eq!(people(&hub), 2);
}

async fn only_what_is_compared_is_counted_and_each_record_once(database: Database) {
    let hub = Hub::open(database).await;
    let seen = || hub.house.intake.records_seen();
    bring(&hub, described("1", None, None)).await;
    bring(&hub, described("2", None, Some("1971-03-09"))).await;
    assert_eq!((seen(), hub.house.intake.records_found()), (2, 0));
    for at in 0..3 {
        bring(&hub, visit(at)).await;
        let mut newer = described("1", None, Some("1971-03-09"));
        newer["updated_at"] = json!(format!("2026-03-0{}T10:00:00Z", at + 2));
        bring(&hub, newer).await;
    }
    assert_eq!(seen(), 2);
}

/// Opened, weighed, changed: of each how many there are, and that all of them were done.
async fn grouping_anew_tells_how_far_it_is(database: Database) {
    let hub = Hub::open(database).await;
    for (at, id) in ["1", "2", "3"].into_iter().enumerate() {
        bring(&hub, described(id, None, Some(["1971-03-09", "1999-11-23", "1985-06-30"][at]))).await;
    }
    assert_eq!(people(&hub), 3);
    let mut told = Vec::new();
    hub.house.intake.regroup(None, |progress| told.push(progress)).await.unwrap();
    assert_eq!(told.first(), Some(&Progress::Opened(3)));
    // Three records of one name at one address make three pairs.
    assert!(told.contains(&Progress::Comparing(3, 3)), "{told:?}");
    let weighed = told.iter().filter_map(|progress| match progress {
        Progress::Comparing(weighed, _) => Some(*weighed),
        _ => None,
    });
    assert!(weighed.is_sorted(), "{told:?}");
}

/// Two records say nothing but a frequent name. Where people have several records each that is enough, once grouping found it out,
/// and also for a process that starts later; where nothing is known, somebody is asked.
async fn what_grouping_finds_of_how_many_records_people_have_counts_for_what_comes(database: Database) {
    let hub = Hub::open(database).await;
    let customer = |id: String, given: &str, family: &str, born: Option<&str>| {
        let mut record = described(&id, None, born);
        record["data"] = json!({"person": {"given_name": given, "family_name": family}});
        if let Some(born) = born {
            record["data"]["person"]["birth_date"] = json!(born);
        }
        record
    };
    let names = ["Adalwin", "Burkhild", "Chlodwig", "Dankrad", "Ekkehild", "Folkwin", "Gernot", "Hildegund"];
    let families = ["Zwirnlechner", "Haberstroh", "Quastenberg", "Ruckdeschel", "Oberpriller", "Wiesinger", "Ymker"];
    for (at, (given, family)) in names.iter().flat_map(|given| families.map(|family| (given, family))).enumerate() {
        let born = format!("19{}-{:02}-{:02}", 40 + at % 50, 1 + at % 12, 1 + at % 28);
        for copy in 0..3 {
            bring(&hub, customer(format!("{at}-{copy}"), given, family, Some(&born))).await;
        }
    }
    let all = people(&hub);
    bring(&hub, customer("one".into(), "Thomas", "Müller", None)).await;
    bring(&hub, customer("other".into(), "Thomas", "Müller", None)).await;
    assert_eq!(people(&hub), all + 2);
    hub.house.intake.regroup(None, |_| {}).await.unwrap();
    let all = people(&hub);
    let found = hub.database.tables(&[Shelf::Records])["records.fellows"].clone();
    assert_eq!(found.len(), 1, "{found:?}");
    bring(&hub, customer("third".into(), "Ursula", "Schmidt", None)).await;
    hub.house.intake.load_model().await.unwrap();
    bring(&hub, customer("fourth".into(), "Ursula", "Schmidt", None)).await;
    assert_eq!(people(&hub), all + 1);
}

/// Whoever signs up at a shop is born on 1 January 1980. What the books say of them is no other person's, neither behind a mailbox that was
/// verified nor by all that is compared, and whether the shop tells of them first or the books do.
async fn a_date_that_a_form_puts_in_says_nothing_whoever_comes_first(database: Database) {
    let hub = Hub::open(database).await;
    let of = |id: &str, (given, family): (&str, &str), mailbox: Option<&str>, born: &str| {
        let mut record = described(id, None, Some(born));
        record["data"]["person"]["given_name"] = json!(given);
        record["data"]["person"]["family_name"] = json!(family);
        record["data"]["addresses"][0]["street"] = json!(format!("{family}gasse"));
        record["identifiers"] = json!(
            mailbox
                .map(|value| json!({"kind": "email", "value": value, "verified": true}))
                .into_iter()
                .collect::<Vec<_>>()
        );
        record
    };
    let givens = ["Adalwin", "Burkhild", "Chlodwig", "Dankrad", "Ekkehild", "Folkwin", "Gernot", "Hildegund"];
    let families = ["Haberstroh", "Quastenberg", "Ruckdeschel", "Oberpriller", "Wiesinger"];
    for (at, name) in givens.iter().flat_map(|given| families.map(|family| (*given, family))).enumerate() {
        let mut record = of(&format!("form-{at}"), name, None, "1980-01-01");
        record["data"]["addresses"] = json!([]);
        bring(&hub, record).await;
    }
    let all = people(&hub);
    assert_eq!(all, 40);
    let cases = [
        (("Ottilie", "Zwirnlechner"), Some("ottilie.z@example.org"), ["1980-01-01", "1963-05-12"]),
        (("Wendelin", "Schrattenholz"), Some("wendelin.s@example.org"), ["1958-09-23", "1980-01-01"]),
        (("Irmtraud", "Kestenbaum"), None, ["1980-01-01", "1971-03-09"]),
        (("Jobst", "Loibelsberger"), None, ["1949-10-04", "1980-01-01"]),
    ];
    for (at, (name, mailbox, told)) in cases.into_iter().enumerate() {
        for (time, born) in told.into_iter().enumerate() {
            bring(&hub, of(&format!("{at}-{time}"), name, mailbox, born)).await;
        }
        assert_eq!(people(&hub), all + 1 + at, "{name:?} with {mailbox:?} is two, told as {told:?}");
    }
    hub.house.intake.regroup(None, |_| {}).await.unwrap();
    assert_eq!(people(&hub), all + cases.len());
    // Of two dates that no form puts in one is somebody else's.
    bring(&hub, of("other", ("Ottilie", "Zwirnlechner"), Some("ottilie.z@example.org"), "1996-11-28")).await;
    assert_eq!(people(&hub), all + cases.len() + 1);
}
