//! [`Rows`]: the rows of a file, one by one while it comes in. A page of the file and one row is all that lies in memory.

use std::io::Write as _;

use bytes::Bytes;
use flate2::write::MultiGzDecoder;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use jaq_json::Val;

use crate::connect::Fault;
use crate::connect::encoding::windows_1252;
use crate::connect::manifest::report::{FileEncoding, FileForm};
use crate::types::read_json;

/// Bytes of one row, so that a quotation mark that is never closed does not swallow the file.
const LONGEST_ROW: usize = 16 << 20;
/// Packed bytes that are unpacked at once: they become eight megabytes at most.
const SLICE: usize = 8 << 10;
/// What a file of UTF-8 may begin with.
const ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// How a file is read.
#[derive(Clone, Copy)]
pub(super) struct Reading {
    pub(super) form: FileForm,
    pub(super) delimiter: u8,
    pub(super) encoding: FileEncoding,
    /// The most it may be, unpacked, in MiB: a few bytes can unpack to any length.
    pub(super) most: u32,
}

/// A file that comes in.
pub(super) struct Rows {
    reading: Reading,
    pieces: BoxStream<'static, Result<Bytes, Fault>>,
    /// Came in and is not unpacked yet.
    packed: Bytes,
    unpack: Unpack,
    /// Bytes that were unpacked.
    read: u64,
    /// Unpacked, from where on it is not read yet, and how far it was looked through for the end of the row.
    plain: Vec<u8>,
    start: usize,
    looked: usize,
    mark: Mark,
    ended: bool,
    names: Option<Vec<Val>>,
}

/// What the bytes of a row mean that comes after those that were looked through.
#[derive(Clone, Copy, Default)]
struct Mark {
    spot: Spot,
    /// Does a quoted text go over several lines?
    spans: bool,
    /// Does something follow the mark that closes a quoted text?
    torn: bool,
}

/// Where in a row the next byte stands. A quotation mark opens a text at the beginning of a field only.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Spot {
    #[default]
    Field,
    Inside,
    Quoted,
    /// Behind a mark in a quoted text: it ends there, or a second mark follows and it is one of its own.
    Quote,
}

enum Unpack {
    /// Its first bytes did not come yet.
    Unknown,
    Plain,
    Gzip(Box<MultiGzDecoder<Vec<u8>>>),
}

/// A row, or that it cannot be read.
pub(super) type Row = Result<Val, Unreadable>;

/// A row that is none. It says nothing of what stands there.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unreadable;

impl Rows {
    pub(super) fn of(pieces: BoxStream<'static, Result<Bytes, Fault>>, reading: Reading) -> Self {
        Self {
            reading,
            pieces,
            packed: Bytes::new(),
            unpack: Unpack::Unknown,
            read: 0,
            plain: Vec::new(),
            start: 0,
            looked: 0,
            mark: Mark::default(),
            ended: false,
            names: None,
        }
    }

    /// The next row; none at the end.
    ///
    /// # Errors
    /// If the line breaks, also in the middle of something packed; [`Fault::Report`] if the file is none, however often it is had.
    pub(super) async fn next(&mut self) -> Result<Option<Row>, Fault> {
        loop {
            let Some(line) = self.line().await? else { return Ok(None) };
            let line = line.as_ref().map(|line| line.strip_prefix(ORDER_MARK).unwrap_or(line));
            if line.is_ok_and(|line| line.trim_ascii().is_empty()) {
                continue;
            }
            if self.reading.form == FileForm::JsonLines {
                let read = |line| read_json::<Val>(line).map_err(|_| Unreadable);
                return Ok(Some(line.map_err(|_| Unreadable).and_then(read)));
            }
            let cells = line.map_err(|_| Unreadable).and_then(|line| self.cells(line));
            match (&self.names, cells) {
                (None, Ok(cells)) => self.names = Some(cells),
                (None, Err(Unreadable)) => return Err(Fault::Report),
                (Some(names), cells) => {
                    let row = |cells: Vec<Val>| Val::obj(names.iter().cloned().zip(cells).collect());
                    return Ok(Some(cells.map(row)));
                }
            }
        }
    }

    /// The bytes of the next row, without its end.
    async fn line(&mut self) -> Result<Option<Result<Vec<u8>, Unreadable>>, Fault> {
        loop {
            // A large file keeps nobody else waiting.
            tokio::task::consume_budget().await;
            if let Some(end) = self.end_of_row() {
                return Ok(Some(self.cut(end, end + 1)));
            }
            if self.ended {
                let end = self.plain.len();
                return Ok((self.start < end).then(|| self.cut(end, end)));
            }
            if self.plain.len() - self.start > LONGEST_ROW {
                return Err(Fault::Report);
            }
            self.fill().await?;
        }
    }

    /// The row up to `end`. The next one begins at `next`.
    fn cut(&mut self, end: usize, next: usize) -> Result<Vec<u8>, Unreadable> {
        let line = self.plain.get(self.start..end).unwrap_or_default().to_vec();
        let Mark { spot, spans, torn } = std::mem::take(&mut self.mark);
        (self.start, self.looked) = (next, next);
        // A mark that nobody meant to open anything makes one row of several.
        if spot == Spot::Quoted || (spans && torn) { Err(Unreadable) } else { Ok(line) }
    }

    /// Where the row ends, if it does so in what is there: for columns as the `csv` crate ends one.
    fn end_of_row(&mut self) -> Option<usize> {
        let Reading { form, delimiter, .. } = self.reading;
        let (quotes, columns) = (form == FileForm::Csv, form != FileForm::JsonLines);
        let mut mark = self.mark;
        for (at, byte) in self.plain.iter().copied().enumerate().skip(self.looked) {
            let ends = byte == b'\n' || (byte == b'\r' && columns);
            mark.spot = match (mark.spot, byte) {
                (Spot::Quoted, b'"') => Spot::Quote,
                (Spot::Quote, b'"') => Spot::Quoted,
                (Spot::Quoted, _) => {
                    mark.spans |= ends;
                    Spot::Quoted
                }
                _ if ends => {
                    self.mark = mark;
                    return Some(at);
                }
                (Spot::Field, b'"') if quotes => Spot::Quoted,
                (_, byte) if byte == delimiter => Spot::Field,
                (Spot::Quote, _) => {
                    mark.torn = true;
                    Spot::Inside
                }
                // The mark of the file's encoding is no part of the first field.
                (_, b'\xbf') if self.plain.get(self.start..=at) == Some(ORDER_MARK) => Spot::Field,
                _ => Spot::Inside,
            };
        }
        self.mark = mark;
        self.looked = self.plain.len();
        None
    }

    /// Unpacks a little more.
    async fn fill(&mut self) -> Result<(), Fault> {
        self.plain.drain(..self.start);
        self.looked -= self.start;
        self.start = 0;
        // The first two bytes say whether it is packed.
        while self.packed.is_empty() || (matches!(self.unpack, Unpack::Unknown) && self.packed.len() < 2) {
            match self.pieces.next().await {
                Some(piece) if self.packed.is_empty() => self.packed = piece?,
                Some(piece) => self.packed = [self.packed.clone(), piece?].concat().into(),
                None => {
                    self.ended = true;
                    break;
                }
            }
        }
        if matches!(self.unpack, Unpack::Unknown) {
            let is_gzip = self.packed.starts_with(b"\x1f\x8b");
            self.unpack = if is_gzip { Unpack::Gzip(Box::new(MultiGzDecoder::new(Vec::new()))) } else { Unpack::Plain };
        }
        let slice = self.packed.split_to(self.packed.len().min(SLICE));
        let before = self.plain.len();
        match &mut self.unpack {
            Unpack::Gzip(unpack) => {
                unpack.write_all(&slice).map_err(|_| Fault::Report)?;
                if self.ended && self.packed.is_empty() {
                    // One that was cut off is no whole file.
                    unpack.try_finish().map_err(|_| Fault::Unreadable)?;
                }
                self.plain.append(unpack.get_mut());
            }
            Unpack::Plain | Unpack::Unknown => self.plain.extend_from_slice(&slice),
        }
        self.read = self.read.saturating_add(u64::try_from(self.plain.len() - before).unwrap_or(u64::MAX));
        if self.read > u64::from(self.reading.most) << 20 {
            return Err(Fault::TooLarge(self.reading.most));
        }
        self.ended &= self.packed.is_empty();
        Ok(())
    }

    /// The columns of a row, as texts.
    fn cells(&self, line: &[u8]) -> Result<Vec<Val>, Unreadable> {
        let text = |cell: &[u8]| {
            let text = match self.reading.encoding {
                FileEncoding::Utf8 => std::str::from_utf8(cell).ok().map(str::to_owned),
                FileEncoding::Windows1252 => windows_1252(cell),
            };
            text.map(Val::from).ok_or(Unreadable)
        };
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .delimiter(self.reading.delimiter)
            .quoting(self.reading.form == FileForm::Csv)
            .buffer_capacity(1 << 10)
            .from_reader(line);
        let mut record = csv::ByteRecord::new();
        if !reader.read_byte_record(&mut record).map_err(|_| Unreadable)? {
            return Err(Unreadable);
        }
        let cells = record.iter().map(text).collect();
        // Nothing of a file goes unread without being counted.
        let has_more = reader.read_byte_record(&mut record).map_err(|_| Unreadable)?;
        if has_more { Err(Unreadable) } else { cells }
    }
}

#[cfg(test)]
mod tests;
