//! Ending what a whole reading of a stream did not list.

use super::{Error, Run, Syncs};
use crate::connect::{Pull, StreamPlace};
use crate::consent::Source;
use crate::intake::{Ended, Listed};

impl Syncs {
    /// What a stream lists from its beginning in this run, where its manifest says that this is all there is.
    pub(super) fn begin_listing(pull: &Pull, place: Option<&StreamPlace>) -> Option<Listed> {
        let from_the_beginning = place.is_none_or(|place| *place == StreamPlace::anew());
        pull.lists().filter(|_| from_the_beginning).map(Listed::of)
    }

    /// Ends what was not listed. An object that could not be read may be any of them: then nothing ends.
    pub(super) async fn end_gone(
        &self,
        run: &mut Run,
        source: &Source,
        stream: &str,
        listed: &Listed,
    ) -> Result<(), Error> {
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
