//! Recorded time: whose word a frame's time is.

use super::*;

fn recorded(payload: &str) -> Decoded {
    let config = DecodeConfig { recorded_time: true, ..DecodeConfig::default() };
    let mut out = Decoded::default();
    Decoder::new(config).expect("settings").decode(&frame(Source::Hl7Http, "", payload), &mut out);
    out
}

/// 2019-03-01T12:30:00Z: seven years before receipt.
const THEN_US: i64 = 1_551_443_400_000_000;

fn then(segments: &[&str]) -> String {
    message(segments).replace("2026", "2019")
}

#[test]
fn a_frames_time_is_its_receipt_and_with_recorded_time_msh_7() {
    let text = then(&[MSH, PID, OBR, HR]);
    assert_eq!(decode(&text).at_us, NOON_US);
    assert_eq!(codes(&decode(&text)), [(0, Code::AncientTime)]);
    let out = recorded(&text);
    assert_eq!(out.at_us, THEN_US);
    assert_eq!(only(&out).observed_at_us, THEN_US - 30_000_000);
}

#[test]
fn without_msh_7_the_event_or_the_newest_observation_tells() {
    let bare = MSH.replace("20260301123000", "");
    let late = HR.replace("20260301122930", "20260301122945");
    assert_eq!(recorded(&then(&[&bare, PID, OBR, HR, &late, HR])).at_us, THEN_US - 15_000_000);
    let of_obr = HR.replace("20260301122930", "");
    assert_eq!(recorded(&then(&[&bare, PID, OBR, &of_obr])).at_us, THEN_US - 60_000_000);
    let text = adt("A01", "PV1|1|I|ICU^1^1").replace("20260301123000", "").replace("2026", "2019");
    let out = recorded(&text);
    assert_eq!(out.at_us, THEN_US - 1_800_000_000);
    assert_eq!(encounter(&out).occurred_at_us, out.at_us);
}

#[test]
fn p7_a_message_that_says_no_time_or_one_to_come_is_refused_not_guessed() {
    let bare = MSH.replace("20260301123000", "");
    let timeless = HR.replace("20260301122930", "");
    assert_eq!(codes(&recorded(&message(&[&bare, PID, &timeless]))), [(0, Code::MissingTime)]);
    let to_the_day = MSH.replace("20260301123000", "20260301");
    assert_eq!(codes(&recorded(&message(&[&to_the_day, PID, OBR, HR]))), [(0, Code::BadTime)]);
    let tomorrow = MSH.replace("20260301123000", "20260302123000");
    let out = recorded(&message(&[&tomorrow, PID, OBR, HR]));
    assert_eq!((codes(&out), out.events.len(), out.at_us), (vec![(0, Code::FutureTime)], 0, NOON_US));
}

#[test]
fn an_observation_is_checked_against_its_own_frames_time() {
    let ahead = HR.replace("20260301122930", "20260301130000");
    assert_eq!(codes(&recorded(&then(&[MSH, PID, OBR, &ahead]))), [(0, Code::FutureTime)]);
    let ancient = HR.replace("20260301122930", "20170301122930");
    assert_eq!(codes(&recorded(&then(&[MSH, PID, OBR, &ancient]))), [(0, Code::AncientTime)]);
}
