use super::*;

#[test]
fn an_observation_is_read_in_canonical_unit_and_time() {
    let out = oru(&[HR]);
    let hr = only(&out);
    assert_eq!(hr.signal, catalogue::HR);
    assert_eq!(hr.value, 80.0);
    assert_eq!(hr.status, Status::Final);
    assert_eq!(hr.observed_at_us, NOON_US - 30_000_000);
    assert_eq!(hr.subject, Subject::Patient(decoder().digest().patient("HOSP", "123")));
    let out = oru(&["OBX|1|NM|8310-5^^LN||98.6|[degF]|||||F"]);
    assert!((only(&out).value - 37.0).abs() < 1e-9);
    assert_eq!(only(&out).observed_at_us, NOON_US - 60_000_000, "OBR-7 stands in for OBX-14");
}

#[test]
fn value_types_say_what_they_say() {
    let value = |kind: &str, value: &str| {
        let out = oru(&[&format!("OBX|1|{kind}|2524-7^Lactate^LN||{value}|mmol/L|||||F")]);
        match codes(&out).first() {
            Some((_, code)) => Err(*code),
            None => Ok(only(&out).value),
        }
    };
    assert_eq!(value("NM", " 2.5 "), Ok(2.5));
    assert_eq!(value("ST", "2.5"), Ok(2.5));
    assert_eq!(value("SN", "^2.5"), Ok(2.5));
    assert_eq!(value("SN", "=^2.5"), Ok(2.5));
    for bound in ["<^0.3", ">^15", "<=^2", ">=^32", "<>^1", "^1^-^2", "^1^:^128", "^test"] {
        assert_eq!(value("SN", bound), Err(Code::BadDataType), "{bound}");
    }
    for text in ["<0.3", "2,5", "pending", "2.5~2.6", "1e1"] {
        assert_eq!(value("ST", text), Err(Code::BadDataType), "{text}");
    }
    assert_eq!(value("NM", "2^5"), Err(Code::BadDataType));
    assert_eq!(value("NM", "\"\""), Err(Code::MissingValue));
    assert_eq!(value("NM", ""), Err(Code::MissingValue));
    assert_eq!(value("SN", "="), Err(Code::MissingValue));
    assert_eq!(value("TS", "20260301"), Err(Code::BadDataType));
    assert_eq!(value("CWE", "2.5"), Err(Code::BadDataType));
    assert_eq!(value("", "2.5"), Err(Code::BadDataType));
}

#[test]
fn coded_consciousness_is_read_from_its_list_only() {
    let value = |kind: &str, value: &str| {
        let out = oru(&[&format!("OBX|1|{kind}|67775-7^ACVPU^LN||{value}||||||F")]);
        out.rejected.first().map_or_else(|| Ok(only(&out).value), |rejected| Err(rejected.refusal.code))
    };
    assert_eq!(value("CWE", "LA9340-6^Alert^LN"), Ok(0.0));
    assert_eq!(value("CE", "X1^local^L^LA6560-2^Confused^LN"), Ok(1.0));
    assert_eq!(value("CWE", "^Voice"), Ok(2.0));
    assert_eq!(value("ST", "P"), Ok(3.0));
    assert_eq!(value("IS", "U"), Ok(4.0));
    assert_eq!(value("CWE", "X1^Alert^L"), Err(Code::BadDataType));
    assert_eq!(value("NM", "0"), Err(Code::BadDataType));
    let oxygen = oru(&["OBX|1|NM|3151-8^Oxygen flow^LN||2|L/min|||||F"]);
    assert_eq!((only(&oxygen).signal, only(&oxygen).value), (catalogue::OXYGEN, 1.0));
}

#[test]
fn no_unit_no_value_and_the_refusal_names_the_unit() {
    assert_eq!(refused("OBX|1|NM|8867-4^HR^LN||80||||||F"), (Code::MissingUnit, "OBX^1^6".into()));
    assert_eq!(refused("OBX|1|NM|8867-4^HR^LN||80|furlong|||||F"), (Code::UnknownUnit, "OBX^1^6".into()));
    let out = oru(&["OBX|1|NM|8867-4^HR^LN||80|furlong|||||F"]);
    assert_eq!(out.rejected[0].refusal.detail, "HR in 'furlong'; accepted: /min");
    assert_eq!(refused("OBX|1|NM|8867-4^HR^LN||800|/min|||||F"), (Code::Implausible, "OBX^1^5".into()));
    assert_eq!(refused("OBX|1|NM|9999-9^?^LN||1|/min|||||F"), (Code::UnknownCode, "OBX^1^3".into()));
    assert_eq!(refused("OBX|1|NM|||1|/min|||||F"), (Code::UnknownCode, "OBX^1^3".into()));
    let ionised = oru(&["OBX|1|NM|1994-3^Ca ion^LN||1.2|mmol/L|||||F"]);
    assert!(ionised.rejected[0].refusal.detail.contains("another analyte"));
}

#[test]
fn units_are_read_through_escapes_alternates_and_reference_ids() {
    let value = |code: &str, unit: &str| {
        let out = oru(&[&format!("OBX|1|NM|{code}||7|{unit}|||||F")]);
        out.rejected.first().map_or_else(|| Ok(only(&out).value), |rejected| Err(rejected.refusal.code))
    };
    assert_eq!(value("6690-2^WBC^LN", "10\\S\\3/uL"), Ok(7.0));
    assert_eq!(value("6690-2^WBC^LN", "CD:289^x^L^10*3/uL^y^UCUM"), Ok(7.0));
    assert_eq!(value("9279-1^RR^LN", "264928^MDC_DIM_RESP_PER_MIN^MDC"), Ok(7.0));
    assert_eq!(value("9279-1^RR^LN", "x-1^MDC_DIM_RESP_PER_MIN^MDC"), Ok(7.0));
    assert_eq!(value("9279-1^RR^LN", "266016^MDC_DIM_RESP_PER_MIN^MDC"), Err(Code::UnknownUnit));
    assert_eq!(value("L1^x^L^9279-1^RR^LN", "/min"), Ok(7.0));
    assert_eq!(value("151562^MDC_RESP_RATE^MDC", "MDC_DIM_RESP_PER_MIN"), Ok(7.0));
}

#[test]
fn result_status_decides_what_becomes_of_a_value() {
    let with = |status: &str| oru(&[&HR.replace("|F|", &format!("|{status}|"))]);
    for (letters, status) in [("F U", Status::Final), ("P R S", Status::Preliminary), ("C", Status::Corrected)] {
        for letter in letters.split(' ') {
            assert_eq!(only(&with(letter)).status, status, "{letter}");
        }
    }
    assert_eq!(only(&with("")).status, Status::Final);
    assert_eq!(only(&with("C^corrected^HL70085")).status, Status::Corrected);
    for letter in ["D", "W"] {
        let out = with(letter);
        assert_eq!(only(&out).status, Status::Withdrawn);
        assert!(only(&out).value.is_nan());
    }
    for letter in ["X", "I", "N", "O"] {
        let out = with(letter);
        assert_eq!((out.events.len(), out.rejected.len(), out.skipped), (0, 0, 1), "{letter}");
    }
    assert_eq!(codes(&with("Q")), [(0, Code::BadDataType)]);
}

#[test]
fn header_rows_of_device_messages_are_skipped_and_counted() {
    let out = oru(&[
        "OBX|1||69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS^MDC|1.0.0.0|||||||X",
        "OBX|2||69798^MDC_DEV_ECG_VMD^MDC|1.1.0.0|",
        "OBX|3|NM|147842^MDC_ECG_HEART_RATE^MDC|1.1.1.1|80|264864^MDC_DIM_BEAT_PER_MIN^MDC|||||R",
    ]);
    assert_eq!(out.skipped, 2);
    assert_eq!((only(&out).ordinal, only(&out).status), (2, Status::Preliminary));
}

#[test]
fn one_bad_row_costs_no_other() {
    let out = oru(&[HR, "OBX|2|NM|9279-1^RR^LN||16|cm|||||F", "OBX|3|NM|9279-1^RR^LN||16|/min|||||F"]);
    assert_eq!(observations(&out).iter().map(|row| row.ordinal).collect::<Vec<_>>(), [0, 2]);
    assert_eq!(codes(&out), [(1, Code::UnknownUnit)]);
}

#[test]
fn times_outside_the_limits_or_missing_are_refused() {
    let at = |time: &str| oru(&[&format!("OBX|1|NM|8867-4^HR^LN||80|/min|||||F|||{time}")]);
    assert_eq!(codes(&at("20260301123501")), [(0, Code::FutureTime)]);
    assert_eq!(observations(&at("20260301123500")).len(), 1);
    assert_eq!(codes(&at("20250227123000")), [(0, Code::AncientTime)]);
    assert_eq!(codes(&at("20260301")), [(0, Code::BadTime)]);
    assert_eq!(codes(&at("yesterday")), [(0, Code::BadTime)]);
    let none = decode(&message(&[MSH, PID, "OBR|1", "OBX|1|NM|8867-4^HR^LN||80|/min|||||F"]));
    assert_eq!(codes(&none), [(0, Code::MissingTime)]);
    assert_eq!(none.rejected[0].refusal.location, "OBX^1^14");
}

#[test]
fn times_without_offset_are_in_the_sites_zone() {
    let config = DecodeConfig { timezone: "Europe/Berlin".into(), ..DecodeConfig::default() };
    let decoder = Decoder::new(config).expect("zone");
    let payload = message(&[MSH, PID, "OBX|1|NM|8867-4^HR^LN||80|/min|||||F|||20260301133000"]);
    let mut out = Decoded::default();
    decoder.decode(&frame(Source::Hl7Http, "", &payload), &mut out);
    assert_eq!(only(&out).observed_at_us, NOON_US);
}

#[test]
fn several_patients_and_orders_in_one_message_stay_apart() {
    let row = |n: u8| format!("OBX|{n}|NM|8867-4^HR^LN||8{n}|/min|||||F");
    let out = decode(&message(&[
        MSH,
        PID,
        OBR,
        &row(1),
        "OBR|2||||||20260301122800",
        &row(2),
        "PID|2||9^^^HOSP^MR",
        "OBR|1||||||20260301122700",
        &row(3),
        "PID|3",
        "PV1|1|I|ICU^1^7",
        &row(4),
    ]));
    let all = observations(&out);
    assert_eq!(all[0].subject, all[1].subject);
    assert_ne!(all[1].subject, all[2].subject);
    let minutes: Vec<i64> = all.iter().map(|row| (NOON_US - row.observed_at_us) / 60_000_000).collect();
    assert_eq!(minutes, [1, 2, 3]);
    assert_eq!(codes(&out), [(3, Code::MissingTime)], "a new patient does not inherit the last order's time");
}

#[test]
fn without_a_patient_the_bed_speaks_and_without_a_bed_nobody() {
    let obx = "OBX|1|NM|8867-4^HR^LN||80|/min|||||F|||20260301122930";
    let bed = |unit: &str, bed: &str| Subject::Bed(BedKey { unit: unit.into(), bed: bed.into() });
    assert_eq!(only(&decode(&message(&[MSH, "PV1|1|I|ICU^1^7", obx]))).subject, bed("ICU", "7"));
    assert_eq!(codes(&decode(&message(&[MSH, obx]))), [(0, Code::MissingPatient)]);
    assert_eq!(codes(&decode(&message(&[MSH, "PID|1||^^^HOSP", obx]))), [(0, Code::MissingPatient)]);
    let mut out = Decoded::default();
    decoder().decode(&frame(Source::Hl7Mqtt, "ICU/9", &message(&[MSH, obx])), &mut out);
    assert_eq!(only(&out).subject, bed("ICU", "9"));
    decoder().decode(&frame(Source::Hl7Mqtt, "ICU/9", &message(&[MSH, PID, obx])), &mut out);
    assert!(matches!(only(&out).subject, Subject::Patient(_)));
}

#[test]
fn p2_monitors_that_count_alike_are_told_apart_by_the_bed_of_their_topic() {
    let obx = "OBX|1|NM|8867-4^HR^LN||80|/min|||||F|||20260301122930";
    let id = |topic: &str, rows: &[&str]| {
        let mut out = Decoded::default();
        decoder().decode(&frame(Source::Hl7Mqtt, topic, &message(rows)), &mut out);
        out.message_id.expect("an id")
    };
    assert_ne!(id("ICU/7", &[MSH, obx]).id, id("ICU/8", &[MSH, obx]).id);
    assert_eq!(id("ICU/7", &[MSH, obx]), id("ICU/7", &[MSH, obx]));
    for named in [PID, "PV1|1|I|ICU^1^7"] {
        assert_eq!(id("ICU/7", &[MSH, named, obx]), id("ICU/8", &[MSH, named, obx]), "the message says whose it is: {named}");
    }
}

#[test]
fn a_sites_codes_reach_the_observations() {
    let code = SiteCode {
        code: "0002-4182".into(),
        system: Some("MDIL".into()),
        principal: None,
        signal: "HR".into(),
        unit: Some("bpm".into()),
    };
    let decoder = Decoder::new(DecodeConfig { codes: vec![code], ..DecodeConfig::default() }).expect("map");
    let payload = message(&[MSH, PID, OBR, "OBX|1|NM|0002-4182^HR^MDIL||61||||||F"]);
    let mut out = Decoded::default();
    decoder.decode(&frame(Source::Hl7Http, "", &payload), &mut out);
    assert_eq!(only(&out).value, 61.0);
}

#[test]
fn refusals_never_repeat_what_the_patient_fields_say() {
    let payload = message(&[
        MSH,
        PID,
        OBR,
        "OBX|1|ST|8867-4^HR^LN||Muster Eva 19600504|/min|||||F",
        "OBX|2|NM|8867-4^HR^LN||80|/min|||||F|||Muster",
    ]);
    let out = decode(&payload);
    assert_eq!(out.rejected.len(), 2);
    for secret in ["Muster", "Eva", "19600504", "123"] {
        assert!(!format!("{:?} {:?}", out.rejected, out.events).contains(secret), "{secret}");
    }
}

#[test]
fn p7_a_deletion_needs_no_value_and_a_correction_without_a_usable_one_withdraws_the_old() {
    for row in ["OBX|1||8867-4^^LN||||||||D", "OBX|1|NM|8867-4^^LN||\"\"||||||W", "OBX|1|NM|8867-4^^LN||\"\"|/min|||||C"] {
        let out = oru(&[row]);
        assert_eq!((only(&out).status, out.skipped), (Status::Withdrawn, 0), "{row}");
    }
    let places =
        [("999|/min", Code::Implausible, "5"), ("80|furlong", Code::UnknownUnit, "6"), ("high|/min", Code::BadDataType, "5")];
    for (value, code, field) in places {
        let out = oru(&[&format!("OBX|1|NM|8867-4^^LN||{value}|||||C")]);
        assert_eq!(codes(&out), [(0, code)], "{value}");
        assert_eq!(out.rejected[0].refusal.location, format!("OBX^1^{field}"));
        assert_eq!(observations(&out).iter().map(|row| row.status).collect::<Vec<_>>(), [Status::Withdrawn], "{value}");
        assert!(oru(&[&format!("OBX|1|NM|8867-4^^LN||{value}|||||F")]).events.is_empty());
    }
}
