//! Which frame the pipeline works on, and in which stage: told by the pipeline at every step, read by the watchdog when no step
//! follows, and by whoever catches a panic. Three relaxed stores a step; no clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed};

use serde::{Deserialize, Serialize};

use super::Quarantine;

/// A stage behind the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum Stage {
    /// Bytes become events.
    #[default]
    Decode,
    /// Events become state.
    Window,
    /// State becomes scores.
    Score,
    /// Scores become alerts.
    Alert,
    /// Rows become COPY streams.
    Store,
    /// State becomes messages.
    Publish,
}

impl Stage {
    const ALL: [Self; 6] = [Self::Decode, Self::Window, Self::Score, Self::Alert, Self::Store, Self::Publish];

    /// The stage's name in rows and figures.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Decode => "decode",
            Self::Window => "window",
            Self::Score => "score",
            Self::Alert => "alert",
            Self::Store => "store",
            Self::Publish => "publish",
        }
    }
}

/// Nothing is under way.
const IDLE: u64 = 0;
/// A stage works on all frames of the batch at once.
const WHOLE: u64 = u64::MAX;

/// A step as the watchdog sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Steps so far: the same number twice means that nothing moved.
    pub number: u64,
    /// First and last frame it may be about.
    pub frames: (u64, u64),
    /// The stage.
    pub stage: Stage,
}

/// Where the pipeline is.
#[derive(Debug, Default)]
pub struct UnderWay {
    steps: AtomicU64,
    seq: AtomicU64,
    first: AtomicU64,
    last: AtomicU64,
    stage: AtomicU8,
    /// The fault point of this crate's own tests; it does not exist in any other build.
    #[cfg(test)]
    pub fault: Fault,
}

/// What a test does to a stage when a frame reaches it; `WHOLE` stands for all frames of a batch.
#[cfg(test)]
#[derive(Default)]
pub struct Fault(pub parking_lot::Mutex<Option<FaultPoint>>);
#[cfg(test)]
type FaultPoint = Arc<dyn Fn(u64, (u64, u64), Stage) + Send + Sync>;

#[cfg(test)]
impl std::fmt::Debug for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Fault")
    }
}

impl UnderWay {
    /// A batch begins.
    pub(super) fn begin(&self, first: u64, last: u64) {
        self.first.store(first, Relaxed);
        self.last.store(last, Relaxed);
    }

    /// A stage takes up a frame.
    #[inline]
    pub(super) fn at(&self, seq: u64, stage: Stage) {
        self.stage.store(stage as u8, Relaxed);
        self.seq.store(seq, Relaxed);
        self.step_on();
        #[cfg(test)]
        self.fault_point(seq, stage);
    }

    /// A stage takes up the whole batch.
    pub(super) fn whole(&self, stage: Stage) {
        self.at(WHOLE, stage);
    }

    /// Nothing is under way any more.
    pub fn done(&self) {
        self.seq.store(IDLE, Relaxed);
        self.step_on();
    }

    /// One thread steps, the watchdog reads.
    #[inline]
    fn step_on(&self) {
        self.steps.store(self.steps.load(Relaxed).wrapping_add(1), Relaxed);
    }

    /// The stage of the last step.
    pub fn stage(&self) -> Stage {
        Stage::ALL.get(usize::from(self.stage.load(Relaxed))).copied().unwrap_or_default()
    }

    /// The step under way; None between batches.
    pub fn step(&self) -> Option<Step> {
        let frames = match self.seq.load(Relaxed) {
            IDLE => return None,
            WHOLE => (self.first.load(Relaxed), self.last.load(Relaxed)),
            seq => (seq, seq),
        };
        Some(Step { number: self.steps.load(Relaxed), frames, stage: self.stage() })
    }

    #[cfg(test)]
    fn fault_point(&self, seq: u64, stage: Stage) {
        let fault = self.fault.0.lock().clone();
        if let Some(fault) = fault {
            fault(seq, (self.first.load(Relaxed), self.last.load(Relaxed)), stage);
        }
    }
}

/// How the pipeline is watched: both parts are shared with the engine.
#[derive(Debug, Clone, Default)]
pub struct Supervision {
    /// Frames to pass over.
    pub quarantine: Arc<Quarantine>,
    /// Where the pipeline is.
    pub under_way: Arc<UnderWay>,
}
