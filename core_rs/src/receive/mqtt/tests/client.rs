//! A client of raw bytes, written from the MQTT specifications and independent of the codec under test.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::SECRET;

pub const V3: u8 = 4;
pub const V5: u8 = 5;

pub const CONNACK: u8 = 0x20;
pub const PUBACK: u8 = 0x40;
pub const SUBACK: u8 = 0x90;
pub const UNSUBACK: u8 = 0xb0;
pub const PINGRESP: u8 = 0xd0;
pub const DISCONNECT: u8 = 0xe0;

pub fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![first];
    let mut left = body.len();
    loop {
        let digit = (left % 128) as u8;
        left /= 128;
        out.push(if left > 0 { digit | 0x80 } else { digit });
        if left == 0 {
            break;
        }
    }
    out.extend(body);
    out
}

fn text(out: &mut Vec<u8>, value: &[u8]) {
    out.extend((value.len() as u16).to_be_bytes());
    out.extend(value);
}

/// A CONNECT to be varied.
#[derive(Clone)]
pub struct Connect<'a> {
    pub version: u8,
    pub client_id: &'a str,
    pub user: Option<&'a str>,
    pub password: Option<&'a str>,
    pub keep_alive_s: u16,
    pub clean: bool,
    pub will_qos: Option<u8>,
    pub props: &'a [u8],
}

impl<'a> Connect<'a> {
    pub fn new(version: u8, client_id: &'a str) -> Self {
        Self {
            version,
            client_id,
            user: Some("ward"),
            password: Some(SECRET),
            keep_alive_s: 60,
            clean: true,
            will_qos: None,
            props: &[],
        }
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut flags = u8::from(self.clean) << 1;
        flags |= u8::from(self.user.is_some()) << 7 | u8::from(self.password.is_some()) << 6;
        if let Some(qos) = self.will_qos {
            flags |= 0x04 | qos << 3;
        }
        let mut body = b"\x00\x04MQTT".to_vec();
        body.extend([self.version, flags]);
        body.extend(self.keep_alive_s.to_be_bytes());
        if self.version == V5 {
            body.push(self.props.len() as u8);
            body.extend(self.props);
        }
        text(&mut body, self.client_id.as_bytes());
        if self.will_qos.is_some() {
            if self.version == V5 {
                body.push(0);
            }
            text(&mut body, b"last/will");
            text(&mut body, b"gone");
        }
        for value in [self.user, self.password].into_iter().flatten() {
            text(&mut body, value.as_bytes());
        }
        packet(0x10, &body)
    }
}

/// PUBLISH without properties.
pub fn publish(version: u8, qos: u8, topic: &str, packet_id: u16, payload: &[u8]) -> Vec<u8> {
    publish_with(version, qos, topic, packet_id, &[], payload)
}

pub fn publish_with(version: u8, qos: u8, topic: &str, packet_id: u16, props: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    text(&mut body, topic.as_bytes());
    if qos > 0 {
        body.extend(packet_id.to_be_bytes());
    }
    if version == V5 {
        body.push(props.len() as u8);
        body.extend(props);
    }
    body.extend(payload);
    packet(0x30 | qos << 1, &body)
}

pub fn subscribe(version: u8, packet_id: u16, filters: &[&str]) -> Vec<u8> {
    let mut body = packet_id.to_be_bytes().to_vec();
    if version == V5 {
        body.push(0);
    }
    for filter in filters {
        text(&mut body, filter.as_bytes());
        body.push(1);
    }
    packet(0x82, &body)
}

pub fn unsubscribe(version: u8, packet_id: u16, filters: &[&str]) -> Vec<u8> {
    let mut body = packet_id.to_be_bytes().to_vec();
    if version == V5 {
        body.push(0);
    }
    for filter in filters {
        text(&mut body, filter.as_bytes());
    }
    packet(0xa2, &body)
}

pub const PINGREQ: [u8; 2] = [0xc0, 0x00];

/// What the server said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    pub kind: u8,
    pub body: Vec<u8>,
}

impl Said {
    /// Reason code of a CONNACK (either version).
    pub fn connack(&self) -> u8 {
        assert_eq!(self.kind, CONNACK, "{self:?}");
        self.body[1]
    }

    /// Packet id and reason of a PUBACK; a short PUBACK means success.
    pub fn puback(&self) -> (u16, u8) {
        assert_eq!(self.kind, PUBACK, "{self:?}");
        (u16::from_be_bytes([self.body[0], self.body[1]]), self.body.get(2).copied().unwrap_or(0))
    }

    /// Reason of a DISCONNECT.
    pub fn disconnect(&self) -> u8 {
        assert_eq!(self.kind, DISCONNECT, "{self:?}");
        self.body.first().copied().unwrap_or(0)
    }
}

pub struct Client {
    pub stream: TcpStream,
    pub version: u8,
}

impl Client {
    pub fn open(address: SocketAddr, version: u8) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, version }
    }

    pub fn connect(address: SocketAddr, connect: &Connect<'_>) -> (Self, Said) {
        let mut client = Self::open(address, connect.version);
        client.send(&connect.bytes());
        let said = client.read();
        (client, said)
    }

    /// Connected as `user`, or the test ends.
    pub fn welcome(address: SocketAddr, version: u8, client_id: &str, user: &str) -> Self {
        let (client, said) = Self::connect(address, &Connect { user: Some(user), ..Connect::new(version, client_id) });
        assert_eq!(said.connack(), 0);
        client
    }

    pub fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    pub fn publish(&mut self, topic: &str, packet_id: u16, payload: &[u8]) {
        let bytes = publish(self.version, 1, topic, packet_id, payload);
        self.send(&bytes);
    }

    pub fn read(&mut self) -> Said {
        self.read_or_end().expect("the server closed the connection")
    }

    /// The next packet, or nothing when the server has closed.
    pub fn read_or_end(&mut self) -> Option<Said> {
        let mut kind = [0u8; 1];
        match self.stream.read_exact(&mut kind) {
            Err(e) if matches!(e.kind(), ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset) => return None,
            other => other.unwrap(),
        }
        let mut length = 0usize;
        for shift in (0..28).step_by(7) {
            let mut digit = [0u8; 1];
            self.stream.read_exact(&mut digit).unwrap();
            length |= usize::from(digit[0] & 0x7f) << shift;
            if digit[0] & 0x80 == 0 {
                break;
            }
        }
        let mut body = vec![0u8; length];
        self.stream.read_exact(&mut body).unwrap();
        Some(Said { kind: kind[0] & 0xf0, body })
    }

    /// The server has closed without another word.
    pub fn expect_end(&mut self) {
        assert_eq!(self.read_or_end(), None);
    }

    /// A PING goes round: whatever the server had to say before it would have come first.
    pub fn expect_nothing_but_pong(&mut self) {
        self.send(&PINGREQ);
        assert_eq!(self.read().kind, PINGRESP);
    }
}
