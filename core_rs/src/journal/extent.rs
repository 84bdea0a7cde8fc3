//! For copies of a journal: how far one may be copied while its server runs, and whether a copy can be read from end to end.
//!
//! Segments only grow, and all but the last are finished, so a copy of the files up to `Extent` is the journal as it was after
//! frame `last_seq`: never a frame that was not durable (after a power cut its number could name another frame), and none that
//! was durable when the extent was taken is missing. Reads only; memory is that of one chunk, after damage of one segment.

use std::path::Path;

use super::look::LookedAt;
use super::mark::{MARK_NAME, Mark};
use super::segment::{SegmentCursor, Step, parse_name, segment_name};
use super::{Disk, JournalError};

/// Damaged places of one segment that are told; more are counted by `frames` alone.
const DAMAGE_TOLD_MAX: usize = 1_000;

/// How far a journal reaches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extent {
    /// The last durable frame; 0 of an empty journal.
    pub last_seq: u64,
    /// File name and bytes of each segment, in order.
    pub segments: Vec<(String, u64)>,
}

/// What reading a segment from end to end found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Checked {
    /// The frame after the last one that could be read.
    pub next_seq: u64,
    /// Frames that could be read.
    pub frames: u64,
    /// Places that could not.
    pub damage: Vec<Damage>,
}

/// Bytes that are no whole record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// Where they begin.
    pub offset: u64,
    /// The frame that should stand there.
    pub seq: u64,
}

/// How far the journal in this folder may be copied. `written_to`: a server writes it now, so its mark decides, and `None` means
/// that the mark cannot be read at this instant (ask again). Otherwise every whole record counts, as it would at the next start.
///
/// # Errors
/// `Format`, `Io`.
pub fn extent(folder: &Path, written_to: bool) -> Result<Option<Extent>, JournalError> {
    let disk = LookedAt(folder.to_owned());
    let list = || disk.list().map_err(JournalError::io("list the folder"));
    // The mark first: a segment that begins later is beyond it, one that begins before it is listed.
    let names = list()?;
    let marked = if names.iter().any(|name| name == MARK_NAME) {
        Mark::open(&disk, &names).map_err(JournalError::io("read the mark"))?.1
    } else {
        0
    };
    if written_to && marked == 0 {
        return Ok(None);
    }
    let limit = if written_to { marked } else { u64::MAX };
    let mut firsts: Vec<u64> = list()?.iter().filter_map(|name| parse_name(name)).filter(|first| *first <= limit).collect();
    firsts.sort_unstable();
    let mut last = None;
    while let Some(first) = firsts.pop() {
        let (end, found) = end_of(&disk, first, limit)?;
        if found > 0 || marked >= first {
            let damaged = marked > found;
            let end = if damaged { size(&disk, first)? } else { end };
            last = Some(((segment_name(first), end), found.max(marked)));
            break;
        } // else its creation was torn: nothing in it was ever acknowledged
    }
    let Some((last, last_seq)) = last else { return Ok(Some(Extent { last_seq: marked, segments: Vec::new() })) };
    let mut segments = Vec::with_capacity(firsts.len() + 1);
    for first in firsts {
        segments.push((segment_name(first), size(&disk, first)?));
    }
    segments.push(last);
    Ok(Some(Extent { last_seq, segments }))
}

/// Reads every record of a finished segment, or of a copy.
///
/// # Errors
/// `Format`, `Io`; damage is told, not an error. A name that is no segment's is `Io` (not found).
pub fn check_segment(folder: &Path, name: &str) -> Result<Checked, JournalError> {
    let disk = LookedAt(folder.to_owned());
    let no_segment = || std::io::Error::new(std::io::ErrorKind::NotFound, "this is no segment's name");
    let first = parse_name(name).ok_or_else(no_segment).map_err(JournalError::io("read a segment"))?;
    let mut checked = Checked { next_seq: first, ..Checked::default() };
    let mut damaged_at = None;
    let mut cursor = open(&disk, first, &mut damaged_at)?;
    loop {
        let offset = cursor.offset;
        match cursor.next().map_err(JournalError::io("read a segment"))? {
            Step::Record(record, _) => {
                if record.seq != checked.next_seq || damaged_at.is_some() {
                    checked.tell(damaged_at.take().unwrap_or(offset));
                }
                checked.next_seq = record.seq + 1;
                checked.frames += 1;
            }
            Step::End => break,
            Step::Unknown => return Err(JournalError::newer(first)),
            Step::Bad => {
                damaged_at.get_or_insert(offset);
                cursor.resync().map_err(JournalError::io("read a segment"))?;
            }
        }
    }
    if let Some(offset) = damaged_at {
        checked.tell(offset);
    }
    Ok(checked)
}

impl Checked {
    fn tell(&mut self, offset: u64) {
        if self.damage.len() < DAMAGE_TOLD_MAX {
            self.damage.push(Damage { offset, seq: self.next_seq });
        }
    }
}

/// Where the last whole record at or before `limit` ends, and its number; 0 where there is none.
fn end_of(disk: &LookedAt, first: u64, limit: u64) -> Result<(u64, u64), JournalError> {
    let mut cursor = open(disk, first, &mut None)?;
    let (mut end, mut found) = (cursor.offset, 0);
    loop {
        match cursor.next().map_err(JournalError::io("read the last segment"))? {
            Step::Record(record, _) if record.seq <= limit => (end, found) = (cursor.offset, record.seq),
            Step::Record(..) | Step::End => return Ok((end, found)),
            Step::Unknown => return Err(JournalError::newer(first)),
            Step::Bad => drop(cursor.resync().map_err(JournalError::io("read the last segment"))?),
        }
    }
}

/// A cursor over the whole file, past a header that cannot be read.
fn open(disk: &LookedAt, first: u64, damaged_at: &mut Option<u64>) -> Result<SegmentCursor, JournalError> {
    let bytes = size(disk, first)?;
    match SegmentCursor::open(disk, first, bytes) {
        Err(JournalError::Damaged { .. }) => {
            *damaged_at = Some(0);
            SegmentCursor::open_unchecked(disk, first, bytes)
        }
        opened => opened,
    }
}

fn size(disk: &LookedAt, first: u64) -> Result<u64, JournalError> {
    let file = disk.open(&segment_name(first)).map_err(JournalError::io("open a segment"))?;
    file.size().map_err(JournalError::io("measure a segment"))
}
