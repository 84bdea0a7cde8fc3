//! One step of one rule for one patient: rise, open, clear; and the numbering of what comes of it.

use super::policy::Rule;
use super::reason::{self, Clearing};
use super::state::{AlertState, Open, RuleKey, RuleState};
use compact_str::CompactString;

use super::{AlertEvent, AlertKind, Explainer, RuleCounters, Said};
use crate::decode::{BedKey, PatientId};
use crate::score::{Score, Why};

impl Rule {
    /// Whether the rule applies to a patient there.
    pub(super) fn watches(&self, bed: Option<&BedKey>) -> bool {
        self.units.is_empty() || bed.is_some_and(|bed| self.units.contains(&bed.unit))
    }

    /// One evaluation of an open alert; true when it clears.
    pub(super) fn step_clear(&self, score: &Score, run: &mut u32) -> bool {
        if score.value > self.clear {
            *run = 0;
        } else if score.present >= self.clear_min_present {
            *run += 1;
        }
        *run >= self.clear_evaluations
    }
}

impl RuleKey {
    pub(super) fn of(rule: &Rule) -> Self {
        Self { name: rule.name.clone(), severity: rule.severity, scorer: rule.scorer }
    }
}

impl Open {
    pub(super) fn keep(&mut self, score: &Score, bed: Option<&BedKey>) {
        self.value = score.value;
        if self.bed.as_ref() != bed {
            self.bed = bed.cloned();
        }
    }
}

impl AlertState {
    /// The next number among the alert events of this frame.
    pub(super) fn number(&mut self, seq: u64) -> u32 {
        if self.seq != seq {
            (self.seq, self.ordinal) = (seq, 0);
        }
        self.ordinal += 1;
        self.ordinal - 1
    }

    /// An evaluation at or above `enter` of a rule that is not open.
    pub(super) fn rise(
        &mut self,
        index: usize,
        rule: &Rule,
        patients_max: usize,
        (score, bed): (&Score, Option<&BedKey>),
        explainer: &mut dyn Explainer,
        out: &mut Vec<AlertEvent>,
    ) {
        if self.patients.len() >= patients_max && !self.patients.contains_key(&score.patient) {
            self.over_limit += 1;
            return;
        }
        let blank = vec![RuleState::IDLE; self.rules.len()];
        let rules = self.patients.entry(score.patient).or_insert(blank);
        let (Some(known), Some(counters)) = (rules.get_mut(index), self.counters.get_mut(index)) else { return };
        known.run = known.run.saturating_add(1);
        if known.run < rule.enter_evaluations {
            return;
        }
        if score.at_us < known.locked_until_us {
            counters.suppressed_lockout += u64::from(known.run == rule.enter_evaluations);
            return;
        }
        if self.seq == score.seq && self.ordinal > u32::from(u16::MAX) {
            self.over_limit += 1;
            return;
        }
        counters.opened += 1;
        self.open += 1;
        let ordinal = self.number(score.seq);
        let alert_id = score.seq << 16 | u64::from(ordinal);
        let open = Open { alert_id, bed: bed.cloned(), value: score.value };
        if let Some(known) = self.patients.get_mut(&score.patient).and_then(|rules| rules.get_mut(index)) {
            *known = RuleState { run: 0, open: Some(Box::new(open)), ..RuleState::IDLE };
        }
        out.push(AlertEvent {
            seq: score.seq,
            ordinal,
            alert_id,
            patient: Some(score.patient),
            bed: bed.cloned(),
            subject: CompactString::default(),
            cause: rule.name.clone(),
            rule: rule.name.clone(),
            kind: AlertKind::Opened,
            severity: rule.severity,
            at_us: score.at_us,
            scorer: rule.scorer,
            value: score.value,
            reason: reason::opened(rule, score),
            why: explainer.explain(score),
            said: Said::default(),
            level: 0,
            held: false,
        });
    }

    /// Clears the patient's alert of this rule, if there is one, and starts the lock-out.
    pub(super) fn clear(
        &mut self,
        index: usize,
        rule: &Rule,
        patient: PatientId,
        (seq, at_us): (u64, i64),
        clearing: Clearing<'_>,
        out: &mut Vec<AlertEvent>,
    ) {
        let Some(known) = self.patients.get_mut(&patient).and_then(|rules| rules.get_mut(index)) else { return };
        let Some(open) = known.open.take() else { return };
        let locked_until_us = at_us.saturating_add(i64::from(rule.lockout_s) * 1_000_000);
        *known = RuleState { locked_until_us, ..RuleState::IDLE };
        self.open = self.open.saturating_sub(1);
        if let Some(counters) = self.counters.get_mut(index) {
            counters.cleared += 1;
        }
        let ordinal = self.number(seq);
        let reason = reason::cleared(Some(rule), clearing);
        out.push(cleared_event(&RuleKey::of(rule), *open, patient, (seq, ordinal, at_us), reason));
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
        for (patient, states) in &mut self.patients {
            let mut moved = vec![RuleState::IDLE; keys.len()];
            for ((state, to), key) in states.drain(..).zip(&moves).zip(&self.rules) {
                match to.and_then(|to| moved.get_mut(to)) {
                    Some(place) => *place = state,
                    None => self.orphans.extend(state.open.map(|open| (*patient, key.clone(), *open))),
                }
            }
            *states = moved;
        }
        (self.rules, self.counters) = (keys, counters);
    }
}

pub(super) fn cleared_event(
    rule: &RuleKey,
    open: Open,
    patient: PatientId,
    (seq, ordinal, at_us): (u64, u32, i64),
    reason: String,
) -> AlertEvent {
    let RuleKey { name, severity, scorer } = rule;
    AlertEvent {
        seq,
        ordinal,
        alert_id: open.alert_id,
        patient: Some(patient),
        bed: open.bed,
        subject: CompactString::default(),
        cause: name.clone(),
        rule: name.clone(),
        kind: AlertKind::Cleared,
        severity: *severity,
        at_us,
        scorer: *scorer,
        value: open.value,
        reason,
        why: Why::default(),
        said: Said::default(),
        level: 0,
        held: false,
    }
}
