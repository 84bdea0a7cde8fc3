use bytes::Bytes;

use super::*;
use crate::decode::catalogue;
use crate::receive::{Frame, Source};

/// 2026-03-01T12:30:00Z.
const NOON_US: i64 = 1_772_368_200_000_000;

fn decode_from(source: Source, context: &str, payload: &str) -> Decoded {
    let decoder = Decoder::new(DecodeConfig::default()).expect("default settings");
    let frame = Frame {
        source,
        principal: "key-1".into(),
        context: context.into(),
        received_at_us: NOON_US,
        payload: Bytes::copy_from_slice(payload.as_bytes()),
    };
    let mut out = Decoded::default();
    decoder.decode(&frame, &mut out);
    out
}

fn at_bed(observation: &str) -> Decoded {
    let payload = format!("{{\"time\":\"2026-03-01T12:29:00Z\",\"observations\":[{observation}]}}");
    decode_from(Source::JsonMqtt, "ICU/7", &payload)
}

fn value(observation: &str) -> Result<f64, Code> {
    let out = at_bed(observation);
    match (out.events.as_slice(), out.rejected.as_slice()) {
        ([Event::Observation(row)], []) => Ok(row.value),
        ([], [rejected]) => Err(rejected.refusal.code),
        other => panic!("{other:?}"),
    }
}

#[test]
fn codes_of_every_kind_name_their_signal() {
    for code in ["\"8867-4\"", "\"147842\"", "147842", "\"MDC_ECG_HEART_RATE\"", "\"HR\""] {
        let out = at_bed(&format!("{{\"code\":{code},\"value\":80,\"unit\":\"/min\"}}"));
        let [Event::Observation(row)] = out.events.as_slice() else { panic!("{code} {:?}", out.rejected) };
        assert_eq!((row.signal, row.value, row.status), (catalogue::HR, 80.0, Status::Final), "{code}");
        assert_eq!(row.subject, Subject::Bed(BedKey { unit: "ICU".into(), bed: "7".into() }));
        assert_eq!(row.observed_at_us, NOON_US - 60_000_000);
    }
    assert_eq!(value("{\"code\":\"HR\",\"system\":\"L\",\"value\":80,\"unit\":\"/min\"}"), Err(Code::UnknownCode));
    assert_eq!(value("{\"code\":\"8867-4\",\"system\":\"http://loinc.org\",\"value\":80,\"unit\":\"/min\"}"), Ok(80.0));
    assert_eq!(value("{\"value\":80,\"unit\":\"/min\"}"), Err(Code::UnknownCode));
    assert_eq!(value("{\"code\":[],\"value\":80,\"unit\":\"/min\"}"), Err(Code::BadDataType));
}

#[test]
fn values_are_numbers_with_units_or_listed_answers() {
    assert_eq!(value("{\"code\":\"Temp\",\"value\":36.6,\"unit\":\"Cel\"}"), Ok(36.6));
    assert_eq!(value("{\"code\":\"Temp\",\"value\":3.66e1,\"unit\":\"C\"}"), Ok(36.6));
    assert_eq!(value("{\"code\":\"Temp\",\"value\":36.6}"), Err(Code::MissingUnit));
    assert_eq!(value("{\"code\":\"Temp\",\"value\":36.6,\"unit\":\"warm\"}"), Err(Code::UnknownUnit));
    assert_eq!(value("{\"code\":\"Temp\",\"value\":366,\"unit\":\"Cel\"}"), Err(Code::Implausible));
    assert_eq!(value("{\"code\":\"Temp\",\"value\":\"36.6\",\"unit\":\"Cel\"}"), Err(Code::BadDataType));
    assert_eq!(value("{\"code\":\"Temp\",\"value\":null,\"unit\":\"Cel\"}"), Err(Code::MissingValue));
    assert_eq!(value("{\"code\":\"Temp\",\"unit\":\"Cel\"}"), Err(Code::MissingValue));
    assert_eq!(value("{\"code\":\"Temp\",\"value\":{},\"unit\":\"Cel\"}"), Err(Code::BadDataType));
    assert_eq!(value("{\"code\":\"Temp\",\"value\":1e999,\"unit\":\"Cel\"}"), Err(Code::Implausible));
    assert_eq!(value("{\"code\":\"Consciousness\",\"value\":\"V\"}"), Ok(2.0));
    assert_eq!(value("{\"code\":\"Consciousness\",\"value\":\"\\u0043\"}"), Ok(1.0));
    assert_eq!(value("{\"code\":\"Consciousness\",\"value\":2}"), Err(Code::BadDataType));
    assert_eq!(value("{\"code\":\"Oxygen\",\"value\":true}"), Ok(1.0));
    assert_eq!(value("{\"code\":\"Oxygen\",\"value\":4,\"unit\":\"L/min\"}"), Ok(1.0));
}

#[test]
fn times_are_rfc3339_or_epoch_milliseconds() {
    let at = |time: &str| value(&format!("{{\"code\":\"HR\",\"value\":80,\"unit\":\"bpm\",\"time\":{time}}}"));
    assert_eq!(at("\"2026-03-01T13:29:59.5+01:00\""), Ok(80.0));
    assert_eq!(at("1772368199000"), Ok(80.0));
    for bad in ["\"2026-03-01T12:29:00\"", "1772368199.5", "true", "\"now\"", "9223372036854775807"] {
        assert_eq!(at(bad), Err(Code::BadTime), "{bad}");
    }
    assert_eq!(at("1772369000000"), Err(Code::FutureTime));
    assert_eq!(at("0"), Err(Code::AncientTime));
    let none = decode_from(Source::JsonMqtt, "ICU/7", "{\"observations\":[{\"code\":\"HR\",\"value\":80,\"unit\":\"bpm\"}]}");
    assert_eq!(none.rejected[0].refusal.code, Code::MissingTime);
}

#[test]
fn the_subject_is_said_by_patient_then_bed_then_topic() {
    let rows = "\"time\":\"2026-03-01T12:29:00Z\",\"observations\":[{\"code\":\"HR\",\"value\":80,\"unit\":\"bpm\"}]";
    let subject = |source: Source, context: &str, extra: &str| {
        let out = decode_from(source, context, &format!("{{{extra}{rows}}}"));
        match (out.events.first(), out.rejected.first()) {
            (Some(Event::Observation(row)), None) => Ok(row.subject.clone()),
            (None, Some(rejected)) => Err(rejected.refusal.code),
            other => panic!("{other:?}"),
        }
    };
    let patient = "\"patient\":{\"authority\":\"HOSP\",\"identifier\":\"123\"},";
    let bed = "\"bed\":{\"unit\":\"ICU\",\"bed\":\"8\"},";
    let known = Decoder::new(DecodeConfig::default()).expect("settings").digest().patient("HOSP", "123");
    assert_eq!(subject(Source::JsonHttp, "", patient), Ok(Subject::Patient(known)));
    assert_eq!(subject(Source::JsonHttp, "", bed), Ok(Subject::Bed(BedKey { unit: "ICU".into(), bed: "8".into() })));
    assert_eq!(subject(Source::JsonHttp, "", ""), Err(Code::MissingPatient));
    assert_eq!(subject(Source::JsonMqtt, "ICU/8", bed), Ok(Subject::Bed(BedKey { unit: "ICU".into(), bed: "8".into() })));
    assert_eq!(subject(Source::JsonMqtt, "ICU/7", bed), Err(Code::BadDataType));
}

#[test]
fn statuses_follow_obx_11_and_fhir() {
    let status = |status: &str| {
        let out = at_bed(&format!("{{\"code\":\"HR\",\"value\":80,\"unit\":\"bpm\",\"status\":{status}}}"));
        match out.events.first() {
            Some(Event::Observation(row)) => Some(row.status),
            _ => {
                assert_eq!(out.skipped as usize + out.rejected.len(), 1);
                None
            }
        }
    };
    assert_eq!(status("\"R\""), Some(Status::Preliminary));
    assert_eq!(status("\"corrected\""), Some(Status::Corrected));
    assert_eq!(status("\"entered-in-error\""), Some(Status::Withdrawn));
    assert_eq!(status("\"X\""), None);
    assert_eq!(status("\"sort of\""), None);
}

#[test]
fn one_wrong_observation_costs_no_other_and_keeps_its_index() {
    let payload = "[{\"bed\":{\"unit\":\"A\",\"bed\":\"1\"},\"time\":1772368199000,\"extra\":[1,{}],\"observations\":[\
        {\"code\":\"HR\",\"value\":80,\"unit\":\"bpm\"},{\"code\":\"nope\",\"value\":1}]},\
        {\"bed\":{\"unit\":\"A\",\"bed\":\"2\"},\"time\":1772368199000,\"observations\":[{\"code\":\"HR\",\"value\":90,\"unit\":\"bpm\"}]}]";
    let out = decode_from(Source::JsonHttp, "", payload);
    let ordinals: Vec<u32> = out
        .events
        .iter()
        .map(|event| match event {
            Event::Observation(row) => row.ordinal,
            Event::Encounter(_) => 99,
        })
        .collect();
    assert_eq!(ordinals, [0, 2]);
    assert_eq!(
        out.rejected.iter().map(|rejected| (rejected.ordinal, rejected.refusal.code)).collect::<Vec<_>>(),
        [(1, Code::UnknownCode)]
    );
}

#[test]
fn a_message_id_holds_for_its_device_and_content() {
    let id = |extra: &str, value: u8| {
        let payload = format!(
            "{{{extra}\"time\":1772368199000,\"observations\":[{{\"code\":\"HR\",\"value\":{value},\"unit\":\"bpm\"}}]}}"
        );
        decode_from(Source::JsonMqtt, "ICU/7", &payload).message_id
    };
    assert_eq!(id("\"id\":\"1\",", 80), id("\"id\":\"1\",", 80));
    assert_eq!(id("\"id\":\"1\",", 80).map(|id| id.id), id("\"id\":\"1\",", 81).map(|id| id.id));
    assert_ne!(id("\"id\":\"1\",", 80), id("\"id\":\"1\",", 81));
    assert_ne!(id("\"id\":\"1\",", 80), id("\"id\":\"1\",\"device\":\"x\",", 80));
}

#[test]
fn p2_a_body_without_an_id_is_known_by_its_bytes_and_its_bed() {
    let named = |context: &str, about: &str, value: u8| {
        let observation = format!("{{\"code\":\"HR\",\"value\":{value},\"unit\":\"bpm\"}}");
        let payload = format!("{{{about}\"time\":1772368199000,\"observations\":[{observation}]}}");
        decode_from(Source::JsonMqtt, context, &payload).message_id
    };
    let id = |context: &str, value: u8| named(context, "", value);
    assert!(id("ICU/7", 80).is_some());
    assert_eq!(id("ICU/7", 80), id("ICU/7", 80));
    assert_ne!(id("ICU/7", 80).map(|id| id.id), id("ICU/8", 80).map(|id| id.id));
    let blank = "\"patient\":{\"identifier\":\"\"},";
    assert_ne!(named("ICU/7", blank, 80).map(|id| id.id), named("ICU/8", blank, 80).map(|id| id.id), "a blank names nobody");
    assert_ne!(id("ICU/7", 80).map(|id| id.id), id("ICU/7", 81).map(|id| id.id), "other bytes are another message");
}

#[test]
fn p2_the_same_bytes_are_the_same_message_through_every_door() {
    let row = "\"time\":1772368199000,\"observations\":[{\"code\":\"HR\",\"value\":80,\"unit\":\"bpm\"}]";
    for about in ["\"patient\":{\"identifier\":\"1\"}", "\"bed\":{\"unit\":\"ICU\",\"bed\":\"7\"}"] {
        for id in ["", "\"id\":\"1\",", "\"id\":\"1\",\"device\":\"x\","] {
            let payload = format!("{{{id}{about},{row}}}");
            let http = decode_from(Source::JsonHttp, "", &payload).message_id;
            assert_eq!(http, decode_from(Source::JsonMqtt, "ICU/7", &payload).message_id, "{payload}");
        }
    }
}

#[test]
fn p2_monitors_that_share_a_key_and_count_alike_are_told_apart_by_their_beds() {
    let id = |context: &str, about: &str| {
        let row = "\"time\":1772368199000,\"observations\":[{\"code\":\"HR\",\"value\":80,\"unit\":\"bpm\"}]";
        let payload = format!("{{\"id\":\"1\",{about}{row}}}");
        decode_from(Source::JsonMqtt, context, &payload).message_id.map(|id| id.id)
    };
    let blanks = [
        "\"patient\":{\"identifier\":\" \"},",
        "\"bed\":{\"unit\":\"\",\"bed\":\"\"},",
        "\"bed\":{\"unit\":\"ICU\",\"bed\":\"\"},",
    ];
    for about in [""].into_iter().chain(blanks) {
        assert_ne!(id("ICU/7", about), id("ICU/8", about), "{about}");
    }
    assert_eq!(id("ICU/7", "\"device\":\"x\","), id("ICU/8", "\"device\":\"x\","), "a device may be carried elsewhere");
}

#[test]
fn p2_the_key_of_a_request_names_a_body_without_ids() {
    let id = |key: &str, ids: &str, value: u8| {
        let payload = format!(
            "{{{ids}\"patient\":{{\"identifier\":\"1\"}},\"time\":1772368199000,\"observations\":[{{\"code\":\"HR\",\"value\":{value},\"unit\":\"bpm\"}}]}}"
        );
        decode_from(Source::JsonHttp, key, &payload).message_id
    };
    assert_eq!(id("k", "", 80).map(|id| id.id), id("k", "", 81).map(|id| id.id));
    assert_ne!(id("k", "", 80), id("k", "", 81));
    assert_ne!(id("k", "", 80).map(|id| id.id), id("l", "", 80).map(|id| id.id));
    assert_eq!(id("k", "\"id\":\"1\",", 80), id("", "\"id\":\"1\",", 80), "ids of its own win: they cross doors");
}

#[test]
fn what_is_not_the_schema_is_refused_whole() {
    let refused = |payload: &str| screen(payload.as_bytes(), &DecodeConfig::default()).map_err(|refusal| refusal.code);
    for bad in [
        "",
        "x",
        "[",
        "{}",
        "{\"observations\":3}",
        "{\"observations\":[3]}",
        "[[]]",
        "{\"observations\":[]} x",
        "null",
        "{\"observations\":[{\"code\":\"HR\",\"code\":\"HR\"}]}",
        "{\"id\":1,\"observations\":[{}]}",
    ] {
        assert_eq!(refused(bad), Err(Code::Malformed), "{bad}");
    }
    for empty in ["[]", "{\"observations\":[]}"] {
        assert_eq!(refused(empty), Err(Code::MissingField), "{empty}");
    }
    assert_eq!(refused(&"[".repeat(100_000)), Err(Code::Malformed));
    assert_eq!(refused(&format!("{{\"observations\":[{}{{}}]}}", "{},".repeat(10_000))), Err(Code::TooManyParts));
    assert_eq!(screen(b"\xff", &DecodeConfig::default()).map_err(|refusal| refusal.code), Err(Code::Malformed));
    assert_eq!(
        screen(&vec![b' '; (1 << 20) + 1], &DecodeConfig::default()).map_err(|refusal| refusal.code),
        Err(Code::TooLarge)
    );
}

#[test]
fn a_body_cut_at_any_byte_is_refused_whole() {
    let payload = "{\"time\":1772368199000,\"observations\":[{\"code\":\"HR\",\"value\":80,\"unit\":\"bpm\"}]}";
    for end in 0..payload.len() {
        let out = decode_from(Source::JsonMqtt, "ICU/7", &payload[..end]);
        assert_eq!((out.events.len(), out.rejected.len()), (0, 1), "{end}");
    }
}

proptest::proptest! {
    #[test]
    fn no_bytes_panic(payload: Vec<u8>) {
        let _ = screen(&payload, &DecodeConfig::default());
    }

    #[test]
    fn any_number_reads_as_the_standard_library_reads_it(value in 0.0f64..350.0) {
        let out = at_bed(&format!("{{\"code\":\"HR\",\"value\":{value},\"unit\":\"bpm\"}}"));
        let read = out.events.iter().find_map(|event| match event { Event::Observation(row) => Some(row.value), Event::Encounter(_) => None });
        proptest::prop_assert_eq!(read, Some(value));
    }
}

#[test]
fn with_recorded_time_the_newest_observation_gives_the_frames_time() {
    let config = DecodeConfig { recorded_time: true, ..DecodeConfig::default() };
    let decoder = Decoder::new(config).expect("settings");
    let at = |payload: &str| {
        let frame = Frame {
            source: Source::JsonMqtt,
            principal: "key-1".into(),
            context: "ICU/7".into(),
            received_at_us: NOON_US,
            payload: Bytes::copy_from_slice(payload.as_bytes()),
        };
        let mut out = Decoded::default();
        decoder.decode(&frame, &mut out);
        (out.at_us, out.events.len(), out.rejected.iter().map(|one| one.refusal.code).collect::<Vec<_>>())
    };
    let hr = r#""code":"HR","value":80,"unit":"/min""#;
    let two = format!(r#"{{"time":"2019-03-01T12:00:00Z","observations":[{{{hr},"time":1551441600000}},{{{hr}}}]}}"#);
    assert_eq!(at(&two), (1_551_441_600_000_000, 2, vec![]));
    let ahead = format!(r#"{{"time":"2026-03-02T12:00:00Z","observations":[{{{hr}}}]}}"#);
    assert_eq!(at(&ahead), (NOON_US, 0, vec![Code::FutureTime]));
    let none = format!(r#"{{"observations":[{{{hr}}}]}}"#);
    assert_eq!(at(&none), (NOON_US, 0, vec![Code::MissingTime]));
}

#[test]
fn p7_a_correction_without_a_usable_value_withdraws_the_old_one_and_is_rejected() {
    for rest in [r#""value":80,"unit":"furlong""#, r#""value":null"#, r#""value":"80","unit":"bpm""#] {
        let out = at_bed(&format!("{{\"code\":\"HR\",{rest},\"status\":\"corrected\"}}"));
        assert_eq!(out.rejected.len(), 1, "{rest}");
        assert!(matches!(out.events.as_slice(), [Event::Observation(row)] if row.status == Status::Withdrawn), "{rest}");
    }
    let out = at_bed(r#"{"code":"HR","status":"withdrawn"}"#);
    assert!(out.rejected.is_empty() && out.events.len() == 1);
}

#[test]
fn p7_fields_by_position_are_no_message() {
    for body in [
        "[[\"id\",\"device\",null,null,\"2026-03-01T12:29:00Z\",[]]]",
        "{\"observations\":[[]]}",
        "{\"observations\":[{}],\"patient\":[\"HOSP\",\"1\"]}",
        "{\"observations\":[{}],\"bed\":[\"ICU\",\"1\"]}",
    ] {
        let out = decode_from(Source::JsonHttp, "", body);
        let codes: Vec<Code> = out.rejected.iter().map(|rejected| rejected.refusal.code).collect();
        assert_eq!((out.events.len(), codes.as_slice()), (0, [Code::Malformed].as_slice()), "{body}");
    }
}

#[test]
fn p5_more_objects_or_observations_than_the_limit_are_refused_wherever_the_braces_stand() {
    let config = DecodeConfig {
        limits: crate::limits::Limits { frame_observations_max: 3, ..Default::default() },
        ..Default::default()
    };
    let code = |body: String| screen(body.as_bytes(), &config).map_err(|refusal| refusal.code);
    let object = |items: usize| {
        format!("{{\"note\":\"{{{{{{{{\",\"x\":[{{}},{{}}],\"observations\":[{}]}}", vec!["{}"; items].join(","))
    };
    assert_eq!(code(object(3)), Ok(3));
    assert_eq!(code(object(4)), Err(Code::TooManyParts));
    assert_eq!(code(format!("[{},{}]", object(1), object(2))), Ok(3));
    assert_eq!(code(format!("[{},{}]", object(2), object(2))), Err(Code::TooManyParts));
    assert_eq!(code(format!("[{}]", vec![object(0); 4].join(","))), Err(Code::TooManyParts));
}

#[test]
fn p2_a_body_is_named_as_in_every_release_before_since_names_are_stored() {
    let config = DecodeConfig { site_key: crate::decode::SiteKey([7; 32]), ..DecodeConfig::default() };
    let decoder = Decoder::new(config).expect("settings");
    let names = [
        (1, 18_426_837_621_718_988_878, 11_235_217_247_364_924_211),
        (41, 9_253_731_390_474_387_611, 18_121_156_832_996_477_796),
    ];
    for (length, id, content) in names {
        let own = "a".repeat(length);
        let payload = format!(
            r#"{{"id":"{own}","device":"d","time":1772368200000,"observations":[{{"code":"8867-4","value":80,"unit":"/min"}}]}}"#
        );
        let (principal, context) = ("gw".into(), "ICU/7".into());
        let frame =
            Frame { source: Source::JsonMqtt, principal, context, received_at_us: NOON_US, payload: Bytes::from(payload) };
        let mut out = Decoded::default();
        decoder.decode(&frame, &mut out);
        assert_eq!(out.message_id, Some(MessageId { id, content }));
    }
}
