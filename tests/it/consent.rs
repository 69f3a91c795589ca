//! The main promise, from outside: nothing is read without a ground, and a no counts at once.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::{scope, sleep};
use std::time::Duration;

use obhut::types::Role;
use reqwest::Method;
use serde_json::{Value, json};

use crate::databases::Database;
use crate::house::{House, customer, in_a_house_on_both_databases, lookup, mail, moment, order, statement};

/// Withdrawals of a race, people who race one after the other, and readers.
const ROUNDS: usize = 20;
const RACES: usize = 10;
const READERS: usize = 3;

fn a_consented_read_discloses_what_the_purpose_needs_and_no_more(database: Database) {
    let house = House::open(database)
        .with_key(Role::Partner, ["newsletter_email"])
        .with_subject("marlene")
        .consenting_to("newsletter_email");
    let reply = house.lookup(Role::Partner, "marlene", "newsletter_email").expect(200).json();
    assert_eq!(reply["data"]["identity"]["family_name"], "Familymarlene");
    assert_eq!(reply["data"]["contact"]["emails"][0]["value"], mail("marlene"));
    assert!(reply["data"].get("address").is_none(), "{reply}");
    let decision = &reply["decision"];
    assert_eq!((&decision["outcome"], &decision["purpose"]), (&json!("allow"), &json!("newsletter_email")));
    assert!(decision["allowed"].as_array().unwrap().iter().all(|allowed| allowed["why"] == "consent"), "{decision}");
    let by_id = format!("/v1/profiles/{}?purpose=newsletter_email", reply["subject_id"].as_str().unwrap());
    assert_eq!(house.get(Role::Partner, &by_id).expect(200).json()["data"], reply["data"]);
    // The reply is backed by a line of the book.
    let id = &decision["id"];
    assert!(house.audit().iter().any(|entry| entry["act"] == "disclosed" && entry["body"]["decision"] == *id));
}

fn a_refusal_tells_nothing(database: Database) {
    let gap = "newsletter_email";
    let house = House::open(database)
        .with_key(Role::Partner, ["newsletter_email", "postal_marketing", "order_fulfilment"])
        .with_subject("withdrawn")
        .consenting_to("newsletter_email")
        .with_subject("silent")
        .with_subject("consenting")
        .consenting_to("newsletter_email");
    house.say("withdrawn", "withdrawn", Some("newsletter_email")).expect(201);
    let ask = |body: &Value| house.post(Role::Partner, "/v1/profiles/lookup", body).expect(404).seen();
    let unknown = ask(&lookup("niemand", "newsletter_email"));
    assert!(unknown.2.contains("not_found"), "{}", unknown.2);
    for name in ["withdrawn", "silent"] {
        assert_eq!(ask(&lookup(name, "newsletter_email")), unknown, "{name}");
    }
    // No contract; a purpose nobody configured; one out of the key's scope; a channel the purpose does not have.
    assert_eq!(ask(&lookup("silent", "order_fulfilment")), unknown);
    assert_eq!(ask(&lookup("consenting", "not_configured")), unknown);
    assert_eq!(ask(&lookup("consenting", "phone_marketing")), unknown);
    let mut wrong = lookup("consenting", gap);
    wrong["channel"] = "post".into();
    assert_eq!(ask(&wrong), unknown);
    let mut wrong = lookup("consenting", gap);
    wrong["categories"] = json!(["address"]);
    assert_eq!(ask(&wrong), unknown);
    // The same by id.
    let id = house.lookup(Role::Partner, "consenting", "newsletter_email").expect(200).json()["subject_id"].clone();
    let by_id = |id: &str, purpose: &str| {
        house.get(Role::Partner, &format!("/v1/profiles/{id}?purpose={purpose}")).expect(404).seen()
    };
    let nobody = by_id("018f3f3c-0000-7000-8000-000000000001", "newsletter_email");
    assert_eq!(nobody, unknown);
    assert_eq!(by_id(id.as_str().unwrap(), "order_fulfilment"), unknown);
    // The officer learns the reason, and nothing of the person.
    let why = house.post(Role::Dpo, "/v1/decisions", &lookup("withdrawn", "newsletter_email")).expect(200);
    assert!(why.text().contains("withdrawn") && !why.text().contains("Family"), "{}", why.text());
}

fn after_a_withdrawal_is_acknowledged_no_read_that_starts_discloses(database: Database) {
    let house = House::open(database).with_key(Role::Partner, ["newsletter_email"]);
    races(house, 0, RACES);
}

/// Several people's races. One ledger with all of it would only be slow to read.
fn races(mut house: House, reader: usize, races: usize) -> House {
    for number in 0..races {
        let name = format!("wankelmut{number}");
        house = house.with_subject(&name);
        race(&house, &name, reader);
    }
    house
}

/// Grants and withdraws again and again on the first node, while others read at `reader`.
fn race(house: &House, name: &str, reader: usize) {
    // Odd from the acknowledgement of a withdrawal to the next grant. A read counts as begun after the withdrawal if it
    // begins and ends in the same odd age.
    let (age, done) = (AtomicU32::new(1), AtomicBool::new(false));
    let refused: Vec<AtomicU32> = (0..READERS).map(|_| AtomicU32::new(0)).collect();
    let disclosed = AtomicU32::new(0);
    let read = |refused: &AtomicU32| {
        while !done.load(Ordering::SeqCst) {
            let begun = age.load(Ordering::SeqCst);
            let request = house.request(reader, Method::POST, "/v1/profiles/lookup");
            let key = &house.key(Role::Partner).key;
            let reply = house.send(request.bearer_auth(key).json(&lookup(name, "newsletter_email")));
            match (reply.status, begun % 2 == 1 && age.load(Ordering::SeqCst) == begun) {
                (200, true) => return Err("a read that began after the withdrawal was acknowledged disclosed"),
                (200, false) => drop(disclosed.fetch_add(1, Ordering::SeqCst)),
                (404, true) => drop(refused.fetch_add(1, Ordering::SeqCst)),
                (404, false) => {}
                _ => return Err("neither disclosed nor refused"),
            }
        }
        Ok(())
    };
    scope(|threads| {
        let readers: Vec<_> = refused.iter().map(|refused| threads.spawn(move || read(refused))).collect();
        for _ in 0..ROUNDS {
            let before = disclosed.load(Ordering::SeqCst);
            age.fetch_add(1, Ordering::SeqCst);
            house.say(name, "granted", Some("newsletter_email")).expect(201);
            wait(&readers, || disclosed.load(Ordering::SeqCst) > before);
            house.say(name, "withdrawn", Some("newsletter_email")).expect(201);
            age.fetch_add(1, Ordering::SeqCst);
            // Each reader has begun a read since: one to leave behind, one that counts.
            let counts: Vec<_> = refused.iter().map(|count| count.load(Ordering::SeqCst)).collect();
            wait(&readers, || refused.iter().zip(&counts).all(|(now, then)| now.load(Ordering::SeqCst) > *then));
        }
        done.store(true, Ordering::SeqCst);
        for reader in readers {
            reader.join().unwrap().unwrap();
        }
    });
    assert!(refused.iter().all(|count| count.load(Ordering::SeqCst) >= u32::try_from(ROUNDS).unwrap()));
}

fn wait<T>(readers: &[std::thread::ScopedJoinHandle<'_, T>], until: impl Fn() -> bool) {
    while !until() {
        if readers.iter().any(std::thread::ScopedJoinHandle::is_finished) {
            return;
        }
        sleep(Duration::from_micros(500));
    }
}

fn objection_restriction_and_withdrawal_of_all_close_what_they_name(database: Database) {
    let house = House::open(database)
        .with_key(Role::Partner, ["newsletter_email", "postal_marketing", "order_fulfilment", "fraud_prevention"])
        .with_subject("objecting")
        .consenting_to("newsletter_email")
        .with_subject("restricted")
        .consenting_to("newsletter_email");
    for name in ["objecting", "restricted"] {
        house.ingest(&[order("webshop", &format!("o-{name}"), name, "2026-10-01T08:00:00Z")]).expect_all("created");
    }
    let status = |name: &str, purpose: &str| house.lookup(Role::Partner, name, purpose).status;
    for purpose in ["newsletter_email", "postal_marketing", "order_fulfilment", "fraud_prevention"] {
        assert_eq!(status("objecting", purpose), 200, "{purpose}");
        assert_eq!(status("restricted", purpose), 200, "{purpose}");
    }
    // Art. 21(2): an objection without a purpose is to all direct marketing, also to what was consented before.
    house.say("objecting", "objected", None).expect(201);
    assert_eq!(status("objecting", "newsletter_email"), 404);
    assert_eq!(status("objecting", "postal_marketing"), 404);
    assert_eq!(status("objecting", "order_fulfilment"), 200);
    // Art. 18: a restriction closes everything but storage.
    house.say("restricted", "restricted", None).expect(201);
    for purpose in ["newsletter_email", "postal_marketing", "order_fulfilment", "fraud_prevention"] {
        assert_eq!(status("restricted", purpose), 404, "{purpose}");
    }
    // A partner lifts nothing; the officer does.
    let mut lifted = statement("restricted", "restriction_lifted", None);
    lifted["method"] = "operator".into();
    assert_eq!(house.post(Role::Partner, "/v1/consents", &lifted).expect(403).code(), "forbidden");
    house.post(Role::Dpo, "/v1/consents", &lifted).expect(201);
    assert_eq!(status("restricted", "order_fulfilment"), 200);
    // One bare withdrawal of everything.
    house.say("restricted", "withdrawn", None).expect(201);
    assert_eq!(status("restricted", "newsletter_email"), 404);
    assert_eq!(status("restricted", "order_fulfilment"), 200);
}

fn merging_never_widens(database: Database) {
    let house = House::open(database)
        .with_key(Role::Partner, ["newsletter_email", "order_fulfilment", "postal_marketing"])
        .with_subject("anna")
        .consenting_to("newsletter_email");
    // Of one given name: another one would say that somebody else is meant.
    let given = |mut record: Value| {
        record["data"]["person"]["given_name"] = "Givenanna".into();
        record
    };
    house.ingest(&[given(customer("books", "buchanna"))]).expect_all("created");
    assert_eq!(house.lookup(Role::Partner, "buchanna", "newsletter_email").status, 404);
    // A record that both mailboxes are in makes one person of the two.
    let mut bridge = given(customer("webshop", "bruecke"));
    bridge["identifiers"] = json!([
        {"kind": "email", "value": mail("anna"), "verified": true},
        {"kind": "email", "value": mail("buchanna"), "verified": true},
    ]);
    house.ingest(&[bridge]).expect_all("created");
    let id =
        |name: &str| house.lookup(Role::Partner, name, "postal_marketing").expect(200).json()["subject_id"].clone();
    assert_eq!(id("anna"), id("buchanna"), "the bridge joins them");
    for name in ["anna", "buchanna"] {
        let after = house.lookup(Role::Partner, name, "newsletter_email").expect(200);
        assert!(!after.text().contains("Familybuchanna"), "the yes of one part opens the other's data");
    }
    // A no of one part closes the whole person.
    house.say("buchanna", "withdrawn", Some("newsletter_email")).expect(201);
    assert_eq!(house.lookup(Role::Partner, "anna", "newsletter_email").status, 404);
    // A yes of the joined person, made now, is for all of their data.
    house.say("anna", "granted", Some("newsletter_email")).expect(201);
    let all = house.lookup(Role::Partner, "anna", "newsletter_email").expect(200);
    assert!(all.text().contains(&mail("buchanna")), "{}", all.text());
}

fn what_amazon_sent_serves_its_contract_alone_also_when_merged(database: Database) {
    let house = House::open(database)
        .with_key(Role::Partner, ["newsletter_email", "order_fulfilment", "postal_marketing"])
        .with_subject("paul");
    let mut order = order("amazon", "302-1", "paul", "2026-10-01T08:00:00Z");
    order["identifiers"]
        .as_array_mut()
        .unwrap()
        .push(json!({"kind": "phone", "value": "+49 30 901820", "verified": true}));
    order["data"]["person"]["company"] = "Amazonname".into();
    order["data"]["addresses"] = json!([{"use": "shipping", "street": "Packstation", "house_number": "9",
        "postal_code": "20095", "city": "Hamburg", "country": "DE"}]);
    house.ingest(&[order]).expect_all("created");
    // The yes is newer than the merge, so it is for all of the person; the source's terms still hold.
    house.say("paul", "granted", Some("newsletter_email")).expect(201);
    let closed = ["Amazonname", "901820", "Packstation", "302-1"];
    for purpose in ["newsletter_email", "postal_marketing"] {
        let reply = house.lookup(Role::Partner, "paul", purpose).expect(200).text();
        assert!(reply.contains("paul") && closed.iter().all(|value| !reply.contains(value)), "{purpose}: {reply}");
    }
    let reply = house.lookup(Role::Partner, "paul", "order_fulfilment").expect(200).text();
    assert!(closed.iter().all(|value| reply.contains(value)), "{reply}");
}

fn a_key_opens_its_own_purposes_while_it_lives(database: Database) {
    let house = House::open(database)
        .with_key(Role::Partner, ["newsletter_email"])
        .with_key(Role::Marketing, ["newsletter_email"])
        .with_subject("marlene")
        .consenting_to("newsletter_email");
    house.ingest(&[order("webshop", "1", "marlene", "2026-10-01T08:00:00Z")]).expect_all("created");
    let ask = |key: &str, purpose: &str| {
        let request = house.request(0, Method::POST, "/v1/profiles/lookup").bearer_auth(key);
        house.send(request.json(&lookup("marlene", purpose)))
    };
    let unknown = house.lookup(Role::Marketing, "niemand", "newsletter_email").expect(404).seen();
    assert_eq!(house.lookup(Role::Marketing, "marlene", "newsletter_email").status, 200);
    assert_eq!(house.lookup(Role::Marketing, "marlene", "order_fulfilment").expect(404).seen(), unknown);
    assert_eq!(house.lookup(Role::Dpo, "marlene", "order_fulfilment").status, 200);
    // An administrator reads nothing, whatever the key lists.
    let admin = house.issue(json!({"title": "a", "role": "admin", "purposes": ["newsletter_email"], "source": null}));
    assert_eq!(ask(&admin.key, "newsletter_email").expect(403).code(), "forbidden");
    assert_eq!(house.get(Role::Admin, "/v1/audit/entries").status, 403);
    // Revoked: at once. Expired: at its time. No key, a wrong secret: the same answer.
    let grant = json!({"title": "p", "role": "partner", "purposes": ["newsletter_email"]});
    let revoked = house.issue(grant.clone());
    assert_eq!(ask(&revoked.key, "newsletter_email").status, 200);
    let delete = house.request(0, Method::DELETE, &format!("/v1/api-keys/{}", revoked.id));
    house.send(delete.bearer_auth(&house.key(Role::Admin).key)).expect(204);
    let refused = ask(&revoked.key, "newsletter_email").expect(401);
    assert_eq!(refused.code(), "unauthenticated");
    let mut ending = grant;
    ending["expires_at"] = moment(2).into();
    let ending = house.issue(ending);
    assert_eq!(ask(&ending.key, "newsletter_email").status, 200);
    sleep(Duration::from_millis(2_100));
    assert_eq!(ask(&ending.key, "newsletter_email").expect(401).seen(), refused.seen());
    let mut wrong = house.key(Role::Partner).key.clone();
    let last = if wrong.pop() == Some('0') { '1' } else { '0' };
    wrong.push(last);
    assert_eq!(ask(&wrong, "newsletter_email").expect(401).seen(), refused.seen());
    let none = house.request(0, Method::POST, "/v1/profiles/lookup").json(&lookup("marlene", "newsletter_email"));
    assert_eq!(house.send(none).expect(401).seen(), refused.seen());
}

in_a_house_on_both_databases!(
    a_consented_read_discloses_what_the_purpose_needs_and_no_more,
    a_refusal_tells_nothing,
    after_a_withdrawal_is_acknowledged_no_read_that_starts_discloses,
    objection_restriction_and_withdrawal_of_all_close_what_they_name,
    merging_never_widens,
    what_amazon_sent_serves_its_contract_alone_also_when_merged,
    a_key_opens_its_own_purposes_while_it_lives,
);

/// Two nodes over one PostgreSQL database.
#[test]
fn what_one_node_acknowledged_the_other_knows() {
    let house = House::open(Database::postgres())
        .with_second_node()
        .with_key(Role::Partner, ["newsletter_email"])
        .with_subject("marlene");
    let house = races(house, 1, 3);

    house.say("marlene", "granted", Some("newsletter_email")).expect(201);
    let ask = |node: usize, key: &str, purpose: &str| {
        let request = house.request(node, Method::POST, "/v1/profiles/lookup").bearer_auth(key);
        house.send(request.json(&lookup("marlene", purpose)))
    };
    let key = house.issue(json!({"title": "p", "role": "partner", "purposes": ["newsletter_email"]}));
    assert_eq!(ask(1, &key.key, "newsletter_email").status, 200);
    let delete = house.request(0, Method::DELETE, &format!("/v1/api-keys/{}", key.id));
    house.send(delete.bearer_auth(&house.key(Role::Admin).key)).expect(204);
    assert_eq!(ask(1, &key.key, "newsletter_email").status, 401);

    // A purpose that is new at one node: the other takes it up by itself.
    let mut quiz = house.get(Role::Admin, "/v1/purposes/customer_value").expect(200).json();
    quiz["code"] = "quiz".into();
    quiz["categories"] = json!(["identity", "address"]);
    quiz["direct_marketing"] = false.into();
    let put = house.request(0, Method::PUT, "/v1/purposes/quiz").bearer_auth(&house.key(Role::Admin).key);
    house.send(put.json(&quiz)).expect(201);
    let key = house.issue(json!({"title": "q", "role": "partner", "purposes": ["quiz"]}));
    assert_eq!(ask(0, &key.key, "quiz").status, 200);
    let known = (0..30).any(|_| {
        sleep(Duration::from_millis(100));
        ask(1, &key.key, "quiz").status == 200
    });
    assert!(known, "after three seconds the second node does not know the purpose");
}
