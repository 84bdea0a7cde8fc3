//! Correlated physiology: slow shared drifts, reflexes between the systems, and a script's strain on top.
//!
//! A patient has a baseline. Two Ornstein-Uhlenbeck processes, arousal (time constant 10 minutes) and vascular tone
//! (20 minutes), move heart rate, breathing and pressure together; the baroreflex raises heart rate where pressure falls.
//! Nothing here is fitted to data: it is a ward that looks right to a nurse, not a model of a human being.

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Normal, StandardNormal};

use super::script::Strain;

/// What is true of a patient now. Units: /min, mmHg, %, Celsius.
#[derive(Debug, Clone, Default)]
pub struct Vitals {
    /// Heart rate.
    pub hr: f64,
    /// Respiration rate.
    pub resp: f64,
    /// Oxygen saturation.
    pub spo2: f64,
    /// Systolic pressure.
    pub sbp: f64,
    /// Diastolic pressure.
    pub dbp: f64,
    /// Core temperature.
    pub temp: f64,
    /// End-tidal CO2, mmHg.
    pub etco2: f64,
    /// Inspired oxygen fraction; above 0.21 means oxygen is given.
    pub fio2: f64,
    /// ACVPU: A, C, V, P or U.
    pub consciousness: char,
}

impl Vitals {
    /// Mean arterial pressure as monitors estimate it.
    pub fn map(&self) -> f64 {
        self.dbp + (self.sbp - self.dbp) / 3.0
    }
}

/// Laboratory results in the units of the catalogue.
#[derive(Debug, Clone)]
pub struct Labs {
    /// (LOINC, text, value, UCUM).
    pub results: Vec<(&'static str, &'static str, f64, &'static str)>,
}

/// One patient's body.
#[derive(Debug)]
pub struct Physiology {
    base: Vitals,
    arousal: f64,
    tone: f64,
    fio2: f64,
}

impl Physiology {
    /// A resting body of this age.
    pub fn new(age_years: u16, rng: &mut ChaCha8Rng) -> Self {
        let age = f64::from(age_years);
        let sbp = near(rng, 112.0 + 0.25 * age, 9.0).clamp(108.0, 155.0);
        let base = Vitals {
            hr: near(rng, 76.0, 8.0).clamp(58.0, 92.0),
            resp: near(rng, 15.5, 1.4).clamp(12.5, 19.0),
            spo2: near(rng, 97.3, 0.8).clamp(96.0, 99.5),
            sbp,
            dbp: sbp * near(rng, 0.6, 0.03),
            temp: near(rng, 36.8, 0.2).clamp(36.3, 37.3),
            etco2: near(rng, 38.0, 2.0),
            fio2: 0.21,
            consciousness: 'A',
        };
        Self { base, arousal: rng.sample(StandardNormal), tone: rng.sample(StandardNormal), fio2: 0.21 }
    }

    /// Moves the body on by `dt_s` seconds of simulated time.
    pub fn step(&mut self, dt_s: f64, strain: &Strain, rng: &mut ChaCha8Rng) -> Vitals {
        relax(&mut self.arousal, dt_s, 600.0, rng);
        relax(&mut self.tone, dt_s, 1200.0, rng);
        let Strain { infection, respiratory, haemorrhage, sedation } = *strain;
        self.titrate_oxygen(respiratory, sedation, dt_s);
        let b = &self.base;
        let sbp = b.sbp + 4.0 * self.tone + 3.0 * self.arousal - 42.0 * infection.powi(2) - 48.0 * haemorrhage.powi(2)
            + 8.0 * respiratory
            - 12.0 * sedation;
        let baroreflex = 0.35 * (b.sbp - sbp).clamp(-30.0, 60.0) * (1.0 - 0.6 * sedation);
        let hr = b.hr + 4.0 * self.arousal + baroreflex + 26.0 * infection + 18.0 * respiratory + 22.0 * haemorrhage
            - 10.0 * sedation;
        let resp = b.resp + 0.9 * self.arousal + 11.0 * infection + 15.0 * respiratory + 8.0 * haemorrhage - 9.5 * sedation;
        let helped = 14.0 * (self.fio2 - 0.21);
        let spo2 = b.spo2 - 3.0 * infection - 13.0 * respiratory - 9.0 * sedation - 1.5 * haemorrhage + helped;
        Vitals {
            hr: near(rng, hr, 1.2).clamp(28.0, 210.0),
            resp: near(rng, resp, 0.6).clamp(3.0, 55.0),
            spo2: near(rng, spo2, 0.4).clamp(60.0, 100.0),
            sbp: near(rng, sbp, 2.0).clamp(48.0, 230.0),
            dbp: near(rng, sbp * b.dbp / b.sbp, 1.5).clamp(25.0, 140.0),
            temp: near(rng, b.temp + 2.3 * infection - 0.6 * haemorrhage, 0.05),
            etco2: near(rng, b.etco2 - 8.0 * infection + 6.0 * respiratory + 16.0 * sedation, 0.8),
            fio2: self.fio2,
            consciousness: consciousness(strain),
        }
    }

    /// The nurse gives oxygen as the lungs fail and takes it away slowly afterwards.
    fn titrate_oxygen(&mut self, respiratory: f64, sedation: f64, dt_s: f64) {
        let need = respiratory.max(0.7 * sedation);
        let wanted = if need > 0.7 {
            0.6
        } else if need > 0.4 {
            0.4
        } else if need > 0.25 {
            0.28
        } else {
            0.21
        };
        self.fio2 = if wanted > self.fio2 { wanted } else { (self.fio2 - dt_s / 36_000.0).max(wanted) };
    }

    /// A blood sample taken now.
    pub fn labs(&self, strain: &Strain, rng: &mut ChaCha8Rng) -> Labs {
        let Strain { infection, respiratory, haemorrhage, .. } = *strain;
        let shock = infection.max(haemorrhage);
        let mut results = vec![
            ("6690-2", "Leukocytes", near(rng, 8.2 + 10.5 * infection, 0.6).max(0.5), "10*3/uL"),
            ("718-7", "Hemoglobin", near(rng, 13.2 - 5.0 * haemorrhage, 0.3).max(3.0), "g/dL"),
            ("777-3", "Platelets", near(rng, 240.0 - 110.0 * infection - 60.0 * haemorrhage, 12.0).max(10.0), "10*3/uL"),
            ("32693-4", "Lactate", near(rng, 1.1 + 4.2 * shock.powi(2), 0.15).max(0.4), "mmol/L"),
            ("2160-0", "Creatinine", near(rng, 0.95 + 1.3 * shock, 0.06).max(0.3), "mg/dL"),
            ("3094-0", "Urea nitrogen", near(rng, 16.0 + 18.0 * shock, 1.5).max(3.0), "mg/dL"),
            ("2345-7", "Glucose", near(rng, 118.0 + 45.0 * infection, 9.0).max(50.0), "mg/dL"),
            ("2823-3", "Potassium", near(rng, 4.1 + 0.5 * shock, 0.15), "mmol/L"),
        ];
        if respiratory > 0.2 || infection > 0.2 {
            results.push(("2019-8", "PaCO2", near(rng, 40.0 - 7.0 * infection + 9.0 * respiratory, 1.5), "mm[Hg]"));
            results.push(("11558-4", "pH", near(rng, 7.40 - 0.12 * shock - 0.05 * respiratory, 0.01), "[pH]"));
        }
        Labs { results }
    }
}

fn consciousness(strain: &Strain) -> char {
    match (strain.sedation, strain.infection.max(strain.haemorrhage), strain.respiratory) {
        (s, _, _) if s > 0.85 => 'P',
        (s, _, _) if s > 0.5 => 'V',
        (_, i, _) if i > 0.75 => 'C',
        (_, _, r) if r > 0.9 => 'C',
        _ => 'A',
    }
}

/// One Ornstein-Uhlenbeck step towards 0 with unit variance.
fn relax(value: &mut f64, dt_s: f64, tau_s: f64, rng: &mut ChaCha8Rng) {
    let keep = (-dt_s / tau_s).exp();
    let noise: f64 = rng.sample(StandardNormal);
    *value = *value * keep + noise * (1.0 - keep * keep).sqrt();
}

fn near(rng: &mut ChaCha8Rng, mean: f64, sd: f64) -> f64 {
    Normal::new(mean, sd).map_or(mean, |normal| normal.sample(rng))
}
