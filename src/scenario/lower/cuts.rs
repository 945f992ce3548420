//! `partition`: who no longer reaches whom, by the shape of the cut.

use super::Site;
use crate::engine::{GroupId, ProcessId};
use crate::world::{Role, Side};

/// The shapes of a partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Shape {
    /// Neither side reaches the other.
    #[default]
    Symmetric,
    /// The first can't reach the second; answers still come back the other way.
    OneWay,
    /// One machine of the first side reaches everybody.
    Bridge,
    /// Each machine reaches a majority, and no two the same one (Jepsen's `majorities-ring`).
    Ring,
}

impl Shape {
    /// As the scenario language writes them.
    pub(super) const WORDS: &'static [&'static str] = &["symmetric", "one_way", "bridge", "ring"];

    pub(super) fn named(word: &str) -> Shape {
        match word {
            "one_way" => Shape::OneWay,
            "bridge" => Shape::Bridge,
            "ring" => Shape::Ring,
            _ => Shape::Symmetric,
        }
    }

    /// Who is cut off from whom, one way each.
    pub(super) fn cuts(self, a: &Side, b: &Side, site: &Site<'_>) -> Vec<(Side, Side)> {
        match self {
            Shape::Symmetric => vec![(a.clone(), b.clone()), (b.clone(), a.clone())],
            Shape::OneWay => vec![(a.clone(), b.clone())],
            Shape::Bridge => {
                let bridge = a.processes.iter().find(|p| !site.is_clients(**p)).copied();
                let rest: Vec<ProcessId> = a.processes.iter().filter(|p| Some(**p) != bridge).copied().collect();
                let rest = Side { processes: rest, ..a.clone() };
                vec![(rest.clone(), b.clone()), (b.clone(), rest)]
            }
            Shape::Ring => {
                let mut ring: Vec<ProcessId> = a.processes.iter().chain(&b.processes).copied().collect();
                ring.retain(|p| !site.is_clients(*p));
                ring.sort_unstable();
                let reach = (ring.len() / 2).div_ceil(2);
                let only = |p: &[ProcessId]| Side { processes: p.to_vec(), ..Side::default() };
                let far = |i: usize| -> Vec<ProcessId> {
                    let apart = |j: usize| i.abs_diff(j).min(ring.len() - i.abs_diff(j));
                    (0..ring.len()).filter(|j| apart(*j) > reach).map(|j| ring[j]).collect()
                };
                (0..ring.len()).map(|i| (only(&ring[i..=i]), only(&far(i)))).collect()
            }
        }
    }
}

/// `kv/leader`: whoever has that role when the fault acts.
pub(super) fn role_at(text: &str, site: &Site<'_>) -> Option<(GroupId, Role)> {
    let (name, member) = text.split_once('/')?;
    let role = Role::ALL.into_iter().find(|r| r.name() == member)?;
    let group = site.groups.iter().position(|(n, ..)| n == name)?;
    (group < site.components.len()).then(|| (GroupId::at(group), role))
}
