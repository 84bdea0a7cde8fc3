//! The boundary between receive and journal.

use bytes::Bytes;
use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use crate::error::{Code, Refusal};

/// Which door a frame came through; it decides how the payload is decoded. The numbers are on disk: never reuse one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum Source {
    /// One HL7 v2 message over HTTP. Context: the charset of the Content-Type, or empty.
    Hl7Http = 1,
    /// Device JSON over HTTP. Context: 32 hex digits that stand for the request's Idempotency-Key, or empty.
    JsonHttp = 2,
    /// Device JSON over MQTT. Context: `unit/bed` from the topic.
    JsonMqtt = 3,
    /// HL7 v2 over MQTT. Context: `unit/bed` from the topic.
    Hl7Mqtt = 4,
    /// A publish above the frame limit over MQTT 3.1.1, which cannot refuse it: the beginning of its payload, as long as a frame
    /// may be. Context: bytes of the whole payload, a blank, `unit/bed`.
    MqttTooLarge = 5,
    /// Time passes: written once a second by the server itself. No payload.
    Tick = 16,
    /// A dead-lettered frame once more: the payload is that frame encoded by `Frame::encode`.
    Replay = 17,
    /// What a person did to an alert, or the server found out about its channels: JSON, see `alert::Action`.
    Action = 18,
    /// Another alert policy, from here on: JSON, see `alert::PolicyChange`.
    Policy = 19,
}

impl Source {
    /// The source with this number on disk.
    pub const fn from_u8(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::Hl7Http,
            2 => Self::JsonHttp,
            3 => Self::JsonMqtt,
            4 => Self::Hl7Mqtt,
            5 => Self::MqttTooLarge,
            16 => Self::Tick,
            17 => Self::Replay,
            18 => Self::Action,
            19 => Self::Policy,
            _ => return None,
        })
    }

    /// Whether somebody sent it in by a door; what the server writes itself has numbers from 16 on.
    pub const fn is_received(self) -> bool {
        (self as u8) < Self::Tick as u8
    }

    /// The label in metrics and tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hl7Http => "hl7_http",
            Self::JsonHttp => "json_http",
            Self::JsonMqtt => "json_mqtt",
            Self::Hl7Mqtt => "hl7_mqtt",
            Self::MqttTooLarge => "mqtt_too_large",
            Self::Tick => "tick",
            Self::Replay => "replay",
            Self::Action => "action",
            Self::Policy => "policy",
        }
    }
}

/// What a door took in: raw bytes and where, from whom and when they came. Debug prints none of the bytes (P6).
#[derive(Clone, PartialEq, Eq)]
pub struct Frame {
    /// The door.
    pub source: Source,
    /// The id of the API key or MQTT credential, never its secret.
    pub principal: CompactString,
    /// What the door knew besides the bytes; see `Source`.
    pub context: CompactString,
    /// Receipt, microseconds since 1970-01-01 UTC. Set once, at the door; all later stages take time from here.
    pub received_at_us: i64,
    /// The bytes as they came.
    pub payload: Bytes,
}

/// Bytes of an encoded frame before its principal: received_at i64, source u8, principal length u8, context length u16.
pub const FRAME_HEAD_BYTES: usize = 12;

/// Longest principal, bytes.
pub const PRINCIPAL_BYTES_MAX: usize = u8::MAX as usize;

/// Longest context, bytes.
pub const CONTEXT_BYTES_MAX: usize = u16::MAX as usize;

/// A frame whose parts are borrowed: what a door hands to the journal without copying the payload first.
#[derive(Clone, Copy)]
pub struct FrameRef<'a> {
    /// The door.
    pub source: Source,
    /// The id of the API key or MQTT credential.
    pub principal: &'a str,
    /// What the door knew besides the bytes.
    pub context: &'a str,
    /// Receipt, microseconds since 1970-01-01 UTC.
    pub received_at_us: i64,
    /// The bytes as they came.
    pub payload: &'a [u8],
}

impl FrameRef<'_> {
    /// Bytes of the encoded form.
    pub const fn encoded_len(&self) -> usize {
        FRAME_HEAD_BYTES + self.principal.len() + self.context.len() + self.payload.len()
    }

    /// Appends the encoded form, little-endian: received_at i64, source u8, principal length u8, context length u16,
    /// principal, context, payload to the end.
    ///
    /// # Errors
    /// `TooLarge` where principal or context is longer than its length field can say; nothing is appended then.
    pub fn encode_into(&self, out: &mut Vec<u8>) -> Result<(), Refusal> {
        let too_long = |what: &str| Refusal::new(Code::TooLarge, format!("the {what} of the frame is too long"));
        let principal_len = u8::try_from(self.principal.len()).map_err(|_| too_long("principal"))?;
        let context_len = u16::try_from(self.context.len()).map_err(|_| too_long("context"))?;
        out.reserve(self.encoded_len());
        out.extend_from_slice(&self.received_at_us.to_le_bytes());
        out.push(self.source as u8);
        out.push(principal_len);
        out.extend_from_slice(&context_len.to_le_bytes());
        out.extend_from_slice(self.principal.as_bytes());
        out.extend_from_slice(self.context.as_bytes());
        out.extend_from_slice(self.payload);
        Ok(())
    }
}

impl std::fmt::Debug for Frame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.as_ref().fmt(f)
    }
}

impl std::fmt::Debug for FrameRef<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FrameRef({}, {} bytes)", self.source.name(), self.payload.len())
    }
}

impl Frame {
    /// The frame's parts, borrowed.
    pub fn as_ref(&self) -> FrameRef<'_> {
        FrameRef {
            source: self.source,
            principal: &self.principal,
            context: &self.context,
            received_at_us: self.received_at_us,
            payload: &self.payload,
        }
    }

    /// The frame as one run of bytes: the payload of a `Source::Replay` frame, and what a journal record carries.
    ///
    /// # Errors
    /// `TooLarge` where principal or context is longer than its length field can say.
    pub fn encode(&self) -> Result<Vec<u8>, Refusal> {
        let mut out = Vec::new();
        self.as_ref().encode_into(&mut out)?;
        Ok(out)
    }

    /// The frame that `encode` wrote. The payload is a slice of `bytes`, not a copy.
    ///
    /// # Errors
    /// `Malformed` where the bytes are too short, name an unknown source, or a text is not UTF-8.
    pub fn decode(bytes: &Bytes) -> Result<Self, Refusal> {
        let malformed = |what: &str| Refusal::new(Code::Malformed, format!("not an encoded frame: {what}"));
        let (received_at, rest) = bytes.split_first_chunk::<8>().ok_or_else(|| malformed("too short"))?;
        let ([source, principal_len, context_low, context_high], rest) =
            rest.split_first_chunk::<4>().ok_or_else(|| malformed("too short"))?;
        let source = Source::from_u8(*source).ok_or_else(|| malformed("unknown source"))?;
        let principal_len = usize::from(*principal_len);
        let context_len = usize::from(u16::from_le_bytes([*context_low, *context_high]));
        let text = |from: usize, len: usize| -> Result<CompactString, Refusal> {
            let raw = rest.get(from..from + len).ok_or_else(|| malformed("too short"))?;
            CompactString::from_utf8(raw).map_err(|_| malformed("text is not UTF-8"))
        };
        Ok(Self {
            source,
            principal: text(0, principal_len)?,
            context: text(principal_len, context_len)?,
            received_at_us: i64::from_le_bytes(*received_at),
            payload: bytes.slice(FRAME_HEAD_BYTES + principal_len + context_len..),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sources() -> impl Strategy<Value = Source> {
        prop_oneof![Just(Source::Hl7Http), Just(Source::JsonMqtt), Just(Source::Tick), Just(Source::Replay)]
    }

    proptest! {
        #[test]
        fn a_frame_survives_encode_and_decode(
            source in sources(), principal in ".{0,40}", context in ".{0,60}", received_at_us: i64,
            payload in proptest::collection::vec(any::<u8>(), 0..300),
        ) {
            let frame = Frame {
                source, principal: principal.into(), context: context.into(), received_at_us, payload: payload.into(),
            };
            let encoded = Bytes::from(frame.encode().unwrap());
            prop_assert_eq!(encoded.len(), frame.as_ref().encoded_len());
            prop_assert_eq!(Frame::decode(&encoded).unwrap(), frame);
        }

        #[test]
        fn arbitrary_bytes_are_refused_or_read_but_never_panic(raw in proptest::collection::vec(any::<u8>(), 0..64)) {
            if let Ok(frame) = Frame::decode(&Bytes::from(raw.clone())) {
                prop_assert_eq!(frame.encode().unwrap(), raw);
            }
        }
    }

    #[test]
    fn a_principal_that_its_length_field_cannot_say_is_refused() {
        let principal = "p".repeat(PRINCIPAL_BYTES_MAX + 1).into();
        let frame = Frame { source: Source::Tick, principal, context: "".into(), received_at_us: 0, payload: Bytes::new() };
        assert_eq!(frame.encode().unwrap_err().code, Code::TooLarge);
    }
}
