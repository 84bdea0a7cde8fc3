//! HL7 v2.5.1 as an EHR and a laboratory send it: ADT A01 and A03, ORU R01.

use jiff::Timestamp;

use crate::demo::simulated::{Bed, Labs, Vitals};

/// Milliseconds since 1970-01-01 UTC as an HL7 DTM in UTC.
fn dtm(at_ms: i64) -> String {
    Timestamp::from_millisecond(at_ms).unwrap_or(Timestamp::UNIX_EPOCH).strftime("%Y%m%d%H%M%S.%3f+0000").to_string()
}

fn header(kind: &str, control_id: u64, at_ms: i64) -> String {
    let structure = if kind.starts_with("ADT") { "ADT_A01" } else { "ORU_R01" };
    format!(
        "MSH|^~\\&|WARDSIM|NIGHTWARD|NIGHTLAMP|NIGHTWARD|{}||{kind}^{structure}|SIM{at_ms}{control_id}|P|2.5.1||||||UNICODE UTF-8\r",
        dtm(at_ms)
    )
}

fn patient(bed: &Bed, at_ms: i64) -> String {
    let p = &bed.person;
    let year = i64::from(Timestamp::from_millisecond(at_ms).map_or(2026, |t| t.to_zoned(jiff::tz::TimeZone::UTC).year()))
        - i64::from(p.age_years);
    format!(
        "PID|1||{}^^^NIGHTWARD^MR||{}^{}||{year}0615|{}\rPV1|1|I|{}^{}^{}||||||||||||||||{}\r",
        p.mrn, p.family, p.given, p.sex, bed.unit, bed.bed, bed.bed, p.visit
    )
}

/// ADT^A01: admitted to this bed.
pub fn admit(bed: &Bed, control_id: u64, at_ms: i64) -> Vec<u8> {
    format!("{}EVN||{}\r{}", header("ADT^A01", control_id, at_ms), dtm(at_ms), patient(bed, at_ms)).into_bytes()
}

/// ADT^A03: left.
pub fn discharge(bed: &Bed, control_id: u64, at_ms: i64) -> Vec<u8> {
    format!("{}EVN||{}\r{}", header("ADT^A03", control_id, at_ms), dtm(at_ms), patient(bed, at_ms)).into_bytes()
}

/// ORU^R01: a nurse's round with temperature, consciousness and oxygen.
pub fn chart(bed: &Bed, control_id: u64, at_ms: i64, v: &Vitals) -> Vec<u8> {
    let text = match v.consciousness {
        'A' => "Alert",
        'C' => "Confused",
        'V' => "Voice",
        'P' => "Pain",
        _ => "Unresponsive",
    };
    format!(
        "{}{}OBR|1|||85353-1^Vital signs panel^LN|||{}\r\
         OBX|1|NM|8310-5^Body temperature^LN||{:.1}|Cel|||||F\r\
         OBX|2|CWE|67775-7^Level of responsiveness^LN||{}^{text}^L||||||F\r\
         OBX|3|NM|3150-0^Inhaled oxygen concentration^LN||{:.0}|%|||||F\r",
        header("ORU^R01", control_id, at_ms),
        patient(bed, at_ms),
        dtm(at_ms),
        v.temp,
        v.consciousness,
        v.fio2 * 100.0
    )
    .into_bytes()
}

/// ORU^R01: results of a blood sample.
pub fn labs(bed: &Bed, control_id: u64, at_ms: i64, labs: &Labs) -> Vec<u8> {
    let mut text = format!(
        "{}{}OBR|1|||24323-8^Laboratory panel^LN|||{}\r",
        header("ORU^R01", control_id, at_ms),
        patient(bed, at_ms),
        dtm(at_ms)
    );
    for (index, (code, name, value, unit)) in labs.results.iter().enumerate() {
        text.push_str(&format!("OBX|{}|NM|{code}^{name}^LN||{value:.2}|{unit}|||||F|||{}\r", index + 1, dtm(at_ms)));
    }
    text.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::simulated;

    #[test]
    fn a_message_has_the_fields_the_reference_names() {
        let beds = simulated::build(1, &["ICU".into()], 0.0, 1);
        let text = String::from_utf8(admit(&beds[0], 4, 1_700_000_000_123)).expect("text");
        let segments: Vec<&str> = text.trim_end().split('\r').collect();
        assert!(segments[0].starts_with("MSH|^~\\&|WARDSIM|NIGHTWARD|"));
        assert_eq!(segments[0].split('|').nth(6), Some("20231114221320.123+0000"));
        assert_eq!(segments[0].split('|').nth(17), Some("UNICODE UTF-8"), "MSH-18");
        assert_eq!(segments[3].split('|').nth(3), Some("ICU^01^01"), "PV1-3");
        assert_eq!(segments[3].split('|').nth(19).map(|v| v.starts_with('V')), Some(true), "PV1-19");
    }
}
