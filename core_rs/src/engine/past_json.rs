//! A past as JSON for Python. Numbers keep their bits: f32 are widened, what is no number is null, times are microseconds.

use serde_json::{Value, json};

use super::models::models;
use super::replay::Replayed;
use crate::alert::StandingAlert;
use crate::decode::catalogue;
use crate::pipeline::{Origin, PastScore};
use crate::score::{Input, Score, Scorers};

impl Replayed {
    /// One object; see `nightlamp/as_of/views.py` for what each field means.
    pub fn json(&self) -> Value {
        let past = &self.past;
        json!({
            "patient_id": self.patient.to_string(),
            "at_us": self.at_us,
            "seq": self.frame.0,
            "received_at_us": self.frame.1,
            "unit": past.bed.as_ref().map(|bed| bed.unit.as_str()),
            "bed": past.bed.as_ref().map(|bed| bed.bed.as_str()),
            "discharged_at_us": past.discharged_at_us,
            "signals": past.signals.iter().map(|(signal, value, at_us)| json!({
                "signal": catalogue::signal(*signal).map(|row| row.name),
                "unit": catalogue::signal(*signal).map(|row| row.unit),
                "value": value,
                "observed_at_us": at_us,
                "age_s": (self.at_us - at_us) as f64 / 1e6,
            })).collect::<Vec<_>>(),
            "scores": past.scores.iter().map(|score| past_score(score, &self.scorers)).collect::<Vec<_>>(),
            "alerts": past.alerts.iter().map(|alert| self.alert(alert)).collect::<Vec<_>>(),
            "history": self.history.iter().map(|score| plain(score, &self.scorers)).collect::<Vec<_>>(),
            "models": models(&self.scorers),
            "missing_models": self.missing,
            "replay": {"from_seq": self.from_seq, "frames": self.frames, "companions": self.companions},
        })
    }

    fn alert(&self, standing: &StandingAlert) -> Value {
        let alert = &standing.opened;
        let scorer = self.scorers.named(alert.scorer);
        json!({
            "alert_id": alert.alert_id,
            "rule": alert.rule,
            "cause": alert.cause,
            "subject": alert.subject,
            "state": standing.standing,
            "state_at_us": standing.since_us,
            "model": scorer.name,
            "version": scorer.version,
            "severity": alert.severity,
            "unit": alert.bed.as_ref().map(|bed| bed.unit.as_str()),
            "bed": alert.bed.as_ref().map(|bed| bed.bed.as_str()),
            "opened_at_us": alert.at_us,
            "opened_value": alert.value,
            "reason": alert.reason,
            "contributions": alert.why.contributions,
            "explanation": alert.why.reasons,
        })
    }
}

fn past_score(past: &PastScore, scorers: &Scorers) -> Value {
    let mut value = plain(&past.score, scorers);
    if let Value::Object(map) = &mut value {
        let origin = match past.origin {
            Origin::Stored => "stored",
            Origin::Computed => "computed",
        };
        map.insert("origin".into(), origin.into());
        map.insert("why_not".into(), json!(past.why_not));
        map.insert("last_stored_at_us".into(), json!(past.last_stored_at_us));
        map.insert("contributions".into(), json!(past.why.contributions));
        map.insert("explanation".into(), json!(past.why.reasons));
    }
    value
}

fn plain(score: &Score, scorers: &Scorers) -> Value {
    let scorer = scorers.named(score.scorer);
    json!({
        "model": scorer.name,
        "version": scorer.version,
        "model_sha256": scorer.sha256.iter().map(|byte| format!("{byte:02x}")).collect::<String>(),
        "kind": if scorer.sha256.is_empty() { "rule" } else { "model" },
        "seq": score.seq,
        "ordinal": score.ordinal,
        "scored_at_us": score.at_us,
        "raw": score.raw,
        "value": score.value,
        "band": score.band,
        "present": score.present,
        "expected": score.expected,
        "inputs": score.inputs.iter().map(input).collect::<Vec<_>>(),
        "features": score.features.iter().map(|value| json!(f64::from(*value))).collect::<Vec<_>>(),
    })
}

fn input(input: &Input) -> Value {
    json!({
        "signal": catalogue::signal(input.signal).map(|row| row.name),
        "unit": catalogue::signal(input.signal).map(|row| row.unit),
        "value": input.value,
        "age_s": input.age_s.map(f64::from),
        "points": input.points,
    })
}
