//! What a replica keeps of a key, and how two such things become one: the newest by a clock, or all that nobody has
//! superseded.

use std::sync::Arc;

use crate::engine::mix;
use crate::protocol::clocks::{Dot, Timestamp, VectorClock};

/// How versions of a key are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Versions {
    /// By the coordinator's clock: the later one wins (Cassandra).
    WallClock,
    /// By the coordinator's logical clock: later than all that it could know of, whatever its host's clock shows, and
    /// in no order in time with what it could not know of (Lamport 1978).
    Lamport,
    /// By the coordinator's hybrid logical clock: later than all that it could know of, and as near to its host's clock
    /// as that allows.
    Hybrid,
    /// By the latest time that it may be, given how wrong the coordinator's clock says it may be (Spanner's TrueTime).
    Uncertain,
    /// By version vectors with one entry a coordinator (Parker et al. 1983, as Riak had them): two writes under one
    /// coordinator look as if one knew of the other.
    VersionVector,
    /// By dotted version vectors (Preguica et al. 2012): a write supersedes what it knew of, and nothing else.
    Dotted,
}

impl Versions {
    /// Whether the order is that of a clock, so that there is always one newest.
    pub fn is_clock(self) -> bool {
        matches!(self, Versions::WallClock | Versions::Lamport | Versions::Hybrid | Versions::Uncertain)
    }
}

/// One value that was written. A tombstone is a version without a value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// When, by the coordinator's clock. Under Lamport clocks `logical` is its number; `physical`, what the host's clock
    /// showed, then orders nothing, and only says from when a tombstone is kept.
    pub at: Timestamp,
    /// The event of its writing.
    pub dot: Dot,
    /// What its writer knew of; empty under a clock's order.
    pub past: VectorClock,
    /// The value; 0 is nil.
    pub value: u64,
    /// Bytes of the value on the wire.
    pub bytes: u32,
}

impl Version {
    /// Whether it says that there is no value.
    pub fn is_tombstone(&self) -> bool {
        self.value == 0
    }
    /// The order of a clock: time, then writer.
    fn order(&self) -> (Timestamp, Dot) {
        (self.at, self.dot)
    }
    /// The order of logical clocks: number, then writer.
    fn logical_order(&self) -> (u32, Dot) {
        (self.at.logical, self.dot)
    }
    /// What clients are told of its age, larger for what a clock says is later; 0 if no clock orders versions.
    pub(super) fn age(&self, versions: Versions) -> u64 {
        match versions {
            Versions::WallClock | Versions::Hybrid | Versions::Uncertain => self.at.physical,
            Versions::Lamport => u64::from(self.at.logical),
            Versions::VersionVector | Versions::Dotted => 0,
        }
    }
    /// Whether this makes `other` a thing of the past.
    pub fn supersedes(&self, other: &Version, versions: Versions) -> bool {
        match versions {
            Versions::WallClock | Versions::Hybrid | Versions::Uncertain => self.order() > other.order(),
            Versions::Lamport => self.logical_order() > other.logical_order(),
            // The vector of a plain version vector is its past with its own event; that it then holds all earlier
            // events of the same coordinator is what is wrong with it.
            Versions::VersionVector => {
                let (mut mine, mut its) = (self.past.clone(), other.past.clone());
                mine.add(self.dot);
                its.add(other.dot);
                self.dot != other.dot && its.within(&mine)
            }
            Versions::Dotted => self.past.holds(other.dot),
        }
    }
}

/// All versions of a key that nobody has superseded, in the order of their dots. Empty: never heard of.
pub type Object = Arc<[Version]>;

/// The join of two objects: commutative, associative and idempotent.
pub fn join(a: &Object, b: &Object, versions: Versions) -> Object {
    if a == b || b.is_empty() {
        return a.clone();
    }
    if a.is_empty() {
        return b.clone();
    }
    let mut all: Vec<&Version> = a.iter().chain(b.iter()).collect();
    all.sort_unstable_by_key(|v| v.dot);
    all.dedup_by_key(|v| v.dot);
    let kept: Vec<&Version> =
        all.iter().copied().filter(|v| !all.iter().any(|other| other.supersedes(v, versions))).collect();
    let same = |object: &Object| object.len() == kept.len() && object.iter().zip(&kept).all(|(x, y)| x == *y);
    if same(a) {
        a.clone()
    } else if same(b) {
        b.clone()
    } else {
        kept.into_iter().cloned().collect()
    }
}

/// The version that a reader gets who wants one value: the latest by the clock.
pub(super) fn winner(object: &Object) -> Option<&Version> {
    object.iter().max_by_key(|v| v.order())
}

/// What somebody knows of who has read this.
pub(super) fn context(object: &Object) -> VectorClock {
    let mut context = VectorClock::default();
    for version in object.iter() {
        context.join(&version.past);
        context.add(version.dot);
    }
    context
}

/// Fingerprint, for Merkle trees.
pub(super) fn fingerprint(key: u64, object: &Object) -> u64 {
    object.iter().fold(mix(key, object.len() as u64), |hash, v| {
        mix(mix(hash, v.dot.count), mix(u64::from(v.dot.writer), v.value))
    })
}

/// Bytes on the wire.
pub(super) fn bytes(object: &Object) -> u32 {
    object.iter().map(|v| 24 + v.bytes + v.past.bytes()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn version(writer: u32, count: u64, past: &[(u32, u64)]) -> Version {
        let mut known = VectorClock::default();
        past.iter().for_each(|(writer, count)| known.add(Dot { writer: *writer, count: *count }));
        let at = Timestamp { physical: count, logical: 0 };
        Version { at, dot: Dot { writer, count }, past: known, value: 100 * u64::from(writer) + count, bytes: 8 }
    }

    fn object(versions: &[Version]) -> Object {
        versions.into()
    }

    #[test]
    fn a_clock_keeps_one_version_and_vectors_keep_what_is_concurrent() {
        let (a, b) = (object(&[version(0, 1, &[])]), object(&[version(1, 2, &[])]));
        assert_eq!(join(&a, &b, Versions::WallClock), b);
        assert_eq!(join(&a, &b, Versions::Dotted).len(), 2);
        assert_eq!(join(&a, &b, Versions::VersionVector).len(), 2);
        let both = object(&[version(1, 3, &[(0, 1), (1, 2)])]);
        assert_eq!(join(&join(&a, &b, Versions::Dotted), &both, Versions::Dotted), both);
    }

    #[test]
    fn only_dots_tell_two_blind_writes_under_one_coordinator_apart() {
        let (first, second) = (object(&[version(0, 1, &[])]), object(&[version(0, 2, &[])]));
        assert_eq!(join(&first, &second, Versions::VersionVector), second, "the first is lost");
        assert_eq!(join(&first, &second, Versions::Dotted).len(), 2);
    }

    /// Objects that arise when three coordinators write, each knowing what it has, and sometimes exchange what they
    /// have.
    fn history(steps: &[(u8, u8)], versions: Versions) -> Vec<Object> {
        let mut held: Vec<Object> = vec![object(&[]); 3];
        let mut all = vec![object(&[])];
        let mut count = 0;
        for (step, who) in steps {
            let me = usize::from(*who % 3);
            if step % 2 == 0 {
                count += 1;
                let mut made = version(me as u32, count, &[]);
                // Clocks that disagree: the times of versions follow no order.
                made.at = Timestamp { physical: u64::from(step.wrapping_mul(37)), logical: u32::from(*who) };
                if !versions.is_clock() {
                    made.past = context(&held[me]);
                }
                held[me] = join(&held[me], &object(&[made]), versions);
            } else {
                let from = usize::from(step / 2 % 3);
                held[me] = join(&held[me], &held[from].clone(), versions);
            }
            all.push(held[me].clone());
        }
        all
    }

    proptest! {
        #[test]
        fn joining_is_commutative_associative_and_idempotent(
            steps in prop::collection::vec((any::<u8>(), any::<u8>()), 1..24),
            pick in any::<[prop::sample::Index; 3]>(),
        ) {
            for versions in
                [Versions::WallClock, Versions::Lamport, Versions::Hybrid, Versions::VersionVector, Versions::Dotted]
            {
                let all = history(&steps, versions);
                let [a, b, c] = pick.map(|i| all[i.index(all.len())].clone());
                let join = |x: &Object, y: &Object| join(x, y, versions);
                prop_assert_eq!(join(&a, &b), join(&b, &a));
                prop_assert_eq!(join(&join(&a, &b), &c), join(&a, &join(&b, &c)));
                prop_assert_eq!(join(&a, &a), a.clone());
            }
        }
    }
}
