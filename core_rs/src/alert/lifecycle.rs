//! One evaluation of one rule for one patient, and what it means for the alert of the rule's cause: it opens, is raised, lowered,
//! cleared.

use compact_str::CompactString;
use smallvec::SmallVec;

use super::opening::Opening;
use super::policy::Policy;
use super::reason::{self, Clearing};
use super::rule::Rule;
use super::state::{AlertState, Open, Person, RuleKey, RuleState};
use super::technical::About;
use super::{AlertEvent, AlertKind, RuleCounters, Said};
use crate::decode::{BedKey, PatientId};
use crate::score::Score;

const SECOND_US: i64 = 1_000_000;

/// A frame's number and time.
pub(super) type At = (u64, i64);

/// What an evaluation did to a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// It holds from here on.
    Began,
    /// It no longer does.
    Fell,
    /// The patient is not in its units any more.
    Moved,
    /// It no longer does, since values of its condition were withdrawn or corrected.
    Withdrawn,
}

/// Rules that turned at one evaluation.
pub(super) type Turns = SmallVec<[(usize, Turn); 4]>;

impl Rule {
    /// Whether the rule applies to a patient there.
    pub(super) fn watches(&self, bed: Option<&BedKey>) -> bool {
        self.units.is_empty() || bed.is_some_and(|bed| self.units.contains(&bed.unit))
    }

    /// One evaluation while it holds; true when it ceases to.
    fn step_clear(&self, score: &Score, run: &mut u32) -> bool {
        if score.value > self.clear {
            *run = 0;
        } else if score.present >= self.clear_min_present {
            *run += 1;
        }
        *run >= self.clear_evaluations
    }

    /// What is left of it when it ceases to hold.
    fn over(&self, known: &mut RuleState, at_us: i64) {
        let locked_until_us = at_us.saturating_add(i64::from(self.lockout_s) * SECOND_US);
        // What is known of its condition's leaves stays.
        *known = RuleState { locked_until_us, watched: known.watched.take(), ..RuleState::IDLE };
    }
}

impl RuleKey {
    pub(super) fn of(rule: &Rule) -> Self {
        Self {
            name: rule.name.clone(),
            cause: rule.cause.clone(),
            severity: rule.severity,
            scorer: rule.scorer,
            when: rule.when.clone(),
        }
    }
}

impl AlertState {
    /// One evaluation of a rule. `place`: the patient's, where there was any state before this score.
    pub(super) fn evaluate(
        &mut self,
        (index, rule): (usize, &Rule),
        place: Option<usize>,
        (score, bed): (&Score, Option<&BedKey>),
        patients_max: usize,
    ) -> Option<Turn> {
        let known = place.and_then(|place| self.patients.get_index_mut(place));
        let known = known.and_then(|(_, person)| person.rules.get_mut(index));
        if !rule.watches(bed) {
            let known = known?;
            known.run = 0;
            return known.holds.then(|| self.end(index, rule, score.patient, score.at_us, Turn::Moved));
        }
        if score.value.is_nan() || score.present < rule.min_present {
            return None;
        }
        match known {
            Some(known) if known.holds => {
                let ceases = rule.step_clear(score, &mut known.run);
                return ceases.then(|| self.end(index, rule, score.patient, score.at_us, Turn::Fell));
            }
            Some(known) if score.value < rule.enter => {
                known.run = 0;
                return None;
            }
            None if score.value < rule.enter => return None,
            _ => {}
        }
        if !self.has_room(score.patient, patients_max) {
            self.over_limit += 1;
            return None;
        }
        self.rise((index, rule), score.patient, (score.seq, score.at_us))
    }

    /// A rule ceases to hold.
    pub(super) fn end(&mut self, index: usize, rule: &Rule, patient: PatientId, at_us: i64, turn: Turn) -> Turn {
        if let Some(known) = self.patients.get_mut(&patient).and_then(|person| person.rules.get_mut(index)) {
            rule.over(known, at_us);
        }
        if let Some(counters) = self.counters.get_mut(index) {
            counters.cleared += 1;
        }
        turn
    }

    /// Whether there is or may be state of this patient.
    pub(super) fn has_room(&self, patient: PatientId, patients_max: usize) -> bool {
        self.patients.len() < patients_max || self.patients.contains_key(&patient)
    }

    /// The state of a patient, blank where there was none.
    pub(super) fn person(&mut self, patient: PatientId) -> &mut Person {
        let rules = self.rules.len();
        let blank = || Person { rules: vec![RuleState::IDLE; rules], alerts: SmallVec::new() };
        self.patients.entry(patient).or_insert_with(blank)
    }

    /// An evaluation at or above `enter`, or true, of a rule that does not hold.
    pub(super) fn rise(&mut self, (index, rule): (usize, &Rule), patient: PatientId, (seq, at_us): At) -> Option<Turn> {
        let is_full = self.is_full(seq);
        self.person(patient);
        let known = self.patients.get_mut(&patient).and_then(|person| person.rules.get_mut(index));
        let (Some(known), Some(counters)) = (known, self.counters.get_mut(index)) else { return None };
        known.run = known.run.saturating_add(1);
        if known.run < rule.enter_evaluations {
            return None;
        }
        if at_us < known.locked_until_us {
            counters.suppressed_lockout += u64::from(known.run == rule.enter_evaluations);
            return None;
        }
        if is_full {
            self.over_limit += 1;
            return None;
        }
        counters.opened += 1;
        (known.run, known.locked_until_us, known.holds) = (0, i64::MIN, true);
        Some(Turn::Began)
    }

    /// The rule that leads among those of a cause that hold: the most severe, of these the first of the policy.
    fn leading<'p>(&self, policy: &'p Policy, cause: &str, patient: PatientId) -> Option<&'p Rule> {
        let person = self.patients.get(&patient)?;
        let holding = policy.rules.iter().zip(&person.rules).filter(|(rule, state)| state.holds && rule.cause == cause);
        holding.map(|(rule, _)| rule).reduce(|best, rule| if rule.severity > best.severity { rule } else { best })
    }

    /// Brings the alert of a cause into line with its rules, after `turned` turned. `score`: what made them turn.
    pub(super) fn settle(
        &mut self,
        policy: &Policy,
        (cause, patient): (u16, PatientId),
        (at, clearing): (At, Clearing<'_>),
        turned: Option<&Rule>,
        opening: Option<Opening<'_>>,
        out: &mut Vec<AlertEvent>,
    ) {
        let Some(name) = self.causes.get(usize::from(cause)).cloned() else { return };
        let alert = self.patients.get(&patient).and_then(|person| person.alert(cause));
        let leading = self.leading(policy, &name, patient);
        match (alert, leading, opening) {
            (None, Some(rule), Some(opening)) => self.open(policy, rule, cause, opening, out),
            (Some(alert_id), None, _) => {
                self.close(alert_id, at, reason::cleared(turned, clearing), out);
            }
            (Some(alert_id), Some(rule), opening) => {
                let Some(open) = self.alerts.get_mut(&alert_id) else { return };
                if rule.severity > open.severity {
                    let Some(opening) = opening else { return };
                    self.raise(policy, rule, alert_id, opening, out);
                } else if rule.severity < open.severity {
                    let led = policy.rules.iter().find(|led| led.name == open.rule);
                    let wait_us = led.map_or(0, |led| i64::from(led.downgrade_s) * SECOND_US);
                    open.lower_at_us = open.lower_at_us.min(at.1.saturating_add(wait_us));
                    if open.lower_at_us <= at.1 {
                        self.lower(policy, alert_id, at, out);
                    } else {
                        self.look_again(alert_id);
                    }
                } else {
                    open.lower_at_us = i64::MAX;
                    open.lead(rule);
                }
            }
            (None, _, _) => {}
        }
    }

    /// The severity becomes that of the rules that hold.
    pub(super) fn lower(&mut self, policy: &Policy, alert_id: u64, (seq, at_us): At, out: &mut Vec<AlertEvent>) {
        let Some(open) = self.alerts.get_mut(&alert_id) else { return };
        open.lower_at_us = i64::MAX;
        let (Some(patient), cause) = (open.patient, open.cause.clone()) else { return };
        let Some(rule) = self.leading(policy, &cause, patient) else { return };
        let ordinal = self.number(seq);
        let Some(open) = self.alerts.get_mut(&alert_id) else { return };
        let reason = format!("{} no longer holds, {} does", open.rule, rule.name);
        // Another policy may call the rule that holds more severe than before.
        let kind = if rule.severity > open.severity { AlertKind::Raised } else { AlertKind::Lowered };
        open.severity = rule.severity;
        open.lead(rule);
        if kind == AlertKind::Raised {
            open.stand(kind, Said::default(), at_us);
            open.level = 0;
        }
        if open.standing.waits() {
            open.wait(policy, at_us, usize::from(open.level));
        }
        out.push(open.event(alert_id, kind, (seq, ordinal, at_us), reason));
        self.look_again(alert_id);
    }

    /// The end of an alert.
    pub(super) fn close(&mut self, alert_id: u64, (seq, at_us): At, reason: String, out: &mut Vec<AlertEvent>) {
        let ordinal = self.number(seq);
        let Some(open) = self.alerts.remove(&alert_id) else { return };
        if let Some(person) = open.patient.and_then(|patient| self.patients.get_mut(&patient)) {
            person.alerts.retain(|(_, id)| *id != alert_id);
        }
        if let Some(trouble) = open.trouble {
            let (patient, bed, subject) = (open.patient, open.bed.clone(), open.subject.clone());
            self.technical.remove(&About { trouble, patient, bed, subject });
        }
        out.push(open.event(alert_id, AlertKind::Cleared, (seq, ordinal, at_us), reason));
    }

    /// What the leading rule's score says now.
    pub(super) fn keep(&mut self, (cause, rule): (u16, &Rule), patient: PatientId, value: f64) {
        let Some(alert_id) = self.patients.get(&patient).and_then(|person| person.alert(cause)) else { return };
        if let Some(open) = self.alerts.get_mut(&alert_id).filter(|open| open.rule == rule.name) {
            (open.scorer, open.value) = (rule.scorer, value);
        }
    }

    /// The alerts of a patient who lies in another bed go along: whoever is there sees them and answers, by the chain of that unit.
    pub(super) fn take_along(
        &mut self,
        policy: &Policy,
        patient: PatientId,
        bed: Option<&BedKey>,
        (seq, at_us): At,
        out: &mut Vec<AlertEvent>,
    ) {
        let alerts = self.patients.get(&patient).map(|person| person.alerts.clone()).unwrap_or_default();
        for (_, alert_id) in alerts {
            // One whose rule does not watch the other unit ends with the rule's next evaluation.
            let goes = |open: &Open| {
                open.bed.as_ref() != bed && policy.rules.iter().any(|rule| rule.name == open.rule && rule.watches(bed))
            };
            if !self.alerts.get(&alert_id).is_some_and(goes) || self.is_full(seq) {
                continue;
            }
            let ordinal = self.number(seq);
            let Some(open) = self.alerts.get_mut(&alert_id) else { continue };
            let reason = reason::moved(open.bed.as_ref(), bed);
            let left = std::mem::replace(&mut open.bed, bed.cloned());
            let is_other_unit = left.as_ref().map(|left| &left.unit) != bed.map(|bed| &bed.unit);
            if is_other_unit && open.standing.waits() {
                open.wait(policy, at_us, usize::from(open.level));
            }
            out.push(open.event(alert_id, AlertKind::Moved, (seq, ordinal, at_us), reason));
            self.look_again(alert_id);
        }
    }

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
            } else if open.lower_at_us == i64::MAX && leading.is_some_and(|rule| rule.severity != open.severity) {
                self.lower(policy, alert_id, at, out);
            }
        }
        self.unsettled = false;
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
