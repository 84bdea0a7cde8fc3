//! A reading as device JSON: as core_rs/src/decode/device.rs reads it.

use super::readings::Readings;
use super::{put_int, put_milli};

/// What stands around the observations.
#[derive(Debug, Clone, Copy)]
pub struct Heading<'a> {
    /// The device's serial number.
    pub device: &'a str,
    /// Unit and bed, where the topic does not say them.
    pub place: Option<(&'a str, &'a str)>,
    /// Makes ids of this run differ from those of others.
    pub run_id: i64,
    /// Time of the reading, milliseconds since 1970-01-01 UTC.
    pub time_ms: i64,
    /// Shorter payloads are padded to this, bytes.
    pub bytes_min: usize,
}

/// Appends the `round`-th reading of a bed.
pub fn put(out: &mut Vec<u8>, readings: &Readings, bed: u32, round: u32, worse: i64, heading: &Heading<'_>) {
    let began = out.len();
    out.extend_from_slice(b"{\"id\":\"");
    put_int(out, heading.run_id);
    out.push(b'-');
    put_int(out, i64::from(round));
    out.extend_from_slice(b"\",\"device\":\"");
    out.extend_from_slice(heading.device.as_bytes());
    if let Some((unit, bed)) = heading.place {
        out.extend_from_slice(b"\",\"bed\":{\"unit\":\"");
        out.extend_from_slice(unit.as_bytes());
        out.extend_from_slice(b"\",\"bed\":\"");
        out.extend_from_slice(bed.as_bytes());
        out.extend_from_slice(b"\"},\"time\":");
    } else {
        out.extend_from_slice(b"\",\"time\":");
    }
    put_int(out, heading.time_ms);
    out.extend_from_slice(b",\"observations\":[");
    let mut first = true;
    readings.each(bed, round, worse, |observed| {
        if !first {
            out.push(b',');
        }
        first = false;
        out.extend_from_slice(b"{\"code\":\"");
        out.extend_from_slice(observed.code.as_bytes());
        out.extend_from_slice(b"\",\"value\":");
        put_milli(out, observed.milli);
        out.extend_from_slice(b",\"unit\":\"");
        out.extend_from_slice(observed.unit.as_bytes());
        out.extend_from_slice(b"\"}");
    });
    out.push(b']');
    const PADDING: &[u8] = b",\"padding\":\"\"}";
    let used = out.len() - began + PADDING.len();
    if used < heading.bytes_min {
        out.extend_from_slice(b",\"padding\":\"");
        out.resize(out.len() + heading.bytes_min - used, b'.');
        out.push(b'"');
    }
    out.push(b'}');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Scenario;

    fn reading(round: u32, bytes_min: usize) -> Vec<u8> {
        let text = "name='x'\nduration_s=1.0\n[ward]\npatients=1\n[monitors.signals]\nHR=1.0\nTemp=0.25";
        let readings = Readings::of(&Scenario::parse(text).unwrap(), None);
        let heading = Heading { device: "D1", place: Some(("U", "1")), run_id: 9, time_ms: 1_700_000_000_000, bytes_min };
        let mut out = Vec::new();
        put(&mut out, &readings, 0, round, 0, &heading);
        out
    }

    #[test]
    fn a_reading_is_json_and_slower_signals_are_in_every_so_many_th() {
        for (round, count) in [(0, 2), (1, 1), (3, 1), (4, 2)] {
            let json: serde_json::Value = serde_json::from_slice(&reading(round, 0)).unwrap();
            assert_eq!(json["observations"].as_array().unwrap().len(), count, "{json}");
            assert_eq!((json["time"].as_i64(), json["bed"]["unit"].as_str()), (Some(1_700_000_000_000), Some("U")));
        }
    }

    #[test]
    fn a_short_reading_is_padded_to_the_asked_size() {
        let padded = reading(1, 700);
        assert_eq!(padded.len(), 700);
        assert!(serde_json::from_slice::<serde_json::Value>(&padded).is_ok());
        assert!(reading(0, 10).len() > 100);
    }

    #[test]
    fn a_reading_written_again_is_the_same_bytes() {
        assert_eq!(reading(5, 0), reading(5, 0));
        assert_ne!(reading(5, 0), reading(6, 0));
    }
}
