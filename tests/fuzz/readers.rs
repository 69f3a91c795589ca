//! The readers of whatever comes in, and what must hold for every input: no panic, no value of it in what is said to be
//! wrong, a normal form is its own normal form, what is stored reads back as it was, and no forged envelope opens.
//!
//! Two drive them: `tests/it/hammer/fuzz.rs` in the suite, and libFuzzer, guided by coverage, in the package beside this
//! file. The corpus of each is in `tests/corpus/<name>`.

use std::sync::{Arc, LazyLock};

use obhut::api::consents;
use obhut::collect::{self, Delivery, Kind};
use obhut::connect::{Catalog, Connector, Form, TableMapping};
use obhut::consent::{Act, Edition, Purpose, Source};
use obhut::intake::normal::{
    address, country, currency, date, email, iban, language, money, name, phone, placeholder, text,
};
use obhut::intake::{self, lookup_form};
use obhut::segments::{Rule, Segment};
use obhut::store::rows::DataKeyRow;
use obhut::types::{Category, IdentifierKind, RecordNo, Role, SourceNo, SubjectId, Timestamp, Voice};
use obhut::vault::{self, CredentialRoot, Opener, Personal};
use serde_json::{Value, json};
use uuid::Uuid;

use super::chance::SeededChance;

/// It stands in the corpus where a value stands, and must be in no error. With its tilde it is no plain name of a field, which
/// an error may repeat.
const CANARY: &str = "kanarie~";
const NOW: Timestamp = Timestamp::from_micros(1_795_262_400_000_000);

/// One reader.
pub struct Reader {
    pub name: &'static str,
    /// What its inputs grow out of.
    pub corpus: &'static str,
    /// Is it content with an input, or with some reading of it? And what does it say of the others?
    read: fn(&[u8]) -> (bool, String),
}

/// All of them.
pub const READERS: [Reader; 14] = [
    Reader { name: "records", corpus: "records", read: |input| unless(records(input)) },
    Reader { name: "record_lines", corpus: "records", read: |input| unless(record_lines(input)) },
    Reader { name: "ndjson", corpus: "ndjson", read: |input| unless(ndjson(input)) },
    Reader { name: "csv", corpus: "csv", read: |input| unless(csv(input)) },
    Reader { name: "vendor_documents", corpus: "vendor", read: |input| unless(vendor_documents(input)) },
    Reader { name: "datev", corpus: "datev", read: |input| unless(datev(input)) },
    Reader { name: "messages", corpus: "messages", read: |input| unless(messages(input)) },
    Reader { name: "identifiers", corpus: "identifiers", read: identifiers },
    Reader { name: "fields", corpus: "fields", read: fields },
    Reader { name: "lookups", corpus: "identifiers", read: |input| unless(lookups(input)) },
    Reader { name: "purposes", corpus: "purposes", read: |input| unless(purposes(input)) },
    Reader { name: "statements", corpus: "statements", read: |input| unless(statements(input)) },
    Reader { name: "segments", corpus: "segments", read: |input| unless(segments(input)) },
    Reader { name: "envelopes", corpus: "envelopes", read: |input| unless(envelopes(input)) },
];

impl Reader {
    /// The reader of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        static ALL: [Reader; 14] = READERS;
        ALL.iter().find(|reader| reader.name == name)
    }

    /// Reads an input. Is it content?
    ///
    /// # Panics
    /// If something that must hold does not.
    pub fn is_content_with(&self, input: &[u8]) -> bool {
        let (content, said) = (self.read)(input);
        assert!(!said.to_lowercase().contains(CANARY), "{said:?} repeats a value of {}", hex::encode(input));
        content
    }
}

/// Of a reader that has one reading: content, unless it says why not.
fn unless(said: Option<String>) -> (bool, String) {
    said.map_or((true, String::new()), |said| (false, said))
}

fn records(line: &[u8]) -> Option<String> {
    let refused = intake::parse(line, NOW).err()?;
    Some(format!("{refused:?} {}", refused.detail))
}

/// Reading is repeatable, and what a record says of itself is read the same after its fields changed places.
fn record_lines(line: &[u8]) -> Option<String> {
    let Ok(value) = serde_json::from_slice::<Value>(line) else { return Some("no JSON".to_owned()) };
    let again = serde_json::to_vec(&value).unwrap();
    let (first, second) = (intake::parse(line, NOW), intake::parse(&again, NOW));
    // A name that is there twice, or a number with too many digits, is refused in the first and gone in the second.
    if let Ok(first) = &first {
        let second = second.as_ref().map_err(|refused| format!("{refused:?}")).unwrap();
        assert_eq!((first.kind, first.version, first.parts.len()), (second.kind, second.version, second.parts.len()));
    }
    first.err().map(|refused| format!("{refused:?}"))
}

fn ndjson(lines: &[u8]) -> Option<String> {
    let mut refused = Vec::new();
    for line in lines.split(|byte| *byte == b'\n') {
        refused.extend(intake::parse(line, NOW).err().map(|refused| format!("{refused:?}")));
    }
    (!refused.is_empty()).then(|| refused.join("\n"))
}

fn csv(table: &[u8]) -> Option<String> {
    static MAPPING: LazyLock<TableMapping> = LazyLock::new(|| {
        TableMapping::parse("mapping.yaml", include_str!("../../connectors/generic/mapping.yaml")).unwrap()
    });
    let mut refused = Vec::new();
    for record in MAPPING.read(table, "shop") {
        match record {
            Ok(line) => refused.extend(intake::parse(&line, NOW).err().map(|refused| format!("{refused:?}"))),
            Err(error) => refused.push(format!("{error} {error:?}")),
        }
    }
    (!refused.is_empty()).then(|| refused.join("\n"))
}

/// All connectors.
static CATALOG: LazyLock<Catalog> = LazyLock::new(|| Catalog::embedded().unwrap());

/// A document is a page, or a list of some.
fn pages_of(document: &[u8]) -> serde_json::Result<Vec<Value>> {
    Ok(match serde_json::from_slice(document)? {
        Value::Array(pages) => pages,
        page => vec![page],
    })
}

/// Which streams take a vendor's document for a page of theirs: connector and stream.
pub fn streams_of(document: &[u8]) -> Vec<(String, String)> {
    let Ok(pages) = pages_of(document) else { return Vec::new() };
    let of = |page: &Value| {
        let streams = CATALOG.connectors().filter_map(|connector| Some((connector, connector.stream_for(page)?)));
        streams.map(|(connector, stream)| (connector.name().to_owned(), stream.name().to_owned())).collect::<Vec<_>>()
    };
    pages.iter().flat_map(of).collect()
}

/// The streams of all documents that come with the connectors.
pub fn streams_with_a_fixture() -> Vec<(String, String)> {
    let fixtures = CATALOG.connectors().flat_map(|connector| connector.fixtures());
    let documents = fixtures.filter(|(name, _)| name.ends_with(".json"));
    documents.flat_map(|(_, document)| streams_of(document)).collect()
}

/// A vendor's documents, through the filters of every connector.
fn vendor_documents(document: &[u8]) -> Option<String> {
    let Ok(pages) = pages_of(document) else { return Some("no JSON".to_owned()) };
    let mut refused = Vec::new();
    let connectors = CATALOG.connectors().flat_map(|connector| pages.iter().map(move |page| (connector, page)));
    for (connector, page) in connectors {
        let Some(stream) = connector.stream_for(page) else { continue };
        for record in stream.map(page, "shop") {
            match record {
                Ok(line) => refused.extend(intake::parse(&line, NOW).err().map(|refused| format!("{refused:?}"))),
                Err(error) => refused.push(format!("{error} {error:?}")),
            }
        }
    }
    (!refused.is_empty()).then(|| refused.join("\n"))
}

/// A file of DATEV's, as it is dropped into a folder or brought by hand.
fn datev(file: &[u8]) -> Option<String> {
    static DATEV: LazyLock<Arc<Connector>> = LazyLock::new(|| CATALOG.connector("datev").unwrap().clone());
    let (mut refused, mut taken) = (Vec::new(), 0);
    for record in DATEV.read(file, Form::Csv, "steuer") {
        match record {
            Ok(line) => match intake::parse(&line, NOW) {
                Ok(_) => taken += 1,
                Err(reason) => refused.push(format!("{reason:?}")),
            },
            Err(error) => refused.push(format!("{error} {error:?}")),
        }
    }
    (taken == 0 || !refused.is_empty()).then(|| refused.join("\n"))
}

/// What tracking programs send, and any page may: as the word of a visitor and of a server. What is made of a message is a
/// record, about nothing but the purposes the source names.
fn messages(body: &[u8]) -> Option<String> {
    static SOURCE: LazyLock<Source> = LazyLock::new(|| {
        let categories = json!({"ads": ["social_advertising"], "statistics": ["analytics", "personalisation"]});
        Source {
            number: SourceNo(1),
            code: "pages".to_owned(),
            title: "Pages".to_owned(),
            connector: "api".to_owned(),
            terms: serde_json::from_value(json!({"consent_categories": categories})).unwrap(),
            purposes: None,
        }
    });
    let edition = Edition::default();
    let Ok(value) = serde_json::from_slice::<Value>(body) else { return Some("no JSON".to_owned()) };
    let (mut refused, mut taken) = (Vec::new(), 0);
    // A call of one message of each kind, and a list.
    for kind in Kind::ALL.into_iter().map(Some).chain([None]) {
        let delivery = match Delivery::open(value.clone(), kind) {
            Ok(delivery) => delivery,
            Err(refusal) => {
                refused.push(format!("{refusal:?}"));
                continue;
            }
        };
        for voice in [Voice::Visitor, Voice::Server] {
            let reader = collect::Reader { source: &SOURCE, edition: &edition, voice, now: NOW, call: [7; 16] };
            for (at, message) in delivery.messages.iter().enumerate().take(64) {
                match reader.read(message.clone(), kind, &delivery.around, (at, body.len())) {
                    Ok(made) => {
                        refused.extend(made.notes.iter().map(|note| (*note).to_owned()));
                        match intake::parse(&made.record, NOW) {
                            Ok(_) => taken += usize::from(kind.is_none()),
                            Err(reason) => refused.push(format!("{reason:?}")),
                        }
                    }
                    Err(refusal) => refused.push(format!("{refusal:?}")),
                }
            }
        }
    }
    // Most are refused as the one kind or as the other.
    (taken == 0 || refused.iter().any(|said| said.to_lowercase().contains(CANARY))).then(|| refused.join("\n"))
}

/// Every normal form is its own normal form, and no reason repeats what it refuses.
fn identifiers(bytes: &[u8]) -> (bool, String) {
    let text = String::from_utf8_lossy(bytes);
    let (mut content, mut refused) = (false, Vec::new());
    let same = |again: Result<String, intake::normal::Reason>, first: &str| {
        assert_eq!(again.ok().as_deref(), Some(first), "a normal form that has another");
    };
    match email::normal(&text) {
        Ok(email) => {
            content = true;
            let normal = email.text();
            same(email::normal(&normal).map(|email| email.text()), &normal);
            let _ = (email.matching(), email.mailbox(), placeholder::is_email(&email));
        }
        Err(reason) => refused.push(format!("{reason:?}")),
    }
    for land in [None, Some("DE"), Some("AT"), Some("US")] {
        match phone::normal(&text, land) {
            Ok(normal) => {
                content = true;
                same(phone::normal(&normal, None), &normal);
            }
            Err(reason) => refused.push(format!("{reason:?}")),
        }
    }
    for read in [iban::normal as fn(&str) -> _, name::normal, language::normal] {
        match read(&text) {
            Ok(normal) => {
                content = true;
                same(read(&normal), &normal);
            }
            Err(reason) => refused.push(format!("{reason:?}")),
        }
    }
    let _ = (placeholder::is_nothing(&text), placeholder::is_phone(&text), placeholder::is_id(&text));
    (content, refused.join("\n"))
}

/// Days, instants, amounts, addresses and the rest of what stands in a field.
fn fields(bytes: &[u8]) -> (bool, String) {
    let text = String::from_utf8_lossy(bytes);
    let mut said = Vec::new();
    said.extend(date::day(&text).map(|day| date::birth(day, NOW)).err().map(|reason| format!("{reason:?}")));
    said.extend(date::instant(&text).and_then(|at| date::event(at, NOW)).err().map(|reason| format!("{reason:?}")));
    said.extend(money::decimal(&text).err().map(|reason| format!("{reason:?}")));
    said.extend(country::normal(&text).err().map(|reason| format!("{reason:?}")));
    said.extend(currency::normal(&text).err().map(|reason| format!("{reason:?}")));
    for country in [None, Some("DE"), Some("GB")] {
        said.extend(address::postal_code(&text, country).err().map(|reason| format!("{reason:?}")));
    }
    let (street, number) = address::split(&text);
    let _ = (address::house_number(&text), address::folded_street(&street), number);
    let _ = (name::fold(&text), name::folded_full(&text));
    said.extend(text::line(&text, 64).err().map(|reason| format!("{reason:?}")));
    said.extend(text::lines(&text, 64).err().map(|reason| format!("{reason:?}")));
    if let (Ok(amount), Ok(currency)) = (money::decimal(&text), currency::normal("EUR")) {
        let _ = (money::normal(amount, currency, money::Sign::Any), money::quantity(amount));
    }
    // Everything but one text is content now and then.
    (said.len() < 9, said.join("\n"))
}

/// What a look-up names: the kind by the first byte, the value by the rest.
fn lookups(bytes: &[u8]) -> Option<String> {
    let kinds: Vec<IdentifierKind> = (0..64).filter_map(|number| IdentifierKind::try_from(number).ok()).collect();
    let (first, value) = bytes.split_first().unwrap_or((&0, &[]));
    let kind = kinds[usize::from(*first) % kinds.len()];
    lookup_form(kind, &String::from_utf8_lossy(value)).err().map(|reason| format!("{reason:?}"))
}

/// A purpose as it is configured.
fn purposes(document: &[u8]) -> Option<String> {
    match serde_json::from_slice::<Purpose>(document) {
        Ok(purpose) => {
            let text = serde_json::to_vec(&purpose).unwrap();
            assert_eq!(serde_json::from_slice::<Purpose>(&text).unwrap(), purpose);
            purpose.validate().err().map(|found| format!("{} faults", found.len()))
        }
        Err(_) => Some("not read".to_owned()),
    }
}

/// What a person said, as the API takes it, through the strict reader of all its documents. Written in other words it is the
/// same, and what is refused is refused by place and code.
fn statements(document: &[u8]) -> Option<String> {
    static NEWSLETTER: LazyLock<Purpose> =
        LazyLock::new(|| serde_json::from_str(include_str!("../corpus/purposes/newsletter_email.json")).unwrap());
    let (mut refused, mut taken) = (Vec::new(), false);
    for role in [Role::Partner, Role::Dpo] {
        for purpose in [None, Some(&*NEWSLETTER)] {
            match consents::read(document, role, purpose, NOW) {
                Ok(stated) => {
                    let value: Value = serde_json::from_slice(document).expect("what is taken is JSON");
                    let again = serde_json::to_vec(&value).unwrap();
                    let again = consents::read(&again, role, purpose, NOW).expect("it is taken again");
                    assert!(again.entry == stated.entry && again.dated == stated.dated, "the same in other words");
                    assert!(value.is_object() && value.get("act").is_some(), "an act that nobody named");
                    let lifts = matches!(stated.entry.act, Act::ObjectionLifted | Act::RestrictionLifted);
                    assert!(role == Role::Dpo || !lifts, "lifted by somebody else than the officer");
                    let proof = stated.entry.act != Act::Granted || !purpose.is_some_and(|purpose| purpose.evidence);
                    assert!(proof || stated.evidence.is_some(), "a yes without the proof its purpose demands");
                    taken = true;
                }
                Err(problem) => refused.push(serde_json::to_string(&problem.document(None)).unwrap()),
            }
        }
    }
    (!taken || refused.iter().any(|said| said.to_lowercase().contains(CANARY))).then(|| refused.join("\n"))
}

/// A segment and its rule, which are stored and read again as they were.
fn segments(document: &[u8]) -> Option<String> {
    let Ok(value) = serde_json::from_slice::<Value>(document) else { return Some("no JSON".to_owned()) };
    if let Some(rule) = value.get("rule") {
        let _ = Rule::read(rule, "/rule").map(|rule| rule.categories());
    }
    match Segment::read(value) {
        Ok(segment) => {
            let again = serde_json::to_value(&segment).unwrap();
            assert!(Segment::read(again).unwrap() == segment, "a stored segment reads differently");
            None
        }
        Err(faults) => Some(format!("{} faults", faults.len())),
    }
}

/// The bytes of a record's envelopes. Nothing but what was sealed at this place opens.
fn envelopes(bytes: &[u8]) -> Option<String> {
    static SEALED: LazyLock<(Opener, DataKeyRow, Vec<u8>)> = LazyLock::new(sealed);
    let (opener, key, _) = &*SEALED;
    let unpacked = vault::unpack(bytes).map(|parts| parts.len());
    let _ = (vault::categories(bytes), vault::key_no(bytes));
    let opening = opener.with_key(key).unwrap();
    for category in Category::ALL {
        assert!(opening.open(PLACE, category, bytes).is_err(), "a forged envelope opens");
    }
    unpacked.err().map(|error| format!("{error:?}"))
}

/// Whose place the sealed record has.
pub const PLACE: RecordNo = RecordNo(7);

/// Power to open, a key, and a record that was sealed with it.
#[expect(clippy::disallowed_methods, reason = "a test is its own wiring")]
pub fn sealed() -> (Opener, DataKeyRow, Vec<u8>) {
    let chance = SeededChance::of(5);
    let root = CredentialRoot::from_text(&"2a".repeat(32)).unwrap();
    let (kek, secrets) = vault::first_secrets(&root, &*chance, NOW).unwrap();
    let keys = vault::unlock(&root, &[kek], &secrets, chance).unwrap();
    let key = keys.sealer.new_data_key(SubjectId::from_uuid(Uuid::from_u128(9)), 1, NOW).unwrap();
    let parts = [Category::Identity, Category::Contact].map(|category| (category, Personal::text(CANARY.to_owned())));
    let sealed = keys.sealer.with_key(&key).unwrap().seal(PLACE, &parts).unwrap();
    let _ = keys.sealer.lookup(IdentifierKind::Email, SourceNo(0), &Personal::text(CANARY.to_owned())).unwrap();
    (keys.opener, key, sealed)
}
