//! Debtors as a file DATEV reads.

use std::io::{self, Write};

use super::Settings;
use crate::connect::encoding::to_windows_1252;
use crate::types::Timestamp;

/// The captions of all columns, in their order.
const CAPTIONS: &str = include_str!("debtors.txt");

/// A column that is filled, with the characters it may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// Name of a company.
    Company,
    /// Family name of a natural person.
    FamilyName,
    /// Given names of a natural person.
    GivenName,
    /// A name of which nobody said what it is of.
    Name,
    /// 0: not said, 1: a natural person, 2: a company.
    Kind,
    /// Form of address.
    Salutation,
    /// Academic title.
    Title,
    /// `STR`.
    AddressKind,
    /// Street with house number.
    Street,
    /// Postal code.
    PostalCode,
    /// Town.
    City,
    /// Country, ISO 3166-1 alpha-2.
    Country,
    /// Floor, stairs, c/o.
    Extra,
    /// The merchant's own number of the customer.
    CustomerNumber,
    /// Who speaks for a company.
    Contact,
}

impl Column {
    const fn place(self) -> (&'static str, usize) {
        match self {
            Self::Company => ("Name (Adressatentyp Unternehmen)", 50),
            Self::FamilyName => ("Name (Adressatentyp natürl. Person)", 30),
            Self::GivenName => ("Vorname (Adressatentyp natürl. Person)", 30),
            Self::Name => ("Name (Adressatentyp keine Angabe)", 50),
            Self::Kind => ("Adressatentyp", 1),
            Self::Salutation => ("Anrede", 30),
            Self::Title => ("Titel/Akad. Grad", 25),
            Self::AddressKind => ("Adressart", 3),
            Self::Street => ("Straße", 36),
            Self::PostalCode => ("Postleitzahl", 10),
            Self::City => ("Ort", 30),
            Self::Country => ("Land", 2),
            Self::Extra => ("Adresszusatz", 36),
            Self::CustomerNumber => ("Kundennummer", 15),
            Self::Contact => ("Ansprechpartner", 40),
        }
    }

    /// What DATEV calls it.
    #[must_use]
    pub const fn caption(self) -> &'static str {
        self.place().0
    }
}

/// Why a value cannot be written. Nothing is cut silently. It names the column, never the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unwritable {
    /// It is longer than the column.
    #[error("`{}` holds at most {} characters", .0.place().0, .0.place().1)]
    TooLong(Column),
    /// Windows-1252 has no place for a character of it, or the column allows none such.
    #[error("`{}` holds a character that Windows-1252 cannot write", .0.place().0)]
    Character(Column),
}

/// Writes a file.
pub struct Writer<W> {
    out: W,
    captions: Vec<&'static str>,
}

impl<W: Write> Writer<W> {
    /// Writes the header and the captions.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn begin(mut out: W, settings: &Settings, now: Timestamp) -> io::Result<Self> {
        let captions: Vec<&'static str> = CAPTIONS.lines().collect();
        for line in [settings.line(now), captions.join(";")] {
            let line = to_windows_1252(&line).map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
            out.write_all(&line)?;
            out.write_all(b"\r\n")?;
        }
        Ok(Self { out, captions })
    }

    /// Writes one debtor. What cannot be written is left out and named.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn debtor(&mut self, account: &str, cells: &[(Column, String)]) -> io::Result<Vec<Unwritable>> {
        let mut unwritable = Vec::new();
        let mut line = account.as_bytes().to_vec();
        for caption in self.captions.iter().skip(1) {
            line.push(super::DELIMITER);
            let Some((column, text)) = cells.iter().find(|(column, _)| column.caption() == *caption) else { continue };
            match cell(*column, text.trim()) {
                Ok(cell) => line.extend(cell),
                Err(why) => unwritable.push(why),
            }
        }
        line.extend(b"\r\n");
        self.out.write_all(&line)?;
        Ok(unwritable)
    }

    /// Writes what is left.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn end(mut self) -> io::Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }
}

fn cell(column: Column, text: &str) -> Result<Vec<u8>, Unwritable> {
    if text.chars().count() > column.place().1 {
        return Err(Unwritable::TooLong(column));
    }
    if text.chars().any(char::is_control) {
        return Err(Unwritable::Character(column));
    }
    to_windows_1252(&format!("\"{}\"", text.replace('"', "\"\""))).map_err(|_| Unwritable::Character(column))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_that_is_filled_is_one_of_the_file() {
        let captions: Vec<&str> = CAPTIONS.lines().collect();
        assert_eq!((captions.len(), captions[0]), (254, "Konto"));
        for column in [
            Column::Company,
            Column::FamilyName,
            Column::GivenName,
            Column::Name,
            Column::Kind,
            Column::Salutation,
            Column::Title,
            Column::AddressKind,
            Column::Street,
            Column::PostalCode,
            Column::City,
            Column::Country,
            Column::Extra,
            Column::CustomerNumber,
            Column::Contact,
        ] {
            assert!(captions.contains(&column.caption()), "{column:?}");
        }
    }

    #[test]
    fn what_does_not_fit_is_named_and_never_cut() {
        assert_eq!(cell(Column::City, "Köln; \"Mitte\""), Ok(b"\"K\xf6ln; \"\"Mitte\"\"\"".to_vec()));
        assert_eq!(cell(Column::Street, &"x".repeat(37)), Err(Unwritable::TooLong(Column::Street)));
        assert_eq!(cell(Column::FamilyName, "Łuczak"), Err(Unwritable::Character(Column::FamilyName)));
        assert_eq!(cell(Column::City, "a\nb"), Err(Unwritable::Character(Column::City)));
        assert!(!Unwritable::TooLong(Column::Street).to_string().contains("xxx"));
    }
}
