//! Two searches for the highest rate: the rate that held, and the cost at that rate.

use super::Comparison;
use super::figure::{Figure, Rule};
use crate::report::levels::Unit;
use crate::result::{Search, Step};

/// Two searches; the steps of a search are the resolution of its result, so a step's width is noise too.
pub fn search(old: &Search, new: &Search, tolerance: f64) -> Comparison {
    let band = tolerance.max(step_width(old)).max(step_width(new));
    let mut figures = vec![
        judged(
            "highest rate that held, observations",
            Unit::Rate,
            old.best_observations_per_s,
            new.best_observations_per_s,
            true,
            band,
        ),
        judged("highest rate that held, messages", Unit::Rate, old.best_messages_per_s, new.best_messages_per_s, true, band),
    ];
    let cost = |search: &Search| {
        let best = best(search)?;
        best.server_cpu_cores.map(|cores| cores * 1e6 / best.observations_per_s.max(1.0))
    };
    figures.push(judged(
        "nightlamp's CPU for an observation there",
        Unit::Microseconds,
        cost(old),
        cost(new),
        false,
        tolerance,
    ));
    let mut cautions = Vec::new();
    if old.head.scenario.name != new.head.scenario.name {
        cautions.push(format!("the scenario differs: {} before, {} now", old.head.scenario.name, new.head.scenario.name));
    }
    if old.head.machine.cpu != new.head.machine.cpu || old.head.machine.cores != new.head.machine.cores {
        cautions.push("the machine differs".to_owned());
    }
    Comparison { figures, cautions, tolerance }
}

fn judged(name: &str, unit: Unit, old: Option<f64>, new: Option<f64>, rising: bool, band: f64) -> Figure {
    Figure::judged(name, unit, old, new, Rule { rising, band, floor: 0.0 })
}

/// The step that held at the highest rate.
pub fn best(search: &Search) -> Option<&Step> {
    search.steps.iter().filter(|step| step.held).max_by(|a, b| a.observations_per_s.total_cmp(&b.observations_per_s))
}

/// From the best step to the lowest that did not hold above it, as a share.
fn step_width(search: &Search) -> f64 {
    let Some(best) = best(search) else { return 0.0 };
    let above = search.steps.iter().filter(|step| !step.held && step.factor > best.factor).map(|step| step.factor);
    above.reduce(f64::min).map_or(0.0, |next| next / best.factor - 1.0)
}
