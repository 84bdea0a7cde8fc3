//! What a monitor reads: made-up values, or those of a recording, by bed and number of the reading.

use super::signals::{self, Signal};
use super::values::value_milli;
use crate::recording::Recording;
use crate::scenario::Scenario;

/// One observation of a reading.
#[derive(Debug, Clone, Copy)]
pub struct Observed<'a> {
    /// LOINC, or nightlamp's name of the signal.
    pub code: &'a str,
    /// UCUM.
    pub unit: &'a str,
    /// Thousandths of the unit.
    pub milli: i64,
}

/// Where readings come from.
#[derive(Debug)]
pub enum Readings {
    /// Made up: each signal is in every so many-th reading.
    MadeUp {
        /// (signal, in every so many-th reading).
        signals: Vec<(&'static Signal, u32)>,
        /// Seed of the values.
        seed: u64,
    },
    /// A recording: each bed plays one of its patients, from the beginning again once it is over.
    Recorded(Recording),
}

impl Readings {
    /// As a scenario says; `recording` where it replays one.
    pub fn of(scenario: &Scenario, recording: Option<Recording>) -> Self {
        if let Some(recording) = recording {
            return Self::Recorded(recording);
        }
        let fastest = Self::fastest_hz(scenario);
        // In the order of the table, so that the first (by which consoles recognise a reading) is one of the fastest.
        let mut signals: Vec<(&'static Signal, u32)> = signals::MONITOR
            .iter()
            .filter_map(|signal| {
                let rate = scenario.monitors.signals.get(signal.name)?;
                Some((signal, ((fastest / rate).round() as u32).max(1)))
            })
            .collect();
        signals.sort_by_key(|(_, every)| *every);
        Self::MadeUp { signals, seed: scenario.seed }
    }

    fn fastest_hz(scenario: &Scenario) -> f64 {
        scenario.monitors.signals.values().copied().fold(0.0, f64::max)
    }

    /// Readings a second of one bed at factor 1.
    pub fn per_s(&self, scenario: &Scenario) -> f64 {
        match self {
            Self::MadeUp { .. } => Self::fastest_hz(scenario),
            Self::Recorded(recording) => scenario.replay.as_ref().map_or(1.0, |replay| replay.speed) / recording.step_s(),
        }
    }

    /// nightlamp's name of the signal by which a console recognises a reading: one that is in (nearly) all.
    pub fn marker(&self) -> &str {
        match self {
            Self::MadeUp { signals, .. } => signals.first().map_or("", |(signal, _)| signal.name),
            Self::Recorded(recording) => signals::name_of(recording.commonest()),
        }
    }

    /// Whether the `round`-th reading of a bed holds that signal, so that a console can tell it.
    pub fn is_marked(&self, bed: u32, round: u32) -> bool {
        match self {
            Self::MadeUp { signals, .. } => signals.first().is_some_and(|(_, every)| round.is_multiple_of(*every)),
            Self::Recorded(recording) => {
                recording.row(bed, round).iter().any(|(signal, _)| recording.signal(*signal).0 == recording.commonest())
            }
        }
    }

    /// Observations in the `round`-th reading of a bed.
    pub fn count(&self, bed: u32, round: u32) -> u64 {
        match self {
            Self::MadeUp { signals, .. } => signals.iter().filter(|(_, every)| round.is_multiple_of(*every)).count() as u64,
            Self::Recorded(recording) => recording.row(bed, round).len() as u64,
        }
    }

    /// Mean observations of a reading at the scenario's rates.
    pub fn mean_count(&self) -> f64 {
        match self {
            Self::MadeUp { signals, .. } => signals.iter().map(|(_, every)| 1.0 / f64::from(*every)).sum(),
            Self::Recorded(recording) => recording.mean_row(),
        }
    }

    /// Calls `each` with every observation of a reading, in order. `worse`: 0 to 1000.
    pub fn each<'a>(&'a self, bed: u32, round: u32, worse: i64, mut each: impl FnMut(Observed<'a>)) {
        match self {
            Self::MadeUp { signals, seed } => {
                for (place, (signal, every)) in signals.iter().enumerate() {
                    if round.is_multiple_of(*every) {
                        let milli = value_milli(*seed, bed, place, signal, u64::from(round), worse);
                        each(Observed { code: signal.code, unit: signal.unit, milli });
                    }
                }
            }
            Self::Recorded(recording) => {
                for (signal, milli) in recording.row(bed, round) {
                    let (code, unit) = recording.signal(*signal);
                    each(Observed { code, unit, milli: *milli });
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorded(rows: &str) -> Readings {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x.csv");
        std::fs::write(&file, format!("patient,time,signal,value,unit\n{rows}")).unwrap();
        Readings::Recorded(Recording::read(&file).unwrap())
    }

    #[test]
    fn a_recorded_reading_without_the_signal_a_console_goes_by_is_not_to_be_seen() {
        let readings = recorded("a,0,HR,80,/min\na,0,Resp,15,/min\na,1,Resp,16,/min\na,2,HR,81,/min\nb,0,HR,70,/min\n");
        assert_eq!(readings.marker(), "HR");
        assert_eq!([0, 1, 2].map(|round| readings.is_marked(0, round)), [true, false, true]);
        assert_eq!([0, 1].map(|round| readings.count(0, round)), [2, 1]);
    }

    #[test]
    fn a_recording_by_codes_is_recognised_by_nightlamp_s_name() {
        let readings = recorded("a,0,8867-4,80,/min\na,1,8867-4,81,/min\n");
        assert_eq!((readings.marker(), readings.is_marked(0, 0)), ("HR", true));
    }
}
