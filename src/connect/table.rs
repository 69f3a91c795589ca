//! CSV files: a mapping file says what the columns mean.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use csv::{ByteRecord, ReaderBuilder};
use jaq_json::Val;

use super::at::At;
use super::connector::check_fields;
use super::encoding::windows_1252;
use super::file::{Item, Items, Records, only};
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
        check_fields(At::of(file, text), &spec.fields)?;
        let delimiter = u8::try_from(spec.delimiter).ok().filter(u8::is_ascii).ok_or_else(|| {
            manifest::wrong(
                file,
                text,
                "delimiter:",
                "the delimiter must be one ASCII character; write \";\", \",\" or \"\\t\"".into(),
            )
        })?;
        let code = Code { at: At::of(file, text), text: &spec.records };
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
        Box::new(self.items(input, source).map(|item| item.record))
    }

    /// The same, with the place of each record and the row it was made of.
    pub fn items<'a>(&'a self, input: impl Read + 'a, source: &'a str) -> Items<'a> {
        let mut rows = Rows::over(input, self.delimiter);
        let header = match rows.next() {
            Some((_, Ok(header))) => header,
            Some((_, Err(error))) => return only(error),
            None => ByteRecord::new(),
        };
        let columns = match self.find_columns(&header) {
            Ok(columns) => columns,
            Err(error) => return only(error),
        };
        let expected = header.len();
        Box::new(rows.flat_map(move |(place, row)| -> Items<'a> {
            let row = match row {
                Ok(row) => row,
                Err(error) => return Box::new(std::iter::once(Item { place, raw: None, record: Err(error) })),
            };
            let raw = Some(as_written(&row, self.delimiter));
            let object = if row.len() == expected {
                self.object(&row, &columns, place)
            } else {
                Err(FileError::Columns { place, expected: expected as u64, found: row.len() as u64 })
            };
            match object {
                Err(error) => Box::new(std::iter::once(Item { place, raw, record: Err(error) })),
                Ok(object) => Box::new(self.mapping.run(object, source.into()).map(move |record| {
                    let failed =
                        |reason| FileError::Object { place, error: MappingError { object: 0, name: None, reason } };
                    Item { place, raw: raw.clone(), record: record.map_err(failed) }
                })),
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

    fn object(&self, row: &ByteRecord, columns: &[(String, usize)], place: Place) -> Result<Val, FileError> {
        let mut object = jaq_json::Map::default();
        for (name, number) in columns {
            let text = self.decode(row.get(*number).unwrap_or_default(), place)?;
            let cell = text.trim();
            let cell = if cell.is_empty() { Val::Null } else { Val::from(cell.to_owned()) };
            object.insert(Val::from(name.clone()), cell);
        }
        Ok(Val::obj(object))
    }

    fn decode(&self, bytes: &[u8], place: Place) -> Result<String, FileError> {
        match self.encoding {
            Encoding::Utf8 => std::str::from_utf8(bytes)
                .map(str::to_owned)
                .map_err(|_| FileError::Encoding { place, encoding: "UTF-8" }),
            Encoding::Windows1252 => windows_1252(bytes).ok_or(FileError::Encoding { place, encoding: "windows-1252" }),
        }
    }
}

/// The rows of a table, each with the line it begins on, and with bounded memory.
pub(super) struct Rows<R> {
    reader: csv::Reader<Metered<R>>,
    budget: Arc<AtomicU64>,
    ended: bool,
}

impl<R: Read> Rows<R> {
    pub(super) fn over(input: R, delimiter: u8) -> Self {
        let budget = Arc::new(AtomicU64::new(LONGEST_ROW));
        let metered = Metered { input, budget: Arc::clone(&budget) };
        let mut form = ReaderBuilder::new();
        let reader = form.delimiter(delimiter).has_headers(false).flexible(true).from_reader(metered);
        Self { reader, budget, ended: false }
    }
}

impl<R: Read> Iterator for Rows<R> {
    type Item = (Place, Result<ByteRecord, FileError>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        self.budget.store(LONGEST_ROW, Ordering::Relaxed);
        let place = Place { line: Some(self.reader.position().line()), page: None };
        let mut row = ByteRecord::new();
        match self.reader.read_byte_record(&mut row) {
            Ok(true) => {
                let line = row.position().map(csv::Position::line).or(place.line);
                Some((Place { line, page: None }, Ok(row)))
            }
            Ok(false) => None,
            Err(error) => {
                self.ended = true;
                Some((place, Err(failure(error, place))))
            }
        }
    }
}

/// A row as a file holds it, without the end of its line.
pub(super) fn as_written(row: &ByteRecord, delimiter: u8) -> Arc<[u8]> {
    let mut writer = csv::WriterBuilder::new().delimiter(delimiter).flexible(true).from_writer(Vec::new());
    // Writing into memory does not fail.
    let _ = writer.write_byte_record(row);
    let text = writer.into_inner().unwrap_or_default();
    Arc::from(text.strip_suffix(b"\n").unwrap_or(&text))
}

/// Passes bytes on until the budget of the present row is used up.
pub(super) struct Metered<R> {
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
        csv::ErrorKind::Io(error) if error.kind() == io::ErrorKind::FileTooLarge => {
            FileError::TooLong { place, limit: LONGEST_ROW }
        }
        csv::ErrorKind::Io(error) => FileError::Read(error),
        _ => FileError::Read(io::Error::from(io::ErrorKind::InvalidData)),
    }
}
