//! The segments a merchant starts with. They are data: change them in the hub, not here.

use serde_json::Value;

use super::read::Fault;
use super::segment::Segment;
use super::{Error, Segments};
use crate::gateway::{Actor, Caller, Scope};

/// The default segments: newsletter, birthdays, customers to win back, first-time buyers, Berlin, regular customers.
///
/// # Errors
/// If the embedded file is broken; a test keeps that from happening.
pub fn segments() -> Result<Vec<Segment>, Vec<Fault>> {
    let broken = || vec![Fault::new("invalid_json", "", "the embedded file is broken")];
    let list: Vec<Value> = serde_json::from_str(include_str!("defaults.json")).map_err(|_| broken())?;
    list.into_iter().map(Segment::read).collect()
}

impl Segments {
    /// Saves the default segments that are not there yet and fit the purposes in force. For the first start: a segment
    /// that was deleted would come back.
    ///
    /// # Errors
    /// If they cannot be written.
    pub async fn ensure_defaults(&self) -> Result<(), Error> {
        let hub = Caller { actor: Actor::Hub("segments"), scope: Scope::Every };
        for segment in segments().map_err(Error::Invalid)? {
            let fits = segment.bind(&self.rulebook.edition()).is_ok();
            if fits && self.find(&segment.code).await?.is_none() {
                self.save(&hub, segment).await?;
            }
        }
        Ok(())
    }
}
