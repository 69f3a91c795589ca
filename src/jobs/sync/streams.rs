//! Reading the streams of a source, and ending what a whole reading of one did not list.

use std::sync::Arc;
use std::time::Duration;

use super::ahead::{Pages, Reader};
use super::{Error, Refusals, Run, Syncs, TRIES};
use crate::connect::{Counts, Pull, Refused, Session, StreamPlace};
use crate::consent::Source;
use crate::intake::{self, Ended, Listed, Outcome, Ready, Taken};
use crate::store;

impl Syncs {
    /// Reads what is new of each stream, one after the other. One that is refused keeps no other from being read.
    pub(super) async fn read_streams(
        &self,
        run: &mut Run,
        source: &Arc<Source>,
        session: &Arc<Session>,
        refused: &mut Refusals,
        progress: &mut impl FnMut(&Counts),
    ) -> Result<(), Error> {
        let connector = session.connector().clone();
        for (stream, pull) in connector.streams().iter().filter_map(|stream| Some((stream, stream.pull()?))) {
            let name = stream.name();
            if run.is_read(name) {
                continue;
            }
            let read = self.read_stream(run, source, session, (name, pull), progress).await;
            refused.put_aside(name, read)?;
        }
        self.list_ids(run, source, session, refused, progress).await
    }

    async fn read_stream(
        &self,
        run: &mut Run,
        source: &Arc<Source>,
        session: &Arc<Session>,
        (name, pull): (&str, &Pull),
        progress: &mut impl FnMut(&Counts),
    ) -> Result<(), Error> {
        let place = self.begin_stream(run, pull, name);
        // What a stream lists from its beginning in this run, where its manifest says that this is all there is. Of a
        // reading that was cut short nobody knows any more what its first pages held.
        let whole = pull.begins_whole(&place);
        let mut listed = pull.lists().filter(|_| whole).map(|kind| self.intake.begin_listing(source, kind));
        let (began, parking) = (self.vendors.surroundings.clock.now(), self.vendors.connections.parking());
        let comes_by_all = pull.begins_anew(&place);
        let parked = Arc::new(parking.marks(source.number, name).await?);
        let reader = Reader {
            parking: parking.clone(),
            parked: parked.clone(),
            session: session.clone(),
            intake: self.intake.clone(),
            source: source.clone(),
            stream: name.to_owned(),
            lists: listed.is_some(),
        };
        let mut pages = Pages::begin(reader, place);
        loop {
            let page = pages.next().await?;
            if page.passed_over > 0 {
                // Whatever it held is not listed, and not gone by that.
                listed = None;
                (0..page.passed_over).for_each(|_| run.counts.leave_out(name, GONE));
            }
            page.refused.iter().for_each(|one| run.counts.reject(name, &one.reason));
            let (mut refused, mut taken) = (page.refused, Vec::new());
            // What cannot be named may be anybody.
            listed = listed.filter(|_| !page.unnamed);
            if let Some(known) = &mut listed
                && !self.intake.note_listed(source, &page.unchanged, known)
            {
                listed = None;
            }
            for ready in &page.ready {
                for (at, outcome) in self.write_ready(ready, listed.as_mut()).await?.iter().enumerate() {
                    run.count(name, outcome);
                    match &outcome.outcome {
                        Outcome::Rejected(rejection) => {
                            let reason = format!("{} at {:?}", rejection.code, rejection.pointer);
                            refused.push(Refused { name: ready.name(at), reason });
                        }
                        _ if parked.is_empty() => {}
                        _ => taken.extend(ready.name(at).map(|id| parking.mark(source.number, name, &id))),
                    }
                }
            }
            taken.retain(|mark| parked.contains(mark));
            parking.taken(source.number, name, &taken).await?;
            parking.put(source.number, name, &refused, self.vendors.surroundings.clock.now()).await?;
            if page.last && comes_by_all {
                parking.forget_before(source.number, name, began).await?;
            }
            if let Some(listed) = listed.as_ref().filter(|_| page.last) {
                self.end_gone(run, source, name, listed).await?;
            }
            let counts = run.counts.stream(name);
            counts.read += page.read;
            counts.unchanged += page.left_out;
            (counts.total, counts.complete) = (page.total, page.last);
            self.step(run, name, page.after).await?;
            progress(&run.counts);
            page.waits.into_iter().for_each(|time| run.wait(time));
            if page.last || page.waits.is_some() {
                return Ok(());
            }
        }
    }

    /// Where a stream is read from. What changes is asked for again and again; from time to time it is everything, because who is
    /// gone is found by a whole reading alone.
    fn begin_stream(&self, run: &Run, pull: &Pull, name: &str) -> StreamPlace {
        let place = run.places.streams.get(name).cloned().unwrap_or_default();
        if pull.is_whole_due(&place, self.vendors.surroundings.clock.now()) { StreamPlace::anew() } else { place }
    }

    /// Writes records; waits for a database that is busy.
    async fn write_ready(&self, ready: &Ready, mut listed: Option<&mut Listed>) -> Result<Vec<Taken>, Error> {
        let mut tried = 0;
        loop {
            match self.intake.take_in(ready, listed.as_deref_mut()).await {
                Err(intake::Error::Store(store::Error::Overloaded)) if tried < TRIES => {
                    tried += 1;
                    self.vendors.surroundings.pause.pause(Duration::from_millis(250) * tried).await;
                }
                done => return Ok(done?),
            }
        }
    }

    /// Ends what was not listed. An object that could not be read may be any of them: then nothing ends.
    async fn end_gone(&self, run: &mut Run, source: &Source, stream: &str, listed: &Listed) -> Result<(), Error> {
        if run.counts.stream(stream).rejected > 0 {
            return Ok(());
        }
        self.end_unlisted(run, source, stream, listed).await
    }

    /// The same, where a list of ids tells.
    pub(super) async fn end_unlisted(
        &self,
        run: &mut Run,
        source: &Source,
        stream: &str,
        listed: &Listed,
    ) -> Result<(), Error> {
        match self.intake.end_gone(source, listed).await? {
            Ended::Records(ended) => run.counts.stream(stream).ended = ended,
            Ended::TooMany => {
                tracing::warn!(
                    source = source.code,
                    stream,
                    "most of what was known is not listed; nothing of it was ended"
                );
            }
        }
        Ok(())
    }
}

/// Why something of `each` is passed over.
const GONE: &str = "what of it is gone at the vendor";
