//! Moves bytes between a socket and a sans-I/O peer: 8 KiB in, then everything there is to say out in one write. Nothing is
//! read while the peer does not want input, so a held sender's bytes stay in its own TCP window. After our last word a sender
//! in the middle of a packet is heard out for at most 5 s, since closing on unread bytes would reset the connection and take
//! that word with it.

use std::io;
use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

use super::board::{Board, Signal};

const READ_BYTES: usize = 8 * 1_024;
const HEAR_OUT_MAX: Duration = Duration::from_secs(5);

/// One end of a connection, without the socket.
pub(super) trait Peer {
    /// Take bytes and say how many were used; fewer than given means that it wants no more for now.
    fn receive(&mut self, bytes: &[u8], now: Instant) -> usize;
    /// Whether more bytes are welcome.
    fn wants_input(&self) -> bool;
    /// Let out what has become durable.
    fn settle(&mut self, durable: u64);
    /// The sequence number that would let out more.
    fn waiting_for(&self) -> Option<u64>;
    /// Bytes to be written; the driver empties it.
    fn outgoing(&mut self) -> &mut Vec<u8>;
    /// Whether the connection is to be closed once `outgoing` is written.
    fn is_closed(&self) -> bool;
    /// When `tick` is to be called.
    fn deadline(&self) -> Instant;
    /// The deadline has passed.
    fn tick(&mut self, now: Instant);
    /// Another connection of the same client has come.
    fn taken_over(&mut self);
    /// The door closes: read no more, finish by the deadline.
    fn stop(&mut self, by: Instant);
}

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The peer was done.
    Done,
    /// The socket failed or was shut by the other side.
    Socket,
}

/// What the driver needs besides socket and peer.
pub(super) struct Surroundings {
    pub board: Rc<Board>,
    pub signal: Rc<Signal>,
    pub stop: watch::Receiver<bool>,
    pub write_timeout: Duration,
    pub stop_grace: Duration,
}

impl Drop for Surroundings {
    fn drop(&mut self) {
        self.board.wait(&self.signal, None);
    }
}

/// Run a connection to its end. Closes the socket's writing side when the peer was done.
pub(super) async fn drive<S, P>(socket: &mut S, peer: &mut P, around: &mut Surroundings) -> End
where
    S: AsyncRead + AsyncWrite + Unpin,
    P: Peer,
{
    match run(socket, peer, around).await {
        Ok(()) => {
            let _ = timeout(Duration::from_secs(1), socket.shutdown()).await;
            End::Done
        }
        Err(_) => End::Socket,
    }
}

/// After `End::Done`: read and forget until the other side closes too, for at most 5 s; when the door closes, only what has
/// already arrived. The caller has given the peer's seat back before.
pub(super) async fn hear_out<S: AsyncRead + Unpin>(socket: &mut S, stop: &mut watch::Receiver<bool>) {
    let mut buffer = vec![0u8; READ_BYTES];
    let rest = async { while socket.read(&mut buffer).await.is_ok_and(|count| count > 0) {} };
    tokio::select! {
        biased;
        _ = timeout(HEAR_OUT_MAX, rest) => {}
        _ = stop.wait_for(|stop| *stop) => {}
    }
}

async fn run<S, P>(socket: &mut S, peer: &mut P, around: &mut Surroundings) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
    P: Peer,
{
    let mut buffer = vec![0u8; READ_BYTES];
    let (mut start, mut end) = (0, 0);
    let mut stopping = false;
    let timer = sleep_until(peer.deadline());
    tokio::pin!(timer);
    loop {
        if start < end && peer.wants_input() {
            start += peer.receive(buffer.get(start..end).unwrap_or_default(), Instant::now());
        }
        peer.settle(around.board.durable());
        write(socket, peer.outgoing(), around.write_timeout).await?;
        if peer.is_closed() {
            return Ok(());
        }
        around.board.wait(&around.signal, peer.waiting_for());
        if start < end && peer.wants_input() {
            tokio::task::consume_budget().await;
            continue;
        }
        if peer.deadline() < timer.deadline() {
            timer.as_mut().reset(peer.deadline());
        }
        tokio::select! {
            _ = around.stop.wait_for(|stop| *stop), if !stopping => {
                stopping = true;
                peer.stop(Instant::now() + around.stop_grace);
            }
            () = around.signal.woken() => {
                if around.signal.is_taken_over() {
                    peer.taken_over();
                }
            }
            read = socket.read(&mut buffer), if start >= end && peer.wants_input() => {
                (start, end) = (0, read?);
                if end == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
            () = timer.as_mut() => {
                let now = Instant::now();
                if now >= peer.deadline() {
                    peer.tick(now);
                }
                timer.as_mut().reset(peer.deadline());
            }
        }
    }
}

async fn write<S: AsyncWrite + Unpin>(socket: &mut S, outgoing: &mut Vec<u8>, limit: Duration) -> io::Result<()> {
    if outgoing.is_empty() {
        return Ok(());
    }
    timeout(limit, async {
        socket.write_all(outgoing).await?;
        socket.flush().await
    })
    .await??;
    outgoing.clear();
    outgoing.shrink_to(READ_BYTES);
    Ok(())
}
