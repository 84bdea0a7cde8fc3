//! The boundary between alert and store.

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use crate::decode::{BedKey, PatientId};
use crate::score::Why;

/// How urgent (vocabulary of IEC 60601-1-8; no conformity is claimed).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Severity {
    /// The system itself needs attention.
    Technical = 0,
    /// Awareness.
    Low = 1,
    /// Prompt response.
    Medium = 2,
    /// Immediate response.
    High = 3,
}

/// What happened to an alert. The numbers are stored: never reuse one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum AlertKind {
    /// A rule's condition held for its number of evaluations, and its cause had no alert yet.
    Opened = 1,
    /// No rule of the cause holds any more, or the patient left.
    Cleared = 2,
    /// Somebody has seen it.
    Acknowledged = 3,
    /// Somebody put it off until a time, with a reason.
    Snoozed = 4,
    /// The snooze ended: its time came, or somebody ended it.
    Unsnoozed = 5,
    /// Nobody answered in time and the chain went on to its next role, or somebody passed it on by hand.
    Escalated = 6,
    /// Nobody answered after the chain's end; or quiet hours that held it back are over.
    Reminded = 7,
    /// Nobody answered within the policy's expiry: no more reminders.
    Expired = 8,
    /// A more severe rule of the same cause holds now.
    Raised = 9,
    /// The rule that led no longer holds, or is gone; another does, which is as severe or less.
    Lowered = 10,
    /// The patient lies in another bed now, and the alert is that bed's.
    Moved = 11,
}

/// What an alert waits for: a function of the kinds of its steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// For an answer.
    Open,
    /// For the condition to end: somebody knows.
    Acknowledged,
    /// For the snooze to end.
    Snoozed,
    /// For an answer of somebody else.
    Escalated,
    /// For nothing more.
    Cleared,
    /// For the condition to end: nobody answered.
    Expired,
}

impl Standing {
    /// After a step of this kind. Reminders, a lower severity and another bed change nothing.
    pub const fn after(self, kind: AlertKind) -> Self {
        match kind {
            AlertKind::Opened | AlertKind::Unsnoozed | AlertKind::Raised => Self::Open,
            AlertKind::Acknowledged => Self::Acknowledged,
            AlertKind::Snoozed => Self::Snoozed,
            AlertKind::Escalated => Self::Escalated,
            AlertKind::Cleared => Self::Cleared,
            AlertKind::Expired => Self::Expired,
            AlertKind::Reminded | AlertKind::Lowered | AlertKind::Moved => self,
        }
    }

    /// Whether it waits for somebody's answer: then the chain goes on.
    pub const fn waits(self) -> bool {
        matches!(self, Self::Open | Self::Escalated)
    }
}

/// Why a patient is no longer watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Departure {
    /// Discharged, or not heard of for long.
    Left,
    /// The admission was cancelled.
    AdmissionCancelled,
    /// The record was merged into another, which is watched on.
    Merged,
}

/// Who did it and what was said with it; blank where the machine did.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Said {
    /// Id of the person's key.
    pub by: CompactString,
    /// The role it was used in.
    pub role: CompactString,
    /// The role escalated or reminded to; also of the chain's steps.
    pub to: CompactString,
    /// In the person's own words, of a snooze its reason: for the console, never for notifications or logs (P6).
    pub note: String,
    /// When a snooze ends, microseconds since 1970-01-01 UTC.
    pub until_us: Option<i64>,
}

impl std::fmt::Debug for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Said(by {:?} as {:?} to {:?}, until {:?})", self.by, self.role, self.to, self.until_us)
    }
}

/// One step in the life of one alert. (seq, ordinal) orders all of them and is the cursor consoles resume from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AlertEvent {
    /// The frame that caused it.
    pub seq: u64,
    /// Position among the alert events of that frame.
    pub ordinal: u32,
    /// The alert's own id: seq and ordinal of its opening, `seq << 16 | ordinal`.
    pub alert_id: u64,
    /// Whose; None of a technical alert that is about no patient.
    pub patient: Option<PatientId>,
    /// Where the patient lay; the bed is empty where it is about a whole unit.
    pub bed: Option<BedKey>,
    /// What a technical alert is about: a feed, a channel, a scorer. Otherwise empty.
    pub subject: CompactString,
    /// What all its rules share, the same for its whole life: one alert per patient and cause.
    pub cause: CompactString,
    /// The policy rule that leads now: the most severe that holds.
    pub rule: CompactString,
    /// What happened.
    pub kind: AlertKind,
    /// How urgent from here on.
    pub severity: Severity,
    /// When, microseconds since 1970-01-01 UTC: frame time, never the clock.
    pub at_us: i64,
    /// Index of the scorer; `NO_SCORER` of technical alerts and of conditions.
    pub scorer: u16,
    /// The score's value at this step; NaN where no score made it.
    pub value: f64,
    /// For a person: what crossed which threshold. No identity.
    pub reason: String,
    /// What made the score, by feature and in words, or each part of a condition that held, where it opened or was raised; else empty.
    pub why: Why,
    /// Who did it.
    pub said: Said,
    /// Steps of the chain taken since it began to wait for an answer.
    pub level: u8,
    /// Of an opening or raise: shown, but nobody is notified of it. Beyond the unit's storm cap, or in quiet hours.
    pub held: bool,
}

/// The scorer of an alert that no score made.
pub const NO_SCORER: u16 = u16::MAX;

/// An alert that is not cleared, as consoles show it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StandingAlert {
    /// Its opening: rule, severity, reason and why are those of the newest raise, severity and rule also of the newest lowering;
    /// `said` and `level` those of the newest step.
    pub opened: AlertEvent,
    /// What it waits for.
    pub standing: Standing,
    /// Since when, microseconds since 1970-01-01 UTC.
    pub since_us: i64,
}

impl StandingAlert {
    /// As it opens.
    pub fn new(opened: &AlertEvent) -> Self {
        Self { opened: opened.clone(), standing: Standing::Open, since_us: opened.at_us }
    }

    /// After one more of its steps.
    pub fn follow(&mut self, step: &AlertEvent) {
        let standing = self.standing.after(step.kind);
        let opened = &mut self.opened;
        opened.level = step.level;
        opened.bed = step.bed.clone();
        if !matches!(step.kind, AlertKind::Reminded | AlertKind::Lowered | AlertKind::Moved) {
            (self.standing, self.since_us, opened.said) = (standing, step.at_us, step.said.clone());
        }
        if matches!(step.kind, AlertKind::Raised | AlertKind::Lowered) {
            (opened.severity, opened.rule, opened.held) = (step.severity, step.rule.clone(), step.held);
        }
        if step.kind == AlertKind::Raised {
            (opened.reason, opened.why) = (step.reason.clone(), step.why.clone());
            (opened.scorer, opened.value) = (step.scorer, step.value);
        }
    }
}
