//! What is known of a run before its first send.

use crate::message::beds::{Door, unit_count};
use crate::observe::process::machine;
use crate::plan::Plan;
use crate::result::{Facts, Head, PhaseFacts, Target};
use crate::schedule::{Due, Kind};
use crate::target;

/// The head of a run's result.
pub fn head(plan: &Plan) -> Head {
    let on = &plan.target;
    Head {
        started_at: jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        harness_version: env!("CARGO_PKG_VERSION").to_owned(),
        seed: plan.scenario.seed,
        target: Target {
            http: on.address.http.clone(),
            mqtt: on.address.mqtt.clone(),
            mqtt_tls: on.mqtt.tls.is_some(),
            loopback: on.loopback,
            spawned: on.spawned,
            pid: on.pid(),
            version: target::version(on),
        },
        machine: machine(),
        scenario: facts(plan),
    }
}

fn facts(plan: &Plan) -> Facts {
    let scenario = &plan.scenario;
    let connections = plan.connections();
    let beds = plan.beds.len() as f64;
    let mut payload = Vec::new();
    plan.put(
        &mut payload,
        Kind::Device,
        Due { at_ms: 0, bed: 0, round: 0 },
        plan.beds.first().is_some_and(|bed| bed.door == Door::Mqtt),
    );
    let phases = plan.curve.lines().iter().map(|line| PhaseFacts {
        name: line.name.to_owned(),
        from_s: line.from_s,
        until_s: line.until_s,
        factor_from: line.low,
        factor_to: line.high,
    });
    Facts {
        name: scenario.name.clone(),
        about: scenario.about.clone(),
        toml: scenario.text.clone(),
        overrides: scenario.overrides.clone(),
        patients: u64::from(scenario.ward.patients),
        units: u64::from(unit_count(scenario)),
        mqtt_connections: connections.iter().filter(|one| one.mqtt).count() as u64,
        http_connections: connections.iter().filter(|one| !one.mqtt).count() as u64,
        mqtt_qos: scenario.monitors.qos,
        consoles: u64::from(scenario.consoles.count),
        readings_per_s: beds * plan.per_s,
        observations_per_s: beds * plan.per_s * plan.readings.mean_count(),
        hl7_per_s: scenario.http.hl7_per_s,
        reading_bytes: payload.len() as u64,
        duration_s: plan.curve.duration_s(),
        warmup_s: scenario.warmup_s,
        phases: phases.collect(),
    }
}
