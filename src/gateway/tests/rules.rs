//! Single rules that the table does not show.

use super::people::{TODAY, ask, day, decided, entry, in_a_word, purpose, somebody, subject};
use crate::consent::{Act, Entry, OriginFacts, Reason, Snapshot, Standing};
use crate::gateway::{Ask, ReasonCode, RecordFacts, Verdict, decide};
use crate::types::{Category, CategorySet, Channel, DecisionId, SourceNo, Timestamp};

fn record() -> RecordFacts {
    RecordFacts {
        origin: subject(1),
        source: SourceNo(1),
        source_allows: true,
        source_until: None,
        happened_at: None,
        kept_by_law: false,
        keep_until: None,
    }
}

fn granted(code: &str) -> Snapshot {
    somebody(vec![entry(Act::Granted, Some(code), TODAY - 10)])
}

fn permit(code: &str, snapshot: Snapshot) -> crate::gateway::Permit {
    let purpose = purpose(code);
    match decided(&ask(&purpose, None), &purpose, snapshot) {
        Verdict::Allow(permit) => permit,
        other => panic!("refused: {}", in_a_word(&other)),
    }
}

#[test]
fn a_permit_covers_records_by_their_own_terms() {
    let permit = permit("social_advertising", granted("social_advertising"));
    let why_not = |record| permit.why_not(&record, Category::Contact);
    let (today, earlier) = (day(TODAY), day(TODAY - 400));
    assert_eq!(why_not(record()), None);
    assert!(permit.covers(&record(), Category::Contact));
    assert_eq!(why_not(RecordFacts { source_allows: false, ..record() }), Some(Reason::SourceLocked));
    assert_eq!(why_not(RecordFacts { source_until: Some(today), ..record() }), Some(Reason::SourceClockOver));
    assert_eq!(why_not(RecordFacts { source_until: Some(today.plus(1)), ..record() }), None);
    assert_eq!(why_not(RecordFacts { kept_by_law: true, ..record() }), Some(Reason::KeptByLaw));
    assert_eq!(why_not(RecordFacts { keep_until: Some(today), ..record() }), Some(Reason::KeepingOver));
    assert_eq!(why_not(RecordFacts { happened_at: Some(earlier), ..record() }), Some(Reason::BeforeLookBack));
    assert_eq!(why_not(RecordFacts { happened_at: Some(today), ..record() }), None);
    assert_eq!(why_not(RecordFacts { origin: subject(9), ..record() }), Some(Reason::NoRecords));
    assert_eq!(permit.why_not(&record(), Category::Financial), Some(Reason::CategoryNotInPurpose));
}

#[test]
fn the_persons_own_copy_holds_all_that_is_stored() {
    let permit = permit("subject_access", somebody(vec![entry(Act::Restricted, None, 500)]));
    let record = RecordFacts {
        source_allows: false,
        source_until: Some(day(1)),
        happened_at: Some(day(1)),
        kept_by_law: true,
        keep_until: Some(day(1)),
        ..record()
    };
    assert!(Category::ALL.into_iter().all(|category| permit.covers(&record, category)));
}

#[test]
fn records_kept_by_law_are_for_that_duty() {
    let kept = RecordFacts { kept_by_law: true, ..record() };
    assert!(permit("bookkeeping", somebody(vec![])).covers(&kept, Category::Financial));
    assert!(!permit("fraud_prevention", somebody(vec![])).covers(&kept, Category::Financial));
}

#[test]
fn a_locked_source_stays_locked_beside_an_open_one() {
    let mut customer = granted("newsletter_email");
    let open = crate::consent::SourceFacts { source: SourceNo(1), purposes: None, until: None };
    let elsewhere = std::sync::Arc::new(std::collections::BTreeSet::from([super::people::code("order_fulfilment")]));
    let locked = crate::consent::SourceFacts { source: SourceNo(2), purposes: Some(elsewhere), until: None };
    customer.origins[0].sources = vec![open, locked];
    let permit = permit("newsletter_email", customer);
    assert!(permit.covers(&record(), Category::Contact));
    // Even if the door were told that the source allows it.
    assert!(!permit.covers(&RecordFacts { source: SourceNo(2), ..record() }, Category::Contact));
}

#[test]
fn nobody_known_and_nothing_stored_are_refused() {
    let purpose = purpose("bookkeeping");
    let id = DecisionId::from_uuid(uuid::Uuid::nil());
    let unknown = decide(&ask(&purpose, None), Some(&purpose), &Standing::unknown(), id, day(TODAY));
    assert_eq!(in_a_word(&unknown), "unknown_subject");
    let bare = Snapshot { origins: vec![], ..somebody(vec![]) };
    assert_eq!(in_a_word(&decided(&ask(&purpose, None), &purpose, bare)), "no_records");
}

#[test]
fn a_part_without_data_can_still_say_no() {
    let no = Entry { origin: subject(5), ..entry(Act::Withdrawn, Some("newsletter_email"), 900) };
    let mut person = granted("newsletter_email");
    person.entries.push(no);
    let purpose = purpose("newsletter_email");
    assert_eq!(in_a_word(&decided(&ask(&purpose, None), &purpose, person)), "withdrawn");
}

#[test]
fn a_yes_dated_in_the_future_does_not_count_yet_and_a_no_does() {
    let purpose = purpose("newsletter_email");
    let yes = somebody(vec![entry(Act::Granted, Some("newsletter_email"), TODAY + 1)]);
    assert_eq!(in_a_word(&decided(&ask(&purpose, None), &purpose, yes)), "no_consent");
    let mut no = granted("newsletter_email");
    no.entries.push(entry(Act::Withdrawn, Some("newsletter_email"), TODAY + 1));
    assert_eq!(in_a_word(&decided(&ask(&purpose, None), &purpose, no)), "withdrawn");
}

#[test]
fn an_objection_to_marketing_leaves_other_purposes_alone() {
    let objected = || somebody(vec![entry(Act::Objected, None, 900)]);
    for (code, word) in [
        ("postal_marketing", "objected"),
        ("customer_value", "objected"),
        ("existing_customer_email", "objected"),
        ("fraud_prevention", "allow"),
        ("identity_matching", "allow"),
        ("bookkeeping", "allow"),
    ] {
        let purpose = purpose(code);
        assert_eq!(in_a_word(&decided(&ask(&purpose, None), &purpose, objected())), word, "{code}");
    }
}

#[test]
fn an_email_double_opt_in_is_no_proof_for_the_phone() {
    let purpose = purpose("phone_marketing");
    assert_eq!(in_a_word(&decided(&ask(&purpose, None), &purpose, granted("phone_marketing"))), "method_not_enough");
    let spoken = Entry { method: crate::consent::Method::Verbal, ..entry(Act::Granted, Some("phone_marketing"), 900) };
    assert_eq!(in_a_word(&decided(&ask(&purpose, None), &purpose, somebody(vec![spoken]))), "allow");
}

#[test]
fn each_category_is_answered_with_its_own_reason() {
    let purpose = purpose("newsletter_email");
    let categories: CategorySet = [Category::Contact, Category::Financial].into_iter().collect();
    let asked = Ask { categories: Some(categories), ..ask(&purpose, Some(Channel::Email)) };
    let verdict = decided(&asked, &purpose, granted("newsletter_email"));
    let told = serde_json::to_value(verdict.decision()).unwrap();
    let expected = serde_json::json!({
        "id": "00000000-0000-0000-0000-000000000000",
        "purpose": "newsletter_email",
        "purpose_version": 1,
        "channel": "email",
        "outcome": "allow",
        "at": "1972-09-27T00:00:00.000000Z",
        "ledger_version": "990",
        "allowed": [{ "category": "contact", "until": null, "why": "consent", "entry_no": "990" }],
        "refused": [{ "category": "financial", "reason": "category_not_in_purpose" }],
        "withheld": [],
    });
    assert_eq!(told, expected);
}

#[test]
fn a_question_for_no_category_is_a_gap() {
    let purpose = purpose("newsletter_email");
    let asked = Ask { categories: Some(CategorySet::EMPTY), ..ask(&purpose, None) };
    assert_eq!(in_a_word(&decided(&asked, &purpose, granted("newsletter_email"))), "gap: no_category_asked");
}

#[test]
fn the_contract_of_one_part_does_not_open_another() {
    let mut person = super::people::merged(vec![], 700);
    person.origins[0].contract_until = Some(Timestamp::NEVER);
    let permit = permit("order_fulfilment", person);
    assert_eq!(permit.origins().collect::<Vec<_>>(), [subject(1)]);
    assert_eq!(
        permit.why_not(&RecordFacts { origin: subject(2), ..record() }, Category::Address),
        Some(Reason::NoContract)
    );
    assert_eq!(permit.decision().withheld.len(), 5);
}

#[test]
fn facts_of_a_part_listed_twice_count_once() {
    let mut person = somebody(vec![]);
    person.origins.push(OriginFacts { contract_until: Some(Timestamp::NEVER), ..OriginFacts::nothing(subject(1)) });
    assert_eq!(Standing::fold(person).origins().len(), 1);
}

#[test]
fn a_reason_code_holds_nothing_free() {
    assert!("campaign:spring-2026".parse::<ReasonCode>().is_ok());
    for text in ["", "Max", "max@example.de", "two words", "ü", &"x".repeat(65)] {
        assert!(text.parse::<ReasonCode>().is_err());
    }
}
