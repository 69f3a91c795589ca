//! Checking a rule against the purpose it is bound to: nothing that would be silently false is accepted.

use super::catalog::{self, Kind};
use super::evaluate::{instant, number};
use super::read::{Fault, MAX_LIST};
use super::rule::{Condition, Rule};
use super::terms::{AttributeTest, Bounds, Orders, PhaseTest, Place, Scalar};
use crate::consent::Purpose;

impl Rule {
    /// What is wrong with it under `purpose`; pointers begin with `at`.
    #[must_use]
    pub fn check(&self, purpose: &Purpose, at: &str) -> Vec<Fault> {
        let mut faults = Vec::new();
        self.walk(at, &mut |condition, at| check(condition, purpose, at, &mut faults));
        faults
    }

    fn walk(&self, at: &str, visit: &mut impl FnMut(&Condition, &str)) {
        let mut each = |name: &str, rules: &[Self]| {
            for (index, rule) in rules.iter().enumerate() {
                rule.walk(&format!("{at}/{name}/{index}"), visit);
            }
        };
        match self {
            Self::All { all } => each("all", all),
            Self::Any { any } => each("any", any),
            Self::Not { not } => not.walk(&format!("{at}/not"), visit),
            Self::If(condition) => visit(condition, at),
        }
    }
}

fn check(condition: &Condition, purpose: &Purpose, at: &str, faults: &mut Vec<Fault>) {
    let mut faults = Faults(faults);
    if !condition.categories().difference(purpose.categories).is_empty() {
        let text = "the purpose of the segment may not see the category this condition needs";
        faults.add(true, "category_not_in_purpose", at, text);
    }
    match condition {
        Condition::Attribute(test) => attribute(test, at, &mut faults),
        Condition::Place { place: asked } => place(asked, &format!("{at}/place"), &mut faults),
        Condition::Orders { orders: asked } => orders(asked, &format!("{at}/orders"), purpose, &mut faults),
        Condition::LastOrder { last_order } => {
            let at = format!("{at}/last_order");
            let empty = last_order.within_days.is_none() && last_order.older_than_days.is_none();
            faults.add(empty, "nothing_asked", &at, "say within_days or older_than_days");
            faults.looks_back(last_order.within_days, purpose, &format!("{at}/within_days"));
            faults.looks_back(last_order.older_than_days, purpose, &format!("{at}/older_than_days"));
        }
        Condition::Channel { channel } => {
            faults.add(channel.is_empty(), "nothing_asked", &format!("{at}/channel"), "name at least one channel");
            faults.list(channel.len(), &format!("{at}/channel"));
        }
        Condition::Birthday { birthday } => {
            let at = format!("{at}/birthday");
            let empty = birthday.within_days.is_none() && !birthday.this_month;
            faults.add(empty, "nothing_asked", &at, "say within_days or this_month");
            let long = birthday.within_days.is_some_and(|days| days > 366);
            faults.add(long, "invalid_value", &format!("{at}/within_days"), "at most 366 days");
        }
        Condition::Age { age } => faults.bounds(*age, &format!("{at}/age")),
        Condition::Phase(test) => phase(test, at, purpose, &mut faults),
        Condition::Newsletter { newsletter } => faults.list(newsletter.list.len(), &format!("{at}/newsletter/list")),
        Condition::Reviews { reviews } => {
            let at = format!("{at}/reviews");
            faults.bounds(reviews.count.unwrap_or(ANY), &format!("{at}/count"));
            faults.bounds(reviews.rating.unwrap_or(ANY), &format!("{at}/rating"));
            faults.looks_back(reviews.within_days, purpose, &format!("{at}/within_days"));
        }
        Condition::Events { events } => {
            let at = format!("{at}/events");
            faults.bounds(events.count.unwrap_or(ANY), &format!("{at}/count"));
            faults.list(events.name.len(), &format!("{at}/name"));
            faults.looks_back(events.within_days, purpose, &format!("{at}/within_days"));
        }
    }
}

const ANY: Bounds = Bounds { at_least: Some(0), at_most: None };

fn attribute(test: &AttributeTest, at: &str, faults: &mut Faults<'_>) {
    let pointer = format!("{at}/attribute");
    let Some(kind) = catalog::kind(test.attribute.category(), test.attribute.names()) else {
        faults.add(true, "unknown_attribute", &pointer, "there is no single value of this name");
        return;
    };
    if names_a_person(test) {
        faults.add(true, "identifying_value", at, instead(test.attribute.names()));
        return;
    }
    let empty = test.exists.is_none() && !test.asks_for_a_value();
    faults.add(empty, "nothing_asked", at, "say what the value must be");
    let contradicts = test.exists == Some(false) && test.asks_for_a_value();
    faults.add(contradicts, "contradiction", at, "a value that does not exist is nothing in particular");
    faults.list(test.is_one_of.len(), &format!("{at}/is_one_of"));
    let equals = test.is.iter().map(|is| (is, format!("{at}/is")));
    let listed = test.is_one_of.iter().enumerate().map(|(index, is)| (is, format!("{at}/is_one_of/{index}")));
    for (is, pointer) in equals.chain(listed) {
        faults.add(!fits(kind, is), "invalid_value", &pointer, "the field never has a value of this kind");
    }
    for (bound, name) in [(&test.at_least, "at_least"), (&test.at_most, "at_most")] {
        let ordered = matches!(kind, Kind::Number | Kind::Date | Kind::Instant | Kind::Any);
        let wrong = bound.as_ref().is_some_and(|bound| !ordered || !fits(kind, bound));
        faults.add(wrong, "invalid_value", &format!("{at}/{name}"), "only numbers and dates have more and less");
    }
    let dated = matches!(kind, Kind::Date | Kind::Instant | Kind::Any);
    for (days, name) in [(test.within_days, "within_days"), (test.older_than_days, "older_than_days")] {
        let wrong = days.is_some() && !dated;
        faults.add(wrong, "invalid_value", &format!("{at}/{name}"), "only dates lie days back");
    }
}

/// Does the test name a value that is one person's, or a day by the days since?
fn names_a_person(test: &AttributeTest) -> bool {
    let days = test.within_days.is_some() || test.older_than_days.is_some();
    let named = test.is.iter().chain(&test.is_one_of).chain(&test.at_least).chain(&test.at_most).next().is_some();
    catalog::identifies(test.attribute.category(), test.attribute.names()) && (named || days)
}

/// What to write instead.
fn instead(names: &str) -> &'static str {
    match names {
        "birth_date" => "a rule names no day of birth; write {\"age\": ..} or {\"birthday\": ..}",
        "addresses.postal_code" => {
            "a rule names no single address; write {\"place\": {\"country\": .., \"postal_code_prefix\": [..]}}"
        }
        names if names.starts_with("addresses.") => {
            "a rule names no single address; write {\"place\": {..}} with country, city, region or a postal code prefix"
        }
        names if names.starts_with("orders.") || names.starts_with("invoices.") => {
            "a rule names no single order or invoice; write {\"orders\": {..}} or {\"last_order\": {..}}"
        }
        _ => {
            "a segment is about many: a rule does not name what is one person's; ask with exists whether there is a value"
        }
    }
}

fn fits(kind: Kind, scalar: &Scalar) -> bool {
    match (kind, scalar) {
        (Kind::Flag, Scalar::Flag(_)) | (Kind::Any, _) => true,
        (Kind::Text | Kind::Language, Scalar::Text(text)) => (1..=512).contains(&text.len()),
        (Kind::Date | Kind::Instant, Scalar::Text(text)) => instant(text).is_some(),
        (Kind::Number, scalar) => number(scalar).is_some(),
        _ => false,
    }
}

fn place(asked: &Place, at: &str, faults: &mut Faults<'_>) {
    faults.add(*asked == Place::default(), "nothing_asked", at, "say where");
    let alpha_2 = |country: &String| country.len() == 2 && country.bytes().all(|b| b.is_ascii_uppercase());
    let wrong = asked.country.as_ref().is_some_and(|country| !alpha_2(country));
    faults.add(wrong, "invalid_value", &format!("{at}/country"), "ISO 3166-1 alpha-2, such as DE");
    let lists = [("postal_code_prefix", &asked.postal_code_prefix), ("city", &asked.city), ("region", &asked.region)];
    for (name, list) in lists {
        let at = format!("{at}/{name}");
        faults.list(list.len(), &at);
        faults.add(list.iter().any(String::is_empty), "invalid_value", &at, "an entry is empty");
    }
    // A prefix without its country would take the Paris of one country for the Pirmasens of another.
    let loose = !asked.postal_code_prefix.is_empty() && asked.country.is_none();
    faults.add(loose, "country_missing", &format!("{at}/country"), "postal codes need their country");
}

fn orders(asked: &Orders, at: &str, purpose: &Purpose, faults: &mut Faults<'_>) {
    faults.bounds(asked.count.unwrap_or(ANY), &format!("{at}/count"));
    faults.list(asked.channel.len(), &format!("{at}/channel"));
    faults.list(asked.sku.len(), &format!("{at}/sku"));
    faults.list(asked.status.len(), &format!("{at}/status"));
    faults.looks_back(asked.within_days, purpose, &format!("{at}/within_days"));
    let Some(total) = &asked.total else { return };
    let at = format!("{at}/total");
    let known = total.currency.len() == 3 && total.currency.bytes().all(|b| b.is_ascii_uppercase());
    faults.add(!known, "invalid_value", &format!("{at}/currency"), "ISO 4217, such as EUR");
    let empty = total.at_least.is_none() && total.at_most.is_none();
    faults.add(empty, "nothing_asked", &at, "say at_least or at_most");
    let crossed = matches!((total.at_least, total.at_most), (Some(least), Some(most)) if least > most);
    faults.add(crossed, "contradiction", &at, "at_least is more than at_most");
}

fn phase(test: &PhaseTest, at: &str, purpose: &Purpose, faults: &mut Faults<'_>) {
    faults.add(test.phase.is_empty(), "nothing_asked", &format!("{at}/phase"), "name at least one phase");
    faults.list(test.phase.len(), &format!("{at}/phase"));
    let limits = test.limits.unwrap_or_default();
    let ordered = limits.new_days <= limits.at_risk_after_days && limits.at_risk_after_days < limits.lost_after_days;
    let text = "new_days must not be more than at_risk_after_days, and that less than lost_after_days";
    faults.add(!ordered, "contradiction", &format!("{at}/limits"), text);
    faults.looks_back(Some(limits.lost_after_days), purpose, &format!("{at}/limits/lost_after_days"));
}

struct Faults<'a>(&'a mut Vec<Fault>);

impl Faults<'_> {
    fn add(&mut self, broken: bool, code: &'static str, at: &str, text: &'static str) {
        if broken {
            self.0.push(Fault::new(code, at, text));
        }
    }

    fn list(&mut self, length: usize, at: &str) {
        self.add(length > MAX_LIST, "too_large", at, "a list has at most 1000 entries");
    }

    fn bounds(&mut self, bounds: Bounds, at: &str) {
        let empty = bounds.at_least.is_none() && bounds.at_most.is_none();
        self.add(empty, "nothing_asked", at, "say at_least or at_most");
        let crossed = matches!((bounds.at_least, bounds.at_most), (Some(least), Some(most)) if least > most);
        self.add(crossed, "contradiction", at, "at_least is more than at_most");
    }

    /// Older events do not enter the purpose (CJEU C-446/21), so a longer window would answer with less than it says.
    fn looks_back(&mut self, days: Option<u32>, purpose: &Purpose, at: &str) {
        let beyond = matches!((days, purpose.look_back_days), (Some(days), Some(window)) if days > window);
        let text = "the purpose does not look back that far; older events would be missing unnoticed";
        self.add(beyond, "beyond_look_back", at, text);
    }
}
