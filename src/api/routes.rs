//! Every endpoint, registered and thereby documented. Who may call each stands in [`super::permissions`].

use utoipa_actix_web::service_config::ServiceConfig;

use actix_web::web;

use super::collect::{self, single};
use super::permissions::op;
use super::{
    api_keys, audit, consents, decisions, destinations, opt_outs, profiles, purposes, records, requests, reviews,
    segments, sources, subjects, survivorship,
};

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
        .service(subjects::links::links)
        .service(subjects::split::split)
        .service(subjects::rectify::rectify)
        .service(reviews::list::list)
        .service(reviews::show::show)
        .service(reviews::decide::decide)
        .service(purposes::list::list)
        .service(purposes::show::show)
        .service(purposes::put::put)
        .service(survivorship::show::show)
        .service(survivorship::put::put)
        .service(sources::list::list)
        .service(sources::add::add)
        .service(sources::show::show)
        .service(sources::put::put)
        .service(sources::syncs::list)
        .service(sources::sync::want)
        .service(sources::erase::erase)
        .service(sources::turned_away::list)
        .service(sources::parked::list)
        .service(sources::webhook::hear)
        .service(sources::webhook::hear_at)
        .service(sources::listen::listen)
        .service(sources::stop_listening::stop)
        .service(destinations::list::list)
        .service(sources::handshake::shake)
        .service(sources::handshake::shake_at)
        .service(sources::deletion::pass_on)
        .service(sources::deletion_status::show)
        .service(destinations::push::want)
        .service(collect::batch::batch)
        .service(single::identify)
        .service(single::track)
        .service(single::page)
        .service(single::screen)
        .service(single::group)
        .service(single::alias)
        .service(collect::jitsu::jitsu)
        .service(collect::beacon::beacon)
        .service(collect::pixel::pixel)
        .service(collect::settings::settings)
        .service(collect::source_config::source_config)
        // The same calls by the other names that SDKs have for them.
        .route("/api/s/s2s/{type}", web::post().to(collect::jitsu::collect))
        .route("/v1/b", web::post().to(single::collect::<op::CollectEvents>))
        .route("/v1/import", web::post().to(single::collect::<op::CollectEvents>))
        .route("/v1/i", web::post().to(single::collect::<op::CollectIdentify>))
        .route("/v1/t", web::post().to(single::collect::<op::CollectTrack>))
        .route("/v1/p", web::post().to(single::collect::<op::CollectPage>))
        .route("/v1/s", web::post().to(single::collect::<op::CollectScreen>))
        .route("/v1/g", web::post().to(single::collect::<op::CollectGroup>))
        .route("/v1/a", web::post().to(single::collect::<op::CollectAlias>))
        .service(api_keys::list::list)
        .service(api_keys::issue::issue)
        .service(api_keys::revoke::revoke)
        .service(audit::entries::list)
        .service(audit::verify::verify);
}
