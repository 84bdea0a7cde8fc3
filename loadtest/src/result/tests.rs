use hdrhistogram::Histogram;

use super::*;

fn histogram(values: &[u64]) -> Histogram<u64> {
    let mut histogram = Histogram::new_with_bounds(1, LONGEST_US, 3).unwrap();
    for value in values {
        histogram.record(*value).unwrap();
    }
    histogram
}

fn run() -> Run {
    let latencies = Latencies::of(&histogram(&[900, 1_000, 1_000, 250_000]));
    let percentiles = latencies.percentiles();
    let target = Target {
        http: "http://127.0.0.1:8000".into(),
        mqtt: "127.0.0.1:1883".into(),
        mqtt_tls: false,
        loopback: true,
        spawned: true,
        pid: Some(7),
        version: None,
    };
    let phase = PhaseFacts { name: "hold".into(), from_s: 0.0, until_s: 2.0, factor_from: 1.0, factor_to: 1.0 };
    let mut second = Second { t_s: 1, due: 4, sent: 4, acknowledged: 4, ..Second::default() };
    second.latency.insert("acknowledged".into(), Latency::of(&histogram(&[5, 6])));
    Run {
        schema: SCHEMA,
        head: Head {
            started_at: "2026-01-01T00:00:00Z".into(),
            harness_version: "0".into(),
            seed: 7,
            target,
            machine: Machine::default(),
            scenario: Facts { name: "smoke".into(), phases: vec![phase], ..Facts::default() },
        },
        took_s: 2.5,
        seconds: vec![Second::default(), second],
        stages: vec![Stage { name: "acknowledged".into(), how: "PUBACK".into(), resolution_us: 0, latencies, percentiles }],
        conservation: Conservation { due: 4, sent: 4, acknowledged: 4, journalled: Some(4), ..Conservation::default() },
        generator: Generator::default(),
        server: ServerTotals::default(),
        events: vec![Event { t_s: 1.5, kind: "kill".into(), text: "killed".into() }],
        slo: vec![Level { name: "acknowledged_p99_ms".into(), limit: 10.0, measured: None, met: false }],
        verdict: Verdict { passed: false, exit_code: 3, reasons: vec!["nothing was measured".into()], warnings: vec![] },
    }
}

#[test]
fn a_run_comes_back_from_its_json_as_it_was() {
    let text = serde_json::to_string(&run()).unwrap();
    assert_eq!(serde_json::from_str::<Run>(&text).unwrap(), run());
}

#[test]
fn what_was_not_measured_is_null_and_never_zero() {
    let json = serde_json::to_value(run()).unwrap();
    assert!(json["seconds"][0]["server"]["cpu_cores"].is_null());
    assert!(json["slo"][0]["measured"].is_null());
}

#[test]
fn latencies_keep_every_value_of_the_histogram_to_three_digits() {
    let values: Vec<u64> = (1..2_000).map(|n| n * 37).collect();
    let (memory, rest) = (histogram(&values), Latencies::of(&histogram(&values)));
    assert_eq!(rest.count(), memory.len());
    for share in [0.0, 0.1, 0.5, 0.9, 0.99, 0.999, 1.0] {
        assert_eq!(rest.at(share), memory.value_at_quantile(share), "{share}");
    }
}

#[test]
fn two_histograms_merged_hold_both() {
    let (a, b) = (Latencies(vec![(1, 2), (5, 1)]), Latencies(vec![(5, 3), (9, 1)]));
    assert_eq!(a.merged(&b), Latencies(vec![(1, 2), (5, 4), (9, 1)]));
    assert_eq!(a.merged(&b).at(0.5), 5);
    assert_eq!(Latencies::default().percentiles(), Percentiles::default());
}

#[test]
fn a_result_from_before_a_field_was_added_is_still_read_and_the_field_is_unknown() {
    let mut json = serde_json::to_value(run()).unwrap();
    let added = [
        ("/conservation", vec!["observations_acknowledged", "observations_taken", "observations_refused", "unknown"]),
        ("/generator", vec!["waited_s", "saturated_s"]),
        ("/seconds/0/generator", vec!["busiest_thread_share", "waited_cores"]),
        ("/seconds/1/generator", vec!["busiest_thread_share", "waited_cores"]),
    ];
    for (place, names) in added {
        let object = json.pointer_mut(place).and_then(serde_json::Value::as_object_mut).unwrap();
        for name in names {
            assert!(object.remove(name).is_some(), "{place}/{name}");
        }
    }
    let old: Run = serde_json::from_value(json).unwrap();
    assert_eq!((old.conservation.observations_taken, old.seconds[0].generator.waited_cores), (None, None));
}
