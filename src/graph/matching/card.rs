//! [`Card`]: what of one record is compared with others.

use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::types::SourceNo;

/// What one record says about who somebody is, in the forms that are compared.
///
/// It has no `Debug`, `Display`, `Serialize` or `Clone` (the order of two cards says nothing of their values), and its values are wiped when it is dropped. It rests sealed
/// ([`Card::to_bytes`]); only the comparators of this room look into it.
#[derive(Default, PartialEq, Eq, PartialOrd, Ord, Zeroize, ZeroizeOnDrop)]
pub struct Card {
    /// Where the record came from.
    #[zeroize(skip)]
    pub(super) source: Option<SourceNo>,
    /// Folded words, the name somebody is called by first.
    pub(super) given: Vec<String>,
    /// Folded words: two of a double name, without particles.
    pub(super) family: Vec<String>,
    pub(super) company: Option<String>,
    pub(super) sex: Option<Sex>,
    pub(super) generation: Option<Generation>,
    pub(super) birth: Option<Birth>,
    pub(super) places: Vec<Place>,
    pub(super) mailboxes: Vec<Mailbox>,
    /// E.164.
    pub(super) phones: Vec<String>,
    /// Small letters; compared without what separates the words.
    pub(super) handles: Vec<String>,
    pub(super) numbers: Vec<Number>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Zeroize)]
pub(super) enum Sex {
    Female,
    Male,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Zeroize)]
pub(super) enum Generation {
    Junior,
    Senior,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Zeroize)]
pub(super) struct Birth {
    pub(super) year: i16,
    /// Zero if only the year is known.
    pub(super) month: u8,
    pub(super) day: u8,
}

#[derive(Default, PartialEq, Eq, PartialOrd, Ord, Zeroize, ZeroizeOnDrop)]
pub(super) struct Place {
    pub(super) country: Option<String>,
    pub(super) postal_code: Option<String>,
    pub(super) town: Option<String>,
    /// As a key: "hauptstr", "strassedereinheit".
    pub(super) street: Option<String>,
    pub(super) house_number: Option<String>,
    /// A parcel locker or a post-office box: many receive there.
    pub(super) locker: bool,
}

#[derive(Default, PartialEq, Eq, PartialOrd, Ord, Zeroize, ZeroizeOnDrop)]
pub(super) struct Mailbox {
    #[zeroize(skip)]
    pub(super) class: MailboxClass,
    /// Before the @, without what stands behind a plus sign.
    pub(super) local: String,
    pub(super) domain: String,
}

/// Whose mailbox an address is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum MailboxClass {
    /// One person's.
    #[default]
    Personal,
    /// A post's, such as `info@`.
    Role,
    /// An alias a market place made.
    Relay,
}

impl MailboxClass {
    /// Does a mailbox, by what stands before its @, belong to a whole family: `familie.weiss@`, `fam-weiss@`?
    #[must_use]
    pub fn is_family(local: &str) -> bool {
        ["familie", "family", "fam.", "fam-", "fam_", "haus.", "wir."].iter().any(|word| local.starts_with(word))
    }
}

/// A number that names one person, as an index nobody can read.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Zeroize)]
pub struct Number {
    /// What it is.
    #[zeroize(skip)]
    pub kind: NumberKind,
    /// The source it is unique at; none if everywhere.
    #[zeroize(skip)]
    pub source: Option<SourceNo>,
    /// Its blind index.
    pub ix: [u8; 16],
    /// Did the source make sure that it is theirs (a login)?
    #[zeroize(skip)]
    pub verified: bool,
}

/// What a [`Number`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NumberKind {
    /// A customer number at a source.
    Customer,
    /// An account at a source.
    Account,
    /// A bank account.
    BankAccount,
    /// An order, by its number, whoever tells of it.
    Order,
}

/// What a record says, as intake read it. Texts are folded by `intake::normal::name::fold` where it says so.
#[derive(Default, Zeroize, ZeroizeOnDrop)]
pub struct Fields {
    /// Where the record came from.
    #[zeroize(skip)]
    pub source: Option<SourceNo>,
    /// Given names, folded.
    pub given_name: Option<String>,
    /// Family name, folded.
    pub family_name: Option<String>,
    /// The whole name where it is not split, folded, given names first. Read only where one of the two above is missing.
    pub full_name: Option<String>,
    /// Form of address, folded.
    pub salutation: Option<String>,
    /// The firm, folded.
    pub company: Option<String>,
    /// Year, month, day.
    pub birth_date: Option<(i16, u8, u8)>,
    /// Addresses.
    pub addresses: Vec<AddressFields>,
    /// E-mail addresses in normal form, and whose they are. Placeholders need not be sorted out.
    #[zeroize(skip)]
    pub mailboxes: Vec<(String, MailboxClass)>,
    /// Phone numbers in E.164.
    pub phones: Vec<String>,
    /// Names at social networks, as written; ids that no person chose are passed over.
    pub handles: Vec<String>,
    /// Numbers.
    pub numbers: Vec<Number>,
}

/// An address as intake read it.
#[derive(Default, Zeroize, ZeroizeOnDrop)]
pub struct AddressFields {
    /// The street by `intake::normal::address::folded_street`.
    pub street: Option<String>,
    /// The house number by `intake::normal::address::house_number`.
    pub house_number: Option<String>,
    /// Floor, c/o, post number; folded.
    pub extra: Option<String>,
    /// The postal code.
    pub postal_code: Option<String>,
    /// The town, folded.
    pub town: Option<String>,
    /// ISO 3166-1 alpha-2.
    pub country: Option<String>,
}

/// A card that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the matching card is damaged or of an unknown version")]
pub struct Unreadable;

impl Card {
    /// Gives up the room that was kept for more. Of lists only, whose texts lie elsewhere: nothing is copied that would have to be
    /// wiped.
    pub fn trim(&mut self) {
        self.given.shrink_to_fit();
        self.family.shrink_to_fit();
        self.places.shrink_to_fit();
        self.mailboxes.shrink_to_fit();
        self.phones.shrink_to_fit();
        self.handles.shrink_to_fit();
        self.numbers.shrink_to_fit();
    }

    /// Does it say nothing that could be compared?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.given.is_empty()
            && self.family.is_empty()
            && self.company.is_none()
            && self.birth.is_none()
            && self.places.is_empty()
            && self.mailboxes.is_empty()
            && self.phones.is_empty()
            && self.handles.is_empty()
            && self.numbers.is_empty()
    }
}
