//! The view on the example run: frames fit, tell the figures, and leave the terminal as it was.

use super::frame;
use super::lines::Lines;
use super::screen::Screen;
use super::state::State;
use crate::report::example::run as example;
use crate::result::{Live, Run};

fn shown(run: &Run, view: &mut dyn Live) {
    view.begin(&run.head);
    for second in &run.seconds {
        view.second(second);
        for event in run.events.iter().filter(|event| event.t_s as u32 == second.t_s) {
            view.event(event);
        }
    }
    view.end(run);
}

fn state(run: &Run, until_s: usize) -> State {
    let mut state = State { head: Some(run.head.clone()), ..State::default() };
    run.seconds.iter().take(until_s).for_each(|second| state.add(second));
    run.events.iter().for_each(|event| state.note(event));
    state
}

#[test]
fn a_frame_fits_every_terminal_and_never_grows_with_the_run() {
    let run = example(7, 1.0);
    for (width, height) in [(1, 1), (20, 5), (79, 23), (120, 24), (300, 24)] {
        for until_s in [0, 1, 50, 95] {
            let lines = frame::draw(&state(&run, until_s), width, height);
            assert!(lines.len() <= height);
            assert!(lines.iter().all(|line| line.text.chars().count() <= width));
        }
    }
    let mut long = state(&run, 95);
    for t_s in 95..5_000 {
        long.add(&crate::result::Second { t_s, ..run.seconds[60].clone() });
        long.note(&run.events[0]);
    }
    assert!(long.events.len() <= 5 && long.stages.values().all(|stage| stage.p99_us.len() <= 60));
}

#[test]
fn a_frame_tells_rates_waiting_latencies_costs_and_events() {
    let frame = frame::draw(&state(&example(7, 1.0), 49), 100, 24);
    let text: String = frame.iter().map(|line| line.text.clone() + "\n").collect();
    for said in [
        "hospital: 1,000 patients, 40 consoles, seed 7, to 127.0.0.1:1883",
        "0:49 of 1:30  hold x1.00",
        "! waiting",
        "refused 12",
    ] {
        assert!(text.contains(said), "{said}\n{text}");
    }
    for said in [
        "connections lost 16",
        "acknowledged ",
        "stored ",
        "█",
        "cores, PostgreSQL and Redis",
        "0:47  disconnect: every",
        "40 consoles",
    ] {
        assert!(text.contains(said), "{said}\n{text}");
    }
}

#[test]
fn nothing_is_set_on_the_terminal_that_had_to_be_restored() {
    let mut screen = Screen::new(Vec::new(), || Some((100, 30)), true);
    shown(&example(7, 1.0), &mut screen);
    let text = String::from_utf8(screen.into_inner()).unwrap();
    let mut opened = 0;
    for piece in text.split('\x1b').skip(1) {
        let code: String = piece.chars().skip(1).take_while(|c| c.is_ascii_digit() || "?;".contains(*c)).collect();
        let action = piece.chars().nth(1 + code.chars().count());
        match (code.as_str(), action) {
            ("?2026", Some('h')) => opened += 1,
            ("?2026", Some('l')) => opened -= 1,
            (_, Some('A' | 'K' | 'J' | 'm')) => {}
            other => panic!("{other:?} is not undone by itself"),
        }
    }
    assert_eq!((opened, text.ends_with("\x1b[J\x1b[?2026l")), (0, true));
}

#[test]
fn a_line_a_second_stands_for_itself() {
    let mut lines = Lines::new(Vec::new());
    shown(&example(7, 1.0), &mut lines);
    let text = String::from_utf8(lines.into_inner()).unwrap();
    assert_eq!(text.lines().count(), 1 + 95 + 2);
    assert!(!text.contains('\x1b'));
    let stalled = text.lines().find(|line| line.contains("0:48 ")).unwrap();
    assert!(
        stalled.contains("hold x1.00") && stalled.contains("! connections lost 16") && stalled.contains("unsent 310"),
        "{stalled}"
    );
    assert!(text.contains("* disconnect: every MQTT connection reset <16>"));
}
