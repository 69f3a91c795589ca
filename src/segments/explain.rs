//! Explaining a rule with the data of one person, in plain words: "the procedure and principles actually applied" (CJEU
//! C-203/22).

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::facts::{Facts, day, days_between};
use super::measure;
use super::rule::{Condition, Rule};
use super::terms::{AttributeTest, Birthday, Bounds, Phase, Place, Scalar, Since};
use crate::types::Timestamp;

/// What a rule asks, what was found, and whether it holds. It holds personal data: it can be serialised, not printed.
#[derive(Serialize, ToSchema)]
#[schema(as = RuleExplanation)]
pub struct Explanation {
    /// Does it hold?
    pub holds: bool,
    /// In German.
    pub de: String,
    /// In English.
    pub en: String,
    /// The parts it is made of.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(no_recursion)]
    pub parts: Vec<Explanation>,
}

impl Rule {
    /// Explains the rule for the person of these facts.
    #[must_use]
    pub fn explain(&self, facts: &Facts, now: Timestamp) -> Explanation {
        let holds = self.holds(facts, now);
        let parts = |rules: &[Self]| rules.iter().map(|rule| rule.explain(facts, now)).collect::<Vec<_>>();
        let (de, en, parts) = match self {
            Self::All { all } if all.is_empty() => {
                ("Alle, die für den Zweck infrage kommen.".into(), "Everybody the purpose allows.".into(), Vec::new())
            }
            Self::All { all } => ("Alles davon trifft zu:".into(), "All of these hold:".into(), parts(all)),
            Self::Any { any } => ("Etwas davon trifft zu:".into(), "At least one of these holds:".into(), parts(any)),
            Self::Not { not } => {
                ("Das trifft nicht zu:".into(), "This does not hold:".into(), parts(std::slice::from_ref(not)))
            }
            Self::If(condition) => {
                let (de, en) = condition.words(facts, now);
                (de, en, Vec::new())
            }
        };
        Explanation { holds, de, en, parts }
    }
}

impl Condition {
    /// The question and what was found, German and English.
    fn words(&self, facts: &Facts, now: Timestamp) -> (String, String) {
        match self {
            Self::Attribute(test) => attribute(test, facts),
            Self::Place { place: asked } => place(asked, facts),
            Self::Orders { orders: asked } => {
                let found = measure::orders(asked, facts, now);
                let (mut de, mut en) = ("Bestellungen".to_owned(), "Orders".to_owned());
                if let Some(days) = asked.within_days {
                    de += &format!(" der letzten {days} Tage");
                    en += &format!(" of the last {days} days");
                }
                let listed = |list: &[String], de_name: &str, en_name: &str, de: &mut String, en: &mut String| {
                    if !list.is_empty() {
                        *de += &format!(", {de_name} {}", list.join(", "));
                        *en += &format!(", {en_name} {}", list.join(", "));
                    }
                };
                listed(&asked.channel, "Kanal", "channel", &mut de, &mut en);
                listed(&asked.sku, "Artikel", "article", &mut de, &mut en);
                let status: Vec<String> = asked.status.iter().map(|status| status.word().to_owned()).collect();
                listed(&status, "Stand", "status", &mut de, &mut en);
                let count = if asked.total.is_some() { asked.count } else { Some(super::evaluate::some(asked.count)) };
                if let Some(count) = count {
                    let (wanted_de, wanted_en) = bounds(count);
                    de += &format!(": Anzahl {wanted_de}; gefunden: {}.", found.count);
                    en += &format!(": number {wanted_en}; found: {}.", found.count);
                }
                if let Some(total) = &asked.total {
                    let (wanted_de, wanted_en) = range(total.at_least.as_ref(), total.at_most.as_ref());
                    let currency = &total.currency;
                    de += &format!(" Summe {wanted_de} {currency}; gefunden: {} {currency}.", found.total);
                    en += &format!(" Sum {wanted_en} {currency}; found: {} {currency}.", found.total);
                    if found.not_summed > 0 {
                        de += &format!(" {} in anderer Währung nicht mitgezählt.", found.not_summed);
                        en += &format!(" {} in another currency not counted.", found.not_summed);
                    }
                }
                (de, en)
            }
            Self::LastOrder { last_order } => {
                let (wanted_de, wanted_en) = since(*last_order);
                let (found_de, found_en) = ago(measure::first_and_last(facts).map(|(_, last)| last), now);
                (
                    format!("Letzte Bestellung {wanted_de}; gefunden: {found_de}."),
                    format!("Last order {wanted_en}; found: {found_en}."),
                )
            }
            Self::Channel { channel } => {
                let list = channel.join(", ");
                (format!("Gekauft über: {list}."), format!("Bought by way of: {list}."))
            }
            Self::Birthday { birthday } => {
                let (wanted_de, wanted_en) = soon(*birthday);
                let (found_de, found_en) = known(facts.birth_date().map(|date| date.to_string()));
                (
                    format!("Geburtstag {wanted_de}; Geburtsdatum: {found_de}."),
                    format!("Birthday {wanted_en}; date of birth: {found_en}."),
                )
            }
            Self::Age { age } => {
                let (wanted_de, wanted_en) = bounds(*age);
                let years = facts.birth_date().zip(day(now)).and_then(|(born, today)| measure::age(born, today));
                let (found_de, found_en) = known(years.map(|years| years.to_string()));
                (
                    format!("Alter in Jahren {wanted_de}; gefunden: {found_de}."),
                    format!("Age in years {wanted_en}; found: {found_en}."),
                )
            }
            Self::Phase(test) => {
                let limits = test.limits.unwrap_or_default();
                let is = measure::phase(limits, facts, now);
                let wanted = |word: fn(Phase) -> &'static str| {
                    test.phase.iter().map(|phase| word(*phase)).collect::<Vec<_>>().join(", ")
                };
                let (last_de, last_en) = ago(measure::first_and_last(facts).map(|(_, last)| last), now);
                let (new, risk, lost) = (limits.new_days, limits.at_risk_after_days, limits.lost_after_days);
                (
                    format!(
                        "Kundenphase {}; errechnet: {} (letzte Bestellung {last_de}; neu bis {new} Tage nach der ersten \
                         Bestellung, gefährdet nach {risk} und verloren nach {lost} Tagen ohne Bestellung).",
                        wanted(phase_de),
                        phase_de(is)
                    ),
                    format!(
                        "Customer phase {}; computed: {} (last order {last_en}; new until {new} days after the first \
                         order, at risk after {risk} and lost after {lost} days without an order).",
                        wanted(phase_en),
                        phase_en(is)
                    ),
                )
            }
            Self::Newsletter { newsletter } => {
                let status: Vec<&str> = newsletter.status.iter().map(|status| status.word()).collect();
                let (list, status) = (newsletter.list.join(", "), status.join(", "));
                (
                    format!("Newsletter-Anmeldung (Liste: {}; Stand: {}).", or(&list, "alle"), or(&status, "jeder")),
                    format!("Newsletter subscription (list: {}; status: {}).", or(&list, "all"), or(&status, "any")),
                )
            }
            Self::Reviews { reviews } => {
                let found = measure::reviews(*reviews, facts, now);
                let (wanted_de, wanted_en) = bounds(super::evaluate::some(reviews.count));
                let stars = reviews.rating.map(bounds);
                let (stars_de, stars_en) = stars.map_or_else(Default::default, |(de, en)| {
                    (format!(" mit Sternen {de}"), format!(" with stars {en}"))
                });
                (
                    format!("Bewertungen{stars_de}: Anzahl {wanted_de}; gefunden: {found}."),
                    format!("Reviews{stars_en}: number {wanted_en}; found: {found}."),
                )
            }
            Self::Events { events } => {
                let found = measure::events(events, facts, now);
                let (wanted_de, wanted_en) = bounds(super::evaluate::some(events.count));
                let names = events.name.join(", ");
                (
                    format!("Ereignisse ({}): Anzahl {wanted_de}; gefunden: {found}.", or(&names, "alle")),
                    format!("Events ({}): number {wanted_en}; found: {found}.", or(&names, "all")),
                )
            }
        }
    }
}

fn attribute(test: &AttributeTest, facts: &Facts) -> (String, String) {
    let (mut de, mut en) = (Vec::new(), Vec::new());
    let mut say = |in_de: String, in_en: String| {
        de.push(in_de);
        en.push(in_en);
    };
    match test.exists {
        Some(true) => say("bekannt".into(), "known".into()),
        Some(false) => say("nicht bekannt".into(), "not known".into()),
        None => {}
    }
    if let Some(is) = &test.is {
        say(format!("ist „{}“", shown(is)), format!("is “{}”", shown(is)));
    }
    if !test.is_one_of.is_empty() {
        let list = test.is_one_of.iter().map(shown).collect::<Vec<_>>().join(", ");
        say(format!("ist eines von: {list}"), format!("is one of: {list}"));
    }
    if test.at_least.is_some() || test.at_most.is_some() {
        let (in_de, in_en) =
            range(test.at_least.as_ref().map(shown).as_ref(), test.at_most.as_ref().map(shown).as_ref());
        say(in_de, in_en);
    }
    if test.within_days.is_some() || test.older_than_days.is_some() {
        let (in_de, in_en) = since(Since { within_days: test.within_days, older_than_days: test.older_than_days });
        say(in_de, in_en);
    }
    let found = facts.values(&test.attribute).into_iter().map(plain).collect::<Vec<_>>().join(", ");
    let (found_de, found_en) = known(Some(found).filter(|found| !found.is_empty()));
    (
        format!("{} {}; gespeichert: {found_de}.", test.attribute, de.join(", ")),
        format!("{} {}; stored: {found_en}.", test.attribute, en.join(", ")),
    )
}

fn place(asked: &Place, facts: &Facts) -> (String, String) {
    let country: Vec<String> = asked.country.iter().cloned().collect();
    let lists = [
        ("Land", "country", &country),
        ("Postleitzahl beginnt mit", "postal code begins with", &asked.postal_code_prefix),
        ("Ort", "city", &asked.city),
        ("Region", "region", &asked.region),
    ];
    let asked = |pick: fn(&(&'static str, &'static str, &Vec<String>)) -> &'static str| {
        let given = lists.iter().filter(|(_, _, list)| !list.is_empty());
        given.map(|row| format!("{} {}", pick(row), row.2.join(", "))).collect::<Vec<_>>().join("; ")
    };
    let places = facts.objects(crate::types::Category::Address, "addresses").map(|address| {
        let parts = ["country", "postal_code", "city", "region"].iter().filter_map(|field| address.get(*field));
        parts.map(plain).collect::<Vec<_>>().join(" ")
    });
    let (found_de, found_en) = known(Some(places.collect::<Vec<_>>().join(", ")).filter(|found| !found.is_empty()));
    (
        format!("Anschrift ({}); gespeichert: {found_de}.", asked(|row| row.0)),
        format!("Address ({}); stored: {found_en}.", asked(|row| row.1)),
    )
}

fn range(least: Option<&impl std::fmt::Display>, most: Option<&impl std::fmt::Display>) -> (String, String) {
    match (least, most) {
        (Some(least), Some(most)) => (format!("von {least} bis {most}"), format!("from {least} to {most}")),
        (Some(least), None) => (format!("mindestens {least}"), format!("at least {least}")),
        (None, Some(most)) => (format!("höchstens {most}"), format!("at most {most}")),
        (None, None) => ("beliebig".to_owned(), "any".to_owned()),
    }
}

fn bounds(bounds: Bounds) -> (String, String) {
    range(bounds.at_least.as_ref(), bounds.at_most.as_ref())
}

fn since(asked: Since) -> (String, String) {
    let (mut de, mut en) = (Vec::new(), Vec::new());
    if let Some(days) = asked.within_days {
        de.push(format!("vor höchstens {days} Tagen"));
        en.push(format!("at most {days} days ago"));
    }
    if let Some(days) = asked.older_than_days {
        de.push(format!("vor mehr als {days} Tagen"));
        en.push(format!("more than {days} days ago"));
    }
    (de.join(" und "), en.join(" and "))
}

fn soon(asked: Birthday) -> (String, String) {
    let (mut de, mut en) = (Vec::new(), Vec::new());
    if let Some(days) = asked.within_days {
        de.push(format!("in den nächsten {days} Tagen"));
        en.push(format!("within the next {days} days"));
    }
    if asked.this_month {
        de.push("in diesem Monat".to_owned());
        en.push("this month".to_owned());
    }
    (de.join(" und "), en.join(" and "))
}

fn ago(at: Option<Timestamp>, now: Timestamp) -> (String, String) {
    at.map(|at| days_between(at, now)).map_or_else(
        || ("keine".to_owned(), "none".to_owned()),
        |days| (format!("vor {days} Tagen"), format!("{days} days ago")),
    )
}

fn known(found: Option<String>) -> (String, String) {
    found.map_or_else(|| ("nichts".to_owned(), "nothing".to_owned()), |found| (found.clone(), found))
}

const fn or<'a>(list: &'a str, none: &'a str) -> &'a str {
    if list.is_empty() { none } else { list }
}

fn shown(scalar: &Scalar) -> String {
    match scalar {
        Scalar::Flag(flag) => flag.to_string(),
        Scalar::Number(number) => number.to_string(),
        Scalar::Text(text) => text.clone(),
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

const fn phase_de(phase: Phase) -> &'static str {
    match phase {
        Phase::Prospect => "Interessent",
        Phase::New => "neu",
        Phase::Active => "aktiv",
        Phase::AtRisk => "gefährdet",
        Phase::Lost => "verloren",
    }
}

const fn phase_en(phase: Phase) -> &'static str {
    match phase {
        Phase::Prospect => "prospect",
        Phase::New => "new",
        Phase::Active => "active",
        Phase::AtRisk => "at risk",
        Phase::Lost => "lost",
    }
}
