//! What the journal costs over the disk under it: the peer is a bare `pwrite` + `fdatasync` of the same bytes, in the same run and
//! on the same file system. Run with `cargo bench --bench journal`; about 10 s. Set NIGHTLAMP_BENCH_DIR to measure another disk.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use nightlamp_core::journal::{Journal, JournalConfig};
use nightlamp_core::receive::{FrameRef, Source};

const PAYLOAD_BYTES: usize = 1_600;
const WAIT: Duration = Duration::from_secs(60);

fn main() {
    // `cargo test --benches` starts this too, without the flag.
    if !std::env::args().any(|arg| arg == "--bench") {
        return;
    }
    let root = std::env::var_os("NIGHTLAMP_BENCH_DIR").unwrap_or_else(|| std::env::temp_dir().into());
    let folder = tempfile::tempdir_in(root).expect("a folder to write in");
    let (bare, alone) = alone(folder.path());
    println!("one frame of {PAYLOAD_BYTES} B at a time, in turns:");
    report("  pwrite + fdatasync", &bare);
    report("  journal, submit to durable", &alone);
    println!("  ratio p50 {:.2}, p99 {:.2}", ratio(&alone, &bare, 0.5), ratio(&alone, &bare, 0.99));
    for senders in [8, 64] {
        together(&folder.path().join(format!("together-{senders}")), senders);
    }
    stream(&folder.path().join("stream"));
}

/// The peer, which appends and syncs one frame's bytes, and the journal, in turns, so that both meet the same disk.
fn alone(folder: &Path) -> (Vec<Duration>, Vec<Duration>) {
    let file = File::create_new(folder.join("bare")).expect("a new file");
    let journal = open(&folder.join("alone"));
    let bytes = [7; PAYLOAD_BYTES + 60];
    let (mut bare, mut ours) = (Vec::new(), Vec::new());
    for i in 0..1_000 {
        let began = Instant::now();
        file.write_all_at(&bytes, i * bytes.len() as u64).expect("written");
        file.sync_data().expect("synced");
        bare.push(began.elapsed());
        let began = Instant::now();
        submit_and_wait(&journal, i as i64);
        ours.push(began.elapsed());
    }
    (sorted(bare), sorted(ours))
}

/// Many senders, each waiting for its acknowledgement before the next frame: what group commit is for.
fn together(path: &Path, senders: i64) {
    let journal = Arc::new(open(path));
    let began = Instant::now();
    let threads: Vec<_> = (0..senders)
        .map(|_| {
            let journal = Arc::clone(&journal);
            thread::spawn(move || {
                let step = |i| {
                    let began = Instant::now();
                    submit_and_wait(&journal, i);
                    began.elapsed()
                };
                (0..300).map(step).collect::<Vec<_>>()
            })
        })
        .collect();
    let took: Vec<Duration> = threads.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect();
    let per_s = took.len() as f64 / began.elapsed().as_secs_f64();
    let stats = journal.stats();
    println!("{senders} senders, each waits for its acknowledgement: {per_s:.0} frames/s in {} commits", stats.commits);
    report("  journal, submit to durable", &sorted(took));
}

/// One sender that never waits, then one reader over all of it.
fn stream(path: &Path) {
    let journal = open(path);
    let frames = 300_000;
    let (began, mut submitting) = (Instant::now(), Duration::ZERO);
    for i in 0..frames {
        loop {
            let at = Instant::now();
            let submitted = submit(&journal, i);
            submitting += at.elapsed();
            match submitted {
                Ok(_) => break,
                Err(_) => drop(journal.wait_durable(journal.durable_seq() + 1, WAIT)),
            }
        }
    }
    journal.wait_durable(frames as u64, WAIT);
    let took = began.elapsed().as_secs_f64();
    let mb = (frames as usize * PAYLOAD_BYTES) as f64 / 1e6;
    println!("one sender that does not wait: {:.0} frames/s, {:.0} MB/s", frames as f64 / took, mb / took);
    println!("  submit alone: {:.0} ns a frame", submitting.as_nanos() as f64 / frames as f64);
    let (began, mut reader, mut out) = (Instant::now(), journal.reader(1), Vec::new());
    while reader.lag_frames() > 0 {
        out.clear();
        reader.next_batch(&mut out, 8_192, 32 << 20, WAIT).expect("readable");
    }
    let took = began.elapsed().as_secs_f64();
    println!("read back, checksums included: {:.0} frames/s, {:.0} MB/s", frames as f64 / took, mb / took);
}

fn open(path: &Path) -> Journal {
    Journal::open(path, JournalConfig::default()).expect("a new journal")
}

fn submit(journal: &Journal, i: i64) -> Result<u64, nightlamp_core::error::Refusal> {
    let payload = [i as u8; PAYLOAD_BYTES];
    let frame = FrameRef { source: Source::Hl7Http, principal: "bench", context: "", received_at_us: i, payload: &payload };
    Ok(journal.submit(&frame)?.seq)
}

fn submit_and_wait(journal: &Journal, i: i64) {
    let seq = submit(journal, i).expect("accepted");
    assert!(journal.wait_durable(seq, WAIT).durable_seq >= seq);
}

fn sorted(mut took: Vec<Duration>) -> Vec<Duration> {
    took.sort_unstable();
    took
}

fn at(took: &[Duration], share: f64) -> Duration {
    took[((took.len() - 1) as f64 * share) as usize]
}

fn ratio(ours: &[Duration], peer: &[Duration], share: f64) -> f64 {
    at(ours, share).as_secs_f64() / at(peer, share).as_secs_f64()
}

fn report(what: &str, took: &[Duration]) {
    println!("{what}: p50 {:?}, p99 {:?}, p99.9 {:?}", at(took, 0.5), at(took, 0.99), at(took, 0.999));
}
