//! Making a destination of a segment, and letting it end.

use std::time::Duration;

use super::{Cause, Error, Pushes};
use crate::connect::Audience;
use crate::segments::{self, SegmentCode};
use crate::store;
use crate::store::audiences::{self, AudienceRow, MemberRow};
use crate::types::{Channel, PurposeCode, SourceNo, Timestamp};

/// People looked at in one step.
const PAGE: i64 = 500;
/// Seconds that another process is waited for.
const WAITS: usize = 20;

impl Pushes {
    /// Is this a segment for this destination?
    ///
    /// # Errors
    /// [`Error::NoSegment`], [`Error::Channel`], or that it cannot be read.
    pub async fn fits(&self, code: &SegmentCode, audience: &Audience) -> Result<(), Error> {
        self.cause(code.as_str(), audience).await.map(|_| ())
    }

    /// Makes `source` a destination of this segment, or puts another segment or schedule in the place of those it had.
    ///
    /// # Errors
    /// [`Error::NoSegment`], [`Error::Channel`] if the segment's does not fit, or that it cannot be written.
    pub async fn keep(
        &self,
        source: SourceNo,
        code: &SegmentCode,
        audience: &Audience,
        every_seconds: i32,
    ) -> Result<(), Error> {
        let cause = self.cause(code.as_str(), audience).await?;
        let now = self.now();
        let row = AudienceRow {
            source_no: source,
            segment: code.as_str().to_owned(),
            purposes: cause.purposes,
            every_seconds,
            next_at: if every_seconds > 0 { now } else { Timestamp::UNSET },
            wanted_at: Timestamp::UNSET,
            failures: 0,
            retry_at: Timestamp::UNSET,
            lease_owner: Vec::new(),
            lease_until: Timestamp::UNSET,
            created_at: now,
            channel: channel_of(audience).word().to_owned(),
            ending: 0,
        };
        Ok(self.store.write(move |write| audiences::put(write, &row)).await?)
    }

    pub(super) async fn cause(&self, segment: &str, audience: &Audience) -> Result<Cause, Error> {
        let gone = || Error::NoSegment(segment.to_owned());
        let code: SegmentCode = segment.parse().map_err(|_| gone())?;
        let stored = self.segments.find(&code).await?.ok_or_else(gone)?;
        let edition = self.vendors.rulebook.edition();
        let purpose =
            edition.purpose(&stored.segment.purpose).ok_or_else(|| segments::Error::Outdated(Vec::new()))?.clone();
        let channel = stored.segment.channel.or(purpose.sole_channel());
        let wanted = channel_of(audience);
        if channel != Some(wanted) {
            return Err(Error::Channel(wanted.word()));
        }
        let purposes: Vec<&str> = stored.segment.purposes().map(PurposeCode::as_str).collect();
        Ok(Cause { segment: code, purposes: purposes.join(","), purpose, channel })
    }

    /// Takes everybody off, for good: from here on nobody is handed over. It can be asked for again until nobody is left.
    ///
    /// # Errors
    /// [`Error::Ending`] if the vendor, or another process, is not done yet; or why the vendor does not take everybody off.
    pub async fn empty(&self, code: &str) -> Result<(), Error> {
        let edition = self.vendors.rulebook.edition();
        let number = edition.source_named(code).ok_or_else(|| Error::Unknown(code.to_owned()))?.number;
        self.store.write(move |write| audiences::end_for_good(write, number)).await?;
        let mut after = Vec::new();
        loop {
            let from = after.clone();
            let present = &MemberRow::PRESENT;
            let read = move |read: &mut store::Read| audiences::members(read.records(), number, present, &from, PAGE);
            let page = self.store.read(read).await?;
            let Some(last) = page.last() else { break };
            after.clone_from(&last.ix);
            let (ixs, now) = (page.into_iter().map(|row| row.ix).collect::<Vec<_>>(), self.now());
            let step = (&present[..], MemberRow::LEAVING);
            self.store.write(move |write| audiences::step(write, number, &ixs, step, now)).await?;
        }
        for _ in 0..WAITS {
            match self.run(code, false).await {
                Ok(_) => break,
                // Whoever is at it takes them off.
                Err(Error::Busy) => self.vendors.surroundings.pause.pause(Duration::from_secs(1)).await,
                Err(error) => return Err(error),
            }
        }
        match self.on_list(number).await? {
            0 => Ok(()),
            left => Err(Error::Ending(left)),
        }
    }

    /// How many a vendor has on its list, or may have.
    async fn on_list(&self, source: SourceNo) -> Result<i64, Error> {
        let counts = self.store.read(move |read| audiences::counts(read.records(), source)).await?;
        Ok(counts.iter().filter(|(state, _)| MemberRow::ON_LIST.contains(state)).map(|(_, count)| count).sum())
    }

    /// Forgets whom a vendor has, without telling it. Answers how many there are.
    ///
    /// # Errors
    /// If it cannot be read or written.
    pub async fn forget(&self, source: SourceNo) -> Result<usize, Error> {
        let mut left = 0;
        loop {
            let all = &MemberRow::ALL;
            let read = move |read: &mut store::Read| audiences::members(read.records(), source, all, &[], PAGE);
            let page = self.store.read(read).await?;
            if page.is_empty() {
                return Ok(left);
            }
            for row in page {
                self.rights.forget_member(&row).await?;
                left += 1;
            }
        }
    }
}

/// The channel on which a destination's people are told.
fn channel_of(audience: &Audience) -> Channel {
    if audience.wants_digests() { Channel::Social } else { Channel::Email }
}
