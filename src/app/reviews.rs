//! `obhut graph reviews`: whoever runs the hub decides about doubtful pairs at the command line.

use serde_json::Value;

use super::Hub;
use super::commands::{Outcome, say};
use crate::cli::{AnswerReview, NamedReview, Reviews};
use crate::config::Layer;
use crate::gateway::{Actor, Caller, MaskedPerson, MaskedRecord, Scope};
use crate::graph::matching::Waterfall;
use crate::intake::{Answer, Question};
use crate::types::{RecordNo, ReviewId};

/// Questions listed in one step.
const PAGE: i64 = 200;
/// Columns of what is shown of the one person; the other's begins behind them.
const WIDTH: usize = 44;

/// Where the data of a command is.
pub(super) fn home(command: &Reviews) -> Layer {
    let home = match command {
        Reviews::List(home) => home,
        Reviews::Show(NamedReview { home, .. }) | Reviews::Answer(AnswerReview { home, .. }) => home,
    };
    home.clone().into()
}

pub(super) async fn run(hub: &Hub, command: Reviews) -> Outcome {
    match command {
        Reviews::List(_) => list(hub).await,
        Reviews::Show(NamedReview { id, .. }) => show(hub, id).await,
        Reviews::Answer(AnswerReview { id, answer, .. }) => decide(hub, id, answer).await,
    }
}

fn caller() -> Caller {
    Caller { actor: Actor::Hub("obhut graph reviews"), scope: Scope::Every }
}

async fn list(hub: &Hub) -> Outcome {
    let mut after = None;
    loop {
        let page = hub.house.intake.reviews(after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(last.review_id);
        for row in &page {
            let (weight, made) = (f64::from(row.weight) / 1000.0, row.made_at.rfc3339());
            say(&format!("{}  {weight:>6.2}  {made}  {}  {}", row.review_id, row.one_id, row.other_id));
        }
    }
}

async fn decide(hub: &Hub, id: ReviewId, answer: Answer) -> Outcome {
    let done = hub.house.intake.decide(id, answer, &caller()).await?;
    match answer {
        Answer::Same => say(&format!("{} is both", done.one)),
        Answer::NotSame => say(&format!("{} and {} stay apart", done.one, done.other)),
        Answer::Unsure => say("nothing changed"),
    }
    Ok(())
}

async fn show(hub: &Hub, id: ReviewId) -> Outcome {
    let Question { review, sides: [one, other] } = hub.house.intake.question(id, &caller()).await?;
    side_by_side(&format!("person {}", one.subject), &format!("person {}", other.subject));
    side_by_side(&of_all(&one), &of_all(&other));
    let (ours, theirs) = (lines(&one, review.one_no)?, lines(&other, review.other_no)?);
    for at in 0..ours.len().max(theirs.len()) {
        let line = |lines: &[String]| lines.get(at).cloned().unwrap_or_default();
        side_by_side(&line(&ours), &line(&theirs));
    }
    if let Ok(waterfall) = serde_json::from_str::<Waterfall>(&review.waterfall) {
        say(&format!("{:<16} {:<18} {:>7.2}", "prior", "", waterfall.prior.bits()));
        for step in &waterfall.steps {
            let weight = (step.weight + step.frequency).bits();
            say(&format!("{:<16} {:<18} {weight:>7.2}", step.field.word(), step.level.word()));
        }
    }
    say(&format!("{:<16} {:<18} {:>7.2}", "together", "", f64::from(review.weight) / 1000.0));
    Ok(())
}

fn side_by_side(one: &str, other: &str) {
    let line = format!("{one:<WIDTH$}  {other}");
    say(line.trim_end());
}

fn of_all(person: &MaskedPerson) -> String {
    format!("{} of {} records", person.records.len(), person.records_in_all)
}

/// What is shown of a person, line by line.
fn lines(person: &MaskedPerson, compared: RecordNo) -> Result<Vec<String>, serde_json::Error> {
    let mut lines = Vec::new();
    for MaskedRecord { record, kind, source, values, .. } in &person.records {
        let mark = if *record == compared { " (compared)" } else { "" };
        lines.push(format!("- {} of {source}{mark}", kind.word()));
        for value in values {
            // A disclosed value leaves by being serialised, here as everywhere.
            if let Value::String(shown) = serde_json::to_value(&value.value)? {
                lines.push(format!("  {:<12} {shown}", value.field.word()));
            }
        }
    }
    Ok(lines)
}
