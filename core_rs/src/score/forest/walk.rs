//! Trees of any size, walked from the root: the path of single rows and of trees with more than 64 leaves.
//!
//! Eight trees of like depth go down together, without branches: siblings lie side by side, so the next node is
//! `child + (x > threshold)`, and leaves point at themselves until the deepest of the eight has arrived.

use super::columns::{Columns, Cut};
use super::tree::Tree;

const TOGETHER: usize = 8;

#[derive(Debug, Clone, Copy)]
struct Node {
    /// `column << 1 | nan_right`.
    look: u32,
    threshold: f32,
    /// The left child, the right one follows it; a leaf points at itself.
    child: u32,
    /// A leaf's number; unused in inner nodes.
    leaf: u32,
}

const LEAF: Node = Node { look: 0, threshold: f32::INFINITY, child: 0, leaf: 0 };

/// All trees, node by node.
#[derive(Debug, Clone)]
pub(super) struct Walker {
    nodes: Vec<Node>,
    /// Root node and position in the model, deepest trees first.
    roots: Vec<(u32, u32)>,
    /// Steps for each eight of `roots`.
    steps: Vec<usize>,
}

impl Walker {
    pub fn new(trees: &[Tree], columns: &mut Columns) -> Self {
        let mut nodes = Vec::new();
        let mut roots = Vec::with_capacity(trees.len());
        for (position, tree) in trees.iter().enumerate() {
            roots.push((nodes.len() as u32, position as u32));
            lay_out(tree, columns, &mut nodes);
        }
        roots.sort_by_key(|(_, position)| (usize::MAX - trees[*position as usize].depth, *position));
        let steps = roots.chunks(TOGETHER).map(|eight| trees[eight[0].1 as usize].depth).collect();
        Self { nodes, roots, steps }
    }

    /// The leaf of each tree, in the order of the model, for one row given by its columns.
    pub fn leaves(&self, columns: &[f32], out: &mut [u32]) {
        for (eight, steps) in self.roots.chunks(TOGETHER).zip(&self.steps) {
            let mut at = [0u32; TOGETHER];
            for (at, (root, _)) in at.iter_mut().zip(eight) {
                *at = *root;
            }
            for _ in 0..*steps {
                for at in &mut at {
                    let node = self.nodes[*at as usize];
                    let x = columns[(node.look >> 1) as usize];
                    let right = u32::from(x > node.threshold) | (u32::from(x.is_nan()) & node.look);
                    *at = node.child + (right & 1);
                }
            }
            for (at, (_, position)) in at.iter().zip(eight) {
                out[*position as usize] = self.nodes[*at as usize].leaf;
            }
        }
    }
}

fn lay_out(tree: &Tree, columns: &mut Columns, nodes: &mut Vec<Node>) {
    let root = nodes.len();
    nodes.push(LEAF);
    let mut waiting = vec![(root, if tree.splits.is_empty() { !0 } else { 0i32 })];
    while let Some((place, at)) = waiting.pop() {
        nodes[place] = match tree.splits.get(at as usize) {
            Some(split) if at >= 0 => {
                let Cut { column, threshold, nan_right } = columns.cut(split);
                let child = nodes.len();
                nodes.extend([LEAF, LEAF]);
                waiting.extend([(child + 1, split.right), (child, split.left)]);
                Node { look: column << 1 | u32::from(nan_right), threshold, child: child as u32, leaf: 0 }
            }
            _ => Node { child: place as u32, leaf: !at as u32, ..LEAF },
        };
    }
}
