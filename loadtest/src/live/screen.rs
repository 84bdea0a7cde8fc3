//! A frame drawn over the last one: the cursor goes up as many lines as were drawn, each line is written anew and its rest cleared.
//!
//! Where the terminal's size has changed, lines may have been wrapped, so the visible part is cleared first. Terminals that know
//! synchronised updates show a frame at once; others ignore the request.

use std::io::Write;

use super::frame::{self, Line, Tone};
use super::state::State;
use crate::result::{Event, Head, Live, Run, Second};

/// Columns and lines where the terminal does not say.
const SIZE: (usize, usize) = (80, 24);
/// Lines of a frame.
const HEIGHT_MAX: usize = 24;

/// Draws frames; a closed terminal ends the drawing, not the run.
#[derive(Debug)]
pub struct Screen<W> {
    out: W,
    size: fn() -> Option<(usize, usize)>,
    colour: bool,
    state: State,
    drawn_lines: usize,
    drawn_size: (usize, usize),
}

/// Columns and lines of the terminal on standard error.
pub fn size() -> Option<(usize, usize)> {
    let size = rustix::termios::tcgetwinsize(std::io::stderr()).ok()?;
    (size.ws_col > 0 && size.ws_row > 0).then(|| (usize::from(size.ws_col), usize::from(size.ws_row)))
}

impl<W: Write> Screen<W> {
    /// To the given place, whose size is asked before each frame.
    pub fn new(out: W, size: fn() -> Option<(usize, usize)>, colour: bool) -> Self {
        Self { out, size, colour, state: State::default(), drawn_lines: 0, drawn_size: (0, 0) }
    }

    /// What was written; for tests.
    #[cfg(test)]
    pub fn into_inner(self) -> W {
        self.out
    }

    fn draw(&mut self) {
        let (width, height) = (self.size)().unwrap_or(SIZE);
        // One column and one line stay free: a full last column wraps on some terminals, and the cursor stands below the frame.
        let lines = frame::draw(&self.state, width.saturating_sub(1), height.saturating_sub(1).clamp(1, HEIGHT_MAX));
        let mut text = String::from("\x1b[?2026h");
        if self.drawn_lines > 0 && self.drawn_size == (width, height) {
            text.push_str(&format!("\x1b[{}A\r", self.drawn_lines));
        } else if self.drawn_lines > 0 {
            text.push_str("\x1b[2J\x1b[H");
        }
        for line in &lines {
            text.push_str(&self.coloured(line));
            text.push_str("\x1b[K\n");
        }
        text.push_str("\x1b[J\x1b[?2026l");
        (self.drawn_lines, self.drawn_size) = (lines.len(), (width, height));
        let written = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush());
        // A terminal that went away shall not end a measurement.
        drop(written);
    }

    fn coloured(&self, line: &Line) -> String {
        let code = match line.tone {
            Tone::Bold => "1",
            Tone::Alarm => "1;31",
            Tone::Faint => "2",
            Tone::Plain => return line.text.clone(),
        };
        if self.colour { format!("\x1b[{code}m{}\x1b[0m", line.text) } else { line.text.clone() }
    }
}

impl<W: Write> Live for Screen<W> {
    fn begin(&mut self, head: &Head) {
        self.state.head = Some(head.clone());
    }

    fn second(&mut self, second: &Second) {
        self.state.add(second);
        self.draw();
    }

    fn event(&mut self, event: &Event) {
        self.state.note(event);
        if self.drawn_lines > 0 {
            self.draw();
        }
    }

    fn end(&mut self, _run: &Run) {
        self.draw();
    }
}
