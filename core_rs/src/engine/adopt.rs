//! The settings' alert policy becomes a frame of the journal where its text is another one than a start adopted last; so what
//! somebody loaded meanwhile stays in force across restarts. In a journal that begins it is the first frame; else it follows what is
//! replayed at the start. A journal that does not take it is asked again after the next frames.

use std::sync::Arc;

use serde_json::{Value, json};

use super::runner::Runner;
use super::shared::Shared;
use super::{Engine, SELF};
use crate::alert::{BY_FILE, PolicyChange, sha256};
use crate::error::Refusal;
use crate::pipeline::{PolicyNow, Setup};
use crate::receive::{FrameRef, Source, now_us};

/// How far the settings' policy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Adopting {
    /// Not looked at yet, since frames up to `after` that were there at the start are not all done; or the journal did not take it,
    /// which was `told`.
    Waits { after: u64, told: bool },
    /// It is in the journal, or was before.
    Done,
}

/// Writes the settings' policy.
pub(super) fn submit(shared: &Shared, setup: &Setup) -> Result<(), Refusal> {
    let change = PolicyChange { policy: setup.policy_text().to_owned(), by: BY_FILE.to_owned(), note: String::new() };
    let payload = serde_json::to_vec(&change).unwrap_or_default();
    let frame = FrameRef { source: Source::Policy, principal: SELF, context: "", received_at_us: now_us(), payload: &payload };
    shared.journal.submit(&frame).map(|_| ())
}

impl Runner {
    /// Once what was in the journal at the start is done: any of it may be a policy.
    pub(super) fn adopt(&mut self) {
        let (Adopting::Waits { after, told }, Some(pipeline)) = (self.adopting, &self.pipeline) else { return };
        if self.reader.position() <= after {
            return;
        }
        if pipeline.policies().has_adopted(self.setup.policy_text()) {
            self.adopting = Adopting::Done;
        } else if !self.shared.stopping() {
            self.adopting = match submit(&self.shared, &self.setup) {
                Ok(()) => Adopting::Done,
                Err(refusal) => {
                    if !told {
                        self.shared.note(format!("the settings' alert policy is not in force yet: the journal says {refusal}"));
                    }
                    Adopting::Waits { after, told: true }
                }
            };
        }
    }

    /// Shows the policy in force, and says what there is to say of policies that came.
    pub(super) fn tell_policy(&mut self) {
        let Some(pipeline) = &mut self.pipeline else { return };
        pipeline.take_words().into_iter().for_each(|words| self.shared.note(words));
        let mut shown = self.shared.policy.lock();
        if shown.as_ref().is_none_or(|shown| shown.seq() != pipeline.policies().seq()) {
            *shown = Some(Arc::new(pipeline.policy_now()));
        }
    }
}

impl Engine {
    /// The alert policy in force; None until the state is read at a start.
    pub fn policy(&self) -> Option<Arc<PolicyNow>> {
        self.shared.policy.lock().clone()
    }
}

impl PolicyNow {
    /// The frame that put it in force; 0 where the journal has not said.
    pub fn seq(&self) -> u64 {
        self.since.as_ref().map_or(0, |since| since.seq)
    }

    /// For `/v1/policy`.
    pub fn json(&self) -> Value {
        let since = self.since.as_ref();
        json!({
            "text": self.text,
            "content": toml::from_str::<Value>(&self.text).unwrap_or_default(),
            "sha256": sha256(&self.text).iter().map(|byte| format!("{byte:02x}")).collect::<String>(),
            "seq": since.map(|since| since.seq),
            "at_us": since.map(|since| since.at_us),
            "by": since.map(|since| &since.change.by),
            "note": since.map(|since| &since.change.note),
            "notes": self.notes,
        })
    }
}
