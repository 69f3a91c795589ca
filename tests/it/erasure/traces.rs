//! What is stored of one person, so that it can be looked for after their erasure.

use obhut::store::Shelf;

use crate::databases::{Database, Dialect};

/// What the store holds of a person, read behind the house's back before the erasure.
pub struct Traces {
    pub indexes: Vec<Vec<u8>>,
    pub wrapped: Vec<Vec<u8>>,
    pub sealed: Vec<Vec<u8>>,
    pub epochs: Vec<String>,
    /// The epochs themselves, wrapped by the root key.
    pub keks: Vec<Vec<u8>>,
    /// What is compared with others, sealed: the cards of their records, and the names under which these are known.
    pub cards: Vec<Vec<u8>>,
    pub named: Vec<Vec<u8>>,
    /// Keyed digests under which the cards are found and counted, and those that joined records.
    pub matching_keys: Vec<Vec<u8>>,
    pub terms: Vec<Vec<u8>>,
    pub evidence_of_links: Vec<Vec<u8>>,
    /// The sealed proofs of what they said.
    pub proofs: Vec<Vec<u8>>,
}

/// What may be in no file.
pub const KINDS: [&str; 10] = [
    "an index",
    "a wrapped key",
    "a ciphertext",
    "a wrapped epoch",
    "a card",
    "the name of a card",
    "a matching key",
    "the counted values of a card",
    "the evidence of a link",
    "a sealed proof",
];

/// The person and those who were merged into them.
pub fn people(database: &Database, subject: &str) -> Vec<Vec<u8>> {
    let id = hex::decode(subject.replace('-', "")).unwrap();
    let merged = format!("FROM subject WHERE merged_into = {}", database.literal(&id));
    let merged = database.bytes(Shelf::Records, "subject_id", &merged);
    std::iter::once(id).chain(merged).collect()
}

impl Traces {
    pub fn of(database: &Database, subject: &str) -> Self {
        let all: Vec<String> = people(database, subject).iter().map(|id| database.literal(id)).collect();
        let of = format!("WHERE subject_id IN ({})", all.join(", "));
        let epochs = format!("SELECT CAST(epoch AS TEXT) AS answer FROM data_key {of}");
        let keks = format!("FROM kek WHERE epoch IN (SELECT epoch FROM data_key {of})");
        let column = |column: &str, table: &str| {
            database.bytes(Shelf::Records, column, &format!("FROM {table} {of} AND length({column}) > 0"))
        };
        // A card has its keys one after the other; each stands for itself in the index, as a number of each of the two.
        let packed = column("matching_keys", "card");
        let each = packed.iter().flat_map(|keys| keys.chunks_exact(8)).map(|key| {
            let mut key = key.to_vec();
            if database.dialect() == Dialect::Postgres {
                key.reverse();
            }
            key
        });
        let matching_keys = packed.iter().cloned().chain(each).collect();
        Self {
            cards: column("sealed", "card"),
            named: column("named", "card"),
            matching_keys,
            terms: column("terms", "card"),
            evidence_of_links: column("evidence_ix", "link"),
            proofs: column("evidence", "ledger"),
            keks: database.bytes(Shelf::Keys, "wrapped", &keks),
            indexes: database.bytes(Shelf::Records, "ix", &format!("FROM identifier {of}")),
            wrapped: database.bytes(Shelf::Keys, "wrapped", &format!("FROM data_key {of}")),
            sealed: database.bytes(Shelf::Records, "sealed", &format!("FROM record {of}")),
            epochs: database.texts(Shelf::Keys, &epochs),
        }
    }

    pub fn is_empty(&self) -> bool {
        let of_the_person = self.kinds().into_iter().filter(|(kind, _)| *kind != "a wrapped epoch");
        of_the_person.map(|(_, all)| all.len()).sum::<usize>() == 0
    }

    /// Everything, by its name.
    pub fn kinds(&self) -> [(&'static str, &Vec<Vec<u8>>); KINDS.len()] {
        let all = [
            &self.indexes,
            &self.wrapped,
            &self.sealed,
            &self.keks,
            &self.cards,
            &self.named,
            &self.matching_keys,
            &self.terms,
            &self.evidence_of_links,
            &self.proofs,
        ];
        std::array::from_fn(|at| (KINDS[at], all[at]))
    }

    /// These and those of somebody else.
    pub fn with(mut self, other: Self) -> Self {
        let own = [
            (&mut self.indexes, other.indexes),
            (&mut self.wrapped, other.wrapped),
            (&mut self.sealed, other.sealed),
            (&mut self.keks, other.keks),
            (&mut self.cards, other.cards),
            (&mut self.named, other.named),
            (&mut self.matching_keys, other.matching_keys),
            (&mut self.terms, other.terms),
            (&mut self.evidence_of_links, other.evidence_of_links),
            (&mut self.proofs, other.proofs),
        ];
        own.into_iter().for_each(|(own, other)| own.extend(other));
        self
    }

    /// These without what somebody else has too.
    pub fn without(mut self, others: &Self) -> Self {
        // What joined records is an index of one of them.
        let theirs: Vec<_> =
            [&others.indexes, &others.matching_keys, &others.evidence_of_links].into_iter().flatten().collect();
        for own in [&mut self.indexes, &mut self.matching_keys, &mut self.evidence_of_links] {
            own.retain(|value| !theirs.contains(&value));
        }
        self
    }

    /// What may be in no file, each with its name: of long values the beginning, as a page may be full in between.
    pub fn forbidden(&self) -> Vec<(&'static str, Vec<u8>)> {
        let named = self.kinds().into_iter().flat_map(|(kind, all)| all.iter().map(move |whole| (kind, whole)));
        // Shorter ones would be found anywhere.
        let named = named.filter(|(_, whole)| whole.len() >= 8);
        named.map(|(kind, whole)| (kind, whole[..whole.len().min(48)].to_vec())).collect()
    }
}
