//! The EHR: posts HL7 v2 messages over a bounded number of connections and reads the acknowledgement.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::sync::{Mutex, mpsc, oneshot};

use super::Totals;

/// Connections the EHR holds open.
const CONNECTIONS: usize = 8;
/// Messages waiting before `post` waits too.
const WAITING_MAX: usize = 4_096;

/// One message on its way.
#[derive(Debug)]
pub struct Job {
    /// HL7 v2 text.
    pub message: Vec<u8>,
    /// When it was due; latency counts from here.
    pub due: Instant,
    /// Told whether it was accepted, where somebody waits.
    pub done: Option<oneshot::Sender<bool>>,
}

/// Handle to the posting tasks.
#[derive(Debug, Clone)]
pub struct Ehr {
    jobs: mpsc::Sender<Job>,
}

impl Ehr {
    /// Starts the posting tasks against `base`, authenticating with `key`.
    pub fn start(base: &str, key: &str, totals: &Arc<Totals>) -> anyhow::Result<Self> {
        let (jobs, inbox) = mpsc::channel(WAITING_MAX);
        let inbox = Arc::new(Mutex::new(inbox));
        let client = reqwest::Client::builder().timeout(Duration::from_secs(30)).build().context("HTTP client")?;
        for _ in 0..CONNECTIONS {
            let request = client
                .post(format!("{}/v1/hl7v2", base.trim_end_matches('/')))
                .bearer_auth(key)
                .header("Content-Type", "application/hl7-v2");
            tokio::spawn(post_all(request, Arc::clone(&inbox), Arc::clone(totals)));
        }
        Ok(Self { jobs })
    }

    /// Hands a message over, waiting where the server does not keep up.
    pub async fn post(&self, message: Vec<u8>) {
        let _ = self.jobs.send(Job { message, due: Instant::now(), done: None }).await;
    }

    /// Posts and waits for the answer: true where it was accepted.
    pub async fn post_and_wait(&self, message: Vec<u8>) -> bool {
        let (done, answer) = oneshot::channel();
        let _ = self.jobs.send(Job { message, due: Instant::now(), done: Some(done) }).await;
        answer.await.unwrap_or(false)
    }
}

async fn post_all(request: reqwest::RequestBuilder, inbox: Arc<Mutex<mpsc::Receiver<Job>>>, totals: Arc<Totals>) {
    loop {
        let Some(job) = inbox.lock().await.recv().await else { return };
        totals.hl7_sent.fetch_add(1, Ordering::Relaxed);
        let accepted = post_one(&request, job.message).await;
        totals.record(job.due.elapsed());
        let counter = if accepted { &totals.hl7_accepted } else { &totals.hl7_refused };
        counter.fetch_add(1, Ordering::Relaxed);
        if let Some(done) = job.done {
            let _ = done.send(accepted);
        }
    }
}

/// True for an acknowledgement whose MSA-1 is AA or CA.
async fn post_one(request: &reqwest::RequestBuilder, message: Vec<u8>) -> bool {
    let Some(request) = request.try_clone() else { return false };
    let Ok(answer) = request.body(message).send().await else { return false };
    let Ok(text) = answer.text().await else { return false };
    text.split('\r').any(|segment| segment.starts_with("MSA|AA|") || segment.starts_with("MSA|CA|"))
}
