//! Resolving one record: whose is it?

use crate::store::arrivals::Arrivals;
use crate::store::rows::{IdentifierRow, RecordRow};
use crate::store::{Error, Write, identifiers, records, subjects};
use crate::types::{IdentifierKind, RecordNo, SubjectId, words};

/// Nobody states and corrects this much before anything else is known of them.
const FEW: i64 = 32;

/// More people, or more family names, than this behind one value: it is shared, and joins nobody.
pub const SHARED_BY: usize = 3;

words! {
    /// Why a record belongs to its person.
    Rule as "LinkRule", "link rule" {
        /// It is the first record of a new person.
        First = 1 "first_record",
        /// The same account or customer number at the same source.
        SourceAccount = 2 "same_account_at_source",
        /// The same verified e-mail address.
        VerifiedEmail = 3 "same_verified_email",
        /// The same verified phone number.
        VerifiedPhone = 4 "same_verified_phone",
        /// The same personal mailbox and the same full name.
        EmailAndName = 5 "same_email_and_name",
        /// The same forwarding address at the same source.
        Relay = 6 "same_forwarding_address",
        /// The same visitor id at the same source.
        AnonymousId = 7 "same_visitor_id",
        /// A statement about the use of data was made under this contact point before anything else of it was known.
        Statement = 8 "same_contact_point_as_statement",
        /// What the records say was compared, and is enough together.
        Compared = 9 "compared",
        /// Somebody looked at both and decided.
        Decided = 10 "decided",
        /// The person corrected what is said of them.
        Rectification = 11 "rectification",
    }
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
}

/// An identifier of the record that may join it to others.
#[derive(Clone, Copy, Debug)]
pub struct Clue {
    /// Its kind.
    pub kind: IdentifierKind,
    /// Its blind index.
    pub ix: [u8; 16],
    /// Whether it joins people. One that does not still finds a statement made under it.
    pub joins: bool,
    /// The family name that came with it, or of a customer number the account; comparable under this value only, and 0 without one.
    pub whose: i32,
}

impl Clue {
    /// How many family names may stand under a value that joins; of a customer number, how many accounts. A shop with a range of
    /// numbers for each of its sales channels gives one number to several customers.
    const fn most(&self) -> usize {
        match self.kind {
            IdentifierKind::CustomerNumber => 1,
            _ => SHARED_BY,
        }
    }
}

/// Whose a record is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolution {
    /// The people the clues lead to, the longest known first; more than one are to be merged. Empty, or found by
    /// [`Rule::Statement`] only: the record is a new person's, and those found are merged into that one.
    pub people: Vec<SubjectId>,
    /// By which rule each clue led to one of them.
    pub evidence: Vec<(Rule, [u8; 16], SubjectId)>,
    /// The clues that join nobody, because so many share them.
    pub generic: Vec<[u8; 16]>,
    /// Those of them that did until now: what they joined is to be looked at again.
    pub crowded: Vec<[u8; 16]>,
}

/// Follows the clues of one `record` inside the running transaction, where nobody else can add a person. `known` is what
/// was read of the batch it came in. What the record said itself before it came anew is not counted.
///
/// # Errors
/// If the store cannot be read.
pub fn resolve(
    write: &mut Write<'_>,
    known: &Arrivals,
    (record, clues): (RecordNo, &[Clue]),
) -> Result<Resolution, Error> {
    let (mut evidence, mut generic, mut crowded) = (Vec::new(), Vec::new(), Vec::new());
    for clue in clues {
        let rows = known.with_index(write, &clue.ix)?;
        if clue.joins {
            let was = rows.iter().any(|row| row.use_flags & IdentifierRow::GENERIC != 0);
            let many = was || names(&rows, record, clue) > clue.most();
            let joined = if many { None } else { joined_by(write, known, &rows)? };
            match joined {
                Some(people) => evidence.extend(people.into_iter().map(|id| (Rule::of(clue.kind), clue.ix, id))),
                None => {
                    generic.push(clue.ix);
                    crowded.extend((!was).then_some(clue.ix));
                }
            }
        }
        for person in stated_by(write, Some(known), &rows)? {
            evidence.push((Rule::Statement, clue.ix, person));
        }
    }
    let mut people: Vec<SubjectId> = evidence.iter().map(|(_, _, person)| *person).collect();
    // Ids begin with their time of making: the smallest is the longest known.
    people.sort_unstable();
    people.dedup();
    Ok(Resolution { people, evidence, generic, crowded })
}

/// Whom a value joins; none if they are too many.
fn joined_by(write: &mut Write<'_>, known: &Arrivals, rows: &[IdentifierRow]) -> Result<Option<Vec<SubjectId>>, Error> {
    let people = people_of(rows, IdentifierRow::JOINS);
    if people.len() > SHARED_BY { Ok(None) } else { living(write, Some(known), people).map(Some) }
}

/// How many family names, or accounts, stand under a value that would join, that of the clue included.
fn names(rows: &[IdentifierRow], record: RecordNo, clue: &Clue) -> usize {
    let joining = rows.iter().filter(|row| row.use_flags & IdentifierRow::JOINS != 0 && row.record_no != record);
    let joining = joining.map(|row| row.whose);
    let mut names: Vec<i32> = joining.chain(std::iter::once(clue.whose)).filter(|name| *name != 0).collect();
    names.sort_unstable();
    names.dedup();
    names.len()
}

/// People of whom only a statement under this contact point is known. They are joined by their first record, whoever
/// brings it: their no then holds for it, and their yes does not (merging never widens).
fn stated_by(write: &mut Write<'_>, known: Option<&Arrivals>, rows: &[IdentifierRow]) -> Result<Vec<SubjectId>, Error> {
    let people = living(write, known, people_of(rows, IdentifierRow::STATEMENT))?;
    let mut alone = Vec::new();
    for person in people {
        if has_stated_only(write, person)? {
            alone.push(person);
        }
    }
    Ok(alone)
}

/// Is nothing known of the person but what they stated, and what they corrected since?
fn has_stated_only(write: &mut Write<'_>, person: SubjectId) -> Result<bool, Error> {
    let first = records::first_of(write.records(), person, FEW)?;
    if i64::try_from(first.len()).is_ok_and(|found| found == FEW) {
        return Ok(false);
    }
    let told = first.into_iter().filter(|(_, facts)| facts & RecordRow::RECTIFICATION == 0);
    let told: Vec<RecordNo> = told.map(|(number, _)| number).collect();
    let rows = identifiers::of_records(write.records(), &told)?;
    let stated = |record: &RecordNo| {
        rows.iter().any(|row| row.record_no == *record && row.use_flags & IdentifierRow::STATEMENT != 0)
    };
    Ok(told.iter().all(stated))
}

/// The people of whom nothing is known but a statement made under this contact point.
///
/// # Errors
/// If the store cannot be read.
pub fn known_by_statement(write: &mut Write<'_>, ix: &[u8; 16]) -> Result<Vec<SubjectId>, Error> {
    let rows = identifiers::with_index(write.records(), ix)?;
    stated_by(write, None, &rows)
}

fn people_of(rows: &[IdentifierRow], flag: i16) -> Vec<SubjectId> {
    let mut people: Vec<SubjectId> =
        rows.iter().filter(|row| row.use_flags & flag != 0).map(|row| row.subject_id).collect();
    people.sort_unstable();
    people.dedup();
    people
}

/// Who they are now, as far as they live.
fn living(write: &mut Write<'_>, known: Option<&Arrivals>, people: Vec<SubjectId>) -> Result<Vec<SubjectId>, Error> {
    let mut living = Vec::with_capacity(people.len());
    for person in people {
        living.extend(match known {
            Some(known) => known.living(write, person)?,
            None => subjects::living(write.records(), person)?.map(|row| row.subject_id),
        });
    }
    Ok(living)
}
