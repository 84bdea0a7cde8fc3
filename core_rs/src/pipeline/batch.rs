//! What the Rust half hands to the Python half: rows as COPY streams, and messages for consoles.

use crate::alert::{Action, Departure, Finding, Look};
use crate::decode::{BedKey, PatientId};
use crate::store::{
    AlertRows, CopyTable, DeadLetterRows, EncounterRows, MergeRows, ObservationRows, PatientRows, PolicyRows, ReplayRows,
    ScoreRows,
};

/// What a message is about; it decides how publish may treat it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageKind {
    /// The full state of a patient: only the newest counts.
    Patient,
    /// A step in an alert's life: never dropped.
    Alert,
    /// The patient is gone.
    Left,
}

impl MessageKind {
    /// The name in the message and in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Patient => "patient",
            Self::Alert => "alert",
            Self::Left => "left",
        }
    }
}

/// One message for consoles and channels.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// What it is about.
    pub kind: MessageKind,
    /// The unit it concerns; empty for a patient without a bed.
    pub unit: String,
    /// Whom it concerns; None where no patient.
    pub patient: Option<PatientId>,
    /// Its place in the one order of everything; see `publish::cursor`.
    pub cursor: u64,
    /// The message itself.
    pub json: Vec<u8>,
}

/// The outcome of consecutive frames.
#[derive(Debug, Default)]
pub struct Batch {
    /// First frame covered; 0 in the batch that only shows who is here after a start.
    pub first_seq: u64,
    /// Last frame covered: the store cursor after this batch.
    pub last_seq: u64,
    /// Frames covered.
    pub frames: u64,
    /// Rows, one binary COPY stream a table.
    pub tables: Vec<CopyTable>,
    /// Messages in the order of the frames.
    pub messages: Vec<Message>,
}

/// Rows of the batch under way.
#[derive(Debug, Default)]
pub struct Rows {
    pub patients: PatientRows,
    pub encounters: EncounterRows,
    pub merges: MergeRows,
    pub observations: ObservationRows,
    pub scores: ScoreRows,
    pub alerts: AlertRows,
    pub dead_letters: DeadLetterRows,
    pub replays: ReplayRows,
    pub policies: PolicyRows,
}

impl Rows {
    /// The finished streams, in the order the store needs them; empty again.
    pub fn finish(&mut self) -> Vec<CopyTable> {
        [
            self.patients.finish(),
            self.encounters.finish(),
            self.merges.finish(),
            self.observations.finish(),
            self.scores.finish(),
            self.alerts.finish(),
            self.dead_letters.finish(),
            self.replays.finish(),
            self.policies.finish(),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// One step that alert has to take, in journal order.
#[derive(Debug)]
pub enum Step {
    /// Scores of one patient, by their places among those of the batch, where the patient lay then, and whether a correction asked
    /// for them.
    Scores(std::ops::Range<usize>, Option<BedKey>, bool),
    /// What this scorer said of the patient rested on values that were withdrawn; it says nothing now.
    Silent(PatientId, u16),
    /// What conditions see of the patient; behind the frame's scores.
    Looked(Box<Look>),
    /// As `Looked`, by the policy of this number among those that are tried.
    LookedBy(usize, Box<Look>),
    /// The patient lies in this bed or in none, by a frame that says no values; behind its scores and looks.
    Lies(PatientId, Option<BedKey>),
    /// The patient left this bed.
    Left(PatientId, Option<BedKey>, Departure),
    /// The patient came back: what a former stay was scored no longer counts.
    Returned(PatientId),
    /// The clock was set back.
    SetBack,
    /// Somebody did something to an alert, or a channel died.
    Act(Box<Action>),
    /// Something fell silent or went stale, or is back.
    Found(Box<Finding>),
    /// As `Found`, by the policy of this number among those that are tried.
    FoundBy(usize, Box<Finding>),
    /// Time passed; the minute of the site's day.
    Tick(u16),
}

/// A step with the frame it belongs to.
#[derive(Debug)]
pub struct Due {
    pub seq: u64,
    pub at_us: i64,
    pub step: Step,
}
