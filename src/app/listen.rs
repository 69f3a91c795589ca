//! `obhut sources listen` and `obhut destinations listen`.

use super::Hub;
use super::commands::{Outcome, say, say_error};
use crate::audit::{Act, Line};
use crate::cli::ListenSource;
use crate::connect::{Connection, Connector, NoSession, NotListening};
use crate::types::SourceNo;

/// Has a vendor tell by itself, or ends it.
pub(super) async fn listen(hub: &Hub, arguments: &ListenSource, what: &str) -> Outcome {
    let (code, vendors) = (&arguments.code, &hub.house.vendors);
    // Nothing is written down of what was misspelt.
    vendors.connected(code).await?;
    let line = Line::new(Act::Configured).to("command line").object(format!("subscriptions of {code}"));
    if arguments.stop {
        hub.house.book.note(line.reasons(vec!["removed".to_owned()])).await?;
        let ended = vendors.stop_listening(code).await?;
        say(&format!("its vendor tells nothing by itself any more; {ended} subscriptions were ended"));
        return Ok(());
    }
    // The line first: what is done at the vendor must be on record even if this process ends.
    hub.house.book.note(line).await?;
    let came = vendors.listen(code, hub.house.public_url.as_deref(), arguments.anew).await?;
    say(&format!(
        "its vendor tells {what} by itself: {} subscriptions were there, {} made, {} ended",
        came.kept, came.made, came.ended
    ));
    Ok(())
}

/// What a connection that is entered anew keeps of the one there was.
pub(super) async fn still(
    hub: &Hub,
    connector: &Connector,
    known: Option<SourceNo>,
    next: Connection,
) -> Result<Connection, Box<dyn std::error::Error>> {
    let vendors = &hub.house.vendors;
    let before = match known {
        Some(number) => vendors.connections.of(number).await?,
        None => None,
    };
    Ok(match before {
        Some(before) => vendors.still_listening(connector, next, before)?,
        None => next,
    })
}

/// Ends what is subscribed, before the credentials for it are forgotten.
pub(super) async fn end(hub: &Hub, code: &str, anyway: bool) -> Outcome {
    match hub.house.vendors.stop_listening(code).await {
        Ok(0) | Err(NotListening::NoSession(NoSession::NotConnected(_) | NoSession::NoSource(_))) => Ok(()),
        Ok(ended) => {
            say(&format!("{ended} subscriptions at its vendor were ended"));
            Ok(())
        }
        Err(error) if anyway => {
            say_error(&format!("{error}; what is subscribed at the vendor stays there, and is not heard"));
            Ok(())
        }
        Err(error) => Err(format!(
            "what is subscribed at its vendor cannot be ended: {error}\nwith --anyway it is forgotten all the same"
        )
        .into()),
    }
}

/// Says that the vendor could tell by itself.
pub(super) fn offer(connector: &Connector, command: &str, code: &str) {
    if connector.webhooks().is_some_and(crate::connect::Webhooks::can_subscribe) {
        say(&format!("it can tell by itself, at once: obhut {command} listen {code} --public-url https://<your hub>"));
    }
}
