//! `obhut serve`: the hub for real use.

use std::sync::Arc;

use actix_web::dev::ServiceRequest;
use actix_web::web::Data;
use utoipa_actix_web::service_config::ServiceConfig;

use super::Hub;
use super::commands::Outcome;
use crate::api::frame::{Frame, Identify};
use crate::api::health::Readiness;
use crate::api::limits::{Gate, RateLimit};
use crate::api::server::Server;
use crate::api::{House, bearer, collect, metrics};
use crate::config::Config;
use crate::jobs::listen::{self, Listening};
use crate::jobs::unsubscribe::{self, Unsubscriptions};
use crate::jobs::{announce, deliver_messages, erase_at_vendors, push_audience, retention, schedule, sync};

pub(super) async fn serve(hub: Hub, config: &Config) -> Outcome {
    hub.ready().await?;
    let server = bind(hub, config)?;
    for address in server.addresses() {
        tracing::info!(%address, tls = config.server.tls.is_some(), "serving");
    }
    server.run().await?;
    tracing::info!("stopped; every acknowledged write is on disk");
    Ok(())
}

/// Starts the schedule and takes the address.
pub(super) fn bind(hub: Hub, config: &Config) -> Result<Server, crate::api::server::Error> {
    let Hub { house, rotation, retention, syncs, vendor_erasures, announcer, deliveries, pushes } = hub;
    actix_web::rt::spawn(schedule::keep_following(rotation.clone()));
    if let Some(days) = config.kek_rotation_days {
        actix_web::rt::spawn(schedule::keep_rotating(rotation, i64::from(days.get())));
    }
    actix_web::rt::spawn(schedule::keep_heads(house.book.clone(), house.store.clone(), house.strongbox.clone()));
    actix_web::rt::spawn(schedule::keep_rulebook(house.rulebook.clone()));
    actix_web::rt::spawn(retention::keep_running(retention));
    actix_web::rt::spawn(sync::keep_syncing(syncs));
    actix_web::rt::spawn(erase_at_vendors::keep_erasing(vendor_erasures));
    actix_web::rt::spawn(announce::keep_announcing(announcer));
    actix_web::rt::spawn(deliver_messages::keep_delivering(deliveries));
    actix_web::rt::spawn(push_audience::keep_pushing(pushes));
    let (vendors, rights) = (house.vendors.clone(), house.rights.clone());
    let unsubscriptions = Unsubscriptions { vendors, rights, store: house.store.clone(), ids: house.ids.clone() };
    actix_web::rt::spawn(unsubscribe::keep_unsubscribing(Arc::new(unsubscriptions)));
    let (vendors, book) = (house.vendors.clone(), house.book.clone());
    let listening = Listening { vendors, book, public_url: house.public_url.clone() };
    actix_web::rt::spawn(listen::keep_listening(Arc::new(listening)));
    actix_web::rt::spawn(schedule::keep_finishing(house.rights.clone()));
    actix_web::rt::spawn(schedule::keep_taking_back(house.intake.clone()));
    actix_web::rt::spawn(schedule::keep_heeding(house.intake.clone(), house.rights.clone()));
    let (store, intake, clock) = (house.store.clone(), house.intake.clone(), house.clock.clone());
    actix_web::rt::spawn(schedule::keep_grouping(store, intake, clock));
    let house = Arc::new(house);
    let frame = Frame {
        ids: house.ids.clone(),
        gate: config.rate.map(|rate| Arc::new(RateLimit::new(rate)) as Arc<dyn Gate>),
        identify: Some(identify(house.clone())),
        running: Default::default(),
        running_limit: config.running_limit,
        turned_away: Default::default(),
        readiness: house.clone() as Arc<dyn Readiness>,
        draining: Default::default(),
        metrics: metrics::install(),
        tls: config.server.tls.is_some(),
    };
    let house = Data::from(house);
    let configure = move |routes: &mut ServiceConfig<'_>| {
        routes.app_data(house.clone());
        crate::api::routes::configure(routes);
    };
    Server::bind(&config.server, frame, configure)
}

/// Whose allowance a call uses: that of the key that was valid on its last call.
fn identify(house: Arc<House>) -> Identify {
    Arc::new(move |request: &ServiceRequest| {
        let headers = request.headers();
        let write_key = || collect::serves(request.path()).then(|| collect::write_key(headers)).flatten();
        house.doorkeeper.was_valid(&bearer(headers).map(str::to_owned).or_else(write_key)?)
    })
}
