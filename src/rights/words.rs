//! The sentences of the package, in German and English (Art. 12(1) GDPR: concise, plain language).

use serde::Serialize;

use super::explain::Document;
use crate::consent::{SurvivedBy, Text};
use crate::graph::Rule;

/// One thing Art. 15 GDPR asks for, and where the answer is.
#[derive(Clone, Serialize)]
pub(super) struct Item {
    pub(super) number: usize,
    pub(super) article: &'static str,
    pub(super) title: Text,
    pub(super) answer: Text,
}

pub(super) fn text(de: impl Into<String>, en: impl Into<String>) -> Text {
    Text { de: de.into(), en: en.into() }
}

/// The fourteen items, each answered or said to be none.
pub(super) fn contents(found: &Document) -> Vec<Item> {
    let named = |value: &Option<String>| match value {
        Some(value) => text(value.clone(), value.clone()),
        None => text("Vom Verantwortlichen noch nicht hinterlegt.", "Not configured by the controller yet."),
    };
    let count = |number: usize, de: &str, en: &str| {
        if number == 0 { text("Keine.", "None.") } else { text(format!("{number} {de}"), format!("{number} {en}")) }
    };
    let read = found.purposes.iter().filter(|purpose| purpose.reads_today).count();
    let mut categories: Vec<&str> =
        found.records.iter().flat_map(|record| &record.parts).map(|part| part.category).collect();
    categories.sort_unstable();
    categories.dedup();
    let transfers = &found.controller.third_country_transfers;
    let items = [
        ("Art. 15(1)", text("Bestätigung", "Confirmation"), confirmation(found)),
        (
            "Art. 15(1)(a)",
            text("Zwecke", "Purposes"),
            count(
                read,
                "Zwecke lesen heute etwas davon (siehe „Zwecke“).",
                "purposes read some of it today (see “Purposes”).",
            ),
        ),
        (
            "Art. 15(1)(b)",
            text("Kategorien", "Categories"),
            if categories.is_empty() {
                text("Keine.", "None.")
            } else {
                let of = |word: fn(&str) -> &str| categories.iter().map(|c| word(c)).collect::<Vec<_>>().join(", ");
                text(of(category_de), of(|word| word))
            },
        ),
        (
            "Art. 15(1)(c)",
            text("Empfänger", "Recipients"),
            count(found.recipients.len(), "Empfänger (siehe „Empfänger“).", "recipients (see “Recipients”)."),
        ),
        (
            "Art. 15(1)(d)",
            text("Speicherdauer", "Storage period"),
            text(
                "Bei jedem Datensatz steht, bis wann und warum er bleibt.",
                "Each record says until when and why it stays.",
            ),
        ),
        ("Art. 15(1)(e)", text("Ihre Rechte", "Your rights"), rights()),
        ("Art. 15(1)(f)", text("Aufsichtsbehörde", "Supervisory authority"), named(&found.controller.authority)),
        (
            "Art. 15(1)(g)",
            text("Herkunft", "Origin"),
            text(
                "Bei jedem Datensatz stehen Quelle und Eingang.",
                "Each record names its source and the time of its arrival.",
            ),
        ),
        ("Art. 15(1)(h)", text("Automatisierte Entscheidungen", "Automated decisions"), automated(found)),
        (
            "Art. 15(2)",
            text("Übermittlung in Drittländer", "Transfers to third countries"),
            if transfers.is_empty() {
                text("Keine.", "None.")
            } else {
                text(transfers.join("; "), transfers.join("; "))
            },
        ),
        (
            "Art. 15(3)",
            text("Kopie der Daten", "Copy of the data"),
            count(
                found.records.len(),
                "Datensätze, vollständig in data.json und unten.",
                "records, complete in data.json and below.",
            ),
        ),
        (
            "Art. 15(4)",
            text("Schwärzungen", "Redactions"),
            text(
                "Keine. Die Namen von Beschäftigten werden nicht gespeichert.",
                "None. The names of staff are not stored.",
            ),
        ),
        (
            "Art. 12(1), 20",
            text("Form", "Form"),
            text(
                "Diese Seite zum Lesen, data.json und data.csv für Maschinen, portable.json zum Mitnehmen.",
                "This page to read, data.json and data.csv for machines, portable.json to take with you.",
            ),
        ),
        ("Art. 5(2)", text("Was durchsucht wurde", "What was searched"), searched(found)),
    ];
    let item = |(at, (article, title, answer)): (usize, (&'static str, Text, Text))| Item {
        number: at + 1,
        article,
        title,
        answer,
    };
    items.into_iter().enumerate().map(item).collect()
}

fn confirmation(found: &Document) -> Text {
    if found.records.is_empty() && found.consents.is_empty() {
        text("Über Sie sind keine Datensätze gespeichert.", "No records about you are stored.")
    } else {
        text("Ja, wir verarbeiten Daten über Sie.", "Yes, we process data about you.")
    }
}

fn rights() -> Text {
    text(
        "Sie können Berichtigung (Art. 16), Löschung (Art. 17), Einschränkung (Art. 18) und Übertragung (Art. 20) verlangen, \
         widersprechen (Art. 21) und eine Einwilligung jederzeit widerrufen (Art. 7 Abs. 3).",
        "You can demand rectification (Art. 16), erasure (Art. 17), restriction (Art. 18) and portability (Art. 20), object \
         (Art. 21) and withdraw a consent at any time (Art. 7(3)).",
    )
}

fn automated(found: &Document) -> Text {
    if found.segments.is_empty() {
        return text("Keine. Sie stehen in keiner Zielgruppe.", "None. You are in no segment.");
    }
    let number = found.segments.len();
    text(
        format!(
            "Sie stehen in {number} Zielgruppen; warum, steht unter „Zielgruppen“. Entscheidungen mit rechtlicher Wirkung (Art. 22) fallen hier nicht."
        ),
        format!(
            "You are in {number} segments; “Segments” says why. No decisions with legal effect (Art. 22) are taken here."
        ),
    )
}

fn searched(found: &Document) -> Text {
    let (systems, sources) = (found.searched.systems.join(", "), found.searched.sources.join(", "));
    let lost = found.searched.unreadable;
    let mut said = text(
        format!("Durchsucht am {}: {systems}. Quellen: {sources}.", found.searched.at),
        format!("Searched at {}: {systems}. Sources: {sources}.", found.searched.at),
    );
    if lost > 0 {
        said.de.push_str(&format!(" {lost} Datensätze kann niemand mehr lesen, ihr Schlüssel wurde vernichtet."));
        said.en.push_str(&format!(" {lost} records cannot be read by anyone any more, their key was destroyed."));
    }
    said
}

pub(super) fn kept_by(statute: &str) -> Text {
    text(format!("gesetzliche Aufbewahrung: {statute}"), format!("kept by law: {statute}"))
}

pub(super) fn kept_by_source() -> Text {
    text(
        "die Bedingungen der Quelle enden; danach liest es kein Zweck mehr, und es wird gelöscht",
        "the terms of the source end; from then on no purpose reads it, and it is erased",
    )
}

pub(super) fn kept_for_purpose() -> Text {
    text(
        "längste Frist der Zwecke, die es brauchen; danach wird es gelöscht. Die Frist eines Kontos beginnt mit jeder Aktivität neu",
        "longest period of the purposes that need it; then it is erased. The period of an account begins anew with each activity",
    )
}

pub(super) fn kept_for_nothing() -> Text {
    text(
        "kein Zweck braucht es mehr; es wird mit dem nächsten Lauf gelöscht",
        "no purpose needs it any more; it is erased with the next run",
    )
}

pub(super) fn rule(rule: Rule) -> Text {
    match rule {
        Rule::First => text("erster Datensatz über Sie", "first record about you"),
        Rule::SourceAccount => text(
            "dasselbe Konto oder dieselbe Kundennummer an derselben Quelle",
            "same account or customer number at the same source",
        ),
        Rule::VerifiedEmail => text("dieselbe bestätigte E-Mail-Adresse", "same verified e-mail address"),
        Rule::VerifiedPhone => text("dieselbe bestätigte Telefonnummer", "same verified phone number"),
        Rule::EmailAndName => text("dasselbe Postfach und derselbe volle Name", "same mailbox and same full name"),
        Rule::Relay => text("dieselbe Weiterleitungsadresse", "same forwarding address"),
        Rule::AnonymousId => text("dieselbe Besucherkennung an derselben Quelle", "same visitor id at the same source"),
        Rule::Statement => text(
            "derselbe Kontakt wie eine Erklärung, die Sie zuvor abgegeben haben",
            "same contact point as a statement you made before",
        ),
        Rule::Compared => text(
            "die Angaben beider Datensätze stimmen zusammen genügend überein",
            "what both records say agrees well enough together",
        ),
        Rule::Rectification => text("Sie haben es selbst berichtigt", "you rectified it yourself"),
        Rule::Decided => {
            text("jemand hat beide Datensätze angesehen und entschieden", "somebody looked at both records and decided")
        }
    }
}

/// Why a value stands in the profile and not another.
pub(super) fn survived_by(because: SurvivedBy) -> Text {
    match because {
        SurvivedBy::Rectification => text("von Ihnen berichtigt", "corrected by you"),
        SurvivedBy::Verification => text("bestätigt", "verified"),
        SurvivedBy::SourcePriority => text("die Quelle hat Vorrang", "its source comes first"),
        SurvivedBy::RecordType => text("aus einem Kundenkonto", "of a customer's account"),
        SurvivedBy::Recency => text("die neueste Angabe", "the newest"),
        SurvivedBy::Content => text(
            "gleichrangig; der Inhalt entscheidet, nicht die Reihenfolge des Eingangs",
            "of equal rank; the content decides, not the order of arrival",
        ),
        SurvivedBy::Undisputed => text("kein Datensatz sagt etwas anderes", "no record says anything else"),
    }
}

/// The German word of a category.
pub(super) fn category_de(word: &str) -> &str {
    match word {
        "identity" => "Person",
        "contact" => "Kontakt",
        "address" => "Anschrift",
        "commerce" => "Bestellungen",
        "engagement" => "Nutzung",
        "social" => "Soziale Netze",
        "service" => "Kundendienst",
        "financial" => "Zahlungen",
        "derived" => "Berechnetes",
        "special" => "Besondere Kategorien",
        other => other,
    }
}

/// The German word of a record type.
pub(super) fn kind_de(word: &str) -> &str {
    match word {
        "customer" => "Kundenkonto",
        "order" => "Bestellung",
        "invoice" => "Rechnung",
        "payment" => "Zahlung",
        "message" => "Nachricht",
        "review" => "Bewertung",
        "newsletter_subscription" => "Newsletter",
        "event" => "Ereignis",
        "complaint" => "Beschwerde",
        "contact_note" => "Kontaktnotiz",
        other => other,
    }
}

/// What the files of the package are.
pub(super) const README: &str = "\
Ihre Auskunft nach Art. 15 DSGVO
================================
package.html   zum Lesen, ohne Internet und ohne Skripte, Deutsch und Englisch
data.json      alles, vollständig, maschinenlesbar
data.csv       jedes Feld eine Zeile
portable.json  was Sie uns für Verträge und mit Einwilligung gegeben haben (Art. 20 DSGVO)
Die Dateien enthalten personenbezogene Daten im Klartext. Bewahren Sie sie sicher auf.

Your copy under Art. 15 GDPR
============================
package.html   to read, without internet and without scripts, German and English
data.json      everything, complete, machine-readable
data.csv       one line per field
portable.json  what you gave us for contracts and by consent (Art. 20 GDPR)
The files hold personal data in clear. Keep them safe.
";
