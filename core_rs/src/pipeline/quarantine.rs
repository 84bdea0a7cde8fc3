//! Frames that stopped a stage. A frame named here is a dead letter with stage and reason and never enters the stages, in this run
//! and in every replay: the same journal with the same list gives the same rows. The list itself is kept beside the journal
//! (`engine/poison.rs`); this is what the pipeline asks. A frame that is not named costs one load.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::RwLock;
use serde::{Deserialize, Serialize};

use super::Stage;
use crate::error::{Code, Refusal};

/// What a frame did to its stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Did {
    /// The stage panicked, twice: in its batch and alone.
    Panicked,
    /// The stage did not come to an end.
    Hung,
}

/// A frame that stopped a stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Poison {
    /// The frame.
    pub seq: u64,
    /// The stage it stopped.
    pub stage: Stage,
    /// How.
    pub did: Did,
    /// File and line of the panic in the core's sources; empty where it is not known.
    pub place: String,
    /// When it was found, microseconds since 1970-01-01 UTC.
    pub found_at_us: i64,
}

impl Poison {
    /// The reason on the dead letter.
    pub fn refusal(&self) -> Refusal {
        let stage = self.stage.name();
        let detail = match self.did {
            Did::Panicked => format!("{stage} panicked at {}; the frame was kept and passed over", self.place),
            Did::Hung => format!("{stage} did not come to an end; the frame was kept and passed over"),
        };
        Refusal::new(Code::Internal, detail)
    }
}

/// The frames the pipeline passes over.
#[derive(Debug, Default)]
pub struct Quarantine {
    count: AtomicUsize,
    frames: RwLock<BTreeMap<u64, Poison>>,
}

impl Quarantine {
    /// A frame that is passed over, and why.
    pub fn get(&self, seq: u64) -> Option<Poison> {
        if self.count.load(Ordering::Acquire) == 0 {
            return None;
        }
        self.frames.read().get(&seq).cloned()
    }

    /// Passes a frame over from now on.
    pub fn put(&self, poison: Poison) {
        let mut frames = self.frames.write();
        frames.insert(poison.seq, poison);
        self.count.store(frames.len(), Ordering::Release);
    }

    /// All of them, in order.
    pub fn all(&self) -> Vec<Poison> {
        self.frames.read().values().cloned().collect()
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
