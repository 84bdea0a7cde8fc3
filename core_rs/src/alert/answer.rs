//! Who answers an alert, and what time does to one that nobody answers.
//!
//! ```text
//!            +------------------------- raised -------------------------+
//!            v                                                          |
//!  opened -> open --after_s--> escalated --repeat_s--> (reminded) --expire_s--> expired
//!            |  ^                 |                                             |
//!            |  |                 +------------- acknowledged <-----------------+
//!            |  +-- unsnoozed -- snoozed <-- (from any)
//!            +----- from any: cleared, when no rule of the cause holds -----------> end
//! ```
//! Steps of the chain count from when it began to wait; a step is taken by the first tick at or after its time, several at once
//! where no tick came for long (a server that was down), each once; of reminders missed only one is told, and of the time away
//! nothing expires. What is snoozed or acknowledged takes no step. In quiet hours none is taken either of what they hold back.

use super::action::{Action, Deed, Outcome, SNOOZE_US_MAX};
use super::chain::Chain;
use super::lifecycle::At;
use super::policy::Policy;
use super::reason;
use super::rule::Rule;
use super::state::{AlertState, Open};
use super::{AlertEvent, AlertKind, NO_SCORER, Said, Severity, Standing};

/// Calling the same role again within so long is the same call, sent twice; microseconds.
const SAME_CALL_US: i64 = 10_000_000;

impl Open {
    /// Nothing yet.
    pub(super) fn blank() -> Self {
        Self {
            patient: None,
            bed: None,
            subject: Default::default(),
            cause: Default::default(),
            rule: Default::default(),
            severity: Severity::Technical,
            scorer: NO_SCORER,
            value: f64::NAN,
            trouble: None,
            standing: Standing::Open,
            said: Said::default(),
            stood_us: i64::MIN,
            level: 0,
            waits_since_us: i64::MIN,
            next_us: i64::MAX,
            expires_us: i64::MAX,
            lower_at_us: i64::MAX,
            snooze_us: 0,
            quiet: false,
        }
    }

    /// It waits for an answer from now on, `level` steps of its chain being taken.
    pub(super) fn wait(&mut self, policy: &Policy, at_us: i64, level: usize) {
        let chain = Chain::of(&policy.escalation, self.severity, self.unit());
        let level = level.min(chain.map_or(0, |chain| chain.steps.len()));
        // In quiet hours nobody is called, and it stays at its place in the chain.
        let chain = chain.filter(|_| !self.quiet);
        let after = |span_us: Option<i64>| span_us.map_or(i64::MAX, |span_us| at_us.saturating_add(span_us));
        self.next_us = after(chain.and_then(|chain| chain.gap_us(level)));
        self.expires_us = after(chain.and_then(Chain::expire_us));
        (self.level, self.waits_since_us) = (u8::try_from(level).unwrap_or(u8::MAX), at_us);
    }

    /// This rule leads from now on; what another's score said is not its value.
    pub(super) fn lead(&mut self, rule: &Rule) {
        if self.scorer != rule.scorer {
            (self.scorer, self.value) = (rule.scorer, f64::NAN);
        }
        self.rule = rule.name.clone();
    }

    /// A step that gives it a standing.
    pub(super) fn stand(&mut self, kind: AlertKind, said: Said, at_us: i64) {
        (self.standing, self.said, self.stood_us) = (self.standing.after(kind), said, at_us);
    }
}

impl AlertState {
    /// What a person does to an alert.
    pub(super) fn answer(&mut self, policy: &Policy, action: &Action, (seq, at_us): At, out: &mut Vec<AlertEvent>) -> Outcome {
        let Some(alert_id) = action.alert_id().filter(|id| self.alerts.contains_key(id)) else { return Outcome::Late };
        let Some(open) = self.alerts.get_mut(&alert_id) else { return Outcome::Late };
        let (kind, note) = match action.deed {
            Deed::Acknowledge => (AlertKind::Acknowledged, &action.note),
            Deed::Snooze => (AlertKind::Snoozed, &action.reason),
            Deed::Unsnooze => (AlertKind::Unsnoozed, &action.note),
            Deed::Escalate => (AlertKind::Escalated, &action.note),
            Deed::ChannelDead | Deed::ChannelAlive => return Outcome::Late,
        };
        let said = Said {
            by: action.by.clone(),
            role: action.role.clone(),
            to: action.to.clone(),
            note: note.clone(),
            until_us: action.until_us.filter(|_| kind == AlertKind::Snoozed),
        };
        let span_us = said.until_us.map(|until_us| until_us.saturating_sub(at_us));
        if span_us.is_some_and(|span_us| !(1..=SNOOZE_US_MAX).contains(&span_us)) {
            return Outcome::Late;
        }
        let idle = kind == AlertKind::Unsnoozed && open.standing != Standing::Snoozed;
        let is_same = open.standing == open.standing.after(kind) && open.said == said;
        let is_new_call = kind == AlertKind::Escalated && at_us.saturating_sub(open.stood_us) >= SAME_CALL_US;
        if idle || is_same && !is_new_call {
            return Outcome::Repeated;
        }
        open.stand(kind, said.clone(), at_us);
        open.snooze_us = span_us.unwrap_or(0);
        // Who answers need not be told again when quiet hours end.
        open.quiet &= kind == AlertKind::Unsnoozed;
        match kind {
            AlertKind::Unsnoozed => open.wait(policy, at_us, 0),
            AlertKind::Escalated => {
                let chain = Chain::of(&policy.escalation, open.severity, open.unit());
                let told = chain.and_then(|chain| chain.level_of(&said.to));
                open.wait(policy, at_us, told.unwrap_or(usize::from(open.level)));
            }
            _ => {}
        }
        let ordinal = self.number(seq);
        let Some(open) = self.alerts.get_mut(&alert_id) else { return Outcome::Late };
        let mut event = open.event(alert_id, kind, (seq, ordinal, at_us), reason::answered(kind, &said, span_us));
        event.said = said;
        out.push(event);
        self.look_again(alert_id);
        Outcome::Done
    }

    /// Time passed: whatever waits for it.
    pub(super) fn pass_time(&mut self, policy: &Policy, (seq, at_us): At, out: &mut Vec<AlertEvent>) {
        let quiet = |open: &Open, minute| {
            open.quiet && policy.quiet.as_ref().is_some_and(|quiet| quiet.holds(minute, open.severity, open.unit()))
        };
        let minute = self.minute;
        let due = |open: &Open| open.due_us() <= at_us || open.quiet && !quiet(open, minute);
        let ids: Vec<u64> = self.alerts.iter().filter(|(_, open)| due(open)).map(|(id, _)| *id).collect();
        for alert_id in ids {
            if self.is_full(seq) {
                break; // the next tick goes on
            }
            if self.alerts.get(&alert_id).is_some_and(|open| open.lower_at_us <= at_us) {
                self.lower(policy, alert_id, (seq, at_us), out);
            }
            self.wake(policy, alert_id, (seq, at_us), out);
            while !self.is_full(seq) && self.step(policy, alert_id, (seq, at_us), out) {}
        }
        self.next_due_us = self.alerts.values().map(Open::due_us).min().unwrap_or(i64::MAX);
    }

    /// Ends a snooze or quiet hours whose time is over.
    fn wake(&mut self, policy: &Policy, alert_id: u64, (seq, at_us): At, out: &mut Vec<AlertEvent>) {
        let (minute, is_full) = (self.minute, self.is_full(seq));
        let Some(open) = self.alerts.get_mut(&alert_id).filter(|_| !is_full) else { return };
        let quiet = policy.quiet.as_ref().is_some_and(|quiet| quiet.holds(minute, open.severity, open.unit()));
        let was_quiet = open.quiet;
        let over = open.standing == Standing::Snoozed && open.said.until_us.is_none_or(|until_us| until_us <= at_us);
        open.quiet = quiet && (was_quiet || over);
        let (kind, reason, level) = if over {
            open.stand(AlertKind::Unsnoozed, Said::default(), at_us);
            (AlertKind::Unsnoozed, "the snooze is over", 0)
        } else if was_quiet && !open.quiet && open.standing.waits() {
            (AlertKind::Reminded, "quiet hours are over, and it still holds", usize::from(open.level))
        } else {
            return;
        };
        open.wait(policy, at_us, level);
        let chain = Chain::of(&policy.escalation, open.severity, open.unit());
        // Whoever was called last is reminded; before anybody was, whoever is told of openings.
        let to = chain.map_or_else(Default::default, |chain| chain.told(usize::from(open.level)));
        let ordinal = self.number(seq);
        if let Some(open) = self.alerts.get(&alert_id) {
            let mut event = open.event(alert_id, kind, (seq, ordinal, at_us), reason.to_owned());
            (event.held, event.said.to) = (open.quiet, to);
            out.push(event);
        }
    }

    /// The next step of an alert's chain, if its time has come; false where nothing more is due.
    fn step(&mut self, policy: &Policy, alert_id: u64, (seq, at_us): At, out: &mut Vec<AlertEvent>) -> bool {
        let minute = self.minute;
        let Some(open) = self.alerts.get_mut(&alert_id).filter(|open| open.standing.waits()) else { return false };
        let due_us = open.next_us.min(open.expires_us);
        if due_us > at_us {
            return false;
        }
        if policy.quiet.as_ref().is_some_and(|quiet| quiet.holds(minute, open.severity, open.unit())) {
            // A reminder tells of it when they end.
            (open.quiet, open.next_us, open.expires_us) = (true, i64::MAX, i64::MAX);
            return false;
        }
        let waited_us = at_us.saturating_sub(open.waits_since_us);
        let (kind, reason, said) = if open.expires_us <= open.next_us {
            (open.next_us, open.expires_us) = (i64::MAX, i64::MAX);
            (AlertKind::Expired, reason::expired(waited_us), Said::default())
        } else {
            // The policy may have another chain by now, or none.
            let Some(chain) = Chain::of(&policy.escalation, open.severity, open.unit()) else {
                (open.next_us, open.expires_us) = (i64::MAX, i64::MAX);
                return false;
            };
            let level = usize::from(open.level);
            let steps_left = level < chain.steps.len();
            open.level += u8::from(steps_left);
            let to = chain.told(usize::from(open.level));
            // Steps have their times; of reminders that were missed one is enough.
            let from_us = if steps_left { due_us } else { at_us };
            let gap_us = chain.gap_us(usize::from(open.level));
            open.next_us = gap_us.map_or(i64::MAX, |gap_us| from_us.saturating_add(gap_us));
            let kind = if steps_left { AlertKind::Escalated } else { AlertKind::Reminded };
            (kind, reason::unanswered(kind, &to, waited_us), Said { to, ..Said::default() })
        };
        if kind != AlertKind::Reminded {
            open.stand(kind, said.clone(), at_us);
        }
        let ordinal = self.number(seq);
        if let Some(open) = self.alerts.get(&alert_id) {
            let mut event = open.event(alert_id, kind, (seq, ordinal, at_us), reason);
            event.said = said;
            out.push(event);
        }
        true
    }

    /// The clock was set back: nothing is waited for longer than if the wait began now.
    pub(super) fn set_waits_back(&mut self, policy: &Policy, now_us: i64) {
        for open in self.alerts.values_mut() {
            let chain = Chain::of(&policy.escalation, open.severity, open.unit());
            let longest = |span_us: Option<i64>| span_us.map_or(i64::MAX, |span_us| now_us.saturating_add(span_us));
            let gap_us = chain.and_then(|chain| chain.gap_us(usize::from(open.level)));
            open.next_us = open.next_us.min(longest(gap_us));
            open.expires_us = open.expires_us.min(longest(chain.and_then(Chain::expire_us)));
            (open.waits_since_us, open.stood_us) = (open.waits_since_us.min(now_us), open.stood_us.min(now_us));
            open.said.until_us = open.said.until_us.map(|until_us| until_us.min(now_us.saturating_add(open.snooze_us)));
            let led = policy.rules.iter().find(|rule| rule.name == open.rule);
            let wait_us = led.map_or(0, |rule| i64::from(rule.downgrade_s) * 1_000_000);
            if open.lower_at_us != i64::MAX {
                open.lower_at_us = open.lower_at_us.min(now_us.saturating_add(wait_us));
            }
        }
        for storm in self.storms.values_mut() {
            storm.told_us.iter_mut().for_each(|at_us| *at_us = (*at_us).min(now_us));
            (storm.held_us, storm.said_us) = (storm.held_us.min(now_us), storm.said_us.min(now_us));
        }
        self.next_due_us = i64::MIN;
    }
}
