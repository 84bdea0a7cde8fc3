//! The state of the pipeline: all that a snapshot holds.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::board::{Board, Triggers};
use super::policy::Policies;
use super::redelivery::{Delivered, Redelivery};
use super::watch::{FeedNow, Watch};
use super::{Counters, Ever, Pipeline, Scoring, Supervision};
use crate::alert::{AlertEngine, AlertState, Book};
use crate::decode::Decoder;
use crate::limits::Limits;
use crate::score::Scorers;
use crate::window::{FeaturePlan, PlanSpec, Slot, Ward};

/// What the pipeline is built from.
#[derive(Debug, Clone)]
pub struct Setup {
    /// decode.
    pub decoder: Arc<Decoder>,
    /// score: rules and bundles.
    pub scorers: Arc<Scorers>,
    /// Limits.
    pub limits: Limits,
    /// alert: the settings' policy as TOML, for a journal that says none; the default policy where empty.
    pub policy: String,
    /// Where to count.
    pub counters: Arc<Counters>,
    /// Frames to pass over, and where to say which is under way.
    pub supervision: Supervision,
    /// Where message ids are remembered; doors may hold a clone and look.
    pub seen: Redelivery,
    /// Which alerts are not cleared; likewise.
    pub book: Book,
}

impl Setup {
    /// For a pipeline of its own: the default policy, and nothing that anybody else counts, knows or looks at.
    pub fn new(decoder: Arc<Decoder>, scorers: Arc<Scorers>, limits: Limits) -> Self {
        Self {
            decoder,
            scorers,
            limits,
            policy: String::new(),
            counters: Arc::default(),
            supervision: Supervision::default(),
            seen: Redelivery::default(),
            book: Book::default(),
        }
    }
}

/// Why a pipeline cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The alert policy cannot be used.
    #[error("alert policy: {0}")]
    Policy(String),
    /// A snapshot was taken under a feature plan that this version cannot read.
    #[error("feature plan of the snapshot: {0}")]
    Plan(String),
}

/// What the frames so far have left behind.
#[derive(Debug)]
pub struct State {
    /// window: who is here and what was observed.
    pub ward: Ward,
    /// alert: what is open, locked out, counted towards opening.
    pub alerts: AlertEngine,
    /// alert: which policy is in force since when.
    pub policies: Policies,
    /// Message ids.
    pub seen: Redelivery,
    /// Newest scores and open alerts.
    pub board: Board,
    /// When bundles last scored.
    pub triggers: Triggers,
    /// What the frames came to, from the journal's first on.
    pub ever: Ever,
    /// What is silent or stale.
    pub watch: Watch,
}

/// A state as it is written, on whatever thread, while the pipeline goes on. It shares patients and their newest scores with the
/// pipeline until they change, so it costs little to make; while it lives, at most everybody present is in memory twice.
#[derive(Debug, Serialize)]
pub struct Frozen {
    scorers: Vec<String>,
    plans: Vec<PlanSpec>,
    ward: Ward,
    alerts: AlertState,
    policies: Policies,
    seen: Vec<Delivered>,
    board: Board,
    triggers: Triggers,
    ever: Ever,
    watch: Watch,
}

/// A state as it is read.
#[derive(Debug, Deserialize)]
pub struct Read {
    /// The scorers by index; the board names them by it.
    scorers: Vec<String>,
    plans: Vec<PlanSpec>,
    ward: Ward,
    alerts: AlertState,
    policies: Policies,
    seen: Redelivery,
    board: Board,
    triggers: Triggers,
    ever: Ever,
    watch: Watch,
}

impl Read {
    /// What the journal had said of the policy.
    pub fn policies(&self) -> &Policies {
        &self.policies
    }

    /// The scorers it was written with, as `Scorers::identities` names them.
    pub fn scorers(&self) -> &[String] {
        &self.scorers
    }
}

/// Patients whose memory is added up at a time.
const COUNTED_MAX: usize = 1_024;

/// A walk over all patients that is under way.
#[derive(Debug, Default)]
pub(super) struct Counting {
    /// The next slot.
    next: usize,
    bytes: u64,
    bytes_max: u64,
    /// Both, of the last walk that came to its end.
    found: (u64, u64),
}

/// Gauges of the state. The memory of patients is that of the last walk over all of them, 0 before the first has ended.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Gauges {
    /// Patients with a rolling state.
    pub patients: u64,
    /// Their memory, bytes.
    pub ward_bytes: u64,
    /// The largest patient's memory, bytes.
    pub patient_bytes_max: u64,
    /// Alerts open now.
    pub alerts_open: u64,
    /// Message ids remembered.
    pub message_ids: u64,
}

impl Pipeline {
    /// A pipeline without history.
    ///
    /// # Errors
    /// The policy cannot be used.
    pub fn new(setup: Setup) -> Result<Self, StateError> {
        setup.seen.resume(&Redelivery::default(), 0);
        let state = State {
            ward: Ward::new(setup.limits, setup.scorers.plans()),
            alerts: AlertEngine::new(setup.policy()?, setup.limits.patients_max).shown_in(setup.book.clone()),
            policies: Policies::default(),
            seen: setup.seen.clone(),
            board: Board::default(),
            triggers: Triggers::default(),
            ever: Ever::default(),
            watch: Watch::default(),
        };
        Ok(Self::assemble(setup, state))
    }

    /// A pipeline that goes on from a snapshot.
    ///
    /// # Errors
    /// The policy or the snapshot's feature plans cannot be used.
    pub fn resume(setup: Setup, read: Read) -> Result<Self, StateError> {
        let Read { scorers, plans, mut ward, mut alerts, policies, seen, mut board, mut triggers, ever, watch } = read;
        let plan_error = |error: crate::window::PlanError| StateError::Plan(error.to_string());
        let former: Vec<Arc<FeaturePlan>> =
            plans.iter().map(|spec| setup.scorers.compile(spec).map(Arc::new).map_err(plan_error)).collect::<Result<_, _>>()?;
        ward.resume(setup.limits, &former);
        let now = setup.scorers.plans();
        if !former.iter().map(|plan| plan.fingerprint()).eq(now.iter().map(|plan| plan.fingerprint())) {
            ward.replan(now);
        }
        let loaded = setup.scorers.identities();
        if scorers != loaded {
            // A bundle that was not there before, or another version, scores at once.
            triggers = Triggers::default();
            let index_now = |index: u16| {
                let before = scorers.get(usize::from(index))?;
                loaded.iter().position(|now| now == before).and_then(|at| u16::try_from(at).ok())
            };
            board.renumber(index_now);
            alerts.renumber(index_now);
        }
        let alerts =
            AlertEngine::restore(policies.read(&setup)?, setup.limits.patients_max, alerts).shown_in(setup.book.clone());
        setup.seen.resume(&seen, setup.limits.message_ids_max);
        let seen = setup.seen.clone();
        Ok(Self::assemble(setup, State { ward, alerts, policies, seen, board, triggers, ever, watch }))
    }

    fn assemble(setup: Setup, state: State) -> Self {
        let mut pipeline = Self {
            policy_text: setup.policy_text().to_owned(),
            words: Vec::new(),
            held: false,
            decoder: setup.decoder,
            scoring: Scoring::new(&setup.scorers),
            scorers: setup.scorers,
            limits: setup.limits,
            counters: setup.counters,
            supervision: setup.supervision,
            state,
            decoded: Default::default(),
            rows: Default::default(),
            due: Vec::new(),
            touched: Default::default(),
            scored: 0,
            shown: Default::default(),
            messages: Vec::new(),
            counting: Counting::default(),
            focus: None,
            trials: None,
        };
        pipeline.keep_for_policies();
        pipeline
    }

    /// The state after a batch, to be written.
    pub fn state(&self) -> Frozen {
        Frozen {
            scorers: self.scorers.identities(),
            plans: self.scorers.plans().iter().map(|plan| plan.spec().clone()).collect(),
            ward: self.state.ward.frozen(),
            alerts: self.state.alerts.state().clone(),
            policies: self.state.policies.clone(),
            seen: self.state.seen.in_order(),
            board: self.state.board.clone(),
            triggers: self.state.triggers.clone(),
            ever: self.state.ever,
            watch: self.state.watch.clone(),
        }
    }

    /// What the frames so far came to, from the journal's first on.
    pub fn ever(&self) -> Ever {
        self.state.ever
    }

    /// The feeds whose silence is watched.
    pub fn feeds(&self) -> Vec<FeedNow> {
        self.state.watch.feeds()
    }

    /// The gauges, and whether a walk over all patients has come to its end: it goes through `COUNTED_MAX` of them at a time, since
    /// a walk over 100,000 would hold up their frames.
    pub fn count_on(&mut self) -> (Gauges, bool) {
        let (ward, counting) = (&self.state.ward, &mut self.counting);
        let until = (counting.next + COUNTED_MAX).min(ward.slots());
        for bytes in (counting.next..until).filter_map(|at| ward.patient(Slot(at as u32))).map(|patient| patient.bytes() as u64)
        {
            counting.bytes += bytes;
            counting.bytes_max = counting.bytes_max.max(bytes);
        }
        counting.next = until;
        let ended = until == ward.slots();
        if ended {
            *counting = Counting { found: (counting.bytes, counting.bytes_max), ..Counting::default() };
        }
        let gauges = Gauges {
            patients: ward.len() as u64,
            ward_bytes: ward.house_bytes() as u64 + counting.found.0,
            patient_bytes_max: counting.found.1,
            alerts_open: self.state.alerts.open_alerts(),
            message_ids: self.state.seen.len() as u64,
        };
        (gauges, ended)
    }
}
