//! Conservation: where every message and every observation ended, and whether the counts of both sides add up.
//!
//! The server's side are counts since its journal's first frame (`pipeline_ever_*`), so a kill and a restart between two looks change
//! nothing: what was acknowledged and is not in the journal afterwards is lost, whatever the scenario did. A count that the server
//! does not tell is unknown, which fails the run as a difference does.

use super::collected::Collected;
use crate::observe::metrics::Figures;
use crate::plan::Plan;
use crate::result::{Conservation, Difference};

/// What explains a difference.
#[derive(Debug, Clone, Copy, Default)]
struct Circumstances {
    /// Nobody but the harness can have sent to the server.
    spawned: bool,
    /// At QoS 0 a message counts as acknowledged once it is written, which promises nothing.
    qos0: bool,
    /// Values are a recording's, which may be implausible.
    recorded: bool,
}

/// The counts, and what does not add up.
pub fn conservation(plan: &Plan, got: &Collected, before: &Figures, after: Option<&Figures>) -> Conservation {
    let grown = |of: fn(&Figures) -> Option<u64>| Some(of(after?)?.saturating_sub(of(before)?));
    let behind = after.and_then(|after| Some(after.durable?.saturating_sub(after.stored?)));
    let journalled = grown(|one| one.received);
    let watched = plan.scenario.consoles.count > 0 && watches_all(plan);
    let mut found = Conservation {
        due: got.due,
        unsent: got.due.saturating_sub(got.sent),
        sent: got.sent,
        observations_sent: got.observations,
        observations_acknowledged: Some(got.observations_acknowledged),
        acknowledged: got.acknowledged,
        refused: got.refused,
        unanswered: got.unanswered(),
        resent: got.resent,
        journalled,
        repeated: grown(|one| one.repeated),
        dead_lettered: grown(|one| one.dead),
        stored: journalled.zip(behind).map(|(all, behind)| all.saturating_sub(behind)),
        observations_taken: grown(|one| one.taken),
        observations_refused: grown(|one| one.refused),
        observations_kept: grown(|one| one.kept),
        seen_expected: watched.then(|| got.readings.saturating_sub(got.readings_refused)),
        seen: watched.then_some(got.seen),
        differences: Vec::new(),
        unknown: Vec::new(),
    };
    let on = Circumstances {
        spawned: plan.target.spawned,
        qos0: plan.scenario.monitors.qos == 0,
        recorded: plan.scenario.replay.is_some(),
    };
    found.differences = differences(&found, on);
    found.unknown = unknown(&found);
    found
}

fn watches_all(plan: &Plan) -> bool {
    let (units, consoles) = (plan.scenario.ward.units * plan.scenario.ward.hospitals, plan.scenario.consoles);
    consoles.units_each == 0 || consoles.units_each * consoles.count >= units
}

/// Counts without which nobody can say whether the others add up.
fn unknown(of: &Conservation) -> Vec<String> {
    let needed = [
        ("journalled", of.journalled),
        ("recognised as copies", of.repeated),
        ("dead letters", of.dead_lettered),
        ("stored", of.stored),
        ("observations taken in", of.observations_taken),
        ("observations refused", of.observations_refused),
    ];
    needed.iter().filter(|(_, count)| count.is_none()).map(|(name, _)| (*name).to_owned()).collect()
}

fn differences(of: &Conservation, on: Circumstances) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut tell = |name: &str, expected: u64, measured: u64, why: &str, explained: bool| {
        let (name, why) = (name.to_owned(), why.to_owned());
        found.push(Difference { name, expected, found: measured, why, explained });
    };
    let answered = of.acknowledged + of.refused + of.unanswered;
    if of.sent != answered {
        let name = "sent = acknowledged + refused + unanswered";
        tell(name, of.sent, answered, "the harness's own counts: a fault of the harness", false);
    }
    let more = |what: &str| {
        if on.spawned {
            format!("the server has {what} than were ever sent to it: what it takes in once, it must keep once")
        } else {
            format!("the server has {what} than this run sent: somebody else sends to it as well")
        }
    };
    if let (Some(journalled), Some(repeated)) = (of.journalled, of.repeated) {
        // What was not acknowledged may have been journalled all the same: the answer was lost, or said something else.
        let (low, high) = (of.acknowledged, of.acknowledged + of.unanswered + of.refused);
        let own = journalled.saturating_sub(repeated);
        let name = "acknowledged = journalled without copies";
        if own > high {
            tell(name, high, own, &more("more messages in its journal"), !on.spawned);
        } else if own < low && on.qos0 {
            tell(name, low, own, "QoS 0: what the connection lost was never journalled", true);
        } else if own < low {
            tell(name, low, own, "acknowledged messages are not in the journal: P1 is broken", false);
        }
    }
    if let (Some(journalled), Some(stored)) = (of.journalled, of.stored)
        && journalled != stored
    {
        tell("journalled = stored", journalled, stored, "the store had not caught up when the drain ended", false);
    }
    if let (Some(taken), Some(refused), Some(low)) =
        (of.observations_taken, of.observations_refused, of.observations_acknowledged)
    {
        let (name, found) = ("acknowledged observations = observations taken in or refused", taken + refused);
        if found > of.observations_sent {
            tell(name, of.observations_sent, found, &more("more observations"), !on.spawned);
        } else if found < low {
            tell(name, low, found, "observations of acknowledged messages are nowhere: lost", on.qos0);
        }
        if refused > 0 {
            let why = if on.recorded {
                "the recording holds values that the server does not believe: see `nightlamp dead-letters`"
            } else {
                "the server refused observations of a message that it understood: see `nightlamp dead-letters`"
            };
            tell("observations refused = 0", 0, refused, why, on.recorded);
        }
    }
    if let (Some(expected), Some(seen)) = (of.seen_expected, of.seen)
        && expected != seen
    {
        let why = "readings that no console was shown, nor a newer one of their bed";
        tell("readings = seen", expected, seen, why, of.unanswered > 0 || of.unsent > 0);
    }
    if let Some(dead) = of.dead_lettered.filter(|dead| *dead > 0) {
        tell("dead letters = 0", 0, dead, "frames the server could not read: see `nightlamp dead-letters`", false);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPAWNED: Circumstances = Circumstances { spawned: true, qos0: false, recorded: false };
    const ELSEWHERE: Circumstances = Circumstances { spawned: false, ..SPAWNED };

    /// A hundred messages of eight observations, all of them where they belong.
    fn all_there() -> Conservation {
        Conservation {
            due: 100,
            sent: 100,
            acknowledged: 100,
            observations_sent: 800,
            observations_acknowledged: Some(800),
            observations_taken: Some(800),
            observations_kept: Some(800),
            observations_refused: Some(0),
            journalled: Some(103),
            repeated: Some(3),
            dead_lettered: Some(0),
            stored: Some(103),
            ..Conservation::default()
        }
    }

    fn lost(of: &Conservation, on: Circumstances) -> Vec<String> {
        let all = differences(of, on);
        all.into_iter().filter(|one| !one.explained).map(|one| one.name).collect()
    }

    #[test]
    fn copies_of_what_was_sent_again_after_a_kill_add_up() {
        assert_eq!(differences(&all_there(), SPAWNED), []);
        assert!(unknown(&all_there()).is_empty());
    }

    #[test]
    fn one_acknowledged_message_that_is_not_in_the_journal_is_lost_whatever_was_killed() {
        let of = Conservation { journalled: Some(102), stored: Some(102), ..all_there() };
        assert_eq!(lost(&of, SPAWNED), ["acknowledged = journalled without copies"]);
        assert_eq!(lost(&of, ELSEWHERE), ["acknowledged = journalled without copies"]);
        assert!(lost(&of, Circumstances { qos0: true, ..SPAWNED }).is_empty(), "QoS 0 promises nothing");
    }

    #[test]
    fn what_was_refused_or_not_answered_may_be_in_the_journal_and_nothing_beyond_it() {
        let of = Conservation { sent: 105, refused: 2, unanswered: 3, observations_sent: 840, ..all_there() };
        for own in 100..=105 {
            let of = Conservation { journalled: Some(own + 3), stored: Some(own + 3), ..of.clone() };
            assert_eq!(differences(&of, SPAWNED), [], "{own}");
        }
        let of = Conservation { journalled: Some(109), stored: Some(109), ..of };
        assert_eq!(lost(&of, SPAWNED), ["acknowledged = journalled without copies"]);
    }

    #[test]
    fn a_server_of_the_harness_s_own_that_journals_everything_twice_fails_and_a_shared_one_is_told() {
        let of = Conservation { journalled: Some(203), stored: Some(203), observations_taken: Some(1_600), ..all_there() };
        let both = ["acknowledged = journalled without copies", "acknowledged observations = observations taken in or refused"];
        assert_eq!(lost(&of, SPAWNED), both);
        let told = differences(&of, ELSEWHERE);
        assert!(told.len() == 2 && told.iter().all(|one| one.explained && one.why.contains("somebody else")), "{told:?}");
    }

    #[test]
    fn one_observation_of_an_acknowledged_message_that_is_in_no_row_is_lost() {
        let of = Conservation { observations_taken: Some(799), ..all_there() };
        assert_eq!(lost(&of, SPAWNED), ["acknowledged observations = observations taken in or refused"]);
    }

    #[test]
    fn an_observation_the_server_refused_is_not_lost_and_only_a_recording_explains_it() {
        let of = Conservation { observations_taken: Some(799), observations_refused: Some(1), ..all_there() };
        assert_eq!(lost(&of, SPAWNED), ["observations refused = 0"]);
        let recorded = Circumstances { recorded: true, ..SPAWNED };
        assert!(lost(&of, recorded).is_empty());
        assert_eq!(differences(&of, recorded).len(), 1, "it is told all the same");
    }

    #[test]
    fn a_count_that_the_server_does_not_tell_is_unknown_by_its_name() {
        let of = Conservation { stored: None, observations_taken: None, ..all_there() };
        assert_eq!(unknown(&of), ["stored", "observations taken in"]);
        let nothing = Conservation { journalled: None, repeated: None, dead_lettered: None, ..of };
        assert_eq!(unknown(&nothing).len(), 5, "{:?}", unknown(&nothing));
    }

    #[test]
    fn a_store_that_did_not_catch_up_and_a_dead_letter_fail() {
        let of = Conservation { stored: Some(100), dead_lettered: Some(1), ..all_there() };
        assert_eq!(lost(&of, SPAWNED), ["journalled = stored", "dead letters = 0"]);
    }
}
