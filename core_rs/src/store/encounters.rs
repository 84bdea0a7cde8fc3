//! Rows of `encounter_events`: every ADT event, append-only. Patients, identities, encounters and bed stays are derived from
//! them by SQL in the same transaction.

use super::copy::{CopyBuffer, CopyTable};
use crate::decode::EncounterEvent;

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
    ];

    /// No rows.
    pub const fn new() -> Self {
        Self(CopyBuffer::new("encounter_events", Self::COLUMNS))
    }

    /// Appends one row; `received_at_us` is the receipt of the frame, microseconds since 1970-01-01 UTC.
    pub fn push(&mut self, seq: u64, received_at_us: i64, event: &EncounterEvent) {
        let identity = &event.identity;
        let mut sex = [0; 4];
        self.0
            .tuple()
            .int8(seq)
            .int4(event.ordinal)
            .int2(event.kind as i16)
            .uuid(event.patient.0)
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
            .timestamp(received_at_us);
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
