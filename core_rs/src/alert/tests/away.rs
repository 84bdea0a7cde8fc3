//! What time alone is good for: a tick ends nothing, and a time without ticks counts for nothing that nobody could say.

use super::conditions::{Bedside, cleared, shock};
use super::*;
use crate::decode::Status;
use crate::decode::catalogue::{HR, LACTATE, MAP};

fn low_for(seconds: u32) -> String {
    shock(&format!("{{ signal = \"MAP\", below = 65, for_s = {seconds} }}"), "lockout_s = 3600")
}

/// Ticks of every second from one to another; when something came of them.
fn ticks(bedside: &mut Bedside, from_s: i64, to_s: i64) -> Vec<i64> {
    (from_s..=to_s).filter(|at_s| !bedside.tick(*at_s).is_empty()).collect()
}

#[test]
fn a_condition_does_not_ripen_on_the_silence_of_a_server_that_was_down() {
    let mut bedside = Bedside::under(&low_for(600));
    bedside.now(0, MAP, 60.0);
    assert!(ticks(&mut bedside, 1, 5).is_empty());
    // Down for half an hour. The tick comes before the backlog, which says that it was over after a minute.
    assert!(ticks(&mut bedside, 1_800, 1_801).is_empty());
    assert_eq!(bedside.frame(1_802, &[(MAP, 60, 80.0, Status::Final)]), []);
    assert!(ticks(&mut bedside, 1_803, 3_000).is_empty());
}

#[test]
fn where_nobody_says_otherwise_it_ripens_when_it_has_lasted_for_its_time_of_the_servers_own_also_across_a_snapshot() {
    for restarted in [false, true] {
        let text = low_for(600);
        let mut bedside = Bedside::under(&text);
        bedside.now(0, MAP, 60.0);
        assert!(ticks(&mut bedside, 1, 5).is_empty());
        assert!(ticks(&mut bedside, 1_000, 1_002).is_empty());
        if restarted {
            bedside.restart(&text);
        }
        // Twice down, 995 s and 997 s: both count for nobody.
        assert_eq!(ticks(&mut bedside, 1_999, 2_700), [600 + 995 + 997], "restarted: {restarted}");
        assert!(bedside.told[0].reason.ends_with("below 65 for 10 min"), "{}", bedside.told[0].reason);
    }
}

#[test]
fn a_newer_value_ends_the_silence_and_what_was_observed_counts() {
    let mut bedside = Bedside::under(&low_for(600));
    bedside.now(0, MAP, 60.0);
    ticks(&mut bedside, 1, 5);
    assert!(ticks(&mut bedside, 900, 901).is_empty());
    let told = bedside.frame(902, &[(MAP, 300, 60.0, Status::Final), (MAP, 880, 61.0, Status::Final)]);
    assert_eq!(told.len(), 1, "low at 0, 300 and 880 s");
    assert!(told[0].1.ends_with("below 65 for 15 min"), "{}", told[0].1);
}

#[test]
fn a_look_before_the_first_tick_counts_the_silence_no_more_than_the_tick_does() {
    let text = shock("{ all = [ { signal = \"MAP\", below = 65, for_s = 600 }, { signal = \"HR\", above = 110 } ] }", "");
    let mut bedside = Bedside::under(&text);
    bedside.now(0, MAP, 60.0);
    ticks(&mut bedside, 1, 5);
    assert_eq!(bedside.now(1_800, HR, 130.0), [], "the heart rate comes first, the pressure's backlog behind it");
    assert_eq!(ticks(&mut bedside, 1_801, 2_500), [600 + 1_801 - 5]);
}

#[test]
fn a_tick_is_no_evaluation_towards_the_end_of_an_alert() {
    let text = shock(
        "{ all = [ { signal = \"HR\", above = 110 }, { signal = \"Lactate\", above = 4, for_s = 60 } ] }",
        "clear_evaluations = 3",
    );
    let mut bedside = Bedside::under(&text);
    bedside.now(0, LACTATE, 5.0);
    assert_eq!(bedside.now(60, HR, 120.0).len(), 1);
    assert_eq!(bedside.now(61, LACTATE, 3.0), []);
    assert_eq!(bedside.frame(62, &[(HR, 62, 100.0, Status::Final), (LACTATE, 62, 5.0, Status::Final)]), []);
    assert_eq!(bedside.tick(122), [], "the lactate has lasted for its time; of the heart rate nothing is new");
    assert_eq!(
        bedside.now(123, HR, 100.0),
        cleared("no longer: heart rate 100 /min, 0 s old, not above 110"),
        "false for the third time, and with words"
    );
}

const QUIET: &str = "[quiet]\nfrom = \"22:00\"\nto = \"06:00\"\nseverities = [\"high\"]\n";

#[test]
fn the_first_tick_after_a_night_begun_without_ticks_wakes_nobody_by_the_minute_of_the_evening() {
    let text = shock("{ signal = \"MAP\", below = 65, for_s = 20 }", "") + QUIET;
    let mut bedside = Bedside::under(&text);
    bedside.minute = 21 * 60 + 59;
    bedside.tick(0);
    bedside.now(15, MAP, 60.0);
    bedside.tick(16);
    // Down from 21:59 to 01:59, and for the rest of the 20 s there is nothing to say otherwise.
    bedside.minute = 60 + 59;
    for at_s in 14_400..14_430 {
        bedside.tick(at_s);
    }
    let held: Vec<_> = bedside.told.iter().map(|event| (event.kind, event.held)).collect();
    assert_eq!(held, [(AlertKind::Opened, true)]);
    // Nor does the first tick of a quiet hour, by the minute before.
    let mut punctual = Bedside::under(&text);
    punctual.minute = 21 * 60 + 59;
    punctual.now(0, MAP, 60.0);
    assert!(ticks(&mut punctual, 1, 19).is_empty());
    punctual.minute = 22 * 60;
    punctual.tick(20);
    assert_eq!((punctual.told.len(), punctual.told[0].held), (1, true));
    // What opens by a frame before the first tick is held as well.
    let mut early = Bedside::under(&(shock("{ signal = \"MAP\", below = 65 }", "") + QUIET));
    early.minute = 21 * 60 + 59;
    early.tick(0);
    early.now(14_400, MAP, 60.0);
    assert_eq!((early.told.len(), early.told[0].held), (1, true));
}
