//! `ward`: the simulated ward of `nightlamp demo`, as senders of HL7 v2 over HTTP and device JSON over MQTT.
//!
//! Seeded: the same seed gives the same patients, the same physiology and the same messages, apart from the wall-clock times
//! stamped on them. It shows a ward to people; load is measured with `run`.

mod ehr;
mod monitors;
mod run;
mod simulated;
mod totals;
mod wire;

use std::time::Duration;

use anyhow::bail;
use clap::Args;
use ehr::Ehr;
use monitors::Monitors;
pub use run::ward;
use totals::Totals;

use crate::target::is_loopback;

/// What the ward looks like and where it sends.
#[derive(Debug, Clone, Args)]
pub struct WardArgs {
    /// Beds, each with one patient and one monitor.
    #[arg(long, default_value_t = 40)]
    pub beds: usize,
    /// Units the beds are spread over, comma separated.
    #[arg(long, default_value = "ICU,WARD-A,WARD-B,ED", value_delimiter = ',')]
    pub units: Vec<String>,
    /// Share of patients that deteriorate by a script, 0 to 1.
    #[arg(long, default_value_t = 0.15)]
    pub deteriorating: f64,
    /// How much faster than the clock the physiology and the scripts run; 20 shows two hours in six minutes.
    #[arg(long, default_value_t = 1.0)]
    pub speed: f64,
    /// How much sooner and faster than drawn the deteriorations come; the ward's other rhythms stay.
    #[arg(long, default_value_t = 1.0)]
    pub hurry: f64,
    /// Number of a bed whose monitor falls silent, counted from 1; 0 silences none.
    #[arg(long, default_value_t = 0)]
    pub silent_bed: usize,
    /// Seconds on the clock, from the first reading, until it falls silent.
    #[arg(long, default_value_t = 45.0)]
    pub silent_after_s: f64,
    /// Seconds on the clock that it stays silent.
    #[arg(long, default_value_t = 45.0)]
    pub silent_for_s: f64,
    /// Milliseconds between two readings of one monitor, on the clock.
    #[arg(long, default_value_t = 1000)]
    pub interval_ms: u64,
    /// Seconds to run; 0 runs until interrupted.
    #[arg(long, default_value_t = 0)]
    pub duration_s: u64,
    /// MQTT connections the monitors share; 0 is one each.
    #[arg(long, default_value_t = 0)]
    pub connections: usize,
    /// Publish each signal of a reading in a message of its own.
    #[arg(long)]
    pub apart: bool,
    /// Extra HL7 lab messages a second over all patients, beside the ward's own rhythm.
    #[arg(long, default_value_t = 0.0)]
    pub hl7_per_s: f64,
    /// Seed of everything that is random.
    #[arg(long, default_value_t = 7)]
    pub seed: u64,
    /// The server's HTTP address.
    #[arg(long, default_value = "http://127.0.0.1:8000")]
    pub http: String,
    /// API key of the EHR.
    #[arg(long, env = "NIGHTLAMP_EHR_KEY", hide_env_values = true)]
    pub ehr_key: String,
    /// The server's MQTT address.
    #[arg(long, default_value = "127.0.0.1:1883")]
    pub mqtt: String,
    /// MQTT user (the id of a device key).
    #[arg(long, env = "NIGHTLAMP_MQTT_USER")]
    pub mqtt_user: String,
    /// MQTT password (the secret of that key).
    #[arg(long, env = "NIGHTLAMP_MQTT_PASSWORD", hide_env_values = true)]
    pub mqtt_password: String,
    /// Send to an address that is not loopback.
    #[arg(long)]
    pub remote: bool,
    /// Print the totals as one JSON line at the end instead of text every ten seconds.
    #[arg(long)]
    pub json: bool,
    /// Discharge every patient at the end, so that the beds are free for another run.
    #[arg(long)]
    pub discharge: bool,
}

impl WardArgs {
    /// The reading interval.
    pub fn interval(&self) -> Duration {
        Duration::from_millis(self.interval_ms.max(1))
    }

    /// Whether the monitor of the bed with this index says nothing `clock_s` after the first reading.
    pub fn silent(&self, index: usize, clock_s: f64) -> bool {
        index + 1 == self.silent_bed && (0.0..self.silent_for_s).contains(&(clock_s - self.silent_after_s))
    }

    /// Refuses what cannot be meant.
    pub fn check(&self) -> anyhow::Result<()> {
        if self.beds == 0 || self.beds > 100_000 {
            bail!("--beds must lie between 1 and 100000, got {}", self.beds);
        }
        if self.units.is_empty() || self.units.iter().any(|unit| unit.is_empty() || unit.contains(['/', '+', '#', '^', '|'])) {
            bail!("--units must be names without any of / + # ^ |");
        }
        if !(0.0..=1.0).contains(&self.deteriorating) {
            bail!("--deteriorating must lie between 0 and 1, got {}", self.deteriorating);
        }
        if !(0.1..=100.0).contains(&self.hurry) {
            bail!("--hurry must lie between 0.1 and 100, got {}", self.hurry);
        }
        if self.silent_bed > self.beds {
            bail!("--silent-bed must be a bed of the ward, 1 to {}, got {}", self.beds, self.silent_bed);
        }
        let here = is_loopback(&self.mqtt) && is_loopback(&self.http);
        if !(self.remote || here) {
            bail!("the target is not on this machine; --remote says that this is meant");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::WardArgs;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        ward: WardArgs,
    }

    fn ward(options: &[&str]) -> WardArgs {
        let given = ["ward", "--ehr-key", "k", "--mqtt-user", "u", "--mqtt-password", "p"];
        Line::parse_from(given.iter().chain(options)).ward
    }

    #[test]
    fn only_the_bed_named_falls_silent_and_only_for_its_time() {
        let args = ward(&["--silent-bed", "3", "--silent-after-s", "10", "--silent-for-s", "5"]);
        assert!(args.check().is_ok());
        let silent = |index| (0..30).filter(|second| args.silent(index, f64::from(*second))).collect::<Vec<_>>();
        assert_eq!(silent(2), [10, 11, 12, 13, 14]);
        assert!((0..40).filter(|index| *index != 2).all(|index| silent(index).is_empty()));
        assert!((0..40).all(|index| !ward(&[]).silent(index, 50.0)), "nobody unless a bed is named");
    }

    #[test]
    fn a_silent_bed_outside_the_ward_and_a_hurry_of_nothing_are_refused() {
        assert!(ward(&["--beds", "4", "--silent-bed", "5"]).check().is_err());
        assert!(ward(&["--hurry", "0"]).check().is_err());
    }
}
