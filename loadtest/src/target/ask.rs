//! A small blocking HTTP client for what is not load: admissions, /metrics, /readyz.
//!
//! One kept connection, opened again when it was lost. Limits: an answer of at most 16 MiB within the timeout.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, bail};
use rustls::{ClientConnection, StreamOwned};

use super::Target;

const ANSWER_BYTES_MAX: usize = 16 << 20;

trait Stream: Read + Write + Send {}
impl<T: Read + Write + Send> Stream for T {}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// Status.
    pub status: u16,
    /// Body.
    pub body: Vec<u8>,
}

/// The client.
pub struct Client<'a> {
    target: &'a Target,
    timeout: Duration,
    stream: Option<Box<dyn Stream>>,
    inbox: Vec<u8>,
}

impl std::fmt::Debug for Client<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Client").field("host", &self.target.host).finish_non_exhaustive()
    }
}

impl<'a> Client<'a> {
    /// Of a target; every step of a request may take `timeout`.
    pub fn new(target: &'a Target, timeout: Duration) -> Self {
        Self { target, timeout, stream: None, inbox: Vec::new() }
    }

    /// GET.
    pub fn get(&mut self, path: &str) -> anyhow::Result<Answer> {
        self.ask("GET", path, "", &[])
    }

    /// POST.
    pub fn post(&mut self, path: &str, media_type: &str, body: &[u8]) -> anyhow::Result<Answer> {
        self.ask("POST", path, media_type, body)
    }

    fn ask(&mut self, method: &str, path: &str, media_type: &str, body: &[u8]) -> anyhow::Result<Answer> {
        let kept = self.stream.is_some();
        match self.once(method, path, media_type, body) {
            // A kept connection may have been closed meanwhile: once more on a new one.
            Err(_) if kept => {
                self.stream = None;
                self.once(method, path, media_type, body)
            }
            done => done,
        }
        .inspect_err(|_| self.stream = None)
    }

    fn once(&mut self, method: &str, path: &str, media_type: &str, body: &[u8]) -> anyhow::Result<Answer> {
        if self.stream.is_none() {
            self.inbox.clear();
            self.stream = Some(self.open()?);
        }
        let stream = self.stream.as_mut().context("not connected")?;
        let mut request = format!(
            "{method} {}{path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Length: {}\r\n",
            self.target.base_path,
            self.target.host,
            self.target.token.text(),
            body.len()
        )
        .into_bytes();
        if !media_type.is_empty() {
            request.extend_from_slice(format!("Content-Type: {media_type}\r\n").as_bytes());
        }
        request.extend_from_slice(b"\r\n");
        request.extend_from_slice(body);
        stream.write_all(&request)?;
        stream.flush()?;
        let mut piece = vec![0; 32 << 10];
        loop {
            if let Some((answer, used, keeps)) = read(&self.inbox)? {
                self.inbox.drain(..used);
                if !keeps {
                    self.stream = None;
                }
                return Ok(answer);
            }
            let stream = self.stream.as_mut().context("not connected")?;
            let count = stream.read(&mut piece)?;
            if count == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
            self.inbox.extend_from_slice(piece.get(..count).unwrap_or_default());
            if self.inbox.len() > ANSWER_BYTES_MAX {
                bail!("an answer of more than 16 MiB");
            }
        }
    }

    fn open(&self) -> anyhow::Result<Box<dyn Stream>> {
        let socket = TcpStream::connect_timeout(&self.target.http.address, self.timeout)?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(self.timeout))?;
        socket.set_write_timeout(Some(self.timeout))?;
        Ok(match &self.target.http.tls {
            Some((config, name)) => Box::new(StreamOwned::new(ClientConnection::new(config.clone(), name.clone())?, socket)),
            None => Box::new(socket),
        })
    }
}

/// One answer: it, its bytes, and whether the connection is kept; None where more bytes are needed.
fn read(bytes: &[u8]) -> anyhow::Result<Option<(Answer, usize, bool)>> {
    let mut fields = [httparse::EMPTY_HEADER; 64];
    let mut answer = httparse::Response::new(&mut fields);
    let httparse::Status::Complete(head) = answer.parse(bytes)? else { return Ok(None) };
    let field = |name: &str| {
        let found = answer.headers.iter().find(|field| field.name.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(found.value).ok().map(str::trim)
    };
    let Some(length) = field("content-length") else { bail!("an answer without Content-Length") };
    let length: usize = length.parse().context("Content-Length")?;
    let keeps = !field("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
    let Some(body) = bytes.get(head..head + length) else { return Ok(None) };
    Ok(Some((Answer { status: answer.code.unwrap_or(0), body: body.to_vec() }, head + length, keeps)))
}
