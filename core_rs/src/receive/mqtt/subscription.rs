//! One connection to a broker, sans-I/O: CONNECT, SUBSCRIBE, then publishes to the inlet and PUBACKs when durable.
//!
//! The session at the broker is persistent and nothing is kept here: what was not acknowledged before a connection was lost,
//! the broker sends again, and the decode stage knows a message it has seen.

use std::sync::Arc;
use std::time::Duration;

use mqtt_protocol_core::mqtt::common::Cursor;
use mqtt_protocol_core::mqtt::connection::{ConnectionOptions, Event, TimerKind};
use mqtt_protocol_core::mqtt::packet::{Packet, Qos, RetainHandling, SessionExpiryInterval, SubEntry, SubOpts, v3_1_1, v5_0};
use mqtt_protocol_core::mqtt::prelude::GenericPacketTrait;
use mqtt_protocol_core::mqtt::result_code::{ConnectReasonCode, ConnectReturnCode, MqttError, PubackReasonCode};
use mqtt_protocol_core::mqtt::{Connection, Version, role};
use tokio::time::Instant;

use super::config::{MqttVersion, SubscriberConfig};
use super::credentials::Scope;
use super::drive::Peer;
use super::inlet::{Inlet, Origin, Refused};
use super::stats::{Failure, SubscriberStats};
use super::wire::{self, Publish};
use crate::receive::Intake;

const PINGRESP_WITHIN: Duration = Duration::from_secs(10);
/// Nothing to do: far enough to never matter, near enough not to overflow.
const NEVER: Duration = Duration::from_secs(86_400);

/// The client's side of one connection.
pub(super) struct Subscription {
    config: Arc<SubscriberConfig>,
    stats: Arc<SubscriberStats>,
    codec: Connection<role::Client>,
    inlet: Inlet,
    out: Vec<u8>,
    ping_at: Option<Instant>,
    pong_by: Option<Instant>,
    ready_by: Instant,
    subscribed: bool,
    closed: bool,
    stop_by: Option<Instant>,
    failure: Option<Failure>,
}

impl Subscription {
    pub fn new(
        config: Arc<SubscriberConfig>,
        intake: Arc<dyn Intake>,
        stats: Arc<SubscriberStats>,
        now: Instant,
        ready_by: Instant,
    ) -> Self {
        let frame_bytes_max = config.limits.frame_bytes_max;
        // 3.1.1 brokers cannot be told the limit; up to 16 MiB is read, refused and acknowledged, lest it come for ever.
        let (version, packet_bytes_max) = match config.version {
            MqttVersion::V3 => (Version::V3_1_1, frame_bytes_max.saturating_add(16 << 20)),
            MqttVersion::V5 => (Version::V5_0, frame_bytes_max.saturating_add(4_096)),
        };
        let mut options =
            ConnectionOptions::new().maximum_packet_size_recv(u32::try_from(packet_bytes_max).unwrap_or(u32::MAX));
        if config.version == MqttVersion::V5 {
            options = options.receive_maximum(config.limits.mqtt_inflight_max);
        }
        let mut codec = Connection::with_options(version, options);
        codec.set_pingresp_recv_timeout(PINGRESP_WITHIN.as_millis() as u64);
        let origin = Origin {
            prefix: config.prefix.clone(),
            principal: config.principal.as_str().into(),
            scope: Scope::All,
            frame_bytes_max,
        };
        let inlet = Inlet::new(origin, intake, Arc::clone(&stats.inlet));
        let mut subscription = Self {
            config,
            stats,
            codec,
            inlet,
            out: Vec::new(),
            ping_at: None,
            pong_by: None,
            ready_by,
            subscribed: false,
            closed: false,
            stop_by: None,
            failure: None,
        };
        let connect = subscription.connect_packet();
        subscription.send(connect, now);
        subscription
    }

    /// Why the connection ended; nothing after a stop.
    pub fn failure(&self) -> Option<Failure> {
        match self.stop_by {
            Some(_) => None,
            None => Some(self.failure.unwrap_or(Failure::Closed)),
        }
    }

    /// Whether the filters were granted.
    pub fn was_subscribed(&self) -> bool {
        self.subscribed
    }

    fn v5(&self) -> bool {
        self.config.version == MqttVersion::V5
    }

    fn connect_packet(&self) -> wire::Built {
        let config = &self.config;
        if self.v5() {
            let mut connect = v5_0::Connect::builder()
                .client_id(config.client_id.as_str())?
                .clean_start(false)
                .keep_alive(config.keep_alive_s)
                .props(vec![SessionExpiryInterval::new(config.session_expiry_s)?.into()]);
            if !config.username.is_empty() {
                connect = connect.user_name(config.username.as_str())?.password(config.password.as_str())?;
            }
            return Ok(connect.build()?.into());
        }
        let mut connect = v3_1_1::Connect::builder()
            .client_id(config.client_id.as_str())?
            .clean_session(false)
            .keep_alive(config.keep_alive_s);
        if !config.username.is_empty() {
            connect = connect.user_name(config.username.as_str())?.password(config.password.as_str())?;
        }
        Ok(connect.build()?.into())
    }

    fn subscribe_packet(&mut self) -> wire::Built {
        // A retained value is wanted once, not again with every reconnect.
        let mut options = SubOpts::new().set_qos(Qos::AtLeastOnce);
        if self.v5() {
            options = options.set_rh(RetainHandling::SendRetainedIfNotExists);
        }
        let entries: Result<Vec<_>, _> =
            self.config.filters.iter().map(|filter| SubEntry::new(filter.as_str(), options)).collect();
        let packet_id = self.codec.acquire_packet_id()?;
        Ok(if self.v5() {
            v5_0::Subscribe::builder().packet_id(packet_id).entries(entries?).build()?.into()
        } else {
            v3_1_1::Subscribe::builder().packet_id(packet_id).entries(entries?).build()?.into()
        })
    }

    fn send(&mut self, packet: wire::Built, now: Instant) {
        match packet {
            Ok(packet) => {
                let events = self.codec.send(packet);
                self.handle(events, now);
            }
            Err(_) => self.fail(Failure::Protocol),
        }
    }

    fn fail(&mut self, failure: Failure) {
        self.failure.get_or_insert(failure);
        self.closed = true;
    }

    fn handle(&mut self, events: Vec<Event>, now: Instant) {
        for event in events {
            match event {
                Event::RequestSendPacket { packet, .. } => self.out.extend(packet.to_continuous_buffer()),
                Event::NotifyPacketReceived(packet) => self.packet(&packet, now),
                Event::RequestTimerReset { kind, duration_ms } => {
                    *self.timer(kind) = Some(now + Duration::from_millis(duration_ms));
                }
                Event::RequestTimerCancel(kind) => *self.timer(kind) = None,
                Event::RequestClose => self.closed = true,
                Event::NotifyError(error) => self.fail(match error {
                    MqttError::KeepAliveTimeout => Failure::KeepAlive,
                    _ => Failure::Protocol,
                }),
                Event::NotifyPacketIdReleased(_) => {}
            }
        }
    }

    fn timer(&mut self, kind: TimerKind) -> &mut Option<Instant> {
        match kind {
            TimerKind::PingreqSend => &mut self.ping_at,
            _ => &mut self.pong_by,
        }
    }

    fn packet(&mut self, packet: &Packet, now: Instant) {
        if self.closed {
            return;
        }
        if let Some(publish) = Publish::read(packet) {
            return self.publish(&publish, now);
        }
        match packet {
            Packet::V3_1_1Connack(p) => match p.return_code() {
                ConnectReturnCode::Accepted => self.accepted(p.session_present(), now),
                ConnectReturnCode::BadUserNameOrPassword | ConnectReturnCode::NotAuthorized => {
                    self.fail(Failure::Credentials);
                }
                _ => self.fail(Failure::Refused),
            },
            Packet::V5_0Connack(p) => match p.reason_code() {
                ConnectReasonCode::Success => self.accepted(p.session_present(), now),
                ConnectReasonCode::BadUserNameOrPassword | ConnectReasonCode::NotAuthorized => {
                    self.fail(Failure::Credentials);
                }
                _ => self.fail(Failure::Refused),
            },
            Packet::V3_1_1Suback(p) => self.answered(p.return_codes().iter().all(|code| code.is_success())),
            Packet::V5_0Suback(p) => self.answered(p.reason_codes().iter().all(|code| code.is_success())),
            Packet::V5_0Disconnect(_) => self.fail(Failure::Closed),
            _ => {}
        }
    }

    fn accepted(&mut self, session_present: bool, now: Instant) {
        if session_present {
            self.stats.sessions_resumed.one();
        }
        let subscribe = self.subscribe_packet();
        self.send(subscribe, now);
    }

    fn answered(&mut self, granted: bool) {
        if !granted {
            return self.fail(Failure::SubscribeRefused);
        }
        self.subscribed = true;
        self.stats.connects.one();
        self.stats.connected.set(1);
    }

    /// A refused publish is acknowledged all the same (in MQTT 5 with its reason), or the broker would send it for ever.
    fn publish(&mut self, publish: &Publish<'_>, now: Instant) {
        let Err(refused) = self.inlet.take(publish, now) else { return };
        let reason = match refused {
            Refused::Topic => PubackReasonCode::TopicNameInvalid,
            Refused::Scope => PubackReasonCode::NotAuthorized,
            Refused::TooLarge => PubackReasonCode::QuotaExceeded,
            Refused::Qos | Refused::PacketId => return self.fail(Failure::Protocol),
        };
        if let Some(packet_id) = publish.packet_id {
            self.inlet.refuse(packet_id, reason);
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.stats.connected.set(0);
    }
}

impl Peer for Subscription {
    fn receive(&mut self, bytes: &[u8], now: Instant) -> usize {
        let mut cursor = Cursor::new(bytes);
        loop {
            let used = usize::try_from(cursor.position()).unwrap_or(usize::MAX);
            if used >= bytes.len() || !self.wants_input() {
                return used.min(bytes.len());
            }
            let events = self.codec.recv(&mut cursor);
            self.handle(events, now);
        }
    }

    fn wants_input(&self) -> bool {
        let waiting_max = 2 * usize::from(self.config.limits.mqtt_inflight_max);
        !self.closed && self.stop_by.is_none() && self.inlet.retry_at().is_none() && self.inlet.waiting() < waiting_max
    }

    fn settle(&mut self, durable: u64) {
        let now = Instant::now();
        while let Some((packet_id, reason)) = self.inlet.next_ack(durable) {
            self.send(wire::puback(self.v5(), packet_id, reason), now);
        }
        if self.stop_by.is_some() && self.waiting_for().is_none() && !self.closed {
            let goodbye = if self.v5() {
                v5_0::Disconnect::builder().build().map(Packet::from)
            } else {
                v3_1_1::Disconnect::builder().build().map(Packet::from)
            };
            self.send(goodbye, now);
            self.closed = true;
        }
    }

    fn waiting_for(&self) -> Option<u64> {
        self.inlet.waiting_for()
    }

    fn outgoing(&mut self) -> &mut Vec<u8> {
        &mut self.out
    }

    fn is_closed(&self) -> bool {
        self.closed
    }

    fn deadline(&self) -> Instant {
        let ready_by = (!self.subscribed).then_some(self.ready_by);
        [self.stop_by, self.inlet.retry_at(), self.ping_at, self.pong_by, ready_by]
            .into_iter()
            .flatten()
            .min()
            .unwrap_or_else(|| Instant::now() + NEVER)
    }

    fn tick(&mut self, now: Instant) {
        if self.stop_by.is_some_and(|by| by <= now) {
            self.closed = true;
            return;
        }
        if !self.subscribed && self.ready_by <= now {
            return self.fail(Failure::Timeout);
        }
        self.inlet.retry(now);
        if self.pong_by.is_some_and(|by| by <= now) {
            if !self.wants_input() {
                // The answer may lie unread in the socket: this side is the one that waits.
                self.pong_by = Some(now + PINGRESP_WITHIN);
            } else {
                self.pong_by = None;
                self.failure.get_or_insert(Failure::KeepAlive);
                let events = self.codec.notify_timer_fired(TimerKind::PingrespRecv);
                self.handle(events, now);
            }
        }
        if self.ping_at.is_some_and(|at| at <= now) {
            self.ping_at = None;
            let events = self.codec.notify_timer_fired(TimerKind::PingreqSend);
            self.handle(events, now);
        }
    }

    fn taken_over(&mut self) {}

    fn stop(&mut self, by: Instant) {
        self.stop_by = Some(by);
    }
}
