//! What is encoded and not yet written, and the messages that are done once it is.
//!
//! At QoS 0 nobody answers, so a message is done with its last byte in the socket (under TLS: taken by TLS), not when it was encoded.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};

use super::transport::Transport;
use super::under_way::Message;

/// Bytes on their way to a socket.
#[derive(Debug, Default)]
pub struct Outbox {
    bytes: Vec<u8>,
    written: usize,
    /// Messages that end with a byte of `bytes`, and where.
    ends: VecDeque<(usize, Message)>,
}

impl Outbox {
    /// Bytes not yet written.
    pub fn waiting(&self) -> usize {
        self.bytes.len() - self.written
    }

    /// Where to append.
    pub fn bytes(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// What was appended last is all of this message, and nobody will answer it.
    pub fn ends(&mut self, message: Message) {
        self.ends.push_back((self.bytes.len(), message));
    }

    /// Messages without an answer to come that are not written whole.
    pub fn unwritten(&self) -> usize {
        self.ends.len()
    }

    /// Forgets all bytes; the messages that were not written whole.
    pub fn drain(&mut self) -> VecDeque<Message> {
        self.bytes.clear();
        self.written = 0;
        std::mem::take(&mut self.ends).into_iter().map(|(_, message)| message).collect()
    }

    /// Writes what the socket takes now; `done` is called for each message that is written whole.
    ///
    /// # Errors
    /// The socket's, other than that it takes no more.
    pub fn flush(&mut self, transport: &mut Transport, mut done: impl FnMut(Message)) -> io::Result<()> {
        let wrote = self.write(transport);
        while let Some((_, message)) = self.ends.pop_front_if(|(end, _)| *end <= self.written) {
            done(message);
        }
        if self.waiting() == 0 {
            self.bytes.clear();
            self.written = 0;
        }
        match wrote {
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::NotConnected) => Ok(()),
            wrote => wrote,
        }
    }

    fn write(&mut self, transport: &mut Transport) -> io::Result<()> {
        if transport.wants_write() {
            transport.flush()?;
        }
        while let Some(rest) = self.bytes.get(self.written..).filter(|rest| !rest.is_empty()) {
            match transport.write(rest)? {
                0 => return Err(ErrorKind::WriteZero.into()),
                taken => self.written += taken,
            }
        }
        Ok(())
    }
}
