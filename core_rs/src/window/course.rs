//! How the raw values of a signal have stood to a threshold without interruption, back from a time: whole blocks are skipped.
//!
//! In numbers: a value back on the safe side, or a gap longer than `gap_us`, ends the course; a block of 16 or 256 values costs one
//! step where none of its values is safe and its two ends are no further apart than `gap_us`. 6 hours of what comes every second:
//! about 400 steps where gaps may be 5 minutes, about 1,400 where they may be 20 seconds.

use super::block::Sample;
use super::series::{SPAN, Series};

/// What a value says of a threshold: beyond it, back on its safe side, or neither (None).
pub type Side<'a> = &'a dyn Fn(f64) -> Option<bool>;

/// How far back is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Lasting {
    /// The course need not be followed beyond a value that is beyond the threshold and as old as this, seen from the newest.
    pub for_us: i64,
    /// Values further apart are two courses.
    pub gap_us: i64,
}

/// The course that ends with the newest value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Course {
    /// The time of a value beyond the threshold: the newest that is `for_us` old, else the oldest of the course. None where there
    /// is none.
    pub on_us: Option<i64>,
    /// A safe value or a gap lies before it; else it may have begun before what is held.
    pub ended: bool,
    /// The oldest value that was met.
    pub reached_us: i64,
    /// The least since `on_us`, or of all that were met.
    pub least: f64,
    /// Likewise the largest.
    pub largest: f64,
}

/// The smallest and the largest of some values.
#[derive(Debug, Clone, Copy)]
struct Range(f64, f64);

impl Range {
    const NONE: Self = Self(f64::INFINITY, f64::NEG_INFINITY);

    fn with(self, least: f64, largest: f64) -> Self {
        Self(self.0.min(least), self.1.max(largest))
    }
}

/// A walk back over the ring.
struct Back<'a> {
    side: Side<'a>,
    lasting: Lasting,
    newest_us: i64,
    /// The oldest value that was met.
    later_us: i64,
    met: Range,
    /// The oldest values that were met of which one is beyond the threshold, and what was met after them.
    on: Option<(&'a [Sample], Range)>,
}

impl Series {
    /// The course up to `newest`, a value that is held or the newest that is folded.
    pub(super) fn course<'a>(&'a self, newest: Sample, side: Side<'a>, lasting: Lasting) -> Course {
        let (samples, start, levels) = self.ring();
        let mut at = start + self.seen(newest.at_us);
        let newest_us = newest.at_us;
        let mut back = Back { side, lasting, newest_us, later_us: newest_us, met: Range::NONE, on: None };
        let mut ended = None;
        while at > start && ended.is_none() {
            let skipped = (0..2).rev().find_map(|level| {
                let (blocks, span) = (levels.get(level)?, *SPAN.get(level)?);
                let block = blocks.get((at / span).checked_sub(1)?)?;
                let held = samples.get(at.checked_sub(span).filter(|from| at.is_multiple_of(span) && *from >= start)?..at)?;
                back.skip(held, (block.min(), block.max())).then_some(span)
            });
            at -= skipped.unwrap_or(1);
            if skipped.is_none() {
                ended = samples.get(at..=at).and_then(|one| back.meet(one));
            }
        }
        // Of what is folded the newest is known.
        let ended = ended.or_else(|| back.meet(self.folded().last.as_slice()));
        back.course(ended == Some(true))
    }
}

impl<'a> Back<'a> {
    /// Passes over a block none of whose values ends the course or is what is sought; false where it has to be looked into.
    fn skip(&mut self, held: &'a [Sample], (least, largest): (f64, f64)) -> bool {
        let (Some(first), Some(last)) = (held.first(), held.last()) else { return false };
        let (low, high) = ((self.side)(least), (self.side)(largest));
        let gap_us = self.later_us.saturating_sub(last.at_us).max(last.at_us.saturating_sub(first.at_us));
        let is_on = low == Some(true) || high == Some(true);
        let is_old = self.newest_us.saturating_sub(first.at_us) >= self.lasting.for_us;
        if low == Some(false) || high == Some(false) || gap_us > self.lasting.gap_us || is_on && is_old {
            return false;
        }
        if is_on {
            self.on = Some((held, self.met));
        }
        (self.met, self.later_us) = (self.met.with(least, largest), first.at_us);
        true
    }

    /// One value: whether the course ended before it (true) or need not be followed further (false); None where it goes on.
    fn meet(&mut self, one: &'a [Sample]) -> Option<bool> {
        let sample = one.first()?;
        let side = (self.side)(sample.value);
        if side == Some(false) || self.later_us.saturating_sub(sample.at_us) > self.lasting.gap_us {
            return Some(true);
        }
        if side == Some(true) {
            self.on = Some((one, self.met));
        }
        (self.met, self.later_us) = (self.met.with(sample.value, sample.value), sample.at_us);
        (side == Some(true) && self.newest_us.saturating_sub(sample.at_us) >= self.lasting.for_us).then_some(false)
    }

    fn course(&self, ended: bool) -> Course {
        let (on_us, Range(least, largest)) = match self.on {
            None => (None, self.met),
            Some((held, after)) => {
                let mut since = held.iter().skip_while(|one| (self.side)(one.value) != Some(true)).peekable();
                let on_us = since.peek().map(|one| one.at_us);
                (on_us, since.fold(after, |range, one| range.with(one.value, one.value)))
            }
        };
        Course { on_us, ended, reached_us: self.later_us, least, largest }
    }
}
