//! A run and a search made by hand, for the tests of the report and of the live view.

use crate::result::*;

/// A seeded number between -0.5 and 0.5.
fn jitter(state: &mut u64) -> f64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) as f64 / f64::from(1_u32 << 31) - 0.5
}

/// Latency of a stage in a run like this one, at its median, in microseconds.
pub const STAGES: [(&str, f64); 5] =
    [("acknowledged", 1_900.0), ("scored", 3_100.0), ("stored", 38_000.0), ("seen", 14_000.0), ("consoles", 17_000.0)];

fn second(t_s: u32, state: &mut u64, slower: f64) -> Second {
    let stalled = if t_s == 47 { 40.0 } else { 1.0 };
    let due = if t_s < 10 {
        u64::from(t_s) * 100
    } else if t_s < 90 {
        1_000
    } else {
        0
    };
    let mut latency = std::collections::BTreeMap::new();
    for (name, median) in STAGES {
        let p50 = median * (1.0 + 0.3 * jitter(state)) * stalled * slower;
        let p99 = p50 * (2.6 + 1.2 * jitter(state));
        if due > 0 {
            let max = p99 * (1.5 + jitter(state));
            latency.insert(
                name.to_owned(),
                Latency { count: due, p50_us: p50 as u64, p90_us: (p50 * 1.7) as u64, p99_us: p99 as u64, max_us: max as u64 },
            );
        }
    }
    let server = ServerSecond {
        cpu_cores: Some(0.31 + 0.05 * jitter(state)),
        children_cpu_cores: Some(0.12 + 0.04 * jitter(state)),
        rss_bytes: Some(90_000_000 + u64::from(t_s) * 300_000),
        children_rss_bytes: Some(140_000_000 + u64::from(t_s) * 200_000),
        disk_written_bytes: Some(u64::from(t_s) * 3_400_000),
        journal_bytes: Some(u64::from(t_s) * 420_000),
        spool_bytes: Some(0),
    };
    Second {
        t_s,
        due,
        sent: due,
        observations: due * 8,
        acknowledged: if t_s == 47 { due / 3 } else { due },
        refused: if t_s == 48 { 12 } else { 0 },
        connections_lost: if t_s == 47 { 16 } else { 0 },
        seen: due,
        unsent: if t_s == 47 { 310 } else { 0 },
        unanswered: 3 + if t_s == 47 { 620 } else { 0 },
        latency,
        lag: Lag {
            journal: 2,
            processed: Some((4.0 + 4.0 * jitter(state)) as u64),
            stored: Some((60.0 + 60.0 * jitter(state)) as u64),
        },
        server,
        generator: GeneratorSecond {
            cpu_cores: 0.14,
            busiest_sender_cores: 0.06,
            busiest_thread_share: Some(0.1),
            waited_cores: Some(0.01),
            late_us_max: (400.0 + 300.0 * jitter(state)) as u64,
        },
        consoles: ConsoleSecond { open: 40, frames: 400, patients: 1_000, alerts: 1, bytes: 240_000 },
        ..Second::default()
    }
}

/// 95 s of a hospital; every latency times `slower`.
pub fn run(seed: u64, slower: f64) -> Run {
    let mut state = seed;
    let seconds: Vec<Second> = (0..95).map(|t_s| second(t_s, &mut state, slower)).collect();
    let stages: Vec<Stage> = STAGES
        .iter()
        .map(|(name, median)| {
            let mut counts = std::collections::BTreeMap::new();
            for index in 0..20_000_u32 {
                // A long tail: the quantile's own odds.
                let q = (f64::from(index) + 0.5) / 20_000.0;
                let us = median * slower * (0.45 + 0.5 * (q / (1.0 - q)).powf(0.45)) * (1.0 + 0.02 * jitter(&mut state));
                *counts.entry(us as u64).or_insert(0) += 4;
            }
            let latencies = Latencies(counts.into_iter().collect());
            let percentiles = latencies.percentiles();
            let (how, resolution_us) = if *name == "stored" {
                ("the store's cursor in /metrics, every 100 ms", 100_000)
            } else {
                ("PUBACK or HTTP answer", 0)
            };
            Stage { name: (*name).to_owned(), how: how.to_owned(), resolution_us, latencies, percentiles }
        })
        .collect();
    Run {
        schema: SCHEMA,
        head: head(seed),
        took_s: 95.2,
        seconds,
        stages,
        conservation: Conservation {
            due: 84_500,
            sent: 84_500,
            observations_sent: 676_000,
            acknowledged: 84_488,
            refused: 12,
            resent: 31,
            journalled: Some(84_495),
            repeated: Some(7),
            dead_lettered: Some(0),
            stored: Some(84_495),
            observations_kept: Some(675_904),
            seen_expected: Some(84_488),
            seen: Some(84_488),
            differences: vec![Difference {
                name: "acknowledged = journalled".to_owned(),
                expected: 84_488,
                found: 84_495,
                why: "frames sent again after a disconnect".to_owned(),
                explained: true,
            }],
            ..Conservation::default()
        },
        generator: Generator {
            cores_mean: 0.14,
            messages_per_cpu_s: 7_200.0,
            late: Percentiles { count: 84_500, p99_us: 420, ..Percentiles::default() },
            ..Generator::default()
        },
        server: ServerTotals {
            cpu_cores_mean: Some(0.31),
            children_cpu_cores_mean: Some(0.12),
            rss_bytes_max: Some(118_000_000),
            disk_written_bytes: Some(320_000_000),
            cpu_us_per_observation: Some(41.0),
        },
        events: vec![
            Event { t_s: 47.2, kind: "disconnect".to_owned(), text: "every MQTT connection reset <16>".to_owned() },
            Event { t_s: 48.0, kind: "note".to_owned(), text: "all connections are back".to_owned() },
        ],
        slo: vec![
            Level {
                name: "acknowledged_p99_ms".to_owned(),
                limit: 10.0,
                measured: Some(8.1 * slower),
                met: 8.1 * slower <= 10.0,
            },
            Level { name: "seen_p99_ms".to_owned(), limit: 50.0, measured: Some(61.0 * slower), met: false },
            Level { name: "observations_per_s_min".to_owned(), limit: 7_000.0, measured: Some(7_510.0), met: true },
            Level { name: "server_rss_mib_max".to_owned(), limit: 1_024.0, measured: Some(112.5), met: true },
            Level { name: "recovered_s_max".to_owned(), limit: 2.0, measured: None, met: false },
        ],
        verdict: Verdict {
            passed: false,
            exit_code: 3,
            reasons: vec!["seen_p99_ms is 61 ms, at most 50 ms".to_owned(), "recovered_s_max was not measured".to_owned()],
            warnings: vec!["the machine was busy before the run: load 4.2 on 2 cores".to_owned()],
        },
    }
}

fn head(seed: u64) -> Head {
    let phase = |name: &str, from_s, until_s, factor_from, factor_to| PhaseFacts {
        name: name.to_owned(),
        from_s,
        until_s,
        factor_from,
        factor_to,
    };
    Head {
        started_at: "2026-11-21T14:00:00Z".to_owned(),
        harness_version: "0.1.0".to_owned(),
        seed,
        target: Target {
            http: "http://127.0.0.1:8000".to_owned(),
            mqtt: "127.0.0.1:1883".to_owned(),
            mqtt_tls: false,
            loopback: true,
            spawned: true,
            pid: Some(4711),
            version: Some("0.1.0".to_owned()),
        },
        machine: Machine {
            cpu: "AMD EPYC 9R14".to_owned(),
            cores: 2,
            memory_bytes: 25_769_803_776,
            kernel: "6.1.0".to_owned(),
            load_1m_before: 0.4,
        },
        scenario: Facts {
            name: "hospital".to_owned(),
            about: "1,000 beds & <8> signals".to_owned(),
            toml: "name = \"hospital\"\n# <script>alert(1)</script>\n[ward]\npatients = 1000\n".to_owned(),
            overrides: vec!["--duration-s 90".to_owned()],
            patients: 1000,
            units: 20,
            mqtt_connections: 16,
            http_connections: 8,
            mqtt_qos: 1,
            consoles: 40,
            readings_per_s: 1000.0,
            observations_per_s: 8000.0,
            hl7_per_s: 0.0,
            reading_bytes: 240,
            duration_s: 90.0,
            warmup_s: 10.0,
            phases: vec![phase("ramp", 0.0, 10.0, 0.0, 1.0), phase("hold", 10.0, 90.0, 1.0, 1.0)],
        },
    }
}

/// A search whose third step did not hold.
pub fn search(best: f64) -> Search {
    let step = |factor: f64, held: bool| {
        let p99 =
            Percentiles { count: 9_000, p50_us: 2_000, p99_us: if held { 9_000 } else { 880_000 }, ..Percentiles::default() };
        Step {
            factor,
            messages_per_s: 1_000.0 * factor,
            observations_per_s: best / 2.0 * factor,
            acknowledged_per_s: 1_000.0 * factor,
            stages: [("acknowledged".to_owned(), p99), ("seen".to_owned(), p99)].into(),
            lag_grew_frames: if held { 0 } else { 12_000 },
            server_cpu_cores: Some(0.4 * factor),
            generator_cpu_cores: 0.1,
            held,
            why: if held { String::new() } else { "the lag grew by <12,000> frames".to_owned() },
        }
    };
    Search {
        schema: SCHEMA,
        head: head(7),
        steps: vec![step(1.0, true), step(2.0, true), step(2.2, false)],
        best_observations_per_s: Some(best),
        best_messages_per_s: Some(2_000.0),
    }
}
