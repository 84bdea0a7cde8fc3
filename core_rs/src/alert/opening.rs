//! An alert opens, or is raised: who leads it, where, and why.

use compact_str::CompactString;

use super::held;
use super::lifecycle::At;
use super::policy::Policy;
use super::reason;
use super::rule::Rule;
use super::state::{AlertState, Open};
use super::{AlertEvent, AlertKind, Explainer, Said};
use crate::decode::{BedKey, PatientId};
use crate::score::{Score, Why};

/// What may open or raise an alert: a look or a tick at a patient in a bed, or a score, which an explainer explains.
pub(super) struct Opening<'a> {
    pub(super) patient: PatientId,
    pub(super) at: At,
    pub(super) bed: Option<&'a BedKey>,
    pub(super) score: Option<(&'a Score, &'a mut dyn Explainer)>,
}

impl Opening<'_> {
    /// The value the alert shows: a condition has none.
    fn value(&self, rule: &Rule) -> f64 {
        let score = self.score.as_ref().filter(|(score, _)| score.scorer == rule.scorer);
        score.map_or(f64::NAN, |(score, _)| score.value)
    }
}

impl AlertState {
    /// The first rule of a cause holds.
    pub(super) fn open(&mut self, policy: &Policy, rule: &Rule, cause: u16, opening: Opening<'_>, out: &mut Vec<AlertEvent>) {
        let (patient, (seq, at_us)) = (opening.patient, opening.at);
        let ordinal = self.number(seq);
        let alert_id = seq << 16 | u64::from(ordinal);
        let mut open = Open {
            patient: Some(patient),
            bed: opening.bed.cloned(),
            subject: CompactString::default(),
            cause: rule.cause.clone(),
            rule: rule.name.clone(),
            severity: rule.severity,
            scorer: rule.scorer,
            value: opening.value(rule),
            ..Open::blank()
        };
        let held = self.hold_back(policy, &mut open, at_us);
        open.wait(policy, at_us, 0);
        let (reason, why) = self.explain(policy, rule, opening);
        let mut event = open.event(alert_id, AlertKind::Opened, (seq, ordinal, at_us), reason);
        (event.why, event.held) = (why, held);
        out.push(event);
        self.alerts.insert(alert_id, open);
        if let Some(person) = self.patients.get_mut(&patient) {
            person.alerts.push((cause, alert_id));
        }
        self.look_again(alert_id);
    }

    /// A more severe rule: it waits for an answer anew, whatever was answered to the less severe one.
    pub(super) fn raise(
        &mut self,
        policy: &Policy,
        rule: &Rule,
        alert_id: u64,
        opening: Opening<'_>,
        out: &mut Vec<AlertEvent>,
    ) {
        let (seq, at_us) = opening.at;
        let ordinal = self.number(seq);
        let minute = self.minute_at(at_us);
        let Some(open) = self.alerts.get_mut(&alert_id) else { return };
        (open.rule, open.severity, open.scorer) = (rule.name.clone(), rule.severity, rule.scorer);
        (open.value, open.bed, open.lower_at_us) = (opening.value(rule), opening.bed.cloned(), i64::MAX);
        open.stand(AlertKind::Raised, Said::default(), at_us);
        open.quiet = policy.quiet.as_ref().is_some_and(|quiet| quiet.holds(minute, open.severity, open.unit()));
        open.wait(policy, at_us, 0);
        let (reason, why) = self.explain(policy, rule, opening);
        let Some(open) = self.alerts.get(&alert_id) else { return };
        let mut event = open.event(alert_id, AlertKind::Raised, (seq, ordinal, at_us), reason);
        (event.why, event.held) = (why, open.quiet);
        out.push(event);
        self.look_again(alert_id);
    }

    /// Why a rule holds: what made its score, or each leaf of its condition that holds.
    fn explain(&self, policy: &Policy, rule: &Rule, opening: Opening<'_>) -> (String, Why) {
        match (&rule.when, opening.score) {
            (None, Some((score, explainer))) => (reason::opened(rule, score), explainer.explain(score)),
            (Some(when), _) => {
                let place = policy.rules.iter().position(|known| known.name == rule.name).unwrap_or_default();
                let state = self.patients.get(&opening.patient).and_then(|person| person.rules.get(place));
                let watched = state.and_then(|state| state.watched.as_ref());
                let reasons = watched.map_or_else(Vec::new, |watched| held::holding(when, &watched.leaves, opening.at.1));
                (reason::holds(rule, &reasons), Why { reasons, ..Why::default() })
            }
            (None, None) => (reason::holds(rule, &[]), Why::default()),
        }
    }
}
