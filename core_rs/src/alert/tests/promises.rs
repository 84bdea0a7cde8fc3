//! Any sequence of scores, looks, moves, changes of policy, nights and times without ticks keeps what docs/alerts.md promises: asked of
//! the events and, after every tick, of the state behind them.

use std::collections::BTreeMap;

use super::answers::action;
use super::*;
use crate::alert::sight::places;
use crate::alert::state::Open;

const S: i64 = 1_000_000;
const FOR_S: i64 = 15;

const SHOCK: &str = "[[rule]]\nname = \"shock\"\nseverity = \"high\"\nclear_evaluations = 2\nwhen = { all = [ { signal = \"HR\", above = 110 }, { signal = \"MAP\", below = 65, for_s = 15 } ] }\n";

/// Quiet for low and medium ones during the second and third minute of the day; every chain reminds for ever.
const REST: &str = "
[[escalation]]
severity = \"high\"
steps = [{after_s = 5, to = \"nurse\"}, {after_s = 12, to = \"physician\"}]
repeat_s = 10
[[escalation]]
severity = \"medium\"
steps = [{after_s = 5, to = \"nurse\"}, {after_s = 12, to = \"physician\"}]
repeat_s = 10
[[escalation]]
severity = \"low\"
steps = [{after_s = 5, to = \"nurse\"}, {after_s = 12, to = \"physician\"}]
repeat_s = 10
[quiet]
from = \"00:01\"
to = \"00:03\"
severities = [\"low\", \"medium\"]
";

/// (name, severity, rest) of rules over NEWS2 that share a cause.
fn policy_of(rules: &[(&str, &str, &str)]) -> Policy {
    let text = |(name, severity, rest): &(&str, &str, &str)| {
        format!("[[rule]]\nname = \"{name}\"\ncause = \"news2\"\nscore = \"news2\"\nseverity = \"{severity}\"\n{rest}\n")
    };
    policy(&(rules.iter().map(text).collect::<String>() + SHOCK + REST))
}

fn policies() -> [Policy; 4] {
    let icu = "units = [\"icu\"]\nenter = 7\nclear = 4\ndowngrade_s = 20";
    let (some, low) = ("enter = 5\nclear = 3", "enter = 4\nclear = 2");
    [
        policy_of(&[("icu", "high", icu), ("some", "medium", some), ("any", "low", low)]),
        policy_of(&[("some", "medium", some), ("any", "medium", low)]),
        policy_of(&[("icu", "high", icu), ("some", "high", some), ("any", "low", low)]),
        policy_of(&[("icu", "high", icu), ("any", "low", low)]),
    ]
}

#[derive(Debug, Clone)]
enum Op {
    Score { patient: u8, value: u8 },
    Look { patient: u8, fast: bool, low: Option<bool> },
    Move { patient: u8, to: u8 },
    Tick { after_s: i64 },
    Change { to: usize },
    Act { what: u8, which: usize },
    Leave { patient: u8 },
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        5 => (1u8..3, 0u8..10).prop_map(|(patient, value)| Op::Score { patient, value }),
        5 => (1u8..3, any::<bool>(), proptest::option::weighted(0.6, any::<bool>()))
            .prop_map(|(patient, fast, low)| Op::Look { patient, fast, low }),
        2 => (1u8..3, 0u8..3).prop_map(|(patient, to)| Op::Move { patient, to }),
        9 => prop_oneof![8 => 1i64..6, 1 => 15i64..100].prop_map(|after_s| Op::Tick { after_s }),
        2 => (0usize..4).prop_map(|to| Op::Change { to }),
        2 => (0u8..4, 0usize..4).prop_map(|(what, which)| Op::Act { what, which }),
        1 => (1u8..3).prop_map(|patient| Op::Leave { patient }),
    ];
    proptest::collection::vec(op, 0..100)
}

/// What the monitor has said of one patient, and where he or she lies.
#[derive(Debug, Clone, Default)]
struct Seen {
    bed: Option<BedKey>,
    fast: Option<(i64, bool)>,
    /// The newest pressure: when, whether low, since when.
    low: Option<(i64, bool, i64)>,
    /// Of the time since then, what nobody could have said anything in.
    lost_us: i64,
}

impl Seen {
    /// The condition's leaves: heart rate, pressure.
    fn sights(&self) -> [Sight; 2] {
        let sight = |said: Option<(i64, bool, i64)>, on_value: f64, off_value: f64| match said {
            Some((at_us, on, since_us)) => {
                let value = if on { on_value } else { off_value };
                let since_us = if on { since_us } else { i64::MAX };
                Sight { value, from: value, at_us: Some(at_us), on: Some(on), since_us, reached_us: at_us, ..Sight::NOTHING }
            }
            None => Sight::NOTHING,
        };
        [sight(self.fast.map(|(at_us, on)| (at_us, on, at_us)), 120.0, 80.0), sight(self.low, 60.0, 80.0)]
    }

    fn lose(&mut self, from_us: i64, to_us: i64) {
        let newest_us = self.low.map_or(i64::MAX, |(at_us, ..)| at_us);
        self.lost_us += (to_us - from_us.max(newest_us)).max(0);
    }
}

/// The test's own knowledge beside the engine.
#[derive(Default)]
struct Model {
    seen: BTreeMap<u8, Seen>,
    levels: BTreeMap<u64, u8>,
    ticked_us: Option<i64>,
    now_us: i64,
}

fn minute(at_us: i64) -> u16 {
    u16::try_from(at_us / S / 60 % 1_440).unwrap()
}

fn is_quiet(at_us: i64, severity: Severity) -> bool {
    (1..3).contains(&minute(at_us)) && matches!(severity, Severity::Low | Severity::Medium)
}

impl Model {
    fn away_since(&self) -> Option<i64> {
        self.ticked_us.filter(|last_us| self.now_us - last_us >= AWAY_US)
    }

    /// Takes the step in, as the world does.
    fn take(&mut self, op: &Op) {
        match op {
            Op::Tick { after_s } => {
                self.now_us += after_s * S;
                let (away, now_us) = (self.away_since(), self.now_us);
                away.into_iter().for_each(|last_us| self.seen.values_mut().for_each(|seen| seen.lose(last_us, now_us)));
                self.ticked_us = Some(now_us);
            }
            Op::Look { patient, fast, low } => {
                let (now_us, seen) = (self.now_us, self.seen.entry(*patient).or_default());
                seen.fast = Some((now_us, *fast));
                if let Some(low) = low {
                    let since_us =
                        seen.low.filter(|(_, was_low, _)| was_low == low).map_or(now_us, |(_, _, since_us)| since_us);
                    (seen.low, seen.lost_us) = (Some((now_us, *low, since_us)), 0);
                }
            }
            Op::Move { patient, to } => {
                let beds = [None, Some(bed("icu")), Some(bed("ward"))];
                self.seen.entry(*patient).or_default().bed = beds[usize::from(*to)].clone();
            }
            Op::Leave { patient } => drop(self.seen.remove(patient)),
            Op::Score { .. } | Op::Change { .. } | Op::Act { .. } => {}
        }
    }

    /// One step of an alert.
    fn check_event(&mut self, event: &AlertEvent, op: &Op) -> Result<(), TestCaseError> {
        let by_machine = event.said.by.is_empty();
        prop_assert!(!event.reason.is_empty(), "{event:?} says nothing");
        if let (Op::Tick { .. }, AlertKind::Cleared) = (op, event.kind) {
            prop_assert_eq!(&event.reason, "the policy no longer has this rule", "nothing was looked at");
        }
        if event.kind == AlertKind::Opened && event.cause == "shock" {
            let seen = event.patient.and_then(|patient| self.seen.get(&patient.0[0])).cloned().unwrap_or_default();
            let (_, low, since_us) = seen.low.unwrap_or((0, false, i64::MAX));
            let now_lost = self.away_since().map_or(0, |last_us| {
                let mut as_of_now = Seen { lost_us: 0, ..seen.clone() };
                as_of_now.lose(last_us, self.now_us);
                as_of_now.lost_us
            });
            let lasted_us = event.at_us.saturating_sub(since_us) - seen.lost_us - now_lost;
            prop_assert!(low && lasted_us >= FOR_S * S, "opened on silence: {seen:?} at {}", event.at_us);
        }
        let calls = matches!(event.kind, AlertKind::Escalated | AlertKind::Reminded | AlertKind::Expired) && by_machine;
        if is_quiet(event.at_us, event.severity) && self.away_since().is_none() {
            prop_assert!(!calls, "{event:?} in quiet hours");
            let tells = matches!(event.kind, AlertKind::Opened | AlertKind::Raised);
            prop_assert!(!tells || event.held, "{event:?} in quiet hours");
        }
        let before = self.levels.insert(event.alert_id, event.level).unwrap_or(0);
        let begins = matches!(event.kind, AlertKind::Opened | AlertKind::Raised | AlertKind::Unsnoozed);
        prop_assert!(begins || !by_machine || event.level >= before, "{event:?} goes back in its chain");
        Ok(())
    }

    /// What of an alert must be so whenever anybody looks.
    fn check_place(&self, engine: &AlertEngine, open: &Open) -> Result<(), TestCaseError> {
        let patient = open.patient.unwrap();
        let lies = self.seen.get(&patient.0[0]).and_then(|seen| seen.bed.as_ref());
        prop_assert_eq!(open.bed.as_ref(), lies, "{:?} is where its patient is", open);
        let mut led = engine.policy().rules.iter().filter(|rule| rule.name == open.rule);
        // Who leads under another policy is settled by the next tick.
        prop_assert!(engine.state().unsettled || led.all(|rule| rule.watches(lies)), "{open:?} is led from elsewhere");
        Ok(())
    }

    /// And what after every tick.
    fn check_alert(&self, engine: &AlertEngine, open: &Open) -> Result<(), TestCaseError> {
        let (patient, policy) = (open.patient.unwrap(), engine.policy());
        let leading = engine.state().leading(policy, &open.cause, patient);
        prop_assert!(leading.is_some_and(|rule| rule.severity <= open.severity), "{open:?} under {leading:?}");
        let rules = policy.rules.iter().zip(&engine.state().patients[&patient].rules);
        let led = rules.filter(|(rule, _)| rule.name == open.rule).map(|(_, state)| state.holds).next();
        if open.lower_at_us == i64::MAX {
            prop_assert_eq!((led, leading.map(|rule| rule.severity)), (Some(true), Some(open.severity)), "{:?}", open);
        } else {
            prop_assert!(led.is_some(), "{open:?} waits for a rule that is gone");
        }
        let quiet = is_quiet(self.now_us, open.severity);
        prop_assert!(!open.quiet || quiet, "{open:?} is held though no quiet hours hold it");
        prop_assert!(quiet || !open.standing.waits() || open.next_us != i64::MAX, "{open:?} calls nobody");
        Ok(())
    }

    /// Gives the engine the step.
    fn apply(&self, engine: &mut AlertEngine, op: &Op, seq: u64, out: &mut Vec<AlertEvent>) {
        let at = (seq, self.now_us);
        let seen = |patient: &u8| self.seen.get(patient).cloned().unwrap_or_default();
        match op {
            Op::Score { patient: number, value } => {
                let score = Score { patient: patient(*number), at_us: at.1, ..news2(seq, f64::from(*value), 7) };
                engine.on_score(&score, seen(number).bed.as_ref(), &mut no_explanation, out);
            }
            Op::Look { patient: number, .. } | Op::Move { patient: number, .. } => {
                let (rules, seen) = (engine.lookout().all(), seen(number));
                let sights = places(rules).flat_map(|_| seen.sights()).collect();
                let slot = u32::from(*number);
                let look = Look { patient: patient(*number), slot, bed: seen.bed.clone(), rules, sights };
                engine.on_look(&look, &|_| None, at, out);
                if let Op::Move { .. } = op {
                    engine.on_moved(patient(*number), seen.bed.as_ref(), at, out);
                }
            }
            Op::Tick { .. } => engine.on_tick(at, minute(at.1), out),
            Op::Change { to } => engine.change(policies()[*to].clone(), at.1),
            Op::Act { what, which } => {
                let id = engine.state().alerts.keys().nth(*which).copied().unwrap_or(7);
                let said = match what {
                    0 => "\"acknowledge\"".to_owned(),
                    1 => format!("\"snooze\",\"reason\":\"CT\",\"until_us\":{}", at.1 + 15 * S),
                    2 => "\"unsnooze\"".to_owned(),
                    _ => "\"escalate\",\"to\":\"physician\"".to_owned(),
                };
                let json = format!("{{\"alert_id\":\"{id}\",\"by\":\"k1\",\"role\":\"nurse\",\"action\":{said}}}");
                engine.on_action(&action(&json), at, out);
            }
            Op::Leave { patient: number } => engine.on_left(patient(*number), Departure::Left, at, out),
        }
    }
}

proptest! {
    #[test]
    fn alerts_are_where_their_patients_are_as_severe_as_what_holds_and_rest_on_what_was_said(ops in ops(), cut in 0usize..100) {
        let mut engine = AlertEngine::new(policies()[0].clone(), 10);
        let (mut resumed, mut model) = (engine.clone(), Model::default());
        for ((index, op), seq) in ops.iter().enumerate().zip(1..) {
            if index == cut {
                let stored = postcard::to_stdvec(resumed.state()).unwrap();
                resumed = AlertEngine::restore(resumed.policy().clone(), 10, postcard::from_bytes(&stored).unwrap());
            }
            let (mut out, mut again) = (Vec::new(), Vec::new());
            model.take(op);
            model.apply(&mut engine, op, seq, &mut out);
            model.apply(&mut resumed, op, seq, &mut again);
            prop_assert_eq!(format!("{out:?}"), format!("{again:?}"));
            for event in &out {
                model.check_event(event, op)?;
            }
            for open in engine.state().alerts.values() {
                model.check_place(&engine, open)?;
                if let Op::Tick { .. } = op {
                    model.check_alert(&engine, open)?;
                }
            }
        }
    }
}
