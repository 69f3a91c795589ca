//! Whom the measured hub knows: customers of about a kilobyte with a confirmed newsletter consent, as a webshop sends
//! them.

/// The record of one person.
pub fn record(number: usize) -> String {
    format!(
        r#"{{"type":"customer","source":"bench","external_id":"{number}","updated_at":"2026-03-07T13:40:01Z","identifiers":[{{"kind":"email","value":"person{number}@example.org","verified":true}},{{"kind":"customer_number","value":"{number}"}}],"data":{{"person":{{"salutation":"Frau","given_name":"Erika","family_name":"Beispiel{number}","birth_date":"1985-04-12"}},"addresses":[{{"use":"billing","street":"Musterweg","house_number":"{}","postal_code":"10115","city":"Berlin","country":"DE"}}],"group":"standard","tags":["{}"]}},"consents":[{{"purpose":"newsletter_email","channel":"email","act":"granted","at":"2026-01-10T09:05:12Z","method":"double_opt_in","text_version":"2026-01","evidence":{{"requested_at":"2026-01-10T09:00:00Z","confirmed_at":"2026-01-10T09:05:12Z","form_url":"https://shop.example.org/newsletter"}}}}]}}"#,
        number % 200,
        "x".repeat(60)
    )
}

/// One of the orders of a person.
pub fn order(number: usize, of: usize) -> String {
    format!(
        r#"{{"type":"order","source":"bench","external_id":"{number}-{of}","updated_at":"2026-0{}-07T13:40:01Z","identifiers":[{{"kind":"email","value":"person{number}@example.org","verified":true}},{{"kind":"customer_number","value":"{number}"}}],"data":{{"number":"{number}-{of}","ordered_at":"2026-0{}-07T13:40:01Z","status":"completed","delivered_at":"2026-0{}-09T10:00:00Z","currency":"EUR","total":"49.90","lines":[{{"sku":"A-{of}","title":"Ein Artikel","quantity":1,"unit_price":"49.90","total":"49.90"}}],"person":{{"given_name":"Erika","family_name":"Beispiel{number}"}},"addresses":[{{"use":"shipping","street":"Musterweg","house_number":"{}","postal_code":"10115","city":"Berlin","country":"DE"}}]}}}}"#,
        1 + of % 9,
        1 + of % 9,
        1 + of % 9,
        number % 200
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
