//! Who answers, and what happens while nobody does; by hand.

use super::*;
use crate::alert::{Action, Outcome, Said, Standing};

const S: i64 = 1_000_000;
const CHAIN: &str = "[[escalation]]\nseverity = \"high\"\nsteps = [{after_s = 60, to = \"charge_nurse\"}, {after_s = 180, to = \"physician\"}]\nrepeat_s = 100\nexpire_s = 500\n";

/// An engine with an alert of patient 1 that opened in frame 1, at second 0.
pub(super) fn opened(policy_text: &str) -> (AlertEngine, Vec<AlertEvent>) {
    let mut engine = AlertEngine::new(policy(policy_text), 10);
    let mut out = Vec::new();
    let score = Score { at_us: 0, ..news2(1, 8.0, 7) };
    engine.on_score(&score, Some(&bed("icu")), &mut no_explanation, &mut out);
    assert_eq!(out.len(), 1);
    (engine, out)
}

pub(super) fn action(json: &str) -> Action {
    Action::read(json.as_bytes()).expect(json)
}

fn act(engine: &mut AlertEngine, at_s: i64, what: &str, more: &str, out: &mut Vec<AlertEvent>) -> Outcome {
    let json = format!("{{\"action\":\"{what}\",\"alert_id\":\"65536\",\"by\":\"k1\",\"role\":\"nurse\"{more}}}");
    engine.on_action(&action(&json), (1_000 + at_s as u64, at_s * S), out)
}

/// Ticks of every second up to and including `to_s`, and (second, kind, to) of what came of them.
fn ticks(engine: &mut AlertEngine, from_s: i64, to_s: i64) -> Vec<(i64, AlertKind, String)> {
    let mut out = Vec::new();
    for second in from_s..=to_s {
        engine.on_tick(((20_000 + second) as u64, second * S), 0, &mut out);
    }
    out.iter().map(|event| (event.at_us / S, event.kind, event.said.to.to_string())).collect()
}

#[test]
fn an_alert_nobody_answers_goes_along_its_chain_is_repeated_and_expires() {
    let (mut engine, _) = opened(&(rule("") + CHAIN));
    let told = ticks(&mut engine, 1, 1_000);
    let expected = [
        (60, AlertKind::Escalated, "charge_nurse"),
        (180, AlertKind::Escalated, "physician"),
        (280, AlertKind::Reminded, "physician"),
        (380, AlertKind::Reminded, "physician"),
        (480, AlertKind::Reminded, "physician"),
        (500, AlertKind::Expired, ""),
    ];
    assert_eq!(told, expected.map(|(at, kind, to)| (at, kind, to.to_owned())));
    assert_eq!(engine.open_alerts(), 1, "its condition still holds");
    let mut out = Vec::new();
    assert_eq!(act(&mut engine, 1_001, "acknowledge", "", &mut out), Outcome::Done, "late, but an answer");
}

#[test]
fn a_server_that_was_down_tells_each_step_once_and_one_reminder() {
    let (mut engine, _) = opened(&(rule("") + CHAIN));
    let told = ticks(&mut engine, 410, 480);
    let kinds: Vec<_> = told.iter().map(|(at, kind, _)| (*at, *kind)).collect();
    assert_eq!(kinds, [(410, AlertKind::Escalated), (410, AlertKind::Escalated), (410, AlertKind::Reminded)]);
}

#[test]
fn an_acknowledgement_stops_the_chain_and_clears_nothing() {
    let (mut engine, _) = opened(&(rule("") + CHAIN));
    let mut out = Vec::new();
    assert_eq!(act(&mut engine, 30, "acknowledge", ",\"note\":\"seen\"", &mut out), Outcome::Done);
    assert_eq!(act(&mut engine, 31, "acknowledge", ",\"note\":\"seen\"", &mut out), Outcome::Repeated);
    let [event] = &out[..] else { panic!("{out:?}") };
    assert_eq!((event.kind, event.reason.as_str()), (AlertKind::Acknowledged, "acknowledged by a nurse"));
    assert_eq!((event.said.by.as_str(), event.said.note.as_str()), ("k1", "seen"));
    assert!(!format!("{event:?}").contains("seen"), "a note never reaches Debug (P6)");
    assert!(ticks(&mut engine, 31, 2_000).is_empty());
    assert_eq!(engine.open_alerts(), 1);
    engine.on_score(&Score { at_us: 3_000 * S, ..news2(20_000, 3.0, 7) }, None, &mut no_explanation, &mut out);
    assert_eq!((out[1].kind, engine.open_alerts()), (AlertKind::Cleared, 0));
    assert_eq!(act(&mut engine, 3_001, "acknowledge", "", &mut out), Outcome::Late);
}

#[test]
fn a_snoozed_alert_never_escalates_and_begins_anew_when_its_time_is_over() {
    let (mut engine, _) = opened(&(rule("") + CHAIN));
    let mut out = Vec::new();
    let until = format!(",\"reason\":\"CT\",\"until_us\":{}", 930 * S);
    assert_eq!(act(&mut engine, 30, "snooze", &until, &mut out), Outcome::Done);
    assert_eq!(act(&mut engine, 31, "snooze", &until, &mut out), Outcome::Repeated);
    assert_eq!((out[0].reason.as_str(), out[0].said.until_us), ("snoozed for 15 min by a nurse", Some(930 * S)));
    let told = ticks(&mut engine, 31, 1_000);
    let expected = [(930, AlertKind::Unsnoozed, String::new()), (990, AlertKind::Escalated, "charge_nurse".to_owned())];
    assert_eq!(told, expected);
    for until_us in [1_000 * S, (1_000 + 9 * 3_600) * S] {
        let until = format!(",\"reason\":\"CT\",\"until_us\":{until_us}");
        assert_eq!(act(&mut engine, 1_000, "snooze", &until, &mut out), Outcome::Late, "not in the future, or too long");
    }
}

#[test]
fn somebody_may_end_a_snooze() {
    let (mut engine, _) = opened(&(rule("") + CHAIN));
    let mut out = Vec::new();
    act(&mut engine, 30, "snooze", &format!(",\"reason\":\"CT\",\"until_us\":{}", 930 * S), &mut out);
    assert_eq!(act(&mut engine, 40, "unsnooze", "", &mut out), Outcome::Done);
    assert_eq!(act(&mut engine, 41, "unsnooze", "", &mut out), Outcome::Repeated);
    assert_eq!(ticks(&mut engine, 41, 101), [(100, AlertKind::Escalated, "charge_nurse".to_owned())]);
}

#[test]
fn passed_on_by_hand_it_goes_on_from_that_roles_place() {
    let (mut engine, _) = opened(&(rule("") + CHAIN));
    let mut out = Vec::new();
    let to = ",\"to\":\"charge_nurse\",\"note\":\"worse\"";
    assert_eq!(act(&mut engine, 10, "escalate", to, &mut out), Outcome::Done);
    assert_eq!(act(&mut engine, 11, "escalate", to, &mut out), Outcome::Repeated);
    assert_eq!((out[0].reason.as_str(), out[0].level), ("passed on to the charge nurse by a nurse", 1));
    let told = ticks(&mut engine, 11, 240);
    let expected = [(130, AlertKind::Escalated, "physician".to_owned()), (230, AlertKind::Reminded, "physician".to_owned())];
    assert_eq!(told, expected, "the second step 120 s after the first");
}

const CAUSE: &str = "cause = \"news2\"\n";

fn two_rules() -> String {
    let high = rule(&format!("{CAUSE}downgrade_s = 60"));
    let medium = format!(
        "[[rule]]\nname = \"medium\"\nscore = \"news2\"\nseverity = \"medium\"\nlabel = \"NEWS2\"\nenter = 5\nclear = 2\n{CAUSE}"
    );
    high + &medium
}

fn evaluate(engine: &mut AlertEngine, at_s: i64, value: f64) -> Vec<(AlertKind, Severity, String)> {
    let mut out = Vec::new();
    let score = Score { at_us: at_s * S, ..news2(1_000 + at_s as u64, value, 7) };
    engine.on_score(&score, Some(&bed("icu")), &mut no_explanation, &mut out);
    out.into_iter().map(|event| (event.kind, event.severity, event.rule.to_string())).collect()
}

#[test]
fn rules_of_one_cause_share_one_alert_that_is_raised_at_once_and_lowered_in_time() {
    let mut engine = AlertEngine::new(policy(&(two_rules() + CHAIN)), 10);
    assert_eq!(evaluate(&mut engine, 0, 5.0), [(AlertKind::Opened, Severity::Medium, "medium".to_owned())]);
    assert_eq!(evaluate(&mut engine, 1, 7.0), [(AlertKind::Raised, Severity::High, "high".to_owned())]);
    assert!(evaluate(&mut engine, 2, 4.0).is_empty(), "not yet: it goes down after a minute");
    assert!(evaluate(&mut engine, 30, 8.0).is_empty(), "and was high all the while");
    assert!(evaluate(&mut engine, 40, 4.0).is_empty());
    let told = ticks(&mut engine, 41, 120);
    assert_eq!(told[0], (61, AlertKind::Escalated, "charge_nurse".to_owned()), "a minute after it was raised");
    assert_eq!(told[1..], [(100, AlertKind::Lowered, String::new())], "medium has no chain");
    assert_eq!(evaluate(&mut engine, 200, 2.0), [(AlertKind::Cleared, Severity::Medium, "medium".to_owned())]);
    assert_eq!(engine.open_alerts(), 0);
    let at_once = evaluate(&mut engine, 201, 9.0);
    assert_eq!(at_once, [(AlertKind::Opened, Severity::High, "high".to_owned())], "one step for both rules");
}

#[test]
fn what_becomes_more_severe_waits_for_an_answer_anew() {
    for said in ["acknowledge", "snooze"] {
        let mut engine = AlertEngine::new(policy(&(two_rules() + CHAIN)), 10);
        let mut out = Vec::new();
        engine.on_score(&Score { at_us: 0, ..news2(1, 5.0, 7) }, None, &mut no_explanation, &mut out);
        let until = format!(",\"reason\":\"CT\",\"until_us\":{}", 930 * S);
        assert_eq!(act(&mut engine, 1, said, if said == "snooze" { &until } else { "" }, &mut out), Outcome::Done);
        assert_eq!(evaluate(&mut engine, 2, 7.0), [(AlertKind::Raised, Severity::High, "high".to_owned())]);
        assert_eq!(ticks(&mut engine, 3, 62), [(62, AlertKind::Escalated, "charge_nurse".to_owned())], "{said}");
    }
}

#[test]
fn a_storm_is_told_as_one_technical_alert_and_nothing_vanishes() {
    let storm = "[storm]\nper_minute = 2\nseverities = [\"medium\", \"technical\"]\n";
    let text = rule("").replace("\"high\"\nenter", "\"medium\"\nenter") + storm;
    let mut engine = AlertEngine::new(policy(&text), 100);
    let mut out = Vec::new();
    for number in 1..=6 {
        let score = Score { patient: patient(number), at_us: 0, ..news2(u64::from(number), 8.0, 7) };
        engine.on_score(&score, Some(&bed("icu")), &mut no_explanation, &mut out);
    }
    let held: Vec<bool> = out.iter().map(|event| event.held).collect();
    assert_eq!((held, engine.open_alerts()), (vec![false, false, true, true, true, true], 6));
    out.clear();
    for second in 1..=70 {
        engine.on_tick((100 + second, second as i64 * S), 0, &mut out);
    }
    let [told, over] = &out[..] else { panic!("{out:?}") };
    assert_eq!((told.rule.as_str(), told.severity, told.at_us, told.patient), ("alert-storm", Severity::Technical, S, None));
    assert!(told.reason.starts_with("4 alerts held back"), "{}", told.reason);
    assert_eq!(told.bed.as_ref().map(|bed| (bed.unit.as_str(), bed.bed.as_str())), Some(("icu", "")));
    assert_eq!((over.kind, over.alert_id, over.at_us / S), (AlertKind::Cleared, told.alert_id, 60));
    let high = AlertEngine::new(policy(&(rule("") + storm)), 100);
    let mut high = high;
    out.clear();
    for number in 1..=6 {
        let score = Score { patient: patient(number), ..news2(u64::from(number), 8.0, 7) };
        high.on_score(&score, Some(&bed("icu")), &mut no_explanation, &mut out);
    }
    assert!(out.iter().all(|event| !event.held), "a severity the cap does not name is always told");
}

#[test]
fn time_away_tells_what_came_due_and_expires_nothing() {
    let (mut engine, _) = opened(&(rule("") + CHAIN));
    assert!(ticks(&mut engine, 1, 10).is_empty());
    // The server is down from second 11 to 3,600; 490 s of waiting are left of 500.
    let told = ticks(&mut engine, 3_600, 4_200);
    let kinds: Vec<_> = told.iter().map(|(at, kind, _)| (*at, *kind)).collect();
    let (escalated, reminded) = (AlertKind::Escalated, AlertKind::Reminded);
    let hundreds = [3_600, 3_700, 3_800, 3_900, 4_000].map(|at| (at, reminded));
    let expected = [&[(3_600, escalated), (3_600, escalated)][..], &hundreds, &[(4_090, AlertKind::Expired)]].concat();
    assert_eq!(kinds, expected);
}

#[test]
fn a_second_call_is_a_call_and_the_same_sent_twice_is_not() {
    let (mut engine, _) = opened(&(rule("") + CHAIN));
    let mut out = Vec::new();
    let to = ",\"to\":\"charge_nurse\"";
    let outcomes = [10, 11, 30].map(|at_s| act(&mut engine, at_s, "escalate", to, &mut out));
    assert_eq!(outcomes, [Outcome::Done, Outcome::Repeated, Outcome::Done]);
    assert_eq!(out.len(), 2);
}

#[test]
fn passed_on_to_an_earlier_role_it_goes_on_from_there() {
    let (mut engine, _) = opened(&(rule("") + CHAIN));
    assert_eq!(ticks(&mut engine, 1, 200).len(), 2);
    act(&mut engine, 200, "escalate", ",\"to\":\"charge_nurse\"", &mut Vec::new());
    assert_eq!(
        ticks(&mut engine, 201, 330),
        [(320, AlertKind::Escalated, "physician".to_owned())],
        "120 s behind the charge nurse"
    );
}

#[test]
fn quiet_hours_call_nobody_for_what_they_hold_back_though_it_opened_before() {
    let chain = CHAIN.replace("\"high\"", "\"low\"");
    let text = rule("").replace("\"high\"\nenter", "\"low\"\nenter") + &chain + "[quiet]\nfrom = \"22:00\"\nto = \"06:00\"\n";
    let tick = |engine: &mut AlertEngine, at_s: i64, minute: u16| {
        let mut out = Vec::new();
        engine.on_tick(((20_000 + at_s) as u64, at_s * S), minute, &mut out);
        out.iter().map(|event| (event.kind, event.held)).collect::<Vec<_>>()
    };
    let (mut engine, _) = opened(&text);
    assert!(tick(&mut engine, 59, 21 * 60 + 59).is_empty());
    for at_s in [60, 180, 280, 500] {
        assert!(tick(&mut engine, at_s, 22 * 60).is_empty(), "nobody is called at night, and nothing expires");
    }
    // A snooze that ends at night is told to consoles alone.
    act(&mut engine, 501, "snooze", &format!(",\"reason\":\"CT\",\"until_us\":{}", 600 * S), &mut Vec::new());
    assert_eq!(tick(&mut engine, 600, 22 * 60 + 9), [(AlertKind::Unsnoozed, true)]);
    assert!(tick(&mut engine, 900, 22 * 60 + 10).is_empty());
    assert_eq!(tick(&mut engine, 1_000, 6 * 60), [(AlertKind::Reminded, false)]);
    assert_eq!(tick(&mut engine, 1_060, 6 * 60 + 1), [(AlertKind::Escalated, false)]);
}

#[test]
fn an_alert_goes_along_with_its_patient_to_the_chain_and_the_people_of_the_other_unit() {
    let there = CHAIN.replace("severity", "units = [\"ward\"]\nseverity").replace("charge_nurse", "nurse");
    let book = Book::default();
    let (mut engine, _) = opened(&(rule("") + CHAIN + &there));
    engine = engine.shown_in(book.clone());
    assert_eq!(book.unit(65_536).as_deref(), Some("icu"));
    let mut out = Vec::new();
    let score = Score { at_us: 10 * S, ..news2(2, 8.0, 7) };
    for bed in [bed("ward"), bed("ward")] {
        engine.on_score(&score, Some(&bed), &mut no_explanation, &mut out);
    }
    let [moved] = &out[..] else { panic!("once: {out:?}") };
    assert_eq!((moved.kind, moved.alert_id, moved.bed.as_ref()), (AlertKind::Moved, 65_536, Some(&bed("ward"))));
    assert_eq!(moved.reason, "moved with the patient from icu bed 1 to ward bed 1");
    assert_eq!(book.unit(65_536).as_deref(), Some("ward"));
    assert_eq!(ticks(&mut engine, 11, 100), [(70, AlertKind::Escalated, "nurse".to_owned())]);
}

#[test]
fn quiet_hours_hold_low_alerts_back_and_end_with_a_reminder() {
    let quiet = "[quiet]\nfrom = \"22:00\"\nto = \"06:00\"\n";
    let text = rule("").replace("\"high\"\nenter", "\"low\"\nenter") + quiet;
    let mut engine = AlertEngine::new(policy(&text), 10);
    let mut out = Vec::new();
    engine.on_tick((1, 0), 23 * 60, &mut out);
    engine.on_score(&news2(2, 8.0, 7), None, &mut no_explanation, &mut out);
    assert_eq!((out[0].kind, out[0].held), (AlertKind::Opened, true));
    engine.on_tick((3, 3 * S), 5 * 60 + 59, &mut out);
    assert_eq!(out.len(), 1);
    engine.on_tick((4, 4 * S), 6 * 60, &mut out);
    assert_eq!(
        (out.len(), out[1].kind, out[1].reason.as_str()),
        (2, AlertKind::Reminded, "quiet hours are over, and it still holds")
    );
    engine.on_tick((5, 5 * S), 6 * 60 + 1, &mut out);
    engine.on_score(&Score { patient: patient(2), ..news2(6, 8.0, 7) }, None, &mut no_explanation, &mut out);
    assert_eq!((out.len(), out[2].held), (3, false));
}

#[test]
fn a_dead_channel_is_a_technical_alert_until_it_delivers_again() {
    let mut engine = AlertEngine::new(policy(&rule("")), 10);
    let mut out = Vec::new();
    let dead = action("{\"action\":\"channel_dead\",\"subject\":\"ward-mail\",\"reason\":\"5 deliveries failed\"}");
    let alive = action("{\"action\":\"channel_alive\",\"subject\":\"ward-mail\"}");
    let outcomes: Vec<Outcome> = [&dead, &dead, &alive, &alive]
        .into_iter()
        .zip(1..)
        .map(|(one, seq)| engine.on_action(one, (seq, seq as i64 * S), &mut out))
        .collect();
    assert_eq!(outcomes, [Outcome::Done, Outcome::Repeated, Outcome::Done, Outcome::Repeated]);
    let [opened, cleared] = &out[..] else { panic!("{out:?}") };
    assert_eq!(
        (opened.rule.as_str(), opened.subject.as_str(), opened.reason.as_str()),
        ("channel-dead", "ward-mail", "5 deliveries failed")
    );
    assert_eq!((cleared.kind, cleared.alert_id), (AlertKind::Cleared, opened.alert_id));
}

#[test]
fn a_clock_set_back_makes_nobody_wait_longer() {
    let (mut engine, _) = opened(&(rule("") + CHAIN));
    engine.set_back(-10_000 * S);
    let told = ticks(&mut engine, -9_999, -9_939);
    assert_eq!(told, [(-9_940, AlertKind::Escalated, "charge_nurse".to_owned())]);
}

#[test]
fn what_an_action_does_not_say_is_refused_and_quoted_nowhere() {
    for wrong in [
        "{}",
        "nonsense Smith",
        "{\"action\":\"acknowledge\"}",
        "{\"action\":\"acknowledge\",\"alert_id\":\"Smith\"}",
        "{\"action\":\"escalate\",\"alert_id\":\"1\"}",
        "{\"action\":\"snooze\",\"alert_id\":\"1\"}",
        "{\"action\":\"channel_dead\",\"alert_id\":\"1\"}",
        "{\"action\":\"acknowledge\",\"alert_id\":\"1\",\"Smith\":1}",
    ] {
        let refusal = Action::read(wrong.as_bytes()).expect_err(wrong);
        assert!(!refusal.detail.contains("Smith"), "{}", refusal.detail);
    }
    let long = format!("{{\"action\":\"acknowledge\",\"alert_id\":\"1\",\"note\":\"{}\"}}", "x".repeat(2_001));
    assert!(Action::read(long.as_bytes()).is_err());
}

#[test]
fn states_follow_from_the_kinds() {
    use AlertKind as K;
    let after = |kinds: &[K]| kinds.iter().fold(Standing::Open, |standing, kind| standing.after(*kind));
    assert_eq!(after(&[K::Opened, K::Escalated, K::Reminded]), Standing::Escalated);
    assert_eq!(after(&[K::Opened, K::Acknowledged, K::Lowered]), Standing::Acknowledged);
    assert_eq!(after(&[K::Opened, K::Acknowledged, K::Raised]), Standing::Open);
    assert_eq!(after(&[K::Opened, K::Expired, K::Cleared]), Standing::Cleared);
    assert_eq!(Said::default().by, "");
}
