//! One client of the listener, sans-I/O. Until a CONNECT has been checked nothing else is read; then publishes go to the
//! inlet and PUBACKs come out when the journal says so.

mod greeting;
mod oversize;

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use mqtt_protocol_core::mqtt::common::Cursor;
use mqtt_protocol_core::mqtt::connection::{ConnectionOptions, Event, TimerKind};
use mqtt_protocol_core::mqtt::packet::Packet;
use mqtt_protocol_core::mqtt::prelude::GenericPacketTrait;
use mqtt_protocol_core::mqtt::result_code::{DisconnectReasonCode, MqttError, PubackReasonCode};
use mqtt_protocol_core::mqtt::{Connection, Version, role};
use tokio::time::Instant;

use super::admission::{self, Guest};
use super::board::Signal;
use super::door::Door;
use super::drive::Peer;
use super::inlet::Refused;
use super::stats::{Connections, Count};
use super::wire::{self, Hello, Publish};
use greeting::{Greeting, Heard};
use oversize::Passing;

/// MQTT 3.1.1's CONNACK "unacceptable protocol version", also the answer to versions that are neither 3.1.1 nor 5.
const CONNACK_WRONG_VERSION: [u8; 4] = [0x20, 0x02, 0x00, 0x01];

/// The server's side of one connection.
pub(super) struct Session {
    door: Rc<Door>,
    signal: Rc<Signal>,
    codec: Connection<role::Server>,
    v5: bool,
    greeting: Greeting,
    /// What was read so far ends with a whole packet.
    at_border: bool,
    /// A publish too large to be read, on its way past.
    passing: Option<Passing>,
    guest: Option<Guest>,
    out: Vec<u8>,
    closed: bool,
    counted: bool,
    connect_by: Instant,
    silence_max: Duration,
    heard_at: Instant,
    stop_by: Option<Instant>,
}

impl Session {
    pub fn new(door: Rc<Door>, signal: Rc<Signal>, now: Instant, connect_by: Instant) -> Self {
        let options = ConnectionOptions::new()
            .maximum_packet_size_recv(door.packet_bytes_max())
            .receive_maximum(door.config.limits.mqtt_inflight_max);
        let mut codec = Connection::with_options(Version::Undetermined, options);
        codec.set_auto_ping_response(true);
        let silence_max = Duration::from_secs(u64::from(door.config.idle_s_max));
        Self {
            door,
            signal,
            codec,
            v5: false,
            greeting: Greeting::default(),
            at_border: false,
            passing: None,
            guest: None,
            out: Vec::new(),
            closed: false,
            counted: false,
            connect_by,
            silence_max,
            heard_at: now,
            stop_by: None,
        }
    }

    /// The socket is gone; returns whether that was a surprise.
    pub fn lost(&mut self) {
        let connected = self.guest.is_some();
        self.count(|c| if connected { &c.closed_socket } else { &c.refused_connect });
    }

    /// What comes before anybody was admitted; returns how many of the bytes were used.
    fn hear(&mut self, bytes: &[u8], now: Instant) -> usize {
        match self.greeting.hear(bytes) {
            Heard::Part => bytes.len(),
            Heard::Unbearable => {
                self.broken(MqttError::MalformedPacket, now);
                bytes.len()
            }
            Heard::Whole(packet, used) => {
                let events = self.codec.recv(&mut Cursor::new(&packet));
                self.at_border = !events.is_empty();
                self.handle(events, now);
                used
            }
        }
    }

    fn handle(&mut self, events: Vec<Event>, now: Instant) {
        for event in events {
            match event {
                Event::RequestSendPacket { packet, .. } => self.out.extend(packet.to_continuous_buffer()),
                Event::NotifyPacketReceived(packet) => {
                    self.heard_at = now;
                    self.packet(&packet, now);
                }
                Event::RequestTimerReset { kind: TimerKind::PingreqRecv, duration_ms } => {
                    self.silence_max = Duration::from_millis(duration_ms);
                }
                Event::RequestClose => self.closed = true,
                Event::NotifyError(error) => self.broken(error, now),
                _ => {}
            }
        }
    }

    fn send(&mut self, packet: wire::Built, now: Instant) {
        match packet {
            Ok(packet) => {
                let events = self.codec.send(packet);
                self.handle(events, now);
            }
            Err(error) => self.broken(error, now),
        }
    }

    /// The other side broke the protocol; MQTT 5 clients are told how.
    fn broken(&mut self, error: MqttError, now: Instant) {
        let connected = self.guest.is_some();
        self.count(|c| match error {
            MqttError::PacketTooLarge if connected => &c.closed_too_large,
            MqttError::UnsupportedProtocolVersion if !connected => &c.refused_version,
            _ if connected => &c.closed_protocol,
            _ => &c.refused_connect,
        });
        if !self.closed {
            if connected {
                self.disconnect(error.into(), now);
            } else if error == MqttError::UnsupportedProtocolVersion {
                self.out.extend(CONNACK_WRONG_VERSION);
            }
            self.closed = true;
        }
    }

    /// Count the end of this connection, once.
    fn count(&mut self, which: impl FnOnce(&Connections) -> &Count) {
        if !self.counted {
            self.counted = true;
            which(&self.door.stats.connections).one();
        }
    }

    /// End the connection, with a reason where the version has one.
    fn disconnect(&mut self, reason: DisconnectReasonCode, now: Instant) {
        if self.closed {
            return;
        }
        self.closed = true;
        self.counted = true;
        if self.v5 && self.guest.is_some() {
            self.send(wire::disconnect(reason), now);
        }
    }

    fn packet(&mut self, packet: &Packet, now: Instant) {
        if self.closed {
            return;
        }
        if let Some(publish) = Publish::read(packet) {
            return self.publish(&publish, now);
        }
        if let Some(answer) = wire::no_subscriptions(packet) {
            if matches!(packet, Packet::V3_1_1Subscribe(_) | Packet::V5_0Subscribe(_)) {
                self.door.stats.connections.subscribes_refused.one();
            }
            return self.send(answer, now);
        }
        match packet {
            Packet::V3_1_1Connect(_) | Packet::V5_0Connect(_) => {
                if let Some(hello) = Hello::read(packet) {
                    self.connect(&hello, now);
                }
            }
            Packet::V3_1_1Pingreq(_) | Packet::V5_0Pingreq(_) => {}
            Packet::V3_1_1Disconnect(_) | Packet::V5_0Disconnect(_) => {
                self.closed = true;
                self.counted = true;
            }
            // Answers to messages that were never sent, or AUTH that was never begun.
            _ => self.broken(MqttError::ProtocolError, now),
        }
    }

    fn connect(&mut self, hello: &Hello<'_>, now: Instant) {
        self.v5 = hello.v5;
        match admission::admit(&self.door, hello, &self.signal) {
            Ok(guest) => {
                self.guest = Some(guest);
                self.door.stats.connections.connected.one();
                if hello.will.is_some() {
                    self.door.stats.connections.wills_ignored.one();
                }
                self.send(admission::welcome(&self.door, hello, &self.signal), now);
            }
            Err(denial) => {
                self.count(denial.counter());
                self.send(wire::connack_refusing(hello.v5, denial.reason()), now);
                self.closed = true;
            }
        }
    }

    fn publish(&mut self, publish: &Publish<'_>, now: Instant) {
        let Some(guest) = self.guest.as_mut() else {
            return self.broken(MqttError::ProtocolError, now);
        };
        let current = self.door.credentials.borrow();
        let same = Arc::ptr_eq(&current, &guest.credentials);
        if !same && !current.still_holds(&guest.credentials, guest.inlet.principal()) {
            drop(current);
            self.count(|c| &c.closed_withdrawn);
            return self.disconnect(DisconnectReasonCode::NotAuthorized, now);
        }
        if !same {
            guest.credentials = Arc::clone(&current);
        }
        drop(current);
        let Err(refused) = guest.inlet.take(publish, now) else { return };
        let (by_ack, by_disconnect) = match refused {
            Refused::Topic => (Some(PubackReasonCode::TopicNameInvalid), DisconnectReasonCode::TopicNameInvalid),
            Refused::Scope => (Some(PubackReasonCode::NotAuthorized), DisconnectReasonCode::NotAuthorized),
            // By DISCONNECT the client would send it again for ever.
            Refused::TooLarge => (Some(PubackReasonCode::QuotaExceeded), DisconnectReasonCode::PacketTooLarge),
            Refused::Qos => (None, DisconnectReasonCode::QosNotSupported),
            Refused::PacketId => (None, DisconnectReasonCode::ProtocolError),
        };
        match (by_ack, publish.packet_id) {
            (_, Some(_)) if !self.v5 && refused == Refused::TooLarge => {
                self.keep_too_large(publish, publish.payload.len(), now);
            }
            (Some(reason), Some(packet_id)) if self.v5 => guest.inlet.refuse(packet_id, reason),
            _ => self.disconnect(by_disconnect, now),
        }
    }
}

impl Peer for Session {
    fn receive(&mut self, bytes: &[u8], now: Instant) -> usize {
        let mut used = if self.guest.is_none() { self.hear(bytes, now) } else { 0 };
        while let Some(rest) = bytes.get(used..).filter(|rest| !rest.is_empty()) {
            if !self.wants_input() {
                break;
            }
            if let Some(passed) = self.pass_over(rest, now) {
                used += passed;
                continue;
            }
            let mut cursor = Cursor::new(rest);
            let events = self.codec.recv(&mut cursor);
            used += usize::try_from(cursor.position()).unwrap_or(usize::MAX);
            self.at_border = !events.is_empty();
            self.handle(events, now);
        }
        used.min(bytes.len())
    }

    fn wants_input(&self) -> bool {
        let room = self.guest.as_ref().is_none_or(|guest| {
            // MQTT 5 clients know the receive maximum and the codec enforces it; 3.1.1 clients are held back here.
            let waiting_max = usize::from(self.door.config.limits.mqtt_inflight_max) * if self.v5 { 2 } else { 1 };
            guest.inlet.retry_at().is_none() && guest.inlet.waiting() < waiting_max
        });
        room && !self.closed && self.stop_by.is_none()
    }

    fn settle(&mut self, durable: u64) {
        let v5 = self.v5;
        while let Some((packet_id, reason)) = self.guest.as_mut().and_then(|guest| guest.inlet.next_ack(durable)) {
            let now = self.heard_at;
            self.send(wire::puback(v5, packet_id, reason), now);
        }
        if self.stop_by.is_some() && self.waiting_for().is_none() {
            self.disconnect(DisconnectReasonCode::ServerShuttingDown, self.heard_at);
        }
    }

    fn waiting_for(&self) -> Option<u64> {
        self.guest.as_ref().and_then(|guest| guest.inlet.waiting_for())
    }

    fn outgoing(&mut self) -> &mut Vec<u8> {
        &mut self.out
    }

    fn is_closed(&self) -> bool {
        self.closed
    }

    fn deadline(&self) -> Instant {
        let Some(guest) = &self.guest else { return self.connect_by };
        let silence = self.heard_at + self.silence_max;
        [self.stop_by, guest.inlet.retry_at()].into_iter().flatten().fold(silence, Instant::min)
    }

    fn tick(&mut self, now: Instant) {
        if self.stop_by.is_some_and(|by| by <= now) {
            return self.disconnect(DisconnectReasonCode::ServerShuttingDown, now);
        }
        let Some(guest) = self.guest.as_mut() else {
            self.count(|c| &c.refused_timeout);
            self.closed = true;
            return;
        };
        guest.inlet.retry(now);
        let hold_max = Duration::from_millis(self.door.config.hold_ms_max);
        if guest.inlet.held_since().is_some_and(|since| since + hold_max <= now) {
            self.count(|c| &c.closed_held);
            return self.disconnect(DisconnectReasonCode::ServerBusy, now);
        }
        if !self.wants_input() {
            // Who is not read cannot be blamed for silence.
            self.heard_at = now;
        } else if self.heard_at + self.silence_max <= now {
            self.count(|c| &c.closed_keep_alive);
            self.disconnect(DisconnectReasonCode::KeepAliveTimeout, now);
        }
    }

    fn taken_over(&mut self) {
        self.count(|c| &c.closed_taken_over);
        self.disconnect(DisconnectReasonCode::SessionTakenOver, self.heard_at);
    }

    fn stop(&mut self, by: Instant) {
        self.stop_by = Some(by);
        if self.guest.is_none() {
            self.counted = true;
            self.closed = true;
        }
    }
}
