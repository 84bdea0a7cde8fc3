//! Technical alerts: the system itself needs attention. Silence looks like failure.
//!
//! What is silent or stale is found out by `pipeline::watch`, at ticks and from frame time alone; here are the policy's limits and the
//! findings. A finding opens or clears one alert: at most one per rule and what it is about, up to `TECHNICAL_MAX` in all.

use compact_str::CompactString;
use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::policy::{Fault, within};
use crate::decode::{BedKey, PatientId};

/// Ticks come once a second: none for so long means that the server was down, or that its clock was set on; microseconds.
pub const AWAY_US: i64 = 10_000_000;
/// Most technical alerts at once; what exceeds them is counted (`over_limit`).
pub const TECHNICAL_MAX: usize = 50_000;
/// Most scores watched for staleness.
pub const STALE_MAX: usize = 8;
/// Longest silence a policy may ask for: a week.
const SILENT_S_MAX: u32 = 7 * 86_400;
const SILENT_S_MIN: u32 = 5;

/// What a technical alert is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Trouble {
    /// The monitor of an occupied bed says nothing.
    MonitorSilent,
    /// An EHR's or a broker's messages have stopped.
    FeedSilent,
    /// A score's inputs are too old or missing.
    ScoreStale,
    /// A notification channel delivers nothing.
    ChannelDead,
    /// More alerts opened in a unit than its cap.
    AlertStorm,
}

impl Trouble {
    /// The rule's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::MonitorSilent => "monitor-silent",
            Self::FeedSilent => "feed-silent",
            Self::ScoreStale => "score-stale",
            Self::ChannelDead => "channel-dead",
            Self::AlertStorm => "alert-storm",
        }
    }
}

/// Which one: what is found again under the same key is the same alert.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct About {
    /// What kind.
    pub trouble: Trouble,
    /// The patient concerned, if any.
    pub patient: Option<PatientId>,
    /// The bed, or with an empty bed the unit.
    pub bed: Option<BedKey>,
    /// A feed, a channel, a scorer.
    pub subject: CompactString,
}

impl About {
    /// As it is remembered: a patient's score is the same wherever the patient lies.
    pub(super) fn key(&self) -> Self {
        Self { bed: self.bed.clone().filter(|_| self.trouble != Trouble::ScoreStale), ..self.clone() }
    }
}

/// Trouble began or ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which.
    pub about: About,
    /// True where it began.
    pub began: bool,
    /// One sentence, no identity.
    pub reason: String,
    /// Its place among what the tick found, which does not depend on who else is looked at; see `pipeline::watch`.
    pub ordinal: u32,
}

/// A score that must stay computable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stale {
    /// Index of the scorer.
    pub scorer: u16,
    /// Its name.
    pub score: CompactString,
    /// Inputs that must have been observed ...
    pub min_present: u8,
    /// ... within so many seconds.
    pub stale_s: u32,
}

/// What is watched; None is not watched.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Technical {
    /// Seconds without a word from the monitor of an occupied bed that has spoken before.
    pub monitor_silent_s: Option<u32>,
    /// Seconds without a message from a sender that has sent for longer than that.
    pub feed_silent_s: Option<u32>,
    /// Principals of brokers: their MQTT frames are a feed too.
    pub brokers: Vec<CompactString>,
    /// Scores.
    pub stale: Vec<Stale>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTechnical {
    monitor_silent_s: Option<Spanned<u32>>,
    feed_silent_s: Option<Spanned<u32>>,
    brokers: Option<Vec<CompactString>>,
    #[serde(default)]
    score_stale: Vec<Spanned<RawStale>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawStale {
    score: Spanned<CompactString>,
    min_present: u8,
    stale_s: Spanned<u32>,
}

impl Technical {
    /// Whether this is still watched: alerts of what is not are over.
    pub(super) fn watches(&self, trouble: Trouble, subject: &str) -> bool {
        match trouble {
            Trouble::MonitorSilent => self.monitor_silent_s.is_some(),
            Trouble::FeedSilent => self.feed_silent_s.is_some(),
            Trouble::ScoreStale => self.stale.iter().any(|stale| stale.score == subject),
            Trouble::ChannelDead | Trouble::AlertStorm => true,
        }
    }

    /// `notes`: where to say which scores are left out because they are not loaded; without it such a score is a fault.
    pub(super) fn check(
        raw: RawTechnical,
        find: impl Fn(&str) -> Option<u16>,
        mut notes: Option<&mut Vec<String>>,
    ) -> Result<Self, Fault> {
        let seconds = |given: &Option<Spanned<u32>>, what: &str| {
            given.as_ref().map(|_| within(given, 0, SILENT_S_MIN..=SILENT_S_MAX, what)).transpose()
        };
        let mut stale = Vec::new();
        for spanned in raw.score_stale {
            let span = spanned.span();
            let one = spanned.into_inner();
            if stale.len() == STALE_MAX {
                return Err((span, format!("technical: more than {STALE_MAX} scores")));
            }
            let Some(scorer) = find(one.score.get_ref()) else {
                let why = format!("technical: no score {:?} is loaded", one.score.get_ref());
                match &mut notes {
                    Some(notes) => notes.push(format!("{why}; it is not watched")),
                    None => return Err((one.score.span(), why)),
                }
                continue;
            };
            let stale_s = within(&Some(one.stale_s), 0, SILENT_S_MIN..=SILENT_S_MAX, "technical: stale_s")?;
            stale.push(Stale { scorer, score: one.score.into_inner(), min_present: one.min_present, stale_s });
        }
        Ok(Self {
            monitor_silent_s: seconds(&raw.monitor_silent_s, "technical: monitor_silent_s")?,
            feed_silent_s: seconds(&raw.feed_silent_s, "technical: feed_silent_s")?,
            brokers: raw.brokers.unwrap_or_default(),
            stale,
        })
    }
}
