//! The pipeline's thread: read what is durable, run it through the stages, hand the batch over; now and then a snapshot.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crossbeam_channel::{SendTimeoutError, Sender};

use super::Shared;
use super::relief::RELIEVE_EVERY;
use super::snapshot::{Keep, Snapshots};
use crate::journal::{JournalError, JournalReader, Journalled};
use crate::pipeline::{Batch, Pipeline, Read};

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
    /// Older snapshots, for replays.
    pub keep: Keep,
    pub batch_wait: Duration,
    pub retention_s: i64,
    pub journal_bytes_max: u64,
    pub frames_max: usize,
    /// The newest snapshot that was read back.
    pub read_back: u64,
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
        let mut relieved_at = Instant::now();
        let mut shown = false;
        loop {
            if shown && relieved_at.elapsed() >= RELIEVE_EVERY {
                relieved_at = Instant::now();
                self.relieve();
            }
            if !shown && self.reader.position() > self.show_at {
                shown = true;
                let everybody = self.pipeline.everybody();
                if !self.hand_over(everybody) {
                    return Ok(());
                }
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
            if let Some(batch) = batch
                && !self.hand_over(batch)
            {
                return Ok(());
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

    /// Waits until Python takes batches again. False once the engine stops and nobody takes any: what was not handed over is made
    /// again from the journal by the next start.
    fn hand_over(&self, mut batch: Batch) -> bool {
        loop {
            match self.batches.send_timeout(batch, IDLE) {
                Ok(()) => return true,
                Err(SendTimeoutError::Disconnected(_)) => return false,
                Err(SendTimeoutError::Timeout(_)) if self.shared.abandoned.load(Ordering::Acquire) => return false,
                Err(SendTimeoutError::Timeout(back)) => batch = back,
            }
        }
    }

    /// Writes the state unless one already waits for the store, and lets go of what neither the store nor a restart needs and is
    /// old enough. A full disk may refuse the snapshot; letting go then matters the more.
    fn snapshot(&mut self, seq: u64, at_us: i64) {
        let Some(snapshots) = &self.snapshots else { return };
        let stored = self.shared.stored_seq.load(Ordering::Acquire);
        if !snapshots.any_after(stored) {
            let _ = snapshots.write(seq, &self.pipeline.state());
        }
        let Some(covered) = Self::covered(&mut self.read_back, snapshots, stored) else { return };
        let before_us = at_us.saturating_sub(self.retention_s.saturating_mul(1_000_000));
        let journal = &self.shared.journal;
        // A segment that cannot be removed now is removed next time; the cap still holds.
        let _ = journal.retain(before_us, covered);
        snapshots.prune(stored, Keep { first_seq: journal.first_seq(), ..self.keep });
    }

    /// The newest snapshot behind the store that can really be read: only what it covers may go.
    pub(super) fn covered(read_back: &mut u64, snapshots: &Snapshots, stored: u64) -> Option<u64> {
        let newest = snapshots.newest_seq(stored)?;
        if *read_back < newest {
            let (seq, _) = snapshots.newest::<Read>(stored)?;
            *read_back = seq;
        }
        Some(*read_back)
    }
}
