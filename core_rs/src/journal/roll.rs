//! Beginning segments, and holding room ahead of the one that is being written (see `room`).

use std::io;
use std::time::Instant;

use super::JournalError;
use super::commit::{Live, Writer};
use super::pending::Batch;
use super::room::{LOOK_EVERY, STEP_BYTES, Trouble, failed, hold, trouble};
use super::segment::{HEADER_BYTES, header, segment_name};

const HEADER: u64 = HEADER_BYTES as u64;

impl Writer {
    /// Holds room ahead of the live segment, or of a new one where there is none. A full disk is no error: it is asked again
    /// after `LOOK_EVERY`.
    pub(super) fn look(&mut self) -> Result<(), JournalError> {
        let short = match &mut self.live {
            Some(live) => {
                let wanted_end = live.bytes + self.shared.config.waiting_bytes_max as u64 + STEP_BYTES;
                let (held_end, short) = hold(&*live.file, live.held_end.max(live.bytes), wanted_end);
                live.held_end = held_end;
                self.shared.pending.lock().room = live.room();
                short
            }
            None => {
                let next_seq = self.shared.pending.lock().next_seq;
                match self.begin_segment(next_seq, 0) {
                    Ok(short) => short,
                    Err(Trouble::NoRoom(_)) => true,
                    Err(Trouble::Failed(error)) => return Err(error),
                }
            }
        };
        self.short(short);
        Ok(())
    }

    /// After a commit: holds more once less is held than may wait for the disk.
    pub(super) fn keep_room(&mut self) -> Result<(), JournalError> {
        let enough = self.shared.config.waiting_bytes_max as u64;
        if self.may_look() && self.live.as_ref().is_some_and(|live| live.room() < enough) {
            self.look()?;
        }
        Ok(())
    }

    fn may_look(&self) -> bool {
        self.look_at.is_none_or(|at| at <= Instant::now())
    }

    fn short(&mut self, short: bool) {
        self.look_at = short.then(|| Instant::now() + LOOK_EVERY);
        self.shared.pending.lock().room_short = short;
    }

    /// The live segment, or a new one when this batch would take it past its size and the disk has room for one.
    pub(super) fn live_for(&mut self, batch: &Batch) -> Result<&mut Live, Trouble> {
        let (segment_max, may_look) = (self.shared.config.segment_bytes_max, self.may_look());
        let full = |live: &Live| live.bytes > HEADER && live.bytes + batch.bytes.len() as u64 > segment_max;
        if self.live.as_ref().is_none_or(|live| may_look && full(live)) {
            match self.begin_segment(batch.first_seq, batch.bytes.len() as u64) {
                Ok(short) => self.short(short),
                // What was accepted has its room in the old one.
                Err(Trouble::NoRoom(_)) if self.live.is_some() => self.short(true),
                Err(trouble) => return Err(trouble),
            }
        }
        self.live.as_mut().ok_or(Trouble::Failed(JournalError::Config("no live segment")))
    }

    /// Makes a segment and goes on in it, if it has room for the batch being written and all that has been accepted since.
    /// Returns whether less room was found than wanted.
    fn begin_segment(&mut self, first_seq: u64, writing_bytes: u64) -> Result<bool, Trouble> {
        let disk = &self.shared.disk;
        let name = segment_name(first_seq);
        let file = disk.create(&name).map_err(trouble("make a segment"))?;
        let wanted_end = HEADER + self.shared.config.waiting_bytes_max as u64 + STEP_BYTES;
        let (held_end, short) = hold(&*file, 0, wanted_end);
        let begun = if held_end < HEADER { Err(no_room()) } else { file.write_at(&header(first_seq), 0) };
        let mut pending = self.shared.pending.lock();
        let live = Live { file, first_seq, bytes: HEADER, signpost: 0, held_end };
        if begun.is_ok() && live.room() >= writing_bytes + pending.batch.bytes.len() as u64 {
            pending.room = live.room();
            pending.disk_bytes += HEADER;
            drop(pending);
            disk.sync_dir().map_err(failed("sync the folder"))?;
            self.live.replace(live).iter().for_each(Live::let_go);
            return Ok(short);
        }
        drop(pending);
        // It must not come back after a crash: its name would say that the frames in the old one end before it.
        disk.remove(&name).map_err(failed("remove a segment there was no room for"))?;
        disk.sync_dir().map_err(failed("sync the folder"))?;
        Err(trouble("begin a segment")(begun.err().unwrap_or_else(no_room)))
    }
}

fn no_room() -> io::Error {
    io::ErrorKind::StorageFull.into()
}
