//! Submitting: the next sequence number and one copy into the batch that gathers, under one short lock.

use std::collections::BTreeMap;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::config::FRAME_OVERHEAD_BYTES;
use super::durable::Durable;
use super::room::{Full, UNKNOWN};
use super::segment::{append_record, record_len};
use super::signposts::Signposts;
use super::stats::Counters;
use super::{Disk, JournalConfig, Receipt};
use crate::error::{Code, Refusal};
use crate::receive::{FrameRef, Source};

/// A segment as far as it is durable.
#[derive(Debug, Clone, Copy)]
pub(super) struct SegmentInfo {
    /// Durable bytes, header included.
    pub(super) bytes: u64,
    /// Receipt of its first frame; `i64::MAX` while unknown. Frames before it are taken to be older.
    pub(super) first_received_us: i64,
}

/// What handles, readers and the writer thread share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) config: JournalConfig,
    pub(super) disk: Arc<dyn Disk>,
    pub(super) pending: Mutex<Pending>,
    pub(super) work: Condvar,
    pub(super) durable: Durable,
    /// By first sequence number. The last one is live.
    pub(super) segments: Mutex<BTreeMap<u64, SegmentInfo>>,
    pub(super) signposts: Signposts,
    pub(super) counters: Counters,
}

/// The batch that gathers while the one before it is being synced.
#[derive(Debug, Default)]
pub(super) struct Pending {
    pub(super) next_seq: u64,
    pub(super) batch: Batch,
    /// Bytes of the batch that is being written.
    pub(super) writing_bytes: usize,
    /// Bytes of all segments on disk.
    pub(super) disk_bytes: u64,
    /// Bytes that are held on the disk behind the last durable one; `UNKNOWN` where they cannot be.
    pub(super) room: u64,
    /// The disk gave less than was asked for.
    pub(super) room_short: bool,
    /// The last frame that was refused for want of room and none as large was taken since: why, and the bytes of its record.
    pub(super) full: Option<(Full, usize)>,
    /// The batch being written waits for the disk to have room.
    pub(super) stuck: bool,
    pub(super) closing: bool,
    /// Why the journal is read-only.
    pub(super) failed: Option<String>,
}

/// Records that are written and synced together.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) bytes: Vec<u8>,
    pub(super) frames: u64,
    pub(super) first_seq: u64,
    pub(super) first_received_us: i64,
    began: Option<Instant>,
}

impl Batch {
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.frames = 0;
        self.began = None;
    }
}

/// What the writer should do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Work {
    /// Write the batch.
    Batch,
    /// Look for room on the disk.
    Look,
    /// Stop: nothing is left and nothing will come.
    Closed,
}

impl Shared {
    /// See `Journal::submit`.
    pub(super) fn submit(&self, frame: &FrameRef<'_>) -> Result<Receipt, Refusal> {
        let config = &self.config;
        let payload_max = config.frame_bytes_max + if frame.source == Source::Replay { FRAME_OVERHEAD_BYTES } else { 0 };
        if frame.payload.len() > payload_max {
            self.counters.refused_size.fetch_add(1, Relaxed);
            return Err(Refusal::new(Code::TooLarge, format!("{} bytes, limit {payload_max}", frame.payload.len())));
        }
        let len = record_len(frame);
        let mut pending = self.pending.lock();
        self.admit(&mut pending, len)?;
        let seq = pending.next_seq;
        let first = pending.batch.frames == 0;
        append_record(&mut pending.batch.bytes, seq, first, frame).inspect_err(|_| {
            self.counters.refused_size.fetch_add(1, Relaxed);
        })?;
        if pending.full.is_some_and(|(_, refused)| len >= refused) {
            pending.full = None;
        }
        pending.next_seq += 1;
        pending.batch.frames += 1;
        if first {
            pending.batch.first_seq = seq;
            pending.batch.first_received_us = frame.received_at_us;
            pending.batch.began = Some(Instant::now());
        }
        drop(pending);
        self.work.notify_one();
        Ok(Receipt { seq })
    }

    /// Whether a record of `len` bytes may enter now (P5).
    fn admit(&self, pending: &mut Pending, len: usize) -> Result<(), Refusal> {
        let refuse = |counter: &std::sync::atomic::AtomicU64, code, detail: &str| {
            counter.fetch_add(1, Relaxed);
            Err(Refusal::new(code, detail))
        };
        if let Some(why) = &pending.failed {
            return refuse(&self.counters.refused_failed, Code::Overloaded, &format!("the journal is read-only: {why}"));
        }
        if pending.closing {
            return refuse(&self.counters.refused_failed, Code::Overloaded, "the journal is closing");
        }
        let waiting = pending.batch.bytes.len() + pending.writing_bytes;
        if waiting + len > self.config.waiting_bytes_max {
            return refuse(&self.counters.refused_overloaded, Code::Overloaded, "too many bytes wait for the disk");
        }
        if let Some(full) = self.no_room(pending, len) {
            pending.full = Some((full, len));
            let counter = if full == Full::Cap { &self.counters.refused_full } else { &self.counters.refused_disk };
            return refuse(counter, Code::JournalFull, full.detail());
        }
        Ok(())
    }

    /// Why a record of `len` bytes has no room on the disk now.
    fn no_room(&self, pending: &Pending, len: usize) -> Option<Full> {
        let wanted = (pending.batch.bytes.len() + pending.writing_bytes + len) as u64;
        if pending.disk_bytes + wanted > self.config.journal_bytes_max {
            return Some(Full::Cap);
        }
        (pending.room != UNKNOWN && wanted > pending.room).then_some(Full::Disk)
    }

    /// Why the last frame that was refused would be refused again; None once it would be taken. A tick that still fits says
    /// nothing of a message that does not.
    pub(super) fn full(&self, pending: &Pending) -> Option<Full> {
        pending.full.and_then(|(_, len)| self.no_room(pending, len))
    }

    /// Waits for a batch and takes it into the empty `batch`, or until it is time to look for room.
    pub(super) fn take_batch(&self, batch: &mut Batch, look_at: Option<Instant>) -> Work {
        let mut pending = self.pending.lock();
        loop {
            if pending.batch.frames == 0 {
                if pending.closing {
                    return Work::Closed;
                }
                match look_at {
                    Some(at) if at <= Instant::now() => return Work::Look,
                    Some(at) => drop(self.work.wait_until(&mut pending, at)),
                    None => self.work.wait(&mut pending),
                }
                continue;
            }
            match self.hold_back(&pending) {
                Some(deadline) => {
                    self.work.wait_until(&mut pending, deadline);
                }
                None => break,
            }
        }
        mem::swap(&mut pending.batch, batch);
        pending.writing_bytes = batch.bytes.len();
        Work::Batch
    }

    /// The disk has no room for the batch being written: nothing more is accepted, those who wait for it are told, and `pause`
    /// later it may be tried again. False once the journal closes.
    pub(super) fn wait_for_room(&self, pause: Duration) -> bool {
        let mut pending = self.pending.lock();
        (pending.room, pending.room_short, pending.stuck) = (0, true, true);
        drop(pending);
        self.durable.wake();
        let until = Instant::now() + pause;
        let mut pending = self.pending.lock();
        while !pending.closing && !self.work.wait_until(&mut pending, until).timed_out() {}
        !pending.closing
    }

    /// Until when the gathering batch should wait for company; None when it should go now.
    fn hold_back(&self, pending: &Pending) -> Option<Instant> {
        let JournalConfig { commit_us_max, commit_frames_max, commit_bytes_max, .. } = self.config;
        let batch = &pending.batch;
        if pending.closing || batch.frames >= commit_frames_max || batch.bytes.len() >= commit_bytes_max {
            return None;
        }
        let deadline = batch.began? + Duration::from_micros(commit_us_max.min(1_000_000));
        (commit_us_max > 0 && Instant::now() < deadline).then_some(deadline)
    }
}

impl Shared {
    /// The error that says why the journal is read-only.
    pub(super) fn failure(&self) -> super::JournalError {
        super::JournalError::Failed(self.pending.lock().failed.clone().unwrap_or_default())
    }
}
