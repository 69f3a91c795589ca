//! Looking whether vendors still tell by themselves: they turn a webhook off when the hub was not reached for a while.
//!
//! It is done for whatever the hub was told to subscribe to (`Vendors::listen`), and for nothing else. Each node does it; what two of
//! them make at once is there twice until the next look, and each of its deliveries is heard once.

use std::sync::Arc;
use std::time::Duration;

use crate::audit::{Act, Book, Line};
use crate::connect::{NotListening, Vendors};
use crate::store;

/// When it is looked for the first time after a start: not while everything else begins.
const FIRST: Duration = Duration::from_secs(300);
/// How often it is looked.
const EVERY: Duration = Duration::from_secs(6 * 3_600);

/// The job of one process.
pub struct Listening {
    /// Who is to tell.
    pub vendors: Arc<Vendors>,
    /// Where it is written down if something was made anew.
    pub book: Arc<Book>,
    /// Where vendors reach the hub; without it nothing is looked for.
    pub public_url: Option<String>,
}

/// Why it could not be looked which sources there are.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store failed.
    #[error("the connections could not be read")]
    Store(#[from] store::Error),
    /// The line could not be written.
    #[error("what was subscribed could not be recorded")]
    Audit(#[from] crate::audit::Error),
}

/// Looks for as long as it is polled.
pub async fn keep_listening(listening: Arc<Listening>) {
    let mut pause = FIRST;
    loop {
        tokio::time::sleep(pause).await;
        pause = EVERY;
        if let Err(error) = listening.look().await {
            tracing::warn!(error = ?error, "it could not be looked whether vendors still tell by themselves");
        }
    }
}

impl Listening {
    /// Looks at every source that was told to listen, and subscribes where something is missing. Answers at how many it was.
    ///
    /// # Errors
    /// If it cannot be looked which there are, or the line cannot be written. A vendor that fails, or a connection that does not
    /// open, keeps no other from being looked at.
    pub async fn look(&self) -> Result<usize, Error> {
        let Some(hub) = self.public_url.as_deref() else { return Ok(0) };
        let (edition, mut mended) = (self.vendors.rulebook.edition(), 0);
        for row in self.vendors.connections.rows().await? {
            let Some(source) = edition.source(row.source_no) else { continue };
            let listens = match self.vendors.connections.of(row.source_no).await {
                Ok(connection) => connection.is_some_and(|one| !one.listening.is_empty()),
                Err(error) => {
                    tracing::warn!(source = source.code, cause = %error, "a connection could not be opened");
                    false
                }
            };
            if !listens {
                continue;
            }
            // The line first: what is done at the vendor must be on record even if this process ends.
            self.note(&source.code, "intended").await?;
            match self.vendors.keep_listening(&source.code, Some(hub)).await {
                Ok(came) if came.made + came.ended > 0 => {
                    self.note(&source.code, "looked_after").await?;
                    mended += 1;
                }
                Ok(_) | Err(NotListening::NoSession(_) | NotListening::Stopped) => {}
                Err(error) => tracing::warn!(
                    source = source.code,
                    cause = %error,
                    "it could not be looked whether a vendor still tells by itself"
                ),
            }
        }
        Ok(mended)
    }

    async fn note(&self, code: &str, word: &str) -> Result<(), Error> {
        let line = Line::new(Act::Configured).object(format!("subscriptions of {code}"));
        Ok(self.book.note(line.reasons(vec![word.to_owned()])).await?)
    }
}

#[cfg(test)]
mod tests;
