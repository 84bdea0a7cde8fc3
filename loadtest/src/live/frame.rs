//! One frame as lines of text: a pure function of the state, the width and the height.

use std::fmt::Write as _;

use super::state::{SPARK_S, StageSoFar, State};
use crate::report::figures::{self, NOTHING};
use crate::scenario::STAGES;

/// Stages in the order of the route.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Narrower than this a sparkline says nothing.
const SPARK_COLUMNS_MIN: usize = 8;

/// A line and how it is emphasised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The text, no longer than the width.
    pub text: String,
    /// How.
    pub tone: Tone,
}

/// Emphasis; signs and words say the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// None.
    Plain,
    /// Headings.
    Bold,
    /// Something is wrong.
    Alarm,
    /// Explanations.
    Faint,
}

/// The frame: at most `height` lines of at most `width` characters.
pub fn draw(state: &State, width: usize, height: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut add = |tone, text: String| lines.push(Line { text: text.chars().take(width).collect(), tone });
    add(Tone::Bold, title(state));
    add(Tone::Plain, progress(state, width));
    add(Tone::Plain, String::new());
    for (index, text) in rates(state).into_iter().enumerate() {
        add(if index == 0 { Tone::Bold } else { Tone::Plain }, text);
    }
    let wrong = state.sums.refused > 0 || state.sums.lost > 0 || state.last.unsent > 0;
    add(if wrong { Tone::Alarm } else { Tone::Plain }, waiting(state, wrong));
    add(Tone::Plain, String::new());
    add(
        Tone::Bold,
        format!(
            "{:<13}{:>9}{:>9}{:>9}{:>12}{:>12}  p99, last {SPARK_S} s",
            "latency, ms", "p50", "p99", "longest", "worst p99", "longest"
        ),
    );
    add(Tone::Faint, format!("{:<13}{:>27}{:>24}", "", "last second", "so far"));
    for name in STAGES {
        if let Some(stage) = state.stages.get(name) {
            add(Tone::Plain, latency(state, name, stage, width));
        }
    }
    add(Tone::Plain, String::new());
    add(Tone::Plain, server(state));
    add(Tone::Plain, generator(state));
    for event in &state.events {
        add(Tone::Plain, format!("{:>7}  {}: {}", figures::clock(event.t_s), event.kind, event.text));
    }
    add(Tone::Faint, "Ctrl-C ends the run early and writes what was measured".to_owned());
    // The lower a line, the less is lost with it.
    lines.truncate(height);
    lines
}

fn title(state: &State) -> String {
    let Some(head) = &state.head else { return "nightlamp-loadtest".to_owned() };
    let facts = &head.scenario;
    let where_to = if facts.mqtt_connections > 0 { &head.target.mqtt } else { &head.target.http };
    format!(
        "{}: {} patients, {} consoles, seed {}, to {where_to}",
        facts.name,
        figures::count(facts.patients),
        facts.consoles,
        head.seed
    )
}

fn progress(state: &State, width: usize) -> String {
    let all = state.head.as_ref().map_or(0.0, |head| head.scenario.duration_s);
    let passed = f64::from(state.last.t_s) + 1.0;
    let told = format!("{} of {}  {}", figures::clock(passed.min(all)), figures::clock(all), state.phase());
    let columns = width.saturating_sub(told.chars().count() + 3).min(48);
    let full = if all > 0.0 { ((passed / all).min(1.0) * columns as f64).round() as usize } else { 0 };
    format!("{}{}  {told}", "█".repeat(full), "░".repeat(columns.saturating_sub(full)))
}

fn rates(state: &State) -> [String; 3] {
    let (last, sums) = (&state.last, &state.sums);
    let ended = |name: &str| last.latency.get(name).map_or_else(|| NOTHING.to_owned(), |latency| figures::count(latency.count));
    let seen = if state.stages.contains_key("seen") { figures::count(last.seen) } else { NOTHING.to_owned() };
    let row = |name: &str, cells: [String; 6]| {
        cells.iter().fold(format!("{name:<13}"), |mut line, cell| {
            let written = write!(line, "{cell:>11}");
            debug_assert!(written.is_ok(), "a String takes everything");
            line
        })
    };
    let now = [
        figures::count(last.due),
        figures::count(last.sent),
        figures::count(last.acknowledged),
        ended("scored"),
        ended("stored"),
        seen,
    ];
    let none = String::new;
    let so_far = [
        figures::count(sums.due),
        figures::count(sums.sent),
        figures::count(sums.acknowledged),
        none(),
        none(),
        figures::count(sums.seen),
    ];
    let names = ["due", "sent", "ack'd", "scored", "stored", "seen"].map(str::to_owned);
    [row("messages", names), row("last second", now), row("so far", so_far)]
}

fn waiting(state: &State, wrong: bool) -> String {
    let last = &state.last;
    let lag = |frames: Option<u64>| frames.map_or_else(|| NOTHING.to_owned(), figures::count);
    let mut text = format!(
        "{:<13}unsent {}, unanswered {}, not scored {}, not stored {}",
        if wrong { "! waiting" } else { "waiting" },
        figures::count(last.unsent),
        figures::count(last.unanswered),
        lag(last.lag.processed),
        lag(last.lag.stored)
    );
    if state.sums.refused > 0 {
        text.push_str(&format!("; refused {}", figures::count(state.sums.refused)));
    }
    if state.sums.lost > 0 {
        text.push_str(&format!("; connections lost {}", figures::count(state.sums.lost)));
    }
    text
}

fn latency(state: &State, name: &str, stage: &StageSoFar, width: usize) -> String {
    let ms = |us: u64| figures::number(us as f64 / 1e3);
    let now = state.last.latency.get(name).filter(|latency| latency.count > 0);
    let [p50, p99, max] =
        now.map_or_else(|| [NOTHING; 3].map(str::to_owned), |now| [ms(now.p50_us), ms(now.p99_us), ms(now.max_us)]);
    let mut text = format!("{name:<13}{p50:>9}{p99:>9}{max:>9}{:>12}{:>12}", ms(stage.p99_us_worst), ms(stage.max_us));
    let room = width.saturating_sub(text.chars().count() + 2);
    if room >= SPARK_COLUMNS_MIN {
        text.push_str("  ");
        text.push_str(&sparkline(stage, room));
    }
    text
}

/// The newest p99s, each as a bar; heights are logarithmic between the least and the largest shown.
fn sparkline(stage: &StageSoFar, columns: usize) -> String {
    let shown: Vec<Option<f64>> =
        stage.p99_us.iter().rev().take(columns).rev().map(|us| us.map(|us| (us.max(1) as f64).ln())).collect();
    let (least, most) = shown.iter().flatten().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(*v), b.max(*v)));
    // A steady line stays low: less than a factor of two from foot to top is not stretched.
    let reach = (most - least).max(2_f64.ln() * 2.0);
    let bar = |value: f64| BARS.get(((value - least) / reach * 7.0).round() as usize).copied().unwrap_or('█');
    shown.into_iter().map(|value| value.map_or(' ', bar)).collect()
}

fn server(state: &State) -> String {
    let server = &state.last.server;
    let Some(cores) = server.cpu_cores else {
        return format!("{:<13}CPU and memory not measured (it is not on this machine)", "server");
    };
    let children = server.children_cpu_cores.map_or_else(|| NOTHING.to_owned(), figures::number);
    let rss = server.rss_bytes.map_or_else(|| NOTHING.to_owned(), |rss| figures::bytes(rss as f64));
    let disk =
        state.disk_gained_bytes.map_or_else(|| NOTHING.to_owned(), |gained| format!("{}/s", figures::bytes(gained as f64)));
    format!("{:<13}{}, PostgreSQL and Redis {children}, memory {rss}, disk {disk}", "server", figures::cores(cores))
}

fn generator(state: &State) -> String {
    let (own, consoles) = (&state.last.generator, &state.last.consoles);
    let late = figures::ms(own.late_us_max as f64 / 1e3);
    let mut text = format!(
        "{:<13}{}, busiest sender {}, late at most {late}",
        "generator",
        figures::cores(own.cpu_cores),
        figures::number(own.busiest_sender_cores)
    );
    if consoles.open > 0 {
        text.push_str(&format!("; {} consoles, {} states/s", figures::count(consoles.open), figures::count(consoles.patients)));
    }
    text
}
