//! How a patient gets worse: a course over hours, as strain on the body's systems.
//!
//! The courses follow what textbooks describe: sepsis (fever, tachycardia, tachypnoea, then hypotension and confusion),
//! respiratory failure (rising rate, falling saturation, oxygen given), haemorrhage (tachycardia before hypotension, falling
//! haemoglobin) and opioid over-sedation (slow shallow breathing, desaturation, drowsiness). Onset and length vary with the seed.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

/// How hard each system is hit, 0 (not) to 1 (as hard as the course gets).
#[derive(Debug, Clone, Copy, Default)]
pub struct Strain {
    /// Infection: fever, inflammation, vasodilation.
    pub infection: f64,
    /// Lungs: gas exchange fails.
    pub respiratory: f64,
    /// Volume: blood is lost.
    pub haemorrhage: f64,
    /// Drive: breathing and consciousness depressed.
    pub sedation: f64,
}

impl Strain {
    /// The hardest hit of the systems.
    pub fn severity(&self) -> f64 {
        self.infection.max(self.respiratory).max(self.haemorrhage).max(self.sedation)
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Course {
    Stable,
    Sepsis,
    RespiratoryFailure,
    Haemorrhage,
    OverSedation,
}

/// One patient's course.
#[derive(Debug, Clone)]
pub struct Script {
    course: Course,
    onset_s: f64,
    length_s: f64,
}

impl Script {
    /// Nothing happens.
    pub fn stable() -> Self {
        Self { course: Course::Stable, onset_s: f64::INFINITY, length_s: 1.0 }
    }

    /// A course drawn at random: onset within 40 minutes, full strain 45 to 120 minutes later.
    pub fn deteriorating(rng: &mut ChaCha8Rng) -> Self {
        let courses = [
            Course::Sepsis,
            Course::Sepsis,
            Course::RespiratoryFailure,
            Course::RespiratoryFailure,
            Course::Haemorrhage,
            Course::OverSedation,
        ];
        Self {
            course: courses[rng.random_range(0..courses.len())],
            onset_s: rng.random_range(5.0..40.0) * 60.0,
            length_s: rng.random_range(45.0..120.0) * 60.0,
        }
    }

    /// Onset and rise (and recovery) so many times sooner; the plateau stays an hour.
    pub fn hurry(&mut self, times: f64) {
        self.onset_s /= times;
        self.length_s /= times;
    }

    /// The strain at `now_s` of simulated time: a smooth rise, a plateau of an hour, and recovery under treatment.
    pub fn strain(&self, now_s: f64) -> Strain {
        let since = now_s - self.onset_s;
        let rise = smooth(since / self.length_s);
        let recovery = smooth((since - self.length_s - 3600.0) / (1.5 * self.length_s));
        let level = (rise - recovery).max(0.0);
        match self.course {
            Course::Stable => Strain::default(),
            Course::Sepsis => Strain { infection: level, respiratory: 0.3 * level, ..Strain::default() },
            Course::RespiratoryFailure => Strain { respiratory: level, infection: 0.25 * level, ..Strain::default() },
            Course::Haemorrhage => Strain { haemorrhage: level, ..Strain::default() },
            Course::OverSedation => Strain { sedation: level, respiratory: 0.2 * level, ..Strain::default() },
        }
    }

    /// The course in words; None for the stable.
    pub fn story(&self) -> Option<String> {
        let name = match self.course {
            Course::Stable => return None,
            Course::Sepsis => "sepsis",
            Course::RespiratoryFailure => "respiratory failure",
            Course::Haemorrhage => "haemorrhage",
            Course::OverSedation => "opioid over-sedation",
        };
        Some(format!("{name}, from minute {:.0} over {:.0} minutes", self.onset_s / 60.0, self.length_s / 60.0))
    }
}

/// A smooth step from 0 at x <= 0 to 1 at x >= 1.
fn smooth(x: f64) -> f64 {
    let x = x.clamp(0.0, 1.0);
    x * x * (3.0 - 2.0 * x)
}
