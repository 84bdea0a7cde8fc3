//! Another policy takes over: what is known moves to the places of its rules, and alerts follow the rules that are left.
//!
//! Rules are matched by name. An alert none of whose rules holds any more ends with the next tick; one whose leading rule is gone, or of
//! which the rule that leads has another severity now, is led by the most severe that holds: upward at once, downward at the time
//! that it waits for where the rule it waits for is still there.

use compact_str::CompactString;

use super::AlertEvent;
use super::chain::Chain;
use super::lifecycle::At;
use super::policy::Policy;
use super::reason::{self, Clearing};
use super::state::{AlertState, Open, RuleKey, RuleState};
use super::{RuleCounters, Severity};
use crate::decode::PatientId;

impl AlertState {
    /// Moves everything to the places of a changed policy.
    pub(super) fn rearrange(&mut self, keys: Vec<RuleKey>) {
        let place = |name: &str| keys.iter().position(|key| key.name == name);
        let moves: Vec<Option<usize>> = self.rules.iter().map(|key| place(&key.name)).collect();
        let mut counters = vec![RuleCounters::default(); keys.len()];
        for (old, to) in self.counters.iter().zip(&moves) {
            if let Some(new) = to.and_then(|to| counters.get_mut(to)) {
                *new = *old;
            }
        }
        let causes = causes_of(&keys);
        let former = std::mem::take(&mut self.causes);
        for person in self.patients.values_mut() {
            let mut moved = vec![RuleState::IDLE; keys.len()];
            for ((mut state, to), former) in person.rules.drain(..).zip(&moves).zip(&self.rules) {
                let (Some(key), Some(place)) = (to.and_then(|to| keys.get(to)), to.and_then(|to| moved.get_mut(to))) else {
                    continue;
                };
                // Of another condition, or of one over other scores, nothing is known yet.
                state.watched = state.watched.filter(|_| key.when == former.when);
                *place = state;
            }
            person.rules = moved;
            person.alerts.retain(|(cause, _)| {
                let now = former.get(usize::from(*cause)).and_then(|name| causes.iter().position(|one| one == name));
                now.and_then(|now| u16::try_from(now).ok()).map(|now| *cause = now).is_some()
            });
            // A rule whose cause has another name now has no alert to speak through: the next evaluations open one.
            for (state, key) in person.rules.iter_mut().zip(&keys) {
                let cause = causes.iter().position(|one| *one == key.cause).and_then(|cause| u16::try_from(cause).ok());
                let has_alert = person.alerts.iter().any(|(one, _)| Some(*one) == cause);
                state.holds &= has_alert;
            }
        }
        (self.rules, self.counters, self.causes) = (keys, counters, causes);
        self.unsettled = !self.alerts.is_empty();
    }

    /// After a change of policy: alerts of rules that are gone end, others follow the rules that are left.
    pub(super) fn settle_all(&mut self, policy: &Policy, at: At, out: &mut Vec<AlertEvent>) {
        let alerts: Vec<u64> = self.alerts.keys().copied().collect();
        for alert_id in alerts {
            if self.is_full(at.0) {
                return; // the next tick goes on
            }
            let Some(open) = self.alerts.get(&alert_id) else { continue };
            let leading = open.patient.and_then(|patient| self.leading(policy, &open.cause, patient));
            let gone = match open.trouble {
                Some(trouble) => !policy.technical.watches(trouble, &open.subject),
                None => leading.is_none(),
            };
            if gone {
                self.close(alert_id, at, reason::cleared(None, Clearing::RuleRemoved), out);
            } else if leading.is_some_and(|rule| self.follows(policy, open, rule.severity)) {
                self.lower(policy, alert_id, at, out);
            }
        }
        self.unsettled = false;
    }

    /// Whether an alert has to be led by the rules that hold, of this severity, and not by the one that leads it.
    fn follows(&self, policy: &Policy, open: &Open, severity: Severity) -> bool {
        let is_led = |holds: bool| open.patient.is_some_and(|patient| self.leads(policy, open, patient, holds));
        match severity.cmp(&open.severity) {
            std::cmp::Ordering::Greater => true,
            std::cmp::Ordering::Equal => !is_led(true),
            std::cmp::Ordering::Less => open.lower_at_us == i64::MAX || !is_led(false),
        }
    }

    /// Whether the rule that leads an alert is there for its cause, and with `holds` whether it holds.
    fn leads(&self, policy: &Policy, open: &Open, patient: PatientId, holds: bool) -> bool {
        let Some(person) = self.patients.get(&patient) else { return false };
        let mut rules = policy.rules.iter().zip(&person.rules);
        rules.any(|(rule, state)| rule.name == open.rule && rule.cause == open.cause && (state.holds || !holds))
    }

    /// The policy is another one: what waits under another chain than before begins to wait anew, at the step it had reached.
    pub(super) fn follow_chains(&mut self, before: &Policy, now: &Policy, at_us: i64) {
        for open in self.alerts.values_mut().filter(|open| open.standing.waits()) {
            let of = |policy: &'_ Policy| Chain::of(&policy.escalation, open.severity, open.unit()).cloned();
            if of(before) != of(now) {
                open.wait(now, at_us, usize::from(open.level));
            }
        }
        self.next_due_us = i64::MIN;
    }
}

/// Causes in the order of the rules that name them first.
pub(super) fn causes_of(keys: &[RuleKey]) -> Vec<CompactString> {
    let mut causes: Vec<CompactString> = Vec::new();
    for key in keys {
        if !causes.contains(&key.cause) {
            causes.push(key.cause.clone());
        }
    }
    causes
}
