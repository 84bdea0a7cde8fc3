//! The messages are what `docs/messages.md` and the Python tests believe they are: both read the same samples.

use compact_str::CompactString;

use super::*;
use crate::alert::{AlertKind, Said, Severity, StandingAlert};
use crate::publish::{ItemView, ScoreKind, ScoreView, SparkPoint, SparkView, VitalView};
use crate::score::{Direction, Why};

const T_US: i64 = 1_760_000_000_000_000;
const ID: PatientId =
    PatientId([0x0f, 0x1e, 0x2d, 0x3c, 0x4b, 0x5a, 0x69, 0x78, 0x87, 0x96, 0xa5, 0xb4, 0xc3, 0xd2, 0xe1, 0xf0]);

fn bed() -> BedKey {
    BedKey { unit: CompactString::new("ICU-1"), bed: CompactString::new("07") }
}

fn opened() -> AlertEvent {
    AlertEvent {
        seq: 4_711,
        ordinal: 2,
        alert_id: cursor(4_711, 2),
        patient: Some(ID),
        bed: Some(bed()),
        subject: CompactString::default(),
        cause: CompactString::new("news2"),
        rule: CompactString::new("news2-high"),
        kind: AlertKind::Opened,
        severity: Severity::High,
        at_us: T_US,
        scorer: 0,
        value: 7.0,
        reason: "NEWS2 7 reached 7".into(),
        why: Why {
            contributions: vec![
                Contribution { feature: CompactString::new("Resp"), value: 26.0, share: 3.0 },
                Contribution { feature: CompactString::new("lactate_last"), value: f64::NAN, share: 0.5 },
            ],
            reasons: vec![
                reason("Resp", 3.0, Direction::Raises, false, "respiration rate 26 /min, 2 s old, rising from 18 in 6 h"),
                reason("Lactate", -0.5, Direction::Lowers, true, "no lactate measured"),
            ],
        },
        said: Said::default(),
        level: 0,
        held: false,
    }
}

fn snoozed() -> AlertEvent {
    let said = Said {
        by: "k7x2m9pq".into(),
        role: "nurse".into(),
        note: "on the way to CT".into(),
        until_us: Some(T_US + 1_860_000_000),
        ..Said::default()
    };
    AlertEvent {
        seq: 4_750,
        ordinal: 0,
        kind: AlertKind::Snoozed,
        at_us: T_US + 60_000_000,
        reason: "snoozed for 30 min by a nurse".into(),
        why: Why::default(),
        said,
        level: 1,
        ..opened()
    }
}

/// A technical alert about no patient.
fn technical() -> AlertEvent {
    AlertEvent {
        patient: None,
        bed: None,
        subject: "hl7_http:k7x2m9pq".into(),
        cause: "feed-silent".into(),
        rule: "feed-silent".into(),
        severity: Severity::Technical,
        scorer: crate::alert::NO_SCORER,
        value: f64::NAN,
        reason: "nothing has come from this feed for 15 min".into(),
        why: Why::default(),
        ..opened()
    }
}

fn reason(about: &str, share: f64, direction: Direction, missing: bool, words: &str) -> Reason {
    Reason { about: CompactString::new(about), share, direction, missing, words: words.into() }
}

fn parsed(bytes: &[u8]) -> serde_json::Value {
    serde_json::from_slice(bytes).unwrap()
}

fn patient_bytes() -> Vec<u8> {
    let bed = bed();
    let mut alert = StandingAlert::new(&opened());
    alert.follow(&snoozed());
    let items = [
        ItemView { name: "Resp", unit: "/min", value: Some(26.0), points: Some(3), age_s: Some(2.0) },
        ItemView { name: "Temp", unit: "Cel", value: None, points: None, age_s: None },
    ];
    let points = [
        SparkPoint { at_us: T_US - 60_000_000, value: 24.04 },
        SparkPoint { at_us: T_US - 30_000_000, value: f64::NAN },
        SparkPoint { at_us: T_US, value: 25.96 },
    ];
    let score = ScoreView {
        name: "news2",
        version: "RCP-2017",
        kind: ScoreKind::Rule,
        value: 7.0,
        raw: 7.0,
        band: 4,
        present: 6,
        expected: 7,
        at_us: T_US,
        items: &items,
    };
    let sepsis = ScoreView {
        name: "sepsis",
        version: "0.1.0",
        kind: ScoreKind::Model,
        value: f64::NAN,
        raw: -1.5,
        band: 0,
        items: &[],
        ..score
    };
    let view = PatientView {
        seq: 4_711,
        patient: ID,
        bed: Some(&bed),
        at_us: T_US,
        vitals: &[VitalView { name: "Resp", unit: "/min", value: 26.0, at_us: T_US - 2_000_000 }],
        spark: &[SparkView { name: "Resp", points: &points }],
        scores: &[score, sepsis],
        alerts: &[AlertView::standing(&alert, "news2")],
    };
    let mut out = Vec::new();
    encode_patient(&view, &mut out).unwrap();
    out
}

#[test]
fn messages_are_the_documented_samples() {
    let mut alert = Vec::new();
    encode_alert(&opened(), "news2", &mut alert).unwrap();
    let (mut step, mut feed) = (Vec::new(), Vec::new());
    encode_alert(&snoozed(), "news2", &mut step).unwrap();
    encode_alert(&technical(), "", &mut feed).unwrap();
    let mut left = Vec::new();
    encode_left(4_712, ID, Some(&bed()), T_US + 1_000_000, &mut left).unwrap();
    let all =
        [("patient", patient_bytes()), ("alert", alert), ("alert-snoozed", step), ("alert-technical", feed), ("left", left)];
    for (name, bytes) in all {
        let path = format!("{}/../tests/unit/publish/samples/{name}.json", env!("CARGO_MANIFEST_DIR"));
        let sample = std::fs::read(&path).unwrap_or_else(|_| panic!("{path} is missing: {}", String::from_utf8_lossy(&bytes)));
        assert_eq!(parsed(&bytes), parsed(&sample), "{}", String::from_utf8_lossy(&bytes));
    }
}

#[test]
fn a_value_that_is_no_number_is_null_never_zero() {
    let message = parsed(&patient_bytes());
    assert!(message["scores"]["sepsis"]["value"].is_null());
    assert!(message["spark"]["Resp"]["v"][1].is_null());
    assert!(message["scores"]["news2"]["items"][1]["value"].is_null());
    assert!(message["alerts"][0]["contributions"][1]["value"].is_null());
}

#[test]
fn cursors_order_as_sequence_then_ordinal() {
    assert!(cursor(1, 65_535) < cursor(2, 0));
    assert!(cursor(2, 0) < cursor(2, 1));
    assert_eq!(cursor(3, u32::MAX), cursor(3, 65_535));
}

#[test]
fn equal_states_are_equal_bytes() {
    assert_eq!(patient_bytes(), patient_bytes());
}

#[test]
fn text_from_a_message_cannot_break_the_json() {
    let mut event = opened();
    event.reason = "quote \" backslash \\ newline \n end".into();
    event.bed = Some(BedKey { unit: CompactString::new("A\"B"), bed: CompactString::new("ü") });
    let mut out = Vec::new();
    encode_alert(&event, "news2", &mut out).unwrap();
    let message = parsed(&out);
    assert_eq!(message["reason"], event.reason.as_str());
    assert_eq!(message["unit"], "A\"B");
}
