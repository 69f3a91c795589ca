//! From a file to canonical records: which stream, which objects, and what failed where.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use super::{Connector, FileError, Origin, Place, extf};

/// Bytes of a JSON file that is one value and therefore read as a whole.
const LONGEST_JSON: u64 = 256 * 1024 * 1024;
/// Bytes of one line of an NDJSON file.
const LONGEST_LINE: u64 = 16 * 1024 * 1024;

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One JSON value: a reply of the vendor, or an array of replies.
    Json,
    /// One JSON value per line.
    Ndjson,
    /// A table with a header line.
    Csv,
}

impl Form {
    /// The form a file's name promises: `.json`, `.ndjson` or `.jsonl`, `.csv`.
    #[must_use]
    pub fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "json" => Some(Self::Json),
            "ndjson" | "jsonl" => Some(Self::Ndjson),
            "csv" => Some(Self::Csv),
            _ => None,
        }
    }
}

/// Canonical records as JSON, one by one, and the errors of what could not be read between them.
pub type Records<'a> = Box<dyn Iterator<Item = Result<Vec<u8>, FileError>> + 'a>;

/// What stood at one place of a file.
pub struct Item {
    /// Where.
    pub place: Place,
    /// As it stood there, for whoever puts it aside. None where the file is one document.
    pub raw: Option<Arc<[u8]>>,
    /// The record made of it, or why there is none.
    pub record: Result<Vec<u8>, FileError>,
}

/// What stands in a file, in its order. The same bytes always yield the same items.
pub type Items<'a> = Box<dyn Iterator<Item = Item> + 'a>;

impl Connector {
    /// Reads a file of the vendor's replies. NDJSON is read line by line with bounded memory; a JSON file is one value
    /// and read as a whole, up to 256 MiB. CSV needs a [`TableMapping`](super::TableMapping).
    pub fn read<'a>(&'a self, input: impl Read + 'a, form: Form, source: impl Into<Origin<'a>>) -> Records<'a> {
        Box::new(self.items(input, form, source).map(|item| item.record))
    }

    /// The same, with the place of each record and what stood there.
    pub fn items<'a>(&'a self, input: impl Read + 'a, form: Form, source: impl Into<Origin<'a>>) -> Items<'a> {
        let source = source.into();
        match form {
            Form::Json => self.read_json(input, source),
            Form::Ndjson => Box::new(Lines::over(input).flat_map(move |(place, line)| {
                let (raw, page) = match line {
                    Ok(line) => (Some(Arc::<[u8]>::from(line.as_slice())), parse(&line, place)),
                    Err(error) => (None, Err(error)),
                };
                match page {
                    Ok(page) => self.read_page(&page, place, raw, source.clone()),
                    Err(error) => Box::new(std::iter::once(Item { place, raw, record: Err(error) })),
                }
            })),
            Form::Csv if self.reads_extf() => extf::items(self, input, source),
            Form::Csv => only(FileError::NeedsMapping),
        }
    }

    fn read_json<'a>(&'a self, input: impl Read, source: Origin<'a>) -> Items<'a> {
        let whole = Place::default();
        let mut bytes = Vec::new();
        match input.take(LONGEST_JSON + 1).read_to_end(&mut bytes) {
            Err(error) => return only(FileError::Read(error)),
            Ok(length) if length as u64 > LONGEST_JSON => {
                return only(FileError::TooLong { place: whole, limit: LONGEST_JSON });
            }
            Ok(_) => {}
        }
        match parse(without_mark(&bytes), whole) {
            Err(error) => only(error),
            Ok(Value::Array(pages)) => Box::new(pages.into_iter().enumerate().flat_map(move |(page, value)| {
                self.read_page(&value, Place { page: Some(page), line: None }, None, source.clone())
            })),
            Ok(page) => self.read_page(&page, whole, None, source),
        }
    }

    /// What the objects of a page are; `raw` is the page as it stood, where it stood on a line of its own.
    pub(super) fn read_page<'a>(
        &'a self,
        page: &Value,
        place: Place,
        raw: Option<Arc<[u8]>>,
        source: Origin<'a>,
    ) -> Items<'a> {
        match self.stream_for(page) {
            Some(stream) => Box::new(stream.map(page, source).map(move |record| {
                let record = record.map_err(|error| FileError::Object { place, error });
                Item { place, raw: raw.clone(), record }
            })),
            None if self.is_empty_page(page) => Box::new(std::iter::empty()),
            None => {
                let error = FileError::UnknownPage {
                    place,
                    connector: self.name().to_owned(),
                    streams: self.streams().iter().map(|stream| stream.name()).collect::<Vec<_>>().join(", "),
                };
                Box::new(std::iter::once(Item { place, raw, record: Err(error) }))
            }
        }
    }
}

/// The lines of a file with something in them.
struct Lines<R> {
    input: BufReader<R>,
    line: u64,
    ended: bool,
}

impl<R: Read> Lines<R> {
    fn over(input: R) -> Self {
        Self { input: BufReader::new(input), line: 0, ended: false }
    }
}

impl<R: Read> Iterator for Lines<R> {
    type Item = (Place, Result<Vec<u8>, FileError>);

    fn next(&mut self) -> Option<Self::Item> {
        while !self.ended {
            self.line += 1;
            let place = Place { line: Some(self.line), page: None };
            let mut bytes = Vec::new();
            match self.input.by_ref().take(LONGEST_LINE + 1).read_until(b'\n', &mut bytes) {
                Err(error) => {
                    self.ended = true;
                    return Some((place, Err(FileError::Read(error))));
                }
                Ok(0) => self.ended = true,
                Ok(length) if length as u64 > LONGEST_LINE => {
                    self.ended = true;
                    return Some((place, Err(FileError::TooLong { place, limit: LONGEST_LINE })));
                }
                Ok(_) => {
                    let content = if self.line == 1 { without_mark(&bytes) } else { &bytes };
                    if !content.trim_ascii().is_empty() {
                        return Some((place, Ok(content.to_vec())));
                    }
                }
            }
        }
        None
    }
}

/// Parses one JSON value. The error says where it breaks, never what stands there.
fn parse(bytes: &[u8], place: Place) -> Result<Value, FileError> {
    let text = std::str::from_utf8(bytes).map_err(|error| FileError::Encoding {
        place: line_of(bytes, error.valid_up_to(), place),
        encoding: "UTF-8",
    })?;
    serde_json::from_str(text).map_err(|error| FileError::Json { place, line: error.line(), column: error.column() })
}

/// For a file read as a whole: the line of a byte in it.
fn line_of(bytes: &[u8], offset: usize, place: Place) -> Place {
    let before = bytes.iter().take(offset).filter(|byte| **byte == b'\n').count() as u64;
    Place { line: place.line.or(Some(before + 1)), ..place }
}

/// Spreadsheets and editors on Windows put a byte order mark in front of UTF-8.
fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

pub(super) fn only<'a>(error: FileError) -> Items<'a> {
    Box::new(std::iter::once(Item { place: Place::default(), raw: None, record: Err(error) }))
}
