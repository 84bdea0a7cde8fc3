//! The boundary between alert and store.

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use crate::decode::{BedKey, PatientId};
use crate::score::Why;

/// How urgent (vocabulary of IEC 60601-1-8; no conformity is claimed).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Severity {
    /// The system itself needs attention.
    Technical = 0,
    /// Awareness.
    Low = 1,
    /// Prompt response.
    Medium = 2,
    /// Immediate response.
    High = 3,
}

/// What happened to an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum AlertKind {
    /// The rule's condition held for its number of evaluations.
    Opened = 1,
    /// It no longer holds, or the patient left.
    Cleared = 2,
}

/// Why a patient is no longer watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Departure {
    /// Discharged, or not heard of for long.
    Left,
    /// The admission was cancelled.
    AdmissionCancelled,
    /// The record was merged into another, which is watched on.
    Merged,
}

/// One step in the life of one alert. (seq, ordinal) orders all of them and is the cursor consoles resume from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AlertEvent {
    /// The frame that caused it.
    pub seq: u64,
    /// Position among the alert events of that frame.
    pub ordinal: u32,
    /// The alert's own id: seq and ordinal of its opening, `seq << 16 | ordinal`.
    pub alert_id: u64,
    /// Whose.
    pub patient: PatientId,
    /// Where the patient lay.
    pub bed: Option<BedKey>,
    /// The policy rule's name.
    pub rule: CompactString,
    /// Opened or cleared.
    pub kind: AlertKind,
    /// How urgent.
    pub severity: Severity,
    /// When, microseconds since 1970-01-01 UTC: frame time, never the clock.
    pub at_us: i64,
    /// Index of the scorer.
    pub scorer: u16,
    /// The score's value at this step.
    pub value: f64,
    /// For a person: what crossed which threshold. No identity.
    pub reason: String,
    /// What made the score, by feature and in words; empty when cleared.
    pub why: Why,
}
