//! Publishes of MQTT 3.1.1 that are too large to be read.
//!
//! 3.1.1 has no answer that refuses one publish: a server acknowledges or closes the connection, and whoever was closed on
//! connects and sends the same again, for ever, and nothing that waits behind it arrives. So it is passed over on the line, its
//! beginning kept in the memory the largest allowed packet would take, journalled as a dead letter (`too_large`) and then
//! acknowledged. MQTT 5 clients are told the limit when they connect and are closed on when they break it.

use mqtt_protocol_core::mqtt::packet::Qos;
use mqtt_protocol_core::mqtt::result_code::{DisconnectReasonCode, MqttError};
use tokio::time::Instant;

use super::super::inlet::Refused;
use super::super::wire::Publish;
use super::Session;

/// Fixed header of a PUBLISH with QoS 1, retained or not, sent again or not.
const PUBLISH_QOS_1: u8 = 0x32;
const RETAIN_AND_DUP: u8 = 0x09;

/// One such packet on its way past.
#[derive(Debug)]
pub(super) struct Passing {
    /// Bytes of the packet that have not come yet.
    left: usize,
    /// Its variable header and the beginning of its payload.
    kept: Vec<u8>,
    kept_max: usize,
    /// Bytes behind the fixed header.
    size: usize,
}

impl Passing {
    /// At the border of two packets: one that is too large, if the bytes say so; it then begins behind so many of them.
    pub fn begins(bytes: &[u8], packet_bytes_max: usize) -> Option<(usize, Self)> {
        let (first, lengths) = bytes.split_first()?;
        if first & !RETAIN_AND_DUP != PUBLISH_QOS_1 {
            return None;
        }
        let mut size = 0usize;
        for (at, byte) in lengths.iter().take(4).enumerate() {
            size |= usize::from(byte & 0x7f) << (7 * at);
            if byte & 0x80 == 0 {
                let head = 2 + at;
                let passing = Self { left: size, kept: Vec::new(), kept_max: packet_bytes_max, size };
                return (head + size > packet_bytes_max).then_some((head, passing));
            }
        }
        None
    }

    /// Takes in what belongs to the packet; how many bytes that were.
    pub fn take(&mut self, bytes: &[u8]) -> usize {
        let taken = bytes.len().min(self.left);
        let room = self.kept_max.saturating_sub(self.kept.len());
        self.kept.extend_from_slice(bytes.get(..taken.min(room)).unwrap_or_default());
        self.left -= taken;
        taken
    }

    /// Whether it has passed whole.
    pub fn is_over(&self) -> bool {
        self.left == 0
    }

    /// The publish with the beginning of its payload, at most so many bytes, and the size of the whole payload. None where the
    /// packet is none.
    pub fn publish(&self, payload_bytes_max: usize) -> Option<(Publish<'_>, usize)> {
        let (length, rest) = self.kept.split_first_chunk::<2>()?;
        let topic_len = usize::from(u16::from_be_bytes(*length));
        let (topic, rest) = rest.split_at_checked(topic_len)?;
        let (packet_id, payload) = rest.split_first_chunk::<2>()?;
        let publish = Publish {
            topic: std::str::from_utf8(topic).ok()?,
            payload: payload.get(..payload_bytes_max).unwrap_or(payload),
            qos: Qos::AtLeastOnce,
            packet_id: Some(u16::from_be_bytes(*packet_id)),
        };
        Some((publish, self.size.saturating_sub(4 + topic_len)))
    }
}

impl Session {
    /// Keeps what is given of a publish above the frame limit, or closes on who may not publish there. True where it is kept.
    pub(super) fn keep_too_large(&mut self, publish: &Publish<'_>, bytes: usize, now: Instant) -> bool {
        let Some(guest) = self.guest.as_mut() else { return false };
        let kept = guest.inlet.keep_too_large(publish, bytes, now);
        match kept {
            Ok(()) => {}
            Err(Refused::Scope) => self.disconnect(DisconnectReasonCode::NotAuthorized, now),
            Err(_) => self.disconnect(DisconnectReasonCode::TopicNameInvalid, now),
        }
        kept.is_ok()
    }

    /// Bytes of a publish that is passed over; None where these belong to the codec.
    pub(super) fn pass_over(&mut self, bytes: &[u8], now: Instant) -> Option<usize> {
        let mut head = 0;
        if self.passing.is_none() && self.at_border && !self.v5 && self.guest.is_some() {
            let (begun, passing) = Passing::begins(bytes, self.door.packet_bytes_max() as usize)?;
            (head, self.passing) = (begun, Some(passing));
        }
        let mut passing = self.passing.take()?;
        self.heard_at = now;
        let taken = head + passing.take(bytes.get(head..).unwrap_or_default());
        if !passing.is_over() {
            self.passing = Some(passing);
            return Some(taken);
        }
        let Some((publish, size)) = passing.publish(self.door.config.limits.frame_bytes_max) else {
            self.broken(MqttError::MalformedPacket, now);
            return Some(taken);
        };
        self.door.stats.inlet.publishes.one();
        if self.keep_too_large(&publish, size, now) {
            self.door.stats.inlet.refused_too_large.one();
        }
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::client::{V3, publish};
    use super::*;

    #[test]
    fn a_large_publish_passes_in_pieces_of_any_size_and_what_follows_stays() {
        let payload: Vec<u8> = (0..5_000u32).map(|n| n as u8).collect();
        let mut line = publish(V3, 1, "a/b", 77, &payload);
        line.extend_from_slice(b"next");
        for piece in [1, 7, 1_000, 10_000] {
            let (head, mut passing) = Passing::begins(&line, 1_000).unwrap();
            let mut at = head;
            while !passing.is_over() {
                at += passing.take(&line[at..line.len().min(at + piece)]);
            }
            assert_eq!(&line[at..], b"next");
            assert!(passing.kept.len() <= 1_000);
            let (publish, size) = passing.publish(900).unwrap();
            assert_eq!((publish.topic, publish.packet_id, size), ("a/b", Some(77), 5_000));
            assert_eq!(publish.payload, &payload[..900]);
        }
    }

    #[test]
    fn only_publishes_of_qos_1_above_the_limit_pass() {
        let packet = |size: usize| publish(V3, 1, "a/b", 1, &vec![0; size]);
        assert!(Passing::begins(&packet(100), 1_000).is_none());
        assert!(Passing::begins(&packet(2_000), 1_000).is_some());
        assert!(Passing::begins(&publish(V3, 0, "a/b", 0, &[0; 2_000]), 1_000).is_none());
        assert!(Passing::begins(&packet(2_000)[..2], 1_000).is_none(), "its size is not there yet");
        assert!(Passing::begins(&[0x32, 0xff, 0xff, 0xff, 0xff, 0x01], 1_000).is_none(), "no length has five bytes");
    }

    #[test]
    fn what_is_no_publish_gives_none() {
        let mut passing = Passing { left: 3, kept: Vec::new(), kept_max: 10, size: 3 };
        passing.take(&[0xff, 0xff, 0xff]);
        assert!(passing.publish(10).is_none());
    }
}
