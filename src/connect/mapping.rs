//! From one page of a vendor to canonical records.

use jaq_json::{Num, Val};
use serde::Deserialize;
use serde_json::{Map, Number, Value};

use super::call::At;
use super::fields::Fields;
use super::filter::Filter;
use super::manifest::{FieldLists, StreamSpec};
use super::pull::Pull;
use super::{Error, MappingError, Origin, Reason};
use crate::types::{Category, PurposeCode, RecordKind};

/// More objects than any page holds: a filter that yields more does not end.
const MOST_OBJECTS: usize = 1_000_000;
/// More records than one object can mean.
const MOST_RECORDS: usize = 10_000;

/// One kind of reply and the filter that makes records of it.
pub struct Stream {
    name: String,
    detect: Option<Filter>,
    objects: Filter,
    id: Filter,
    mapping: Mapping,
    undated: bool,
    pub(super) pull: Option<Pull>,
    /// Where the manifest lists its fields, from 1.
    pub(super) fields_line: usize,
}

impl Stream {
    /// The stream's name in the manifest, such as `orders`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Every field path the records may hold, with its category.
    pub fn fields(&self) -> impl Iterator<Item = (&str, Category)> {
        self.mapping.fields.paths()
    }

    /// The purposes for which the records may bring consents.
    #[must_use]
    pub fn consents(&self) -> &[PurposeCode] {
        self.mapping.fields.consents()
    }

    /// Maps the objects of a page, one by one. `source` is the code of the configured source and becomes the
    /// records' `source`. What cannot be mapped is an error item with the number of its object; the others follow.
    pub fn map<'a>(
        &'a self,
        page: &Value,
        source: impl Into<Origin<'a>>,
    ) -> impl Iterator<Item = Result<Vec<u8>, MappingError>> + 'a {
        self.map_objects(self.objects(value(page)).collect::<Vec<_>>().into_iter(), source.into())
    }

    /// Do its objects change without a time that says so?
    #[must_use]
    pub const fn is_undated(&self) -> bool {
        self.undated
    }

    /// How it is read from the vendor, if it can be.
    #[must_use]
    pub const fn pull(&self) -> Option<&Pull> {
        self.pull.as_ref()
    }

    /// The vendor's id of an object, where it can be told.
    pub(super) fn name_of(&self, object: &Val) -> Option<String> {
        match exact(self.id.run(object.clone()).next()?.ok()?)? {
            Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty() && text.len() <= 256),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }

    /// The objects of a page, one by one.
    pub(super) fn objects(&self, page: Val) -> impl Iterator<Item = Result<Val, MappingError>> + '_ {
        let objects = self.objects.run(page).take(MOST_OBJECTS + 1).enumerate();
        objects.map(|(number, object)| {
            let object =
                if number < MOST_OBJECTS { object.map_err(Reason::Filter) } else { Err(Reason::TooMany(MOST_OBJECTS)) };
            object.map_err(|reason| MappingError { object: number, name: None, reason })
        })
    }

    /// Do these objects come of a page of the stream? A reply of another shape, such as an error with a good status, yields an error,
    /// or is itself the object where the filter takes single objects too.
    pub(super) fn is_page(&self, page: &Val, objects: &[Result<Val, MappingError>]) -> bool {
        match objects {
            [Err(_)] => false,
            [Ok(one)] => one != page || self.objects.code().trim() == ".",
            _ => true,
        }
    }

    /// The records of objects that were read before.
    pub(super) fn map_objects<'a>(
        &'a self,
        objects: impl Iterator<Item = Result<Val, MappingError>> + 'a,
        source: Origin<'a>,
    ) -> impl Iterator<Item = Result<Vec<u8>, MappingError>> + 'a {
        objects.enumerate().flat_map(move |(number, object)| {
            let (object, failed) = match object {
                Ok(object) => (Some(object), None),
                Err(error) => (None, Some(Err(error))),
            };
            let source = source.clone();
            let records = object.into_iter().flat_map(move |object| {
                let error = {
                    let object = object.clone();
                    move |reason| MappingError { object: number, name: self.name_of(&object), reason }
                };
                self.mapping.run(object, source.clone()).map(move |record| record.map_err(&error))
            });
            records.chain(failed)
        })
    }

    /// `at` is where the stream is written, and `records` its filter, where that is a file of its own.
    pub(super) fn load(name: &str, spec: StreamSpec, at: At<'_>, records: Option<At<'_>>) -> Result<Self, Error> {
        let filter = |code: &str, what: &str| at.filter(code, &format!("streams.{name}.{what}"));
        let code = Code { at: records.unwrap_or(at), text: records.map_or(&*spec.records, At::text) };
        let fields_line = at.within(&["fields"]).line();
        Ok(Self {
            name: name.to_owned(),
            detect: Some(filter(&spec.detect, "detect")?),
            objects: filter(&spec.objects, "objects")?,
            id: filter(&spec.id, "id")?,
            mapping: Mapping::load(&format!("streams.{name}.records"), code, spec.fields, spec.consents)?,
            undated: spec.undated,
            pull: None,
            fields_line,
        })
    }

    /// One that makes no records: its objects are all there is to it.
    pub(super) fn list(name: &str, objects: &str, at: At<'_>) -> Result<Self, Error> {
        let none = Code { at, text: "empty" };
        Ok(Self {
            name: name.to_owned(),
            detect: None,
            objects: at.filter(objects, &format!("{name}.objects"))?,
            id: at.filter("empty", &format!("{name}.id"))?,
            mapping: Mapping::load(name, none, FieldLists::new(), Vec::new())?,
            undated: false,
            pull: None,
            fields_line: 0,
        })
    }

    /// May its records be of this type? A filter writes the word for it.
    pub(super) fn may_make(&self, kind: RecordKind) -> bool {
        let word = kind.word();
        [format!("\"{word}\""), format!("'{word}'")].iter().any(|word| self.mapping.records.code().contains(word))
    }

    /// Is it a page of this stream?
    #[must_use]
    pub fn recognises(&self, page: &Value) -> bool {
        self.detect.as_ref().is_some_and(|detect| detect.holds(value(page)))
    }
}

/// The text of a filter and where it stands.
pub(super) struct Code<'t> {
    pub(super) at: At<'t>,
    pub(super) text: &'t str,
}

/// The filter from one object to its records, and what the records may hold.
pub(super) struct Mapping {
    records: Filter,
    fields: Fields,
}

impl Mapping {
    pub(super) fn load(
        name: &str,
        code: Code<'_>,
        lists: FieldLists,
        consents: Vec<PurposeCode>,
    ) -> Result<Self, Error> {
        let records = code.at.filter_of_records(code.text, name)?;
        Ok(Self { records, fields: Fields::load(lists, consents) })
    }

    /// The canonical records of one object, as JSON.
    pub(super) fn run<'a>(
        &'a self,
        object: Val,
        source: Origin<'a>,
    ) -> impl Iterator<Item = Result<Vec<u8>, Reason>> + 'a {
        self.records.run_with(object, Some(source.parameters)).take(MOST_RECORDS + 1).enumerate().map(
            move |(number, record)| {
                if number == MOST_RECORDS {
                    return Err(Reason::TooMany(MOST_RECORDS));
                }
                self.fields.write(&record.map_err(Reason::Filter)?, source.code)
            },
        )
    }
}

/// JSON as jq sees it.
pub(super) fn value(value: &Value) -> Val {
    Val::deserialize(value).unwrap_or_default()
}

/// What jq yielded, as JSON. Nulls, blank texts, and lists and objects with nothing in them say nothing and are left
/// out, so that filters may name every field of the vendor without asking whether it is there.
pub(super) fn json(value: Val) -> Result<Option<Value>, Reason> {
    Ok(match value {
        Val::Null => None,
        Val::Bool(yes) => Some(Value::Bool(yes)),
        Val::Num(number) => Some(Value::Number(plain_number(&number)?)),
        Val::TStr(text) => {
            let text = std::str::from_utf8(&text).map_err(|_| Reason::NotJson)?;
            (!text.trim().is_empty()).then(|| Value::String(text.to_owned()))
        }
        Val::BStr(_) => return Err(Reason::NotJson),
        Val::Arr(items) => {
            let items =
                items.iter().filter_map(|item| json(item.clone()).transpose()).collect::<Result<Vec<_>, _>>()?;
            (!items.is_empty()).then_some(Value::Array(items))
        }
        Val::Obj(parts) => {
            let mut map = Map::new();
            for (key, part) in parts.iter() {
                let Val::TStr(key) = key else { return Err(Reason::NotJson) };
                let key = std::str::from_utf8(key).map_err(|_| Reason::NotJson)?;
                if let Some(part) = json(part.clone())? {
                    map.insert(key.to_owned(), part);
                }
            }
            (!map.is_empty()).then_some(Value::Object(map))
        }
    })
}

/// What jq yielded, as JSON, with everything that says nothing: what a vendor is sent. None if it is not JSON.
pub(super) fn exact(value: Val) -> Option<Value> {
    Some(match value {
        Val::Null => Value::Null,
        Val::Bool(yes) => Value::Bool(yes),
        Val::Num(number) => Value::Number(plain_number(&number).ok()?),
        Val::TStr(text) => Value::String(std::str::from_utf8(&text).ok()?.to_owned()),
        Val::BStr(_) => return None,
        Val::Arr(items) => Value::Array(items.iter().map(|item| exact(item.clone())).collect::<Option<_>>()?),
        Val::Obj(parts) => {
            let pair = |(key, part): (&Val, &Val)| match key {
                Val::TStr(key) => Some((std::str::from_utf8(key).ok()?.to_owned(), exact(part.clone())?)),
                _ => None,
            };
            Value::Object(parts.iter().map(pair).collect::<Option<_>>()?)
        }
    })
}

/// Whole numbers stay whole; what has a fraction keeps its shortest decimal form, so that 49.9 is never 49.899999.
pub(super) fn plain_number(number: &Num) -> Result<Number, Reason> {
    let whole = number.as_isize().and_then(|whole| i64::try_from(whole).ok()).map(Number::from);
    whole.or_else(|| number.to_string().parse().ok()).ok_or(Reason::NotJson)
}

#[cfg(test)]
mod tests {
    use super::*;

    static_assertions::assert_impl_all!(Stream: Send, Sync);

    fn stream(objects: &str, records: &str) -> Stream {
        let text = format!(
            "detect: 'true'\nobjects: {}\nrecords: x.jq\nfields:\n  commerce: [data.total, 'data.lines[].sku', 'data.properties.*']\n  contact: [identifiers.email]\nconsents: [newsletter_email]\n",
            serde_json::to_string(objects).unwrap()
        );
        let spec: StreamSpec = super::super::manifest::parse("x/manifest.yaml", &text).unwrap();
        Stream::load("orders", spec, At::of("x/manifest.yaml", &text), Some(At::of("x/x.jq", records))).unwrap()
    }

    fn mapped(stream: &Stream, page: &str) -> Vec<Result<String, String>> {
        let page: Value = serde_json::from_str(page).unwrap();
        let items = stream.map(&page, "shop");
        items
            .map(|item| item.map(|bytes| String::from_utf8(bytes).unwrap()).map_err(|error| error.to_string()))
            .collect()
    }

    #[test]
    fn one_broken_object_does_not_stop_the_others() {
        let stream = stream(
            ".data[]",
            r#"if .id == null then error("the order has no id") else {type: "order", external_id: (.id | text), data: {total: .total}} end"#,
        );
        let items = mapped(
            &stream,
            r#"{"data": [{"id": 1, "total": 49.9}, {"total": 1}, "no object", {"id": 4, "total": 45.0}]}"#,
        );
        assert_eq!(
            items,
            [
                Ok(r#"{"type":"order","external_id":"1","data":{"total":49.9},"source":"shop"}"#.to_owned()),
                Err("object 1: the order has no id".to_owned()),
                Err("object 2: the filter expected an object or list and found something else".to_owned()),
                Ok(r#"{"type":"order","external_id":"4","data":{"total":45.0},"source":"shop"}"#.to_owned()),
            ]
        );
    }

    #[test]
    fn what_says_nothing_is_left_out() {
        let stream = stream(
            ".",
            "{type: \"order\", data: {total: .total, nothing: .nothing, lines: [{sku: .sku, title: null}], empty: {a: \" \"}}}",
        );
        assert_eq!(
            mapped(&stream, r#"{"sku": "A"}"#),
            [Ok(r#"{"type":"order","data":{"lines":[{"sku":"A"}]},"source":"shop"}"#.to_owned())]
        );
    }

    #[test]
    fn a_field_without_a_category_does_not_enter() {
        for (records, path) in [
            ("{data: {secret: 1}}", "data.secret"),
            ("{data: {lines: [{title: .}]}}", "data.lines[].title"),
            ("{data: {lines: \"x\"}}", "data.lines"),
            ("{identifiers: [{kind: \"phone\", value: \"1\"}]}", "identifiers.phone"),
            ("{identifiers: [{kind: \"email\", value: \"1\", name: \"x\"}]}", "identifiers[].name"),
            ("{note: 1}", "note"),
        ] {
            let items = mapped(&stream(".", records), "\"x\"");
            let expected =
                MappingError { object: 0, name: None, reason: Reason::UndeclaredField(path.to_owned()) }.to_string();
            assert_eq!(items, [Err(expected)], "{records}");
        }
        let items = mapped(&stream(".", "{consents: [{purpose: \"profiling\"}]}"), "{}");
        assert!(items.iter().all(|item| item.as_ref().is_err_and(|text| text.contains("`profiling`"))), "{items:?}");
        assert!(
            mapped(
                &stream(".", "{data: {properties: {\"any thing\": 1}}, consents: [{purpose: \"newsletter_email\"}]}"),
                "{}"
            )
            .iter()
            .all(Result::is_ok)
        );
    }

    #[test]
    fn a_key_made_of_data_is_not_repeated() {
        let items = mapped(&stream(".", "{data: {(.mail): 1}}"), r#"{"mail": "secret@example.org"}"#);
        assert!(items.iter().all(|item| item.as_ref().is_err_and(|text| !text.contains("secret"))), "{items:?}");
    }

    #[test]
    fn a_filter_that_never_ends_is_stopped() {
        let endless = stream(".", "repeat({data: {total: 1}})");
        let items: Vec<_> = endless.map(&Value::Null, "shop").collect();
        assert_eq!(items.len(), MOST_RECORDS + 1);
        assert_eq!(
            items.last().unwrap().as_ref().err().map(|error| &error.reason),
            Some(&Reason::TooMany(MOST_RECORDS))
        );
    }

    #[test]
    fn numbers_keep_their_value() {
        let stream = stream(".", "{data: {total: .}}");
        for number in ["0", "-1", "12345678901234567", "18446744073709551615", "0.1", "149.7", "19.99"] {
            assert_eq!(
                mapped(&stream, number),
                [Ok(format!("{{\"data\":{{\"total\":{number}}},\"source\":\"shop\"}}"))]
            );
        }
        assert!(mapped(&stream, "1e308").iter().all(Result::is_ok));
        assert!(
            mapped(&self::stream(".", "{data: {total: infinite}}"), "1")
                .iter()
                .all(|item| item.is_err() || item.as_ref().is_ok_and(|text| text.contains("e308")))
        );
    }
}
