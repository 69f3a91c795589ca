//! `obhut sources parked`: what of a source could not be taken in, and which names of consents mean nothing here.

use super::Hub;
use super::commands::{Outcome, say};
use crate::cli::NamedSource;
use crate::collect::todo;
use crate::store::unheard;

/// Shows them, one a line.
pub(super) async fn show(hub: &Hub, arguments: &NamedSource) -> Outcome {
    let code = &arguments.code;
    let source = hub.house.rulebook.edition().source_named(code).cloned();
    let source = source.ok_or_else(|| format!("there is no source `{code}`"))?;
    let parked = hub.house.vendors.connections.parking().of(source.number).await?;
    let number = source.number;
    let names = hub.house.store.read(move |read| unheard::of(read.records(), number)).await?;
    if parked.is_empty() && names.is_empty() {
        say("nothing of it is put aside");
    }
    for one in &parked {
        let id = one.id.as_deref().unwrap_or("-");
        say(&format!("{}  {:<16}  {id:<24}  {}", one.at.rfc3339(), one.stream, one.reason));
    }
    let edition = hub.house.rulebook.edition();
    for one in &names {
        let (last, todo) = (one.last_at.rfc3339(), todo(one, &source, &edition));
        say(&format!("{last}  consent {} `{}`  {} events  {todo}", one.kind, one.name, one.events));
    }
    Ok(())
}
