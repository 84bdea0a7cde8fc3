//! The page: one file without any address in it, legible without a script, in light, dark and print.
//!
//! A content security policy in the page forbids every fetch, so that what a scenario or an answer contains cannot cause one.

use super::against;
use super::compare;
use super::counts;
use super::html::Html;
use super::ran;
use super::stages;
use super::sweep;
use super::timeline;
use super::verdict;
use crate::result::{Head, Run, Search};

const STYLE: &str = include_str!("page.css");
const POINTER: &str = include_str!("pointer.js");

/// A run's report; with an earlier run, compared with it at `tolerance` (a share).
pub fn run(run: &Run, old: Option<&Run>, tolerance: f64) -> String {
    let mut out = begin(&run.head, "load test");
    out.put(&verdict::banner(run)).put(&verdict::tiles(run)).put(&verdict::levels(run));
    if let Some(old) = old {
        out.put(&against::draw(&compare::runs(old, run, tolerance), &readable(&old.head.started_at)));
    }
    out.put(&ran::draw(&run.head, Some(run.took_s)));
    out.put(&stages::draw(run, old));
    out.put(&timeline::events(run));
    out.tag("<h2 id=time>Over time</h2>");
    out.put(&timeline::draw(run, old));
    out.put(&counts::draw(run));
    end(out)
}

/// The report of a search.
pub fn search(search: &Search, old: Option<&Search>, tolerance: f64) -> String {
    let mut out = begin(&search.head, "search for the highest rate");
    out.put(&sweep::banner(search));
    if let Some(old) = old {
        out.put(&against::draw(&compare::search(old, search, tolerance), &readable(&old.head.started_at)));
    }
    out.put(&sweep::steps(search)).put(&ran::draw(&search.head, None));
    end(out)
}

fn begin(head: &Head, kind: &'static str) -> Html {
    let mut out = Html::new();
    out.tag("<!doctype html>\n<html lang=en><head><meta charset=utf-8><meta name=viewport content=\"width=device-width, initial-scale=1\">");
    out.tag("<meta http-equiv=Content-Security-Policy content=\"default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'\">");
    out.tag("<title>").text(&head.scenario.name).tag(": ").text(kind).text(", ").text(&head.started_at).tag("</title>");
    out.tag("<style>\n")
        .tag(STYLE)
        .tag("</style></head>\n<body><header><h1>")
        .text(&head.scenario.name)
        .tag(": ")
        .text(kind)
        .tag("</h1>");
    out.tag("<p class=sub>");
    if !head.scenario.about.is_empty() {
        out.text(&head.scenario.about).tag("<br>");
    }
    out.text(readable(&head.started_at))
        .tag(" · nightlamp ")
        .text(head.target.version.as_deref().unwrap_or("of unknown version"));
    out.tag(" · ").text(&head.machine.cpu).text(format!(", {} cores", head.machine.cores)).tag("</p></header>\n<main>");
    out
}

/// `2026-01-01T00:00:00.123Z` as `2026-01-01 00:00:00 UTC`.
fn readable(moment: &str) -> String {
    match moment.split_once('T') {
        Some((day, time)) if moment.ends_with('Z') => {
            let time = time.trim_end_matches('Z');
            format!("{day} {} UTC", time.split('.').next().unwrap_or(time))
        }
        _ => moment.to_owned(),
    }
}

fn end(mut out: Html) -> String {
    out.tag("</main>\n<footer>Written by nightlamp-loadtest. docs/loadtest.md explains every section. All load was simulated; no patient is in it.</footer>");
    out.tag("<script>\n").tag(POINTER).tag("</script></body></html>\n");
    out.into_string()
}
