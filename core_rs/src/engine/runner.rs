//! The pipeline's thread: read what is durable, run it through the stages, hand the batch over; now and then a snapshot. What happens
//! when a stage panics is in `rebuild.rs`; the replay at a start and the one after a panic are this same loop.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crossbeam_channel::{SendTimeoutError, Sender};

use super::adopt::Adopting;
use super::keep::Keeper;
use super::panics::{Panicked, catch};
use super::rebuild::{Singly, Stop};
use super::shared::Shared;
use super::snapshot::Snapshots;
use crate::journal::{JournalError, JournalReader, Journalled};
use crate::pipeline::{Batch, Counters, Pipeline, Setup};

/// Payload bytes read at a time.
const READ_BYTES_MAX: usize = 8 << 20;
/// How long the thread waits for frames before it looks whether it should stop.
const IDLE: Duration = Duration::from_millis(100);
/// How often a walk over all patients begins that refreshes the gauges.
const GAUGES_EVERY: Duration = Duration::from_secs(5);
/// Between two snapshots lies at least this many times what the last one cost, the encoding beside the pipeline included; the second
/// while recovering.
const SNAPSHOT_PAUSES: (u32, u32) = (10, 50);

/// How long a stop waits for the disk to take a snapshot that is on its way, before it writes the last one.
const LAST_SNAPSHOT: Duration = Duration::from_secs(3);

/// When snapshots are written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    pub snapshot_every: Duration,
    pub snapshot_frames: u64,
    pub batch_wait: Duration,
    pub frames_max: usize,
    /// Frames that may stop a stage within an hour before the pipeline stops for good.
    pub poison_per_hour_max: usize,
}

/// Everything the thread owns.
pub(super) struct Runner {
    pub shared: Arc<Shared>,
    pub setup: Setup,
    pub pace: Pace,
    pub batches: Sender<Batch>,
    pub snapshots: Snapshots,
    /// None where snapshots are switched off.
    pub keeper: Option<Keeper>,
    /// None before the first `restore`, and after a panic.
    pub pipeline: Option<Pipeline>,
    pub reader: JournalReader,
    pub frames: Vec<Journalled>,
    /// Frames up to here were handed over, or stored before the start: they give no rows again.
    pub handed: u64,
    /// Frames up to here were counted.
    pub counted: u64,
    /// Where frames are run one by one.
    pub singly: Option<Singly>,
    /// Panics of the last hour.
    pub panics: Vec<Instant>,
    /// Whether everybody present was shown to the consoles, after the start.
    pub greeted: bool,
    /// How far the settings' alert policy is.
    pub adopting: Adopting,
    pub clocks: Clocks,
}

/// When what was done last.
#[derive(Debug)]
pub(super) struct Clocks {
    gauges: Instant,
    snapshot: Instant,
    snapshot_seq: u64,
    snapshot_held: Duration,
}

impl Clocks {
    pub fn new() -> Self {
        let now = Instant::now();
        Self { gauges: now, snapshot: now, snapshot_seq: 0, snapshot_held: Duration::ZERO }
    }

    /// The state begins with this snapshot, or with nothing.
    pub fn began_at(&mut self, seq: u64) {
        self.snapshot_seq = self.snapshot_seq.max(seq);
    }
}

impl Runner {
    /// Runs until the engine stops and everything durable is done, or until supervision gives up.
    pub fn run(mut self) {
        let shared = Arc::clone(&self.shared);
        let failure = match catch(|| self.work()) {
            Ok(Ok(())) => return self.end(),
            Ok(Err(stop)) => stop.to_string(),
            Err(Panicked { place }) => format!("the pipeline's own loop panicked at {place}; the journal goes on"),
        };
        *shared.recovery.lock() = None;
        shared.note(format!("the pipeline has stopped: {failure}"));
        shared.failed.lock().get_or_insert(failure);
        shared.bell.ring();
    }

    fn work(&mut self) -> Result<(), Stop> {
        self.check_limits()?;
        self.restore("start")?;
        loop {
            if self.is_recovered() && !self.greet() {
                return Ok(());
            }
            self.adopt();
            if self.shared.abandoned.load(Ordering::Acquire) {
                return Ok(());
            }
            self.read()?;
            if self.frames.is_empty() {
                if self.is_recovered() && self.keeper.as_ref().is_some_and(Keeper::is_wanted) {
                    self.snapshot();
                }
                if self.shared.stopping() && self.reader.lag_frames() == 0 {
                    return Ok(());
                }
                continue;
            }
            match self.attempt() {
                Ok(batch) => {
                    if !self.hand_over(batch) {
                        return Ok(());
                    }
                    self.after_singly();
                    self.now_and_then();
                }
                Err(panicked) => self.isolate(panicked)?,
            }
        }
    }

    /// Waits for the first frame, gives others `batch_wait` to join it, and reads what is there. A batch ends where frames begin or
    /// end to be run one by one, and where those begin that were not counted yet.
    fn read(&mut self) -> Result<(), JournalError> {
        self.frames.clear();
        let at = self.reader.position();
        let mut most = self.pace.frames_max;
        if let Some(singly) = &self.singly {
            most = if at >= singly.first { 1 } else { most.min(usize::try_from(singly.first - at).unwrap_or(most)) };
        }
        if at <= self.counted {
            most = most.min(usize::try_from(self.counted + 1 - at).unwrap_or(most));
        }
        if self.reader.next_batch(&mut self.frames, 1, READ_BYTES_MAX, IDLE)? == 0 || most <= 1 {
            return Ok(());
        }
        if self.reader.lag_frames() < most as u64 / 4 && !self.pace.batch_wait.is_zero() {
            std::thread::sleep(self.pace.batch_wait);
        }
        self.reader.next_batch(&mut self.frames, most - 1, READ_BYTES_MAX, Duration::ZERO)?;
        Ok(())
    }

    /// Runs what was read. After a panic the counters are as before, and there is no pipeline any more.
    fn attempt(&mut self) -> Result<Option<Batch>, Panicked> {
        let Some(pipeline) = &mut self.pipeline else { return Err(Panicked { place: String::new() }) };
        let counters = Arc::clone(&self.setup.counters);
        let first = self.frames.first().map_or(0, |frame| frame.seq);
        let fresh = first > self.counted;
        pipeline.count_into(&if fresh { Arc::clone(&counters) } else { Arc::new(Counters::default()) });
        let before: Vec<_> = counters.all().collect();
        let (frames, handed) = (&self.frames, self.handed);
        catch(|| pipeline.run(frames, handed)).inspect_err(|_| {
            counters.set_back(&before);
            self.pipeline = None;
        })
    }

    /// Waits until Python takes batches again. False once the engine stops and nobody takes any, or after a hang: what was not handed
    /// over is made again from the journal by the next start.
    fn hand_over(&mut self, batch: Option<Batch>) -> bool {
        let Some((seq, at_us)) = self.frames.last().map(|last| (last.seq, last.frame.received_at_us)) else { return true };
        if self.shared.fatal.lock().is_some() {
            return false;
        }
        self.tell_ever();
        self.tell_policy();
        self.shared.processed_at_us.store(at_us, Ordering::Release);
        self.shared.processed_seq.fetch_max(seq, Ordering::AcqRel);
        self.counted = self.counted.max(seq);
        self.progress(seq);
        if batch.is_some_and(|batch| !self.send(batch)) {
            return false;
        }
        self.handed = self.handed.max(seq);
        self.shared.handed_seq.store(self.handed, Ordering::Release);
        true
    }

    pub(super) fn tell_ever(&self) {
        if let Some(pipeline) = &self.pipeline {
            *self.shared.ever.lock() = pipeline.ever();
        }
    }

    fn send(&self, mut batch: Batch) -> bool {
        loop {
            match self.batches.send_timeout(batch, IDLE) {
                Ok(()) => {
                    self.shared.bell.ring();
                    return true;
                }
                Err(SendTimeoutError::Disconnected(_)) => return false,
                Err(SendTimeoutError::Timeout(_)) if self.shared.abandoned.load(Ordering::Acquire) => return false,
                Err(SendTimeoutError::Timeout(back)) => batch = back,
            }
        }
    }

    /// After a start, once: everybody present, for the consoles.
    fn greet(&mut self) -> bool {
        let Some(pipeline) = self.pipeline.as_mut().filter(|_| !self.greeted) else { return true };
        self.greeted = true;
        match catch(|| pipeline.everybody()) {
            Ok(everybody) => self.send(everybody),
            Err(panicked) => {
                self.aside(&panicked, "showing everybody");
                true
            }
        }
    }

    fn now_and_then(&mut self) {
        let Some(pipeline) = &mut self.pipeline else { return };
        if self.clocks.gauges.elapsed() >= GAUGES_EVERY {
            match catch(|| pipeline.count_on()) {
                Ok((gauges, ended)) => {
                    *self.shared.gauges.lock() = gauges;
                    *self.shared.feeds.lock() = pipeline.feeds();
                    // A walk over many patients goes on after the next batch.
                    if ended {
                        self.clocks.gauges = Instant::now();
                    }
                }
                Err(panicked) => self.aside(&panicked, "counting patients"),
            }
        }
        if self.is_snapshot_due() {
            self.snapshot();
        }
    }

    /// By frames, so that a restart replays `snapshot_frames` at most, and by time; never so often that it costs a tenth of the time.
    fn is_snapshot_due(&self) -> bool {
        let Some(keeper) = &self.keeper else { return false };
        let (at, pause) = (&self.clocks, SNAPSHOT_PAUSES);
        let new = self.shared.processed_seq.load(Ordering::Acquire).saturating_sub(at.snapshot_seq);
        let since = at.snapshot.elapsed();
        let encoding = Duration::from_micros(self.shared.counted.snapshot_encode_us.load(Ordering::Relaxed));
        let pause = (at.snapshot_held + encoding).saturating_mul(if self.is_recovered() { pause.0 } else { pause.1 });
        let by_frames = new >= self.pace.snapshot_frames && since >= pause;
        new > 0
            && (keeper.is_wanted() || by_frames || since >= self.pace.snapshot_every)
            && self.singly.is_none()
            && !keeper.is_busy()
    }

    /// Hands the state after the last frame over as it stands; the keeper does the rest.
    pub(super) fn snapshot(&mut self) {
        let (Some(keeper), Some(pipeline)) = (&self.keeper, &self.pipeline) else { return };
        let seq = self.reader.position() - 1;
        if seq <= self.clocks.snapshot_seq {
            return;
        }
        let began = Instant::now();
        match catch(|| pipeline.state()) {
            Ok(state) => {
                keeper.take(seq, state);
                self.clocks.snapshot_seq = seq;
            }
            Err(panicked) => self.aside(&panicked, "writing a snapshot"),
        }
        (self.clocks.snapshot, self.clocks.snapshot_held) = (Instant::now(), began.elapsed());
        let held_us = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.shared.counted.snapshot_held_us.store(held_us, Ordering::Relaxed);
    }

    /// After a stop: the state as it is, so that the next start replays nothing.
    fn end(mut self) {
        let is_whole = self.shared.fatal.lock().is_none() && !self.shared.abandoned.load(Ordering::Acquire);
        self.batches = crossbeam_channel::bounded(0).0; // whoever takes batches need not wait for the snapshot
        self.shared.bell.ring();
        if is_whole && self.keeper.as_ref().is_some_and(|keeper| keeper.is_idle_within(LAST_SNAPSHOT)) {
            self.snapshot();
        }
        if let Some(keeper) = self.keeper.take() {
            keeper.finish();
        }
    }
}
