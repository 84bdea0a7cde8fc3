//! The path of one connection's publishes into the journal, the same for both doors: topic, scope and size are checked, the
//! frame is handed over, the PUBACK is withheld. When the journal refuses, that one frame is held and tried again after 5 ms,
//! doubling to 250 ms; the connection is not read meanwhile.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use compact_str::CompactString;
use mqtt_protocol_core::mqtt::packet::Qos;
use mqtt_protocol_core::mqtt::result_code::PubackReasonCode;
use tokio::time::Instant;

use super::acks::Acks;
use super::credentials::Scope;
use super::stats;
use super::topic::{self, Topic};
use super::wire::Publish;
use crate::error::Code;
use crate::receive::{Frame, FrameRef, Intake, Source, now_us};

const RETRY_MIN: Duration = Duration::from_millis(5);
const RETRY_MAX: Duration = Duration::from_millis(250);

/// Why a publish was refused to its sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    Topic,
    Scope,
    TooLarge,
    Qos,
    PacketId,
}

struct Held {
    frame: Frame,
    packet_id: Option<u16>,
    since: Instant,
    wait: Duration,
    retry_at: Instant,
}

/// What an inlet is told once, at its connection's start.
pub(super) struct Origin {
    pub prefix: String,
    pub principal: CompactString,
    pub scope: Scope,
    pub frame_bytes_max: usize,
}

/// One connection's way into the journal.
pub(super) struct Inlet {
    origin: Origin,
    intake: Arc<dyn Intake>,
    stats: Arc<stats::Inlet>,
    acks: Acks,
    held: Option<Held>,
}

impl Inlet {
    pub fn new(origin: Origin, intake: Arc<dyn Intake>, stats: Arc<stats::Inlet>) -> Self {
        Self { origin, intake, stats, acks: Acks::default(), held: None }
    }

    pub fn principal(&self) -> &str {
        &self.origin.principal
    }

    /// Journal a publish, or hold it, or say why not. Called only while nothing is held.
    pub fn take(&mut self, publish: &Publish<'_>, now: Instant) -> Result<(), Refused> {
        self.stats.publishes.one();
        let topic = self.checked(publish).inspect_err(|refused| self.count(*refused))?;
        if publish.packet_id.is_none() {
            self.stats.publishes_qos0.one();
        }
        let principal = self.origin.principal.clone();
        let frame = FrameRef {
            source: topic.source,
            principal: &principal,
            context: topic.context,
            received_at_us: now_us(),
            payload: publish.payload,
        };
        self.journal(&frame, publish.packet_id, now)
    }

    /// A publish above the frame limit that its sender cannot be refused: what is given of its payload becomes a dead letter,
    /// then it is acknowledged. `bytes` is the size of the whole. Called only while nothing is held.
    pub fn keep_too_large(&mut self, publish: &Publish<'_>, bytes: usize, now: Instant) -> Result<(), Refused> {
        let payload = publish.payload.get(..self.origin.frame_bytes_max).unwrap_or(publish.payload);
        let beginning = Publish { payload, ..*publish };
        let topic = self.checked(&beginning).inspect_err(|refused| self.count(*refused))?;
        let (principal, context) = (self.origin.principal.clone(), format!("{bytes} {}", topic.context));
        let (source, received_at_us) = (Source::MqttTooLarge, now_us());
        let frame = FrameRef { source, principal: &principal, context: &context, received_at_us, payload };
        self.journal(&frame, publish.packet_id, now)
    }

    /// Hands a frame over, or holds it until the journal takes it.
    fn journal(&mut self, frame: &FrameRef<'_>, packet_id: Option<u16>, now: Instant) -> Result<(), Refused> {
        match self.submit(frame, packet_id) {
            Ok(()) => Ok(()),
            Err(Code::TooLarge) => {
                self.count(Refused::TooLarge);
                Err(Refused::TooLarge)
            }
            Err(_) => {
                self.stats.stalls.one();
                self.stats.held.one();
                let retry_at = now + RETRY_MIN;
                self.held = Some(Held { frame: owned(frame), packet_id, since: now, wait: RETRY_MIN, retry_at });
                Ok(())
            }
        }
    }

    fn checked<'a>(&self, publish: &Publish<'a>) -> Result<Topic<'a>, Refused> {
        match (publish.qos, publish.packet_id) {
            (Qos::ExactlyOnce, _) => return Err(Refused::Qos),
            (Qos::AtLeastOnce, None | Some(0)) => return Err(Refused::PacketId),
            _ => {}
        }
        let topic = topic::read(&self.origin.prefix, publish.topic).ok_or(Refused::Topic)?;
        if !self.origin.scope.allows(topic.unit) {
            return Err(Refused::Scope);
        }
        if publish.payload.len() > self.origin.frame_bytes_max {
            return Err(Refused::TooLarge);
        }
        Ok(topic)
    }

    fn count(&self, refused: Refused) {
        match refused {
            Refused::Topic => self.stats.refused_topic.one(),
            Refused::Scope => self.stats.refused_scope.one(),
            Refused::TooLarge => self.stats.refused_too_large.one(),
            Refused::Qos | Refused::PacketId => self.stats.refused_qos.one(),
        }
    }

    fn submit(&mut self, frame: &FrameRef<'_>, packet_id: Option<u16>) -> Result<(), Code> {
        let seq = self.intake.submit(frame).map_err(|refusal| refusal.code)?;
        self.stats.bytes.add(frame.payload.len() as u64);
        match frame.source {
            Source::Hl7Mqtt => self.stats.journalled_hl7v2.one(),
            Source::MqttTooLarge => self.stats.kept_too_large.one(),
            _ => self.stats.journalled_vitals.one(),
        }
        if let Some(packet_id) = packet_id {
            self.acks.journalled(seq, packet_id);
            self.stats.withheld.one();
        }
        Ok(())
    }

    /// Try the held frame again if its time has come.
    pub fn retry(&mut self, now: Instant) {
        let Some(mut held) = self.held.take_if(|held| held.retry_at <= now) else { return };
        match self.submit(&held.frame.as_ref(), held.packet_id) {
            Ok(()) => self.stats.held.less(1),
            Err(_) => {
                held.wait = (held.wait * 2).min(RETRY_MAX);
                held.retry_at = now + held.wait;
                self.held = Some(held);
            }
        }
    }

    /// When the held frame is to be tried again.
    pub fn retry_at(&self) -> Option<Instant> {
        self.held.as_ref().map(|held| held.retry_at)
    }

    /// Since when a frame is held.
    pub fn held_since(&self) -> Option<Instant> {
        self.held.as_ref().map(|held| held.since)
    }

    /// A publish was refused and its sender is to be told by PUBACK, in its turn.
    pub fn refuse(&mut self, packet_id: u16, reason: PubackReasonCode) {
        self.acks.refused(packet_id, reason);
        self.stats.withheld.one();
    }

    /// The next PUBACK that may leave, given what is durable.
    pub fn next_ack(&mut self, durable: u64) -> Option<(u16, PubackReasonCode)> {
        let before = self.acks.len();
        let next = self.acks.next(durable);
        self.stats.withheld.less((before - self.acks.len()) as u64);
        if next.is_some() {
            self.stats.pubacks.one();
        }
        next
    }

    pub fn waiting_for(&self) -> Option<u64> {
        self.acks.waiting_for()
    }

    pub fn waiting(&self) -> usize {
        self.acks.len()
    }
}

impl Drop for Inlet {
    fn drop(&mut self) {
        self.stats.withheld.less(self.acks.len() as u64);
        if self.held.is_some() {
            self.stats.held.less(1);
            self.stats.held_lost.one();
        }
    }
}

fn owned(frame: &FrameRef<'_>) -> Frame {
    Frame {
        source: frame.source,
        principal: frame.principal.into(),
        context: frame.context.into(),
        received_at_us: frame.received_at_us,
        payload: Bytes::copy_from_slice(frame.payload),
    }
}
