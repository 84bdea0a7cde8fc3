//! The pipeline's thread: read what is durable, run it through the stages, hand the batch over; now and then a snapshot.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crossbeam_channel::{SendTimeoutError, Sender};

use super::Shared;
use super::snapshot::Snapshots;
use crate::journal::{JournalError, JournalReader, Journalled};
use crate::pipeline::{Batch, Pipeline};

/// Payload bytes read at a time.
const READ_BYTES_MAX: usize = 8 << 20;
/// How long the thread waits for frames before it looks whether it should stop.
const IDLE: Duration = Duration::from_millis(100);
/// How often gauges that cost a walk over all patients are refreshed.
const GAUGES_EVERY: Duration = Duration::from_secs(5);

/// Everything the thread owns.
pub(super) struct Runner {
    pub shared: Arc<Shared>,
    pub pipeline: Pipeline,
    pub reader: JournalReader,
    /// Frames up to here are stored already.
    pub cursor: u64,
    /// Once this frame is done, everybody present is shown to the consoles.
    pub show_at: u64,
    pub batches: Sender<Batch>,
    pub snapshots: Option<Snapshots>,
    pub snapshot_every: Duration,
    pub batch_wait: Duration,
    pub retention_s: i64,
    pub frames_max: usize,
}

impl Runner {
    /// Runs until the engine stops and everything durable is done, or a stage fails.
    pub fn run(mut self) {
        let shared = Arc::clone(&self.shared);
        let outcome = catch_unwind(AssertUnwindSafe(|| self.work()));
        let failure = match outcome {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "a stage panicked; the pipeline has stopped, the journal goes on".to_owned(),
        };
        *shared.failed.lock() = Some(failure);
    }

    fn work(&mut self) -> Result<(), JournalError> {
        let mut frames: Vec<Journalled> = Vec::new();
        let (mut snapshot_at, mut gauges_at) = (Instant::now(), Instant::now());
        let mut shown = false;
        loop {
            if !shown && self.reader.position() > self.show_at {
                shown = true;
                let everybody = self.pipeline.everybody();
                self.hand_over(everybody);
            }
            frames.clear();
            self.read(&mut frames)?;
            let Some(last) = frames.last() else {
                if self.shared.stopping.load(Ordering::Acquire) && self.reader.lag_frames() == 0 {
                    return Ok(());
                }
                continue;
            };
            let (seq, at_us) = (last.seq, last.frame.received_at_us);
            let batch = self.pipeline.run(&frames, self.cursor);
            self.shared.processed_seq.store(seq, Ordering::Release);
            self.shared.processed_at_us.store(at_us.unsigned_abs(), Ordering::Release);
            if let Some(batch) = batch {
                self.hand_over(batch);
            }
            if gauges_at.elapsed() >= GAUGES_EVERY {
                gauges_at = Instant::now();
                *self.shared.gauges.lock() = self.pipeline.gauges();
            }
            if shown && snapshot_at.elapsed() >= self.snapshot_every {
                snapshot_at = Instant::now();
                self.snapshot(seq, at_us);
            }
        }
    }

    /// Waits for the first frame, gives others `batch_wait` to join it, and reads what is there.
    fn read(&mut self, frames: &mut Vec<Journalled>) -> Result<(), JournalError> {
        if self.reader.next_batch(frames, 1, READ_BYTES_MAX, IDLE)? == 0 {
            return Ok(());
        }
        if self.reader.lag_frames() < self.frames_max as u64 / 4 && !self.batch_wait.is_zero() {
            std::thread::sleep(self.batch_wait);
        }
        self.reader.next_batch(frames, self.frames_max.saturating_sub(1), READ_BYTES_MAX, Duration::ZERO)?;
        Ok(())
    }

    /// Waits until Python takes batches again; gives up only when the engine is dropped.
    fn hand_over(&self, mut batch: Batch) {
        loop {
            match self.batches.send_timeout(batch, IDLE) {
                Ok(()) | Err(SendTimeoutError::Disconnected(_)) => return,
                Err(SendTimeoutError::Timeout(back)) => batch = back,
            }
        }
    }

    /// Writes the state, and lets go of what neither the store nor a restart needs any more.
    fn snapshot(&mut self, seq: u64, at_us: i64) {
        let Some(snapshots) = &self.snapshots else { return };
        let stored = self.shared.stored_seq.load(Ordering::Acquire);
        if snapshots.write(seq, &self.pipeline.state()).is_err() {
            return;
        }
        snapshots.prune(stored);
        if let Some(covered) = snapshots.newest_seq(stored) {
            let before_us = at_us.saturating_sub(self.retention_s.saturating_mul(1_000_000));
            // A segment that cannot be removed now is removed next time; the cap still holds.
            let _ = self.shared.journal.retain(before_us, covered);
        }
    }
}
