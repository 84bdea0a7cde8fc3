//! Rows of `patient_merges`: which record was joined to which, append-only. Rows keep the id they were written under; views
//! resolve it.

use super::copy::{CopyBuffer, CopyTable};
use crate::decode::PatientId;

/// One merge that took effect.
#[derive(Debug, Clone, Copy)]
pub struct MergeRow {
    /// The frame.
    pub seq: u64,
    /// Position within the frame.
    pub ordinal: u32,
    /// Receipt of the frame, microseconds since 1970-01-01 UTC.
    pub received_at_us: i64,
    /// When the event occurred, microseconds since 1970-01-01 UTC.
    pub occurred_at_us: i64,
    /// The record that is given up.
    pub former: PatientId,
    /// The one it belongs to from here on.
    pub patient: PatientId,
}

/// COPY rows of `patient_merges`.
#[derive(Debug)]
pub struct MergeRows(CopyBuffer);

impl MergeRows {
    /// The columns, in the order of the fields.
    pub const COLUMNS: &'static [&'static str] = &["seq", "ordinal", "received_at", "occurred_at", "former_id", "patient_id"];

    /// No rows.
    pub const fn new() -> Self {
        Self(CopyBuffer::new("patient_merges", Self::COLUMNS))
    }

    /// Appends one row.
    pub fn push(&mut self, row: &MergeRow) {
        self.0
            .tuple()
            .int8(row.seq)
            .int4(row.ordinal)
            .timestamp(row.received_at_us)
            .timestamp(row.occurred_at_us)
            .uuid(row.former.0)
            .uuid(row.patient.0);
    }

    /// The finished stream, None without rows; the buffer is empty again.
    pub fn finish(&mut self) -> Option<CopyTable> {
        self.0.finish()
    }
}

impl Default for MergeRows {
    fn default() -> Self {
        Self::new()
    }
}
