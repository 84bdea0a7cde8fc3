//! SOFA: Vincent JL et al. The SOFA (Sepsis-related Organ Failure Assessment) score. Intensive Care Med 1996;22:707. Six organs
//! with 0 to 4 points each; here as features of a plan, from the last values of the stay.
//!
//! What nightlamp is not told bounds what it may give: without knowledge of ventilation respiration has at most 2 points (the
//! table's 3 and 4 need respiratory support), without knowledge of vasopressors circulation has at most 1. An organ without
//! values is not counted as healthy: `sofa_components` says how many of the six went into `sofa_points`. Values are compared as
//! they are, each band beginning where it is printed.

use super::shock_index::mean_arterial;

/// What both features read, in this order.
pub const INPUTS: [&str; 9] = ["PaO2", "FiO2", "Platelets", "Bilirubin_total", "MAP", "SBP", "DBP", "GCS", "Creatinine"];

/// Points and number of organs; None without any. `values` in the order of `INPUTS`, NaN where missing.
pub fn evaluate(values: &[f64]) -> Option<(f64, f64)> {
    let [pao2, fio2, platelets, bilirubin, map, sbp, dbp, gcs, creatinine] = *<&[f64; 9]>::try_from(values).ok()?;
    let map = if map.is_nan() { mean_arterial(sbp, dbp) } else { map };
    let organs = [
        below(pao2 / fio2, &[400.0, 300.0]),
        below(platelets, &[150.0, 100.0, 50.0, 20.0]),
        from(bilirubin, &[1.2, 2.0, 6.0, 12.0]),
        below(map, &[70.0]),
        below(gcs, &[15.0, 13.0, 10.0, 6.0]),
        from(creatinine, &[1.2, 2.0, 3.5, 5.0]),
    ];
    let known = organs.iter().flatten();
    let present = known.clone().count();
    (present > 0).then(|| (known.sum(), present as f64))
}

/// A point for every edge the value is below.
fn below(value: f64, edges: &[f64]) -> Option<f64> {
    (!value.is_nan()).then(|| edges.iter().filter(|edge| value < **edge).count() as f64)
}

/// A point for every edge the value has reached.
fn from(value: f64, edges: &[f64]) -> Option<f64> {
    (!value.is_nan()).then(|| edges.iter().filter(|edge| value >= **edge).count() as f64)
}
