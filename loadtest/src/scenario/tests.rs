use super::*;

const LEAST: &str = "name = 'x'\nduration_s = 5.0\n[ward]\npatients = 10\n";

fn refused(text: &str) -> String {
    Scenario::parse(text).expect_err("it was to be refused")
}

#[test]
fn every_shipped_scenario_is_read_and_bears_its_name() {
    for (name, _) in SHIPPED {
        let scenario = load(name).unwrap();
        assert_eq!(scenario.name, name);
        assert!(!scenario.about.is_empty() && !scenario.levels.is_empty(), "{name}");
    }
}

#[test]
fn an_unknown_key_is_refused_by_its_name_with_the_known_ones() {
    let error = refused(&format!("{LEAST}pateints = 3"));
    assert!(error.contains("pateints") && error.contains("patients"), "{error}");
    let error = refused(&format!("{LEAST}[monitors]\nqos = 1\nspeed = 2"));
    assert!(error.contains("speed") && error.contains("in_flight_max"), "{error}");
}

#[test]
fn what_is_out_of_range_is_refused_with_its_key_and_its_range() {
    for (more, wanted) in [
        ("units = 11", "ward.units x ward.hospitals must be at most ward.patients (10)"),
        ("[monitors]\nqos = 2", "monitors.qos must lie between 0 and 1, got 2"),
        ("[monitors]\nsignals = { Pulse = 1.0 }", "monitors.signals.Pulse: no such signal; there are HR"),
        ("[shares]\njson = 0.7\nhl7 = 0.4", "shares.json + shares.hl7 must lie between 0 and 1"),
        ("[consoles]\ncount = 300", "consoles.count must lie between 0 and 256, got 300"),
        ("[levels]\nsene_p99_ms = 1.0", "levels.sene_p99_ms: no such level; there are {acknowledged|scored"),
        ("[[fault]]\nkind = 'stall'\nat_s = 1.0\nfor_s = 1.0", "fault 1 (stall): there are no consoles"),
        ("[[fault]]\nkind = 'pause'\nat_s = 1.0", "fault 1 (pause): for_s must say how long"),
        ("[[fault]]\nkind = 'kill'\nat_s = 9.0", "fault 1 (kill): at_s must lie between 0 and 5, got 9"),
        ("[[phase]]\nkind = 'ramp'\nduration_s = 5.0\nfactor = 2.0", "phase 1: a ramp has from"),
        ("[[phase]]\nkind = 'hold'\nduration_s = 4.0", "duration_s is 5, the phases take 4 together"),
        ("[replay]\nrecording = 'x'\nspeed = 0.0", "replay.speed must lie between"),
    ] {
        let error = refused(&format!("{LEAST}{more}"));
        assert!(error.contains(wanted), "{more}\n{error}");
    }
    assert!(refused("name = 'x'\n[ward]\npatients = 1").contains("duration_s must be given"));
    assert!(refused(&LEAST.replace("'x'", "'../x'")).contains("file names"));
}

#[test]
fn fhir_is_refused_with_the_reason() {
    let error = refused(&format!("{LEAST}[shares]\nfhir = 0.1"));
    assert!(error.contains("shares.fhir must be 0") && error.contains("no FHIR door"), "{error}");
}

#[test]
fn a_name_that_is_neither_shipped_nor_a_file_is_told_what_there_is() {
    let error = load("hospitol").unwrap_err();
    assert!(error.contains("hospital") && error.contains("nor a file"), "{error}");
}
