//! Which frame was the last received by a time: what "as it was at 03:12" means in a journal.
//!
//! Receipts are stamped before they are numbered, so neighbours may be out of order by as long as a door may take between the two.
//! `STRAGGLER_US` (10 s) bounds how far behind the first later frame is looked for one that is still earlier. Where the clock was
//! set back by more than that, a time occurs twice, and the earlier run of it is found.

use std::time::Duration;

use super::{Journal, JournalError};

/// How far frames may be out of the order of their receipts, microseconds.
pub const STRAGGLER_US: i64 = 10_000_000;

impl Journal {
    /// The last frame received at or before `at_us` (microseconds since 1970-01-01 UTC), with its receipt; None where the oldest
    /// frame there is came later. Reads one segment at most.
    ///
    /// # Errors
    /// As `JournalReader::next`.
    pub fn last_received_by(&self, at_us: i64) -> Result<Option<(u64, i64)>, JournalError> {
        let Some(from_seq) = self.segment_at(at_us) else { return Ok(None) };
        let (mut reader, mut found) = (self.reader(from_seq), None);
        while let Some(journalled) = reader.next(Duration::ZERO)? {
            let received_at_us = journalled.frame.received_at_us;
            if received_at_us <= at_us {
                found = Some((journalled.seq, received_at_us));
            } else if received_at_us > at_us.saturating_add(STRAGGLER_US) {
                break;
            }
        }
        Ok(found)
    }

    /// Receipt of a frame; None where the journal does not hold it.
    ///
    /// # Errors
    /// `Damaged`, `Format`, `Io`.
    pub fn received_at_us(&self, seq: u64) -> Result<Option<i64>, JournalError> {
        match self.read_one(seq) {
            Ok(frame) => Ok(frame.map(|frame| frame.received_at_us)),
            Err(JournalError::Gone { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
