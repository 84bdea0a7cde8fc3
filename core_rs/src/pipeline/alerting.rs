//! The route's alert half: the steps of a batch in journal order, and the rows and messages that come of them.

use super::batch::Step;
use super::{Pipeline, Stage, State, add, show};
use crate::alert::{AlertEvent, Outcome};
use crate::decode::BedKey;

impl Pipeline {
    /// score and alert, for the frames so far: a batch may end here and there would be no difference.
    pub(super) fn settle(&mut self, cursor: u64) {
        self.supervision.under_way.whole(Stage::Score);
        self.scoring.evaluate(&self.scorers);
        self.alert(cursor);
    }

    /// alert and the rows of scores, in journal order.
    fn alert(&mut self, cursor: u64) {
        let mut events: Vec<AlertEvent> = Vec::new();
        let mut dues = std::mem::take(&mut self.due);
        for due in dues.drain(..) {
            self.supervision.under_way.at(due.seq, Stage::Alert);
            let wanted = due.seq > cursor;
            if let Some(trials) = &mut self.trials {
                trials.take((due.seq, due.at_us), &due.step, (&self.scoring, &self.state.board));
            }
            match due.step {
                Step::Scores(places, bed, restated) => {
                    for place in places {
                        self.weigh(place, bed.as_ref(), restated, wanted, &mut events);
                        self.tell(&mut events, wanted);
                    }
                }
                Step::Silent(patient, scorer) => {
                    self.state.alerts.on_withdrawn(patient, scorer, (due.seq, due.at_us), &mut events);
                    self.state.board.withdraw(patient, scorer);
                }
                Step::Looked(look) => {
                    let State { alerts, board, .. } = &mut self.state;
                    let score = |scorer| board.scored(look.patient, scorer);
                    alerts.on_look(&look, &score, (due.seq, due.at_us), &mut events);
                }
                Step::Lies(patient, bed) => {
                    self.state.alerts.on_moved(patient, bed.as_ref(), (due.seq, due.at_us), &mut events);
                }
                Step::Left(patient, bed, why) => {
                    self.state.alerts.on_left(patient, why, (due.seq, due.at_us), &mut events);
                    self.state.board.forget(patient);
                    if wanted {
                        self.messages.push(show::left(due.seq, due.at_us, patient, bed.as_ref()));
                    }
                }
                Step::Returned(patient) => {
                    self.state.board.forget(patient);
                    if let Some(focus) = &mut self.focus {
                        focus.forget(patient);
                    }
                }
                Step::SetBack => {
                    self.state.alerts.set_back(due.at_us);
                    self.state.board.set_back(due.at_us);
                }
                Step::Act(action) => {
                    let outcome = self.state.alerts.on_action(&action, (due.seq, due.at_us), &mut events);
                    add(
                        match outcome {
                            Outcome::Done => &self.counters.actions,
                            Outcome::Repeated => &self.counters.actions_repeated,
                            Outcome::Late => &self.counters.actions_late,
                        },
                        1,
                    );
                }
                Step::Found(finding) => self.state.alerts.on_finding(&finding, (due.seq, due.at_us), &mut events),
                Step::Tick(minute) => self.state.alerts.on_tick((due.seq, due.at_us), minute, &mut events),
                Step::FoundBy(..) | Step::LookedBy(..) => {} // of a policy that is tried
            }
            self.tell(&mut events, wanted);
        }
        self.due = dues;
        self.scoring.clear();
    }

    /// A score as alert sees it, on the board, and where it deserves one in a row.
    fn weigh(&mut self, place: usize, bed: Option<&BedKey>, restated: bool, wanted: bool, events: &mut Vec<AlertEvent>) {
        let Some(score) = self.scoring.hand_over(place) else { return };
        add(&self.counters.scores, 1);
        let mut explain = |score: &_| self.scorers.why(score);
        self.state.alerts.on_score(&score, bed, &mut explain, events);
        let Some((score, recorded)) = self.state.board.record(score, restated || !events.is_empty()) else { return };
        if let Some(focus) = &mut self.focus {
            focus.note(score, recorded);
        }
        if recorded && wanted {
            add(&self.counters.scores_stored, 1);
            self.rows.scores.push(score, self.scorers.named(score.scorer));
        }
    }

    /// What came of a step: counted, on the board, and for rows and consoles.
    fn tell(&mut self, events: &mut Vec<AlertEvent>, wanted: bool) {
        for event in events.drain(..) {
            self.state.board.follow(&event);
            add(self.counters.of_alert(event.kind), 1);
            if wanted {
                self.rows.alerts.push(&event, self.scorers.named(event.scorer));
                self.messages.push(show::alert(&event, self.scorers.named(event.scorer).name));
                if let Some(patient) = event.patient {
                    self.shown.entry(patient).or_insert((event.seq, event.at_us));
                }
            }
        }
    }
}
