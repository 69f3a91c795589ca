//! What says nothing, what says more, and under which keys it is found.

use std::sync::Arc;

use super::*;

#[test]
fn placeholders_give_neither_key_nor_evidence() {
    for text in [
        "given:max, family:mustermann, born:1900-1-1, mail:test@test.de, phone:+490000000000, code:00000, town:musterstadt",
        "given:na, family:na, born:1970-1-1, mail:noreply@example.com, code:11111",
        "given:test, family:test, street:musterstr, house:1, code:12345",
        "given:xxx, family:xxx, firm:keine, handle:unbekannt",
    ] {
        let card = card(text);
        assert!(card.is_empty(), "for {text}");
        assert!(keys(&card).is_empty() && terms(&card).is_empty(), "for {text}");
    }
}

#[test]
fn what_systems_call_whoever_has_no_name_is_no_name() {
    for (given, family) in [
        ("facebook", "user"),
        ("amazon", "customer"),
        ("amazon", "kundin"),
        ("gast", "kunde"),
        ("kunde", "gast"),
        ("gast kunde", ""),
        ("", "instagram user"),
        ("geloschter", "nutzer"),
        ("ebay", "kaufer"),
    ] {
        assert!(card(&format!("given:{given}, family:{family}")).is_empty(), "for {given} {family}");
    }
    assert!(!card("given:otto, family:kunde").is_empty() && !card("given:anna, family:gast").is_empty());
}

/// A form that puts in 1 January 1980 by itself says nothing by it, neither for nor against somebody.
#[test]
fn a_date_that_more_tell_than_are_born_in_a_year_is_filled_in() {
    let of = |born: &str| card(&format!("given:anna, family:zwirnlechner, born:{born}, {HOME}"));
    let verdict = |one: &str, other: &str, frequencies: &TermFrequencies| {
        Model::shipped().score(&of(one), &of(other), frequencies).verdict
    };
    let filled = |held| {
        let mut filled = FilledIn::default();
        filled.note(b"19800000", held, 100_000);
        Arc::new(filled)
    };
    let usual = TermFrequencies::new(100_000);
    let mut many = TermFrequencies::new(100_000);
    many.set_filled_in(filled(3_125));
    assert_eq!(verdict("1980-1-1", "1963-5-12", &usual), Verdict::Veto(Veto::BirthDates));
    assert_eq!(verdict("1980-1-1", "1963-5-12", &many), Verdict::Join);
    // Of a year alone, and not of a form.
    let mut some = TermFrequencies::new(100_000);
    some.set_filled_in(filled(3_124));
    assert_eq!(verdict("1980-1-1", "1963-5-12", &some), Verdict::Veto(Veto::BirthDates));
    let told = |frequencies: &TermFrequencies| {
        let found = Model::shipped().score(&of("1980-1-1"), &of("1980-1-1"), frequencies);
        found.steps.iter().any(|step| step.field == Field::BirthDate)
    };
    assert!(told(&some) && !told(&many));
}

/// A shop counts the customers of each of its sales channels anew: under two accounts one number is two customers'.
#[test]
fn a_customer_number_of_two_accounts_is_no_evidence() {
    let customer = |account: Option<u8>| {
        let mut card = card("given:anna");
        let number = |kind, ix| Number { kind, source: Some(SourceNo(1)), ix: [ix; 16], verified: false };
        card.add_number(number(NumberKind::Customer, 7));
        account.into_iter().for_each(|account| card.add_number(number(NumberKind::Account, account)));
        card
    };
    let tells = |one: Option<u8>, other: Option<u8>| {
        let found = Model::shipped().score(&customer(one), &customer(other), &TermFrequencies::new(100_000));
        found.steps.iter().any(|step| step.field == Field::Number)
    };
    assert!(!tells(Some(1), Some(2)));
    assert!(tells(Some(1), Some(1)) && tells(Some(1), None) && tells(None, None));
}

#[test]
fn a_phone_of_thousands_is_no_evidence() {
    let mut many = TermFrequencies::new(100_000);
    many.note(TermKind::Phone, b"+491711234987", 13);
    let (one, other) = (card("given:anna, phone:+491711234987"), card("given:anna, phone:+491711234987"));
    let score = |frequencies: &TermFrequencies| Model::shipped().score(&one, &other, frequencies);
    assert_eq!(score(&TermFrequencies::new(100_000)).verdict, Verdict::Join);
    assert_eq!(score(&many).verdict, Verdict::Apart);
}

#[test]
fn rare_names_say_more() {
    let mut known = TermFrequencies::new(100_000);
    known.note(TermKind::FamilyName, b"muller", 10);
    known.note(TermKind::FamilyName, b"zwetschkenbaum", 1);
    let total = |family: &str| {
        let card = card(&format!("given:anna, family:{family}"));
        Model::shipped().score(&card, &card, &known).total
    };
    assert!(total("zwetschkenbaum") > total("muller") + Bits::of(3.0));
}

#[test]
fn no_low_entropy_field_makes_a_key_alone() {
    for text in [
        "given:anna",
        "family:muller",
        "code:10115",
        "town:berlin",
        "born:1980-05-12",
        "given:anna, town:berlin",
        "firm:weiss",
    ] {
        assert!(keys(&card(text)).is_empty(), "for {text}");
    }
    let all = card(&format!(
        "given:anna, family:muller, born:1980-05-12, firm:weiss, mail:anna82@gmx.de, phone:+491711234987, handle:wolke7b, {HOME}"
    ));
    assert!((10..=16).contains(&keys(&all).len()));
}
