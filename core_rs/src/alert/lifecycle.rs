//! One evaluation of one rule for one patient, and what it means for the alert of the rule's cause: it opens, is raised, lowered,
//! cleared.

use smallvec::SmallVec;

use super::opening::Opening;
use super::policy::Policy;
use super::reason::{self, Clearing};
use super::rule::Rule;
use super::state::{AlertState, Person, RuleKey, RuleState};
use super::technical::About;
use super::{AlertEvent, AlertKind, Said};
use crate::decode::{BedKey, PatientId};
use crate::score::Score;

pub(super) const SECOND_US: i64 = 1_000_000;

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
    pub(super) fn leading<'p>(&self, policy: &'p Policy, cause: &str, patient: PatientId) -> Option<&'p Rule> {
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
                    // Where the patient lies now the rule that led has no say: nothing is waited for.
                    let there = |led: &&Rule| opening.as_ref().is_none_or(|opening| led.watches(opening.bed));
                    let wait_us = led.filter(there).map_or(0, |led| i64::from(led.downgrade_s) * SECOND_US);
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

    /// The rule that leads among those that hold leads from here on, and its severity is the alert's.
    pub(super) fn lower(&mut self, policy: &Policy, alert_id: u64, (seq, at_us): At, out: &mut Vec<AlertEvent>) {
        let minute = self.minute_at(at_us);
        let Some(open) = self.alerts.get_mut(&alert_id) else { return };
        open.lower_at_us = i64::MAX;
        let (Some(patient), cause) = (open.patient, open.cause.clone()) else { return };
        let Some(rule) = self.leading(policy, &cause, patient) else { return };
        let ordinal = self.number(seq);
        let Some(open) = self.alerts.get_mut(&alert_id) else { return };
        let is_gone = !policy.rules.iter().any(|led| led.name == open.rule);
        let reason = reason::leads(&open.rule, is_gone, &rule.name);
        // Another policy may call the rule that holds more severe than before.
        let kind = if rule.severity > open.severity { AlertKind::Raised } else { AlertKind::Lowered };
        open.severity = rule.severity;
        open.lead(rule);
        if kind == AlertKind::Raised {
            open.stand(kind, Said::default(), at_us);
            open.level = 0;
            open.quiet = policy.quiet.as_ref().is_some_and(|quiet| quiet.holds(minute, open.severity, open.unit()));
        }
        if open.standing.waits() {
            open.wait(policy, at_us, usize::from(open.level));
        }
        let event = open.event(alert_id, kind, (seq, ordinal, at_us), reason);
        out.push(AlertEvent { held: open.quiet, ..event });
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
            self.technical.remove(&About { trouble, patient, bed, subject }.key());
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
}
