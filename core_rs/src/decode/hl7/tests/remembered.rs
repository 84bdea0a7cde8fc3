//! What a decoder remembers of earlier messages bears on no later one.

use proptest::prelude::*;

use super::*;
use crate::decode::SiteKey;

/// Fields that mean something, in ways that only differ in what lies around them.
const CODES: [&str; 8] = [
    "8867-4^Heart rate^LN",
    "8867-4^Heart rate^LN^^^",
    "8310-5^T^LN",
    "147842^MDC_ECG_HEART_RATE^MDC",
    "X^^L^8480-6^S^LN",
    "67775-7^^LN",
    "8867-4^a\\T\\b^LN",
    "8867-4!Heart rate!LN",
];
const UNITS: [&str; 8] = ["/min", "Cel", "mm[Hg]^^UCUM", "264864^MDC_DIM_BEAT_PER_MIN^MDC", "kPa", "", "[degF]", "/MIN"];
const IDENTIFIERS: [&str; 7] =
    ["1^^^HOSP^MR", "1^^^HOSP^MR~2^^^SITE", "\\X4D\\1", "\\XFC\\1^^^H", "é1^^^H", "\"\"", "1!!!HOSP!MR"];
const HEADERS: [&str; 4] = [
    "MSH|^~\\&|A|B|||20260301123000||ORU^R01|M1|P|2.5.1",
    "MSH|^~\\&|A|B|||20260301123000||ORU^R01|M1|P|2.5.1||||||8859/1",
    "MSH|^~\\&|A|B|||20260301123000||ORU^R01|M1|P|2.5.1||||||ASCII",
    "MSH|!~\\&|A|B|||20260301123000||ORU!R01|M1|P|2.5.1",
];

fn site(principal: Option<&str>) -> DecodeConfig {
    let code = SiteCode {
        code: "8310-5".into(),
        system: Some("LN".into()),
        principal: principal.map(str::to_owned),
        signal: "Temp".into(),
        unit: Some("[degF]".into()),
    };
    DecodeConfig { site_key: SiteKey([7; 32]), codes: vec![code], ..DecodeConfig::default() }
}

fn said(decoder: &Decoder, principal: &str, payload: &str) -> String {
    let mut out = Decoded::default();
    let frame = Frame { principal: principal.into(), ..frame(Source::Hl7Http, "", payload) };
    decoder.decode(&frame, &mut out);
    format!("{out:?}")
}

proptest! {
    #[test]
    fn a_message_says_what_it_says_to_who_has_read_others(
        messages in prop::collection::vec((0..4_usize, 0..7_usize, 0..8_usize, 0..8_usize, 30..110_u32, any::<bool>()), 1..30),
        of_one in any::<bool>(),
    ) {
        let config = site(of_one.then_some("key-1"));
        let experienced = Decoder::new(config.clone()).expect("settings");
        for (header, identifier, code, unit, value, is_first) in messages {
            let (header, pid, code, unit) = (HEADERS[header], IDENTIFIERS[identifier], CODES[code], UNITS[unit]);
            let row = format!("OBX|1|NM|{code}||{value}|{unit}|||||F|||20260301122900");
            let payload = message(&[header, &format!("PID|||{pid}"), &row, &row]);
            let principal = if is_first { "key-1" } else { "key-2" };
            let fresh = Decoder::new(config.clone()).expect("settings");
            let expected = said(&fresh, principal, &payload);
            // Once to remember it and once remembered.
            prop_assert_eq!(said(&experienced, principal, &payload), expected.clone());
            prop_assert_eq!(said(&experienced, principal, &payload), expected);
        }
    }
}

#[test]
fn a_thread_that_would_have_to_wait_for_what_is_remembered_says_the_same() {
    let decoder = decoder();
    let payload = message(&[MSH, PID, OBR, HR]);
    let expected = said(&decoder, "key-1", &payload);
    let held = decoder.known(crate::decode::hl7::scan::Delimiters::USUAL).expect("nobody has it");
    assert!(decoder.known(crate::decode::hl7::scan::Delimiters::USUAL).is_none());
    assert_eq!(said(&decoder, "key-1", &payload), expected);
    drop(held);
}
