//! The wall clock set back and forward by hours while a ward is watched, with monitors whose own clocks are right (`timed`), or follow it.

use std::time::Duration;

use super::{Outcome, START_US, engine, take};
use crate::receive::{FrameRef, Source};

const HOUR_US: i64 = 3_600_000_000;
const SECONDS: i64 = 900;
/// The second of the step: half a minute after an alert of the default policy's `news2-high` was cleared, whose lock-out takes five.
const STEP: i64 = 330;

/// What a ward gave: all rows, those of batches that begin after the step, and how often the clock was found set back.
struct Gave {
    all: Outcome,
    after: Outcome,
    steps: u64,
}

/// Journals one sick and one well patient for `SECONDS`, a tick a second; receipts are by a clock that is wrong by `wrong_us` until the
/// step. The sick one is well for a minute after five, so that alerts clear and lock-outs run.
fn ward(wrong_us: i64, timed: bool) -> Gave {
    let folder = tempfile::tempdir().expect("folder");
    let engine = engine(folder.path(), serde_json::json!({}));
    let (mut seq, mut step_seq) = (0, 0);
    let mut put = |source, context: &str, at_us: i64, payload: &str| {
        let payload = payload.as_bytes();
        let frame = FrameRef { source, principal: "test", context, received_at_us: at_us, payload };
        seq = engine.shared.journal.submit(&frame).expect("journalled").seq;
        seq
    };
    for second in 0..SECONDS {
        let true_us = START_US + 4 * HOUR_US + second * 1_000_000;
        let at_us = true_us + if second < STEP { wrong_us } else { 0 };
        let tick = put(Source::Tick, "", at_us, "");
        if second == STEP {
            step_seq = tick;
        }
        for patient in 0..2 {
            if second == 0 {
                let text = format!(
                    "MSH|^~\\&|EHR|HOSP|NL|HOSP|20251009085320+0000||ADT^A01^ADT_A01|A{patient}|P|2.5.1\rEVN||20251009085320+0000\r\
                     PID|1||P{patient}^^^HOSP^MR||Doe^Jo||19500101|F\rPV1|1|I|ICU^{patient}^{patient}\r"
                );
                put(Source::Hl7Http, "", at_us, &text);
            }
            let sick = patient == 1 && !(300..360).contains(&second);
            let (hr, resp, sbp) = if sick { (135, 28, 85) } else { (72 + second % 5, 15, 121) };
            let time = format!(r#""time":{},"#, if timed { true_us } else { at_us } / 1000);
            let text = format!(
                r#"{{"id":"m{patient}-{second}","device":"m{patient}",{time}"observations":[
                {{"code":"8867-4","value":{hr},"unit":"/min"}},{{"code":"9279-1","value":{resp},"unit":"/min"}},
                {{"code":"8480-6","value":{sbp},"unit":"mm[Hg]"}},{{"code":"59408-5","value":95,"unit":"%"}},
                {{"code":"8310-5","value":37.0,"unit":"Cel"}}]}}"#,
            );
            put(Source::JsonMqtt, &format!("ICU/{patient}"), at_us, &text);
        }
    }
    engine.shared.journal.wait_durable(seq, Duration::from_secs(30));
    engine.start(0).expect("start");
    let (mut all, mut after) = (Outcome::default(), Outcome::default());
    take(&engine, &mut all, seq, |batch| {
        engine.stored(batch.last_seq);
        if batch.first_seq > step_seq {
            after.add(batch);
        }
    });
    let steps = engine.stats()["pipeline"]["clock_set_back"].as_u64().expect("a counter");
    engine.stop();
    Gave { all, after, steps }
}

#[test]
fn p3_a_clock_that_is_set_back_by_hours_delays_no_score_no_row_and_no_alert() {
    for timed in [true, false] {
        let right = ward(0, timed);
        assert_eq!(right.steps, 0, "a clock that is right is never set back");
        let back = ward(3 * HOUR_US, timed);
        assert_eq!((back.steps, back.all.rows("dead_letters")), (1, 0));
        assert_eq!(back.all.rows("observations"), right.all.rows("observations"));
        for table in ["scores", "alert_events"] {
            let (expected, found) = (right.after.rows(table), back.after.rows(table));
            assert!(expected > 0 && found >= expected, "{table}: {found} rows, {expected} with a right clock (timed: {timed})");
        }
    }
}

#[test]
fn p3_a_clock_that_is_set_forward_by_hours_loses_no_observation_and_no_alert() {
    let (right, forward) = (ward(0, false), ward(-3 * HOUR_US, false));
    assert_eq!((forward.steps, forward.all.rows("dead_letters")), (0, 0));
    assert_eq!(forward.all.rows("observations"), right.all.rows("observations"));
    assert!(forward.after.rows("alert_events") >= right.after.rows("alert_events"), "lock-outs end early, never late");
}

#[test]
fn p7_values_ahead_of_a_clock_that_is_three_hours_slow_are_dead_letters_and_never_a_guess() {
    let slow = ward(-3 * HOUR_US, true).all;
    assert_eq!(i64::from(slow.rows("dead_letters")), 2 * 5 * STEP);
    assert_eq!(i64::from(slow.rows("observations")), 2 * 5 * (SECONDS - STEP));
}
