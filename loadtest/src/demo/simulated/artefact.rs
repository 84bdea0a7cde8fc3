//! What lies between the patient and the message: probes fall off, arms move, leads are unplugged.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::physiology::Vitals;

/// A monitor with its troubles. Rates per second of simulated time: a probe artefact about every 20 minutes lasting some
/// seconds, a disconnection about every 2 hours lasting up to two minutes.
#[derive(Debug, Default)]
pub struct Sensor {
    artefact_left_s: f64,
    away_left_s: f64,
}

const ARTEFACT_PER_S: f64 = 1.0 / 1200.0;
const AWAY_PER_S: f64 = 1.0 / 7200.0;

impl Sensor {
    /// What the monitor reports; None while it is disconnected.
    pub fn read(&mut self, truth: &Vitals, dt_s: f64, rng: &mut ChaCha8Rng) -> Option<Vitals> {
        if self.away_left_s > 0.0 {
            self.away_left_s -= dt_s;
            return None;
        }
        if rng.random_bool((AWAY_PER_S * dt_s).min(0.2)) {
            self.away_left_s = rng.random_range(20.0..120.0);
            return None;
        }
        let mut shown = truth.clone();
        if self.artefact_left_s <= 0.0 && rng.random_bool((ARTEFACT_PER_S * dt_s).min(0.2)) {
            self.artefact_left_s = rng.random_range(3.0..12.0);
        }
        if self.artefact_left_s > 0.0 {
            self.artefact_left_s -= dt_s;
            shown.spo2 = (shown.spo2 - rng.random_range(4.0..15.0)).max(62.0);
            shown.hr = (shown.hr + rng.random_range(-8.0..12.0)).max(25.0);
        }
        Some(shown)
    }
}
