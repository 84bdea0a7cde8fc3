//! A policy on recorded time: the one in force opens exactly what the route opened, and a candidate leaves it alone.

mod recorded;
#[path = "../as_of/ward.rs"]
#[allow(dead_code, reason = "shared with as_of")]
mod ward;

use std::sync::Arc;
use std::time::Duration;

use nightlamp_core::decode::{Decoder, PatientId};
use nightlamp_core::engine::{Course, EngineConfig, History, ReplayError, Simulated, Snapshots, Trial};
use nightlamp_core::journal::{Journal, Journalled};
use nightlamp_core::pipeline::{MessageKind, Pipeline, Setup, TriedAlert};
use nightlamp_core::receive::{Frame, Source};
use nightlamp_core::score::Scorers;
use serde_json::Value;

/// Rules that a random ward crosses often, with runs, lock-outs and a storm cap, and a monitor that counts as silent soon.
const IN_FORCE: &str = r#"
[[rule]]
name = "news2-high"
cause = "news2"
score = "news2"
severity = "high"
enter = 5
clear = 3
enter_evaluations = 2
lockout_s = 20
downgrade_s = 5

[[rule]]
name = "news2-medium"
cause = "news2"
score = "news2"
severity = "medium"
enter = 3
clear = 1
clear_evaluations = 2

[[rule]]
name = "qsofa"
score = "qsofa"
severity = "low"
enter = 1
clear = 0
lockout_s = 30

[[rule]]
name = "fast-or-rising"
severity = "medium"
lockout_s = 15
when = { any = [
  { signal = "HR", above = 110, clear = 90, for_s = 3 },
  { all = [ { signal = "HR", rising_by = 20, within_s = 60 }, { score = "news2", at_least = 2 } ] },
] }

[storm]
per_minute = 3
severities = ["low", "medium"]

[technical]
monitor_silent_s = 5
feed_silent_s = 5
"#;

const ONE_MORE: &str = r#"
[[rule]]
name = "mews"
score = "mews"
severity = "high"
enter = 3
clear = 1

[[rule]]
name = "slow-rise"
severity = "low"
when = { signal = "HR", rising_by = 30, within_s = 21600 }
"#;

fn config() -> EngineConfig {
    serde_json::from_value(serde_json::json!({
        "site_key_hex": "07".repeat(32),
        "limits": {"past_s_max": 4_000_000_000_i64, "journal_segment_bytes_max": 65_536},
        "policy": IN_FORCE,
    }))
    .expect("config")
}

/// An alert as far as both sides say it: patient (empty: none), rule, cause, subject, severity, unit, opening, clearing
/// (milliseconds), held.
type Seen = (String, String, String, String, String, String, i64, Option<i64>, bool);

/// A ward that went through the route, its journal, and the alerts the route told consoles of, in order.
struct Told {
    data: tempfile::TempDir,
    alerts: Vec<Seen>,
    frames: Vec<Frame>,
}

fn tell(frames: Vec<Frame>, snapshots: &[usize]) -> Told {
    let config = config();
    let data = tempfile::tempdir().expect("folder");
    let journal = Journal::open(&data.path().join("journal"), config.journal()).expect("journal");
    let kept = Snapshots::open(&data.path().join("snapshots")).expect("folder");
    let mut last = 0;
    for frame in &frames {
        last = journal.submit(&frame.as_ref()).expect("journalled").seq;
        if last.is_multiple_of(50) {
            journal.wait_durable(last, Duration::from_secs(10));
        }
    }
    journal.wait_durable(last, Duration::from_secs(10));
    let scorers = Arc::new(Scorers::load(&[]).expect("scorers"));
    let decoder = Arc::new(Decoder::new(config.decode()).expect("decoder"));
    let setup = Setup { policy: IN_FORCE.to_owned(), ..Setup::new(decoder, scorers, config.limits) };
    let mut pipeline = Pipeline::new(setup).expect("pipeline");
    let journalled: Vec<_> = frames.iter().cloned().zip(1..).map(|(frame, seq)| Journalled { seq, frame }).collect();
    let mut alerts: Vec<(String, Seen)> = Vec::new();
    for chunk in journalled.chunks(10) {
        let batch = pipeline.run(chunk, 0).expect("a batch");
        for message in batch.messages.iter().filter(|message| message.kind == MessageKind::Alert) {
            follow(&mut alerts, &serde_json::from_slice(&message.json).expect("JSON"));
        }
        if snapshots.contains(&(batch.last_seq as usize)) {
            kept.write(batch.last_seq, &pipeline.state()).expect("written");
        }
    }
    // Who was merged meanwhile is told under the name of then, and simulated under the name of now.
    let now = |patient: String| match u128::from_str_radix(&patient.replace('-', ""), 16) {
        Ok(id) => pipeline.survivor(PatientId(id.to_be_bytes())).to_string(),
        Err(_) => patient,
    };
    let alerts =
        alerts.into_iter().map(|(_, seen)| (now(seen.0), seen.1, seen.2, seen.3, seen.4, seen.5, seen.6, seen.7, seen.8));
    Told { data, alerts: alerts.collect(), frames }
}

fn follow(alerts: &mut Vec<(String, Seen)>, said: &Value) {
    let text = |of: &Value| of.as_str().unwrap_or_default().to_owned();
    let id = text(&said["id"]);
    let at_ms = || said["at_ms"].as_i64().expect("a time");
    match said["kind"].as_str() {
        Some("opened") => alerts.push((
            id,
            (
                text(&said["patient"]),
                text(&said["rule"]),
                text(&said["cause"]),
                text(&said["subject"]),
                text(&said["severity"]),
                text(&said["unit"]),
                at_ms(),
                None,
                said["held"].as_bool().unwrap_or_default(),
            ),
        )),
        Some("cleared") => {
            let alert = alerts.iter_mut().rev().find(|(one, _)| *one == id);
            alert.expect("it opened").1.7 = Some(at_ms());
        }
        _ => {}
    }
}

fn seen(alert: &TriedAlert) -> Seen {
    let severity = serde_json::to_value(alert.severity).expect("a name");
    (
        alert.patient.map(|patient| patient.to_string()).unwrap_or_default(),
        alert.rule.to_string(),
        alert.cause.to_string(),
        alert.subject.to_string(),
        severity.as_str().unwrap_or_default().to_owned(),
        alert.unit.to_string(),
        alert.opened_at_us.div_euclid(1_000),
        alert.cleared_at_us.map(|at_us| at_us.div_euclid(1_000)),
        alert.held,
    )
}

impl Told {
    fn simulate(&self, policies: &[&str], from_us: Option<i64>, to_us: Option<i64>) -> Result<Simulated, ReplayError> {
        let policies = policies.iter().map(|text| Some((*text).to_owned())).collect();
        let trial = Trial { policies, from_us, to_us, time_max: Duration::from_secs(60) };
        History::open(self.data.path(), &config()).expect("history").simulate(&trial, &Course::default(), &|| false)
    }
}

fn of(simulated: &Simulated, policy: usize) -> Vec<Seen> {
    simulated.tried.alerts[policy].iter().map(seen).collect()
}

#[test]
fn the_policy_in_force_opens_exactly_what_the_route_opened() {
    for seed in 1..=4 {
        let told = tell(ward::frames(seed, 1_500), &[]);
        println!("{} alerts", told.alerts.len());
        assert!(told.alerts.len() > 30, "the ward alerts");
        assert!(told.alerts.iter().any(|alert| alert.1 == "fast-or-rising"), "by conditions too");
        let simulated = told.simulate(&[IN_FORCE], None, None).expect("simulated");
        assert_eq!(of(&simulated, 0), told.alerts, "seed {seed}");
        assert_eq!(simulated.frames, told.frames.len() as u64);
    }
}

#[test]
fn what_opened_on_values_that_are_withdrawn_clears_as_it_did_in_the_route() {
    let mut frames = ward::frames(3, 60);
    let last_us = frames.iter().map(|frame| frame.received_at_us).max().expect("frames");
    for (at_us, status) in [(last_us + 1_000_000, "final"), (last_us + 2_000_000, "withdrawn")] {
        let item = |code: &str, value: f64, unit: &str| serde_json::json!({"code": code, "system": "nightlamp", "value": value, "unit": unit, "status": status});
        let said = serde_json::json!({
            "patient": {"authority": "HOSP", "identifier": "P77"},
            "time": (last_us + 1_000_000) / 1_000,
            "observations": [item("Resp", 31.0, "/min"), item("SBP", 80.0, "mm[Hg]")],
        });
        let payload = said.to_string().into_bytes().into();
        let (principal, context) = ("test".into(), Default::default());
        frames.push(Frame { source: Source::JsonHttp, principal, context, received_at_us: at_us, payload });
    }
    let told = tell(frames, &[]);
    let cleared = told.alerts.iter().filter(|alert| alert.7 == Some(last_us.div_euclid(1_000) + 2_000));
    assert!(cleared.count() > 0, "the withdrawal clears");
    assert_eq!(of(&told.simulate(&[IN_FORCE], None, None).expect("simulated"), 0), told.alerts);
}

#[test]
fn from_a_time_on_the_policy_in_force_opens_what_the_route_opened_since_whatever_snapshot_it_begins_with() {
    let mut frames = ward::frames(7, 1_500);
    // Two hours without a word: what came before is further back than the run-in.
    frames[700..].iter_mut().for_each(|frame| frame.received_at_us += 7_200_000_000);
    let from_us = frames[1_000].received_at_us;
    for snapshots in [&[][..], &[300, 600, 900], &[1_200]] {
        let told = tell(frames.clone(), snapshots);
        let simulated = told.simulate(&[IN_FORCE], Some(from_us), None).expect("simulated");
        let since = |alerts: Vec<Seen>| alerts.into_iter().filter(|alert| alert.6 * 1_000 >= from_us).collect::<Vec<_>>();
        let expected = since(told.alerts.clone());
        assert!(expected.len() > 10, "the ward goes on alerting");
        assert_eq!(since(of(&simulated, 0)), expected, "{snapshots:?}");
        let begun = snapshots.iter().filter(|seq| **seq < 700).max().copied().unwrap_or_default();
        assert_eq!(simulated.from_seq, begun as u64, "an hour before, not the nearest");
    }
}

#[test]
fn what_comes_after_the_time_looked_at_is_not_read() {
    let told = tell(ward::frames(8, 1_200), &[]);
    let to_us = told.frames[600].received_at_us;
    let simulated = told.simulate(&[IN_FORCE], None, Some(to_us)).expect("simulated");
    assert!(simulated.frames < 640 && simulated.frames > 500);
    let before = |alert: &&Seen| alert.6 * 1_000 < to_us - 2_000_000;
    let expected: Vec<_> = told.alerts.iter().filter(before).map(|alert| alert.6).collect();
    assert_eq!(of(&simulated, 0).iter().filter(before).map(|alert| alert.6).collect::<Vec<_>>(), expected);
    let before = told.simulate(&[IN_FORCE], None, Some(ward::START_US - 1));
    assert!(matches!(before, Err(ReplayError::Before)));
}

#[test]
fn a_candidate_opens_its_own_alerts_and_leaves_those_of_the_policy_in_force_as_they_were() {
    let told = tell(ward::frames(9, 1_500), &[700]);
    let candidate = format!("{IN_FORCE}{ONE_MORE}").replace("per_minute = 3", "per_minute = 9_000");
    let simulated = told.simulate(&[IN_FORCE, &candidate], None, None).expect("simulated");
    assert_eq!(of(&simulated, 0), told.alerts);
    assert!(of(&simulated, 1).iter().any(|alert| alert.1 == "slow-rise"), "it looks back further than the policy in force");
    let mine: Vec<Seen> = of(&simulated, 1).into_iter().filter(|alert| alert.2 == "mews").collect();
    assert!(mine.len() > 3 && mine.iter().all(|alert| alert.4 == "high"));
    let others = |alerts: Vec<Seen>| {
        let kept = alerts.into_iter().filter(|alert| !["mews", "slow-rise", "alert-storm"].contains(&alert.2.as_str()));
        kept.map(|alert| (alert.0, alert.1, alert.6, alert.7)).collect::<Vec<_>>()
    };
    assert_eq!(others(of(&simulated, 1)), others(told.alerts.clone()), "what both have is the same");
    assert!(told.alerts.iter().any(|alert| alert.8), "the storm cap in force holds some back");
    assert!(of(&simulated, 1).iter().all(|alert| !alert.8), "the candidate's holds none");
}

#[test]
fn a_policy_that_cannot_be_used_is_refused_with_its_line() {
    let told = tell(ward::frames(1, 50), &[]);
    let refused = told.simulate(&[IN_FORCE, "[[rule]]\nname = \"x\"\n"], None, None).expect_err("no rule");
    assert!(refused.to_string().contains("line 1"), "{refused}");
}

#[test]
fn stays_are_those_of_the_beds_and_overlap_in_none() {
    for seed in 11..=14 {
        let told = tell(ward::frames(seed, 1_500), &[]);
        let simulated = told.simulate(&[IN_FORCE], None, None).expect("simulated");
        let stays = &simulated.tried.stays;
        assert!(stays.len() > 20, "patients move");
        assert!(stays.iter().all(|stay| stay.to_us.is_none_or(|to_us| to_us >= stay.from_us)));
        let lying: Vec<_> = stays.iter().filter(|stay| stay.to_us.is_none()).collect();
        for (at, stay) in lying.iter().enumerate() {
            let again = |other: &&&nightlamp_core::pipeline::Stay| other.patient == stay.patient || other.bed == stay.bed;
            assert!(!lying[at + 1..].iter().any(|other| again(&other)), "one bed, one patient, seed {seed}");
        }
    }
}

#[test]
fn a_simulation_stops_when_it_is_told_to_and_when_its_time_is_over() {
    let told = tell(ward::frames(2, 300), &[]);
    let history = History::open(told.data.path(), &config()).expect("history");
    let trial = Trial { policies: vec![None], from_us: None, to_us: None, time_max: Duration::from_secs(60) };
    let course = Course::default();
    course.stop();
    assert!(matches!(history.simulate(&trial, &course, &|| false), Err(ReplayError::Stopped)));
    assert!(matches!(history.simulate(&trial, &Course::default(), &|| true), Err(ReplayError::Stopped)));
    let at_once = Trial { time_max: Duration::ZERO, ..trial };
    assert!(matches!(history.simulate(&at_once, &Course::default(), &|| false), Err(ReplayError::TooLong { .. })));
}
