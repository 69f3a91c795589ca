//! `obhut requests`: what people demand, for the data protection officer at the command line.

use super::Hub;
use super::commands::{Outcome, say, say_error};
use crate::cli::{NamedRequest, Requests};
use crate::config::Layer;
use crate::connect::Erasure;
use crate::gateway::{Actor, Caller, Scope};
use crate::rights::{Certificate, Kind, Request, SourceErasure};
use crate::types::RequestId;

/// Requests listed in one step.
const PAGE: i64 = 200;

/// Where the data of a command is.
pub(super) fn home(command: &Requests) -> Layer {
    let home = match command {
        Requests::List(home) => home,
        Requests::Show(arguments) | Requests::Execute(arguments) => &arguments.home,
    };
    home.clone().into()
}

pub(super) async fn run(hub: &Hub, command: Requests) -> Outcome {
    match command {
        Requests::List(_) => list(hub).await,
        Requests::Show(NamedRequest { id, .. }) => show(hub, id).await,
        Requests::Execute(NamedRequest { id, .. }) => execute(hub, id).await,
    }
}

async fn list(hub: &Hub) -> Outcome {
    let mut after = None;
    loop {
        let page = hub.house.rights.requests(after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(last.case().id);
        page.iter().for_each(|request| say(&told(request)));
    }
}

fn told(request: &Request) -> String {
    let case = request.case();
    let (right, state) = (case.kind.word(), request.state());
    format!(
        "{}  {right:<13}  {state:<9}  received {}  due {}",
        case.id,
        case.received_at.rfc3339(),
        case.due_at.rfc3339()
    )
}

async fn show(hub: &Hub, id: RequestId) -> Outcome {
    let request = hub.house.rights.request(id).await?;
    say(&told(&request));
    for notice in hub.house.rights.notices(id).await? {
        say(&format!("recipient {}: {}", notice.recipient, notice.state.word()));
    }
    hub.house.rights.source_erasures(id).await?.iter().for_each(show_source);
    Ok(())
}

fn show_source(one: &SourceErasure) {
    let report: Option<Erasure> = one.report.as_deref().and_then(|report| serde_json::from_str(report).ok());
    let next = one.next_at.map_or_else(String::new, |at| format!(", asked again {}", at.rfc3339()));
    let held = one.restricted_until().map_or_else(String::new, |day| format!(", restricted until {day}"));
    say(&format!("source {}: {} after {} attempts{held}{next}", one.source, one.state(), one.attempts));
    for step in report.iter().flat_map(|report| &report.steps) {
        let leaves = step.leaves.map_or("nothing found", crate::connect::Leaves::word);
        let why = step.failure.as_ref().map_or_else(String::new, |why| format!(": {why}"));
        let day = step.promised_until.as_ref().map_or_else(String::new, |day| format!(" by {day}"));
        let promised = step.promised.map_or_else(String::new, |leaves| format!(", to be {}{day}", leaves.word()));
        let until = step.kept_until.as_ref().map_or_else(String::new, |day| format!(" until {day}"));
        let kept = if step.kept > 0 { format!(", {} kept{until}", step.kept) } else { String::new() };
        let unseen = if step.out_of_sight { ", not all seen again: look there" } else { "" };
        say(&format!("  {}: {} found, {leaves}{promised}{kept}{unseen}{why}", step.name, step.found));
    }
    if let Some(report) = report.filter(|report| !report.note.is_empty()) {
        say(&format!("  {}", report.note.trim()));
    }
}

async fn execute(hub: &Hub, id: RequestId) -> Outcome {
    let rights = &hub.house.rights;
    if rights.request(id).await?.case().kind != Kind::Erasure {
        return Err("this is no erasure; an access request is carried out through the API".into());
    }
    let by = Caller { actor: Actor::Hub("command line"), scope: Scope::Every };
    rights.erase(id, &by).await?;
    hub.vendor_erasures.ask_all_of(id).await?;
    let sources = rights.source_erasures(id).await?;
    if sources.iter().any(|one| !one.is_final && !one.is_held) {
        say_error("a vendor has not forgotten the person yet; the serving hub asks again: obhut requests show");
    }
    let certificate: Certificate = rights.erase(id, &by).await?;
    say(&serde_json::to_string_pretty(&certificate)?);
    Ok(())
}
