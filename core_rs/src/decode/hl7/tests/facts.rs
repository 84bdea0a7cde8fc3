//! What an encounter says in codes.

use super::*;
use crate::decode::facts::{CODE_BYTES_MAX, Coding, DIAGNOSES_MAX, Fact, Facts};

/// PV1 with these fields.
fn pv1(fields: &[(usize, &str)]) -> String {
    let mut parts = vec![""; 46];
    (parts[0], parts[1], parts[2]) = ("PV1", "1", "I");
    for (n, text) in fields {
        parts[*n] = text;
    }
    parts.join("|")
}

#[test]
fn the_codes_of_an_encounter_are_read_where_the_standard_puts_them() {
    let fields = [
        (3, "ICU^01"),
        (4, "E^Emergency^HL70007"),
        (10, "MED"),
        (14, "7"),
        (20, "MC^20260101~SP"),
        (36, "01"),
        (44, "20260228101500"),
        (45, "20260301111500"),
    ];
    let dg1 = "\rDG1|1||E11.9^Type 2 diabetes^I10C\rDG1|2|I9C|428.0^Heart failure\rDG1|3\rDG1|4||abc.D^^LOCAL";
    let payload = adt("A03", &(pv1(&fields) + dg1)).replace("19600504|F", "19600504|F||2106-3^White^HL70005");
    let out = decode(&payload);
    let event = encounter(&out);
    let facts = &event.facts;
    let told: Vec<&str> = Fact::ALL.iter().map(|(_, fact)| facts.code(*fact)).collect();
    assert_eq!(told, ["2106-3", "E", "MED", "7", "MC", "01"]);
    assert_eq!((event.unit.as_str(), event.bed.is_some()), ("ICU", true));
    assert_eq!(event.discharged_at_us, Some(NOON_US - 4_500_000_000));
    let diagnoses: Vec<_> = facts.diagnoses.iter().map(|diagnosis| (diagnosis.code.as_str(), diagnosis.coding)).collect();
    let expected = [("E119", Coding::Icd10), ("4280", Coding::Icd9), ("", Coding::Other), ("abc.D", Coding::Other)];
    assert_eq!((diagnoses.as_slice(), facts.diagnoses_count), (expected.as_slice(), 4));
    assert!(out.rejected.is_empty());
}

#[test]
fn the_unit_is_known_where_no_bed_is_named_and_absent_facts_are_absent() {
    let out = decode(&adt("A01", "PV1|1|I|ICU"));
    let event = encounter(&out);
    assert_eq!((event.unit.as_str(), &event.bed), ("ICU", &None));
    assert_eq!(event.facts, Facts::default());
    assert_eq!(event.discharged_at_us, None);
}

#[test]
fn p5_a_code_and_the_list_of_diagnoses_are_bounded_and_all_are_counted() {
    let long = "X".repeat(CODE_BYTES_MAX + 1);
    let mut payload = adt("A01", &pv1(&[(10, &long), (14, &long[1..])]));
    for n in 1..=DIAGNOSES_MAX + 5 {
        payload += &format!("\rDG1|{n}||{}^^I10", if n == 2 { &long } else { "I10" });
    }
    let out = decode(&payload);
    let facts = &encounter(&out).facts;
    assert_eq!((facts.code(Fact::Service), facts.code(Fact::AdmitSource)), ("", &long[1..]));
    assert_eq!((facts.diagnoses.len(), facts.diagnoses_count as usize), (DIAGNOSES_MAX, DIAGNOSES_MAX + 5));
    assert_eq!((facts.diagnoses[1].code.as_str(), facts.diagnoses[2].code.as_str()), ("", "I10"));
}

#[test]
fn p7_a_code_that_cannot_be_read_is_absent_and_a_dead_letter_beside_the_event() {
    let mut payload = adt("A01", &pv1(&[(10, "MED"), (14, "7")])).into_bytes();
    let at = payload.windows(5).position(|window| window == b"|MED|").expect("service");
    payload[at + 2] = 0xFC;
    let mut frame = frame(Source::Hl7Http, "", "");
    frame.payload = payload.into();
    let mut out = Decoded::default();
    decoder().decode(&frame, &mut out);
    let facts = &encounter(&out).facts;
    assert_eq!((facts.code(Fact::Service), facts.code(Fact::AdmitSource)), ("", "7"));
    assert_eq!(codes(&out), [(1, Code::BadCharset)]);
}

#[test]
fn recorded_messages_are_received_when_they_were_made_and_refused_without_their_content() {
    let old = adt("A01", &pv1(&[(44, "19700101000000")])).replace("20260301", "19700101");
    let future = old.replace("|19700101000000", "|19700102000000");
    let read = |payloads: &[&str]| crate::decode::encounters::decode(&decoder(), payloads);
    let events = read(&[&old, &future]).expect("readable");
    assert_eq!((events[0].occurred_at_us, events[0].admitted_at_us), (43_200_000_000, Some(0)));
    assert_eq!((events[1].occurred_at_us, events[1].admitted_at_us), (43_200_000_000, None));
    let nobody = old.replace("123^^^HOSP^MR", "");
    assert_eq!(read(&[&old, &nobody]).map_err(|why| why.to_string()), Err("encounter 1 is refused: missing_patient".into()));
    let timeless = old.replace("|19700101123000|", "||");
    assert_eq!(read(&[&timeless]), Err("encounter 0 names no time in MSH-7".into()));
    assert!(read(&[&message(&[MSH, PID, OBR, HR])]).is_err_and(|why| !why.contains("80")));
}
