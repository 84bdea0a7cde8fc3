//! Rows of `alert_events`: each step of each alert, in the order consoles resume from.

use super::copy::{CopyBuffer, CopyTable};
use super::scores::Scorer;
use crate::alert::AlertEvent;

/// COPY rows of `alert_events`.
#[derive(Debug)]
pub struct AlertRows(CopyBuffer);

impl AlertRows {
    /// The columns, in the order of the fields.
    pub const COLUMNS: &'static [&'static str] = &[
        "seq",
        "ordinal",
        "alert_id",
        "patient_id",
        "unit",
        "bed",
        "rule",
        "kind",
        "severity",
        "at",
        "model",
        "version",
        "value",
        "reason",
        "contributions",
        "explanation",
        "cause",
        "subject",
        "by_key",
        "by_role",
        "to_role",
        "note",
        "until_at",
        "level",
        "held",
    ];

    /// No rows.
    pub const fn new() -> Self {
        Self(CopyBuffer::new("alert_events", Self::COLUMNS))
    }

    /// Appends one row.
    pub fn push(&mut self, event: &AlertEvent, scorer: Scorer<'_>) {
        self.0
            .tuple()
            .int8(event.seq)
            .int4(event.ordinal)
            .int8(event.alert_id)
            .uuid_or_null(event.patient.map(|patient| patient.0))
            .text_or_null(event.bed.as_ref().map(|bed| bed.unit.as_str()))
            .text_or_null(event.bed.as_ref().map(|bed| bed.bed.as_str()).filter(|bed| !bed.is_empty()))
            .text(&event.rule)
            .int2(event.kind as i16)
            .int2(event.severity as i16)
            .timestamp(event.at_us)
            .text(scorer.name)
            .text(scorer.version)
            .float8(event.value)
            .text(&event.reason)
            .jsonb(&event.why.contributions)
            .jsonb(&event.why.reasons)
            .text(&event.cause)
            .text(&event.subject)
            .text(&event.said.by)
            .text(&event.said.role)
            .text(&event.said.to)
            .text(&event.said.note)
            .timestamp_or_null(event.said.until_us)
            .int2(i16::from(event.level))
            .boolean(event.held);
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

impl Default for AlertRows {
    fn default() -> Self {
        Self::new()
    }
}
