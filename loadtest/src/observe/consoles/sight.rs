//! What has been seen: which readings of which bed, by whom, how late.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Watched, is_among_last, stalling_milli};
use crate::message::beds;
use crate::observe::message::Message;
use crate::plan::Plan;
use crate::result::ConsoleSecond;
use crate::send::tally::histogram;

/// Shared by all consoles of the thread.
#[derive(Debug)]
pub struct Sight {
    plan: Arc<Plan>,
    /// Unit and bed -> number of the bed.
    places: HashMap<String, HashMap<String, u32>>,
    /// The console that counts for each unit; None where nobody watches it.
    watchers: Vec<Option<u32>>,
    /// Consoles from this number on stall at times; None where none does.
    stalling: Option<u32>,
    /// The first reading of each bed that has not been seen.
    next_round: Vec<u32>,
    seen_total: u64,
    now: Watched,
    /// Connected and subscribed.
    pub open: u64,
}

fn nothing(second: u32) -> Watched {
    Watched {
        second,
        seen: histogram(),
        deliveries: histogram(),
        awake: histogram(),
        seen_total: 0,
        counts: ConsoleSecond::default(),
        lost: 0,
        faults: Vec::new(),
    }
}

/// The units a console watches, by number.
pub fn units_of(plan: &Plan, console: u32) -> Vec<u32> {
    let units = beds::unit_count(&plan.scenario).max(1);
    let each = plan.scenario.consoles.units_each;
    if each == 0 || each >= units {
        return (0..units).collect();
    }
    (0..each).map(|place| (console * each + place) % units).collect()
}

impl Sight {
    /// Nothing seen yet.
    pub fn new(plan: Arc<Plan>) -> Self {
        let mut places: HashMap<String, HashMap<String, u32>> = HashMap::new();
        for (index, bed) in plan.beds.iter().enumerate() {
            places.entry(bed.unit.clone()).or_default().insert(bed.bed.clone(), u32::try_from(index).unwrap_or(0));
        }
        let mut watchers = vec![None; beds::unit_count(&plan.scenario) as usize];
        for console in (0..plan.scenario.consoles.count).rev() {
            for unit in units_of(&plan, console) {
                if let Some(watcher) = watchers.get_mut(unit as usize) {
                    *watcher = Some(console);
                }
            }
        }
        let (count, milli) = (plan.scenario.consoles.count, stalling_milli(&plan.scenario));
        let stalling = (0..count).find(|console| is_among_last(*console, count, milli));
        Self { next_round: vec![0; plan.beds.len()], places, watchers, stalling, plan, seen_total: 0, now: nothing(0), open: 0 }
    }

    /// Takes in one patient's state; `newest` is what this console saw last of each bed.
    pub fn patient(&mut self, console: u32, newest: &mut HashMap<u32, u32>, message: &Message<'_>) {
        self.now.counts.patients += 1;
        let Some(clock) = self.plan.clock() else { return };
        self.patient_at(console, newest, message, clock.epoch_ms, clock.now_us());
    }

    fn patient_at(&mut self, console: u32, newest: &mut HashMap<u32, u32>, message: &Message<'_>, epoch_ms: i64, now_us: u64) {
        let Some(at_ms) = message.vitals.0.and_then(|at_ms| u32::try_from(at_ms - epoch_ms).ok()) else { return };
        let Some(bed) = self.places.get(message.unit.as_ref()).and_then(|beds| beds.get(message.bed.as_ref())).copied() else {
            return;
        };
        let last = newest.entry(bed).or_insert(u32::MAX);
        if *last == u32::MAX || *last < at_ms {
            *last = at_ms;
            let late_us = now_us.saturating_sub(u64::from(at_ms) * 1_000).max(1);
            self.now.deliveries.saturating_record(late_us);
            if self.stalling.is_some_and(|first| console < first) {
                self.now.awake.saturating_record(late_us);
            }
        }
        let unit = self.plan.beds.get(bed as usize).map_or(0, |bed| bed.unit_index);
        if self.watchers.get(unit as usize).copied().flatten() != Some(console) {
            return;
        }
        let Some(round) = self.next_round.get_mut(bed as usize) else { return };
        while let Some(intended) = self.plan.reading_ms(bed, *round).filter(|intended| *intended <= at_ms) {
            let marked = self.plan.readings.is_marked(bed, *round);
            *round += 1;
            if !marked {
                continue;
            }
            self.seen_total += 1;
            self.now.seen.saturating_record(now_us.saturating_sub(u64::from(intended) * 1_000).max(1));
        }
    }

    /// Counts a WebSocket message.
    pub fn frame(&mut self, bytes: usize) {
        self.now.counts.frames += 1;
        self.now.counts.bytes += bytes as u64;
    }

    /// Counts a step of an alert.
    pub fn alert(&mut self) {
        self.now.counts.alerts += 1;
    }

    /// Counts a lost connection.
    pub fn lost(&mut self, why: String) {
        self.now.lost += 1;
        if self.now.faults.len() < 4 && !self.now.faults.contains(&why) {
            self.now.faults.push(why);
        }
    }

    /// What came since the last report, as of `second`.
    pub fn report(&mut self, second: u32) -> Watched {
        let mut done = std::mem::replace(&mut self.now, nothing(0));
        done.second = second;
        done.seen_total = self.seen_total;
        done.counts.open = self.open;
        done
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::message::Vitals;
    use crate::plan;
    use crate::scenario::{FaultKind, Scenario, load};

    fn sight(scenario: Scenario) -> Sight {
        Sight::new(Arc::new(plan::tests::of(scenario)))
    }

    /// A state of a bed with the reading of this time.
    fn state<'a>(sight: &'a Sight, bed: usize, at_ms: i64) -> Message<'a> {
        let bed = &sight.plan.beds[bed];
        Message {
            kind: "patient".into(),
            unit: bed.unit.as_str().into(),
            bed: bed.bed.as_str().into(),
            cursor: None,
            stream: None,
            vitals: Vitals(Some(at_ms)),
        }
    }

    #[test]
    fn no_console_that_counts_what_is_seen_is_ever_stalled_by_a_shipped_scenario() {
        let scenario = load("stall").unwrap();
        let (count, milli) = (scenario.consoles.count, stalling_milli(&scenario));
        assert!(scenario.faults.iter().any(|fault| fault.kind == FaultKind::Stall));
        let stalled: Vec<u32> = (0..count).filter(|console| is_among_last(*console, count, milli)).collect();
        assert_eq!(stalled, (50..100).collect::<Vec<u32>>());
        let sight = sight(scenario);
        assert!(sight.watchers.iter().all(|watcher| watcher.is_some_and(|console| !stalled.contains(&console))));
        for level in ["seen_p99_ms", "awake_p99_ms"] {
            assert!(sight.plan.scenario.levels.contains_key(level), "{level}");
        }
    }

    #[test]
    fn a_stalled_console_s_late_delivery_is_neither_seen_late_nor_among_those_awake() {
        let text = "name = 'x'\nduration_s = 5.0\n[ward]\npatients = 4\n[consoles]\ncount = 4\n\
                    [[fault]]\nkind = 'stall'\nat_s = 1.0\nfor_s = 3.0\nshare = 0.5";
        let mut sight = sight(Scenario::parse(text).unwrap());
        let intended = sight.plan.reading_ms(0, 0).unwrap();
        for (console, late_ms) in [(0, 20_u64), (1, 30), (2, 3_000), (3, 3_000)] {
            let donor = Sight::new(Arc::clone(&sight.plan));
            let now_us = (u64::from(intended) + late_ms) * 1_000;
            sight.patient_at(console, &mut HashMap::new(), &state(&donor, 0, i64::from(intended)), 0, now_us);
        }
        let told = sight.report(0);
        assert_eq!((told.seen.len(), told.deliveries.len(), told.awake.len()), (1, 4, 2));
        assert!(told.seen.max() < 21_000 && told.awake.max() < 31_000 && told.deliveries.max() >= 3_000_000);
    }

    #[test]
    fn without_a_stall_step_nobody_is_told_apart() {
        let text = "name = 'x'\nduration_s = 5.0\n[ward]\npatients = 4\n[consoles]\ncount = 4";
        assert_eq!(sight(Scenario::parse(text).unwrap()).stalling, None);
    }
}
