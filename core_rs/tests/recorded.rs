//! Recorded time: a recording sent today gives what a ward would have been given when it happened.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use nightlamp_core::decode::{DecodeConfig, Decoder};
use nightlamp_core::journal::Journalled;
use nightlamp_core::limits::Limits;
use nightlamp_core::pipeline::{Pipeline, Setup};
use nightlamp_core::receive::{Frame, Source};
use nightlamp_core::score::Scorers;

/// 2025-10-01T00:00:00Z, and a hundred days later.
const THEN_US: i64 = 1_759_276_800_000_000;
const NOW_US: i64 = THEN_US + 100 * 24 * HOUR_US;
const HOUR_US: i64 = 3_600_000_000;

/// Runs frames whose messages say these times; `now` is when all of them are received, or each at its own time.
fn scores(recorded_time: bool, now: Option<i64>) -> (u32, Vec<u8>, u64) {
    let config = DecodeConfig { recorded_time, ..DecodeConfig::default() };
    let bundle = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/sepsis/1.1.0");
    let setup = Setup::new(
        Arc::new(Decoder::new(config).expect("decoder")),
        Arc::new(Scorers::load(&[bundle]).expect("scorers")),
        Limits::default(),
    );
    let mut pipeline = Pipeline::new(setup).expect("pipeline");
    let mut frames = Vec::new();
    // One patient's whole stay after the other: time runs back between them. The third is admitted by nobody.
    for patient in 0..3 {
        if patient < 2 {
            frames.push((Source::Hl7Http, String::new(), 0, admission(patient)));
        }
        for hour in 1..100 {
            let hl7 = patient != 1;
            let (source, context) =
                if hl7 { (Source::Hl7Http, String::new()) } else { (Source::JsonMqtt, format!("ICU/{patient}")) };
            frames.push((source, context, hour, if hl7 { report(patient, hour) } else { reading(hour) }));
            if now.is_some() {
                frames.push((Source::Tick, String::new(), hour, String::new()));
            }
        }
    }
    let mut rows = (0, Vec::new());
    let mut seq = 0;
    for (n, (source, context, hour, text)) in frames.into_iter().enumerate() {
        let received_at_us = now.map_or(THEN_US + hour * HOUR_US, |now| now + n as i64 * HOUR_US / 10);
        let payload = Bytes::from(text);
        let frame = Frame { source, principal: "test".into(), context: context.into(), received_at_us, payload };
        // Ticks do not count here, so that the rows' numbers are those of a run without them.
        seq += u64::from(source != Source::Tick);
        for table in pipeline.run(&[Journalled { seq, frame }], 0).expect("a batch").tables {
            if table.table == "scores" {
                rows.0 += table.rows;
                rows.1.extend_from_slice(&table.bytes[19..table.bytes.len() - 2]);
            }
        }
    }
    let gauges = std::iter::repeat_with(|| pipeline.count_on())
        .find_map(|(gauges, ended)| ended.then_some(gauges))
        .expect("all are counted");
    (rows.0, rows.1, gauges.patients)
}

fn dtm(hour: i64) -> String {
    format!("202510{:02}{:02}0000+0000", 1 + hour / 24, hour % 24)
}

fn admission(patient: usize) -> String {
    let time = dtm(0);
    format!(
        "MSH|^~\\&|EHR|HOSP|NL|HOSP|{time}||ADT^A01^ADT_A01|A{patient}|P|2.5.1\rEVN||{time}\r\
         PID|1||P{patient}^^^HOSP^MR||Doe^Jo||19500101|F\rPV1|1|I|ICU^{patient}^{patient}\r"
    )
}

fn report(patient: usize, hour: i64) -> String {
    let time = dtm(hour);
    format!(
        "MSH|^~\\&|EHR|HOSP|NL|HOSP|{time}||ORU^R01^ORU_R01|R{patient}-{hour}|P|2.5.1\rPID|1||P{patient}^^^HOSP^MR\r\
         OBR|1|||V|||{time}\rOBX|1|NM|8867-4^^LN||{}|/min|||||F|||{time}\rOBX|2|NM|9279-1^^LN||18|/min|||||F|||{time}\r\
         OBX|3|NM|8480-6^^LN||{}|mm[Hg]|||||F|||{time}\rOBX|4|NM|8310-5^^LN||38.1|Cel|||||F|||{time}\r",
        70 + hour % 40,
        130 - hour % 50
    )
}

fn reading(hour: i64) -> String {
    let at_ms = (THEN_US + hour * HOUR_US) / 1000;
    format!(
        r#"{{"id":"{hour}","device":"m","time":{at_ms},"observations":[{{"code":"8867-4","value":{},"unit":"/min"}},
        {{"code":"9279-1","value":21,"unit":"/min"}},{{"code":"8480-6","value":99,"unit":"mm[Hg]"}},
        {{"code":"8310-5","value":37.5,"unit":"Cel"}}]}}"#,
        80 + hour % 30
    )
}

#[test]
fn a_recording_sent_today_gives_the_scores_it_would_have_given_then_bit_for_bit() {
    let (then, sent_today) = (scores(false, None), scores(true, Some(NOW_US)));
    assert!(then.0 > 3 * 99, "rules and model scored {} times", then.0);
    assert!(then == sent_today, "{} rows then, {} today", then.0, sent_today.0);
    assert_eq!(sent_today.2, 3, "nobody is swept out because others' times, or today's ticks, are later");
}

#[test]
fn without_the_setting_the_same_recording_is_old_news_and_scores_as_such() {
    let (then, live) = (scores(false, None), scores(false, Some(NOW_US)));
    assert!(then.1 != live.1, "receipt is the time of a ward");
}
