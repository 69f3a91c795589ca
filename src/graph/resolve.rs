//! Resolving one record: whose is it?

use crate::store::rows::{IdentifierRow, SubjectState};
use crate::store::{Error, Write, identifiers, subjects};
use crate::types::{IdentifierKind, SubjectId, UnknownWord};

/// More people than this behind one value: it is shared, and joins nobody.
const SHARED_BY: usize = 3;

/// Why a record belongs to its person. Numbers are stored and never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i16)]
pub enum Rule {
    /// It is the first record of a new person.
    First = 1,
    /// The same account or customer number at the same source.
    SourceAccount = 2,
    /// The same verified e-mail address.
    VerifiedEmail = 3,
    /// The same verified phone number.
    VerifiedPhone = 4,
    /// The same personal mailbox and the same full name.
    EmailAndName = 5,
    /// The same forwarding address at the same source.
    Relay = 6,
    /// The same visitor id at the same source.
    AnonymousId = 7,
}

impl Rule {
    /// The rule by which an identifier of this kind joins.
    #[must_use]
    pub const fn of(kind: IdentifierKind) -> Self {
        match kind {
            IdentifierKind::CustomerNumber | IdentifierKind::Account => Self::SourceAccount,
            IdentifierKind::Email => Self::VerifiedEmail,
            IdentifierKind::Phone => Self::VerifiedPhone,
            IdentifierKind::EmailAndName => Self::EmailAndName,
            IdentifierKind::Relay => Self::Relay,
            IdentifierKind::AnonymousId => Self::AnonymousId,
        }
    }

    /// The word in explanations.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::First => "first_record",
            Self::SourceAccount => "same_account_at_source",
            Self::VerifiedEmail => "same_verified_email",
            Self::VerifiedPhone => "same_verified_phone",
            Self::EmailAndName => "same_email_and_name",
            Self::Relay => "same_forwarding_address",
            Self::AnonymousId => "same_visitor_id",
        }
    }
}

impl TryFrom<i16> for Rule {
    type Error = UnknownWord;

    fn try_from(number: i16) -> Result<Self, UnknownWord> {
        [
            Self::First,
            Self::SourceAccount,
            Self::VerifiedEmail,
            Self::VerifiedPhone,
            Self::EmailAndName,
            Self::Relay,
            Self::AnonymousId,
        ]
        .into_iter()
        .find(|rule| *rule as i16 == number)
        .ok_or(UnknownWord("link rule"))
    }
}

/// An identifier of the record that may join it to others.
#[derive(Clone, Copy, Debug)]
pub struct Clue {
    /// Its kind.
    pub kind: IdentifierKind,
    /// Its blind index.
    pub ix: [u8; 16],
}

/// Whose a record is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolution {
    /// The people the clues lead to, the longest known first; more than one are to be merged. Empty: a new person.
    pub people: Vec<SubjectId>,
    /// By which rule each clue led to one of them.
    pub evidence: Vec<(Rule, [u8; 16], SubjectId)>,
}

/// Follows the clues of one record inside the running transaction, where nobody else can add a person.
///
/// # Errors
/// If the store cannot be read.
pub fn resolve(write: &mut Write<'_>, clues: &[Clue]) -> Result<Resolution, Error> {
    let mut evidence = Vec::new();
    for clue in clues {
        for person in people_with(write, clue)? {
            evidence.push((Rule::of(clue.kind), clue.ix, person));
        }
    }
    let mut people: Vec<SubjectId> = evidence.iter().map(|(_, _, person)| *person).collect();
    // Ids begin with their time of making: the smallest is the longest known.
    people.sort_unstable();
    people.dedup();
    Ok(Resolution { people, evidence })
}

fn people_with(write: &mut Write<'_>, clue: &Clue) -> Result<Vec<SubjectId>, Error> {
    let rows = identifiers::with_index(write.records(), &clue.ix)?;
    let joining = |row: &&IdentifierRow| row.use_flags & IdentifierRow::JOINS != 0;
    let mut people: Vec<SubjectId> = rows.iter().filter(joining).map(|row| row.subject_id).collect();
    people.sort_unstable();
    people.dedup();
    if people.len() > SHARED_BY {
        return Ok(Vec::new());
    }
    let mut living = Vec::with_capacity(people.len());
    for person in people {
        let row = subjects::living(write.records(), person)?;
        living.extend(row.filter(|row| row.state == SubjectState::Living as i16).map(|row| row.subject_id));
    }
    Ok(living)
}
