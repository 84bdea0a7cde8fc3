//! Rows of `observations`: append-only, every version of a value is kept.

use super::copy::{CopyBuffer, CopyTable};
use crate::decode::{PatientId, SignalId, Status};
use crate::receive::Source;

/// What is stored of one observation, once window knows whom it is about.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ObservationRow {
    /// The frame.
    pub seq: u64,
    /// Position within the frame.
    pub ordinal: u32,
    /// Whose.
    pub patient: PatientId,
    /// What.
    pub signal: SignalId,
    /// Microseconds since 1970-01-01 UTC.
    pub observed_at_us: i64,
    /// Receipt of the frame, microseconds since 1970-01-01 UTC.
    pub received_at_us: i64,
    /// In the canonical unit; NaN (withdrawn) is stored as NULL.
    pub value: f64,
    /// Final, preliminary, corrected, withdrawn.
    pub status: Status,
    /// The door it came through.
    pub source: Source,
}

/// COPY rows of `observations`.
#[derive(Debug)]
pub struct ObservationRows(CopyBuffer);

impl ObservationRows {
    /// The columns, in the order of the fields.
    pub const COLUMNS: &'static [&'static str] =
        &["seq", "ordinal", "patient_id", "signal_id", "observed_at", "received_at", "value", "status", "source"];

    /// No rows.
    pub const fn new() -> Self {
        Self(CopyBuffer::new("observations", Self::COLUMNS))
    }

    /// Appends one row.
    pub fn push(&mut self, row: &ObservationRow) {
        let tuple = self.0.tuple();
        tuple.int8(row.seq).int4(row.ordinal).uuid(row.patient.0).int2(signal_number(row.signal));
        tuple.timestamp(row.observed_at_us).timestamp(row.received_at_us);
        if row.value.is_nan() {
            tuple.null()
        } else {
            tuple.float8(row.value)
        };
        tuple.int2(row.status as i16).int2(row.source as i16);
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

impl Default for ObservationRows {
    fn default() -> Self {
        Self::new()
    }
}

/// The catalogue is far smaller than 2^15 signals.
pub(super) fn signal_number(signal: SignalId) -> i16 {
    i16::try_from(signal.0).unwrap_or(i16::MAX)
}
