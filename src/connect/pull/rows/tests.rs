//! Files in whatever pieces, packed or not, whole or torn.

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
