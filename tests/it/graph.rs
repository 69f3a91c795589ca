//! What joins records into one person and what never does, seen from outside; and that every join keeps its reason.

use std::collections::HashSet;

use obhut::graph::{Clue, Rule, resolve};
use obhut::store::arrivals::Arrivals;
use obhut::store::rows::{IdentifierRow, SubjectRow, SubjectState};
use obhut::store::{Error, Shelf, Write, identifiers, subjects};
use obhut::types::{IdentifierKind, RecordNo, Role, SubjectId, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::databases::{Database, on_both_databases};
use crate::house::{House, in_a_house_on_both_databases};

const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);

/// A customer with these identifiers: kind, value, whether it is verified.
fn record(source: &str, id: &str, identifiers: &[(&str, &str, bool)]) -> Value {
    let identifiers: Vec<Value> = identifiers
        .iter()
        .map(|(kind, value, verified)| json!({"kind": kind, "value": value, "verified": verified}))
        .collect();
    json!({
        "type": "customer", "source": source, "external_id": id, "updated_at": "2026-03-07T13:40:01Z",
        "identifiers": identifiers, "data": {"person": {"given_name": format!("Given{id}"), "family_name": format!("Family{id}")}},
    })
}

/// As [`record`], where all have one given name, so that none contradicts another.
fn of_kim(source: &str, id: &str, identifiers: &[(&str, &str, bool)]) -> Value {
    let mut record = record(source, id, identifiers);
    record["data"]["person"]["given_name"] = "Kim".into();
    record
}

/// How many people the hub knows.
fn people(house: &House) -> i64 {
    house.database().count(Shelf::Records, &format!("subject WHERE state = {}", SubjectState::Living as i16))
}

/// The reasons of all links of living people: rule, whether its evidence is an index of one of the person's records, and
/// whether it joined somebody in.
fn links(house: &House) -> Vec<(Rule, bool, bool)> {
    let rows = house.database().texts(
        Shelf::Records,
        "SELECT CAST(link.rule AS TEXT) || ' '
            || CASE WHEN EXISTS (SELECT 1 FROM identifier WHERE identifier.ix = link.evidence_ix
                                 AND identifier.subject_id = link.subject_id) THEN 'shown' ELSE '-' END || ' '
            || CASE WHEN merged_from IS NULL THEN '-' ELSE 'merged' END AS answer
         FROM link JOIN subject ON subject.subject_id = link.subject_id AND subject.state = 1
         ORDER BY record_no, decided_at, rule",
    );
    let read = |row: &String| {
        let [rule, shown, merged] = row.split(' ').collect::<Vec<_>>()[..] else { panic!("{row}") };
        (Rule::try_from(rule.parse::<i16>().unwrap()).unwrap(), shown == "shown", merged == "merged")
    };
    rows.iter().map(read).collect()
}

/// Brings these in, one after the other, and says how many people they are.
fn brought(database: Database, records: &[Value]) -> (House, i64) {
    let house = House::open(database);
    for record in records {
        house.ingest(std::slice::from_ref(record)).expect_all("created");
    }
    let people = people(&house);
    (house, people)
}

fn what_nobody_verified_joins_nobody(database: Database) {
    let unverified =
        |id| record("webshop", id, &[("email", "karla@example.org", false), ("phone", "+49 30 23125140", false)]);
    let (house, people) = brought(database, &[unverified("one"), unverified("two"), unverified("three")]);
    assert_eq!(people, 3);
    assert!(links(&house).iter().all(|(rule, ..)| *rule == Rule::First));
    // A verified one among them joins none of the unverified ones, which anybody could have typed.
    house.ingest(&[record("books", "four", &[("email", "karla@example.org", true)])]).expect_all("created");
    assert_eq!(self::people(&house), 4);
}

fn a_forwarding_address_joins_nobody_across_sources(database: Database) {
    let relay = |source, id| record(source, id, &[("email", "4q2h7x0k1m@marketplace.amazon.de", true)]);
    let (house, people) =
        brought(database, &[relay("amazon", "one"), relay("books", "two"), relay("webshop", "three")]);
    assert_eq!(people, 3, "a relay address of one marketplace was taken for a mailbox");
    // At its own source it is one buyer.
    house.ingest(&[relay("amazon", "four")]).expect_all("created");
    assert_eq!(self::people(&house), 3);
    assert_eq!(links(&house).last(), Some(&(Rule::Relay, true, false)));
}

fn mailboxes_of_posts_and_placeholders_join_nobody(database: Database) {
    let of = |id, mailbox| record("webshop", id, &[("email", mailbox, true)]);
    let (_, people) = brought(
        database,
        &[
            of("one", "info@teeladen.example.org"),
            of("two", "info@teeladen.example.org"),
            of("three", "noreply@example.org"),
            of("four", "noreply@example.org"),
            of("five", "geloescht@teeladen.example.org"),
            of("six", "geloescht@teeladen.example.org"),
            of("seven", "deleted@teeladen.example.org"),
            of("eight", "deleted@teeladen.example.org"),
        ],
    );
    assert_eq!(people, 8);
}

fn numbers_that_stand_for_nobody_join_nobody(database: Database) {
    let of = |(at, (kind, value)): (usize, (&str, &str))| record("books", &at.to_string(), &[(kind, value, true)]);
    let values = [
        ("phone", "+49 170 0000000"),
        ("customer_number", "GAST"),
        ("customer_number", "Diverse"),
        ("customer_number", "Sammelkunde"),
        ("customer_number", "CASH"),
        ("customer_number", "0"),
        ("customer_number", "00000"),
        ("customer_number", "99999"),
        ("account", "guest"),
    ];
    let records: Vec<Value> = values.into_iter().chain(values).enumerate().map(of).collect();
    let (_, people) = brought(database, &records);
    assert_eq!(people, 2 * i64::try_from(values.len()).unwrap());
}

/// Nobody is called so: with one mailbox that nobody verified it is no proof.
fn a_name_that_systems_give_joins_nobody(database: Database) {
    let of = |source, id, name: &str| {
        let mut record = record(source, id, &[("email", "karla@example.org", false)]);
        record["data"]["person"] = json!({"full_name": name});
        record
    };
    let (house, _) = brought(database, &[of("webshop", "one", "Facebook User"), of("books", "two", "Facebook User")]);
    assert!(links(&house).iter().all(|(rule, ..)| *rule != Rule::EmailAndName));
}

fn numbers_of_one_source_mean_nothing_at_another(database: Database) {
    let numbered = |source, id| {
        of_kim(
            source,
            id,
            &[("customer_number", "10023", false), ("account", "A-77", false), ("anonymous_id", "a3f81c", false)],
        )
    };
    let (house, people) = brought(database, &[numbered("webshop", "one"), numbered("books", "two")]);
    assert_eq!(people, 2);
    house.ingest(&[numbered("webshop", "three")]).expect_all("created");
    assert_eq!(self::people(&house), 2);
    let last: Vec<_> = links(&house).into_iter().skip(2).collect();
    assert_eq!(last, [(Rule::SourceAccount, true, false), (Rule::AnonymousId, true, false)]);
}

/// Two people turn out to be one: each keeps the link it had, and the join names the record, the rule and the index that
/// showed it, and who was joined in.
fn every_join_keeps_its_evidence(database: Database) {
    let (email, phone) = (("email", "karla@example.org", true), ("phone", "+49 30 23125140", true));
    let (house, people) = brought(database, &[of_kim("webshop", "one", &[email]), of_kim("books", "two", &[phone])]);
    assert_eq!(people, 2);
    assert_eq!(links(&house), [(Rule::First, false, false), (Rule::First, false, false)]);
    house.ingest(&[of_kim("webshop", "three", &[email, phone])]).expect_all("created");
    assert_eq!(self::people(&house), 1);
    let mut found = links(&house);
    let at_join = found.split_off(2);
    assert_eq!(found, [(Rule::First, false, false), (Rule::First, false, false)]);
    let mut rules: Vec<_> = at_join.iter().map(|(rule, shown, merged)| (rule.word(), *shown, *merged)).collect();
    rules.sort_unstable();
    assert_eq!(
        rules,
        [
            (Rule::VerifiedEmail.word(), true, false),
            (Rule::VerifiedPhone.word(), true, false),
            (Rule::VerifiedPhone.word(), true, true),
        ]
    );
    // Who was joined in is still known, with the records that were theirs.
    assert_eq!(house.database().count(Shelf::Records, "subject WHERE state = 2 AND merged_into IS NOT NULL"), 1);
    let theirs = "record JOIN link ON link.merged_from = record.sealed_for AND record.subject_id = link.subject_id";
    assert_eq!(house.database().count(Shelf::Records, theirs), 1);
}

/// The result of matching leaves by the command line, in the names of the sources, with a line in the book; without those
/// who object to matching.
fn assignments_name_every_record_and_its_person(database: Database) {
    let email = ("email", "karla@example.org", true);
    let (house, people) = brought(
        database,
        &[
            of_kim("webshop", "one@example.org", &[email]),
            of_kim("books", "K-1", &[email]),
            of_kim("webshop", "two", &[]),
            of_kim("webshop", "three", &[("email", "objects@example.org", true)]),
        ],
    );
    assert_eq!(people, 3);
    let no = json!({
        "identifier": {"kind": "email", "value": "objects@example.org"}, "act": "objected", "method": "written",
        "purpose": "identity_matching",
    });
    house.post(Role::Dpo, "/v1/consents", &no).expect(201);
    let before = house.audited("disclosed");
    let run = house.run(&["graph", "assignments", "--format", "csv"]);
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let table = String::from_utf8(run.stdout).unwrap();
    let mut lines = table.lines();
    assert_eq!(lines.next(), Some("source,external_id,subject_id"));
    let rows: Vec<Vec<&str>> = lines.map(|line| line.split(',').collect()).collect();
    let whose = |id: &str| rows.iter().find(|row| row[1] == id).map(|row| row[2]);
    assert_eq!(rows.len(), 3, "{table}");
    assert_eq!(whose("one@example.org"), whose("K-1"));
    assert!(whose("two").is_some() && whose("two") != whose("K-1") && whose("three").is_none());
    assert!(String::from_utf8_lossy(&run.stderr).contains("1 more may not be read"));
    assert!(house.audited("disclosed") > before, "nothing of it is in the audit book");
    let run = house.run(&["graph", "assignments", "--format", "ndjson"]);
    let first = String::from_utf8(run.stdout).unwrap().lines().next().map(ToOwned::to_owned).unwrap();
    let first: Value = serde_json::from_str(&first).unwrap();
    assert_eq!(first["source"], "webshop");
    assert!(first["external_id"].is_string() && first["subject_id"].is_string());
}

/// A verified mailbox joins by rule, and a couple may have one for both: names that clearly are two people's are weighed
/// with everything else instead. Who gives no name is joined to neither, and does not make the two one.
fn a_couple_at_one_verified_mailbox_stays_two(database: Database) {
    let house = House::open(database);
    let bring = |id: &str, person: Value| {
        let mut record = record("webshop", id, &[("email", "weber@example.org", true)]);
        record["data"]["person"] = person;
        house.ingest(&[record]).expect_all("created");
        people(&house)
    };
    assert_eq!(bring("one", json!({"given_name": "Anna", "family_name": "Weber"})), 1);
    assert_eq!(bring("two", json!({"given_name": "Bernd", "family_name": "Weber"})), 2);
    assert_eq!(bring("three", json!({"given_name": "Anna Maria", "family_name": "Weber"})), 2);
    assert_eq!(bring("four", json!({"given_name": "Bernd", "family_name": "Weber"})), 2);
    bring("five", json!({}));
    let found = house.run(&["graph", "assignments"]);
    let table = String::from_utf8(found.stdout).unwrap();
    let whose = |id: &str| {
        table.lines().find(|line| line.contains(&format!(",{id},"))).unwrap().rsplit(',').next().unwrap().to_owned()
    };
    assert_eq!((whose("one"), whose("two")), (whose("three"), whose("four")));
    assert_ne!(whose("one"), whose("two"));
}

/// Four families at one mailbox: the first three arrive as one person, because nobody can know better; with the fourth the
/// address names nobody any more, and what it joined is taken back.
fn a_value_that_becomes_crowded_gives_back_what_it_joined(database: Database) {
    let shared = ("email", "zuhause7@example.org", true);
    let mail = |id: &'static str| ("email", id, true);
    let house = House::open(database);
    let bring = |id: &str, identifiers: &[(&str, &str, bool)]| {
        let mut record = record("webshop", id, identifiers);
        // They could be one name misspelt, and say no more.
        let given = match id {
            "one" => "Jan",
            "two" | "again" => "Jon",
            "three" => "Jen",
            "four" => "Jin",
            _ => "Jyn",
        };
        record["data"]["person"]["given_name"] = given.into();
        house.ingest(&[record]).expect_all("created");
        people(&house)
    };
    assert_eq!(bring("one", &[shared]), 1);
    assert_eq!(bring("two", &[shared, mail("two@example.org")]), 1);
    assert_eq!(bring("again", &[mail("two@example.org")]), 1);
    assert_eq!(bring("three", &[shared]), 1);
    assert_eq!(bring("four", &[shared]), 4, "one, two with what came by their own mailbox, three, and four");
    assert_eq!(bring("five", &[shared]), 5);
    let whose = |id: &str| {
        let found = house.run(&["graph", "assignments"]);
        let table = String::from_utf8(found.stdout).unwrap();
        let line = table.lines().find(|line| line.contains(&format!(",{id},"))).map(ToOwned::to_owned);
        line.unwrap_or_else(|| panic!("{id} is gone: {table}")).rsplit(',').next().unwrap().to_owned()
    };
    assert_eq!(whose("two"), whose("again"));
    assert_ne!(whose("one"), whose("two"));
    assert!(house.audited("separated") >= 1);
    // Each can be read and erased alone.
    let demand = json!({"right": "erasure", "subject_id": whose("one"), "execute": true});
    house.post(Role::Dpo, "/v1/requests", &demand).expect(201);
    let access = json!({"right": "access", "subject_id": whose("two"), "execute": true});
    house.post(Role::Dpo, "/v1/requests", &access).expect(201);
    assert_eq!(people(&house), 4);
}

/// A customer with name, address and birth date and no identifier.
fn described(source: &str, id: &str, (given, family): (&str, &str), born: &str, street: &str) -> Value {
    json!({
        "type": "customer", "source": source, "external_id": id, "updated_at": "2026-03-07T13:40:01Z",
        "data": {
            "person": {"given_name": given, "family_name": family, "birth_date": born},
            "addresses": [{"use": "contact", "street": street, "house_number": "12", "postal_code": "10437",
                "city": "Berlin", "country": "DE"}],
        },
    })
}

/// What records say is compared as they arrive, with a reason that can be read; and not for somebody who objects.
fn records_that_say_the_same_are_one_person_unless_they_object(database: Database) {
    let house = House::open(database);
    let bring = |record: Value| {
        house.ingest(&[record]).expect_all("created");
        people(&house)
    };
    let (one, other) = (("Ottilie", "Zwirnlechner"), ("Otilie", "Zwirnlechner"));
    assert_eq!(bring(described("webshop", "one", one, "1971-03-09", "Kastanienallee")), 1);
    assert_eq!(bring(described("books", "two", other, "1971-03-09", "Kastanienallee")), 1, "a typing error");
    assert_eq!(bring(described("books", "three", ("Benno", "Zwirnlechner"), "2001-11-23", "Kastanienallee")), 2);
    let found: Vec<_> = links(&house).into_iter().map(|(rule, _, merged)| (rule.word(), merged)).collect();
    assert!(found.contains(&("compared", true)), "{found:?}");
    let told = "SELECT waterfall AS answer FROM link WHERE rule = 9";
    let waterfall: Value = serde_json::from_str(&house.database().texts(Shelf::Records, told)[0]).unwrap();
    assert!(waterfall["steps"].as_array().is_some_and(|steps| steps.len() >= 3), "{waterfall}");
    assert!(!waterfall.to_string().contains("wirnlechner"));
    // In one batch, too.
    let both = [
        described("webshop", "four", ("Kunigunde", "Haberstroh"), "1988-05-30", "Seestraße"),
        described("books", "five", ("Kunigunde", "Haberstroh"), "1988-05-30", "Seestr."),
    ];
    house.ingest(&both).expect_all("created");
    assert_eq!(people(&house), 3);
    let found = house.run(&["graph", "assignments"]);
    let table = String::from_utf8(found.stdout).unwrap();
    let benno = table.lines().find(|line| line.contains(",three,")).unwrap().rsplit(',').next().unwrap().to_owned();
    let no = json!({"subject_id": benno, "act": "objected", "method": "written", "purpose": "identity_matching"});
    house.post(Role::Dpo, "/v1/consents", &no).expect(201);
    assert_eq!(bring(described("webshop", "six", ("Benno", "Zwirnlechner"), "2001-11-23", "Kastanienallee")), 4);
    // A no that comes with the record itself, or with one before it in the same delivery, counts for it.
    let objecting = |id: &str, street: &str| {
        let mut record = described("webshop", id, ("Kunigunde", "Haberstroh"), "1988-05-30", street);
        let (purpose, at) = ("identity_matching", "2026-03-01T10:00:00Z");
        record["consents"] = json!([{"purpose": purpose, "act": "objected", "at": at, "method": "portal"}]);
        record
    };
    assert_eq!(bring(objecting("seven", "Seestraße")), 5);
    let after = described("books", "nine", ("Wendelin", "Spitzweg"), "1966-02-17", "Hafenstraße");
    let mut before = objecting("eight", "Hafenstraße");
    before["data"]["person"] = after["data"]["person"].clone();
    house.ingest(&[before, after]).expect_all("created");
    assert_eq!(people(&house), 7);
}

/// Lets the database write bytes as digits, for [`state`]. Before a house is opened in it.
pub fn readable(database: &Database) {
    if database.dialect() == crate::databases::Dialect::Postgres {
        let hex = "CREATE FUNCTION encode_hex(bytea) RETURNS text LANGUAGE sql AS $$ SELECT encode($1, 'hex') $$";
        drop(database.store());
        database.execute(Shelf::Records, hex);
    }
}

/// Everything stored of people, row by row; without what only grows.
pub fn state(house: &House) -> Vec<String> {
    let rows = |table: &str| {
        let columns = match table {
            "subject" => {
                "hex(subject_id) || ' ' || coalesce(hex(merged_into), '-') || ' ' || merged_at || ' ' || state"
            }
            "record" => {
                "record_no || ' ' || part || ' ' || hex(subject_id) || ' ' || hex(sealed_for) || ' ' || key_no || ' ' || hex(sealed)"
            }
            "identifier" => "hex(ix) || ' ' || record_no || ' ' || hex(subject_id) || ' ' || use_flags",
            "link" => {
                "hex(subject_id) || ' ' || record_no || ' ' || rule || ' ' || coalesce(hex(merged_from), '-') || ' ' || part"
            }
            "ledger" => {
                "hex(subject_id) || ' ' || entry_no || ' ' || hex(origin) || ' ' || part || ' ' || hex(evidence)"
            }
            "card" => {
                "record_no || ' ' || hex(subject_id) || ' ' || hex(sealed_for) || ' ' || hex(sealed) || ' ' || hex(named)"
            }
            _ => "matching_key || ' ' || record_no",
        };
        let columns = match house.database().dialect() {
            crate::databases::Dialect::Sqlite => columns.to_owned(),
            crate::databases::Dialect::Postgres => columns.replace("hex(", "encode_hex("),
        };
        let mut found = house.database().texts(Shelf::Records, &format!("SELECT {columns} AS answer FROM {table}"));
        found.sort();
        found.into_iter().map(|row| format!("{table} {row}")).collect::<Vec<_>>()
    };
    ["subject", "record", "identifier", "link", "ledger", "card", "block"]
        .iter()
        .flat_map(|table| rows(table))
        .collect()
}

/// Two people with consents become one by a mistake; taken apart, everything is as before, and what came since goes with
/// its owner. They are not joined again.
fn merged_and_split_all_is_as_it_was(database: Database) {
    readable(&database);
    let (one, two) = (("email", "karla@example.org", true), ("email", "klara@example.org", true));
    let house = House::open(database);
    // Without names: four of them would make a mailbox crowded.
    let nameless = |source: &str, id: &str, identifiers: &[(&str, &str, bool)]| {
        let mut record = record(source, id, identifiers);
        record["data"] = json!({"note": "came in"});
        record
    };
    let bring = |id: &str, identifiers: &[(&str, &str, bool)]| {
        house.ingest(&[nameless("webshop", id, identifiers)]).expect_all("created");
    };
    bring("one", &[one]);
    bring("two", &[two]);
    for mail in ["karla@example.org", "klara@example.org"] {
        let yes = json!({"identifier": {"kind": "email", "value": mail}, "act": "denied", "purpose": "newsletter_email",
            "method": "written"});
        house.post(Role::Dpo, "/v1/consents", &yes).expect(201);
    }
    let before = state(&house);
    let shared = house.ingest(&[nameless("books", "both", &[one, two])]);
    shared.expect_all("created");
    assert_eq!(people(&house), 1);
    bring("later", &[two]);
    assert_eq!(people(&house), 1);
    let found = house.run(&["graph", "assignments"]);
    let table = String::from_utf8(found.stdout).unwrap();
    let person = table.lines().last().unwrap().rsplit(',').next().unwrap().to_owned();
    let told = house.get(Role::Dpo, &format!("/v1/subjects/{person}/links")).expect(200).json();
    assert_eq!(told["records"].as_array().unwrap().len(), 4, "{told}");
    let part = told["parts"][0]["subject_id"].as_str().unwrap().to_owned();
    assert!(told["links"].as_array().unwrap().iter().any(|link| link["joined"] == part.as_str()), "{told}");
    let wrong = json!({"parts": ["018f3f3c-0000-7000-8000-000000000001"]});
    house.post(Role::Dpo, &format!("/v1/subjects/{person}/split"), &wrong).expect(409);
    let done = house.post(Role::Dpo, &format!("/v1/subjects/{person}/split"), &json!({"parts": [part]})).expect(200);
    let done = done.json();
    assert_eq!((done["subject_id"].as_str().unwrap(), done["taken_out"][0].as_str().unwrap()), (&*person, &*part));
    let request = done["request_id"].as_str().unwrap();
    let request = house.get(Role::Dpo, &format!("/v1/requests/{request}")).expect(200).json();
    assert_eq!((&request["right"], &request["state"]), (&json!("rectification"), &json!("answered")));
    assert_eq!(people(&house), 2);
    let after = state(&house);
    let missing: Vec<_> = before.iter().filter(|row| !after.contains(row)).collect();
    assert!(missing.is_empty(), "not as before: {missing:#?}");
    // What is there beside is of the records that came since, and of nothing else.
    let number = |row: &&String| row.split(' ').nth(1).unwrap().to_owned();
    let records = |state: &[String]| -> HashSet<String> {
        state.iter().filter(|row| row.starts_with("record ")).map(|row| number(&row)).collect()
    };
    let (were, are) = (records(&before), records(&after));
    let came: HashSet<&String> = are.difference(&were).collect();
    assert_eq!(came.len(), 2);
    let of_them = |row: &str| row.split(' ').any(|word| came.iter().any(|number| *number == word));
    let more: Vec<_> = after.iter().filter(|row| !before.contains(row) && !of_them(row)).collect();
    assert!(more.is_empty(), "more than before: {more:#?}");
    let whose = |id: &str| {
        let found = house.run(&["graph", "assignments"]);
        let table = String::from_utf8(found.stdout).unwrap();
        table.lines().find(|line| line.contains(&format!(",{id},"))).unwrap().rsplit(',').next().unwrap().to_owned()
    };
    assert_eq!((whose("later"), whose("two")), (part.clone(), part));
    assert_eq!(whose("one"), person);
    // What comes for both joins nobody again, and is neither's.
    bring("again", &[one, two]);
    assert_eq!(people(&house), 3);
    let again = whose("again");
    assert!(again != whose("one") && again != whose("two"), "{again}");
}

in_a_house_on_both_databases!(
    merged_and_split_all_is_as_it_was,
    records_that_say_the_same_are_one_person_unless_they_object,
    a_value_that_becomes_crowded_gives_back_what_it_joined,
    a_couple_at_one_verified_mailbox_stays_two,
    assignments_name_every_record_and_its_person,
    what_nobody_verified_joins_nobody,
    a_forwarding_address_joins_nobody_across_sources,
    mailboxes_of_posts_and_placeholders_join_nobody,
    numbers_that_stand_for_nobody_join_nobody,
    a_name_that_systems_give_joins_nobody,
    numbers_of_one_source_mean_nothing_at_another,
    every_join_keeps_its_evidence,
);

/// Up to three people behind one value are one person who was met three times; more share it, and it joins nobody.
async fn a_value_that_many_share_joins_nobody(database: Database) {
    let store = database.store();
    let clue = |joins| Clue { kind: IdentifierKind::Phone, ix: [7; 16], joins, whose: 0 };
    for held_by in 1..=5_usize {
        let found = store
            .write(move |write: &mut Write<'_>| {
                hold(write, held_by)?;
                let known = Arrivals::load(write, &HashSet::from([[7; 16]]), &HashSet::new())?;
                let resolved =
                    |write: &mut Write<'_>, joins| resolve(write, &known, (RecordNo(i64::MAX), &[clue(joins)]));
                Ok::<_, Error>((resolved(write, true)?, resolved(write, false)?))
            })
            .await
            .unwrap();
        let (joined, unjoined) = found;
        let expected: Vec<SubjectId> = if held_by <= 3 { (1..=held_by).map(person).collect() } else { Vec::new() };
        assert_eq!(joined.people, expected, "held by {held_by}");
        assert_eq!(joined.evidence, expected.iter().map(|id| (Rule::VerifiedPhone, [7; 16], *id)).collect::<Vec<_>>());
        assert!(unjoined.people.is_empty());
    }
    drop(store);
}

on_both_databases!(a_value_that_many_share_joins_nobody);

fn person(number: usize) -> SubjectId {
    SubjectId::from_uuid(Uuid::from_u128(number as u128))
}

/// One more living person with the value.
fn hold(write: &mut Write<'_>, number: usize) -> Result<(), Error> {
    let (subject_id, record_no) = (person(number), RecordNo(i64::try_from(number).unwrap()));
    let (part, state) = (subject_id.part(), SubjectState::Living as i16);
    let row = SubjectRow { part, subject_id, merged_into: None, merged_at: Timestamp::UNSET, state, created_at: NOW };
    // The writer may run it again.
    if subjects::living(write.records(), subject_id)?.is_none() {
        subjects::insert(write, &row)?;
    }
    let use_flags = IdentifierRow::JOINS | IdentifierRow::VERIFIED;
    let kind = IdentifierKind::Phone.number();
    identifiers::insert(
        write,
        vec![IdentifierRow { ix: vec![7; 16], record_no, kind, subject_id, use_flags, behind: 0, whose: 0 }],
    )
}
