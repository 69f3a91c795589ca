//! Comparing somebody again who took their objection back: what is compared of their records was deleted, and is read out of them
//! anew, through the gateway like everything else that is read.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use serde_json::{Map, Value};

use super::desk::Desk;
use super::matching::Matching;
use super::prepare::{add_number, matching_keys};
use super::settle::Batch;
use super::sheet::packed;
use super::table::{MATCHING, Table};
use super::terms::Term;
use super::{Error, Intake, card};
use crate::consent::Edition;
use crate::gateway::{Actor, Ask, Caller, DisclosedRecord, Scope};
use crate::graph::matching::Card;
use crate::store::arrivals::Arrivals;
use crate::store::rows::{CardRow, IdentifierRow, Who};
use crate::store::{self, Write, cards, identifiers, keys, records, subjects};
use crate::types::{Category, IdentifierKind, RecordNo, SubjectId, Timestamp};
use crate::vault::Personal;

/// The categories that say what is compared.
const COMPARED: [Category; 4] = [Category::Identity, Category::Contact, Category::Address, Category::Social];

/// What is compared of a record, in this version of it.
struct Anew {
    record: RecordNo,
    version: Timestamp,
    card: Card,
}

impl Intake {
    /// Lays the cards of a person's records anew and compares them, if the person may be compared.
    ///
    /// # Errors
    /// If the store, the vault or the gateway fails.
    pub(super) async fn compare_again(&self, person: SubjectId) -> Result<(), Error> {
        let ask = Ask {
            caller: Caller { actor: Actor::Hub("identity graph"), scope: Scope::Every },
            purpose: MATCHING.parse().map_err(store::Error::from)?,
            categories: None,
            channel: None,
            reason: None,
        };
        let answer = self.gateway.read(&ask, Who::Subject(person), None).await.map_err(Error::from_gateway)?;
        let Some(disclosure) = answer.disclosed() else { return Ok(()) };
        let numbers: Vec<RecordNo> = disclosure.records().iter().map(DisclosedRecord::record_no).collect();
        let rows = self.store.read(move |read| identifiers::of_records(read.records(), &numbers)).await?;
        let mut of: HashMap<RecordNo, Vec<IdentifierRow>> = HashMap::new();
        for row in rows {
            of.entry(row.record_no).or_default().push(row);
        }
        let edition = self.rulebook.edition();
        let anew = disclosure.records().iter().filter_map(|record| {
            let rows = of.remove(&record.record_no()).unwrap_or_default();
            Some(Anew { record: record.record_no(), version: record.version(), card: card(&edition, record, &rows)? })
        });
        let anew: Arc<Vec<Anew>> = Arc::new(anew.collect());
        if anew.is_empty() {
            return Ok(());
        }
        self.matching.learn(&self.store).await?;
        self.matching.counts.learn(&self.store, &self.sealer, std::iter::empty()).await?;
        let now = self.clock.now();
        let (more, compared) = self
            .in_epoch(async || {
                let (anew, sealer, ids) = (anew.clone(), self.sealer.clone(), self.ids.clone());
                let (matching, edition) = (self.matching.clone(), edition.clone());
                self.store
                    .write(move |write| {
                        again(&Desk::new(&sealer, &ids, now), write, (&matching, &edition), (person, &anew))
                    })
                    .await
            })
            .await?;
        self.matching.counts.count(&more);
        self.matching.count(compared);
        Ok(())
    }
}

/// The card of a record, as it was made when it arrived; none if it says nothing that is compared. What a visitor's browser or the
/// person themselves said is not compared.
fn card(edition: &Edition, record: &DisclosedRecord, rows: &[IdentifierRow]) -> Option<Card> {
    let identified = |row: &&IdentifierRow| row.kind != IdentifierRow::RECORD;
    let visitor = |row: &IdentifierRow| row.kind == IdentifierKind::AnonymousId.number();
    let seen = rows.iter().filter(identified);
    if record.is_rectification() || (seen.clone().next().is_some() && seen.clone().all(visitor)) {
        return None;
    }
    let source = edition.source_named(record.source())?.number;
    let document = |category: Category| -> Option<(Category, Map<String, Value>)> {
        let part = record.part(category)?;
        #[expect(clippy::disallowed_methods, reason = "what is compared of it is sealed at once, and shown to nobody")]
        let document = part.look().as_object()?.clone();
        Some((category, document))
    };
    let documents: BTreeMap<Category, Map<String, Value>> = COMPARED.into_iter().filter_map(document).collect();
    let mut card = Card::new(&card::fields(&documents));
    for row in rows {
        if let Ok(ix) = <[u8; 16]>::try_from(row.ix.as_slice()) {
            add_number(&mut card, source, (row.kind, ix, row.use_flags));
        }
    }
    (!card.is_empty()).then_some(card)
}

/// How many more records hold each counted value, and how many more are compared.
type Counted = (BTreeMap<i32, i32>, u64);

/// One transaction.
fn again(
    desk: &Desk<'_>,
    write: &mut Write<'_>,
    (matching, edition): (&Matching, &Edition),
    (person, anew): (SubjectId, &[Anew]),
) -> Result<Counted, Error> {
    let Some(person) = subjects::living(write.records(), person)?.map(|row| row.subject_id) else {
        return Ok((BTreeMap::new(), 0));
    };
    subjects::lock(write, &[person])?;
    let mut laid: Vec<(RecordNo, &Card, Vec<i64>, Vec<Term>)> = Vec::new();
    let mut more: BTreeMap<i32, i32> = BTreeMap::new();
    for Anew { record, version, card } in anew {
        let known = records::find(write.records(), person, *record)?.is_some_and(|row| row.version == *version);
        let row = cards::of_records(write.records(), &[*record])?.into_iter().next();
        // A version that came meanwhile brought its own.
        let Some(row) = row.filter(|row| known && row.sealed.is_empty()) else { continue };
        let Some(key) =
            keys::hold_data_keys(write, &[row.sealed_for])?.into_iter().find(|key| key.key_no == row.key_no)
        else {
            continue;
        };
        let compared = Personal::closed(card.to_bytes());
        let (_, sealed) = desk.sealer.with_key(&key)?.seal_card(*record, None, Some(&compared))?;
        if sealed.bytes().is_empty() {
            continue;
        }
        let (found_by, terms) = (matching_keys(desk.sealer, card)?, Term::of(desk.sealer, card)?);
        let counted: Vec<i32> = terms.iter().filter_map(Term::number).collect();
        counted.iter().for_each(|term| *more.entry(*term).or_default() += 1);
        let masked = if counted.is_empty() { None } else { Some(desk.sealer.mask(&counted)?) };
        let sealed = sealed.into_bytes();
        cards::put(write, CardRow { sealed, matching_keys: packed(&found_by), terms: masked, ..row })?;
        laid.push((*record, card, found_by, terms));
    }
    store::terms::add(write, &more)?;
    let compared = u64::try_from(laid.len()).unwrap_or(0);
    let found_by: Vec<&[i64]> = laid.iter().map(|(_, _, keys, _)| keys.as_slice()).collect();
    let known = Arrivals::load(write, &HashSet::new(), &HashSet::new())?;
    let contacts = laid.iter().flat_map(|(_, _, _, terms)| terms).filter_map(Term::key).collect();
    let table = Table::lay(write, matching, edition, (&found_by, &contacts, compared), desk.now)?;
    let mut batch = Batch::begin(write, known, table, HashSet::new())?;
    for (record, card, keys, terms) in &laid {
        let Some(person) = batch.living(person)? else { break };
        desk.compare(&mut batch, (card, keys, terms), (*record, person))?;
    }
    batch.catch_up()?;
    Ok((more, compared))
}
