//! The patient lies in another bed: what goes along, what is less severe there, what ends.

use super::*;
use crate::alert::{About, Finding, Trouble};

const S: i64 = 1_000_000;
const CHAINS: &str = "[[escalation]]\nseverity = \"high\"\nsteps = [{after_s = 60, to = \"physician\"}]\n\
    [[escalation]]\nseverity = \"medium\"\nsteps = [{after_s = 60, to = \"charge_nurse\"}]\n";

/// A high rule of the ICU, which waits ten minutes before its alert goes down, and a medium one of the same cause for everywhere.
fn two_units() -> String {
    let high = rule("cause = \"news2\"\nunits = [\"icu\"]\ndowngrade_s = 600");
    let medium =
        "[[rule]]\nname = \"medium\"\ncause = \"news2\"\nscore = \"news2\"\nseverity = \"medium\"\nenter = 5\nclear = 2\n";
    high + medium + CHAINS
}

fn evaluate(engine: &mut AlertEngine, at_s: i64, value: f64, unit: &str) -> Vec<AlertEvent> {
    let mut out = Vec::new();
    let score = Score { at_us: at_s * S, ..news2(at_s as u64 + 1, value, 7) };
    engine.on_score(&score, Some(&bed(unit)), &mut no_explanation, &mut out);
    out
}

fn moved(engine: &mut AlertEngine, at_s: i64, to: Option<&BedKey>) -> Vec<AlertEvent> {
    let mut out = Vec::new();
    engine.on_moved(patient(1), to, (at_s as u64 + 1, at_s * S), &mut out);
    out
}

/// (kind, severity, unit) of steps.
fn told(events: &[AlertEvent]) -> Vec<(AlertKind, Severity, &str)> {
    let unit = |event: &AlertEvent| -> &str {
        match event.bed.as_ref().map(|bed| bed.unit.as_str()) {
            Some("icu") => "icu",
            Some("ward") => "ward",
            _ => "",
        }
    };
    events.iter().map(|event| (event.kind, event.severity, unit(event))).collect()
}

fn calls(engine: &mut AlertEngine, from_s: i64, to_s: i64) -> Vec<(i64, String)> {
    let mut out = Vec::new();
    (from_s..=to_s).for_each(|at_s| engine.on_tick((1_000 + at_s as u64, at_s * S), 0, &mut out));
    out.iter().map(|event| (event.at_us / S, event.said.to.to_string())).collect()
}

#[test]
fn an_alert_whose_leading_rule_does_not_watch_the_other_unit_goes_along_as_severe_as_it_is_there() {
    for by_score in [true, false] {
        let mut engine = AlertEngine::new(policy(&two_units()), 10);
        assert_eq!(evaluate(&mut engine, 0, 8.0, "icu").len(), 1);
        let there = if by_score { evaluate(&mut engine, 10, 8.0, "ward") } else { moved(&mut engine, 10, Some(&bed("ward"))) };
        assert_eq!(
            told(&there),
            [(AlertKind::Lowered, Severity::Medium, "icu"), (AlertKind::Moved, Severity::Medium, "ward")],
            "by a score: {by_score}"
        );
        assert_eq!(calls(&mut engine, 11, 80), [(70, "charge_nurse".to_owned())], "by the chain of what it is there");
        assert_eq!(engine.counters().map(|(_, counters)| counters.cleared).collect::<Vec<_>>(), [1, 0]);
    }
}

#[test]
fn what_waits_to_go_down_waits_no_longer_where_the_rule_it_waits_for_has_no_say() {
    let mut engine = AlertEngine::new(policy(&two_units()), 10);
    evaluate(&mut engine, 0, 8.0, "icu");
    assert!(evaluate(&mut engine, 10, 4.0, "icu").is_empty(), "down in ten minutes");
    let there = moved(&mut engine, 20, Some(&bed("ward")));
    let expected = [(AlertKind::Lowered, Severity::Medium, "icu"), (AlertKind::Moved, Severity::Medium, "ward")];
    assert_eq!(told(&there), expected);
    assert_eq!(calls(&mut engine, 21, 700), [(80, "charge_nurse".to_owned())], "and goes down once");
}

#[test]
fn nor_for_a_rule_that_is_gone_though_it_comes_back() {
    let both = two_units();
    let medium = format!("[[rule]]{}", both.rsplit_once("[[rule]]").unwrap().1);
    let mut engine = AlertEngine::new(policy(&both), 10);
    evaluate(&mut engine, 0, 8.0, "icu");
    assert!(evaluate(&mut engine, 10, 4.0, "icu").is_empty(), "down in ten minutes");
    engine.change(policy(&medium), 19 * S);
    let there = moved(&mut engine, 20, Some(&bed("ward")));
    let expected = [(AlertKind::Lowered, Severity::Medium, "icu"), (AlertKind::Moved, Severity::Medium, "ward")];
    assert_eq!(told(&there), expected);
    engine.change(policy(&both), 21 * S);
    assert_eq!(calls(&mut engine, 22, 100), [(80, "charge_nurse".to_owned())]);
}

#[test]
fn in_another_bed_of_the_unit_it_stays_as_severe_as_it_is_for_its_time() {
    let mut engine = AlertEngine::new(policy(&two_units()), 10);
    evaluate(&mut engine, 0, 8.0, "icu");
    evaluate(&mut engine, 10, 4.0, "icu");
    let other = BedKey { bed: "2".into(), ..bed("icu") };
    assert_eq!(told(&moved(&mut engine, 20, Some(&other))), [(AlertKind::Moved, Severity::High, "icu")]);
    assert!(moved(&mut engine, 21, Some(&other)).is_empty(), "once");
}

#[test]
fn who_lies_in_no_bed_takes_alerts_along_and_those_of_units_end() {
    let mut engine = AlertEngine::new(policy(&two_units()), 10);
    evaluate(&mut engine, 0, 8.0, "icu");
    let expected = [(AlertKind::Lowered, Severity::Medium, "icu"), (AlertKind::Moved, Severity::Medium, "")];
    assert_eq!(told(&moved(&mut engine, 5, None)), expected);
    let mut alone = AlertEngine::new(policy(&rule("units = [\"icu\"]")), 10);
    evaluate(&mut alone, 0, 8.0, "icu");
    let ended = moved(&mut alone, 5, None);
    assert_eq!(told(&ended), [(AlertKind::Cleared, Severity::High, "icu")]);
    assert_eq!(ended[0].reason, "the patient was moved out of the rule's units");
}

#[test]
fn a_stale_score_goes_along_with_its_patient_is_seen_there_and_ends_there() {
    let text = rule("") + "[[technical.score_stale]]\nscore = \"qsofa\"\nmin_present = 2\nstale_s = 60\n";
    let book = Book::default();
    let mut engine = AlertEngine::new(policy(&text), 10).shown_in(book.clone());
    let finding = |unit: &str, began: bool| {
        let about =
            About { trouble: Trouble::ScoreStale, patient: Some(patient(1)), bed: Some(bed(unit)), subject: "qsofa".into() };
        Finding { about, began, reason: "stale".into(), ordinal: 0x5200 }
    };
    let mut out = Vec::new();
    engine.on_finding(&finding("icu", true), (1, S), &mut out);
    let id = out[0].alert_id;
    assert_eq!(told(&moved(&mut engine, 5, Some(&bed("ward")))), [(AlertKind::Moved, Severity::Technical, "ward")]);
    assert_eq!(book.unit(id).as_deref(), Some("ward"));
    let stored = postcard::to_stdvec(engine.state()).unwrap();
    let mut engine = AlertEngine::restore(policy(&text), 10, postcard::from_bytes(&stored).unwrap());
    out.clear();
    engine.on_finding(&finding("ward", true), (10, 10 * S), &mut out);
    assert!(out.is_empty(), "it is the same: {out:?}");
    engine.on_finding(&finding("ward", false), (11, 11 * S), &mut out);
    assert_eq!((out.len(), out[0].kind, out[0].alert_id), (1, AlertKind::Cleared, id));
    engine.on_finding(&finding("icu", true), (12, 12 * S), &mut out);
    assert_eq!((out.len(), engine.open_alerts()), (2, 1), "and may come again");
}
