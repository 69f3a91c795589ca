//! Calls that are sent when they are due, whether those before were answered or not.

use std::io;
use std::net::SocketAddr;
use std::sync::Mutex;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::ReadHalf;

use crate::hammer::wire::Answer;

/// The way to a server, over as many connections as are needed at once.
pub struct Sender {
    address: SocketAddr,
    idle: Mutex<Vec<TcpStream>>,
}

impl Sender {
    pub fn to(address: &str) -> Self {
        Self { address: address.trim_start_matches("http://").parse().unwrap(), idle: Mutex::default() }
    }

    /// Ends the connections no call is under way on.
    pub fn hang_up(&self) {
        self.idle.lock().unwrap().clear();
    }

    /// Sends a whole request and waits for its answer. A server may answer before it has read all and close.
    pub async fn call(&self, request: &[u8]) -> io::Result<Answer> {
        let idle = self.idle.lock().unwrap().pop();
        let mut stream = match idle {
            Some(stream) => stream,
            None => TcpStream::connect(self.address).await?,
        };
        stream.set_nodelay(true)?;
        let (answer, whole) = {
            let (reading, mut writing) = stream.split();
            let mut write = std::pin::pin!(writing.write_all(request));
            let mut read = std::pin::pin!(answer(reading));
            tokio::select! {
                biased;
                answer = read.as_mut() => (answer?, false),
                written = write.as_mut() => (read.await?, written.is_ok()),
            }
        };
        if whole && answer.header("connection") != Some("close") {
            self.idle.lock().unwrap().push(stream);
        }
        Ok(answer)
    }
}

async fn answer(mut stream: ReadHalf<'_>) -> io::Result<Answer> {
    let mut received = Vec::with_capacity(4_096);
    let mut more = async |received: &mut Vec<u8>| match stream.read_buf(received).await? {
        0 => Err(io::Error::from(io::ErrorKind::UnexpectedEof)),
        _ => Ok(()),
    };
    let head = loop {
        if let Some(end) = received.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        more(&mut received).await?;
    };
    let mut answer = Answer::of_head(&received[..head])?;
    let length = answer.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    while received.len() < head + length {
        more(&mut received).await?;
    }
    answer.body = received.split_off(head);
    Ok(answer)
}
