//! What `manifest.toml` of a bundle says, read strictly: an unknown key is an error, and errors name their line.
//!
//! A bundle is a folder `models/<name>/<version>/` with `model.txt` (LightGBM's text), `manifest.toml`, and for people
//! `card.md` and `metrics.json`. Limits: 1 MiB of manifest, 64 bytes of name and version.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::calibration::Calibration;
use super::fault::FaultForTests;
use crate::window::PlanSpec;

/// Largest manifest.
pub const MANIFEST_BYTES_MAX: usize = 1 << 20;
/// Longest name and version.
pub const NAME_BYTES_MAX: usize = 64;

/// A bundle's manifest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Name of the scorer: lower-case letters, digits, `_`, `-`.
    pub name: String,
    /// Version of the bundle: letters, digits, `.`, `_`, `-`, `+`.
    pub version: String,
    /// What the probability is of.
    pub outcome: String,
    /// Within how many hours.
    pub horizon_h: f64,
    /// When it was trained, RFC 3339 date or time, as text.
    pub created: String,
    /// `major.minor` of the engine it was trained with.
    pub engine_version: String,
    /// SHA-256 of `model.txt`, 64 hexadecimal digits.
    pub model_sha256: String,
    /// When to score.
    #[serde(default)]
    pub trigger: TriggerSpec,
    /// What the model eats.
    pub plan: PlanSpec,
    /// From raw score to probability.
    pub calibration: Calibration,
    /// By purpose.
    #[serde(default)]
    pub thresholds: BTreeMap<String, Threshold>,
    /// What it was trained on.
    pub training: Training,
    /// Measured metrics, for people and the record.
    #[serde(default)]
    pub metrics: toml::Table,
    /// Absent outside of tests; see `fault.rs`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault_for_tests: Option<FaultForTests>,
}

/// When a bundle scores a patient.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TriggerSpec {
    /// Seconds between two scores of one patient, 0 to 86,400.
    pub min_interval_s: i64,
    /// Only frames that touch one of these; empty is any.
    pub signals: Vec<String>,
    /// Signals of the plan that must have been observed.
    pub min_signals: usize,
    /// `frame`: any frame about a patient who is here; `discharge`: the ADT A03 by which the patient leaves, of whose codes the
    /// row then knows.
    pub on: Vec<Occasion>,
}

/// What a bundle waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Occasion {
    /// A frame about a patient who is here.
    Frame,
    /// The discharge.
    Discharge,
}

impl Default for TriggerSpec {
    fn default() -> Self {
        Self { min_interval_s: 60, signals: Vec::new(), min_signals: 1, on: vec![Occasion::Frame] }
    }
}

/// A threshold on the calibrated probability.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Threshold {
    /// From 0 to 1.
    pub value: f64,
    /// How it was chosen and what it means.
    pub text: String,
}

/// What the model was trained on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Training {
    /// `FeaturePlan::fingerprint` of the plan that made the training rows.
    pub fingerprint: String,
    /// Rows.
    pub rows: u64,
    /// Patients.
    pub patients: u64,
    /// Which data.
    pub data: String,
    /// SHA-256 of the recording that was learned from, 64 hexadecimal digits; absent in bundles before 0.1.1.
    #[serde(default)]
    pub data_sha256: Option<String>,
}

impl Manifest {
    /// Reads and checks all that a manifest alone can be wrong about.
    ///
    /// # Errors
    /// One sentence; for TOML and schema errors with line and excerpt.
    pub fn parse(text: &str) -> Result<Self, String> {
        let manifest: Self = toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())?;
        manifest.check()?;
        Ok(manifest)
    }

    fn check(&self) -> Result<(), String> {
        let lower = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
        if !named(&self.name, lower) {
            return Err(format!("name {:?} is not 1 to {NAME_BYTES_MAX} of a-z, 0-9, _, -", self.name));
        }
        if !named(&self.version, |byte| byte.is_ascii_alphanumeric() || b"._-+".contains(&byte)) {
            return Err(format!("version {:?} is not 1 to {NAME_BYTES_MAX} of letters, digits, ., _, -, +", self.version));
        }
        if !(self.horizon_h.is_finite() && self.horizon_h > 0.0) {
            return Err(format!("horizon_h is {}, not a number of hours above 0", self.horizon_h));
        }
        if !(0..=86_400).contains(&self.trigger.min_interval_s) {
            return Err(format!("trigger.min_interval_s is {}, not 0 to 86400", self.trigger.min_interval_s));
        }
        let hexadecimal = |text: &str| text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !hexadecimal(&self.model_sha256) {
            return Err("model_sha256 is not 64 hexadecimal digits".to_owned());
        }
        if self.training.data_sha256.as_deref().is_some_and(|text| !hexadecimal(text)) {
            return Err("training.data_sha256 is not 64 hexadecimal digits".to_owned());
        }
        if self.trigger.on.is_empty() {
            return Err("trigger.on is empty: the bundle would never score".to_owned());
        }
        if let Some((purpose, _)) = self.thresholds.iter().find(|(_, threshold)| !(0.0..=1.0).contains(&threshold.value)) {
            return Err(format!("thresholds.{purpose}.value is not from 0 to 1"));
        }
        self.calibration.check().map_err(|why| format!("calibration: {why}"))?;
        self.check_engine()
    }

    /// Caret rules, as for crates: the same major, no newer minor; below 1.0 the same minor.
    fn check_engine(&self) -> Result<(), String> {
        let ours = env!("CARGO_PKG_VERSION");
        let text = self.engine_version.strip_prefix('^').unwrap_or(&self.engine_version);
        let Some((major, minor)) = major_minor(text) else {
            return Err(format!("engine_version {:?} is not major.minor", self.engine_version));
        };
        let fits = major_minor(ours).is_some_and(|(our_major, our_minor)| {
            major == our_major && if major == 0 { minor == our_minor } else { minor <= our_minor }
        });
        if fits { Ok(()) } else { Err(format!("engine_version {text} does not fit this engine, {ours}")) }
    }
}

fn named(text: &str, allowed: impl Fn(u8) -> bool) -> bool {
    (1..=NAME_BYTES_MAX).contains(&text.len()) && text.bytes().all(allowed)
}

fn major_minor(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.split('.');
    let (major, minor) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let patch_is_number = parts.next().is_none_or(|patch| patch.parse::<u32>().is_ok());
    (patch_is_number && parts.next().is_none()).then_some((major, minor))
}
