//! Seeded mutations: what a fuzzer without coverage does to a corpus. The same seed gives the same inputs.

/// Pieces that mean something to some target.
const TOKENS: [&[u8]; 24] = [
    b"MSH|^~\\&|",
    b"\rOBX|1|NM|8867-4||80|/min",
    b"\rPID|||1^^^HOSP",
    b"\r",
    b"|",
    b"^",
    b"~",
    b"\\X41\\",
    b"\\.br\\",
    b"\"\"",
    b"{",
    b"}",
    b"[",
    b"]",
    b"{}",
    b",",
    b"\"observations\":[",
    b"1e400",
    b"\xFF\xFE",
    b"\xEF\xBB\xBF",
    b"\0\0\0\0",
    b"\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F",
    b"\nTree=",
    b"=65536\n",
];

/// A source of inputs.
#[derive(Debug)]
pub struct Mutator {
    state: u64,
}

impl Mutator {
    /// Inputs that follow from a number.
    pub fn new(seed: u64) -> Self {
        Self { state: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0x5DEE_CE66_D1CE_4E5B }
    }

    /// SplitMix64 (Steele, Lea, Flood 2014).
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Below `end`; 0 where that is 0.
    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % (end.max(1) as u64)).unwrap_or(0)
    }

    /// One of the inputs, changed in one to six places.
    pub fn mutated(&mut self, inputs: &[Vec<u8>], bytes_max: usize) -> Vec<u8> {
        let mut input = inputs[self.below(inputs.len())].clone();
        for _ in 0..=self.below(6) {
            self.change(&mut input, inputs);
            input.truncate(bytes_max);
        }
        input
    }

    fn change(&mut self, input: &mut Vec<u8>, inputs: &[Vec<u8>]) {
        let at = self.below(input.len());
        let end = (at + 1 + self.below(40)).min(input.len());
        match self.below(9) {
            0 | 1 if !input.is_empty() => input[at] ^= 1 << self.below(8),
            2 if !input.is_empty() => input[at] = self.next() as u8,
            3 => drop(input.drain(at.min(end)..end)),
            4 => input.truncate(at),
            5 => self.repeat(input, at.min(end), end),
            6 => {
                let token = TOKENS[self.below(TOKENS.len())];
                drop(input.splice(at..at, token.iter().copied()));
            }
            7 => {
                let other = &inputs[self.below(inputs.len())];
                let from = self.below(other.len());
                input.truncate(at);
                input.extend_from_slice(&other[from..]);
            }
            _ => {
                let bytes: Vec<u8> = (0..self.below(9)).map(|_| self.next() as u8).collect();
                drop(input.splice(at..at, bytes));
            }
        }
    }

    /// A part of the input many times over: what grows faster than its input shows here.
    fn repeat(&mut self, input: &mut Vec<u8>, start: usize, end: usize) {
        let times = [1, 2, 30, 1_000][self.below(4)];
        let part = input[start..end].repeat(times);
        drop(input.splice(end..end, part));
    }
}
