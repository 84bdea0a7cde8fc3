//! Recorded patients without a journal: the same alerts however they are dealt out to wards and threads, and those of the route.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use nightlamp_core::decode::catalogue;
use nightlamp_core::engine::simulate::{COHORT, Played, Recordings, TICK_US};
use nightlamp_core::engine::{Course, ReplayError, Trial};
use nightlamp_core::score::Scorers;

use super::ward::{Dice, START_US};

const POLICY: &str = r#"
[[rule]]
name = "news2"
score = "news2"
severity = "high"
enter = 5
clear = 2
lockout_s = 7200

[[rule]]
name = "sirs"
score = "sirs"
severity = "low"
enter = 2
clear = 1
clear_evaluations = 2

[storm]
per_minute = 1

[technical]
monitor_silent_s = 60
"#;
const HOUR_US: i64 = 3_600_000_000;
/// A midnight.
const BEGIN_US: i64 = START_US / (24 * HOUR_US) * 24 * HOUR_US;
const SIGNALS: [(&str, f64, f64); 4] = [("HR", 80.0, 60.0), ("Resp", 14.0, 14.0), ("Temp", 36.5, 3.0), ("SBP", 85.0, 50.0)];

/// Columns of made-up patients.
#[derive(Default)]
struct Columns {
    patient: Vec<i64>,
    signal: Vec<u16>,
    at_us: Vec<i64>,
    value: Vec<f64>,
    identifiers: Vec<String>,
    admissions: Vec<Bytes>,
    discharges: Vec<Bytes>,
}

fn adt(event: &str, patient: usize, hour: i64) -> Bytes {
    let time = format!("202510{:02}{:02}0000+0000", 9 + hour / 24, hour % 24);
    Bytes::from(format!(
        "MSH|^~\\&|R||N||{time}||ADT^{event}|{event}-{patient}|P|2.5.1\rEVN|{event}|{time}\rPID|1||r{patient}^^^RECORDED^MR\r\
         PV1|1|I|ICU^^{patient}\r"
    ))
}

fn columns(patients: usize) -> Columns {
    let (mut dice, mut out) = (Dice(5), Columns::default());
    let numbers =
        SIGNALS.map(|(name, ..)| (0_u16..).zip(catalogue::SIGNALS).find(|(_, row)| row.name == name).expect("a signal").0);
    for patient in 0..patients {
        let hours = 5 + dice.below(60) as i64;
        for hour in 1..=hours {
            for (number, (_, low, span)) in numbers.iter().zip(SIGNALS) {
                if !dice.one_in(4) {
                    out.patient.push(patient as i64);
                    out.signal.push(*number);
                    out.at_us.push(BEGIN_US + hour * HOUR_US);
                    out.value.push((low + span * dice.below(1_000) as f64 / 1_000.0).round());
                }
            }
        }
        out.identifiers.push(format!("r{patient}"));
        out.admissions.push(adt("A01", patient, 0));
        out.discharges.push(adt("A03", patient, hours));
    }
    out
}

impl Columns {
    fn play(&self, threads: usize, course: &Course) -> Result<Played, ReplayError> {
        let scorers = Arc::new(Scorers::load(&[]).expect("scorers"));
        let trial =
            Trial { policies: vec![Some(POLICY.to_owned())], from_us: None, to_us: None, time_max: Duration::from_secs(60) };
        let recordings = Recordings {
            patient: &self.patient,
            signal: &self.signal,
            at_us: &self.at_us,
            value: &self.value,
            identifiers: &self.identifiers,
            authority: "RECORDED",
            admissions: &self.admissions,
            discharges: &self.discharges,
        };
        recordings.play(&scorers, &trial, threads, course, &|| false)
    }

    /// Only this patient.
    fn only(&self, patient: usize) -> Self {
        let of: Vec<usize> = (0..self.patient.len()).filter(|at| self.patient[*at] == patient as i64).collect();
        Self {
            patient: vec![0; of.len()],
            signal: of.iter().map(|at| self.signal[*at]).collect(),
            at_us: of.iter().map(|at| self.at_us[*at]).collect(),
            value: of.iter().map(|at| self.value[*at]).collect(),
            identifiers: vec![self.identifiers[patient].clone()],
            admissions: vec![self.admissions[patient].clone()],
            discharges: vec![self.discharges[patient].clone()],
        }
    }
}

/// Alerts by patient, in order.
fn alerts(played: &Played) -> Vec<(String, String, i64, Option<i64>, bool)> {
    let plain = played.tried.alerts[0].iter().map(|alert| {
        let patient = alert.patient.expect("no technical rules").to_string();
        (patient, alert.rule.to_string(), alert.opened_at_us, alert.cleared_at_us, alert.held)
    });
    let mut all: Vec<_> = plain.collect();
    all.sort();
    all
}

#[test]
fn recorded_patients_have_the_same_alerts_by_one_thread_by_three_and_each_alone() {
    let columns = columns(COHORT * 2 + 40);
    let one = columns.play(1, &Course::default()).expect("played");
    let all = alerts(&one);
    assert!(all.len() > 500, "they alert");
    assert!(all.iter().all(|alert| !alert.4), "a ward of strangers has no storm");
    assert_eq!(alerts(&columns.play(3, &Course::default()).expect("played")), all);
    for patient in [0, 7, COHORT + 3] {
        let alone = columns.only(patient).play(1, &Course::default()).expect("played");
        let id = alone.ids[0].to_string();
        assert_eq!(one.ids[patient].to_string(), id);
        let own: Vec<_> = all.iter().filter(|alert| alert.0 == id).cloned().collect();
        assert_eq!(alerts(&alone), own);
    }
}

#[test]
fn a_recorded_stay_lasts_from_its_admission_to_its_discharge_and_leaves_no_alert_behind() {
    let columns = columns(30);
    let course = Course::default();
    let played = columns.play(2, &course).expect("played");
    assert_eq!(course.progress(), (30, 30));
    assert_eq!(played.tried.stays.len(), 30);
    for (patient, id) in played.ids.iter().enumerate() {
        let stay = played.tried.stays.iter().find(|stay| stay.patient == *id).expect("a stay");
        let last_us = columns.only(patient).at_us.last().copied().unwrap_or(BEGIN_US);
        assert_eq!(stay.from_us, BEGIN_US);
        assert!(stay.to_us.is_some_and(|to_us| to_us >= last_us && to_us < last_us + 6 * HOUR_US));
    }
    assert!(played.tried.alerts[0].iter().all(|alert| alert.cleared_at_us.is_some()));
    // A tick a minute while anybody is there.
    assert!(played.frames as i64 > 40 * HOUR_US / TICK_US);
}

#[test]
fn columns_that_do_not_fit_each_other_are_refused_with_what_is_wrong() {
    let refusal = |change: &dyn Fn(&mut Columns)| {
        let mut columns = columns(3);
        change(&mut columns);
        columns.play(1, &Course::default()).expect_err("refused").to_string()
    };
    assert!(refusal(&|columns| columns.value.truncate(3)).contains("differ in length"));
    assert!(refusal(&|columns| columns.discharges.truncate(2)).contains("one admission, discharge and identifier"));
    assert!(refusal(&|columns| columns.patient.reverse()).contains("sorted"));
    assert!(refusal(&|columns| columns.value[0] = f64::NAN).contains("finite"));
    assert!(refusal(&|columns| columns.signal[0] = u16::MAX).contains("catalogue"));
    assert!(refusal(&|columns| *columns.patient.last_mut().expect("some") = 9).contains("not admitted"));
    assert!(refusal(&|columns| columns.admissions[1] = Bytes::from_static(b"MSH|")).contains("encounter 1"));
}
