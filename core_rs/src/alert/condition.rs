//! Conditions over raw signals and scores: the tree of `when`, and what it means.
//!
//! # In numbers
//! - At most 16 leaves a rule (`LEAVES_MAX`), trees at most 4 levels deep (`DEPTH_MAX`).
//! - `for_s` up to a day; `within_s` up to 6 hours of what monitors send, up to a week of everything else: values of a signal
//!   stay readable as long as a rule looks back (21 bytes a value: 75 kB an hour of one that comes every second).
//!
//! # Three values
//! A leaf is true, false or unknown. Unknown is what was never observed, is older than `stale_s`, or is a trend of fewer than two
//! values within `within_s`. `all` is false where one part is, else unknown where one is; `any` is true where one part is, else
//! unknown where one is. Only true opens and only false clears (P7).
//!
//! # A leaf
//! A threshold with `clear` is a Schmitt trigger: between the two it stays what it was. With `for_s` it is true once it has been on
//! that long without interruption, by the times of observation; a value off, or a gap longer than `stale_s`, begins anew: what lay before
//! a gap is unknown, and a value between the two that comes after it is not on. `rising_by` compares the newest value with the least of
//! the `within_s` that end with it, `falling_by` with the largest.

use compact_str::CompactString;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::decode::SignalId;

/// Most leaves of one rule.
pub const LEAVES_MAX: usize = 16;
/// Most levels of a tree, the leaves' own included.
pub const DEPTH_MAX: usize = 4;

/// Slack of a trend: 4.1 - 2.1 is 2 for a person, and a little less in binary.
const TREND_SLACK: f64 = 1e-9;

/// What is known of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Truth {
    /// It holds.
    True,
    /// It does not.
    False,
    /// Nobody can say.
    Unknown,
}

impl Truth {
    /// All of them: false where one is false.
    pub fn all(parts: impl IntoIterator<Item = Self>) -> Self {
        parts.into_iter().fold(Self::True, |whole, part| match (whole, part) {
            (Self::False, _) | (_, Self::False) => Self::False,
            (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
            _ => Self::True,
        })
    }

    /// Any of them: true where one is true.
    pub fn any(parts: impl IntoIterator<Item = Self>) -> Self {
        parts.into_iter().fold(Self::False, |whole, part| match (whole, part) {
            (Self::True, _) | (_, Self::True) => Self::True,
            (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
            _ => Self::False,
        })
    }
}

/// What a leaf looks at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Subject {
    /// The newest value of a signal, or its course.
    Signal(SignalId),
    /// The newest score of a scorer, by its index and name.
    Score(u16, CompactString),
}

/// Where a value stands to a threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Beyond it.
    On,
    /// Back on the safe side.
    Off,
    /// Between the two: as before.
    Between,
}

/// What a leaf asks of a value.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Test {
    /// Beyond a threshold.
    Threshold {
        /// Upwards, or downwards.
        high: bool,
        /// Beyond it, or also at it.
        strict: bool,
        /// Where it begins.
        enter: f64,
        /// Where it ends: on the safe side of `enter`, or the same.
        clear: f64,
    },
    /// A change within some time.
    Trend {
        /// Upwards, or downwards.
        rising: bool,
        /// At least so much; more than 0.
        by: f64,
        /// Within so many microseconds.
        within_us: i64,
    },
}

/// One question about one signal or score.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Leaf {
    /// Of what.
    pub subject: Subject,
    /// What.
    pub test: Test,
    /// For how long without interruption, microseconds; 0 at once.
    pub for_us: i64,
    /// An older value is unknown, microseconds.
    pub stale_us: i64,
}

/// The tree; leaves by their place in `When::leaves`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Node {
    /// Holds where all do.
    All(Vec<Node>),
    /// Holds where one does.
    Any(Vec<Node>),
    /// A leaf.
    Leaf(u16),
}

/// The condition of a rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct When {
    /// In the order of the file.
    pub leaves: SmallVec<[Leaf; 2]>,
    /// How they belong together.
    pub tree: Node,
}

impl Test {
    /// Where a value stands; a trend has no sides.
    pub fn side(&self, value: f64) -> Side {
        let Self::Threshold { high, strict, enter, clear } = *self else { return Side::Between };
        let beyond = if high { value > enter } else { value < enter };
        if beyond || !strict && value == enter {
            return Side::On;
        }
        let safe = if high { value <= clear } else { value >= clear };
        if safe { Side::Off } else { Side::Between }
    }

    /// Of two values the one nearer to the safe side.
    pub fn safer(&self, one: f64, other: f64) -> f64 {
        match self {
            Self::Threshold { high: true, .. } => one.min(other),
            _ => one.max(other),
        }
    }

    /// Whether a change is enough of a trend.
    pub fn changed(&self, from: f64, to: f64) -> bool {
        match *self {
            Self::Trend { rising, by, .. } => (if rising { to - from } else { from - to }) >= by - TREND_SLACK,
            Self::Threshold { .. } => false,
        }
    }
}

impl When {
    /// What the tree makes of its leaves.
    pub fn truth(&self, leaf: &dyn Fn(usize) -> Truth) -> Truth {
        self.tree.truth(leaf)
    }
}

impl Node {
    fn truth(&self, leaf: &dyn Fn(usize) -> Truth) -> Truth {
        match self {
            Self::All(parts) => Truth::all(parts.iter().map(|part| part.truth(leaf))),
            Self::Any(parts) => Truth::any(parts.iter().map(|part| part.truth(leaf))),
            Self::Leaf(place) => leaf(usize::from(*place)),
        }
    }
}
