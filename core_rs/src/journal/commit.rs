//! The writer thread: takes what has gathered, writes it, syncs it, and only then says that it is durable (P1).

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use super::mark::Mark;
use super::pending::{Batch, SegmentInfo, Shared, Work};
use super::room::{LOOK_EVERY, Trouble, UNKNOWN, failed, trouble};
use super::signposts::SIGNPOST_BYTES;
use super::{DiskFile, JournalError};

/// The segment that is being written.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) file: Arc<dyn DiskFile>,
    pub(super) first_seq: u64,
    pub(super) bytes: u64,
    /// Offset of its last signpost.
    pub(super) signpost: u64,
    /// Up to where blocks are held for it.
    pub(super) held_end: u64,
}

impl Live {
    /// Bytes it can still take without asking the disk.
    pub(super) fn room(&self) -> u64 {
        if self.held_end == UNKNOWN { UNKNOWN } else { self.held_end.saturating_sub(self.bytes) }
    }

    /// Lets go of what was held behind its end, and of what a write that met a full disk left there.
    pub(super) fn let_go(&self) {
        // Not giving back is no loss: the blocks belong to the segment, and go with it.
        let _ = self.file.truncate(self.bytes);
    }
}

#[derive(Debug)]
pub(super) struct Writer {
    pub(super) shared: Arc<Shared>,
    pub(super) live: Option<Live>,
    pub(super) mark: Mark,
    /// When room is looked for again; None while there is enough.
    pub(super) look_at: Option<Instant>,
}

impl Writer {
    /// Runs until the journal closes or the disk fails.
    pub(super) fn run(mut self) {
        let mut batch = Batch::default();
        loop {
            let done = match self.shared.take_batch(&mut batch, self.look_at) {
                Work::Batch => self.commit(&batch),
                Work::Look => self.look(),
                Work::Closed => {
                    self.live.iter().for_each(Live::let_go);
                    return;
                }
            };
            if let Err(error) = done {
                return self.fail(error.to_string());
            }
            batch.clear();
        }
    }

    /// Read-only from here on: what was not durable by now is never acknowledged.
    fn fail(&self, why: String) {
        let mut pending = self.shared.pending.lock();
        pending.failed = Some(why);
        pending.batch.clear();
        pending.writing_bytes = 0;
        drop(pending);
        self.shared.durable.fail();
    }

    /// Writes and syncs a batch; where the disk is full it waits for room, as long as it takes.
    fn commit(&mut self, batch: &Batch) -> Result<(), JournalError> {
        loop {
            match self.write(batch) {
                Ok(()) => break,
                Err(Trouble::NoRoom(error)) => {
                    if !self.shared.wait_for_room(LOOK_EVERY) {
                        return Err(error);
                    }
                }
                Err(Trouble::Failed(error)) => return Err(error),
            }
        }
        self.keep_room()
    }

    fn write(&mut self, batch: &Batch) -> Result<(), Trouble> {
        let live = self.live_for(batch)?;
        live.file.write_at(&batch.bytes, live.bytes).map_err(trouble("write a batch"))?;
        let began = Instant::now();
        live.file.sync_data().map_err(failed("sync a batch"))?;
        let took_us = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
        let began_at = live.bytes;
        let signpost_due = began_at - live.signpost >= SIGNPOST_BYTES;
        if signpost_due {
            live.signpost = began_at;
        }
        live.bytes += batch.bytes.len() as u64;
        let (first_seq, bytes, room) = (live.first_seq, live.bytes, live.room());
        if signpost_due {
            self.shared.signposts.set(batch.first_seq, began_at);
        }
        self.publish(batch, first_seq, bytes, room, took_us);
        Ok(())
    }

    /// The batch is on disk: count it, show it to readers, wake those who wait.
    fn publish(&self, batch: &Batch, segment: u64, bytes: u64, room: u64, took_us: u64) {
        let shared = &self.shared;
        let durable_seq = batch.first_seq + batch.frames - 1;
        let counters = &shared.counters;
        counters.synced(took_us);
        counters.frames.fetch_add(batch.frames, Relaxed);
        counters.bytes.fetch_add(batch.bytes.len() as u64, Relaxed);
        counters.commits.fetch_add(1, Relaxed);
        counters.commit_frames_max.fetch_max(batch.frames, Relaxed);
        let fresh = SegmentInfo { bytes, first_received_us: batch.first_received_us };
        let mut segments = shared.segments.lock();
        let info = segments.entry(segment).or_insert(fresh);
        info.bytes = bytes;
        if info.first_received_us == i64::MAX {
            info.first_received_us = batch.first_received_us;
        }
        drop(segments);
        let mut pending = shared.pending.lock();
        pending.writing_bytes = 0;
        pending.disk_bytes += batch.bytes.len() as u64;
        pending.room = room;
        pending.stuck = false;
        drop(pending);
        // Behind the truth is harmless: recovery then knows a little less.
        let _ = self.mark.write(durable_seq);
        shared.durable.advance(durable_seq);
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.fail("the writer thread panicked".into());
        }
    }
}
