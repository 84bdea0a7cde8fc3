//! Catching a panic of a stage, and where it happened: file and line of the core's sources, nothing else. The panic's message is
//! neither kept nor printed, since it may quote what the frame says (P6).

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind, set_hook, take_hook};
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

/// Runs `work`, which looks at payloads at a door or beside the route: a panic goes on to the caller, by its place alone.
pub(crate) fn quietly<T>(work: impl FnOnce() -> T) -> T {
    catch(work).unwrap_or_else(|panicked| resume_unwind(Box::new(format!("panicked at {}", panicked.place))))
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
        let passed_on = catch_unwind(|| quietly(|| panic!("Doe, Jo"))).expect_err("panics");
        assert!(passed_on.downcast_ref::<String>().is_some_and(|said| said.starts_with("panicked at engine/panics.rs:")));
    }
}
