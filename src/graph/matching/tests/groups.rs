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

/// A wife, a husband at her mailbox, and an order at it that names neither of them: whoever's that is, the two are not one by it, however
/// many records tell nothing but the mailbox.
#[test]
fn records_that_name_nobody_make_two_who_are_named_no_one() {
    let mail = "mail:zuhause7@example.org";
    let [wife, husband, either] =
        ["given:maria, ", "given:peter, ", ""].map(|given| card(&format!("{given}family:weber, {mail}, {HOME}")));
    let contacts: Vec<Card> = (0..20).map(|_| card(mail)).collect();
    let model = Model::shipped();
    for count in 0..=contacts.len() {
        let contacts = contacts.iter().take(count);
        let known: Vec<&Card> = [&wife, &either].into_iter().chain(contacts.clone()).collect();
        let fit = |frequencies: &TermFrequencies| model.guard(&known, &[&husband], frequencies);
        let shape = fit(&TermFrequencies::new(100_000));
        assert!(matches!(shape, Shape::Stops { vetoes: 0, negative: 0, .. }), "{shape:?} with {count}");
        let all: Vec<&Card> = known.iter().copied().chain([&husband]).collect();
        let last = u32::try_from(all.len()).unwrap();
        let pairs = (0..last).flat_map(|one| (0..one).map(move |other| (other, one))).collect();
        let mut frequencies = TermFrequencies::new(100_000);
        let groups = cluster(&model, &mut frequencies, &all, pairs, &Bonds::default()).groups;
        assert!(!groups.iter().any(|group| group.contains(&0) && group.contains(&(last - 1))), "{groups:?}");
    }
    // A login that is told with nothing else is another one all the same.
    let [one, other] = ["a", "bb"].map(|login| card(&format!("{mail}, login:{login}")));
    let shape = model.guard(&[&wife, &one], &[&wife, &other], &TermFrequencies::new(100_000));
    assert!(matches!(shape, Shape::Stops { pairs: 4, vetoes: 1, .. }), "{shape:?}");
    // Who is named by nothing is held against those who are all the same.
    let shape = model.guard(&[&card(mail)], &[&wife, &either], &TermFrequencies::new(100_000));
    assert!(matches!(shape, Shape::Fits { mean: Some(_) }), "{shape:?}");
}

/// Who somebody is, is told by what is counted by its own number; what is counted by matching keys is shared.
#[test]
fn who_somebody_is_is_told_by_what_is_counted_by_itself() {
    let shared = [TermKind::Mailbox, TermKind::Phone, TermKind::Handle, TermKind::Building];
    let contacts = "mail:zuhause7@example.org, phone:+491711234987, handle:zwirni1971, login:a";
    for (more, tells) in [
        ("", false),
        ("given:maria", true),
        ("family:weber", true),
        ("firm:weber sohne", true),
        ("born:1971-03-09", true),
        ("town:berlin", true),
        ("code:10115", true),
        ("street:gartenstr, house:12", false),
        (HOME, true),
        ("given:na, family:na, code:00000, town:musterstadt", false),
    ] {
        let card = card(&format!("{contacts}, {more}"));
        let counted = terms(&card).iter().any(|(kind, _)| !shared.contains(kind));
        assert_eq!((card.tells_who(), counted), (tells, tells), "{more}");
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

/// The groups of these cards in every order in which they can come.
fn in_all_orders<const COUNT: usize>(
    texts: [&str; COUNT],
    bonds: impl Fn(&dyn Fn(usize) -> u32) -> Bonds,
) -> BTreeSet<Groups> {
    let cards = texts.map(card);
    let mut found = BTreeSet::new();
    let last = u32::try_from(COUNT).unwrap();
    for turn in 0..COUNT.pow(last) {
        let order: [usize; COUNT] = std::array::from_fn(|at| turn / COUNT.pow(at as u32) % COUNT);
        if (0..COUNT).any(|card| !order.contains(&card)) {
            continue;
        }
        let some: Vec<&Card> = order.iter().map(|at| &cards[*at]).collect();
        let place = |card: usize| order.iter().position(|at| *at == card).unwrap() as u32;
        let pairs = (0..last).flat_map(|one| (0..one).map(move |other| (other, one))).collect();
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

/// Two records that are one by a rule are weighed as one: the one of them may be either of two logins, and the other is clearly of the
/// first.
#[test]
fn who_is_one_by_a_rule_is_weighed_as_one() {
    let alike = format!("given:ottilie, family:zwirnlechner, born:1971-03-09, {HOME}");
    let mail = "mail:ottilie7@example.org";
    let (clear, one, other) =
        (format!("{alike}, {mail}"), format!("{alike}, {mail}, login:a"), format!("{alike}, login:bb"));
    let ruled = |at: &dyn Fn(usize) -> u32| Bonds { together: vec![(at(0), at(1))], ..Bonds::default() };
    let found = in_all_orders([&alike, &clear, &one, &other], ruled);
    assert_eq!(found, BTreeSet::from([groups_of(&[&[0, 1, 2], &[3]])]), "each was weighed by itself");
    // As one they may be either of two, of whom each is like another of them.
    let phone = "phone:+491711234987";
    let (mailed, called) = (format!("{alike}, {mail}"), format!("{alike}, {phone}"));
    let (one, other) = (format!("{alike}, {mail}, login:a"), format!("{alike}, {phone}, login:bb"));
    let found = in_all_orders([&mailed, &called, &one, &other], ruled);
    assert_eq!(found, BTreeSet::from([groups_of(&[&[0, 1], &[2], &[3]])]));
}

/// So are two of whom one had been joined with somebody by comparing, whom somebody else was taken out of: the other is clearly of that
/// one.
#[test]
fn who_is_one_by_a_rule_leans_as_one() {
    let alike = format!("given:ottilie, family:zwirnlechner, born:1971-03-09, {HOME}");
    let clear = format!("{alike}, mail:ottilie7@example.org");
    let bonds = |ruled: bool| {
        move |at: &dyn Fn(usize) -> u32| Bonds {
            together: if ruled { vec![(at(0), at(1))] } else { Vec::new() },
            apart: vec![(vec![at(2)], vec![at(3)])],
            leaning: vec![(vec![at(0)], Vec::new())],
            ..Bonds::default()
        }
    };
    let found = in_all_orders([&alike, &clear, &alike, &clear], bonds(true));
    assert_eq!(found, BTreeSet::from([groups_of(&[&[0, 1, 3], &[2]])]));
    let found = in_all_orders([&alike, &clear, &alike, &clear], bonds(false));
    assert_eq!(found, BTreeSet::from([groups_of(&[&[0, 2], &[1, 3]])]));
}

/// Who had been joined by comparing with both of two who were taken apart leans to neither of them, and nobody can tell whose they are.
#[test]
fn who_leans_to_both_sides_leans_to_neither() {
    let alike = format!("given:ottilie, family:zwirnlechner, born:1971-03-09, {HOME}");
    let found = in_all_orders([&alike, &alike, &alike, &alike], |at| Bonds {
        together: vec![(at(0), at(1))],
        apart: vec![(vec![at(2)], vec![at(3)])],
        leaning: vec![(vec![at(0)], vec![at(1)])],
        ..Bonds::default()
    });
    assert_eq!(found, BTreeSet::from([groups_of(&[&[0, 1], &[2], &[3]])]));
}

/// A guest may be either of two logins. Who is like that guest alone is the same person, whose login that may be; who may turn out to be
/// one of the two, or is a third, or says what neither of the two says, is not.
#[test]
fn who_is_like_somebody_who_is_neithers_is_with_them_unless_that_leads_to_either() {
    let unborn = format!("given:ottilie, family:zwirnlechner, {HOME}");
    let alike = format!("{unborn}, born:1971-03-09");
    let contact = "mail:ottilie7@example.org, phone:+491711234987";
    let (guest, young) = (format!("{alike}, {contact}"), format!("{unborn}, {contact}"));
    let (one, other) = (format!("{alike}, handle:zwirni1971, login:a"), format!("{alike}, login:bb"));
    assert_eq!(verdict(&guest, contact), Verdict::Join);
    let alone = || groups_of(&[&[0], &[1], &[2], &[3]]);
    for (guest, like, groups) in [
        (&guest, contact.to_owned(), groups_of(&[&[0, 1], &[2], &[3]])),
        (&guest, format!("{contact}, elsewhere:ccc"), groups_of(&[&[0, 1], &[2], &[3]])),
        (&guest, format!("{contact}, login:ccc"), alone()),
        (&guest, format!("{contact}, handle:zwirni1971"), groups_of(&[&[0], &[1, 2], &[3]])),
        (&young, contact.to_owned(), groups_of(&[&[0, 1], &[2], &[3]])),
        (&young, "mail:ottilie7@example.org, born:1999-05-20".to_owned(), alone()),
    ] {
        assert_eq!(verdict(guest, &like), Verdict::Join, "{like}");
        let found = in_all_orders([guest, &like, &one, &other], |_| Bonds::default());
        assert_eq!(found, BTreeSet::from([groups]), "{like}");
    }
}

/// A guest may be any of a shop's many logins, of whom only the least likely tells a date of birth; somebody who is like the guest tells
/// another. What is said is compared with what the likeliest say, and with no more of them.
#[test]
fn what_somebody_says_is_compared_with_the_likeliest_whom_another_may_be() {
    let alike = format!("given:ottilie, family:zwirnlechner, {HOME}");
    let guest = card(&format!("{alike}, mail:ottilie7@example.org, phone:+491711234987"));
    let like = card("mail:ottilie7@example.org, born:1999-05-20");
    let is_with = |logins: usize| {
        let login = |number: usize| format!("{alike}, login:{}", "a".repeat(number));
        let mut cards: Vec<Card> = (1..logins).map(|number| card(&login(number))).collect();
        cards.push(card(&format!("{}, born:1971-03-09", login(logins))));
        let mut all: Vec<&Card> = cards.iter().collect();
        all.extend([&guest, &like]);
        let last = u32::try_from(all.len()).unwrap();
        let pairs = (0..last).flat_map(|one| (0..one).map(move |other| (other, one))).collect();
        let mut frequencies = TermFrequencies::new(100_000);
        let groups = cluster(&Model::shipped(), &mut frequencies, &all, pairs, &Bonds::default()).groups;
        let found = groups.iter().find(|group| group.contains(&(last - 1))).unwrap();
        assert!(found.len() == 1 || *found == [last - 2, last - 1], "the guest is one with a login: {groups:?}");
        found.len() == 2
    };
    assert!(!is_with(2) && !is_with(LIKELIEST) && is_with(LIKELIEST + 1));
}

/// Who is like a guest who may be either of two is like somebody else, who is like one of the two.
#[test]
fn who_comes_to_one_of_two_by_somebody_else_is_not_with_who_may_be_either() {
    let alike = format!("given:ottilie, family:zwirnlechner, born:1971-03-09, {HOME}");
    let contact = "mail:ottilie7@example.org, phone:+491711234987";
    let (guest, like) = (format!("{alike}, {contact}"), format!("{contact}, handle:zwirni1971"));
    let (one, other) = (format!("{alike}, handle:berlinerin71, login:a"), format!("{alike}, login:bb"));
    let between = "handle:zwirni1971, handle:berlinerin71";
    assert_ne!(verdict(&like, &one), Verdict::Join);
    let found = in_all_orders([&guest, &like, between, &one, &other], |_| Bonds::default());
    assert!(found.iter().all(|groups| groups.contains(&BTreeSet::from([0]))), "{found:?}");
    assert!(
        found.iter().all(|groups| groups.iter().any(|group| group.is_superset(&BTreeSet::from([1, 2])))),
        "{found:?}"
    );
}

/// Somebody has a login elsewhere, and may be either of two whom somebody took apart. Who is like them alone has a third login where
/// those two have theirs: they are none of the two.
#[test]
fn who_has_a_third_login_is_not_with_who_may_be_either_and_has_one_elsewhere() {
    let alike = format!("given:ottilie, family:zwirnlechner, born:1971-03-09, {HOME}");
    let contact = "mail:ottilie7@example.org, phone:+491711234987";
    let either = format!("{alike}, {contact}, elsewhere:a");
    let (one, other) = (format!("{alike}, login:a"), format!("{alike}, login:bb"));
    let apart = |at: &dyn Fn(usize) -> u32| Bonds {
        apart: vec![(vec![at(2)], vec![at(3)])],
        leaning: vec![(Vec::new(), Vec::new())],
        ..Bonds::default()
    };
    for (like, groups) in [
        (contact.to_owned(), groups_of(&[&[0, 1], &[2], &[3]])),
        (format!("{contact}, login:ccc"), groups_of(&[&[0], &[1], &[2], &[3]])),
    ] {
        let found = in_all_orders([&either, &like, &one, &other], apart);
        assert_eq!(found, BTreeSet::from([groups]), "{like}");
    }
}

/// Two guests are alike. The one may be either of two logins of a shop, and the other either of two others there.
#[test]
fn two_who_may_be_either_of_two_others_each_are_not_one() {
    let alike = format!("given:ottilie, family:zwirnlechner, born:1971-03-09, {HOME}");
    let contact = "mail:ottilie7@example.org, phone:+491711234987";
    let (guest, like) = (format!("{alike}, {contact}"), format!("{contact}, handle:zwirni1971"));
    let [one, two] = ["login:a", "login:bb"].map(|login| format!("{alike}, {login}"));
    for (last, groups) in [
        ("login:dddd", groups_of(&[&[0], &[1], &[2], &[3], &[4], &[5]])),
        ("elsewhere:dddd", groups_of(&[&[0], &[1, 4, 5], &[2], &[3]])),
    ] {
        let [three, four] = ["login:ccc", last].map(|login| format!("handle:zwirni1971, {login}"));
        let found = in_all_orders([&guest, &like, &one, &two, &three, &four], |_| Bonds::default());
        assert_eq!(found, BTreeSet::from([groups]), "{last}");
    }
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
