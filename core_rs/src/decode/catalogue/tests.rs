use super::*;

fn catalogue() -> Catalogue {
    Catalogue::new(&[]).expect("built in")
}

fn canonical(code: &str, value: f64, unit: &str) -> Result<f64, Code> {
    let catalogue = catalogue();
    let meaning = catalogue.meaning("", b"LN", code.as_bytes(), b"").expect(code);
    meaning.canonical(&catalogue, value, unit.as_bytes()).map_err(|refusal| refusal.code)
}

fn near(code: &str, value: f64, unit: &str, expected: f64) {
    let got = canonical(code, value, unit).expect(unit);
    assert!((got - expected).abs() <= 1e-9 * expected.abs().max(1.0), "{code} {value} {unit}: {got} is not {expected}");
}

#[test]
fn signal_numbers_are_their_index_and_names_are_unique() {
    for (index, number) in signals::NUMBERS.iter().enumerate() {
        assert_eq!(index, usize::from(*number));
    }
    let names: std::collections::BTreeSet<_> = SIGNALS.iter().map(|row| row.name).collect();
    assert_eq!(names.len(), SIGNALS.len());
    assert_eq!(by_name("Platelets"), Some(PLATELETS));
    assert_eq!(by_name("platelets"), None);
}

#[test]
fn loinc_check_digits_hold() {
    for (code, ..) in codes::LOINC.iter().map(|row| (row.0,)).chain(codes::OTHER_ANALYTES.iter().map(|row| (row.0,))) {
        let (digits, check) = code.split_once('-').expect(code);
        let sum: u32 = digits
            .bytes()
            .rev()
            .enumerate()
            .map(|(place, digit)| {
                let digit = u32::from(digit - b'0') * if place % 2 == 0 { 2 } else { 1 };
                digit / 10 + digit % 10
            })
            .sum();
        assert_eq!(check, ((10 - sum % 10) % 10).to_string(), "{code}");
    }
}

#[test]
fn a_code_means_one_signal_and_a_spelling_one_unit_per_signal() {
    let catalogue = catalogue();
    assert_eq!(catalogue.loinc.iter().count(), codes::LOINC.len());
    let mut lists: Vec<&[Accept]> = SIGNALS.iter().map(|row| row.accepts).collect();
    lists.extend(codes::LOINC.iter().filter_map(|row| row.2));
    for accepts in lists {
        for (spelling, units) in catalogue.exact.iter().chain(catalogue.folded.iter()) {
            let matching = accepts.iter().filter(|(unit, _)| units.contains(unit)).count();
            assert!(matching <= 1, "{} is ambiguous", String::from_utf8_lossy(spelling));
        }
    }
    for (spelling, _) in catalogue.folded.iter() {
        assert!(spelling.len() <= SPELLING_BYTES_MAX);
        assert_eq!(spelling.to_ascii_lowercase(), *spelling);
    }
}

#[test]
fn canonical_units_are_accepted_unchanged() {
    let catalogue = catalogue();
    for row in SIGNALS.iter().filter(|row| !row.unit.is_empty()) {
        let conversion = catalogue.conversion(row.accepts, row.unit.as_bytes()).expect(row.name);
        assert_eq!(conversion.apply(1.25), 1.25, "{}", row.name);
    }
}

#[test]
fn units_convert_as_the_reference_says() {
    near("8310-5", 98.6, "[degF]", 37.0);
    near("8310-5", 310.15, "K", 37.0);
    near("8310-5", 37.5, "C", 37.5);
    near("8480-6", 16.0, "kPa", 120.00992);
    near("19891-1", 5.0, "%", 35.65);
    near("3150-0", 40.0, "%", 0.4);
    near("3150-0", 0.5, "1", 0.5);
    near("22664-7", 5.0, "mmol/L", 14.005);
    near("17861-6", 2.4, "mmol/L", 9.6192);
    near("14682-9", 88.42, "umol/L", 1.0);
    near("14682-9", 88.42, "µmol/L", 1.0);
    near("1975-2", 17.104, "umol/L", 1.0);
    near("14749-6", 5.0, "mmol/l", 90.08);
    near("32693-4", 18.016, "mg/dL", 2.0);
    near("2601-3", 1.0, "mmol/L", 2.4305);
    near("14879-1", 1.0, "mmol/L", 3.0974);
    near("10839-9", 40.0, "ng/L", 0.04);
    near("4544-3", 0.41, "L/L", 41.0);
    near("718-7", 140.0, "g/L", 14.0);
    near("718-7", 8.0, "mmol/L", 12.8912);
    near("6690-2", 7.5, "x10E3/uL", 7.5);
    near("6690-2", 7500.0, "/mm3", 7.5);
    near("777-3", 250.0, "G/L", 250.0);
    near("3255-7", 3.0, "g/L", 300.0);
    near("1963-8", 24.0, "mEq/L", 24.0);
    near("3151-8", 2.0, "L/min", 1.0);
    near("3151-8", 0.0, "L/min", 0.0);
}

#[test]
fn no_unit_no_value() {
    assert_eq!(canonical("8867-4", 80.0, ""), Err(Code::MissingUnit));
    assert_eq!(canonical("3150-0", 0.5, ""), Err(Code::MissingUnit));
    assert_eq!(canonical("8867-4", 80.0, "kPa"), Err(Code::UnknownUnit));
    assert_eq!(canonical("3094-0", 5.0, "mmol/L"), Err(Code::UnknownUnit));
    assert_eq!(canonical("22664-7", 30.0, "mg/dL"), Err(Code::UnknownUnit));
    assert_eq!(canonical("17861-6", 9.0, "MMOL/l"), Err(Code::UnknownUnit));
    assert_eq!(canonical("11558-4", 7.4, ""), Ok(7.4));
    assert_eq!(canonical("9269-2", 15.0, ""), Ok(15.0));
    assert_eq!(canonical("9269-2", 14.5, ""), Err(Code::BadDataType));
}

#[test]
fn impossible_values_are_refused_not_clipped() {
    assert_eq!(canonical("3150-0", 20.0, "%"), Err(Code::Implausible));
    assert_eq!(canonical("3150-0", 0.4, "%"), Err(Code::Implausible));
    assert_eq!(canonical("3150-0", 40.0, "1"), Err(Code::Implausible));
    assert_eq!(canonical("4544-3", 0.41, "%"), Err(Code::Implausible));
    assert_eq!(canonical("17861-6", 1.2, "mg/dL"), Err(Code::Implausible));
    assert_eq!(canonical("8867-4", -1.0, "/min"), Err(Code::Implausible));
    assert_eq!(canonical("8867-4", f64::NAN, "/min"), Err(Code::Implausible));
    assert_eq!(canonical("8867-4", f64::INFINITY, "/min"), Err(Code::Implausible));
    assert_eq!(canonical("3151-8", -2.0, "L/min"), Err(Code::Implausible));
    assert_eq!(canonical("2708-6", 100.0, "%"), Ok(100.0));
}

#[test]
fn codes_are_read_by_their_system_only() {
    let catalogue = catalogue();
    let signal = |system: &str, code: &str, text: &str| {
        catalogue.meaning("", system.as_bytes(), code.as_bytes(), text.as_bytes()).map(|meaning| meaning.signal)
    };
    assert_eq!(signal("LN", "8867-4", ""), Some(HR));
    assert_eq!(signal("2.16.840.1.113883.6.1", "8867-4", ""), Some(HR));
    assert_eq!(signal("", "8867-4", ""), Some(HR));
    assert_eq!(signal("L", "8867-4", ""), None);
    assert_eq!(signal("", "147842", ""), None);
    assert_eq!(signal("MDC", "147842", ""), Some(HR));
    assert_eq!(signal("MDC", "MDC_ECG_HEART_RATE", ""), Some(HR));
    assert_eq!(signal("MDC", "tt-0005-05", "MDC_PRESS_BLD_NONINV_SYS"), Some(SBP));
    assert_eq!(signal("MDC", "999999", "MDC_PRESS_BLD_NONINV_SYS"), None);
    assert_eq!(signal("", "HR", ""), None);
    assert_eq!(catalogue.device_meaning("", b"", b"HR").map(|meaning| meaning.signal), Some(HR));
    assert_eq!(catalogue.device_meaning("", b"", b"147842").map(|meaning| meaning.signal), Some(HR));
    assert!(catalogue.device_meaning("", b"L", b"HR").is_none());
    assert!(catalogue.other_analyte(b"1994-3").is_some());
    assert!(signal("LN", "1994-3", "").is_none());
    assert!(signal("LN", "89579-7", "").is_none());
}

#[test]
fn a_sites_code_map_wins_and_can_fix_the_unit() {
    let entry = |code: &str, principal: Option<&str>, signal: &str, unit: Option<&str>| SiteCode {
        code: code.into(),
        system: None,
        principal: principal.map(Into::into),
        signal: signal.into(),
        unit: unit.map(Into::into),
    };
    let catalogue = Catalogue::new(&[
        entry("0002-4182", None, "HR", Some("/min")),
        entry("X", None, "Temp", None),
        entry("X", Some("icu"), "Temp", Some("F")),
    ])
    .expect("valid map");
    let hr = catalogue.meaning("any", b"MDIL", b"0002-4182", b"HR").expect("mapped");
    assert_eq!(hr.canonical(&catalogue, 61.0, b"nonsense").ok(), Some(61.0));
    let icu = catalogue.meaning("icu", b"", b"X", b"").expect("mapped");
    assert!((icu.canonical(&catalogue, 98.6, b"").expect("fixed") - 37.0).abs() < 1e-9);
    let other = catalogue.meaning("lab", b"", b"X", b"").expect("mapped");
    assert_eq!(other.canonical(&catalogue, 37.0, b"").map_err(|refusal| refusal.code), Err(Code::MissingUnit));
    assert!(Catalogue::new(&[entry("Y", None, "Nope", None)]).is_err());
    assert!(Catalogue::new(&[entry("Y", None, "HR", Some("kPa"))]).is_err());
}

#[test]
fn coded_answers_are_listed_words_only() {
    assert_eq!(answer(Kind::Consciousness, b"LA9340-6"), Some(0.0));
    assert_eq!(answer(Kind::Consciousness, b"c"), Some(1.0));
    assert_eq!(answer(Kind::Consciousness, b"VOICE"), Some(2.0));
    assert_eq!(answer(Kind::Consciousness, b"sleepy"), None);
    assert_eq!(answer(Kind::Oxygen, b"Y"), Some(1.0));
    assert_eq!(answer(Kind::Quantity, b"A"), None);
}
