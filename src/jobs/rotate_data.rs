//! Giving every person new data keys. Only needed if data keys may have become known.
//!
//! It walks all living people; one who changes while they are sealed anew is read again. It can stop at any moment:
//! started again it begins from the first person, and sealing somebody twice does no harm.
//!
//! It does not reach the nobodies who own what only a law keeps of erased people: no purpose but the law's opens those
//! records, so they cannot be read here, and their keys stay until their keeping ends.

use std::sync::Arc;

use crate::gateway::{self, Gateway};
use crate::intake::{self, Intake};
use crate::store::{self, Store, subjects};

/// People listed at once.
const PAGE: i64 = 200;

/// A failure of a rotation. Who was sealed anew stays so.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The people could not be listed.
    #[error("the people could not be listed")]
    Store(#[from] store::Error),
    /// Somebody could not be read.
    #[error("a person could not be read")]
    Gateway(#[from] gateway::Error),
    /// Somebody could not be sealed anew.
    #[error("a person could not be sealed anew")]
    Intake(#[from] intake::Error),
}

/// Seals everybody anew. `progress` hears how many people are done.
///
/// # Errors
/// If the store or the vault fails; then run it again.
pub async fn rotate(
    store: &Store,
    gateway: &Arc<Gateway>,
    intake: &Intake,
    mut progress: impl FnMut(u64),
) -> Result<u64, Error> {
    let (mut after, mut done) = (None, 0);
    loop {
        let page = store.read(move |read| subjects::page(read.records(), after, PAGE)).await?;
        let Some(last) = page.last().copied() else { break };
        for person in page {
            while let Some(reclosed) = gateway.reclose(person).await? {
                if intake.reseal(reclosed).await? {
                    intake.end_unused_keys(person).await?;
                    break;
                }
            }
            done += 1;
            progress(done);
        }
        after = Some(last);
    }
    store.scrub().await?;
    Ok(done)
}
