//! A long body as lines, for NDJSON: memory holds one line and one piece, never the body, and what was handed out until it is
//! let go.

use bytes::{Bytes, BytesMut};

use super::body::Reader;
use super::limits::FREE;
use super::problem::Problem;

/// One line of a body.
#[derive(Debug, PartialEq, Eq)]
pub enum Line {
    /// The bytes without the line end. They need not be UTF-8.
    Bytes(Bytes),
    /// The line was longer than the limit and has been skipped; the next lines can be read.
    TooLong,
}

/// Reads a body line by line. Empty lines are skipped but counted by [`number`](Self::number).
pub struct Lines {
    reader: Reader,
    held: BytesMut,
    /// How many of the held bytes are known to hold no line end.
    searched: usize,
    limit: usize,
    number: u64,
    skipping: bool,
    ended: bool,
    /// What arrived and waits for room.
    piece: Option<Bytes>,
    /// Bytes of the lines that were handed out and are not let go yet.
    out: usize,
    /// Bytes of lines that are handed out together, at most, with the last of them.
    most: usize,
    /// Were lines let go, that is, taken in?
    begun: bool,
}

impl Lines {
    /// Lines of at most `limit` bytes, of which as many are used at once as have `together` bytes and one more.
    #[must_use]
    pub fn new(reader: Reader, limit: usize, together: usize) -> Self {
        let most = together.saturating_add(limit).saturating_add(2 * FREE);
        let (held, searched, number, skipping, ended) = (BytesMut::new(), 0, 0, false, false);
        Self { reader, held, searched, limit, number, skipping, ended, piece: None, out: 0, most, begun: false }
    }

    /// The lines that were handed out are not used any more.
    pub fn let_go(&mut self) {
        (self.begun, self.out) = (self.number > 0, 0);
        if self.held.len() <= FREE {
            self.reader.let_go();
        }
    }

    /// The number of the line [`next`](Self::next) returned last, from 1.
    #[must_use]
    pub const fn number(&self) -> u64 {
        self.number
    }

    /// The SHA-256 of the body as far as it was read; none unless the reader adds it up.
    #[must_use]
    pub fn digest(&self) -> Option<[u8; 32]> {
        self.reader.digest()
    }

    /// The next line that is not empty; none at the end. A last line needs no line end.
    ///
    /// # Errors
    /// A problem if the body as a whole cannot be read on, or there is no room for it. Whoever gives up waiting loses nothing.
    pub async fn next(&mut self) -> Result<Option<Line>, Problem> {
        loop {
            if let Some(end) = self.held.iter().skip(self.searched).position(|byte| *byte == b'\n') {
                let end = self.searched + end;
                self.searched = 0;
                let mut line = self.held.split_to(end + 1);
                line.truncate(end);
                if let Some(line) = self.line(line) {
                    return Ok(Some(line));
                }
                continue;
            }
            if let Some(piece) = &self.piece {
                self.reader.hold(self.out + self.held.len() + piece.len(), self.most, self.begun).await?;
                self.held.extend_from_slice(&self.piece.take().unwrap_or_default());
                continue;
            }
            if self.held.len() > self.limit {
                self.skipping = true;
                self.held.clear();
            }
            self.searched = self.held.len();
            if self.ended {
                let rest = self.held.split();
                self.searched = 0;
                return Ok(if rest.is_empty() && !self.skipping { None } else { self.line(rest) });
            }
            match self.reader.next().await? {
                Some(piece) => self.piece = Some(piece),
                None => self.ended = true,
            }
        }
    }

    fn line(&mut self, mut line: BytesMut) -> Option<Line> {
        self.number += 1;
        if std::mem::take(&mut self.skipping) || line.len() > self.limit {
            return Some(Line::TooLong);
        }
        if line.ends_with(b"\r") {
            line.truncate(line.len() - 1);
        }
        if line.iter().all(u8::is_ascii_whitespace) {
            return None;
        }
        self.out += line.len();
        Some(Line::Bytes(line.freeze()))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use actix_web::dev::Payload;
    use actix_web::error::PayloadError;
    use actix_web::http::header::HeaderMap;
    use futures_util::stream;

    use super::*;

    async fn lines(pieces: &'static [&'static str], limit: usize) -> Vec<(u64, Option<String>)> {
        let pieces = pieces.iter().map(|piece| Ok::<_, PayloadError>(Bytes::from_static(piece.as_bytes())));
        let pieces: std::pin::Pin<Box<dyn stream::Stream<Item = _>>> = Box::pin(stream::iter(pieces));
        let payload = Payload::Stream { payload: pieces };
        let reader = Reader::open(&HeaderMap::new(), payload, 1000, Duration::from_secs(5)).unwrap();
        let (mut lines, mut all) = (Lines::new(reader, limit, 100), Vec::new());
        while let Some(line) = lines.next().await.unwrap() {
            all.push((
                lines.number(),
                match line {
                    Line::Bytes(bytes) => Some(String::from_utf8(bytes.to_vec()).unwrap()),
                    Line::TooLong => None,
                },
            ));
        }
        all
    }

    #[actix_web::test]
    async fn lines_come_whole_however_the_body_is_cut() {
        let expected = [(1, Some("one".into())), (3, Some("two".into())), (4, Some("three".into()))];
        assert_eq!(lines(&["one\n\ntwo\r\nthree"], 10).await, expected);
        assert_eq!(lines(&["o", "ne", "\n", "\ntwo\r", "\nthr", "ee\n"], 10).await, expected);
        assert_eq!(lines(&[], 10).await, []);
    }

    #[actix_web::test]
    async fn a_long_line_is_skipped_and_the_next_is_read() {
        let expected = [(1, None), (2, Some("short".into())), (3, None)];
        assert_eq!(lines(&["too long for this\nshort\ntoo long as well"], 8).await, expected);
        assert_eq!(
            lines(&["too long", " for", " this", " really\nsho", "rt\ntoo long as", " well"], 8).await,
            expected
        );
    }
}
