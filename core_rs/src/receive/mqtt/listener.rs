//! The listener: one thread, one socket to accept on, one task a connection.
//!
//! At most twice `mqtt_connections_max` sockets are open, so that clients above the limit still read "server busy", and those
//! that never authenticate cannot take a seat from those that do; sockets beyond that are closed at once.

use std::net::{SocketAddr, TcpListener as StdListener};
use std::rc::Rc;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::LocalSet;
use tokio::time::{Instant, sleep, timeout_at};
use tokio_rustls::TlsAcceptor;

use super::board::{Board, Signal};
use super::config::ListenerConfig;
use super::credentials::Credentials;
use super::door::Door;
use super::drive::{End, Surroundings, drive, hear_out};
use super::session::Session;
use super::stats::{ListenerSnapshot, ListenerStats};
use super::tls;
use crate::receive::Intake;

/// Why a door could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address cannot be bound.
    #[error("cannot listen on {address}: {cause}")]
    Bind {
        /// The address from the settings.
        address: String,
        /// The system's reason.
        cause: std::io::Error,
    },
    /// A TLS file cannot be used.
    #[error("TLS: {0}")]
    Tls(String),
    /// A setting makes no sense.
    #[error("setting {0}")]
    Setting(&'static str),
    /// The thread or its runtime cannot be made.
    #[error("cannot start the MQTT thread: {0}")]
    Thread(std::io::Error),
}

/// A running listener. Stops when dropped.
#[derive(Debug)]
pub struct MqttListener {
    address: SocketAddr,
    stats: Arc<ListenerStats>,
    credentials: watch::Sender<Arc<Credentials>>,
    stop: watch::Sender<bool>,
    thread: Option<thread::JoinHandle<()>>,
}

impl MqttListener {
    /// Bind, then serve on a thread of its own until stopped.
    pub fn start(config: ListenerConfig, credentials: Credentials, intake: Arc<dyn Intake>) -> Result<Self, StartError> {
        if config.idle_s_max == 0 || config.limits.mqtt_inflight_max == 0 || config.limits.mqtt_connections_max == 0 {
            return Err(StartError::Setting("idle_s_max, mqtt_inflight_max, mqtt_connections_max: at least 1"));
        }
        let acceptor = match (&config.cert, &config.key) {
            (Some(cert), Some(key)) => Some(tls::acceptor(cert, key).map_err(StartError::Tls)?),
            (None, None) => None,
            _ => return Err(StartError::Setting("cert and key: both or neither")),
        };
        let bind = |cause| StartError::Bind { address: format!("{} port {}", config.host, config.port), cause };
        let socket = StdListener::bind((config.host.as_str(), config.port)).map_err(bind)?;
        socket.set_nonblocking(true).map_err(bind)?;
        let address = socket.local_addr().map_err(bind)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(StartError::Thread)?;
        let stats = Arc::new(ListenerStats::default());
        let (credentials, current) = watch::channel(Arc::new(credentials));
        let (stop, stopped) = watch::channel(false);
        let counted = Arc::clone(&stats);
        let thread = thread::Builder::new()
            .name("mqtt-listener".into())
            .spawn(move || {
                let door = Door::new(config, intake, current, counted);
                let local = LocalSet::new();
                local.block_on(&runtime, serve(door, socket, acceptor, stopped));
            })
            .map_err(StartError::Thread)?;
        Ok(Self { address, stats, credentials, stop, thread: Some(thread) })
    }

    /// The bound address, with the port the system chose.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// What was counted so far.
    pub fn stats(&self) -> ListenerSnapshot {
        self.stats.snapshot()
    }

    /// Replace all credentials. A connection whose credential is gone or changed ends with its next publish.
    pub fn set_credentials(&self, credentials: Credentials) {
        self.credentials.send_replace(Arc::new(credentials));
    }

    /// Accept and read no more, let outstanding PUBACKs out for at most `stop_grace_ms`, close, and wait for the thread.
    pub fn stop(mut self) {
        self.finish();
    }

    /// Whether its thread runs: false after a stop, and after a fault that ended it.
    pub fn is_alive(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }

    fn finish(&mut self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for MqttListener {
    fn drop(&mut self) {
        self.finish();
    }
}

async fn serve(door: Rc<Door>, socket: StdListener, tls: Option<TlsAcceptor>, mut stop: watch::Receiver<bool>) {
    let Ok(socket) = TcpListener::from_std(socket) else { return };
    let board = Rc::new(Board::default());
    tokio::task::spawn_local(Rc::clone(&board).follow(door.intake.durable()));
    let sockets_max = door.config.limits.mqtt_connections_max.saturating_mul(2) as u64;
    let mut number = 0u64;
    loop {
        let accepted = tokio::select! {
            accepted = socket.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        let Ok((stream, _)) = accepted else {
            // Out of file descriptors, most likely: give the others time to end.
            sleep(Duration::from_millis(50)).await;
            continue;
        };
        door.stats.connections.accepted.one();
        if door.stats.connections.sockets.get() >= sockets_max {
            door.stats.connections.refused_limit.one();
            continue;
        }
        number += 1;
        let open = OpenSocket::new(&door);
        let signal = Signal::new(number);
        tokio::task::spawn_local(attend(open, signal, Rc::clone(&board), stream, tls.clone(), stop.clone()));
    }
    drop(socket);
    let until = Instant::now() + Duration::from_millis(door.config.stop_grace_ms.saturating_add(1_500));
    while door.stats.connections.sockets.get() > 0 && Instant::now() < until {
        sleep(Duration::from_millis(5)).await;
    }
}

/// Counts a socket while it is open, and a panic that ended it.
struct OpenSocket(Rc<Door>);

impl OpenSocket {
    fn new(door: &Rc<Door>) -> Self {
        door.stats.connections.sockets.one();
        Self(Rc::clone(door))
    }
}

impl Drop for OpenSocket {
    fn drop(&mut self) {
        self.0.stats.connections.sockets.less(1);
        if thread::panicking() {
            self.0.stats.connections.panics.one();
        }
    }
}

async fn attend(
    open: OpenSocket,
    signal: Rc<Signal>,
    board: Rc<Board>,
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    stop: watch::Receiver<bool>,
) {
    let door = &open.0;
    let now = Instant::now();
    let connect_by = now + Duration::from_millis(door.config.connect_timeout_ms);
    let _ = stream.set_nodelay(true);
    let session = Session::new(Rc::clone(door), Rc::clone(&signal), now, connect_by);
    let around = Surroundings {
        board,
        signal,
        stop,
        write_timeout: Duration::from_millis(door.config.write_timeout_ms),
        stop_grace: Duration::from_millis(door.config.stop_grace_ms),
    };
    match tls {
        None => converse(stream, session, around).await,
        Some(acceptor) => match timeout_at(connect_by, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => converse(stream, session, around).await,
            _ => door.stats.connections.tls_failures.one(),
        },
    }
}

async fn converse<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, mut session: Session, mut around: Surroundings) {
    let end = drive(&mut stream, &mut session, &mut around).await;
    if end == End::Socket {
        session.lost();
    }
    let mut stop = around.stop.clone();
    drop((session, around));
    if end == End::Done {
        hear_out(&mut stream, &mut stop).await;
    }
}
