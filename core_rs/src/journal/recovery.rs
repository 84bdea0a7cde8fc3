//! Opening: what is there, where it ends, and whether what cannot be read was ever acknowledged (see the module's page).

use std::collections::BTreeMap;
use std::io;

use super::commit::Live;
use super::mark::Mark;
use super::pending::SegmentInfo;
use super::segment::{HEADER_BYTES, SegmentCursor, Step, parse_name, segment_name};
use super::{Disk, DiskFile, JournalError, OnDamage};

/// Read and written in one piece while recovering.
const WRITE_AGAIN_BYTES: usize = 64 << 10;

/// What opening found.
#[derive(Debug)]
pub(super) struct Recovered {
    pub(super) segments: BTreeMap<u64, SegmentInfo>,
    /// The last segment, ready to be appended to; None for a new journal and after quarantine.
    pub(super) live: Option<Live>,
    pub(super) mark: Mark,
    pub(super) next_seq: u64,
    pub(super) torn_bytes: u64,
    pub(super) damaged_places: u64,
}

/// How the scan of the last segment ended.
struct Tail {
    /// Bytes up to the end of the last whole record of the unbroken run.
    good_bytes: u64,
    /// Bytes up to the end of the last record that the mark knows to be on disk.
    marked_bytes: u64,
    /// The frame that would come next.
    next_seq: u64,
    /// Highest whole record anywhere in the segment, broken run or not.
    last_seq: u64,
    /// A batch that began after the first unreadable byte: that byte had been synced.
    later_batch: bool,
}

/// Reads the folder and repairs a torn tail.
///
/// # Errors
/// `Damaged` for acknowledged bytes that cannot be read (unless quarantined), `Format` for files of another version, `Io`.
pub(super) fn recover(disk: &dyn Disk, on_damage: OnDamage) -> Result<Recovered, JournalError> {
    let names = disk.list().map_err(JournalError::io("list the folder"))?;
    let (mark, marked_seq) = Mark::open(disk, &names).map_err(JournalError::io("open the mark"))?;
    let mut segments = BTreeMap::new();
    for first_seq in names.iter().filter_map(|name| parse_name(name)) {
        segments.insert(first_seq, survey(disk, first_seq)?);
    }
    let mut found = Recovered { segments, live: None, mark, next_seq: 1, torn_bytes: 0, damaged_places: 0 };
    while let Some((&first_seq, &SegmentInfo { bytes, .. })) = found.segments.last_key_value() {
        if recover_last(disk, &mut found, first_seq, bytes, marked_seq, on_damage)? {
            return Ok(found);
        }
    }
    if marked_seq > 0 {
        found.damaged(on_damage, 1, 0, 1)?;
        found.next_seq = marked_seq + 1;
    }
    Ok(found)
}

impl Recovered {
    /// Refuses, or counts and goes on.
    fn damaged(&mut self, on_damage: OnDamage, segment: u64, offset: u64, seq: u64) -> Result<(), JournalError> {
        self.damaged_places += 1;
        match on_damage {
            OnDamage::Refuse => Err(JournalError::Damaged { segment: segment_name(segment), offset, seq }),
            OnDamage::Quarantine => Ok(()),
        }
    }
}

/// Length and first receipt of a segment; a header that cannot be read shows itself later.
pub(super) fn survey(disk: &dyn Disk, first_seq: u64) -> Result<SegmentInfo, JournalError> {
    let file = disk.open(&segment_name(first_seq)).map_err(JournalError::io("open a segment"))?;
    let bytes = file.size().map_err(JournalError::io("measure a segment"))?;
    let mut first_received_us = i64::MAX;
    if let Ok(mut cursor) = SegmentCursor::open(disk, first_seq, bytes)
        && let Step::Record(first, _) = cursor.next().map_err(JournalError::io("read a segment"))?
    {
        first_received_us = first.frame.received_at_us;
    }
    Ok(SegmentInfo { bytes, first_received_us })
}

/// Where the readable records of the last segment end, and the frame that would come next.
pub(super) fn readable_end(disk: &dyn Disk, first_seq: u64, bytes: u64) -> Result<(u64, u64), JournalError> {
    match SegmentCursor::open(disk, first_seq, bytes) {
        Ok(mut cursor) => scan(&mut cursor, first_seq, false, 0).map(|tail| (tail.good_bytes, tail.next_seq)),
        Err(JournalError::Damaged { .. }) => Ok((HEADER_BYTES as u64, first_seq)),
        Err(error) => Err(error),
    }
}

/// Deals with the last segment; false when it was removed because its creation had been torn.
fn recover_last(
    disk: &dyn Disk,
    found: &mut Recovered,
    first_seq: u64,
    bytes: u64,
    marked_seq: u64,
    on_damage: OnDamage,
) -> Result<bool, JournalError> {
    let mut cursor = match SegmentCursor::open(disk, first_seq, bytes) {
        Ok(cursor) => cursor,
        Err(JournalError::Damaged { .. }) => {
            return torn_creation(disk, found, first_seq, bytes, marked_seq, on_damage);
        }
        Err(error) => return Err(error),
    };
    let tail = scan(&mut cursor, first_seq, false, marked_seq)?;
    if marked_seq >= tail.next_seq || tail.later_batch {
        found.damaged(on_damage, first_seq, tail.good_bytes, tail.next_seq)?;
        found.next_seq = tail.last_seq.max(marked_seq).max(tail.next_seq) + 1;
        return Ok(true);
    }
    let file = disk.open(&segment_name(first_seq)).map_err(JournalError::io("open the last segment"))?;
    if tail.good_bytes < bytes {
        file.truncate(tail.good_bytes).map_err(JournalError::io("cut the torn tail"))?;
        found.torn_bytes += bytes - tail.good_bytes;
    }
    // What was read may still be in the page cache only (kill -9 between write and sync): make it true before saying so.
    write_again(&*file, tail.marked_bytes, tail.good_bytes)?;
    file.sync_data().map_err(JournalError::io("sync the last segment"))?;
    disk.sync_dir().map_err(JournalError::io("sync the folder"))?;
    if let Some(info) = found.segments.get_mut(&first_seq) {
        info.bytes = tail.good_bytes;
        if tail.good_bytes == HEADER_BYTES as u64 {
            info.first_received_us = i64::MAX;
        }
    }
    found.next_seq = tail.next_seq;
    found.live = Some(Live { file, first_seq, bytes: tail.good_bytes, signpost: 0, held_end: tail.good_bytes });
    Ok(true)
}

/// Writes what was read once more. After a sync that failed, the kernel may hold pages as clean that never reached the disk: a
/// second sync would pass them over and report success.
fn write_again(file: &dyn DiskFile, from: u64, to: u64) -> Result<(), JournalError> {
    let mut buffer = vec![0; WRITE_AGAIN_BYTES.min(usize::try_from(to.saturating_sub(from)).unwrap_or(usize::MAX))];
    let mut at = from;
    while at < to {
        let wanted = usize::try_from(to - at).unwrap_or(usize::MAX).min(WRITE_AGAIN_BYTES);
        let piece = buffer.get_mut(..wanted).unwrap_or_default();
        let read = file.read_at(piece, at).map_err(JournalError::io("read the last segment"))?;
        if read < wanted {
            return Err(JournalError::io("read the last segment")(io::ErrorKind::UnexpectedEof.into()));
        }
        file.write_at(piece, at).map_err(JournalError::io("write the last batch again"))?;
        at += wanted as u64;
    }
    Ok(())
}

/// A last segment without a readable header: its first batch was never synced, or it was damaged later.
fn torn_creation(
    disk: &dyn Disk,
    found: &mut Recovered,
    first_seq: u64,
    bytes: u64,
    marked_seq: u64,
    on_damage: OnDamage,
) -> Result<bool, JournalError> {
    let tail =
        SegmentCursor::open_unchecked(disk, first_seq, bytes).and_then(|mut cursor| scan(&mut cursor, first_seq, true, 0))?;
    if marked_seq >= first_seq || tail.later_batch {
        found.damaged(on_damage, first_seq, 0, first_seq)?;
        found.next_seq = tail.last_seq.max(marked_seq).max(first_seq) + 1;
        return Ok(true);
    }
    disk.remove(&segment_name(first_seq)).map_err(JournalError::io("remove a torn segment"))?;
    disk.sync_dir().map_err(JournalError::io("sync the folder"))?;
    found.segments.remove(&first_seq);
    found.torn_bytes += bytes;
    Ok(false)
}

/// Reads a segment to its end, past what cannot be read. `broken`: its header already could not.
fn scan(cursor: &mut SegmentCursor, first_seq: u64, mut broken: bool, marked_seq: u64) -> Result<Tail, JournalError> {
    let mut tail = Tail { good_bytes: cursor.offset, marked_bytes: 0, next_seq: first_seq, last_seq: 0, later_batch: false };
    loop {
        match cursor.next().map_err(JournalError::io("read the last segment"))? {
            Step::Record(record, _) if !broken && record.seq == tail.next_seq => {
                tail.good_bytes = cursor.offset;
                if record.seq <= marked_seq {
                    tail.marked_bytes = cursor.offset;
                }
                tail.next_seq += 1;
                tail.last_seq = record.seq;
            }
            Step::Record(record, first_of_batch) => {
                broken = true;
                tail.last_seq = tail.last_seq.max(record.seq);
                tail.later_batch |= first_of_batch && record.seq > tail.next_seq;
            }
            Step::End => return Ok(tail),
            Step::Unknown => return Err(JournalError::newer(cursor.first_seq)),
            Step::Bad => {
                broken = true;
                if !cursor.resync().map_err(JournalError::io("read the last segment"))? {
                    return Ok(tail);
                }
            }
        }
    }
}
