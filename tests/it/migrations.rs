//! The migrations: up and down on both databases, the same tables in both, and what each column holds of a person.

use std::collections::BTreeMap;
use std::path::Path;

use obhut::store::{self, Shelf};
use obhut::types::Category;

use crate::databases::{Database, Dialect, files_below, on_both_databases};

/// Columns of bytes that tell nothing of a person, and why. Every other column of bytes says in its comment which
/// category it holds and how long it stays.
const IMPERSONAL: [(&str, &str); 27] = [
    ("api_key.key_id", "names a program's key"),
    ("api_key.secret_hash", "hash of a random secret"),
    ("audience.lease_owner", "names a process"),
    ("audit_entry.body", "holds codes, counts and pseudonyms, by the type of audit::Line"),
    ("audit_entry.hash", "links the entries"),
    ("audit_entry.log_id", "names a process"),
    ("audit_head.log_id", "names a process"),
    ("audit_head.sealed", "a count and a hash, sealed"),
    ("audit_log.log_id", "names a process"),
    ("audit_subject.log_id", "names a process"),
    ("connection.lease_owner", "names a process"),
    ("connection.places", "times, page numbers and page tokens of a vendor, sealed"),
    ("connection.sealed", "what the merchant logs in with at a vendor, sealed"),
    ("data_key.commitment", "commits to a random key"),
    ("delivery.mark", "digest of the number a vendor gave a message"),
    ("hub_secret.wrapped", "the hub's own secret"),
    ("job.lease_owner", "names a process"),
    ("kek.wrapped", "a key for keys"),
    ("message.event_id", "digest of what tells a happening from every other"),
    ("notice.request_id", "names a request"),
    ("reply.body", "a reply without personal values"),
    ("review.review_id", "names a question about two records"),
    ("segment.segment_id", "names a rule"),
    ("request.request_id", "names a request"),
    ("source_erasure.lease_owner", "names a process"),
    ("source_erasure.request_id", "names a request"),
    ("unsubscription.lease_owner", "names a process"),
];

/// Bytes of a stored reply that are keyed hashes of what a program sent, not of a person.
const KEYED_HASHES: [&str; 2] = ["reply.key_mac", "reply.fingerprint"];

/// What a comment may name besides the categories.
const OTHER_WORDS: [&str; 5] = ["pseudonym", "blind index", "keyed", "all categories", "salt"];

on_both_databases!(
    every_migration_goes_up_down_and_up,
    every_row_can_be_read_as_the_schema_says,
    the_planner_keeps_no_copy_of_what_is_sealed
);

async fn every_migration_goes_up_down_and_up(database: Database) {
    drop(database.store());
    let first = all_columns(&database);
    assert!(!first.is_empty());
    store::danger_down(database.location()).unwrap();
    assert_eq!(all_columns(&database), Vec::<String>::new(), "a down.sql leaves tables behind");
    drop(database.store());
    assert_eq!(all_columns(&database), first, "going down and up again does not lead to the same tables");
    drop(database.store());
    assert_eq!(all_columns(&database), first, "opening an up-to-date database changes it");
}

/// Values that nothing is looked up by are in no statistics, where they would outlive the person they are of, nor those of a table
/// that is emptied. A table that comes later says so itself: `ALTER TABLE … ALTER COLUMN … SET STATISTICS 0`.
async fn the_planner_keeps_no_copy_of_what_is_sealed(database: Database) {
    drop(database.store());
    let copied = match database.dialect() {
        // It makes none before somebody says ANALYZE.
        Dialect::Sqlite => "SELECT name AS answer FROM sqlite_master WHERE name LIKE 'sqlite_stat%'",
        Dialect::Postgres => {
            "SELECT kept.relname || '.' || stored.attname AS answer FROM pg_attribute stored
             JOIN pg_class kept ON kept.oid = stored.attrelid AND kept.relkind = 'r'
             WHERE kept.relnamespace = current_schema()::regnamespace AND stored.attnum > 0
                 AND NOT stored.attisdropped AND stored.atttypid = 'bytea'::regtype
                 AND coalesce(stored.attstattarget, -1) <> 0
                 AND (kept.relname = 'term_gone' OR NOT EXISTS (
                     SELECT 1 FROM pg_index found
                     WHERE found.indrelid = kept.oid AND stored.attnum = ANY (found.indkey::int2[])))"
        }
    };
    for shelf in [Shelf::Records, Shelf::Keys] {
        assert_eq!(database.texts(shelf, copied), [""; 0], "{shelf:?}");
    }
}

async fn every_row_can_be_read_as_the_schema_says(database: Database) {
    drop(database.store());
    let seen = columns_by_table(all_columns(&database).iter().map(String::as_str));
    let schema = schema_tables(&std::fs::read_to_string("src/store/schema.rs").unwrap());
    for (table, columns) in &schema {
        let real =
            seen.get(table).unwrap_or_else(|| panic!("src/store/schema.rs has `{table}`, no migration makes it"));
        let real: Vec<(String, String)> =
            real.iter().map(|(name, kind)| (name.clone(), diesel_type(kind, database.dialect()))).collect();
        let portable = |kind: &str| match database.dialect() {
            // SQLite has one integer type.
            Dialect::Sqlite => kind.replace("SmallInt", "BigInt").replace("Integer", "BigInt"),
            Dialect::Postgres => kind.to_owned(),
        };
        let expected: Vec<(String, String)> =
            columns.iter().map(|(name, kind)| (name.clone(), portable(kind))).collect();
        assert_eq!(real, expected, "table `{table}` is not what src/store/schema.rs says");
    }
    let unknown: Vec<&String> = seen.keys().filter(|table| !schema.contains_key(*table)).collect();
    assert!(unknown.is_empty(), "tables that src/store/schema.rs does not know: {unknown:?}");
}

#[test]
fn both_databases_declare_the_same_tables_and_columns() {
    for shelf in Shelf::ALL {
        // One of them may have had to make a table anew: its last form counts.
        let [sqlite, postgres] = ["sqlite", "postgres"].map(|database| {
            let by_name = declared(database, shelf).into_iter().map(|column| (column.name.clone(), column));
            by_name.collect::<BTreeMap<_, _>>().into_values().collect::<Vec<_>>()
        });
        let names = |columns: &[Declared]| -> Vec<String> {
            columns.iter().map(|column| format!("{} {}", column.name, column.comment)).collect()
        };
        assert_eq!(names(&sqlite), names(&postgres), "the migrations of {} differ", shelf.name());
        for (here, there) in sqlite.iter().zip(&postgres) {
            let portable =
                there.kind.replace("BYTEA", "BLOB").replace("BIGINT", "INTEGER").replace("SMALLINT", "INTEGER");
            // PostgreSQL's partition leads the key of `record`, so the keyword stands elsewhere there.
            let [here_kind, there_kind] = [&here.kind, &portable].map(|kind| kind.replace(" PRIMARY KEY", ""));
            assert_eq!(here_kind, there_kind, "{} has another type in PostgreSQL", here.name);
        }
    }
}

#[test]
fn every_personal_column_names_its_category_and_how_long_it_stays() {
    let mut personal = 0;
    for shelf in Shelf::ALL {
        for column in declared("sqlite", shelf).into_iter().chain(declared("postgres", shelf)) {
            let Some(statement) = column.comment.strip_prefix("personal: ") else {
                let bytes = column.kind.starts_with("BLOB") || column.kind.starts_with("BYTEA");
                assert!(
                    !bytes || is_impersonal(&column.name),
                    "{} can hold personal data: write `-- personal: <category>; <how long it stays>` behind it, or add it \
                     to IMPERSONAL in tests/it/migrations.rs with the reason",
                    column.name
                );
                continue;
            };
            personal += 1;
            assert!(!is_impersonal(&column.name), "{} is personal and stands in IMPERSONAL", column.name);
            let (what, how_long) =
                statement.split_once("; ").unwrap_or_else(|| panic!("{} does not say how long it stays", column.name));
            let known = Category::ALL.iter().map(|category| category.word()).chain(OTHER_WORDS);
            assert!(known.into_iter().any(|word| what.contains(word)), "{} names no category: {what}", column.name);
            assert!(how_long.len() > 5, "{} does not say how long it stays", column.name);
        }
    }
    assert!(personal > 30, "the comments were not read: {personal}");
}

#[test]
fn no_impersonal_column_is_left_over() {
    let all: Vec<String> =
        Shelf::ALL.into_iter().flat_map(|shelf| declared("sqlite", shelf)).map(|column| column.name).collect();
    for name in IMPERSONAL.iter().map(|(name, _)| *name).chain(KEYED_HASHES) {
        assert!(all.iter().any(|column| column == name), "no migration makes {name} any more");
    }
}

fn is_impersonal(name: &str) -> bool {
    IMPERSONAL.iter().any(|(column, _)| *column == name) || KEYED_HASHES.contains(&name)
}

/// A column as a migration declares it.
struct Declared {
    /// `table.column`
    name: String,
    /// The type and what follows it.
    kind: String,
    /// What stands behind `--`; empty if nothing does.
    comment: String,
}

/// The columns of all migrations of a shelf, in order.
fn declared(database: &str, shelf: Shelf) -> Vec<Declared> {
    let directory = format!("migrations/{database}/{}", shelf.name());
    let mut columns = Vec::new();
    for file in files_below(Path::new(&directory)).iter().filter(|file| file.ends_with("up.sql")) {
        let mut table = None;
        for line in std::fs::read_to_string(file).unwrap().lines() {
            let (code, comment) = line.split_once("--").map_or((line, ""), |(code, comment)| (code, comment.trim()));
            let code = code.trim().trim_end_matches(',');
            if let Some(rest) = code.strip_prefix("CREATE TABLE ") {
                table = Some(rest.trim_end_matches(['(', ' ']).to_owned());
            } else if let Some(rest) = code.strip_prefix("ALTER TABLE ")
                && let Some((table, column)) = rest.split_once(" ADD COLUMN ")
            {
                columns.extend(column_of(table, column.trim_end_matches(';'), comment));
            } else if code.starts_with(')') {
                table = None;
            } else if let Some(table) = &table {
                columns.extend(column_of(table, code, comment));
            }
        }
    }
    assert!(!columns.is_empty(), "no column found in {directory}");
    columns
}

fn column_of(table: &str, code: &str, comment: &str) -> Option<Declared> {
    let (name, kind) = code.split_once(' ')?;
    let is_name = name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    is_name.then(|| Declared {
        name: format!("{table}.{name}"),
        kind: kind.trim().to_owned(),
        comment: comment.to_owned(),
    })
}

/// `table.column TYPE[ NULL]` of every column in the real database, in order.
fn all_columns(database: &Database) -> Vec<String> {
    let query = |shelf: Shelf| {
        match database.dialect() {
        Dialect::Sqlite => "SELECT m.name || '.' || c.name || ' ' || c.type
                || CASE WHEN c.\"notnull\" = 0 AND c.pk = 0 THEN ' NULL' ELSE '' END AS answer
             FROM sqlite_schema m JOIN pragma_table_info(m.name) c
             WHERE m.type = 'table' AND m.name NOT LIKE '\\_\\_diesel%' ESCAPE '\\' AND m.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
             ORDER BY m.name, c.cid"
            .to_owned(),
        Dialect::Postgres => format!(
            "SELECT table_name || '.' || column_name || ' ' || data_type
                || CASE WHEN is_nullable = 'YES' THEN ' NULL' ELSE '' END AS answer
             FROM information_schema.columns
             WHERE table_schema = '{}' AND table_name NOT LIKE '\\_\\_diesel%'
             ORDER BY table_name, ordinal_position",
            shelf.name()
        ),
    }
    };
    Shelf::ALL.into_iter().flat_map(|shelf| database.texts(shelf, &query(shelf))).collect()
}

type Columns = Vec<(String, String)>;

fn columns_by_table<'a>(columns: impl Iterator<Item = &'a str>) -> BTreeMap<String, Columns> {
    let mut tables = BTreeMap::<String, Columns>::new();
    for column in columns {
        let (name, kind) = column.split_once(' ').unwrap();
        let (table, name) = name.split_once('.').unwrap();
        tables.entry(table.to_owned()).or_default().push((name.to_owned(), kind.to_owned()));
    }
    tables
}

/// What diesel calls a column type of the database.
fn diesel_type(kind: &str, dialect: Dialect) -> String {
    let (plain, nullable) = kind.strip_suffix(" NULL").map_or((kind, false), |plain| (plain, true));
    let name = match (dialect, plain) {
        (Dialect::Sqlite, "INTEGER") | (Dialect::Postgres, "bigint") => "BigInt",
        (Dialect::Postgres, "smallint") => "SmallInt",
        (Dialect::Postgres, "integer") => "Integer",
        (Dialect::Sqlite, "BLOB") | (Dialect::Postgres, "bytea") => "Binary",
        (Dialect::Sqlite, "TEXT") | (Dialect::Postgres, "text") => "Text",
        _ => panic!("{plain} is not one of the column types that both databases have"),
    };
    if nullable { format!("Nullable<{name}>") } else { name.to_owned() }
}

/// The tables of `src/store/schema.rs`: names and types of the columns in order.
fn schema_tables(text: &str) -> BTreeMap<String, Columns> {
    let mut tables = BTreeMap::new();
    for table in text.split("table! {").skip(1) {
        let (name, rest) = table.trim_start().split_once(' ').unwrap();
        let body = rest.split_once('{').unwrap().1.split_once('}').unwrap().0;
        let columns = body.split(',').filter_map(|column| column.trim().split_once(" -> "));
        tables.insert(name.to_owned(), columns.map(|(name, kind)| (name.to_owned(), kind.to_owned())).collect());
    }
    assert!(tables.len() > 15, "src/store/schema.rs was not read");
    tables
}
