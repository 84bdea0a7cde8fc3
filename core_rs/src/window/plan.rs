//! The feature plan: what a bundle's manifest says its model eats. Parsed, checked with precise errors, and fingerprinted.
//!
//! Limits: 1,024 features a plan, 8 windows a signal, a window from 1 s to 31 days, at most 1,440 panes or cells a
//! window.
//! A feature's name is `signal.stat`, or `signal.stat.window` (`HR.mean.6h`); the order of columns is the order of the plan:
//! for each entry its stats in order, each over its windows in order, then demographics, then coded facts, then derived.

use serde::{Deserialize, Serialize};

use super::coded::CodedSpec;

/// Most features of a plan.
pub const FEATURES_MAX: usize = 1_024;
/// Most windows of a signal in a plan, of each width of cells.
pub const WINDOWS_MAX: usize = 8;
/// Longest window, seconds.
pub const WINDOW_S_MAX: i64 = 31 * 86_400;
/// Most panes or cells in a window.
pub const PANES_MAX: i64 = 1_440;

/// Why a plan is refused: one sentence that names the entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("feature plan: {0}")]
pub struct PlanError(pub String);

pub(super) fn refuse<T>(text: String) -> Result<T, PlanError> {
    Err(PlanError(text))
}

/// A plan as it stands in `manifest.toml` (table `[plan]`, entries `[[plan.features]]`).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanSpec {
    /// What is taken from each signal.
    #[serde(default)]
    pub features: Vec<FeatureSpec>,
    /// See `Demographic`.
    #[serde(default)]
    pub demographics: Vec<String>,
    /// Coded facts of the encounter.
    #[serde(default)]
    pub coded: Vec<CodedSpec>,
    /// Arithmetic of last values: `shock_index`, `bun_creatinine`, ... or what the caller of `compile` adds.
    #[serde(default)]
    pub derived: Vec<String>,
    /// The cell of every entry that names neither a cell nor a pane (`1h`); see `FeatureSpec::cell`.
    #[serde(default)]
    pub cell: Option<String>,
}

impl PlanSpec {
    /// Reads a plan from JSON (it begins with a brace) or TOML: the plan itself, or a manifest with a table `plan`.
    pub fn parse(text: &[u8]) -> Result<Self, PlanError> {
        let Ok(text) = std::str::from_utf8(text) else { return refuse("it is not UTF-8".into()) };
        let parsed = if text.trim_start().starts_with('{') {
            serde_json::from_str::<serde_json::Value>(text).map_err(|e| e.to_string()).and_then(|mut whole| {
                let plan = whole.get_mut("plan").map(serde_json::Value::take).unwrap_or(whole);
                serde_json::from_value(plan).map_err(|e| e.to_string())
            })
        } else {
            toml::from_str::<toml::Table>(text).map_err(|e| e.to_string()).and_then(|mut whole| {
                let plan = whole.remove("plan").unwrap_or(toml::Value::Table(whole));
                plan.try_into().map_err(|e: toml::de::Error| e.to_string())
            })
        };
        parsed.map_err(PlanError)
    }
}

/// One signal's statistics over some windows.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeatureSpec {
    /// Name in the signal catalogue.
    pub signal: String,
    /// See `Stat`.
    pub stats: Vec<String>,
    /// Durations (`90s`, `15m`, `6h`, `2d`) or `stay`; used by the stats that take windows.
    #[serde(default)]
    pub windows: Vec<String>,
    /// Closed range of normal values, for `time_since_abnormal`.
    #[serde(default)]
    pub normal: Option<[f64; 2]>,
    /// Width of the panes these windows are made of (`60s`); absent is exact.
    #[serde(default)]
    pub pane: Option<String>,
    /// Width of the cells whose means these statistics are over (`1h`), or `none`; absent is the plan's.
    #[serde(default)]
    pub cell: Option<String>,
}

/// A statistic. The definitions are in the module doc of `window`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stat {
    /// Newest value of the stay.
    Last,
    /// Hours since `Last` was observed.
    Age,
    /// Newest value in the window (`last_in`, named `HR.last.6h`).
    LastIn,
    /// Oldest value in the window.
    First,
    /// Newest minus oldest value in the window.
    Delta,
    /// Observations in the window.
    Count,
    /// Smallest value in the window.
    Min,
    /// Largest value in the window.
    Max,
    /// Arithmetic mean.
    Mean,
    /// Sample standard deviation (ddof 1).
    Std,
    /// Least-squares slope per hour.
    Slope,
    /// Hours since the newest value outside `normal`.
    TimeSinceAbnormal,
    /// Hours since the oldest observation of the stay.
    TimeSinceFirst,
}

impl Stat {
    const TABLE: [(&'static str, Stat); 13] = [
        ("last", Stat::Last),
        ("age", Stat::Age),
        ("last_in", Stat::LastIn),
        ("first", Stat::First),
        ("delta", Stat::Delta),
        ("count", Stat::Count),
        ("min", Stat::Min),
        ("max", Stat::Max),
        ("mean", Stat::Mean),
        ("std", Stat::Std),
        ("slope", Stat::Slope),
        ("time_since_abnormal", Stat::TimeSinceAbnormal),
        ("time_since_first", Stat::TimeSinceFirst),
    ];

    /// The statistic of that name in a plan.
    pub fn named(name: &str) -> Option<Self> {
        Self::TABLE.iter().find(|entry| entry.0 == name).map(|entry| entry.1)
    }

    /// How it is written in feature names.
    pub fn name(self) -> &'static str {
        match self {
            Stat::LastIn => "last",
            other => Self::TABLE.iter().find(|entry| entry.1 == other).map_or("", |entry| entry.0),
        }
    }

    /// False for those that look at the whole stay whatever the entry's windows are.
    pub fn takes_window(self) -> bool {
        !matches!(self, Stat::Last | Stat::Age | Stat::TimeSinceAbnormal | Stat::TimeSinceFirst)
    }

    /// True for those that need every value of the window.
    pub fn needs_values(self) -> bool {
        matches!(self, Stat::Min | Stat::Max | Stat::Mean | Stat::Std | Stat::Slope)
    }
}

/// What of the patient's person and encounter a model may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Demographic {
    /// Days since birth over 365.2425.
    AgeYears,
    /// 1 male, 0 female, NaN for anything else.
    SexMale,
    /// Hours from the admission (PV1-44, else the A01) to the row.
    HoursSinceAdmission,
    /// Hours from the admission to the discharge (PV1-45, else the A03); before it, to the row.
    HoursOfStay,
    /// Hours since the patient came to the present point of care (PV1-3.1).
    HoursInUnit,
    /// Hours from the admission to the coming to the present point of care; negative where the admission is dated later.
    HoursBeforeUnit,
    /// PV1-10 is MED (HL7 table 0069): 1, 0 for any other, NaN where absent.
    ServiceMedical,
    /// PV1-10 is SUR, likewise.
    ServiceSurgical,
    /// DG1 segments of the newest message that has any; NaN before.
    DiagnosesCount,
}

impl Demographic {
    const TABLE: [(&'static str, Demographic); 9] = [
        ("age_years", Demographic::AgeYears),
        ("sex_male", Demographic::SexMale),
        ("hours_since_admission", Demographic::HoursSinceAdmission),
        ("hours_of_stay", Demographic::HoursOfStay),
        ("hours_in_unit", Demographic::HoursInUnit),
        ("hours_before_unit", Demographic::HoursBeforeUnit),
        ("service_medical", Demographic::ServiceMedical),
        ("service_surgical", Demographic::ServiceSurgical),
        ("diagnoses_count", Demographic::DiagnosesCount),
    ];

    /// The demographic of that name in a plan.
    pub fn named(name: &str) -> Option<Self> {
        Self::TABLE.iter().find(|entry| entry.0 == name).map(|entry| entry.1)
    }
}

/// A duration of a plan in seconds: a whole number and s, m, h or d.
pub fn duration_s(text: &str) -> Option<i64> {
    let unit_at = text.len().checked_sub(1)?;
    let (digits, unit) = (text.get(..unit_at)?, text.get(unit_at..)?);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let factor = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    digits.parse::<i64>().ok()?.checked_mul(factor).filter(|s| *s > 0)
}
