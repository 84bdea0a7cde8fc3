mod acknowledgement;
mod adt;
mod envelope;
mod facts;
mod oru;
mod recorded;
mod remembered;

use bytes::Bytes;

use super::*;
use crate::decode::catalogue::{self, SiteCode};
use crate::decode::event::{EncounterEvent, EncounterKind, Event, Observation, Status, Subject};
use crate::decode::hl7;
use crate::limits::Limits;
use crate::receive::{Frame, Source};

/// 2026-03-01T12:30:00Z.
const NOON_US: i64 = 1_772_368_200_000_000;
const MSH: &str = "MSH|^~\\&|MON|WARD|NL|HOSP|20260301123000||ORU^R01^ORU_R01|M1|P|2.5.1";
const PID: &str = "PID|1||123^^^HOSP^MR||Muster^Eva||19600504|F";
const OBR: &str = "OBR|1|||VITALS^Vital signs|||20260301122900";
const HR: &str = "OBX|1|NM|8867-4^Heart rate^LN||80|/min|||||F|||20260301122930";

fn decoder() -> Decoder {
    Decoder::new(DecodeConfig::default()).expect("default settings")
}

fn frame(source: Source, context: &str, payload: &str) -> Frame {
    Frame {
        source,
        principal: "key-1".into(),
        context: context.into(),
        received_at_us: NOON_US,
        payload: Bytes::copy_from_slice(payload.as_bytes()),
    }
}

fn decode(payload: &str) -> Decoded {
    let mut out = Decoded::default();
    decoder().decode(&frame(Source::Hl7Http, "", payload), &mut out);
    out
}

fn message(segments: &[&str]) -> String {
    segments.join("\r")
}

/// An ORU with these OBX rows.
fn oru(rows: &[&str]) -> Decoded {
    decode(&message(&[&[MSH, PID, OBR], rows].concat()))
}

fn observations(out: &Decoded) -> Vec<&Observation> {
    out.events
        .iter()
        .filter_map(|event| if let Event::Observation(observation) = event { Some(observation) } else { None })
        .collect()
}

fn only(out: &Decoded) -> &Observation {
    assert!(out.rejected.is_empty(), "{:?}", out.rejected);
    let all = observations(out);
    assert_eq!(all.len(), 1);
    all[0]
}

fn codes(out: &Decoded) -> Vec<(u32, Code)> {
    out.rejected.iter().map(|rejected| (rejected.ordinal, rejected.refusal.code)).collect()
}

fn refused(row: &str) -> (Code, String) {
    let out = oru(&[row]);
    assert!(out.events.is_empty(), "{row}");
    assert_eq!(out.rejected.len(), 1, "{row}");
    let refusal = &out.rejected[0].refusal;
    (refusal.code, refusal.location.clone())
}

fn encounter(out: &Decoded) -> &EncounterEvent {
    match out.events.as_slice() {
        [Event::Encounter(event)] => event,
        other => panic!("{other:?} {:?}", out.rejected),
    }
}

fn adt(event: &str, pv1: &str) -> String {
    let msh = MSH.replace("ORU^R01^ORU_R01", &format!("ADT^{event}"));
    message(&[&msh, "EVN||20260301120000|||||", PID, pv1])
}
