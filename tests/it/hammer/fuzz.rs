//! Whatever comes in at the parsers: no panic, and no value of it in what they say is wrong.
//!
//! The corpus of each is in `tests/corpus/<name>`. An input that finds a fault is printed in hexadecimal; put it there as
//! a file, and it is tried first for ever after.

use std::panic::{AssertUnwindSafe, catch_unwind};

use obhut::connect::{Catalog, TableMapping};
use obhut::consent::{Purpose, default_purposes};
use obhut::intake::normal::{
    address, country, currency, date, email, iban, language, money, name, phone, placeholder, text,
};
use obhut::intake::{self, lookup_form};
use obhut::segments::{Rule, Segment};
use obhut::store::rows::DataKeyRow;
use obhut::types::{Category, IdentifierKind, RecordNo, SourceNo, SubjectId, Timestamp};
use obhut::vault::{self, CredentialRoot, Opener, Personal};
use serde_json::Value;
use uuid::Uuid;

use super::mutation::Corpus;
use super::{Stopwatch, figure, is_full, times};
use crate::clock_and_chance::SeededChance;

/// It stands in the corpus where a value stands, and must be in no error. With its tilde it is no plain name of a field, which
/// an error may repeat.
const CANARY: &str = "kanarie~";
const NOW: Timestamp = Timestamp::from_micros(1_795_262_400_000_000);

/// Gives `read` everything of the corpus, then as many inputs as are wanted. `read` returns what it says about the input.
fn fuzz(corpus: &str, read: impl Fn(&[u8]) -> Option<String>) {
    fuzz_all(corpus, |input| match read(input) {
        None => (true, String::new()),
        Some(said) => (false, said),
    });
}

/// The same for what reads the input in several ways: was any of them content, and what did the others say?
fn fuzz_all(corpus: &str, read: impl Fn(&[u8]) -> (bool, String)) {
    let inputs = times("inputs", 1_500, 500_000);
    // Where every input goes through filters, the normal suite makes do with fewer.
    let inputs = if !is_full() && ["csv", "ndjson", "vendor"].contains(&corpus) { inputs / 10 } else { inputs };
    let watch = Stopwatch::start();
    let seed = u64::try_from(times("seed", 1, 1)).unwrap();
    let mut all = Corpus::of(corpus, seed);
    let (mut taken, mut refused) = (0, 0);
    for number in 0..all.seeds().len() + inputs {
        let input = all.seeds().get(number).cloned().unwrap_or_else(|| all.next());
        let said = catch_unwind(AssertUnwindSafe(|| read(&input)));
        let Ok((content, said)) = said else { panic!("a panic by {}", hex::encode(&input)) };
        assert!(!said.to_lowercase().contains(CANARY), "{said:?} repeats a value of {}", hex::encode(&input));
        if content { taken += 1 } else { refused += 1 }
    }
    assert!(taken > 0 && refused > 0, "{taken} taken, {refused} refused: the corpus reaches nothing");
    let test = std::thread::current().name().and_then(|name| name.rsplit("::").next()).unwrap_or(corpus).to_owned();
    let hammer = format!("fuzz, {test}");
    figure(&hammer, "none", "inputs taken and refused", format!("{taken} and {refused}"));
    figure(&hammer, "none", "seconds", watch.passed().as_secs());
}

#[test]
fn records() {
    fuzz("records", |line| {
        let refused = intake::parse(line, NOW).err()?;
        Some(format!("{refused:?} {}", refused.detail))
    });
}

/// Reading is repeatable, and what a record says of itself is read the same after its fields changed places.
#[test]
fn record_lines() {
    fuzz("records", |line| {
        let Ok(value) = serde_json::from_slice::<Value>(line) else { return Some("no JSON".to_owned()) };
        let again = serde_json::to_vec(&value).unwrap();
        let (first, second) = (intake::parse(line, NOW), intake::parse(&again, NOW));
        // A name that is there twice, or a number with too many digits, is refused in the first and gone in the second.
        if let Ok(first) = &first {
            let second = second.as_ref().map_err(|refused| format!("{refused:?}")).unwrap();
            assert_eq!(
                (first.kind, first.version, first.parts.len()),
                (second.kind, second.version, second.parts.len())
            );
        }
        first.err().map(|refused| format!("{refused:?}"))
    });
}

#[test]
fn ndjson() {
    fuzz("ndjson", |lines| {
        let mut refused = Vec::new();
        for line in lines.split(|byte| *byte == b'\n') {
            refused.extend(intake::parse(line, NOW).err().map(|refused| format!("{refused:?}")));
        }
        (!refused.is_empty()).then(|| refused.join("\n"))
    });
}

#[test]
fn csv() {
    let mapping = include_str!("../../../connectors/generic/mapping.yaml");
    let mapping = TableMapping::parse("mapping.yaml", mapping).unwrap();
    fuzz("csv", |table| {
        let mut refused = Vec::new();
        for record in mapping.read(table, "shop") {
            match record {
                Ok(line) => refused.extend(intake::parse(&line, NOW).err().map(|refused| format!("{refused:?}"))),
                Err(error) => refused.push(format!("{error} {error:?}")),
            }
        }
        (!refused.is_empty()).then(|| refused.join("\n"))
    });
}

/// A vendor's documents, through the filters of every connector.
#[test]
fn vendor_documents() {
    let catalog = Catalog::embedded().unwrap();
    fuzz("vendor", |document| {
        let Ok(page) = serde_json::from_slice::<Value>(document) else { return Some("no JSON".to_owned()) };
        let mut refused = Vec::new();
        for connector in catalog.connectors() {
            let Some(stream) = connector.stream_for(&page) else { continue };
            for record in stream.map(&page, "shop") {
                match record {
                    Ok(line) => refused.extend(intake::parse(&line, NOW).err().map(|refused| format!("{refused:?}"))),
                    Err(error) => refused.push(format!("{error} {error:?}")),
                }
            }
        }
        (!refused.is_empty()).then(|| refused.join("\n"))
    });
}

/// Every normal form is its own normal form, and no reason repeats what it refuses.
#[test]
fn identifiers() {
    fuzz_all("identifiers", |bytes| {
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
    });
}

/// Days, instants, amounts, addresses and the rest of what stands in a field.
#[test]
fn fields() {
    fuzz_all("fields", |bytes| {
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
    });
}

/// What a look-up names: the kind by the first byte, the value by the rest.
#[test]
fn lookups() {
    let kinds: Vec<IdentifierKind> = (0..64).filter_map(|number| IdentifierKind::try_from(number).ok()).collect();
    fuzz("identifiers", |bytes| {
        let (first, value) = bytes.split_first().unwrap_or((&0, &[]));
        let kind = kinds[usize::from(*first) % kinds.len()];
        lookup_form(kind, &String::from_utf8_lossy(value)).err().map(|reason| format!("{reason:?}"))
    });
}

/// A purpose as it is configured.
#[test]
fn purposes() {
    assert!(!default_purposes().unwrap().is_empty());
    fuzz("purposes", |document| match serde_json::from_slice::<Purpose>(document) {
        Ok(purpose) => {
            let text = serde_json::to_vec(&purpose).unwrap();
            assert_eq!(serde_json::from_slice::<Purpose>(&text).unwrap(), purpose);
            purpose.validate().err().map(|found| format!("{} faults", found.len()))
        }
        Err(_) => Some("not read".to_owned()),
    });
}

/// A segment and its rule, which are stored and read again as they were.
#[test]
fn segments() {
    fuzz("segments", |document| {
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
    });
}

/// The bytes of a record's envelopes. Nothing but what was sealed at this place opens.
#[test]
fn envelopes() {
    let (opener, key, sealed) = sealed();
    let record = RecordNo(7);
    fuzz("envelopes", |bytes| {
        let unpacked = vault::unpack(bytes).map(|parts| parts.len());
        let _ = (vault::categories(bytes), vault::key_no(bytes));
        let opening = opener.with_key(&key).unwrap();
        for category in Category::ALL {
            assert!(opening.open(record, category, bytes).is_err(), "a forged envelope opens");
        }
        unpacked.err().map(|error| format!("{error:?}"))
    });
    // The sealed one, with any one bit turned, and any end cut off.
    let opening = opener.with_key(&key).unwrap();
    assert!(opening.open(record, Category::Contact, &sealed).is_ok());
    for at in 0..sealed.len() {
        let mut turned = sealed.clone();
        turned[at] ^= 1 << (at % 8);
        let opened = [Category::Contact, Category::Identity].map(|category| opening.open(record, category, &turned));
        assert!(opened.iter().any(Result::is_err), "bit of byte {at}");
        let cut = [Category::Contact, Category::Identity].map(|category| opening.open(record, category, &sealed[..at]));
        assert!(cut.iter().any(Result::is_err), "cut at {at}");
    }
}

/// Power to open, a key, and a record that was sealed with it.
#[expect(clippy::disallowed_methods, reason = "a test is its own wiring")]
fn sealed() -> (Opener, DataKeyRow, Vec<u8>) {
    let chance = SeededChance::of(5);
    let root = CredentialRoot::from_text(&"2a".repeat(32)).unwrap();
    let (kek, secrets) = vault::first_secrets(&root, &*chance, NOW).unwrap();
    let keys = vault::unlock(&root, &[kek], &secrets, chance).unwrap();
    let key = keys.sealer.new_data_key(SubjectId::from_uuid(Uuid::from_u128(9)), 1, NOW).unwrap();
    let parts = [Category::Identity, Category::Contact].map(|category| (category, Personal::text(CANARY.to_owned())));
    let sealed = keys.sealer.with_key(&key).unwrap().seal(RecordNo(7), &parts).unwrap();
    let _ = keys.sealer.lookup(IdentifierKind::Email, SourceNo(0), &Personal::text(CANARY.to_owned())).unwrap();
    (keys.opener, key, sealed)
}
