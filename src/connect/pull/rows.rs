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

/// Bytes of one row, so that a quotation mark that is never closed does not swallow the file.
const LONGEST_ROW: usize = 16 << 20;
/// Packed bytes that are unpacked at once: they become eight megabytes at most.
const SLICE: usize = 8 << 10;

/// How a file is read.
#[derive(Clone, Copy)]
pub(super) struct Reading {
    pub(super) form: FileForm,
    pub(super) delimiter: u8,
    pub(super) encoding: FileEncoding,
}

/// A file that comes in.
pub(super) struct Rows {
    reading: Reading,
    pieces: BoxStream<'static, Result<Bytes, Fault>>,
    /// Came in and is not unpacked yet.
    packed: Bytes,
    unpack: Unpack,
    /// Unpacked and not read yet, and how far it was looked through for the end of the row.
    plain: Vec<u8>,
    looked: usize,
    /// Did a quotation mark open there that is not closed?
    quoted: bool,
    ended: bool,
    names: Option<Vec<Val>>,
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
            plain: Vec::new(),
            looked: 0,
            quoted: false,
            ended: false,
            names: None,
        }
    }

    /// The next row; none at the end.
    ///
    /// # Errors
    /// If the line breaks, or what comes is not what it should be.
    pub(super) async fn next(&mut self) -> Result<Option<Row>, Fault> {
        loop {
            let Some(line) = self.line().await? else { return Ok(None) };
            if line.trim_ascii().is_empty() {
                continue;
            }
            if self.reading.form == FileForm::JsonLines {
                return Ok(Some(serde_json::from_slice::<Val>(&line).map_err(|_| Unreadable)));
            }
            let cells = self.cells(&line);
            match (&self.names, cells) {
                (None, Ok(cells)) => self.names = Some(cells),
                (None, Err(Unreadable)) => return Err(Fault::Unreadable),
                (Some(names), cells) => {
                    let row = |cells: Vec<Val>| Val::obj(names.iter().cloned().zip(cells).collect());
                    return Ok(Some(cells.map(row)));
                }
            }
        }
    }

    /// The bytes of the next row, without its end.
    async fn line(&mut self) -> Result<Option<Vec<u8>>, Fault> {
        loop {
            if let Some(end) = self.end_of_row() {
                let rest = self.plain.split_off(end + 1);
                let mut line = std::mem::replace(&mut self.plain, rest);
                line.pop();
                (self.looked, self.quoted) = (0, false);
                return Ok(Some(line));
            }
            if self.ended {
                let line = std::mem::take(&mut self.plain);
                self.looked = 0;
                return Ok((!line.is_empty()).then_some(line));
            }
            if self.plain.len() > LONGEST_ROW {
                return Err(Fault::Unreadable);
            }
            self.fill().await?;
        }
    }

    /// Where the row ends, if it does so in what is there.
    fn end_of_row(&mut self) -> Option<usize> {
        let quotes = self.reading.form == FileForm::Csv;
        for (at, byte) in self.plain.iter().enumerate().skip(self.looked) {
            match byte {
                b'"' if quotes => self.quoted = !self.quoted,
                b'\n' if !self.quoted => return Some(at),
                _ => {}
            }
        }
        self.looked = self.plain.len();
        None
    }

    /// Unpacks a little more.
    async fn fill(&mut self) -> Result<(), Fault> {
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
        match &mut self.unpack {
            Unpack::Gzip(unpack) => {
                unpack.write_all(&slice).map_err(|_| Fault::Unreadable)?;
                if self.ended && self.packed.is_empty() {
                    // One that was cut off is no whole file.
                    unpack.try_finish().map_err(|_| Fault::Unreadable)?;
                }
                self.plain.append(unpack.get_mut());
            }
            Unpack::Plain | Unpack::Unknown => self.plain.extend_from_slice(&slice),
        }
        self.ended &= self.packed.is_empty();
        Ok(())
    }

    /// The columns of a row, as texts.
    fn cells(&self, line: &[u8]) -> Result<Vec<Val>, Unreadable> {
        let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
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
        record.iter().map(text).collect()
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
        let pieces: Vec<Result<Bytes, Fault>> = bytes.chunks(piece).map(|piece| Ok(piece.to_vec().into())).collect();
        let delimiter = if form == FileForm::Tsv { b'\t' } else { b',' };
        let pieces = futures_util::stream::iter(pieces).boxed();
        let mut file = Rows::of(pieces, Reading { form, delimiter, encoding });
        let mut read = Vec::new();
        loop {
            match file.next().await {
                Ok(Some(Ok(row))) => read.push(row.to_string()),
                Ok(Some(Err(Unreadable))) => read.push("unreadable".to_owned()),
                Ok(None) => return (read, true),
                Err(_) => return (read, false),
            }
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
    async fn a_file_that_was_cut_off_is_not_whole() {
        let packed = gzip(b"id\n1\n2\n3\n");
        for length in [2, 12, packed.len() - 9, packed.len() - 1] {
            assert!(!rows(&packed[..length], 4, FileForm::Csv, FileEncoding::Utf8).await.1, "{length}");
        }
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
