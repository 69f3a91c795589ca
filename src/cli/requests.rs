//! `obhut requests`.

use clap::{Args, Subcommand};

use crate::config::HomeLayer;
use crate::types::RequestId;

/// `obhut requests`.
#[derive(Subcommand)]
pub enum Requests {
    /// List what people demand, and what waits
    List(HomeLayer),
    /// Show a request: where it stands, and what the vendors of the connected sources did
    Show(NamedRequest),
    /// Carry an erasure out, here and at the vendors of the connected sources; print its certificate
    ///
    /// It cannot be undone. A vendor that fails is asked again by the serving hub, for 30 days; asking again is harmless. An
    /// access request is carried out through the API: its package holds personal data.
    Execute(NamedRequest),
}

/// A request that is named.
#[derive(Args)]
pub struct NamedRequest {
    /// Id of the request
    #[arg(value_name = "REQUEST")]
    pub id: RequestId,
    /// Where the data is.
    #[command(flatten)]
    pub home: HomeLayer,
}
