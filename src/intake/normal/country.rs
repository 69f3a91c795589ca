//! Countries in ISO 3166-1 alpha-2.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::{Reason, name};

/// Reads an alpha-2 or alpha-3 code, or the German or English name of a European country and of the largest others.
///
/// # Errors
/// `invalid_country` for anything else.
pub fn normal(text: &str) -> Result<&'static str, Reason> {
    let text = text.trim();
    if text.len() > 100 {
        return Err(Reason::INVALID_COUNTRY);
    }
    let upper = text.to_ascii_uppercase();
    let code = match upper.len() {
        // What people write although the standard says otherwise.
        2 if upper == "UK" => return Ok("GB"),
        2 if upper == "EL" => return Ok("GR"),
        1 if upper == "D" => return Ok("DE"),
        1 if upper == "A" => return Ok("AT"),
        2 => rust_iso3166::from_alpha2(&upper),
        3 => rust_iso3166::from_alpha3(&upper),
        _ => None,
    };
    if let Some(code) = code {
        return Ok(code.alpha2);
    }
    FOLDED.get(name::fold(text).trim()).copied().ok_or(Reason::INVALID_COUNTRY)
}

/// The names below, folded.
static FOLDED: LazyLock<HashMap<String, &'static str>> = LazyLock::new(|| {
    let names = NAMES.iter().flat_map(|(code, names)| names.iter().map(|known| (name::fold(known), *code)));
    names.collect()
});

/// Names by code; they are compared folded.
const NAMES: &[(&str, &[&str])] = &[
    ("DE", &["Deutschland", "Germany", "Bundesrepublik Deutschland", "Federal Republic of Germany", "BRD"]),
    ("AT", &["Österreich", "Austria"]),
    ("CH", &["Schweiz", "Switzerland", "Suisse", "Svizzera"]),
    ("LI", &["Liechtenstein", "Fürstentum Liechtenstein"]),
    ("LU", &["Luxemburg", "Luxembourg"]),
    ("NL", &["Niederlande", "Netherlands", "The Netherlands", "Holland", "Nederland"]),
    ("BE", &["Belgien", "Belgium", "België", "Belgique"]),
    ("FR", &["Frankreich", "France"]),
    ("IT", &["Italien", "Italy", "Italia"]),
    ("ES", &["Spanien", "Spain", "España"]),
    ("PT", &["Portugal"]),
    ("PL", &["Polen", "Poland", "Polska"]),
    ("CZ", &["Tschechien", "Tschechische Republik", "Czechia", "Czech Republic"]),
    ("SK", &["Slowakei", "Slovakia"]),
    ("SI", &["Slowenien", "Slovenia"]),
    ("HU", &["Ungarn", "Hungary"]),
    ("HR", &["Kroatien", "Croatia"]),
    ("RO", &["Rumänien", "Romania"]),
    ("BG", &["Bulgarien", "Bulgaria"]),
    ("GR", &["Griechenland", "Greece"]),
    ("CY", &["Zypern", "Cyprus"]),
    ("MT", &["Malta"]),
    ("DK", &["Dänemark", "Denmark", "Danmark"]),
    ("SE", &["Schweden", "Sweden", "Sverige"]),
    ("NO", &["Norwegen", "Norway", "Norge"]),
    ("FI", &["Finnland", "Finland", "Suomi"]),
    ("IS", &["Island", "Iceland"]),
    ("EE", &["Estland", "Estonia"]),
    ("LV", &["Lettland", "Latvia"]),
    ("LT", &["Litauen", "Lithuania"]),
    ("IE", &["Irland", "Ireland"]),
    (
        "GB",
        &[
            "Großbritannien",
            "Vereinigtes Königreich",
            "United Kingdom",
            "Great Britain",
            "England",
            "Schottland",
            "Scotland",
            "Wales",
        ],
    ),
    ("MC", &["Monaco"]),
    ("AD", &["Andorra"]),
    ("SM", &["San Marino"]),
    ("VA", &["Vatikanstadt", "Vatican City"]),
    ("RS", &["Serbien", "Serbia"]),
    ("BA", &["Bosnien und Herzegowina", "Bosnia and Herzegovina"]),
    ("ME", &["Montenegro"]),
    ("MK", &["Nordmazedonien", "North Macedonia"]),
    ("AL", &["Albanien", "Albania"]),
    ("MD", &["Moldau", "Moldova"]),
    ("UA", &["Ukraine"]),
    ("BY", &["Belarus", "Weißrussland"]),
    ("RU", &["Russland", "Russia"]),
    ("TR", &["Türkei", "Turkey", "Türkiye"]),
    ("US", &["Vereinigte Staaten", "Vereinigte Staaten von Amerika", "United States", "United States of America"]),
    ("CA", &["Kanada", "Canada"]),
    ("AU", &["Australien", "Australia"]),
    ("CN", &["China"]),
    ("JP", &["Japan"]),
    ("IN", &["Indien", "India"]),
    ("BR", &["Brasilien", "Brazil"]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn countries_in_many_spellings() {
        for (written, code) in [
            ("DE", "DE"),
            ("de", "DE"),
            (" deu ", "DE"),
            ("Deutschland", "DE"),
            ("GERMANY", "DE"),
            ("D", "DE"),
            ("Österreich", "AT"),
            ("Oesterreich", "AT"),
            ("AUT", "AT"),
            ("Schweiz", "CH"),
            ("UK", "GB"),
            ("Vereinigtes Königreich", "GB"),
            ("Turkiye", "TR"),
            ("Tschechische Republik", "CZ"),
            ("Federal  Republic of Germany", "INVALID"),
            ("jpn", "JP"),
        ] {
            match normal(written) {
                Ok(read) => {
                    assert_eq!(read, code, "for {written}");
                    assert_eq!(normal(read), Ok(read));
                }
                Err(_) => assert_eq!(code, "INVALID", "for {written}"),
            }
        }
        for bad in ["", "XX", "ZZZ", "Absurdistan", "12", "Ä", &"x".repeat(1_000)] {
            assert_eq!(normal(bad), Err(Reason::INVALID_COUNTRY));
        }
    }

    #[test]
    fn every_name_stands_under_a_real_code() {
        for (code, names) in NAMES {
            assert_eq!(normal(code), Ok(*code));
            for name in *names {
                assert_eq!(normal(name), Ok(*code), "for {name}");
            }
        }
    }
}
