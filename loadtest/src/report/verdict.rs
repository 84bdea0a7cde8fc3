//! The top of the page: what the run comes to, the figures everybody asks for first, and each service level with its limit.

use super::figures::{self, NOTHING};
use super::html::Html;
use super::levels::{self, Unit};
use crate::result::Run;

/// Verdict, reasons and warnings.
pub fn banner(run: &Run) -> Html {
    let mut out = Html::new();
    let verdict = &run.verdict;
    let missed = run.slo.iter().filter(|level| !level.met).count();
    out.tag(if verdict.passed {
        "<div class=\"verdict good\"><b>✓ Passed"
    } else {
        "<div class=\"verdict bad\"><b>✗ Failed"
    });
    out.text(match (run.slo.len(), missed) {
        (0, _) => ": the scenario sets no service level".to_owned(),
        (1, 0) => ": its service level is met".to_owned(),
        (all, 0) => format!(": all {all} service levels are met"),
        (all, missed) => format!(": {missed} of {all} service levels missed"),
    });
    let unexplained = run.conservation.differences.iter().filter(|difference| !difference.explained).count();
    out.text(match unexplained {
        0 if !run.conservation.unknown.is_empty() => ", and it is not known whether every message is accounted for".to_owned(),
        0 => ", every message is accounted for".to_owned(),
        1 => ", one count does not add up".to_owned(),
        more => format!(", {more} counts do not add up"),
    });
    out.tag("</b>exit code ").text(verdict.exit_code);
    for reason in &verdict.reasons {
        out.tag("<br>").text(reason);
    }
    out.tag("</div>");
    if run.generator.bottleneck || !verdict.warnings.is_empty() {
        out.tag("<div class=\"verdict note\"><b>! Before you trust the figures</b>");
        if verdict.warnings.is_empty() {
            out.text("The generator did not keep its schedule: the figures are of the generator, not of the server.");
        }
        for (index, warning) in verdict.warnings.iter().enumerate() {
            out.tag(if index == 0 { "" } else { "<br>" }).text(warning);
        }
        out.tag("</div>");
    }
    out
}

/// The figures asked for first.
pub fn tiles(run: &Run) -> Html {
    let mut out = Html::new();
    let due_s = run.head.scenario.duration_s.max(1.0);
    let counts = &run.conservation;
    out.tag("<div class=tiles>");
    let rate = |count: u64| figures::per_s(count as f64 / due_s);
    let observations =
        format!("messages acknowledged, of {} due; {} observations", rate(counts.due), rate(counts.observations_sent));
    tile(&mut out, "throughput", &rate(counts.acknowledged), &observations);
    for (name, words) in [("acknowledged", "acknowledged, p99"), ("stored", "stored, p99"), ("seen", "seen on a console, p99")]
    {
        if let Some(stage) = run.stages.iter().find(|stage| stage.name == name && stage.percentiles.count > 0) {
            let p = &stage.percentiles;
            let small = format!("p50 {}, longest {}", figures::ms(p.p50_us as f64 / 1e3), figures::ms(p.max_us as f64 / 1e3));
            tile(&mut out, words, &figures::ms(p.p99_us as f64 / 1e3), &small);
        }
    }
    let lost = counts.unsent + counts.refused + counts.unanswered;
    tile(&mut out, "not acknowledged", &figures::count(lost), "unsent, refused or unanswered");
    if let Some(cores) = run.server.cpu_cores_mean {
        let each = run
            .server
            .cpu_us_per_observation
            .map_or(String::new(), |us| format!("{} µs an observation; ", figures::number(us)));
        let children = run.server.children_cpu_cores_mean.map_or(NOTHING.to_owned(), figures::number);
        tile(&mut out, "server's CPU", &figures::cores(cores), &format!("{each}PostgreSQL and Redis {children}"));
    }
    if let Some(rss) = run.server.rss_bytes_max {
        tile(&mut out, "server's memory", &figures::bytes(rss as f64), "resident, largest; without PostgreSQL and Redis");
    }
    let late = figures::ms(run.generator.late.p99_us as f64 / 1e3);
    let fault = format!("late by its own fault: p99 {late}");
    tile(&mut out, "generator's CPU", &figures::cores(run.generator.cores_mean), &fault);
    out.tag("</div>");
    out
}

fn tile(out: &mut Html, name: &str, value: &str, small: &str) {
    out.tag("<div class=tile>").element("span", name).element("b", value).element("small", small).tag("</div>");
}

/// Each service level: limit, measured, met or missed.
pub fn levels(run: &Run) -> Html {
    let mut out = Html::new();
    if run.slo.is_empty() {
        return out;
    }
    out.tag("<h2 id=levels>Service levels</h2><div class=scroll><table class=levels><thead><tr><th>level<th class=words>key<th>limit<th>measured<th>");
    out.tag("<th></tr></thead><tbody>");
    for level in &run.slo {
        let unit = Unit::of(&level.name);
        let floor = levels::is_floor(&level.name);
        out.tag(if level.met { "<tr>" } else { "<tr class=hit>" });
        out.element("th", levels::words(&level.name)).tag("<td class=words><code>").text(&level.name).tag("</code></td>");
        let sign = if floor { "≥ " } else { "≤ " };
        out.element("td", format!("{sign}{}", unit.show(level.limit)));
        out.element("td", level.measured.map_or_else(|| "not measured".to_owned(), |value| unit.show(value)));
        out.tag("<td>");
        if let Some(measured) = level.measured {
            meter(&mut out, measured, level.limit, level.met);
        }
        out.tag("</td>");
        out.tag(if level.met { "<td class=met>✓ met" } else { "<td class=missed>✗ missed" });
        out.element("span class=margin", margin(level.measured, level.limit)).tag("</td></tr>");
    }
    out.tag("</tbody></table></div>");
    out
}

/// How far from the limit, as words.
fn margin(measured: Option<f64>, limit: f64) -> String {
    let Some(measured) = measured.filter(|_| limit > 0.0) else { return String::new() };
    let times = measured / limit;
    if times >= 2.0 { format!(", {} times the limit", figures::number(times)) } else { format!(", at {:.0} %", times * 100.0) }
}

fn meter(out: &mut Html, measured: f64, limit: f64, met: bool) {
    let whole = (limit / 0.8).max(measured).max(f64::MIN_POSITIVE);
    let share = |value: f64| format!("{:.1}%", (value / whole * 100.0).clamp(0.0, 100.0));
    out.tag("<span class=meter aria-hidden=true><i class=").tag(if met { "under" } else { "over" });
    out.tag(" style=\"width:").text(share(measured)).tag("\"></i><u style=\"left:").text(share(limit)).tag("\"></u></span>");
}
