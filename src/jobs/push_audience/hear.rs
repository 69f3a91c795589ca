//! Hearing who unsubscribed at the vendor: of whom the hub handed over, it is a no here too.

use std::collections::HashMap;

use super::{Cause, Error, Pushes, Run};
use crate::connect::{Audience, Session, Unsubscribed};
use crate::intake::{Unsubscription, lookup_form};
use crate::store;
use crate::store::audiences::{self, MemberRow};
use crate::types::{IdentifierKind, SubjectId, Timestamp};

/// The stream of the counts that names who unsubscribed there.
pub const HEARD: &str = "unsubscribed";
/// Why somebody the vendor names counts for nothing.
const UNREADABLE: &str = "a row of the vendor cannot be read";

/// Why a vendor sends nothing to somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Block {
    /// Did they not say no themselves?
    pub(super) held: bool,
    at: Option<Timestamp>,
}

impl Block {
    pub(super) const fn of(one: &Unsubscribed) -> Self {
        Self { held: one.held, at: one.at }
    }

    /// Why they are not handed over.
    pub(super) const fn reason(self) -> &'static str {
        if self.held { "the vendor sends them nothing" } else { "they unsubscribed at the vendor" }
    }

    /// What is known of both: a no above none, and one with a time above one without.
    fn with(self, other: Self) -> Self {
        let weight = |block: Self| (!block.held, block.at.is_some(), block.at);
        if weight(other) > weight(self) { other } else { self }
    }
}

impl Pushes {
    /// Reads who unsubscribed at the vendor. Of whom it had from the hub that is a withdrawal (or an objection), and they are to be
    /// taken off. Answers everybody to whom the vendor sends nothing, by index: they are not handed over.
    pub(super) async fn hear(
        &self,
        run: &mut Run,
        (session, audience): (&Session, &Audience),
        cause: &Cause,
    ) -> Result<HashMap<[u8; 16], Block>, Error> {
        let (mut all, mut place) = (HashMap::<[u8; 16], Block>::new(), None);
        let source = run.row.source_no;
        loop {
            let (heard, next) = audience.unsubscribed(session, place).await?;
            if !heard.people.is_empty() || heard.unread > 0 {
                run.counts.stream(HEARD).read += heard.people.len() as u64 + heard.unread;
            }
            (0..heard.unread).for_each(|_| run.counts.reject(HEARD, UNREADABLE));
            let mut met = HashMap::<[u8; 16], Block>::new();
            for one in heard.people {
                // What is no mail address here is nobody's here.
                let Ok((kind, normal)) = lookup_form(IdentifierKind::Email, &one.email) else { continue };
                let block = Block::of(&one);
                met.entry(self.rights.index_of(kind, &normal)?)
                    .and_modify(|known| *known = known.with(block))
                    .or_insert(block);
            }
            let ixs: Vec<Vec<u8>> = met.iter().filter(|(_, block)| !block.held).map(|(ix, _)| ix.to_vec()).collect();
            let read = move |read: &mut store::Read| audiences::with_indexes(read.records(), source, &ixs);
            let known = self.store.read(read).await?;
            // What the hub told the vendor comes back as no word of theirs, however late the vendor did it.
            for ix in
                known.iter().filter(|row| row.state == MemberRow::TOLD).filter_map(|row| row.ix.first_chunk::<16>())
            {
                met.entry(*ix).and_modify(|block| block.at = None);
            }
            for row in known.into_iter().filter(|row| MemberRow::PRESENT.contains(&row.state)) {
                let at = row.ix.first_chunk::<16>().and_then(|ix| met.get(ix)).and_then(|block| block.at);
                self.take_no(cause, &run.code, (row.subject_id, &row.ix), at).await?;
                run.counts.stream(HEARD).created += 1;
                let now = self.now();
                let step = move |write: &mut store::Write<'_>| {
                    let step = (&MemberRow::PRESENT[..], MemberRow::LEAVING);
                    audiences::step(write, source, std::slice::from_ref(&row.ix), step, now)
                };
                self.store.write(step).await?;
            }
            for (ix, block) in met {
                all.entry(ix).and_modify(|known| *known = known.with(block)).or_insert(block);
            }
            // A long list keeps nobody on it who says no meanwhile.
            self.take_off(run, session, audience).await?;
            place = next;
            if place.is_none() {
                return Ok(all);
            }
        }
    }

    /// The same of somebody who is not handed over, if the vendor says when it was: a no of before their yes here is none.
    pub(super) async fn take_dated_no(
        &self,
        cause: &Cause,
        destination: &str,
        whom: (SubjectId, &[u8]),
        block: Block,
    ) -> Result<(), Error> {
        if block.held || block.at.is_none() {
            return Ok(());
        }
        self.take_no(cause, destination, whom, block.at).await
    }

    /// Writes down that somebody said no at the vendor. Without a time it is said now.
    async fn take_no(
        &self,
        cause: &Cause,
        destination: &str,
        whom: (SubjectId, &[u8]),
        at: Option<Timestamp>,
    ) -> Result<(), Error> {
        let left = Unsubscription { purpose: &cause.purpose, channel: cause.channel, destination, at };
        Ok(self.intake.take_unsubscription(whom, &left, self.now()).await?)
    }
}
