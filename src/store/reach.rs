//! Whether the way to a PostgreSQL server may carry ciphertext, indexes and a password.
//!
//! Rows are sealed, but the password and the statements are not: a connection that leaves the machine must be
//! encrypted, unless the operator says that the network below does it.

/// Why an address is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// This build's libpq has no TLS.
    #[error(
        "the PostgreSQL server is on another machine and this build has no TLS for it: build with --features postgres-tls, \
         or set allow_plaintext_database if the network between is encrypted"
    )]
    NoTls,
    /// The address does not ask for TLS.
    #[error("add sslmode=verify-full (or require) to the address of a PostgreSQL server on another machine")]
    NotAsked,
}

/// Checks the address of a PostgreSQL server.
///
/// # Errors
/// If it leaves the machine without encryption and `plaintext` was not allowed.
pub fn check(url: &str, plaintext: bool) -> Result<(), Refused> {
    if plaintext || hosts(url).all(is_local) {
        Ok(())
    } else if !cfg!(feature = "postgres-tls") {
        Err(Refused::NoTls)
    } else if ["sslmode=require", "sslmode=verify-ca", "sslmode=verify-full"].iter().any(|mode| url.contains(mode)) {
        Ok(())
    } else {
        Err(Refused::NotAsked)
    }
}

/// The hosts of an address, those of a `host=` parameter included.
fn hosts(url: &str) -> impl Iterator<Item = &str> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (authority, query) = rest.split_once('?').unwrap_or((rest, ""));
    let authority = authority.split('/').next().unwrap_or_default();
    let authority = authority.rsplit_once('@').map_or(authority, |(_, hosts)| hosts);
    let named = query
        .split('&')
        .filter_map(|parameter| parameter.strip_prefix("host=").or_else(|| parameter.strip_prefix("hostaddr=")));
    authority.split(',').chain(named.flat_map(|hosts| hosts.split(',')))
}

/// No host is the Unix socket; so is one that begins with a slash, plain or as `%2F`.
fn is_local(host: &str) -> bool {
    let name = match host.strip_prefix('[').and_then(|host| host.split_once(']')) {
        Some((address, _)) => address,
        None => host.split_once(':').map_or(host, |(name, _)| name),
    };
    let socket = name.is_empty() || name.starts_with('/') || name.to_ascii_lowercase().starts_with("%2f");
    socket || name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_needs_no_tls() {
        for url in [
            "postgres://obhut@localhost/obhut",
            "postgres://obhut:secret@127.0.0.1:5433/obhut",
            "postgresql://[::1]/obhut",
            "postgres:///obhut?host=/run/postgresql",
            "postgres://obhut@%2Frun%2Fpostgresql/obhut",
        ] {
            assert_eq!(check(url, false), Ok(()), "{url}");
        }
    }

    #[test]
    fn another_machine_needs_tls() {
        for url in [
            "postgres://obhut@db.example/obhut",
            "postgres://obhut@127.0.0.1,db.example/obhut",
            "postgres:///obhut?host=db.example",
            "postgres://localhost@192.0.2.7:5432/obhut",
        ] {
            assert!(check(url, false).is_err(), "{url}");
            assert_eq!(check(url, true), Ok(()), "{url}");
        }
    }
}
