//! Reading back in order: from any sequence number up to what is durable, across segments, waiting for more.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use super::pending::Shared;
use super::segment::{SegmentCursor, Step, segment_name};
use super::signposts::SIGNPOST_BYTES;
use super::{JournalError, OnDamage};
use crate::receive::Frame;

/// A frame and its place in the one order of everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Journalled {
    /// The sequence number.
    pub seq: u64,
    /// The frame; its payload is a slice of the chunk (1 MiB) that was read, which lives as long as the slice does.
    pub frame: Frame,
}

/// Reads frames in order. Never yields a frame that is not durable.
#[derive(Debug)]
pub struct JournalReader {
    shared: Arc<Shared>,
    cursor: Option<SegmentCursor>,
    next_seq: u64,
    /// Offset of the last signpost seen in the cursor's segment.
    signpost: u64,
    /// Where damage was last met, so that asking again does not count it again.
    damage_seen_at: Option<u64>,
}

impl JournalReader {
    pub(super) fn new(shared: Arc<Shared>, from_seq: u64) -> Self {
        Self { shared, cursor: None, next_seq: from_seq.max(1), signpost: 0, damage_seen_at: None }
    }

    /// The frame that comes next.
    pub fn position(&self) -> u64 {
        self.next_seq
    }

    /// How many durable frames have not been read yet.
    pub fn lag_frames(&self) -> u64 {
        (self.shared.durable.seq() + 1).saturating_sub(self.next_seq)
    }

    /// The next frame, waiting up to `timeout` for it; None when the time is over.
    ///
    /// # Errors
    /// `Gone` when retention was here first, `Damaged` when an acknowledged frame cannot be read (asking again gives the same
    /// answer), `Format`, `Io`; `Failed` once everything durable has been read and the journal has stopped writing.
    pub fn next(&mut self, timeout: Duration) -> Result<Option<Journalled>, JournalError> {
        if self.next_seq > self.shared.durable.seq() {
            let progress = self.shared.durable.wait(self.next_seq, timeout);
            if self.next_seq > progress.durable_seq {
                return if progress.failed { Err(self.shared.failure()) } else { Ok(None) };
            }
        }
        self.read_durable()
    }

    /// Appends up to `frames_max` frames, waiting up to `timeout` for the first of them; stops early once their payloads
    /// reach `bytes_max`. Returns how many were appended.
    ///
    /// # Errors
    /// As `next`; frames appended before an error are valid and the position stands behind them.
    pub fn next_batch(
        &mut self,
        out: &mut Vec<Journalled>,
        frames_max: usize,
        bytes_max: usize,
        timeout: Duration,
    ) -> Result<usize, JournalError> {
        let (mut frames, mut bytes, mut wait) = (0, 0, timeout);
        while frames < frames_max && bytes < bytes_max {
            let Some(journalled) = self.next(wait)? else { break };
            (frames, bytes, wait) = (frames + 1, bytes + journalled.frame.payload.len(), Duration::ZERO);
            out.push(journalled);
        }
        Ok(frames)
    }

    /// The next frame, known to be durable; None only when all that was left is lost (quarantine).
    fn read_durable(&mut self) -> Result<Option<Journalled>, JournalError> {
        while self.next_seq <= self.shared.durable.seq() {
            let Some(cursor) = self.cursor()? else { continue };
            let (offset, segment) = (cursor.offset, cursor.first_seq);
            match cursor.next().map_err(JournalError::io("read a segment"))? {
                Step::Record(record, _) => {
                    // Whole, and of no place here: not what was lost, and no reason to pass over what follows.
                    if record.seq > self.next_seq && !self.is_of(segment, record.seq) {
                        continue;
                    }
                    if offset.saturating_sub(self.signpost) >= SIGNPOST_BYTES {
                        self.signpost = offset;
                        self.shared.signposts.set(record.seq, offset);
                    }
                    if record.seq < self.next_seq {
                        continue;
                    }
                    self.lost_before(record.seq)?;
                    self.next_seq = record.seq + 1;
                    self.shared.counters.read_frames.fetch_add(1, Relaxed);
                    return Ok(Some(record));
                }
                Step::End => self.next_segment()?,
                // What follows the last frame of a segment is nobody's.
                Step::Unknown if !self.is_of(segment, self.next_seq) => self.next_segment()?,
                Step::Unknown => return Err(JournalError::newer(segment)),
                // Whether anything asked for was lost shows when the next whole record is met.
                Step::Bad => self.resync()?,
            }
        }
        Ok(None)
    }

    fn resync(&mut self) -> Result<(), JournalError> {
        match self.cursor.as_mut().map(SegmentCursor::resync) {
            Some(found) => found.map(drop).map_err(JournalError::io("read a segment")),
            None => Ok(()),
        }
    }

    /// Whether a segment can hold this frame: the following one begins behind it, and it is durable.
    fn is_of(&self, segment: u64, seq: u64) -> bool {
        let following = self.shared.segments.lock().range(segment + 1..).next().map(|(first, _)| *first);
        following.is_none_or(|first| seq < first) && seq <= self.shared.durable.seq()
    }

    /// The cursor, opened where the next frame should be; None when a gap was passed over instead.
    fn cursor(&mut self) -> Result<Option<&mut SegmentCursor>, JournalError> {
        if self.cursor.is_none() {
            let segments = self.shared.segments.lock();
            let place = segments.range(..=self.next_seq).next_back().map(|(first, info)| (*first, info.bytes));
            let first = segments.first_key_value().map(|(first, _)| *first);
            drop(segments);
            match (place, first) {
                (Some((first_seq, end)), _) => self.cursor = Some(self.open(first_seq, end)?),
                (None, Some(first)) => return Err(JournalError::Gone { seq: self.next_seq, first }),
                (None, None) => {
                    let end = self.shared.durable.seq() + 1;
                    self.lost_before(end)?;
                    self.next_seq = end;
                }
            }
        }
        Ok(self.cursor.as_mut())
    }

    fn open(&mut self, first_seq: u64, end: u64) -> Result<SegmentCursor, JournalError> {
        let mut opened = SegmentCursor::open(&*self.shared.disk, first_seq, end);
        if matches!(opened, Err(JournalError::Damaged { .. })) {
            self.met_damage(first_seq);
            if self.shared.config.on_damage == OnDamage::Quarantine {
                opened = SegmentCursor::open_unchecked(&*self.shared.disk, first_seq, end);
            }
        }
        let mut cursor = opened?;
        self.signpost = 0;
        if let Some(post) = self.shared.signposts.before(first_seq, self.next_seq) {
            self.signpost = post.1;
            cursor.seek(post);
        }
        Ok(cursor)
    }

    /// At the end of what was known of the segment: it has grown, or another one follows, or the rest is missing.
    fn next_segment(&mut self) -> Result<(), JournalError> {
        let Some(cursor) = &mut self.cursor else { return Ok(()) };
        let durable_seq = self.shared.durable.seq();
        let segments = self.shared.segments.lock();
        if let Some(grown) = segments.get(&cursor.first_seq).filter(|info| info.bytes > cursor.end) {
            cursor.end = grown.bytes;
            return Ok(());
        }
        let following = segments.range(cursor.first_seq + 1..).next().map(|(first, info)| (*first, info.bytes));
        drop(segments);
        match following {
            Some((first_seq, end)) => {
                self.lost_before(first_seq)?;
                self.next_seq = self.next_seq.max(first_seq);
                self.cursor = Some(self.open(first_seq, end)?);
            }
            None => {
                self.lost_before(durable_seq + 1)?;
                self.next_seq = self.next_seq.max(durable_seq + 1);
            }
        }
        Ok(())
    }

    /// Counts a damaged place, once.
    fn met_damage(&mut self, at: u64) {
        if self.damage_seen_at.replace(at) != Some(at) {
            self.shared.counters.damaged_places.fetch_add(1, Relaxed);
        }
    }

    /// Every acknowledged frame from the position up to this one is unreadable: counted, and refused unless quarantined.
    fn lost_before(&mut self, seq: u64) -> Result<(), JournalError> {
        if seq <= self.next_seq {
            return Ok(());
        }
        self.met_damage(self.next_seq);
        if self.shared.config.on_damage == OnDamage::Quarantine {
            self.shared.counters.lost_frames.fetch_add(seq - self.next_seq, Relaxed);
            return Ok(());
        }
        let at = self.cursor.take(); // the next call looks again, and says the same
        Err(JournalError::Damaged {
            segment: at.as_ref().map_or_else(String::new, |cursor| segment_name(cursor.first_seq)),
            offset: at.map_or(0, |cursor| cursor.offset),
            seq: self.next_seq,
        })
    }
}
