//! The thread that writes snapshots, thins them out, and lets go of what neither the store nor a restart needs and is old enough. The
//! pipeline's thread only hands over its state as it stands, shared until it changes: it waits neither for the encoding nor for the
//! disk. One snapshot at a time, so that nobody is in memory more than twice.
//!
//! When the journal is short of room, on its disk or under its cap, frames that are stored go before their retention is over: better
//! than refusing senders (P5). Looked at every second, also while no frame comes: a full journal brings none. Where the snapshots
//! there are do not cover a segment that could go, the pipeline is asked for one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use super::panics::catch;
use super::shared::Shared;
use super::snapshot::{Keep, Snapshots, Unsynced};
use crate::pipeline::{Frozen, Read};

/// Above this share of the journal's cap, stored frames go before their retention is over: better than refusing senders.
const CAP_SHARE_PERCENT: u64 = 80;

const RELIEVE_EVERY: Duration = Duration::from_secs(1);

/// How much nicer than the route the encoding is.
const NICE: i32 = 5;

/// How snapshots and journal are kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    /// Older snapshots, for replays.
    pub keep: Keep,
    pub retention_s: i64,
    pub journal_bytes_max: u64,
    /// How often retention looks, at most.
    pub every: Duration,
}

/// The pipeline's side of the thread.
#[derive(Debug)]
pub(super) struct Keeper {
    sender: Sender<(u64, Box<Frozen>)>,
    busy: Arc<AtomicBool>,
    /// A snapshot would make room.
    wanted: Arc<AtomicBool>,
    thread: thread::JoinHandle<()>,
}

impl Keeper {
    /// Starts the thread.
    ///
    /// # Errors
    /// The system's.
    pub fn start(shared: &Arc<Shared>, snapshots: Snapshots, rules: Rules) -> std::io::Result<Self> {
        let (sender, receiver) = bounded(1);
        let busy = Arc::new(AtomicBool::new(false));
        let wanted = Arc::new(AtomicBool::new(false));
        let (shared, asks, idle) = (Arc::clone(shared), Arc::clone(&wanted), Arc::clone(&busy));
        let work = Work { shared, snapshots, rules, wanted: asks, read_back: 0, kept_at: Instant::now() };
        let thread = thread::Builder::new().name("snapshots".into()).spawn(move || work.run(&receiver, &idle))?;
        Ok(Self { sender, busy, wanted, thread })
    }

    /// Whether a snapshot is asked for because room is short; asking answers.
    pub fn is_wanted(&self) -> bool {
        !self.is_busy() && self.wanted.swap(false, Ordering::AcqRel)
    }

    /// Whether the one before is still on its way to the disk.
    pub fn is_busy(&self) -> bool {
        self.busy.load(Ordering::Acquire)
    }

    /// Waits until the one before is on the disk: false where that takes longer than `patience`.
    pub fn is_idle_within(&self, patience: Duration) -> bool {
        let until = Instant::now() + patience;
        while self.is_busy() {
            if Instant::now() > until {
                return false;
            }
            thread::sleep(Duration::from_millis(1));
        }
        true
    }

    /// Hands a snapshot over; not while `is_busy`.
    pub fn take(&self, seq: u64, state: Frozen) {
        self.busy.store(true, Ordering::Release);
        let _ = self.sender.try_send((seq, Box::new(state)));
    }

    /// Waits for the last one to be durable.
    pub fn finish(self) {
        drop(self.sender);
        let _ = self.thread.join();
    }
}

struct Work {
    shared: Arc<Shared>,
    snapshots: Snapshots,
    rules: Rules,
    wanted: Arc<AtomicBool>,
    /// The newest snapshot that was read back.
    read_back: u64,
    kept_at: Instant,
}

impl Work {
    fn run(mut self, receiver: &Receiver<(u64, Box<Frozen>)>, busy: &AtomicBool) {
        // Without the right to be nicer it is merely as quick as the rest.
        let _ = rustix::process::nice(NICE);
        loop {
            match receiver.recv_timeout(RELIEVE_EVERY) {
                Ok((seq, state)) => {
                    self.turn(|work| {
                        work.write(seq, state);
                        work.keep();
                    });
                    busy.store(false, Ordering::Release);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            self.turn(Self::relieve);
        }
    }

    /// A panic here must end neither snapshots nor retention: it is counted, and the next turn is taken.
    fn turn(&mut self, work: impl FnOnce(&mut Self)) {
        if let Err(panicked) = catch(|| work(self)) {
            self.shared.counted.panics_aside.fetch_add(1, Ordering::Relaxed);
            self.shared.note(format!("keeping snapshots panicked at {}; it goes on with the next", panicked.place));
        }
    }

    fn write(&self, seq: u64, state: Box<Frozen>) {
        let counted = &self.shared.counted;
        let note = |figure: &AtomicU64, began: Instant| {
            figure.store(u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
        };
        let began = Instant::now();
        let begun = self.snapshots.begin(seq, &*state);
        drop(state); // what the pipeline has copied meanwhile is in memory twice
        note(&counted.snapshot_encode_us, began);
        let began = Instant::now();
        let written = begun.and_then(Unsynced::finish);
        note(&counted.snapshot_sync_us, began);
        match written {
            Ok(_) => {
                counted.snapshots_written.fetch_add(1, Ordering::Relaxed);
                counted.snapshot_seq.store(seq, Ordering::Relaxed);
            }
            // A full disk, most likely: the next one is tried when it is due.
            Err(_) => drop(counted.snapshots_failed.fetch_add(1, Ordering::Relaxed)),
        }
    }

    fn keep(&mut self) {
        let stored = self.shared.stored_seq.load(Ordering::Acquire);
        self.snapshots.thin_waiting(stored, self.rules.keep.bytes_max);
        if self.kept_at.elapsed() >= self.rules.every {
            self.kept_at = Instant::now();
            let at_us = self.shared.processed_at_us.load(Ordering::Acquire);
            if let Some(covered) = self.covered(stored) {
                // A segment that cannot be removed now is removed next time; the cap still holds.
                let before_us = at_us.saturating_sub(self.rules.retention_s.saturating_mul(1_000_000));
                let _ = self.shared.journal.retain(before_us, covered);
            }
        }
        self.prune(stored);
    }

    fn relieve(&mut self) {
        let journal = Arc::clone(&self.shared.journal);
        let room = journal.room();
        let near_cap = journal.bytes_on_disk() > self.rules.journal_bytes_max / 100 * CAP_SHARE_PERCENT;
        let short = near_cap || room.room_short || room.full.is_some();
        if !short || journal.segments() <= 1 || self.shared.recovery.lock().is_some() {
            return;
        }
        let stored = self.shared.stored_seq.load(Ordering::Acquire);
        let covered = self.covered(stored);
        let freed = covered.map_or(0, |covered| journal.retain(i64::MAX, covered).unwrap_or(0));
        let done = self.shared.processed_seq.load(Ordering::Acquire);
        // On a full disk a snapshot fails too, and what older ones cover has gone already.
        let waits = self.snapshots.seqs().last().is_some_and(|seq| *seq > stored);
        self.wanted.store(freed == 0 && !waits && covered < Some(done), Ordering::Release);
        self.prune(stored);
    }

    fn prune(&self, stored: u64) {
        self.snapshots.prune(stored, Keep { first_seq: self.shared.journal.first_seq(), ..self.rules.keep });
    }

    /// The newest snapshot behind the store that can really be read: only what it covers may go.
    fn covered(&mut self, stored: u64) -> Option<u64> {
        let newest = self.snapshots.newest_seq(stored)?;
        if self.read_back < newest {
            let (seq, _) = self.snapshots.newest::<Read>(stored)?;
            self.read_back = seq;
        }
        Some(self.read_back)
    }
}
