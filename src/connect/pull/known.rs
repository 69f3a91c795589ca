//! [`Known`]: what the hub holds already, where what changed is told by a comparison here.
//!
//! A time that is older than the place a stream reached says that an object did not change since, and not that it is here: one
//! that slipped from one page to another while they were read, that was approved days after it was written, or that was put in
//! with an old date never was. So whoever leaves such objects out asks which of them are held, a page at a time.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use jaq_json::Val;

use crate::connect::session::Session;
use crate::connect::{Fault, Origin, Stream};

/// Knows what is held of a source.
pub trait Known: Send + Sync {
    /// The code of the source.
    fn source(&self) -> &str;
    /// Of each of these canonical records, is it held, or was it refused or done away with for good? None if it cannot be looked up.
    fn known(&self, records: Vec<Vec<u8>>) -> BoxFuture<'_, Option<Vec<bool>>>;
}

/// Objects that did not change since.
#[derive(Default)]
pub(super) struct Old {
    /// Those that are not held.
    pub(super) missing: Vec<Val>,
    /// The records of the others.
    pub(super) held: Vec<Vec<u8>>,
    /// How many objects those are.
    pub(super) left_out: u64,
    /// Is one among them that cannot be named?
    pub(super) unnamed: bool,
}

/// Takes those that are not held out of objects that did not change since. What cannot be mapped as it stands in its list counts as
/// held: nobody can say what it is.
pub(super) async fn sort_out(
    session: &Session,
    stream: &Stream,
    old: Vec<Val>,
    known: Option<&dyn Known>,
) -> Result<Old, Fault> {
    let Some(known) = known.filter(|_| !old.is_empty()) else {
        let left_out = u64::try_from(old.len()).unwrap_or(u64::MAX);
        return Ok(Old { left_out, unnamed: !old.is_empty(), ..Old::default() });
    };
    let (connector, name): (Arc<_>, String) = (session.connector().clone(), stream.name().to_owned());
    let (source, variables) = (known.source().to_owned(), session.variables());
    // Mapping takes the processor for a while; others must not wait for it.
    let mapped = tokio::task::spawn_blocking(move || {
        let stream = connector.stream(&name)?;
        let origin = match connector.link() {
            Some(link) => Origin::with(&source, link, &variables),
            None => source.as_str().into(),
        };
        let records = |object: Val| {
            let records: Vec<_> = stream.map_objects(std::iter::once(Ok(object.clone())), origin.clone()).collect();
            (object, records.into_iter().collect::<Result<Vec<_>, _>>().ok())
        };
        Some(old.into_iter().map(records).collect::<Vec<_>>())
    });
    let mapped = mapped.await.ok().flatten().ok_or(Fault::Machine)?;
    let lines: Vec<Vec<u8>> = mapped.iter().flat_map(|(_, records)| records.iter().flatten().cloned()).collect();
    let mut held = match lines.is_empty() {
        true => Vec::new(),
        false => known.known(lines).await.ok_or(Fault::Hub)?,
    }
    .into_iter();
    let mut sorted = Old::default();
    for (object, records) in mapped {
        let Some(records) = records else {
            (sorted.left_out, sorted.unnamed) = (sorted.left_out + 1, true);
            continue;
        };
        let mine: Vec<bool> = held.by_ref().take(records.len()).collect();
        if mine.iter().all(|held| *held) {
            sorted.left_out += 1;
            sorted.held.extend(records);
        } else {
            sorted.missing.push(object);
        }
    }
    Ok(sorted)
}
