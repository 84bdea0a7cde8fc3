//! The alert policy as the journal says it: what is in force, since which frame, by whom.
//!
//! A `Source::Policy` frame holds from its place in the journal on: what came before it in the same batch goes through score and
//! alert first. Rules are matched by name and keep what they know of each patient; alerts of rules that are gone are cleared by the
//! next tick; an alert that waits for an answer under another chain than before waits anew, at the step it had reached.
//!
//! A replay may have other models than the door that took a policy: rules whose score is not loaded are left out then, and told
//! (`PolicyNow::notes`). A policy that cannot be read at all leaves the one before in force, and is counted and told
//! (`policies_refused`); in a snapshot the settings' one then holds.

use serde::{Deserialize, Serialize};

use super::{At, Pipeline, Setup, StateError, add};
use crate::alert::{DEFAULT_POLICY_TOML, Policy, PolicyChange, PolicyError, sha256};
use crate::store::PolicyRow;

/// A policy that a frame put in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InForce {
    /// The frame.
    pub seq: u64,
    /// Its receipt, microseconds since 1970-01-01 UTC.
    pub at_us: i64,
    /// Text, and who gave it why.
    pub change: PolicyChange,
}

/// What the journal has said so far; part of the state.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policies {
    /// None before the first policy frame: a journal that an older version began. The settings' policy holds there.
    in_force: Option<InForce>,
    /// SHA-256 of the settings' policy that a start adopted last.
    adopted: Option<[u8; 32]>,
}

/// The policy in force, for whoever asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyNow {
    /// The TOML.
    pub text: String,
    /// Since which frame, when and by whom; None where the journal has not said.
    pub since: Option<InForce>,
    /// Rules that are left out, in words.
    pub notes: Vec<String>,
}

impl Policies {
    /// The frame of the policy in force; 0 where the journal has not said.
    pub fn seq(&self) -> u64 {
        self.in_force.as_ref().map_or(0, |policy| policy.seq)
    }

    /// The policy in force; None where the journal has not said.
    pub fn text(&self) -> Option<&str> {
        self.in_force.as_ref().map(|policy| policy.change.policy.as_str())
    }

    /// Whether a start has adopted the settings' policy with this text last.
    pub fn has_adopted(&self, text: &str) -> bool {
        self.adopted == Some(sha256(text))
    }

    /// The policy to go on with. One that this version cannot read gives way to the settings' own, with a note.
    pub(super) fn read(&self, setup: &Setup) -> Result<Policy, StateError> {
        let names = setup.scorers.names();
        let Some(in_force) = &self.in_force else { return setup.policy() };
        Policy::parse_loaded(&in_force.change.policy, &names).or_else(|error| {
            let mut policy = setup.policy()?;
            policy
                .notes
                .push(format!("the policy of frame {} cannot be read ({error}); the settings' one holds", in_force.seq));
            Ok(policy)
        })
    }
}

impl Setup {
    /// The settings' policy, TOML.
    pub fn policy_text(&self) -> &str {
        if self.policy.is_empty() { DEFAULT_POLICY_TOML } else { &self.policy }
    }

    /// Whether the settings' policy can be used with exactly these scorers: what a start asks for.
    ///
    /// # Errors
    /// The line that cannot be used.
    pub fn check_policy(&self) -> Result<(), PolicyError> {
        Policy::parse(self.policy_text(), &self.scorers.names()).map(|_| ())
    }

    /// The settings' policy, read.
    pub(super) fn policy(&self) -> Result<Policy, StateError> {
        let read = Policy::parse_loaded(self.policy_text(), &self.scorers.names());
        read.map_err(|error| StateError::Policy(error.to_string()))
    }
}

impl Pipeline {
    /// From here on this policy, whatever the journal says.
    ///
    /// # Errors
    /// The line that cannot be used.
    pub fn hold_policy(&mut self, text: &str) -> Result<(), PolicyError> {
        let policy = Policy::parse(text, &self.scorers.names())?;
        self.follow(policy, i64::MIN);
        self.held = true;
        Ok(())
    }

    /// What the journal has said of the policy so far.
    pub fn policies(&self) -> &Policies {
        &self.state.policies
    }

    /// What was said of policies since it was last asked, for the log.
    pub fn take_words(&mut self) -> Vec<String> {
        std::mem::take(&mut self.words)
    }

    /// The policy in force.
    pub fn policy_now(&self) -> PolicyNow {
        let since = self.state.policies.in_force.clone();
        let text = since.as_ref().map_or(&self.policy_text, |since| &since.change.policy).clone();
        PolicyNow { text, since, notes: self.state.alerts.policy().notes.clone() }
    }

    /// alert goes by this policy from here on, and window keeps what it looks back on.
    fn follow(&mut self, policy: Policy, at_us: i64) {
        self.state.alerts.change(policy, at_us);
        self.keep_for_policies();
    }

    /// Takes a policy in; everything before it has gone through alert.
    pub(super) fn change_policy(&mut self, at: At<'_>) {
        let change = match PolicyChange::read(&at.frame.payload) {
            Ok(change) => change,
            Err(refusal) => return self.refuse(at, refusal),
        };
        add(&self.counters.frames_policy, 1);
        let read = Policy::parse_loaded(&change.policy, &self.scorers.names());
        let refused = read.as_ref().err().map(ToString::to_string);
        add(if refused.is_some() { &self.counters.policies_refused } else { &self.counters.policies_taken }, 1);
        if at.wanted {
            self.rows.policies.push(&PolicyRow {
                seq: at.seq,
                at_us: at.received_us,
                by: &change.by,
                note: &change.note,
                sha256: change.sha256(),
                policy: &change.policy,
                refused: refused.as_deref().unwrap_or_default(),
            });
            self.words.push(match (&read, &refused) {
                (_, Some(why)) => format!("the policy of frame {} is not in force: {why}", at.seq),
                (Ok(policy), _) if !policy.notes.is_empty() => {
                    format!("the policy of frame {} is in force, but: {}", at.seq, policy.notes.join("; "))
                }
                _ => format!("the policy of frame {} is in force", at.seq),
            });
        }
        if change.is_of_file() {
            self.state.policies.adopted = Some(change.sha256());
        }
        let Ok(policy) = read else { return };
        if !self.held {
            self.follow(policy, at.at_us);
        }
        self.state.policies.in_force = Some(InForce { seq: at.seq, at_us: at.received_us, change });
    }
}
