//! What is said of derived features: their title and value, or which input is missing.

use super::outline::Said;
use super::{attribute, spoken};
use crate::decode::SignalId;
use crate::score::boundary::Input;

/// Derived features that are no points: name in the plan, title, unit, decimals at most.
const TITLES: [(&str, &str, &str, usize); 10] = [
    ("shock_index", "shock index", "", 2),
    ("shock_index_modified", "modified shock index", "", 2),
    ("shock_index_modified_estimated", "modified shock index", "", 2),
    ("map_estimated", "estimated mean arterial pressure", "mmHg", 0),
    ("pulse_pressure", "pulse pressure", "mmHg", 0),
    ("bun_creatinine", "urea nitrogen to creatinine ratio", "", 1),
    ("spo2_fio2", "SpO2 to FiO2 ratio", "", 0),
    ("pao2_fio2", "PaO2 to FiO2 ratio", "", 0),
    ("rox", "ROX index", "", 1),
    ("sofa_components", "organs known to SOFA", "", 0),
];

/// How the rules are called whose points a plan may name (`news2_points`).
const RULES: [(&str, &str); 5] = [("news2", "NEWS2"), ("qsofa", "qSOFA"), ("sirs", "SIRS"), ("mews", "MEWS"), ("sofa", "SOFA")];

/// A derived feature by its name; `needs` are the signals it is made from.
pub fn say(name: &str, value: f64, needs: &[SignalId], inputs: &[Input]) -> Said {
    let points = name.strip_suffix("_points");
    let known = TITLES.iter().find(|row| row.0 == name);
    if value.is_nan() {
        let title = match (points, known) {
            (Some(rule), _) => rule_title(rule),
            (None, Some(row)) => row.1.to_owned(),
            (None, None) => name.replace('_', " "),
        };
        return Said { missing: true, words: format!("no {title}{}", because(needs, inputs)) };
    }
    let words = match (points, known) {
        (Some(rule), _) if (value - 1.0).abs() < 1e-9 => format!("{} 1 point", rule_title(rule)),
        (Some(rule), _) => format!("{} {} points", rule_title(rule), spoken::short(value, 1)),
        (None, Some((_, title, unit, digits))) => {
            let space = if unit.is_empty() { "" } else { " " };
            format!("{title} {}{space}{unit}", spoken::short(value, *digits))
        }
        (None, None) => return attribute::other(name, value),
    };
    Said { missing: false, words }
}

/// `: no systolic blood pressure measured`; nothing where every input is there.
fn because(needs: &[SignalId], inputs: &[Input]) -> String {
    let there = |id: &&SignalId| inputs.iter().any(|input| input.signal == **id && input.value.is_some());
    let missing: Vec<SignalId> = needs.iter().filter(|id| !there(id)).copied().collect();
    match missing.len() {
        0 => String::new(),
        count if count == needs.len() && count > 2 => ": none of its inputs measured".to_owned(),
        _ => format!(": no {} measured", spoken::listed(&missing)),
    }
}

fn rule_title(rule: &str) -> String {
    RULES.iter().find(|row| row.0 == rule).map_or_else(|| rule.replace('_', " "), |row| row.1.to_owned())
}
