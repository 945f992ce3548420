//! Multi-Paxos in a real world, with everything breaking: one value is chosen for each slot whatever the sizes of the
//! quorums, as long as they meet; what small quorums give and take; and each planted bug breaks what its source says.

mod under_chaos;

use std::collections::{BTreeMap, BTreeSet};

use netsplit::check::{Property, Steps, Verdict, judge};
use netsplit::history::{Function, Observation, Operation, Status};
use netsplit::run::Outcome;
use under_chaos::{eight_clients, run};

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
[fault.late]
random = { mtbf = "3s", mttr = "2s" }
reorder = "kv -> kv"
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
    let patient = "timeout = \"1s\"\nretry = { attempts = 3, backoff = \"full_jitter(20ms, 200ms)\" }";
    eight_clients(30, replicas, &format!("multi_paxos = {{ {knobs} }}"), bugs, more)
        .replace("timeout = \"1s\"", patient)
}

/// What a run broke, and how much of the protocol was exercised.
#[derive(Debug, Default)]
struct Facts {
    chosen_differently: u32,
    ballots_with_two_leaders: u32,
    ballots: usize,
    chosen: usize,
}

fn facts(outcome: &Outcome) -> Facts {
    let mut facts = Facts::default();
    let mut ballots = BTreeMap::new();
    let mut chosen: BTreeMap<u64, u64> = BTreeMap::new();
    for observation in outcome.history.observations() {
        match observation {
            Observation::Leader { term, process, .. } => {
                facts.ballots_with_two_leaders += u32::from(*ballots.entry(*term).or_insert(*process) != *process);
            }
            Observation::Applied { index, entry, .. } | Observation::LogEntry { index, entry, .. } => {
                facts.chosen_differently += u32::from(*chosen.entry(*index).or_insert(*entry) != *entry);
            }
            _ => {}
        }
    }
    (facts.ballots, facts.chosen) = (ballots.len(), chosen.len());
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

/// Who led last before this second.
fn leader_at(outcome: &Outcome, second: f64) -> u32 {
    let mut leaders = outcome.history.observations().iter().filter_map(|o| match o {
        Observation::Leader { at, process, .. } if at.as_secs_f64() < second => Some(*process),
        _ => None,
    });
    leaders.next_back().expect("somebody led")
}

/// How many became leader after this second.
fn elected_after(outcome: &Outcome, second: f64) -> usize {
    let later = |o: &&Observation| matches!(o, Observation::Leader { at, .. } if at.as_secs_f64() > second);
    outcome.history.observations().iter().filter(later).count()
}

/// Clients ask these replicas only.
fn asking(text: &str, replicas: &[u32]) -> String {
    let list: Vec<String> = replicas.iter().map(|replica| format!("\"kv/{replica}\"")).collect();
    text.replace("contact = \"any\"", &format!("contact = [{}]", list.join(", ")))
}

/// The machines of these replicas lose power at 10 s, until 20 s.
fn dark(replicas: impl IntoIterator<Item = u32>) -> String {
    let one = |replica| format!("[fault.dark-{replica}]\nat = \"10s\"\nfor = \"10s\"\npower_loss = \"kv/{replica}\"\n");
    replicas.into_iter().map(one).collect()
}

#[test]
fn one_value_is_chosen_for_each_slot_through_chaos() {
    let mut ballots = 0;
    for (n, (q1, q2)) in [(3, 3), (4, 2), (2, 4), (5, 1)].into_iter().enumerate() {
        let knobs = format!("phase1_quorum = {q1}, phase2_quorum = {q2}, snapshot_every = 200");
        for seed in 1..=6 {
            let outcome = run(&scenario(5, &knobs, "", CHAOS), 10 * n as u64 + seed);
            let facts = facts(&outcome);
            assert_eq!(facts.chosen_differently, 0, "{q1} + {q2}, seed {seed}: {facts:?}");
            assert_eq!(facts.ballots_with_two_leaders, 0, "{q1} + {q2}, seed {seed}: {facts:?}");
            assert_eq!(verdict(&outcome, Property::LogMatching), Verdict::Holds, "{q1} + {q2}, seed {seed}");
            assert_eq!(verdict(&outcome, Property::Linearizable), Verdict::Holds, "{q1} + {q2}, seed {seed}");
            assert!(facts.chosen >= 200, "{q1} + {q2}, seed {seed}: {facts:?}");
            ballots += facts.ballots;
        }
    }
    assert!(ballots >= 200, "only {ballots} leaders");
}

/// Lamport 2001, section 2.4: nothing that duels do is unsafe, whatever else breaks.
#[test]
fn proposers_that_answer_back_are_as_safe() {
    for seed in 1..=6 {
        let outcome = run(&scenario(5, "preempted = \"retries\", snapshot_every = 200", "", CHAOS), 40 + seed);
        let facts = facts(&outcome);
        assert_eq!(facts.chosen_differently, 0, "seed {seed}: {facts:?}");
        assert_eq!(facts.ballots_with_two_leaders, 0, "seed {seed}: {facts:?}");
        assert_eq!(verdict(&outcome, Property::LogMatching), Verdict::Holds, "seed {seed}");
        assert_eq!(verdict(&outcome, Property::Linearizable), Verdict::Holds, "seed {seed}");
        assert!(facts.ballots >= 5 && facts.chosen >= 20, "seed {seed}: {facts:?}");
    }
}

#[test]
fn with_two_acceptors_of_five_writes_go_on_when_three_followers_are_dead() {
    for (q1, q2, go_on) in [(4, 2, true), (3, 3, false)] {
        let knobs = format!("phase1_quorum = {q1}, phase2_quorum = {q2}");
        for seed in 1..=3 {
            let leader = leader_at(&run(&scenario(5, &knobs, "", ""), seed), 10.0);
            let followers: Vec<u32> = (0..5).filter(|replica| *replica != leader).collect();
            let text = scenario(5, &knobs, "", &dark(followers[..3].iter().copied()));
            let outcome = run(&asking(&text, &[leader, followers[3]]), seed);
            let written = answered(&outcome, Function::Write, 10.1, 17.0);
            if go_on {
                assert_eq!(elected_after(&outcome, 9.0), 0, "{q1} + {q2}, seed {seed}");
                assert!(written > 800, "{q1} + {q2}, seed {seed}: {written} writes");
            } else {
                assert_eq!(written, 0, "{q1} + {q2}, seed {seed}");
            }
            assert!(answered(&outcome, Function::Write, 22.0, 30.0) > 800, "{q1} + {q2}, seed {seed}");
            assert_eq!(verdict(&outcome, Property::Linearizable), Verdict::Holds, "{q1} + {q2}, seed {seed}");
        }
    }
}

#[test]
fn four_promises_are_not_to_be_had_of_three_replicas() {
    for (q1, q2, elected) in [(4, 2, false), (3, 3, true)] {
        let knobs = format!("phase1_quorum = {q1}, phase2_quorum = {q2}");
        for seed in 1..=3 {
            let leader = leader_at(&run(&scenario(5, &knobs, "", ""), seed), 10.0);
            let dead = [leader, (leader + 1) % 5];
            let alive: Vec<u32> = (0..5).filter(|replica| !dead.contains(replica)).collect();
            let outcome = run(&asking(&scenario(5, &knobs, "", &dark(dead)), &alive), seed);
            let during = elected_after(&outcome, 10.0) - elected_after(&outcome, 20.0);
            assert_eq!(during > 0, elected, "{q1} + {q2}, seed {seed}");
            let written = answered(&outcome, Function::Write, 12.0, 17.0);
            assert!(if elected { written > 600 } else { written == 0 }, "{q1} + {q2}, seed {seed}: {written} writes");
            // Once four are there again, they elect one of them.
            assert!(answered(&outcome, Function::Write, 22.0, 30.0) > 800, "{q1} + {q2}, seed {seed}");
            assert_eq!(verdict(&outcome, Property::Linearizable), Verdict::Holds, "{q1} + {q2}, seed {seed}");
        }
    }
}

#[test]
fn reads_by_lease_are_linearizable_through_chaos() {
    for (n, (q1, q2)) in [(3, 3), (4, 2), (2, 4)].into_iter().enumerate() {
        let knobs = format!("phase1_quorum = {q1}, phase2_quorum = {q2}, reads = \"lease\"");
        for seed in 1..=4 {
            let outcome = run(&scenario(5, &knobs, "", CHAOS), 100 + 10 * n as u64 + seed);
            assert_eq!(verdict(&outcome, Property::Linearizable), Verdict::Holds, "{q1} + {q2}, seed {seed}");
            let reads = answered(&outcome, Function::Read, 0.0, 30.0);
            assert!(reads >= 200, "{q1} + {q2}, seed {seed}: {reads} reads");
            // Reads took no slots of their own while a lease lasted.
            let (slots, writes) = (facts(&outcome).chosen, answered(&outcome, Function::Write, 0.0, 30.0));
            assert!(slots < writes + reads * 3 / 4, "{q1} + {q2}, seed {seed}: {slots} slots");
        }
    }
}

#[test]
fn what_was_chosen_outlives_a_loss_of_power_everywhere() {
    let outcome = run(&scenario(3, "snapshot_every = 300", "", &dark(0..3)), 1);
    assert_eq!(facts(&outcome).chosen_differently, 0);
    assert_eq!(verdict(&outcome, Property::Linearizable), Verdict::Holds);
    for (from, until) in [(0.0, 10.0), (21.0, 30.0)] {
        assert!(answered(&outcome, Function::Write, from, until) > 300, "from {from} s");
    }
}

#[test]
fn a_learner_that_was_away_catches_up_by_snapshot_and_slots() {
    for snapshot_every in [100, 100_000] {
        let more = "[fault.quiet]\nat = \"25s\"\nload = \"users\"\nfactor = 0.0\n";
        let text = scenario(3, &format!("snapshot_every = {snapshot_every}"), "", &(dark([2]) + more));
        let outcome = run(&text, 1);
        let mut finals: BTreeMap<u64, BTreeSet<&[u64]>> = BTreeMap::new();
        for observation in outcome.history.observations() {
            if let Observation::FinalState { key, values, .. } = observation {
                finals.entry(*key).or_default().insert(values);
            }
        }
        assert_eq!(finals.len(), 4, "all keys were written");
        assert!(finals.values().all(|held| held.len() == 1), "{finals:?}");
        assert!(facts(&outcome).chosen > 1_000);
    }
}

#[test]
fn proposers_that_overtake_one_another_do_not_propose_a_request_ever_more_often() {
    // After the cut the proposers duel; what waits at the gateways is handed to whoever leads for a moment.
    let duel = r#"
schema = 1
title = "s3222"
question = "q"
duration = "25s"
[store.kv]
replicas = 3
replication = { multi_paxos = { preempted = "retries", reads = "lease" } }
workers = 1
service_time = "0s"
[network]
within_zone = { rtt = "1ms", loss = "1%", reorder = "5%" }
[keys.hot]
count = 1
[clients.users]
rate = "steps(0s: 80/s, 24s: 0/s)"
target = "kv"
contact = "any"
timeout = "1s"
keys = "hot"
mix = { read = "50%", write = "50%" }
[fault.f0]
at = "21.52s"
for = "0.96s"
partition = ["kv/2", "rest"]
[fault.f1]
at = "13.37s"
for = "6.46s"
slow = "kv/0"
factor = 5.0
[fault.f2]
at = "9.25s"
for = "5.86s"
slow = "kv/1"
factor = 5.0
[fault.loss]
at = "2s"
for = "15s"
loss = "kv"
share = "10%"
"#;
    let outcome = run(duel, 1);
    // 62,140 events. With a slot more for each request in each ballot they are 495,990 by now, and ever more.
    assert!(outcome.events < 150_000, "{} events", outcome.events);
    assert_eq!(verdict(&outcome, Property::Linearizable), Verdict::Holds);
}
