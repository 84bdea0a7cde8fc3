//! `sink`: an MQTT listener that acknowledges every publish and keeps nothing: what a generator can do where the server costs nothing.
//!
//! One thread, epoll, any number of connections. It reads every packet's frame and answers QoS 1 with PUBACK, in batches; topics
//! and payloads are passed over. Limits: packets of at most 1 MiB. It listens on this machine only.

use std::collections::HashMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use anyhow::{Context, bail};
use rustix::event::epoll;
use rustix::time::Timespec;

use crate::send::thread_cpu_s;
use crate::target::is_loopback;

const PACKET_BYTES_MAX: usize = 1 << 20;
const READ_BYTES: usize = 256 << 10;
const LISTENER: u64 = u64::MAX;

/// What it counted.
#[derive(Debug, Default)]
pub struct Counts {
    /// Publishes read.
    pub publishes: AtomicU64,
    /// Ends the loop.
    pub stop: AtomicBool,
    /// Reads nothing while set: a server that has stopped answering.
    pub stalled: AtomicBool,
}

/// A listener that is ready to run.
#[derive(Debug)]
pub struct Sink {
    listener: TcpListener,
    counts: Arc<Counts>,
}

struct Peer {
    socket: TcpStream,
    inbox: Vec<u8>,
    out: Vec<u8>,
}

impl Sink {
    /// Listens on `address`; port 0 lets the system choose.
    pub fn bind(address: &str) -> anyhow::Result<Self> {
        if !is_loopback(address) {
            bail!("the sink listens on this machine only, not on {address}");
        }
        let listener = TcpListener::bind(address).with_context(|| address.to_owned())?;
        listener.set_nonblocking(true)?;
        Ok(Self { listener, counts: Arc::default() })
    }

    /// Where it listens.
    pub fn address(&self) -> anyhow::Result<std::net::SocketAddr> {
        Ok(self.listener.local_addr()?)
    }

    /// Its counts.
    pub fn counts(&self) -> Arc<Counts> {
        Arc::clone(&self.counts)
    }

    /// Runs until told to stop; the CPU seconds it used.
    pub fn run(self) -> anyhow::Result<f64> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        epoll::add(&epoll, &self.listener, epoll::EventData::new_u64(LISTENER), epoll::EventFlags::IN)?;
        let mut peers: HashMap<u64, Peer> = HashMap::new();
        let mut next = 0;
        let mut buffer = vec![0; READ_BYTES];
        let mut events = Vec::with_capacity(256);
        let timeout = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };
        while !self.counts.stop.load(Ordering::Relaxed) {
            events.clear();
            if epoll::wait(&epoll, rustix::buffer::spare_capacity(&mut events), Some(&timeout)).is_err() {
                continue;
            }
            for event in &events {
                let token = event.data.u64();
                if token == LISTENER {
                    while let Ok((socket, _)) = self.listener.accept() {
                        socket.set_nonblocking(true)?;
                        socket.set_nodelay(true)?;
                        let flags = epoll::EventFlags::IN | epoll::EventFlags::OUT | epoll::EventFlags::ET;
                        epoll::add(&epoll, &socket, epoll::EventData::new_u64(next), flags)?;
                        peers.insert(next, Peer { socket, inbox: Vec::new(), out: Vec::new() });
                        next += 1;
                    }
                } else if let Some(peer) = peers.get_mut(&token)
                    && !self.serve(peer, &mut buffer)
                {
                    peers.remove(&token);
                }
            }
        }
        Ok(thread_cpu_s())
    }

    /// Reads and answers; false once the connection is done with.
    fn serve(&self, peer: &mut Peer, buffer: &mut [u8]) -> bool {
        while self.counts.stalled.load(Ordering::Relaxed) && !self.counts.stop.load(Ordering::Relaxed) {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        loop {
            match peer.socket.read(buffer) {
                Ok(0) => return false,
                Ok(count) => {
                    let fresh = buffer.get(..count).unwrap_or_default();
                    let done = if peer.inbox.is_empty() {
                        answer(fresh, &mut peer.out)
                    } else {
                        peer.inbox.extend_from_slice(fresh);
                        answer(&peer.inbox, &mut peer.out)
                    };
                    let Some((used, publishes)) = done else { return false };
                    self.counts.publishes.fetch_add(publishes, Ordering::Relaxed);
                    if peer.inbox.is_empty() {
                        peer.inbox.extend_from_slice(fresh.get(used..).unwrap_or_default());
                    } else {
                        peer.inbox.drain(..used);
                    }
                    if !write(peer) {
                        return false;
                    }
                    if count < buffer.len() {
                        return true;
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return write(peer),
                Err(_) => return false,
            }
        }
    }
}

fn write(peer: &mut Peer) -> bool {
    while !peer.out.is_empty() {
        match peer.socket.write(&peer.out) {
            Ok(0) => return false,
            Ok(taken) => {
                peer.out.drain(..taken);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => return true,
            Err(_) => return false,
        }
    }
    true
}

/// Appends the answers to all whole packets: bytes used and publishes read; None where it is no MQTT.
fn answer(bytes: &[u8], out: &mut Vec<u8>) -> Option<(usize, u64)> {
    let (mut used, mut publishes) = (0, 0);
    while let Some(rest) = bytes.get(used..).filter(|rest| !rest.is_empty()) {
        let (mut length, mut at, mut shift) = (0_usize, 1, 0);
        let whole = loop {
            let Some(byte) = rest.get(at) else { break None };
            length |= usize::from(byte & 0x7F) << shift;
            (at, shift) = (at + 1, shift + 7);
            if byte & 0x80 == 0 {
                break Some(at);
            }
            if shift > 21 {
                return None;
            }
        };
        if length > PACKET_BYTES_MAX {
            return None;
        }
        let Some(body) = whole.and_then(|head| rest.get(head..head + length)) else { break };
        match (rest.first()? >> 4, rest.first()? >> 1 & 3) {
            (1, _) => out.extend_from_slice(&[0x20, 2, 0, 0]),
            (3, quality) => {
                publishes += 1;
                if quality > 0 {
                    let topic = usize::from(u16::from_be_bytes([*body.first()?, *body.get(1)?]));
                    out.extend_from_slice(&[0x40, 2, *body.get(2 + topic)?, *body.get(3 + topic)?]);
                }
            }
            (12, _) => out.extend_from_slice(&[0xD0, 0]),
            (14, _) => return None,
            _ => {}
        }
        used += at + length;
    }
    Some((used, publishes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::send::mqtt;

    #[test]
    fn every_publish_is_acknowledged_by_its_id_also_in_pieces() {
        let mut bytes = Vec::new();
        mqtt::put_connect(&mut bytes, "c", "u", "p");
        mqtt::put_publish(&mut bytes, b"t", Some(7), &[1; 300]);
        mqtt::put_publish(&mut bytes, b"t", None, b"x");
        mqtt::put_publish(&mut bytes, b"t", Some(8), b"");
        let mut out = Vec::new();
        let (mut from, mut publishes) = (0, 0);
        for until in 0..=bytes.len() {
            let (used, more) = answer(&bytes[from..until], &mut out).unwrap();
            from += used;
            publishes += more;
        }
        assert_eq!((from, publishes), (bytes.len(), 3));
        assert_eq!(out, [0x20, 2, 0, 0, 0x40, 2, 0, 7, 0x40, 2, 0, 8]);
    }

    #[test]
    fn it_listens_on_this_machine_only() {
        assert!(Sink::bind("0.0.0.0:0").is_err());
    }
}
