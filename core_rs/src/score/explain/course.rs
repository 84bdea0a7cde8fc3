//! What may be said of a signal's course, and how large a change must be for a word: the rules and the table.
//!
//! | word | said where |
//! |---|---|
//! | rising, falling (`from` the oldest value `in` the window) | in the shortest window whose delta (or last minus first) is at least `change`, and whose slope, where the plan has it, does not point the other way |
//! | rising, falling (without `from`) | the plan has no delta or first of the signal, the slope over the whole window is at least `change`, and maximum minus minimum or 3.5 standard deviations of that window are too: a slope of two values a minute apart is no course |
//! | highest, lowest | neither of the above; the newest value is the maximum (minimum) of the longest such window, which spans at least `change` |
//! | hourly mean, before any of these | the plan takes these statistics over cells, and the newest cell's mean is not the newest value |
//! | steady | the change moved the score most, and is below half of `change` |
//!
//! A signal that is not in the table has no `change` of its own: there two standard deviations of the same window count, where
//! the plan has them. Where the plan has none of these columns, or they are missing in the row, nothing is said. A course is one
//! of what the row holds: of values observed up to the row's time.

use super::signal::Fact;
use super::spoken;
use crate::decode::SignalId;
use crate::decode::catalogue::*;
use crate::window::Stat;

/// Decimals where the table has no row.
const DIGITS: usize = 1;
/// Standard deviations that count as a change where the table has no row: noise alone exceeds that in one of six.
const CHANGE_STD: f64 = 2.0;
/// Span of a steady course in standard deviations: an even slope has a standard deviation of its span over the root of 12.
const SPAN_STD: f64 = 3.5;

/// Signal, decimals, change that deserves a word, why that much. Canonical units.
pub(super) static READINGS: &[(SignalId, usize, f64, &str)] = &[
    (HR, 0, 15.0, "a NEWS2 or MEWS step is about 20; breathing and posture move it by 5 to 10"),
    (O2SAT, 0, 3.0, "pulse oximeters are accurate to 2 points; a NEWS2 step is 2"),
    (TEMP, 1, 0.7, "the day's rhythm is 0.5; a fever is 1 above"),
    (SBP, 0, 15.0, "cuffs repeat within 8; a drop of 20 is the orthostatic criterion"),
    (MAP, 0, 10.0, "two thirds of the systolic change"),
    (DBP, 0, 10.0, "a drop of 10 is the orthostatic criterion"),
    (RESP, 0, 4.0, "counting repeats within 2 to 3; a NEWS2 step is 4"),
    (ETCO2, 0, 5.0, "follows PaCO2 within 2 to 5"),
    (BASE_EXCESS, 1, 3.0, "beyond the reference range of plus or minus 2"),
    (HCO3, 0, 3.0, "half of the reference range of 22 to 28"),
    (FIO2, 2, 0.1, "the step in which oxygen is turned up"),
    (PH, 2, 0.05, "half of the reference range of 7.35 to 7.45"),
    (PACO2, 0, 6.0, "half of the reference range of 35 to 45, and more than analysers differ by"),
    (SAO2, 0, 3.0, "as for pulse oximetry"),
    (AST, 0, 40.0, "the upper reference limit: within it nothing is meant"),
    (BUN, 0, 7.0, "half of the reference range of 7 to 20"),
    (ALKALINEPHOS, 0, 50.0, "half of the reference range of 40 to 130"),
    (CALCIUM, 1, 0.8, "half of the reference range of 8.6 to 10.3"),
    (CHLORIDE, 0, 5.0, "half of the reference range of 98 to 107"),
    (CREATININE, 2, 0.3, "KDIGO 2012: acute kidney injury from 0.3 within 48 h"),
    (BILIRUBIN_DIRECT, 1, 0.5, "as for total bilirubin"),
    (GLUCOSE, 0, 50.0, "meals move it by 30 to 50"),
    (LACTATE, 1, 0.5, "beyond the scatter of paired samples, a quarter of the limit of 2"),
    (MAGNESIUM, 1, 0.3, "half of the reference range of 1.7 to 2.4"),
    (PHOSPHATE, 1, 1.0, "half of the reference range of 2.5 to 4.5"),
    (POTASSIUM, 1, 0.5, "a third of the reference range of 3.5 to 5.0, beyond a slightly haemolysed sample"),
    (BILIRUBIN_TOTAL, 1, 0.5, "half of the reference range up to 1.2"),
    (TROPONIN_I, 2, 0.04, "the usual decision limit of a conventional assay"),
    (HCT, 0, 4.0, "three points go with 1 g/dL of haemoglobin"),
    (HGB, 1, 1.0, "the effect of one unit of blood"),
    (PTT, 0, 10.0, "the width of the reference range"),
    (WBC, 1, 3.0, "half of the reference range of 4 to 11"),
    (FIBRINOGEN, 0, 100.0, "half of the reference range of 200 to 400"),
    (PLATELETS, 0, 50.0, "a SOFA step"),
    (PAO2, 0, 15.0, "half of the reference range of 75 to 100, rounded up"),
    (GCS, 0, 2.0, "raters differ by 1"),
    (BANDS, 0, 5.0, "half of the SIRS limit of 10"),
    (HBA1C, 1, 0.5, "the change that trials of diabetes drugs call a difference"),
    (PRIOR_INPATIENT, 0, 1.0, "a count"),
    (PRIOR_OUTPATIENT, 0, 1.0, "a count"),
    (PRIOR_EMERGENCY, 0, 1.0, "a count"),
    (LAB_TESTS, 0, 10.0, "a count that grows by the day"),
    (PROCEDURES, 0, 1.0, "a count"),
    (MEDICATIONS, 0, 3.0, "a count that grows by the day"),
    (INSULIN, 0, 1.0, "a code"),
    (METFORMIN, 0, 1.0, "a code"),
    (DIABETES_DRUGS, 0, 1.0, "a count"),
    (DIABETES_CHANGES, 0, 1.0, "a count"),
    (PRIOR_STAYS, 0, 1.0, "a count"),
    (PRIOR_READMISSIONS, 0, 1.0, "a count"),
    (DAYS_SINCE_DISCHARGE, 0, 1.0, "told once a stay"),
];

/// Decimals a value is told with.
pub(super) fn digits(id: SignalId) -> usize {
    READINGS.iter().find(|row| row.0 == id).map_or(DIGITS, |row| row.1)
}

/// What a signal has been doing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Course {
    /// Up or down, from the oldest value of the window where that is known.
    Moving { up: bool, from: Option<f64>, window_s: Option<i64> },
    /// The newest value is the window's highest or lowest.
    Extreme { high: bool, window_s: i64 },
}

impl Course {
    pub(super) fn words(self, id: SignalId, digits: usize) -> String {
        match self {
            Self::Moving { up, from, window_s } => {
                let word = if up { "rising" } else { "falling" };
                let from = from.map_or_else(String::new, |from| format!(" from {}", spoken::bare(id, from, digits)));
                format!("{word}{from} {}", spoken::within(window_s))
            }
            Self::Extreme { high, window_s } => {
                format!("{} {}", if high { "highest" } else { "lowest" }, spoken::within(Some(window_s)))
            }
        }
    }
}

/// The course of a signal, by the rules above, and the width of the cells it was seen in: of the values themselves where they
/// have one, else of the narrowest cells.
pub(super) fn of(id: SignalId, facts: &[Fact]) -> Option<(Course, Option<i64>)> {
    let mut widths: Vec<Option<i64>> = facts.iter().map(|fact| fact.cell_s).collect();
    widths.sort_unstable();
    widths.dedup();
    let by = |rule: fn(&Columns<'_>) -> Option<Course>| {
        widths.iter().find_map(|cell_s| Some((rule(&Columns { id, facts, cell_s: *cell_s })?, *cell_s)))
    };
    by(|columns| columns.moving()).or_else(|| by(|columns| columns.extreme()))
}

/// `steady in 6 h`, where the change over the window of a column is known and small.
pub(super) fn steady(id: SignalId, facts: &[Fact], fact: &Fact) -> Option<String> {
    let columns = Columns { id, facts, cell_s: fact.cell_s };
    let (change, least) = (columns.delta(fact.window_s)?, columns.change(fact.window_s)?);
    (change.abs() < least / 2.0).then(|| format!("steady {}", spoken::within(fact.window_s)))
}

/// The columns of one signal and one width of cells, by statistic and window.
struct Columns<'a> {
    id: SignalId,
    facts: &'a [Fact],
    cell_s: Option<i64>,
}

impl Columns<'_> {
    fn each(&self) -> impl Iterator<Item = &Fact> {
        self.facts.iter().filter(|fact| fact.cell_s == self.cell_s)
    }

    fn value(&self, stat: Stat, window_s: Option<i64>) -> Option<f64> {
        let found = self.each().find(|fact| fact.stat == stat && fact.window_s == window_s)?;
        (!found.value.is_nan()).then_some(found.value)
    }

    fn newest(&self) -> Option<f64> {
        let newest = |stat| self.each().find(|fact| fact.stat == stat && !fact.value.is_nan());
        newest(Stat::Last).or_else(|| newest(Stat::LastIn)).map(|fact| fact.value)
    }

    /// Windows that any column has, the shortest first, the stay last.
    fn windows(&self) -> Vec<Option<i64>> {
        let mut found: Vec<Option<i64>> =
            self.each().filter(|fact| fact.stat.takes_window()).map(|fact| fact.window_s).collect();
        found.sort_unstable_by_key(|window| window.unwrap_or(i64::MAX));
        found.dedup();
        found
    }

    fn moving(&self) -> Option<Course> {
        let has_ends = self.each().any(|fact| matches!(fact.stat, Stat::Delta | Stat::First));
        if has_ends { self.by_ends() } else { self.by_slope() }
    }

    /// How much is a change in that window.
    fn change(&self, window_s: Option<i64>) -> Option<f64> {
        let listed = READINGS.iter().find(|row| row.0 == self.id).map(|row| row.2);
        listed.or_else(|| self.value(Stat::Std, window_s).filter(|std| *std > 0.0).map(|std| CHANGE_STD * std))
    }

    /// Newest minus oldest value of the window.
    fn delta(&self, window_s: Option<i64>) -> Option<f64> {
        let ends = || Some(self.value(Stat::LastIn, window_s).or_else(|| self.newest())? - self.value(Stat::First, window_s)?);
        self.value(Stat::Delta, window_s).or_else(ends)
    }

    fn by_ends(&self) -> Option<Course> {
        self.windows().into_iter().find_map(|window_s| {
            let (delta, least) = (self.delta(window_s)?, self.change(window_s)?);
            let against = self.value(Stat::Slope, window_s).is_some_and(|slope| slope * delta < 0.0);
            let from = self.value(Stat::First, window_s).or_else(|| self.newest().map(|newest| newest - delta));
            (enough(delta, least) && !against).then_some(Course::Moving { up: delta > 0.0, from, window_s })
        })
    }

    fn by_slope(&self) -> Option<Course> {
        self.windows().into_iter().find_map(|window_s| {
            let (slope, least) = (self.value(Stat::Slope, window_s)?, self.change(window_s)?);
            let spread = self.spread(window_s).or_else(|| self.value(Stat::Std, window_s).map(|std| std * SPAN_STD))?;
            let over = slope * window_s? as f64 / 3_600.0;
            (enough(over, least) && enough(spread, least)).then_some(Course::Moving { up: slope > 0.0, from: None, window_s })
        })
    }

    fn extreme(&self) -> Option<Course> {
        let newest = self.newest()?;
        self.windows().into_iter().rev().find_map(|window_s| {
            if !enough(self.spread(window_s)?, self.change(window_s)?) {
                return None;
            }
            let high = self.value(Stat::Max, window_s).is_some_and(|max| newest >= max);
            let low = self.value(Stat::Min, window_s).is_some_and(|min| newest <= min);
            (high || low).then_some(Course::Extreme { high, window_s: window_s? })
        })
    }

    fn spread(&self, window_s: Option<i64>) -> Option<f64> {
        Some(self.value(Stat::Max, window_s)? - self.value(Stat::Min, window_s)?)
    }
}

/// Rows are f32: a change of exactly the least is one.
fn enough(change: f64, least: f64) -> bool {
    change.abs() >= least * (1.0 - 1e-6)
}
