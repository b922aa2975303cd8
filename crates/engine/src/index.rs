//! Finds a node by its path, quickly also among thousands of items.

use std::collections::BTreeSet;

use motet_pipeline::StepPath;

use crate::node::NodeId;

/// Nodes by a hash of their paths. Keeps numbers only: comparing them costs no look into memory
/// elsewhere, as comparing paths would.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Index(BTreeSet<(u64, NodeId)>);

impl Index {
    pub(crate) fn add(&mut self, path: &StepPath, node: NodeId) {
        self.0.insert((hash(path), node));
    }

    /// The nodes that may have this path: nearly always the one that has it.
    pub(crate) fn candidates(&self, path: &StepPath) -> impl Iterator<Item = NodeId> {
        let hash = hash(path);
        self.0.range((hash, NodeId(0))..=(hash, NodeId(u32::MAX))).map(|(_, node)| *node)
    }
}

/// FNV-1a: the same on every machine.
fn hash(path: &StepPath) -> u64 {
    path.as_str()
        .bytes()
        .fold(0xCBF2_9CE4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3))
}
