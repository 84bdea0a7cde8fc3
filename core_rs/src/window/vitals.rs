//! One patient's rolling state: every signal's series, and the rows read from them.

use serde::{Deserialize, Serialize};

use crate::decode::SignalId;
use crate::error::{Code, Refusal};

use super::block::{Sample, hours};
use super::compile::{FeaturePlan, Over, SignalFeatures, end_us};
use super::course::{Course, Lasting, Side};
use super::person::Person;
use super::plan::Stat;
use super::series::{Change, Said, Series};
use super::track::{Extremes, Track};
use super::union::Union;
use super::walk::{Extent, Walk};

/// Signal numbers from here on are refused: the table of a patient is dense.
pub const SIGNALS_MAX: u16 = 512;

/// All series of a patient.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Stored")]
pub struct Vitals {
    /// By signal number; None where never observed.
    series: Vec<Option<Box<Track>>>,
    /// The newest receipt of an observation: what retention is counted back from.
    clock_us: i64,
    /// The newest sample of each, by signal number, side by side: rules ask for thirty of them at every frame.
    #[serde(skip)]
    newest: Vec<Sample>,
}

/// As a snapshot holds it.
#[derive(Deserialize)]
struct Stored {
    series: Vec<Option<Box<Track>>>,
    clock_us: i64,
}

impl From<Stored> for Vitals {
    fn from(Stored { series, clock_us }: Stored) -> Self {
        let mut vitals = Self { series, clock_us, newest: Vec::new() };
        vitals.look_up_newest();
        vitals
    }
}

/// In `Vitals::newest`, where there is no sample.
const NONE: Sample = Sample { at_us: i64::MIN, value: f64::INFINITY };

impl Vitals {
    /// The clock was set back: nothing was received later than now.
    pub(super) fn set_back(&mut self, now_us: i64) {
        self.clock_us = self.clock_us.min(now_us);
    }

    /// Writes one observation. Refused are signal numbers from `SIGNALS_MAX` and values that are no numbers where one is said.
    #[inline]
    pub fn apply(
        &mut self,
        signal: SignalId,
        sample: Sample,
        said: Said,
        received_at_us: i64,
        union: &Union,
        samples_max: usize,
    ) -> Result<Change, Refusal> {
        if signal.0 >= SIGNALS_MAX {
            return Err(Refusal::new(Code::SignalLimit, format!("signal numbers end at {SIGNALS_MAX}")));
        }
        let needs_value = matches!(said, Said::Told | Said::Corrected) || !sample.value.is_nan();
        if needs_value && said != Said::Withdrawn && !sample.value.is_finite() {
            return Err(Refusal::new(Code::MissingValue, "the value is not a number"));
        }
        self.clock_us = self.clock_us.max(received_at_us);
        let at = usize::from(signal.0);
        if at >= self.series.len() {
            self.series.resize_with((at + 1).next_multiple_of(8), || None);
            self.newest.resize(self.series.len(), NONE);
        }
        let Some((place, newest)) = self.series.get_mut(at).zip(self.newest.get_mut(at)) else { return Ok(Change::NoMatch) };
        let keep = union.signal(signal);
        let track = match place {
            Some(track) => track,
            None => place.insert(Box::new(Track::of(keep))),
        };
        let change = track.apply(sample, said, self.clock_us, keep, samples_max);
        *newest = track.raw().newest().unwrap_or(NONE);
        Ok(change)
    }

    fn look_up_newest(&mut self) {
        let newest = |track: &Option<Box<Track>>| track.as_ref().and_then(|track| track.raw().newest()).unwrap_or(NONE);
        self.newest = self.series.iter().map(newest).collect();
    }

    /// The series of a signal, if it was ever observed.
    #[inline]
    pub fn series(&self, signal: SignalId) -> Option<&Series> {
        self.track(signal).map(Track::raw)
    }

    #[inline]
    pub(super) fn track(&self, signal: SignalId) -> Option<&Track> {
        self.series.get(usize::from(signal.0)).and_then(|track| track.as_deref())
    }

    /// Newest value at or before `t_us` and its time.
    #[inline]
    pub fn latest(&self, signal: SignalId, t_us: i64) -> Option<(f64, i64)> {
        let newest = self.newest.get(usize::from(signal.0)).filter(|newest| newest.at_us != NONE.at_us)?;
        if newest.at_us <= t_us {
            return Some((newest.value, newest.at_us));
        }
        self.series(signal)?.last(t_us).map(|s| (s.value, s.at_us))
    }

    /// The extremes of the values in (`t_us` - `width_us`, `t_us`]; None of a signal never observed.
    pub fn extremes(&self, signal: SignalId, t_us: i64, width_us: i64) -> Option<Extremes> {
        Some(self.track(signal)?.extremes(t_us, width_us))
    }

    /// How the raw values of a signal have stood to a threshold up to `newest`, a value of it.
    pub fn course(&self, signal: SignalId, newest: Sample, side: Side<'_>, lasting: Lasting) -> Option<Course> {
        Some(self.series(signal)?.course(newest, side, lasting))
    }

    /// The value of exactly this time, if it is still raw.
    pub fn at(&self, signal: SignalId, at_us: i64) -> Option<f64> {
        self.series(signal)?.at(at_us).map(|one| one.value)
    }

    /// The row of a plan at a time, written over `row` (its length is the plan's width). Missing is NaN, a count of nothing 0.
    /// Exact for times from the newest receipt on.
    pub fn row(&self, plan: &FeaturePlan, union: &Union, person: &Person, t_us: i64, row: &mut [f32]) {
        row.fill(f32::NAN);
        self.bring_near(plan);
        let (mut cell_us, mut until_us) = (0, t_us); // a division is dear: once for all signals with the same cells
        for features in &plan.signals {
            if features.cell_us != cell_us {
                (cell_us, until_us) = (features.cell_us, end_us(features.cell_us, t_us));
            }
            let track = self.track(features.signal);
            let walk =
                track.and_then(|track| Some((track, track.walk(features, union.signal(features.signal), t_us, until_us)?)));
            match walk {
                Some((track, mut walk)) => fill(features, track.raw(), &mut walk, t_us, row),
                None => {
                    for column in features.columns.iter().filter(|c| c.stat == Stat::Count) {
                        put(row, column.column, 0.0);
                    }
                }
            }
        }
        for (which, column) in &plan.demographics {
            put(row, *column, person.demographic(*which, t_us));
        }
        for coded in &plan.coded {
            put(row, coded.column, coded.value(&person.facts));
        }
        for derived in &plan.derived {
            let mut inputs = smallvec::SmallVec::<[f64; 8]>::new();
            inputs.extend(derived.inputs.iter().map(|s| self.latest(*s, t_us).map_or(f64::NAN, |last| last.0)));
            put(row, derived.column, (derived.rule.eval)(&inputs));
        }
    }

    /// Asks for the memory of all signals before the first is walked: their cache misses then wait for each other no longer.
    #[inline]
    fn bring_near(&self, plan: &FeaturePlan) {
        let tracks = plan.signals.iter().filter_map(|features| self.track(features.signal));
        std::hint::black_box(tracks.fold(0, |times, track| times ^ track.raw().held().last().map_or(0, |newest| newest.at_us)));
    }

    /// Whether no value was ever taken in.
    pub fn is_blank(&self) -> bool {
        self.series.iter().flatten().all(|track| track.is_blank())
    }

    /// The newest receipt of an observation, microseconds.
    pub fn clock_us(&self) -> i64 {
        self.clock_us
    }

    /// Heap and own bytes.
    pub fn bytes(&self) -> usize {
        size_of::<Self>()
            + self.series.capacity() * size_of::<Option<Box<Track>>>()
            + self.newest.capacity() * size_of::<Sample>()
            + self.series.iter().flatten().map(|s| s.bytes()).sum::<usize>()
    }

    /// Samples folded because of the cap.
    pub fn folded_early(&self) -> u64 {
        self.series.iter().flatten().map(|track| track.raw().folded_early()).sum()
    }

    /// Takes in another patient's observations; own values win at the same time.
    pub(super) fn absorb(&mut self, other: &Vitals, union: &Union) {
        self.clock_us = self.clock_us.max(other.clock_us);
        if self.series.len() < other.series.len() {
            self.series.resize_with(other.series.len(), || None);
        }
        for (at, (mine, theirs)) in self.series.iter_mut().zip(&other.series).enumerate() {
            match (mine, theirs) {
                (Some(mine), Some(theirs)) => mine.absorb(theirs, union.signal(SignalId(at as u16))),
                (mine @ None, Some(theirs)) => *mine = Some(theirs.clone()),
                _ => {}
            }
        }
        self.look_up_newest();
    }

    pub(super) fn replan(&mut self, old: &Union, new: &Union) {
        for (at, series) in self.series.iter_mut().enumerate() {
            if let Some(series) = series {
                let signal = SignalId(at as u16);
                series.replan(old.signal(signal), new.signal(signal));
            }
        }
    }
}

#[inline]
fn put(row: &mut [f32], column: usize, value: f64) {
    if let Some(place) = row.get_mut(column) {
        *place = value as f32;
    }
}

/// Writes the columns of one signal, read from its raw samples or its cells; ages are of the raw samples in both cases.
fn fill(features: &SignalFeatures, raw: &Series, walk: &mut Walk<'_>, t_us: i64, row: &mut [f32]) {
    let mut columns = features.columns.iter().peekable();
    for (at, (window, values)) in features.windows.iter().zip(&features.values).enumerate() {
        let extent = walk.window(*window, *values);
        while let Some(column) = columns.next_if(|column| matches!(column.over, Over::Window(over) if over == at)) {
            put(row, column.column, read(column.stat, &extent));
        }
    }
    let stay = walk.stay(features.stay_values);
    for column in columns {
        let value = match (column.over, column.stat) {
            (Over::Normal(low, high), _) => walk.newest_abnormal_us(low, high).map_or(f64::NAN, |at_us| hours(t_us - at_us)),
            (_, Stat::Age) => raw.last(t_us).map_or(f64::NAN, |s| hours(t_us - s.at_us)),
            (_, Stat::TimeSinceFirst) => raw.first(t_us).map_or(f64::NAN, |s| hours(t_us - s.at_us)),
            (_, stat) => read(stat, &stay),
        };
        put(row, column.column, value);
    }
}

#[inline]
fn read(stat: Stat, extent: &Extent) -> f64 {
    match stat {
        Stat::Count => extent.count,
        Stat::Last | Stat::LastIn => extent.last.map_or(f64::NAN, |s| s.value),
        Stat::First => extent.first.map_or(f64::NAN, |s| s.value),
        Stat::Delta => match (extent.first, extent.last) {
            (Some(first), Some(last)) => last.value - first.value,
            _ => f64::NAN,
        },
        Stat::Age | Stat::TimeSinceFirst | Stat::TimeSinceAbnormal => f64::NAN,
        Stat::Min | Stat::Max | Stat::Mean | Stat::Std | Stat::Slope => match (&extent.sums, stat) {
            (None, _) => f64::NAN,
            (Some(sums), Stat::Min) => sums.min(),
            (Some(sums), Stat::Max) => sums.max(),
            (Some(sums), Stat::Mean) => sums.mean(),
            (Some(sums), Stat::Std) => sums.std(),
            (Some(sums), _) => sums.slope(),
        },
    }
}
