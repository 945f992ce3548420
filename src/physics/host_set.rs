//! A set of hosts, as bits: ordered, cheap to ask, equal when its members are.

use std::fmt;

use crate::engine::HostId;

/// A set of hosts.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct HostSet {
    /// Bit `i % 64` of word `i / 64` is host `i`. Invariant: the last word isn't zero, so equal sets are equal words.
    words: Vec<u64>,
}

impl HostSet {
    /// Nobody.
    pub fn new() -> HostSet {
        HostSet::default()
    }
    /// The hosts `0..count`.
    pub fn all(count: usize) -> HostSet {
        (0..count).map(HostId::at).collect()
    }
    /// Adds `host`.
    pub fn insert(&mut self, host: HostId) {
        let word = host.index() / 64;
        if word >= self.words.len() {
            self.words.resize(word + 1, 0);
        }
        self.words[word] |= 1 << (host.index() % 64);
    }
    /// Takes `host` out.
    pub fn remove(&mut self, host: HostId) {
        if let Some(word) = self.words.get_mut(host.index() / 64) {
            *word &= !(1 << (host.index() % 64));
        }
        while self.words.last() == Some(&0) {
            self.words.pop();
        }
    }
    /// Whether `host` is in it.
    pub fn contains(&self, host: HostId) -> bool {
        self.words.get(host.index() / 64).is_some_and(|word| word >> (host.index() % 64) & 1 == 1)
    }
    /// How many are in it.
    pub fn len(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }
    /// Whether nobody is.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }
    /// The members, by id.
    pub fn iter(&self) -> impl Iterator<Item = HostId> + '_ {
        self.words.iter().enumerate().flat_map(|(i, &word)| {
            (0..64).filter(move |bit| word >> bit & 1 == 1).map(move |bit| HostId::at(i * 64 + bit))
        })
    }
    /// The hosts `0..count` that aren't in it.
    pub fn complement(&self, count: usize) -> HostSet {
        (0..count).map(HostId::at).filter(|&host| !self.contains(host)).collect()
    }
}

impl FromIterator<HostId> for HostSet {
    fn from_iter<I: IntoIterator<Item = HostId>>(hosts: I) -> HostSet {
        let mut set = HostSet::new();
        set.extend(hosts);
        set
    }
}
impl Extend<HostId> for HostSet {
    fn extend<I: IntoIterator<Item = HostId>>(&mut self, hosts: I) {
        hosts.into_iter().for_each(|host| self.insert(host));
    }
}
impl fmt::Debug for HostSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(hosts: &[u32]) -> HostSet {
        hosts.iter().map(|&h| HostId(h)).collect()
    }

    #[test]
    fn members_come_back_in_order() {
        let s = set(&[200, 3, 64, 3, 63]);
        assert_eq!(s.iter().map(|h| h.0).collect::<Vec<_>>(), [3, 63, 64, 200]);
        assert_eq!(s.len(), 4);
        assert!(s.contains(HostId(64)));
        assert!(!s.contains(HostId(65)));
        assert!(!s.contains(HostId(9999)));
    }

    #[test]
    fn equal_sets_are_equal_whatever_was_in_them() {
        let mut s = set(&[1, 500]);
        s.remove(HostId(500));
        s.remove(HostId(77777));
        assert_eq!(s, set(&[1]));
        s.remove(HostId(1));
        assert!(s.is_empty());
        assert_eq!(s, HostSet::new());
    }

    #[test]
    fn the_complement_is_everybody_else() {
        assert_eq!(set(&[1, 3]).complement(5), set(&[0, 2, 4]));
        assert_eq!(HostSet::new().complement(3), HostSet::all(3));
    }
}
