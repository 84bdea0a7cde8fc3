//! Catching a panic of a stage, and where it happened: file and line of the core's sources, nothing else. The panic's message is
//! neither kept nor printed, since it may quote what the frame says (P6).

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
    static PLACE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// A panic that was caught.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Panicked {
    /// As `window/ward.rs:120`.
    pub place: String,
}

/// Runs `work`; what it borrowed mutably is suspect after a panic.
pub(super) fn catch<T>(work: impl FnOnce() -> T) -> Result<T, Panicked> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |info| {
            if !GUARDED.get() {
                return before(info);
            }
            let place = info.location().map(|at| format!("{}:{}", within(at.file()), at.line())).unwrap_or_default();
            PLACE.with(|known| *known.borrow_mut() = place);
        }));
    });
    let outer = GUARDED.replace(true);
    let outcome = catch_unwind(AssertUnwindSafe(work));
    GUARDED.set(outer);
    outcome.map_err(|_| Panicked { place: PLACE.take() })
}

/// The file without the folders of the machine it was built on.
fn within(file: &str) -> &str {
    let after = file.rsplit_once("/src/").map_or(file, |(_, after)| after);
    after.strip_prefix("core_rs/src/").or_else(|| after.strip_prefix("src/")).unwrap_or(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p6_a_panic_is_known_by_its_place_and_not_by_what_it_says() {
        assert_eq!(catch(|| 7), Ok(7));
        let panicked = catch(|| panic!("Doe, Jo")).expect_err("panics");
        assert!(panicked.place.starts_with("engine/panics.rs:"), "{panicked:?}");
        assert!(!format!("{panicked:?}").contains("Doe"));
    }
}
