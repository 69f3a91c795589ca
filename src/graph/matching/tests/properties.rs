//! What must hold of any two cards, and of any few of them.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

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
