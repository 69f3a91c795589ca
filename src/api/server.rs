//! Builds the application, binds it to its address and runs it until it is told to stop.

mod connections;
mod upkeep;

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use actix_cors::Cors;
use actix_web::body::MessageBody;
use actix_web::dev::{Server as ActixServer, ServerHandle, ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::middleware::{Condition, from_fn};
use actix_web::web::{self, Data};
use actix_web::{App, Error as ActixError, HttpServer};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tracing_actix_web::TracingLogger;
use utoipa::openapi::OpenApi;
use utoipa_actix_web::{AppExt, service_config::ServiceConfig};

use self::connections::{Connections, Shares};
use super::body::BodyLimits;
use super::docs::{self, Document, Routes};
use super::frame::{self, Frame};
use super::span::CallSpan;
use super::{collect, health, metrics};

/// How the server listens and how patient it is.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Address and port; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Certificate chain and private key, both PEM; without them it speaks plain HTTP.
    pub tls: Option<Tls>,
    /// Worker threads; none is one per processor.
    pub workers: Option<usize>,
    /// Connections at once, over all workers, each of which has an equal share; more wait to be taken.
    pub connections: usize,
    /// Web origins whose pages may call the API, such as `https://shop.example`. Empty: none.
    pub cors_origins: Vec<String>,
    /// Limits of request bodies.
    pub body: BodyLimits,
    /// How long a client may take for the head of a request.
    pub head_timeout: Duration,
    /// How long a connection may stay open without a request.
    pub keep_alive: Duration,
    /// How long running calls may take to end after the signal to stop.
    pub drain: Duration,
}

/// Where certificate and key lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// PEM file with the certificate and its chain.
    pub cert: PathBuf,
    /// PEM file with the private key (PKCS#8, PKCS#1 or SEC1).
    pub key: PathBuf,
}

/// Why the server does not start or ends early.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is taken or not ours.
    #[error("cannot listen on {0}")]
    Listen(SocketAddr, #[source] std::io::Error),
    /// A PEM file cannot be read.
    #[error("cannot read {0} as PEM")]
    Pem(PathBuf, #[source] rustls_pki_types::pem::Error),
    /// Certificate and key do not go together.
    #[error("the TLS certificate and key cannot be used")]
    Tls(#[source] rustls::Error),
    /// The event loop failed.
    #[error("the server failed")]
    Run(#[source] std::io::Error),
}

/// The application: the frame around the routes that `configure` registers. Tests use it with `actix_web::test`.
pub fn app<F>(
    frame: Data<Frame>,
    settings: &Settings,
    configure: F,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody + use<F>>,
        Error = ActixError,
        InitError = (),
    > + use<F>,
>
where
    F: Fn(&mut ServiceConfig<'_>),
{
    let (app, document) =
        App::new().into_utoipa_app().openapi(docs::base()).configure(|config| all(config, configure)).split_for_parts();
    let document = docs::finish(document);
    let routes = Routes::of(&document);
    let bytes = document.to_json().unwrap_or_default().into();
    app.app_data(frame)
        .app_data(Data::new(settings.body))
        .app_data(Data::new(routes))
        .app_data(Data::new(Document(bytes)))
        .app_data(web::PathConfig::default().error_handler(|_, request| docs::misspelt(request).into()))
        .service(docs::openapi_json)
        .service(docs::page())
        .default_service(web::to(docs::fallback))
        .wrap(from_fn(frame::around))
        .wrap(TracingLogger::<CallSpan>::new())
        .wrap(from_fn(frame::name))
        .wrap(Condition::new(!settings.cors_origins.is_empty(), cors(&settings.cors_origins)))
        .wrap(from_fn(collect::cors::open))
}

/// The OpenAPI document of the routes that `configure` registers, without starting anything.
pub fn openapi(configure: impl Fn(&mut ServiceConfig<'_>)) -> OpenApi {
    let (_, document) =
        App::new().into_utoipa_app().openapi(docs::base()).configure(|config| all(config, configure)).split_for_parts();
    docs::finish(document)
}

/// Every route: the server's own and those that `configure` registers.
fn all(config: &mut ServiceConfig<'_>, configure: impl Fn(&mut ServiceConfig<'_>)) {
    config.service(health::healthz).service(health::readyz).service(metrics::scrape);
    configure(config);
}

/// A server that has its address and does not answer yet.
pub struct Server {
    server: ActixServer,
    addresses: Vec<SocketAddr>,
    frame: Data<Frame>,
    connections: Arc<Connections>,
    drain: Duration,
}

impl Server {
    /// Binds the address. `configure` registers the routes and their data, once per worker.
    ///
    /// # Errors
    /// If the address cannot be had, or certificate and key cannot be used. Must be called inside an actix or tokio runtime.
    pub fn bind<F>(settings: &Settings, frame: Frame, configure: F) -> Result<Self, Error>
    where
        F: Fn(&mut ServiceConfig<'_>) + Clone + Send + 'static,
    {
        let (frame, shared) = (Data::new(frame), settings.clone());
        let for_workers = frame.clone();
        let each_processor = || std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let shares = Shares::of(settings.connections, settings.workers.unwrap_or_else(each_processor).max(1));
        let connections = Connections::new(shares.most());
        let open = Arc::clone(&connections);
        let mut server = HttpServer::new(move || app(for_workers.clone(), &shared, configure.clone()))
            .workers(shares.workers)
            .max_connections(shares.each)
            .on_connect(move |_, kept| drop(kept.insert(open.begin(frame::now()))))
            .client_request_timeout(settings.head_timeout)
            .keep_alive(settings.keep_alive)
            .shutdown_timeout(settings.drain.as_secs())
            .disable_signals();
        let failed = |error| Error::Listen(settings.listen, error);
        server = match &settings.tls {
            Some(tls) => server.bind_rustls_0_23(settings.listen, rustls_config(tls)?).map_err(failed)?,
            None => server.bind(settings.listen).map_err(failed)?,
        };
        let addresses = server.addrs();
        Ok(Self { server: server.run(), addresses, frame, connections, drain: settings.drain })
    }

    /// The addresses it listens on.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Stops it from elsewhere.
    #[must_use]
    pub fn handle(&self) -> ServerHandle {
        self.server.handle()
    }

    /// Serves until SIGTERM or SIGINT, then takes no more connections and waits for the running calls, at most the
    /// drain time. When this returns, every reply that will be sent has been sent, and the store may be closed.
    ///
    /// # Errors
    /// If signals cannot be listened for, or the event loop fails.
    pub async fn run(self) -> Result<(), Error> {
        let Self { server, frame, connections, drain, .. } = self;
        let handle = server.handle();
        let upkeep = actix_web::rt::spawn(upkeep::keep(frame.clone(), connections));
        let stop = stop_signal()?;
        let stopping = frame.clone();
        let stopper = actix_web::rt::spawn(async move {
            stop.await;
            tracing::info!(seconds = drain.as_secs(), "stopping; running calls may end");
            stopping.draining.begin();
            handle.stop(true).await;
        });
        let outcome = server.await.map_err(Error::Run);
        stopper.abort();
        upkeep.abort();
        frame.tell_last();
        outcome
    }
}

/// Ends at the first SIGTERM or SIGINT. The signals are caught from the moment this returns.
fn stop_signal() -> Result<impl Future<Output = ()>, Error> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).map_err(Error::Run)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Error::Run)?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

fn cors(origins: &[String]) -> Cors {
    let cors = Cors::default()
        .allowed_methods(["GET", "POST", "PUT", "PATCH", "DELETE"])
        .allowed_headers([
            "authorization",
            "content-type",
            "idempotency-key",
            "if-match",
            "if-none-match",
            "x-request-id",
        ])
        .expose_headers(["etag", "retry-after", "x-request-id"])
        .max_age(600);
    origins.iter().fold(cors, |cors, origin| cors.allowed_origin(origin))
}

fn rustls_config(tls: &Tls) -> Result<rustls::ServerConfig, Error> {
    let pem = |path: &Path| {
        let path = path.to_owned();
        move |error| Error::Pem(path, error)
    };
    let chain = CertificateDer::pem_file_iter(&tls.cert).and_then(Iterator::collect).map_err(pem(&tls.cert))?;
    let key = PrivateKeyDer::from_pem_file(&tls.key).map_err(pem(&tls.key))?;
    let provider = rustls::crypto::ring::default_provider();
    rustls::ServerConfig::builder_with_provider(provider.into())
        .with_safe_default_protocol_versions()
        .map_err(Error::Tls)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(Error::Tls)
}

#[cfg(test)]
mod tests;
