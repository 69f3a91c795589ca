//! Reading the streams of a source, and ending what a whole reading of one did not list.

use super::{Error, Run, Syncs};
use crate::connect::{Counts, Leaf, Session, StreamPlace};
use crate::consent::Source;
use crate::intake::{Ended, Listed};

impl Syncs {
    /// Reads what is new of each stream, one after the other.
    pub(super) async fn read_streams(
        &self,
        run: &mut Run,
        source: &Source,
        session: &Session,
        progress: &mut impl FnMut(&Counts),
    ) -> Result<(), Error> {
        let connector = session.connector().clone();
        for (stream, pull) in connector.streams().iter().filter_map(|stream| Some((stream, stream.pull()?))) {
            let name = stream.name();
            // What a stream lists from its beginning in this run, where its manifest says that this is all there is. Of a
            // reading that was cut short nobody knows any more what its first pages held.
            let whole = run.places.streams.get(name).is_none_or(|place| *place == StreamPlace::anew());
            let mut listed = pull.lists().filter(|_| whole).map(|kind| self.intake.begin_listing(source, kind));
            loop {
                let place = run.places.streams.get(name).cloned().unwrap_or_default();
                let leaf = pull.page(session, stream, &place).await?;
                let (read, left_out, last, total, after) =
                    (leaf.len(), leaf.left_out, leaf.last, leaf.total, leaf.after.clone());
                if leaf.passed_over > 0 {
                    // Whatever it held is not listed, and not gone by that.
                    listed = None;
                    (0..leaf.passed_over).for_each(|_| run.counts.leave_out(name, GONE));
                }
                let lines = self.map(run, session, name, leaf).await?;
                for outcome in self.bring(&lines, listed.as_mut()).await? {
                    run.count(name, &outcome);
                }
                if let Some(listed) = listed.as_ref().filter(|_| last) {
                    self.end_gone(run, source, name, listed).await?;
                }
                let counts = run.counts.stream(name);
                counts.read += read;
                counts.unchanged += left_out;
                (counts.total, counts.complete) = (total, last);
                self.step(run, name, after).await?;
                progress(&run.counts);
                if last {
                    break;
                }
            }
        }
        Ok(())
    }

    /// The records of a page. Mapping takes the processor for a while; others must not wait for it.
    async fn map(&self, run: &mut Run, session: &Session, stream: &str, leaf: Leaf) -> Result<Vec<Vec<u8>>, Error> {
        let (connector, name, code) = (session.connector().clone(), stream.to_owned(), run.code.clone());
        let mapped = tokio::task::spawn_blocking(move || {
            connector.stream(&name).map(|stream| leaf.records(stream, &code).collect::<Vec<_>>()).unwrap_or_default()
        });
        let mut lines = Vec::new();
        for record in mapped.await.map_err(|_| Error::Mapping)? {
            match record {
                Ok(line) => lines.push(line),
                Err(error) => run.counts.reject(stream, &error.reason.to_string()),
            }
        }
        Ok(lines)
    }

    /// Ends what was not listed. An object that could not be read may be any of them: then nothing ends.
    async fn end_gone(&self, run: &mut Run, source: &Source, stream: &str, listed: &Listed) -> Result<(), Error> {
        if run.counts.stream(stream).rejected > 0 {
            return Ok(());
        }
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
