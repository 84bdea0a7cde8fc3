//! publish (Rust half): JSON messages for consoles and channels, one per touched patient and one per alert event.
//!
//! Three kinds, documented field by field in `docs/messages.md`:
//! - `patient`: the full current state of one patient. The newest replaces all older ones, so a slow reader may skip some.
//! - `alert`: one step in the life of one alert. Never skipped; its cursor orders all of them.
//! - `left`: the patient is gone from the ward (discharged, merged).
//!
//! Times leave as whole milliseconds since 1970-01-01 UTC; a value that is not a finite number leaves as null, never as
//! zero (P7). No identity enters: the views hold pseudonyms only (P6).

mod encode;
mod view;

pub use encode::{cursor, encode_alert, encode_left, encode_patient};
pub use view::{AlertView, ItemView, PatientView, ScoreKind, ScoreView, SparkPoint, SparkView, VitalView};
