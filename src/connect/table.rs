//! CSV files: a mapping file says what the columns mean.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use csv::{ByteRecord, ReaderBuilder};
use jaq_json::Val;

use super::catalog::check_fields;
use super::file::{Records, only};
use super::manifest::{self, Encoding, TableSpec};
use super::mapping::{Code, Mapping};
use super::{Error, FileError, MappingError, Place};

/// Bytes of one row, so that a quotation mark that is never closed does not swallow the file.
const LONGEST_ROW: u64 = 16 * 1024 * 1024;

/// What the columns of a CSV file mean.
pub struct TableMapping {
    title: String,
    delimiter: u8,
    encoding: Encoding,
    columns: BTreeMap<String, String>,
    mapping: Mapping,
}

impl TableMapping {
    /// Reads a mapping file.
    ///
    /// # Errors
    /// If it cannot be read or is wrong; the error names file, line and column and what to write instead.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let file = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|source| Error::Read { file: file.clone(), source })?;
        Self::parse(&file, &text)
    }

    /// Reads the text of a mapping file; `file` is its name in errors.
    ///
    /// # Errors
    /// As [`TableMapping::load`].
    pub fn parse(file: &str, text: &str) -> Result<Self, Error> {
        let spec: TableSpec = manifest::parse(file, text)?;
        check_fields(file, text, &spec.fields)?;
        let delimiter = u8::try_from(spec.delimiter).ok().filter(u8::is_ascii).ok_or_else(|| {
            manifest::wrong(
                file,
                text,
                "delimiter:",
                "the delimiter must be one ASCII character; write \";\", \",\" or \"\\t\"".into(),
            )
        })?;
        let code = Code { file, text: &spec.records };
        let mapping = Mapping::load("records", code, spec.fields, spec.consents)?;
        Ok(Self { title: spec.title, delimiter, encoding: spec.encoding, columns: spec.columns, mapping })
    }

    /// The name people know it by.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    /// Reads a table row by row with bounded memory. The filter sees each row as an object of the columns the mapping
    /// names; an empty cell is null.
    pub fn read<'a>(&'a self, input: impl Read + 'a, source: &'a str) -> Records<'a> {
        let budget = Arc::new(AtomicU64::new(LONGEST_ROW));
        let metered = Metered { input, budget: Arc::clone(&budget) };
        let mut reader = ReaderBuilder::new().delimiter(self.delimiter).from_reader(metered);
        let header = match reader.byte_headers() {
            Ok(header) => header.clone(),
            Err(error) => return only(failure(error, Place { line: Some(1), page: None })),
        };
        let columns = match self.find_columns(&header) {
            Ok(columns) => columns,
            Err(error) => return only(error),
        };
        let mut ended = false;
        let rows = std::iter::from_fn(move || {
            if ended {
                return None;
            }
            budget.store(LONGEST_ROW, Ordering::Relaxed);
            let place = Place { line: Some(reader.position().line()), page: None };
            let mut row = ByteRecord::new();
            match reader.read_byte_record(&mut row) {
                Ok(true) => Some(Ok(row)),
                Ok(false) => None,
                Err(error) => {
                    let error = failure(error, place);
                    ended = error.ends();
                    Some(Err(error))
                }
            }
        });
        Box::new(rows.flat_map(move |row| match row.and_then(|row| self.object(&row, &columns)) {
            Err(error) => only(error),
            Ok((place, object)) => {
                let records = self.mapping.run(object, source);
                Box::new(records.map(move |record| {
                    record.map_err(|reason| FileError::Object { place, error: MappingError { object: 0, reason } })
                }))
            }
        }))
    }

    /// The places of the mapped columns: name in the filter, number in the file.
    fn find_columns(&self, header: &ByteRecord) -> Result<Vec<(String, usize)>, FileError> {
        let place = Place { line: Some(1), page: None };
        let headings = header.iter().map(|heading| self.decode(heading, place)).collect::<Result<Vec<_>, _>>()?;
        let find = |(name, column): (&String, &String)| {
            let number = headings.iter().position(|heading| heading.trim() == column.as_str());
            number
                .map(|number| (name.clone(), number))
                .ok_or_else(|| FileError::MissingColumn { column: column.clone(), name: name.clone() })
        };
        self.columns.iter().map(find).collect()
    }

    fn object(&self, row: &ByteRecord, columns: &[(String, usize)]) -> Result<(Place, Val), FileError> {
        let place = Place { line: row.position().map(csv::Position::line), page: None };
        let mut object = jaq_json::Map::default();
        for (name, number) in columns {
            let text = self.decode(row.get(*number).unwrap_or_default(), place)?;
            let cell = text.trim();
            let cell = if cell.is_empty() { Val::Null } else { Val::from(cell.to_owned()) };
            object.insert(Val::from(name.clone()), cell);
        }
        Ok((place, Val::obj(object)))
    }

    fn decode(&self, bytes: &[u8], place: Place) -> Result<String, FileError> {
        match self.encoding {
            Encoding::Utf8 => std::str::from_utf8(bytes)
                .map(str::to_owned)
                .map_err(|_| FileError::Encoding { place, encoding: "UTF-8" }),
            Encoding::Windows1252 => {
                let text: Option<String> = bytes.iter().map(|byte| windows_1252(*byte)).collect();
                text.ok_or(FileError::Encoding { place, encoding: "windows-1252" })
            }
        }
    }
}

/// One character of windows-1252: Latin-1 with printable characters from 80 to 9F (WHATWG index, without the
/// five unassigned places).
fn windows_1252(byte: u8) -> Option<char> {
    const HIGH: [char; 32] = [
        '€', '\0', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\0', 'Ž', '\0', '\0', '‘', '’', '“', '”',
        '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\0', 'ž', 'Ÿ',
    ];
    match byte {
        0x80..=0x9f => HIGH.get(usize::from(byte - 0x80)).copied().filter(|character| *character != '\0'),
        _ => Some(char::from(byte)),
    }
}

/// Passes bytes on until the budget of the present row is used up.
struct Metered<R> {
    input: R,
    budget: Arc<AtomicU64>,
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.budget.load(Ordering::Relaxed);
        if left == 0 {
            return Err(io::Error::from(io::ErrorKind::FileTooLarge));
        }
        let length = self.input.read(buffer)?;
        self.budget.store(left.saturating_sub(length as u64), Ordering::Relaxed);
        Ok(length)
    }
}

fn failure(error: csv::Error, place: Place) -> FileError {
    match error.into_kind() {
        csv::ErrorKind::UnequalLengths { pos, expected_len, len } => {
            let line = pos.map(|pos| pos.line()).or(place.line);
            FileError::Columns { place: Place { line, page: None }, expected: expected_len, found: len }
        }
        csv::ErrorKind::Io(error) if error.kind() == io::ErrorKind::FileTooLarge => {
            FileError::TooLong { place, limit: LONGEST_ROW }
        }
        csv::ErrorKind::Io(error) => FileError::Read(error),
        _ => FileError::Read(io::Error::from(io::ErrorKind::InvalidData)),
    }
}
