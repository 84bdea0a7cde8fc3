use super::*;
use crate::decode::SiteKey;

#[test]
fn line_ends_framing_and_delimiters_change_nothing() {
    let plain = message(&[MSH, PID, OBR, HR]);
    let expected = decode(&plain).events;
    for ends in ["\n", "\r\n", "\r\r\n"] {
        assert_eq!(decode(&plain.replace('\r', ends)).events, expected);
    }
    assert_eq!(decode(&format!("\x0b{plain}\r\x1c\r")).events, expected);
    assert_eq!(decode(&format!("\u{FEFF}{plain}\r")).events, expected);
    let odd: String = plain
        .chars()
        .map(|c| match c {
            '|' => '#',
            '^' => '!',
            '~' => '@',
            '\\' => '%',
            '&' => '*',
            c => c,
        })
        .collect();
    assert_eq!(decode(&odd).events, expected);
}

#[test]
fn the_envelope_is_refused_with_its_place() {
    let screen = |msh: &str| {
        let payload = message(&[msh, PID, HR]);
        hl7::screen(payload.as_bytes(), "", &DecodeConfig::default()).map_err(|refusal| (refusal.code, refusal.location))
    };
    let with = |from: &str, to: &str| screen(&MSH.replace(from, to));
    let refusal = |code: Code, place: &str| Err((code, place.to_owned()));
    assert_eq!(screen(MSH), Ok(()));
    for version in ["2.3", "2.3.1", "2.4", "2.5", "2.6", "2.7.1", "2.8", "2.8.2", "2.5.1^USA"] {
        assert_eq!(with("2.5.1", version), Ok(()), "{version}");
    }
    for version in ["2.2", "2.9", "3", "2.5.2", "2.3.z"] {
        assert_eq!(with("2.5.1", version), refusal(Code::UnsupportedVersion, "MSH^1^12"), "{version}");
    }
    assert_eq!(with("|2.5.1", ""), refusal(Code::MissingField, "MSH^1^12"));
    assert_eq!(with("ORU^R01^ORU_R01", "SIU^S12"), refusal(Code::UnsupportedType, "MSH^1^9^1^1"));
    assert_eq!(with("ORU^R01^ORU_R01", ""), refusal(Code::MissingField, "MSH^1^9^1^1"));
    assert_eq!(with("ORU^R01^ORU_R01", "ADT^A28"), refusal(Code::UnsupportedEvent, "MSH^1^9^1^2"));
    assert_eq!(with("ORU^R01^ORU_R01", "ORU"), refusal(Code::MissingField, "MSH^1^9^1^2"));
    assert_eq!(with("|M1|", "||"), refusal(Code::MissingField, "MSH^1^10"));
    assert_eq!(with("|M1|", &format!("|{}|", "x".repeat(200))), refusal(Code::Malformed, "MSH^1^10"));
    assert_eq!(with("|P|", "|Q|"), refusal(Code::ProcessingId, "MSH^1^11"));
    assert_eq!(with("|P|", "||"), refusal(Code::MissingField, "MSH^1^11"));
    assert_eq!(with("|P|", "|T^A|"), Ok(()));
    assert_eq!(with("^~\\&", "^~\\"), refusal(Code::Malformed, "MSH^1^2"));
    assert_eq!(screen("PID|1"), refusal(Code::Malformed, "MSH"));
    assert_eq!(screen(""), refusal(Code::Malformed, "MSH"));
    assert_eq!(screen(&format!("{MSH}||||||EBCDIC")), refusal(Code::UnsupportedCharset, "MSH^1^18"));
}

#[test]
fn a_site_may_restrict_the_processing_ids() {
    let config = DecodeConfig { processing_ids: vec!["P".into(), String::new()], ..DecodeConfig::default() };
    let screen = |msh: String| hl7::screen(msh.as_bytes(), "", &config).map_err(|refusal| refusal.code);
    assert_eq!(screen(MSH.to_owned()), Ok(()));
    assert_eq!(screen(MSH.replace("|P|", "||")), Ok(()));
    assert_eq!(screen(MSH.replace("|P|", "|T|")), Err(Code::ProcessingId));
}

#[test]
fn what_is_too_large_or_broken_is_refused_whole() {
    let limits = Limits { hl7_segments_max: 5, frame_observations_max: 2, frame_bytes_max: 600, ..Limits::default() };
    let config = DecodeConfig { limits, ..DecodeConfig::default() };
    let screen = |segments: &[&str]| hl7::screen(message(segments).as_bytes(), "", &config).map_err(|refusal| refusal.code);
    assert_eq!(screen(&[MSH, PID, OBR, HR, HR]), Ok(()));
    assert_eq!(screen(&[MSH, HR, HR, HR]), Err(Code::TooManyParts));
    assert_eq!(screen(&[MSH, "NTE|1", "NTE|2", "NTE|3", "NTE|4", "NTE|5"]), Err(Code::TooManyParts));
    assert_eq!(screen(&[MSH, &format!("NTE|{}", "x".repeat(600))]), Err(Code::TooLarge));
    assert_eq!(screen(&[MSH, "spilled text"]), Err(Code::Malformed));
    assert_eq!(screen(&[MSH, PID, MSH]), Err(Code::Malformed));
    let mebibyte = vec![b'x'; (1 << 20) + 1];
    let refusal = hl7::screen(&mebibyte, "", &DecodeConfig::default()).map_err(|refusal| refusal.code);
    assert_eq!(refusal, Err(Code::TooLarge));
}

#[test]
fn a_frame_that_is_nothing_gives_one_dead_letter() {
    for payload in ["", "x", "MSH", "MSH|", "{}", "\u{0}"] {
        let out = decode(payload);
        assert_eq!((out.events.len(), out.rejected.len(), out.rejected[0].ordinal), (0, 1, 0), "{payload:?}");
        assert!(out.message_id.is_none());
    }
    let mut out = Decoded::default();
    decoder().decode(&frame(Source::Tick, "", ""), &mut out);
    assert!(out.events.is_empty() && out.rejected.is_empty());
}

#[test]
fn a_message_cut_at_any_byte_never_panics_and_never_invents() {
    let whole = message(&[
        MSH,
        PID,
        "PV1|1|I|ICU^1^7",
        OBR,
        HR,
        "OBX|2|NM|6690-2^WBC^LN||12.5|10\\S\\3/uL|||||F|||20260301122930+0000",
    ]);
    let values: Vec<f64> = observations(&decode(&whole)).iter().map(|row| row.value).collect();
    for end in 0..whole.len() {
        let out = decode(&whole[..end]);
        assert!(observations(&out).iter().all(|row| values.contains(&row.value)), "cut at {end}");
    }
}

#[test]
fn redelivery_is_recognised_and_a_conflict_told_apart() {
    let id = |payload: &str| decode(payload).message_id.expect("control id");
    let plain = message(&[MSH, PID, OBR, HR]);
    assert_eq!(id(&plain), id(&plain));
    let changed = id(&plain.replace("||80|", "||81|"));
    assert_eq!(changed.id, id(&plain).id);
    assert_ne!(changed.content, id(&plain).content);
    assert_ne!(id(&plain.replace("|M1|", "|M2|")).id, id(&plain).id);
    assert_ne!(id(&plain.replace("|MON|", "|MOX|")).id, id(&plain).id);
}

#[test]
fn p2_a_copy_may_be_stamped_framed_and_broken_into_lines_anew() {
    let id = |payload: &str| decode(payload).message_id.expect("control id");
    let plain = message(&[MSH, PID, OBR, HR]);
    let first = id(&plain);
    let msh_7 = MSH.split('|').nth(6).expect("MSH-7");
    assert!(!msh_7.is_empty());
    for again in ["", "2031", "20310101000000.123+0200"] {
        assert_eq!(id(&plain.replacen(&format!("|{msh_7}|"), &format!("|{again}|"), 1)), first, "MSH-7 '{again}'");
    }
    for ends in ["\n", "\r\n", "\r\r"] {
        assert_eq!(id(&plain.replace('\r', ends)), first);
    }
    assert_eq!(id(&format!("\x0b{plain}\r\x1c\r")), first);
    // Everything else is content: what stands beside MSH-7, and where a segment ends.
    assert_ne!(id(&plain.replace("|P|", "|T|")).content, first.content);
    assert_ne!(id(&plain.replace("|HOSP|", "|OTHER|")).content, first.content);
    assert_ne!(id(&message(&[MSH, PID, HR, OBR])).content, first.content);
    assert_ne!(id(&message(&[MSH, PID, OBR, HR, "NTE|1||x"])).content, first.content);
}

#[test]
fn p2_what_cannot_be_used_at_all_is_still_known_when_it_comes_again() {
    let out = decode(&message(&[&MSH.replace("ORU^R01^ORU_R01", "ADT^A01^ADT_A01"), "EVN|A01", "PID|1"]));
    assert!(out.events.is_empty() && out.rejected.len() == 1);
    assert!(out.message_id.is_some());
}

proptest::proptest! {
    #[test]
    fn no_bytes_panic(payload: Vec<u8>, charset in "[a-z0-9-]{0,10}") {
        let _ = hl7::screen(&payload, &charset, &DecodeConfig::default());
        let _ = ack::acknowledge(decoder().digest(), &payload, &charset, ack::Outcome::Accepted(&[]), NOON_US);
    }

    #[test]
    fn no_change_of_a_message_panics(at in 0usize..400, byte: u8, cut in 0usize..400) {
        let mut payload = message(&[MSH, PID, "PV1|1|I|ICU^1^7", OBR, HR, "OBX|2|CWE|67775-7^ACVPU^LN||LA9340-6^Alert^LN||||||F"]).into_bytes();
        if let Some(place) = payload.get_mut(at) { *place = byte; }
        payload.truncate(payload.len().saturating_sub(cut));
        let mut frame = frame(Source::Hl7Http, "", "");
        frame.payload = payload.into();
        let mut out = Decoded::default();
        decoder().decode(&frame, &mut out);
    }

    #[test]
    fn any_value_written_as_an_observation_reads_back(tenths in 0u32..3500, minute in 0u32..30, subject in "[A-Z0-9]{1,12}") {
        let value = f64::from(tenths) / 10.0;
        let payload = message(&[MSH, &format!("PID|1||{subject}^^^HOSP^MR"), &format!("OBX|1|NM|8867-4^HR^LN||{value}|/min|||||F|||2026030112{minute:02}00")]);
        let out = decode(&payload);
        let row = only(&out);
        proptest::prop_assert_eq!(row.value, value);
        proptest::prop_assert_eq!(row.observed_at_us, NOON_US - i64::from(30 - minute) * 60_000_000);
        proptest::prop_assert_eq!(&row.subject, &Subject::Patient(decoder().digest().patient("HOSP", &subject)));
    }
}

#[test]
fn p2_a_message_is_named_as_in_every_release_before_since_names_are_stored() {
    let decoder = Decoder::new(DecodeConfig { site_key: SiteKey([7; 32]), ..DecodeConfig::default() }).expect("settings");
    let named = |text: &str| {
        let mut out = Decoded::default();
        decoder.decode(&Frame { principal: "gw".into(), ..frame(Source::Hl7Http, "", text) }, &mut out);
        out.message_id.map(|named| (named.id, named.content))
    };
    let text = format!(
        "MSH|^~\\&|MON|H|NL|H|20260301123000||ORU^R01|M1|P|2.5.1\rPID|||1^^^H^MR\rOBR|1|||||||20260301122900\r\n\rOBX|1|NM|\
         8867-4^HR^LN||80|/min|||||F|||20260301122930\rNTE|1|{}\r",
        "x".repeat(70)
    );
    let first = Some((10_480_637_531_433_730_596, 10_641_510_252_561_827_160));
    assert_eq!(named(&text), first);
    assert_eq!(named(&text.replace("20260301123000", "20260301125959")), first, "sent again, at another time");
    assert_eq!(named(&text.replace("\r\n\r", "\n")), first, "with other line ends");
    // A message that is refused has its name too, so that its copies are known.
    let broken = Some((10_480_637_531_433_730_596, 5_538_090_309_106_411_426));
    assert_eq!(named(&format!("{text}no segment\r")), broken);
}
