//! How much of a send's lateness is the generator's own fault.
//!
//! A send that nothing held is late from its intended time on. One that waited for an answer, or for room in the socket, could go out
//! when that came; the generator cannot know when that was, but not before it last looked and found nothing. So its own lateness is
//! never told too short: a generator that leaves answers unread does not pass as a server that withholds them.

/// A wait for the sockets that took this long was a sleep: nothing was there when it began.
const SLEPT_US: u64 = 50;

/// When a loop looked at its sockets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Looks {
    looked_us: u64,
    heard_us: u64,
}

impl Looks {
    /// It looked: asked at one time, and woke at another, perhaps with nothing there.
    pub fn look(&mut self, asked_us: u64, woke_us: u64, nothing: bool) {
        let slept = woke_us.saturating_sub(asked_us) >= SLEPT_US;
        // What ended a sleep came just now; what was there without one may have come at any time since the last look.
        self.heard_us = if nothing || slept { woke_us } else { self.looked_us };
        self.looked_us = woke_us;
    }

    /// What came from the server before this time was handled before the last look.
    pub fn heard_us(&self) -> u64 {
        self.heard_us
    }
}

/// Own lateness of a send; sends due before `held_until_us` were held by the window or the socket.
pub fn own_us(now_us: u64, due_us: u64, held_until_us: u64, heard_us: u64) -> u64 {
    let could_us = if due_us < held_until_us { due_us.max(heard_us) } else { due_us };
    now_us.saturating_sub(could_us).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_send_that_waited_for_an_answer_the_generator_left_unread_is_late_by_its_own_fault() {
        let mut looks = Looks::default();
        // It slept until 1.0 s, was busy with other connections until 1.4 s, and found the answer there at once.
        looks.look(900_000, 1_000_000, false);
        looks.look(1_400_000, 1_400_002, false);
        assert_eq!(looks.heard_us(), 1_000_000);
        assert_eq!(own_us(1_400_010, 700_000, 1_400_010, looks.heard_us()), 400_010);
    }

    #[test]
    fn a_send_that_waited_for_an_answer_the_server_withheld_is_not() {
        let mut looks = Looks::default();
        looks.look(700_100, 1_400_000, false);
        assert_eq!(own_us(1_400_010, 700_000, 1_400_010, looks.heard_us()), 10);
        looks.look(1_400_100, 1_400_101, true);
        assert_eq!(looks.heard_us(), 1_400_101, "nothing was there");
    }

    #[test]
    fn a_send_that_nothing_held_is_late_from_its_intended_time() {
        assert_eq!(own_us(1_400_000, 1_100_000, 1_000_000, 1_399_999), 300_000);
        assert_eq!(own_us(5, 5, 0, 0), 1, "a histogram has no zero");
    }
}
