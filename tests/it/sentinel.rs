//! Nothing personal lies in clear in any file, table, log or temporary file, whatever the house was asked to do.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use obhut::store::Shelf;
use obhut::types::Role;
use reqwest::Method;
use serde_json::{Value, json};

use crate::databases::{Database, Dialect, LogPlace, files_below};
use crate::house::{House, customer, demand, in_a_house_on_both_databases, text};
use crate::scan::{Scan, left_out};

/// Makes words nobody else writes, and remembers them.
struct Words(Vec<String>);

impl Words {
    /// A new word with `field` in it, so that a find says where it came from.
    fn word(&mut self, field: &str) -> String {
        let word = format!("zqx{field}{:03}vkj", self.0.len());
        self.0.push(word.clone());
        word
    }
}

/// One record of every type with a word in every text field.
fn records(words: &mut Words) -> Vec<Value> {
    let address = |words: &mut Words| {
        json!([{"use": "contact", "name": words.word("addressee"), "company": words.word("addresscompany"),
            "street": words.word("street"), "house_number": "7", "extra": words.word("extra"), "postal_code": "10115",
            "city": words.word("city"), "region": words.word("region"), "country": "DE"}])
    };
    let person = |words: &mut Words| {
        json!({"title": words.word("title"), "given_name": words.word("given"), "family_name": words.word("family"),
            "company": words.word("company"), "birth_date": "1971-02-03", "language": "de"})
    };
    let lines = |words: &mut Words| json!([{"sku": words.word("sku"), "title": words.word("linetitle"), "quantity": 1, "unit_price": "19.99", "total": "19.99"}]);
    let at = "2026-10-01T08:00:00Z";
    let mut w = |field: &str| words.word(field);
    let (email, number, account, visitor) = (w("mail"), w("customernumber"), w("account"), w("visitor"));
    let data = [
        (
            "customer",
            json!({"person": person(words), "addresses": address(words), "customer_number": number,
            "group": words.word("group"), "tags": [words.word("tag")], "note": words.word("note")}),
        ),
        (
            "order",
            json!({"number": words.word("ordernumber"), "ordered_at": at, "status": "paid", "currency": "EUR",
            "total": "19.99", "channel": words.word("channel"), "lines": lines(words), "person": person(words),
            "addresses": address(words), "payment_method": words.word("method"), "campaign": words.word("campaign")}),
        ),
        (
            "invoice",
            json!({"number": words.word("invoicenumber"), "issued_at": at, "status": words.word("invoicestatus"),
            "currency": "EUR", "total": "19.99", "lines": lines(words), "person": person(words), "addresses": address(words),
            "order_number": words.word("invoiceorder")}),
        ),
        (
            "payment",
            json!({"paid_at": at, "currency": "EUR", "amount": "19.99", "method": words.word("paymentmethod"),
            "iban": "DE89370400440532013000", "account_holder": words.word("holder"),
            "order_number": words.word("paymentorder"), "reference": words.word("reference")}),
        ),
        (
            "message",
            json!({"thread": words.word("thread"), "sent_at": at, "direction": "inbound",
            "platform": words.word("platform"), "text": words.word("messagetext"), "sender_name": words.word("sender")}),
        ),
        (
            "review",
            json!({"reviewed_at": at, "product": words.word("product"), "rating": 4,
            "title": words.word("reviewtitle"), "text": words.word("reviewtext")}),
        ),
        (
            "newsletter_subscription",
            json!({"list": words.word("list"), "status": "confirmed", "subscribed_at": at,
            "confirmed_at": at, "person": person(words)}),
        ),
        (
            "event",
            json!({"name": words.word("eventname"), "occurred_at": at,
            "page_url": format!("https://shop.example/{}", words.word("page")),
            "referrer": format!("https://search.example/?q={}", words.word("referrer")),
            "campaign": words.word("eventcampaign"), "properties": {"search": words.word("search")}}),
        ),
        (
            "complaint",
            json!({"opened_at": at, "status": words.word("complaintstatus"), "subject": words.word("subject"),
            "text": words.word("complainttext"), "order_number": words.word("complaintorder"),
            "resolution": words.word("resolution")}),
        ),
        (
            "contact_note",
            json!({"noted_at": at, "channel": words.word("notechannel"), "text": words.word("notetext"),
            "author": words.word("author")}),
        ),
    ];
    data.into_iter()
        .zip(0..)
        .map(|((kind, data), second)| {
            // Told at one time, it would be one statement.
            let at = format!("2026-10-01T08:00:0{second}Z");
            json!({
                "type": kind, "source": "webshop", "external_id": words.word("externalid"),
                "updated_at": "2026-10-01T08:00:00Z", "data": data,
                "identifiers": [
                    {"kind": "email", "value": format!("{email}@example.org"), "verified": true},
                    {"kind": "phone", "value": "+49 30 9018203344", "verified": true},
                    {"kind": "customer_number", "value": number}, {"kind": "account", "value": account},
                    {"kind": "anonymous_id", "value": visitor},
                ],
                "consents": [{"purpose": "newsletter_email", "channel": "email", "act": "granted", "at": at,
                    "method": "double_opt_in", "text_version": "2026-01", "evidence": {"requested_at": at, "confirmed_at": at,
                    "form_url": format!("https://shop.example/{}", words.word("form")), "ip": words.word("ip")}}],
            })
        })
        .collect()
}

fn nothing_personal_lies_in_clear_anywhere(database: Database) {
    let mut words = Words(vec!["9018203344".to_owned(), "370400440532013000".to_owned(), "1971-02-03".to_owned()]);
    let since = database.log_place();
    let house = House::open(database)
        .with_key(Role::Partner, ["newsletter_email", "order_fulfilment", "customer_service"])
        .with_key(Role::Marketing, ["newsletter_email"]);
    let records = records(&mut words);
    house.ingest(&records).expect_all("created");
    let name = words.0.iter().find(|word| word.starts_with("zqxmail")).unwrap().clone();
    let mut said = crate::house::statement(&name, "granted", Some("newsletter_email"));
    said["evidence"] = json!({"ip": words.word("secondip")});
    house.post(Role::Dpo, "/v1/consents", &said).expect(201);

    // All of it is there: the scan below looks for what the house really holds.
    let own = own_copy(&house, &name);
    let not_shown = ["zqxexternalid", "370400440532013000"];
    for word in words.0.iter().filter(|word| !not_shown.iter().any(|not| word.starts_with(not))) {
        assert!(own.contains(word), "{word} was not stored");
    }

    segments_with_persons_in_them(&house, &mut words);
    every_route(&house, &words.0);
    let rotated = house.run(&["keys", "rotate"]);
    assert!(rotated.status.success(), "{}", String::from_utf8_lossy(&rotated.stderr));
    house.post(Role::Dpo, "/v1/requests", &demand(&name, "access")).expect(201);
    house.get(Role::Marketing, "/v1/segments/newsletter_subscribers/members").expect(200);
    every_other_way(&house, &mut words, &name);
    nowhere(&house, &words.0, &since);
    let request = text(&house.erase(&name).expect(201).json()["certificate"]["request_id"]);
    let request = format!("/v1/requests/{request}");
    let recipients = house.get(Role::Dpo, &request).expect(200).json()["recipients"].as_array().unwrap().clone();
    assert!(!recipients.is_empty());
    for recipient in recipients {
        let told = json!({"recipient": recipient["recipient"], "state": "told"});
        house.post(Role::Dpo, &format!("{request}/notices"), &told).expect(200);
    }
    house.ingest(&records).expect_all("suppressed");
    nowhere(&house, &words.0, &since);
}

/// What else takes something personal in, keeps it for a while, or gives many of it out.
fn every_other_way(house: &House, words: &mut Words, name: &str) {
    // A reply that is kept for a repeated call.
    let mut kept = customer("webshop", &words.word("kept"));
    kept["data"]["note"] = words.word("keptnote").into();
    let body = json!({"records": [kept.clone(), {"type": words.word("keptwrong")}]});
    let mut replies = Vec::new();
    for _ in 0..2 {
        let request = house.request(0, Method::POST, "/v1/records").bearer_auth(&house.key(Role::Partner).key);
        replies.push(house.send(request.header("idempotency-key", "delivery 1").json(&body)).text());
    }
    assert!(replies[0] == replies[1] && replies[0].contains("created"), "{replies:?}");
    assert_eq!(house.database().count(Shelf::Records, "reply"), 1);

    // Files, one of which has a line that is refused. What the operator brings lies outside the hub's own directories.
    let outside = tempfile::tempdir().unwrap();
    let file = outside.path().join("people.ndjson");
    let mut wrong = customer("webshop", &words.word("importwrong"));
    wrong["updated_at"] = words.word("importdate").into();
    std::fs::write(&file, format!("{}\n{wrong}\n", customer("webshop", &words.word("import")))).unwrap();
    let imported = house.run(&["import", file.to_str().unwrap()]);
    let said = [imported.stdout, imported.stderr].concat();
    assert!(String::from_utf8_lossy(&said).contains("1 created"), "{}", String::from_utf8_lossy(&said));
    assert_eq!(holds(&said, &words.0), None, "the import repeats what it reads");

    // Events of tracking SDKs, one of them refused, and a banner nobody knows the words of.
    let (visitor, account) = (words.word("trackvisitor"), words.word("trackaccount"));
    let (mail, shoe) = (words.word("trackmail"), words.word("trackshoe"));
    // How a banner's category is called is no personal value: it is shown to whoever has to map it (store::unheard).
    let (property, category) = (words.word("trackproperty"), "trackcategory");
    let events = json!({"batch": [
        {"type": "identify", "anonymousId": visitor, "userId": account, "messageId": words.word("trackmessage"),
            "traits": {"email": format!("{mail}@example.org"), "shoe": shoe}},
        {"type": "track", "anonymousId": visitor, "event": words.word("trackevent"),
            "properties": {property: words.word("trackvalue")},
            "context": {"ip": words.word("trackip"), "consent": {"categoryPreferences": {category: true}}}},
        {"type": words.word("tracktype"), "anonymousId": visitor},
    ]});
    for role in [Role::Browser, Role::Collector] {
        let reply = house.post(role, "/v1/batch", &events).expect(400).text();
        assert!(reply.contains("1 of 3 events") && !reply.contains("zqx"), "{reply}");
    }

    // A segment, saved and pulled.
    let segment = json!({"code": "sentinel_readers", "title": {"de": "Alle", "en": "All"},
        "purpose": "newsletter_email", "rule": {"all": []}});
    let put = house.request(0, Method::PUT, "/v1/segments/sentinel_readers");
    house.send(put.bearer_auth(&house.key(Role::Marketing).key).json(&segment)).expect(201);
    let members = house.get(Role::Marketing, "/v1/segments/sentinel_readers/members").expect(200);
    assert!(members.text().contains(name), "{}", members.text());

    let people = json!([{"identifier": {"kind": "email", "value": format!("{name}@example.org")}}]);
    let asked = json!({"people": people, "purpose": "newsletter_email", "reason": "mailing"});
    let batch = house.post(Role::Marketing, "/v1/profiles/batch", &asked).expect(200);
    assert!(batch.text().contains(name), "{}", batch.text());

    for arguments in [&["retention", "run", "--dry-run"][..], &["retention", "run"]] {
        let run = house.run(arguments);
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        assert_eq!(holds(&[run.stdout, run.stderr].concat(), &words.0), None, "{arguments:?}");
    }
}

/// A rule that names a person is refused and not repeated; what stands in the free texts of one that is saved is sealed.
fn segments_with_persons_in_them(house: &House, words: &mut Words) {
    let put = |code: &str, title: &str, rule: Value| {
        let request = house.request(0, Method::PUT, &format!("/v1/segments/{code}"));
        let title = json!({"de": title, "en": title});
        let definition = json!({"code": code, "title": title, "purpose": "newsletter_email", "rule": rule});
        house.send(request.bearer_auth(&house.key(Role::Marketing).key).json(&definition))
    };
    let address = format!("{}@example.org", words.word("ruleaddress"));
    for test in [json!({"is": address}), json!({"is_one_of": [address]})] {
        let mut rule = test;
        rule["attribute"] = json!("contact.emails.value");
        let reply = put("one_person", "One person", json!({"any": [rule]}));
        assert_eq!((reply.status, reply.text().contains("zqx")), (422, false), "{}", reply.text());
        assert!(reply.text().contains("identifying_value"), "{}", reply.text());
    }
    let (title, tag) = (words.word("segmenttitle"), words.word("ruletag"));
    put("named_badly", &title, json!({"not": {"attribute": "identity.tags", "is": tag}})).expect(201);
    let shown = house.get(Role::Marketing, "/v1/segments/named_badly").expect(200).json();
    assert_eq!((&shown["title"]["de"], &shown["rule"]["not"]["is"]), (&json!(title), &json!(tag)));
}

/// What the person gets on demand: everything, record by record.
fn own_copy(house: &House, name: &str) -> String {
    let package = house.post(Role::Dpo, "/v1/requests", &demand(name, "access")).expect(201);
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(package.body)).unwrap();
    std::io::read_to_string(zip.by_name("data.json").unwrap()).unwrap().to_lowercase()
}

/// Every operation with every role, with words in paths, queries and bodies, well-formed and not.
fn every_route(house: &House, words: &[String]) {
    let document = house.get(Role::Admin, "/openapi.json").expect(200).json();
    let word = words.iter().find(|word| word.starts_with("zqxmail")).unwrap();
    let bodies = [
        json!({"identifier": {"kind": "email", "value": format!("{word}@example.org")}, "purpose": "newsletter_email"}),
        json!({word.clone(): word, "records": [{"type": word, "data": {word.clone(): word}}]}),
        json!(word),
    ];
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys().filter(|name| *name != "parameters") {
            for role in Role::ALL {
                for (form, body) in bodies.iter().enumerate() {
                    let mut filled = String::new();
                    for part in path.split('/').skip(1) {
                        let part = match (part.starts_with('{'), form) {
                            (true, 0) => "018f3f3c-0000-7000-8000-000000000001",
                            (true, _) => word,
                            _ => part,
                        };
                        filled.push_str(&format!("/{part}"));
                    }
                    let method: Method = method.to_uppercase().parse().unwrap();
                    let request = house.request(0, method.clone(), &format!("{filled}?purpose={word}&{word}={word}"));
                    let request = request.bearer_auth(&house.key(*role).key).header("user-agent", word.as_str());
                    let request = if method == Method::GET { request } else { request.json(body) };
                    let reply = house.send(request.header("x-request-id", word.as_str()));
                    assert!(reply.status < 500, "{method} {path}: {}", reply.text());
                    let may_echo = reply.status < 300 && path != "/metrics";
                    let echoes = !reply.text().contains("zqx") || may_echo;
                    assert!(echoes, "{method} {path} repeats what was sent: {}", reply.text());
                }
            }
        }
    }
}

/// The texts a word can be found as: plain, hexadecimal, base64 at each offset, UTF-16. All in lower case.
fn forms(word: &str) -> Vec<Vec<u8>> {
    let mut forms = vec![word.as_bytes().to_vec(), hex::encode(word).into_bytes()];
    for offset in 0..3 {
        let shifted = STANDARD.encode([&b"   "[..offset], word.as_bytes()].concat());
        // The first and last letters depend on what stands beside the word.
        let inner = &shifted[if offset == 0 { 0 } else { 4 }..shifted.len() - 4];
        forms.push(inner.to_ascii_lowercase().into_bytes());
    }
    let wide = word.encode_utf16();
    forms.push(wide.clone().flat_map(u16::to_le_bytes).collect());
    forms.push(wide.flat_map(u16::to_be_bytes).collect());
    forms
}

/// Finds words in every form.
struct Finder {
    words: Vec<String>,
    scan: Scan,
}

impl Finder {
    fn of(words: &[String]) -> Self {
        let forms = words.iter().flat_map(|word| forms(word).into_iter().map(move |form| (word.clone(), form)));
        let (words, forms): (Vec<_>, Vec<_>) = forms.unzip();
        Self { words, scan: Scan::of(forms) }
    }

    fn word_in(&self, bytes: &[u8]) -> Option<&str> {
        self.scan.all_in(&bytes.to_ascii_lowercase()).first().map(|number| self.words[*number].as_str())
    }
}

fn holds(bytes: &[u8], words: &[String]) -> Option<String> {
    Finder::of(words).word_in(bytes).map(ToOwned::to_owned)
}

/// Searches everything the house and its database wrote, and what it tells whoever measures it.
fn nowhere(house: &House, words: &[String], since: &LogPlace) {
    let mut files: Vec<PathBuf> = files_below(house.home());
    assert!(files.iter().any(|path| path.ends_with("data/master.key")), "{files:?}");
    assert!(house.logs().iter().all(|log| files.contains(log)) && !house.logs().is_empty());
    match (house.database().files(), house.database().shared_files(since)) {
        (Some(own), Some(shared)) => {
            let named = |name: &str| own.iter().any(|path| path.ends_with(name) && holds_anything(path));
            match house.database().dialect() {
                Dialect::Sqlite => assert!(["records.db", "keys.db", "audit.db"].into_iter().all(named), "{own:?}"),
                Dialect::Postgres => {
                    let tables = ["records.record", "records.identifier", "keys.data_key", "audit.audit_entry"];
                    for table in tables {
                        assert!(named(&house.database().file_of(table)), "{table} is not among {own:?}");
                    }
                    assert!(shared.iter().any(|path| holds_anything(path)), "{shared:?}");
                }
            }
            files.extend(own.into_iter().chain(shared));
        }
        _ => left_out("the server's files cannot be read: they were not searched for personal values in clear"),
    }
    let finder = Finder::of(words);
    for path in &files {
        let bytes = std::fs::read(path).unwrap_or_default();
        assert_eq!(finder.word_in(&bytes), None, "in clear in {}", path.display());
    }
    let rows = house.database().dump();
    assert!(rows.len() > 20, "only {} rows", rows.len());
    for row in rows {
        assert_eq!(finder.word_in(row.as_bytes()), None, "in clear in the row {row}");
    }
    let metrics = house.send(house.request(0, Method::GET, "/metrics")).expect(200);
    assert!(metrics.text().contains("obhut_http_requests_total"), "{}", metrics.text());
    assert_eq!(finder.word_in(&metrics.body), None, "in clear in /metrics: {}", metrics.text());
}

fn holds_anything(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|file| file.len() > 0)
}

#[test]
fn the_scan_finds_every_form() {
    let word = "zqxfamily001vkj".to_owned();
    let words = [word.clone()];
    let wide: Vec<u8> = "xzqxfamily001vkj".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut texts =
        vec![format!("a{word}b").into_bytes(), "ZqxFamily001Vkj".into(), hex::encode_upper(&word).into(), wide];
    texts.extend((0..3).map(|shift| STANDARD.encode(format!("{}{word} and more", "y".repeat(shift))).into_bytes()));
    for found in texts {
        assert_eq!(holds(&found, &words).as_ref(), Some(&word), "{}", String::from_utf8_lossy(&found));
    }
    assert_eq!(holds(b"nothing of the kind", &words), None);
}

in_a_house_on_both_databases!(nothing_personal_lies_in_clear_anywhere);
