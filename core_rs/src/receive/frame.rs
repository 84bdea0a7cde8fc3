//! The boundary between receive and journal.

use bytes::Bytes;
use compact_str::CompactString;
use serde::{Deserialize, Serialize};

/// Which door a frame came through; it decides how the payload is decoded. The numbers are on disk: never reuse one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum Source {
    /// One HL7 v2 message over HTTP. Context: the charset of the Content-Type, or empty.
    Hl7Http = 1,
    /// Device JSON over HTTP. Context: empty.
    JsonHttp = 2,
    /// Device JSON over MQTT. Context: `unit/bed` from the topic.
    JsonMqtt = 3,
    /// HL7 v2 over MQTT. Context: `unit/bed` from the topic.
    Hl7Mqtt = 4,
    /// Time passes: written once a second by the server itself. No payload.
    Tick = 16,
    /// A dead-lettered frame once more: the payload is that frame encoded by `Frame::encode`.
    Replay = 17,
}

impl Source {
    /// The source with this number on disk.
    pub const fn from_u8(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::Hl7Http,
            2 => Self::JsonHttp,
            3 => Self::JsonMqtt,
            4 => Self::Hl7Mqtt,
            16 => Self::Tick,
            17 => Self::Replay,
            _ => return None,
        })
    }

    /// The label in metrics and tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hl7Http => "hl7_http",
            Self::JsonHttp => "json_http",
            Self::JsonMqtt => "json_mqtt",
            Self::Hl7Mqtt => "hl7_mqtt",
            Self::Tick => "tick",
            Self::Replay => "replay",
        }
    }
}

/// What a door took in: raw bytes and where, from whom and when they came.
#[derive(Debug, Clone, PartialEq, Eq)]
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
