//! Latency by stage over the whole run: the table of percentiles and the curve.
//!
//! A percentile is shown where at least one sample lies beyond it on average: p99.9 needs 1,000 samples, p99.99 10,000.

use super::curve::{self, Line};
use super::figures::{self, NOTHING};
use super::html::Html;
use super::timeline::STAGES;
use crate::result::{Latencies, Run, Stage};

/// Table, curve, and how each stage was measured.
pub fn draw(run: &Run, old: Option<&Run>) -> Html {
    let mut out = Html::new();
    out.tag("<h2 id=percentiles>Latency</h2><p class=why>Every latency counts from the time the schedule meant the message to be sent, ");
    out.tag("so a server that stalls is charged for everything that had to wait (no coordinated omission).");
    if run.head.scenario.warmup_s > 0.0 {
        out.text(format!(" The first {} are left out here.", figures::span(run.head.scenario.warmup_s)));
    }
    out.tag("</p>");
    let measured: Vec<&Stage> = run.stages.iter().filter(|stage| stage.percentiles.count > 0).collect();
    if measured.is_empty() {
        out.tag("<p>No latency was measured.</p>");
        return out;
    }
    out.tag("<div class=scroll><table><thead><tr><th>stage, ms<th>samples<th>mean<th>p50<th>p90<th>p95<th>p99<th>p99.9<th>p99.99<th>longest");
    out.tag("</thead><tbody>");
    for stage in &measured {
        row(&mut out, stage);
    }
    out.tag("</tbody></table></div>");
    let mut curves: Vec<Line> = measured.iter().map(|stage| curve_of(stage, stage.name.clone(), ink_of(&stage.name))).collect();
    if let Some(stage) = before(old, &measured) {
        curves.push(curve_of(stage, format!("{} before", stage.name), 7));
    }
    if let Some(figure) = curve::percentiles(&curves) {
        out.put(&figure);
    }
    out.tag("<ul class=how>");
    for stage in &measured {
        out.tag("<li><b>").text(&stage.name).tag("</b>: ").text(&stage.how);
        if stage.resolution_us > 0 {
            out.text(format!(" (may be too long by up to {}, never too short)", figures::ms(stage.resolution_us as f64 / 1e3)));
        }
        out.tag("</li>");
    }
    out.tag("</ul>");
    out
}

fn row(out: &mut Html, stage: &Stage) {
    let p = &stage.percentiles;
    let after = |samples: u64, us: u64| if p.count >= samples { figures::number(us as f64 / 1e3) } else { NOTHING.to_owned() };
    out.tag("<tr>")
        .element("th", &stage.name)
        .element("td", figures::count(p.count))
        .element("td", figures::number(p.mean_us / 1e3));
    for (samples, us) in
        [(1, p.p50_us), (10, p.p90_us), (20, p.p95_us), (100, p.p99_us), (1000, p.p999_us), (10_000, p.p9999_us)]
    {
        out.element("td", after(samples, us));
    }
    out.element("td", after(1, p.max_us)).tag("</tr>");
}

/// The earlier run's stage that is worth a line: what a nurse saw, else what a sender was told.
fn before<'a>(old: Option<&'a Run>, measured: &[&Stage]) -> Option<&'a Stage> {
    ["seen", "acknowledged"].into_iter().find_map(|name| {
        let now = measured.iter().any(|stage| stage.name == name);
        old?.stages.iter().find(|stage| now && stage.name == name && stage.percentiles.count > 0)
    })
}

fn ink_of(name: &str) -> u8 {
    STAGES.iter().find(|stage| stage.0 == name).map_or(5, |stage| stage.2)
}

fn curve_of(stage: &Stage, name: String, ink: u8) -> Line {
    Line { name, ink, points: points(&stage.latencies) }
}

/// The cumulative curve, thinned to a hundredth of a nine. The last point lies at the quantile n / (n + 1).
fn points(latencies: &Latencies) -> Vec<(f64, f64)> {
    let all = latencies.count() as f64 + 1.0;
    let (mut passed, mut drawn_nines) = (0, f64::NEG_INFINITY);
    let mut points = Vec::new();
    for (index, (us, count)) in latencies.0.iter().enumerate() {
        let value = *us as f64 / 1e3;
        if index == 0 {
            points.push((0.0, value));
        }
        passed += count;
        let quantile = passed as f64 / all;
        let nines = curve::nines(quantile);
        if nines - drawn_nines >= 0.01 || index + 1 == latencies.0.len() {
            points.push((quantile, value));
            drawn_nines = nines;
        }
    }
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_curve_is_thin_whatever_the_histogram_and_keeps_its_ends() {
        let latencies = Latencies((1..=20_000).map(|us| (us, 50)).collect());
        let points = points(&latencies);
        assert!(points.len() < 650, "{}", points.len());
        assert_eq!((points[0], points[points.len() - 1].1), ((0.0, 0.001), 20.0));
        assert!(points.windows(2).all(|pair| pair[0].0 <= pair[1].0 && pair[0].1 <= pair[1].1));
    }
}
