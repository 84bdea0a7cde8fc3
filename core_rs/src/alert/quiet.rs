//! What keeps a ward from drowning: quiet hours for what is not urgent, and a cap on openings a minute.
//!
//! Nothing vanishes by either: what is held back opens, is stored and is shown like any other, only marked `held`, and nobody is
//! notified of it. Quiet hours end with a reminder of what still waits; a storm is told by one technical alert of its unit.

use compact_str::CompactString;
use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::Severity;
use super::policy::{Fault, within};

const MINUTES: u16 = 24 * 60;
const PER_MINUTE_MAX: u32 = 10_000;

/// Hours of the site's day in which some alerts wake nobody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quiet {
    /// First minute of the day, inclusive.
    pub from: u16,
    /// Last minute, exclusive; before `from` where they go over midnight.
    pub to: u16,
    /// Of these alerts.
    pub severities: Vec<Severity>,
    /// In these units; empty is everywhere.
    pub units: Vec<CompactString>,
}

/// The cap of one unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Storm {
    /// Openings told within any 60 s.
    pub per_minute: u32,
    /// Of these alerts; others are always told and do not count.
    pub severities: Vec<Severity>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawQuiet {
    from: Spanned<CompactString>,
    to: Spanned<CompactString>,
    severities: Option<Spanned<Vec<Severity>>>,
    #[serde(default)]
    units: Vec<CompactString>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawStorm {
    per_minute: Spanned<u32>,
    severities: Option<Spanned<Vec<Severity>>>,
}

impl Quiet {
    /// Whether an alert wakes nobody at this minute of the site's day.
    pub(super) fn holds(&self, minute: Option<u16>, severity: Severity, unit: Option<&str>) -> bool {
        let Some(minute) = minute else { return false };
        let now =
            if self.from < self.to { (self.from..self.to).contains(&minute) } else { minute >= self.from || minute < self.to };
        let there = self.units.is_empty() || unit.is_some_and(|unit| self.units.iter().any(|one| one == unit));
        now && there && self.severities.contains(&severity)
    }

    pub(super) fn check(raw: Spanned<RawQuiet>) -> Result<Self, Fault> {
        let place = raw.span();
        let RawQuiet { from, to, severities, units } = raw.into_inner();
        let (from, to) = (minute(&from)?, minute(&to)?);
        if from == to {
            return Err((place, "quiet: from and to are the same".to_owned()));
        }
        let severities = chosen(severities, &[Severity::Low], "quiet")?;
        Ok(Self { from, to, severities, units })
    }
}

impl Storm {
    pub(super) fn check(raw: Spanned<RawStorm>) -> Result<Self, Fault> {
        let RawStorm { per_minute, severities } = raw.into_inner();
        let per_minute = within(&Some(per_minute), 0, 1..=PER_MINUTE_MAX, "storm: per_minute")?;
        let severities = chosen(severities, &[Severity::Technical, Severity::Low, Severity::Medium], "storm")?;
        Ok(Self { per_minute, severities })
    }
}

fn chosen(given: Option<Spanned<Vec<Severity>>>, default: &[Severity], what: &str) -> Result<Vec<Severity>, Fault> {
    match given {
        None => Ok(default.to_vec()),
        Some(empty) if empty.get_ref().is_empty() => Err((empty.span(), format!("{what}: severities names none"))),
        Some(given) => Ok(given.into_inner()),
    }
}

/// `22:30` as a minute of the day.
fn minute(text: &Spanned<CompactString>) -> Result<u16, Fault> {
    let parsed = text.get_ref().split_once(':').filter(|(hour, minute)| hour.len() == 2 && minute.len() == 2);
    let number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse::<u16>().ok()).flatten();
    let minutes = parsed.and_then(|(hour, minute)| Some(number(hour)? * 60 + number(minute).filter(|minute| *minute < 60)?));
    minutes
        .filter(|minutes| *minutes < MINUTES)
        .ok_or_else(|| (text.span(), format!("quiet: {:?} is no time of day like 22:30", text.get_ref())))
}
