//! A policy on recorded patients who were never in a journal (PhysioNet 2019): frames are made of their values, an ADT message begins
//! and ends each stay, a tick a minute passes between, and all of it goes through the route in memory.
//!
//! Patients are independent: `COHORT` of them at a time are on one ward of their own, in the order of time, and as many wards run side
//! by side as there are threads. So nothing is said of what a policy does to a whole unit: storm caps, quiet hours (a recording
//! without dates has no time of day) and technical rules rest. All else is the route's.
//!
//! # In numbers
//! - 256 patients a ward, sorted by length of stay; a ward holds their frames and windows, no more (under 100 MB).
//! - A tick every 60 s of recorded time (`TICK_US`): waits of a rule end on the minute.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use bytes::Bytes;
use parking_lot::Mutex;

use super::{Course, ReplayError, Trial, parsed};
use crate::alert::{DEFAULT_POLICY_TOML, Policy, Technical};
use crate::decode::{DecodeConfig, Decoder, PatientId, catalogue, encounters};
use crate::engine::panics::catch;
use crate::journal::Journalled;
use crate::limits::Limits;
use crate::pipeline::{Pipeline, Setup, Tried};
use crate::receive::{Frame, Source};
use crate::score::Scorers;

/// Patients of one ward.
pub const COHORT: usize = 256;
/// Recorded time between two ticks, microseconds.
pub const TICK_US: i64 = 60_000_000;
/// Frames run at a time.
const FRAMES_A_BATCH: usize = 2_048;
/// Only alerts are wanted.
const NO_ROWS: u64 = u64::MAX - 1;
/// What is in force on these wards.
const NO_ALERTS: &str = "rule = []\n";

/// Columns by observation, sorted by patient, then time, and messages by patient. Patients are numbered from 0.
#[derive(Debug, Clone, Copy)]
pub struct Recordings<'a> {
    /// Whose.
    pub patient: &'a [i64],
    /// Catalogue number.
    pub signal: &'a [u16],
    /// Microseconds since 1970-01-01 UTC.
    pub at_us: &'a [i64],
    /// In the signal's unit.
    pub value: &'a [f64],
    /// PID-3.1 of each patient.
    pub identifiers: &'a [String],
    /// PID-3.4 of all of them.
    pub authority: &'a str,
    /// The message each stay begins with (ADT A01).
    pub admissions: &'a [Bytes],
    /// The message it ends with (ADT A03).
    pub discharges: &'a [Bytes],
}

/// What came of recordings.
#[derive(Debug, Default)]
pub struct Played {
    /// The pseudonym of each patient.
    pub ids: Vec<PatientId>,
    /// Frames run, ticks among them.
    pub frames: u64,
    /// Alerts and stays, ward after ward.
    pub tried: Tried,
}

/// What happens at one time to one patient of a ward.
struct Turn {
    at_us: i64,
    patient: usize,
    what: What,
}

/// In the order in which they are told where they happen at the same time.
#[derive(PartialEq, Eq, PartialOrd, Ord, Clone)]
enum What {
    Admission,
    Values(usize, usize),
    Discharge,
}

impl Recordings<'_> {
    /// Tries policies on them, by so many threads. `trial`: its times and limits are not looked at, but for `time_max`.
    ///
    /// # Errors
    /// Columns that do not fit each other, a message or a policy that cannot be used, `TooLong`, `Stopped`.
    pub fn play(
        &self,
        scorers: &Arc<Scorers>,
        trial: &Trial,
        threads: usize,
        course: &Course,
        stopping: &(dyn Fn() -> bool + Sync),
    ) -> Result<Played, ReplayError> {
        let deadline = Instant::now() + trial.time_max;
        let decoder = Arc::new(Decoder::new(DecodeConfig::default()).map_err(ReplayError::Recording)?);
        let begun = encounters::decode(&decoder, self.admissions).map_err(ReplayError::Recording)?;
        let ended = encounters::decode(&decoder, self.discharges).map_err(ReplayError::Recording)?;
        let bounds: Vec<(i64, i64)> = begun.iter().zip(&ended).map(|(a, d)| (a.occurred_at_us, d.occurred_at_us)).collect();
        self.check(bounds.len())?;
        let mut policies = parsed(&trial.policies, DEFAULT_POLICY_TOML, scorers)?;
        for policy in &mut policies {
            (policy.storm, policy.quiet, policy.technical) = (None, None, Technical::default());
        }
        let mut order: Vec<usize> = (0..bounds.len()).collect();
        order.sort_by_key(|at| bounds.get(*at).map_or(0, |(begin, end)| end - begin));
        let wards: Vec<&[usize]> = order.chunks(COHORT).collect();
        course.begin(bounds.len() as u64);
        let (next, found, failed) = (AtomicUsize::new(0), Mutex::new(Vec::new()), Mutex::new(None));
        let work = || {
            while let Some((place, ward)) =
                { Some(next.fetch_add(1, Ordering::Relaxed)) }.and_then(|n| Some((n, *wards.get(n)?)))
            {
                let stop = || stopping() || course.is_stopped() || failed.lock().is_some();
                let run = || self.ward(ward, &bounds, (&decoder, scorers, &policies), deadline, &stop);
                match catch(run)
                    .unwrap_or_else(|panicked| Err(ReplayError::Recording(format!("panicked at {}", panicked.place))))
                {
                    Ok(played) => found.lock().push((place, played)),
                    Err(error) => return *failed.lock() = Some(error),
                }
                course.advance(ward.len() as u64);
            }
        };
        std::thread::scope(|scope| (0..threads.max(1)).for_each(|_| drop(scope.spawn(work))));
        if let Some(error) = failed.into_inner() {
            return Err(error);
        }
        let mut found = found.into_inner();
        found.sort_by_key(|(place, _)| *place);
        let mut all = Played { ids: begun.iter().map(|event| event.patient).collect(), ..Played::default() };
        found.into_iter().for_each(|(_, (frames, tried))| all.add(frames, tried));
        Ok(all)
    }

    fn check(&self, patients: usize) -> Result<(), ReplayError> {
        let refuse = |why: &str| Err(ReplayError::Recording(why.to_owned()));
        if [self.signal.len(), self.at_us.len(), self.value.len()] != [self.patient.len(); 3] {
            return refuse("the observation columns differ in length");
        }
        if [self.admissions.len(), self.discharges.len(), self.identifiers.len()] != [patients; 3] {
            return refuse("there is not one admission, discharge and identifier a patient");
        }
        if !self.patient.iter().zip(self.at_us).is_sorted() {
            return refuse("observations must be sorted by patient, then time");
        }
        let known = |signal: &u16| catalogue::signal(crate::decode::SignalId(*signal)).is_some();
        if !self.signal.iter().all(known) || !self.value.iter().all(|value| value.is_finite()) {
            return refuse("an observation has no finite value or no catalogue signal");
        }
        let within = |patient: &i64| usize::try_from(*patient).is_ok_and(|patient| patient < patients);
        if !self.patient.iter().all(within) {
            return refuse("an observation is of a patient who was not admitted");
        }
        Ok(())
    }

    /// One ward, from its first admission to its last discharge: frames run, and what came of it.
    fn ward(
        &self,
        ward: &[usize],
        bounds: &[(i64, i64)],
        (decoder, scorers, policies): (&Arc<Decoder>, &Arc<Scorers>, &[Policy]),
        deadline: Instant,
        stop: &dyn Fn() -> bool,
    ) -> Result<(u64, Tried), ReplayError> {
        let limits = Limits { patients_max: COHORT, ..Limits::default() };
        let setup = Setup::new(Arc::clone(decoder), Arc::clone(scorers), limits);
        let mut pipeline = Pipeline::new(Setup { policy: NO_ALERTS.to_owned(), ..setup })?;
        pipeline.try_policies(policies.iter().cloned());
        let turns = self.turns(ward, bounds);
        let mut frames: Vec<Journalled> = Vec::with_capacity(FRAMES_A_BATCH);
        let (mut seq, mut ticked_us) = (0, turns.first().map_or(0, |turn| turn.at_us));
        let mut turns = turns.into_iter().peekable();
        while let Some(turn) = turns.next() {
            let at_us = turn.at_us;
            frames.push(Journalled { seq: 0, frame: self.frame(turn) });
            let until_us = turns.peek().map_or(at_us + TICK_US, |next| next.at_us);
            while ticked_us < until_us && until_us > at_us {
                frames.push(Journalled { seq: 0, frame: frame(Source::Tick, ticked_us, Bytes::new()) });
                ticked_us += TICK_US;
            }
            if frames.len() >= FRAMES_A_BATCH || turns.peek().is_none() {
                frames.iter_mut().zip(seq + 1..).for_each(|(journalled, number)| journalled.seq = number);
                seq += frames.len() as u64;
                pipeline.run(&frames, NO_ROWS);
                frames.clear();
                if stop() {
                    return Err(ReplayError::Stopped);
                }
                if Instant::now() >= deadline {
                    return Err(ReplayError::TooLong { frames: seq });
                }
            }
        }
        Ok((seq, pipeline.tried()))
    }

    /// All that happens on a ward, in order.
    fn turns(&self, ward: &[usize], bounds: &[(i64, i64)]) -> Vec<Turn> {
        let mut turns = Vec::new();
        for patient in ward.iter().copied() {
            let (Some((begin_us, end_us)), Ok(number)) = (bounds.get(patient).copied(), i64::try_from(patient)) else {
                continue;
            };
            turns.push(Turn { at_us: begin_us, patient, what: What::Admission });
            turns.push(Turn { at_us: end_us, patient, what: What::Discharge });
            let Range { mut start, end } =
                self.patient.partition_point(|of| *of < number)..self.patient.partition_point(|of| *of <= number);
            while let Some(at_us) = self.at_us.get(start).copied().filter(|_| start < end) {
                let same = self.at_us.get(start..end).unwrap_or_default().partition_point(|at| *at <= at_us);
                turns.push(Turn { at_us, patient, what: What::Values(start, start + same) });
                start += same;
            }
        }
        turns.sort_by(|a, b| (a.at_us, &a.what, a.patient).cmp(&(b.at_us, &b.what, b.patient)));
        turns
    }

    fn frame(&self, turn: Turn) -> Frame {
        let message = |of: &[Bytes]| of.get(turn.patient).cloned().unwrap_or_default();
        match turn.what {
            What::Admission => frame(Source::Hl7Http, turn.at_us, message(self.admissions)),
            What::Discharge => frame(Source::Hl7Http, turn.at_us, message(self.discharges)),
            What::Values(start, end) => {
                let observations = (start..end).filter_map(|at| {
                    let signal = catalogue::signal(crate::decode::SignalId(*self.signal.get(at)?))?;
                    let value = self.value.get(at)?;
                    Some(serde_json::json!({"code": signal.name, "system": "nightlamp", "value": value, "unit": signal.unit}))
                });
                let said = serde_json::json!({
                    "patient": {"authority": self.authority, "identifier": self.identifiers.get(turn.patient)},
                    "time": turn.at_us / 1_000,
                    "observations": observations.collect::<Vec<_>>(),
                });
                frame(Source::JsonHttp, turn.at_us, Bytes::from(said.to_string()))
            }
        }
    }
}

impl Played {
    fn add(&mut self, frames: u64, tried: Tried) {
        self.frames += frames;
        self.tried.stays.extend(tried.stays);
        self.tried.alerts.resize_with(self.tried.alerts.len().max(tried.alerts.len()), Vec::new);
        self.tried.over.resize(self.tried.alerts.len(), 0);
        self.tried.alerts.iter_mut().zip(tried.alerts).for_each(|(all, more)| all.extend(more));
        self.tried.over.iter_mut().zip(tried.over).for_each(|(all, more)| *all += more);
    }
}

fn frame(source: Source, received_at_us: i64, payload: Bytes) -> Frame {
    Frame { source, principal: "recording".into(), context: Default::default(), received_at_us, payload }
}
