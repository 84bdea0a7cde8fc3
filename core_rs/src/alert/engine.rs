//! The state machine: one evaluation, action or tick at a time, events appended to a list the caller owns.

use compact_str::CompactString;

use super::action::{Action, Deed, Outcome};
use super::book::Book;
use super::lifecycle::{Turn, Turns};
use super::opening::Opening;
use super::policy::Policy;
use super::reason::{self, Clearing};
use super::sight::Lookout;
use super::state::{AlertState, RuleKey};
use super::succession::causes_of;
use super::technical::{About, Finding, Trouble};
use super::{AlertEvent, Departure, RuleCounters};
use crate::decode::{BedKey, PatientId};
use crate::score::{Score, Why};

/// Patients looked at per tick for state that no longer matters.
const SWEEP_PATIENTS: usize = 256;
/// Where the numbers of a tick's own events begin: behind those of what it finds silent (`pipeline::watch`).
const TICK_ORDINAL: u32 = 0x8000;

/// Fills in why a score is what it is: asked only for scores that open or raise an alert, since TreeSHAP is dear.
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
    pub(super) policy: Policy,
    /// Rules of each scorer, by the scorer's index.
    by_scorer: Vec<Vec<usize>>,
    /// The cause of each rule, by its number in `AlertState::causes`.
    pub(super) causes: Vec<u16>,
    /// Which rules' conditions a signal or score concerns.
    pub(super) lookout: Lookout,
    pub(super) patients_max: usize,
    pub(super) state: AlertState,
    pub(super) book: Book,
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
            state.rearrange(keys.clone());
            state.wait_anew(&policy.rules, None);
        }
        state.causes = causes_of(&keys);
        let mut by_scorer = Vec::new();
        for (index, rule) in policy.rules.iter().enumerate().filter(|(_, rule)| rule.when.is_none()) {
            let scorer = usize::from(rule.scorer);
            by_scorer.resize(by_scorer.len().max(scorer + 1), Vec::new());
            if let Some(rules) = by_scorer.get_mut(scorer) {
                rules.push(index);
            }
        }
        let place = |cause: &CompactString| state.causes.iter().position(|one| one == cause).unwrap_or_default();
        let causes = keys.iter().map(|key| u16::try_from(place(&key.cause)).unwrap_or(u16::MAX)).collect();
        let lookout = Lookout::of(&policy);
        Self { policy, by_scorer, causes, lookout, patients_max, state, book: Book::default() }
    }

    /// Another policy from here on. Rules are matched by name; what is gone or has another severity is settled by the next tick. An
    /// alert that waits for an answer under another chain than before waits anew, at the step it had reached.
    pub fn change(&mut self, policy: Policy, at_us: i64) {
        let (mut state, book) = (std::mem::take(&mut self.state), std::mem::take(&mut self.book));
        state.follow_chains(&self.policy, &policy, at_us);
        *self = Self { book, ..Self::restore(policy, self.patients_max, state) };
        self.state.unsettled = !self.state.alerts.is_empty();
    }

    /// Doors look at these alerts from now on.
    pub fn shown_in(mut self, book: Book) -> Self {
        let unit = |bed: Option<&BedKey>| bed.map_or_else(CompactString::default, |bed| bed.unit.clone());
        book.restart(self.state.alerts.iter().map(|(id, open)| (*id, unit(open.bed.as_ref()))));
        self.book = book;
        self
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

    /// Alerts that are not cleared.
    pub fn open_alerts(&self) -> u64 {
        self.state.alerts.len() as u64
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
        let Self { policy, by_scorer, causes, patients_max, state, book, .. } = self;
        let (policy, by_scorer, causes): (&Policy, &[Vec<usize>], &[u16]) = (policy, by_scorer, causes);
        let first = out.len();
        let mut turns = Turns::new();
        let place = state.patients.get_index_of(&score.patient);
        for &index in by_scorer.get(usize::from(score.scorer)).into_iter().flatten() {
            let Some(rule) = policy.rules.get(index) else { continue };
            let turn = state.evaluate((index, rule), place, (score, bed), *patients_max);
            turns.extend(turn.map(|turn| (index, turn)));
        }
        let person = place.and_then(|place| state.patients.get_index(place));
        let has_alerts = person.is_some_and(|(_, person)| !person.alerts.is_empty());
        if has_alerts {
            state.keep_all((policy, by_scorer, causes), score, bed);
        }
        for (place, (index, turn)) in turns.iter().enumerate() {
            let (Some(cause), Some(rule)) = (causes.get(*index), policy.rules.get(*index)) else { continue };
            let again = |(later, _): &(usize, Turn)| causes.get(*later) == Some(cause);
            if turns.get(place + 1..).unwrap_or_default().iter().any(again) {
                continue; // a cause is settled once, when all its rules were evaluated
            }
            let clearing = if *turn == Turn::Moved { Clearing::Moved } else { Clearing::Fell(score) };
            let when = ((score.seq, score.at_us), clearing);
            let explainer: &mut dyn Explainer = &mut *explainer;
            let opening = Opening { patient: score.patient, at: when.0, bed, score: Some((score, explainer)) };
            state.settle(policy, (*cause, score.patient), when, Some(rule), Some(opening), out);
        }
        if has_alerts {
            state.take_along(policy, score.patient, bed, (score.seq, score.at_us), out);
        }
        out.iter().skip(first).for_each(|event| book.follow(event));
    }

    /// The patient is gone: what is open clears, and nothing is remembered. `at`: number and time of the frame.
    pub fn on_left(&mut self, patient: PatientId, why: Departure, at: (u64, i64), out: &mut Vec<AlertEvent>) {
        let Self { policy, state, book, .. } = self;
        let first = out.len();
        let of_patient = state.alerts.iter().filter(|(_, open)| open.patient == Some(patient));
        let alerts: Vec<u64> = of_patient.map(|(id, _)| *id).collect();
        for alert_id in alerts {
            state.close(alert_id, at, reason::cleared(None, Clearing::Gone(why)), out);
        }
        state.wait_no_more(patient);
        let rules = state.patients.swap_remove(&patient).map(|person| person.rules).unwrap_or_default();
        for (known, counters) in rules.iter().zip(&mut state.counters).take(policy.rules.len()) {
            counters.cleared += u64::from(known.holds);
        }
        out.iter().skip(first).for_each(|event| book.follow(event));
    }

    /// What a scorer said of a patient rested on values that were withdrawn, and it says nothing now: what is open clears.
    pub fn on_withdrawn(&mut self, patient: PatientId, scorer: u16, at: (u64, i64), out: &mut Vec<AlertEvent>) {
        let Self { policy, by_scorer, causes, state, book, .. } = self;
        let first = out.len();
        for &index in by_scorer.get(usize::from(scorer)).into_iter().flatten() {
            let (Some(rule), Some(cause)) = (policy.rules.get(index), causes.get(index)) else { continue };
            let Some(known) = state.patients.get_mut(&patient).and_then(|person| person.rules.get_mut(index)) else { continue };
            known.run = 0;
            if known.holds {
                state.end(index, rule, patient, at.1, Turn::Fell);
                state.settle(policy, (*cause, patient), (at, Clearing::Withdrawn), Some(rule), None, out);
            }
        }
        out.iter().skip(first).for_each(|event| book.follow(event));
    }

    /// Somebody did something, or a channel's state was found out.
    pub fn on_action(&mut self, action: &Action, at: (u64, i64), out: &mut Vec<AlertEvent>) -> Outcome {
        let first = out.len();
        let outcome = match action.deed {
            Deed::ChannelDead | Deed::ChannelAlive => {
                let subject = action.subject.clone();
                let about = About { trouble: Trouble::ChannelDead, patient: None, bed: None, subject };
                let began = action.deed == Deed::ChannelDead;
                let finding = Finding { about, began, reason: reason::channel(began, &action.reason), ordinal: 0 };
                self.state.find(&self.policy, &finding, at, out);
                if out.len() > first { Outcome::Done } else { Outcome::Repeated }
            }
            _ => self.state.answer(&self.policy, action, at, out),
        };
        out.iter().skip(first).for_each(|event| self.book.follow(event));
        outcome
    }

    /// Something fell silent, went stale, or is back.
    pub fn on_finding(&mut self, finding: &Finding, at: (u64, i64), out: &mut Vec<AlertEvent>) {
        let first = out.len();
        self.state.find(&self.policy, finding, at, out);
        out.iter().skip(first).for_each(|event| self.book.follow(event));
    }

    /// The clock was set back: no lock-out, snooze or step of a chain comes later than if its wait began now.
    pub fn set_back(&mut self, now_us: i64) {
        for person in self.state.patients.values_mut() {
            for (state, rule) in person.rules.iter_mut().zip(&self.policy.rules) {
                let longest_us = now_us.saturating_add(i64::from(rule.lockout_s) * 1_000_000);
                state.locked_until_us = state.locked_until_us.min(longest_us);
            }
        }
        self.state.wait_anew(&self.policy.rules, Some((now_us, &|leaf| leaf.set_back(now_us))));
        self.state.set_waits_back(&self.policy, now_us);
    }

    /// Time passed: opens what conditions have come due, clears alerts of rules that are gone, takes what chains, snoozes and downgrades are due, and forgets up to 256
    /// patients whose lock-outs are over. A patient still above the threshold when a lock-out ends is alerted by the next
    /// evaluation, not by the tick: a tick brings no score that could be shown. `minute`: of the site's day.
    pub fn on_tick(&mut self, (seq, at_us): (u64, i64), minute: u16, out: &mut Vec<AlertEvent>) {
        let is_next_minute = self.state.minute.replace(minute) != Some(minute);
        self.state.come_back(&self.policy.rules, at_us);
        self.ripen((seq, at_us), out);
        let Self { policy, state, book, .. } = self;
        let first = out.len();
        state.number_from(seq, TICK_ORDINAL);
        if state.unsettled {
            state.settle_all(policy, (seq, at_us), out);
        }
        state.tell_storms(policy, (seq, at_us), out);
        if is_next_minute || at_us >= state.next_due_us {
            state.pass_time(policy, (seq, at_us), out);
        }
        for _ in 0..SWEEP_PATIENTS.min(state.patients.len()) {
            if state.sweep >= state.patients.len() {
                state.sweep = 0;
            }
            match state.patients.get_index(state.sweep) {
                Some((_, person)) if person.alerts.is_empty() && !person.rules.iter().any(|rule| rule.matters(at_us)) => {
                    state.patients.swap_remove_index(state.sweep);
                }
                _ => state.sweep += 1,
            }
        }
        out.iter().skip(first).for_each(|event| book.follow(event));
    }
}

impl AlertState {
    /// What the rules that hold say now, for the alerts they lead.
    fn keep_all(&mut self, (policy, by_scorer, causes): (&Policy, &[Vec<usize>], &[u16]), score: &Score, bed: Option<&BedKey>) {
        if score.value.is_nan() {
            return;
        }
        for &index in by_scorer.get(usize::from(score.scorer)).into_iter().flatten() {
            let (Some(rule), Some(cause)) = (policy.rules.get(index), causes.get(index)) else { continue };
            if score.present >= rule.min_present && rule.watches(bed) {
                self.keep((*cause, rule), score.patient, score.value);
            }
        }
    }
}
