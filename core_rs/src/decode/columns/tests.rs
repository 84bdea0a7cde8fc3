use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::decode::catalogue::SiteCode;
use crate::decode::{DecodeConfig, Decoded, Event};
use crate::receive::{Frame, Source};

const NOON_US: i64 = 1_772_368_200_000_000;

fn decoder() -> Decoder {
    let site = |code: &str, signal: &str, unit: Option<&str>| SiteCode {
        code: code.into(),
        system: None,
        principal: None,
        signal: signal.into(),
        unit: unit.map(Into::into),
    };
    let codes = vec![site("PULS", "HR", Some("/min")), site("TEMPERATUR", "Temp", None)];
    Decoder::new(DecodeConfig { codes, ..DecodeConfig::default() }).expect("settings")
}

/// What service makes of the same row, sent as device JSON.
fn served(decoder: &Decoder, system: &str, code: &str, unit: &str, value: &serde_json::Value) -> Result<(u16, u64), Code> {
    let mut item = serde_json::json!({"code": code, "system": system, "unit": unit});
    item["value"] = value.clone();
    let payload = serde_json::json!({"time": NOON_US / 1000, "bed": {"unit": "ICU", "bed": "7"}, "observations": [item]});
    let frame = Frame {
        source: Source::JsonHttp,
        principal: "key-1".into(),
        context: "".into(),
        received_at_us: NOON_US,
        payload: Bytes::from(payload.to_string()),
    };
    let mut out = Decoded::default();
    decoder.decode(&frame, &mut out);
    match (out.events.as_slice(), out.rejected.as_slice()) {
        ([Event::Observation(row)], []) => Ok((row.signal.0, row.value.to_bits())),
        ([], [rejected]) => Err(rejected.refusal.code),
        other => panic!("{other:?}"),
    }
}

/// One row.
fn recorded(
    decoder: &Decoder,
    system: &str,
    code: &str,
    unit: &str,
    value: f64,
    word: Option<&str>,
) -> Result<(u16, u64), Code> {
    let words: Vec<String> = word.map(str::to_owned).into_iter().collect();
    let rows = Recorded {
        codes: &[(system.to_owned(), code.to_owned())],
        units: &[unit.to_owned()],
        words: &words,
        code_of_row: &[0],
        unit_of_row: &[0],
        word_of_row: if word.is_some() { &[0] } else { &[] },
        values: &[value],
    };
    let out = decoder.recorded("key-1", rows).expect("columns that fit");
    match (out.reason.as_slice(), out.dropped.as_slice()) {
        ([0], []) => Ok((out.signal[0], out.value[0].to_bits())),
        ([1], [dropped]) => {
            assert_eq!((out.signal[0], out.value[0].is_nan(), dropped.rows, dropped.first_row), (NO_SIGNAL, true, 1, 0));
            Err(dropped.refusal.code)
        }
        other => panic!("{other:?}"),
    }
}

const CODES: &[(&str, &str)] = &[
    ("", "8867-4"),
    ("LN", "8310-5"),
    ("L", "8310-5"),
    ("", "HR"),
    ("nightlamp", "FiO2"),
    ("MDC", "150033"),
    ("", "147842"),
    ("", "MDC_TEMP"),
    ("", "22664-7"),
    ("", "1994-3"),
    ("", "GCS"),
    ("", "pH"),
    ("SCT", "371825009"),
    ("", "Consciousness"),
    ("", "PULS"),
    ("any", "TEMPERATUR"),
    ("", "Creatinine"),
    ("", ""),
];
const UNITS: &[&str] =
    &["", "/min", "bpm", "Cel", "[degF]", "K", "%", "1", "mm[Hg]", "kPa", "mmol/L", "umol/L", "mg/dL", "L/min", "{score}", "?"];
const WORDS: &[&str] = &["A", "voice", "Y", "room air", "LA9340-6", "12", "sleepy", ""];

proptest! {
    #[test]
    fn p8_a_recorded_value_is_what_service_makes_of_the_same_value_sent(
        (system, code) in proptest::sample::select(CODES),
        unit in proptest::sample::select(UNITS),
        value in prop_oneof![-10.0..500.0, (0..60i32).prop_map(f64::from), Just(-0.0), Just(0.21), Just(1e9)],
        word in proptest::option::of(proptest::sample::select(WORDS)),
    ) {
        let decoder = decoder();
        let sent = word.map_or_else(|| serde_json::json!(value), |word| serde_json::json!(word));
        prop_assert_eq!(recorded(&decoder, system, code, unit, value, word), served(&decoder, system, code, unit, &sent));
    }
}

#[test]
fn p7_no_unit_no_value_and_each_reason_is_counted_with_its_first_row() {
    let decoder = decoder();
    let codes: Vec<_> = ["HR", "Nope"].map(|code| (String::new(), code.to_owned())).into();
    let rows = Recorded {
        codes: &codes,
        units: &["/min".to_owned(), String::new()],
        words: &[],
        code_of_row: &[0, 0, 0, 1, 0, 0, 1],
        unit_of_row: &[0, 1, 0, 0, 1, 0, 0],
        word_of_row: &[],
        values: &[80.0, 81.0, 900.0, 1.0, 82.0, f64::NAN, 2.0],
    };
    let out = decoder.recorded("", rows).expect("columns that fit");
    assert_eq!(out.signal[0], 0);
    assert_eq!(out.value[0].to_bits(), 80f64.to_bits());
    assert_eq!(out.reason, [0, 1, 2, 3, 1, 4, 3]);
    let counted: Vec<_> =
        out.dropped.iter().map(|row| (row.refusal.code, row.code, row.unit, row.first_row, row.rows)).collect();
    let expected = [
        (Code::MissingUnit, 0, 1, 1, 2),
        (Code::Implausible, 0, 0, 2, 1),
        (Code::UnknownCode, 1, 0, 3, 2),
        (Code::MissingValue, 0, 0, 5, 1),
    ];
    assert_eq!(counted, expected);
}

#[test]
fn columns_that_do_not_fit_are_refused() {
    let codes = [(String::new(), "HR".to_owned())];
    let units = ["/min".to_owned()];
    let good = Recorded {
        codes: &codes,
        units: &units,
        words: &[],
        code_of_row: &[0],
        unit_of_row: &[0],
        word_of_row: &[],
        values: &[80.0],
    };
    let decoder = decoder();
    assert!(decoder.recorded("", good).is_ok());
    for bad in [
        Recorded { values: &[], ..good },
        Recorded { code_of_row: &[1], ..good },
        Recorded { unit_of_row: &[7], ..good },
        Recorded { word_of_row: &[0], ..good },
        Recorded { word_of_row: &[NO_WORD, NO_WORD], ..good },
    ] {
        assert!(decoder.recorded("", bad).is_err(), "{bad:?}");
    }
    assert!(decoder.recorded("", Recorded { word_of_row: &[NO_WORD], ..good }).is_ok());
}
