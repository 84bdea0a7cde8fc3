//! The plain views: nothing, or a line a second on standard error.

use crate::result::{Event, Head, Live, Run, Second};

/// Says nothing.
#[derive(Debug)]
pub struct Silent;

impl Live for Silent {
    fn begin(&mut self, _: &Head) {}
    fn second(&mut self, _: &Second) {}
    fn event(&mut self, _: &Event) {}
    fn end(&mut self, _: &Run) {}
}

/// A line a second on standard error.
#[derive(Debug)]
pub struct Lines;

fn milliseconds(second: &Second, stage: &str) -> String {
    second.latency.get(stage).map_or("-".to_owned(), |latency| format!("{:.1}", latency.p99_us as f64 / 1_000.0))
}

impl Live for Lines {
    fn begin(&mut self, head: &Head) {
        let facts = &head.scenario;
        eprintln!(
            "{}: {} patients, {:.0} readings/s ({:.0} observations/s), {:.0} HL7/s, {} consoles, {} s, against {}",
            facts.name,
            facts.patients,
            facts.readings_per_s,
            facts.observations_per_s,
            facts.hl7_per_s,
            facts.consoles,
            facts.duration_s,
            head.target.http
        );
    }

    fn second(&mut self, second: &Second) {
        eprintln!(
            "{:>5} s  sent {:>7}  acknowledged {:>7}  unsent {:>6}  p99 ms: ack {:>7} stored {:>7} seen {:>7}  behind {:>6}  server {} cores",
            second.t_s + 1,
            second.sent,
            second.acknowledged,
            second.unsent,
            milliseconds(second, "acknowledged"),
            milliseconds(second, "stored"),
            milliseconds(second, "seen"),
            second.lag.stored.map_or("-".to_owned(), |frames| frames.to_string()),
            second.server.cpu_cores.map_or("-".to_owned(), |cores| format!("{cores:.2}")),
        );
    }

    fn event(&mut self, event: &Event) {
        eprintln!("{:>7.1} s  {}: {}", event.t_s, event.kind, event.text);
    }

    fn end(&mut self, run: &Run) {
        let counts = &run.conservation;
        eprintln!(
            "due {}, sent {}, acknowledged {}, refused {}, unanswered {}, journalled {:?}, stored {:?}, seen {:?} of {:?}",
            counts.due,
            counts.sent,
            counts.acknowledged,
            counts.refused,
            counts.unanswered,
            counts.journalled,
            counts.stored,
            counts.seen,
            counts.seen_expected
        );
        for stage in &run.stages {
            let at = |value: u64| value as f64 / 1_000.0;
            let p = stage.percentiles;
            eprintln!(
                "{:>13}  n {:>9}  p50 {:>8.2}  p90 {:>8.2}  p99 {:>8.2}  p99.9 {:>8.2}  max {:>8.2} ms",
                stage.name,
                p.count,
                at(p.p50_us),
                at(p.p90_us),
                at(p.p99_us),
                at(p.p999_us),
                at(p.max_us)
            );
        }
        let generator = &run.generator;
        eprintln!(
            "generator: {:.2} cores, {:.0} messages a CPU second, {:.2} ms late at p99; server: {} cores, {} MiB",
            generator.cores_mean,
            generator.messages_per_cpu_s,
            generator.late.p99_us as f64 / 1_000.0,
            run.server.cpu_cores_mean.map_or("-".to_owned(), |cores| format!("{cores:.2}")),
            run.server.rss_bytes_max.map_or("-".to_owned(), |bytes| (bytes >> 20).to_string()),
        );
        for level in &run.slo {
            let measured = level.measured.map_or("-".to_owned(), |value| format!("{value:.3}"));
            eprintln!(
                "{} {} limit {} measured {measured}",
                if level.met { "met   " } else { "BROKEN" },
                level.name,
                level.limit
            );
        }
        for warning in &run.verdict.warnings {
            eprintln!("warning: {warning}");
        }
        for reason in &run.verdict.reasons {
            eprintln!("failed: {reason}");
        }
        eprintln!("{}", if run.verdict.passed { "passed" } else { "not passed" });
    }
}
