//! Figures that two runs are compared by, and the judgement of one.

use super::noise;
use crate::report::levels::{self, Unit};
use crate::result::{Run, Second};

/// Cores below which a change says nothing.
const CORES_FLOOR: f64 = 0.02;
/// Bytes below which a change of memory says nothing.
const RSS_FLOOR: f64 = 8.0 * 1_048_576.0;
/// Share of the messages below which a change of losses says nothing, unless there were none before.
const LOSS_FLOOR: f64 = 1e-4;

/// What a change comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Better than the noise explains.
    Better,
    /// Within the noise.
    Same,
    /// Worse than the noise explains.
    Worse,
    /// Shown only.
    Unjudged,
}

/// One figure of both runs.
#[derive(Debug, Clone)]
pub struct Figure {
    /// What it is.
    pub name: String,
    /// Before.
    pub old: Option<f64>,
    /// Now.
    pub new: Option<f64>,
    /// How it is written.
    pub unit: Unit,
    /// A ratio within 1 ± this is noise; none where there is no band.
    pub band: Option<f64>,
    /// What the change comes to.
    pub outcome: Outcome,
}

/// How a figure is judged.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Larger is better.
    pub rising: bool,
    /// Share that is noise.
    pub band: f64,
    /// Difference that is noise, in the figure's unit.
    pub floor: f64,
}

impl Figure {
    /// A figure judged by a rule; unjudged where one side was not measured.
    pub fn judged(name: &str, unit: Unit, old: Option<f64>, new: Option<f64>, rule: Rule) -> Self {
        let outcome = match (old, new) {
            (Some(old), Some(new)) => judge(old, new, rule),
            _ => Outcome::Unjudged,
        };
        // The floor, too, is a band around what was there before.
        let band = old.filter(|old| *old > 0.0).map_or(rule.band, |old| rule.band.max(rule.floor / old));
        Self { name: name.to_owned(), old, new, unit, band: (band > 0.0).then_some(band), outcome }
    }

    /// A figure that is only shown.
    pub fn shown(name: &str, unit: Unit, old: Option<f64>, new: Option<f64>) -> Self {
        Self { name: name.to_owned(), old, new, unit, band: None, outcome: Outcome::Unjudged }
    }
}

fn judge(old: f64, new: f64, rule: Rule) -> Outcome {
    let grew = new - old;
    // A band of 25 % counts both ways: 1.25 times as much, or 1/1.25 of it.
    let beyond = if grew > 0.0 { new > old * (1.0 + rule.band) } else { new * (1.0 + rule.band) < old };
    if grew.abs() <= rule.floor || !beyond {
        Outcome::Same
    } else if (grew > 0.0) == rule.rising {
        Outcome::Better
    } else {
        Outcome::Worse
    }
}

/// Seconds in which sends were due, without the warm-up.
pub fn steady(run: &Run) -> impl Iterator<Item = &Second> {
    let facts = &run.head.scenario;
    run.seconds
        .iter()
        .filter(move |second| f64::from(second.t_s) >= facts.warmup_s && f64::from(second.t_s) + 1.0 <= facts.duration_s)
}

/// Throughput, CPU, memory, disk and lag.
pub fn costs(old: &Run, new: &Run, tolerance: f64) -> Vec<Figure> {
    let by_second = |run: &Run, of: fn(&Second) -> Option<f64>| steady(run).filter_map(of).collect::<Vec<f64>>();
    let banded = |of: fn(&Second) -> Option<f64>| noise::band(tolerance, &by_second(old, of), &by_second(new, of));
    let both = |of: fn(&Run) -> Option<f64>| (of(old), of(new));
    let mut figures = Vec::new();
    let mut add = |name: &str, unit, (old, new): (Option<f64>, Option<f64>), rising, band, floor| {
        if old.is_some() || new.is_some() {
            figures.push(Figure::judged(name, unit, old, new, Rule { rising, band, floor }));
        }
    };
    let acknowledged = both(|run| Some(run.conservation.acknowledged as f64 / run.head.scenario.duration_s.max(1.0)));
    add("acknowledged", Unit::Rate, acknowledged, true, tolerance, 0.0);
    let cpu = banded(|second| second.server.cpu_cores);
    add("nightlamp's CPU", Unit::Cores, both(|run| run.server.cpu_cores_mean), false, cpu, CORES_FLOOR);
    add(
        "nightlamp's CPU for an observation",
        Unit::Microseconds,
        both(|run| run.server.cpu_us_per_observation),
        false,
        cpu,
        0.5,
    );
    let children = banded(|second| second.server.children_cpu_cores);
    add(
        "CPU of PostgreSQL and Redis",
        Unit::Cores,
        both(|run| run.server.children_cpu_cores_mean),
        false,
        children,
        CORES_FLOOR,
    );
    let rss = both(|run| run.server.rss_bytes_max.map(|bytes| bytes as f64));
    add("nightlamp's memory, largest", Unit::Bytes, rss, false, tolerance, RSS_FLOOR);
    let written =
        both(|run| run.server.disk_written_bytes.map(|bytes| bytes as f64 / run.conservation.observations_sent.max(1) as f64));
    add("disk written for an observation", Unit::Bytes, written, false, tolerance, 16.0);
    // Less than a twentieth of a second's messages is what polling happens to see.
    let floor = new.conservation.due as f64 / new.head.scenario.duration_s.max(1.0) / 20.0;
    let processed = both(|run| noise::median(steady(run).filter_map(|second| second.lag.processed).map(|lag| lag as f64)));
    add(
        "frames not yet scored, median",
        Unit::Plain,
        processed,
        false,
        banded(|second| second.lag.processed.map(|lag| lag as f64)),
        floor,
    );
    let stored = both(|run| noise::median(steady(run).filter_map(|second| second.lag.stored).map(|lag| lag as f64)));
    add(
        "frames not yet stored, median",
        Unit::Plain,
        stored,
        false,
        banded(|second| second.lag.stored.map(|lag| lag as f64)),
        floor,
    );
    figures.push(Figure::shown("generator's CPU", Unit::Cores, Some(old.generator.cores_mean), Some(new.generator.cores_mean)));
    figures
}

/// Messages that did not arrive.
pub fn losses(old: &Run, new: &Run) -> Vec<Figure> {
    let unexplained = |run: &Run| run.conservation.differences.iter().filter(|one| !one.explained).count() as u64;
    let (a, b) = (&old.conservation, &new.conservation);
    let counts = [
        ("unsent", a.unsent, b.unsent),
        ("refused", a.refused, b.refused),
        ("unanswered", a.unanswered, b.unanswered),
        ("dead letters", a.dead_lettered.unwrap_or(0), b.dead_lettered.unwrap_or(0)),
    ];
    let mut figures: Vec<Figure> = counts
        .into_iter()
        .map(|(name, before, now)| {
            let floor = if before == 0 { 0.0 } else { b.due as f64 * LOSS_FLOOR };
            let rule = Rule { rising: false, band: 0.0, floor };
            Figure::judged(name, Unit::Plain, Some(before as f64), Some(now as f64), rule)
        })
        .collect();
    let rule = Rule { rising: false, band: 0.0, floor: 0.0 };
    let (before, now) = (unexplained(old) as f64, unexplained(new) as f64);
    figures.push(Figure::judged("counts that do not add up", Unit::Plain, Some(before), Some(now), rule));
    figures
}

/// Service levels that were met and are not any more, or the other way round.
pub fn levels(old: &Run, new: &Run) -> Vec<Figure> {
    let turned = new.slo.iter().filter_map(|now| {
        let before = old.slo.iter().find(|before| before.name == now.name && before.limit == now.limit)?;
        (before.met != now.met).then(|| Figure {
            name: format!("service level {}", levels::words(&now.name)),
            old: before.measured,
            new: now.measured,
            unit: Unit::of(&now.name),
            band: None,
            outcome: if now.met { Outcome::Better } else { Outcome::Worse },
        })
    });
    turned.collect()
}
