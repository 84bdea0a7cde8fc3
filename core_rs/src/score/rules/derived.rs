//! Points of the rules as features of a plan: what a model may eat beside the raw signals.
//!
//! They are computed from the last values of the stay without their ages, so nothing goes stale and where two signals say the
//! same thing (oxygen, consciousness) the worse one counts. NaN where the rule gives no score.

use super::{Definition, mews, news2, qsofa, shock_index, sirs, sofa};
use crate::decode::SignalId;
use crate::decode::catalogue::{DBP, HR, MAP, SBP};
use crate::window::DerivedRule;

/// Derived features a plan may name beside `window::RATIOS`.
pub const DERIVED: &[DerivedRule] = &[
    DerivedRule {
        name: "news2_points",
        inputs: &["Resp", "O2Sat", "Oxygen", "FiO2", "SBP", "HR", "Consciousness", "GCS", "Temp"],
        eval: |values| points(&news2::DEFINITION, values),
    },
    DerivedRule {
        name: "qsofa_points",
        inputs: &["Resp", "Consciousness", "GCS", "SBP"],
        eval: |values| points(&qsofa::DEFINITION, values),
    },
    DerivedRule {
        name: "sirs_points",
        inputs: &["Temp", "HR", "Resp", "PaCO2", "WBC", "Bands"],
        eval: |values| points(&sirs::DEFINITION, values),
    },
    DerivedRule {
        name: "mews_points",
        inputs: &["SBP", "HR", "Resp", "Temp", "Consciousness"],
        eval: |values| points(&mews::DEFINITION, values),
    },
    // Over the mean arterial pressure, estimated where it is not measured; `shock_index_modified` needs it measured.
    DerivedRule {
        name: "shock_index_modified_estimated",
        inputs: &["HR", "MAP", "SBP", "DBP"],
        eval: |values| shock_index::modified(&|signal| of(&[HR, MAP, SBP, DBP], values, signal)).unwrap_or(f64::NAN),
    },
    DerivedRule {
        name: "sofa_points",
        inputs: &sofa::INPUTS,
        eval: |values| sofa::evaluate(values).map_or(f64::NAN, |score| score.0),
    },
    // How many of the six organs are in `sofa_points`: 0 to 6.
    DerivedRule {
        name: "sofa_components",
        inputs: &sofa::INPUTS,
        eval: |values| sofa::evaluate(values).map_or(0.0, |score| score.1),
    },
];

/// The inputs stand in the order of `definition.signals`.
fn points(definition: &Definition, values: &[f64]) -> f64 {
    (definition.evaluate)(&|signal| of(definition.signals, values, signal)).map_or(f64::NAN, |evaluation| evaluation.value)
}

fn of(signals: &[SignalId], values: &[f64], signal: SignalId) -> Option<(f64, f64)> {
    let at = signals.iter().position(|known| *known == signal)?;
    values.get(at).filter(|value| !value.is_nan()).map(|value| (*value, 0.0))
}
