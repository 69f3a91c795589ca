//! Which records of a source are held, asked before they are brought in.

use serde::Deserialize;

use super::normal::text;
use super::{Error, Intake};
use crate::consent::Source;
use crate::store::held;
use crate::types::RecordKind;
use crate::vault::Personal;

/// What a record is known by.
#[derive(Deserialize)]
struct Named {
    #[serde(rename = "type")]
    kind: RecordKind,
    external_id: String,
}

/// The source's own id of a record, where it can be told.
pub(super) fn external_id(record: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Id {
        external_id: String,
    }
    Some(serde_json::from_slice::<Id>(record).ok()?.external_id)
}

impl Intake {
    /// The source's own id of a record that was mapped, where it can be told.
    #[must_use]
    pub fn name_of(record: &[u8]) -> Option<String> {
        external_id(record)
    }

    /// Of each of these records of a source, is it held, or did somebody's erasure or the retention end it? One that names nothing
    /// counts as held: it would be refused.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn known(&self, source: &Source, records: &[Vec<u8>]) -> Result<Vec<bool>, Error> {
        let index = |record: &Vec<u8>| {
            let named: Named = serde_json::from_slice(record).ok()?;
            let id = Personal::text(text::line(&named.external_id, 256).ok()?);
            Some(self.sealer.record_index(source.number, named.kind, &id))
        };
        let names: Vec<_> = records.iter().map(index).collect();
        let mut indexes: Vec<[u8; 16]> = names.iter().flatten().map(|name| name.bytes()).collect();
        let mut ends: Vec<[u8; 16]> =
            names.iter().flatten().map(|name| self.sealer.suppression(*name).bytes()).collect();
        // In the order of the tree, so that neighbours are found on one page.
        indexes.sort_unstable();
        ends.sort_unstable();
        let read = move |read: &mut crate::store::Read| {
            Ok::<_, crate::store::Error>((
                held::records(read.records(), &indexes)?,
                held::tombstones(read.records(), &ends)?,
            ))
        };
        let (held, ended) = self.store.read(read).await?;
        let is_known = |name: &Option<crate::vault::BlindIndex>| {
            name.is_none_or(|name| {
                held.contains(&name.bytes()) || ended.contains(&self.sealer.suppression(name).bytes())
            })
        };
        Ok(names.iter().map(is_known).collect())
    }
}
