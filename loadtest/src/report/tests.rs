//! What the page, the summary and the comparison of a known run must say.

use super::compare::{self, Outcome};
use super::example::{STAGES, run as example, search as searched};
use super::{TOLERANCE, page, summary};
use crate::result::{ServerSecond, ServerTotals};

/// The page without its style and its scripts.
fn text_of(page: &str) -> String {
    page.split("<style>").map(|part| part.split("</style>").last().unwrap_or("")).collect()
}

#[test]
fn the_page_names_each_level_each_count_and_each_difference() {
    let run = example(7, 1.0);
    let page = page::run(&run, None, TOLERANCE);
    for level in &run.slo {
        assert!(page.contains(&level.name), "{}", level.name);
    }
    assert_eq!((page.matches("✓ met").count(), page.matches("✗ missed").count()), (3, 2));
    assert!(page.contains("✗ Failed: 2 of 5 service levels missed") && page.contains("exit code 3"));
    assert!(page.contains("the machine was busy before the run"));
    for said in
        ["84,500", "84,488", "84,495", "acknowledged = journalled", "frames sent again after a disconnect", "~ explained", "+7"]
    {
        assert!(page.contains(said), "{said}");
    }
    for stage in STAGES {
        assert!(page.contains(&format!("<th>{}</th>", stage.0)), "{}", stage.0);
    }
}

#[test]
fn the_page_escapes_everything_and_has_no_address_outside() {
    let page = page::run(&example(7, 1.0), Some(&example(8, 1.0)), TOLERANCE);
    assert!(!page.contains("<script>alert") && page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert!(page.contains("1,000 beds &amp; &lt;8&gt; signals") && page.contains("reset &lt;16&gt;"));
    let text = text_of(&page);
    for outside in ["src=", "href=", "url(", "@import", "https:", "//cdn"] {
        assert!(!text.contains(outside), "{outside}");
    }
    let without_target = page.replace("http://127.0.0.1:8000", "");
    assert!(!without_target.contains("http:"));
    assert!(page.contains("default-src 'none'"));
}

#[test]
fn fault_steps_are_marked_at_the_same_place_in_every_chart() {
    let page = page::run(&example(7, 1.0), None, TOLERANCE);
    let charts = page.matches("<figure class=chart data-shared>").count();
    assert!(charts >= 11, "{charts}");
    assert_eq!(page.matches("class=flag style=\"left:49.68%\"").count(), charts);
    assert_eq!(page.matches(">warm-up</span>").count(), charts);
}

#[test]
fn what_was_not_measured_is_left_out_or_said_to_be_missing() {
    let mut run = example(7, 1.0);
    run.server = ServerTotals::default();
    run.conservation.journalled = None;
    run.stages.retain(|stage| stage.name == "acknowledged");
    for second in &mut run.seconds {
        second.server = ServerSecond::default();
        second.latency.retain(|name, _| name == "acknowledged");
    }
    let page = page::run(&run, None, TOLERANCE);
    assert!(!page.contains("<b>Memory</b>") && !page.contains("<b>Seen on a console</b>") && page.contains("<b>CPU</b>"));
    assert!(page.contains("not measured"));
    let summary = summary::run(&run);
    assert!(summary.contains("server        not measured") && !summary.contains("journalled 84"));
}

#[test]
fn an_empty_run_still_has_a_page() {
    let mut run = example(7, 1.0);
    (run.seconds, run.stages, run.slo, run.events) = (vec![], vec![], vec![], vec![]);
    run.head.scenario.duration_s = 0.0;
    assert!(page::run(&run, None, TOLERANCE).contains("No latency was measured."));
    assert!(compare::runs(&run, &run, TOLERANCE).regressions() == 0);
}

#[test]
fn the_summary_tells_the_same_verdict() {
    let text = summary::run(&example(7, 1.0));
    assert!(
        text.contains("FAILED, exit code 3") && text.matches("✗ MISSED").count() == 2 && text.matches("✓ met").count() == 3
    );
    assert!(text.contains("refused 12") && text.contains("acknowledged = journalled: 84,488 and 84,495"));
    assert!(text.lines().all(|line| line.chars().count() <= 140), "{text}");
}

#[test]
fn a_planted_regression_is_found_and_named() {
    let mut slow = example(9, 1.0);
    let old = example(7, 1.0);
    for second in &mut slow.seconds {
        if let Some(latency) = second.latency.get_mut("seen") {
            latency.p99_us = latency.p99_us * 3 / 2;
        }
    }
    let stage = slow.stages.iter_mut().find(|stage| stage.name == "seen").unwrap();
    stage.percentiles.p99_us = stage.percentiles.p99_us * 3 / 2;
    slow.conservation.refused += 400;
    let comparison = compare::runs(&old, &slow, TOLERANCE);
    let worse: Vec<&str> =
        comparison.figures.iter().filter(|one| one.outcome == Outcome::Worse).map(|one| one.name.as_str()).collect();
    assert_eq!(worse, ["seen, p99", "refused"]);
    let table = compare::table(&comparison);
    assert!(table.contains("✗ WORSE") && table.contains("2 figures worse"), "{table}");
    let back = compare::runs(&slow, &old, TOLERANCE);
    assert_eq!((back.regressions(), back.figures.iter().filter(|one| one.outcome == Outcome::Better).count()), (0, 2));
}

#[test]
fn runs_that_differ_by_chance_alone_are_no_regression() {
    let old = example(7, 1.0);
    for seed in 100..140 {
        let by_chance = 0.93 + 0.015 * (seed % 10) as f64;
        let comparison = compare::runs(&old, &example(seed, by_chance), TOLERANCE);
        assert_eq!(comparison.regressions(), 0, "seed {seed}: {}", compare::table(&comparison));
    }
}

#[test]
fn runs_of_different_scenarios_or_machines_are_compared_with_a_caution() {
    let (old, mut new) = (example(7, 1.0), example(7, 1.0));
    assert!(compare::runs(&old, &new, TOLERANCE).cautions.is_empty());
    new.head.scenario.observations_per_s = 9_000.0;
    new.head.machine.cores = 64;
    let cautions = compare::runs(&old, &new, TOLERANCE).cautions;
    assert_eq!(
        cautions,
        ["the rate of observations differs: 8000 before, 9000 now", "the number of cores differs: 2 before, 64 now"]
    );
}

#[test]
fn a_search_says_which_rate_held_and_why_the_next_did_not() {
    let page = page::search(&searched(16_000.0), Some(&searched(16_400.0)), TOLERANCE);
    assert!(
        page.contains("✓ Held: 16,000/s observations")
            && page.contains("17,600/s")
            && page.contains("grew by &lt;12,000&gt; frames")
    );
    assert!(page.contains("no change beyond the noise"));
    assert!(summary::search(&searched(16_000.0)).contains("highest rate that held: 16,000/s observations"));
    assert_eq!(compare::search(&searched(16_000.0), &searched(12_000.0), TOLERANCE).regressions(), 2);
}

/// Writes the example pages for eyes: `NIGHTLAMP_PAGES=/tmp/somewhere cargo test -p nightlamp-loadtest pages_for_eyes -- --ignored`.
#[test]
#[ignore = "writes files for a person to look at"]
fn pages_for_eyes() {
    let folder = std::path::PathBuf::from(std::env::var("NIGHTLAMP_PAGES").unwrap());
    std::fs::write(folder.join("run.html"), page::run(&example(7, 1.0), None, TOLERANCE)).unwrap();
    std::fs::write(folder.join("against.html"), page::run(&example(9, 1.2), Some(&example(7, 1.0)), TOLERANCE)).unwrap();
    std::fs::write(folder.join("search.html"), page::search(&searched(16_000.0), None, TOLERANCE)).unwrap();
    std::fs::write(folder.join("old.json"), serde_json::to_string(&example(7, 1.0)).unwrap()).unwrap();
    std::fs::write(folder.join("new.json"), serde_json::to_string(&example(9, 1.2)).unwrap()).unwrap();
}
