//! A monitor's reading as device JSON: eight signals with LOINC codes and UCUM units (docs/messages.md has the schema).

use serde_json::{Value, json};

use crate::demo::simulated::Vitals;

/// One reading in one message. `id` makes a redelivery recognisable; `at_ms` is milliseconds since 1970-01-01 UTC.
pub fn reading(device: &str, id: u64, at_ms: i64, vitals: &Vitals) -> Vec<u8> {
    message(device, &format!("{device}-{at_ms}-{id}"), at_ms, &observations(vitals))
}

/// The same reading as a message for each of its signals.
pub fn apart(device: &str, id: u64, at_ms: i64, vitals: &Vitals) -> Vec<Vec<u8>> {
    let signal =
        |(at, one): (usize, &Value)| message(device, &format!("{device}-{at_ms}-{id}-{at}"), at_ms, std::slice::from_ref(one));
    observations(vitals).iter().enumerate().map(signal).collect()
}

fn observations(v: &Vitals) -> [Value; 8] {
    let observation = |code: &str, value: f64, unit: &str| json!({"code": code, "value": value, "unit": unit});
    [
        observation("8867-4", v.hr.round(), "/min"),
        observation("9279-1", v.resp.round(), "/min"),
        observation("59408-5", v.spo2.round(), "%"),
        observation("8480-6", v.sbp.round(), "mm[Hg]"),
        observation("8462-4", v.dbp.round(), "mm[Hg]"),
        observation("8478-0", v.map().round(), "mm[Hg]"),
        observation("8310-5", (v.temp * 10.0).round() / 10.0, "Cel"),
        observation("19891-1", v.etco2.round(), "mm[Hg]"),
    ]
}

fn message(device: &str, id: &str, at_ms: i64, observations: &[Value]) -> Vec<u8> {
    json!({"id": id, "device": device, "time": at_ms, "observations": observations}).to_string().into_bytes()
}
