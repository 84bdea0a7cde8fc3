//! The ward by definition: beds are rows of minutes, values a map. It shares no code with the ward.

use std::collections::{BTreeMap, BTreeSet};

use super::{AHEAD, BEDS, GRACE, PATIENTS};
use crate::decode::{EncounterKind, Status};
use crate::window::STAYS_MAX;

/// Who has left memory.
pub const GONE: u8 = 98;

/// One record as the definition has it.
#[derive(Debug, Clone, Default)]
pub struct Record {
    pub known: bool,
    admitted: bool,
    pub here: bool,
    /// A discharge that can be cancelled left this bed.
    left: Option<Option<usize>>,
    pub lies: Option<usize>,
    located: i64,
    /// The first admission of the stay.
    arrived: Option<i64>,
    /// When each transfer of the stay happened, and the bed before.
    moves: Vec<(i64, Option<usize>)>,
    pub values: BTreeMap<i64, f64>,
    pub settled: BTreeSet<i64>,
}

/// Whose a minute of a bed is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Answer {
    Lies(u8),
    /// Only a withdrawal reaches this patient: it was given what the bed said until its stay was cancelled.
    Voided(u8),
    Nobody,
}

/// The ward by definition: minutes of beds.
#[derive(Debug, Default)]
pub struct Model {
    pub now: i64,
    records: Vec<Record>,
    /// Who lay in each bed in each minute until now.
    lain: Vec<Vec<Option<u8>>>,
    /// Who would have been given what each bed said of a minute, until that was cancelled.
    voided: Vec<BTreeMap<i64, u8>>,
    /// When each bed was entered, and when a stay in it was cancelled.
    used: Vec<[Vec<i64>; 2]>,
    survivor: BTreeMap<u8, u8>,
}

impl Model {
    pub fn new() -> Self {
        let records = vec![Record { located: i64::MIN, ..Record::default() }; usize::from(PATIENTS)];
        let (lain, voided, used) = (vec![Vec::new(); BEDS], vec![BTreeMap::new(); BEDS], vec![Default::default(); BEDS]);
        Self { now: -1, records, lain, voided, used, survivor: BTreeMap::new() }
    }

    /// Who lay, or lies and goes on to, in a minute.
    fn real(&self, place: usize, minute: i64) -> Option<u8> {
        let now = || (0..PATIENTS).find(|who| self.records[usize::from(*who)].lies == Some(place));
        if minute > self.now { now() } else { usize::try_from(minute).ok().and_then(|at| self.lain[place][at]) }
    }

    /// Whose what a bed says half a minute into a minute is: who lay there; else whose cancelled stay had it; else who came within
    /// 15 minutes, no cancelled stay between.
    pub fn answer(&self, place: usize, minute: i64) -> Answer {
        if let Some(who) = self.real(place, minute) {
            return Answer::Lies(who);
        }
        if let Some(who) = self.voided[place].get(&minute) {
            return Answer::Voided(*who);
        }
        let later = (minute + 1..=(minute + GRACE).min(self.now))
            .find(|minute| self.real(place, *minute).is_some() || self.voided[place].contains_key(minute));
        later.and_then(|minute| self.real(place, minute)).map_or(Answer::Nobody, Answer::Lies)
    }

    pub fn is_by_grace(&self, place: usize, minute: i64) -> bool {
        self.real(place, minute).is_none() && matches!(self.answer(place, minute), Answer::Lies(_))
    }

    pub fn settled(&self, who: u8, at_us: i64) -> bool {
        self.records[usize::from(who)].settled.contains(&at_us)
    }

    /// Whether the bed may have forgotten who lay there: it remembers 8 stays and 8 cancelled ones, of which one event may make two.
    pub fn may_have_forgotten(&self, place: usize, minute: i64) -> bool {
        let since = |used: &[i64]| used.iter().filter(|at| **at > minute - 2 * GRACE).count();
        let [entered, cancelled] = &self.used[place];
        since(entered) >= STAYS_MAX || since(cancelled) >= STAYS_MAX / 2
    }

    pub fn who(&self, who: u8) -> u8 {
        self.survivor.get(&who).copied().unwrap_or(who)
    }

    pub fn record(&mut self, who: u8) -> &mut Record {
        &mut self.records[usize::from(who)]
    }

    /// So many minutes pass.
    pub fn pass(&mut self, minutes: i64) {
        for place in 0..BEDS {
            let lies = self.real(place, i64::MAX);
            self.lain[place].extend((0..minutes).map(|_| lies));
        }
        self.now += minutes;
    }

    /// From this minute on `who` lies in the bed, alone and nowhere else.
    fn lie(&mut self, who: u8, place: Option<usize>) {
        if let Some(old) = self.record(who).lies.take().filter(|old| Some(*old) != place) {
            *self.lain[old].last_mut().unwrap() = None;
        }
        let Some(place) = place else { return };
        for other in (0..PATIENTS).filter(|other| *other != who) {
            if self.record(other).lies == Some(place) {
                self.record(other).lies = None;
            }
        }
        if self.record(who).lies != Some(place) {
            self.used[place][0].push(self.now);
        }
        self.record(who).lies = Some(place);
        *self.lain[place].last_mut().unwrap() = Some(who);
    }

    /// Back into a bed nobody else has: if nobody else had it meanwhile, `who` never left it.
    fn lie_again(&mut self, who: u8, place: Option<usize>) {
        let Some(place) = place else { return };
        if (0..PATIENTS).any(|other| other != who && self.records[usize::from(other)].lies == Some(place)) {
            return;
        }
        self.lie(who, Some(place));
        let row = &mut self.lain[place];
        let last = row.len() - 1;
        if let Some(before) = row[..last].iter().rposition(Option::is_some).filter(|at| row[*at] == Some(who)) {
            row[before..last].fill(Some(who));
        }
    }

    /// Who lay in a bed since then never did: whatever minute the bed would have answered with `who`, and no longer does, is
    /// nobody's, until so long after now as a monitor may be ahead.
    fn cancel_stays(&mut self, who: u8, since: i64, but: Option<usize>) {
        for place in (0..BEDS).filter(|place| Some(*place) != but) {
            let minutes = (since - GRACE).max(0)..self.now + AHEAD;
            let before: Vec<_> = minutes.clone().filter(|at| self.answer(place, *at) == Answer::Lies(who)).collect();
            let from = usize::try_from(since.max(0)).unwrap();
            self.lain[place][from..].iter_mut().filter(|lies| **lies == Some(who)).for_each(|lies| *lies = None);
            if self.record(who).lies == Some(place) {
                self.record(who).lies = None;
            }
            let gone: Vec<_> = before.into_iter().filter(|at| self.answer(place, *at) != Answer::Lies(who)).collect();
            if !gone.is_empty() {
                let now = self.now;
                self.used[place][1].push(now);
            }
            self.voided[place].extend(gone.into_iter().map(|at| (at, who)));
        }
    }

    /// Whether the event is taken. A cancellation that is refused still says when the patient was where.
    pub fn adt(&mut self, kind: EncounterKind, who: u8, place: usize) -> bool {
        let taken = self.try_adt(kind, self.who(who), place);
        let (who, now) = (self.who(who), self.now);
        if !taken && self.record(who).known {
            self.record(who).located = now;
        }
        taken
    }

    fn try_adt(&mut self, kind: EncounterKind, who: u8, place: usize) -> bool {
        let now = self.now;
        let one = self.record(who).clone();
        match kind {
            EncounterKind::Admit | EncounterKind::Register => {
                if one.known && !one.here {
                    *self.record(who) = Record { located: one.located, ..Record::default() };
                }
                let record = self.record(who);
                (record.known, record.admitted, record.here) = (true, true, true);
                record.located = now;
                record.arrived.get_or_insert(now);
                self.lie(who, Some(place));
            }
            EncounterKind::Transfer | EncounterKind::Update => {
                let record = self.record(who);
                (record.here, record.known, record.admitted) = (one.here || !one.known, true, true);
                if !record.here {
                    return true;
                }
                if kind == EncounterKind::Transfer {
                    record.moves.push((now, one.lies));
                    let over = record.moves.len().saturating_sub(8);
                    record.moves.drain(..over);
                }
                record.located = now;
                self.lie(who, Some(place));
            }
            EncounterKind::Discharge => {
                if !one.known {
                    return true;
                }
                self.lie(who, None);
                let record = self.record(who);
                record.left = Some(if one.here { one.lies } else { one.left.flatten() });
                (record.here, record.located) = (false, now);
            }
            EncounterKind::CancelAdmit if one.known && one.here && one.admitted => {
                self.cancel_stays(who, one.arrived.unwrap_or(0), None);
                let record = self.record(who);
                (record.here, record.located, record.left, record.arrived) = (false, now, None, None);
                record.moves.clear();
            }
            EncounterKind::CancelAdmit => {
                if !one.known {
                    (self.record(who).known, self.record(who).located) = (true, now);
                }
                return false;
            }
            EncounterKind::CancelTransfer => {
                let Some((began, back)) = self.record(who).moves.pop().filter(|_| one.here) else {
                    self.record(who).moves = one.moves;
                    return false;
                };
                self.record(who).located = now;
                let is_free = |place: usize| self.real(place, i64::MAX).is_none_or(|lies| lies == who);
                let back = back.filter(|place| is_free(*place));
                self.cancel_stays(who, began, back);
                if back != one.lies {
                    self.record(who).lies = None;
                    self.lie_again(who, back);
                }
            }
            EncounterKind::CancelDischarge => {
                let Some(back) = one.left.filter(|_| one.known && !one.here) else { return false };
                let record = self.record(who);
                (record.here, record.left, record.located) = (true, None, now);
                self.lie_again(who, back);
            }
            EncounterKind::Merge => unreachable!(),
        }
        true
    }

    pub fn merge(&mut self, from: u8, into: u8) -> bool {
        let known = self.survivor.get(&from).copied();
        let into = self.who(into);
        if known == Some(into) || known.is_some() || from == into {
            return known == Some(into) && known.is_some();
        }
        self.survivor.values_mut().filter(|survivor| **survivor == from).for_each(|survivor| *survivor = into);
        self.survivor.insert(from, into);
        let gone = std::mem::replace(self.record(from), Record { located: i64::MIN, ..Record::default() });
        let mut one = self.record(into).clone();
        if !gone.known {
            return true;
        }
        if !one.known {
            one = gone.clone();
        } else {
            for (at, value) in &gone.values {
                if !(one.settled.contains(at) || one.values.contains_key(at)) {
                    one.values.insert(*at, *value);
                }
            }
            one.settled.extend(&gone.settled);
            let key = |record: &Record| (record.admitted, record.here, record.located);
            let idle = if key(&gone) > key(&one) {
                let idle = one.lies;
                (one.here, one.left, one.lies, one.located) = (gone.here, gone.left, gone.lies, gone.located);
                (one.moves, one.arrived) = (gone.moves.clone(), gone.arrived);
                idle
            } else {
                gone.lies
            };
            if let Some(idle) = idle {
                *self.lain[idle].last_mut().unwrap() = None;
            }
            one.admitted |= gone.admitted;
        }
        *self.record(into) = one;
        self.rename(from, into);
        true
    }

    /// What was one record's time is another's, or of somebody who is not known any more.
    fn rename(&mut self, from: u8, into: u8) {
        for row in &mut self.lain {
            row.iter_mut().filter(|lies| **lies == Some(from)).for_each(|lies| *lies = Some(into));
        }
        for row in &mut self.voided {
            row.values_mut().filter(|who| **who == from).for_each(|who| *who = into);
        }
    }

    /// `who` has left memory. Who has is nobody to a bed's late data, and nobody else gets it.
    pub fn forget(&mut self, who: u8) {
        self.lie(who, None);
        *self.record(who) = Record { located: i64::MIN, ..Record::default() };
        self.rename(who, GONE);
    }

    pub fn say(&mut self, who: u8, at_us: i64, value: f64, status: Status) {
        let record = self.record(who);
        if !record.known {
            (record.known, record.here) = (true, true);
        }
        match status {
            Status::Final | Status::Preliminary if record.settled.contains(&at_us) => {}
            Status::Withdrawn => {
                record.settled.insert(at_us);
                record.values.remove(&at_us);
            }
            _ => {
                record.values.insert(at_us, value);
                if status == Status::Corrected {
                    record.settled.insert(at_us);
                }
            }
        }
    }
}
