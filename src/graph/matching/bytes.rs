//! The binary form of a [`Card`]: a version, then fields of tag, length and value.
//!
//! Lengths are two bytes, little-endian; lists repeat the tag; inside a place and a mailbox each text has its own
//! length. Tags a later hub adds are passed over, so a card can be read by the version before.

use zeroize::{Zeroize, Zeroizing};

use super::Unreadable;
use super::card::{Birth, Card, Generation, Mailbox, MailboxClass, Number, NumberKind, Place, Sex};
use super::make::written_out;
use crate::types::SourceNo;

const VERSION: u8 = 1;

mod tag {
    pub(super) const SOURCE: u8 = 1;
    pub(super) const GIVEN: u8 = 2;
    pub(super) const FAMILY: u8 = 3;
    pub(super) const COMPANY: u8 = 4;
    pub(super) const SEX: u8 = 5;
    pub(super) const GENERATION: u8 = 6;
    pub(super) const BIRTH: u8 = 7;
    pub(super) const PLACE: u8 = 8;
    pub(super) const MAILBOX: u8 = 9;
    pub(super) const PHONE: u8 = 10;
    pub(super) const HANDLE: u8 = 11;
    pub(super) const NUMBER: u8 = 12;
}

impl Card {
    /// The card as bytes, to be sealed. The buffer is wiped when it is dropped.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        // Written twice, first to learn the length: a buffer that grew would leave its old room behind unwiped.
        let mut length = Counter(0);
        self.write(&mut length);
        let mut out = Zeroizing::new(Vec::with_capacity(length.0));
        self.write(&mut *out);
        out
    }

    fn write(&self, out: &mut impl Out) {
        out.put(&[VERSION]);
        if let Some(SourceNo(source)) = self.source {
            field(out, tag::SOURCE, &[&source.to_le_bytes()]);
        }
        for word in &self.given {
            field(out, tag::GIVEN, &[word.as_bytes()]);
        }
        for word in &self.family {
            field(out, tag::FAMILY, &[word.as_bytes()]);
        }
        if let Some(company) = &self.company {
            field(out, tag::COMPANY, &[company.as_bytes()]);
        }
        if let Some(sex) = self.sex {
            field(out, tag::SEX, &[&[sex as u8]]);
        }
        if let Some(generation) = self.generation {
            field(out, tag::GENERATION, &[&[generation as u8]]);
        }
        if let Some(birth) = self.birth {
            field(out, tag::BIRTH, &[&birth.year.to_le_bytes(), &[birth.month, birth.day]]);
        }
        for place in &self.places {
            write_place(out, place);
        }
        for mailbox in &self.mailboxes {
            let local = u8::try_from(mailbox.local.len()).unwrap_or(u8::MAX);
            let parts: [&[u8]; 3] =
                [&[mailbox.class as u8, local], mailbox.local.as_bytes(), mailbox.domain.as_bytes()];
            field(out, tag::MAILBOX, &parts);
        }
        for phone in &self.phones {
            field(out, tag::PHONE, &[phone.as_bytes()]);
        }
        for handle in &self.handles {
            field(out, tag::HANDLE, &[handle.as_bytes()]);
        }
        for number in &self.numbers {
            let source = number.source.map_or([0; 4], |SourceNo(source)| source.to_le_bytes());
            let flags = u8::from(number.verified) | (u8::from(number.source.is_some()) << 1);
            field(out, tag::NUMBER, &[&[number.kind as u8, flags], &source, &number.ix]);
        }
    }

    /// Reads what [`Card::to_bytes`] wrote, in this or an earlier version of the hub.
    ///
    /// # Errors
    /// If the bytes are damaged or of a later version.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Unreadable> {
        let mut card = Self::default();
        let mut rest = match bytes.split_first() {
            Some((&VERSION, rest)) => rest,
            _ => return Err(Unreadable),
        };
        while let Some((&found, after)) = rest.split_first() {
            let (value, after) = sized(after)?;
            card.read(found, value)?;
            rest = after;
        }
        Ok(card)
    }

    fn read(&mut self, found: u8, value: &[u8]) -> Result<(), Unreadable> {
        match found {
            tag::SOURCE => self.source = Some(SourceNo(i32::from_le_bytes(exact(value)?))),
            tag::GIVEN => self.given.push(text(value)?),
            tag::FAMILY => self.family.push(text(value)?),
            tag::COMPANY => self.company = Some(text(value)?),
            tag::SEX => self.sex = [Sex::Female, Sex::Male].into_iter().find(|sex| [*sex as u8] == value),
            tag::GENERATION => {
                self.generation = [Generation::Junior, Generation::Senior]
                    .into_iter()
                    .find(|generation| [*generation as u8] == value);
            }
            tag::BIRTH => {
                let [low, high, month, day] = exact(value)?;
                self.birth = Some(Birth { year: i16::from_le_bytes([low, high]), month, day });
            }
            tag::PLACE => self.places.push(read_place(value)?),
            tag::MAILBOX => self.mailboxes.push(read_mailbox(value)?),
            tag::PHONE => self.phones.push(text(value)?),
            tag::HANDLE => self.handles.push(text(value)?),
            tag::NUMBER => self.numbers.extend(read_number(value)?),
            _ => {}
        }
        Ok(())
    }
}

fn write_place(out: &mut impl Out, place: &Place) {
    let texts = [&place.country, &place.postal_code, &place.town, &place.street, &place.house_number];
    let length: usize = texts.iter().map(|text| 2 + text.as_ref().map_or(0, String::len)).sum();
    out.put(&[tag::PLACE]);
    out.put(&size(length + 1));
    out.put(&[u8::from(place.locker)]);
    for text in texts {
        let text = text.as_deref().unwrap_or_default();
        out.put(&size(text.len()));
        out.put(text.as_bytes());
    }
}

fn read_place(value: &[u8]) -> Result<Place, Unreadable> {
    let (locker, mut rest) = value.split_first().ok_or(Unreadable)?;
    let mut place = Place::default();
    place.locker = *locker == 1;
    for slot in
        [&mut place.country, &mut place.postal_code, &mut place.town, &mut place.street, &mut place.house_number]
    {
        let (found, after) = sized(rest)?;
        *slot = Some(text(found)?).filter(|found| !found.is_empty());
        rest = after;
    }
    // Earlier hubs kept "Str. der Einheit" as it was.
    if let Some(whole) = place.street.as_deref().and_then(written_out) {
        place.street.zeroize();
        place.street = Some(whole);
    }
    Ok(place)
}

fn read_mailbox(value: &[u8]) -> Result<Mailbox, Unreadable> {
    let (head, rest) = value.split_at_checked(2).ok_or(Unreadable)?;
    let [class, length] = exact(head)?;
    let (local, domain) = rest.split_at_checked(length.into()).ok_or(Unreadable)?;
    let classes = [MailboxClass::Personal, MailboxClass::Role, MailboxClass::Relay];
    let mut mailbox = Mailbox::default();
    mailbox.class = classes.into_iter().find(|known| *known as u8 == class).ok_or(Unreadable)?;
    mailbox.local = text(local)?;
    mailbox.domain = text(domain)?;
    Ok(mailbox)
}

/// None if it is of a kind that a later hub knows.
fn read_number(value: &[u8]) -> Result<Option<Number>, Unreadable> {
    let (head, rest) = value.split_at_checked(2).ok_or(Unreadable)?;
    let (source, ix) = rest.split_at_checked(4).ok_or(Unreadable)?;
    let [kind, flags] = exact(head)?;
    let kinds = [NumberKind::Customer, NumberKind::Account, NumberKind::BankAccount, NumberKind::Order];
    let Some(kind) = kinds.into_iter().find(|known| *known as u8 == kind) else { return Ok(None) };
    let source = i32::from_le_bytes(exact(source)?);
    let source = (flags & 2 != 0).then_some(SourceNo(source));
    Ok(Some(Number { kind, source, ix: exact(ix)?, verified: flags & 1 != 0 }))
}

/// Where a card is written to.
trait Out {
    fn put(&mut self, bytes: &[u8]);
}

impl Out for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// Counts what would be written.
struct Counter(usize);

impl Out for Counter {
    fn put(&mut self, bytes: &[u8]) {
        self.0 += bytes.len();
    }
}

fn field(out: &mut impl Out, tag: u8, parts: &[&[u8]]) {
    out.put(&[tag]);
    out.put(&size(parts.iter().map(|part| part.len()).sum()));
    for part in parts {
        out.put(part);
    }
}

/// Texts of a card are at most a few hundred bytes long.
fn size(length: usize) -> [u8; 2] {
    u16::try_from(length).unwrap_or(u16::MAX).to_le_bytes()
}

fn sized(bytes: &[u8]) -> Result<(&[u8], &[u8]), Unreadable> {
    let (length, rest) = bytes.split_at_checked(2).ok_or(Unreadable)?;
    rest.split_at_checked(u16::from_le_bytes(exact(length)?).into()).ok_or(Unreadable)
}

fn exact<const N: usize>(bytes: &[u8]) -> Result<[u8; N], Unreadable> {
    bytes.try_into().map_err(|_| Unreadable)
}

fn text(bytes: &[u8]) -> Result<String, Unreadable> {
    String::from_utf8(bytes.to_vec()).map_err(|_| Unreadable)
}
