//! Planted bugs, and whether the checkers find them: a stock scenario for each protocol, played seed after seed until a
//! property that it expects is violated.

use std::ops::RangeInclusive;
use std::sync::Arc;

use rayon::prelude::*;

use super::consistency;
use super::outcome::{Outcome, play};
use crate::check::Verdict;
use crate::expect::That;
use crate::protocol::{Planted, Replication};
use crate::scenario::Plan;

/// A scenario in which the bugs of one protocol show. A variant that is named after a bug is for that bug; the other
/// bugs show in the base.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stock {
    /// As the scenario language calls it.
    pub protocol: &'static str,
    /// Where the scenario stands in the repository.
    pub file: &'static str,
    /// The scenario itself.
    pub text: &'static str,
}

/// The stock scenarios; each has one store, `kv`.
pub const STOCK: [Stock; 7] = [
    Stock { protocol: "abd", file: "scenarios/bugs/abd.toml", text: include_str!("../../scenarios/bugs/abd.toml") },
    Stock {
        protocol: "chain",
        file: "scenarios/bugs/chain.toml",
        text: include_str!("../../scenarios/bugs/chain.toml"),
    },
    Stock { protocol: "crdt", file: "scenarios/bugs/crdt.toml", text: include_str!("../../scenarios/bugs/crdt.toml") },
    Stock {
        protocol: "multi_paxos",
        file: "scenarios/bugs/multi-paxos.toml",
        text: include_str!("../../scenarios/bugs/multi-paxos.toml"),
    },
    Stock {
        protocol: "primary_backup",
        file: "scenarios/bugs/primary-backup.toml",
        text: include_str!("../../scenarios/bugs/primary-backup.toml"),
    },
    Stock {
        protocol: "quorum",
        file: "scenarios/bugs/quorum.toml",
        text: include_str!("../../scenarios/bugs/quorum.toml"),
    },
    Stock { protocol: "raft", file: "scenarios/bugs/raft.toml", text: include_str!("../../scenarios/bugs/raft.toml") },
];

/// The bugs that a protocol can be told to have; none if there is no such protocol.
pub fn planted(protocol: &str) -> &'static [Planted] {
    Replication::planted(protocol).unwrap_or_default()
}

/// A property that a run violates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Its name: `linearizable`.
    pub property: String,
    /// Operations that prove it; 0 if what replicas did is proof enough.
    pub operations: usize,
    /// What is wrong, in one sentence without a period.
    pub sentence: String,
}

/// What some seeds came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hunted {
    /// Seeds that count: up to the first that violates something, else all.
    pub seeds: u64,
    /// The first seed that violates something, and what it violates, in the order of the scenario's expectations.
    pub found: Option<(u64, Vec<Violation>)>,
    /// Seeds under which a property could not be told, or was not exercised.
    pub undecided: Vec<u64>,
    /// Self-checks that failed, each with its seed: errors of ours.
    pub broken: Vec<(u64, String)>,
}

/// Plays a scenario seed after seed until an expected property is violated, on all cores. The first seed in order counts,
/// so the result does not depend on their number. `Err` is the first seed that can't be played.
pub fn hunt(
    seeds: RangeInclusive<u64>,
    plan: &(dyn Fn(u64) -> Option<Plan> + Sync),
    go_on: &(dyn Fn() -> bool + Sync),
) -> Result<Hunted, u64> {
    // Batches of one size on every machine: what lies behind the first find of a batch is thrown away.
    const BATCH: u64 = 8;
    let mut hunted = Hunted::default();
    let (mut next, last) = (*seeds.start(), *seeds.end());
    while next <= last {
        let until = last.min(next.saturating_add(BATCH - 1));
        let played: Vec<Result<Seed, u64>> =
            (next..=until).collect::<Vec<_>>().into_par_iter().map(|seed| seen(seed, plan, go_on)).collect();
        for one in played {
            let one = one?;
            hunted.seeds += 1;
            hunted.broken.extend(one.broken.into_iter().map(|text| (one.seed, text)));
            if !one.violations.is_empty() {
                hunted.found = Some((one.seed, one.violations));
                return Ok(hunted);
            }
            if one.undecided {
                hunted.undecided.push(one.seed);
            }
        }
        let Some(after) = until.checked_add(1) else { break };
        next = after;
    }
    Ok(hunted)
}

/// What one seed came to.
struct Seed {
    seed: u64,
    violations: Vec<Violation>,
    undecided: bool,
    broken: Vec<String>,
}

fn seen(
    seed: u64,
    plan: &(dyn Fn(u64) -> Option<Plan> + Sync),
    go_on: &(dyn Fn() -> bool + Sync),
) -> Result<Seed, u64> {
    let plan = Arc::new(plan(seed).ok_or(seed)?);
    let outcome = play(&plan, &mut |_, _| go_on()).map_err(|_| seed)?;
    let mut one = Seed { seed, violations: Vec::new(), undecided: false, broken: outcome.broken.clone() };
    for (property, verdict) in verdicts(&outcome) {
        match verdict {
            Some(Verdict::Violated(evidence)) => one.violations.push(Violation {
                property,
                operations: evidence.operations.len() - evidence.optional.len(),
                sentence: evidence.sentence,
            }),
            Some(Verdict::Holds) => {}
            Some(Verdict::Unknown(_) | Verdict::Vacuous(_)) | None => one.undecided = true,
        }
    }
    Ok(one)
}

/// The properties that this variant expects, and what the checkers say; `None` if they can't be asked.
fn verdicts(outcome: &Outcome) -> Vec<(String, Option<Verdict>)> {
    let here = |only: &[String]| only.is_empty() || only.contains(&outcome.plan.variant);
    let properties = outcome.plan.expects.iter().filter(|expect| here(&expect.only)).filter_map(|e| match &e.that {
        That::Property(property) => Some(property),
        _ => None,
    });
    properties.map(|p| (p.name.clone(), consistency::checked(outcome, p).ok().map(|(_, verdict)| verdict))).collect()
}
