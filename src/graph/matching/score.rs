//! Scoring two cards: Fellegi–Sunter, against three ways in which two people may look alike.
//!
//! The usual score asks how much likelier an agreement is between records of one person than between strangers. But
//! records that meet are seldom of strangers: they are of spouses, children, flatmates and colleagues, who share an
//! address, a family name or a phone as a matter of course. So the same agreements are also weighed against somebody of
//! the household and somebody at the same place, and what remains is the evidence against all three together:
//! `-log2(2^-stranger + 2^-household + 2^-workplace)`. The waterfall shows it as a correction of the first sum.

use super::card::{Card, Sex};
use super::compare::{self, MailboxMeeting, Meeting};
use super::model::Other;
use super::named::{names_itself, written};
use super::terms::{building, day};
use super::veto::veto;
use super::{Bits, Field, Level, Model, Step, TermFrequencies, TermKind, Verdict, Waterfall};

/// By so many bits at most what grouping finds makes it likelier that two records are one person's.
pub(super) const LIFTED: f64 = 4.0;
/// And never likelier than once in two to the power of this: in a handful of records chance says little.
const FOUND_LEAST: f64 = 8.0;

impl Model {
    /// Compares two cards. The order of the two makes no difference.
    #[must_use]
    pub fn score(&self, one: &Card, other: &Card, frequencies: &TermFrequencies) -> Waterfall {
        let (one, other) = if one <= other { (one, other) } else { (other, one) };
        let mut tally =
            Tally { model: self, frequencies, steps: Vec::with_capacity(10), household: 0, workplace: 0, crowd: 0.0 };
        let handle = compare::handles(one, other);
        let mailbox = compare::mailboxes(&one.mailboxes, &other.mailboxes);
        // A name in a mailbox they share says nothing beside the mailbox.
        let shared = handle.is_some() || mailbox.as_ref().is_some_and(|met| met.level != Level::Different);
        tally.names(one, other, shared);
        tally.people(one, other);
        tally.contacts(one, other, mailbox, handle);
        let prior = self.strangers(frequencies);
        let veto = veto(one, other, &tally.steps);
        let total = tally.close(prior);
        let verdict = match veto {
            Some(veto) => Verdict::Veto(veto),
            None if total >= self.join_at() => Verdict::Join,
            None if total >= self.review_at() => Verdict::Review,
            None => Verdict::Apart,
        };
        Waterfall { model: self.version, prior, steps: tally.steps, total, verdict }
    }

    /// Two records taken by chance are one person's about twice in as many as there are, or as often as grouping found, if that
    /// is more often.
    pub(super) fn strangers(&self, frequencies: &TermFrequencies) -> Bits {
        let prior = &self.written.prior;
        let usual = frequencies.records().log2().floor() - 1.0;
        let usual = usual.max(prior.strangers_least).min(prior.strangers_most);
        let found = frequencies.doublings().map(|found| found.max(usual - LIFTED).max(FOUND_LEAST));
        Bits::of(-found.map_or(usual, |found| found.min(usual)))
    }
}

/// A sum that is being made.
pub(super) struct Tally<'a> {
    pub(super) model: &'a Model,
    pub(super) frequencies: &'a TermFrequencies,
    pub(super) steps: Vec<Step>,
    household: i32,
    workplace: i32,
    /// How many records share the most crowded contact point they share, log2.
    pub(super) crowd: f64,
}

impl Tally<'_> {
    fn step(&mut self, field: Field, level: Level, frequency: Bits) {
        self.step_of(field, level, frequency, false);
    }

    /// `named`: the value is made of the name, which is compared already. Against everybody it says only how it is written.
    fn step_of(&mut self, field: Field, level: Level, frequency: Bits, named: bool) {
        let weight = self.model.weight(Other::Stranger, field, level);
        self.steps.push(Step { field, level, weight, frequency });
        let said = |other| {
            let weight = self.model.weight(other, field, level).0;
            if named { weight / 4 } else { weight }
        };
        let (household, workplace) = (said(Other::Household), said(Other::Workplace));
        self.household += household;
        // Colleagues are named like strangers: there a rare name says as much.
        let named = matches!(field, Field::GivenName | Field::FamilyName | Field::BirthDate);
        self.workplace += workplace + if named { frequency.0 } else { 0 };
    }

    fn names(&mut self, one: &Card, other: &Card, shared: bool) {
        let mut given = compare::givens(&one.given, &other.given);
        let mut family = compare::families(&one.family, &other.family);
        let straight = strength(given) + strength(family);
        let turned = (compare::families(&one.given, &other.family), compare::families(&one.family, &other.given));
        let crossed = strength(turned.0) + strength(turned.1);
        if crossed > straight && crossed >= 5 && matches!(turned, (Some(_), Some(_))) {
            (given, family) = (Some(Level::Swapped), Some(Level::Swapped));
        }
        if !shared {
            given = given.or_else(|| written(&one.given, other).or_else(|| written(&other.given, one)));
            family = family.or_else(|| written(&one.family, other).or_else(|| written(&other.family, one)));
        }
        if let Some(level) = given {
            let frequency = match level {
                Level::Written => self
                    .rarity(TermKind::GivenName, one.given.first().or(other.given.first()).map_or("", String::as_str)),
                Level::Same | Level::Part => self.rarest_given(one, other),
                Level::Swapped => {
                    let rarity =
                        |card: &Card| self.rarity(TermKind::GivenName, card.given.first().map_or("", String::as_str));
                    self.half_of(rarity(one), rarity(other))
                }
                _ => Bits(0),
            };
            self.step(Field::GivenName, level, frequency);
        }
        if let Some(level) = family {
            let key = compare::family_key(if one.family.is_empty() { &other.family } else { &one.family });
            let frequency = if matches!(level, Level::Same | Level::Written) {
                self.rarity(TermKind::FamilyName, &key)
            } else if level == Level::Swapped {
                let rarity = |card: &Card| self.rarity(TermKind::FamilyName, &compare::family_key(&card.family));
                self.half_of(rarity(one), rarity(other))
            } else {
                Bits(0)
            };
            self.step(Field::FamilyName, level, frequency);
        }
    }

    /// Of names that changed places half of what the less rare reading is worth: which of the two is right is not known.
    fn half_of(&self, one: Bits, other: Bits) -> Bits {
        Bits(one.min(other).0 / 2)
    }

    fn people(&mut self, one: &Card, other: &Card) {
        let [born, others] =
            [one.birth, other.birth].map(|birth| birth.filter(|birth| !self.frequencies.is_filled_in(*birth)));
        if let Some(level) = compare::births(born, others) {
            let written = one.birth.map(day);
            let frequency = match written {
                Some(written) if level == Level::Same => self.rarity(TermKind::BirthDate, &written).min(Bits(0)),
                _ => Bits(0),
            };
            self.step(Field::BirthDate, level, frequency);
        }
        // Two given names are compared already.
        let addressed = one.sex.is_some() || other.sex.is_some();
        if let (Some(a), Some(b)) = (sex_of(one), sex_of(other))
            && addressed
        {
            let level = if a == b { Level::Same } else { Level::Different };
            // The given name has said it already.
            let told = a == b && self.steps.iter().any(|step| step.field == Field::GivenName && step.weight.0 > 0);
            if !told {
                self.step(Field::Sex, level, Bits(0));
            }
        }
        match (one.generation, other.generation) {
            (Some(a), Some(b)) => {
                self.step(Field::Generation, if a == b { Level::Same } else { Level::Different }, Bits(0));
            }
            // Who is told apart by it from somebody at home mostly says so.
            (Some(_), None) | (None, Some(_)) => self.step(Field::Generation, Level::Near, Bits(0)),
            _ => {}
        }
        if let Some(level) = compare::companies(one.company.as_deref(), other.company.as_deref()) {
            let company = one.company.as_deref().unwrap_or_default();
            let frequency = if level == Level::Same { self.rarity(TermKind::Company, company) } else { Bits(0) };
            if level == Level::Same {
                self.gather(TermKind::Company, company);
            }
            self.step(Field::Company, level, frequency);
        }
    }

    fn contacts(
        &mut self,
        one: &Card,
        other: &Card,
        mailbox: Option<MailboxMeeting<'_>>,
        handle: Option<(Level, String)>,
    ) {
        // Where the names are compared already, a mailbox or handle made of them says little more.
        let named = [Field::GivenName, Field::FamilyName].iter().all(|field| self.agrees(*field));
        if let Some(met) = mailbox {
            let text = format!("{}@{}", met.mailbox.local, met.mailbox.domain);
            let elsewhere = matches!(met.level, Level::LocalPart | Level::Similar);
            let itself = elsewhere && names_itself(one, other, &met.mailbox.local);
            let frequency = match met.level {
                Level::Same | Level::RoleMailbox => self.generic(TermKind::Mailbox, &text, Field::Mailbox, met.level),
                // The same name at another provider, where the name is just the name.
                _ if itself => self.named_anyway(Field::Mailbox, met.level, named, (one, other)),
                _ => Bits(0),
            };
            self.step_of(Field::Mailbox, met.level, frequency, itself && named);
        }
        if let Some((level, phone)) = compare::phones(&one.phones, &other.phones) {
            let frequency = if matches!(level, Level::Same | Level::Landline) {
                self.generic(TermKind::Phone, phone, Field::Phone, level)
            } else {
                Bits(0)
            };
            self.step(Field::Phone, level, frequency);
        }
        if let Some(Meeting { level, place }) = compare::addresses(&one.places, &other.places) {
            let term = match level {
                Level::Building | Level::Similar => building(place).map(|text| (TermKind::Building, text)),
                Level::PostalCode => place.postal_code.clone().map(|text| (TermKind::PostalCode, text)),
                Level::Town | Level::OtherStreet => place.town.clone().map(|text| (TermKind::Town, text)),
                _ => None,
            };
            let frequency = term.map_or(Bits(0), |(kind, text)| {
                if kind == TermKind::Building {
                    self.gather(kind, &text);
                    return self.crowded(&text);
                }
                self.rarity(kind, &text)
            });
            self.step(Field::Address, level, frequency);
        }
        if let Some((level, handle)) = handle {
            let mut frequency = self.generic(TermKind::Handle, &compare::letters(&handle), Field::Handle, level);
            let itself = names_itself(one, other, &handle);
            if itself {
                frequency = frequency.min(self.named_anyway(Field::Handle, level, named, (one, other)));
            }
            self.step_of(Field::Handle, level, frequency, itself && named);
        }
        if let Some(level) = compare::numbers(one, other) {
            self.step(Field::Number, level, Bits(0));
        }
    }

    /// Corrects for household and workplace, and adds up.
    fn close(&mut self, prior: Bits) -> Bits {
        let sum = |steps: &[Step]| prior + steps.iter().map(|step| step.weight + step.frequency).sum();
        let strangers = sum(&self.steps);
        let written = &self.model.written.prior;
        let household = Bits(Bits::of(written.household).0 + self.household);
        let workplace = Bits(Bits::of(written.workplace - self.crowd).0 + self.workplace);
        let both = against(strangers, household);
        let all = against(both, workplace);
        for (field, before, after) in [(Field::Household, strangers, both), (Field::Workplace, both, all)] {
            if after != before {
                let weight = Bits(after.0 - before.0);
                self.steps.push(Step { field, level: Level::Shared, weight, frequency: Bits(0) });
            }
        }
        sum(&self.steps)
    }
}

/// What the form of address says, or else the given name.
fn sex_of(card: &Card) -> Option<Sex> {
    card.sex.or_else(|| card.given.first().and_then(|given| compare::sex(given)))
}

/// The evidence against two explanations together.
fn against(one: Bits, other: Bits) -> Bits {
    let (weaker, stronger) = (one.min(other), one.max(other));
    let apart = f64::from(stronger.0.saturating_sub(weaker.0)) / 1000.0;
    Bits(weaker.0.saturating_sub(Bits::of((1.0 + (-apart).exp2()).log2()).0))
}

fn strength(level: Option<Level>) -> i32 {
    match level {
        Some(Level::Same) => 3,
        Some(Level::Similar | Level::Nickname | Level::Part) => 2,
        Some(Level::Initial) => 1,
        _ => 0,
    }
}
