use std::path::Path;

use clap::Parser;

use super::*;

#[derive(Parser)]
struct Flags {
    #[command(flatten)]
    layer: Layer,
}

fn flags(args: &[&str]) -> Layer {
    Flags::try_parse_from([&["obhut"], args].concat()).unwrap_or_else(|error| panic!("{error}")).layer
}

fn environment(pairs: &[(&str, &str)]) -> Environment {
    Environment::from_pairs(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
}

/// Loads with a file of this text in a data directory of its own.
fn load(file: &str, env: &[(&str, &str)], args: &[&str]) -> Result<Config, Error> {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("obhut.toml"), file).unwrap();
    let dir = dir.path().to_str().unwrap();
    Config::load(flags(&[&["--data-dir", dir], args].concat()), &environment(env))
}

#[track_caller]
fn refusal(file: &str, env: &[(&str, &str)], args: &[&str]) -> String {
    match load(file, env, args) {
        Ok(_) => panic!("was accepted"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn the_later_wins() {
    let file = "listen = '127.0.0.1:1'\nworkers = 3\n[log]\nformat = 'json'\nfilter = 'warn'\n";
    let env = [("OBHUT_LISTEN", "127.0.0.1:2"), ("OBHUT_LOG_FILTER", "debug"), ("OBHUT_CORS_ORIGINS", "")];
    let config = load(file, &env, &["--listen", "127.0.0.1:3"]).unwrap();
    assert_eq!(config.server.listen.port(), 3);
    assert_eq!((config.log.format, config.log.filter.as_str()), (LogFormat::Json, "debug"));
    assert_eq!(config.server.workers, Some(3));
    let config = load(file, &env, &[]).unwrap();
    assert_eq!(config.server.listen.port(), 2);
    assert_eq!(load(file, &[], &[]).unwrap().server.listen.port(), 1);
}

#[test]
fn without_anything_the_defaults_hold() {
    let missing = tempfile::tempdir().unwrap();
    let dir = missing.path().join("new");
    let config = Config::load(flags(&["--data-dir", dir.to_str().unwrap()]), &Environment::default()).unwrap();
    assert!(matches!(&config.database_url, DatabaseUrl::Sqlite(path) if *path == dir));
    assert!(matches!(&config.root_key, RootKey::File(path) if *path == dir.join("master.key")));
    assert_eq!(config.server.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.rate.unwrap().per_second.get(), 1000);
    assert!(config.server.cors_origins.is_empty() && config.server.tls.is_none() && config.warnings.is_empty());
}

#[test]
fn the_files_faults_name_their_line_and_not_the_value() {
    let secret = "postgres://hub:S3cret@db";
    let text = refusal(&format!("workers = 2\n\ndatabase_ulr = '{secret}'\n"), &[], &[]);
    assert!(text.contains("obhut.toml, line 3: there is no setting database_ulr"), "{text}");
    let text = refusal(&format!("listen = '{secret}'"), &[], &[]);
    assert!(text.contains("line 1: the value of listen does not have the right form"), "{text}");
    let text = refusal(&format!("database_url = '{secret}'\n[tls]\ncert = 3.5\n"), &[], &[]);
    assert!(text.contains("line 3: tls_cert has the wrong type"), "{text}");
    let text = refusal(&format!("database_url = '{secret}\n"), &[], &[]);
    assert!(text.contains("line 1: not valid TOML") && !text.contains("S3cret"), "{text}");
    let text = refusal(&format!("database_url = 'mysql:{secret}'\n"), &[], &[]);
    assert!(text.contains("must begin with sqlite:") && !text.contains("S3cret"), "{text}");
    assert!(refusal("config = 'other.toml'", &[], &[]).contains("no setting config"));
}

#[test]
fn a_named_file_must_be_there() {
    let text = refusal("", &[], &["--config", "/nowhere/obhut.toml"]);
    assert!(text.contains("cannot read the configuration file /nowhere/obhut.toml"), "{text}");
}

#[test]
fn without_tls_the_hub_stays_on_loopback() {
    let text = refusal("", &[], &["--listen", "0.0.0.0:8080"]);
    assert!(text.contains("without TLS the hub listens on loopback only"), "{text}");
    let config = load("", &[], &["--listen", "0.0.0.0:8080", "--allow-plaintext-remote"]).unwrap();
    assert_eq!(config.warnings.len(), 1);
    let file = "listen = '[::]:443'\ntls.cert = 'c.pem'\ntls.key = 'k.pem'";
    assert_eq!(load(file, &[], &[]).unwrap().server.tls.unwrap().key, Path::new("k.pem"));
    assert!(refusal("tls.cert = 'c.pem'", &[], &[]).contains("tls.key: is missing"));
}

#[test]
fn the_root_key_comes_from_where_it_is_said() {
    let env = [("OBHUT_ROOT_KEY", "00ff"), ("CREDENTIALS_DIRECTORY", "/run/credentials/obhut")];
    assert!(matches!(load("", &env, &[]).unwrap().root_key, RootKey::Environment(value) if value.as_str() == "00ff"));
    let config = load("root_key_from = 'credential:root'", &env, &[]).unwrap();
    assert!(matches!(config.root_key, RootKey::Credential(path) if path == Path::new("/run/credentials/obhut/root")));
    assert!(refusal("root_key_from = 'env'", &[], &[]).contains("OBHUT_ROOT_KEY is not set"));
    assert!(refusal("root_key_from = 'credential:root'", &[], &[]).contains("CREDENTIALS_DIRECTORY is not set"));
    for from in ["credential:../root", "vault:x", "file:", "00ff"] {
        assert!(refusal("", &env, &["--root-key-from", from]).contains("must be file:<path>"), "{from}");
    }
}

#[test]
fn wrong_and_strange_variables_are_told() {
    assert_eq!(
        refusal("", &[("OBHUT_WORKERS", "many")], &[]),
        "environment variable OBHUT_WORKERS: the value does not have the right form"
    );
    let config = load("", &[("OBHUT_LISTN", "x"), ("OBHUT_TEST_DATABASE", "y"), ("HOME", "z")], &[]).unwrap();
    assert_eq!(config.warnings, ["environment variable OBHUT_LISTN is none of ours and was ignored"]);
}

#[test]
fn zero_means_off_where_it_says_so_and_is_refused_elsewhere() {
    let config = load("rate_limit_per_second = 0\nkek_rotation_days = 0", &[], &[]).unwrap();
    assert!(config.rate.is_none() && config.kek_rotation_days.is_none());
    refusal("workers = 0", &[], &[]);
    refusal("body_limit_line = 0", &[], &[]);
    refusal("rate_limit_burst = 0", &[], &[]);
}

#[test]
fn origins_are_origins() {
    let config = load("cors_origins = ['https://shop.example', 'http://localhost:3000']", &[], &[]).unwrap();
    assert_eq!(config.server.cors_origins, ["https://shop.example", "http://localhost:3000"]);
    for origin in ["*", "https://*.example", "shop.example", "https://shop.example/path"] {
        assert!(refusal("", &[], &["--cors-origins", origin]).contains("cors_origins"), "{origin}");
    }
}

static_assertions::assert_not_impl_any!(Config: std::fmt::Debug, serde::Serialize);
static_assertions::assert_not_impl_any!(DatabaseUrl: std::fmt::Debug, std::fmt::Display);
static_assertions::assert_not_impl_any!(RootKey: std::fmt::Debug, std::fmt::Display, Clone);
static_assertions::assert_not_impl_any!(Environment: std::fmt::Debug, Clone);
