//! One console's connection: opened, subscribed, read, and opened again with its cursor after a loss.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context, bail};
use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpSocket;
use tokio::sync::watch;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{self, protocol::WebSocketConfig};

use super::sight::{Sight, units_of};
use super::{Order, is_among, is_among_last, stalling_milli};
use crate::message::beds;
use crate::observe::message::Message;
use crate::plan::Plan;
use crate::send::control::Control;

const RETRY: Duration = Duration::from_millis(100);
const HANDSHAKE_MAX: Duration = Duration::from_secs(20);
/// Receive buffer of a console that stalls at times; the kernel takes twice as much.
const STALLING_BYTES: u32 = 32 << 10;
const MESSAGE_BYTES_MAX: usize = 16 << 20;

trait Stream: AsyncRead + AsyncWrite + Unpin {}
impl<T: AsyncRead + AsyncWrite + Unpin> Stream for T {}
type Socket = WebSocketStream<Box<dyn Stream>>;

/// A console.
pub struct Line {
    index: u32,
    plan: Arc<Plan>,
    control: Arc<Control>,
    sight: Rc<RefCell<Sight>>,
    order: watch::Receiver<Order>,
    /// Where to resume: cursor and the journal it belongs to.
    cursor: Option<String>,
    stream: Option<String>,
    newest: HashMap<u32, u32>,
    ever_ready: bool,
}

/// Why a connection ended without fault.
enum End {
    Storm,
    Stop,
}

impl Line {
    /// Not connected yet.
    pub fn new(
        index: u32,
        plan: &Arc<Plan>,
        control: &Arc<Control>,
        sight: &Rc<RefCell<Sight>>,
        order: watch::Receiver<Order>,
    ) -> Self {
        Self {
            index,
            plan: Arc::clone(plan),
            control: Arc::clone(control),
            sight: Rc::clone(sight),
            order,
            cursor: None,
            stream: None,
            newest: HashMap::new(),
            ever_ready: false,
        }
    }

    /// Stays connected until told to stop.
    pub async fn keep(mut self) {
        loop {
            let mut open = false;
            let ended = self.watch(&mut open).await;
            if open {
                self.sight.borrow_mut().open -= 1;
            }
            match ended {
                Ok(End::Stop) => return,
                Ok(End::Storm) => {}
                Err(error) => {
                    if self.order.borrow().stop {
                        return;
                    }
                    self.sight.borrow_mut().lost(format!("console: {error:#}"));
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
    }

    async fn watch(&mut self, open: &mut bool) -> anyhow::Result<End> {
        let mut socket = tokio::time::timeout(HANDSHAKE_MAX, self.connect()).await.context("no answer to the handshake")??;
        let storms = self.order.borrow_and_update().storms;
        loop {
            let order = *self.order.borrow();
            if order.stop {
                let _ = tokio::time::timeout(Duration::from_secs(1), socket.close(None)).await;
                return Ok(End::Stop);
            }
            let count = self.plan.scenario.consoles.count;
            if order.storms != storms && is_among(self.index, count, order.storm_milli) {
                return Ok(End::Storm);
            }
            if let Some(clock) = self.plan.clock()
                && is_among_last(self.index, count, order.stall_milli)
            {
                let pause = clock.until(order.stall_until_us);
                if order.stall_until_us > 0 && !pause.is_zero() {
                    // Reads nothing: what the server writes fills the sockets' buffers.
                    tokio::time::sleep(pause).await;
                }
            }
            tokio::select! {
                changed = self.order.changed() => {
                    if changed.is_err() {
                        return Ok(End::Stop);
                    }
                }
                message = socket.next() => self.hear(message.context("the server ended the stream")??, open)?,
            }
        }
    }

    async fn connect(&self) -> anyhow::Result<Socket> {
        let target = &self.plan.target;
        let socket = if target.http.address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        let scenario = &self.plan.scenario;
        if is_among_last(self.index, scenario.consoles.count, stalling_milli(scenario)) {
            socket.set_recv_buffer_size(STALLING_BYTES)?;
        }
        let tcp = socket.connect(target.http.address).await?;
        tcp.set_nodelay(true)?;
        let stream: Box<dyn Stream> = match &target.http.tls {
            Some((config, name)) => {
                Box::new(tokio_rustls::TlsConnector::from(Arc::clone(config)).connect(name.clone(), tcp).await?)
            }
            None => Box::new(tcp),
        };
        let mut request = target.stream_url().into_client_request()?;
        let credential =
            HeaderValue::from_str(&format!("Bearer {}", target.token.text())).context("the token is no header value")?;
        request.headers_mut().insert("authorization", credential);
        let config =
            WebSocketConfig::default().max_message_size(Some(MESSAGE_BYTES_MAX)).max_frame_size(Some(MESSAGE_BYTES_MAX));
        let (mut socket, _) = tokio_tungstenite::client_async_with_config(request, stream, Some(config)).await?;
        let names: Vec<String> =
            units_of(&self.plan, self.index).into_iter().map(|unit| beds::unit_name(&self.plan.scenario, unit)).collect();
        let all = names.len() == beds::unit_count(&self.plan.scenario) as usize;
        let units = if all { json!("*") } else { json!(names) };
        let mut wanted = json!({"subscribe": {"units": units, "patients": []}});
        if let (Some(cursor), Some(stream), Some(object)) = (&self.cursor, &self.stream, wanted.as_object_mut()) {
            object.insert("resume".into(), json!(cursor));
            object.insert("stream".into(), json!(stream));
        }
        socket.send(tungstenite::Message::text(wanted.to_string())).await?;
        Ok(socket)
    }

    fn hear(&mut self, message: tungstenite::Message, open: &mut bool) -> anyhow::Result<()> {
        let text = match &message {
            tungstenite::Message::Text(text) => text.as_str(),
            tungstenite::Message::Close(frame) => {
                let (code, why) = frame.as_ref().map_or((0, ""), |frame| (u16::from(frame.code), frame.reason.as_str()));
                bail!("closed with {code} {why}");
            }
            _ => return Ok(()),
        };
        let all: Vec<Message<'_>> = serde_json::from_str(text).context("a message that is not understood")?;
        let mut sight = self.sight.borrow_mut();
        sight.frame(text.len());
        for one in &all {
            match one.kind.as_ref() {
                "patient" => sight.patient(self.index, &mut self.newest, one),
                "alert" => {
                    sight.alert();
                    self.cursor = one.cursor.as_deref().map(str::to_owned);
                }
                "beat" => {
                    if let Some(cursor) = &one.cursor {
                        self.cursor = Some(cursor.clone().into_owned());
                    }
                }
                "hello" => self.stream = one.stream.as_deref().map(str::to_owned),
                "ready" => {
                    if !*open {
                        *open = true;
                        sight.open += 1;
                    }
                    if !self.ever_ready {
                        self.ever_ready = true;
                        self.control.open.fetch_add(1, Ordering::Relaxed);
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }
}
