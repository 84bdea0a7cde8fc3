//! journal: see DESIGN.md. (Built in a step of its own.)

/// The journal's answer to a frame: its place in the one order of everything. Sequence numbers start at 1 and have no gaps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Receipt {
    /// The frame's sequence number.
    pub seq: u64,
}
