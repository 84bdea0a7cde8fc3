//! P1 with a real process and real files: what was acknowledged before kill -9 is there afterwards.

use std::io::{BufRead, BufReader, Write, stdout};
use std::process::{Command, Stdio};

use super::*;

const FOLDER: &str = "NIGHTLAMP_TEST_JOURNAL_TO_KILL";

/// Not a test of its own: the process that is killed. Acknowledges on stdout.
#[test]
#[ignore = "started by the test below"]
fn the_process_that_is_killed() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let journal = Journal::open(folder.as_ref(), JournalConfig { journal_bytes_max: 1 << 30, ..small() }).unwrap();
    let mut acknowledged = journal.durable_seq();
    loop {
        (0..50).for_each(|i| drop(submit(&journal, journal.next_seq(), 100 + i * 7)));
        acknowledged = journal.wait_durable(acknowledged + 1, LONG).durable_seq;
        let mut out = stdout();
        writeln!(out, "acknowledged {acknowledged}").and_then(|()| out.flush()).unwrap();
    }
}

#[test]
fn what_was_acknowledged_before_kill_9_is_read_back_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged = 0;
    for round in 1..=5 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "journal::tests::kill::the_process_that_is_killed", "--ignored", "--nocapture"])
            .env(FOLDER, folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let wanted = 1 + round * 7;
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let seqs = lines.by_ref().filter_map(|line| line.strip_prefix("acknowledged ").map(|seq| seq.parse::<u64>().unwrap()));
        acknowledged = seqs.take(wanted).last().expect("the child acknowledges");
        child.kill().unwrap();
        child.wait().unwrap();
        let journal = Journal::open(folder.path(), small()).unwrap();
        assert!(journal.durable_seq() >= acknowledged);
        assert_eq!(read_all(&journal, 1), (1..=journal.durable_seq()).collect::<Vec<_>>());
    }
    assert!(acknowledged > 100);
}
