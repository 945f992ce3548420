//! A hash tree over ranges of hashed keys (Merkle 1987; DeCandia et al. 2007, section 4.7): two replicas that hold the
//! same find out by comparing one number, and one key that differs costs two numbers a level.

use crate::engine::mix;

/// Salt of the hash that spreads keys over leaves.
const SPREAD: u64 = 0x6d65_726b_6c65;

/// The tree. Node 1 is the root; the children of `i` are `2i` and `2i + 1`.
#[derive(Clone, Debug)]
pub struct Merkle {
    depth: u8,
    nodes: Vec<u64>,
}

impl Merkle {
    /// The tree of nothing, with `2^depth` leaves.
    pub fn new(depth: u8) -> Merkle {
        Merkle { depth, nodes: vec![0; 2 << depth] }
    }
    /// How far down the leaves are.
    pub fn depth(&self) -> u8 {
        self.depth
    }
    /// The node of the leaf that a key belongs to.
    pub fn leaf(&self, key: u64) -> u32 {
        let hash = mix(key, SPREAD);
        let leaf = if self.depth == 0 { 0 } else { hash >> (64 - u32::from(self.depth)) };
        leaf as u32 + (1 << self.depth)
    }
    /// Whether this node is a leaf.
    pub fn is_leaf(&self, node: u32) -> bool {
        node >= 1 << self.depth
    }
    /// A node's hash; 0 for one that isn't there.
    pub fn hash(&self, node: u32) -> u64 {
        self.nodes.get(node as usize).copied().unwrap_or(0)
    }
    /// A key's fingerprint was `before` and is `after`; 0 stands for no such key.
    pub fn change(&mut self, key: u64, before: u64, after: u64) {
        let mut node = self.leaf(key) as usize;
        // Keys of a leaf are added up: their order is nobody's business.
        self.nodes[node] = self.nodes[node].wrapping_sub(before).wrapping_add(after);
        while node > 1 {
            node /= 2;
            let (left, right) = (self.nodes[2 * node], self.nodes[2 * node + 1]);
            self.nodes[node] = if left == 0 && right == 0 { 0 } else { mix(left, right) };
        }
    }
    /// Of the nodes whose hashes another tree gives, those that differ here.
    pub fn differing(&self, others: &[(u32, u64)]) -> Vec<u32> {
        others.iter().filter(|(node, hash)| self.hash(*node) != *hash).map(|(node, _)| *node).collect()
    }
    /// The children of these nodes, with their hashes here.
    pub fn below(&self, nodes: &[u32]) -> Vec<(u32, u64)> {
        nodes.iter().flat_map(|n| [2 * n, 2 * n + 1]).map(|n| (n, self.hash(n))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Compares two trees as replicas do: how many hashes were exchanged, and the leaves that differ.
    fn compare(a: &Merkle, b: &Merkle) -> (usize, Vec<u32>) {
        let mut asked = vec![(1, a.hash(1))];
        let mut compared = 0;
        let (mut mine, mut its) = (b, a);
        loop {
            compared += asked.len();
            let differing = mine.differing(&asked);
            if differing.is_empty() || mine.is_leaf(differing[0]) {
                return (compared, differing);
            }
            asked = mine.below(&differing);
            (mine, its) = (its, mine);
        }
    }

    #[test]
    fn one_differing_leaf_of_32768_costs_31_hashes() {
        let (mut a, mut b) = (Merkle::new(15), Merkle::new(15));
        for key in 0..1000 {
            a.change(key, 0, key + 1);
            b.change(key, 0, key + 1);
        }
        assert_eq!(compare(&a, &b), (1, vec![]));
        a.change(77, 78, 99);
        assert_eq!(compare(&a, &b), (31, vec![a.leaf(77)]));
        a.change(77, 99, 78);
        assert_eq!(compare(&a, &b).0, 1, "and back again");
    }

    #[test]
    fn the_tree_of_keys_that_are_gone_is_the_tree_of_nothing() {
        let mut tree = Merkle::new(4);
        (0..50).for_each(|key| tree.change(key, 0, key + 7));
        (0..50).for_each(|key| tree.change(key, key + 7, 0));
        assert_eq!(tree.hash(1), 0);
    }
}
