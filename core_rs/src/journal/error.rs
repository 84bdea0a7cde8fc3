//! What can go wrong with the journal itself; refusals of single frames are `crate::error::Refusal`.

use std::io;

/// A journal that cannot be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// A setting makes no sense.
    #[error("journal settings: {0}")]
    Config(&'static str),
    /// Another process has this journal open.
    #[error("the journal in this folder is in use by another process")]
    Locked,
    /// The operating system refused.
    #[error("journal: cannot {doing}: {source}")]
    Io {
        /// What was tried.
        doing: &'static str,
        /// The system's answer.
        source: io::Error,
    },
    /// A file of another version.
    #[error("journal segment {segment}: {what}")]
    Format {
        /// The file's name.
        segment: String,
        /// What is wrong with it.
        what: &'static str,
    },
    /// An acknowledged record cannot be read any more.
    #[error(
        "journal segment {segment} is damaged at byte {offset}: frame {seq} had been acknowledged and cannot be read; \
         restore the file, or set journal.on_damage to quarantine to go on without it"
    )]
    Damaged {
        /// The file's name.
        segment: String,
        /// Where.
        offset: u64,
        /// The first frame that cannot be read.
        seq: u64,
    },
    /// Retention has removed the frame.
    #[error("frame {seq} is no longer in the journal; it begins at {first}")]
    Gone {
        /// The frame asked for.
        seq: u64,
        /// The oldest frame there is.
        first: u64,
    },
    /// The journal has stopped writing.
    #[error("the journal is read-only: {0}")]
    Failed(String),
}

impl JournalError {
    /// A segment or record of a version this build does not know.
    pub(super) fn newer(first_seq: u64) -> Self {
        Self::Format { segment: super::segment::segment_name(first_seq), what: "written by another version of nightlamp" }
    }

    /// For `map_err`: the operation that failed.
    pub(super) fn io(doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { doing, source }
    }
}
