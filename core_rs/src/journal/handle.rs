//! The journal as the rest of nightlamp sees it.

use std::io;
use std::os::fd::BorrowedFd;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use tokio::sync::watch;

use super::commit::Writer;
use super::durable::{Durable, Progress};
use super::pending::{Pending, Shared};
use super::recovery::{Recovered, recover};
use super::room::UNKNOWN;
use super::segment::{SEQ_MAX, segment_name};
use super::signposts::Signposts;
use super::stats::Counters;
use super::{Disk, JournalConfig, JournalError, JournalReader, JournalStats, Journalled, RealDisk, Receipt, Room};
use crate::error::{Code, Refusal};
use crate::receive::{Frame, FrameRef};

/// An open journal. All methods take `&self`: share it in an `Arc`.
#[derive(Debug)]
pub struct Journal {
    shared: Arc<Shared>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl Journal {
    /// Opens the journal in a folder (made if missing) and repairs a torn tail.
    ///
    /// # Errors
    /// `Config`, `Locked`, `Damaged`, `Format`, `Io`.
    pub fn open(folder: &Path, config: JournalConfig) -> Result<Self, JournalError> {
        config.check()?;
        Self::open_on(Arc::new(RealDisk::open(folder)?), config)
    }

    /// Opens the journal on any disk.
    ///
    /// # Errors
    /// As `open`.
    pub fn open_on(disk: Arc<dyn Disk>, config: JournalConfig) -> Result<Self, JournalError> {
        config.check()?;
        let Recovered { segments, live, mark, next_seq, torn_bytes, damaged_places } = recover(&*disk, config.on_damage)?;
        if next_seq > SEQ_MAX / 2 {
            return Err(JournalError::Format { segment: segment_name(next_seq), what: "there are no numbers left for frames" });
        }
        let counters = Counters::default();
        counters.torn_bytes.store(torn_bytes, Relaxed);
        counters.damaged_places.store(damaged_places, Relaxed);
        let pending = Pending { next_seq, disk_bytes: segments.values().map(|info| info.bytes).sum(), ..Pending::default() };
        let shared = Arc::new(Shared {
            config,
            disk,
            pending: Mutex::new(pending),
            work: Condvar::new(),
            durable: Durable::new(next_seq - 1).map_err(JournalError::io("make an eventfd"))?,
            segments: Mutex::new(segments),
            signposts: Signposts::default(),
            counters,
        });
        let mut writer = Writer { shared: Arc::clone(&shared), live, mark, look_at: None };
        writer.look()?;
        let thread = thread::Builder::new().name("journal".into()).spawn(move || writer.run());
        let thread = thread.map_err(JournalError::io("start the writer thread"))?;
        Ok(Self { shared, writer: Mutex::new(Some(thread)) })
    }

    /// A journal that is only read.
    pub(super) fn without_writer(shared: Shared) -> Self {
        Self { shared: Arc::new(shared), writer: Mutex::new(None) }
    }

    /// Gives the frame its sequence number and hands it to the writer; the payload is copied once. Any thread may call; it
    /// never waits for the disk. The frame may be acknowledged once `durable_seq` has reached the receipt's number.
    ///
    /// # Errors
    /// `TooLarge`; `Overloaded` when `waiting_bytes_max` is reached, the journal is closing or its disk has failed; `JournalFull`
    /// at `journal_bytes_max` and when the disk has no room.
    pub fn submit(&self, frame: &FrameRef<'_>) -> Result<Receipt, Refusal> {
        self.shared.submit(frame)
    }

    /// Every frame up to and including this number is on disk; 0 when there is none.
    pub fn durable_seq(&self) -> u64 {
        self.shared.durable.seq()
    }

    /// The number the next frame will get.
    pub fn next_seq(&self) -> u64 {
        self.shared.pending.lock().next_seq
    }

    /// Waits (blocking this thread) until `seq` is durable, the journal has failed or the time is over; compare the answer.
    pub fn wait_durable(&self, seq: u64, timeout: Duration) -> Progress {
        self.shared.durable.wait(seq, timeout)
    }

    /// The progress as a tokio channel: for tasks that hold acknowledgements back.
    pub fn watch_durable(&self) -> watch::Receiver<Progress> {
        self.shared.durable.watch()
    }

    /// An eventfd that becomes readable after each commit and on failure: for an event loop's `add_reader`. The reader takes
    /// the 8 bytes, then asks `progress`. It is non-blocking and lives as long as the journal.
    pub fn durable_fd(&self) -> BorrowedFd<'_> {
        self.shared.durable.fd()
    }

    /// How far the journal is durable, and whether it has failed.
    pub fn progress(&self) -> Progress {
        self.shared.durable.progress()
    }

    /// Why the journal is read-only; None while it works.
    pub fn failed(&self) -> Option<String> {
        self.shared.pending.lock().failed.clone()
    }

    /// How it stands with room on the disk.
    pub fn room(&self) -> Room {
        let pending = self.shared.pending.lock();
        Room {
            room_bytes: (pending.room != UNKNOWN).then_some(pending.room),
            room_short: pending.room_short,
            full: self.shared.full(&pending),
            stuck: pending.stuck,
        }
    }

    /// What to tell those who wait for frames that are not durable yet, when these will not be acknowledged soon or at all; None
    /// while all goes well. The eventfd becomes readable when the answer changes.
    pub fn withheld(&self) -> Option<Refusal> {
        let pending = self.shared.pending.lock();
        if let Some(why) = &pending.failed {
            return Some(Refusal::new(Code::Overloaded, format!("not confirmed, the journal is read-only: {why}")));
        }
        let detail = "not confirmed, the journal's disk is full; send it again, copies are recognised";
        pending.stuck.then(|| Refusal::new(Code::JournalFull, detail))
    }

    /// A reader that starts at this frame (or at 1).
    pub fn reader(&self, from_seq: u64) -> JournalReader {
        JournalReader::new(Arc::clone(&self.shared), from_seq)
    }

    /// One frame, durable already. Reads about 256 KiB; up to a segment where nobody has read since the journal was opened.
    ///
    /// # Errors
    /// `Gone` when retention has removed it or it was quarantined, `Damaged`, `Format`, `Io`. None when it is not durable yet.
    pub fn read_one(&self, seq: u64) -> Result<Option<Frame>, JournalError> {
        match self.reader(seq).next(Duration::ZERO)? {
            Some(Journalled { seq: found, .. }) if found != seq => Err(JournalError::Gone { seq, first: found }),
            found => Ok(found.map(|journalled| journalled.frame)),
        }
    }

    /// The oldest durable frame; without one the first that can become it.
    pub fn first_seq(&self) -> u64 {
        // In this order: a segment is known before its frames are durable. Numbers given out do not count, or a journal whose very
        // first frames are on their way to the disk would seem to have lost them.
        let durable = self.durable_seq();
        let first = self.shared.segments.lock().first_key_value().map(|(first, _)| *first);
        first.unwrap_or(durable + 1)
    }

    /// The first frame of the last segment that begins at or before a time.
    pub(super) fn segment_at(&self, at_us: i64) -> Option<u64> {
        let segments = self.shared.segments.lock();
        segments.iter().take_while(|(_, info)| info.first_received_us <= at_us).last().map(|(first, _)| *first)
    }

    /// Removes the oldest segments all of whose frames are numbered `up_to_seq` or less and were received before `before_us`
    /// (microseconds since 1970-01-01 UTC). Never the last segment. Returns the bytes freed.
    ///
    /// # Errors
    /// `Io`; segments removed before it stay removed.
    pub fn retain(&self, before_us: i64, up_to_seq: u64) -> Result<u64, JournalError> {
        let mut freed = 0;
        while let Some((first_seq, bytes)) = self.removable(before_us, up_to_seq) {
            match self.shared.disk.remove(&segment_name(first_seq)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(JournalError::Io { doing: "remove a segment", source: error });
                }
                _ => {}
            }
            self.shared.segments.lock().remove(&first_seq);
            self.shared.pending.lock().disk_bytes -= bytes;
            self.shared.counters.removed_segments.fetch_add(1, Relaxed);
            self.shared.counters.removed_bytes.fetch_add(bytes, Relaxed);
            freed += bytes;
            // Each for itself: were the next one gone for good and this one back after a power cut, that would be damage.
            self.shared.disk.sync_dir().map_err(JournalError::io("sync the folder"))?;
        }
        if freed > 0 {
            self.shared.signposts.forget_before(self.first_seq());
        }
        Ok(freed)
    }

    /// The oldest segment, if retention may remove it: the one after it says where it ends and when.
    fn removable(&self, before_us: i64, up_to_seq: u64) -> Option<(u64, u64)> {
        let segments = self.shared.segments.lock();
        let mut oldest = segments.iter();
        let (first_seq, info) = oldest.next()?;
        let (following, next) = oldest.next()?;
        (*following <= up_to_seq.saturating_add(1) && next.first_received_us < before_us).then_some((*first_seq, info.bytes))
    }

    /// Bytes of all segments on disk.
    pub fn bytes_on_disk(&self) -> u64 {
        self.shared.pending.lock().disk_bytes
    }

    /// Bytes submitted and not yet durable.
    pub fn bytes_waiting(&self) -> usize {
        let pending = self.shared.pending.lock();
        pending.batch.bytes.len() + pending.writing_bytes
    }

    /// Number of segments on disk.
    pub fn segments(&self) -> usize {
        self.shared.segments.lock().len()
    }

    /// The counters since opening.
    pub fn stats(&self) -> JournalStats {
        self.shared.counters.snapshot()
    }

    #[cfg(test)]
    pub(super) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Takes no more frames, makes what was submitted durable, stops the writer. Readers go on reading. Dropping does the same.
    pub fn close(&self) {
        self.shared.pending.lock().closing = true;
        self.shared.work.notify_all();
        if let Some(thread) = self.writer.lock().take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.close();
    }
}
