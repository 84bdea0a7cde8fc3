//! The writer thread: takes what has gathered, writes it, syncs it, and only then says that it is durable (P1).

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use super::mark::Mark;
use super::pending::{Batch, SegmentInfo, Shared};
use super::segment::{HEADER_BYTES, header, segment_name};
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
}

#[derive(Debug)]
pub(super) struct Writer {
    pub(super) shared: Arc<Shared>,
    pub(super) live: Option<Live>,
    pub(super) mark: Mark,
}

impl Writer {
    /// Runs until the journal closes or the disk fails.
    pub(super) fn run(mut self) {
        let mut spare = Batch::default();
        while let Some(batch) = self.shared.take_batch(spare) {
            if let Err(error) = self.commit(&batch) {
                return self.fail(error.to_string());
            }
            spare = batch;
            spare.clear();
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

    fn commit(&mut self, batch: &Batch) -> Result<(), JournalError> {
        let live = self.live_for(batch)?;
        live.file.write_at(&batch.bytes, live.bytes).map_err(JournalError::io("write a batch"))?;
        let began = Instant::now();
        live.file.sync_data().map_err(JournalError::io("sync a batch"))?;
        let took_us = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
        let began_at = live.bytes;
        let signpost_due = began_at - live.signpost >= SIGNPOST_BYTES;
        if signpost_due {
            live.signpost = began_at;
        }
        live.bytes += batch.bytes.len() as u64;
        let (first_seq, bytes) = (live.first_seq, live.bytes);
        if signpost_due {
            self.shared.signposts.set(batch.first_seq, began_at);
        }
        self.publish(batch, first_seq, bytes, took_us);
        Ok(())
    }

    /// The batch is on disk: count it, show it to readers, wake those who wait.
    fn publish(&self, batch: &Batch, segment: u64, bytes: u64, took_us: u64) {
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
        drop(pending);
        // Behind the truth is harmless: recovery then knows a little less.
        let _ = self.mark.write(durable_seq);
        shared.durable.advance(durable_seq);
    }

    /// The live segment, or a new one when this batch would take it past its size.
    fn live_for(&mut self, batch: &Batch) -> Result<&mut Live, JournalError> {
        let segment_max = self.shared.config.segment_bytes_max;
        let full = |live: &Live| live.bytes > HEADER_BYTES as u64 && live.bytes + batch.bytes.len() as u64 > segment_max;
        if self.live.as_ref().is_none_or(full) {
            let disk = &self.shared.disk;
            let file = disk.create(&segment_name(batch.first_seq)).map_err(JournalError::io("make a segment"))?;
            file.write_at(&header(batch.first_seq), 0).map_err(JournalError::io("write a segment's header"))?;
            disk.sync_dir().map_err(JournalError::io("sync the folder"))?;
            self.shared.pending.lock().disk_bytes += HEADER_BYTES as u64;
            self.live = Some(Live { file, first_seq: batch.first_seq, bytes: HEADER_BYTES as u64, signpost: 0 });
        }
        self.live.as_mut().ok_or(JournalError::Config("no live segment"))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.fail("the writer thread panicked".into());
        }
    }
}
