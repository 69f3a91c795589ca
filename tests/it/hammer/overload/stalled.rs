//! Many who begin to send a lot and then send nothing: what they hold is bounded, and everybody else is served.

use std::time::Duration;

use obhut::types::Role;
use reqwest::Method;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpSocket, TcpStream};

use super::flood::{EACH, peak};
use super::{lively, resident};
use crate::databases::Database;
use crate::hammer::{Stopwatch, figure, name as name_of, sockets, times};
use crate::house::{House, customer, in_a_house_on_both_databases};

const PURPOSE: &str = "newsletter_email";
/// What all bodies may hold together, and what the allocator keeps of it for a while. Each connection holds some beside it, however it ends:
/// without any bound it would be the megabyte that is sent.
const GROWTH: u64 = 256 << 20;

/// The beginning of a body that is announced to be longer: of many lines, of one line, or of one document.
fn beginning(house: &House, sort: usize) -> Vec<u8> {
    let (media, announced, body) = match sort % 3 {
        0 => ("application/x-ndjson", 8 << 20, format!("{{\"type\": \"{}\"}}\n", "x".repeat(40_000)).repeat(60)),
        1 => ("application/x-ndjson", 8 << 20, format!("{{\"type\": \"{}", "x".repeat(950_000))),
        _ => ("application/json", 1 << 20, format!("{{\"records\": [{{\"type\": \"{}", "x".repeat(950_000))),
    };
    let key = &house.key(Role::Partner).key;
    let head = format!(
        "POST /v1/records HTTP/1.1\r\nhost: hub\r\nauthorization: Bearer {key}\r\ncontent-type: {media}\r\n\
         content-length: {announced}\r\n\r\n"
    );
    (head + &body).into_bytes()
}

/// Sends it as far as it is taken, and keeps the connection.
async fn stall(address: std::net::SocketAddr, bytes: &[u8], length: Duration) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.set_send_buffer_size(64 << 10)?;
    let mut stream = socket.connect(address).await?;
    let _ = tokio::time::timeout(length, stream.write_all(bytes)).await;
    Ok(stream)
}

fn who_stalls_fills_no_memory_and_keeps_nobody_out(database: Database) {
    let house = lively(database, &[]);
    let of = name_of(house.database());
    let (number, length) =
        (sockets(times("stalled", 400, 3_000)), Duration::from_secs(u64::try_from(times("stall", 5, 40)).unwrap()));
    let address = house.address().trim_start_matches("http://").parse().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let before = resident(&house);
    let beginnings: Vec<std::sync::Arc<Vec<u8>>> = (0..3).map(|sort| beginning(&house, sort).into()).collect();
    let stalled: Vec<_> = (0..number)
        .map(|at| {
            let bytes = std::sync::Arc::clone(&beginnings[at % 3]);
            runtime.spawn(async move { stall(address, &bytes, length).await })
        })
        .collect();
    let ((served, waited), peak) = peak(&house, || {
        let (watch, mut served, mut waited) = (Stopwatch::start(), 0, Duration::ZERO);
        while watch.passed() < length {
            let one = Stopwatch::start();
            house.lookup(Role::Partner, "marlene", PURPOSE).expect(200);
            let record = customer("webshop", &format!("daneben{served}"));
            // A turn at the one writer may take longer than one waits; then it is asked for again.
            let taken = (0..5).any(|_| {
                let request = house.request(0, Method::POST, "/v1/records").bearer_auth(&house.key(Role::Partner).key);
                let reply = house.send(request.json(&json!({"records": [record]})));
                assert!([200, 503].contains(&reply.status), "{}", reply.text());
                reply.status == 200
            });
            assert!(taken, "somebody was kept out");
            waited = waited.max(one.passed());
            served += 1;
        }
        (served, waited)
    });
    let bound = GROWTH + u64::try_from(number).unwrap() * EACH;
    assert!(peak < before + bound, "memory grew from {before} to {peak} bytes");
    assert!(peak > before + (32 << 20), "nothing was sent: the test shows nothing");
    for one in stalled {
        drop(runtime.block_on(one));
    }
    house.lookup(Role::Partner, "marlene", PURPOSE).expect(200);
    for (what, told) in [
        ("uploads that stall", number.to_string()),
        ("memory before and at most", format!("{} and {} MiB", before >> 20, peak >> 20)),
        ("others served meanwhile, a read and a record each", served.to_string()),
        ("the longest of them, ms", waited.as_millis().to_string()),
    ] {
        figure("overload, stalled uploads", of, what, told);
    }
}

in_a_house_on_both_databases!(who_stalls_fills_no_memory_and_keeps_nobody_out);
