use super::*;

#[test]
fn every_adt_event_becomes_its_encounter() {
    let kinds = [
        ("A01", EncounterKind::Admit),
        ("A02", EncounterKind::Transfer),
        ("A03", EncounterKind::Discharge),
        ("A04", EncounterKind::Register),
        ("A08", EncounterKind::Update),
        ("A11", EncounterKind::CancelAdmit),
        ("A12", EncounterKind::CancelTransfer),
        ("A13", EncounterKind::CancelDischarge),
    ];
    for (event, kind) in kinds {
        let pv1 = "PV1|1|I|ICU^01^7^HOSP||||||||||||||||V77|||||||||||||||||||||||||20260228101500";
        let out = decode(&adt(event, pv1));
        let encounter = encounter(&out);
        assert_eq!(encounter.kind, kind);
        assert_eq!(encounter.patient, decoder().digest().patient("HOSP", "123"));
        assert_eq!((encounter.identity.family.as_str(), encounter.identity.given.as_str()), ("Muster", "Eva"));
        assert_eq!(encounter.bed, Some(BedKey { unit: "ICU".into(), bed: "7".into() }));
        assert_eq!((encounter.birth_day, encounter.sex), (Some(-3529), Some('F')));
        assert_eq!((encounter.visit.as_str(), encounter.class.as_str()), ("V77", "I"));
        assert_eq!(encounter.occurred_at_us, NOON_US - 1_800_000_000);
        assert_eq!(encounter.admitted_at_us, Some(NOON_US - 94_500_000_000));
        assert!(out.rejected.is_empty());
    }
}

#[test]
fn the_event_time_falls_back_from_evn6_to_evn2_to_msh7_to_receipt() {
    let at = |evn: &str, msh_7: &str| {
        let payload = adt("A01", "PV1|1|I|ICU^1^7").replace("EVN||20260301120000|||||", evn);
        let out = decode(&payload.replace("|20260301123000|", &format!("|{msh_7}|")));
        ((NOON_US - encounter(&out).occurred_at_us) / 60_000_000, codes(&out))
    };
    assert_eq!(at("EVN||202603011200||||202603011100", "202603011220"), (90, vec![]));
    assert_eq!(at("EVN||202603011200", "202603011220"), (30, vec![]));
    assert_eq!(at("EVN|", "202603011220"), (10, vec![]));
    assert_eq!(at("EVN|", ""), (0, vec![]));
    assert_eq!(at("EVN||soon", "202603011220"), (10, vec![(1, Code::BadTime)]));
    assert_eq!(at("EVN||203001010000", "202603011220"), (10, vec![(1, Code::FutureTime)]));
}

#[test]
fn when_an_event_was_recorded_falls_back_from_evn2_to_msh7_to_nothing() {
    let at = |event: &str, evn: &str, msh_7: &str| {
        let payload = adt(event, "PV1|1|I|ICU^1^7").replace("EVN||20260301120000|||||", evn);
        let out = decode(&payload.replace("|20260301123000|", &format!("|{msh_7}|")));
        (encounter(&out).recorded_at_us.map(|at_us| (NOON_US - at_us) / 60_000_000), codes(&out))
    };
    for event in ["A01", "A03", "A11"] {
        assert_eq!(at(event, "EVN||202603011200||||202603011100", "202603011220"), (Some(30), vec![]));
        assert_eq!(at(event, "EVN||202603011200", "202603011220"), (Some(30), vec![]));
        assert_eq!(at(event, "EVN||||||202603011100", "202603011220"), (Some(10), vec![]));
        assert_eq!(at(event, "EVN||||||202603011100", ""), (None, vec![]));
        assert_eq!(at(event, "EVN||soon||||202603011100", "202603011220"), (Some(10), vec![(1, Code::BadTime)]));
    }
}

#[test]
fn an_admission_is_not_lost_over_an_umlaut() {
    let mut payload = adt("A01", "PV1|1|I|ICU^1^7").into_bytes();
    let at = payload.windows(6).position(|window| window == b"Muster").expect("name");
    payload[at + 1] = 0xFC;
    let mut out = Decoded::default();
    let mut frame = frame(Source::Hl7Http, "", "");
    frame.payload = payload.clone().into();
    decoder().decode(&frame, &mut out);
    assert_eq!(encounter(&out).identity.family, "M\u{FFFD}ster");
    assert_eq!(codes(&out), [(1, Code::BadCharset)]);
    frame.context = "iso-8859-1".into();
    decoder().decode(&frame, &mut out);
    assert_eq!(encounter(&out).identity.family, "Müster");
    assert!(out.rejected.is_empty());
}

#[test]
fn an_adt_without_an_identifier_is_a_dead_letter() {
    let out = decode(&adt("A01", "PV1|1|I|ICU^1^7").replace("123^^^HOSP^MR", "\"\""));
    assert_eq!(codes(&out), [(0, Code::MissingPatient)]);
    assert!(out.events.is_empty());
}

#[test]
fn a_cancellation_occurs_when_it_is_recorded_and_names_what_it_cancels_by_evn_6() {
    let at = |event: &str, evn: &str| {
        let out = decode(&adt(event, "PV1|1|I|ICU^1^7").replace("EVN||20260301120000|||||", evn));
        let minutes = |at_us: i64| (NOON_US - at_us) / 60_000_000;
        (minutes(encounter(&out).occurred_at_us), encounter(&out).undoes_at_us.map(minutes))
    };
    for event in ["A11", "A12", "A13"] {
        assert_eq!(at(event, "EVN||202603011220||||202603011100"), (10, Some(90)));
        assert_eq!(at(event, "EVN||202603011220"), (10, None));
    }
    assert_eq!(at("A03", "EVN||202603011220||||202603011100"), (90, None));
}

#[test]
fn a_merge_names_both_records_and_each_pair_is_an_event() {
    let id = |number: &str| decoder().digest().patient("HOSP", number);
    let payload = adt("A40", "MRG|77^^^HOSP^MR");
    let out = decode(&payload);
    let event = encounter(&out);
    assert_eq!((event.kind, event.patient, event.former), (EncounterKind::Merge, id("123"), Some(id("77"))));
    let two = decode(&format!("{payload}\rPID|2||124^^^HOSP^MR\rPD1|x\rMRG|78^^^HOSP^MR~5^^^OTHER^PI\rPID|3||125^^^HOSP^MR"));
    let pairs: Vec<_> = two
        .events
        .iter()
        .map(|event| match event {
            Event::Encounter(event) => (event.ordinal, event.patient, event.former),
            Event::Observation(_) => panic!("an observation"),
        })
        .collect();
    assert_eq!(pairs, [(0, id("123"), Some(id("77"))), (1, id("124"), Some(id("78")))]);
    assert_eq!(codes(&two), [(2, Code::MissingPatient)], "the third names nobody to merge");
    assert_eq!(codes(&decode(&adt("A40", "PV1|1|I|ICU^1^7"))), [(0, Code::MissingPatient)]);
}
