//! Rules over raw signals through the whole Rust route: what they read of the window, and what ADT and corrections do to them.

#[path = "as_of/ward.rs"]
#[allow(dead_code)]
mod ward;

use std::sync::Arc;

use bytes::Bytes;
use nightlamp_core::decode::{DecodeConfig, Decoder};
use nightlamp_core::journal::Journalled;
use nightlamp_core::limits::Limits;
use nightlamp_core::pipeline::{MessageKind, Pipeline, Read, Setup};
use nightlamp_core::receive::{Frame, Source};
use nightlamp_core::score::Scorers;

/// A route without models, under one rule: nothing but the rule asks for more than the newest values.
fn setup(when: &str) -> Setup {
    of_policy(format!("[[rule]]\nname = \"watched\"\nseverity = \"low\"\nunits = [\"ICU\"]\nwhen = {when}\n"))
}

fn of_policy(policy: String) -> Setup {
    let decoder = Arc::new(Decoder::new(DecodeConfig::default()).expect("decoder"));
    Setup { policy, ..Setup::new(decoder, Arc::new(Scorers::load(&[]).expect("scorers")), Limits::default()) }
}

struct Bedside {
    pipeline: Pipeline,
    seq: u64,
}

impl Bedside {
    fn under(when: &str) -> Self {
        Self::of(setup(when))
    }

    fn of(setup: Setup) -> Self {
        let mut bedside = Self { pipeline: Pipeline::new(setup).expect("pipeline"), seq: 0 };
        bedside.say(ward::adt("A01", 1, 1, at(0)));
        bedside
    }

    /// Reasons of the alert steps that a frame caused.
    fn say(&mut self, frame: Frame) -> Vec<String> {
        self.seq += 1;
        let batch = self.pipeline.run(&[Journalled { seq: self.seq, frame }], 0).expect("a batch");
        let alerts = batch.messages.iter().filter(|message| message.kind == MessageKind::Alert);
        let json = alerts.map(|alert| serde_json::from_slice::<serde_json::Value>(&alert.json).expect("json"));
        json.map(|alert| alert["reason"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// A heart rate observed at a second; `status` as OBX-11.
    fn rate(&mut self, rate: usize, second: i64, status: &str) -> Vec<String> {
        let frame = ward::oru(1, rate, at(second));
        let text = std::str::from_utf8(&frame.payload).expect("text").replace("|||||F|||", &format!("|||||{status}|||"));
        // Received after all that was said before, under an id of its own.
        self.seq += 1;
        let text = text.replace("R1-", &format!("R{}-", self.seq));
        self.say(Frame { payload: Bytes::from(text), ..frame })
    }

    /// A report of several heart rates, each with its second, received at one.
    fn report(&mut self, second: i64, rates: &[(i64, usize)], status: &str) -> Vec<String> {
        let lines = |frame: Frame| String::from_utf8(frame.payload.to_vec()).expect("text");
        let whole = ward::oru(1, rates[0].1, at(rates[0].0));
        let others = rates[1..].iter().map(|(second, rate)| lines(ward::oru(1, *rate, at(*second))));
        let others: String = others.map(|text| text[text.find("OBX").expect("a value")..].to_owned()).collect();
        let text = (lines(whole.clone()) + &others).replace("|||||F|||", &format!("|||||{status}|||"));
        self.seq += 1;
        let text = text.replace("R1-", &format!("R{}-", self.seq));
        self.say(Frame { payload: Bytes::from(text), received_at_us: at(second), ..whole })
    }

    /// An ADT event into a bed of a unit.
    fn adt(&mut self, event: &str, patient: usize, unit: &str, bed: usize, second: i64) -> Vec<String> {
        let frame = ward::adt(event, patient, bed, at(second));
        let text = std::str::from_utf8(&frame.payload).expect("text").replace("ICU^", &format!("{unit}^"));
        self.say(Frame { payload: Bytes::from(text), ..frame })
    }

    fn tick(&mut self, second: i64) -> Vec<String> {
        self.say(Frame { source: Source::Tick, payload: Bytes::new(), ..ward::oru(1, 60, at(second)) })
    }
}

fn at(second: i64) -> i64 {
    ward::START_US + second * 1_000_000
}

#[test]
fn values_are_kept_as_long_as_a_rule_looks_back_also_after_a_restart_and_are_compared_within_its_time_alone() {
    let rising = |within_s: i64| format!("{{ signal = \"HR\", rising_by = 30, within_s = {within_s} }}");
    for (within_s, restarted, opens) in [(300, false, true), (300, true, true), (60, false, false)] {
        let mut bedside = Bedside::under(&rising(within_s));
        for second in 1..=200 {
            let rate = if second < 5 { 60 } else { 80 };
            assert!(bedside.rate(rate, second, "F").is_empty(), "second {second}");
            if restarted && second == 100 {
                let read: Read =
                    postcard::from_bytes(&postcard::to_stdvec(&bedside.pipeline.state()).expect("written")).expect("read");
                bedside.pipeline = Pipeline::resume(setup(&rising(within_s)), read).expect("resumed");
            }
        }
        let told = bedside.rate(90, 201, "F");
        let expected = opens.then(|| "heart rate 90 /min, 0 s old, up 30 from 60 within 5 min".to_owned());
        assert_eq!(told, Vec::from_iter(expected), "within {within_s} s");
    }
}

#[test]
fn a_move_out_of_the_rules_units_ends_its_alert_and_a_discharge_ends_what_waits() {
    let mut bedside = Bedside::under("{ signal = \"HR\", above = 120 }");
    assert_eq!(bedside.rate(130, 1, "F"), ["heart rate 130 /min, 0 s old, above 120"]);
    let moved = ward::adt("A02", 1, 1, at(2));
    let text = std::str::from_utf8(&moved.payload).expect("text").replace("ICU^", "WARD^");
    assert_eq!(bedside.say(Frame { payload: Bytes::from(text), ..moved }), ["the patient was moved out of the rule's units"]);
    let mut waiting = Bedside::under("{ signal = \"HR\", above = 120, for_s = 60 }");
    assert!(waiting.rate(130, 1, "F").is_empty());
    assert!(waiting.say(ward::adt("A03", 1, 1, at(10))).is_empty());
    assert!(waiting.tick(70).is_empty(), "who left is not alerted");
}

#[test]
fn who_loses_the_bed_to_somebody_else_is_looked_at_as_by_a_move_and_takes_the_alerts_along() {
    let high = "{ signal = \"HR\", above = 120, for_s = 60 }";
    let mut waiting = Bedside::under(high);
    waiting.rate(130, 1, "F");
    assert!(waiting.adt("A01", 2, "ICU", 1, 10).is_empty());
    assert!((11..=70).all(|second| waiting.tick(second).is_empty()), "nothing opens where somebody else lies");
    let mut standing = Bedside::under("{ signal = \"HR\", above = 120 }");
    assert_eq!(standing.rate(130, 1, "F").len(), 1);
    assert_eq!(standing.adt("A02", 2, "ICU", 1, 10), ["the patient was moved out of the rule's units"]);
    let rule = "[[rule]]\nname = \"watched\"\nseverity = \"low\"\nwhen = { signal = \"HR\", above = 120 }\n";
    let mut everywhere = Bedside::of(of_policy(rule.to_owned()));
    assert_eq!(everywhere.rate(130, 1, "F").len(), 1);
    assert_eq!(everywhere.adt("A01", 2, "ICU", 1, 10), ["moved with the patient from ICU bed 1 to no bed"]);
    assert_eq!(everywhere.adt("A02", 1, "ICU", 2, 20), ["moved with the patient from no bed to ICU bed 2"]);
}

#[test]
fn a_stale_score_is_of_the_bed_its_patient_lies_in_from_the_frame_that_says_so() {
    let stale = "[[technical.score_stale]]\nscore = \"news2\"\nmin_present = 3\nstale_s = 60\n";
    let mut bedside = Bedside::of(of_policy(stale.to_owned()));
    let opened: Vec<String> = (1..=61).flat_map(|second| bedside.tick(second)).collect();
    assert_eq!(opened.len(), 1, "{opened:?}");
    assert_eq!(bedside.adt("A02", 1, "WARD", 1, 70), ["moved with the patient from ICU bed 1 to WARD bed 1"]);
    assert_eq!(bedside.adt("A01", 2, "WARD", 1, 80), ["moved with the patient from WARD bed 1 to no bed"]);
    assert!((81..=200).all(|second| bedside.tick(second).iter().all(|reason| !reason.contains("again"))), "it is as it was");
}

#[test]
fn p7_a_withdrawal_and_a_correction_end_what_rested_on_the_value_in_the_frame_that_brings_them() {
    for (status, rate) in [("D", 130), ("C", 100)] {
        let mut bedside = Bedside::under("{ signal = \"HR\", above = 120, for_s = 30 }");
        bedside.rate(130, 1, "F");
        assert_eq!(bedside.tick(31), ["heart rate 130 /min, 30 s old, above 120 for 30 s"]);
        assert_eq!(bedside.rate(rate, 1, status), ["the values it rested on were withdrawn"], "{status}");
    }
}

#[test]
fn p7_a_corrected_report_that_repeats_an_old_result_and_brings_a_normal_one_is_one_evaluation_towards_clearing() {
    let mut bedside = Bedside::under("{ signal = \"HR\", above = 120 }\nclear_evaluations = 3");
    bedside.rate(110, 1, "F");
    assert_eq!(bedside.rate(130, 2, "F").len(), 1);
    for report in [[(1, 112), (10, 100)], [(2, 131), (11, 100)]] {
        assert_eq!(bedside.report(11, &report, "C"), Vec::<String>::new(), "{report:?}");
    }
    assert_eq!(bedside.rate(100, 12, "F"), ["no longer: heart rate 100 /min, 0 s old, not above 120"]);
    bedside.rate(130, 20, "F");
    assert_eq!(bedside.report(21, &[(20, 90), (21, 90)], "C"), ["the values it rested on were withdrawn"]);
}
