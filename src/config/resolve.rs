//! From what was given to what holds: defaults, and the checks that need more than one setting.

use std::num::NonZeroU32;
use std::path::Path;
use std::time::Duration;

use zeroize::Zeroizing;

use super::env::{CREDENTIALS, ROOT_KEY};
use super::layer::{HomeLayer, Layer, LogFormat, ServingLayer};
use super::{Config, DatabaseUrl, Environment, Error, LISTEN, Log, RootKey, file};
use crate::api::BodyLimits;
use crate::api::limits::Rate;
use crate::api::server::{Settings, Tls};
use crate::rights::Controller;
use crate::store::reach;

/// Puts the defaults in and checks the whole.
pub(super) fn resolve(layer: Layer, environment: &Environment) -> Result<Config, Error> {
    let Layer { home, serving } = layer;
    let data_dir = file::data_dir(home.data_dir.as_deref());
    let plaintext = home.allow_plaintext_database.unwrap_or(false);
    let database_url = match &home.database_url {
        Some(url) => database("database_url", url, plaintext)?,
        None => DatabaseUrl::Sqlite(data_dir.clone()),
    };
    let keys_database_url =
        home.keys_database_url.as_deref().map(|url| database("keys_database_url", url, plaintext)).transpose()?;
    let mut warnings = Vec::new();
    Ok(Config {
        root_key: root_key(&home, &data_dir, environment)?,
        log: log(&home)?,
        server: server(&serving, &mut warnings)?,
        controller: Controller {
            name: home.controller_name,
            contact: home.controller_contact,
            dpo: home.controller_dpo,
            authority: home.controller_authority,
            ..Controller::default()
        },
        rate: rate(&serving),
        running_limit: usize::try_from(serving.max_running_calls.unwrap_or(1024)).unwrap_or(usize::MAX),
        public_url: home.public_url.as_deref().map(public_url).transpose()?,
        connectors: home.connectors,
        kek_rotation_days: NonZeroU32::new(serving.kek_rotation_days.unwrap_or(30)),
        data_dir,
        database_url,
        keys_database_url,
        warnings,
    })
}

fn wrong(setting: &'static str, reason: impl Into<String>) -> Error {
    Error::Setting { setting, reason: reason.into() }
}

fn database(setting: &'static str, url: &str, plaintext: bool) -> Result<DatabaseUrl, Error> {
    if let Some(path) = url.strip_prefix("sqlite:") {
        let path = path.strip_prefix("//").unwrap_or(path);
        return if path.is_empty() {
            Err(wrong(setting, "name a directory after sqlite:"))
        } else {
            Ok(DatabaseUrl::Sqlite(path.into()))
        };
    }
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        reach::check(url, plaintext).map_err(|refused| wrong(setting, refused.to_string()))?;
        return Ok(DatabaseUrl::Postgres(Zeroizing::new(url.to_owned())));
    }
    Err(wrong(setting, "must begin with sqlite: or postgres://"))
}

/// Vendors call it over the internet, with personal data: by TLS, or on this machine.
fn public_url(text: &str) -> Result<String, Error> {
    let reason = "must look like https://hub.example, without a query; http:// is for an address of this machine alone";
    let url = url::Url::parse(text).map_err(|_| wrong("public_url", reason))?;
    let local = match url.host() {
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    };
    let bare =
        url.query().is_none() && url.fragment().is_none() && url.username().is_empty() && url.password().is_none();
    if bare && (url.scheme() == "https" && url.has_host() || url.scheme() == "http" && local) {
        return Ok(text.trim_end_matches('/').to_owned());
    }
    Err(wrong("public_url", reason))
}

fn root_key(home: &HomeLayer, data_dir: &Path, environment: &Environment) -> Result<RootKey, Error> {
    const SETTING: &str = "root_key_from";
    let value = environment.value(ROOT_KEY);
    let Some(from) = home.root_key_from.as_deref() else {
        return Ok(match value {
            Some(value) => RootKey::Environment(Zeroizing::new(value.to_owned())),
            None => RootKey::File(data_dir.join("master.key")),
        });
    };
    match from.split_once(':').unwrap_or((from, "")) {
        ("env", "") => value
            .map(|value| RootKey::Environment(Zeroizing::new(value.to_owned())))
            .ok_or_else(|| wrong(SETTING, "is env, and OBHUT_ROOT_KEY is not set")),
        ("file", path) if !path.is_empty() => Ok(RootKey::File(path.into())),
        ("credential", name) if !name.is_empty() && !name.contains('/') && name != ".." => environment
            .value(CREDENTIALS)
            .map(|directory| RootKey::Credential(Path::new(directory).join(name)))
            .ok_or_else(|| {
                wrong(SETTING, "is a credential, and CREDENTIALS_DIRECTORY is not set; start it by systemd")
            }),
        _ => Err(wrong(SETTING, "must be file:<path>, credential:<name> or env")),
    }
}

fn log(home: &HomeLayer) -> Result<Log, Error> {
    let filter = home.log_filter.clone().unwrap_or_else(|| "info".to_owned());
    if !crate::logging::is_filter(&filter) {
        return Err(wrong("log.filter", "cannot be read; examples: info, warn,obhut=debug"));
    }
    Ok(Log { format: home.log_format.unwrap_or(LogFormat::Text), filter })
}

fn rate(serving: &ServingLayer) -> Option<Rate> {
    const BURST: NonZeroU32 = NonZeroU32::new(2000).unwrap();
    let per_second = NonZeroU32::new(serving.rate_limit_per_second.unwrap_or(1000))?;
    Some(Rate { per_second, burst: serving.rate_limit_burst.unwrap_or(BURST) })
}

fn server(serving: &ServingLayer, warnings: &mut Vec<String>) -> Result<Settings, Error> {
    let listen = serving.listen.unwrap_or(LISTEN);
    let tls = match (serving.tls_cert.clone(), serving.tls_key.clone()) {
        (Some(cert), Some(key)) => Some(Tls { cert, key }),
        (None, None) => None,
        (Some(_), None) => return Err(wrong("tls.key", "is missing; tls.cert is given")),
        (None, Some(_)) => return Err(wrong("tls.cert", "is missing; tls.key is given")),
    };
    if tls.is_none() && !listen.ip().is_loopback() {
        if !serving.allow_plaintext_remote.unwrap_or(false) {
            let reason = "without TLS the hub listens on loopback only. Give tls.cert and tls.key, or set \
                          allow_plaintext_remote = true if a proxy on a trusted wire speaks TLS in front";
            return Err(wrong("listen", reason));
        }
        warnings.push(format!("listening on {listen} without TLS: personal data crosses that network in clear"));
    }
    let standard = BodyLimits::default();
    let body = BodyLimits {
        document: serving.body_limit_document.unwrap_or(standard.document),
        stream: serving.body_limit_stream.unwrap_or(standard.stream),
        line: serving.body_limit_line.map_or(standard.line, |bytes| usize::try_from(bytes).unwrap_or(usize::MAX)),
        ..standard
    };
    if body.document == 0 || body.stream == 0 || body.line == 0 {
        return Err(wrong("body_limit", "must be at least one byte"));
    }
    if serving.workers == Some(0) {
        return Err(wrong("workers", "must be at least 1"));
    }
    Ok(Settings {
        listen,
        tls,
        workers: serving.workers.map(usize::from),
        connections: serving.max_connections.map_or(4096, |number| usize::try_from(number.get()).unwrap_or(usize::MAX)),
        cors_origins: origins(serving.cors_origins.as_deref().unwrap_or_default())?,
        body,
        head_timeout: Duration::from_secs(10),
        keep_alive: Duration::from_secs(30),
        drain: Duration::from_secs(serving.drain_seconds.unwrap_or(20).into()),
    })
}

fn origins(list: &str) -> Result<Vec<String>, Error> {
    let origins = list.split(',').map(str::trim).filter(|origin| !origin.is_empty());
    origins
        .map(|origin| {
            let host = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
            match host {
                Some(host) if !host.is_empty() && !host.contains(['/', '*', '?', '#', '@', ' ']) => {
                    Ok(origin.to_owned())
                }
                _ => {
                    Err(wrong("cors_origins", "each must look like https://shop.example, without a path and without *"))
                }
            }
        })
        .collect()
}
