//! Listing the ids of all there is at a vendor, and ending what is not among them any more.

use std::sync::Arc;

use super::{Error, Refusals, Run, Syncs};
use crate::connect::{Counts, Ids, Session, StreamPlace};
use crate::consent::Source;
use crate::intake::Listed;

impl Syncs {
    /// Lists the ids of each stream that has such a list, as often as its manifest says. One that was cut short begins anew:
    /// nobody knows any more what its first pages held.
    pub(super) async fn list_ids(
        &self,
        run: &mut Run,
        source: &Arc<Source>,
        session: &Session,
        refused: &mut Refusals,
        progress: &mut impl FnMut(&Counts),
    ) -> Result<(), Error> {
        let connector = session.connector().clone();
        let lists = connector.streams().iter().filter_map(|stream| Some((stream.name(), stream.pull()?.ids()?)));
        for (name, ids) in lists {
            let listed = self.list_ids_of(run, source, session, (name, ids), progress).await;
            refused.put_aside(&format!("{name}.ids"), listed)?;
        }
        Ok(())
    }

    async fn list_ids_of(
        &self,
        run: &mut Run,
        source: &Arc<Source>,
        session: &Session,
        (name, ids): (&str, &Ids),
        progress: &mut impl FnMut(&Counts),
    ) -> Result<(), Error> {
        let key = format!("{name}.ids");
        let (now, place) = (self.vendors.surroundings.clock.now(), run.places.streams.get(&key));
        if place.is_some_and(|place| !ids.is_due(place, now)) {
            return Ok(());
        }
        let (pull, list) = ids.reading();
        let mut listed = Some(self.intake.begin_listing(source, ids.kind()));
        let mut place = StreamPlace::anew();
        loop {
            let leaf = pull.page(session, list, &place, None).await?;
            let last = leaf.last;
            place = leaf.after.clone();
            let read = ids.on(leaf);
            let notes = |listed: &mut Listed| read.is_some_and(|ids| self.intake.note_ids(&ids, listed));
            if !listed.as_mut().is_some_and(notes) {
                listed = None;
            }
            progress(&run.counts);
            if last {
                break;
            }
        }
        match &listed {
            Some(listed) => self.end_unlisted(run, source, name, listed).await?,
            None => run.counts.leave_out(name, UNREADABLE),
        }
        self.step(run, &key, StreamPlace::listed(now)).await
    }
}

/// Why nothing ends by such a list.
const UNREADABLE: &str = "an end of what is gone, because the list of ids names one that is none";
