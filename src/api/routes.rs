//! Every endpoint, in one list.

use utoipa_actix_web::service_config::ServiceConfig;

/// Registers them.
pub fn configure(_routes: &mut ServiceConfig<'_>) {}
