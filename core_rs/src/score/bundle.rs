//! A bundle: everything a model's score needs, loaded from one folder and checked as a whole.
//!
//! Refused at load, with the reason: a manifest that does not read (with its line), a model that is not the one the manifest
//! names by SHA-256, a model the evaluator does not do or cannot explain, a plan whose columns are not exactly the model's
//! features in order, a plan that means something else than the one that made the training rows.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::boundary::{Contribution, Score};
use super::explain::{Outline, Why};
use super::fault::FaultForTests;
use super::forest::{Forest, MODEL_BYTES_MAX};
use super::manifest::{MANIFEST_BYTES_MAX, Manifest, Occasion};
use crate::decode::{SignalId, catalogue};
use crate::window::{FeaturePlan, PlanError, PlanSpec};

/// Contributions given for a model's score.
pub const CONTRIBUTIONS_MAX: usize = 5;
/// Smaller shares are rounding, log-odds.
pub const SHARE_MIN: f64 = 1e-9;

/// Why a bundle is refused: which folder or name, and one sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("bundle {bundle}: {why}")]
pub struct BundleError {
    /// The folder.
    pub bundle: String,
    /// What is wrong.
    pub why: String,
}

/// When a bundle scores a patient, signals resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trigger {
    /// Seconds between two scores of one patient.
    pub min_interval_s: i64,
    /// Only frames that touch one of these, sorted; empty is any.
    pub signals: Vec<SignalId>,
    /// Signals of the plan that must have been observed.
    pub min_signals: usize,
    /// What it waits for.
    pub on: Vec<Occasion>,
}

impl Trigger {
    /// Whether a frame that touched these signals asks for a score.
    pub fn asks(&self, occasion: Occasion, touched: impl IntoIterator<Item = SignalId>) -> bool {
        if !self.on.contains(&occasion) {
            return false;
        }
        occasion == Occasion::Discharge
            || self.signals.is_empty()
            || touched.into_iter().any(|signal| self.signals.binary_search(&signal).is_ok())
    }

    /// Whether the model speaks of who lies there, not only of who is leaving.
    pub fn is_bedside(&self) -> bool {
        self.on.contains(&Occasion::Frame)
    }
}

/// A loaded model with its plan, calibration and manifest. Immutable.
#[derive(Debug)]
pub struct Bundle {
    scorer: u16,
    manifest: Manifest,
    sha256: [u8; 32],
    trigger: Trigger,
    signals: Vec<SignalId>,
    plan: Arc<FeaturePlan>,
    outline: Outline,
    forest: Forest,
}

impl Bundle {
    /// The fault a test put into it, if one did.
    pub fn fault_for_tests(&self) -> Option<&FaultForTests> {
        self.manifest.fault_for_tests.as_ref()
    }

    /// Loads a folder; `scorer` is its place among the scorers.
    ///
    /// # Errors
    /// The folder and why.
    pub fn load(folder: &Path, scorer: u16) -> Result<Self, BundleError> {
        let refuse = |why: String| BundleError { bundle: folder.display().to_string(), why };
        let manifest = read(&folder.join("manifest.toml"), MANIFEST_BYTES_MAX).map_err(refuse)?;
        let model = read(&folder.join("model.txt"), MODEL_BYTES_MAX).map_err(refuse)?;
        Self::from_bytes(&manifest, &model, scorer).map_err(refuse)
    }

    /// Builds a bundle from the bytes of its two files.
    ///
    /// # Errors
    /// One sentence.
    pub fn from_bytes(manifest: &[u8], model: &[u8], scorer: u16) -> Result<Self, String> {
        let text = std::str::from_utf8(manifest).map_err(|error| format!("manifest.toml is not UTF-8: {error}"))?;
        let manifest = Manifest::parse(text).map_err(|why| format!("manifest.toml: {why}"))?;
        let sha256: [u8; 32] = Sha256::digest(model).into();
        if !manifest.model_sha256.eq_ignore_ascii_case(&hex(&sha256)) {
            return Err(format!("model.txt has SHA-256 {}, the manifest names {}", hex(&sha256), manifest.model_sha256));
        }
        if manifest.fault_for_tests.is_some() && !FaultForTests::is_allowed() {
            return Err("manifest.toml: fault_for_tests is for tests of this project only".to_owned());
        }
        let forest = Forest::from_text(model).map_err(|why| format!("model.txt: {why}"))?;
        let plan = compile(&manifest.plan).map_err(|why| format!("manifest.toml: {why}"))?;
        same_features(plan.names(), forest.feature_names())?;
        if plan.fingerprint() != manifest.training.fingerprint {
            return Err(format!(
                "the plan's fingerprint is {}, the model was trained on rows of {}",
                plan.fingerprint(),
                manifest.training.fingerprint
            ));
        }
        explainable(&forest)?;
        let signals = plan.signals();
        let trigger = trigger(&manifest, &signals)?;
        let outline = Outline::of(&plan);
        Ok(Self { scorer, manifest, sha256, trigger, signals, plan: Arc::new(plan), outline, forest })
    }

    /// Index into the engine's list of scorers.
    pub fn scorer(&self) -> u16 {
        self.scorer
    }

    /// What the manifest says.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// SHA-256 of `model.txt`.
    pub fn sha256(&self) -> &[u8; 32] {
        &self.sha256
    }

    /// When to score.
    pub fn trigger(&self) -> &Trigger {
        &self.trigger
    }

    /// What makes the rows.
    pub fn plan(&self) -> &Arc<FeaturePlan> {
        &self.plan
    }

    /// The signals of the plan, sorted: the inputs of its scores.
    pub fn signals(&self) -> &[SignalId] {
        &self.signals
    }

    /// The model.
    pub fn forest(&self) -> &Forest {
        &self.forest
    }

    /// Raw scores of whole rows, row-major in plan order, written over `out`. Of rows that are not whole: NaN.
    pub fn predict_raw(&self, rows: &[f32], out: &mut Vec<f64>) {
        let width = self.plan.width();
        out.clear();
        out.resize(rows.len().div_ceil(width.max(1)), f64::NAN);
        if self.forest.predict_raw(rows, width, out).is_err() {
            out.fill(f64::NAN);
        }
    }

    /// The calibrated probability of a raw score.
    pub fn finish(&self, raw: f64) -> f64 {
        self.manifest.calibration.apply(raw, |raw| self.forest.probability(raw))
    }

    /// Why a score is what it is, by TreeSHAP: the features with the largest shares of its raw value (at most 5, largest first,
    /// none below `SHARE_MIN`), and the same by signal in words. Nothing where the score has no row of this plan.
    pub fn why(&self, score: &Score) -> Why {
        let width = self.plan.width();
        let mut shares = vec![0.0; width + 1];
        if self.forest.shap(&score.features, width, &mut shares).is_err() {
            return Why::default();
        }
        let columns = self.plan.names().iter().zip(&score.features).zip(&shares);
        let mut found: Vec<_> = columns.filter(|(_, share)| share.abs() >= SHARE_MIN).collect();
        found.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()));
        let contribution = |((name, value), share): ((&String, &f32), &f64)| Contribution {
            feature: name.into(),
            value: f64::from(*value),
            share: *share,
        };
        Why {
            contributions: found.into_iter().take(CONTRIBUTIONS_MAX).map(contribution).collect(),
            reasons: self.outline.reasons(&score.features, &shares, &score.inputs),
        }
    }
}

/// Compiles a plan with the signal catalogue, the window's ratios and the points of the rules.
///
/// # Errors
/// One sentence that names the entry.
pub fn compile(spec: &PlanSpec) -> Result<FeaturePlan, PlanError> {
    FeaturePlan::compile(spec, &catalogue::by_name, super::rules::DERIVED)
}

/// Lower-case hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn read(path: &Path, bytes_max: usize) -> Result<Vec<u8>, String> {
    let name = path.file_name().unwrap_or_default().display().to_string();
    let file = std::fs::File::open(path).map_err(|error| format!("{name}: {error}"))?;
    let mut bytes = Vec::new();
    file.take(bytes_max as u64 + 1).read_to_end(&mut bytes).map_err(|error| format!("{name}: {error}"))?;
    if bytes.len() > bytes_max { Err(format!("{name} is larger than {bytes_max} bytes")) } else { Ok(bytes) }
}

fn same_features(plan: &[String], model: &[String]) -> Result<(), String> {
    if let Some((at, (ours, theirs))) = plan.iter().zip(model).enumerate().find(|(_, (ours, theirs))| ours != theirs) {
        return Err(format!("feature {at} is {ours:?} in the plan and {theirs:?} in the model"));
    }
    if plan.len() != model.len() {
        return Err(format!("the plan has {} features, the model {}", plan.len(), model.len()));
    }
    Ok(())
}

fn explainable(forest: &Forest) -> Result<(), String> {
    let width = forest.n_features();
    let mut shares = vec![0.0; width + 1];
    forest.shap(&vec![f32::NAN; width], width, &mut shares).map_err(|why| format!("model.txt: {why}"))
}

fn trigger(manifest: &Manifest, plan_signals: &[SignalId]) -> Result<Trigger, String> {
    let spec = &manifest.trigger;
    let mut signals = Vec::with_capacity(spec.signals.len());
    for name in &spec.signals {
        match catalogue::by_name(name).filter(|signal| plan_signals.contains(signal)) {
            Some(signal) => signals.push(signal),
            None => return Err(format!("manifest.toml: trigger.signals names {name:?}, which the plan does not read")),
        }
    }
    signals.sort_unstable();
    signals.dedup();
    if spec.min_signals > plan_signals.len() {
        return Err(format!(
            "manifest.toml: trigger.min_signals is {}, the plan reads {} signals",
            spec.min_signals,
            plan_signals.len()
        ));
    }
    Ok(Trigger { min_interval_s: spec.min_interval_s, signals, min_signals: spec.min_signals, on: spec.on.clone() })
}
