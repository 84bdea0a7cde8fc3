//! Policies that are tried on recorded time: the same scores, findings and ticks drive an alert engine for each, beside the one in
//! force. One pass of windows and scores, several alert stages.
//!
//! Of a policy that is tried only what opens, is raised and clears is kept. Nobody answers its alerts, and nobody is called: its
//! chains of escalation are left out, and what people did to the alerts in force is passed over, since neither opens or clears
//! anything. In service there is none, and the route pays one look for it.
//!
//! # In numbers
//! - 8 policies at once (`TRIED_MAX`), 100,000 alerts each (`ALERTS_MAX`: some 20 MB handed to Python); what opens beyond them is only counted.

use hashbrown::HashMap;

use compact_str::CompactString;

use super::batch::Step;
use super::board::Board;
use super::looking::Seen;
use super::scoring::Scoring;
use super::stays::{Stay, Stays};
use super::watch::{Scene, Watch};
use super::{At, Pipeline};
use crate::alert::{AlertEngine, AlertEvent, AlertKind, Chain, Deed, Policy, Severity};
use crate::decode::{EncounterEvent, PatientId};
use crate::receive::Frame;
use crate::score::{Score, Why};
use crate::window::{Moved, Slot};

/// Policies tried at once.
pub const TRIED_MAX: usize = 8;
/// Alerts kept of one policy.
pub const ALERTS_MAX: usize = 100_000;

/// An alert that a policy would have opened.
#[derive(Debug, Clone, PartialEq)]
pub struct TriedAlert {
    /// Whose; None of a technical alert that is about no patient.
    pub patient: Option<PatientId>,
    /// The rule that opened it.
    pub rule: CompactString,
    /// What its rules share.
    pub cause: CompactString,
    /// What a technical alert is about.
    pub subject: CompactString,
    /// How urgent when it opened.
    pub severity: Severity,
    /// Most urgent it became.
    pub severity_max: Severity,
    /// Where the patient lay; empty in no bed.
    pub unit: CompactString,
    /// Microseconds since 1970-01-01 UTC, frame time.
    pub opened_at_us: i64,
    /// None while it stands.
    pub cleared_at_us: Option<i64>,
    /// Nobody would have been told of its opening: storm cap, quiet hours.
    pub held: bool,
}

/// One policy.
#[derive(Debug)]
struct Tried {
    alerts: AlertEngine,
    watch: Watch,
    kept: Vec<TriedAlert>,
    /// Places in `kept` of those that stand, by the alert's id.
    standing: HashMap<u64, usize>,
    over: u64,
}

/// What came of the policies that were tried.
#[derive(Debug, Default)]
pub struct Outcome {
    /// By policy, in the order they opened.
    pub alerts: Vec<Vec<TriedAlert>>,
    /// By policy, alerts beyond `ALERTS_MAX`.
    pub over: Vec<u64>,
    /// Who lay where.
    pub stays: Vec<Stay>,
}

/// The policies and who lies where.
#[derive(Debug)]
pub(super) struct Trials {
    tried: Vec<Tried>,
    stays: Stays,
}

impl Pipeline {
    /// Tries policies from here on: each begins with what the policy in force has left behind, as after a change of policy.
    /// At most `TRIED_MAX`; later ones are left out.
    pub fn try_policies(&mut self, policies: impl IntoIterator<Item = Policy>) {
        let begin = |mut policy: Policy| {
            policy.escalation = Vec::<Chain>::new();
            let alerts = AlertEngine::restore(policy, self.limits.patients_max, self.state.alerts.state().clone());
            Tried { alerts, watch: self.state.watch.clone(), kept: Vec::new(), standing: HashMap::new(), over: 0 }
        };
        let tried = policies.into_iter().take(TRIED_MAX).map(begin).collect();
        self.trials = Some(Box::new(Trials { tried, stays: Stays::of(&self.state.ward) }));
        self.keep_for_policies();
    }

    /// Window holds what conditions look back on: of the policy in force and of those that are tried.
    pub(super) fn keep_for_policies(&mut self) {
        let tried = self.trials.iter().flat_map(|trials| &trials.tried).map(|tried| &tried.alerts);
        let asked = tried.chain([&self.state.alerts]).flat_map(|alerts| alerts.policy().looks_back()).collect();
        self.state.ward.keep(asked);
    }

    /// What the policies that are tried see of a patient after a frame, due behind its scores.
    pub(super) fn look_for_policies(&self, at: At<'_>, slot: Slot, seen: Seen<'_>) -> Vec<Step> {
        let tried = self.trials.iter().flat_map(|trials| &trials.tried).enumerate();
        tried.filter_map(|(place, tried)| Some(Step::LookedBy(place, self.look(&tried.alerts, at, slot, seen)?))).collect()
    }

    /// What came of them; they are not tried any more.
    pub fn tried(&mut self) -> Outcome {
        let Some(mut trials) = self.trials.take() else { return Outcome::default() };
        let mut stays = trials.stays.take();
        stays.iter_mut().for_each(|stay| stay.patient = self.state.ward.survivor(stay.patient));
        let mut outcome = Outcome { stays, ..Outcome::default() };
        for mut tried in trials.tried {
            tried.kept.iter_mut().for_each(|alert| alert.patient = alert.patient.map(|who| self.state.ward.survivor(who)));
            outcome.alerts.push(tried.kept);
            outcome.over.push(tried.over);
        }
        outcome
    }

    /// A tick: what each policy finds silent or stale is due in its turn.
    pub(super) fn look_for_tried(&mut self, at: At<'_>) {
        let Some(trials) = &mut self.trials else { return };
        let mut found = Vec::new();
        for (place, tried) in trials.tried.iter_mut().enumerate() {
            let scene = Scene { ward: &self.state.ward, scorers: &self.scorers, focus: self.focus.as_ref() };
            let findings = tried.watch.look(&tried.alerts.policy().technical, scene, at.at_us);
            found.extend(findings.into_iter().map(|finding| Step::FoundBy(place, Box::new(finding))));
        }
        for step in found {
            self.later(at, step);
        }
    }
}

impl Trials {
    /// A frame came.
    pub fn hear(&mut self, frame: &Frame) {
        for tried in &mut self.tried {
            tried.watch.hear(&tried.alerts.policy().technical, frame);
        }
    }

    /// An ADT event was taken in.
    pub fn follow(&mut self, event: &EncounterEvent, patient: PatientId, moved: &Moved) {
        self.stays.follow(event, patient, moved);
    }

    /// The watches know the patient no more.
    pub fn forget(&mut self, patient: PatientId) {
        self.tried.iter_mut().for_each(|tried| tried.watch.forget(patient));
    }

    /// The patient is out of sight without an ADT event.
    pub fn lost(&mut self, patient: PatientId, at_us: i64) {
        self.forget(patient);
        self.stays.lost(patient, at_us);
    }

    /// The clock was set back.
    pub fn set_back(&mut self, now_us: i64) {
        self.tried.iter_mut().for_each(|tried| tried.watch.set_back(now_us));
    }

    /// One step, as alert takes it for the policy in force.
    pub fn take(&mut self, at: (u64, i64), step: &Step, scored: (&Scoring, &Board)) {
        for (place, tried) in self.tried.iter_mut().enumerate() {
            tried.take(place, at, step, scored);
        }
    }
}

impl Tried {
    fn take(&mut self, own: usize, at: (u64, i64), step: &Step, (scoring, board): (&Scoring, &Board)) {
        let (mut events, alerts) = (Vec::new(), &mut self.alerts);
        match step {
            Step::Scores(places, bed, _) => {
                for score in places.clone().filter_map(|place| scoring.score(place)) {
                    alerts.on_score(score, bed.as_ref(), &mut |_: &Score| Why::default(), &mut events);
                }
            }
            Step::Silent(patient, scorer) => alerts.on_withdrawn(*patient, *scorer, at, &mut events),
            Step::Lies(patient, bed) => alerts.on_moved(*patient, bed.as_ref(), at, &mut events),
            Step::Left(patient, _, why) => alerts.on_left(*patient, *why, at, &mut events),
            Step::SetBack => alerts.set_back(at.1),
            Step::Act(action) if matches!(action.deed, Deed::ChannelDead | Deed::ChannelAlive) => {
                alerts.on_action(action, at, &mut events);
            }
            Step::LookedBy(place, look) if *place == own => {
                alerts.on_look(look, &|scorer| board.scored(look.patient, scorer), at, &mut events);
            }
            Step::FoundBy(place, finding) if *place == own => alerts.on_finding(finding, at, &mut events),
            Step::Tick(minute) => alerts.on_tick(at, *minute, &mut events),
            Step::Returned(_) | Step::Act(_) | Step::Found(_) | Step::FoundBy(..) | Step::Looked(_) | Step::LookedBy(..) => {}
        }
        events.iter().for_each(|event| self.keep(event));
    }

    fn keep(&mut self, event: &AlertEvent) {
        let standing = self.standing.get(&event.alert_id).copied();
        match event.kind {
            AlertKind::Opened if self.kept.len() >= ALERTS_MAX => self.over += 1,
            AlertKind::Opened => {
                self.standing.insert(event.alert_id, self.kept.len());
                self.kept.push(TriedAlert {
                    patient: event.patient,
                    rule: event.rule.clone(),
                    cause: event.cause.clone(),
                    subject: event.subject.clone(),
                    severity: event.severity,
                    severity_max: event.severity,
                    unit: event.bed.as_ref().map_or_else(CompactString::default, |bed| bed.unit.clone()),
                    opened_at_us: event.at_us,
                    cleared_at_us: None,
                    held: event.held,
                });
            }
            AlertKind::Raised => {
                if let Some(alert) = standing.and_then(|place| self.kept.get_mut(place)) {
                    alert.severity_max = alert.severity_max.max(event.severity);
                }
            }
            AlertKind::Cleared => {
                self.standing.remove(&event.alert_id);
                if let Some(alert) = standing.and_then(|place| self.kept.get_mut(place)) {
                    alert.cleared_at_us = Some(event.at_us);
                }
            }
            _ => {}
        }
    }
}
