//! HL7 v2.5.1: admissions, readings and laboratory results, as an EHR would post them.

use jiff::Timestamp;

use super::beds::Bed;
use super::put_milli;
use super::readings::Observed;

/// Milliseconds since 1970-01-01 UTC as an HL7 DTM in UTC.
fn dtm(at_ms: i64) -> String {
    Timestamp::from_millisecond(at_ms).unwrap_or(Timestamp::UNIX_EPOCH).strftime("%Y%m%d%H%M%S.%3f+0000").to_string()
}

fn head(kind: &str, structure: &str, control_id: &str, bed: &Bed, at_ms: i64) -> String {
    let at = dtm(at_ms);
    let event = if kind.starts_with("ADT") { format!("EVN||{at}\r") } else { String::new() };
    format!(
        "MSH|^~\\&|LOADTEST|LOADTEST|NIGHTLAMP|LOADTEST|{at}||{kind}^{structure}|{control_id}|P|2.5.1||||||UNICODE UTF-8\r{event}\
         PID|1||{mrn}^^^LOADTEST^MR||Nobody^{mrn}||19600615|F\rPV1|1|I|{unit}^{bed}^{bed}||||||||||||||||V{mrn}\r",
        mrn = bed.mrn,
        unit = bed.unit,
        bed = bed.bed,
    )
}

/// ADT^A01: in this bed from now.
pub fn admit(bed: &Bed, control_id: &str, at_ms: i64) -> Vec<u8> {
    head("ADT^A01", "ADT_A01", control_id, bed, at_ms).into_bytes()
}

/// ADT^A03: gone.
pub fn discharge(bed: &Bed, control_id: &str, at_ms: i64) -> Vec<u8> {
    head("ADT^A03", "ADT_A03", control_id, bed, at_ms).into_bytes()
}

/// ORU^R01 with these observations; padded by an NTE segment to `bytes_min`.
pub fn results<'a>(
    out: &mut Vec<u8>,
    bed: &Bed,
    control_id: &str,
    at_ms: i64,
    bytes_min: usize,
    observed: impl IntoIterator<Item = Observed<'a>>,
) {
    let began = out.len();
    out.extend_from_slice(head("ORU^R01", "ORU_R01", control_id, bed, at_ms).as_bytes());
    let at = dtm(at_ms);
    out.extend_from_slice(format!("OBR|1|||85353-1^Panel^LN|||{at}\r").as_bytes());
    for (place, one) in observed.into_iter().enumerate() {
        let system = if one.code.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') { "LN" } else { "nightlamp" };
        out.extend_from_slice(format!("OBX|{}|NM|{}^^{system}||", place + 1, one.code).as_bytes());
        put_milli(out, one.milli);
        out.extend_from_slice(format!("|{}|||||F|||{at}\r", one.unit).as_bytes());
    }
    const NOTE: &[u8] = b"NTE|1||";
    let used = out.len() - began + NOTE.len() + 1;
    if used < bytes_min {
        out.extend_from_slice(NOTE);
        out.resize(out.len() + bytes_min - used, b'.');
        out.push(b'\r');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::beds;
    use crate::scenario::Scenario;

    #[test]
    fn a_message_has_its_fields_and_its_size() {
        let scenario = Scenario::parse("name='x'\nduration_s=1.0\n[ward]\npatients=1").unwrap();
        let bed = &beds::build(&scenario)[0];
        let mut out = Vec::new();
        let lactate = Observed { code: "2524-7", unit: "mmol/L", milli: 1_200 };
        results(&mut out, bed, "C1", 1_700_000_000_123, 1_000, [lactate, lactate]);
        assert_eq!(out.len(), 1_000);
        let text = String::from_utf8(out).unwrap();
        let segments: Vec<&str> = text.trim_end().split('\r').collect();
        assert_eq!(segments.iter().map(|one| &one[..3]).collect::<Vec<_>>(), ["MSH", "PID", "PV1", "OBR", "OBX", "OBX", "NTE"]);
        assert_eq!(segments[0].split('|').nth(6), Some("20231114221320.123+0000"));
        assert_eq!(segments[2].split('|').nth(3), Some("LT-U001^001^001"), "PV1-3");
        assert_eq!(segments[2].split('|').nth(19), Some("VLT7N000000"), "PV1-19");
        assert_eq!(segments[4].split('|').nth(5), Some("1.2"));
    }
}
