//! The patient lies in another bed, or in none: what goes along, what ends, what is less severe there.
//!
//! Asked behind the scores and looks of every frame that says where patients lie, also of who lost a bed to somebody else. A rule that
//! does not watch the place has had its say; the alerts of all others go along, and with them what is stale of the patient's scores.

use smallvec::SmallVec;

use super::conditions::Turned;
use super::engine::AlertEngine;
use super::lifecycle::{At, Turn};
use super::policy::Policy;
use super::reason;
use super::state::AlertState;
use super::technical::{About, Trouble};
use super::{AlertEvent, AlertKind};
use crate::decode::{BedKey, PatientId};

impl AlertEngine {
    /// A frame says where a patient lies; it has been scored and looked at. The same place again changes nothing.
    pub fn on_moved(&mut self, patient: PatientId, bed: Option<&BedKey>, at: At, out: &mut Vec<AlertEvent>) {
        let person = self.state.patients.get(&patient);
        let rules = self.policy.rules.iter().zip(person.map(|person| person.rules.as_slice()).unwrap_or_default());
        let left: SmallVec<[usize; 4]> =
            rules.enumerate().filter(|(_, (rule, state))| state.holds && !rule.watches(bed)).map(|(index, _)| index).collect();
        let mut turned = Turned::new();
        for index in left {
            let Some(rule) = self.policy.rules.get(index) else { continue };
            turned.push((index, self.state.end(index, rule, patient, at.1, Turn::Moved), String::new()));
        }
        self.follow(&turned, patient, bed, at, out);
        let first = out.len();
        self.state.take_along(&self.policy, patient, bed, at, out);
        for alert_id in self.state.stale(patient) {
            if self.state.alerts.get(&alert_id).is_some_and(|open| open.bed.as_ref() != bed) {
                self.state.go_along(&self.policy, alert_id, bed, at, out);
            }
        }
        out.iter().skip(first).for_each(|event| self.book.follow(event));
    }
}

impl AlertState {
    /// The alerts of a patient who lies in another bed go along: whoever is there sees them and answers, by the chain of that unit.
    pub(super) fn take_along(
        &mut self,
        policy: &Policy,
        patient: PatientId,
        bed: Option<&BedKey>,
        at: At,
        out: &mut Vec<AlertEvent>,
    ) {
        let alerts = self.patients.get(&patient).map(|person| person.alerts.clone()).unwrap_or_default();
        for (_, alert_id) in alerts {
            let Some(open) = self.alerts.get(&alert_id).filter(|open| open.bed.as_ref() != bed) else { continue };
            let rules = self.patients.get(&patient).map(|person| person.rules.as_slice()).unwrap_or_default();
            // One none of whose rules watches the place ends with its rules.
            let goes = |(rule, state): (&super::Rule, &super::state::RuleState)| {
                state.holds && rule.cause == open.cause && rule.watches(bed)
            };
            if !policy.rules.iter().zip(rules).any(goes) {
                continue;
            }
            // What has ceased there is not waited for here.
            let is_led_elsewhere = !policy.rules.iter().any(|rule| rule.name == open.rule && rule.watches(bed));
            if open.lower_at_us != i64::MAX && is_led_elsewhere && !self.is_full(at.0) {
                self.lower(policy, alert_id, at, out);
            }
            self.go_along(policy, alert_id, bed, at, out);
        }
    }

    /// One alert is of this bed from here on.
    fn go_along(&mut self, policy: &Policy, alert_id: u64, bed: Option<&BedKey>, (seq, at_us): At, out: &mut Vec<AlertEvent>) {
        if self.is_full(seq) || !self.alerts.contains_key(&alert_id) {
            return;
        }
        let ordinal = self.number(seq);
        let Some(open) = self.alerts.get_mut(&alert_id) else { return };
        let reason = reason::moved(open.bed.as_ref(), bed);
        let left = std::mem::replace(&mut open.bed, bed.cloned());
        let is_other_unit = left.as_ref().map(|left| &left.unit) != bed.map(|bed| &bed.unit);
        if is_other_unit && open.standing.waits() {
            open.wait(policy, at_us, usize::from(open.level));
        }
        out.push(open.event(alert_id, AlertKind::Moved, (seq, ordinal, at_us), reason));
        self.look_again(alert_id);
    }

    /// The alerts about scores of a patient that have gone stale.
    fn stale(&self, patient: PatientId) -> SmallVec<[u64; 2]> {
        let trouble = Trouble::ScoreStale;
        let first = About { trouble, patient: Some(patient), bed: None, subject: Default::default() };
        let from_there = self.technical.range(first..);
        let own = from_there.take_while(|(about, _)| about.trouble == trouble && about.patient == Some(patient));
        own.map(|(_, alert_id)| *alert_id).collect()
    }
}
