//! A message under way, and what its answer counts.

use super::control::{Acked, note};
use super::tally::Tally;
use crate::schedule::{Due, Kind};

/// A message that was written, or is to be written again.
#[derive(Debug, Clone, Copy)]
pub struct Message {
    /// What it is.
    pub kind: Kind,
    /// Which, and when it was meant to be sent.
    pub due: Due,
    /// Observations in it, once it was written.
    pub observations: u32,
    /// Whether a console can tell it: a reading with the marker's signal.
    pub is_marked: bool,
}

impl Message {
    /// Its intended time, microseconds since the schedule began.
    pub fn due_us(&self) -> u64 {
        u64::from(self.due.at_ms) * 1_000
    }

    /// Counts its answer.
    pub fn answered(&self, taken: bool, now_us: u64, tally: &mut Tally, acked: &mut Acked) {
        if taken {
            self.done(now_us, tally);
            note(acked, self.due.at_ms);
        } else {
            tally.refused += 1;
            tally.readings_refused += u64::from(self.is_marked);
        }
    }

    /// Counts it as acknowledged, without saying that it is durable.
    pub fn done(&self, now_us: u64, tally: &mut Tally) {
        tally.acknowledged += 1;
        tally.observations_acknowledged += u64::from(self.observations);
        tally.latency.saturating_record(now_us.saturating_sub(self.due_us()).max(1));
    }
}
