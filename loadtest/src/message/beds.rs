//! The beds of a scenario: who lies where, by which door the monitor sends, and at which phase of the period.
//!
//! Everything follows from the scenario and its seed. Patients are nobody: a number under the authority LOADTEST.

use super::values::fraction;
use crate::scenario::Scenario;

/// By which door a bed's monitor sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// Device JSON by MQTT.
    Mqtt,
    /// Device JSON by HTTP.
    Json,
    /// HL7 v2 by HTTP.
    Hl7,
}

/// One bed with its patient and monitor.
#[derive(Debug, Clone)]
pub struct Bed {
    /// The unit's name.
    pub unit: String,
    /// Number of the unit, over all hospitals.
    pub unit_index: u32,
    /// The bed within the unit.
    pub bed: String,
    /// The monitor's serial number.
    pub device: String,
    /// The patient's identifier.
    pub mrn: String,
    /// The MQTT topic.
    pub topic: String,
    /// By which door it sends.
    pub door: Door,
    /// Where in its period it sends, 0 to 1.
    pub phase: f64,
    /// Whether its patient worsens over the run.
    pub deteriorates: bool,
}

/// Number of units over all hospitals.
pub fn unit_count(scenario: &Scenario) -> u32 {
    scenario.ward.units * scenario.ward.hospitals
}

/// The name of a unit.
pub fn unit_name(scenario: &Scenario, unit: u32) -> String {
    let (hospital, within) = (unit / scenario.ward.units + 1, unit % scenario.ward.units + 1);
    if scenario.ward.hospitals == 1 { format!("LT-U{within:03}") } else { format!("LT-H{hospital:02}-U{within:03}") }
}

/// All beds, spread evenly over the units.
pub fn build(scenario: &Scenario) -> Vec<Bed> {
    let units = unit_count(scenario).max(1);
    let seed = scenario.seed;
    // Shares are exact: bed i is one of share s where the count of s up to i+1 exceeds that up to i.
    let is_one = |index: u32, share: f64| (f64::from(index + 1) * share).floor() > (f64::from(index) * share).floor();
    let (json, hl7) = (scenario.shares.json, scenario.shares.hl7);
    (0..scenario.ward.patients)
        .map(|index| {
            let unit_index = index % units;
            let (unit, bed) = (unit_name(scenario, unit_index), format!("{:03}", index / units + 1));
            let both = is_one(index, json + hl7);
            let before = (f64::from(index) * (json + hl7)).floor() as u32;
            let door = match (both, json + hl7 > 0.0 && is_one(before, json / (json + hl7))) {
                (false, _) => Door::Mqtt,
                (true, true) => Door::Json,
                (true, false) => Door::Hl7,
            };
            Bed {
                topic: format!("nightlamp/v1/{unit}/{bed}/vitals"),
                unit,
                unit_index,
                bed,
                device: format!("LT{seed}-{index:05}"),
                mrn: format!("LT{seed}N{index:06}"),
                door,
                phase: fraction(seed ^ 0x70_68_61_73_65, u64::from(index)),
                deteriorates: is_one(index, scenario.ward.deteriorating),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Scenario;

    #[test]
    fn shares_are_exact_and_every_bed_is_another() {
        let text = "name='x'\nduration_s=1.0\n[ward]\npatients=1000\nunits=7\nhospitals=3\n[shares]\njson=0.2\nhl7=0.1";
        let beds = build(&Scenario::parse(text).unwrap());
        let by = |door| beds.iter().filter(|bed| bed.door == door).count();
        assert_eq!((by(Door::Mqtt), by(Door::Json) + by(Door::Hl7)), (700, 300));
        assert!((199..=201).contains(&by(Door::Json)), "{}", by(Door::Json));
        assert_eq!(beds.iter().filter(|bed| bed.deteriorates).count(), 100);
        let topics: std::collections::BTreeSet<&str> = beds.iter().map(|bed| bed.topic.as_str()).collect();
        assert_eq!(topics.len(), 1_000);
    }
}
