//! Family names that are frequent in Germany: a hub with few records would take Müller and Müller for a rare meeting.
//! Shares of the entries of telephone books, rounded; the names are folded as on cards.

/// The share of people who have this family name, where it is known to be frequent.
pub(super) fn family_name(folded: &str) -> Option<f64> {
    let of_ten_thousand = match folded {
        "muller" => 95,
        "schmidt" => 69,
        "schneider" => 40,
        "fischer" => 35,
        "meyer" | "weber" => 30,
        "wagner" | "becker" | "schulz" | "hoffmann" => 26,
        "schafer" | "koch" | "bauer" | "richter" => 21,
        "klein" | "wolf" | "schroder" | "neumann" | "schwarz" | "zimmermann" => 18,
        "braun" | "kruger" | "hofmann" | "hartmann" | "lange" | "schmitt" | "werner" => 16,
        "schmitz" | "krause" | "meier" | "lehmann" | "schmid" | "schulze" | "maier" => 13,
        "kohler" | "herrmann" | "konig" | "walter" | "mayer" | "huber" | "kaiser" => 12,
        "fuchs" | "peters" | "lang" | "scholz" | "moller" | "weiss" | "jung" => 11,
        "hahn" | "schubert" | "vogel" | "friedrich" | "keller" | "gunther" => 10,
        "frank" | "berger" | "winkler" | "roth" | "beck" | "lorenz" | "baumann" | "franke" => 9,
        "albrecht" | "schuster" | "simon" | "ludwig" | "bohm" | "winter" | "kraus" | "martin" => 8,
        _ => return None,
    };
    Some(f64::from(of_ten_thousand) / 10_000.0)
}
