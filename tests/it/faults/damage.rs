//! Rows of one person that were damaged: they keep nobody else from being read, and nothing of theirs leaves.

use obhut::store::Shelf;
use obhut::types::Role;
use serde_json::{Value, json};

use crate::clock_and_chance::SeededChance;
use crate::databases::Database;
use crate::hammer::{figure, name as name_of, times};
use crate::house::{House, in_a_house_on_both_databases, mail, text};

const PURPOSE: &str = "newsletter_email";
const NAMES: [&str; 3] = ["anton", "berta", "carla"];

fn read_all(house: &House) -> Vec<Value> {
    let identifier = |name: &str| json!({"identifier": {"kind": "email", "value": mail(name)}});
    let people: Vec<Value> = NAMES.iter().map(|name| identifier(name)).collect();
    let asked = json!({"people": people, "purpose": PURPOSE});
    let reply = house.post(Role::Partner, "/v1/profiles/batch", &asked).expect(200).json();
    reply["profiles"].as_array().unwrap().clone()
}

fn pulled(house: &House) -> usize {
    let page = house.get(Role::Marketing, "/v1/segments/readers/members").expect(200).json();
    page["members"].as_array().unwrap().len()
}

fn damage_of_one_is_nobody_elses(database: Database) {
    let mut house =
        House::open(database).with_key(Role::Partner, [PURPOSE, "subject_access"]).with_key(Role::Marketing, [PURPOSE]);
    for name in NAMES {
        house = house.with_subject(name).consenting_to(PURPOSE);
    }
    house = house.with_subject("silent");
    let segment =
        json!({"code": "readers", "title": {"de": "Leser", "en": "Readers"}, "purpose": PURPOSE, "rule": {"all": []}});
    house.put(Role::Marketing, "/v1/segments/readers", &segment).expect(201);
    let before = read_all(&house);
    assert!(before.iter().all(|profile| !profile.is_null()), "{before:?}");
    assert_eq!(pulled(&house), 3);

    let database = house.database();
    let berta = text(&before[1]["subject_id"]).replace('-', "");
    let berta = database.literal(&hex::decode(berta).unwrap());
    let whole =
        database.bytes(Shelf::Keys, "commitment", &format!("FROM data_key WHERE subject_id = {berta}")).remove(0);
    let whole = database.literal(&whole);
    // Another person's ciphertext in the place of theirs, and then a wrapped key that was spoilt.
    let foreign = format!(
        "UPDATE record SET sealed = (SELECT other.sealed FROM record other WHERE other.subject_id <> {berta} LIMIT 1)
         WHERE subject_id = {berta}"
    );
    let spoilt = format!("UPDATE data_key SET commitment = {} WHERE subject_id = {berta}", database.literal(&[7; 32]));
    for (shelf, damage) in [(Shelf::Records, foreign), (Shelf::Keys, spoilt)] {
        let refused = house.audited("refused");
        database.execute(shelf, &damage);
        let after = read_all(&house);
        assert_eq!(
            [&after[0], &after[2]].map(|found| found["data"].clone()),
            [0, 2].map(|at| before[at]["data"].clone())
        );
        assert!(after[1].is_null(), "something of the damaged was disclosed");
        assert_eq!(house.audited("refused"), refused + 1, "the audit book does not tell of the damage");
        assert_eq!(pulled(&house), 2, "the damage of one ends the pull of all");
        let refused = house.audited("refused");
        house.lookup(Role::Partner, "berta", PURPOSE).expect(404);
        assert!(house.audited("refused") > refused, "the audit book does not tell of the damage");
    }
    // One bit of one row, anywhere.
    database.execute(Shelf::Keys, &format!("UPDATE data_key SET commitment = {} WHERE subject_id = {berta}", whole));
    let (chance, rounds, mut seen) = (SeededChance::of(5), times("damages", 6, 300), 0);
    let before = read_all(&house);
    assert!(before[1].is_null(), "the ciphertext is still another person's");
    for _ in 0..rounds {
        let at = 2 * chance.below(2);
        let id = database.literal(&hex::decode(text(&before[at]["subject_id"]).replace('-', "")).unwrap());
        let places = [(Shelf::Records, "record", "sealed"), (Shelf::Keys, "data_key", "wrapped")];
        let (shelf, table, column) = *chance.one_of(&places);
        let intact = database.bytes(shelf, column, &format!("FROM {table} WHERE subject_id = {id}")).remove(0);
        let mut spoilt = intact.clone();
        spoilt[chance.below(intact.len())] ^= 1 << chance.below(8);
        let write = |bytes: &[u8]| {
            let bytes = database.literal(bytes);
            database.execute(shelf, &format!("UPDATE {table} SET {column} = {bytes} WHERE subject_id = {id}"));
        };
        write(&spoilt);
        let after = read_all(&house);
        assert_eq!(after[2 - at]["data"], before[2 - at]["data"], "the damage of one is another's");
        // A category that is not asked for may be the damaged one.
        assert!(after[at].is_null() || after[at]["data"] == before[at]["data"], "what is damaged is disclosed");
        seen += usize::from(after[at].is_null());
        write(&intact);
    }
    assert!(seen > 0, "no damage was felt");
    let of = name_of(database);
    figure("faults, damage", of, "bits turned; that kept their person from being read", format!("{rounds}; {seen}"));
    // Damaged, and nothing allowed: nobody can tell them from somebody who is not there.
    let all = format!("UPDATE data_key SET commitment = {}", database.literal(&[9; 32]));
    database.execute(Shelf::Keys, &all);
    house.lookup(Role::Partner, "silent", PURPOSE).expect(404);
    house.lookup(Role::Partner, "hanna", PURPOSE).expect(404);
}

in_a_house_on_both_databases!(damage_of_one_is_nobody_elses);
