//! Multi-Paxos in a real world, with everything breaking: one value is chosen for each slot whatever the sizes of the
//! quorums, as long as they meet; what small quorums give and take; and each planted bug breaks what its source says.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use netsplit::check::{Property, Steps, Verdict, judge};
use netsplit::history::{Function, Observation, Operation, Status};
use netsplit::run::{Outcome, play};
use netsplit::scenario;
use netsplit::spec::Sources;

/// Cuts that isolate leaders and minorities in both directions and one, losses, reordering, crashes, power losses and
/// pauses, all at random.
const CHAOS: &str = r#"
[fault.cut-0]
random = { mtbf = "4s", mttr = "1s" }
partition = ["kv/0", "rest"]
[fault.cut-1]
random = { mtbf = "4s", mttr = "1s" }
partition = ["kv/1", "rest"]
[fault.cut-2]
random = { mtbf = "4s", mttr = "1s" }
partition = ["kv/2", "kv/3"]
[fault.isolate]
random = { mtbf = "5s", mttr = "1s" }
partition = ["kv/leader", "rest"]
[fault.deaf]
random = { mtbf = "8s", mttr = "1s" }
partition = ["rest", "kv/leader"]
shape = "one_way"
[fault.lossy]
random = { mtbf = "3s", mttr = "2s" }
loss = "kv -> kv"
share = "20%"
[fault.crash]
random = { mtbf = "5s", mttr = "1s" }
crash = "random(kv)"
[fault.blackout]
random = { mtbf = "7s", mttr = "1s" }
power_loss = "random(kv, 3)"
[fault.sleep]
random = { mtbf = "6s", mttr = "400ms" }
pause = "kv/leader"
"#;

fn scenario(replicas: u32, knobs: &str, bugs: &str, more: &str) -> String {
    format!(
        r#"
schema = 1
title = "t"
question = "q"
duration = "30s"

[store.kv]
replicas = {replicas}
replication = {{ multi_paxos = {{ {knobs} }} }}
bugs = [{bugs}]

[keys.hot]
count = 4

[clients.users]
count = 8
target = "kv"
contact = "any"
think = "exp(20ms)"
timeout = "1s"
keys = "hot"
mix = {{ read = "50%", write = "50%" }}

[edge.users.kv]
retry = {{ attempts = 3, backoff = "full_jitter(20ms, 200ms)" }}

[expect.something]
that = "availability(users) >= 0%"
{more}"#
    )
}

fn run(text: &str, seed: u64) -> Outcome {
    let sources = Sources::new("t.toml", text);
    let (plan, diagnostics) = scenario::load(&sources, None, Some(seed), &|_| Err("none".into()));
    let plan = plan.unwrap_or_else(|| panic!("{}", diagnostics.lines(&sources)));
    let outcome = play(&Arc::new(plan), &mut |_, _| true).expect("nobody interrupts");
    assert_eq!(outcome.broken, Vec::<String>::new());
    outcome
}

/// What a run broke, and how much of the protocol was exercised.
#[derive(Debug, Default)]
struct Facts {
    chosen_differently: u32,
    ballots: usize,
    leaders: usize,
    chosen: usize,
}

fn facts(outcome: &Outcome) -> Facts {
    let mut facts = Facts::default();
    let (mut ballots, mut leaders) = (BTreeSet::new(), BTreeSet::new());
    let mut chosen: BTreeMap<u64, u64> = BTreeMap::new();
    for observation in outcome.history.observations() {
        match observation {
            Observation::Leader { term, process, .. } => {
                ballots.insert(*term);
                leaders.insert(*process);
            }
            Observation::Applied { index, entry, .. } | Observation::LogEntry { index, entry, .. } => {
                facts.chosen_differently += u32::from(*chosen.entry(*index).or_insert(*entry) != *entry);
            }
            _ => {}
        }
    }
    (facts.ballots, facts.leaders, facts.chosen) = (ballots.len(), leaders.len(), chosen.len());
    facts
}

fn verdict(outcome: &Outcome, property: Property) -> Verdict {
    let object = outcome.history.find_object("kv");
    assert!(object.is_some(), "the store has a history");
    judge(&outcome.history, object, property, Steps::DEFAULT)
}

fn answered(outcome: &Outcome, function: Function, from: f64, until: f64) -> usize {
    let counts = |o: &&Operation| {
        o.function == function && o.status == Status::Ok && (from..until).contains(&o.invoked.as_secs_f64())
    };
    outcome.history.operations().iter().filter(counts).count()
}

/// Plays seeds until `found` says that the bug shows, 12 at most.
fn shows(text: &str, found: impl Fn(&Outcome) -> bool) -> bool {
    (1..=12).any(|seed| found(&run(text, seed)))
}

#[test]
fn one_value_is_chosen_for_each_slot_through_chaos() {
    let mut ballots = 0;
    for (n, (q1, q2)) in [(3, 3), (4, 2), (2, 4), (5, 1)].into_iter().enumerate() {
        let knobs = format!("phase1_quorum = {q1}, phase2_quorum = {q2}, snapshot_every = 200");
        for seed in 1..=4 {
            let outcome = run(&scenario(5, &knobs, "", CHAOS), 10 * n as u64 + seed);
            let facts = facts(&outcome);
            eprintln!("{q1} {q2} {seed} {facts:?}");
            assert_eq!(facts.chosen_differently, 0, "{q1} + {q2}, seed {seed}: {facts:?}");
            assert_eq!(verdict(&outcome, Property::Linearizable), Verdict::Holds, "{q1} + {q2}, seed {seed}");
            assert!(facts.chosen >= 200, "{q1} + {q2}, seed {seed}: {facts:?}");
            ballots += facts.ballots;
        }
    }
    assert!(ballots >= 80, "only {ballots} leaders");
}
