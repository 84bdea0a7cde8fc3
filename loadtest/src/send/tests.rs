//! The sending loop against the sink, over real sockets.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::Loop;
use super::control::{AckLog, Control};
use super::tally::Tally;
use crate::plan::Plan;
use crate::scenario::Scenario;
use crate::schedule::Clock;
use crate::sink::{Counts, Sink};
use crate::target::{Address, Secret, Target};

struct Under {
    control: Arc<Control>,
    log: Arc<AckLog>,
    sink: Arc<Counts>,
    tallies: Receiver<Tally>,
    threads: Vec<JoinHandle<()>>,
    clock: Clock,
    due: u64,
}

/// 200 beds, 5 readings a second each, for one second, over 4 connections with windows of 20.
fn start(qos: u8) -> Under {
    start_with(qos, 0)
}

/// As `start`, with payloads of so many bytes at least.
fn start_with(qos: u8, bytes: usize) -> Under {
    let sink = Sink::bind("127.0.0.1:0").unwrap();
    let (address, counts) = (sink.address().unwrap(), sink.counts());
    let text = format!(
        "name = 'x'\nduration_s = 1.0\n[ward]\npatients = 200\n[monitors]\nqos = {qos}\nconnections = 4\nin_flight_max = 20\n\
         payload_bytes_min = {bytes}\n\
         [monitors.signals]\nHR = 5.0"
    );
    let target = Target::new(Address {
        http: "http://127.0.0.1:9".into(),
        mqtt: address.to_string(),
        tls_ca: None,
        token: Secret::new("nl_a_b"),
        mqtt_user: String::new(),
        mqtt_password: Secret::default(),
        allow_remote: false,
    });
    let plan = Arc::new(Plan::new(Scenario::parse(&text).unwrap(), Arc::new(target.unwrap()), None, 1.0));
    let (control, log) = (Arc::new(Control::default()), Arc::new(AckLog::default()));
    let connections = plan.connections();
    let due = connections.iter().flat_map(|one| &one.lanes).map(|lane| lane.due_by(&plan.curve, plan.end_ms())).sum();
    let sender = Loop::new(&plan, &control, &log, connections, 0).unwrap();
    let (out, tallies) = channel();
    let threads = vec![
        std::thread::spawn(move || {
            sink.run().unwrap();
        }),
        std::thread::spawn(move || {
            sender.run(|tally| {
                let _ = out.send(tally);
            });
        }),
    ];
    let until = Instant::now() + Duration::from_secs(20);
    while control.open.load(Ordering::Relaxed) < 4 {
        assert!(Instant::now() < until, "the connections do not open");
        std::thread::sleep(Duration::from_millis(1));
    }
    let clock = Clock::begin_in(Duration::from_millis(20));
    plan.begin(clock);
    Under { control, log, sink: counts, tallies, threads, clock, due }
}

impl Under {
    fn wait_until_ms(&self, at_ms: u64) {
        std::thread::sleep(self.clock.until(at_ms * 1_000));
    }

    fn end(self) -> Vec<Tally> {
        let until = Instant::now() + Duration::from_secs(20);
        while self.log.acknowledged() < self.due && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(10));
        }
        self.control.stop.store(true, Ordering::Relaxed);
        self.sink.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().unwrap();
        }
        self.tallies.try_iter().collect()
    }
}

#[test]
fn a_stalled_server_makes_answers_late_moves_no_intended_time_and_loses_no_send() {
    let under = start(1);
    let due = under.due;
    assert_eq!(due, 1_000);
    under.wait_until_ms(200);
    under.sink.stalled.store(true, Ordering::Relaxed);
    under.wait_until_ms(600);
    under.sink.stalled.store(false, Ordering::Relaxed);
    let log = Arc::clone(&under.log);
    let tallies = under.end();
    let sum = |of: fn(&Tally) -> u64| tallies.iter().map(of).sum::<u64>();
    assert_eq!((sum(|one| one.sent), sum(|one| one.acknowledged), sum(|one| one.refused)), (due, due, 0));
    // Some 200 sends were meant for the first half of the stall: each waited for the second half at least. The windows hold
    // 80 of them; a generator that waits with its clock would show 80 late answers and shift all the others.
    let waited: u64 = tallies.iter().map(|one| one.latency.count_between(200_000, 3_600_000_000)).sum();
    assert!(waited >= 150, "{waited}");
    // Every send is judged, also those the server held, and what it held them for is not the generator's fault.
    let late = |from_us| tallies.iter().map(|one| one.late.count_between(from_us, 3_600_000_000)).sum::<u64>();
    assert_eq!(late(0), due);
    assert!(late(200_000) < waited / 2, "{}", late(200_000));
    // The intended times are the schedule's: 1,000 of them within its second.
    let times = log.take(0, u64::MAX);
    assert_eq!(times.iter().map(|(_, count)| count).sum::<u64>(), due);
    assert!(times.iter().all(|(at_ms, _)| *at_ms <= 1_000));
}

#[test]
fn a_reset_connection_sends_again_what_was_not_answered_and_counts_it_once() {
    let under = start(1);
    let (due, sink) = (under.due, Arc::clone(&under.sink));
    under.wait_until_ms(300);
    // Each step takes its time, however late it begins: publishes are under way when the connections go.
    let step = Duration::from_millis(100);
    sink.stalled.store(true, Ordering::Relaxed);
    std::thread::sleep(step);
    under.control.disconnects.fetch_add(1, Ordering::Relaxed);
    std::thread::sleep(step);
    sink.stalled.store(false, Ordering::Relaxed);
    let tallies = under.end();
    let sum = |of: fn(&Tally) -> u64| tallies.iter().map(of).sum::<u64>();
    assert_eq!((sum(|one| one.sent), sum(|one| one.acknowledged)), (due, due));
    let faults: Vec<&String> = tallies.iter().flat_map(|one| &one.faults).collect();
    assert!(sum(|one| one.lost) >= 4, "{faults:?}");
    assert!(sum(|one| one.resent) > 0);
    assert!(sink.publishes.load(Ordering::Relaxed) >= due);
}

#[test]
fn at_qos_0_what_a_full_socket_does_not_take_is_neither_acknowledged_nor_lost() {
    let under = start_with(0, 65_536);
    let due = under.due;
    under.sink.stalled.store(true, Ordering::Relaxed);
    under.wait_until_ms(1_300);
    // Encoded is not written: the sockets' buffers take some of 64 MB.
    let unanswered = |tallies: &[Tally]| tallies.last().map_or(0, |one| one.unanswered);
    let before: Vec<Tally> = under.tallies.try_iter().collect();
    let done = |tallies: &[Tally]| tallies.iter().map(|one| one.acknowledged).sum::<u64>();
    assert!(unanswered(&before) > 0 && done(&before) < due, "{} of {due} done", done(&before));
    under.sink.stalled.store(false, Ordering::Relaxed);
    let until = Instant::now() + Duration::from_secs(20);
    while under.sink.publishes.load(Ordering::Relaxed) < due && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(10));
    }
    let (control, sink) = (Arc::clone(&under.control), Arc::clone(&under.sink));
    control.stop.store(true, Ordering::Relaxed);
    sink.stop.store(true, Ordering::Relaxed);
    for thread in under.threads {
        thread.join().unwrap();
    }
    let after: Vec<Tally> = under.tallies.try_iter().collect();
    assert_eq!((done(&before) + done(&after), unanswered(&after)), (due, 0));
}

#[test]
fn at_qos_0_a_message_is_done_once_it_is_written() {
    let under = start(0);
    let due = under.due;
    let until = Instant::now() + Duration::from_secs(20);
    while under.sink.publishes.load(Ordering::Relaxed) < due && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(10));
    }
    under.control.stop.store(true, Ordering::Relaxed);
    let log = Arc::clone(&under.log);
    under.sink.stop.store(true, Ordering::Relaxed);
    for thread in under.threads {
        thread.join().unwrap();
    }
    let tallies: Vec<Tally> = under.tallies.try_iter().collect();
    assert_eq!(tallies.iter().map(|one| one.acknowledged).sum::<u64>(), due);
    assert_eq!(log.acknowledged(), 0, "nothing said that it is durable");
}
