//! When a stage panics: the state is suspect, so it is read back from the newest snapshot and the frames after it are replayed; the
//! batch that panicked is then run one frame at a time. The frame that panics again goes on the list beside the journal, durably, and
//! is a dead letter from then on; the state is read back once more, and the route goes on behind it.
//!
//! - Frames that were handed over before are replayed without rows: nothing is handed over twice, with other content or the same.
//! - A frame that panics although its rows were handed over before (another build, other models) stops the pipeline: to pass it
//!   over would leave rows that no replay makes.
//! - Where no frame panics alone, the panic is counted (`panics_not_repeated`) and the route goes on.
//! - More than `poison_per_hour_max` frames within an hour, or three times as many panics, stop the pipeline: then the build is at
//!   fault, not the frames, and it must not eat the ward's data. The journal goes on taking frames; `/readyz` is red.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::panics::Panicked;
use super::runner::Runner;
use super::shared::Recovery;
use crate::journal::JournalError;
use crate::pipeline::{Did, Pipeline, Poison, StateError};
use crate::receive::now_us;

const HOUR: Duration = Duration::from_secs(3_600);
/// How long a list that cannot be written waits for the disk.
const LIST_RETRY: Duration = Duration::from_secs(1);
/// Panics in an hour for each frame that may be quarantined in it: one in the batch, one alone, and one to spare.
const PANICS_A_FRAME: usize = 3;

/// Frames that are run one by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Singly {
    pub first: u64,
    pub last: u64,
}

/// Why the pipeline stops for good.
#[derive(Debug, thiserror::Error)]
pub(super) enum Stop {
    #[error("journal: {0}")]
    Journal(#[from] JournalError),
    #[error("state: {0}")]
    State(#[from] StateError),
    #[error("the journal begins at frame {first}, but no snapshot that can be read covers what came before frame {needed}{}", foreign(.others))]
    Gone { first: u64, needed: u64, others: usize },
    #[error("{frames} frames stopped a stage within an hour: the build is suspect, not the frames; the journal goes on")]
    TooMany { frames: usize },
    #[error("{panics} panics within an hour, last at {place}: the build is suspect; the journal goes on")]
    TooOften { panics: usize, place: String },
    #[error(
        "frame {seq} panicked at {place}, and its rows were handed over before: it cannot be passed over; the journal goes on"
    )]
    HandedOver { seq: u64, place: String },
    #[error("frame {seq} panicked at {place} although it is passed over; the journal goes on")]
    Stubborn { seq: u64, place: String },
}

/// What to do where another version wrote the snapshots.
fn foreign(others: &usize) -> String {
    match others {
        0 => String::new(),
        _ => format!(
            ": {others} snapshots are of another format. Start the version that wrote them, or move to this one as \
             docs/operations.md says (Another version); nothing is lost meanwhile, frames go on being journalled"
        ),
    }
}

impl Runner {
    /// Whether the replay after a start or a panic is over.
    pub(super) fn is_recovered(&self) -> bool {
        self.shared.recovery.lock().is_none()
    }

    /// Tells how far the replay is; over once its last frame is done.
    pub(super) fn progress(&self, seq: u64) {
        let mut recovery = self.shared.recovery.lock();
        if let Some(under_way) = recovery.as_mut() {
            under_way.done_seq = seq;
            if seq >= under_way.to_seq {
                *recovery = None;
            }
        }
    }

    /// The newest state that is not ahead of what was handed over, and the reader behind it.
    pub(super) fn restore(&mut self, why: &'static str) -> Result<(), Stop> {
        self.pipeline = None; // its memory first
        let shared = Arc::clone(&self.shared);
        let to_seq = match (why, &self.singly) {
            ("start", _) | (_, None) => shared.journal.durable_seq(),
            (_, Some(singly)) => singly.last,
        };
        let reading = Recovery::reading(why, to_seq);
        *shared.recovery.lock() = Some(reading);
        let (from_seq, pipeline) = match self.snapshots.newest(self.handed) {
            Some((seq, read)) => (seq + 1, Pipeline::resume(self.setup.clone(), read)?),
            None => (1, Pipeline::new(self.setup.clone())?),
        };
        let first = shared.journal.first_seq();
        if from_seq < first {
            return Err(Stop::Gone { first, needed: from_seq, others: self.snapshots.foreign(self.handed) });
        }
        self.pipeline = Some(pipeline);
        self.reader = shared.journal.reader(from_seq);
        self.clocks.began_at(from_seq - 1);
        self.tell_ever();
        self.tell_policy();
        shared.processed_seq.fetch_max(from_seq - 1, Ordering::AcqRel);
        self.singly = self.singly.or_else(|| {
            let (first, last) = shared.poison.suspects(from_seq)?;
            Some(Singly { first, last })
        });
        let under_way = Recovery { from_seq, done_seq: from_seq - 1, since: Instant::now(), ..reading };
        *shared.recovery.lock() = (from_seq <= to_seq).then_some(under_way);
        Ok(())
    }

    /// A stage panicked with what was read: narrows down to one frame, or puts that frame on the list; then the state anew.
    pub(super) fn isolate(&mut self, panicked: Panicked) -> Result<(), Stop> {
        let (Some(first), Some(last)) = (self.frames.first(), self.frames.last()) else { return Ok(()) };
        let (first, last) = (first.seq, last.seq);
        let under_way = &self.shared.supervision.under_way;
        let stage = under_way.stage();
        under_way.done();
        self.shared.counted.panics.fetch_add(1, Ordering::Relaxed);
        self.panics.retain(|at| at.elapsed() < HOUR);
        self.panics.push(Instant::now());
        let place = panicked.place;
        self.shared.note(format!("{} panicked at {place} with frames {first} to {last}; the state is read back", stage.name()));
        let panics = self.panics.len();
        if panics > self.pace.poison_per_hour_max.max(1).saturating_mul(PANICS_A_FRAME) {
            return Err(Stop::TooOften { panics, place });
        }
        match self.singly {
            Some(Singly { first: from, last: to }) if (from..=to).contains(&first) => {
                if self.shared.poison.known.get(first).is_some() {
                    return Err(Stop::Stubborn { seq: first, place });
                }
                if first <= self.handed {
                    return Err(Stop::HandedOver { seq: first, place });
                }
                self.condemn(Poison { seq: first, stage, did: Did::Panicked, place, found_at_us: now_us() });
                self.check_limits()?;
            }
            _ => self.singly = Some(Singly { first, last }),
        }
        self.shared.counted.rebuilds.fetch_add(1, Ordering::Relaxed);
        self.restore("a stage panicked")
    }

    /// Writes the list; goes on trying while the disk is full, since nothing may go on before it is durable.
    fn condemn(&self, poison: Poison) {
        let seq = poison.seq;
        let mut told = false;
        while let Err(error) = self.shared.poison.add(poison.clone()) {
            if !std::mem::replace(&mut told, true) {
                self.shared.note(format!("the list of frames to pass over cannot be written, and is tried again: {error}"));
            }
            if self.shared.stopping() {
                // The next start meets the frame again.
                return self.shared.abandoned.store(true, Ordering::Release);
            }
            std::thread::sleep(LIST_RETRY);
        }
        self.snapshots.forget_from(seq);
        self.shared.note(format!("frame {seq} is passed over from now on: a dead letter of stage {}", poison.stage.name()));
    }

    /// Whether fewer frames than the limit stopped a stage of late.
    pub(super) fn check_limits(&self) -> Result<(), Stop> {
        let frames = self.shared.poison.recent(now_us());
        if frames > self.pace.poison_per_hour_max { Err(Stop::TooMany { frames }) } else { Ok(()) }
    }

    /// Behind the frames that were run one by one: batches again.
    pub(super) fn after_singly(&mut self) {
        let Some(singly) = self.singly.filter(|singly| self.reader.position() > singly.last) else { return };
        let list = &self.shared.poison.known;
        if !list.all().iter().any(|known| (singly.first..=singly.last).contains(&known.seq)) {
            self.shared.counted.panics_not_repeated.fetch_add(1, Ordering::Relaxed);
            self.shared.note(format!("frames {} to {} went through one by one; going on", singly.first, singly.last));
        }
        // A run that cannot be crossed out now is run one by one again by the next start.
        let _ = self.shared.poison.cleared(singly.last);
        self.singly = self.shared.poison.suspects(self.reader.position()).map(|(first, last)| Singly { first, last });
    }

    /// A panic while something was only looked at: the state is sound.
    pub(super) fn aside(&self, panicked: &Panicked, doing: &str) {
        self.shared.counted.panics_aside.fetch_add(1, Ordering::Relaxed);
        self.shared.note(format!("{doing} panicked at {}; it was left out", panicked.place));
    }
}

#[cfg(test)]
mod tests {
    use super::Stop;

    #[test]
    fn what_stops_an_upgrade_is_told_with_its_cause_and_what_to_do() {
        let told = |others| Stop::Gone { first: 900, needed: 1, others }.to_string();
        assert!(!told(0).contains("format"));
        assert!(told(3).contains("3 snapshots are of another format") && told(3).contains("docs/operations.md"), "{}", told(3));
    }
}
