//! [`Notice`]: those whom erased data went to are told of the erasure, unless that is impossible or out of proportion
//! (Art. 19 GDPR). Each is a row that waits until somebody, a person or a connector, has told them.

use super::receive::line;
use super::{Error, Rights, allowed};
use crate::audit::{Act, Line};
use crate::gateway::Caller;
use crate::store::notices::{self, NoticeRow};
use crate::store::{self, Write};
use crate::types::{RequestId, Timestamp, words};

words! {
    /// Where a notice stands. Numbers are stored and never reused.
    NoticeState, "state of a notice" {
        /// Nobody has told them yet.
        ToBeTold = 1 "to_be_told",
        /// They were told.
        Told = 2 "told",
        /// It is impossible, or out of proportion.
        Impossible = 3 "impossible",
    }
}

/// One recipient, and whether they were told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The recipient, as the certificate names it.
    pub recipient: String,
    /// Where it stands.
    pub state: NoticeState,
    /// Since when; none: from the start.
    pub changed_at: Option<Timestamp>,
}

impl Rights {
    /// The recipients of a request, by name. None before the erasure, or if the data went to nobody.
    ///
    /// # Errors
    /// If they cannot be read.
    pub async fn notices(&self, request: RequestId) -> Result<Vec<Notice>, Error> {
        let rows = self.store.read(move |read| notices::of(read.records(), request)).await?;
        rows.into_iter()
            .map(|row| {
                let state = NoticeState::try_from(row.state).map_err(store::Error::from)?;
                let changed_at = row.changed_at.is_set().then_some(row.changed_at);
                Ok(Notice { recipient: row.recipient, state, changed_at })
            })
            .collect()
    }

    /// Notes that a recipient was told, or cannot be.
    ///
    /// # Errors
    /// [`Error::RecipientUnknown`] if the request has none of this name; [`Error::NotAllowed`].
    pub async fn note_recipient(
        &self,
        id: RequestId,
        recipient: String,
        state: NoticeState,
        by: &Caller,
    ) -> Result<(), Error> {
        let request = self.request(id).await?;
        allowed(by, request.case())?;
        let known = self.notices(id).await?.into_iter().find(|known| known.recipient == recipient);
        match known {
            None => return Err(Error::RecipientUnknown),
            Some(known) if known.state == state => return Ok(()),
            Some(_) => {}
        }
        let line = line(Act::RecipientTold, request.case(), by).to(recipient.clone());
        let row = NoticeRow { request_id: id, recipient, state: state.number(), changed_at: self.clock.now() };
        let noted = async {
            let set = self.store.write(move |write| notices::set(write, &row)).await?;
            if set { Ok(()) } else { Err(Error::RecipientUnknown) }
        };
        self.book.change(line.object(state.word()), noted).await
    }

    /// Notes that a destination of this code was told, if it is a recipient that nobody has told yet: the vendor took the erasure in.
    pub(super) async fn note_destination(&self, id: RequestId, code: &str) -> Result<(), Error> {
        let name = format!(" ({code})");
        let waits = |known: &Notice| known.state == NoticeState::ToBeTold && known.recipient.ends_with(&name);
        for known in self.notices(id).await?.into_iter().filter(waits) {
            let recipient = known.recipient;
            let line =
                Line::new(Act::RecipientTold).for_request(id).to(recipient.clone()).object(NoticeState::Told.word());
            let state = NoticeState::Told.number();
            let row = NoticeRow { request_id: id, recipient, state, changed_at: self.clock.now() };
            let noted = async {
                self.store.write(move |write| notices::set(write, &row)).await?;
                Ok::<_, Error>(())
            };
            self.book.change(line, noted).await?;
        }
        Ok(())
    }
}

/// Makes one notice for each recipient, in the write that destroys the data.
pub(super) fn raise<'a>(
    write: &mut Write<'_>,
    request: RequestId,
    recipients: impl Iterator<Item = &'a str>,
) -> Result<(), store::Error> {
    for recipient in recipients {
        let row = NoticeRow {
            request_id: request,
            recipient: recipient.to_owned(),
            state: NoticeState::ToBeTold.number(),
            changed_at: Timestamp::UNSET,
        };
        notices::insert(write, row)?;
    }
    Ok(())
}
