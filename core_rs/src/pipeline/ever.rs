//! What the frames came to, from the journal's first on: a part of the state. So a snapshot holds it, a replay counts each frame
//! once, and a restart changes nothing: with it a count of what was sent can be held against what is in the journal.

use std::sync::atomic::Ordering::Relaxed;

use serde::{Deserialize, Serialize};

use super::Counters;

/// Counts since the journal's first frame; see `Counters` for what each is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ever {
    /// Frames that came in by a door. Copies and dead letters are among them.
    pub frames_received: u64,
    /// Frames that were copies of earlier ones.
    pub frames_repeated: u64,
    /// Frames that ended as dead letters as a whole: refused, in conflict with an earlier one, or the end of a stage.
    pub frames_dead: u64,
    /// Observations that window took in: new, changed, or the same once more.
    pub observations_taken: u64,
    /// Of those, new or changed values: one row each.
    pub observations_kept: u64,
    /// Observations of frames that were understood, refused one by one: implausible, or of nobody known. Dead letters.
    pub observations_refused: u64,
}

impl Ever {
    /// What counters say now.
    pub fn of(counters: &Counters) -> Self {
        let kept = counters.observations_kept.load(Relaxed);
        let dead = [&counters.frames_dead, &counters.frames_conflicting, &counters.frames_internal];
        Self {
            frames_received: counters.frames_received.load(Relaxed),
            frames_repeated: counters.frames_repeated.load(Relaxed),
            frames_dead: dead.iter().map(|counter| counter.load(Relaxed)).sum(),
            observations_taken: kept + counters.observations_repeated.load(Relaxed),
            observations_kept: kept,
            observations_refused: counters.observations_dead.load(Relaxed) + counters.observations_rejected.load(Relaxed),
        }
    }

    /// Adds what the same counters gained between two looks.
    pub fn grow(&mut self, before: Self, after: Self) {
        self.frames_received += after.frames_received - before.frames_received;
        self.frames_repeated += after.frames_repeated - before.frames_repeated;
        self.frames_dead += after.frames_dead - before.frames_dead;
        self.observations_taken += after.observations_taken - before.observations_taken;
        self.observations_kept += after.observations_kept - before.observations_kept;
        self.observations_refused += after.observations_refused - before.observations_refused;
    }
}
