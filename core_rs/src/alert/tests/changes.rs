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

/// Two rules of one cause, each with a severity; NEWS2 8 makes both hold.
fn both(severities: [&str; 2]) -> String {
    let named = |name: &str, severity: &str| {
        format!(
            "[[rule]]\nname = \"{name}\"\ncause = \"news2\"\nscore = \"news2\"\nseverity = \"{severity}\"\nenter = 7\nclear = 4\n"
        )
    };
    named("first", severities[0]) + &named("second", severities[1]) + CHAIN
}

/// An alert led by the first of both, 10 s after it opened under another policy; what the next tick says.
fn under(now: &str, policies: [&str; 2], before: impl Fn(&mut AlertEngine, &[AlertEvent])) -> Vec<AlertEvent> {
    let (mut engine, opened) = opened(&both(policies));
    before(&mut engine, &opened);
    engine.change(policy(now), 10_000_000);
    let mut out = Vec::new();
    engine.on_tick((900, 11_000_000), 23 * 60, &mut out);
    out.retain(|event| event.kind != AlertKind::Reminded);
    assert_eq!(engine.open_alerts(), 1);
    out
}

#[test]
fn an_alert_whose_leading_rule_is_gone_is_led_by_one_as_severe_and_says_so() {
    let second = both(["high", "high"]).split_once("[[rule]]\nname = \"first\"").unwrap().1.to_owned();
    let second = format!("[[rule]]{}", second.split_once("[[rule]]").unwrap().1);
    let [step] = &under(&second, ["high", "high"], |_, _| {})[..] else { panic!("one step") };
    assert_eq!((step.rule.as_str(), step.severity, step.kind), ("second", Severity::High, AlertKind::Lowered));
    assert_eq!(step.reason, "the policy no longer has first, second holds");
    // One that waits to go down waits for no rule that is gone.
    let medium = second.replacen("\"high\"", "\"medium\"", 1);
    let waits = both(["high", "medium"]).replacen("clear = 4", "clear = 7.5\ndowngrade_s = 600", 1).replacen(
        "enter = 7",
        "enter = 8",
        1,
    );
    let (mut engine, _) = opened(&waits);
    let mut out = Vec::new();
    engine.on_score(&news2(5, 7.0, 7), Some(&bed("icu")), &mut no_explanation, &mut out);
    engine.change(policy(&medium), 6_000_000);
    engine.on_tick((7, 7_000_000), 0, &mut out);
    assert_eq!(out.iter().map(|step| (step.rule.as_str(), step.severity)).collect::<Vec<_>>(), [("second", Severity::Medium)]);
}

#[test]
fn a_policy_that_raises_an_alert_raises_it_at_once_also_one_that_waits_to_go_down() {
    let waits = both(["medium", "low"]).replacen("clear = 4", "clear = 7.5\ndowngrade_s = 600", 1).replacen(
        "enter = 7",
        "enter = 8",
        1,
    );
    let (mut engine, _) = opened(&waits);
    let mut out = Vec::new();
    engine.on_score(&news2(5, 7.0, 7), Some(&bed("icu")), &mut no_explanation, &mut out);
    assert!(out.is_empty(), "down in ten minutes");
    let raises = waits.replacen("\"low\"", "\"high\"", 1);
    engine.change(policy(&raises), 6_000_000);
    engine.on_tick((7, 7_000_000), 0, &mut out);
    let [raised] = &out[..] else { panic!("{out:?}") };
    assert_eq!((raised.kind, raised.severity, raised.rule.as_str()), (AlertKind::Raised, Severity::High, "second"));
    out.clear();
    (8..=700).for_each(|at_s| engine.on_tick((at_s as u64, at_s * 1_000_000), 0, &mut out));
    let calls: Vec<_> = out.iter().map(|event| (event.at_us / 1_000_000, event.said.to.as_str())).collect();
    assert_eq!(calls, [(67, "charge_nurse"), (97, "physician")], "called for what it is, and not lowered by the former wait");
}

#[test]
fn what_a_policy_raises_at_night_is_held_back_or_told_by_what_it_is_now() {
    let quiet = |severity: &str| format!("[quiet]\nfrom = \"22:00\"\nto = \"06:00\"\nseverities = [\"{severity}\"]\n");
    for (severity, held) in [("low", false), ("high", true)] {
        let text = both(["low", "low"]) + &quiet(severity);
        let mut engine = AlertEngine::new(policy(&text), 10);
        let mut out = Vec::new();
        engine.on_tick((1, 1_000_000), 23 * 60, &mut out);
        engine.on_score(&news2(2, 8.0, 7), Some(&bed("icu")), &mut no_explanation, &mut out);
        assert_eq!(out[0].held, !held);
        engine.change(policy(&(both(["high", "low"]) + &quiet(severity))), 3_000_000);
        out.clear();
        (4..=100).for_each(|at_s| engine.on_tick((at_s as u64, at_s * 1_000_000), 23 * 60, &mut out));
        let kinds: Vec<_> = out.iter().map(|event| (event.kind, event.held)).collect();
        let told = [(AlertKind::Raised, false), (AlertKind::Escalated, false), (AlertKind::Escalated, false)];
        assert_eq!(kinds, if held { vec![(AlertKind::Raised, true)] } else { told.to_vec() }, "quiet for {severity}");
    }
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
