//! Conditions over signals and scores, against a real window: when they hold, how long, what is unknown, what is taken back.

use super::*;
use crate::decode::catalogue::{self, HR, LACTATE, MAP};
use crate::decode::{Observation, SignalId, Status, Subject as Whose};
use crate::limits::Limits;
use crate::window::{Applied, Change, Slot, Ward};

pub(super) const S: i64 = 1_000_000;

/// A ward of two patients under a policy of one rule.
pub(super) struct Bedside {
    pub(super) ward: Ward,
    pub(super) engine: AlertEngine,
    /// The newest score of scorer 0.
    pub(super) score: Option<Scored>,
    pub(super) unit: &'static str,
    seq: u64,
    pub(super) at_s: i64,
    /// Of the site's day, as ticks say it.
    pub(super) minute: u16,
    pub(super) told: Vec<AlertEvent>,
}

pub(super) fn shock(when: &str, extra: &str) -> String {
    format!("[[rule]]\nname = \"shock\"\nseverity = \"high\"\n{extra}\nwhen = {when}\n")
}

impl Bedside {
    pub(super) fn under(text: &str) -> Self {
        let mut ward = Ward::new(Limits::default(), &[]);
        let engine = AlertEngine::new(policy(text), 10);
        ward.keep(engine.policy().looks_back());
        Self { ward, engine, score: None, unit: "icu", seq: 0, at_s: 0, minute: 0, told: Vec::new() }
    }

    /// What came of the step: kinds and reasons.
    fn new_since(&self, before: usize) -> Vec<(AlertKind, String)> {
        self.told[before..].iter().map(|event| (event.kind, event.reason.clone())).collect()
    }

    /// A frame at a second that says values of patient 1, each with its time, and how.
    pub(super) fn frame(&mut self, at_s: i64, said: &[(SignalId, i64, f64, Status)]) -> Vec<(AlertKind, String)> {
        self.frame_of(1, at_s, said)
    }

    fn frame_of(&mut self, whom: u8, at_s: i64, said: &[(SignalId, i64, f64, Status)]) -> Vec<(AlertKind, String)> {
        (self.seq, self.at_s) = (self.seq + 1, at_s);
        let (mut slot, mut gone) = (None, Vec::new());
        for (signal, observed_s, value, status) in said {
            let observation = Observation {
                subject: Whose::Patient(patient(whom)),
                signal: *signal,
                value: *value,
                observed_at_us: observed_s * S,
                status: *status,
                ordinal: 0,
            };
            match self.ward.apply_observation(&observation, at_s * S) {
                Applied::Kept { slot: place, change, .. } => {
                    slot = Some(place);
                    gone.extend(matches!(change, Change::Replaced | Change::Withdrawn).then_some((*signal, observed_s * S)));
                }
                Applied::DeadLetter(refusal) => panic!("{refusal:?}"),
            }
        }
        let rules = said.iter().fold(0, |rules, one| rules | self.engine.lookout().of_signal(one.0));
        let taken_back = |subject: &Subject| {
            gone.iter().filter(|(signal, _)| *subject == Subject::Signal(*signal)).map(|(_, at_us)| *at_us).collect()
        };
        self.look(whom, slot.unwrap(), rules, &taken_back)
    }

    pub(super) fn look(&mut self, whom: u8, slot: Slot, rules: u64, taken_back: TakenBack<'_>) -> Vec<(AlertKind, String)> {
        let sights = self.engine.see(rules, self.ward.patient(slot).unwrap(), self.at_s * S, taken_back);
        let look = Look { patient: patient(whom), slot: slot.0, bed: Some(bed(self.unit)), rules, sights };
        let (score, before) = (self.score, self.told.len());
        self.engine.on_look(&look, &|_| score, (self.seq, self.at_s * S), &mut self.told);
        self.new_since(before)
    }

    /// A value observed as the frame comes.
    pub(super) fn now(&mut self, at_s: i64, signal: SignalId, value: f64) -> Vec<(AlertKind, String)> {
        self.frame(at_s, &[(signal, at_s, value, Status::Final)])
    }

    pub(super) fn tick(&mut self, at_s: i64) -> Vec<(AlertKind, String)> {
        (self.seq, self.at_s) = (self.seq + 1, at_s);
        let before = self.told.len();
        self.engine.on_tick((self.seq, at_s * S), self.minute, &mut self.told);
        self.new_since(before)
    }

    /// A restart from a snapshot.
    pub(super) fn restart(&mut self, text: &str) {
        let stored = postcard::to_stdvec(self.engine.state()).unwrap();
        self.engine = AlertEngine::restore(policy(text), 10, postcard::from_bytes(&stored).unwrap());
    }
}

pub(super) fn opened(reason: &str) -> Vec<(AlertKind, String)> {
    vec![(AlertKind::Opened, reason.to_owned())]
}

pub(super) fn cleared(reason: &str) -> Vec<(AlertKind, String)> {
    vec![(AlertKind::Cleared, reason.to_owned())]
}

#[test]
fn a_threshold_that_held_for_its_time_opens_says_each_leaf_and_clears_on_its_safe_side() {
    let mut bedside = Bedside::under(&shock(
        "{ all = [ { signal = \"MAP\", below = 65, clear = 70, for_s = 600 }, { signal = \"HR\", above = 110 } ] }",
        "",
    ));
    assert_eq!(bedside.now(0, HR, 120.0), []);
    for at_s in (0..600).step_by(60) {
        assert_eq!(bedside.now(at_s, MAP, 60.0), [], "at {at_s}");
    }
    let reason = "mean arterial pressure 58 mmHg, 0 s old, below 65 for 10 min; heart rate 120 /min, 10 min old, above 110";
    assert_eq!(bedside.now(600, MAP, 58.0), opened(reason));
    assert_eq!(bedside.now(610, MAP, 69.0), [], "between 65 and 70 it is what it was");
    assert_eq!(bedside.now(620, MAP, 70.0), cleared("no longer: mean arterial pressure 70 mmHg, 0 s old, not below 65"));
    let [open, clear] = &bedside.told[..] else { panic!("{:?}", bedside.told) };
    assert_eq!((open.scorer, clear.scorer, open.bed.clone()), (NO_SCORER, NO_SCORER, Some(bed("icu"))));
    assert!(open.value.is_nan() && open.why.contributions.is_empty());
    let about: Vec<_> = open.why.reasons.iter().map(|reason| (reason.about.as_str(), reason.words.as_str())).collect();
    assert_eq!(about[1], ("HR", "heart rate 120 /min, 10 min old, above 110"));
    assert_eq!(bedside.engine.counters().next().unwrap().1, RuleCounters { opened: 1, cleared: 1, suppressed_lockout: 0 });
}

#[test]
fn a_value_on_the_safe_side_or_a_gap_begins_the_time_anew() {
    let text = shock("{ signal = \"MAP\", below = 65, clear = 70, for_s = 60, stale_s = 30 }", "");
    for (interrupted, name) in [(Some(70.0), "a value that is off"), (None, "a gap longer than stale_s")] {
        let mut bedside = Bedside::under(&text);
        for at_s in (0..=120).step_by(20) {
            match interrupted {
                Some(value) if at_s == 40 => assert_eq!(bedside.now(at_s, MAP, value), []),
                None if (30..60).contains(&at_s) => {}
                _ => {
                    let told = bedside.now(at_s, MAP, 60.0);
                    assert_eq!(told.is_empty(), at_s < 120, "{name}, at {at_s}: {told:?}");
                }
            }
        }
    }
    // In one frame as well: what lies between the first and the newest is not passed over.
    let mut bedside = Bedside::under(&text);
    let said: Vec<_> = (0..=60).step_by(20).map(|s| (MAP, s, if s == 40 { 75.0 } else { 60.0 }, Status::Final)).collect();
    assert_eq!(bedside.frame(60, &said), []);
}

#[test]
fn a_time_that_comes_due_with_no_new_value_is_found_by_the_tick_and_numbered_by_the_place_in_the_ward() {
    let text = shock("{ signal = \"MAP\", below = 65, for_s = 60 }", "units = [\"icu\"]");
    let mut bedside = Bedside::under(&text);
    assert_eq!(bedside.frame_of(2, 0, &[(HR, 0, 80.0, Status::Final)]), [], "patient 2 has the first place");
    assert_eq!(bedside.now(0, MAP, 60.0), []);
    assert_eq!(bedside.tick(59), []);
    bedside.restart(&text);
    assert_eq!(bedside.tick(61), opened("mean arterial pressure 60 mmHg, 1 min old, below 65 for 1 min"));
    assert_eq!((bedside.told[0].ordinal, bedside.told[0].bed.clone()), (0x5A00 + 1, Some(bed("icu"))));
    assert_eq!(bedside.tick(62), []);
    assert_eq!(bedside.now(70, MAP, 66.0).len(), 1, "and clears");
    // Too old by then: nobody knows.
    let mut stale = Bedside::under(&shock("{ signal = \"MAP\", below = 65, for_s = 60, stale_s = 30 }", ""));
    stale.now(0, MAP, 60.0);
    assert_eq!((stale.tick(60), stale.tick(61)), (vec![], vec![]));
}

#[test]
fn a_trend_compares_with_the_least_of_its_time_and_is_unknown_of_one_value() {
    let mut bedside = Bedside::under(&shock("{ signal = \"Lactate\", rising_by = 2.0, within_s = 3600 }", ""));
    assert_eq!(bedside.now(0, LACTATE, 2.1), []);
    assert_eq!(bedside.now(1_800, LACTATE, 1.9), []);
    assert_eq!(bedside.now(3_000, LACTATE, 3.8), [], "up 1.9");
    assert_eq!(bedside.now(3_600, LACTATE, 3.9), opened("lactate 3.9 mmol/L, 0 s old, up 2 from 1.9 within 1 h"));
    assert_eq!(bedside.now(9_000, LACTATE, 2.0), [], "the only one of its hour: neither risen nor not");
    assert_eq!(bedside.now(9_060, LACTATE, 2.2), cleared("no longer: lactate 2.2 mmol/L, 0 s old, not up 2 within 1 h"));
    let mut falling = Bedside::under(&shock("{ signal = \"MAP\", falling_by = 20, within_s = 600 }", ""));
    for second in 0..600 {
        assert_eq!(falling.now(second, MAP, 90.0 - (second % 10) as f64), [], "at {second}");
    }
    assert_eq!(falling.now(600, MAP, 70.0), opened("mean arterial pressure 70 mmHg, 0 s old, down 20 from 90 within 10 min"));
}

#[test]
fn p7_what_is_unknown_neither_opens_nor_clears() {
    let mut bedside = Bedside::under(&shock(
        "{ any = [ { signal = \"MAP\", below = 65, stale_s = 60 }, { signal = \"HR\", above = 130, stale_s = 60 } ] }",
        "",
    ));
    assert_eq!(bedside.now(0, MAP, 60.0).len(), 1);
    assert_eq!(bedside.now(100, HR, 80.0), [], "the pressure is too old to say that it rose");
    assert_eq!(bedside.now(110, MAP, 90.0).len(), 1, "now it is known");
    let mut both = Bedside::under(&shock(
        "{ all = [ { signal = \"MAP\", below = 65, stale_s = 60 }, { signal = \"HR\", above = 130 } ] }",
        "",
    ));
    assert_eq!(both.now(0, HR, 140.0), [], "no pressure was ever measured");
    assert_eq!(both.now(10, MAP, 60.0).len(), 1);
    assert_eq!(both.now(100, HR, 141.0), [], "the pressure is too old");
    assert_eq!(both.now(110, HR, 100.0).len(), 1, "but no condition of both holds without the heart rate");
}

#[test]
fn p7_an_alert_ends_when_the_value_it_rested_on_is_withdrawn_or_corrected_and_not_for_an_older_one() {
    let text = shock("{ signal = \"MAP\", below = 65, clear = 70 }", "clear_evaluations = 3");
    let withdrawn = cleared("the values it rested on were withdrawn");
    let mut bedside = Bedside::under(&text);
    bedside.now(0, MAP, 60.0);
    assert_eq!(bedside.frame(10, &[(MAP, 0, f64::NAN, Status::Withdrawn)]), withdrawn, "nothing is left");
    bedside.now(20, MAP, 80.0);
    assert_eq!(bedside.now(30, MAP, 60.0).len(), 1);
    assert_eq!(bedside.frame(40, &[(MAP, 20, 60.0, Status::Corrected)]), [], "an older value was lower still");
    assert_eq!(bedside.frame(50, &[(MAP, 30, 75.0, Status::Corrected)]), withdrawn, "at once, whatever clear_evaluations");
    let mut long = Bedside::under(&shock("{ signal = \"MAP\", below = 65, for_s = 60 }", ""));
    for second in (0..=60).step_by(20) {
        long.now(second, MAP, 60.0);
    }
    assert_eq!(long.frame(65, &[(MAP, 60, f64::NAN, Status::Withdrawn)]), [], "the value before it has held as long");
    assert_eq!(long.frame(66, &[(MAP, 20, 80.0, Status::Corrected)]), withdrawn, "it did not hold all the time");
}

#[test]
fn scores_count_in_a_condition_with_their_inputs_and_end_it_when_they_are_silenced() {
    let text = shock(
        "{ all = [ { score = \"news2\", at_least = 5, clear = 2 }, { signal = \"HR\", above = 110 } ] }",
        "min_present = 3\nclear_min_present = 6",
    );
    let mut bedside = Bedside::under(&text);
    let step = |bedside: &mut Bedside, at_s: i64, value: f64, present: u8| {
        bedside.score = Some((value, at_s * S, present));
        bedside.now(at_s, HR, 120.0)
    };
    assert_eq!(step(&mut bedside, 0, 9.0, 2), [], "too few inputs");
    assert_eq!(step(&mut bedside, 10, 5.0, 3), opened("news2 5, 0 s old, at least 5; heart rate 120 /min, 0 s old, above 110"));
    assert_eq!(step(&mut bedside, 20, 3.0, 7), [], "between 5 and 2");
    assert_eq!(step(&mut bedside, 30, 0.0, 5), [], "it fell because its inputs went missing");
    assert_eq!(step(&mut bedside, 40, 2.0, 6).len(), 1);
    assert_eq!(step(&mut bedside, 50, 6.0, 7).len(), 1);
    bedside.score = None;
    let (rules, slot) = (bedside.engine.lookout().of_scorer(0), bedside.ward.slot(patient(1)).unwrap());
    let silenced = |subject: &Subject| matches!(subject, Subject::Score(..)).then_some(i64::MAX).into_iter().collect();
    assert_eq!(bedside.look(1, slot, rules, &silenced), cleared("the values it rested on were withdrawn"));
}

#[test]
fn units_counts_lock_out_and_causes_mean_the_same_for_conditions_as_for_scores() {
    let hr = "{ signal = \"HR\", above = 110 }";
    let mut bedside = Bedside::under(&shock(hr, "units = [\"icu\"]"));
    bedside.unit = "ward";
    assert_eq!(bedside.now(0, HR, 120.0), []);
    bedside.unit = "icu";
    assert_eq!(bedside.now(1, HR, 120.0).len(), 1);
    bedside.unit = "ward";
    assert_eq!(bedside.now(2, HR, 120.0), cleared("the patient was moved out of the rule's units"));
    let mut counted = Bedside::under(&shock(hr, "enter_evaluations = 2\nclear_evaluations = 2\nlockout_s = 10"));
    let kinds: Vec<usize> = [120.0, 120.0, 100.0, 120.0, 100.0, 100.0, 120.0, 120.0]
        .into_iter()
        .zip(0..)
        .map(|(value, at_s)| counted.now(at_s, HR, value).len())
        .collect();
    assert_eq!(kinds, [0, 1, 0, 0, 0, 1, 0, 0]);
    assert_eq!(counted.told[0].reason, "heart rate 120 /min, 0 s old, above 110; 2 times running");
    assert_eq!(counted.now(15, HR, 120.0).len(), 1, "the lock-out is over");
    let both =
        rule("cause = \"worse\"") + &shock("{ signal = \"HR\", above = 110 }", "cause = \"worse\"").replace("high", "medium");
    let mut shared = Bedside::under(&both);
    assert_eq!(shared.now(0, HR, 120.0).len(), 1);
    shared.engine.on_score(&news2(9, 8.0, 7), Some(&bed("icu")), &mut no_explanation, &mut shared.told);
    shared.engine.on_score(&news2(10, 3.0, 7), Some(&bed("icu")), &mut no_explanation, &mut shared.told);
    shared.now(20, HR, 90.0);
    let told: Vec<_> = shared.told.iter().map(|event| (event.kind, event.scorer, event.value.is_nan())).collect();
    let alone = (NO_SCORER, true);
    assert_eq!(
        told,
        [
            (AlertKind::Opened, alone.0, alone.1),
            (AlertKind::Raised, 0, false),
            (AlertKind::Lowered, alone.0, alone.1),
            (AlertKind::Cleared, alone.0, alone.1),
        ]
    );
}

#[test]
fn state_is_kept_only_while_a_leaf_is_on_and_goes_with_the_patient_and_with_another_condition() {
    let text = shock("{ signal = \"MAP\", below = 65, for_s = 60 }", "");
    let mut bedside = Bedside::under(&text);
    bedside.now(0, MAP, 90.0);
    assert_eq!(bedside.engine.patients(), 0, "nothing of it is met");
    bedside.now(1, MAP, 60.0);
    bedside.now(2, MAP, 90.0);
    bedside.tick(3);
    assert_eq!(bedside.engine.patients(), 0);
    bedside.now(4, MAP, 60.0);
    bedside.engine.on_left(patient(1), Departure::Left, (9, 5 * S), &mut bedside.told);
    assert_eq!((bedside.tick(70), bedside.engine.patients()), (vec![], 0), "who left is not alerted");
    bedside.now(80, MAP, 60.0);
    bedside.restart(&shock("{ signal = \"MAP\", below = 60, for_s = 60 }", ""));
    assert_eq!(bedside.tick(141), [], "it held under another condition");
    for number in 1..=11 {
        bedside.frame_of(number, 200, &[(MAP, 200, 50.0, Status::Final)]);
    }
    assert_eq!((bedside.engine.patients(), bedside.engine.over_limit()), (10, 1));
}

#[test]
fn a_clock_set_back_makes_no_condition_wait_longer_than_its_time() {
    let mut bedside = Bedside::under(&shock("{ signal = \"MAP\", below = 65, for_s = 60 }", ""));
    bedside.now(10_000, MAP, 60.0);
    bedside.engine.set_back(100 * S);
    assert_eq!(bedside.tick(159), []);
    assert_eq!(bedside.tick(160).len(), 1);
}

/// What a threshold with `for_s` and `clear` says, from the whole history each time.
fn naive(history: &[(i64, f64)], now_s: i64, for_s: i64, stale_s: i64) -> Option<bool> {
    let (mut on, mut since_s, mut last_s) = (false, 0, i64::MIN);
    for (at_s, value) in history {
        let goes_on = on && at_s.saturating_sub(last_s) <= stale_s;
        on = *value < 65.0 || goes_on && *value < 70.0;
        since_s = if goes_on { since_s } else { *at_s };
        last_s = *at_s;
    }
    (now_s.saturating_sub(last_s) <= stale_s).then_some(on && now_s - since_s >= for_s)
}

fn truths() -> impl Strategy<Value = Vec<Truth>> {
    proptest::collection::vec(prop_oneof![Just(Truth::True), Just(Truth::False), Just(Truth::Unknown)], 0..6)
}

proptest! {
    #[test]
    fn p7_an_unknown_part_never_decides_and_what_is_decided_stays_so_whatever_it_turns_out_to_be(parts in truths()) {
        let settled = |known: Truth| parts.iter().map(move |part| if *part == Truth::Unknown { known } else { *part });
        for whole in [Truth::all as fn(Vec<Truth>) -> Truth, Truth::any] {
            let (said, low, high) = (whole(parts.clone()), whole(settled(Truth::False).collect()), whole(settled(Truth::True).collect()));
            prop_assert_eq!(said, if low == high { low } else { Truth::Unknown });
        }
        let two = |truth: Truth| if truth == Truth::True { Truth::False } else if truth == Truth::False { Truth::True } else { truth };
        prop_assert_eq!(Truth::all(parts.clone()), two(Truth::any(parts.into_iter().map(two))), "De Morgan");
    }

    #[test]
    fn a_threshold_does_what_its_history_says_also_across_a_snapshot_and_with_ticks_between(
        steps in proptest::collection::vec((1i64..40, 60u8..74, any::<bool>()), 1..80),
        for_s in 0i64..90, stale_s in 10i64..60, snapshot_at in 0usize..80,
    ) {
        let text = shock(&format!("{{ signal = \"MAP\", below = 65, clear = 70, for_s = {for_s}, stale_s = {stale_s} }}"), "");
        let (mut straight, mut stopped) = (Bedside::under(&text), Bedside::under(&text));
        let (mut history, mut now_s, mut holds) = (Vec::new(), 0, false);
        for (place, (wait_s, value, speaks)) in steps.into_iter().enumerate() {
            if place == snapshot_at {
                stopped.restart(&text);
            }
            // Ticks come all the while: what a time without them counts for is another matter (`away`).
            let ticks = (now_s + 1..=now_s + wait_s).filter(|at_s| at_s % 4 == 0 || *at_s == now_s + wait_s && !speaks);
            let value = speaks.then_some((now_s + wait_s, Some(f64::from(value))));
            for (at_s, said) in ticks.map(|at_s| (at_s, None)).chain(value) {
                for bedside in [&mut straight, &mut stopped] {
                    match said {
                        Some(value) => bedside.now(at_s, MAP, value),
                        None => bedside.tick(at_s),
                    };
                }
                history.extend(said.map(|value| (at_s, value)));
                // A tick opens what has come due; only a value clears.
                match naive(&history, at_s, for_s, stale_s) {
                    Some(true) => holds = true,
                    Some(false) if said.is_some() => holds = false,
                    _ => {}
                }
                prop_assert_eq!(straight.engine.open_alerts() == 1, holds, "at {}: {:?}", at_s, history);
            }
            now_s += wait_s;
        }
        prop_assert_eq!(format!("{:?}", straight.told), format!("{:?}", stopped.told), "no value is none's equal");
        prop_assert_eq!(format!("{:?}", straight.engine.state()), format!("{:?}", stopped.engine.state()));
    }
}

#[test]
fn every_signal_of_the_catalogue_may_stand_in_a_condition() {
    for row in catalogue::SIGNALS {
        let policy = policy(&shock(&format!("{{ signal = \"{}\", above = {} }}", row.name, row.low), ""));
        assert_eq!(policy.rules.len(), 1, "{}", row.name);
    }
}
