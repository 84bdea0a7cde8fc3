//! The simulated ward: people in beds, their physiology, and what their monitors and their EHR would send.

mod artefact;
mod people;
mod physiology;
mod script;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use artefact::Sensor;
pub use people::Person;
use physiology::Physiology;
pub use physiology::{Labs, Vitals};
use script::Script;

/// One bed with its patient and monitor.
#[derive(Debug)]
pub struct Bed {
    /// Point of care.
    pub unit: String,
    /// Bed within the unit.
    pub bed: String,
    /// Who lies in it.
    pub person: Person,
    physiology: Physiology,
    script: Script,
    sensor: Sensor,
    rng: ChaCha8Rng,
    /// When the nurse next charts temperature, consciousness and oxygen, seconds of simulated time.
    next_chart_s: f64,
    /// When the next blood sample comes back, seconds of simulated time.
    next_labs_s: f64,
}

/// What one bed has to send at one step.
#[derive(Debug, Default)]
pub struct Step {
    /// The monitor's reading, if it is connected.
    pub monitor: Option<Vitals>,
    /// The nurse's charting round.
    pub chart: Option<Vitals>,
    /// Laboratory results.
    pub labs: Option<Labs>,
}

/// Minutes of simulated time between two charting rounds and between two blood samples.
const CHART_EVERY_S: f64 = 30.0 * 60.0;
const LABS_EVERY_S: f64 = 4.0 * 3600.0;

impl Bed {
    fn new(index: usize, unit: &str, seed: u64, deteriorates: bool) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed ^ (index as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let person = Person::random(index, &mut rng);
        let script = if deteriorates { Script::deteriorating(&mut rng) } else { Script::stable() };
        let physiology = Physiology::new(person.age_years, &mut rng);
        let (next_chart_s, next_labs_s) = (rng.random_range(0.0..60.0), rng.random_range(0.0..LABS_EVERY_S));
        Self {
            unit: unit.to_owned(),
            bed: format!("{:02}", index + 1),
            person,
            physiology,
            script,
            sensor: Sensor::default(),
            rng,
            next_chart_s,
            next_labs_s,
        }
    }

    /// Moves the bed to `now_s` of simulated time, `dt_s` after the step before.
    pub fn step(&mut self, now_s: f64, dt_s: f64) -> Step {
        let strain = self.script.strain(now_s);
        let truth = self.physiology.step(dt_s, &strain, &mut self.rng);
        let mut step = Step { monitor: self.sensor.read(&truth, dt_s, &mut self.rng), ..Step::default() };
        if now_s >= self.next_chart_s {
            self.next_chart_s = now_s + CHART_EVERY_S * self.rng.random_range(0.8..1.2);
            step.chart = Some(truth.clone());
        }
        if now_s >= self.next_labs_s {
            // A sick patient is sampled more often, as on any ward.
            let often = if strain.severity() > 0.3 { 0.25 } else { 1.0 };
            self.next_labs_s = now_s + LABS_EVERY_S * often * self.rng.random_range(0.8..1.2);
            step.labs = Some(self.physiology.labs(&strain, &mut self.rng));
        }
        step
    }

    /// Fresh laboratory results outside the ward's rhythm, for load.
    pub fn labs_now(&mut self, now_s: f64) -> Labs {
        let strain = self.script.strain(now_s);
        self.physiology.labs(&strain, &mut self.rng)
    }

    /// Its deterioration comes `times` sooner and is as many times faster; physiology and rhythms stay as they are.
    pub fn hurry(&mut self, times: f64) {
        self.script.hurry(times);
    }

    /// What happens to this patient, for the log line at the start of a demo; None for the stable.
    pub fn story(&self) -> Option<String> {
        self.script.story()
    }
}

/// `beds` beds spread over `units`; every patient whose turn it is deteriorates, so that the share is exact.
pub fn build(beds: usize, units: &[String], deteriorating: f64, seed: u64) -> Vec<Bed> {
    (0..beds)
        .map(|index| {
            let unit = &units[index % units.len()];
            let sick = ((index + 1) as f64 * deteriorating).floor() > (index as f64 * deteriorating).floor();
            Bed::new(index, unit, seed, sick)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ward() -> Vec<Bed> {
        build(40, &["ICU".into(), "A".into()], 0.15, 7)
    }

    #[test]
    fn the_same_seed_gives_the_same_ward() {
        let (mut first, mut second) = (ward(), ward());
        for step in 1..200 {
            for (a, b) in first.iter_mut().zip(&mut second) {
                let (x, y) = (a.step(f64::from(step), 1.0), b.step(f64::from(step), 1.0));
                assert_eq!(format!("{x:?}"), format!("{y:?}"));
            }
        }
    }

    #[test]
    fn the_stated_share_deteriorates() {
        assert_eq!(ward().iter().filter(|bed| bed.story().is_some()).count(), 6);
    }

    #[test]
    fn a_hurried_ward_has_the_same_courses_sooner() {
        let mut hurried = ward();
        hurried.iter_mut().for_each(|bed| bed.hurry(3.0));
        for (bed, quick) in ward().iter().zip(&hurried) {
            for at_s in [600.0, 2_400.0, 6_000.0] {
                let (then, sooner) = (bed.script.strain(at_s), quick.script.strain(at_s / 3.0));
                assert!((then.severity() - sooner.severity()).abs() < 1e-9, "{then:?} {sooner:?}");
            }
            assert_eq!(bed.story().is_some(), quick.story().is_some());
        }
    }

    #[test]
    fn a_stable_patient_stays_within_what_a_ward_sees() {
        let mut beds = build(20, &["A".into()], 0.0, 3);
        for step in 1..3600 {
            for bed in &mut beds {
                if let Some(v) = bed.step(f64::from(step) * 10.0, 10.0).chart {
                    assert!((45.0..125.0).contains(&v.hr), "{v:?}");
                    assert!((8.0..26.0).contains(&v.resp), "{v:?}");
                    assert!((85.0..190.0).contains(&v.sbp), "{v:?}");
                    assert!((92.0..=100.0).contains(&v.spo2), "{v:?}");
                }
            }
        }
    }

    #[test]
    fn a_deteriorating_patient_ends_far_from_where_it_began() {
        for bed in &mut build(12, &["A".into()], 1.0, 11) {
            let before = bed.step(1.0, 1.0).chart.or_else(|| bed.step(70.0, 69.0).chart).expect("charted in the first minute");
            let mut worst = 0.0_f64;
            for step in 1..720 {
                if let Some(v) = bed.step(70.0 + f64::from(step) * 20.0, 20.0).chart {
                    let change = (v.hr - before.hr).abs() / 20.0
                        + (v.resp - before.resp).abs() / 6.0
                        + (v.sbp - before.sbp).abs() / 20.0
                        + (v.spo2 - before.spo2).abs() / 4.0;
                    worst = worst.max(change);
                }
            }
            assert!(worst > 3.0, "{:?} changed by {worst}", bed.story());
        }
    }
}
