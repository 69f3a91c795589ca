//! Every endpoint, registered and thereby documented. Who may call each stands in [`super::permissions`].

use utoipa_actix_web::service_config::ServiceConfig;

use super::{api_keys, audit, consents, decisions, opt_outs, profiles, purposes, records, requests, segments, sources};

/// Registers every endpoint. `web::Data<House>` must be among the application's data.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(records::ingest::ingest)
        .service(profiles::lookup::lookup)
        .service(profiles::read::read)
        .service(profiles::batch::batch)
        .service(consents::record::record)
        .service(opt_outs::record::opt_out)
        .service(decisions::explain::explain)
        .service(segments::list::list)
        .service(segments::show::show)
        .service(segments::put::put)
        .service(segments::delete::delete)
        .service(segments::members::members)
        .service(segments::count::count)
        .service(segments::preview::preview)
        .service(requests::receive::receive)
        .service(requests::list::list)
        .service(requests::show::show)
        .service(requests::execute::execute)
        .service(requests::extend::extend)
        .service(requests::refuse::refuse)
        .service(requests::notice::notice)
        .service(requests::package::package)
        .service(requests::certificate::certificate)
        .service(requests::certificate_key::certificate_key)
        .service(purposes::list::list)
        .service(purposes::show::show)
        .service(purposes::put::put)
        .service(sources::list::list)
        .service(sources::add::add)
        .service(sources::show::show)
        .service(sources::put::put)
        .service(sources::syncs::list)
        .service(sources::sync::want)
        .service(sources::erase::erase)
        .service(api_keys::list::list)
        .service(api_keys::issue::issue)
        .service(api_keys::revoke::revoke)
        .service(audit::entries::list)
        .service(audit::verify::verify);
}
