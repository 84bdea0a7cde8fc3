//! What a scenario may say, beyond its shape: ranges, names, and what excludes what. Errors name the key and what was expected.

use std::fmt::Display;

use super::{Fault, FaultKind, Phase, PhaseKind, Scenario, level};
use crate::message::signals;

/// A value outside its range.
fn within<T: PartialOrd + Display>(key: &str, value: T, low: T, high: T) -> Result<(), String> {
    if value >= low && value <= high {
        return Ok(());
    }
    Err(format!("{key} must lie between {low} and {high}, got {value}"))
}

impl Scenario {
    /// Reads and checks; the error says where and what was expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut scenario: Self = toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())?;
        text.clone_into(&mut scenario.text);
        scenario.check()?;
        Ok(scenario)
    }

    /// Checks once more, after the command line has changed something.
    pub fn check(&self) -> Result<(), String> {
        let ward = &self.ward;
        within("ward.patients", ward.patients, 1, 20_000)?;
        within("ward.hospitals", ward.hospitals, 1, 100)?;
        within("ward.units", ward.units, 1, 1_000)?;
        within("ward.deteriorating", ward.deteriorating, 0.0, 1.0)?;
        if ward.units * ward.hospitals > ward.patients {
            return Err(format!("ward.units x ward.hospitals must be at most ward.patients ({})", ward.patients));
        }
        if self.name.is_empty() || !self.name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c)) {
            return Err("name must be letters, digits, - and _ (it is used in file names)".into());
        }
        within("warmup_s", self.warmup_s, 0.0, 3_600.0)?;
        within("drain_s", self.drain_s, 0.1, 3_600.0)?;
        self.check_traffic()?;
        self.check_phases()?;
        self.faults.iter().enumerate().try_for_each(|(place, fault)| self.check_fault(place, fault))?;
        if let Some(replay) = &self.replay {
            within("replay.speed", replay.speed, 0.001, 1_000_000.0)?;
        }
        for (name, limit) in &self.levels {
            level(name)?;
            within(&format!("levels.{name}"), *limit, 0.0, 1e12)?;
        }
        Ok(())
    }

    fn check_traffic(&self) -> Result<(), String> {
        let (monitors, shares, http) = (&self.monitors, &self.shares, &self.http);
        if monitors.signals.is_empty() {
            return Err("monitors.signals must name at least one signal".into());
        }
        for (name, rate) in &monitors.signals {
            if signals::monitor(name).is_none() {
                return Err(format!("monitors.signals.{name}: no such signal; there are {}", signals::names()));
            }
            within(&format!("monitors.signals.{name}"), *rate, 0.000_1, 1_000.0)?;
        }
        within("monitors.qos", monitors.qos, 0, 1)?;
        within("monitors.connections", monitors.connections, 0, 4_000)?;
        if monitors.connections == 0 {
            within("ward.patients (with monitors.connections = 0, one each)", self.ward.patients, 1, 4_000)?;
        }
        within("monitors.in_flight_max", monitors.in_flight_max, 1, 65_535)?;
        within("monitors.payload_bytes_min", monitors.payload_bytes_min, 0, 1 << 20)?;
        if shares.fhir != 0.0 {
            return Err("shares.fhir must be 0: nightlamp has no FHIR door yet (HL7 v2 and device JSON only)".into());
        }
        within("shares.json", shares.json, 0.0, 1.0)?;
        within("shares.hl7", shares.hl7, 0.0, 1.0)?;
        within("shares.json + shares.hl7", shares.json + shares.hl7, 0.0, 1.0)?;
        within("http.connections", http.connections, 1, 256)?;
        within("http.hl7_per_s", http.hl7_per_s, 0.0, 1_000_000.0)?;
        within("http.hl7_observations", http.hl7_observations, 1, u32::try_from(signals::LABS.len()).unwrap_or(1))?;
        within("http.hl7_bytes_min", http.hl7_bytes_min, 0, 1 << 20)?;
        within("consoles.count", self.consoles.count, 0, 256)?;
        within("consoles.units_each", self.consoles.units_each, 0, 1_000)
    }

    fn check_phases(&self) -> Result<(), String> {
        for (place, phase) in self.phases.iter().enumerate() {
            let key = format!("phase {}", place + 1);
            within(&format!("{key}: duration_s"), phase.duration_s, 0.1, 86_400.0)?;
            let (from, to) = phase.factors().map_err(|what| format!("{key}: {what}"))?;
            within(&format!("{key}: from (or factor)"), from, 0.0, 1_000.0)?;
            within(&format!("{key}: to (or factor)"), to, 0.0, 1_000.0)?;
        }
        let summed: f64 = self.phases.iter().map(|phase| phase.duration_s).sum();
        match self.duration_s {
            None if self.phases.is_empty() => Err("duration_s must be given where there is no phase".into()),
            Some(said) if !self.phases.is_empty() && (said - summed).abs() > 1e-6 => {
                Err(format!("duration_s is {said}, the phases take {summed} together; leave duration_s out"))
            }
            _ => within("duration_s", self.duration(), 0.1, 86_400.0),
        }
    }

    fn check_fault(&self, place: usize, fault: &Fault) -> Result<(), String> {
        let key = format!("fault {} ({})", place + 1, fault.kind.name());
        within(&format!("{key}: at_s"), fault.at_s, 0.0, self.duration())?;
        within(&format!("{key}: for_s"), fault.for_s, 0.0, 3_600.0)?;
        within(&format!("{key}: share"), fault.share, 0.0, 1.0)?;
        within(&format!("{key}: every_s"), fault.every_s, 0.0, 86_400.0)?;
        if matches!(fault.kind, FaultKind::Pause | FaultKind::Stall) && fault.for_s == 0.0 {
            return Err(format!("{key}: for_s must say how long"));
        }
        if fault.every_s > 0.0 && fault.every_s <= fault.for_s {
            return Err(format!("{key}: every_s must be longer than for_s"));
        }
        if matches!(fault.kind, FaultKind::Storm | FaultKind::Stall) && self.consoles.count == 0 {
            return Err(format!("{key}: there are no consoles (consoles.count)"));
        }
        Ok(())
    }

    /// Seconds during which sends are due.
    pub fn duration(&self) -> f64 {
        if self.phases.is_empty() {
            self.duration_s.unwrap_or(0.0)
        } else {
            self.phases.iter().map(|phase| phase.duration_s).sum()
        }
    }
}

impl Phase {
    /// Rate at its beginning and at its end, as multiples.
    pub fn factors(&self) -> Result<(f64, f64), String> {
        match (self.kind, self.factor, self.from, self.to) {
            (PhaseKind::Ramp, None, from, Some(to)) => Ok((from.unwrap_or(0.0), to)),
            (PhaseKind::Ramp, ..) => Err("a ramp has from (0 where absent) and to, not factor".into()),
            (_, factor, None, None) => Ok((factor.unwrap_or(1.0), factor.unwrap_or(1.0))),
            _ => Err("from and to belong to a ramp; here factor says how much".into()),
        }
    }
}
