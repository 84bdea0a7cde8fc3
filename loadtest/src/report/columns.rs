//! The run's seconds as at most 600 columns of equal width: a longer run shows several seconds in one column.
//!
//! A column shows the worst of its seconds where the worst is what matters, their mean for rates, the last for gauges.

use crate::result::Second;

/// Columns of a chart.
const COLUMNS_MAX: usize = 600;

/// Groups of seconds.
#[derive(Debug)]
pub struct Columns<'a> {
    groups: Vec<&'a [Second]>,
    /// Seconds in one column.
    pub width_s: usize,
    /// End of the time axis.
    pub end_s: f64,
}

/// A value a column; none where nothing was measured.
pub type Values = Vec<Option<f64>>;

impl<'a> Columns<'a> {
    /// Of a run's seconds, which have no gaps.
    pub fn of(seconds: &'a [Second]) -> Self {
        let width_s = seconds.len().div_ceil(COLUMNS_MAX).max(1);
        let end_s = seconds.last().map_or(1.0, |last| f64::from(last.t_s) + 1.0);
        Self { groups: seconds.chunks(width_s).collect(), width_s, end_s }
    }

    /// Middle of each column.
    pub fn at_s(&self) -> Vec<f64> {
        let middle = |group: &&[Second]| group.first().map_or(0.0, |first| f64::from(first.t_s) + group.len() as f64 / 2.0);
        self.groups.iter().map(middle).collect()
    }

    /// The largest of each column.
    pub fn worst(&self, of: impl Fn(&Second) -> Option<f64>) -> Values {
        self.groups.iter().map(|group| group.iter().filter_map(&of).reduce(f64::max)).collect()
    }

    /// The mean of each column.
    pub fn mean(&self, of: impl Fn(&Second) -> Option<f64>) -> Values {
        let mean = |group: &&[Second]| {
            let (sum, count) = group.iter().filter_map(&of).fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
            (count > 0.0).then_some(sum / count)
        };
        self.groups.iter().map(mean).collect()
    }

    /// What a growing count gained a second, column by column; the first column has no difference.
    pub fn gained(&self, of: impl Fn(&Second) -> Option<u64>) -> Values {
        let mut before: Option<(u32, u64)> = None;
        let mut values = Vec::with_capacity(self.groups.len());
        for group in &self.groups {
            let last = group.iter().rev().find_map(|second| of(second).map(|count| (second.t_s, count)));
            values.push(
                before
                    .zip(last)
                    .and_then(|((t0, c0), (t1, c1))| (t1 > t0 && c1 >= c0).then(|| (c1 - c0) as f64 / f64::from(t1 - t0))),
            );
            before = last.or(before);
        }
        values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(count: u32) -> Vec<Second> {
        (0..count).map(|t_s| Second { t_s, due: u64::from(t_s), ..Second::default() }).collect()
    }

    #[test]
    fn a_short_run_has_a_column_a_second_and_a_long_one_keeps_its_worst() {
        let short = seconds(60);
        let columns = Columns::of(&short);
        assert_eq!((columns.width_s, columns.end_s, columns.at_s().first().copied()), (1, 60.0, Some(0.5)));
        let long = seconds(1500);
        let columns = Columns::of(&long);
        assert_eq!((columns.width_s, columns.at_s().len()), (3, 500));
        assert_eq!(columns.worst(|second| Some(second.due as f64)).last().copied().flatten(), Some(1499.0));
        assert_eq!(columns.mean(|second| Some(second.due as f64)).last().copied().flatten(), Some(1498.0));
        assert_eq!(Columns::of(&[]).end_s, 1.0);
    }

    #[test]
    fn a_counter_that_restarts_or_is_missing_gains_nothing() {
        let counts = [Some(0), Some(10), None, Some(50), Some(5), Some(6)];
        let seconds = seconds(6);
        let gained = Columns::of(&seconds).gained(|second| counts.get(second.t_s as usize).copied().flatten());
        assert_eq!(gained, [None, Some(10.0), None, Some(20.0), None, Some(1.0)]);
    }
}
