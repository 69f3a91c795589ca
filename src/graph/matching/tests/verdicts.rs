//! Who is one person, and who is two.

use super::*;

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
