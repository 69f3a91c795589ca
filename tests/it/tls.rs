//! TLS at the real server: who speaks it is served, who does not learns nothing, and nobody leaves loopback without it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use obhut::types::Role;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustix::process::{Pid, Signal, kill_process};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, version};
use serde_json::Value;

use crate::databases::Database;
use crate::house::{House, lookup};

const PATIENCE: Duration = Duration::from_secs(60);

/// A hub that was started with further flags, and where it listens.
struct Serving {
    child: Child,
    address: String,
}

impl Serving {
    /// Starts it, or says how it ended.
    fn start(house: &House, arguments: &[&str]) -> Result<Self, String> {
        let log = house.home().join("serving.log");
        let mut command = house.command(&[&["serve", "--rate-limit-per-second", "0"], arguments].concat());
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        for _ in 0..PATIENCE.as_millis() / 20 {
            let written = std::fs::read_to_string(&log).unwrap();
            let serving = written.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            if let Some(line) = serving.into_iter().find(|line| line["message"] == "serving") {
                let address = line["address"].as_str().unwrap().replace("0.0.0.0", "127.0.0.1");
                return Ok(Self { child, address });
            }
            if let Some(status) = child.try_wait().unwrap() {
                return Err(format!("{status}: {written}"));
            }
            sleep(Duration::from_millis(20));
        }
        let _ = child.kill();
        panic!("the hub neither serves nor ends");
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let _ = self.child.wait();
    }
}

/// A certificate for `localhost` and its key, made now.
struct Identity {
    certificate: CertificateDer<'static>,
    files: (String, String),
}

impl Identity {
    fn make(directory: &Path, name: &str) -> Self {
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let file = |end: &str| directory.join(format!("{name}-{end}.pem")).to_str().unwrap().to_owned();
        let files = (file("cert"), file("key"));
        std::fs::write(&files.0, cert.pem()).unwrap();
        std::fs::write(&files.1, signing_key.serialize_pem()).unwrap();
        Self { certificate: cert.der().clone(), files }
    }

    fn arguments(&self) -> [&str; 6] {
        ["--listen", "127.0.0.1:0", "--tls-cert", &self.files.0, "--tls-key", &self.files.1]
    }

    /// What a client that trusts this certificate gets.
    fn ask(
        &self,
        address: &str,
        versions: &[&'static rustls::SupportedProtocolVersion],
        request: &str,
    ) -> std::io::Result<String> {
        let mut trusted = RootCertStore::empty();
        trusted.add(self.certificate.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_protocol_versions(versions).unwrap();
        let config = config.with_root_certificates(trusted).with_no_client_auth();
        let name = ServerName::try_from("localhost").unwrap();
        let connection = ClientConnection::new(Arc::new(config), name).unwrap();
        let mut stream = StreamOwned::new(connection, connect(address));
        stream.write_all(request.as_bytes())?;
        let mut reply = Vec::new();
        // A peer that closes without a word of TLS is an error here; what it sent before stands.
        if let Err(cause) = stream.read_to_end(&mut reply)
            && reply.is_empty()
        {
            return Err(cause);
        }
        Ok(String::from_utf8(reply).unwrap())
    }
}

fn connect(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// A hub with a person, stopped, so that another process can serve the same data.
fn stopped() -> House {
    let mut house = House::open(Database::sqlite())
        .with_key(Role::Partner, ["newsletter_email"])
        .with_subject("marlene")
        .consenting_to("newsletter_email");
    assert!(house.stop().success());
    house
}

fn ask_for_marlene(house: &House) -> String {
    let (key, body) = (&house.key(Role::Partner).key, lookup("marlene", "newsletter_email").to_string());
    format!(
        "POST /v1/profiles/lookup HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer {key}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[test]
fn who_speaks_tls_is_served_and_told_to_keep_to_it() {
    let house = stopped();
    let identity = Identity::make(house.home(), "one");
    let serving = Serving::start(&house, &identity.arguments()).unwrap();
    for versions in [&[&version::TLS13][..], &[&version::TLS12]] {
        let reply = identity.ask(&serving.address, versions, &ask_for_marlene(&house)).unwrap();
        assert!(reply.starts_with("HTTP/1.1 200 OK\r\n"), "{reply}");
        assert!(reply.contains("marlene@example.org"), "{reply}");
        let head = reply.split("\r\n\r\n").next().unwrap().to_ascii_lowercase();
        for header in [
            "strict-transport-security: max-age=31536000; includesubdomains",
            "cache-control: no-store",
            "x-content-type-options: nosniff",
            "x-frame-options: deny",
            "referrer-policy: no-referrer",
            "content-security-policy: default-src 'none'",
        ] {
            assert!(head.contains(header), "{header} is missing: {head}");
        }
    }
}

#[test]
fn who_speaks_plain_http_to_the_tls_port_learns_nothing() {
    let house = stopped();
    let identity = Identity::make(house.home(), "one");
    let serving = Serving::start(&house, &identity.arguments()).unwrap();
    let mut stream = connect(&serving.address);
    stream.write_all(ask_for_marlene(&house).as_bytes()).unwrap();
    let mut reply = Vec::new();
    let _ = stream.read_to_end(&mut reply);
    let shown = String::from_utf8_lossy(&reply);
    assert!(!shown.contains("HTTP/1.1 2") && !shown.contains("marlene") && !shown.contains("Family"), "{shown}");
    // At most an alert: seven bytes.
    assert!(reply.len() <= 7, "{shown}");
    // The one who does is served all the same.
    let reply = identity.ask(&serving.address, &[&version::TLS13], &ask_for_marlene(&house)).unwrap();
    assert!(reply.starts_with("HTTP/1.1 200 OK\r\n"), "{reply}");
}

#[test]
fn a_client_that_trusts_another_certificate_sends_nothing() {
    let house = stopped();
    let (identity, other) = (Identity::make(house.home(), "one"), Identity::make(house.home(), "two"));
    let serving = Serving::start(&house, &identity.arguments()).unwrap();
    let refused = other.ask(&serving.address, &[&version::TLS13], &ask_for_marlene(&house)).unwrap_err();
    assert!(refused.to_string().contains("certificate"), "{refused}");
}

#[test]
fn a_certificate_with_the_key_of_another_does_not_start() {
    let house = stopped();
    let (one, two) = (Identity::make(house.home(), "one"), Identity::make(house.home(), "two"));
    let mixed = ["--listen", "127.0.0.1:0", "--tls-cert", one.files.0.as_str(), "--tls-key", two.files.1.as_str()];
    let refused = Serving::start(&house, &mixed).err().expect("it serves");
    assert!(refused.contains("exit status: 1") && refused.contains("the TLS certificate and key"), "{refused}");
    let alone = ["--listen", "127.0.0.1:0", "--tls-cert", one.files.0.as_str()];
    assert!(Serving::start(&house, &alone).err().expect("it serves without a key").contains("exit status: 1"));
}

#[test]
fn without_tls_nobody_beyond_this_machine_is_served_unless_that_was_said() {
    let house = stopped();
    let refused = Serving::start(&house, &["--listen", "0.0.0.0:0"]).err().expect("it listens to everybody in clear");
    assert!(refused.contains("exit status: 1") && refused.contains("without TLS"), "{refused}");
    let told = Serving::start(&house, &["--listen", "0.0.0.0:0", "--allow-plaintext-remote"]).unwrap();
    let mut stream = connect(&told.address);
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n\r\n").unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    assert!(reply.starts_with("HTTP/1.1 200 OK\r\n"), "{reply}");
    // The promise of HTTPS is not made where there is none.
    assert!(!reply.to_ascii_lowercase().contains("strict-transport-security"), "{reply}");
    let log = std::fs::read_to_string(house.home().join("serving.log")).unwrap();
    assert!(log.contains("personal data crosses that network in clear"), "{log}");
    drop(told);
    let identity = Identity::make(house.home(), "one");
    let [_, _, rest @ ..] = identity.arguments();
    let serving = Serving::start(&house, &[&["--listen", "0.0.0.0:0"][..], &rest].concat()).unwrap();
    let reply = identity.ask(&serving.address, &[&version::TLS13], &ask_for_marlene(&house)).unwrap();
    assert!(reply.starts_with("HTTP/1.1 200 OK\r\n"), "{reply}");
}
