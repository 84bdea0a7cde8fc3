//! What the store was given, once more, from the journal alone: for training on what was recorded.
//!
//! The frames go through the same route as in service (redelivery, beds, corrections), without models and alerts, and its COPY
//! streams of observations and ADT events come out: the rows of the tables, byte for byte. Reads only; a torn end of the last
//! segment is passed over. Begins with the journal's first frame, or, where retention has removed it, with the oldest snapshot.
//! Memory: one state of the ward and the rows of `FRAMES_A_STEP` frames.

use std::time::Duration;

use super::panics::quietly;
use super::replay::{FRAMES_A_STEP, History, ReplayError, STEP_BYTES_MAX};
use crate::journal::{JournalError, JournalReader, Journalled};
use crate::pipeline::{Pipeline, StateError};
use crate::store::CopyTable;

/// A policy that never alerts.
const NO_ALERTS: &str = "rule = []\n";
/// The tables of which rows are given.
pub const TABLES: [&str; 3] = ["observations", "encounter_events", "patient_merges"];

/// The rows of a journal, in order.
#[derive(Debug)]
pub struct StoredRows {
    pipeline: Pipeline,
    reader: JournalReader,
    from_seq: u64,
    last_seq: u64,
    frames: Vec<Journalled>,
}

impl History {
    /// All rows that what is in the journal now gave the store.
    ///
    /// # Errors
    /// `Gone` where neither the first frame nor a snapshot is there; a snapshot that does not fit.
    pub fn stored(&self) -> Result<StoredRows, ReplayError> {
        let from_seq = self.starts().first().copied().ok_or_else(|| self.gone())?;
        let setup = self.setup(&self.scorers, &self.policy);
        let mut pipeline = match from_seq {
            0 => Pipeline::new(setup)?,
            seq => Pipeline::resume(setup, self.snapshots.read(seq).ok_or_else(|| self.gone())?)?,
        };
        pipeline.hold_policy(NO_ALERTS).map_err(|error| StateError::Policy(error.to_string()))?;
        let reader = self.journal.reader(from_seq + 1);
        Ok(StoredRows { pipeline, reader, from_seq, last_seq: self.journal.durable_seq(), frames: Vec::new() })
    }

    /// Whether frames go by the times their messages say.
    pub fn is_recorded_time(&self) -> bool {
        self.decoder.config().recorded_time
    }
}

impl StoredRows {
    /// The next rows, of `TABLES` only, perhaps none; `None` at the journal's end.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub fn next_tables(&mut self) -> Result<Option<Vec<CopyTable>>, JournalError> {
        if self.reader.position() > self.last_seq {
            return Ok(None);
        }
        let left = usize::try_from(self.last_seq + 1 - self.reader.position()).unwrap_or(usize::MAX);
        self.frames.clear();
        self.reader.next_batch(&mut self.frames, left.min(FRAMES_A_STEP), STEP_BYTES_MAX, Duration::ZERO)?;
        if self.frames.is_empty() {
            return Ok(None);
        }
        let batch = quietly(|| self.pipeline.run(&self.frames, self.from_seq));
        let tables = batch.map(|batch| batch.tables).unwrap_or_default();
        Ok(Some(tables.into_iter().filter(|table| TABLES.contains(&table.table)).collect()))
    }

    /// Frames read so far, and how many there are.
    pub fn progress(&self) -> (u64, u64) {
        (self.reader.position().saturating_sub(self.from_seq + 1), self.last_seq.saturating_sub(self.from_seq))
    }
}
