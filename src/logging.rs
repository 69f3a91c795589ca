//! The log: text for people or JSON for programs, and what a panic may say.
//!
//! Nothing personal is ever given to the log; this room only decides its form. A panic's message can quote the value
//! that caused it, so the hook logs the place and not the message.

use std::panic::PanicHookInfo;

use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::filter::{EnvFilter, filter_fn};
use tracing_subscriber::fmt::{MakeWriter, layer};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

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
    subscriber(log, std::io::stderr)?.try_init().map_err(|_| Error::Second)?;
    std::panic::set_hook(Box::new(|panic| tracing::error!(place = place(panic), "a thread panicked")));
    Ok(())
}

/// Whether a filter can be read; for checking a configuration.
#[must_use]
pub fn is_filter(text: &str) -> bool {
    EnvFilter::try_new(text).is_ok()
}

/// The log as `log` describes it, written to `writer`.
///
/// # Errors
/// If the filter cannot be read.
pub fn subscriber<W>(log: &Log, writer: W) -> Result<impl Subscriber + Send + Sync + use<W>, Error>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let filter = EnvFilter::try_new(&log.filter).map_err(Error::Filter)?;
    let lines = layer().with_ansi(false).with_writer(writer);
    let lines = match log.format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().flatten_event(true).with_current_span(true).with_span_list(false).boxed(),
    };
    Ok(tracing_subscriber::registry().with(filter).with(lines.with_filter(filter_fn(may_speak))))
}

/// The libraries under us quote whole requests, addresses and SQL values at their lower levels. No filter lets those
/// through; our own lines hold nothing personal at any level. That a caller sent what is no HTTP is no error of the hub,
/// and anybody could fill the log with it.
fn may_speak(line: &Metadata<'_>) -> bool {
    if line.target() == "actix_http::h1::dispatcher" {
        return false;
    }
    *line.level() <= Level::INFO || line.target() == "obhut" || line.target().starts_with("obhut::")
}

/// File and line of a panic.
fn place(panic: &PanicHookInfo<'_>) -> String {
    panic.location().map_or_else(|| "unknown".to_owned(), |at| format!("{}:{}", at.file(), at.line()))
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn written(format: LogFormat, filter: &str, work: impl FnOnce()) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        let log = Log { format, filter: filter.to_owned() };
        tracing::subscriber::with_default(subscriber(&log, move || writer.clone()).unwrap(), work);
        let bytes = lines.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn what_is_no_http_fills_no_log() {
        let text = written(LogFormat::Text, "trace", || {
            tracing::error!(target: "actix_http::h1::dispatcher", "stream error: request parse error");
            tracing::error!(target: "actix_server", "a worker ended");
        });
        assert!(text.contains("a worker ended") && !text.contains("parse error"), "{text}");
    }

    #[test]
    fn libraries_are_quiet_below_info_whatever_the_filter_says() {
        let text = written(LogFormat::Text, "trace", || {
            tracing::debug!("ours");
            tracing::debug!(target: "actix_http::h1", "theirs");
            tracing::info!(target: "actix_server", "started");
        });
        assert!(text.contains("ours") && text.contains("started") && !text.contains("theirs"), "{text}");
    }

    #[test]
    fn json_lines_carry_the_span() {
        let text = written(LogFormat::Json, "info", || {
            let _span = tracing::info_span!("call", request_id = "7").entered();
            tracing::info!(code = "internal", "call failed");
            tracing::debug!("hidden");
        });
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!((line["code"].as_str(), line["span"]["request_id"].as_str()), (Some("internal"), Some("7")));
    }

    #[test]
    fn filters_are_checked() {
        assert!(is_filter("info"));
        assert!(is_filter("warn,obhut=debug"));
        assert!(!is_filter("obhut=loud"));
    }
}
