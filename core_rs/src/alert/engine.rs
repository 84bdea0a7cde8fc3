//! The state machine: one evaluation at a time, events appended to a list the caller owns.

use super::lifecycle::cleared_event;
use super::policy::Policy;
use super::reason::{self, Clearing};
use super::state::{AlertState, RuleKey, RuleState};
use super::{AlertEvent, Departure, RuleCounters};
use crate::decode::{BedKey, PatientId};
use crate::score::{Score, Why};

/// Patients looked at per tick for state that no longer matters.
const SWEEP_PATIENTS: usize = 256;

/// Fills in why a score is what it is: asked only for scores that open an alert, since TreeSHAP is dear.
pub trait Explainer {
    /// The largest contributions, by feature and in words, most important first.
    fn explain(&mut self, score: &Score) -> Why;
}

impl<F: FnMut(&Score) -> Why> Explainer for F {
    fn explain(&mut self, score: &Score) -> Why {
        self(score)
    }
}

/// The alert stage. Feed it in journal order.
#[derive(Debug, Clone)]
pub struct AlertEngine {
    policy: Policy,
    /// Rules of each scorer, by the scorer's index.
    by_scorer: Vec<Vec<usize>>,
    patients_max: usize,
    state: AlertState,
}

impl AlertEngine {
    /// An engine without history. `patients_max`: see `Limits`.
    pub fn new(policy: Policy, patients_max: usize) -> Self {
        Self::restore(policy, patients_max, AlertState::default())
    }

    /// An engine that goes on from a snapshot. Rules are matched by name; alerts of rules the policy no longer has are cleared
    /// by the next tick.
    pub fn restore(policy: Policy, patients_max: usize, mut state: AlertState) -> Self {
        let keys: Vec<RuleKey> = policy.rules.iter().map(RuleKey::of).collect();
        if state.rules != keys {
            state.rearrange(keys);
        }
        let mut by_scorer = Vec::new();
        for (index, rule) in policy.rules.iter().enumerate() {
            let scorer = usize::from(rule.scorer);
            by_scorer.resize(by_scorer.len().max(scorer + 1), Vec::new());
            if let Some(rules) = by_scorer.get_mut(scorer) {
                rules.push(index);
            }
        }
        Self { policy, by_scorer, patients_max, state }
    }

    /// What a snapshot stores.
    pub fn state(&self) -> &AlertState {
        &self.state
    }

    /// The policy in force.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Rule names with their counters, in policy order.
    pub fn counters(&self) -> impl Iterator<Item = (&str, RuleCounters)> {
        self.policy.rules.iter().zip(&self.state.counters).map(|(rule, counters)| (rule.name.as_str(), *counters))
    }

    /// Alerts open now.
    pub fn open_alerts(&self) -> u64 {
        self.state.open
    }

    /// Patients with any state.
    pub fn patients(&self) -> usize {
        self.state.patients.len()
    }

    /// Openings put off because a limit was reached.
    pub fn over_limit(&self) -> u64 {
        self.state.over_limit
    }

    /// One evaluation of every rule that watches this score. `bed`: where the patient lies now.
    pub fn on_score(&mut self, score: &Score, bed: Option<&BedKey>, explainer: &mut dyn Explainer, out: &mut Vec<AlertEvent>) {
        let Self { policy, by_scorer, patients_max, state } = self;
        for &index in by_scorer.get(usize::from(score.scorer)).into_iter().flatten() {
            let Some(rule) = policy.rules.get(index) else { continue };
            let known = state.patients.get_mut(&score.patient).and_then(|rules| rules.get_mut(index));
            if !rule.watches(bed) {
                match known {
                    Some(known) if known.open.is_none() => known.run = 0,
                    Some(_) => {
                        let at = (score.seq, score.at_us);
                        state.clear(index, rule, score.patient, at, Clearing::Moved, out);
                    }
                    None => {}
                }
                continue;
            }
            if score.value.is_nan() || score.present < rule.min_present {
                continue;
            }
            match known {
                Some(RuleState { open: Some(open), run, .. }) => {
                    open.keep(score, bed);
                    if rule.step_clear(score, run) {
                        let at = (score.seq, score.at_us);
                        state.clear(index, rule, score.patient, at, Clearing::Fell(score), out);
                    }
                }
                Some(known) if score.value < rule.enter => known.run = 0,
                None if score.value < rule.enter => {}
                _ => state.rise(index, rule, *patients_max, (score, bed), explainer, out),
            }
        }
    }

    /// The patient is gone: what is open clears, and nothing is remembered. `at`: number and time of the frame.
    pub fn on_left(&mut self, patient: PatientId, why: Departure, at: (u64, i64), out: &mut Vec<AlertEvent>) {
        for (index, rule) in self.policy.rules.iter().enumerate() {
            self.state.clear(index, rule, patient, at, Clearing::Gone(why), out);
        }
        self.state.patients.swap_remove(&patient);
    }

    /// What a scorer said of a patient rested on values that were withdrawn, and it says nothing now: what is open clears.
    pub fn on_withdrawn(&mut self, patient: PatientId, scorer: u16, at: (u64, i64), out: &mut Vec<AlertEvent>) {
        for &index in self.by_scorer.get(usize::from(scorer)).into_iter().flatten() {
            let Some(rule) = self.policy.rules.get(index) else { continue };
            self.state.clear(index, rule, patient, at, Clearing::Withdrawn, out);
            if let Some(known) = self.state.patients.get_mut(&patient).and_then(|rules| rules.get_mut(index)) {
                known.run = 0;
            }
        }
    }

    /// The clock was set back: no lock-out ends later than one that begins now.
    pub fn set_back(&mut self, now_us: i64) {
        for states in self.state.patients.values_mut() {
            for (state, rule) in states.iter_mut().zip(&self.policy.rules) {
                let longest_us = now_us.saturating_add(i64::from(rule.lockout_s) * 1_000_000);
                state.locked_until_us = state.locked_until_us.min(longest_us);
            }
        }
    }

    /// Time passed: clears alerts of rules that are gone, and forgets up to 256 patients whose lock-outs are over. A patient
    /// still above the threshold when a lock-out ends is alerted by the next evaluation, not by the tick: a tick brings no
    /// score that could be shown.
    pub fn on_tick(&mut self, seq: u64, at_us: i64, out: &mut Vec<AlertEvent>) {
        let state = &mut self.state;
        for (patient, key, open) in std::mem::take(&mut state.orphans) {
            state.open = state.open.saturating_sub(1);
            let ordinal = state.number(seq);
            let reason = reason::cleared(None, Clearing::RuleRemoved);
            out.push(cleared_event(&key, open, patient, (seq, ordinal, at_us), reason));
        }
        for _ in 0..SWEEP_PATIENTS.min(state.patients.len()) {
            if state.sweep >= state.patients.len() {
                state.sweep = 0;
            }
            match state.patients.get_index(state.sweep) {
                Some((_, rules)) if !rules.iter().any(|rule| rule.matters(at_us)) => {
                    state.patients.swap_remove_index(state.sweep);
                }
                _ => state.sweep += 1,
            }
        }
    }
}
