//! [`Proxy`]: a wire between the hub and PostgreSQL that can be cut at any byte.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use obhut::store::Location;

use crate::databases::Database;

/// One direction's view of the two ends of a connection.
trait End: Read + Write + Send {
    fn twin(&self) -> Box<dyn End>;
    fn cut(&self);
}

impl End for TcpStream {
    fn twin(&self) -> Box<dyn End> {
        Box::new(self.try_clone().unwrap())
    }

    fn cut(&self) {
        let _ = self.shutdown(Shutdown::Both);
    }
}

impl End for UnixStream {
    fn twin(&self) -> Box<dyn End> {
        Box::new(self.try_clone().unwrap())
    }

    fn cut(&self) {
        let _ = self.shutdown(Shutdown::Both);
    }
}

/// The wire. Threads end with the connections; the listener's ends with the process.
pub struct Proxy {
    url: String,
    ends: Arc<Mutex<Vec<Box<dyn End>>>>,
    down: Arc<AtomicBool>,
    silent: Arc<AtomicBool>,
    cuts: AtomicUsize,
}

impl Proxy {
    /// A wire to the server of this database.
    pub fn to(database: &Database) -> Self {
        let Location::Postgres { url, .. } = database.location() else { panic!("only PostgreSQL has a wire") };
        let (address, options) = url.split_once('?').unwrap_or((url, ""));
        let (server, name) = address.rsplit_once('/').unwrap();
        let (user, host) = server.trim_start_matches("postgres://").rsplit_once('@').unwrap();
        let option = |name: &str| {
            options.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')).map(ToOwned::to_owned)
        };
        let port = option("port").unwrap_or_else(|| "5432".to_owned());
        let directory = option("host").filter(|host| host.starts_with('/'));
        let (host, port) = match host.rsplit_once(':') {
            Some((host, port)) => (host.to_owned(), port.to_owned()),
            None => (host.to_owned(), port),
        };
        let reach = move || -> std::io::Result<Box<dyn End>> {
            Ok(match &directory {
                Some(directory) => Box::new(UnixStream::connect(format!("{directory}/.s.PGSQL.{port}"))?),
                None => Box::new(TcpStream::connect(format!("{host}:{port}"))?),
            })
        };
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("postgres://{user}@{}/{name}?sslmode=disable", listener.local_addr().unwrap());
        let ends: Arc<Mutex<Vec<Box<dyn End>>>> = Arc::default();
        let (down, silent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let (kept, closed, mute) = (ends.clone(), down.clone(), silent.clone());
        thread::spawn(move || {
            for client in listener.incoming() {
                let Ok(client) = client else { return };
                if closed.load(Ordering::SeqCst) {
                    continue;
                }
                if mute.load(Ordering::SeqCst) {
                    kept.lock().unwrap().push(Box::new(client));
                    continue;
                }
                let Ok(server) = reach() else { continue };
                join(Box::new(client), server, &kept);
            }
        });
        Self { url, ends, down, silent, cuts: AtomicUsize::new(0) }
    }

    /// The database's address through the wire.
    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// Cuts every connection, wherever it is in its message. New ones can be made.
    pub fn cut(&self) {
        for end in self.ends.lock().unwrap().drain(..) {
            end.cut();
            self.cuts.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Cuts everything and lets nobody connect until [`Proxy::come_back`].
    pub fn go_down(&self) {
        self.down.store(true, Ordering::SeqCst);
        self.cut();
    }

    /// Cuts everything; who connects is heard and never answered, until [`Proxy::come_back`].
    pub fn go_silent(&self) {
        self.silent.store(true, Ordering::SeqCst);
        self.cut();
    }

    /// Lets connect again.
    pub fn come_back(&self) {
        self.down.store(false, Ordering::SeqCst);
        if self.silent.swap(false, Ordering::SeqCst) {
            self.cut();
        }
    }

    /// How many ends were cut off.
    pub fn cuts(&self) -> usize {
        self.cuts.load(Ordering::SeqCst)
    }
}

fn join(client: Box<dyn End>, server: Box<dyn End>, ends: &Mutex<Vec<Box<dyn End>>>) {
    ends.lock().unwrap().extend([client.twin(), server.twin()]);
    let (from_client, to_client) = (client.twin(), client);
    let (from_server, to_server) = (server.twin(), server);
    thread::spawn(move || carry(from_client, to_server));
    thread::spawn(move || carry(from_server, to_client));
}

/// A few bytes at a time, so that a cut falls inside messages too.
fn carry(mut from: Box<dyn End>, mut to: Box<dyn End>) {
    let mut bytes = [0; 512];
    while let Ok(length @ 1..) = from.read(&mut bytes) {
        if to.write_all(&bytes[..length]).is_err() {
            break;
        }
    }
    from.cut();
    to.cut();
}
