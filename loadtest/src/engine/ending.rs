//! What a run comes to: stages, counts that add up, service levels, the verdict.

use std::collections::BTreeMap;
use std::time::Duration;

use super::collected::Collected;
use super::conserve::conservation;
use crate::cli::interrupt::interrupted;
use crate::observe::metrics::Figures;
use crate::plan::Plan;
use crate::result::{Conservation, Difference, Generator, Head, Latencies, Level, Run, SCHEMA, ServerTotals, Stage, Verdict};
use crate::scenario::{Bound, Measure, STAGES, level};

/// Exit code of a broken service level.
pub const LEVEL_BROKEN: u8 = 3;
/// Exit code of counts that do not add up.
pub const NOT_CONSERVED: u8 = 4;
/// Exit code of a run that was ended by Ctrl-C or SIGTERM.
pub const INTERRUPTED: u8 = 130;
/// Later than this by its own fault at the 99th percentile, the generator is the bottleneck, microseconds.
const LATE_US_MAX: u64 = 10_000;

/// Puts everything together.
pub fn run(plan: &Plan, head: Head, got: Collected, before: &Figures, after: Option<&Figures>, poll: Duration) -> Run {
    let conservation = conservation(plan, &got, before, after);
    let stages = stages(&got, u64::try_from(poll.as_micros()).unwrap_or(0));
    let generator = generator(plan, &got);
    let server = server(plan, &got);
    let slo = levels(plan, &got, &stages, &conservation, &server);
    let mut doubts = doubts(&generator);
    doubts.extend(plan.target.in_clear());
    let verdict = verdict(plan, &got, &conservation, &slo, doubts);
    Run {
        schema: SCHEMA,
        head,
        took_s: got.took_s,
        stages,
        conservation,
        generator,
        server,
        slo,
        verdict,
        seconds: got.seconds,
        events: got.events,
    }
}

const HOW: [(&str, bool); 6] = [
    ("PUBACK, HTTP 2xx or MSA AA/CA received: the server says it is durable (QoS 0: written)", false),
    ("/metrics says that the frame has gone through decode, window, score and alert", true),
    ("/metrics says that the frame's rows are in the database", true),
    ("the first console of the bed's unit received a state as new as the reading; each reading once", false),
    ("every console's every delivery, from the newest reading in it; conflated states are one delivery", false),
    ("as consoles, of those alone that no stall step concerns", false),
];

fn stages(got: &Collected, interval_us: u64) -> Vec<Stage> {
    STAGES
        .iter()
        .zip(HOW)
        .zip(&got.stages)
        .filter(|(_, histogram)| !histogram.is_empty())
        .map(|((name, (how, polled)), histogram)| {
            let latencies = Latencies::of(histogram);
            let percentiles = latencies.percentiles();
            Stage {
                name: (*name).to_owned(),
                how: how.to_owned(),
                resolution_us: if polled { interval_us } else { 1_000 },
                latencies,
                percentiles,
            }
        })
        .collect()
}

fn generator(plan: &Plan, got: &Collected) -> Generator {
    let before = |name: &String| got.cpu.before.get(name).copied().unwrap_or_default();
    let spent = || got.cpu.after.iter().map(|(name, after)| (name.clone(), after.since(before(name))));
    let cpu_s: BTreeMap<String, f64> = spent().map(|(name, spent)| (name, spent.ran_s)).collect();
    let all: f64 = cpu_s.values().sum();
    let senders: f64 = got.cpu.senders.values().sum();
    let late = Latencies::of(&got.late).percentiles();
    Generator {
        cores_mean: all / plan.curve.duration_s().max(0.001),
        messages_per_cpu_s: if senders > 0.0 { (got.sent + got.resent) as f64 / senders } else { 0.0 },
        bottleneck: late.p99_us > LATE_US_MAX || !got.saturated.is_empty(),
        late,
        waited_s: spent().map(|(name, spent)| (name, spent.waited_s)).collect(),
        saturated_s: got.saturated.clone(),
        cpu_s,
    }
}

/// Why the figures may be the generator's and not the server's, a sentence each.
fn doubts(generator: &Generator) -> Vec<String> {
    let mut doubts = Vec::new();
    if generator.late.p99_us > LATE_US_MAX {
        let late_ms = generator.late.p99_us as f64 / 1_000.0;
        doubts.push(format!("the generator was the bottleneck: its sends were {late_ms:.1} ms late at p99 by its own fault"));
    }
    for (thread, seconds) in &generator.saturated_s {
        let waited_s = generator.waited_s.get(thread).copied().unwrap_or(0.0);
        let what = match thread.as_str() {
            "consoles" => "what was seen is too late by its own fault",
            "poller" => "scored and stored are too late by its own fault",
            _ => "its figures are too late by its own fault",
        };
        doubts.push(format!(
            "the generator was the bottleneck: its thread {thread} had no moment to spare in {seconds} s \
             (in the whole run it waited {waited_s:.1} s for a core), so {what}"
        ));
    }
    doubts
}

fn server(plan: &Plan, got: &Collected) -> ServerTotals {
    let scheduled: Vec<_> = got.seconds.iter().filter(|second| f64::from(second.t_s) < plan.curve.duration_s()).collect();
    // A second whose question came late is part of a later one: the sum is right, so it is shared among all.
    let mean = |values: Vec<f64>| (!values.is_empty()).then(|| values.iter().sum::<f64>() / scheduled.len().max(1) as f64);
    let own: Vec<f64> = scheduled.iter().filter_map(|second| second.server.cpu_cores).collect();
    let cpu_s: f64 = got.seconds.iter().filter_map(|second| second.server.cpu_cores).sum();
    ServerTotals {
        cpu_us_per_observation: (!own.is_empty() && got.observations > 0).then(|| cpu_s * 1e6 / got.observations as f64),
        cpu_cores_mean: mean(own),
        children_cpu_cores_mean: mean(scheduled.iter().filter_map(|second| second.server.children_cpu_cores).collect()),
        rss_bytes_max: got.seconds.iter().filter_map(|second| second.server.rss_bytes).max(),
        disk_written_bytes: got.seconds.iter().filter_map(|second| second.server.disk_written_bytes).max(),
    }
}

fn levels(plan: &Plan, got: &Collected, stages: &[Stage], counts: &Conservation, server: &ServerTotals) -> Vec<Level> {
    let lag_end = got.at_end.and_then(|figures| Some(figures.durable?.saturating_sub(figures.stored?)));
    let figure = |name: &str| -> Option<f64> {
        match name {
            "refused_max" => Some(counts.refused as f64),
            "unanswered_max" => Some(counts.unanswered as f64),
            "unsent_max" => Some(counts.unsent as f64),
            "unsent_s_max" => Some(got.unsent_s_max),
            "lag_end_frames_max" => lag_end.map(|frames| frames as f64),
            "observations_per_s_min" => Some(got.observations_in_time as f64 / plan.curve.duration_s()),
            "server_cpu_cores_max" => server.cpu_cores_mean,
            "server_rss_mib_max" => server.rss_bytes_max.map(|bytes| bytes as f64 / f64::from(1 << 20)),
            "recovered_s_max" => got.recovered_s.iter().copied().reduce(f64::max),
            "drained_s_max" => got.drained_s,
            _ => None,
        }
    };
    let measure = |(name, limit): (&String, &f64)| {
        let (measured, bound) = match level(name) {
            Ok(Measure::Latency(stage, share)) => {
                let found = stages.iter().find(|one| one.name == stage);
                (found.map(|one| one.latencies.at(share) as f64 / 1_000.0), Bound::AtMost)
            }
            Ok(Measure::Figure(known, bound)) => (figure(known), bound),
            Err(_) => (None, Bound::AtMost),
        };
        let met = measured.is_some_and(|value| if bound == Bound::AtMost { value <= *limit } else { value >= *limit });
        Level { name: name.clone(), limit: *limit, measured, met }
    };
    plan.scenario.levels.iter().map(measure).collect()
}

/// What every scenario asks without a level: that messages were due, were written, and some taken.
fn nothing_done(plan: &Plan, counts: &Conservation) -> Vec<String> {
    let mut reasons = Vec::new();
    if counts.due == 0 {
        reasons.push("the schedule asked for no message".to_owned());
    } else if counts.acknowledged == 0 {
        reasons.push("not one message was acknowledged".to_owned());
    }
    if counts.unsent > 0 && !plan.scenario.levels.contains_key("unsent_max") {
        let unsent = counts.unsent;
        reasons.push(format!(
            "{unsent} messages were due and never written: the server did not keep up (a level unsent_max may allow some)"
        ));
    }
    reasons
}

fn verdict(plan: &Plan, got: &Collected, counts: &Conservation, slo: &[Level], doubts: Vec<String>) -> Verdict {
    let mut reasons: Vec<String> = Vec::new();
    for level in slo.iter().filter(|level| !level.met) {
        let measured = level.measured.map_or("nothing was measured".to_owned(), |value| format!("measured {value:.3}"));
        reasons.push(format!("service level {}: limit {}, {measured}", level.name, level.limit));
    }
    reasons.extend(nothing_done(plan, counts));
    let broken = !reasons.is_empty();
    let lost: Vec<&Difference> = counts.differences.iter().filter(|one| !one.explained).collect();
    for one in &lost {
        reasons.push(format!("{}: {} and {}: {}", one.name, one.expected, one.found, one.why));
    }
    let unknown = !counts.unknown.is_empty();
    if unknown {
        let what = counts.unknown.join(", ");
        reasons.push(format!("whether the counts add up is not known: /metrics did not tell {what}"));
    }
    let mut warnings = doubts;
    if interrupted() {
        reasons.push("it was interrupted".to_owned());
    }
    for one in counts.differences.iter().filter(|one| one.explained) {
        warnings.push(format!("{}: {} and {}: {}", one.name, one.expected, one.found, one.why));
    }
    for (fault, count) in &got.faults {
        warnings.push(format!("{fault} (told {count} times)"));
    }
    let exit_code = if interrupted() {
        INTERRUPTED
    } else if unknown || !lost.is_empty() {
        NOT_CONSERVED
    } else if broken {
        LEVEL_BROKEN
    } else {
        0
    };
    Verdict { passed: exit_code == 0, exit_code, reasons, warnings }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Scenario;

    fn judged(levels: &str, counts: &Conservation) -> Verdict {
        let text = format!("name = 'x'\nduration_s = 5.0\n[ward]\npatients = 4\n[levels]\n{levels}");
        let plan = crate::plan::tests::of(Scenario::parse(&text).unwrap());
        let got = Collected::new(counts.due);
        let slo = levels_of(&plan, &got, counts);
        verdict(&plan, &got, counts, &slo, Vec::new())
    }

    fn levels_of(plan: &Plan, got: &Collected, counts: &Conservation) -> Vec<Level> {
        levels(plan, got, &[], counts, &ServerTotals::default())
    }

    #[test]
    fn a_run_that_sent_nothing_or_not_all_fails_also_where_no_level_says_so() {
        let full = Conservation { due: 20, sent: 20, acknowledged: 20, ..Conservation::default() };
        assert_eq!(judged("refused_max = 0.0\nunanswered_max = 0.0", &full).exit_code, 0);
        let nothing = Conservation { due: 20, unsent: 20, ..Conservation::default() };
        let none_due = Conservation::default();
        let some = Conservation { due: 20, sent: 19, acknowledged: 19, unsent: 1, ..Conservation::default() };
        for (counts, said) in [(&nothing, "not one message"), (&none_due, "no message"), (&some, "1 messages were due")] {
            let verdict = judged("refused_max = 0.0\nunanswered_max = 0.0", counts);
            assert_eq!((verdict.passed, verdict.exit_code), (false, LEVEL_BROKEN));
            assert!(verdict.reasons.iter().any(|reason| reason.contains(said)), "{:?}", verdict.reasons);
        }
        assert_eq!(judged("unsent_max = 1.0", &some).exit_code, 0);
        assert_eq!(judged("unsent_max = 0.0", &some).exit_code, LEVEL_BROKEN);
    }

    #[test]
    fn counts_that_are_not_known_fail_as_counts_that_differ() {
        let counts =
            Conservation { due: 4, sent: 4, acknowledged: 4, unknown: vec!["stored".into()], ..Conservation::default() };
        let verdict = judged("refused_max = 0.0", &counts);
        assert_eq!(verdict.exit_code, NOT_CONSERVED);
        assert!(verdict.reasons[0].contains("did not tell stored"), "{:?}", verdict.reasons);
    }

    #[test]
    fn every_thread_that_was_saturated_is_a_doubt_by_its_name() {
        let late = crate::result::Percentiles { p99_us: LATE_US_MAX, ..crate::result::Percentiles::default() };
        let mut generator = Generator { late, ..Generator::default() };
        assert!(doubts(&generator).is_empty());
        generator.saturated_s.insert("consoles".into(), 3);
        let said = doubts(&generator);
        assert!(said.len() == 1 && said[0].contains("thread consoles") && said[0].contains("seen"), "{said:?}");
        generator.late.p99_us += 1;
        assert_eq!(doubts(&generator).len(), 2);
    }
}
