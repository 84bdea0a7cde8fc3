//! "As it was": the state of one patient at any past time, from the journal.
//!
//! Promise: the scores the route stored come out again bit for bit, with inputs, ages, feature row, order numbers and the alerts
//! open then. It reads the journal and the snapshots and writes nothing; any number may run beside the route (each in the memory
//! of one state of the ward). Where it starts: the newest snapshot whose frame came at least `LEAD_US` before the time asked for,
//! so that the newest row of everyone who is monitored is computed anew and not only remembered; else the journal's first frame.
//!
//! With recorded time (`decode.recorded_time`) a time is one of the recording and means the last frame of this patient by then.
//!
//! Which models: those the snapshot names, found among the bundles offered by name, version and SHA-256; without a snapshot the
//! loaded ones. The alert policy is the one of then: the snapshot's, and what frames change; before the first policy frame of a journal
//! that an older version began, the settings' present one. Limits and decoder are the present ones. Where a site changed them since, or
//! a start with other models fell between the snapshot and the time, the route had another past: the comparison with the store shows
//! it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::models::{ModelId, Offered, models, parse};
use super::panics::quietly;
use super::snapshot::Snapshots;
use super::{Clock, EngineConfig, EngineError, clock, poison};
use crate::decode::{DecodeConfig, Decoder, PatientId};
use crate::journal::{Journal, JournalError, Journalled};
use crate::limits::Limits;
use crate::pipeline::{Focus, Past, Pipeline, Quarantine, Read, Setup, StateError, Supervision};
use crate::score::{Score, Scorers};

/// How long before the time asked for a replay begins at least, microseconds: twice what an unchanged score waits for its row.
pub const LEAD_US: i64 = 2 * crate::pipeline::RECORD_EVERY_US;
/// Frames run between two looks at the clock.
pub(super) const FRAMES_A_STEP: usize = 2_048;
pub(super) const STEP_BYTES_MAX: usize = 8 << 20;
/// Frames at or below this cursor give no rows: all of them.
const NO_ROWS: u64 = u64::MAX - 1;

/// The past to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// After the last frame received at or before this time, microseconds since 1970-01-01 UTC.
    Time(i64),
    /// After this frame, at its receipt.
    Frame(u64),
}

/// What is asked.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Whose past.
    pub patient: PatientId,
    /// As of when.
    pub until: Until,
    /// Longest it may take.
    pub time_max: Duration,
    /// Folders of bundles a snapshot may name, beside the loaded ones.
    pub bundles: Vec<PathBuf>,
    /// SHA-256 (hexadecimal) of models to use in place of the loaded ones of the same name.
    pub models: Vec<String>,
    /// Also every stored score from the replay's start on.
    pub history: bool,
}

/// Why the past cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// Frames are missing.
    #[error("the journal and its snapshots do not reach back to that time")]
    Gone {
        /// The oldest time a replay can show, microseconds; `i64::MAX` where there is none.
        oldest_us: i64,
    },
    /// Nothing was received by then.
    #[error("nothing had been received yet")]
    Before,
    /// The frame does not exist (yet).
    #[error("there is no frame {0}")]
    NoFrame(u64),
    /// Nobody knew the patient.
    #[error("the patient was not known at that time")]
    NotKnown,
    /// It took too long.
    #[error("the time limit was over after {frames} frames")]
    TooLong {
        /// Frames done by then.
        frames: u64,
    },
    /// The server is stopping.
    #[error("the server is stopping")]
    Stopped,
    /// The journal cannot be read.
    #[error("journal: {0}")]
    Journal(#[from] JournalError),
    /// A snapshot or the policy does not fit.
    #[error("state: {0}")]
    State(#[from] StateError),
    /// A recording, or what is made of it, cannot be used.
    #[error("recording: {0}")]
    Recording(String),
    /// A bundle cannot be loaded.
    #[error("{0}")]
    Bundle(#[from] crate::score::BundleError),
}

/// Where a replay began, with which scorers, and the models of then that are not here.
struct Begun {
    from_seq: u64,
    scorers: Arc<Scorers>,
    missing: Vec<ModelId>,
}

/// A past, and how it was found.
#[derive(Debug)]
pub struct Replayed {
    /// Whom it shows: the patient asked for, or whom that record had been merged into by then.
    pub patient: PatientId,
    /// The time it shows, microseconds.
    pub at_us: i64,
    /// The last frame taken in, and its receipt.
    pub frame: (u64, i64),
    /// The patient then.
    pub past: Past,
    /// Every stored score since the start, where it was asked for.
    pub history: Vec<Score>,
    /// The scorers that were used.
    pub scorers: Arc<Scorers>,
    /// Models of then that are not among the bundles: nothing is said in their name.
    pub missing: Vec<ModelId>,
    /// The snapshot's frame, 0 for the journal's beginning.
    pub from_seq: u64,
    /// Frames read, over all runs.
    pub frames: u64,
    /// Others computed for their numbers in shared frames.
    pub companions: u64,
}

/// What a replay reads; all of it shared with a running engine, or opened for the purpose.
#[derive(Debug)]
pub struct History {
    pub(super) journal: Arc<Journal>,
    pub(super) snapshots: Snapshots,
    pub(super) decoder: Arc<Decoder>,
    pub(super) scorers: Arc<Scorers>,
    /// Folders of the loaded bundles.
    pub(super) bundles: Vec<PathBuf>,
    pub(super) limits: Limits,
    /// The settings' policy, for a journal that says none.
    pub(super) policy: String,
    /// The policy in force where a running engine knows it.
    pub(super) in_force: Option<String>,
    /// Frames that stopped a stage: passed over here as there.
    pub(super) quarantine: Arc<Quarantine>,
}

impl History {
    /// The history in a data folder whose server is stopped (or a copy of one), opened to read. It goes by the journal's own clock.
    ///
    /// # Errors
    /// The journal cannot be read, or a setting makes no sense.
    pub fn open(data: &Path, config: &EngineConfig) -> Result<Self, EngineError> {
        let recorded_time = clock::read(&data.join("journal"))? == Clock::Recorded;
        let decode = DecodeConfig { recorded_time, ..config.decode() };
        Ok(Self {
            decoder: Arc::new(Decoder::new(decode).map_err(EngineError::Config)?),
            scorers: Arc::new(Scorers::load(&config.bundles).map_err(|error| EngineError::Config(error.to_string()))?),
            snapshots: Snapshots::look(&data.join("snapshots")),
            journal: Arc::new(Journal::open_to_read(&data.join("journal"), config.journal())?),
            bundles: config.bundles.clone(),
            limits: config.limits,
            policy: config.policy.clone(),
            in_force: None,
            quarantine: poison::read(&data.join("journal")).map_err(EngineError::Quarantine)?,
        })
    }

    /// The past that is asked for. `stopping` is looked at often.
    ///
    /// # Errors
    /// See `ReplayError`.
    pub fn as_of(&self, asked: &Asked, stopping: &dyn Fn() -> bool) -> Result<Replayed, ReplayError> {
        let deadline = Instant::now() + asked.time_max;
        let mut frames = 0;
        let (last_seq, received_at_us, mut at_us) = match asked.until {
            Until::Time(at_us) if self.decoder.config().recorded_time => {
                self.recorded_target(asked, at_us, deadline, stopping, &mut frames)?
            }
            until => self.target(until)?,
        };
        let begins = self.begins(last_seq, at_us)?;
        let (mut patient, mut companions) = (asked.patient, Vec::new());
        loop {
            let focus = Focus::on(patient, companions.iter().copied());
            let focus = if asked.history { focus.with_history() } else { focus };
            let (Begun { from_seq, scorers, missing }, mut pipeline) = self.begin(&begins, asked, focus)?;
            frames += self.run(&mut pipeline, from_seq + 1, last_seq, deadline, stopping)?;
            let met: Vec<PatientId> = pipeline.focus().into_iter().flat_map(Focus::companions).collect();
            let survivor = pipeline.survivor(patient);
            if !met.is_empty() || survivor != patient {
                companions.extend(met.into_iter().chain((survivor != patient).then_some(patient)));
                patient = survivor;
                continue;
            }
            let frame_time = pipeline.focus().and_then(Focus::changed_by).filter(|(seq, _)| *seq == last_seq);
            if let (Until::Frame(_), Some((_, frame_us))) = (asked.until, frame_time) {
                at_us = frame_us; // with recorded time not the receipt
            }
            let past = pipeline.past(patient, at_us, last_seq).ok_or(ReplayError::NotKnown)?;
            let history = pipeline.focus().map(|focus| focus.history().to_vec()).unwrap_or_default();
            let (frame, companions) = ((last_seq, received_at_us), companions.len() as u64);
            return Ok(Replayed { patient, at_us, frame, past, history, scorers, missing, from_seq, frames, companions });
        }
    }

    /// The last frame to take in, its receipt, and the time to show.
    fn target(&self, until: Until) -> Result<(u64, i64, i64), ReplayError> {
        match until {
            Until::Time(at_us) => match self.journal.last_received_by(at_us)? {
                Some((seq, received_at_us)) => Ok((seq, received_at_us, at_us)),
                None if self.journal.first_seq() <= 1 => Err(ReplayError::Before),
                None => Err(self.gone()),
            },
            Until::Frame(seq) if seq == 0 || seq > self.journal.durable_seq() => Err(ReplayError::NoFrame(seq)),
            Until::Frame(seq) => {
                let received_at_us = self.journal.received_at_us(seq)?.ok_or_else(|| self.gone())?;
                Ok((seq, received_at_us, received_at_us))
            }
        }
    }

    /// As `target` where frames go by the times their messages say: a recording is sent patient by patient or all at once, so the
    /// last frame is that of this patient. Reads the journal once more.
    fn recorded_target(
        &self,
        asked: &Asked,
        at_us: i64,
        deadline: Instant,
        stopping: &dyn Fn() -> bool,
        frames: &mut u64,
    ) -> Result<(u64, i64, i64), ReplayError> {
        let last_seq = self.journal.durable_seq();
        let begins = self.begins(last_seq, at_us)?;
        let (begun, mut pipeline) = self.begin(&begins, asked, Focus::on(asked.patient, []).seeking(at_us))?;
        *frames += self.run(&mut pipeline, begun.from_seq + 1, last_seq, deadline, stopping)?;
        let mut found = pipeline.focus().and_then(Focus::changed_by);
        let survivor = pipeline.survivor(asked.patient);
        if survivor != asked.patient {
            let (begun, mut pipeline) = self.begin(&begins, asked, Focus::on(survivor, []).seeking(at_us))?;
            *frames += self.run(&mut pipeline, begun.from_seq + 1, last_seq, deadline, stopping)?;
            found = found.max(pipeline.focus().and_then(Focus::changed_by));
        }
        let (seq, _) = found.ok_or(ReplayError::NotKnown)?;
        let received_at_us = self.journal.received_at_us(seq)?.ok_or_else(|| self.gone())?;
        Ok((seq, received_at_us, at_us))
    }

    /// Frames after which to begin, best first: those of snapshots, and 0. With recorded time only the earliest there is: a
    /// snapshot's frame time says nothing of other patients.
    pub(super) fn begins(&self, last_seq: u64, at_us: i64) -> Result<Vec<u64>, ReplayError> {
        let mut usable: Vec<u64> = self.starts().into_iter().filter(|seq| *seq <= last_seq).collect();
        if self.decoder.config().recorded_time {
            usable.truncate(1);
        }
        let (mut far, mut near) = (Vec::new(), Vec::new());
        for seq in usable {
            let is_far = seq == 0 || self.journal.received_at_us(seq)?.is_some_and(|at| at <= at_us.saturating_sub(LEAD_US));
            if is_far { far.push(seq) } else { near.push(seq) }
        }
        far.reverse();
        far.extend(near);
        Ok(far)
    }

    /// Frames after which a replay can begin, ascending: what follows each is in the journal.
    pub(super) fn starts(&self) -> Vec<u64> {
        let first_seq = self.journal.first_seq();
        let beginning = (first_seq <= 1).then_some(0);
        let snapshots = self.snapshots.seqs().into_iter().filter(|seq| seq + 1 >= first_seq);
        beginning.into_iter().chain(snapshots.filter(|seq| self.snapshots.is_readable(*seq))).collect()
    }

    pub(super) fn gone(&self) -> ReplayError {
        let at = |seq: u64| self.journal.received_at_us(seq).ok().flatten();
        // A snapshot may end with the last frame before the journal's first.
        let oldest = self.starts().into_iter().find_map(|seq| at(seq).or_else(|| at(seq + 1)));
        ReplayError::Gone { oldest_us: oldest.unwrap_or(i64::MAX) }
    }

    /// What a pipeline beside the route is built from: it passes over the frames that the route passes over.
    pub(super) fn setup(&self, scorers: &Arc<Scorers>, policy: &str) -> Setup {
        Setup {
            policy: policy.to_owned(),
            supervision: Supervision { quarantine: Arc::clone(&self.quarantine), ..Supervision::default() },
            ..Setup::new(Arc::clone(&self.decoder), Arc::clone(scorers), self.limits)
        }
    }

    /// A pipeline where the replay begins. A snapshot that cannot be read, or was removed meanwhile, is passed over.
    fn begin(&self, begins: &[u64], asked: &Asked, focus: Focus) -> Result<(Begun, Pipeline), ReplayError> {
        let (from_seq, read) = self.read_first(begins)?;
        let then = match &read {
            Some(read) => read.scorers().iter().filter_map(|identity| parse(identity)).collect(),
            None => models(&self.scorers),
        };
        let offered = Offered::look(self.bundles.iter().chain(&asked.bundles).cloned());
        let (scorers, missing) = offered.load(&self.scorers, &offered.exchange(then, &asked.models))?;
        let mut pipeline = self.pipeline(&scorers, read)?;
        pipeline.focus_on(focus);
        Ok((Begun { from_seq, scorers, missing }, pipeline))
    }

    /// The first of these that can be read, and its state; None of the journal's beginning.
    pub(super) fn read_first(&self, begins: &[u64]) -> Result<(u64, Option<Read>), ReplayError> {
        let read = |seq: u64| if seq == 0 { Some((0, None)) } else { Some((seq, Some(self.snapshots.read(seq)?))) };
        begins.iter().copied().find_map(read).ok_or_else(|| self.gone())
    }

    /// The route with these scorers, from a snapshot on.
    pub(super) fn pipeline(&self, scorers: &Arc<Scorers>, read: Option<Read>) -> Result<Pipeline, StateError> {
        let setup = self.setup(scorers, &self.policy);
        match read {
            Some(read) => Pipeline::resume(setup, read),
            None => Pipeline::new(setup),
        }
    }

    /// Runs frames up to `last_seq`; how many.
    pub(super) fn run(
        &self,
        pipeline: &mut Pipeline,
        first_seq: u64,
        last_seq: u64,
        deadline: Instant,
        stopping: &dyn Fn() -> bool,
    ) -> Result<u64, ReplayError> {
        let mut reader = self.journal.reader(first_seq);
        let (mut frames, mut done): (Vec<Journalled>, u64) = (Vec::new(), 0);
        while reader.position() <= last_seq {
            let left = usize::try_from(last_seq + 1 - reader.position()).unwrap_or(usize::MAX);
            frames.clear();
            match reader.next_batch(&mut frames, left.min(FRAMES_A_STEP), STEP_BYTES_MAX, Duration::ZERO) {
                Err(JournalError::Gone { .. }) => return Err(self.gone()),
                read => read?,
            };
            frames.retain(|journalled| journalled.seq <= last_seq);
            if frames.is_empty() {
                break;
            }
            quietly(|| pipeline.run(&frames, NO_ROWS));
            done += frames.len() as u64;
            if stopping() {
                return Err(ReplayError::Stopped);
            }
            if Instant::now() >= deadline {
                return Err(ReplayError::TooLong { frames: done });
            }
        }
        Ok(done)
    }
}
