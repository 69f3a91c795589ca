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
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn gzip(plain: &[u8]) -> Vec<u8> {
        let mut packed = GzEncoder::new(Vec::new(), Compression::default());
        packed.write_all(plain).unwrap();
        packed.finish().unwrap()
    }

    /// All rows of a file that comes in such pieces, and why it ended before its end.
    async fn rows(bytes: &[u8], piece: usize, form: FileForm, encoding: FileEncoding) -> (Vec<String>, bool) {
        let (read, fault) = rows_or_why(bytes, piece, form, encoding).await;
        (read, fault.is_none())
    }

    async fn rows_or_why(
        bytes: &[u8],
        piece: usize,
        form: FileForm,
        encoding: FileEncoding,
    ) -> (Vec<String>, Option<Fault>) {
        rows_up_to(4_096, (bytes, piece), form, encoding).await
    }

    async fn rows_up_to(
        most: u32,
        (bytes, piece): (&[u8], usize),
        form: FileForm,
        encoding: FileEncoding,
    ) -> (Vec<String>, Option<Fault>) {
        let pieces: Vec<Result<Bytes, Fault>> = bytes.chunks(piece).map(|piece| Ok(piece.to_vec().into())).collect();
        let delimiter = if form == FileForm::Tsv { b'\t' } else { b',' };
        let pieces = futures_util::stream::iter(pieces).boxed();
        let mut file = Rows::of(pieces, Reading { form, delimiter, encoding, most });
        let mut read = Vec::new();
        loop {
            match file.next().await {
                Ok(Some(Ok(row))) => read.push(row.to_string()),
                Ok(Some(Err(Unreadable))) => read.push("unreadable".to_owned()),
                Ok(None) => return (read, None),
                Err(fault) => return (read, Some(fault)),
            }
        }
    }

    #[tokio::test]
    async fn a_file_has_an_end_however_well_it_is_packed() {
        let row = format!("1,{}\n", "x".repeat(1_000));
        let file = |rows: usize| format!("id,note\n{}", row.repeat(rows)).into_bytes();
        for packed in [false, true] {
            let bytes = |rows| if packed { gzip(&file(rows)) } else { file(rows) };
            let (read, fault) = rows_up_to(2, (&bytes(2_000), 4_096), FileForm::Csv, FileEncoding::Utf8).await;
            assert!(read.len() == 2_000 && fault.is_none());
            let (read, fault) = rows_up_to(2, (&bytes(50_000), 4_096), FileForm::Csv, FileEncoding::Utf8).await;
            assert!(matches!(fault, Some(Fault::TooLarge(2))), "{packed}: {} rows, {fault:?}", read.len());
            assert!(read.len() < 2_200, "{packed}: what is too long is read on: {}", read.len());
        }
    }

    #[tokio::test]
    async fn rows_are_the_same_in_whatever_pieces_they_come() {
        let csv = "\u{feff}id,name\r\n1,\"Öl, \"\"fein\"\"\nund mehr\"\r\n\r\n2,Tee\r\n3".as_bytes();
        let expected = [r#"{"id":"1","name":"Öl, \"fein\"\nund mehr"}"#, r#"{"id":"2","name":"Tee"}"#, r#"{"id":"3"}"#];
        for piece in [1, 2, 3, 7, 1_000] {
            for bytes in [csv.to_vec(), gzip(csv), [gzip(&csv[..20]), gzip(&csv[20..])].concat()] {
                let (read, whole) = rows(&bytes, piece, FileForm::Csv, FileEncoding::Utf8).await;
                assert!(whole && read == expected, "{piece}: {read:?}");
            }
        }
        let tsv = b"id\tname\n1\t\"K\xf6ln\n2\t\x80\n";
        let (read, _) = rows(tsv, 4, FileForm::Tsv, FileEncoding::Windows1252).await;
        assert_eq!(read, [r#"{"id":"1","name":"\"Köln"}"#, r#"{"id":"2","name":"€"}"#]);
        let (read, _) = rows(tsv, 4, FileForm::Tsv, FileEncoding::Utf8).await;
        assert_eq!(read, ["unreadable", "unreadable"]);
        let (read, _) = rows(b"{\"a\": 1}\nno json\n\n[2]", 5, FileForm::JsonLines, FileEncoding::Utf8).await;
        assert_eq!(read, [r#"{"a":1}"#, "unreadable", "[2]"]);
        assert_eq!(rows(b"", 1, FileForm::Csv, FileEncoding::Utf8).await, (Vec::new(), true));
        assert_eq!(rows(b"id,name\n", 1, FileForm::Csv, FileEncoding::Utf8).await, (Vec::new(), true));
    }

    #[tokio::test]
    async fn a_quotation_mark_that_opens_nothing_swallows_no_row() {
        let read = async |text: &str| {
            let mut all = Vec::new();
            for piece in [1, 2, 5, 1_000] {
                let (read, whole) = rows(text.as_bytes(), piece, FileForm::Csv, FileEncoding::Utf8).await;
                assert!(whole, "{text}");
                all.push(read);
            }
            assert!(all.windows(2).all(|pair| pair[0] == pair[1]), "{all:?}");
            all.remove(0)
        };
        let row = |id: &str, name: &str| serde_json::json!({"id": id, "name": name}).to_string();
        // In the middle of a field it is a mark like any other.
        let stray = "id,name\n1,Rohr 5\" DN\n2,Tee\n3,Kaffee\n";
        assert_eq!(read(stray).await, [row("1", "Rohr 5\" DN"), row("2", "Tee"), row("3", "Kaffee")]);
        // One that opens a text and does not close it is told of.
        assert_eq!(read("id,name\n1,Tee\n2,\"Rohr\n3,Kaffee\n").await, [row("1", "Tee"), "unreadable".to_owned()]);
        let torn = "id,name\n1,\"Rohr\n2,\"Tee\"\n3,Kaffee\n";
        assert_eq!(read(torn).await, ["unreadable".to_owned(), row("3", "Kaffee")]);
        // What means a mark is read as before, also behind the mark of the encoding.
        assert_eq!(read("\u{feff}\"id\",name\n1,\"a\r\n\"\"b\"\n").await, [row("1", "a\r\n\"b")]);
        // Lines may end as they did on old machines.
        assert_eq!(read("id,name\r1,Tee\r2,\"a\rb\"\r").await, [row("1", "Tee"), row("2", "a\rb")]);
        let (read, _) = rows(b"id\tname\r1\tTee\r", 3, FileForm::Tsv, FileEncoding::Utf8).await;
        assert_eq!(read, [row("1", "Tee")]);
    }

    #[tokio::test]
    async fn a_file_that_was_cut_off_is_had_again_and_one_that_is_none_is_not() {
        let why = async |bytes: &[u8]| rows_or_why(bytes, 1 << 20, FileForm::Csv, FileEncoding::Utf8).await.1;
        let packed = gzip(b"id\n1\n2\n3\n");
        for length in [2, 12, packed.len() - 9, packed.len() - 1] {
            assert_eq!(why(&packed[..length]).await, Some(Fault::Unreadable), "{length}");
        }
        let mut broken = packed.clone();
        broken[10] = 0xff;
        let mut endless = b"id\n1,".to_vec();
        endless.resize(LONGEST_ROW + (64 << 10), b'x');
        for content in [broken, b"id,stra\xdfe\n1,x\n".to_vec(), endless] {
            assert_eq!(why(&content).await, Some(Fault::Report));
        }
    }

    #[tokio::test]
    async fn a_file_of_many_lines_is_split_in_one_go() {
        // Were the rest moved at each of them, this would not end in our lifetime.
        let mut lines = b"id\n1".to_vec();
        lines.resize(8 << 20, b'\n');
        lines.extend_from_slice(b"2\n");
        let (read, whole) = rows(&gzip(&lines), 1 << 20, FileForm::Csv, FileEncoding::Utf8).await;
        assert!(whole);
        assert_eq!(read, [r#"{"id":"1"}"#, r#"{"id":"2"}"#]);
    }

    #[tokio::test]
    async fn others_have_their_turn_while_a_file_is_read() {
        let turns = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let counted = turns.clone();
        let other = tokio::spawn(async move {
            loop {
                counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                tokio::task::yield_now().await;
            }
        });
        let (read, _) = rows(&gzip(&vec![b'\n'; 100_000]), 1 << 20, FileForm::Csv, FileEncoding::Utf8).await;
        other.abort();
        assert!(read.is_empty() && turns.load(std::sync::atomic::Ordering::Relaxed) > 100);
    }

    #[tokio::test]
    async fn a_small_file_that_unpacks_to_a_large_one_is_never_whole_in_memory() {
        // Sixty-four megabytes of one row.
        let packed = gzip(&vec![b'x'; 64 << 20]);
        assert!(packed.len() < 100_000);
        let (read, whole) = rows(&packed, 1 << 20, FileForm::Tsv, FileEncoding::Utf8).await;
        assert!(read.is_empty() && !whole);
    }
}
