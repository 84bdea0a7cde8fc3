//! Segments and records: the byte format (see the module's page), written in one place and read in one place.

use std::io;
use std::sync::Arc;

use bytes::BytesMut;

use super::config::BODY_BYTES_MAX;
use super::sums::Sums;
use super::{Disk, DiskFile, JournalError, Journalled};
use crate::error::Refusal;
use crate::receive::{FRAME_HEAD_BYTES, Frame, FrameRef};

const MAGIC: &[u8; 8] = b"NLJOURNL";
const VERSION: u32 = 1;
pub(super) const HEADER_BYTES: usize = 24;
const HEAD_BYTES: usize = 8;
const SEQ_FLAGS_BYTES: usize = 9;
const BODY_BYTES_MIN: usize = SEQ_FLAGS_BYTES + FRAME_HEAD_BYTES;
const FIRST_OF_BATCH: u8 = 1;
/// The last number a frame can have: an alert's id is the number of its frame and 16 bits, and a bigint of PostgreSQL holds it.
/// Whatever claims a higher one was never written here. A journal past half of them is not opened, so that none comes to the end
/// while it is open: at 5,000 frames a second that is 446 years.
pub(super) const SEQ_MAX: u64 = (1 << 47) - 1;
/// Longest record that a search past damage reads to its end at every place that claims it.
const SUMMED_BYTES_MAX: usize = 32 << 10;
/// Bytes read at once.
const CHUNK_BYTES: usize = 1 << 20;

/// The file name of the segment that begins with this frame.
pub(super) fn segment_name(first_seq: u64) -> String {
    format!("{first_seq:020}.journal")
}

/// The first frame of the segment with this name; None for other files.
pub(super) fn parse_name(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".journal")?;
    (digits.len() == 20 && digits.bytes().all(|digit| digit.is_ascii_digit())).then(|| digits.parse().ok())?.filter(possible)
}

/// Whether a frame can have this number.
pub(super) fn possible(seq: &u64) -> bool {
    (1..=SEQ_MAX).contains(seq)
}

/// The header of a segment.
pub(super) fn header(first_seq: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEADER_BYTES);
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(&VERSION.to_le_bytes());
    out.extend_from_slice(&first_seq.to_le_bytes());
    out.extend_from_slice(&crc32c::crc32c(&out).to_le_bytes());
    out
}

/// Bytes of the record of this frame.
pub(super) const fn record_len(frame: &FrameRef<'_>) -> usize {
    HEAD_BYTES + SEQ_FLAGS_BYTES + frame.encoded_len()
}

/// Appends the record of a frame: the one copy of the payload that is made.
pub(super) fn append_record(out: &mut Vec<u8>, seq: u64, first_of_batch: bool, frame: &FrameRef<'_>) -> Result<(), Refusal> {
    let start = out.len();
    out.extend_from_slice(&[0; HEAD_BYTES]);
    out.extend_from_slice(&seq.to_le_bytes());
    out.push(if first_of_batch { FIRST_OF_BATCH } else { 0 });
    if let Err(refusal) = frame.encode_into(out) {
        out.truncate(start);
        return Err(refusal);
    }
    let (head, body) = out.split_at_mut(start + HEAD_BYTES);
    let head = head.get_mut(start..).unwrap_or_default().iter_mut();
    let said = (body.len() as u32).to_le_bytes().into_iter().chain(crc32c::crc32c(body).to_le_bytes());
    head.zip(said).for_each(|(to, from)| *to = from);
    Ok(())
}

/// One step of a cursor.
#[derive(Debug)]
pub(super) enum Step {
    /// The next record, whole and with the right checksum.
    Record(Journalled, bool),
    /// Nothing follows.
    End,
    /// What follows is not a whole record.
    Bad,
    /// What follows is whole, but of a source or shape this build does not know.
    Unknown,
}

/// Reads the records of one segment in order, up to an end that may move.
#[derive(Debug)]
pub(super) struct SegmentCursor {
    file: Arc<dyn DiskFile>,
    pub(super) first_seq: u64,
    /// Where the next unread byte of the buffer lies in the file.
    pub(super) offset: u64,
    /// Where reading has to stop.
    pub(super) end: u64,
    /// The frame that should come next.
    expected: u64,
    buffer: BytesMut,
}

impl SegmentCursor {
    /// Opens a segment and checks its header.
    ///
    /// # Errors
    /// `Damaged` for a header that cannot be read, `Format` for one of another version, `Io`.
    pub(super) fn open(disk: &dyn Disk, first_seq: u64, end: u64) -> Result<Self, JournalError> {
        let cursor = Self::open_unchecked(disk, first_seq, end)?;
        let mut raw = [0; HEADER_BYTES];
        let read = cursor.file.read_at(&mut raw, 0).map_err(JournalError::io("read a segment's header"))?;
        if read == HEADER_BYTES && raw.as_slice() == header(first_seq).as_slice() {
            return Ok(cursor);
        }
        if read == HEADER_BYTES && raw.starts_with(MAGIC) && intact_header(&raw) {
            return Err(JournalError::newer(first_seq));
        }
        Err(JournalError::Damaged { segment: segment_name(first_seq), offset: 0, seq: first_seq })
    }

    /// Opens a segment whatever its header says.
    pub(super) fn open_unchecked(disk: &dyn Disk, first_seq: u64, end: u64) -> Result<Self, JournalError> {
        let file = disk.open(&segment_name(first_seq)).map_err(JournalError::io("open a segment"))?;
        Ok(Self { file, first_seq, offset: HEADER_BYTES as u64, end, expected: first_seq, buffer: BytesMut::new() })
    }

    /// Moves to the record of this frame, known to begin there.
    pub(super) fn seek(&mut self, (seq, offset): (u64, u64)) {
        self.buffer.clear();
        (self.expected, self.offset) = (seq, offset);
    }

    /// The next record, its end, or that it cannot be read. After `Bad` the cursor still stands before it.
    pub(super) fn next(&mut self) -> io::Result<Step> {
        self.fill(HEAD_BYTES)?;
        if self.buffer.is_empty() {
            return Ok(Step::End);
        }
        let Some(len) = body_len(&self.buffer) else { return Ok(Step::Bad) };
        self.fill(HEAD_BYTES + len)?;
        let Some((_, seq, flags)) = check(&self.buffer) else { return Ok(Step::Bad) };
        let record = self.buffer.split_to(HEAD_BYTES + len).freeze();
        let Ok(frame) = Frame::decode(&record.slice(HEAD_BYTES + SEQ_FLAGS_BYTES..)) else {
            self.buffer.clear(); // the cursor stays before it
            return Ok(Step::Unknown);
        };
        self.offset += record.len() as u64;
        self.expected = seq + 1;
        Ok(Step::Record(Journalled { seq, frame }, flags & FIRST_OF_BATCH != 0))
    }

    /// After `Bad`: moves to the next whole record of a frame behind the one that should be here; where there is none, to the
    /// end, and returns false. Searches byte by byte, at most one segment.
    pub(super) fn resync(&mut self) -> io::Result<bool> {
        self.fill(usize::try_from(self.end.saturating_sub(self.offset)).unwrap_or(usize::MAX))?;
        let nearest = self.expected + 1;
        let reachable = nearest..=nearest + (self.buffer.len() / (HEAD_BYTES + BODY_BYTES_MIN)) as u64;
        let mut sums = None;
        let found = (1..self.buffer.len()).find(|skip| {
            let rest = self.buffer.get(*skip..).unwrap_or_default();
            seq_of(rest).is_some_and(|seq| reachable.contains(&seq)) && is_whole(&self.buffer, *skip, &mut sums)
        });
        if let Some(skip) = found {
            let _ = self.buffer.split_to(skip);
            self.offset += skip as u64;
            return Ok(true);
        }
        self.offset += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(false)
    }

    /// Buffers at least `wanted` bytes, or all there are.
    fn fill(&mut self, wanted: usize) -> io::Result<()> {
        while self.buffer.len() < wanted {
            let at = self.offset + self.buffer.len() as u64;
            let left = usize::try_from(self.end.saturating_sub(at)).unwrap_or(usize::MAX);
            let chunk = left.min(CHUNK_BYTES.max(wanted - self.buffer.len()));
            if chunk == 0 {
                break;
            }
            let have = self.buffer.len();
            self.buffer.resize(have + chunk, 0);
            let read = self.file.read_at(self.buffer.get_mut(have..).unwrap_or_default(), at);
            self.buffer.truncate(have + *read.as_ref().unwrap_or(&0));
            if read? == 0 {
                break;
            }
        }
        Ok(())
    }
}

fn intact_header(raw: &[u8; HEADER_BYTES]) -> bool {
    raw.split_last_chunk::<4>().is_some_and(|(said, crc)| crc32c::crc32c(said) == u32::from_le_bytes(*crc))
}

/// The length a record claims for its body, when the format allows it.
fn body_len(raw: &[u8]) -> Option<usize> {
    let len = u32::from_le_bytes(*raw.first_chunk::<4>()?) as usize;
    (BODY_BYTES_MIN..=BODY_BYTES_MAX).contains(&len).then_some(len)
}

/// The sequence number a record claims, unchecked: it makes the search for a record cheap.
fn seq_of(raw: &[u8]) -> Option<u64> {
    let len = body_len(raw)?;
    let body = raw.get(HEAD_BYTES..HEAD_BYTES + len)?;
    body.first_chunk::<8>().map(|seq| u64::from_le_bytes(*seq))
}

/// Whether a whole record begins there. A long one is not read to its end for each place that claims it.
fn is_whole<'a>(buffer: &'a [u8], at: usize, sums: &mut Option<Sums<'a>>) -> bool {
    let raw = buffer.get(at..).unwrap_or_default();
    match (body_len(raw), raw.get(4..HEAD_BYTES).and_then(<[u8]>::first_chunk)) {
        (Some(len), Some(crc)) if len > SUMMED_BYTES_MAX => {
            let (start, said) = (at + HEAD_BYTES, u32::from_le_bytes(*crc));
            let sums = sums.get_or_insert_with(|| Sums::of(buffer));
            sums.part(start, start + len) == Some(said)
        }
        _ => check(raw).is_some(),
    }
}

/// The record at the start of these bytes, if it is whole: its body, sequence number and flags.
fn check(raw: &[u8]) -> Option<(&[u8], u64, u8)> {
    let len = body_len(raw)?;
    let (crc, rest) = raw.get(4..)?.split_first_chunk::<4>()?;
    let body = rest.get(..len)?;
    let (seq, after) = body.split_first_chunk::<8>()?;
    let seq = Some(u64::from_le_bytes(*seq)).filter(possible)?;
    (crc32c::crc32c(body) == u32::from_le_bytes(*crc)).then_some((body, seq, *after.first()?))
}
