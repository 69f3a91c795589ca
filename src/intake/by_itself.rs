//! Taking somebody apart because the hub itself found out that they are several: comparing by another model, or a value that turned
//! out to be shared by many. Nobody asked for it, and whoever received the data of all as of one is to be told all the same (Art.
//! 19 GDPR). Who that is, rights knows; the wiring hands it in.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::leaving::leaving;
use super::separate::{Out, Papers, Separated};
use super::{Error, Intake};
use crate::gateway::Caller;
use crate::store::notices::NoticeRow;
use crate::store::records;
use crate::store::requests::RequestRow;
use crate::types::{RecordNo, SubjectId};

/// Prepares the case of a person of whom these records are taken out, and says who is to be told; no case where nobody received
/// data of both. None of it if that cannot be known now.
pub type Teller = Arc<dyn Fn(SubjectId, Vec<RecordNo>) -> BoxFuture<'static, Option<ToTell>> + Send + Sync>;

/// The case, if there is one, and those to be told.
pub type ToTell = (Option<RequestRow>, Vec<NoticeRow>);

impl Intake {
    /// As [`Intake::separate`], of what the hub found by itself.
    ///
    /// # Errors
    /// As [`Intake::separate`]; [`Error::Untold`] if it cannot be known now who is to be told.
    pub(super) async fn separate_by_itself(
        &self,
        person: SubjectId,
        out: &Out,
        by: Option<&Caller>,
    ) -> Result<Separated, Error> {
        let wanted = out.clone();
        let groups = self.store.read(move |read| {
            let rows = records::of(read.records(), person)?;
            leaving(read.records(), (person, &rows), &wanted)
        });
        let records: Vec<RecordNo> = groups.await?.iter().flat_map(|group| group.records.iter().copied()).collect();
        if records.is_empty() {
            return Err(Error::NoPart);
        }
        let (request, notices) = (self.tells)(person, records).await.ok_or(Error::Untold)?;
        self.separate(person, out, &Papers { decided: false, request, notices }, by).await
    }
}
