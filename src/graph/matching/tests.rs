//! What must hold of any two cards, and what is expected of certain people.

use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::types::SourceNo;

static_assertions::assert_not_impl_any!(Card: Clone, std::fmt::Debug, std::fmt::Display, serde::Serialize);
static_assertions::assert_not_impl_any!(Fields: Clone, std::fmt::Debug, std::fmt::Display, serde::Serialize);
static_assertions::assert_not_impl_any!(TermFrequencies: Clone, std::fmt::Debug, serde::Serialize);

/// A card of words: `given family`, then `key:value` for the rest.
fn card(text: &str) -> Card {
    let mut fields = Fields::default();
    let mut place = AddressFields::default();
    let mut number = None;
    let said = |value: &str| Some(value.to_owned()).filter(|value| !value.is_empty());
    for word in text.split(',').map(str::trim) {
        let (key, value) = word.split_once(':').unwrap_or(("", ""));
        match key {
            "given" => fields.given_name = said(value),
            "family" => fields.family_name = said(value),
            "mr" => fields.salutation = said(value),
            "firm" => fields.company = said(value),
            "born" => {
                let parts: Vec<i16> = value.split('-').map(|part| part.parse().unwrap()).collect();
                fields.birth_date = Some((parts[0], parts[1].try_into().unwrap(), parts[2].try_into().unwrap()));
            }
            "mail" => fields.mailboxes.push((value.to_owned(), MailboxClass::Personal)),
            "role" => fields.mailboxes.push((value.to_owned(), MailboxClass::Role)),
            "phone" => fields.phones.push(value.to_owned()),
            "handle" => fields.handles.push(value.to_owned()),
            "street" => place.street = said(value),
            "house" => place.house_number = said(value),
            "code" => place.postal_code = said(value),
            "town" => place.town = said(value),
            "login" | "elsewhere" => {
                number = Some(Number {
                    kind: NumberKind::Account,
                    source: Some(SourceNo(if key == "login" { 1 } else { 2 })),
                    ix: [value.len() as u8; 16],
                    verified: true,
                })
            }
            _ => {}
        }
    }
    fields.addresses.push(place);
    fields.numbers.extend(number);
    Card::new(&fields)
}

fn verdict(one: &str, other: &str) -> Verdict {
    // Many people are known, so that a name alone says little.
    Model::shipped().score(&card(one), &card(other), &TermFrequencies::new(100_000)).verdict
}

const HOME: &str = "street:gartenstr, house:12, code:10115, town:berlin";

#[test]
fn one_person() {
    for (one, other) in [
        (format!("given:anna, family:muller, {HOME}"), format!("given:anna, family:muller, {HOME}")),
        (format!("given:jorg, family:weiss, {HOME}"), format!("given:jrog, family:weiss, {HOME}")),
        (format!("given:susanne, family:weiss, {HOME}"), format!("given:susi, family:weiss, {HOME}")),
        ("given:anna, family:muller, mail:anna82@gmx.de".into(), "mail:anna82@gmx.de".into()),
        (
            "given:anna, family:muller, mail:anna82@gmx.de".into(),
            "given:anna, family:schmidt, mail:anna82@gmx.de".into(),
        ),
        ("given:anna, family:muller, born:1980-05-12".into(), "given:anna, family:mueler, born:1980-05-12".into()),
        ("given:weiss, family:jorg, mail:x.y@web.de".into(), "given:jorg, family:weiss, mail:x.y@web.de".into()),
        // "Jun." on one side only is forgotten easily, and a mobile is one person's.
        (
            format!("given:karl, family:weiss jun, phone:+491711234987, {HOME}"),
            format!("given:karl, family:weiss, phone:+491711234987, {HOME}"),
        ),
        // One name in two spellings.
        (format!("given:katrin, family:zwirnlechner, {HOME}"), format!("given:cathrin, family:zwirnlechner, {HOME}")),
        // A short form that looks like a title, and a surname of before.
        (format!("given:phil, family:zwirnlechner, {HOME}"), format!("given:philipp, family:zwirnlechner, {HOME}")),
        (format!("given:anna, family:muller schmidt, {HOME}"), format!("given:anna, family:schmidt, {HOME}")),
        ("handle:wolke.sieben7".into(), format!("given:anna, family:muller, mail:wolke_sieben7@web.de, {HOME}")),
    ] {
        assert_eq!(verdict(&one, &other), Verdict::Join, "for {one} and {other}");
    }
}

#[test]
fn two_people() {
    for (one, other) in [
        // Spouses whose names sound alike, and share what a household shares.
        (
            format!("given:peter, family:muller, phone:+493012345, mail:muller7@gmx.de, {HOME}"),
            format!("given:petra, family:muller, phone:+493012345, mail:muller7@gmx.de, {HOME}"),
        ),
        (
            format!("given:stefan, family:muller, phone:+493012345, {HOME}"),
            format!("given:stefanie, family:muller, phone:+493012345, {HOME}"),
        ),
        // A son says that he is one.
        (format!("given:karl, family:weiss jun, {HOME}"), format!("given:karl, family:weiss, {HOME}")),
        // Two firms of one legal form.
        (
            "given:backerei, family:weiss gmbh, code:10115".into(),
            "given:schreinerei, family:kunz gmbh, code:10115".into(),
        ),
        // Spouses with one address, one landline and one mailbox.
        (
            format!("given:anna, family:muller, phone:+493012345, {HOME}"),
            format!("given:peter, family:muller, phone:+493012345, {HOME}"),
        ),
        (
            "given:anna, family:muller, mail:muller7@gmx.de".into(),
            "given:peter, family:muller, mail:muller7@gmx.de".into(),
        ),
        // A flat share, namesakes, colleagues.
        (format!("given:anna, family:muller, {HOME}"), format!("given:peter, family:kowalski, {HOME}")),
        ("given:anna, family:muller".into(), "given:anna, family:muller, code:80331, town:munchen".into()),
        (
            format!("given:anna, family:muller, firm:weiss, role:info@weiss.de, {HOME}"),
            format!("given:peter, family:schulz, firm:weiss, role:info@weiss.de, {HOME}"),
        ),
        // A number the network gave to somebody else.
        (
            "given:anna, family:muller, phone:+491711234987".into(),
            "given:peter, family:kowalski, phone:+491711234987".into(),
        ),
        // Nothing in common.
        ("given:anna".into(), "mail:anna82@gmx.de".into()),
    ] {
        let found = verdict(&one, &other);
        assert!(!matches!(found, Verdict::Join), "{found:?} for {one} and {other}");
    }
}

#[test]
fn a_legal_form_is_nobodys_family_name() {
    let firm = card("given:backerei, family:weiss gmbh");
    assert!(firm.company.as_deref() == Some("backerei weiss") && firm.given.is_empty() && firm.family.is_empty());
    assert!(card("given:gmbh").company.is_none(), "a form alone names no firm");
}

#[test]
fn names_that_changed_places_share_keys() {
    let one = keys(&card("given:karl, family:weiss, code:10115, town:berlin"));
    let other = keys(&card("given:weiss, family:karl, code:10115, town:berlin"));
    let shared: Vec<KeyKind> = one.iter().filter(|key| other.contains(key)).map(|(kind, _)| *kind).collect();
    for kind in [KeyKind::FullName, KeyKind::SoundsAndTown, KeyKind::FamilyAndPostalCode] {
        assert!(shared.contains(&kind), "{kind}");
    }
}

#[test]
fn what_the_given_name_says_of_somebody_counts_against_a_form_of_address() {
    let steps = |one: &str, other: &str| {
        let found = Model::shipped().score(&card(one), &card(other), &TermFrequencies::new(1_000));
        found.steps.into_iter().map(|step| (step.field, step.level)).collect::<Vec<_>>()
    };
    let found = steps("given:a, family:weiss, mr:frau", "given:andreas, family:weiss");
    assert!(found.contains(&(Field::Sex, Level::Different)), "{found:?}");
    // Two given names say it already.
    assert!(
        !steps("given:anna, family:weiss", "given:andreas, family:weiss").iter().any(|(field, _)| *field == Field::Sex)
    );
}

#[test]
fn vetoes() {
    for (one, other, veto) in [
        (
            format!("given:karl, family:weiss, born:1950-03-02, {HOME}"),
            format!("given:karl, family:weiss, born:1978-11-20, {HOME}"),
            Veto::BirthDates,
        ),
        (
            format!("given:karl, family:weiss sen, {HOME}"),
            format!("given:karl, family:weiss jun, {HOME}"),
            Veto::Generations,
        ),
        (
            format!("given:anna, family:weiss, born:1990-03-02, {HOME}"),
            format!("given:lisa, family:weiss, born:1990-03-02, {HOME}"),
            Veto::GivenNames,
        ),
        (format!("firm:weiss, {HOME}"), format!("given:karl, family:weiss, {HOME}"), Veto::PersonAndOrganisation),
        (
            format!("given:karl, family:weiss, login:a, {HOME}"),
            format!("given:karl, family:weiss, login:bb, {HOME}"),
            Veto::Logins,
        ),
    ] {
        assert_eq!(verdict(&one, &other), Verdict::Veto(veto), "for {one} and {other}");
        assert_eq!(verdict(&other, &one), Verdict::Veto(veto));
    }
}

/// Twins are often named alike. A slip of the pen that makes another name of one is rarer, and is asked about.
#[test]
fn twins_of_names_alike_are_two() {
    let of = |given: &str, more: &str| format!("given:{given}, family:zwirnlechner, born:2001-05-12, {HOME}, {more}");
    for (one, other) in [
        ("lena", "lina"),
        ("tim", "tom"),
        ("jan", "jana"),
        ("nina", "tina"),
        ("lena marie", "lina marie"),
        ("laura sophie", "julia sophie"),
    ] {
        for more in ["", "phone:+493012345", "mail:zwirnlechner7@web.de", "mail:zwirnlechner7@web.de, phone:+493012345"]
        {
            let found = verdict(&of(one, more), &of(other, more));
            assert_eq!(found, Verdict::Veto(Veto::GivenNames), "for {one} and {other} {more}");
        }
        let waterfall =
            Model::shipped().score(&card(&of(one, "")), &card(&of(other, "")), &TermFrequencies::new(100_000));
        assert!(waterfall.contradicts(), "a mailbox they share makes {one} and {other} one by rule");
    }
    // One name, or one that nobody has but for a slip.
    for (one, other) in [
        ("lena", "lenna"),
        ("katrin", "cathrin"),
        ("zwirnbert", "zwirnbret"),
        ("peter", "hans peter"),
        ("josef", "sepp"),
    ] {
        assert_eq!(verdict(&of(one, ""), &of(other, "")), Verdict::Join, "for {one} and {other}");
    }
}

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

#[test]
fn the_model_writes_and_reads_itself() {
    let model = Model::shipped();
    assert_eq!(Model::from_toml(&model.to_toml().unwrap()).unwrap(), model);
    assert!(Model::from_toml("version = 1").is_err());
    let text = model.to_toml().unwrap();
    assert!(Model::from_toml(&text.replace("join = 4.0", "join = -4.0")).is_err());
    assert!(Model::from_toml(&text.replace("join = 4.0", "join = nan")).is_err());
}

#[test]
fn damaged_cards_are_refused() {
    let bytes = card(&format!("given:anna, family:muller, {HOME}")).to_bytes();
    for end in 1..bytes.len() {
        // A cut between two fields leaves a shorter card; anywhere else it is noticed. It never panics.
        let _ = Card::from_bytes(&bytes[..end]);
    }
    assert!(Card::from_bytes(&[]).is_err());
    assert!(Card::from_bytes(&[2]).is_err());
    assert!(Card::from_bytes(&[1, 2, 9, 0, b'a']).is_err());
    assert_eq!(
        Card::from_bytes(&[1, 200, 1, 0, 7]).map(|card| card.is_empty()),
        Ok(true),
        "a later field is passed over"
    );
}

#[test]
fn a_street_that_an_earlier_hub_shortened_is_read_as_it_is_kept_now() {
    let read = |street: &str| {
        let written = card(&format!("street:{street}, house:5, code:06110, town:halle")).to_bytes();
        Card::from_bytes(&written).unwrap().places.first().and_then(|place| place.street.clone())
    };
    for (kept, street) in [
        ("strdereinheit", "strassedereinheit"),
        ("strassedereinheit", "strassedereinheit"),
        ("gartenstr", "gartenstr"),
        ("strandweg", "strandweg"),
    ] {
        assert_eq!(read(kept).as_deref(), Some(street));
    }
}

#[test]
fn a_bridge_does_not_join_two_groups_that_do_not_fit() {
    let father = card(&format!("given:karl, family:weiss, born:1950-03-02, {HOME}"));
    let son = card(&format!("given:karl, family:weiss, born:1978-11-20, {HOME}"));
    let either = card(&format!("given:karl, family:weiss, {HOME}"));
    let cards = [&father, &son, &either];
    let mut frequencies = TermFrequencies::count(cards);
    let found = cluster(&Model::shipped(), &mut frequencies, &cards, vec![(0, 1), (0, 2), (1, 2)], &Bonds::default());
    assert_eq!(found.groups.len(), 2, "the third joins one of them, and the other stays apart");
    assert!(found.reviews.iter().any(|review| review.reason == ReviewReason::Shape));
    assert!(matches!(
        Model::shipped().guard(&[&father], &[&either, &son], &frequencies),
        Shape::Stops { vetoes: 1, .. }
    ));
}

/// Most records of a customer are orders, which tell no birth date.
#[test]
fn what_keeps_two_apart_is_seen_behind_any_number_of_records_that_do_not_say_it() {
    let said = |more: &str| card(&format!("given:karl, family:weiss, {more}, {HOME}"));
    for (his, sons) in [("born:1950-03-02", "born:1978-11-20"), ("login:a", "login:bb")] {
        let mut cards: Vec<Card> = (0..12).map(|_| said("")).collect();
        cards.extend([said(his), said(sons)]);
        let cards: Vec<&Card> = cards.iter().collect();
        let mut frequencies = TermFrequencies::new(20_000);
        let shape = Model::shipped().guard(&cards[..13], &cards[13..], &frequencies);
        assert!(matches!(shape, Shape::Stops { vetoes: 1, .. }), "{shape:?} for {his}");
        let all = (0..14).flat_map(|one| (0..one).map(move |other| (other, one))).collect();
        let found = cluster(&Model::shipped(), &mut frequencies, &cards, all, &Bonds::default());
        let together = found.groups.iter().any(|group| group.contains(&12) && group.contains(&13));
        assert!(!together, "for {his}");
        assert!(
            found.reviews.iter().all(|review| review.reason != ReviewReason::Doubtful) && !found.reviews.is_empty()
        );
    }
}

/// An initial, or a short form, is either's: however many records say no more, they make nobody's spouse or twin the same person.
#[test]
fn initials_that_fit_two_names_make_them_no_one() {
    for [one, other, either] in [
        ["michal", "maria", "m"],
        ["anna", "andreas", "a"],
        ["alexander", "alexandra", "alex"],
        ["christian", "christine", "chris"],
        ["jana", "julia", "j"],
    ] {
        for count in 1..6 {
            let said = |given: &str| card(&format!("given:{given}, family:schmidt, {HOME}"));
            let mut cards = vec![said(one), said(other)];
            cards.extend((0..count).map(|_| said(either)));
            let cards: Vec<&Card> = cards.iter().collect();
            let last = u32::try_from(cards.len()).unwrap();
            let all = (0..last).flat_map(|one| (0..one).map(move |other| (other, one))).collect();
            let mut frequencies = TermFrequencies::new(20_000);
            let found = cluster(&Model::shipped(), &mut frequencies, &cards, all, &Bonds::default());
            let together = found.groups.iter().any(|group| group.contains(&0) && group.contains(&1));
            assert!(!together, "{one} and {other} are one by {count} records of {either}");
        }
    }
}

#[test]
fn decisions_of_people_stand() {
    let anna = card(&format!("given:anna, family:muller, {HOME}"));
    let same = card(&format!("given:anna, family:muller, {HOME}"));
    let peter = card("given:peter, family:kowalski");
    let cards = [&anna, &same, &peter];
    let mut frequencies = TermFrequencies::new(1_000);
    let bonds =
        Bonds { decided: vec![(1, 2)], together: vec![(0, 2)], apart: vec![(vec![0], vec![1])], ..Bonds::default() };
    let found = cluster(&Model::shipped(), &mut frequencies, &cards, vec![(0, 1), (0, 2)], &bonds);
    assert_eq!(found.groups, [vec![0], vec![1, 2]], "a rule joined what somebody had kept apart");
}

/// Groups, each as the numbers of its cards.
type Groups = BTreeSet<BTreeSet<usize>>;

/// The groups of four cards in every order in which they can come.
fn in_all_orders(texts: [&str; 4], bonds: impl Fn(&dyn Fn(usize) -> u32) -> Bonds) -> BTreeSet<Groups> {
    let cards = texts.map(card);
    let mut found = BTreeSet::new();
    for turn in 0..256_usize {
        let order = [turn & 3, turn >> 2 & 3, turn >> 4 & 3, turn >> 6 & 3];
        if (0..4).any(|card| !order.contains(&card)) {
            continue;
        }
        let some: Vec<&Card> = order.iter().map(|at| &cards[*at]).collect();
        let place = |card: usize| order.iter().position(|at| *at == card).unwrap() as u32;
        let pairs = (0..4).flat_map(|one| (0..one).map(move |other| (other, one))).collect();
        let mut frequencies = TermFrequencies::new(100_000);
        let groups = cluster(&Model::shipped(), &mut frequencies, &some, pairs, &bonds(&place)).groups;
        let named = |group: Vec<u32>| -> BTreeSet<usize> { group.into_iter().map(|at| order[at as usize]).collect() };
        found.insert(groups.into_iter().map(named).collect::<Groups>());
    }
    found
}

fn groups_of(groups: &[&[usize]]) -> Groups {
    groups.iter().map(|group| group.iter().copied().collect()).collect()
}

/// A guest is as like a customer of another shop as two of one shop, who are two.
#[test]
fn who_may_be_either_of_two_is_neither_whoever_else_is_like_them() {
    let alike = format!("given:ottilie, family:zwirnlechner, born:1971-03-09, {HOME}");
    let (third, one, other) =
        (format!("{alike}, elsewhere:a"), format!("{alike}, login:a"), format!("{alike}, login:bb"));
    let found = in_all_orders([&alike, &third, &one, &other], |_| Bonds::default());
    assert!(found.iter().all(|groups| groups.contains(&BTreeSet::from([0]))), "{found:?}");
}

/// Two records that comparing joined were refused with another. Somebody is one of them by a rule, and as like the second as that
/// other: they are of that person, whom nothing tears apart.
#[test]
fn who_is_of_one_side_already_is_not_neither() {
    let name = "given:ottilie, family:zwirnlechner";
    let (one, two) = (format!("{name}, {HOME}"), format!("{name}, born:1971-03-09, {HOME}"));
    let found = in_all_orders([&one, &two, &two, &two], |at| Bonds {
        together: vec![(at(0), at(2))],
        apart: vec![(vec![at(0), at(1)], vec![at(3)])],
        leaning: vec![(Vec::new(), Vec::new())],
        ..Bonds::default()
    });
    assert_eq!(found, BTreeSet::from([groups_of(&[&[0, 1, 2], &[3]])]));
}

/// An account of very many records, and somebody with as many who was marked as not the same: no work grows with the square of them.
/// In the square of them this would not end within the hour.
#[test]
fn what_is_settled_of_very_many_records_is_settled_at_once() {
    const EACH: u32 = 100_000;
    let anna = card(&format!("given:anna, family:muller, {HOME}"));
    let cards: Vec<&Card> = (0..2 * EACH + 1).map(|_| &anna).collect();
    let star = |from: u32| (from + 1..from + EACH).map(move |at| (from, at));
    let together: Vec<(u32, u32)> = star(0).chain(star(EACH)).chain([(EACH - 1, EACH)]).collect();
    let bonds = Bonds { together, apart: vec![((0..EACH).collect(), (EACH..2 * EACH).collect())], ..Bonds::default() };
    // One more is as like the one as the other: nobody can tell whose it is.
    let pairs = vec![(EACH - 1, 2 * EACH), (EACH, 2 * EACH)];
    let found = cluster(&Model::shipped(), &mut TermFrequencies::new(1_000), &cards, pairs, &bonds);
    let sizes: Vec<usize> = found.groups.iter().map(Vec::len).collect();
    let each = usize::try_from(EACH).unwrap();
    assert_eq!((sizes, found.joins.len(), found.reviews.len()), (vec![each, each, 1], 0, 2));
}

#[test]
fn a_value_of_many_is_looked_at_among_neighbours() {
    let said = |count: usize| -> Vec<Card> {
        (0..count).map(|at| card(&format!("given:anna{}, family:muller, {HOME}", at % 100))).collect()
    };
    let found = |count| {
        let cards = said(count);
        candidates(&cards.iter().collect::<Vec<_>>())
    };
    assert_eq!(found(60).len(), 60 * 59 / 2);
    let many = found(2_000);
    assert!(many.len() < 2_000 * 60, "{} pairs", many.len());
    // Every record meets one that says the same.
    let same = |at: u32| many.iter().any(|(one, other)| (*one == at || *other == at) && one % 100 == other % 100);
    assert!((0..2_000).all(same));
}

/// What is not in the order of what records say first, such as a firm, must not make their order that of arrival.
#[test]
fn who_is_beside_whom_does_not_depend_on_the_order() {
    let firms: Vec<String> = (0..300).map(|at| format!("firma{}", at * 7 % 100)).collect();
    let found = |order: &[usize]| -> BTreeSet<(&str, &str)> {
        let cards: Vec<Card> =
            order.iter().map(|at| card(&format!("given:anna, family:muller, firm:{}, {HOME}", firms[*at]))).collect();
        let cards: Vec<&Card> = cards.iter().collect();
        let named = |at: u32| firms[order[usize::try_from(at).unwrap()]].as_str();
        let pairs = candidates(&cards).into_iter().map(|(one, other)| (named(one), named(other)));
        pairs.map(|(one, other)| (one.min(other), one.max(other))).collect()
    };
    let straight: Vec<usize> = (0..300).collect();
    let mut turned = straight.clone();
    turned.reverse();
    turned.rotate_left(37);
    assert_eq!(found(&straight), found(&turned));
}

prop_compose! {
    /// People who have much in common.
    fn people()(
        given in prop::sample::select(vec!["", "anna", "anna maria", "ana", "a", "peter", "petra", "hans peter", "weiss"]),
        family in prop::sample::select(vec!["", "weiss", "weis", "weiss muller", "muller", "anna", "weiss jun", "weiss sen"]),
        born in prop::sample::select(vec!["", "born:1980-05-12", "born:1980-12-05", "born:1951-09-30", "born:1980-1-1"]),
        mail in prop::sample::select(vec!["", "mail:anna.weiss@gmx.de", "mail:annaweiss@gmx.de", "mail:wolke7@web.de", "role:info@weiss.de"]),
        phone in prop::sample::select(vec!["", "phone:+491711234987", "phone:+493012345678"]),
        handle in prop::sample::select(vec!["", "handle:anna_weiss", "handle:wolke7"]),
        place in prop::sample::select(vec!["", HOME, "code:10115", "town:berlin", "street:gartenstr, house:14, code:10115", "street:packstation, house:101, code:10115"]),
        firm in prop::sample::select(vec!["", "", "", "firm:backerei weiss"]),
        login in prop::sample::select(vec!["", "", "", "login:a", "login:bb"]),
    ) -> String {
        format!("given:{given}, family:{family}, {born}, {mail}, {phone}, {handle}, {place}, {firm}, {login}")
    }
}

proptest! {
    #[test]
    fn order_makes_no_difference_and_the_steps_add_up(one in people(), other in people()) {
        let (one, other) = (card(&one), card(&other));
        let frequencies = TermFrequencies::count([&one, &other]);
        let model = Model::shipped();
        let found = model.score(&one, &other, &frequencies);
        prop_assert_eq!(&found, &model.score(&other, &one, &frequencies));
        let sum: Bits = found.steps.iter().map(|step| step.weight + step.frequency).sum();
        prop_assert_eq!(found.prior + sum, found.total);
    }

    #[test]
    fn a_card_reads_what_it_wrote(text in people()) {
        let one = card(&text);
        let read = Card::from_bytes(&one.to_bytes()).unwrap();
        prop_assert_eq!(read.to_bytes(), one.to_bytes());
        prop_assert_eq!(keys(&read), keys(&one));
        prop_assert_eq!(terms(&read), terms(&one));
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(card) = Card::from_bytes(&[&[1], bytes.as_slice()].concat()) {
            let _ = (keys(&card), terms(&card), Model::shipped().score(&card, &card, &TermFrequencies::default()));
        }
    }

    /// In whatever order it is told, and whichever source tells it.
    #[test]
    fn records_of_the_same_content_share_every_key(one in people(), more in people()) {
        // Two mailboxes, phones and handles; one name, place and birth date.
        let several = |word: &&str| ["mail:", "role:", "phone:", "handle:"].iter().any(|of| word.starts_with(of));
        let words: Vec<&str> = one.split(", ").chain(more.split(", ").filter(several)).collect();
        let told: String = words.join(", ");
        let turned: Vec<&str> = words.iter().rev().copied().collect();
        let all = |text: &str| -> BTreeSet<(i16, Vec<u8>)> {
            keys(&card(text)).into_iter().map(|(kind, value)| (kind.number(), value.to_vec())).collect()
        };
        prop_assert_eq!(all(&told), all(&turned.join(", ")));
    }

    #[test]
    fn groups_do_not_depend_on_the_order(texts in prop::collection::vec(people(), 2..9), turn in 0..8_usize) {
        let groups = |order: &[usize]| {
            let cards: Vec<Card> = order.iter().map(|at| card(&texts[*at])).collect();
            let refs: Vec<&Card> = cards.iter().collect();
            let count = u32::try_from(refs.len()).unwrap();
            let mut pairs: Vec<(u32, u32)> = (0..count).flat_map(|one| (0..one).map(move |other| (one, other))).collect();
            let middle = turn % pairs.len();
            pairs.rotate_left(middle);
            let found = cluster(&Model::shipped(), &mut TermFrequencies::count(refs.iter().copied()), &refs, pairs, &Bonds::default());
            let mut named: Vec<Vec<String>> = found.groups.iter().map(|group| {
                let mut names: Vec<String> = group.iter().map(|at| texts[order[*at as usize]].clone()).collect();
                names.sort();
                names
            }).collect();
            named.sort();
            named
        };
        let straight: Vec<usize> = (0..texts.len()).collect();
        let mut turned = straight.clone();
        turned.rotate_left(turn % texts.len());
        turned.reverse();
        prop_assert_eq!(groups(&straight), groups(&turned));
    }
}
