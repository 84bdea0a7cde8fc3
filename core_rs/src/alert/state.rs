//! What the alert stage remembers: small, ordered, serialisable.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use compact_str::CompactString;
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::condition::When;
use super::technical::{About, Trouble};
use super::watch::Watched;
use super::{AlertEvent, AlertKind, NO_SCORER, Said, Severity, Standing};
use crate::decode::{BedKey, PatientId};
use crate::score::Why;

/// Events of a frame that one frame's numbers have room for.
const ORDINAL_MAX: u32 = u16::MAX as u32;

/// Everything a snapshot needs. `AlertEngine::restore` takes it back, under the same policy or another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AlertState {
    /// The rules the positions in `patients` stand for.
    pub(super) rules: Vec<RuleKey>,
    /// The causes the numbers in `Person::alerts` stand for.
    pub(super) causes: Vec<CompactString>,
    /// Per rule, as in `rules`.
    pub(super) counters: Vec<RuleCounters>,
    /// In order of first crossing: an order that replay repeats.
    pub(super) patients: IndexMap<PatientId, Person, hashbrown::DefaultHashBuilder>,
    /// Conditions that will hold at a time if nothing new comes: when, whose, which rule's.
    pub(super) waits: BTreeSet<(i64, PatientId, u16)>,
    /// All alerts that are not cleared, by id.
    pub(super) alerts: BTreeMap<u64, Open>,
    /// The technical ones among them.
    pub(super) technical: BTreeMap<About, u64>,
    /// Units in which alerts opened within the last minute, or were held back.
    pub(super) storms: BTreeMap<CompactString, Storming>,
    /// The frame whose alert events are being numbered.
    pub(super) seq: u64,
    /// Number of its next alert event.
    pub(super) ordinal: u32,
    /// Where the next tick goes on looking for state that no longer matters.
    pub(super) sweep: usize,
    /// Evaluations put off because a limit was reached: `patients_max`, or 65,536 events in a frame.
    pub(super) over_limit: u64,
    /// No alert waits for a time before this one.
    pub(super) next_due_us: i64,
    /// Minute of the site's day at the last tick, and its time.
    pub(super) minute: Option<u16>,
    pub(super) ticked_us: Option<i64>,
    /// The policy is another one: the next tick looks at all alerts.
    pub(super) unsettled: bool,
}

impl Default for AlertState {
    fn default() -> Self {
        Self {
            rules: Vec::new(),
            causes: Vec::new(),
            counters: Vec::new(),
            patients: IndexMap::default(),
            waits: BTreeSet::new(),
            alerts: BTreeMap::new(),
            technical: BTreeMap::new(),
            storms: BTreeMap::new(),
            seq: 0,
            ordinal: 0,
            sweep: 0,
            over_limit: 0,
            next_due_us: i64::MAX,
            minute: None,
            ticked_us: None,
            unsettled: false,
        }
    }
}

/// What outlives a change of policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct RuleKey {
    pub(super) name: CompactString,
    pub(super) cause: CompactString,
    pub(super) severity: Severity,
    pub(super) scorer: u16,
    pub(super) when: Option<When>,
}

/// What a rule has done since the journal began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RuleCounters {
    /// Times it began to hold.
    pub opened: u64,
    /// Times it ceased to.
    pub cleared: u64,
    /// Times it would have begun to, had there been no lock-out.
    pub suppressed_lockout: u64,
}

/// One patient.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Person {
    pub(super) rules: Vec<RuleState>,
    /// The alert of each cause that has one.
    pub(super) alerts: SmallVec<[(u16, u64); 2]>,
}

/// One rule and one patient.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct RuleState {
    /// Evaluations running: at or above `enter` (or true) while it does not hold, at or below `clear` (or false) while it does.
    pub(super) run: u32,
    /// Does not begin to hold before this frame time; `i64::MIN` without a lock-out.
    pub(super) locked_until_us: i64,
    pub(super) holds: bool,
    /// Of a condition, while a leaf of it is on.
    pub(super) watched: Option<Box<Watched>>,
}

/// An alert that is not cleared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Open {
    pub(super) patient: Option<PatientId>,
    pub(super) bed: Option<BedKey>,
    pub(super) subject: CompactString,
    pub(super) cause: CompactString,
    /// The rule that leads.
    pub(super) rule: CompactString,
    pub(super) severity: Severity,
    pub(super) scorer: u16,
    pub(super) value: f64,
    pub(super) trouble: Option<Trouble>,
    pub(super) standing: Standing,
    /// Of the step that made the standing, and when it was.
    pub(super) said: Said,
    pub(super) stood_us: i64,
    /// Steps of the chain taken.
    pub(super) level: u8,
    /// Since when it waits for an answer.
    pub(super) waits_since_us: i64,
    /// The chain's next step or reminder; `i64::MAX` where none follows.
    pub(super) next_us: i64,
    pub(super) expires_us: i64,
    /// When the severity goes down to that of the rules that hold.
    pub(super) lower_at_us: i64,
    /// How long it was snoozed for.
    pub(super) snooze_us: i64,
    /// Held back by quiet hours: told when they end.
    pub(super) quiet: bool,
}

/// Openings of one unit.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Storming {
    /// Those told within the last minute, oldest first: at most the cap.
    pub(super) told_us: VecDeque<i64>,
    /// Held back since the storm began, and the newest of them.
    pub(super) held: u32,
    pub(super) held_us: i64,
    /// Of those, said by the technical alert so far, and when.
    pub(super) said: u32,
    pub(super) said_us: i64,
}

impl RuleState {
    pub(super) const IDLE: Self = Self { run: 0, locked_until_us: i64::MIN, holds: false, watched: None };

    /// Whether anything of it can still change an outcome at this time.
    pub(super) fn matters(&self, at_us: i64) -> bool {
        self.holds || self.run > 0 || self.locked_until_us > at_us || self.watched.is_some()
    }
}

impl Person {
    /// The alert of a cause.
    pub(super) fn alert(&self, cause: u16) -> Option<u64> {
        self.alerts.iter().find(|(one, _)| *one == cause).map(|(_, id)| *id)
    }
}

impl Open {
    /// The unit, where it is in one.
    pub(super) fn unit(&self) -> Option<&str> {
        self.bed.as_ref().map(|bed| bed.unit.as_str())
    }

    /// When time alone changes something.
    pub(super) fn due_us(&self) -> i64 {
        let answer_us = match self.standing {
            Standing::Snoozed => self.said.until_us.unwrap_or(i64::MAX),
            standing if standing.waits() => self.next_us.min(self.expires_us),
            _ => i64::MAX,
        };
        answer_us.min(self.lower_at_us)
    }

    /// One more step; `said` and `why` are blank.
    pub(super) fn event(
        &self,
        alert_id: u64,
        kind: AlertKind,
        (seq, ordinal, at_us): (u64, u32, i64),
        reason: String,
    ) -> AlertEvent {
        AlertEvent {
            seq,
            ordinal,
            alert_id,
            patient: self.patient,
            bed: self.bed.clone(),
            subject: self.subject.clone(),
            cause: self.cause.clone(),
            rule: self.rule.clone(),
            kind,
            severity: self.severity,
            at_us,
            scorer: self.scorer,
            value: self.value,
            reason,
            why: Why::default(),
            said: Said::default(),
            level: self.level,
            held: false,
        }
    }
}

impl AlertState {
    /// The next number among the alert events of this frame.
    pub(super) fn number(&mut self, seq: u64) -> u32 {
        self.number_from(seq, 0);
        self.ordinal += 1;
        self.ordinal - 1
    }

    /// Numbers of this frame go on at `ordinal`, or where they are if that is further.
    pub(super) fn number_from(&mut self, seq: u64, ordinal: u32) {
        if self.seq != seq {
            (self.seq, self.ordinal) = (seq, 0);
        }
        self.ordinal = self.ordinal.max(ordinal);
    }

    /// Whether this frame has no number left.
    pub(super) fn is_full(&self, seq: u64) -> bool {
        self.seq == seq && self.ordinal > ORDINAL_MAX
    }

    /// Other scorers are loaded than when this was written: an alert of one that is gone goes on without until its rule is evaluated.
    pub(crate) fn renumber(&mut self, index_now: impl Fn(u16) -> Option<u16>) {
        for open in self.alerts.values_mut() {
            open.scorer = index_now(open.scorer).unwrap_or(NO_SCORER);
        }
    }

    /// Time may change this alert: ticks will look at it.
    pub(super) fn look_again(&mut self, alert_id: u64) {
        if let Some(open) = self.alerts.get(&alert_id) {
            self.next_due_us = self.next_due_us.min(open.due_us());
        }
    }
}
