//! Technical alerts open and clear by findings; a storm of a unit is told by one of them.

use compact_str::CompactString;

use super::lifecycle::At;
use super::policy::Policy;
use super::state::{AlertState, Open, Storming};
use super::technical::{About, Finding, TECHNICAL_MAX, Trouble};
use super::{AlertEvent, AlertKind};
use crate::decode::BedKey;

/// Openings are counted over this long, and a storm is over after as long without one held back.
const STORM_US: i64 = 60_000_000;

impl AlertState {
    /// Trouble began or ended. What began twice, or ended without a beginning, changes nothing.
    pub(super) fn find(&mut self, policy: &Policy, finding: &Finding, (seq, at_us): At, out: &mut Vec<AlertEvent>) {
        let known = self.technical.get(&finding.about.key()).copied();
        self.number_from(seq, finding.ordinal);
        match (finding.began, known) {
            (false, Some(alert_id)) => self.close(alert_id, (seq, at_us), finding.reason.clone(), out),
            (true, None) if self.technical.len() >= TECHNICAL_MAX || self.is_full(seq) => self.over_limit += 1,
            (true, None) => {
                let ordinal = self.number(seq);
                let alert_id = seq << 16 | u64::from(ordinal);
                let About { trouble, patient, bed, subject } = finding.about.clone();
                let name = CompactString::const_new(trouble.name());
                let trouble = Some(trouble);
                let mut open = Open { patient, bed, subject, cause: name.clone(), rule: name, trouble, ..Open::blank() };
                let held = trouble != Some(Trouble::AlertStorm) && self.hold_back(policy, &mut open, at_us);
                open.wait(policy, at_us, 0);
                let event = open.event(alert_id, AlertKind::Opened, (seq, ordinal, at_us), finding.reason.clone());
                out.push(AlertEvent { held, ..event });
                self.alerts.insert(alert_id, open);
                self.technical.insert(finding.about.key(), alert_id);
                self.look_again(alert_id);
            }
            (true, Some(_)) | (false, None) => {}
        }
    }

    /// Whether an alert that opens now is held back: quiet hours, or the unit's storm cap.
    pub(super) fn hold_back(&mut self, policy: &Policy, open: &mut Open, at_us: i64) -> bool {
        open.quiet = policy.quiet.as_ref().is_some_and(|quiet| quiet.holds(self.minute_at(at_us), open.severity, open.unit()));
        let cap = policy.storm.as_ref().filter(|storm| storm.severities.contains(&open.severity));
        let Some(cap) = cap.filter(|_| !open.quiet) else { return open.quiet };
        let unit = CompactString::from(open.unit().unwrap_or_default());
        let storm = self.storms.entry(unit).or_default();
        while storm.told_us.front().is_some_and(|told_us| at_us.saturating_sub(*told_us) >= STORM_US) {
            storm.told_us.pop_front();
        }
        if storm.told_us.len() < cap.per_minute as usize {
            storm.told_us.push_back(at_us);
            return false;
        }
        (storm.held, storm.held_us) = (storm.held.saturating_add(1), at_us);
        true
    }

    /// Tells of the storms, by ticks: one alert a unit, said again at most once a minute while more is held back.
    pub(super) fn tell_storms(&mut self, policy: &Policy, (seq, at_us): At, out: &mut Vec<AlertEvent>) {
        let units: Vec<CompactString> = self.storms.keys().cloned().collect();
        for unit in units {
            let Some(storm) = self.storms.get_mut(&unit) else { continue };
            let calm = at_us.saturating_sub(storm.held_us) >= STORM_US;
            if storm.held == 0 {
                if storm.told_us.back().is_none_or(|told_us| at_us.saturating_sub(*told_us) >= STORM_US) {
                    self.storms.remove(&unit);
                }
                continue;
            }
            let bed = Some(BedKey { unit: unit.clone(), bed: CompactString::default() }).filter(|bed| !bed.unit.is_empty());
            let about = About { trouble: Trouble::AlertStorm, patient: None, bed, subject: CompactString::default() };
            let known = self.technical.get(&about).copied();
            let more = storm.held > storm.said && at_us.saturating_sub(storm.said_us) >= STORM_US;
            let held = storm.held;
            match known {
                _ if calm && storm.said == storm.held => {
                    let reason = format!("{held} alerts were held back in all; none for a minute");
                    self.storms.insert(unit, Storming::default());
                    self.find(policy, &Finding { about, began: false, reason, ordinal: 0 }, (seq, at_us), out);
                }
                None => {
                    (storm.said, storm.said_us) = (held, at_us);
                    let reason = format!("{held} alerts held back: more than the cap of this unit opened within a minute");
                    self.find(policy, &Finding { about, began: true, reason, ordinal: 0 }, (seq, at_us), out);
                }
                Some(alert_id) if more || calm => {
                    (storm.said, storm.said_us) = (held, at_us);
                    if !self.alerts.get(&alert_id).is_some_and(|open| open.standing.waits()) {
                        continue; // somebody knows
                    }
                    let ordinal = self.number(seq);
                    let Some(open) = self.alerts.get(&alert_id) else { continue };
                    let reason = format!("{held} alerts held back so far");
                    out.push(open.event(alert_id, AlertKind::Reminded, (seq, ordinal, at_us), reason));
                }
                Some(_) => {}
            }
        }
    }
}
