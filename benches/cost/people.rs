//! Whom the measured hub knows: customers of about a kilobyte with a confirmed newsletter consent, as a webshop sends
//! them.

/// Given names: 64, as if about as many were in use at once as say half of all people's.
const SYLLABLES: [[&str; 8]; 2] = [
    ["Eri", "Jona", "Mat", "Ber", "Cla", "Lud", "Sven", "Gre"],
    ["ka", "than", "hilde", "nd", "ra", "wig", "ja", "ta"],
];
/// Family names: one in ten people has one of these, the others one of 4,096 that are made of three parts.
const FREQUENT: [&str; 8] = ["Müller", "Schmidt", "Schneider", "Fischer", "Weber", "Meyer", "Wagner", "Becker"];
const BEGIN: [&str; 16] = [
    "Ober", "Nieder", "Stein", "Linden", "Krause", "Wolf", "Brand", "Hagen", "Falken", "Mohr", "Tannen", "Rosen",
    "Eich", "Bach", "Sommer", "Zeller",
];
const MIDDLE: [&str; 16] = [
    "", "en", "her", "ling", "bert", "ger", "win", "rich", "hard", "mut", "lieb", "fried", "hold", "traut", "gard",
    "ald",
];
const END: [&str; 16] = [
    "mann", "bauer", "hofer", "feld", "kamp", "weiler", "dorf", "stedt", "berger", "meister", "hauser", "brink",
    "lohe", "rieder", "thal", "wald",
];
/// One in four lives in a large town, the others in one of 256.
const TOWNS: [&str; 12] =
    ["Berlin", "Hamburg", "Köln", "Leipzig", "Freiburg", "Kiel", "Ulm", "Passau", "Erfurt", "Bremen", "Mainz", "Halle"];
/// Postal codes in use: about as many as there are.
const CODES: usize = 8_192;

/// Name, birth date and address of a person. They are as different as customers are, frequent names included: records
/// are compared as they arrive.
struct Person {
    given: String,
    family: String,
    born: String,
    street: String,
    house: usize,
    code: usize,
    town: String,
}

fn pick(list: &[&'static str], number: usize) -> &'static str {
    list[number % list.len()]
}

/// Another number for each field of a person; neighbouring people have nothing in common.
fn mixed(number: usize, field: usize) -> usize {
    let mut mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ field.wrapping_mul(0xd1b5_4a32_d192_ed03);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed ^ (mixed >> 31)) >> 8
}

fn person(number: usize) -> Person {
    let of = |field| mixed(number, field);
    let family = match of(0) % 10 {
        0 => pick(&FREQUENT, of(1)).to_owned(),
        _ => [pick(&BEGIN, of(1)), pick(&MIDDLE, of(2)), pick(&END, of(3))].concat(),
    };
    let code = of(4) % CODES;
    // A postal code belongs to one town.
    let town = match code % 4 {
        0 => pick(&TOWNS, code / 4).to_owned(),
        _ => [pick(&BEGIN, code / 4), pick(&END, code / 64)].concat(),
    };
    Person {
        given: [pick(&SYLLABLES[0], of(5)), pick(&SYLLABLES[1], of(6))].concat(),
        family,
        born: format!("{}-{:02}-{:02}", 1940 + of(7) % 64, 1 + of(8) % 12, 1 + of(9) % 28),
        street: [pick(&BEGIN, of(10)), pick(&END, of(11)), "straße"].concat(),
        house: 1 + of(12) % 120,
        code: 10_115 + 9 * code,
        town,
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

/// The same person at another place: a typing error in the given name, no identifier; only comparing can find who it is.
#[allow(dead_code, reason = "the bench of arrivals sends it")]
pub fn again(number: usize, id: usize) -> String {
    let Person { mut given, family, born, street, house, code, town } = person(number);
    given.pop();
    format!(
        r#"{{"type":"customer","source":"bench","external_id":"again-{id}","updated_at":"2026-03-07T13:40:01Z","identifiers":[],"data":{{"person":{{"given_name":"{given}","family_name":"{family}","birth_date":"{born}"}},"addresses":[{{"use":"billing","street":"{street}","house_number":"{house}","postal_code":"{code}","city":"{town}","country":"DE"}}]}}}}"#
    )
}

/// Somebody who gives a phone number beside name and address.
#[allow(dead_code, reason = "the bench of arrivals sends it")]
pub fn with_phone(number: usize, phone: &str, verified: bool) -> String {
    let Person { given, family, born, street, house, code, town } = person(number);
    format!(
        r#"{{"type":"customer","source":"bench","external_id":"phone-{number}","updated_at":"2026-03-07T13:40:01Z","identifiers":[{{"kind":"phone","value":"{phone}","verified":{verified}}}],"data":{{"person":{{"given_name":"{given}","family_name":"{family}","birth_date":"{born}"}},"addresses":[{{"use":"billing","street":"{street}","house_number":"{house}","postal_code":"{code}","city":"{town}","country":"DE"}}]}}}}"#
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

/// Events of visitors, as a page sends them. `run` tells the events of one measurement from those of another.
pub fn tracked(events: impl Iterator<Item = (usize, usize)>, run: &str) -> String {
    let events: Vec<String> = events
        .map(|(visitor, event)| {
            format!(
                r#"{{"type":"track","anonymousId":"visitor-{run}-{visitor}","messageId":"ajs-next-{run}-{event}","event":"Product Viewed","timestamp":"2026-03-07T13:40:01.000Z","properties":{{"product_id":"A-{event}","sku":"SW-{event}","name":"Ein Artikel","price":49.9,"currency":"EUR","category":"Teekannen"}},"context":{{"page":{{"url":"https://shop.example.org/p/{event}","path":"/p/{event}","referrer":"https://shop.example.org/","title":"Ein Artikel"}},"locale":"de-DE","library":{{"name":"analytics.js","version":"next-1.84.3"}}}},"integrations":{{}}}}"#
            )
        })
        .collect();
    format!(r#"{{"batch":[{}],"sentAt":"2026-03-07T13:40:02.000Z"}}"#, events.join(","))
}

/// A request of one person, carried out at once.
pub fn request(right: &str, number: usize) -> String {
    format!(
        r#"{{"right":"{right}","identifier":{{"kind":"email","value":"person{number}@example.org"}},"execute":true}}"#
    )
}
