//! Another policy while alerts are open.

use super::answers::opened;
use super::*;

const CHAIN: &str = "[[escalation]]\nseverity = \"high\"\nsteps = [{ after_s = 60, to = \"charge_nurse\" }, { after_s = 90, to = \"physician\" }]\n";

/// (second, step) of what ticks bring from one second to another.
fn ticks(engine: &mut AlertEngine, from_s: i64, to_s: i64) -> Vec<(i64, AlertKind)> {
    let mut out = Vec::new();
    (from_s..=to_s).for_each(|at_s| engine.on_tick((1_000 + at_s as u64, at_s * 1_000_000), 0, &mut out));
    out.iter().map(|event| (event.at_us / 1_000_000, event.kind)).collect()
}

#[test]
fn an_open_alert_waits_anew_under_another_chain_and_goes_on_under_the_same() {
    let (mut engine, out) = opened(&rule(""));
    let opened_s = out[0].at_us / 1_000_000;
    engine.change(policy(&(rule("") + CHAIN)), (opened_s + 10) * 1_000_000);
    assert_eq!(ticks(&mut engine, opened_s + 11, opened_s + 75), [(opened_s + 70, AlertKind::Escalated)]);
    engine.change(policy(&(rule("lockout_s = 9") + CHAIN)), (opened_s + 80) * 1_000_000);
    assert_eq!(
        ticks(&mut engine, opened_s + 81, opened_s + 120),
        [(opened_s + 100, AlertKind::Escalated)],
        "30 s after the first"
    );
}

#[test]
fn what_somebody_has_answered_is_called_for_by_no_new_chain() {
    let (mut engine, out) = opened(&rule(""));
    let at = |second: i64| (900, out[0].at_us + second * 1_000_000);
    let seen =
        answers::action(&format!(r#"{{"action":"acknowledge","alert_id":"{}","by":"k1","role":"nurse"}}"#, out[0].alert_id));
    assert_eq!(engine.on_action(&seen, at(1), &mut Vec::new()), Outcome::Done);
    engine.change(policy(&(rule("") + CHAIN)), at(2).1);
    let from_s = at(3).1 / 1_000_000;
    assert!(ticks(&mut engine, from_s, from_s + 200).is_empty());
}

#[test]
fn a_technical_alert_that_is_no_longer_watched_ends_with_the_next_tick_though_no_rule_changed() {
    let watched = rule("") + "[technical]\nmonitor_silent_s = 60\n";
    let mut engine = AlertEngine::new(policy(&watched), 10);
    let about = About { trouble: Trouble::MonitorSilent, patient: None, bed: Some(bed("icu")), subject: "".into() };
    let mut out = Vec::new();
    engine.on_finding(&Finding { about, began: true, reason: "silent".into(), ordinal: 1 }, (5, 5_000_000), &mut out);
    engine.change(policy(&rule("")), 6_000_000);
    engine.on_tick((7, 7_000_000), 0, &mut out);
    assert_eq!((out.len(), out[1].kind, out[1].seq), (2, AlertKind::Cleared, 7));
    assert_eq!(out[1].reason, "the policy no longer has this rule");
}

#[test]
fn a_rule_keeps_its_counters_and_its_alert_under_new_thresholds() {
    let (mut engine, mut out) = opened(&rule(""));
    let first = out[0].alert_id;
    engine.change(policy(&rule("").replace("enter = 7", "enter = 9").replace("clear = 4", "clear = 6")), 8_000_000);
    let seq = out[0].seq;
    engine.on_score(&news2(seq + 1, 7.0, 7), Some(&bed("icu")), &mut no_explanation, &mut out);
    assert_eq!(out.len(), 1, "7 is above the new clear");
    engine.on_score(&news2(seq + 2, 6.0, 7), Some(&bed("icu")), &mut no_explanation, &mut out);
    assert_eq!((out[1].kind, out[1].alert_id), (AlertKind::Cleared, first));
    engine.on_score(&news2(seq + 3, 8.0, 7), Some(&bed("icu")), &mut no_explanation, &mut out);
    assert_eq!(out.len(), 2);
    assert_eq!(engine.counters().next().map(|(_, counters)| (counters.opened, counters.cleared)), Some((1, 1)));
}
