//! Time without ticks: the server was down, or its clock was set on. Nobody could be called or answer, and no value could come.
//!
//! It counts neither towards an expiry nor as time for which a condition has held, where that rests on nobody having said otherwise:
//! what was observed meanwhile is looked at when it comes. What comes before the first tick after it is weighed by the same rule.

use super::lifecycle::SECOND_US;
use super::rule::Rule;
use super::state::AlertState;
use super::technical::AWAY_US;
use super::watch::{LeafState, Leaves};

const MINUTE_US: i64 = 60 * SECOND_US;
const MINUTES: i64 = 24 * 60;

impl AlertState {
    /// The last tick, where none has come for long before this time.
    pub(super) fn away_since(&self, at_us: i64) -> Option<i64> {
        self.ticked_us.filter(|last_us| at_us.saturating_sub(*last_us) >= AWAY_US)
    }

    /// A tick came.
    pub(super) fn come_back(&mut self, rules: &[Rule], at_us: i64) {
        let away_since_us = self.away_since(at_us);
        self.ticked_us = Some(at_us);
        let Some(last_us) = away_since_us else { return };
        for open in self.alerts.values_mut() {
            let waited_us = at_us.saturating_sub(open.waits_since_us);
            open.expires_us = open.expires_us.saturating_add(at_us.saturating_sub(last_us).min(waited_us));
        }
        self.wait_anew(rules, Some((last_us, &|leaf| leaf.lose(last_us, at_us))));
    }

    /// Minute of the site's day: that of the last tick, or where none has come for long as many minutes on.
    pub(super) fn minute_at(&self, at_us: i64) -> Option<u16> {
        let on = self.away_since(at_us).map_or(0, |last_us| at_us.saturating_sub(last_us) / MINUTE_US);
        self.minute.map(|minute| u16::try_from((i64::from(minute) + on) % MINUTES).unwrap_or(minute))
    }

    /// Leaves as they count at a time for which no tick has come yet.
    pub(super) fn counted(&self, leaves: &Leaves, at_us: i64) -> Option<Leaves> {
        let last_us = self.away_since(at_us)?;
        let mut counted = leaves.clone();
        counted.iter_mut().for_each(|leaf| leaf.lose(last_us, at_us));
        Some(counted)
    }
}

impl LeafState {
    /// Nothing could be heard from one time to another: it does not count, but for what was observed before the newest value.
    fn lose(&mut self, from_us: i64, to_us: i64) {
        if self.on {
            let lost_us = to_us.saturating_sub(from_us.max(self.at_us)).max(0);
            self.lost_us = self.lost_us.saturating_add(lost_us);
        }
    }
}
