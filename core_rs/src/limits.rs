//! Every limit of the Rust half, in one place (P5). Reaching one slows or refuses, never grows.
//!
//! Names end in their unit. Those a site may change are repeated in the Python settings and arrive through `Limits`.

use serde::{Deserialize, Serialize};

/// The limits a site may set; the defaults hold for one node of 2 cores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Largest payload of one frame.
    pub frame_bytes_max: usize,
    /// Most segments in one HL7 message.
    pub hl7_segments_max: usize,
    /// Most messages in one FHS/BHS batch.
    pub hl7_batch_messages_max: usize,
    /// Most observations in one frame.
    pub frame_observations_max: usize,
    /// How far ahead of receipt an observation time may lie, seconds.
    pub future_s_max: i64,
    /// How far behind receipt an observation time may lie, seconds.
    pub past_s_max: i64,
    /// Most patients with a rolling state.
    pub patients_max: usize,
    /// Most raw observations held per patient and signal.
    pub signal_observations_max: usize,
    /// Message ids remembered for redelivery.
    pub message_ids_max: usize,
    /// Journal bytes on disk before new frames are refused.
    pub journal_bytes_max: u64,
    /// One journal segment.
    pub journal_segment_bytes_max: u64,
    /// Frames waiting for the disk before senders are held back.
    pub journal_waiting_bytes_max: usize,
    /// MQTT connections at once.
    pub mqtt_connections_max: usize,
    /// Unacknowledged QoS 1 publishes per MQTT connection.
    pub mqtt_inflight_max: u16,
    /// Finished batches waiting for Python.
    pub batches_waiting_max: usize,
    /// Frames in one batch.
    pub batch_frames_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            frame_bytes_max: 1 << 20,
            hl7_segments_max: 10_000,
            hl7_batch_messages_max: 1_000,
            frame_observations_max: 10_000,
            future_s_max: 300,
            past_s_max: 366 * 86_400,
            patients_max: 20_000,
            signal_observations_max: 100_000,
            message_ids_max: 1_000_000,
            journal_bytes_max: 16 << 30,
            journal_segment_bytes_max: 64 << 20,
            journal_waiting_bytes_max: 32 << 20,
            mqtt_connections_max: 4_096,
            mqtt_inflight_max: 1_024,
            batches_waiting_max: 8,
            batch_frames_max: 8_192,
        }
    }
}

/// Largest CONNECT packet read from a client nobody has authenticated yet.
pub const MQTT_CONNECT_BYTES_MAX: usize = 64 << 10;
/// Longest MQTT client identifier.
pub const MQTT_CLIENT_ID_BYTES_MAX: usize = 256;
/// Topic aliases an MQTT 5 client may define on one connection.
pub const MQTT_TOPIC_ALIASES_MAX: u16 = 16;
