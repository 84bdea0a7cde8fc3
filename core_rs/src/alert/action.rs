//! What a person does to an alert, and what the server finds out about its channels: the payload of a `Source::Action` frame.
//!
//! ```json
//! {"action":"acknowledge","alert_id":"308740098","by":"k7x2m9pq","role":"nurse","note":"seen"}
//! {"action":"snooze","alert_id":"308740098","by":"k7x2m9pq","role":"nurse","reason":"on the way to CT","until_us":1760001860000000}
//! {"action":"unsnooze","alert_id":"308740098","by":"k7x2m9pq","role":"nurse"}
//! {"action":"escalate","alert_id":"308740098","by":"k7x2m9pq","role":"nurse","to":"physician","note":"looks worse"}
//! {"action":"channel_dead","subject":"ward-mail","reason":"5 deliveries failed"}
//! {"action":"channel_alive","subject":"ward-mail"}
//! ```
//!
//! Texts are at most 2,000 bytes (`TEXT_BYTES_MAX`). The door has checked who it is and what he or she may do; what has become of the
//! alert meanwhile is decided here, in the order of the journal.

use compact_str::CompactString;
use serde::Deserialize;

use crate::error::{Code, Refusal};

/// Longest text in an action.
pub const TEXT_BYTES_MAX: usize = 2_000;
/// Longest snooze, microseconds: 8 hours, and a minute for the way from the door to the journal.
pub const SNOOZE_US_MAX: i64 = (8 * 60 + 1) * 60 * 1_000_000;

/// What somebody does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deed {
    /// Has seen it.
    Acknowledge,
    /// Puts it off.
    Snooze,
    /// Ends that.
    Unsnooze,
    /// Passes it on.
    Escalate,
    /// A channel delivers nothing.
    ChannelDead,
    /// It delivers again.
    ChannelAlive,
}

/// An action as it was journalled. Debug prints none of its texts (P6).
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Action {
    /// What.
    #[serde(rename = "action")]
    pub deed: Deed,
    /// The alert, as a decimal; empty of channels.
    #[serde(default)]
    alert_id: CompactString,
    /// Id of the person's key.
    #[serde(default)]
    pub by: CompactString,
    /// In which role.
    #[serde(default)]
    pub role: CompactString,
    /// The person's words.
    #[serde(default)]
    pub note: String,
    /// Why it is put off; of channels what happened.
    #[serde(default)]
    pub reason: String,
    /// Until when.
    #[serde(default)]
    pub until_us: Option<i64>,
    /// To whom it is passed on.
    #[serde(default)]
    pub to: CompactString,
    /// The channel.
    #[serde(default)]
    pub subject: CompactString,
}

impl std::fmt::Debug for Action {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Action({:?} of {})", self.deed, self.alert_id)
    }
}

/// What became of an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// A step in the alert's life.
    Done,
    /// The same as before: nothing changes.
    Repeated,
    /// The alert is no longer there, or the time is over.
    Late,
}

impl Action {
    /// The action in a frame.
    ///
    /// # Errors
    /// `Malformed`: not JSON of this shape, a text too long, no alert or channel. The detail quotes nothing of it.
    pub fn read(payload: &[u8]) -> Result<Self, Refusal> {
        let malformed = |what: &str| Refusal::new(Code::Malformed, format!("not an action: {what}"));
        let action: Self = serde_json::from_slice(payload).map_err(|_| malformed("its JSON"))?;
        let texts = [action.note.as_str(), &action.reason, &action.by, &action.role, &action.to, &action.subject];
        if texts.iter().any(|text| text.len() > TEXT_BYTES_MAX) {
            return Err(malformed("a text is too long"));
        }
        let of_channel = matches!(action.deed, Deed::ChannelDead | Deed::ChannelAlive);
        if of_channel == action.subject.is_empty() || of_channel == action.alert_id().is_some() {
            return Err(malformed("it names no alert or no channel"));
        }
        if action.deed == Deed::Escalate && action.to.is_empty() || action.deed == Deed::Snooze && action.until_us.is_none() {
            return Err(malformed("what it needs is missing"));
        }
        Ok(action)
    }

    /// The alert it is about.
    pub fn alert_id(&self) -> Option<u64> {
        self.alert_id.parse().ok()
    }
}
