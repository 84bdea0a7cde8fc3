//! The view that says nothing.

use crate::result::{Event, Head, Live, Run, Second};

/// Says nothing.
#[derive(Debug)]
pub struct Silent;

impl Live for Silent {
    fn begin(&mut self, _: &Head) {}
    fn second(&mut self, _: &Second) {}
    fn event(&mut self, _: &Event) {}
    fn end(&mut self, _: &Run) {}
}
