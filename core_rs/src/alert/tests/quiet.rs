//! Quiet hours end: whoever was called before them is called, and nobody before his or her turn.

use super::answers::{action, opened};
use super::*;

const S: i64 = 1_000_000;
const CHAIN: &str = "[[escalation]]\nseverity = \"high\"\nsteps = [{after_s = 60, to = \"charge_nurse\"}, {after_s = 180, to = \"physician\"}]\nrepeat_s = 100\n";
const QUIET: &str = "[quiet]\nfrom = \"22:00\"\nto = \"06:00\"\nseverities = [\"high\"]\n";

fn tick(engine: &mut AlertEngine, at_s: i64, minute: u16) -> Vec<(AlertKind, String, u8)> {
    let mut out = Vec::new();
    engine.on_tick(((20_000 + at_s) as u64, at_s * S), minute, &mut out);
    out.iter().map(|event| (event.kind, event.said.to.to_string(), event.level)).collect()
}

#[test]
fn an_alert_that_was_passed_on_goes_on_from_that_roles_place_when_quiet_hours_end() {
    for by_hand in [true, false] {
        let (mut engine, _) = opened(&(rule("") + CHAIN + QUIET));
        if by_hand {
            tick(&mut engine, 1, 22 * 60);
            let json = r#"{"action":"escalate","alert_id":"65536","by":"k1","role":"nurse","to":"physician"}"#;
            engine.on_action(&action(json), (30, 30 * S), &mut Vec::new());
        } else {
            assert_eq!(tick(&mut engine, 60, 21 * 60).len() + tick(&mut engine, 180, 21 * 60).len(), 2);
        }
        assert!(tick(&mut engine, 300, 22 * 60 + 1).is_empty(), "nobody is reminded at night");
        // To another unit in the night, and back: it keeps its place.
        for unit in ["ward", "icu"] {
            engine.on_moved(patient(1), Some(&bed(unit)), (400, 400 * S), &mut Vec::new());
        }
        let reminded = |to: &str| vec![(AlertKind::Reminded, to.to_owned(), 2)];
        assert_eq!(tick(&mut engine, 1_000, 6 * 60), reminded("physician"), "by hand: {by_hand}");
        assert!(tick(&mut engine, 1_099, 6 * 60 + 1).is_empty());
        assert_eq!(tick(&mut engine, 1_100, 6 * 60 + 1), reminded("physician"));
    }
}
