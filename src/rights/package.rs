//! The ZIP file of an access package, built in memory.

use std::io::{Cursor, Write as _};

use serde::Serialize;
use serde_json::Value;
use zeroize::Zeroizing;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::explain::Document;
use super::{Error, page, words};
use crate::gateway::Disclosed;

/// What the person may take elsewhere (Art. 20(1) GDPR): data used under consent or contract, nothing inferred.
#[derive(Serialize)]
struct Portable<'a> {
    format: &'static str,
    made_at: &'a str,
    records: Vec<PortableRecord<'a>>,
}

#[derive(Serialize)]
struct PortableRecord<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    source: &'a str,
    updated_at: &'a str,
    data: std::collections::BTreeMap<&'a str, &'a Disclosed<Value>>,
}

/// Packs the document: see [`words::README`] for the files.
pub(super) fn pack(document: &Document) -> Result<Zeroizing<Vec<u8>>, Error> {
    let broken = |_| Error::Document("package");
    let mut zip = ZipWriter::new(Cursor::new(Vec::with_capacity(64 * 1024)));
    // No times and the same order always: the same content is the same file.
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated).unix_permissions(0o600);
    let files: [(&str, Zeroizing<Vec<u8>>); 5] = [
        ("README.txt", Zeroizing::new(words::README.as_bytes().to_vec())),
        ("package.html", Zeroizing::new(page::html(document)?.into_bytes())),
        ("data.json", json(document)?),
        ("data.csv", csv(document)?),
        ("portable.json", json(&portable(document))?),
    ];
    for (name, content) in &files {
        zip.start_file(*name, options).map_err(|_| Error::Document("package"))?;
        zip.write_all(content).map_err(broken)?;
    }
    Ok(Zeroizing::new(zip.finish().map_err(|_| Error::Document("package"))?.into_inner()))
}

fn json(document: &impl Serialize) -> Result<Zeroizing<Vec<u8>>, Error> {
    serde_json::to_vec_pretty(document).map(Zeroizing::new).map_err(|_| Error::Document("package"))
}

fn portable(document: &Document) -> Portable<'_> {
    let records = document.records.iter().map(|record| PortableRecord {
        kind: record.kind,
        source: &record.source,
        updated_at: &record.changed_at,
        data: record.parts.iter().filter(|part| part.portable).map(|part| (part.category, &part.data)).collect(),
    });
    let records = records.filter(|record| !record.data.is_empty()).collect();
    Portable { format: "obhut portable data 1", made_at: &document.made_at, records }
}

fn csv(document: &Document) -> Result<Zeroizing<Vec<u8>>, Error> {
    let mut lines = csv::Writer::from_writer(Vec::new());
    let head = ["record", "type", "source", "arrived_at", "category", "field", "value", "kept_until"];
    lines.write_record(head).map_err(|_| Error::Document("package"))?;
    for record in &document.records {
        for part in &record.parts {
            for field in opened(&part.data) {
                let number = record.number.to_string();
                let until = part.kept_until.as_deref().unwrap_or_default();
                let line = [
                    number.as_str(),
                    record.kind,
                    &record.source,
                    &record.arrived_at,
                    part.category,
                    &field.name,
                    &field.value,
                    until,
                ];
                lines.write_record(line).map_err(|_| Error::Document("package"))?;
            }
        }
    }
    lines.into_inner().map(Zeroizing::new).map_err(|_| Error::Document("package"))
}

/// One value and the way to it, such as `addresses.1.city`.
pub(super) struct Field {
    pub(super) name: String,
    pub(super) value: String,
}

/// Every value of a document that the door opened.
#[expect(clippy::disallowed_methods, reason = "the tables of the access package are made of the values")]
pub(super) fn opened(document: &Disclosed<Value>) -> Vec<Field> {
    fields(document.look())
}

/// Every value of a document, in its order.
pub(super) fn fields(document: &Value) -> Vec<Field> {
    let mut all = Vec::new();
    gather(document, String::new(), &mut all);
    all
}

fn gather(value: &Value, name: String, all: &mut Vec<Field>) {
    let under = |inner: &str| if name.is_empty() { inner.to_owned() } else { format!("{name}.{inner}") };
    match value {
        Value::Object(members) => members.iter().for_each(|(inner, value)| gather(value, under(inner), all)),
        Value::Array(entries) => {
            entries.iter().enumerate().for_each(|(at, value)| gather(value, under(&(at + 1).to_string()), all));
        }
        Value::String(text) => all.push(Field { name, value: text.clone() }),
        other => all.push(Field { name, value: other.to_string() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_value_has_its_way() {
        let document = json!({"a": {"b": [1, {"c": "x"}], "d": null}, "e": true});
        let found: Vec<_> = fields(&document).into_iter().map(|field| (field.name, field.value)).collect();
        let expected = [("a.b.1", "1"), ("a.b.2.c", "x"), ("a.d", "null"), ("e", "true")];
        assert_eq!(found, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }
}
