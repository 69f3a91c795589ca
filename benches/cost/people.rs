//! Whom the measured hub knows: customers of about a kilobyte with a confirmed newsletter consent, as a webshop sends
//! them.

const GIVEN: [&str; 16] = [
    "Erika", "Jonas", "Mathilde", "Bernd", "Ayse", "Clara", "Ludwig", "Svenja", "Torsten", "Greta", "Emil", "Petra",
    "Hakan", "Ida", "Volker", "Nele",
];
const BEGIN: [&str; 16] = [
    "Ober", "Nieder", "Stein", "Linden", "Krause", "Wolf", "Brand", "Hagen", "Falken", "Mohr", "Tannen", "Rosen",
    "Eich", "Bach", "Sommer", "Zeller",
];
const END: [&str; 16] = [
    "mann", "bauer", "hofer", "feld", "kamp", "weiler", "dorf", "stedt", "berger", "meister", "hauser", "brink",
    "lohe", "rieder", "thal", "wald",
];
const TOWNS: [&str; 12] =
    ["Berlin", "Hamburg", "Köln", "Leipzig", "Freiburg", "Kiel", "Ulm", "Passau", "Erfurt", "Bremen", "Mainz", "Halle"];

/// Name, birth date and address of a person. They are as different as customers are: records are compared as they arrive.
struct Person {
    given: &'static str,
    family: String,
    born: String,
    street: String,
    house: usize,
    code: usize,
    town: &'static str,
}

fn pick(list: &[&'static str], number: usize) -> &'static str {
    list[number % list.len()]
}

fn person(number: usize) -> Person {
    // Neighbouring numbers are people who have nothing in common.
    let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
    Person {
        given: pick(&GIVEN, mixed),
        family: format!("{}{}", pick(&BEGIN, mixed >> 4), pick(&END, mixed >> 8)),
        born: format!("{}-{:02}-{:02}", 1940 + (mixed >> 12) % 64, 1 + (mixed >> 18) % 12, 1 + (mixed >> 22) % 28),
        street: format!("{}{}straße", pick(&BEGIN, mixed >> 27), pick(&END, mixed >> 31)),
        house: 1 + (mixed >> 35) % 120,
        code: 10_115 + (mixed >> 3) % 80_000,
        town: pick(&TOWNS, mixed >> 7),
    }
}

/// The record of one person.
pub fn record(number: usize) -> String {
    let Person { given, family, born, street, house, code, town } = person(number);
    let filling = "x".repeat(60);
    format!(
        r#"{{"type":"customer","source":"bench","external_id":"{number}","updated_at":"2026-03-07T13:40:01Z","identifiers":[{{"kind":"email","value":"person{number}@example.org","verified":true}},{{"kind":"customer_number","value":"{number}"}}],"data":{{"person":{{"salutation":"Frau","given_name":"{given}","family_name":"{family}","birth_date":"{born}"}},"addresses":[{{"use":"billing","street":"{street}","house_number":"{house}","postal_code":"{code}","city":"{town}","country":"DE"}}],"group":"standard","tags":["{filling}"]}},"consents":[{{"purpose":"newsletter_email","channel":"email","act":"granted","at":"2026-01-10T09:05:12Z","method":"double_opt_in","text_version":"2026-01","evidence":{{"requested_at":"2026-01-10T09:00:00Z","confirmed_at":"2026-01-10T09:05:12Z","form_url":"https://shop.example.org/newsletter"}}}}]}}"#
    )
}

/// One of the orders of a person.
pub fn order(number: usize, of: usize) -> String {
    let Person { given, family, street, house, code, town, .. } = person(number);
    let month = 1 + of % 9;
    format!(
        r#"{{"type":"order","source":"bench","external_id":"{number}-{of}","updated_at":"2026-0{month}-07T13:40:01Z","identifiers":[{{"kind":"email","value":"person{number}@example.org","verified":true}},{{"kind":"customer_number","value":"{number}"}}],"data":{{"number":"{number}-{of}","ordered_at":"2026-0{month}-07T13:40:01Z","status":"completed","delivered_at":"2026-0{month}-09T10:00:00Z","currency":"EUR","total":"49.90","lines":[{{"sku":"A-{of}","title":"Ein Artikel","quantity":1,"unit_price":"49.90","total":"49.90"}}],"person":{{"given_name":"{given}","family_name":"{family}"}},"addresses":[{{"use":"shipping","street":"{street}","house_number":"{house}","postal_code":"{code}","city":"{town}","country":"DE"}}]}}}}"#
    )
}

/// A question for one person's newsletter data.
pub fn lookup(number: usize) -> String {
    format!(r#"{{"identifier":{{"kind":"email","value":"person{number}@example.org"}},"purpose":"newsletter_email"}}"#)
}

/// The same for many people in one call.
pub fn lookup_many(numbers: impl Iterator<Item = usize>) -> String {
    let people: Vec<String> = numbers
        .map(|number| format!(r#"{{"identifier":{{"kind":"email","value":"person{number}@example.org"}}}}"#))
        .collect();
    format!(r#"{{"people":[{}],"purpose":"newsletter_email"}}"#, people.join(","))
}

/// A request of one person, carried out at once.
pub fn request(right: &str, number: usize) -> String {
    format!(
        r#"{{"right":"{right}","identifier":{{"kind":"email","value":"person{number}@example.org"}},"execute":true}}"#
    )
}
