//! How many keys replicas disagree about, looked at now and then from outside: nobody is asked, nothing is drawn, and no
//! event takes place.

use crate::engine::{GroupId, Instant, mix};

use super::kernel::World;
use super::out::Level;
use super::process::Process;

/// Fingerprints of what a key's values are, for [`Process::fingerprints`].
pub fn fingerprints<V: IntoIterator<Item = u64>>(contents: impl IntoIterator<Item = (u64, V)>) -> Vec<(u64, u64)> {
    let of = |values: V| values.into_iter().fold(None, |hash, value| Some(mix(hash.unwrap_or(0), value)));
    contents.into_iter().filter_map(|(key, values)| Some((key, of(values)?))).collect()
}

/// Keys of which not all of these hold the same; a key that only some hold is one of them.
fn differing(copies: &[Vec<(u64, u64)>]) -> u64 {
    let Some((first, others)) = copies.split_first() else { return 0 };
    let mut rest: Vec<&[(u64, u64)]> = others.iter().map(Vec::as_slice).collect();
    let mut mine = first.as_slice();
    let mut differ = 0;
    loop {
        // Nearly always all have the same key.
        while let [(key, print), after @ ..] = mine
            && rest.iter().all(|copy| copy.first().is_some_and(|(k, _)| k == key))
        {
            differ += u64::from(rest.iter().any(|copy| copy[0].1 != *print));
            mine = after;
            rest.iter_mut().for_each(|copy| *copy = &copy[1..]);
        }
        let all = || std::iter::once(&mine).chain(&rest);
        let Some(key) = all().filter_map(|copy| copy.first()).map(|(key, _)| *key).min() else { return differ };
        // Not all have this one.
        differ += 1;
        for copy in std::iter::once(&mut mine).chain(&mut rest) {
            if copy.first().is_some_and(|(k, _)| *k == key) {
                *copy = &copy[1..];
            }
        }
    }
}

impl<P: Process> World<P> {
    /// Notes of how many keys the copies of a group differ, for the groups of which that is asked. Who is down counts with
    /// what he had.
    pub(super) fn compare_copies(&mut self, at: Instant) {
        for g in 0..self.groups.len() {
            if !self.groups[g].compared {
                continue;
            }
            let members = self.groups[g].members();
            let copies: Vec<Vec<(u64, u64)>> =
                members.filter_map(|p| self.members[p.index()].state.fingerprints()).collect();
            if !copies.is_empty() {
                self.meters.level(GroupId::at(g), 0, Level::Divergent, at, differing(&copies));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_differs_if_one_copy_is_another_or_lacks() {
        let same = vec![(1, 10), (2, 20), (5, 50)];
        assert_eq!(differing(&[same.clone(), same.clone(), same.clone()]), 0);
        assert_eq!(differing(&[same.clone(), vec![(1, 10), (2, 21), (5, 50)], same.clone()]), 1);
        assert_eq!(differing(&[same.clone(), vec![(1, 10), (5, 50)], vec![(2, 20), (5, 50), (7, 1)]]), 3);
        assert_eq!(differing(&[vec![], same]), 3);
        assert_eq!(differing(&[vec![]]), 0);
    }

    #[test]
    fn no_value_is_no_key() {
        let of = |values: &[u64]| fingerprints([(7, values.to_vec())]);
        assert_eq!(of(&[]), []);
        assert_eq!(of(&[3, 4]), of(&[3, 4]));
        assert_ne!(of(&[3, 4]), of(&[4, 3]));
        assert_ne!(of(&[0]), of(&[0, 0]));
    }
}
