//! What the engine's threads share, and how a longer recovery stands.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Instant;

use parking_lot::Mutex;
use serde_json::{Value, json};

use super::bell::Bell;
use super::poison::PoisonList;
use crate::journal::Journal;
use crate::pipeline::Supervision;

/// The process must end with this code, for its supervisor to start it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fatal {
    /// The exit code: `EXIT_HUNG`.
    pub code: i32,
    /// Why; no identity.
    pub reason: String,
}

/// Exit code after a stage hung: its frame is on the list, the next start goes on behind it.
pub const EXIT_HUNG: i32 = 70;

/// A replay towards the journal's head, after a start or after a panic.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Recovery {
    /// Why there is one.
    pub why: &'static str,
    /// The first frame that is replayed; 0 while the snapshot is being read.
    pub from_seq: u64,
    /// Recovered once this frame is done.
    pub to_seq: u64,
    /// Last frame done.
    pub done_seq: u64,
    pub since: Instant,
}

impl Recovery {
    /// A snapshot is being read.
    pub fn reading(why: &'static str, to_seq: u64) -> Self {
        Self { why, from_seq: 0, to_seq, done_seq: 0, since: Instant::now() }
    }

    /// Frames done and to do, their rate and the seconds that are left at it.
    pub fn json(&self) -> Value {
        let (done, all) = match self.from_seq {
            0 => (0, 0),
            from => (self.done_seq.saturating_sub(from - 1), (self.to_seq + 1).saturating_sub(from)),
        };
        let per_s = done as f64 / self.since.elapsed().as_secs_f64().max(1e-3);
        let left = (done > 0).then(|| ((all - done.min(all)) as f64 / per_s * 10.0).round() / 10.0);
        json!({
            "why": self.why,
            "frames_done": done,
            "frames_to_do": all,
            "frames_per_s": per_s.round(),
            "seconds_left": left,
        })
    }
}

/// What supervision counted.
#[derive(Debug, Default)]
pub(crate) struct Counted {
    /// Panics behind decode that were caught.
    pub panics: AtomicU64,
    /// Of these, batches in which no frame panicked when run alone.
    pub panics_not_repeated: AtomicU64,
    /// Times the state was read back and replayed because of a panic.
    pub rebuilds: AtomicU64,
    /// Panics while a snapshot or a figure was made: nothing was lost, it was left out.
    pub panics_aside: AtomicU64,
    /// MQTT doors whose thread died and that were opened again.
    pub doors_reopened: AtomicU64,
    pub snapshots_written: AtomicU64,
    pub snapshots_failed: AtomicU64,
    /// The newest snapshot's frame.
    pub snapshot_seq: AtomicU64,
    /// Microseconds: how long the newest one held the pipeline up, its encoding took beside it, and the disk after that.
    pub snapshot_held_us: AtomicU64,
    pub snapshot_encode_us: AtomicU64,
    pub snapshot_sync_us: AtomicU64,
}

/// What the threads share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub journal: Arc<Journal>,
    pub stopping: AtomicBool,
    /// Nobody will take batches any more.
    pub abandoned: AtomicBool,
    /// The watchdog may go.
    pub over: AtomicBool,
    /// Last frame the pipeline has finished.
    pub processed_seq: AtomicU64,
    /// Last frame whose rows were handed over, or stored before the start: it cannot be passed over any more.
    pub handed_seq: AtomicU64,
    /// Last frame the store has committed.
    pub stored_seq: AtomicU64,
    /// Rung when a batch was handed over, and when none will be any more.
    pub bell: Bell,
    /// Receipt of the last frame the pipeline has finished.
    pub processed_at_us: AtomicI64,
    /// Why the pipeline stopped, if it did.
    pub failed: Mutex<Option<String>>,
    /// Why the process must end, if it must.
    pub fatal: Mutex<Option<Fatal>>,
    /// The replay under way.
    pub recovery: Mutex<Option<Recovery>>,
    /// What happened last: panics, quarantine; for the log.
    pub notes: Mutex<Vec<String>>,
    /// Ticks written or refused so far.
    pub ticks: AtomicU64,
    /// How long the journal's clock has not been asked, and how long frames have waited without one being finished, milliseconds.
    pub ticks_silent_ms: AtomicU64,
    pub stalled_ms: AtomicU64,
    pub counted: Counted,
    pub poison: PoisonList,
    pub supervision: Supervision,
    /// Gauges the pipeline refreshes now and then.
    pub gauges: Mutex<crate::pipeline::Gauges>,
    /// The feeds whose silence is watched, likewise.
    pub feeds: Mutex<Vec<crate::pipeline::FeedNow>>,
    /// The alert policy in force; None until the state is read.
    pub policy: Mutex<Option<Arc<crate::pipeline::PolicyNow>>>,
    /// What all frames up to `processed_seq` came to; set before it.
    pub ever: Mutex<crate::pipeline::Ever>,
}

/// Notes kept for whoever logs them.
const NOTES_MAX: usize = 100;

impl Shared {
    pub fn new(journal: Arc<Journal>, poison: PoisonList, bell: Bell) -> Self {
        let supervision = Supervision { quarantine: Arc::clone(&poison.known), ..Supervision::default() };
        Self {
            journal,
            stopping: AtomicBool::new(false),
            abandoned: AtomicBool::new(false),
            over: AtomicBool::new(false),
            processed_seq: AtomicU64::new(0),
            handed_seq: AtomicU64::new(0),
            stored_seq: AtomicU64::new(0),
            bell,
            processed_at_us: AtomicI64::new(0),
            failed: Mutex::new(None),
            fatal: Mutex::new(None),
            recovery: Mutex::new(None),
            notes: Mutex::default(),
            ticks: AtomicU64::new(0),
            ticks_silent_ms: AtomicU64::new(0),
            stalled_ms: AtomicU64::new(0),
            counted: Counted::default(),
            poison,
            supervision,
            gauges: Mutex::default(),
            feeds: Mutex::default(),
            policy: Mutex::default(),
            ever: Mutex::default(),
        }
    }

    pub fn stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// Says something that belongs into the log.
    pub fn note(&self, text: String) {
        let mut notes = self.notes.lock();
        if notes.len() < NOTES_MAX {
            notes.push(text);
        }
    }
}
