//! Any sequence of scores, actions, ticks and departures keeps the promises of the alert stage.

use std::collections::BTreeMap;

use super::answers::action;
use super::*;
use crate::alert::{About, Finding, Standing, StandingAlert, Trouble};

const S: i64 = 1_000_000;
const STEPS: [i64; 3] = [5, 12, 30];
const EXPIRE_S: i64 = 60;

const POLICY: &str = "
[[rule]]
name = \"high\"
cause = \"news2\"
score = \"news2\"
severity = \"high\"
enter = 7
clear = 4
lockout_s = 3
downgrade_s = 4
[[rule]]
name = \"medium\"
cause = \"news2\"
score = \"news2\"
severity = \"medium\"
enter = 5
clear = 3
enter_evaluations = 2
[[rule]]
name = \"low\"
score = \"qsofa\"
severity = \"low\"
enter = 2
clear = 0
[[escalation]]
severity = \"high\"
steps = [{after_s = 5, to = \"nurse\"}, {after_s = 12, to = \"charge_nurse\"}, {after_s = 30, to = \"physician\"}]
repeat_s = 10
expire_s = 60
[[escalation]]
severity = \"technical\"
steps = [{after_s = 5, to = \"sre\"}, {after_s = 12, to = \"sre\"}, {after_s = 30, to = \"admin\"}]
expire_s = 60
[storm]
per_minute = 3
[quiet]
from = \"00:01\"
to = \"00:02\"
";

#[derive(Debug, Clone)]
enum Op {
    Score { patient: u8, scorer: u16, value: u8 },
    Act { what: u8, which: usize },
    Tick { after_s: i64 },
    Leave { patient: u8 },
    Find { bed: u8, began: bool },
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        6 => (1u8..4, 0u16..2, 0u8..10).prop_map(|(patient, scorer, value)| Op::Score { patient, scorer, value }),
        3 => (0u8..4, 0usize..8).prop_map(|(what, which)| Op::Act { what, which }),
        6 => prop_oneof![5 => 1i64..4, 1 => 20i64..90].prop_map(|after_s| Op::Tick { after_s }),
        1 => (1u8..4).prop_map(|patient| Op::Leave { patient }),
        1 => (0u8..3, any::<bool>()).prop_map(|(bed, began)| Op::Find { bed, began }),
    ];
    proptest::collection::vec(op, 0..120)
}

/// What a reader of the events knows.
#[derive(Default)]
struct Model {
    standing: BTreeMap<u64, StandingAlert>,
    /// Since when each waits for an answer; None where a hand or a lower severity has set its chain.
    since_us: BTreeMap<u64, Option<i64>>,
    last: Option<(u64, u32)>,
    /// Ticks behind a time without any, and how long that was.
    away: Vec<(i64, i64)>,
    ticked_us: Option<i64>,
}

impl Model {
    fn follow(&mut self, event: &AlertEvent) -> Result<(), TestCaseError> {
        let place = (event.seq, event.ordinal);
        prop_assert!(self.last.is_none_or(|last| last < place), "{:?} after {:?}", place, self.last);
        self.last = Some(place);
        if event.kind == AlertKind::Opened {
            prop_assert_eq!(event.alert_id, event.seq << 16 | u64::from(event.ordinal));
            let same = |alert: &StandingAlert| {
                let known = &alert.opened;
                (known.patient, &known.cause, &known.subject, &known.bed)
                    == (event.patient, &event.cause, &event.subject, &event.bed)
                    || known.patient.is_some() && (known.patient, &known.cause) == (event.patient, &event.cause)
            };
            prop_assert!(!self.standing.values().any(same), "a second alert of {} of one patient", event.cause);
            prop_assert!(self.standing.insert(event.alert_id, StandingAlert::new(event)).is_none());
        }
        let Some(alert) = self.standing.get_mut(&event.alert_id) else {
            return Err(TestCaseError::fail(format!("{event:?} of an alert nobody opened")));
        };
        prop_assert_eq!((alert.opened.patient, &alert.opened.cause), (event.patient, &event.cause));
        let by_machine = event.said.by.is_empty();
        if by_machine && matches!(event.kind, AlertKind::Escalated | AlertKind::Reminded | AlertKind::Expired) {
            prop_assert!(alert.standing.waits(), "{:?} of what is {:?}", event.kind, alert.standing);
        }
        let severity = alert.opened.severity;
        match event.kind {
            AlertKind::Raised => prop_assert!(event.severity > severity),
            AlertKind::Lowered => prop_assert!(event.severity < severity),
            _ => prop_assert_eq!(event.severity, severity),
        }
        match event.kind {
            AlertKind::Opened | AlertKind::Raised | AlertKind::Unsnoozed => {
                self.since_us.insert(event.alert_id, Some(event.at_us));
            }
            AlertKind::Escalated if by_machine => {}
            AlertKind::Escalated | AlertKind::Lowered | AlertKind::Moved => {
                self.since_us.insert(event.alert_id, None);
            }
            _ => {}
        }
        alert.follow(event);
        if event.kind == AlertKind::Cleared {
            self.standing.remove(&event.alert_id);
            self.since_us.remove(&event.alert_id);
        }
        Ok(())
    }

    /// Every chain is where its times say, as of a tick.
    fn check_chains(&mut self, now_us: i64) -> Result<(), TestCaseError> {
        let gap_us = self.ticked_us.replace(now_us).map_or(0, |last_us| now_us - last_us);
        self.away.extend((gap_us >= AWAY_US).then_some((now_us, gap_us)));
        for (id, alert) in &self.standing {
            let chained = matches!(alert.opened.severity, Severity::High | Severity::Technical);
            let Some(Some(since_us)) = self.since_us.get(id).filter(|_| chained) else { continue };
            let waited_s = (now_us - since_us) / S;
            // What was away does not count towards an expiry.
            let away_us =
                self.away.iter().filter(|(at_us, _)| at_us > since_us).map(|(at_us, us)| *us.min(&(at_us - since_us)));
            let counted_s = waited_s - away_us.sum::<i64>() / S;
            if alert.standing.waits() {
                prop_assert!(counted_s < EXPIRE_S, "{id} waits for {waited_s} s, {counted_s} of them counted");
                let taken = STEPS.iter().filter(|after_s| **after_s <= waited_s).count();
                prop_assert_eq!(usize::from(alert.opened.level), taken, "{} waits for {} s", id, waited_s);
            }
            if alert.standing == Standing::Expired {
                prop_assert!(counted_s >= EXPIRE_S);
            }
        }
        Ok(())
    }
}

fn apply(engine: &mut AlertEngine, op: &Op, model: &Model, at: (u64, i64), out: &mut Vec<AlertEvent>) {
    match op {
        Op::Score { patient: number, scorer, value } => {
            let score = Score { patient: patient(*number), scorer: *scorer, at_us: at.1, ..news2(at.0, f64::from(*value), 7) };
            // Patient 2 is moved about.
            let unit = if *number == 3 || *number == 2 && value % 2 == 1 { "ward" } else { "icu" };
            engine.on_score(&score, Some(&bed(unit)), &mut no_explanation, out);
        }
        Op::Act { what, which } => {
            let id = model.standing.keys().nth(*which).copied().unwrap_or(7);
            let said = match what {
                0 => "\"acknowledge\"".to_owned(),
                1 => format!("\"snooze\",\"reason\":\"CT\",\"until_us\":{}", at.1 + 15 * S),
                2 => "\"unsnooze\"".to_owned(),
                _ => "\"escalate\",\"to\":\"physician\"".to_owned(),
            };
            let json = format!("{{\"alert_id\":\"{id}\",\"by\":\"k1\",\"role\":\"nurse\",\"action\":{said}}}");
            engine.on_action(&action(&json), at, out);
        }
        Op::Tick { .. } => engine.on_tick(at, u16::try_from(at.1 / S / 60 % 1_440).unwrap(), out),
        Op::Leave { patient: number } => engine.on_left(patient(*number), Departure::Left, at, out),
        Op::Find { bed: number, began } => {
            let place = BedKey { unit: "icu".into(), bed: number.to_string().into() };
            let about = About { trouble: Trouble::MonitorSilent, patient: None, bed: Some(place), subject: "".into() };
            engine.on_finding(&Finding { about, began: *began, reason: "found".into(), ordinal: 0x2000 }, at, out);
        }
    }
}

proptest! {
    #[test]
    fn any_sequence_keeps_the_promises_and_a_snapshot_anywhere_changes_nothing(ops in ops(), cut in 0usize..120) {
        let mut engine = AlertEngine::new(policy(POLICY), 10);
        let mut resumed = engine.clone();
        let (mut model, mut now_us) = (Model::default(), 0);
        for (index, op) in ops.iter().enumerate() {
            if index == cut {
                let stored = postcard::to_stdvec(resumed.state()).unwrap();
                resumed = AlertEngine::restore(policy(POLICY), 10, postcard::from_bytes(&stored).unwrap());
            }
            if let Op::Tick { after_s } = op {
                now_us += after_s * S;
            }
            let (at, mut out, mut again) = ((index as u64 + 1, now_us), Vec::new(), Vec::new());
            apply(&mut engine, op, &model, at, &mut out);
            apply(&mut resumed, op, &model, at, &mut again);
            prop_assert_eq!(format!("{out:?}"), format!("{again:?}"));
            for event in &out {
                model.follow(event)?;
            }
            prop_assert_eq!(engine.open_alerts(), model.standing.len() as u64);
            if matches!(op, Op::Tick { .. }) {
                model.check_chains(now_us)?;
            }
        }
        for number in 1..4 {
            let mut out = Vec::new();
            engine.on_left(patient(number), Departure::Left, (10_000 + u64::from(number), now_us), &mut out);
            for event in &out {
                model.follow(event)?;
            }
        }
        prop_assert!(model.standing.values().all(|alert| alert.opened.patient.is_none()), "who left has no alert");
    }
}
