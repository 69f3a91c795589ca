//! From a file to the pages the mapping sees: `{header, row}`, the row by its captions.

use std::io::Read;
use std::sync::Arc;

use csv::ByteRecord;
use serde_json::{Map, Value, json};

use super::{DELIMITER, header};
use crate::connect::encoding::windows_1252;
use crate::connect::file::{Item, Items, only};
use crate::connect::table::{Rows, as_written};
use crate::connect::{Connector, FileError, Origin, Place};

/// Reads a file row by row with bounded memory. An empty cell says nothing and is left out.
pub(in crate::connect) fn items<'a>(connector: &'a Connector, input: impl Read + 'a, source: Origin<'a>) -> Items<'a> {
    let mut rows = Rows::over(input, DELIMITER);
    let mut next = || rows.next().map_or_else(|| Ok(ByteRecord::new()), |(_, row)| row);
    let header = match next().and_then(|row| header::read(&row)) {
        Ok(header) => header,
        Err(error) => return only(error),
    };
    let captions = match next().and_then(|row| captions(&row)) {
        Ok(captions) => captions,
        Err(error) => return only(error),
    };
    Box::new(rows.flat_map(move |(place, row)| -> Items<'a> {
        let row = match row {
            Ok(row) => row,
            Err(error) => return Box::new(std::iter::once(Item { place, raw: None, record: Err(error) })),
        };
        let raw: Option<Arc<[u8]>> = Some(as_written(&row, DELIMITER));
        match named(&row, &captions, place) {
            Ok(cells) => connector.read_page(&json!({"header": header, "row": cells}), place, raw, source.clone()),
            Err(error) => Box::new(std::iter::once(Item { place, raw, record: Err(error) })),
        }
    }))
}

fn captions(row: &ByteRecord) -> Result<Vec<String>, FileError> {
    let place = Place { line: Some(2), page: None };
    let read = |cell: &[u8]| windows_1252(cell).map(|caption| caption.trim().to_owned());
    let captions: Option<Vec<String>> = row.iter().map(read).collect();
    let captions = captions.ok_or(FileError::Encoding { place, encoding: "windows-1252" })?;
    if captions.is_empty() { Err(FileError::NotExtf) } else { Ok(captions) }
}

fn named(row: &ByteRecord, captions: &[String], place: Place) -> Result<Map<String, Value>, FileError> {
    // Programs leave out empty cells at the end; more cells than captions are another matter.
    if row.len() > captions.len() {
        return Err(FileError::Columns { place, expected: captions.len() as u64, found: row.len() as u64 });
    }
    let mut cells = Map::new();
    for (caption, cell) in captions.iter().zip(row) {
        let text = windows_1252(cell).ok_or(FileError::Encoding { place, encoding: "windows-1252" })?;
        let text = text.trim();
        if !text.is_empty() {
            cells.entry(caption.clone()).or_insert_with(|| text.into());
        }
    }
    Ok(cells)
}
