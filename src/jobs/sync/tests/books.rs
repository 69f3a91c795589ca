//! Files of DATEV dropped into a folder.

use std::fs;
use std::path::Path;

use super::folder::written_at;
use super::house::{House, NOW, SHOP, brought};
use crate::databases::{Database, on_both_databases};
use crate::jobs::sync::Error;
use crate::store::Shelf;
use crate::types::{Clock as _, Timestamp};

on_both_databases!(
    a_newer_file_of_the_books_changes_what_an_older_one_does_not,
    the_books_are_read_on_where_a_process_died,
    bookings_come_in_by_the_folder_and_only_once,
);

/// Debtors as DATEV writes them, in a file of this moment: `(account, family name)`.
fn books(created: &str, debtors: &[(usize, &str)]) -> String {
    let head = format!(
        "\"EXTF\";700;16;\"Debitoren/Kreditoren\";5;{created};;\"XY\";\"Buchhaltung\";\"\";29098;55;20260101;4;;;\"Laden\";\"\";;;;\"\";\"\";\"\";\"\";\"\";\"\";;;\"\";\"\"\r\n"
    );
    let captions = "Konto;Name (Adressatentyp nat\u{fc}rl. Person);Vorname (Adressatentyp nat\u{fc}rl. Person);Adressatentyp;E-Mail\r\n";
    let row = |(account, name): &(usize, &str)| {
        format!("{account};\"{name}\";\"Erika\";\"1\";\"debitor{account}@example.org\"\r\n")
    };
    format!("{head}{captions}{}", debtors.iter().map(row).collect::<String>())
}

/// Writes it in the characters of DATEV.
fn put_books(folder: &Path, name: &str, content: &str) {
    let bytes: Vec<u8> = content.chars().map(|letter| u8::try_from(u32::from(letter)).unwrap()).collect();
    fs::write(folder.join(name), bytes).unwrap();
    written_at(&folder.join(name), Timestamp::parse(NOW).unwrap().plus(-3_600 * Timestamp::SECOND));
}

async fn with_books(database: Database) -> (House, tempfile::TempDir) {
    let house = House::open(database).await;
    let folder = tempfile::tempdir().unwrap();
    house.connect("datev", &[("folder", folder.path().to_str().unwrap()), ("after", "remove")], &[]).await;
    (house, folder)
}

async fn a_newer_file_of_the_books_changes_what_an_older_one_does_not(database: Database) {
    let (house, folder) = with_books(database).await;
    let drop = async |created: &str, name: &str| {
        put_books(folder.path(), "debtors.csv", &books(created, &[(10_000, name), (10_001, "Zweite")]));
        brought(&house.sync().await.unwrap())
    };
    assert_eq!(drop("20260306102500000", "Erste").await, [2, 0, 0, 0, 0]);
    // A file of later says what is so now; the same debtors in it are the same people.
    let newer = drop("20260406102500000", "Umbenannt").await;
    assert_eq!((newer[0], newer[4], house.records()), (0, 0, 2), "{newer:?}");
    assert!(newer[1] >= 1, "{newer:?}");
    // An older one that lay about changes nothing, and neither does the same again.
    let older = drop("20260306102500000", "Erste").await;
    assert_eq!((older[0], older[1], older[4]), (0, 0, 0), "{older:?}");
    assert_eq!(drop("20260406102500000", "Umbenannt").await, [0, 0, 2, 0, 0]);
    // Whoever is erased stays so, also where the file comes again.
    house.erase("debitor10000@example.org").await;
    let again = drop("20260406102500000", "Umbenannt").await;
    assert_eq!((again[0], again[2], again[3]), (0, 1, 1), "{again:?}");
    assert!(!house.knows("debitor10000@example.org").await);
}

async fn the_books_are_read_on_where_a_process_died(database: Database) {
    let (house, folder) = with_books(database).await;
    let all: Vec<(usize, &str)> = (0..1_300).map(|number| (10_000 + number, "Beispiel")).collect();
    put_books(folder.path(), "debtors.csv", &books("20260306102500000", &all));
    let nobody = house.database.literal(&[0; 16]);
    let die = |_: &crate::connect::Counts| {
        let free = format!("UPDATE connection SET lease_until = 0, lease_owner = {nobody}");
        house.database.execute(Shelf::Records, &free);
    };
    let Err(Error::Overtaken) = house.syncs.run(SHOP, false, die).await else { panic!("it must end") };
    assert!((1..1_300).contains(&house.records()), "{}", house.records());
    let counts = house.sync().await.unwrap();
    assert_eq!(house.records(), 1_300);
    assert!(counts.sum().unchanged > 0 && counts.sum().unchanged < 1_300, "it began anew: {counts:?}");
    assert!(!folder.path().join("debtors.csv").exists());
}

async fn bookings_come_in_by_the_folder_and_only_once(database: Database) {
    let (house, folder) = with_books(database).await;
    let bookings = fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/connectors/datev/fixtures/bookings.csv")).unwrap();
    let drop = async |content: &[u8]| {
        let file = folder.path().join("bookings.csv");
        fs::write(&file, content).unwrap();
        written_at(&file, house.clock.now().plus(-120 * Timestamp::SECOND));
        house.sync().await.unwrap()
    };
    let kinds = || {
        let counted = "SELECT kind || ':' || COUNT(*) AS answer FROM record GROUP BY kind ORDER BY kind";
        house.database.texts(Shelf::Records, counted)
    };
    let counts = drop(&bookings).await;
    assert_eq!(brought(&counts), [4, 0, 0, 0, 0], "{counts:?}");
    // Invoices and a credit note, and what was paid, of three debtors.
    assert_eq!(kinds(), ["3:3", "4:1"]);
    assert_eq!(house.database.count(Shelf::Records, "subject"), 3);
    assert!(!folder.path().join("bookings.csv").exists());
    // The same stack again, and one of later with the same rows: a row is known by what it books.
    assert_eq!(brought(&drop(&bookings).await), [0, 0, 4, 0, 0]);
    let text: String = bookings.iter().copied().map(char::from).collect();
    let later = text.replacen("20260306102500000", "20260406102500000", 1);
    let later: Vec<u8> = later.chars().map(|letter| u8::try_from(u32::from(letter)).unwrap()).collect();
    let counts = drop(&later).await;
    assert_eq!((counts.sum().created, house.records()), (0, 4), "{counts:?}");
    // Their accounts join the debtors whose names come with another file.
    put_books(folder.path(), "debtors.csv", &books("20260306102500000", &[(10_000, "Erste"), (10_001, "Zweite")]));
    assert_eq!(house.sync().await.unwrap().sum().created, 2);
    assert_eq!(house.database.count(Shelf::Records, "subject"), 3);
}
