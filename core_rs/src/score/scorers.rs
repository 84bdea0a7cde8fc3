//! The registry of scorers: rules first, in a fixed order, then bundles in the order they were given.
//!
//! A scorer's index is its place here; `Score::scorer` holds it. Immutable once loaded. At most 64 bundles; names are unique.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Value, json};

use super::boundary::Score;
use super::bundle::{self, Bundle, BundleError, hex};
use super::explain::Why;
use super::rules::{self, Rule};
use crate::decode::{SignalId, catalogue};
use crate::window::{FeaturePlan, PlanError, PlanSpec};

/// Most bundles loaded at once.
pub const BUNDLES_MAX: usize = 64;

/// Who made a score: what the engine's list holds at `Score::scorer`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScorerName<'a> {
    /// Rule or bundle.
    pub name: &'a str,
    /// Of the rule or bundle.
    pub version: &'a str,
    /// SHA-256 of the bundle's model; empty for rules.
    pub sha256: &'a [u8],
}

/// All scorers.
#[derive(Debug)]
pub struct Scorers {
    rules: Vec<Rule>,
    bundles: Vec<Bundle>,
    plans: Vec<Arc<FeaturePlan>>,
}

impl Scorers {
    /// The rules and these bundles.
    ///
    /// # Errors
    /// The first bundle that is refused, and why.
    pub fn load(bundle_folders: &[PathBuf]) -> Result<Self, BundleError> {
        let rules: Vec<Rule> = (0..).zip(rules::ALL).map(|(index, definition)| Rule::new(index, definition)).collect();
        let mut bundles: Vec<Bundle> = Vec::with_capacity(bundle_folders.len());
        for folder in bundle_folders {
            let refuse = |why: String| BundleError { bundle: folder.display().to_string(), why };
            if bundles.len() == BUNDLES_MAX {
                return Err(refuse(format!("more than {BUNDLES_MAX} bundles")));
            }
            let loaded = Bundle::load(folder, (rules.len() + bundles.len()) as u16)?;
            let name = &loaded.manifest().name;
            let is_rule = rules.iter().any(|rule| rule.definition().name == name);
            if is_rule || bundles.iter().any(|other| &other.manifest().name == name) {
                return Err(refuse(format!("there is another scorer named {name}")));
            }
            bundles.push(loaded);
        }
        let plans = bundles.iter().map(|bundle| Arc::clone(bundle.plan())).collect();
        Ok(Self { rules, bundles, plans })
    }

    /// The rules, in order.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The bundles, in order.
    pub fn bundles(&self) -> &[Bundle] {
        &self.bundles
    }

    /// The bundles' plans, in order.
    pub fn plans(&self) -> &[Arc<FeaturePlan>] {
        &self.plans
    }

    /// Compiles a plan as a bundle's would be.
    ///
    /// # Errors
    /// One sentence that names the entry.
    pub fn compile(&self, spec: &PlanSpec) -> Result<FeaturePlan, PlanError> {
        bundle::compile(spec)
    }

    /// Scorers loaded.
    pub fn len(&self) -> usize {
        self.rules.len() + self.bundles.len()
    }

    /// False: there are always the rules.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Names by index.
    pub fn names(&self) -> Vec<String> {
        let rules = self.rules.iter().map(|rule| rule.definition().name.to_owned());
        rules.chain(self.bundles.iter().map(|bundle| bundle.manifest().name.clone())).collect()
    }

    /// Name, version and hash (hexadecimal, empty for rules) of each scorer by index, parted by tabs: what snapshots name them by.
    pub fn identities(&self) -> Vec<String> {
        let named = (0..).map(|index| self.named(index)).take(self.len());
        named.map(|scorer| format!("{}\t{}\t{}", scorer.name, scorer.version, hex(scorer.sha256))).collect()
    }

    /// The signals a scorer reads; none where nobody is at the index.
    pub fn signals(&self, index: u16) -> &[SignalId] {
        match (self.rule(index), self.bundle(index)) {
            (Some(rule), _) => rule.definition().signals,
            (None, Some(bundle)) => bundle.signals(),
            (None, None) => &[],
        }
    }

    /// Who is at an index; the name is empty where nobody is.
    pub fn named(&self, index: u16) -> ScorerName<'_> {
        if let Some(rule) = self.rule(index) {
            let definition = rule.definition();
            return ScorerName { name: definition.name, version: definition.version, sha256: &[] };
        }
        match self.bundle(index) {
            Some(bundle) => {
                let manifest = bundle.manifest();
                ScorerName { name: &manifest.name, version: &manifest.version, sha256: bundle.sha256() }
            }
            None => ScorerName { name: "", version: "", sha256: &[] },
        }
    }

    /// What made a score, most important first: of a model the largest TreeSHAP shares by feature and, in words, by signal; of a
    /// rule the items that scored. Nothing where nobody is at the score's index.
    pub fn why(&self, score: &Score) -> Why {
        match (self.bundle(score.scorer), self.rule(score.scorer)) {
            (Some(bundle), _) => bundle.why(score),
            (None, Some(_)) => Rule::why(score),
            (None, None) => Why::default(),
        }
    }

    /// What people and the store see of the scorers: a JSON array of objects with `index`, `name`, `version`, `kind` (`rule`
    /// or `model`), `sha256` (hexadecimal, empty for rules), `title`, `features`, `signals`, `thresholds`, `outcome`,
    /// `horizon_h`, and for models `manifest`.
    pub fn listing(&self) -> Value {
        let rules = self.rules.iter().map(rule_listing);
        Value::Array(rules.chain(self.bundles.iter().map(bundle_listing)).collect())
    }

    fn rule(&self, index: u16) -> Option<&Rule> {
        self.rules.get(usize::from(index))
    }

    fn bundle(&self, index: u16) -> Option<&Bundle> {
        self.bundles.get(usize::from(index).checked_sub(self.rules.len())?)
    }
}

fn signal_names(signals: &[SignalId]) -> Vec<&'static str> {
    signals.iter().filter_map(|signal| catalogue::signal(*signal)).map(|row| row.name).collect()
}

fn rule_listing(rule: &Rule) -> Value {
    let definition = rule.definition();
    let thresholds: serde_json::Map<_, _> = definition
        .thresholds
        .iter()
        .map(|(purpose, value, text)| ((*purpose).to_owned(), json!({"value": value, "text": text})))
        .collect();
    json!({
        "index": rule.index(),
        "name": definition.name,
        "version": definition.version,
        "kind": "rule",
        "sha256": "",
        "title": definition.title,
        "source": definition.source,
        "features": signal_names(definition.signals),
        "signals": signal_names(definition.signals),
        "thresholds": thresholds,
        "outcome": null,
        "horizon_h": null,
    })
}

fn bundle_listing(bundle: &Bundle) -> Value {
    let manifest = bundle.manifest();
    json!({
        "index": bundle.scorer(),
        "name": manifest.name,
        "version": manifest.version,
        "kind": "model",
        "sha256": hex(bundle.sha256()),
        "title": manifest.name,
        "features": bundle.plan().names(),
        "signals": signal_names(bundle.signals()),
        "thresholds": manifest.thresholds,
        "outcome": manifest.outcome,
        "horizon_h": manifest.horizon_h,
        "manifest": manifest,
    })
}
