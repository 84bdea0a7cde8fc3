//! Rows of `encounter_events`: every ADT event and what the window stage made of it, append-only. Patients, identities,
//! encounters and bed stays are derived from them by SQL in the same transaction; SQL decides nothing about beds itself.

use super::copy::{CopyBuffer, CopyTable};
use crate::decode::{BedKey, EncounterEvent, Identity, PatientId};

/// One ADT event and what it did.
#[derive(Debug, Clone, Copy)]
pub struct EncounterRow<'a> {
    /// The frame.
    pub seq: u64,
    /// Receipt of the frame, microseconds since 1970-01-01 UTC.
    pub received_at_us: i64,
    /// Whom it is about: the survivor, where the message still names a record that was merged into another.
    pub patient: PatientId,
    /// What was said.
    pub event: &'a EncounterEvent,
    /// Where the patient lies after it, whatever the event said.
    pub lies: Option<&'a BedKey>,
    /// The patient is in the house after it.
    pub here: bool,
    /// The patient left by it.
    pub leaves: bool,
    /// It occurred before what was already known and moved nobody.
    pub stale: bool,
    /// Of a cancellation: the patient's stays that began since then were none, but for one in the bed where the patient lies.
    pub undone_since_us: Option<i64>,
}

/// COPY rows of `encounter_events`.
#[derive(Debug)]
pub struct EncounterRows(CopyBuffer);

impl EncounterRows {
    /// The columns, in the order of the fields.
    pub const COLUMNS: &'static [&'static str] = &[
        "seq",
        "ordinal",
        "kind",
        "patient_id",
        "authority",
        "identifier",
        "family",
        "given",
        "birth_day",
        "sex",
        "visit",
        "class",
        "unit",
        "bed",
        "admitted_at",
        "occurred_at",
        "received_at",
        "lies_unit",
        "lies_bed",
        "here",
        "leaves",
        "stale",
        "recorded_at",
        "undone_since_at",
    ];

    /// No rows.
    pub const fn new() -> Self {
        Self(CopyBuffer::new("encounter_events", Self::COLUMNS))
    }

    /// Appends one row.
    pub fn push(&mut self, row: &EncounterRow<'_>) {
        let event = row.event;
        // A retired name is not the survivor's: that row names nobody.
        let unnamed = Identity::default();
        let identity = if row.patient == event.patient { &event.identity } else { &unnamed };
        let mut sex = [0; 4];
        self.0
            .tuple()
            .int8(row.seq)
            .int4(event.ordinal)
            .int2(event.kind as i16)
            .uuid(row.patient.0)
            .text(&identity.authority)
            .text(&identity.identifier)
            .text(&identity.family)
            .text(&identity.given)
            .date_or_null(event.birth_day)
            .text_or_null(event.sex.map(|sex_char| &*sex_char.encode_utf8(&mut sex)))
            .text(&event.visit)
            .text(&event.class)
            .text_or_null(event.bed.as_ref().map(|bed| bed.unit.as_str()))
            .text_or_null(event.bed.as_ref().map(|bed| bed.bed.as_str()))
            .timestamp_or_null(event.admitted_at_us)
            .timestamp(event.occurred_at_us)
            .timestamp(row.received_at_us)
            .text_or_null(row.lies.map(|bed| bed.unit.as_str()))
            .text_or_null(row.lies.map(|bed| bed.bed.as_str()))
            .boolean(row.here)
            .boolean(row.leaves)
            .boolean(row.stale)
            .timestamp_or_null(event.recorded_at_us)
            .timestamp_or_null(row.undone_since_us);
    }

    /// Rows since the last `finish`.
    pub const fn rows(&self) -> u32 {
        self.0.rows()
    }

    /// Bytes since the last `finish`.
    pub fn len_bytes(&self) -> usize {
        self.0.len_bytes()
    }

    /// The finished stream, None without rows; the buffer is empty again.
    pub fn finish(&mut self) -> Option<CopyTable> {
        self.0.finish()
    }
}

impl Default for EncounterRows {
    fn default() -> Self {
        Self::new()
    }
}
