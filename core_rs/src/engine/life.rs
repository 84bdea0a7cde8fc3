//! Starting and stopping the engine's threads: `pipeline`, `snapshots`, `ticks`, `watchdog`, and one per MQTT door.
//!
//! A start returns as soon as the threads run: frames are taken from then on, whatever is replayed behind the journal. A start and a
//! stop wait for each other, and a start after a stop is refused: whoever gives up a start may stop at once.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::bounded;

use super::adopt::{self, Adopting};
use super::keep::{Keeper, Rules};
use super::panics::catch;
use super::runner::{Clocks, Pace, Runner};
use super::shared::{Recovery, Shared};
use super::snapshot::Keep;
use super::watchdog::Watchdog;
use super::{Engine, EngineError, SELF};
use crate::pipeline::{Setup, StateError};
use crate::receive::{FrameRef, Source, now_us};

/// How often the clock writes a tick.
const TICK: Duration = Duration::from_secs(1);
/// How long a stop waits for somebody to take batches.
const STOP_PATIENCE: Duration = Duration::from_secs(3);
/// How long a stop lets the pipeline catch up; what is left is left to the next start.
const STOP_S_MAX: Duration = Duration::from_secs(5);
/// The threads a stop waits for while the pipeline hangs: not that one.
const PIPELINE: &str = "pipeline";

impl Engine {
    /// Starts everything. Frames up to `cursor` are stored already: they are computed again where the state needs them, but
    /// give no rows and no alerts.
    ///
    /// # Errors
    /// See `EngineError`.
    pub fn start(&self, cursor: u64) -> Result<(), EngineError> {
        let mut batches = self.batches.lock();
        if batches.is_some() {
            return Err(EngineError::Running);
        }
        if self.shared.stopping() {
            return Err(EngineError::Stopping);
        }
        let setup = self.check_start(cursor)?;
        let (sender, receiver) = bounded(self.config.limits.batches_waiting_max);
        self.shared.stored_seq.store(cursor, Ordering::Release);
        self.shared.handed_seq.store(cursor, Ordering::Release);
        let after = self.shared.journal.durable_seq();
        let begins = after == 0 && adopt::submit(&self.shared, &setup).is_ok();
        let runner = Runner {
            shared: Arc::clone(&self.shared),
            setup,
            pace: self.pace(),
            batches: sender,
            snapshots: self.snapshots.clone(),
            keeper: self.keeper()?,
            pipeline: None,
            reader: self.shared.journal.reader(cursor + 1),
            frames: Vec::new(),
            handed: cursor,
            counted: 0,
            singly: None,
            panics: Vec::new(),
            greeted: false,
            adopting: if begins { Adopting::Done } else { Adopting::Waits { after, told: false } },
            clocks: Clocks::new(),
        };
        // Red from the first moment on, not only once the thread runs.
        *self.shared.recovery.lock() = Some(Recovery::reading("start", self.shared.journal.durable_seq()));
        let mut threads = self.threads.lock();
        threads.push(thread::Builder::new().name(PIPELINE.into()).spawn(move || runner.run())?);
        let shared = Arc::clone(&self.shared);
        threads.push(thread::Builder::new().name("ticks".into()).spawn(move || ticks(&shared))?);
        let hang_s_max = self.config.supervision.hang_s_max;
        let (shared, doors, snapshots) = (Arc::clone(&self.shared), Arc::clone(&self.doors), self.snapshots.clone());
        let watchdog = Watchdog { shared, doors, snapshots, hang_s_max };
        *self.watchdog.lock() = Some(thread::Builder::new().name("watchdog".into()).spawn(move || watchdog.run())?);
        *batches = Some(receiver);
        Ok(self.doors.open()?)
    }

    /// What can be known before the snapshot is read: that store and journal belong together, and that the settings make sense.
    fn check_start(&self, cursor: u64) -> Result<Setup, EngineError> {
        let durable = self.shared.journal.durable_seq();
        if cursor > durable {
            return Err(EngineError::Behind { cursor, durable });
        }
        let (first, needed) = (self.shared.journal.first_seq(), self.snapshots.newest_seq(cursor).map_or(1, |seq| seq + 1));
        if needed < first {
            return Err(EngineError::Gone { first, needed });
        }
        let setup = Setup {
            decoder: Arc::clone(&self.decoder),
            scorers: Arc::clone(&self.scorers),
            limits: self.config.limits,
            policy: self.config.policy.clone(),
            counters: Arc::clone(&self.counters),
            supervision: self.shared.supervision.clone(),
            seen: self.seen.clone(),
            book: self.book.clone(),
        };
        setup.check_policy().map_err(|error| StateError::Policy(error.to_string()))?;
        Ok(setup)
    }

    fn pace(&self) -> Pace {
        let snapshot_s = self.config.journal.snapshot_s;
        Pace {
            snapshot_every: Duration::from_secs(snapshot_s),
            snapshot_frames: self.config.journal.snapshot_frames.max(1),
            batch_wait: Duration::from_millis(self.config.batch_ms),
            frames_max: self.config.limits.batch_frames_max.max(1),
            poison_per_hour_max: self.config.supervision.poison_per_hour_max,
        }
    }

    fn keeper(&self) -> Result<Option<Keeper>, EngineError> {
        let journal = &self.config.journal;
        if journal.snapshot_s == 0 {
            return Ok(None);
        }
        let rules = Rules {
            keep: Keep { count: journal.snapshots_kept, bytes_max: journal.snapshots_bytes_max, first_seq: 0 },
            retention_s: journal.retention_s,
            journal_bytes_max: self.config.limits.journal_bytes_max,
            every: Duration::from_secs(journal.snapshot_s),
        };
        Ok(Some(Keeper::start(&self.shared, self.snapshots.clone(), rules)?))
    }

    /// Closes the doors, lets the pipeline finish what is durable, and joins the threads. Batches should be taken meanwhile: after
    /// `STOP_PATIENCE` without progress, or `STOP_S_MAX` in all, what is left is left to the next start. A pipeline that hangs is left
    /// behind.
    pub fn stop(&self) {
        self.shared.stopping.store(true, Ordering::Release);
        drop(self.batches.lock()); // a start under way ends first, and finds the mark above or has started everything
        self.doors.close();
        let mut threads: Vec<_> = self.threads.lock().drain(..).collect();
        let (mut seen, mut since, began) = (0, Instant::now(), Instant::now());
        while threads.iter().any(|thread| !thread.is_finished()) {
            let processed = self.shared.processed_seq.load(Ordering::Acquire);
            if processed != seen {
                (seen, since) = (processed, Instant::now());
            }
            if since.elapsed() > STOP_PATIENCE || began.elapsed() > STOP_S_MAX {
                self.shared.abandoned.store(true, Ordering::Release);
            }
            if self.shared.fatal.lock().is_some() {
                threads.retain(|thread| thread.thread().name() != Some(PIPELINE));
            }
            thread::sleep(Duration::from_millis(5));
        }
        for thread in threads {
            let _ = thread.join();
        }
        self.shared.over.store(true, Ordering::Release);
        if let Some(watchdog) = self.watchdog.lock().take() {
            let _ = watchdog.join();
        }
        self.shared.journal.close();
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // Nobody takes batches any more: a pipeline that waits to hand one over must not wait for ever.
        *self.batches.lock() = None;
        self.shared.abandoned.store(true, Ordering::Release);
        self.stop();
    }
}

/// Writes a tick a second until the engine stops. A tick the journal refuses, or that panics, is simply the next one's.
fn ticks(shared: &Shared) {
    while !shared.stopping() {
        let tick = FrameRef { source: Source::Tick, principal: SELF, context: "", received_at_us: now_us(), payload: &[] };
        if let Err(panicked) = catch(|| drop(shared.journal.submit(&tick))) {
            shared.counted.panics_aside.fetch_add(1, Ordering::Relaxed);
            shared.note(format!("writing a tick panicked at {}", panicked.place));
        }
        shared.ticks.fetch_add(1, Ordering::AcqRel);
        for _ in 0..10 {
            if shared.stopping() {
                return;
            }
            thread::sleep(TICK / 10);
        }
    }
}
