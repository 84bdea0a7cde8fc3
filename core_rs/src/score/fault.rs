//! A fault a test puts into a bundle, so that a whole server can be seen to outlive a stage that panics or hangs. It is a table
//! `[fault_for_tests]` of the bundle's manifest, and such a bundle loads only in a process whose environment says
//! `FAULTS_FOR_TESTS_OF_NIGHTLAMP=yes`: no message can bring it about, and no setting.

use serde::{Deserialize, Serialize};

use super::Input;
use crate::decode::catalogue;

/// The variable that must say `yes`.
pub const ENVIRONMENT: &str = "FAULTS_FOR_TESTS_OF_NIGHTLAMP";

/// What to do when the newest value of a signal is exactly this.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultForTests {
    /// One of the plan's signals, by its name in the catalogue.
    pub signal: String,
    /// The value.
    pub value: f64,
    /// What happens then.
    pub does: Does,
}

/// What a fault does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Does {
    /// Panics.
    Panic,
    /// Never returns.
    Hang,
}

impl FaultForTests {
    /// Whether this process may load it.
    pub fn is_allowed() -> bool {
        std::env::var_os(ENVIRONMENT).is_some_and(|says| says == "yes")
    }

    /// Panics or hangs where the inputs say so.
    #[allow(clippy::panic, reason = "to panic is what it is for")]
    pub fn meet(&self, inputs: &[Input]) {
        let hit = |input: &Input| {
            input.value == Some(self.value) && catalogue::signal(input.signal).is_some_and(|row| row.name == self.signal)
        };
        if !inputs.iter().any(hit) {
            return;
        }
        match self.does {
            Does::Panic => std::panic::panic_any("a fault made by a test"),
            Does::Hang => loop {
                std::thread::sleep(std::time::Duration::from_secs(3_600));
            },
        }
    }
}
