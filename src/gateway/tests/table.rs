//! The committed table of decisions: the specification a data protection officer can read.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::sync::Arc;

use super::people::{TODAY, ask, caller, code, day, decided, entry, in_a_word, merged, purpose, somebody, subject};
use crate::consent::{Act, Age, Entry, Method, OriginFacts, Purpose, SaleFacts, Snapshot, SourceFacts, Standing};
use crate::gateway::{Actor, Ask, Caller, Scope, Verdict, decide};
use crate::types::{Category, Channel, DecisionId, Ground, Role, SourceNo, Timestamp};

#[test]
fn the_table_of_decisions() {
    let mut text = String::from(ABOUT);
    for (title, purpose, channel) in kinds() {
        every_standing(&mut text, title, &purpose, channel);
    }
    purpose_states(&mut text);
    contracts(&mut text);
    existing_customers(&mut text);
    children(&mut text);
    special_categories(&mut text);
    callers(&mut text);
    merges(&mut text);
    insta::with_settings!({ prepend_module_to_snapshot => false, snapshot_path => "../snapshots", omit_expression => true }, {
        insta::assert_snapshot!("decisions", text);
    });
}

const ABOUT: &str = "\
Who may read what: every decision of the gateway.

A cell says `allow`, or the code of the reason why not. Later rows of a history are later in time. \"Restricted\" and
\"objected\" come after the history and before the question; the objection is the one to all direct marketing.
The columns: the channel the history is about, with an open source; the same with a source that gave its data for other
purposes; the same with a source whose time is over; another channel.
";

/// Every ground, and the kinds the law treats apart.
fn kinds() -> Vec<(&'static str, Purpose, Channel)> {
    let mut consent = purpose("newsletter_email");
    consent.channels = BTreeSet::from([Channel::Email, Channel::Phone]);
    consent.validity_days = Some(500);
    let mut plain_consent = purpose("analytics");
    plain_consent.channels = BTreeSet::from([Channel::Web, Channel::Social]);
    plain_consent.validity_days = Some(500);
    let mut vital = purpose("bookkeeping");
    vital.ground = Ground::VitalInterest;
    vital.reads_retained = false;
    let mut public = purpose("fraud_prevention");
    public.ground = Ground::PublicTask;
    vec![
        ("consent to direct marketing, Art. 6(1)(a) and § 7(2) UWG, with double opt-in", consent, Channel::Email),
        ("consent to something else, Art. 6(1)(a)", plain_consent, Channel::Web),
        ("contract in force, Art. 6(1)(b)", purpose("order_fulfilment"), Channel::Email),
        ("legal obligation, Art. 6(1)(c)", on_post(purpose("bookkeeping")), Channel::Post),
        ("the person's own access, Art. 15", on_post(purpose("subject_access")), Channel::Post),
        ("vital interest, Art. 6(1)(d)", on_post(vital), Channel::Post),
        ("public task, Art. 6(1)(e)", on_post(public), Channel::Post),
        ("legitimate interest, Art. 6(1)(f)", on_post(purpose("fraud_prevention")), Channel::Post),
        (
            "legitimate interest in legal claims, Art. 6(1)(f), 18(2), 21(1)",
            on_post(purpose("legal_claims")),
            Channel::Post,
        ),
        ("legitimate interest in direct marketing, Art. 6(1)(f), 21(2)", purpose("postal_marketing"), Channel::Post),
        ("advertising to existing customers, § 7(3) UWG", purpose("existing_customer_email"), Channel::Email),
    ]
}

fn on_post(mut purpose: Purpose) -> Purpose {
    purpose.channels = BTreeSet::from([Channel::Post]);
    purpose
}

/// What can have happened, in words and entries.
fn histories(purpose: &Purpose, channel: Channel) -> Vec<(&'static str, Vec<Entry>)> {
    let own = Some(purpose.code.as_str());
    let at = |act, day| Entry { channel: Some(channel), ..entry(act, own, day) };
    let yes = || at(Act::Granted, 600);
    vec![
        ("nothing", vec![]),
        ("granted", vec![yes()]),
        ("granted, not explicit", vec![Entry { explicit: false, ..yes() }]),
        ("granted without proof", vec![Entry { proven: false, ..yes() }]),
        ("granted, unconfirmed", vec![Entry { confirmed: false, ..yes() }]),
        ("granted to an old text", vec![Entry { text_version: Some(Arc::from("2019")), ..yes() }]),
        ("granted too long ago", vec![at(Act::Granted, 400)]),
        ("granted by a ticked box", vec![Entry { method: Method::PreTicked, ..yes() }]),
        ("granted by a signal", vec![Entry { method: Method::Signal, ..yes() }]),
        ("denied", vec![at(Act::Denied, 600)]),
        ("granted, withdrawn", vec![yes(), at(Act::Withdrawn, 610)]),
        ("granted and withdrawn at once", vec![yes(), at(Act::Withdrawn, 600)]),
        ("granted, all withdrawn", vec![yes(), entry(Act::Withdrawn, None, 610)]),
        ("withdrawn, granted", vec![at(Act::Withdrawn, 590), yes()]),
        (
            "withdrawn, import claims yes",
            vec![at(Act::Withdrawn, 590), Entry { proven: false, method: Method::Import, ..yes() }],
        ),
        ("objected to this", vec![at(Act::Objected, 600)]),
        ("objected to this, lifted", vec![at(Act::Objected, 600), at(Act::ObjectionLifted, 610)]),
        (
            "objected, balanced",
            vec![at(Act::Objected, 600), Entry { method: Method::Operator, ..at(Act::ObjectionLifted, 610) }],
        ),
        ("marketing objected, granted", vec![entry(Act::Objected, None, 590), yes()]),
        ("restricted, granted", vec![entry(Act::Restricted, None, 590), yes()]),
        (
            "restricted, restriction lifted",
            vec![entry(Act::Restricted, None, 590), entry(Act::RestrictionLifted, None, 595)],
        ),
    ]
}

/// Somebody with every fact a purpose may ask for: a contract in force, a paid order.
fn customer(entries: Vec<Entry>) -> Snapshot {
    let mut somebody = somebody(entries);
    let sale =
        SaleFacts { paid_order: true, address_from_order: true, similar_goods: true, notice_at_collection: true };
    somebody.origins =
        vec![OriginFacts { contract_until: Some(Timestamp::NEVER), sale, ..OriginFacts::nothing(subject(1)) }];
    somebody
}

fn every_standing(text: &mut String, title: &str, purpose: &Purpose, channel: Channel) {
    let other = Channel::ALL.iter().copied().find(|other| *other != channel && purpose.channels.contains(other));
    let other = other.unwrap_or(Channel::Sms);
    heading(text, title);
    row(
        text,
        31,
        &["history", "restricted", "objected", "open source", "locked source", "source over", "other channel"],
    );
    for (history, entries) in histories(purpose, channel) {
        for (restricted, objected) in [(false, false), (false, true), (true, false), (true, true)] {
            let mut entries = entries.clone();
            entries.extend(objected.then(|| entry(Act::Objected, None, 700)));
            entries.extend(restricted.then(|| entry(Act::Restricted, None, 700)));
            let open = SourceFacts { source: SourceNo(1), purposes: None, until: None };
            let locked = SourceFacts { purposes: Some(Arc::new(BTreeSet::from([code("elsewhere")]))), ..open.clone() };
            let over = SourceFacts { until: Some(day(TODAY)), ..open.clone() };
            let cell = |source: SourceFacts, channel| {
                let mut customer = customer(entries.clone());
                customer.origins[0].sources = vec![source];
                in_a_word(&decided(&ask(purpose, Some(channel)), purpose, customer))
            };
            let cells = [cell(open.clone(), channel), cell(locked, channel), cell(over, channel), cell(open, other)];
            let mark = |is: bool| if is { "yes" } else { "-" };
            row(text, 31, &[history, mark(restricted), mark(objected), &cells[0], &cells[1], &cells[2], &cells[3]]);
        }
    }
}

fn purpose_states(text: &mut String) {
    heading(text, "the state of the purpose: newsletter_email, granted to text 2026-01");
    let granted = || {
        somebody(vec![Entry { channel: Some(Channel::Email), ..entry(Act::Granted, Some("newsletter_email"), 600) }])
    };
    let with = |change: fn(&mut Purpose)| {
        let mut purpose = purpose("newsletter_email");
        change(&mut purpose);
        in_a_word(&decided(&ask(&purpose, None), &purpose, granted()))
    };
    let id = DecisionId::from_uuid(uuid::Uuid::nil());
    let standing = Standing::fold(granted());
    let asked = ask(&purpose("newsletter_email"), None);
    let rows = [
        ("as it was", with(|_| {})),
        ("new text, not declared compatible", with(|purpose| purpose.text_version = Some("2026-07".to_owned()))),
        (
            "new text, declared compatible",
            with(|purpose| {
                purpose.text_version = Some("2026-07".to_owned());
                purpose.compatible_versions.insert("2026-01".to_owned());
            }),
        ),
        ("no text in force", with(|purpose| purpose.text_version = None)),
        ("no statute named", with(|purpose| purpose.statute.clear())),
        ("no retention named", with(|purpose| purpose.retention_days = 0)),
        ("not configured", in_a_word(&decide(&asked, None, &standing, id, day(TODAY)))),
        (
            "another purpose handed in",
            in_a_word(&decide(&asked, Some(&purpose("analytics")), &standing, id, day(TODAY))),
        ),
    ];
    for (state, cell) in rows {
        row(text, 36, &[state, &cell]);
    }
}

fn contracts(text: &mut String) {
    heading(text, "contract: order_fulfilment, with 60 days of follow-up");
    for (state, until) in [
        ("never any", None),
        ("open", Some(Timestamp::NEVER)),
        ("ended 59 days ago", Some(day(TODAY - 59))),
        ("ended 60 days ago", Some(day(TODAY - 60))),
    ] {
        let mut customer = customer(vec![]);
        customer.origins[0].contract_until = until;
        let purpose = purpose("order_fulfilment");
        row(text, 36, &[state, &in_a_word(&decided(&ask(&purpose, None), &purpose, customer))]);
    }
}

fn existing_customers(text: &mut String) {
    heading(text, "§ 7(3) UWG: existing_customer_email, one condition missing");
    let without = |change: fn(&mut SaleFacts), entries| {
        let mut customer = customer(entries);
        change(&mut customer.origins[0].sale);
        let purpose = purpose("existing_customer_email");
        in_a_word(&decided(&ask(&purpose, None), &purpose, customer))
    };
    let newsletter = |act, day| Entry { channel: Some(Channel::Email), ..entry(act, Some("newsletter_email"), day) };
    let again = vec![newsletter(Act::Withdrawn, 600), newsletter(Act::Granted, 610)];
    let rows = [
        ("none", without(|_| {}, vec![])),
        ("paid order", without(|sale| sale.paid_order = false, vec![])),
        ("address came with the order", without(|sale| sale.address_from_order = false, vec![])),
        ("similar goods", without(|sale| sale.similar_goods = false, vec![])),
        ("notice when the address was taken", without(|sale| sale.notice_at_collection = false, vec![])),
        ("newsletter withdrawn", without(|_| {}, vec![newsletter(Act::Withdrawn, 600)])),
        ("newsletter withdrawn, granted again", without(|_| {}, again)),
    ];
    for (missing, cell) in rows {
        row(text, 36, &[missing, &cell]);
    }
}

fn children(text: &mut String) {
    heading(text, "Art. 8: newsletter_email, granted");
    for (who, age, parental) in [
        ("age unknown", Age::Unknown, false),
        ("of age", Age::OfAge, false),
        ("child, parents not asked", Age::Child, false),
        ("child, parents agreed", Age::Child, true),
    ] {
        let mut person = somebody(vec![Entry { parental, ..entry(Act::Granted, Some("newsletter_email"), 600) }]);
        person.age = age;
        let purpose = purpose("newsletter_email");
        row(text, 36, &[who, &in_a_word(&decided(&ask(&purpose, None), &purpose, person))]);
    }
}

fn special_categories(text: &mut String) {
    heading(text, "Art. 9: the category `special`");
    let mut explicit = purpose("analytics");
    explicit.categories.insert(Category::Special);
    let ordinary = explicit.clone();
    explicit.explicit = true;
    for (what, purpose, by_word) in [
        ("purpose asks for explicit consent, given so", &explicit, true),
        ("purpose asks for explicit consent, given otherwise", &explicit, false),
        ("purpose does not ask for explicit consent", &ordinary, true),
        ("the person's own access", &purpose("subject_access"), false),
    ] {
        let person = somebody(vec![Entry { explicit: by_word, ..entry(Act::Granted, Some("analytics"), 600) }]);
        let asked = Ask { categories: Some([Category::Special].into_iter().collect()), ..ask(purpose, None) };
        row(text, 52, &[what, &in_a_word(&decided(&asked, purpose, person))]);
    }
}

fn callers(text: &mut String) {
    heading(text, "who asks, where the person granted newsletter_email");
    let granted = || vec![entry(Act::Granted, Some("newsletter_email"), 600)];
    let hub = Caller { actor: Actor::Hub("segments"), scope: Scope::Every };
    let every = |role| Caller { scope: Scope::Every, ..caller(role, &[]) };
    let person = |number| Caller { actor: Actor::Subject(subject(number)), scope: Scope::Every };
    row(text, 52, &["caller", "newsletter_email", "subject_access"]);
    for (who, caller) in [
        ("admin, both in scope", caller(Role::Admin, &["newsletter_email", "subject_access"])),
        ("admin, every purpose", every(Role::Admin)),
        ("marketing, newsletter_email in scope", caller(Role::Marketing, &["newsletter_email"])),
        ("marketing, both in scope", caller(Role::Marketing, &["newsletter_email", "subject_access"])),
        ("marketing, another purpose in scope", caller(Role::Marketing, &["analytics"])),
        ("marketing, every purpose", every(Role::Marketing)),
        ("partner, both in scope", caller(Role::Partner, &["newsletter_email", "subject_access"])),
        ("partner, every purpose", every(Role::Partner)),
        ("data protection officer, no scope", caller(Role::Dpo, &[])),
        ("data protection officer, subject_access in scope", caller(Role::Dpo, &["subject_access"])),
        ("data protection officer, every purpose", every(Role::Dpo)),
        ("the hub itself", hub),
        ("the person", person(1)),
        ("another person", person(2)),
    ] {
        let cell = |text: &str| {
            let purpose = purpose(text);
            let asked = Ask { caller: caller.clone(), ..ask(&purpose, None) };
            in_a_word(&decided(&asked, &purpose, somebody(granted())))
        };
        row(text, 52, &[who, &cell("newsletter_email"), &cell("subject_access")]);
    }
}

fn merges(text: &mut String) {
    heading(text, "newsletter_email, two parts merged on day 700: what may be read of each");
    row(text, 58, &["what was said", "first part", "second part"]);
    let first = |act, day| entry(act, Some("newsletter_email"), day);
    let second = |act, day| Entry { origin: subject(2), ..first(act, day) };
    let late = Entry { recorded_at: day(800), ..first(Act::Granted, 650) };
    for (what, entries) in [
        ("nothing", vec![]),
        ("first granted before", vec![first(Act::Granted, 600)]),
        ("second granted before", vec![second(Act::Granted, 600)]),
        ("both granted before", vec![first(Act::Granted, 600), second(Act::Granted, 610)]),
        ("first granted, second denied before", vec![first(Act::Granted, 600), second(Act::Denied, 500)]),
        (
            "both granted, second withdrew before",
            vec![first(Act::Granted, 600), second(Act::Granted, 500), second(Act::Withdrawn, 550)],
        ),
        ("second withdrew before, merged person granted", vec![second(Act::Withdrawn, 600), first(Act::Granted, 800)]),
        (
            "second withdrew before, merged person granted without proof",
            vec![second(Act::Withdrawn, 600), Entry { proven: false, ..first(Act::Granted, 800) }],
        ),
        ("second withdrew, first's older grant imported after", vec![second(Act::Withdrawn, 600), late.clone()]),
        ("first's older grant imported after", vec![late]),
        (
            "both granted before, merged person withdrew",
            vec![first(Act::Granted, 600), second(Act::Granted, 600), first(Act::Withdrawn, 800)],
        ),
        (
            "first granted, second objected to marketing before",
            vec![first(Act::Granted, 600), Entry { purpose: None, ..second(Act::Objected, 500) }],
        ),
        (
            "first granted, second restricted before",
            vec![first(Act::Granted, 600), Entry { purpose: None, ..second(Act::Restricted, 500) }],
        ),
    ] {
        let purpose = purpose("newsletter_email");
        let verdict = decided(&ask(&purpose, None), &purpose, merged(entries, 700));
        let of = |number| match &verdict {
            Verdict::Allow(permit) if permit.origins().any(|origin| origin == subject(number)) => "allow".to_owned(),
            Verdict::Allow(permit) => permit.decision().withheld.first().unwrap().reason.word().to_owned(),
            other => in_a_word(other),
        };
        row(text, 58, &[what, &of(1), &of(2)]);
    }
}

fn heading(text: &mut String, title: &str) {
    let _ = writeln!(text, "\n## {title}\n");
}

fn row(text: &mut String, first: usize, cells: &[&str]) {
    let mut line = String::new();
    for (number, cell) in cells.iter().enumerate() {
        let width = if number == 0 {
            first
        } else if cells.len() == 7 && number < 3 {
            11
        } else {
            23
        };
        let _ = write!(line, "{cell:<width$}");
        line.push(' ');
    }
    let _ = writeln!(text, "{}", line.trim_end());
}
