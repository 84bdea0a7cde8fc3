//! What has fallen silent or gone stale: the monitors of occupied beds, feeds, the inputs of scores. Silence looks like failure.
//!
//! Looked at by ticks, from what window and receive have seen up to that tick; what is found opens or clears a technical alert in
//! its turn. A function of the frames and the policy, like all else.
//!
//! # In numbers
//! - A tick looks at 4,096 beds and 256 patients (at 20,000 patients each comes round within 80 s), and at all that was found before.
//! - Silence while the server itself was down (no tick for `AWAY_US`) is nobody's: it is counted from the first tick after it.
//! - 64 feeds (`FEEDS_MAX`); a sender beyond them is not watched, and its frames are counted (`feeds_left_out`). A feed is one once it has sent for longer than the silence that
//!   makes it suspicious; after a week of silence it is taken for gone.
//! - A finding's number within its tick depends on its bed, feed or patient alone, not on who else is looked at: so the alerts
//!   it opens have the same ids in a replay for one patient (`focus`).

use std::collections::{BTreeMap, BTreeSet};

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use super::Focus;
use crate::alert::{AWAY_US, About, Finding, Stale, Technical, Trouble, span};
use crate::decode::{BedKey, PatientId, SignalId};
use crate::receive::{Frame, Source};
use crate::score::Scorers;
use crate::window::{Monitor, Patient, Slot, Ward};

/// Feeds watched.
pub const FEEDS_MAX: usize = 64;
/// Beds and patients a tick looks at.
const BEDS_PER_TICK: usize = 4_096;
const SLOTS_PER_TICK: usize = 256;
/// A feed that has said nothing for so long is gone: a week.
const FORGOTTEN_US: i64 = 7 * 86_400_000_000;
const SECOND_US: i64 = 1_000_000;

/// Where the numbers of a tick's findings begin; before them are those of patients who leave by that tick.
const MONITORS: u32 = 0x2000;
const FEEDS: u32 = 0x5000;
const SCORES: u32 = 0x5200;
/// Most findings about monitors in one tick; the rest is found by the next one.
const MONITORS_MAX: u32 = FEEDS - MONITORS;

/// A sender.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Feed {
    source: u8,
    principal: CompactString,
    first_us: i64,
    last_us: i64,
    silent: bool,
}

/// A sender as people see it. Times are receipts, microseconds since 1970-01-01 UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FeedNow {
    /// The door's name; `mqtt` of brokers.
    pub source: &'static str,
    /// The key it sends with, or the broker.
    pub key: CompactString,
    /// When it was first heard since it is watched.
    pub first_heard_us: i64,
    /// When it was last heard.
    pub last_heard_us: i64,
    /// Found silent, and not heard since.
    pub silent: bool,
}

impl Feed {
    fn door(&self) -> &'static str {
        match Source::from_u8(self.source) {
            Some(source @ (Source::Hl7Http | Source::JsonHttp)) => source.name(),
            _ => "mqtt",
        }
    }
}

/// What was found and has not ended, and who was heard when.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Watch {
    /// Silent monitors and who lies there.
    monitors: BTreeMap<BedKey, PatientId>,
    next_bed: usize,
    feeds: Vec<Feed>,
    /// The feed heard last: mostly the next one too.
    recent: usize,
    /// Patients with a stale score.
    stale: BTreeSet<(PatientId, CompactString)>,
    next_slot: usize,
    /// The last tick, and the first one after the server was down.
    ticked_us: Option<i64>,
    back_us: Option<i64>,
}

impl Watch {
    /// The feeds that are watched, in the order they were first heard.
    pub fn feeds(&self) -> Vec<FeedNow> {
        let now = |feed: &Feed| FeedNow {
            source: feed.door(),
            key: feed.principal.clone(),
            first_heard_us: feed.first_us,
            last_heard_us: feed.last_us,
            silent: feed.silent,
        };
        self.feeds.iter().map(now).collect()
    }

    /// A frame came. False where its sender should be watched, and is one too many.
    #[inline]
    pub fn hear(&mut self, technical: &Technical, frame: &Frame) -> bool {
        let is_feed = technical.feed_silent_s.is_some()
            && match frame.source {
                Source::Hl7Http | Source::JsonHttp => true,
                Source::JsonMqtt | Source::Hl7Mqtt => technical.brokers.contains(&frame.principal),
                _ => false,
            };
        if !is_feed {
            return true;
        }
        let is_it = |feed: &Feed| feed.source == frame.source as u8 && feed.principal == frame.principal;
        if !self.feeds.get(self.recent).is_some_and(is_it) {
            let known = self.feeds.iter().position(is_it);
            if known.is_none() && self.feeds.len() < FEEDS_MAX {
                let at_us = frame.received_at_us;
                let principal = frame.principal.clone();
                self.feeds.push(Feed { source: frame.source as u8, principal, first_us: at_us, last_us: at_us, silent: false });
            }
            self.recent = known.unwrap_or(self.feeds.len().saturating_sub(1));
        }
        let Some(feed) = self.feeds.get_mut(self.recent).filter(|feed| is_it(feed)) else { return false };
        feed.last_us = feed.last_us.max(frame.received_at_us);
        true
    }

    /// The patient is gone, and the alerts with him or her.
    pub fn forget(&mut self, patient: PatientId) {
        self.monitors.retain(|_, lies| *lies != patient);
        self.stale.retain(|(one, _)| *one != patient);
    }

    /// The clock was set back: nothing was heard later than now.
    pub fn set_back(&mut self, now_us: i64) {
        for feed in &mut self.feeds {
            (feed.first_us, feed.last_us) = (feed.first_us.min(now_us), feed.last_us.min(now_us));
        }
        self.ticked_us = self.ticked_us.map(|ticked_us| ticked_us.min(now_us));
        self.back_us = self.back_us.map(|back_us| back_us.min(now_us));
    }

    /// What began or ended, as of this tick.
    pub fn look(&mut self, technical: &Technical, scene: Scene<'_>, now_us: i64) -> Vec<Finding> {
        let mut found = Vec::new();
        if self.ticked_us.replace(now_us).is_some_and(|ticked_us| now_us.saturating_sub(ticked_us) >= AWAY_US) {
            self.back_us = Some(now_us);
        }
        match technical.monitor_silent_s {
            Some(silent_s) => self.look_at_monitors(i64::from(silent_s) * SECOND_US, scene.ward, now_us, &mut found),
            None => self.monitors.clear(),
        }
        match technical.feed_silent_s {
            Some(silent_s) => self.look_at_feeds(i64::from(silent_s) * SECOND_US, now_us, &mut found),
            None => self.feeds.clear(),
        }
        self.stale.retain(|(_, score)| technical.stale.iter().any(|stale| stale.score == *score));
        if !technical.stale.is_empty() {
            self.look_at_scores(&technical.stale, scene, now_us, &mut found);
        }
        found
    }

    fn look_at_monitors(&mut self, silent_us: i64, ward: &Ward, now_us: i64, found: &mut Vec<Finding>) {
        let mut ordinal = MONITORS;
        let mut tell = |bed: &BedKey, patient: PatientId, began: bool, reason: String| {
            let about =
                About { trouble: Trouble::MonitorSilent, patient: Some(patient), bed: Some(bed.clone()), subject: "".into() };
            found.push(Finding { about, began, reason, ordinal });
            ordinal += 1;
            ordinal - MONITORS < MONITORS_MAX
        };
        let silence = |monitor: &Monitor| silent_for(monitor, silent_us, None, now_us);
        let over = self.monitors.iter().filter(|(bed, lies)| {
            ward.monitor(bed)
                .is_none_or(|monitor| silence(&monitor).is_none() || monitor.lies.map(|(who, _)| who) != Some(**lies))
        });
        let over: Vec<(BedKey, PatientId)> = over.map(|(bed, lies)| (bed.clone(), *lies)).collect();
        for (bed, lies) in over {
            self.monitors.remove(&bed);
            if !tell(&bed, lies, false, "the monitor speaks again, or another patient lies there".to_owned()) {
                return;
            }
        }
        let beds = ward.beds_len();
        for _ in 0..BEDS_PER_TICK.min(beds) {
            self.next_bed = if self.next_bed + 1 < beds { self.next_bed + 1 } else { 0 };
            let Some((bed, monitor)) = ward.monitor_at(self.next_bed) else { continue };
            let for_us = silent_for(&monitor, silent_us, self.back_us, now_us);
            let (Some((patient, _)), Some(for_us)) = (monitor.lies, for_us) else { continue };
            if self.monitors.contains_key(bed) {
                continue;
            }
            self.monitors.insert(bed.clone(), patient);
            if !tell(bed, patient, true, format!("the monitor of this bed has said nothing for {}", span(for_us))) {
                return;
            }
        }
    }

    fn look_at_feeds(&mut self, silent_us: i64, now_us: i64, found: &mut Vec<Finding>) {
        for (feed, ordinal) in self.feeds.iter_mut().zip(FEEDS..) {
            let for_us = now_us.saturating_sub(feed.last_us);
            // One that was silent before stays so until it speaks.
            let since_us = self.back_us.filter(|_| !feed.silent).map_or(feed.last_us, |back_us| back_us.max(feed.last_us));
            let silent = now_us.saturating_sub(since_us) >= silent_us
                && feed.last_us.saturating_sub(feed.first_us) >= silent_us
                && for_us < FORGOTTEN_US;
            if silent == feed.silent {
                continue;
            }
            feed.silent = silent;
            let subject = CompactString::from(format!("{}:{}", feed.door(), feed.principal));
            let about = About { trouble: Trouble::FeedSilent, patient: None, bed: None, subject };
            let reason = match (silent, for_us >= FORGOTTEN_US) {
                (true, _) => format!("nothing has come from this feed for {}", span(for_us)),
                (false, true) => "nothing has come from this feed for a week: it is taken for gone".to_owned(),
                (false, false) => "messages come from this feed again".to_owned(),
            };
            found.push(Finding { about, began: silent, reason, ordinal });
        }
        self.feeds.retain(|feed| now_us.saturating_sub(feed.last_us) < FORGOTTEN_US);
    }

    fn look_at_scores(&mut self, stale: &[Stale], scene: Scene<'_>, now_us: i64, found: &mut Vec<Finding>) {
        let slots = scene.ward.slots();
        for place in 0..SLOTS_PER_TICK.min(slots) {
            self.next_slot = if self.next_slot + 1 < slots { self.next_slot + 1 } else { 0 };
            let slot = Slot(u32::try_from(self.next_slot).unwrap_or(u32::MAX));
            let Some(patient) = scene.ward.patient(slot).filter(|patient| patient.discharged_at_us().is_none()) else {
                continue;
            };
            if scene.focus.is_some_and(|focus| !focus.concerns(patient.id())) {
                continue;
            }
            let bed = scene.ward.bed_of(slot);
            for (one, nth) in stale.iter().zip(0..) {
                let key = (patient.id(), one.score.clone());
                let known = self.stale.contains(&key);
                // Of a patient in no bed nothing goes stale; what has may end.
                if bed.is_none() && !known {
                    continue;
                }
                // Who is moved, or comes when the server does, has the time to be measured in; what has gone stale stays so.
                let since_us = patient.located_at_us().max(self.back_us.unwrap_or(i64::MIN));
                let is_stale = lacking(one, patient, scene.scorers, (Some(since_us).filter(|_| !known), now_us));
                if is_stale.is_some() == known {
                    continue;
                }
                if !self.stale.remove(&key) {
                    self.stale.insert(key.clone());
                }
                let about = About { trouble: Trouble::ScoreStale, patient: Some(key.0), bed: bed.cloned(), subject: key.1 };
                let reason = is_stale.unwrap_or_else(|| format!("{} can be computed again", one.score));
                let ordinal = SCORES + u32::try_from(place).unwrap_or(0) * 8 + nth;
                found.push(Finding { about, began: !known, reason, ordinal });
            }
        }
    }
}

/// What a tick looks at.
#[derive(Debug, Clone, Copy)]
pub struct Scene<'a> {
    /// Who lies where, and what was observed.
    pub ward: &'a Ward,
    /// The scores' inputs.
    pub scorers: &'a Scorers,
    /// Whom a replay computes; everybody where None.
    pub focus: Option<&'a Focus>,
}

/// For how long the monitor of an occupied bed has said nothing, where that is too long. It counts from when the patient came, and
/// from when the server was back.
fn silent_for(monitor: &Monitor, silent_us: i64, back_us: Option<i64>, now_us: i64) -> Option<i64> {
    let ((_, since_us), spoke_us) = (monitor.lies?, monitor.spoke_us?);
    let for_us = now_us.saturating_sub(spoke_us.max(since_us).max(back_us.unwrap_or(i64::MIN)));
    (for_us >= silent_us).then_some(for_us)
}

/// Why a score cannot be computed, if so: too few of its signals were observed lately. `since_us`: only what has lasted since then counts.
fn lacking(stale: &Stale, patient: &Patient, scorers: &Scorers, (since_us, now_us): (Option<i64>, i64)) -> Option<String> {
    let stale_us = i64::from(stale.stale_s) * SECOND_US;
    if since_us.is_some_and(|since_us| now_us.saturating_sub(since_us) < stale_us) {
        return None;
    }
    let fresh = |signal: &SignalId| {
        patient.latest(*signal, now_us).is_some_and(|(_, observed_us)| now_us.saturating_sub(observed_us) <= stale_us)
    };
    let signals = scorers.signals(stale.scorer);
    let present = signals.iter().filter(|signal| fresh(signal)).count();
    let needed = usize::from(stale.min_present);
    (present < needed).then(|| {
        let (score, within) = (&stale.score, span(stale_us));
        format!("{score} cannot be computed: {needed} of its signals are needed from the last {within}, {present} are there")
    })
}
