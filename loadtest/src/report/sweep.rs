//! The page of a search for the highest sustainable rate: the rate that held, every step tried, latency over rate.

use super::curve;
use super::figures::{self, NOTHING};
use super::html::Html;
use super::scale::Scale;
use super::timeline::STAGES;
use crate::result::{Percentiles, Search, Step};

/// The answer on top.
pub fn banner(search: &Search) -> Html {
    let mut out = Html::new();
    match (search.best_observations_per_s, search.best_messages_per_s) {
        (Some(observations), Some(messages)) => {
            out.tag("<div class=\"verdict good\"><b>✓ Held: ").text(figures::per_s(observations)).tag(" observations</b>");
            out.text(figures::per_s(messages)).tag(" messages. ");
            let above = search.steps.iter().filter(|step| !step.held && step.observations_per_s > observations);
            if let Some(next) = above.min_by(|a, b| a.observations_per_s.total_cmp(&b.observations_per_s)) {
                out.text(figures::per_s(next.observations_per_s)).tag(" did not hold: ").text(&next.why);
            } else {
                out.tag("Nothing above it was tried, so this is a lower bound.");
            }
        }
        _ => {
            out.tag("<div class=\"verdict bad\"><b>✗ Not even the first rate held</b>");
            if let Some(first) = search.steps.first() {
                out.text(&first.why);
            }
        }
    }
    out.tag("</div>");
    out
}

/// Steps as chart and table.
pub fn steps(search: &Search) -> Html {
    let mut out = Html::new();
    out.tag("<h2 id=steps>Steps</h2><p class=why>Each step is a run of its own at one rate; latencies count from the intended time of the send. ");
    out.tag("A step holds where the lag does not grow and the service levels are met.</p>");
    chart(&mut out, search);
    out.tag("<div class=scroll><table><thead><tr><th>observations<th>held<th>messages acknowledged<th>acknowledged p99, ms<th>seen p50, ms<th>seen p99, ms");
    out.tag("<th>lag grew by<th>nightlamp, cores<th>generator, cores<th class=words>why not</thead><tbody>");
    for step in &search.steps {
        row(&mut out, step);
    }
    out.tag("</tbody></table></div>");
    out
}

fn row(out: &mut Html, step: &Step) {
    let ms = |stage: &str, of: fn(&Percentiles) -> u64| {
        let known = step.stages.get(stage).filter(|known| known.count > 0);
        known.map_or_else(|| NOTHING.to_owned(), |known| figures::number(of(known) as f64 / 1e3))
    };
    out.tag(if step.held { "<tr>" } else { "<tr class=hit>" }).element("th", figures::per_s(step.observations_per_s));
    out.tag(if step.held { "<td class=met>✓ held</td>" } else { "<td class=missed>✗ no</td>" });
    for cell in [
        figures::per_s(step.acknowledged_per_s),
        ms("acknowledged", |p| p.p99_us),
        ms("seen", |p| p.p50_us),
        ms("seen", |p| p.p99_us),
        figures::difference(step.lag_grew_frames),
        step.server_cpu_cores.map_or_else(|| NOTHING.to_owned(), figures::number),
        figures::number(step.generator_cpu_cores),
    ] {
        out.element("td", cell);
    }
    out.element("td class=words", &step.why).tag("</tr>");
}

/// p99 of each stage over the offered rate.
fn chart(out: &mut Html, search: &Search) {
    let mut steps: Vec<&Step> = search.steps.iter().collect();
    steps.sort_by(|a, b| a.observations_per_s.total_cmp(&b.observations_per_s));
    let across = Scale::linear(steps.last().map_or(1.0, |last| last.observations_per_s));
    let mut lines = Vec::new();
    for (name, _, ink) in STAGES {
        let points: Vec<(f64, f64)> = steps
            .iter()
            .filter_map(|step| {
                step.stages
                    .get(name)
                    .filter(|known| known.count >= 100)
                    .map(|known| (step.observations_per_s, known.p99_us as f64 / 1e3))
            })
            .collect();
        if points.len() > 1 {
            lines.push(curve::Line { name: name.to_owned(), ink, points });
        }
    }
    if lines.is_empty() {
        return;
    }
    let ticks: Vec<(f64, String)> = across.ticks().into_iter().map(|tick| (across.at(tick), figures::number(tick))).collect();
    out.put(&curve::figure(
        "p99 over the offered rate",
        "ms, logarithmic; observations a second",
        &lines,
        |rate| across.at(rate),
        &ticks,
    ));
}
