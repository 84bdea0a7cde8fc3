//! Reading a ring: window edges by interpolation, sums by whole blocks, the newest abnormal value by skipping normal blocks.

use super::block::{Block, Sample};
use super::compile::Window;
use super::pane::Reached;
use super::series::{BLOCK, SPAN, Series};
use super::union::Retention;

/// What a window holds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extent {
    /// Observations, folded ones included.
    pub count: f64,
    pub first: Option<Sample>,
    pub last: Option<Sample>,
    /// Sums over the values; None where they were not asked for or there are none.
    pub sums: Option<Block>,
}

/// Walks one series backwards from a row's time, once for windows of growing width.
#[derive(Debug)]
pub(super) struct Walk<'a> {
    series: &'a Series,
    keep: &'a Retention,
    /// Where windows end.
    end_us: i64,
    /// Ring index after the newest sample seen.
    end: usize,
    /// A sample newer than these that is in no ring: the newest cell as it was at `t_us`.
    tail: Option<Sample>,
    /// Lower ring index reached so far by `sums`.
    reached: usize,
    sums: Block,
    /// The same below the ring, in panes; only once the whole ring is in `sums`.
    panes: Reached,
}

impl<'a> Walk<'a> {
    pub fn new(series: &'a Series, keep: &'a Retention, end_us: i64) -> Self {
        Self::with_tail(series, keep, end_us, end_us, None)
    }

    /// Of the series what lies at or before `seen_us`, then `tail`.
    pub fn with_tail(series: &'a Series, keep: &'a Retention, seen_us: i64, end_us: i64, tail: Option<Sample>) -> Self {
        let (_, start, _) = series.ring();
        let end = start + series.seen(seen_us);
        let sums = Block::about(Sample { at_us: end_us, value: 0.0 });
        let mut walk = Self { series, keep, end_us, end, tail, reached: end, sums, panes: Reached::default() };
        walk.restart();
        walk
    }

    /// Back to the row's time, with nothing in the sums but the tail.
    fn restart(&mut self) {
        self.sums = Block::about(self.last().unwrap_or(Sample { at_us: self.end_us, value: 0.0 }));
        self.sums.add_samples(self.tail.as_slice());
        (self.reached, self.panes) = (self.end, Reached::default());
    }

    /// The newest value of the stay.
    pub fn last(&self) -> Option<Sample> {
        let (samples, start, _) = self.series.ring();
        let held = if self.end > start { samples.get(self.end - 1).copied() } else { self.series.folded().last };
        self.tail.or(held)
    }

    /// The stay: its ends, its count and, where `values` are asked for, its sums. After all windows.
    pub fn stay(&mut self, values: bool) -> Extent {
        let (samples, start, _) = self.series.ring();
        let held = samples.get(start..self.end).unwrap_or(&[]);
        let folded = self.series.folded();
        let first = match (folded.first, held.first().copied()) {
            (Some(a), Some(b)) => Some(if b.at_us < a.at_us { b } else { a }),
            (a, b) => a.or(b).or(self.tail),
        };
        let count = folded.count as f64 + held.len() as f64 + f64::from(u8::from(self.tail.is_some()));
        let mut extent = Extent { count, first, last: self.last(), sums: None };
        if values && count > 0.0 {
            if self.panes.first.is_some() {
                self.restart();
            }
            self.extend(start);
            let mut sums = self.sums;
            if let Some(before) = &folded.sums {
                sums.add(before);
            }
            extent.sums = Some(sums);
        }
        extent
    }

    /// One window. Windows of growing width share their work; any order gives the same answer but for the last bit.
    pub fn window(&mut self, window: Window, values: bool) -> Extent {
        let (samples, start, _) = self.series.ring();
        let edge_us = window.edge_us(self.end_us);
        let from = first_after(samples, start, self.end, edge_us);
        let reaches_panes = window.pane_us > 0 && self.series.folded().last.is_some_and(|f| f.at_us > edge_us);
        if !values && !reaches_panes {
            let held = samples.get(from..self.end).unwrap_or(&[]);
            return Extent {
                count: held.len() as f64 + f64::from(u8::from(self.tail.is_some())),
                first: held.first().copied().or(self.tail),
                last: self.tail.or(held.last().copied()),
                sums: None,
            };
        }
        let exact_after_panes = self.panes.first.is_some() && !reaches_panes;
        if from > self.reached || exact_after_panes {
            self.restart();
        }
        self.extend(from);
        let held = samples.get(from..self.end).unwrap_or(&[]);
        let (mut first, mut last) = (held.first().copied().or(self.tail), self.tail.or(held.last().copied()));
        if reaches_panes {
            let folded = self.series.folded();
            folded.panes.add_since(edge_us, self.keep.pane_us, &mut self.panes, &mut self.sums);
            first = self.panes.first.or(first);
            last = last.or(folded.last);
        }
        let sums = self.sums;
        Extent { count: sums.count(), first, last, sums: (sums.count() > 0.0).then_some(sums) }
    }

    /// Adds ring samples `to..reached` to the sums.
    fn extend(&mut self, to: usize) {
        let (samples, _, levels) = self.series.ring();
        let mut at = self.reached;
        while at > to {
            let level = (0..SPAN.len()).rev().find(|l| at.is_multiple_of(SPAN[*l]) && at - to >= SPAN[*l]);
            let block = level.and_then(|l| levels[l].get(at / SPAN[l] - 1).map(|block| (block, SPAN[l])));
            match block {
                Some((block, span)) => {
                    self.sums.add(block);
                    at -= span;
                }
                None => {
                    let stop = ((at - 1) / BLOCK * BLOCK).max(to);
                    self.sums.add_samples(&samples[stop..at]);
                    at = stop;
                }
            }
        }
        self.reached = self.reached.min(to);
    }

    /// Time of the newest value outside the closed range.
    pub fn newest_abnormal_us(&self, low: f64, high: f64) -> Option<i64> {
        if let Some(tail) = self.tail.filter(|s| !(s.value >= low && s.value <= high)) {
            return Some(tail.at_us);
        }
        let (samples, start, levels) = self.series.ring();
        let mut at = self.end;
        while at > start {
            let normal = (0..SPAN.len()).rev().find(|l| {
                at.is_multiple_of(SPAN[*l])
                    && at - start >= SPAN[*l]
                    && levels[*l].get(at / SPAN[*l] - 1).is_some_and(|block| block.within(low, high))
            });
            if let Some(level) = normal {
                at -= SPAN[level];
                continue;
            }
            let stop = ((at - 1) / BLOCK * BLOCK).max(start);
            if let Some(found) = samples[stop..at].iter().rev().find(|s| !(s.value >= low && s.value <= high)) {
                return Some(found.at_us);
            }
            at = stop;
        }
        let range = self.keep.normals.iter().position(|r| *r == (low, high))?;
        self.series.folded().abnormal_us.get(range).copied().filter(|at_us| *at_us != i64::MIN)
    }
}

/// First index in `from..end` whose sample is later than `edge_us`. Regular data is met at the first guess.
fn first_after(samples: &[Sample], from: usize, end: usize, edge_us: i64) -> usize {
    let ring = samples.get(from..end).unwrap_or(&[]);
    let (Some(oldest), Some(newest)) = (ring.first(), ring.last()) else { return end };
    if oldest.at_us > edge_us {
        return from;
    }
    if newest.at_us <= edge_us {
        return end;
    }
    // The answer lies in low + 1 ..= high: ring[low] is not later than the edge, ring[high] is.
    let (mut low, mut high) = (0, ring.len() - 1);
    for _ in 0..3 {
        if high - low <= BLOCK / 2 {
            break;
        }
        let span_us = (ring[high].at_us - ring[low].at_us) as f64;
        let guess = low + ((edge_us - ring[low].at_us) as f64 / span_us * (high - low) as f64) as usize;
        let guess = guess.clamp(low, high - 1);
        if ring[guess].at_us <= edge_us {
            low = guess;
            if ring[guess + 1].at_us > edge_us {
                return from + guess + 1;
            }
        } else {
            high = guess;
            if guess > 0 && ring[guess - 1].at_us <= edge_us {
                return from + guess;
            }
        }
    }
    from + low + 1 + ring[low + 1..=high].partition_point(|s| s.at_us <= edge_us)
}
