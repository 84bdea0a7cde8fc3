//! The run while it lasts, on the terminal: a frame drawn over itself once a second, or a line a second where standard error is no terminal.
//!
//! The terminal is never put into a mode that would have to be undone: no raw mode, no second screen, no hidden cursor. So there is
//! nothing to restore after Ctrl-C, a panic or kill -9, and the last frame stays in the scrollback. A frame is at most 24 lines and
//! as wide as the terminal; what is kept between frames is bounded by 60 values a stage and 5 events.

mod frame;
mod lines;
mod screen;
mod state;

use std::io::IsTerminal;

use crate::result::Live;

/// The view that suits standard error; standard output is kept for results.
pub fn view() -> Box<dyn Live + Send> {
    let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb" || term.is_empty());
    if std::io::stderr().is_terminal() && !dumb {
        Box::new(screen::Screen::new(std::io::stderr(), screen::size, std::env::var_os("NO_COLOR").is_none()))
    } else {
        Box::new(lines::Lines::new(std::io::stderr()))
    }
}

#[cfg(test)]
mod tests;
