//! One connection: encodes what is due, keeps what is unanswered, and sends that again after a loss.
//!
//! What is due and cannot be written stays in the schedule: its intended time does not move and nothing is skipped. Limits: 256 KiB
//! encoded and unwritten, the scenario's window of unanswered publishes (HTTP: one request), a retry each 100 ms while the server
//! is away.

use std::collections::VecDeque;
use std::io::ErrorKind;

use super::control::Acked;
use super::lateness::own_us;
use super::mqtt::{self, Packet, Window};
use super::outbox::Outbox;
use super::tally::Tally;
use super::transport::{Endpoint, Transport};
use super::under_way::Message;
use super::{http, speech::Speech};
use crate::plan::{Connection as Wanted, Plan};
use crate::schedule::{Clock, Due, Kind};

const OUT_BYTES_MAX: usize = 256 << 10;
const WRITE_BYTES: usize = 64 << 10;
const RETRY_US: u64 = 100_000;
const OPEN_US_MAX: u64 = 5_000_000;

#[derive(Debug)]
enum State {
    /// To be opened at this time.
    Away {
        retry_us: u64,
    },
    /// Opened at this time; MQTT waits for CONNACK.
    Opening {
        since_us: u64,
    },
    Open,
}

/// A connection with its lanes.
#[derive(Debug)]
pub struct Connection {
    speech: Speech,
    lanes: Vec<(crate::schedule::Lane, u64, Option<Due>)>,
    state: State,
    transport: Option<Transport>,
    window: Window<Message>,
    again: VecDeque<Message>,
    out: Outbox,
    inbox: Vec<u8>,
    payload: Vec<u8>,
    window_max: usize,
    /// Until when the window or the socket held it back; what was due before waited for an answer or for room.
    held_until_us: u64,
    held: bool,
    ever_open: bool,
    told_open: bool,
    /// Something was heard since it was opened.
    live: bool,
}

/// What the loop has to do next for a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Come back at this time (microseconds), or when the socket stirs.
    At(u64),
    /// Only when the socket stirs.
    Stirred,
}

impl Connection {
    /// As planned, not yet opened.
    pub fn new(wanted: Wanted, speech: Speech, plan: &Plan) -> Self {
        let lanes = wanted.lanes.into_iter().map(|lane| {
            let first = lane.get(&plan.curve, 0);
            (lane, 0, first)
        });
        let window_max = if wanted.mqtt { usize::from(plan.scenario.monitors.in_flight_max).min(65_534) } else { 1 };
        Self {
            speech,
            lanes: lanes.collect(),
            state: State::Away { retry_us: 0 },
            transport: None,
            window: Window::default(),
            again: VecDeque::new(),
            out: Outbox::default(),
            inbox: Vec::new(),
            payload: Vec::new(),
            window_max,
            held_until_us: 0,
            held: false,
            ever_open: false,
            told_open: false,
            live: false,
        }
    }

    /// The socket, while there is one.
    pub fn socket(&self) -> Option<&std::net::TcpStream> {
        self.transport.as_ref().map(Transport::socket)
    }

    /// True once, when it has been opened for the first time.
    pub fn take_opened(&mut self) -> bool {
        self.ever_open && !std::mem::replace(&mut self.told_open, true)
    }

    /// MQTT, else HTTP.
    pub fn is_mqtt(&self) -> bool {
        self.speech.is_mqtt()
    }

    /// Messages written and not answered.
    pub fn unanswered(&self) -> u64 {
        (self.window.unanswered() + self.out.unwritten() + self.again.len()) as u64
    }

    /// Gives the connection up; what was unanswered goes again first.
    pub fn lose(&mut self, now_us: u64, why: &str, tally: &mut Tally) {
        self.transport = None;
        tally.lost += u64::from(std::mem::take(&mut self.live));
        tally.fault(format!("{}: {why}", self.speech.name()));
        let mut left = self.window.drain();
        left.append(&mut self.out.drain());
        left.append(&mut self.again);
        self.again = left;
        self.inbox.clear();
        self.held = true;
        self.state = State::Away { retry_us: now_us + RETRY_US };
    }

    /// Opens where it is time; true where there is a new socket.
    pub fn open(&mut self, now_us: u64, endpoint: &Endpoint, tally: &mut Tally) -> bool {
        match self.state {
            State::Away { retry_us } if now_us >= retry_us => {}
            State::Opening { since_us } if now_us > since_us + OPEN_US_MAX => self.lose(now_us, "no answer", tally),
            _ => return false,
        }
        match Transport::open(endpoint) {
            Ok(transport) => self.transport = Some(transport),
            Err(error) => {
                self.lose(now_us, &error.to_string(), tally);
                return false;
            }
        }
        self.state = State::Opening { since_us: now_us };
        if self.speech.greet(self.out.bytes()) {
            return true;
        }
        self.opened();
        true
    }

    fn opened(&mut self) {
        self.state = State::Open;
        self.ever_open = true;
    }

    /// Encodes what is due and writes it. `heard_us`: what came from the server before this time was handled before.
    pub fn pump(&mut self, plan: &Plan, time: &Clock, heard_us: u64, begun: bool, tally: &mut Tally) -> Next {
        let mut now_us = time.now_us();
        match self.state {
            State::Away { retry_us } => return Next::At(retry_us),
            State::Opening { since_us } => {
                return match self.flush(time, tally) {
                    Ok(()) => Next::At(since_us + OPEN_US_MAX + 1),
                    Err(retry) => retry,
                };
            }
            State::Open => {}
        }
        while let Some((message, first_time, place)) = self.next_message(now_us, begun) {
            if self.out.waiting() >= WRITE_BYTES {
                if let Err(retry) = self.flush(time, tally) {
                    return retry;
                }
                now_us = time.now_us();
            }
            if self.window.len() >= self.window_max || self.out.waiting() >= OUT_BYTES_MAX {
                break;
            }
            if self.held {
                self.held = false;
                self.held_until_us = now_us;
            }
            if first_time {
                tally.late.saturating_record(own_us(now_us, message.due_us(), self.held_until_us, heard_us));
            }
            self.encode(plan, message, first_time, place, tally);
        }
        if let Err(retry) = self.flush(time, tally) {
            return retry;
        }
        if self.next_message(now_us, begun).is_some() {
            // Due, and held by the window or by a socket that takes no more: an answer or room in it wakes us.
            self.held = true;
            let is_free = self.out.waiting() == 0 && self.window.len() < self.window_max;
            return if is_free { Next::At(now_us) } else { Next::Stirred };
        }
        let next = self.lanes.iter().filter_map(|(_, _, due)| due.map(|due| due.at_ms)).min();
        next.map_or(Next::Stirred, |at_ms| Next::At(u64::from(at_ms) * 1_000))
    }

    /// Writes what the socket takes; where it is broken, when to try again.
    fn flush(&mut self, time: &Clock, tally: &mut Tally) -> Result<(), Next> {
        let Some(transport) = self.transport.as_mut() else { return Ok(()) };
        let written = self.out.flush(transport, |message| message.done(time.now_us(), tally));
        written.map_err(|error| {
            let now_us = time.now_us();
            self.lose(now_us, &error.to_string(), tally);
            Next::At(now_us + RETRY_US)
        })
    }

    /// The next message that is due: (message, written for the first time, its lane).
    fn next_message(&self, now_us: u64, begun: bool) -> Option<(Message, bool, usize)> {
        if let Some(message) = self.again.front() {
            return Some((*message, false, 0));
        }
        let earliest =
            self.lanes.iter().enumerate().filter_map(|(place, (lane, _, due))| due.map(|due| (place, lane.kind, due)));
        let (place, kind, due) = earliest.min_by_key(|(_, _, due)| due.at_ms)?;
        (begun && u64::from(due.at_ms) * 1_000 <= now_us).then_some((
            Message { kind, due, observations: 0, is_marked: false },
            true,
            place,
        ))
    }

    fn encode(&mut self, plan: &Plan, mut message: Message, first_time: bool, place: usize, tally: &mut Tally) {
        self.payload.clear();
        let Message { kind, due, .. } = message;
        let observations = plan.put(&mut self.payload, kind, due, self.speech.is_mqtt());
        message.is_marked = kind != Kind::Labs && plan.readings.is_marked(due.bed, due.round);
        message.observations = u32::try_from(observations).unwrap_or(u32::MAX);
        if first_time {
            if let Some((lane, n, next)) = self.lanes.get_mut(place) {
                *n += 1;
                *next = lane.get(&plan.curve, *n);
            }
            tally.sent += 1;
            tally.observations += observations;
            tally.readings += u64::from(message.is_marked);
        } else {
            self.again.pop_front();
            tally.resent += 1;
        }
        match &self.speech {
            Speech::Mqtt { qos, .. } => {
                let topic = plan.beds.get(due.bed as usize).map_or("", |bed| &bed.topic);
                let id = (*qos > 0).then(|| self.window.push(message));
                mqtt::put_publish(self.out.bytes(), topic.as_bytes(), id, &self.payload);
                if id.is_none() {
                    self.out.ends(message);
                }
            }
            Speech::Http { .. } => {
                self.window.push(message);
                http::put(self.out.bytes(), self.speech.head(kind), &self.payload);
            }
        }
    }

    /// Reads and handles what has arrived; `ends`: the socket said that nothing follows.
    pub fn hear(&mut self, time: &Clock, ends: bool, buffer: &mut [u8], tally: &mut Tally, acked: &mut Acked) {
        loop {
            let Some(transport) = self.transport.as_mut() else { return };
            let read = transport.read(buffer);
            // Of each piece anew: a long run of answers takes its time.
            let now_us = time.now_us();
            match read {
                Ok(0) => return self.lose(now_us, "the server closed the connection", tally),
                Ok(count) => {
                    self.live = true;
                    self.inbox.extend_from_slice(buffer.get(..count).unwrap_or_default());
                    if let Err(why) = self.understand(now_us, tally, acked) {
                        return self.lose(now_us, &why, tally);
                    }
                    // A short read has emptied the socket, so the next edge tells of more; under TLS it says nothing.
                    if count < buffer.len() && !ends && !self.transport.as_ref().is_some_and(Transport::is_tls) {
                        return;
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return self.lose(now_us, &error.to_string(), tally),
            }
        }
    }

    fn understand(&mut self, now_us: u64, tally: &mut Tally, acked: &mut Acked) -> Result<(), String> {
        let mut from = 0;
        while let Some(rest) = self.inbox.get(from..).filter(|rest| !rest.is_empty()) {
            if self.speech.is_mqtt() {
                let Some((packet, used)) = mqtt::read(rest).map_err(str::to_owned)? else { break };
                from += used;
                match packet {
                    Packet::ConnAck(0) => self.opened(),
                    Packet::ConnAck(code) => return Err(format!("CONNECT was refused with {code}")),
                    Packet::PubAck(id) => {
                        if let Some(message) = self.window.take(id) {
                            message.answered(true, now_us, tally, acked);
                        }
                    }
                    Packet::Other => {}
                }
            } else {
                let Some(answer) = http::read(rest)? else { break };
                from += answer.used;
                let Some(message) = self.window.drain().pop_front() else { return Err("an answer to no request".into()) };
                let hl7 = message.kind != Kind::Device;
                let taken = (200..300).contains(&answer.status) && (!hl7 || answer.hl7_accepted);
                if !taken {
                    tally.fault(format!("{}: status {}", self.speech.path(message.kind), answer.status));
                }
                message.answered(taken, now_us, tally, acked);
                if !answer.keeps {
                    return Err("the server closes the connection after this answer".into());
                }
            }
        }
        self.inbox.drain(..from);
        Ok(())
    }
}
