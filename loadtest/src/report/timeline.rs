//! The charts over time, all with one axis: throughput, latency of each stage, backlog, CPU, memory, disk, consoles, faults.
//!
//! A chart of what was never measured is left out. Where a column holds several seconds it shows the worst of them for
//! latencies, backlogs and memory, and their mean for rates and CPU.

use super::chart::{Chart, Look, Mark, Series, Shade, TimeAxis};
use super::columns::{Columns, Values};
use super::figures;
use super::html::Html;
use super::levels;
use super::scale::Scale;
use crate::result::{Latency, Run, Second};

/// Stages in the order of the route: key, heading, ink.
pub const STAGES: [(&str, &str, u8); 6] = [
    ("acknowledged", "Acknowledged: durable in the journal, and the sender told", 1),
    ("scored", "Scored", 3),
    ("stored", "Stored in the database", 2),
    ("seen", "Seen on a console", 4),
    ("consoles", "On every console", 6),
    ("awake", "On every console that no stall step concerns", 8),
];

/// The page's charts, and the numbers for the pointer.
pub fn draw(run: &Run, old: Option<&Run>) -> Html {
    let columns = Columns::of(&run.seconds);
    let axis = axis(run, &columns);
    let mut charts = vec![throughput(&columns), trouble(&columns)];
    charts.extend(STAGES.iter().map(|stage| latency(run, old, &columns, *stage)));
    charts.extend([
        backlog(&columns),
        processors(&columns),
        memory(&columns),
        disk(&columns),
        consoles(&columns),
        lateness(&columns),
    ]);
    let charts: Vec<Chart> = charts.into_iter().filter(measured).collect();
    let mut out = Html::new();
    if columns.width_s > 1 {
        out.tag("<p class=why>Each column holds ").text(columns.width_s).tag(" seconds.</p>");
    }
    for chart in &charts {
        out.put(&chart.draw(&axis));
    }
    let at = columns.at_s();
    let clock: Vec<String> = at.iter().map(|at| figures::clock(at - columns.width_s as f64 / 2.0)).collect();
    let readings: Vec<_> = charts.iter().map(Chart::readings).collect();
    out.tag("<script type=\"application/json\" id=readings>");
    out.json(&serde_json::json!({"end": columns.end_s, "at": at, "clock": clock, "charts": readings}));
    out.tag("</script>");
    out
}

fn measured(chart: &Chart<'_>) -> bool {
    chart.series.iter().any(|series| series.values.iter().any(Option::is_some))
}

fn axis(run: &Run, columns: &Columns<'_>) -> TimeAxis {
    let marks = run.events.iter().zip(1..).filter(|(event, _)| event.t_s <= columns.end_s);
    let marks = marks.map(|(event, number)| Mark { at_s: event.t_s, number, label: event.text.clone() }).collect();
    let facts = &run.head.scenario;
    let mut shades = Vec::new();
    if facts.warmup_s > 0.0 {
        shades.push(Shade { from_s: 0.0, until_s: facts.warmup_s, label: "warm-up" });
    }
    if facts.duration_s > 0.0 && columns.end_s > facts.duration_s {
        shades.push(Shade { from_s: facts.duration_s, until_s: columns.end_s, label: "drain" });
    }
    TimeAxis { at_s: columns.at_s(), end_s: columns.end_s, marks, shades }
}

fn series(name: &'static str, ink: u8, look: Look, values: Values) -> Series {
    Series { name, ink, look, values }
}

/// Without the series that say nothing: never measured, or zero throughout.
fn telling(series: Vec<Series>) -> Vec<Series> {
    series.into_iter().filter(|one| one.values.iter().flatten().any(|value| *value != 0.0)).collect()
}

fn top(series: &[Series]) -> Scale {
    Scale::linear(series.iter().flat_map(|one| one.values.iter().flatten().copied()).fold(0.0, f64::max))
}

fn linear(title: &'static str, unit: &'static str, format: fn(f64) -> String, series: Vec<Series>) -> Chart<'static> {
    Chart { title, unit, format, tick: figures::tick, scale: top(&series), series, limits: Vec::new() }
}

fn throughput(columns: &Columns<'_>) -> Chart<'static> {
    let ended = |name: &'static str| move |second: &Second| second.latency.get(name).map(|latency| latency.count as f64);
    let series = vec![
        series("due by the schedule", 5, Look::Area, columns.mean(|second| Some(second.due as f64))),
        series("sent", 7, Look::Line, columns.mean(|second| Some(second.sent as f64))),
        series("acknowledged", 1, Look::Line, columns.mean(|second| Some(second.acknowledged as f64))),
        series("scored", 3, Look::Line, columns.mean(ended("scored"))),
        series("stored", 2, Look::Line, columns.mean(ended("stored"))),
        series("seen", 4, Look::Line, columns.mean(|second| second.latency.contains_key("seen").then_some(second.seen as f64))),
    ];
    linear("Throughput", "messages a second", figures::per_s, telling(series))
}

fn trouble(columns: &Columns<'_>) -> Chart<'static> {
    let series = vec![
        series("refused", 6, Look::Line, columns.mean(|second| Some(second.refused as f64))),
        series("sent again", 2, Look::Line, columns.mean(|second| Some(second.resent as f64))),
        series(
            "connections lost",
            4,
            Look::Points,
            columns.mean(|second| (second.connections_lost > 0).then_some(second.connections_lost as f64)),
        ),
    ];
    linear("Errors", "a second", figures::per_s, telling(series))
}

fn latency<'a>(run: &Run, old: Option<&Run>, columns: &Columns<'_>, stage: (&'static str, &'a str, u8)) -> Chart<'a> {
    let (name, title, ink) = stage;
    let pick = |of: fn(&Latency) -> u64| {
        move |second: &Second| {
            second.latency.get(name).filter(|latency| latency.count > 0).map(|latency| of(latency) as f64 / 1e3)
        }
    };
    let mut lines = vec![
        series("longest", 5, Look::Points, columns.worst(pick(|latency| latency.max_us))),
        series("p99", ink, Look::Area, columns.worst(pick(|latency| latency.p99_us))),
        series("p50", 8, Look::Line, columns.worst(pick(|latency| latency.p50_us))),
    ];
    if let Some(old) = old {
        let before = Columns::of(&old.seconds);
        if before.width_s == columns.width_s {
            let mut values = before.worst(pick(|latency| latency.p99_us));
            values.resize(columns.at_s().len(), None);
            lines.insert(0, series("p99 before", 7, Look::Line, values));
        }
    }
    let limits: Vec<(f64, String)> = run
        .slo
        .iter()
        .filter(|level| levels::latency_of(&level.name).is_some_and(|(of, _)| of == name))
        .map(|level| (level.limit, format!("{} ≤ {}", levels::statistic(&level.name), figures::ms(level.limit))))
        .collect();
    let known = lines.iter().flat_map(|line| line.values.iter().flatten().copied());
    let scale = Scale::log(known.chain(limits.iter().map(|limit| limit.0)));
    Chart {
        title,
        unit: "ms from the intended send, logarithmic",
        format: figures::ms,
        tick: figures::tick,
        scale,
        series: lines,
        limits,
    }
}

fn backlog(columns: &Columns<'_>) -> Chart<'static> {
    let series = vec![
        series("due, not yet sent", 5, Look::Line, columns.worst(|second| Some(second.unsent as f64))),
        series("sent, not yet answered", 1, Look::Line, columns.worst(|second| Some(second.unanswered as f64))),
        series("durable, not yet scored", 3, Look::Line, columns.worst(|second| second.lag.processed.map(|lag| lag as f64))),
        series("durable, not yet stored", 2, Look::Line, columns.worst(|second| second.lag.stored.map(|lag| lag as f64))),
    ];
    linear("Lag of each stage", "messages waiting at the end of the second", figures::number, telling(series))
}

fn processors(columns: &Columns<'_>) -> Chart<'static> {
    let series = vec![
        series("nightlamp", 1, Look::Area, columns.mean(|second| second.server.cpu_cores)),
        series("PostgreSQL and Redis", 2, Look::Line, columns.mean(|second| second.server.children_cpu_cores)),
        series("generator", 4, Look::Line, columns.mean(|second| Some(second.generator.cpu_cores))),
        series("its busiest sender", 8, Look::Line, columns.mean(|second| Some(second.generator.busiest_sender_cores))),
        series("its busiest thread, waiting too", 6, Look::Line, columns.mean(|second| second.generator.busiest_thread_share)),
    ];
    linear("CPU", "cores; 1 is one core busy all the time", figures::cores, telling(series))
}

fn memory(columns: &Columns<'_>) -> Chart<'static> {
    let series = vec![
        series("nightlamp", 1, Look::Area, columns.worst(|second| second.server.rss_bytes.map(|bytes| bytes as f64))),
        series(
            "PostgreSQL and Redis",
            2,
            Look::Line,
            columns.worst(|second| second.server.children_rss_bytes.map(|bytes| bytes as f64)),
        ),
    ];
    binary("Memory", "resident; pages shared by children counted once for each", figures::bytes, telling(series))
}

fn disk(columns: &Columns<'_>) -> Chart<'static> {
    let series = vec![
        series("written, by all its processes", 1, Look::Area, columns.gained(|second| second.server.disk_written_bytes)),
        series("journal grew by", 3, Look::Line, columns.gained(|second| second.server.journal_bytes)),
        series("spool holds", 2, Look::Line, columns.worst(|second| second.server.spool_bytes.map(|bytes| bytes as f64))),
    ];
    binary("Disk", "bytes a second; the spool in bytes", figures::bytes, telling(series))
}

/// Bytes, with lines at powers of two.
fn binary(title: &'static str, unit: &'static str, format: fn(f64) -> String, series: Vec<Series>) -> Chart<'static> {
    let most = series.iter().flat_map(|one| one.values.iter().flatten().copied()).fold(0.0, f64::max);
    Chart { title, unit, format, tick: figures::bytes_tick, scale: Scale::binary(most), series, limits: Vec::new() }
}

fn consoles(columns: &Columns<'_>) -> Chart<'static> {
    let series = vec![
        series("messages", 6, Look::Line, columns.mean(|second| Some(second.consoles.frames as f64))),
        series("patient states in them", 4, Look::Area, columns.mean(|second| Some(second.consoles.patients as f64))),
        series("consoles open", 5, Look::Line, columns.mean(|second| Some(second.consoles.open as f64))),
    ];
    linear("Consoles", "received a second by all of them", figures::number, telling(series))
}

fn lateness(columns: &Columns<'_>) -> Chart<'static> {
    let late = columns.worst(|second| Some(second.generator.late_us_max as f64 / 1e3));
    let series = telling(vec![series("longest", 5, Look::Area, late)]);
    linear("The generator's own lateness", "ms, longest of the second; part of every latency above", figures::ms, series)
}

/// What happened when, with the numbers of the marks.
pub fn events(run: &Run) -> Html {
    let mut out = Html::new();
    if run.events.is_empty() {
        return out;
    }
    out.tag("<h2 id=events>Events</h2><p class=why>The same numbers stand at the upright lines of every chart.</p><ol class=\"card events\">");
    for (event, number) in run.events.iter().zip(1..) {
        out.tag("<li>").element("b", number as usize).element("time", figures::clock(event.t_s)).text(&event.kind);
        out.text(": ").text(&event.text).tag("</li>");
    }
    out.tag("</ol>");
    out
}
