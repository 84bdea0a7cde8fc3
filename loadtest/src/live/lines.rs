//! A line a second, for logs: every line stands for itself, with its units.

use std::io::Write;

use super::state::State;
use crate::report::figures::{self, NOTHING};
use crate::result::{Event, Head, Live, Run, Second};

/// Writes lines; a closed pipe ends the writing, not the run.
#[derive(Debug)]
pub struct Lines<W> {
    out: W,
    state: State,
}

impl<W: Write> Lines<W> {
    /// To the given place.
    pub fn new(out: W) -> Self {
        Self { out, state: State::default() }
    }

    /// What was written; for tests.
    #[cfg(test)]
    pub fn into_inner(self) -> W {
        self.out
    }

    fn line(&mut self, text: &str) {
        let written = writeln!(self.out, "{text}").and_then(|()| self.out.flush());
        // Whoever reads no more shall not end a measurement.
        drop(written);
    }
}

impl<W: Write> Live for Lines<W> {
    fn begin(&mut self, head: &Head) {
        self.state.head = Some(head.clone());
        let facts = &head.scenario;
        let text = format!(
            "{}: {} patients, {} consoles, {} readings, seed {}, for {}, to {}",
            facts.name,
            figures::count(facts.patients),
            facts.consoles,
            figures::per_s(facts.readings_per_s),
            head.seed,
            figures::span(facts.duration_s),
            head.target.http
        );
        self.line(&text);
    }

    fn second(&mut self, second: &Second) {
        self.state.add(second);
        let mut text = format!(
            "{:>7}  {:<11} due {}/s ack {}/s seen {}/s lag {}",
            figures::clock(f64::from(second.t_s) + 1.0),
            self.state.phase(),
            second.due,
            second.acknowledged,
            second.seen,
            second.lag.stored.map_or_else(|| NOTHING.to_owned(), |frames| frames.to_string())
        );
        for (name, short) in [("acknowledged", "ack"), ("seen", "seen")] {
            if let Some(latency) = second.latency.get(name).filter(|latency| latency.count > 0) {
                let [p50, p99, max] =
                    [latency.p50_us, latency.p99_us, latency.max_us].map(|us| figures::number(us as f64 / 1e3));
                text.push_str(&format!(" {short} p50 {p50} p99 {p99} max {max} ms"));
            }
        }
        if let Some(cores) = second.server.cpu_cores {
            text.push_str(&format!(" server {cores:.2}"));
        }
        text.push_str(&format!(" generator {:.2} cores", second.generator.cpu_cores));
        for (count, name) in
            [(second.refused, "refused"), (second.unsent, "unsent"), (second.connections_lost, "connections lost")]
        {
            if count > 0 {
                text.push_str(&format!(" ! {name} {count}"));
            }
        }
        self.line(&text);
    }

    fn event(&mut self, event: &Event) {
        self.line(&format!("{:>7}  * {}: {}", figures::clock(event.t_s), event.kind, event.text));
    }

    fn end(&mut self, _run: &Run) {}
}
