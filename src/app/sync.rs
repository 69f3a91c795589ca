//! `obhut sources sync`: reading a source now, with its progress.

use indicatif::{ProgressBar, ProgressStyle};

use super::Hub;
use super::commands::{Outcome, say, say_error};
use crate::cli::SyncSource;
use crate::connect::Counts;

/// Reads it.
pub(super) async fn sync(hub: &Hub, arguments: &SyncSource) -> Outcome {
    let bar = if arguments.quiet { ProgressBar::hidden() } else { ProgressBar::new_spinner() };
    let draw = |template: &str| {
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
    };
    draw(UNKNOWN);
    let mut measured = false;
    let progress = |counts: &Counts| {
        let extent = extent(counts);
        if extent.is_some() != measured {
            measured = extent.is_some();
            draw(if measured { MEASURED } else { UNKNOWN });
        }
        if let Some((read, total)) = extent {
            bar.set_length(total);
            bar.set_position(read);
        }
        bar.set_message(told(counts));
        bar.tick();
    };
    let outcome = hub.syncs.run(&arguments.code, arguments.full, progress).await;
    bar.finish_and_clear();
    let counts = outcome?;
    say(&told(&counts));
    counts.notices.iter().for_each(|notice| say_error(notice));
    for (reason, count) in &counts.rejections {
        say_error(&format!("{count:>8}  {reason}"));
    }
    for (reason, count) in &counts.left_out {
        say_error(&format!("{count:>8}  taken in without {reason}"));
    }
    Ok(())
}

/// How a sync is shown whose end nobody knows.
const UNKNOWN: &str = "{spinner} {msg} ({elapsed})";
/// The same where the vendor says how much there is.
const MEASURED: &str = "{bar:30} {pos}/{len} {msg} ({elapsed}, {eta} left)";

/// How many objects were read of the stream that is read now, and how many there are; none if the vendor does not say it.
fn extent(counts: &Counts) -> Option<(u64, u64)> {
    let open = counts.streams.values().filter(|stream| !stream.complete);
    let (read, total) = open.filter_map(|stream| Some((stream.read, stream.total?))).next_back()?;
    (total > 0).then(|| (read.min(total), total))
}

/// One line on what a sync brought.
fn told(counts: &Counts) -> String {
    let sum = counts.sum();
    let streams = counts.streams.iter().map(|(name, stream)| match stream.total {
        Some(total) => format!("{name} {}/{total}", stream.read),
        None => format!("{name} {}", stream.read),
    });
    format!(
        "{}: {} new, {} changed, {} unchanged, {} of erased people, {} without a purpose, {} rejected",
        streams.collect::<Vec<_>>().join(", "),
        sum.created,
        sum.updated,
        sum.unchanged + sum.stale,
        sum.suppressed,
        sum.unread,
        sum.rejected
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_drawn_where_the_vendor_says_how_much_there_is() {
        let mut counts = Counts::default();
        assert_eq!(extent(&counts), None);
        counts.stream("customers").read = 40;
        assert_eq!(extent(&counts), None, "nobody says how much there is");
        counts.stream("customers").total = Some(200);
        assert_eq!(extent(&counts), Some((40, 200)));
        counts.stream("customers").complete = true;
        assert_eq!(extent(&counts), None, "what is read to its end is no part of it");
        counts.stream("orders").total = Some(90);
        counts.stream("orders").read = 100;
        assert_eq!(extent(&counts), Some((90, 90)), "more came than was said");
    }
}
