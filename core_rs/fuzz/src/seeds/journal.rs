//! Journals as lists of pieces (see `crate::journal::files`); the first byte chooses what becomes of damage.

use super::device_json;

fn record(beside: i8, flags: u8, payload: &[u8]) -> Vec<u8> {
    [&[1, beside.cast_unsigned(), flags, payload.len() as u8], payload].concat()
}

fn raw(bytes: &[u8]) -> Vec<u8> {
    [&[0u8], (bytes.len() as u16).to_le_bytes().as_slice(), bytes].concat()
}

fn number(kind: u8, number: u64) -> Vec<u8> {
    [&[kind], number.to_le_bytes().as_slice()].concat()
}

/// Damage, and then the head of a record every sixteen bytes, each of which claims all the rest.
fn heads(size: usize) -> Vec<u8> {
    let head = |at: usize| [((size - at - 8) as u32).to_le_bytes().as_slice(), &[9; 4], &3u64.to_le_bytes()].concat();
    let heads: Vec<u8> = (0..size - 64).step_by(16).flat_map(head).collect();
    raw(&[[0xFF; 16].as_slice(), &heads, &[0; 64]].concat())
}

/// All of them.
pub fn all() -> Vec<Vec<u8>> {
    let json = &device_json::MONITOR.as_bytes()[..120];
    let whole = [record(0, 1, json), record(0, 0, b"\x10"), record(0, 1, b"")].concat();
    let torn = [whole.as_slice(), &raw(&[40, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9])].concat();
    let damaged = [record(0, 1, json).as_slice(), &raw(&[0xFF; 30]), &record(1, 1, json), &number(4, 3)].concat();
    let segments = [whole.as_slice(), &[3, 0], &whole, &[3, 2], &record(0, 1, b""), &number(4, 9)].concat();
    let far = [number(2, u64::MAX), number(2, i64::MAX as u64), number(4, u64::MAX)].concat();
    let last = [number(2, (1 << 47) - 3), number(2, (1 << 47) - 1), number(4, (1 << 47) - 1)].concat();
    let headless = [whole.as_slice(), &number(5, 4), &raw(b"NLJOURNL"), &record(0, 1, json)].concat();
    let newer = [whole.as_slice(), &record(0, 1, b"\x63")].concat();
    let nested: Vec<u8> = (0..20).flat_map(|at| raw(&[21 + 200 - at, 0, 0, 0, 9, 9, 9, 9, 3, 0, 0, 0, 0, 0, 0, 0])).collect();
    let pieces = [Vec::new(), heads(60_000), whole, torn, damaged, segments, far, last, headless, newer, nested];
    pieces.iter().flat_map(|pieces| [0, 1].map(|how| [&[how], pieces.as_slice()].concat())).collect()
}
