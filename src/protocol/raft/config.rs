//! Who votes: the configurations that a log holds (Ongaro 2014, chapter 4). A replica goes by the latest in its log,
//! committed or not.

use super::super::parts::{Command, Entry, Members};

/// Who decides.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Config {
    /// Who votes.
    pub voters: Members,
    /// In joint consensus (4.3) those who voted before: a majority of them is needed as well. Otherwise nobody.
    pub outgoing: Members,
}

impl Config {
    /// A configuration of these voters alone.
    pub fn of(voters: Members) -> Config {
        Config { voters, outgoing: Members::NONE }
    }
    /// Whether two configurations decide together.
    pub fn is_joint(self) -> bool {
        !self.outgoing.is_empty()
    }
    /// Whoever votes in it.
    pub fn everybody(self) -> Members {
        self.voters.or(self.outgoing)
    }
    /// Whether these decide.
    pub fn decides(self, these: Members) -> bool {
        let majority = |of: Members| these.and(of).len() > of.len() / 2;
        majority(self.voters) && (self.outgoing.is_empty() || majority(self.outgoing))
    }
    /// The largest number that enough voters to decide have reached.
    pub(super) fn reached(self, number: impl Fn(u32) -> u64) -> u64 {
        let by_majority = |of: Members| {
            let mut all = [0; 128];
            let count = of.len() as usize;
            for (place, voter) in all.iter_mut().zip(of.iter()) {
                *place = number(voter);
            }
            all[..count].sort_unstable();
            all[count - (count / 2 + 1)]
        };
        let reached = by_majority(self.voters);
        if self.outgoing.is_empty() { reached } else { reached.min(by_majority(self.outgoing)) }
    }
}

/// The configurations of one log, by the index of their entries.
#[derive(Clone, Debug)]
pub(super) struct Configs {
    /// In force where the log begins: what a snapshot says, or who the first members are.
    base: Config,
    /// Those that the log holds, oldest first.
    held: Vec<(u64, Config)>,
}

impl Configs {
    pub(super) fn new(base: Config) -> Configs {
        Configs { base, held: Vec::new() }
    }
    /// What this replica goes by.
    pub(super) fn latest(&self) -> Config {
        self.held.last().map_or(self.base, |held| held.1)
    }
    /// Where that stands in the log; 0 if the log began with it.
    pub(super) fn latest_index(&self) -> u64 {
        self.held.last().map_or(0, |held| held.0)
    }
    /// What was in force before the latest.
    pub(super) fn previous(&self) -> Config {
        self.held.iter().rev().nth(1).map_or(self.base, |held| held.1)
    }
    /// What is in force at an index.
    pub(super) fn at(&self, index: u64) -> Config {
        self.held.iter().rev().find(|held| held.0 <= index).map_or(self.base, |held| held.1)
    }
    /// The log has one more entry.
    pub(super) fn note(&mut self, index: u64, entry: &Entry) {
        if let Command::Configure { voters, outgoing } = entry.command {
            self.held.push((index, Config { voters, outgoing }));
        }
    }
    /// The log lost the entry at `first` and all behind it: an earlier configuration is in force again (4.1).
    pub(super) fn truncate(&mut self, first: u64) {
        self.held.retain(|held| held.0 < first);
    }
    /// A snapshot has taken the place of entries.
    pub(super) fn compact(&mut self, to: u64) {
        self.base = self.at(to);
        self.held.retain(|held| held.0 > to);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(of: &[u32]) -> Members {
        of.iter().fold(Members::NONE, |all, one| all.with(*one))
    }

    fn configure(voters: &[u32]) -> Entry {
        Entry { term: 1, command: Command::Configure { voters: members(voters), outgoing: Members::NONE } }
    }

    #[test]
    fn any_two_majorities_of_sets_that_differ_by_one_share_a_member() {
        // Dissertation, figure 4.3. Two that differ by two need not.
        let majorities = |of: Members| -> Vec<Members> {
            (0_u32..32)
                .map(|bits| members(&(0..5).filter(|i| bits >> i & 1 == 1).collect::<Vec<_>>()))
                .filter(|some| Config::of(of).decides(*some) && some.or(of) == of)
                .collect()
        };
        let apart =
            |a: Members, b: Members| majorities(a).iter().any(|x| majorities(b).iter().any(|y| x.and(*y).is_empty()));
        for size in 1..5 {
            let old = Members::first(size);
            assert!(!apart(old, old.with(size)) && !majorities(old).is_empty(), "{size}");
        }
        assert!(apart(members(&[0, 1, 2]), members(&[1, 2, 3, 4, 0])));
        assert!(apart(members(&[1, 2, 3]), members(&[0, 1, 2, 3, 4]).without(1)));
    }

    #[test]
    fn two_configurations_that_decide_together_need_a_majority_of_each() {
        let joint = Config { voters: members(&[2, 3, 4]), outgoing: members(&[0, 1, 2]) };
        assert!(!joint.decides(members(&[2, 3, 4])) && !joint.decides(members(&[0, 1, 2])));
        assert!(joint.decides(members(&[1, 2, 3])));
        let matched = |who: u32| [9, 9, 5, 7, 3][who as usize];
        assert_eq!((joint.reached(matched), Config::of(joint.outgoing).reached(matched)), (5, 9));
    }

    #[test]
    fn the_latest_in_the_log_counts_until_it_is_overwritten() {
        let mut configs = Configs::new(Config::of(Members::first(3)));
        configs.note(4, &configure(&[0, 1, 2, 3]));
        configs.note(5, &Entry { term: 1, command: Command::Open });
        configs.note(6, &configure(&[1, 2, 3]));
        assert_eq!((configs.latest_index(), configs.latest().voters), (6, members(&[1, 2, 3])));
        assert_eq!((configs.at(5).voters, configs.previous().voters), (Members::first(4), Members::first(4)));
        configs.truncate(6);
        assert_eq!((configs.latest_index(), configs.previous().voters), (4, Members::first(3)));
        configs.compact(5);
        assert_eq!((configs.latest_index(), configs.latest().voters), (0, Members::first(4)));
    }
}
