//! Every endpoint, registered and thereby documented. Who may call each stands in [`super::permissions`].

use utoipa_actix_web::service_config::ServiceConfig;

use super::{api_keys, audit, consents, decisions, profiles, purposes, records, sources};

/// Registers every endpoint. `web::Data<House>` must be among the application's data.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(records::ingest::ingest)
        .service(profiles::lookup::lookup)
        .service(profiles::read::read)
        .service(consents::record::record)
        .service(decisions::explain::explain)
        .service(purposes::list::list)
        .service(purposes::show::show)
        .service(purposes::put::put)
        .service(sources::list::list)
        .service(sources::add::add)
        .service(api_keys::list::list)
        .service(api_keys::issue::issue)
        .service(api_keys::revoke::revoke)
        .service(audit::entries::list)
        .service(audit::verify::verify);
}
