//! A change of the alert policy: the payload of a `Source::Policy` frame.
//!
//! ```json
//! {"policy":"[[rule]]\nname = ...","by":"k7x2m9pq","note":"fewer alerts at night"}
//! {"policy":"...","by":"file"}
//! ```
//!
//! `by` is the id of the key that loaded it, or `file` (`BY_FILE`) for the settings' own, which the server adopts at a start when its
//! text is another one than it adopted before. A policy is at most 256 KiB (`POLICY_BYTES_MAX`), the other texts 2,000 bytes. The
//! door has checked that the policy can be used; what it means with the scores that are loaded is decided in the journal's order.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::action::TEXT_BYTES_MAX;
use crate::error::{Code, Refusal};

/// Longest policy, bytes.
pub const POLICY_BYTES_MAX: usize = 256 << 10;
/// Who adopts the settings' policy at a start.
pub const BY_FILE: &str = "file";

/// A change as it was journalled. Debug prints none of its texts.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyChange {
    /// The policy as TOML.
    pub policy: String,
    /// Id of the key, or `BY_FILE`.
    pub by: String,
    /// The person's words.
    #[serde(default)]
    pub note: String,
}

impl std::fmt::Debug for PolicyChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PolicyChange({} bytes)", self.policy.len())
    }
}

impl PolicyChange {
    /// The change in a frame.
    ///
    /// # Errors
    /// `Malformed`: not JSON of this shape, or a text too long. The detail quotes nothing of it.
    pub fn read(payload: &[u8]) -> Result<Self, Refusal> {
        let malformed = |what: &str| Refusal::new(Code::Malformed, format!("not a change of the policy: {what}"));
        let change: Self = serde_json::from_slice(payload).map_err(|_| malformed("its JSON"))?;
        if change.policy.len() > POLICY_BYTES_MAX || change.by.len().max(change.note.len()) > TEXT_BYTES_MAX {
            return Err(malformed("a text is too long"));
        }
        Ok(change)
    }

    /// Whether it is the settings' policy, adopted at a start.
    pub fn is_of_file(&self) -> bool {
        self.by == BY_FILE
    }

    /// Of the policy's text.
    pub fn sha256(&self) -> [u8; 32] {
        sha256(&self.policy)
    }
}

/// What names a policy.
pub fn sha256(policy: &str) -> [u8; 32] {
    Sha256::digest(policy.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_and_anything_else_is_refused_without_a_word_of_it() {
        let change = PolicyChange { policy: "rule = []\n".into(), by: "k7".into(), note: "ä\n".into() };
        let payload = serde_json::to_vec(&change).expect("JSON");
        assert_eq!(PolicyChange::read(&payload).as_ref(), Ok(&change));
        let long =
            |policy: usize, note: usize| PolicyChange { policy: "#".repeat(policy), note: "n".repeat(note), ..change.clone() };
        let read = |change: &PolicyChange| PolicyChange::read(&serde_json::to_vec(change).expect("JSON"));
        assert!(read(&long(POLICY_BYTES_MAX, TEXT_BYTES_MAX)).is_ok());
        assert_eq!(read(&long(POLICY_BYTES_MAX + 1, 0)).map_err(|refusal| refusal.code), Err(Code::Malformed));
        assert_eq!(read(&long(0, TEXT_BYTES_MAX + 1)).map_err(|refusal| refusal.code), Err(Code::Malformed));
        for wrong in [&b"{}"[..], b"", b"{\"policy\":\"secret\"}", b"{\"policy\":\"\",\"by\":\"\",\"secret\":1}", b"\xff"] {
            let refusal = PolicyChange::read(wrong).expect_err("refused");
            assert!(!refusal.detail.contains("secret"));
        }
    }
}
