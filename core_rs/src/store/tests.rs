//! The encoders against golden streams that an independent encoder made (tests/integration/store/copy_rows.py, `KNOWN`);
//! PostgreSQL reads the same files in tests/integration/store/test_store_copy.py.

use bytes::Bytes;

use super::*;
use crate::alert::{AlertEvent, AlertKind, Said, Severity};
use crate::decode::{BedKey, EncounterEvent, EncounterKind, Identity, PatientId, SignalId, Status};
use crate::error::{Code, Refusal};
use crate::limits::Limits;
use crate::receive::{Frame, Source};
use crate::score::{Contribution, Direction, Input, Reason, Score, Why};
use crate::window::Ward;

const ANN: PatientId = PatientId([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
const BOB: PatientId = PatientId([0xab; 16]);
/// 2026-11-21T03:12:00.123456Z.
const T0_US: i64 = 1_795_230_720_123_456;
const SECOND_US: i64 = 1_000_000;

fn bed() -> Option<BedKey> {
    Some(BedKey { unit: "icu".into(), bed: "4".into() })
}

#[track_caller]
fn assert_golden(table: Option<CopyTable>, golden: &[u8], rows: u32) {
    let table = table.expect("rows were pushed");
    assert_eq!(table.rows, rows);
    assert_eq!(table.bytes, golden, "{}", table.table);
}

#[test]
fn patients_are_encoded_as_postgresql_reads_them() {
    let mut rows = PatientRows::new();
    rows.push(ANN, T0_US + 5 * SECOND_US);
    rows.push(ANN, T0_US);
    assert_golden(rows.finish(), include_bytes!("../../../tests/integration/store/golden/patients_seen.copy"), 1);
    assert_eq!(rows.finish(), None);
}

#[test]
fn encounters_are_encoded_as_postgresql_reads_them() {
    let ann = EncounterEvent {
        kind: EncounterKind::Admit,
        patient: ANN,
        identity: Identity {
            authority: "HOSP".into(),
            identifier: "id-0001".into(),
            family: "Äß'; --".into(),
            given: "Ann".into(),
        },
        birth_day: Some(-14_187),
        sex: Some('F'),
        visit: "V1".into(),
        class: "I".into(),
        bed: bed(),
        admitted_at_us: None,
        discharged_at_us: None,
        unit: Default::default(),
        facts: Default::default(),
        occurred_at_us: T0_US + 60 * SECOND_US,
        recorded_at_us: Some(T0_US + 90 * SECOND_US),
        undoes_at_us: None,
        former: None,
        ordinal: 0,
    };
    let bob = EncounterEvent {
        kind: EncounterKind::Discharge,
        patient: BOB,
        identity: Identity { authority: "HOSP".into(), identifier: "id-abab".into(), ..Identity::default() },
        birth_day: None,
        sex: None,
        visit: "".into(),
        class: "".into(),
        bed: None,
        admitted_at_us: None,
        discharged_at_us: None,
        unit: Default::default(),
        facts: Default::default(),
        occurred_at_us: T0_US + 120 * SECOND_US,
        recorded_at_us: None,
        undoes_at_us: None,
        former: None,
        ordinal: 0,
    };
    let mut rows = EncounterRows::new();
    let row = EncounterRow {
        seq: 1,
        received_at_us: T0_US,
        patient: ann.patient,
        event: &ann,
        lies: ann.bed.as_ref(),
        here: true,
        leaves: false,
        stale: false,
        undone_since_us: None,
    };
    rows.push(&row);
    rows.push(&EncounterRow { seq: 2, patient: bob.patient, event: &bob, lies: None, here: false, leaves: true, ..row });
    assert_golden(rows.finish(), include_bytes!("../../../tests/integration/store/golden/encounter_events.copy"), 2);
}

/// What the window stage makes of late and repeated messages; SQL derives bed stays from the same file in
/// tests/integration/store/test_store_ward.py.
#[test]
fn a_row_says_where_the_patient_lies_whatever_the_message_named() {
    let mut ward = Ward::new(Limits::default(), &[]);
    let mut rows = EncounterRows::new();
    let said = [
        (EncounterKind::Admit, ANN, "icu/7", 1),
        (EncounterKind::Discharge, ANN, "icu/7", 2),
        (EncounterKind::Admit, BOB, "icu/7", 3),
        (EncounterKind::Update, ANN, "icu/7", 4),
        (EncounterKind::Transfer, BOB, "ward/1", 6),
        (EncounterKind::Transfer, BOB, "icu/9", 5),
        (EncounterKind::CancelTransfer, BOB, "icu/7", 7),
        (EncounterKind::Discharge, BOB, "icu/7", 8),
        (EncounterKind::CancelDischarge, BOB, "icu/7", 9),
        (EncounterKind::CancelAdmit, BOB, "icu/7", 10),
        (EncounterKind::Admit, BOB, "icu/8", 11),
        (EncounterKind::Merge, ANN, "icu/8", 12),
        (EncounterKind::Transfer, BOB, "icu/4", 13),
    ];
    for (seq, (kind, patient, place, minute)) in (1..).zip(said) {
        let (unit, bed) = place.split_once('/').expect("unit/bed");
        let event = EncounterEvent {
            kind,
            patient,
            identity: Identity {
                authority: "HOSP".into(),
                identifier: if patient == ANN { "id-0001" } else { "id-abab" }.into(),
                family: "Äß'; --".into(),
                given: "Ann".into(),
            },
            birth_day: None,
            sex: None,
            visit: "".into(),
            class: "".into(),
            bed: Some(BedKey { unit: unit.into(), bed: bed.into() }),
            admitted_at_us: None,
            discharged_at_us: None,
            unit: Default::default(),
            facts: Default::default(),
            occurred_at_us: T0_US + minute * 60 * SECOND_US,
            recorded_at_us: None,
            undoes_at_us: None,
            former: (kind == EncounterKind::Merge).then_some(BOB),
            ordinal: 0,
        };
        let moved = ward.apply_encounter(&event, T0_US).expect("room for two");
        rows.push(&EncounterRow {
            seq,
            received_at_us: T0_US,
            patient: ward.survivor(event.patient),
            event: &event,
            lies: moved.to.as_ref(),
            here: moved.here,
            leaves: moved.left,
            stale: moved.stale,
            undone_since_us: moved.undone_since_us,
        });
    }
    assert_golden(rows.finish(), include_bytes!("../../../tests/integration/store/golden/ward_decisions.copy"), 13);
}

#[test]
fn observations_are_encoded_as_postgresql_reads_them() {
    let row = ObservationRow {
        seq: 3,
        ordinal: 0,
        patient: ANN,
        signal: SignalId(1),
        observed_at_us: T0_US,
        received_at_us: T0_US,
        value: 88.5,
        status: Status::Final,
        source: Source::JsonMqtt,
    };
    let mut rows = ObservationRows::new();
    rows.push(&row);
    rows.push(&ObservationRow { seq: 4, ordinal: 7, value: f64::NAN, status: Status::Withdrawn, ..row });
    assert_golden(rows.finish(), include_bytes!("../../../tests/integration/store/golden/observations.copy"), 2);
}

#[test]
fn scores_are_encoded_as_postgresql_reads_them() {
    let input = |signal, value, age_s, points| Input { signal: SignalId(signal), value, age_s, points };
    let score = Score {
        seq: 3,
        ordinal: 0,
        patient: ANN,
        scorer: 0,
        at_us: T0_US + 3 * SECOND_US,
        raw: 7.0,
        value: 7.0,
        present: 2,
        expected: 3,
        band: 4,
        inputs: smallvec::smallvec![
            input(1, Some(131.0), Some(2.5), Some(3)),
            input(2, None, None, None),
            input(3, Some(0.5), Some(60.0), Some(2)),
        ],
        features: vec![],
    };
    let mut rows = ScoreRows::new();
    rows.push(&score, Scorer { name: "news2", version: "1", sha256: &[] });
    let second = Score { seq: 4, at_us: T0_US + 4 * SECOND_US, features: vec![1.5, f32::NAN], ..score };
    rows.push(&second, Scorer { name: "sepsis", version: "1", sha256: &[1, 2] });
    assert_golden(rows.finish(), include_bytes!("../../../tests/integration/store/golden/scores.copy"), 2);
}

#[test]
fn alerts_are_encoded_as_postgresql_reads_them() {
    let opened = AlertEvent {
        seq: 3,
        ordinal: 0,
        alert_id: 3 << 16,
        patient: Some(ANN),
        bed: bed(),
        subject: "".into(),
        cause: "news2".into(),
        rule: "news2-high".into(),
        kind: AlertKind::Opened,
        severity: Severity::High,
        at_us: T0_US + 3 * SECOND_US,
        scorer: 0,
        value: 7.0,
        reason: "NEWS2 7 >= 7".into(),
        why: Why {
            contributions: vec![
                Contribution { feature: "hr".into(), value: 131.0, share: 3.0 },
                Contribution { feature: "odd \"name\"".into(), value: f64::NAN, share: 0.5 },
            ],
            reasons: vec![Reason {
                about: "HR".into(),
                share: 3.0,
                direction: Direction::Raises,
                missing: false,
                words: "heart rate 131 /min, 2 s old".into(),
            }],
        },
        said: Said::default(),
        level: 0,
        held: true,
    };
    let snoozed = AlertEvent {
        seq: 4,
        kind: AlertKind::Snoozed,
        at_us: T0_US + 4 * SECOND_US,
        why: Why::default(),
        said: Said {
            by: "k1".into(),
            role: "nurse".into(),
            to: "physician".into(),
            note: "CT".into(),
            until_us: Some(T0_US + 3_600 * SECOND_US),
        },
        level: 2,
        held: false,
        ..opened.clone()
    };
    let cleared = AlertEvent {
        seq: 5,
        patient: None,
        bed: None,
        kind: AlertKind::Cleared,
        at_us: T0_US + 5 * SECOND_US,
        why: Why::default(),
        held: false,
        ..opened.clone()
    };
    let scorer = Scorer { name: "news2", version: "1", sha256: &[] };
    let mut rows = AlertRows::new();
    rows.push(&opened, scorer);
    rows.push(&snoozed, scorer);
    rows.push(&cleared, scorer);
    assert_golden(rows.finish(), include_bytes!("../../../tests/integration/store/golden/alert_events.copy"), 3);
}

#[test]
fn dead_letters_are_encoded_as_postgresql_reads_them() {
    let frame = Frame {
        source: Source::JsonMqtt,
        principal: "monitor".into(),
        context: "icu/4".into(),
        received_at_us: T0_US,
        payload: Bytes::from_static(b"\x00\xff{}"),
    };
    let refusal = Refusal::new(Code::EmptyBed, "nobody in the bed");
    let letter = DeadLetter { seq: 5, ordinal: 2, frame: &frame, stage: "window", refusal: &refusal, raw: true };
    let mut rows = DeadLetterRows::new();
    rows.push(&letter);
    rows.push(&DeadLetter { ordinal: 3, raw: false, refusal: &refusal.clone().at("OBX^3^6"), ..letter });
    assert_golden(rows.finish(), include_bytes!("../../../tests/integration/store/golden/dead_letters.copy"), 2);

    let mut replays = ReplayRows::new();
    replays.push(5, 6, T0_US);
    assert_golden(replays.finish(), include_bytes!("../../../tests/integration/store/golden/dead_letter_replays.copy"), 1);
}

#[test]
fn changes_of_the_policy_are_encoded_as_postgresql_reads_them() {
    let mut rows = PolicyRows::new();
    let sha256 = std::array::from_fn(|place| place as u8);
    let adopted = PolicyRow { seq: 1, at_us: T0_US, by: "file", note: "", sha256, policy: "a = 1 # \u{e4}\n", refused: "" };
    rows.push(&adopted);
    rows.push(&PolicyRow { seq: 6, by: "k7", note: "nachts wen\u{ad}ger", refused: "line 1", ..adopted });
    assert_golden(rows.finish(), include_bytes!("../../../tests/integration/store/golden/policy_changes.copy"), 2);
}

#[test]
fn a_merge_is_a_row() {
    let mut rows = MergeRows::new();
    rows.push(&MergeRow {
        seq: 12,
        ordinal: 0,
        received_at_us: T0_US,
        occurred_at_us: T0_US + 12 * 60 * SECOND_US,
        former: BOB,
        patient: ANN,
    });
    assert_golden(rows.finish(), include_bytes!("../../../tests/integration/store/golden/patient_merges.copy"), 1);
}
