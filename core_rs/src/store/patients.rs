//! Rows of `patients_seen`: whom a batch says something about, once each. The store folds them into `patients`.

use indexmap::IndexMap;

use super::copy::{CopyBuffer, CopyTable};
use crate::decode::PatientId;

/// COPY rows of `patients_seen`, one a patient and batch.
#[derive(Debug, Default)]
pub struct PatientRows {
    /// First and last receipt in the batch, in order of first appearance.
    seen: IndexMap<PatientId, (i64, i64), hashbrown::DefaultHashBuilder>,
}

impl PatientRows {
    /// The columns, in the order of the fields.
    pub const COLUMNS: &'static [&'static str] = &["patient_id", "first_seen_at", "last_seen_at"];

    /// No rows.
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes that a frame received then (microseconds since 1970-01-01 UTC) spoke of this patient.
    pub fn push(&mut self, patient: PatientId, received_at_us: i64) {
        let (first, last) = self.seen.entry(patient).or_insert((received_at_us, received_at_us));
        *first = received_at_us.min(*first);
        *last = received_at_us.max(*last);
    }

    /// The finished stream, None without rows; empty again.
    pub fn finish(&mut self) -> Option<CopyTable> {
        let mut buffer = CopyBuffer::new("patients_seen", Self::COLUMNS);
        for (patient, (first, last)) in self.seen.drain(..) {
            buffer.tuple().uuid(patient.0).timestamp(first).timestamp(last);
        }
        buffer.finish()
    }
}
