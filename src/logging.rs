//! The log: text for people or JSON for programs, and what a panic may say.
//!
//! Nothing personal is ever given to the log; this room only decides its form. A panic's message can quote the value
//! that caused it, so the hook logs the place and not the message.

use std::panic::PanicHookInfo;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::SubscriberBuilder;

use crate::config::{Log, LogFormat};

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The filter does not follow the rules of `tracing`'s env filters.
    #[error("the log filter cannot be read; examples: `info`, `warn,obhut=debug`")]
    Filter(#[source] tracing_subscriber::filter::ParseError),
    /// Another log was there first.
    #[error("a log is already set up in this process")]
    Second,
}

/// Sets up the log of this process on standard error, and the panic hook. Once per process.
///
/// # Errors
/// If the filter cannot be read, or if it was called before.
pub fn start(log: &Log) -> Result<(), Error> {
    let filter = EnvFilter::try_new(&log.filter).map_err(Error::Filter)?;
    let builder = SubscriberBuilder::default().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match log.format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().flatten_event(true).with_current_span(true).with_span_list(false).try_init(),
    };
    started.map_err(|_| Error::Second)?;
    std::panic::set_hook(Box::new(|panic| tracing::error!(place = place(panic), "a thread panicked")));
    Ok(())
}

/// Whether a filter can be read; for checking a configuration.
#[must_use]
pub fn is_filter(text: &str) -> bool {
    EnvFilter::try_new(text).is_ok()
}

/// File and line of a panic.
fn place(panic: &PanicHookInfo<'_>) -> String {
    panic.location().map_or_else(|| "unknown".to_owned(), |at| format!("{}:{}", at.file(), at.line()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_checked() {
        assert!(is_filter("info"));
        assert!(is_filter("warn,obhut=debug"));
        assert!(!is_filter("obhut=loud"));
    }
}
