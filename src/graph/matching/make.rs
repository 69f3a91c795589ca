//! Making a [`Card`] of what intake read.

use super::card::{
    AddressFields, Birth, Card, Fields, Generation, Mailbox, MailboxClass, Number, NumberKind, Place, Sex,
};
use super::nobody;

/// Most entries of one kind that are compared; what a record has beyond says nothing more.
const MOST: usize = 8;
/// Longest text that is compared, in characters.
const LONGEST: usize = 64;

impl Card {
    /// Makes a card. Placeholders ("n/a", "Max Mustermann", 1 January 1900, `test@test.de`, 00000) leave no trace on it.
    #[must_use]
    pub fn new(fields: &Fields) -> Self {
        let mut card = Self::default();
        card.source = fields.source;
        name(&mut card, fields);
        card.company = fields.company.as_deref().and_then(firm).or(card.company.take());
        card.sex = card.sex.or(fields.salutation.as_deref().and_then(sex));
        card.birth = fields.birth_date.and_then(birth);
        for address in &fields.addresses {
            if let Some(place) = place(address) {
                keep(&mut card.places, place, same_place);
            }
            post_number(&mut card, address);
        }
        for (address, class) in &fields.mailboxes {
            if let Some(mailbox) = mailbox(address, *class) {
                keep(&mut card.mailboxes, mailbox, |known, new| known.local == new.local && known.domain == new.domain);
            }
        }
        for phone in fields.phones.iter().filter(|phone| !nobody::is_phone(phone)) {
            keep(&mut card.phones, phone.clone(), PartialEq::eq);
        }
        for written in &fields.handles {
            if let Some(handle) = handle(written) {
                keep(&mut card.handles, handle, PartialEq::eq);
            }
        }
        for number in &fields.numbers {
            keep(&mut card.numbers, *number, PartialEq::eq);
        }
        card
    }
}

impl Card {
    /// Is one of its customer numbers among these?
    #[must_use]
    pub fn has_number(&self, of: &[[u8; 16]]) -> bool {
        self.numbers.iter().any(|number| number.kind == NumberKind::Customer && of.contains(&number.ix))
    }

    /// Takes these customer numbers off it: several accounts have them, and so they name nobody.
    pub fn forget_numbers(&mut self, shared: &[[u8; 16]]) {
        self.numbers.retain(|number| number.kind != NumberKind::Customer || !shared.contains(&number.ix));
    }

    /// Adds a number, once its blind index is made.
    pub fn add_number(&mut self, number: Number) {
        keep(&mut self.numbers, number, PartialEq::eq);
    }
}

/// Keeps a value once, and not too many.
fn keep<T>(list: &mut Vec<T>, value: T, same: impl Fn(&T, &T) -> bool) {
    if list.len() < MOST && !list.iter().any(|known| same(known, &value)) {
        list.push(value);
    }
}

fn words(text: Option<&str>) -> Vec<String> {
    let words = text.unwrap_or_default().split(' ').filter(|word| !word.is_empty());
    words.take(MOST).map(|word| word.chars().take(LONGEST).collect()).collect()
}

fn name(card: &mut Card, fields: &Fields) {
    let mut given = words(fields.given_name.as_deref());
    let mut family = words(fields.family_name.as_deref());
    if let Some(form) = given.iter().chain(&family).position(|word| is_legal_form(word)).filter(|at| *at > 0) {
        // "Bäckerei Weiß GmbH" names a firm: the form is nobody's family name.
        let before: Vec<&str> = given.iter().chain(&family).take(form).map(String::as_str).collect();
        card.company = firm(&before.join(" "));
        return;
    }
    if given.is_empty() && family.is_empty() {
        given = words(fields.full_name.as_deref());
        if given.len() > 1 {
            let last = given.pop();
            family.extend(last);
        }
    }
    for list in [&mut given, &mut family] {
        list.retain(|word| match generation(word) {
            Some(found) => {
                card.generation = Some(found);
                false
            }
            None => true,
        });
    }
    let particles = given.iter().rev().take_while(|word| is_particle(word)).count();
    if !family.is_empty() && particles < given.len() {
        given.truncate(given.len() - particles);
    }
    if family.iter().any(|word| !is_particle(word)) {
        family.retain(|word| !is_particle(word));
    }
    if nobody::is_name(&given, &family) {
        return;
    }
    if nobody::is_word(&given) {
        given.clear();
    }
    if nobody::is_word(&family) {
        family.clear();
    }
    card.given = given;
    card.family = family;
}

fn generation(word: &str) -> Option<Generation> {
    match word {
        "jun" | "junior" | "jr" | "jnr" => Some(Generation::Junior),
        "sen" | "senior" | "sr" | "snr" => Some(Generation::Senior),
        _ => None,
    }
}

fn is_particle(word: &str) -> bool {
    const PARTICLES: &[&str] = &[
        "van", "von", "vom", "zu", "zum", "zur", "der", "den", "dem", "de", "del", "della", "di", "da", "dos", "du",
        "la", "le", "el", "al", "ter", "ten", "bin", "ibn", "und", "auf", "am", "im",
    ];
    PARTICLES.contains(&word)
}

fn sex(salutation: &str) -> Option<Sex> {
    // "Frau und Herr Weiß" are two.
    let found = |words: &[&str]| salutation.split(' ').any(|word| words.contains(&word));
    let female =
        found(&["frau", "fr", "mrs", "ms", "miss", "madame", "mme", "fraulin", "female", "f", "w", "weiblich"]);
    let male = found(&["herr", "herrn", "hr", "mr", "monsieur", "male", "m", "mannlich"]);
    match (female, male) {
        (true, false) => Some(Sex::Female),
        (false, true) => Some(Sex::Male),
        _ => None,
    }
}

/// The forms that stand in no person's name.
fn is_legal_form(word: &str) -> bool {
    matches!(
        word,
        "gmbh" | "mbh" | "kgaa" | "ohg" | "gbr" | "ltd" | "llc" | "sarl" | "srl" | "haftungsbeschrankt" | "partgmbb"
    )
}

/// The firm's name without its legal form: "Weiß & Söhne GmbH & Co. KG" is "weiss sohne".
fn firm(folded: &str) -> Option<String> {
    const FORMS: &[&str] = &[
        "gmbh",
        "mbh",
        "ag",
        "kg",
        "ohg",
        "gbr",
        "ug",
        "ek",
        "ev",
        "eg",
        "se",
        "kgaa",
        "co",
        "inc",
        "ltd",
        "llc",
        "plc",
        "corp",
        "limited",
        "sarl",
        "sa",
        "sas",
        "bv",
        "nv",
        "srl",
        "spa",
        "und",
        "and",
        "the",
        "haftungsbeschrankt",
        "gesellschaft",
        "e",
        "k",
        "v",
        "cie",
        "partg",
        "partgmbb",
    ];
    let kept: Vec<&str> = folded.split(' ').filter(|word| !word.is_empty() && !FORMS.contains(word)).collect();
    let firm: String = kept.join(" ").chars().take(LONGEST).collect();
    (firm.len() > 1 && !nobody::is_text(&firm)).then_some(firm)
}

fn birth((year, month, day): (i16, u8, u8)) -> Option<Birth> {
    if nobody::is_birth(year, month, day) {
        return None;
    }
    // The first of January mostly says that only the year is known.
    let known = (month, day) != (1, 1);
    Some(Birth { year, month: if known { month } else { 0 }, day: if known { day } else { 0 } })
}

fn place(fields: &AddressFields) -> Option<Place> {
    let said = |text: &Option<String>| {
        text.as_deref().filter(|text| !nobody::is_text(text)).map(|text| text.chars().take(LONGEST).collect::<String>())
    };
    let mut place = Place::default();
    place.country = said(&fields.country);
    place.postal_code = said(&fields.postal_code).filter(|code| !nobody::is_postal_code(code));
    place.town = said(&fields.town).filter(|town| !nobody::is_town(town)).map(|town| plain_town(&town));
    place.street = said(&fields.street).filter(|street| !nobody::is_street(street));
    if let Some(street) = place.street.as_deref() {
        place.locker = is_locker(street);
        place.house_number = said(&fields.house_number).map(|number| plain_number(&number));
    }
    let says = place.postal_code.is_some() || place.town.is_some() || place.street.is_some();
    says.then_some(place)
}

/// The key of a street that begins with "Str." as that of one that begins with "Straße"; none if it does not. No word begins with "str" and
/// then no vowel.
#[must_use]
pub fn written_out(street: &str) -> Option<String> {
    let rest = street.strip_prefix("str")?;
    let next = rest.chars().next()?;
    (!matches!(next, 'a' | 'e' | 'i' | 'o' | 'u' | 'y')).then(|| format!("strasse{rest}"))
}

/// "Frankfurt am Main", "Frankfurt (Main)" and "Frankfurt/M." are one town.
fn plain_town(town: &str) -> String {
    const BESIDE: &[&str] = &["am", "an", "der", "im", "in", "bei", "ob", "vor", "ot", "m", "a", "d", "b", "i"];
    let words: Vec<&str> = town.split(' ').filter(|word| !word.is_empty()).collect();
    let count = words.iter().position(|word| BESIDE.contains(word)).filter(|at| *at > 0);
    let kept = words.get(..count.unwrap_or(words.len())).unwrap_or_default();
    let kept = match kept {
        [town, river] if matches!(*river, "main" | "oder" | "saale" | "breisgau" | "donau" | "neckar") => *town,
        _ => return kept.join(" "),
    };
    kept.to_owned()
}

/// A house number without what separates its parts, but for the line in "12-14": those are two houses.
fn plain_number(number: &str) -> String {
    let number = number.replace([' ', '/', '.'], "").replace('–', "-");
    let houses = number.split('-').all(|house| house.starts_with(|c: char| c.is_ascii_digit()));
    if houses { number } else { number.replace('-', "") }
}

fn is_locker(street: &str) -> bool {
    ["packstation", "paketstation", "postfach", "pobox", "postfiliale", "postlagernd"]
        .iter()
        .any(|word| street.starts_with(word))
}

fn same_place(one: &Place, other: &Place) -> bool {
    one.postal_code == other.postal_code
        && one.street == other.street
        && one.house_number == other.house_number
        && one.town == other.town
}

/// The number DHL gives one person to receive at parcel lockers: six to ten digits beside a locker.
fn post_number(card: &mut Card, address: &AddressFields) {
    let locker = address.street.as_deref().is_some_and(is_locker);
    let digits = |text: &str| (6..=10).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    let found = address.extra.as_deref().and_then(|extra| extra.split(' ').find(|word| digits(word)));
    if let Some(number) = found.filter(|_| locker) {
        keep(&mut card.handles, format!("postnummer{number}"), PartialEq::eq);
    }
}

fn mailbox(address: &str, class: MailboxClass) -> Option<Mailbox> {
    let (local, domain) = address.rsplit_once('@')?;
    // What stands behind a plus sign only sorts the mail.
    let base = local.split('+').next().filter(|base| !base.is_empty()).unwrap_or(local);
    if base.is_empty()
        || base.len() > 255
        || domain.is_empty()
        || nobody::is_mailbox(base, domain)
        || nobody::is_example(base, domain)
    {
        return None;
    }
    let google = matches!(domain, "gmail.com" | "googlemail.com");
    let mut mailbox = Mailbox::default();
    // A family's mailbox is read by all of it.
    let shared = MailboxClass::is_family(base);
    mailbox.class = if shared && class == MailboxClass::Personal { MailboxClass::Role } else { class };
    mailbox.local = if google { base.replace('.', "") } else { base.to_owned() };
    mailbox.domain = if google { "gmail.com".to_owned() } else { domain.to_owned() };
    if google && mailbox.local.is_empty() {
        mailbox.local = base.to_owned();
    }
    Some(mailbox)
}

/// A name somebody chose: five to forty letters and digits, with at least three letters, and no id a machine made.
fn handle(written: &str) -> Option<String> {
    if written.contains('@') && written.rsplit('@').next().is_some_and(|domain| domain.contains('.')) {
        return None;
    }
    let handle: String = written.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase).collect();
    let handle = handle.trim_start_matches('@').to_owned();
    let letters = handle.chars().filter(|c| c.is_alphabetic()).count();
    let hex = handle.len() >= 16 && handle.bytes().all(|b| b.is_ascii_hexdigit());
    let long = (5..=40).contains(&handle.len());
    (long && letters >= 3 && !hex && !nobody::is_text(&handle)).then_some(handle)
}
