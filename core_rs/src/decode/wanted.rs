//! Whose observations are worth reading: everybody's in service, one patient's in a replay of the past.

use super::event::Subject;

/// A question asked of each subject; by default everybody is wanted.
#[derive(Clone, Copy, Default)]
pub struct Wanted<'a>(Option<&'a dyn Fn(&Subject) -> bool>);

impl<'a> Wanted<'a> {
    /// Only subjects of which this is true.
    pub const fn only(wanted: &'a dyn Fn(&Subject) -> bool) -> Self {
        Self(Some(wanted))
    }

    /// Whether nobody reads what is said of this subject.
    pub(super) fn passes(&self, subject: &Subject) -> bool {
        self.0.is_some_and(|wanted| !wanted(subject))
    }
}

impl std::fmt::Debug for Wanted<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_some() { "Wanted(some)" } else { "Wanted(all)" })
    }
}
