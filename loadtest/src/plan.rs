//! The plan of a run: everything that is decided before the first send, shared by all threads and never changed.

use std::sync::{Arc, OnceLock};

use crate::message::beds::{self, Bed, Door};
use crate::message::readings::{Observed, Readings};
use crate::message::values::{fraction, mix, value_milli};
use crate::message::{device, hl7, signals};
use crate::recording::Recording;
use crate::scenario::Scenario;
use crate::schedule::{Clock, Curve, Due, Kind, Lane, intended_ms};
use crate::target::Target;

/// What one connection is and has to send.
#[derive(Debug, Clone)]
pub struct Connection {
    /// MQTT, else HTTP.
    pub mqtt: bool,
    /// What it sends; at most one lane of each kind.
    pub lanes: Vec<Lane>,
}

/// The plan.
#[derive(Debug)]
pub struct Plan {
    /// What was asked for.
    pub scenario: Scenario,
    /// Whom the load is for.
    pub target: Arc<Target>,
    /// The rate over time.
    pub curve: Curve,
    /// Who lies where.
    pub beds: Vec<Bed>,
    /// What monitors read.
    pub readings: Readings,
    /// Readings a second of one bed at factor 1.
    pub per_s: f64,
    begins: OnceLock<Clock>,
}

impl Plan {
    /// Of a scenario at a multiple of its rate.
    pub fn new(scenario: Scenario, target: Arc<Target>, recording: Option<Recording>, rate: f64) -> Self {
        let readings = Readings::of(&scenario, recording);
        Self {
            curve: Curve::of(&scenario, rate),
            beds: beds::build(&scenario),
            per_s: readings.per_s(&scenario),
            readings,
            begins: OnceLock::new(),
            target,
            scenario,
        }
    }

    /// The clock, once the schedule's beginning is known.
    pub fn clock(&self) -> Option<Clock> {
        self.begins.get().copied()
    }

    /// Sets when the schedule begins: once everything is connected.
    pub fn begin(&self, clock: Clock) {
        let _ = self.begins.set(clock);
    }

    fn epoch_ms(&self) -> i64 {
        self.begins.get().map_or(0, |clock| clock.epoch_ms)
    }

    /// Every connection with its lanes.
    pub fn connections(&self) -> Vec<Connection> {
        let of = |door: Door| -> Vec<(f64, u32)> {
            let all = self.beds.iter().enumerate().filter(|(_, bed)| bed.door == door);
            all.map(|(index, bed)| (bed.phase, u32::try_from(index).unwrap_or(0))).collect()
        };
        let by_mqtt = of(Door::Mqtt);
        let asked = self.scenario.monitors.connections as usize;
        let count = if asked == 0 { by_mqtt.len() } else { asked.min(by_mqtt.len()) };
        let mut all: Vec<Connection> = (0..count)
            .map(|index| {
                let members = by_mqtt.iter().skip(index).step_by(count).copied().collect();
                Connection { mqtt: true, lanes: vec![Lane::new(Kind::Device, members, self.per_s)] }
            })
            .collect();
        let (json, oru) = (of(Door::Json), of(Door::Hl7));
        let posters = self.scenario.http.connections as usize;
        for index in 0..posters {
            let share = |beds: &[(f64, u32)]| beds.iter().skip(index).step_by(posters).copied().collect();
            let number = u32::try_from(index).unwrap_or(0);
            let phase = fraction(self.scenario.seed ^ 0x6C_61_62_73, u64::from(number));
            let labs_per_s = self.scenario.http.hl7_per_s / posters as f64;
            let lanes = [
                Lane::new(Kind::Device, share(&json), self.per_s),
                Lane::new(Kind::Hl7Reading, share(&oru), self.per_s),
                Lane::new(Kind::Labs, vec![(phase, number)], labs_per_s),
            ];
            let lanes: Vec<Lane> = lanes.into_iter().filter(|lane| !lane.is_empty()).collect();
            if !lanes.is_empty() {
                all.push(Connection { mqtt: false, lanes });
            }
        }
        all
    }

    /// When the `round`-th reading of a bed is meant to be sent, milliseconds.
    pub fn reading_ms(&self, bed: u32, round: u32) -> Option<u32> {
        let phase = self.beds.get(bed as usize)?.phase;
        intended_ms(&self.curve, self.per_s, phase, round)
    }

    /// The schedule's length, milliseconds, rounded up.
    pub fn end_ms(&self) -> u32 {
        (self.curve.duration_s() * 1_000.0).ceil() as u32
    }

    /// Appends a message's payload; the number of its observations.
    pub fn put(&self, out: &mut Vec<u8>, kind: Kind, due: Due, by_topic: bool) -> u64 {
        let time_ms = self.epoch_ms() + i64::from(due.at_ms);
        let number = match kind {
            Kind::Labs => {
                u32::try_from(mix(mix(u64::from(due.bed)) ^ u64::from(due.round)) % self.beds.len().max(1) as u64).unwrap_or(0)
            }
            Kind::Device | Kind::Hl7Reading => due.bed,
        };
        let Some(bed) = self.beds.get(number as usize) else { return 0 };
        let over = i64::from(due.at_ms) * 1_000 / i64::from(self.end_ms().max(1));
        let worse = if bed.deteriorates { over } else { 0 };
        let run = self.epoch_ms();
        match kind {
            Kind::Device => {
                let heading = device::Heading {
                    device: &bed.device,
                    place: if by_topic { None } else { Some((&bed.unit, &bed.bed)) },
                    run_id: run,
                    time_ms,
                    bytes_min: self.scenario.monitors.payload_bytes_min,
                };
                device::put(out, &self.readings, number, due.round, worse, &heading);
                self.readings.count(number, due.round)
            }
            Kind::Hl7Reading => {
                let mut observed = Vec::with_capacity(8);
                self.readings.each(number, due.round, worse, |one| observed.push(one));
                let count = observed.len() as u64;
                let id = format!("{run}R{number}-{}", due.round);
                hl7::results(out, bed, &id, time_ms, self.scenario.http.hl7_bytes_min, observed);
                count
            }
            Kind::Labs => {
                let labs = signals::LABS.iter().take(self.scenario.http.hl7_observations as usize).enumerate();
                let observed = labs.map(|(place, signal)| Observed {
                    code: signal.code,
                    unit: signal.unit,
                    milli: value_milli(self.scenario.seed, number, 64 + place, signal, u64::from(due.round), worse),
                });
                let id = format!("{run}L{}-{}", due.bed, due.round);
                hl7::results(out, bed, &id, time_ms, self.scenario.http.hl7_bytes_min, observed);
                u64::from(self.scenario.http.hl7_observations)
            }
        }
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::target::{Address, Secret};

    /// The plan of a scenario against a server that nobody asks.
    pub fn of(scenario: Scenario) -> Plan {
        let target = Target::new(Address {
            http: "http://127.0.0.1:9".into(),
            mqtt: "127.0.0.1:9".into(),
            tls_ca: None,
            token: Secret::new("nl_a_b"),
            mqtt_user: String::new(),
            mqtt_password: Secret::default(),
            allow_remote: false,
        });
        Plan::new(scenario, Arc::new(target.unwrap()), None, 1.0)
    }
}
