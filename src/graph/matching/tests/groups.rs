//! Groups of many cards: what they hold together by, what keeps them apart, and that their order is no matter.

use std::collections::BTreeSet;

use super::*;

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
