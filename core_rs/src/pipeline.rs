//! The Rust half of the route, readable top to bottom: frames in journal order become rows, alerts and messages.
//!
//! It is a pure function of the frames and the state: no clock, no I/O, no randomness. The same journal gives the same batches'
//! contents, bit for bit, however the frames are cut into batches: stages that work on many patients at once (the forest) give
//! the same bits for any batch, and alert sees scores in journal order.

mod alerting;
mod batch;
mod board;
mod counters;
mod ever;
mod focus;
mod looking;
mod moving;
mod past;
mod policy;
mod quarantine;
mod redelivery;
mod scoring;
mod show;
mod state;
mod stays;
mod step_back;
mod touched;
mod tried;
mod under_way;
mod watch;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

pub use batch::{Batch, Message, MessageKind};
use batch::{Due, Rows, Step};
pub use board::RECORD_EVERY_US;
pub use counters::Counters;
use counters::add;
pub use ever::Ever;
pub use focus::Focus;
pub use past::{Origin, Past, PastScore};
pub use policy::{InForce, Policies, PolicyNow};
pub use quarantine::{Did, Poison, Quarantine};
use redelivery::Delivery;
pub use redelivery::{CONFLICT, Delivered, Redelivery};
use scoring::{Cause, Scoring};
use state::Counting;
pub use state::{Frozen, Gauges, Read, Setup, State, StateError};
pub use stays::Stay;
use touched::{Restated, Said, Touched};
use tried::Trials;
pub use tried::{ALERTS_MAX, Outcome as Tried, TRIED_MAX, TriedAlert};
pub use under_way::{Stage, Step as UnderWayStep, Supervision, UnderWay};
use watch::Scene;
pub use watch::{FEEDS_MAX, FeedNow};

use crate::alert::{Action, Departure};
use crate::decode::{BedKey, Decoded, Decoder, Event, Observation, PatientId, Rejected, Status};
use crate::error::{Code, Refusal};
use crate::journal::Journalled;
use crate::limits::Limits;
use crate::receive::{Frame, Source};
use crate::score::{Occasion, Scorers};
use crate::store::{DeadLetter, ObservationRow};
use crate::window::{Applied, Change, Slot};

/// The stages with their state.
#[derive(Debug)]
pub struct Pipeline {
    decoder: Arc<Decoder>,
    scorers: Arc<Scorers>,
    limits: Limits,
    counters: Arc<Counters>,
    supervision: Supervision,
    state: State,
    scoring: Scoring,
    decoded: Decoded,
    rows: Rows,
    due: Vec<Due>,
    /// Patients the current frame speaks of, with what it says.
    touched: Touched,
    /// Scores it was given.
    scored: u32,
    /// Patients the current batch speaks of, with number and time of the last frame that does.
    shown: indexmap::IndexMap<PatientId, (u64, i64), hashbrown::DefaultHashBuilder>,
    messages: Vec<Message>,
    counting: Counting,
    /// The settings' policy, where the journal says none.
    policy_text: String,
    /// What is for the log.
    words: Vec<String>,
    /// A policy is held whatever the journal says.
    held: bool,
    /// Set while one patient's past is looked for: only what bears on that patient is computed.
    focus: Option<Focus>,
    /// Set while policies are tried on recorded time.
    trials: Option<Box<Trials>>,
}

/// The frame under way.
#[derive(Debug, Clone, Copy)]
struct At<'a> {
    seq: u64,
    /// Receipt, for the rows that state it.
    received_us: i64,
    /// The time window, score and alert go by: receipt, or with recorded time what the message says.
    at_us: i64,
    frame: &'a Frame,
    /// Above the cursor: its rows and messages are wanted.
    wanted: bool,
}

impl Pipeline {
    /// Runs consecutive frames through the stages. Frames up to `cursor` change the state and give nothing else; None where no
    /// frame is above it.
    pub fn run(&mut self, frames: &[Journalled], cursor: u64) -> Option<Batch> {
        let under_way = Arc::clone(&self.supervision.under_way);
        let (first_seq, last_seq) = (frames.first()?.seq, frames.last()?.seq);
        let counted = Ever::of(&self.counters);
        under_way.begin(first_seq, last_seq);
        for journalled in frames {
            if journalled.frame.source == Source::Policy {
                self.settle(cursor); // under the policy they came under
            }
            self.take(journalled, journalled.seq > cursor);
        }
        self.settle(cursor);
        self.show();
        self.state.ever.grow(counted, Ever::of(&self.counters));
        under_way.whole(Stage::Store);
        let first_seq = first_seq.max(cursor + 1);
        let batch = (last_seq > cursor).then(|| Batch {
            first_seq,
            last_seq,
            frames: last_seq + 1 - first_seq,
            tables: self.rows.finish(),
            messages: std::mem::take(&mut self.messages),
        });
        under_way.done();
        batch
    }

    /// Counts here from now on: what is only repeated after a fault must not be counted twice.
    pub fn count_into(&mut self, counters: &Arc<Counters>) {
        self.counters = Arc::clone(counters);
    }

    /// decode and window, for one frame.
    fn take(&mut self, journalled: &Journalled, wanted: bool) {
        let frame = &journalled.frame;
        let received_us = frame.received_at_us;
        let mut at = At { seq: journalled.seq, received_us, at_us: received_us, frame, wanted };
        add(&self.counters.frames, 1);
        add(&self.counters.frames_received, u64::from(frame.source.is_received()));
        if let Some(poison) = self.supervision.quarantine.get(journalled.seq) {
            return self.pass_over(at, &poison);
        }
        self.supervision.under_way.at(at.seq, Stage::Decode);
        let is_watched = self.state.watch.hear(&self.state.alerts.policy().technical, frame);
        add(&self.counters.feeds_left_out, u64::from(!is_watched));
        if let Some(trials) = &mut self.trials {
            trials.hear(frame);
        }
        match frame.source {
            Source::Tick => self.tick(at),
            Source::Action => self.act(at),
            Source::Policy => self.change_policy(at),
            Source::Replay => match Frame::decode(&frame.payload) {
                Ok(inner) => at.at_us = self.replay(at, &inner),
                Err(refusal) => self.refuse(at, refusal),
            },
            _ => at.at_us = self.understand(at, false),
        }
        self.score(at);
    }

    /// A frame that stopped a stage before: its bytes and the reason, nothing else.
    fn pass_over(&mut self, at: At<'_>, poison: &Poison) {
        add(&self.counters.frames_internal, 1);
        let inner = (at.frame.source == Source::Replay).then(|| Frame::decode(&at.frame.payload).ok()).flatten();
        if let (Some(_), Ok(seq), true) = (&inner, at.frame.context.parse(), at.wanted) {
            self.rows.replays.push(seq, at.seq, at.received_us);
        }
        let frame = inner.as_ref().unwrap_or(at.frame);
        self.dead_letter(At { frame, ..at }, 0, poison.stage.name(), &poison.refusal(), true);
    }

    fn tick(&mut self, at: At<'_>) {
        self.supervision.under_way.at(at.seq, Stage::Window);
        add(&self.counters.frames_tick, 1);
        if self.decoder.config().recorded_time {
            return; // the clock on the wall is no time of the recording
        }
        self.notice_step_back(at);
        for patient in self.state.ward.tick(at.at_us) {
            self.state.triggers.forget(patient);
            self.state.watch.forget(patient);
            self.trials.iter_mut().for_each(|trials| trials.forget(patient));
            self.later(at, Step::Left(patient, None, Departure::Left));
        }
        let State { ward, watch, alerts, .. } = &mut self.state;
        let scene = Scene { ward, scorers: &self.scorers, focus: self.focus.as_ref() };
        for finding in watch.look(&alerts.policy().technical, scene, at.at_us) {
            self.later(at, Step::Found(Box::new(finding)));
        }
        self.look_for_tried(at);
        self.later(at, Step::Tick(self.decoder.minute_of_day(at.at_us)));
    }

    /// What somebody did to an alert, or the server found out of a channel: decided by alert, in its turn.
    fn act(&mut self, at: At<'_>) {
        match Action::read(&at.frame.payload) {
            Ok(action) => {
                add(&self.counters.frames_action, 1);
                self.later(at, Step::Act(Box::new(action)));
            }
            Err(refusal) => self.refuse(at, refusal),
        }
    }

    /// A dead letter once more: the inner frame's content and time, under the number of the frame that brings it back.
    fn replay(&mut self, at: At<'_>, inner: &Frame) -> i64 {
        add(&self.counters.replays, 1);
        if at.wanted
            && let Ok(seq) = at.frame.context.parse()
        {
            self.rows.replays.push(seq, at.seq, at.received_us);
        }
        self.understand(At { frame: inner, ..at }, true)
    }

    /// Decodes a frame and lets window take in what it says; the frame's time.
    fn understand(&mut self, mut at: At<'_>, again: bool) -> i64 {
        let mut decoded = std::mem::take(&mut self.decoded);
        decoded.clear();
        // Decode holds no state, so a panic there concerns this frame alone.
        let outcome = catch_unwind(AssertUnwindSafe(|| match &self.focus {
            Some(focus) => focus.decode(&self.decoder, &self.state.ward, at.frame, &mut decoded),
            None => self.decoder.decode(at.frame, &mut decoded),
        }));
        if outcome.is_ok() && self.decoder.config().recorded_time {
            at.at_us = decoded.at_us;
        }
        if outcome.is_err() {
            decoded.clear();
            add(&self.counters.frames_internal, 1);
            self.dead_letter(at, 0, "decode", &Refusal::new(Code::Internal, "decoding failed; the frame was kept"), true);
        } else if self.is_new(at, &decoded, again) {
            self.apply(at, &mut decoded);
        }
        self.decoded = decoded;
        at.at_us
    }

    /// False for a redelivery, and for a conflict, which is dead-lettered once. A replay was seen before and is meant.
    fn is_new(&mut self, at: At<'_>, decoded: &Decoded, again: bool) -> bool {
        let Some(message) = decoded.message_id.filter(|_| !again) else { return true };
        let delivered = Delivered { message, seq: at.seq, received_at_us: at.received_us };
        match self.state.seen.check(delivered, self.limits.message_ids_max) {
            Delivery::First => true,
            Delivery::Again | Delivery::ConflictAgain => {
                add(&self.counters.frames_repeated, 1);
                false
            }
            Delivery::Conflict => {
                add(&self.counters.frames_conflicting, 1);
                let refusal = Refusal::new(Code::DuplicateConflict, CONFLICT);
                self.dead_letter(at, 0, "decode", &refusal, true);
                false
            }
        }
    }

    fn apply(&mut self, at: At<'_>, decoded: &mut Decoded) {
        self.supervision.under_way.at(at.seq, Stage::Window);
        let whole = decoded.events.is_empty() && decoded.skipped == 0 && !decoded.rejected.is_empty();
        add(if whole { &self.counters.frames_dead } else { &self.counters.frames_decoded }, 1);
        add(&self.counters.observations_skipped, u64::from(decoded.skipped));
        if let Some(focus) = &mut self.focus {
            focus.hear(&mut self.state.ward, &decoded.passed, at.at_us);
        }
        let mut raw = true;
        for event in decoded.events.drain(..) {
            let refused = match &event {
                Event::Observation(observation) => self.observe(at, observation),
                Event::Encounter(encounter) => self.move_patient(at, encounter),
            };
            if let Err(Rejected { ordinal, refusal }) = refused {
                self.dead_letter(at, ordinal, "window", &refusal, std::mem::take(&mut raw));
            }
        }
        add(&self.counters.observations_rejected, decoded.rejected.len() as u64);
        for Rejected { ordinal, refusal } in &decoded.rejected {
            self.dead_letter(at, *ordinal, "decode", refusal, std::mem::take(&mut raw));
        }
    }

    fn observe(&mut self, at: At<'_>, observation: &Observation) -> Result<(), Rejected> {
        add(&self.counters.observations, 1);
        if self.focus.as_mut().is_some_and(|focus| focus.passes_over(&mut self.state.ward, observation, at.at_us)) {
            return Ok(());
        }
        match self.state.ward.apply_observation(observation, at.at_us) {
            Applied::DeadLetter(refusal) => {
                add(&self.counters.observations_dead, 1);
                Err(Rejected { ordinal: observation.ordinal, refusal })
            }
            Applied::Kept { change: Change::Duplicate, .. } => {
                add(&self.counters.observations_repeated, 1);
                Ok(())
            }
            Applied::Kept { slot, patient, change } => {
                add(&self.counters.observations_kept, 1);
                add(&self.counters.observations_late, u64::from(change == Change::Expired));
                let is_gone = matches!(change, Change::Replaced | Change::Withdrawn);
                let corrects = is_gone || observation.status == Status::Corrected;
                self.touch(at, slot, patient);
                self.touched.say(observation.signal, corrects, is_gone.then_some(observation.observed_at_us));
                if at.wanted {
                    self.rows.observations.push(&ObservationRow {
                        seq: at.seq,
                        ordinal: observation.ordinal,
                        patient,
                        signal: observation.signal,
                        observed_at_us: observation.observed_at_us,
                        received_at_us: at.received_us,
                        value: observation.value,
                        status: observation.status,
                        source: at.frame.source,
                    });
                }
                Ok(())
            }
        }
    }

    fn touch(&mut self, at: At<'_>, slot: Slot, patient: PatientId) {
        if self.touched.touch(slot, patient) && at.wanted {
            self.rows.patients.push(patient, at.received_us);
            self.shown.insert(patient, (at.seq, at.at_us));
        }
    }

    /// The steps of the frame under way are taken by alert in order, after the batch's forests.
    fn later(&mut self, at: At<'_>, step: Step) {
        self.due.push(Due { seq: at.seq, at_us: at.at_us, step });
    }

    /// score: what the frame's patients are due. Rules are evaluated here, feature rows are taken here; forests run once a batch.
    fn score(&mut self, at: At<'_>) {
        self.supervision.under_way.at(at.seq, Stage::Score);
        for (patient, bed) in self.state.ward.made_room() {
            add(&self.counters.patients_dropped, 1);
            self.state.triggers.forget(patient);
            self.state.watch.forget(patient);
            self.trials.iter_mut().for_each(|trials| trials.lost(patient, at.at_us));
            self.later(at, Step::Left(patient, bed, Departure::Left));
        }
        if let Some(focus) = &mut self.focus {
            let ward = &self.state.ward;
            let touched = self.touched.slots().filter_map(|slot| ward.patient(slot)).map(|patient| patient.id());
            focus.end_frame((at.seq, at.at_us), touched);
        }
        let mut touched = std::mem::take(&mut self.touched);
        for (slot, restated, said) in touched.each() {
            if self.state.ward.patient(slot).is_some_and(|patient| patient.discharged_at_us().is_none()) {
                let bed = self.state.ward.bed_of(slot).cloned();
                self.ask(at, slot, (Occasion::Frame, restated, said), bed);
            }
        }
        touched.clear();
        self.touched = touched;
        self.scored = 0;
    }

    /// Scores one patient for what the frame says of them; `bed` is where the patient lies, or lay until this frame.
    fn ask(&mut self, at: At<'_>, slot: Slot, (occasion, restated, said): (Occasion, Restated, &[Said]), bed: Option<BedKey>) {
        if self.focus.as_ref().is_some_and(|focus| !focus.computes(self.state.ward.patient(slot))) {
            return;
        }
        let first = self.scoring.len();
        let cause = Cause { seq: at.seq, at_us: at.at_us, said, occasion, restated };
        let silenced = self.scoring.take(&self.scorers, &mut self.state, slot, cause, &mut self.scored);
        let is_frame = occasion == Occasion::Frame;
        let seen = ((restated, said), (first, &silenced), bed.as_ref());
        let look = if is_frame { self.look(&self.state.alerts, at, slot, seen) } else { None };
        let tried = if is_frame { self.look_for_policies(at, slot, seen) } else { Vec::new() };
        let patient = self.state.ward.patient(slot).map(|patient| patient.id());
        let lies = patient.filter(|_| is_frame && said.is_empty()).map(|patient| Step::Lies(patient, bed.clone()));
        if self.scoring.len() > first {
            self.later(at, Step::Scores(first..self.scoring.len(), bed, restated != Restated::No));
        }
        for scorer in silenced {
            patient.into_iter().for_each(|patient| self.later(at, Step::Silent(patient, scorer)));
        }
        if let Some(look) = look {
            self.later(at, Step::Looked(look));
        }
        for step in tried.into_iter().chain(lies) {
            self.later(at, step);
        }
    }

    /// A frame that cannot be read at all.
    fn refuse(&mut self, at: At<'_>, refusal: Refusal) {
        add(&self.counters.frames_dead, 1);
        self.dead_letter(at, 0, "decode", &refusal, true);
    }

    fn dead_letter(&mut self, at: At<'_>, ordinal: u32, stage: &'static str, refusal: &Refusal, raw: bool) {
        add(&self.counters.dead_letters, 1);
        if at.wanted {
            self.rows.dead_letters.push(&DeadLetter { seq: at.seq, ordinal, frame: at.frame, stage, refusal, raw });
        }
    }
}
