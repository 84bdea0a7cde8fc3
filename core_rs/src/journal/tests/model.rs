//! The journal against a model: whatever it was doing when the power went, at whichever I/O operation, what was acknowledged reads
//! back identical and in order, and what reads back beyond it is exactly what was submitted.
//!
//! Each case runs a list of actions once to count its operations, then again for every one of them, with the power going during
//! that operation; of each wreck several images are drawn (see `fake_disk`), opened, written on, and cut again while opening.
//! `NIGHTLAMP_MODEL_CASES` sets how many lists are run (default 100).

use std::collections::BTreeMap;
use std::sync::atomic::Ordering::SeqCst;

use proptest::prelude::*;

use super::*;

/// Images drawn of each wreck.
const IMAGES: usize = 3;

#[derive(Debug, Clone)]
enum Action {
    /// A frame of its own, and then all others in one batch behind it. Payload sizes.
    Write(Vec<usize>),
    /// Retention of this share of what is acknowledged, percent.
    Retain(u64),
    /// An orderly end and a new start.
    Reopen,
    /// The power goes between two operations.
    Crash,
    /// The disk is full for a while; then it is not.
    Full(usize),
}

/// What must be true of the journal, beside the journal.
struct World {
    disk: Arc<FakeDisk>,
    config: JournalConfig,
    journal: Option<Journal>,
    /// Number and size of every frame that may be read back.
    submitted: BTreeMap<u64, (u64, usize)>,
    /// May have been acknowledged.
    acknowledged: u64,
    /// Retention may have removed up to here.
    retained: u64,
    number: u64,
    luck: Luck,
}

impl World {
    fn new(seed: u64, no_allocate: bool) -> Self {
        let disk = FakeDisk::new();
        disk.switches().no_allocate.store(no_allocate, SeqCst);
        let config = JournalConfig { segment_bytes_max: 2_048, ..small() };
        let submitted = BTreeMap::new();
        Self { disk, config, journal: None, submitted, acknowledged: 0, retained: 0, number: 0, luck: Luck(seed) }
    }

    /// The same wreck, for another image of it.
    fn again(&self, luck: Luck) -> Self {
        let (disk, submitted, number) = (self.disk.clone(), self.submitted.clone(), self.number + 1_000);
        Self { disk, submitted, number, luck, journal: None, ..*self }
    }

    /// Runs the actions until the power goes; true if it did not.
    fn run(&mut self, actions: &[Action]) -> bool {
        self.open() && actions.iter().all(|action| self.act(action))
    }

    fn act(&mut self, action: &Action) -> bool {
        match action {
            Action::Write(sizes) => self.write(sizes),
            Action::Retain(percent) => {
                let up_to = self.acknowledged * percent / 100;
                self.retained = self.retained.max(up_to);
                self.journal().retain(i64::MAX, up_to).is_ok()
            }
            Action::Reopen => {
                self.close();
                self.open()
            }
            Action::Crash => {
                self.crash();
                self.open()
            }
            Action::Full(size) => {
                self.disk.set_capacity(Some(self.disk.used() + 100));
                // A disk that cannot hold room ahead would wait a second for more; that has a test of its own.
                let alive = self.disk.switches().no_allocate.load(SeqCst) || self.write(&[*size]);
                self.disk.set_capacity(None);
                alive
            }
        }
    }

    fn journal(&self) -> &Journal {
        self.journal.as_ref().expect("open")
    }

    fn write(&mut self, sizes: &[usize]) -> bool {
        self.disk.stall();
        for (nth, size) in sizes.iter().enumerate() {
            self.number += 1;
            if let Ok(receipt) = submit(self.journal(), self.number, *size) {
                self.submitted.insert(receipt.seq, (self.number, *size));
            }
            // The writer has taken the first before the others gather.
            while nth == 0 && self.disk.switches().in_sync.load(SeqCst) == 0 && !self.journal().progress().failed {
                std::thread::yield_now();
            }
        }
        self.disk.resume();
        let progress = self.journal().wait_durable(self.journal().next_seq() - 1, LONG);
        self.acknowledged = progress.durable_seq;
        !progress.failed
    }

    fn close(&mut self) {
        if let Some(journal) = self.journal.take() {
            journal.close();
            self.acknowledged = journal.durable_seq();
        }
    }

    /// The power is gone: what is left is one of the images.
    fn crash(&mut self) {
        self.close();
        let no_allocate = self.disk.switches().no_allocate.load(SeqCst);
        self.disk = self.disk.after_power_cut(&mut self.luck);
        self.disk.switches().no_allocate.store(no_allocate, SeqCst);
    }

    /// Opens and checks everything. False if the power goes meanwhile.
    fn open(&mut self) -> bool {
        let journal = match reopen(&self.disk, self.config) {
            Ok(journal) => journal,
            Err(JournalError::Io { source, .. }) if source.to_string().contains("the power") => return false,
            Err(error) => panic!("after losing power alone the journal opens: {error}"),
        };
        let last = journal.durable_seq();
        assert!(last >= self.acknowledged, "{} was acknowledged, {last} is left", self.acknowledged);
        assert!(last <= self.submitted.last_key_value().map_or(0, |(seq, _)| *seq));
        assert_eq!(journal.next_seq(), last + 1);
        let first = journal.first_seq();
        assert!(first <= self.retained + 1, "frame {first} is the first, {} may be gone", self.retained);
        self.submitted.retain(|seq, _| *seq <= last);
        let mut reader = journal.reader(first);
        for seq in first..=last {
            let read = reader.next(Duration::ZERO).expect("no damage").expect("durable");
            let (number, size) = self.submitted[&seq];
            assert_eq!((read.seq, read.frame.received_at_us as u64), (seq, number));
            assert_eq!(read.frame.payload, payload(number, size));
        }
        let stats = journal.stats();
        assert_eq!((stats.damaged_places, stats.lost_frames), (0, 0), "losing power damages nothing that was acknowledged");
        // What opening has shown is acknowledged from now on.
        self.acknowledged = last;
        self.journal = Some(journal);
        true
    }
}

/// The state of one wreck, to draw several images from.
fn wreck(actions: &[Action], seed: u64, no_allocate: bool, cut_at: usize) -> World {
    let mut world = World::new(seed, no_allocate);
    world.disk.cut_power_at(Some(cut_at));
    // The loss of the mark is met by nobody, and neither is that of the last operation.
    let _ = world.run(actions);
    world.close();
    world
}

fn cut_everywhere(actions: &[Action], seed: u64, no_allocate: bool) -> usize {
    let mut world = World::new(seed, no_allocate);
    world.disk.cut_power_at(None);
    assert!(world.run(actions));
    let operations = world.disk.operations().len();
    drop(world);
    for cut_at in 1..=operations {
        let wrecked = wreck(actions, seed, no_allocate, cut_at);
        for image in 0..IMAGES {
            let mut world = wrecked.again(Luck(seed ^ ((image as u64) << 32)));
            world.crash();
            // Once more, while it opens.
            let again = world.luck.below(8);
            world.disk.cut_power_at((again > 0).then_some(again));
            if !world.open() {
                world.crash();
                assert!(world.open());
            }
            world.disk.cut_power_at(None);
            assert!(world.write(&[10, 700]));
            world.crash();
            assert!(world.open());
        }
    }
    operations
}

fn sizes() -> impl Strategy<Value = Vec<usize>> {
    proptest::collection::vec(prop_oneof![4 => 0usize..300, 1 => 300usize..3_000], 1..5)
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        6 => sizes().prop_map(Action::Write),
        1 => (0u64..=100).prop_map(Action::Retain),
        1 => Just(Action::Reopen),
        1 => (0usize..1_000).prop_map(Action::Full),
    ]
}

fn cases() -> u32 {
    std::env::var("NIGHTLAMP_MODEL_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(100)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn p1_power_lost_at_any_operation_loses_nothing_acknowledged(
        actions in proptest::collection::vec(action(), 3..10),
        seed: u64,
        no_allocate: bool,
    ) {
        cut_everywhere(&actions, seed, no_allocate);
    }

    /// Many lives, one after the other, on the same disk.
    #[test]
    fn p1_power_lost_again_and_again_loses_nothing_acknowledged(
        actions in proptest::collection::vec(prop_oneof![3 => action(), 1 => Just(Action::Crash)], 10..60),
        seed: u64,
        no_allocate: bool,
    ) {
        prop_assert!(World::new(seed, no_allocate).run(&actions));
    }
}

#[test]
fn the_model_reaches_every_kind_of_operation() {
    let actions = [
        Action::Write(vec![100, 900, 900]),
        Action::Write(vec![1_500, 1_500]),
        Action::Retain(100),
        Action::Reopen,
        Action::Full(2_500),
        Action::Write(vec![1]),
    ];
    let mut world = World::new(1, false);
    world.disk.cut_power_at(None);
    assert!(world.run(&actions));
    let reached: std::collections::BTreeSet<_> = world.disk.operations().into_iter().collect();
    let all = ["allocate", "create", "remove", "sync_data", "sync_dir", "truncate", "write"];
    assert_eq!(reached.into_iter().collect::<Vec<_>>(), all);
    drop(world);
    for no_allocate in [false, true] {
        assert!(cut_everywhere(&actions, 7, no_allocate) > 25);
    }
}
