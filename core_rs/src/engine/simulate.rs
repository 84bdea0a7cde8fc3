//! A policy on recorded time, before it wakes anybody: what it would have opened, beside the one in force, in one replay.
//!
//! Promise: with the policy in force, what comes out is what the route opened, with the same times. Frames go through the route as
//! ever (redelivery, beds, corrections, quarantine, models); `pipeline::tried` drives an alert engine for each policy. It reads the
//! journal and the snapshots and writes nothing. Memory: one state of the ward, the alerts and the stays (`ALERTS_MAX`).
//!
//! Where it starts: the newest snapshot from at least `RUN_IN_US` before the time looked at, so that runs of evaluations, waits and
//! lock-outs are those of the policy that is tried; else the nearest before it, or the journal's first frame. A policy begins there
//! with what the one in force left behind, as after a change of policy. With recorded time: the earliest there is, since a
//! snapshot's frame time says nothing of other patients.
//!
//! Models are those loaded now, also where the route had others then: a policy is tried for what it will meet.

mod recordings;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::replay::{FRAMES_A_STEP, History, LEAD_US, ReplayError, STEP_BYTES_MAX};
use crate::alert::{Policy, PolicyChange};
use crate::pipeline::{Read, Stay, Tried, TriedAlert};
use crate::receive::Source;
use crate::score::Scorers;

pub use recordings::{COHORT, Played, Recordings, TICK_US};

/// How long before the time looked at the replay begins at least, where the journal reaches back so far: an hour.
pub const RUN_IN_US: i64 = 3_600_000_000;
/// Frames between two looks at the clock and the stop sign.
const FRAMES_A_LOOK: u64 = 8 * FRAMES_A_STEP as u64;

/// How far a simulation is, and whether it is to stop; both ends hold one.
#[derive(Debug, Default)]
pub struct Course {
    done: AtomicU64,
    total: AtomicU64,
    stopped: AtomicBool,
}

impl Course {
    /// Frames (of a recording: patients) done, and all.
    pub fn progress(&self) -> (u64, u64) {
        (self.done.load(Ordering::Relaxed), self.total.load(Ordering::Relaxed))
    }

    /// It ends soon, with `Stopped`.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    pub(super) fn begin(&self, total: u64) {
        self.total.store(total, Ordering::Relaxed);
    }

    pub(super) fn advance(&self, by: u64) {
        self.done.fetch_add(by, Ordering::Relaxed);
    }
}

/// What is tried, and on which time.
#[derive(Debug, Clone)]
pub struct Trial {
    /// The policies as TOML; None: the one in force.
    pub policies: Vec<Option<String>>,
    /// From when, microseconds since 1970-01-01 UTC; None: as far back as the journal reaches.
    pub from_us: Option<i64>,
    /// Until before when; None: all there is.
    pub to_us: Option<i64>,
    /// Longest it may take.
    pub time_max: Duration,
}

/// What came of it.
#[derive(Debug)]
pub struct Simulated {
    /// The time looked at: from, and to before, microseconds.
    pub time_us: (i64, i64),
    /// The snapshot's frame, 0 for the journal's beginning.
    pub from_seq: u64,
    /// When the replay began: receipt of its first frame.
    pub began_us: i64,
    /// The last frame taken in.
    pub last_seq: u64,
    /// Frames read.
    pub frames: u64,
    /// The policy in force, TOML.
    pub in_force: String,
    /// Alerts by policy, of the run-in too, and the stays.
    pub tried: Tried,
}

impl History {
    /// Tries policies on the journal.
    ///
    /// # Errors
    /// `Gone` where the journal does not reach back to `from_us`; `State` for a policy that cannot be used; see `ReplayError`.
    pub fn simulate(&self, trial: &Trial, course: &Course, stopping: &dyn Fn() -> bool) -> Result<Simulated, ReplayError> {
        let deadline = Instant::now() + trial.time_max;
        let recorded = self.decoder.config().recorded_time;
        let last_seq = match trial.to_us.filter(|_| !recorded) {
            Some(to_us) => self.journal.last_received_by(to_us.saturating_sub(1))?.map_or(0, |(seq, _)| seq),
            None => self.journal.durable_seq(),
        };
        if last_seq == 0 {
            return Err(ReplayError::Before);
        }
        let begins = self.begins_for(trial, last_seq)?;
        let in_force = self.in_force()?;
        let policies = parsed(&trial.policies, &in_force, &self.scorers)?;
        let (from_seq, read) = self.read_first(&begins)?;
        let mut pipeline = self.pipeline(&self.scorers, read)?;
        pipeline.try_policies(policies);
        let began_us = self.journal.received_at_us(from_seq + 1)?.ok_or_else(|| self.gone())?;
        let (first, mut frames) = (from_seq + 1, 0);
        course.begin(last_seq + 1 - first);
        let stop = || stopping() || course.is_stopped();
        let mut next = first;
        while next <= last_seq {
            let until = last_seq.min(next + FRAMES_A_LOOK - 1);
            let done = self.run(&mut pipeline, next, until, deadline, &stop)?;
            (frames, next) = (frames + done, until + 1);
            course.advance(done);
        }
        let last_us = self.journal.received_at_us(last_seq)?.unwrap_or(began_us);
        let time_us = (trial.from_us.unwrap_or(began_us), trial.to_us.unwrap_or(last_us + 1));
        Ok(Simulated { time_us, from_seq, began_us, last_seq, frames, in_force, tried: pipeline.tried() })
    }

    /// The policy in force at the journal's end, TOML: what a running engine says, else the newest snapshot's and what frames changed
    /// since; the settings' where the journal says none.
    fn in_force(&self) -> Result<String, ReplayError> {
        if let Some(text) = &self.in_force {
            return Ok(text.clone());
        }
        let newest = self.snapshots.newest::<Read>(self.journal.durable_seq());
        let (seq, said) = newest.map_or((self.journal.first_seq().saturating_sub(1), None), |(seq, read)| {
            (seq, read.policies().text().map(str::to_owned))
        });
        let mut text = said.unwrap_or_else(|| self.setup(&self.scorers, &self.policy).policy_text().to_owned());
        let (mut reader, names, mut frames) = (self.journal.reader(seq + 1), self.scorers.names(), Vec::new());
        while reader.next_batch(&mut frames, FRAMES_A_STEP, STEP_BYTES_MAX, Duration::ZERO)? > 0 {
            for journalled in frames.drain(..).filter(|journalled| journalled.frame.source == Source::Policy) {
                let change = PolicyChange::read(&journalled.frame.payload).ok();
                let usable = change.filter(|change| Policy::parse_loaded(&change.policy, &names).is_ok());
                text = usable.map_or(text, |change| change.policy);
            }
        }
        Ok(text)
    }

    /// Frames after which to begin, best first; none of them after the time looked at begins.
    fn begins_for(&self, trial: &Trial, last_seq: u64) -> Result<Vec<u64>, ReplayError> {
        let Some(from_us) = trial.from_us.filter(|_| !self.decoder.config().recorded_time) else {
            return Ok(self.starts().first().copied().into_iter().collect());
        };
        let mut begins = Vec::new();
        for seq in self.begins(last_seq, from_us.saturating_sub(RUN_IN_US - LEAD_US))? {
            if seq == 0 || self.journal.received_at_us(seq)?.is_some_and(|at_us| at_us <= from_us) {
                begins.push(seq);
            }
        }
        if begins.is_empty() { Err(self.gone()) } else { Ok(begins) }
    }
}

/// The policies, checked against the scorers.
pub(super) fn parsed(texts: &[Option<String>], in_force: &str, scorers: &Scorers) -> Result<Vec<Policy>, ReplayError> {
    let names = scorers.names();
    let policies = texts.iter().map(|text| match text {
        Some(text) => Policy::parse(text, &names),
        None => Policy::parse_loaded(in_force, &names),
    });
    let policies: Result<Vec<Policy>, _> = policies.collect();
    policies.map_err(|error| ReplayError::State(crate::pipeline::StateError::Policy(error.to_string())))
}

impl Simulated {
    /// One object; see `nightlamp/policy_simulation/simulated.py` for what the fields mean.
    pub fn json(&self) -> Value {
        let mut told = json(&self.tried);
        told["from_us"] = self.time_us.0.into();
        told["to_us"] = self.time_us.1.into();
        told["in_force"] = self.in_force.as_str().into();
        told["replay"] = json!({
            "from_seq": self.from_seq, "began_us": self.began_us, "last_seq": self.last_seq, "frames": self.frames,
        });
        told
    }
}

impl Played {
    /// As `Simulated::json`; `ids` are the pseudonyms by patient number.
    pub fn json(&self) -> Value {
        let mut told = json(&self.tried);
        told["ids"] = self.ids.iter().map(|id| id.to_string()).collect();
        told["frames"] = self.frames.into();
        told
    }
}

fn json(tried: &Tried) -> Value {
    let stay = |stay: &Stay| json!([stay.patient.to_string(), stay.bed.unit, stay.from_us, stay.to_us]);
    json!({
        "policies": tried.alerts.iter().map(|alerts| alerts.iter().map(row).collect()).collect::<Vec<Value>>(),
        "alerts_over": tried.over,
        "stays": tried.stays.iter().map(stay).collect::<Vec<_>>(),
    })
}

fn row(alert: &TriedAlert) -> Value {
    json!([
        alert.patient.map(|patient| patient.to_string()),
        alert.rule,
        alert.cause,
        alert.subject,
        alert.severity,
        alert.severity_max,
        alert.unit,
        alert.opened_at_us,
        alert.cleared_at_us,
        alert.held,
    ])
}
