//! `obhut sources parked`: what of a source could not be taken in.

use super::Hub;
use super::commands::{Outcome, say};
use crate::cli::NamedSource;

/// Shows them, one a line.
pub(super) async fn show(hub: &Hub, arguments: &NamedSource) -> Outcome {
    let code = &arguments.code;
    let source = hub.house.rulebook.edition().source_named(code).cloned();
    let source = source.ok_or_else(|| format!("there is no source `{code}`"))?;
    let parked = hub.house.vendors.connections.parking().of(source.number).await?;
    if parked.is_empty() {
        say("nothing of it is put aside");
    }
    for one in &parked {
        let id = one.id.as_deref().unwrap_or("-");
        say(&format!("{}  {:<16}  {id:<24}  {}", one.at.rfc3339(), one.stream, one.reason));
    }
    Ok(())
}
