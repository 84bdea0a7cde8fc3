//! The end of a run on the terminal: what k6 and wrk2 print, in their order. Signs and words, no colour; 100 columns.

use super::figures::{self, NOTHING};
use super::levels::{self, Unit};
use crate::result::{Run, Search};

/// A run, with a line break at the end.
pub fn run(run: &Run) -> String {
    let (counts, facts) = (&run.conservation, &run.head.scenario);
    let mut lines = vec![String::new(), format!("{}: {}", facts.name, facts.about), String::new()];
    lines.push(format!(
        "  {:<14}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}",
        "latency, ms", "samples", "p50", "p90", "p99", "p99.9", "p99.99", "longest"
    ));
    for stage in run.stages.iter().filter(|stage| stage.percentiles.count > 0) {
        let p = &stage.percentiles;
        let from =
            |samples: u64, us: u64| if p.count >= samples { figures::number(us as f64 / 1e3) } else { NOTHING.to_owned() };
        let cells = [
            from(1, p.p50_us),
            from(10, p.p90_us),
            from(100, p.p99_us),
            from(1000, p.p999_us),
            from(10_000, p.p9999_us),
            from(1, p.max_us),
        ];
        let cells: String = cells.iter().map(|cell| format!("{cell:>10}")).collect();
        lines.push(format!("  {:<14}{:>10}{cells}", stage.name, figures::count(p.count)));
    }
    let due_s = facts.duration_s.max(1.0);
    let rate = |count: u64| figures::per_s(count as f64 / due_s);
    lines.push(String::new());
    lines.push(format!(
        "  {:<14}{} of {} due; {} observations",
        "acknowledged",
        rate(counts.acknowledged),
        rate(counts.due),
        rate(counts.observations_sent)
    ));
    let main = [
        ("due", Some(counts.due)),
        ("sent", Some(counts.sent)),
        ("acknowledged", Some(counts.acknowledged)),
        ("journalled", counts.journalled),
        ("stored", counts.stored),
        ("seen", counts.seen),
    ];
    lines.push(format!("  {:<14}{}", "messages", listed(&main)));
    let lost = [
        ("unsent", Some(counts.unsent)),
        ("refused", Some(counts.refused)),
        ("unanswered", Some(counts.unanswered)),
        ("sent again", Some(counts.resent)),
        ("dead letters", counts.dead_lettered),
    ];
    lines.push(format!("  {:<14}{}", "not arrived", listed(&lost)));
    for difference in &counts.differences {
        let sign = if difference.explained { "~" } else { "✗" };
        let text = format!(
            "{sign} {}: {} and {}; {}",
            difference.name,
            figures::count(difference.expected),
            figures::count(difference.found),
            difference.why
        );
        lines.push(format!("  {:<14}{text}", ""));
    }
    lines.push(format!("  {:<14}{}", "server", server(run)));
    let late = figures::ms(run.generator.late.p99_us as f64 / 1e3);
    lines.push(format!("  {:<14}{}, late by its own fault p99 {late}", "generator", figures::cores(run.generator.cores_mean)));
    lines.push(String::new());
    for level in &run.slo {
        let unit = Unit::of(&level.name);
        let (sign, word) = if level.met { ("✓", "met") } else { ("✗", "MISSED") };
        let measured = level.measured.map_or_else(|| "not measured".to_owned(), |value| unit.show(value));
        let bound = if levels::is_floor(&level.name) { "at least" } else { "at most" };
        lines.push(format!("  {sign} {word:<7}{:<44}{measured}, {bound} {}", level.name, unit.show(level.limit)));
    }
    lines.extend(run.verdict.warnings.iter().map(|warning| format!("  ! {warning}")));
    lines.extend(run.verdict.reasons.iter().map(|reason| format!("  ✗ {reason}")));
    let word = if run.verdict.passed { "passed" } else { "FAILED" };
    lines.push(format!("  {word}, exit code {}", run.verdict.exit_code));
    lines.join("\n") + "\n"
}

fn listed(counts: &[(&str, Option<u64>)]) -> String {
    let known = counts.iter().filter_map(|(name, count)| count.map(|count| format!("{name} {}", figures::count(count))));
    known.collect::<Vec<_>>().join(", ")
}

fn server(run: &Run) -> String {
    let server = &run.server;
    let mut told = Vec::new();
    if let Some(cores) = server.cpu_cores_mean {
        told.push(figures::cores(cores));
    }
    if let Some(us) = server.cpu_us_per_observation {
        told.push(format!("{} µs an observation", figures::number(us)));
    }
    if let Some(cores) = server.children_cpu_cores_mean {
        told.push(format!("PostgreSQL and Redis {}", figures::cores(cores)));
    }
    if let Some(rss) = server.rss_bytes_max {
        told.push(format!("memory {}", figures::bytes(rss as f64)));
    }
    if let Some(written) = server.disk_written_bytes {
        told.push(format!("disk written {}", figures::bytes(written as f64)));
    }
    if told.is_empty() { "not measured (it is not on this machine)".to_owned() } else { told.join(", ") }
}

/// A search, with a line break at the end.
pub fn search(search: &Search) -> String {
    let mut lines =
        vec![String::new(), format!("{}: search for the highest rate that holds", search.head.scenario.name), String::new()];
    lines.push(format!("  {:>14}{:>14}{:>16}{:>12}{:>10}  ", "observations", "messages", "ack p99, ms", "seen p99", "CPU"));
    for step in &search.steps {
        let p99 = |stage: &str| {
            step.stages.get(stage).map_or_else(|| NOTHING.to_owned(), |known| figures::number(known.p99_us as f64 / 1e3))
        };
        let cpu = step.server_cpu_cores.map_or_else(|| NOTHING.to_owned(), figures::number);
        let held = if step.held { "✓ held".to_owned() } else { format!("✗ {}", step.why) };
        let (observations, messages) = (figures::per_s(step.observations_per_s), figures::per_s(step.messages_per_s));
        lines.push(format!(
            "  {observations:>14}{messages:>14}{:>16}{:>12}{cpu:>10}  {held}",
            p99("acknowledged"),
            p99("seen")
        ));
    }
    lines.push(String::new());
    lines.push(search.best_observations_per_s.map_or_else(
        || "  not even the first rate held".to_owned(),
        |best| format!("  highest rate that held: {} observations", figures::per_s(best)),
    ));
    lines.join("\n") + "\n"
}
