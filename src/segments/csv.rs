//! Members as rows of a table, for tools that read CSV (RFC 4180, UTF-8, comma, CRLF).

use serde_json::{Map, Value};

use super::Error;
use super::Segments;
use super::member::Member;
use super::path::FieldPath;
use super::segment::Segment;

/// The table of one segment: its header is fixed by the definition, not by who is on the page.
///
/// Several values of a field stand in one cell, separated by ` | `. Cells that a spreadsheet would run as a formula begin
/// with an apostrophe; a phone number in E.164 is none and stays as it is.
pub struct Table {
    columns: Vec<FieldPath>,
    opt_out: bool,
}

impl Segments {
    /// The table of a segment.
    ///
    /// # Errors
    /// [`Error::Outdated`] if it does not fit the purposes in force.
    pub fn table(&self, segment: &Segment) -> Result<Table, Error> {
        let bound = segment.bind(&self.rulebook.edition()).map_err(Error::Outdated)?;
        let opt_out = bound.channel.is_some() && bound.purpose.direct_marketing;
        Ok(Table::new(&bound.fields, opt_out))
    }
}

impl Table {
    fn new(fields: &[FieldPath], opt_out: bool) -> Self {
        let columns = fields.iter().flat_map(|field| super::catalog::leaves(field.category(), field.names()));
        Self { columns: columns.collect(), opt_out }
    }

    /// The header line.
    ///
    /// # Errors
    /// None in practice: it is written to memory.
    pub fn header(&self) -> Result<Vec<u8>, Error> {
        let names = self.columns.iter().map(FieldPath::to_string);
        let opt_out = self.opt_out.then(|| "opt_out".to_owned());
        line(std::iter::once("subject_id".to_owned()).chain(opt_out).chain(names))
    }

    /// The line of a member.
    ///
    /// # Errors
    /// None in practice: it is written to memory.
    #[expect(clippy::disallowed_methods, reason = "a line of the reply is made of the values")]
    pub fn row(&self, member: &Member) -> Result<Vec<u8>, Error> {
        let opt_out = self.opt_out.then(|| member.opt_out.clone().unwrap_or_default());
        let cells = self.columns.iter().map(|column| cell(member.data.look(), column));
        line(std::iter::once(member.subject_id.to_string()).chain(opt_out).chain(cells))
    }
}

fn line(cells: impl Iterator<Item = String>) -> Result<Vec<u8>, Error> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    writer.write_record(cells.map(|cell| disarmed(&cell))).map_err(|_| Error::Unreadable)?;
    writer.into_inner().map_err(|_| Error::Unreadable)
}

fn cell(data: &Map<String, Value>, column: &FieldPath) -> String {
    let mut found = Vec::new();
    if let Some(part) = data.get(column.category().word()) {
        collect(part, &column.names().split('.').collect::<Vec<_>>(), &mut found);
    }
    found.join(" | ")
}

fn collect(value: &Value, names: &[&str], found: &mut Vec<String>) {
    match (value, names.split_first()) {
        (Value::Array(entries), _) => entries.iter().for_each(|entry| collect(entry, names, found)),
        // A digest stands where the value of a contact point would.
        (Value::Object(fields), Some((first, rest))) => {
            if let Some(value) = fields.get(*first).or_else(|| fields.get("sha256")) {
                collect(value, rest, found);
            }
        }
        (Value::String(text), None) => found.push(text.clone()),
        (Value::Number(_) | Value::Bool(_), None) => found.push(value.to_string()),
        (Value::Null | Value::Object(_), None) | (_, Some(_)) => {}
    }
}

/// Spreadsheets run cells that begin like a formula (CWE-1236).
fn disarmed(cell: &str) -> String {
    let phone = cell.strip_prefix('+').is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()));
    let first = cell.trim_start_matches([' ', '\u{feff}', '\u{a0}', '\u{3000}']).chars().next();
    // Full-width forms count too: spreadsheets in East Asian settings read them as the plain ones.
    let armed = first.is_some_and(|c| {
        matches!(c, '=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '\u{ff1d}' | '\u{ff0b}' | '\u{ff0d}' | '\u{ff20}')
    });
    if armed && !phone { format!("'{cell}") } else { cell.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::Disclosed;
    use crate::types::SubjectId;
    use proptest::prelude::*;
    use serde_json::json;

    fn member(data: Value) -> Member {
        let Value::Object(data) = data else { panic!("an object") };
        Member {
            subject_id: SubjectId::from_uuid(uuid::Uuid::nil()),
            opt_out: Some("token".to_owned()),
            data: Disclosed::of_a_test(data),
        }
    }

    #[test]
    fn the_header_is_fixed_and_rows_follow_it() {
        let fields = ["contact.emails.value", "identity.given_name", "address.addresses"];
        let fields: Vec<FieldPath> = fields.iter().map(|field| field.parse().unwrap()).collect();
        let table = Table::new(&fields, true);
        let header = String::from_utf8(table.header().unwrap()).unwrap();
        assert!(
            header.starts_with("subject_id,opt_out,contact.emails.value,identity.given_name,address.addresses.use,")
        );
        let row = table.row(&member(json!({
            "contact": {"emails": [{"value": "a@example.org"}, {"value": "b@example.org"}]},
            "identity": {"given_name": "=HYPERLINK(\"x\",\"y\")"},
        })));
        let row = String::from_utf8(row.unwrap()).unwrap();
        let start = "00000000-0000-0000-0000-000000000000,token,a@example.org | b@example.org,\"'=HYPERLINK(\"\"x\"\",\"\"y\"\")\",";
        assert!(row.starts_with(start), "{row}");
        assert!(row.ends_with("\r\n"));
        assert_eq!(row.matches(',').count() - 1, header.matches(',').count());
    }

    #[test]
    fn formulas_are_disarmed_and_phone_numbers_are_not() {
        for armed in ["=1+1", "+1+1", "-2", "@SUM(A1)", "\t=1", " =1", "\u{ff1d}1", "+49 171; =1"] {
            assert_eq!(disarmed(armed), format!("'{armed}"));
        }
        for harmless in ["", "Müller", "+491711234567", "a=b", "1-2"] {
            assert_eq!(disarmed(harmless), harmless);
        }
    }

    proptest! {
        #[test]
        fn no_cell_begins_a_formula(text in "\\PC{0,20}|[=+@\\-].{0,5}") {
            let first = disarmed(&text).chars().next();
            let phone = disarmed(&text).strip_prefix('+').is_some_and(|r| !r.is_empty() && r.bytes().all(|b| b.is_ascii_digit()));
            prop_assert!(phone || !matches!(first, Some('=' | '+' | '-' | '@')));
        }
    }
}
