//! Anti-entropy: now and then two replicas compare their trees from the root down, then exchange the keys of the leaves
//! that differ.

use std::collections::BTreeSet;

use super::version::{self, join};
use super::{Msg, Object, Quorum, Timer};
use crate::engine::{Bits, ProcessId, Span};
use crate::world::{Counted, Out};

/// Purposes of draws; 0 to 3 are the legs of messages.
const PEER: u64 = 4;
const PHASE: u64 = 5;

impl Quorum {
    /// The first comparison comes within one period, so that replicas don't all begin together.
    pub(super) fn arm_exchange(&mut self, out: &mut Out<'_, Self>) {
        if let Some(anti_entropy) = self.spec.anti_entropy {
            let number = self.number();
            let share = 1.0 - out.draw(PHASE, number).unit();
            out.arm(Timer::Exchange, Span::from_nanos_f64(anti_entropy.every.0 as f64 * share));
        }
    }

    /// Shows another replica the root.
    pub(super) fn begin_exchange(&mut self, out: &mut Out<'_, Self>) {
        let (Some(anti_entropy), Some(tree)) = (self.spec.anti_entropy, &self.tree) else { return };
        let root = tree.hash(1);
        out.arm(Timer::Exchange, anti_entropy.every);
        if self.group.count < 2 {
            return;
        }
        let number = self.number();
        let other = out.draw(PEER, number).below(u64::from(self.group.count) - 1) as u32;
        let other = if other < out.index() { other } else { other + 1 };
        self.send_hashes(self.group.process(other), vec![(1, root)], out);
    }

    fn send_hashes(&mut self, to: ProcessId, nodes: Vec<(u32, u64)>, out: &mut Out<'_, Self>) {
        out.count(Counted::TreeHashes, nodes.len() as u32);
        self.tell(to, Msg::Hashes { nodes: nodes.into() }, out);
    }

    /// Answers hashes of another's nodes: with those below the ones that differ, or with the keys of leaves.
    pub(super) fn compare(&mut self, from: ProcessId, nodes: &[(u32, u64)], out: &mut Out<'_, Self>) {
        let Some(tree) = &self.tree else { return };
        let differing = tree.differing(nodes);
        let Some(first) = differing.first() else { return };
        if !tree.is_leaf(*first) {
            let nodes = tree.below(&differing);
            return self.send_hashes(from, nodes, out);
        }
        let objects = self.keys_in(&differing);
        self.send_keys(from, &differing, objects, true, out);
    }

    /// Takes another's keys, and says what this replica has beyond them.
    pub(super) fn exchange(
        &mut self,
        from: ProcessId,
        leaves: &[u32],
        objects: &[(u64, Object)],
        ask: bool,
        out: &mut Out<'_, Self>,
    ) {
        let mut more = Vec::new();
        if ask {
            for (key, mine) in self.keys_in(leaves) {
                let theirs = objects.iter().find(|(k, _)| *k == key).map(|(_, o)| o.clone()).unwrap_or_default();
                if join(&theirs, &mine, self.spec.versions) != theirs {
                    more.push((key, mine));
                }
            }
        }
        for (key, object) in objects {
            self.keep(*key, object, None, out);
        }
        if !more.is_empty() {
            self.send_keys(from, leaves, more, false, out);
        }
    }

    fn keys_in(&self, leaves: &[u32]) -> Vec<(u64, Object)> {
        let Some(tree) = &self.tree else { return Vec::new() };
        let leaves: BTreeSet<u32> = leaves.iter().copied().collect();
        let inside = self.held.iter().filter(|(key, _)| leaves.contains(&tree.leaf(**key)));
        inside.map(|(key, held)| (*key, held.object.clone())).collect()
    }

    fn send_keys(
        &mut self,
        to: ProcessId,
        leaves: &[u32],
        objects: Vec<(u64, Object)>,
        ask: bool,
        out: &mut Out<'_, Self>,
    ) {
        let bytes: u32 = objects.iter().map(|(_, o)| 8 + version::bytes(o)).sum();
        if bytes > 0 {
            out.count(Counted::RepairBytes, bytes);
            out.count(Counted::RepairKeys, objects.len() as u32);
        }
        self.tell(to, Msg::Keys { leaves: leaves.into(), objects: objects.into(), ask }, out);
    }
}
