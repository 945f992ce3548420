//! Raft in a real world, with everything breaking: the properties of the paper's figure 3 hold, reads are linearizable,
//! and each planted bug breaks what its source says it breaks.

mod under_chaos;

use std::collections::BTreeMap;

use netsplit::check::{Property, Steps, Verdict, judge};
use netsplit::history::{Function, Observation, Status};
use netsplit::run::Outcome;
use under_chaos::{eight_clients, run};

/// Cuts that isolate leaders and minorities in both directions and one, crashes, power losses and pauses, all at random.
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
    eight_clients(30, replicas, &format!("raft = {{ {knobs} }}"), bugs, more).replace("timeout = \"1s\"", patient)
}

/// What a run broke of the paper's figure 3, and how much of it was exercised.
#[derive(Debug, Default)]
struct Facts {
    two_leaders: u32,
    logs_that_do_not_match: u32,
    applied_differently: u32,
    terms: usize,
    applied: usize,
}

fn facts(outcome: &Outcome) -> Facts {
    let mut facts = Facts::default();
    let mut leaders = BTreeMap::new();
    let mut applied = BTreeMap::new();
    let mut logs: BTreeMap<u32, BTreeMap<u64, (u64, u64)>> = BTreeMap::new();
    for observation in outcome.history.observations() {
        match observation {
            Observation::Leader { term, process, .. } => {
                facts.two_leaders += u32::from(*leaders.entry(*term).or_insert(*process) != *process);
            }
            Observation::Applied { index, term, entry, .. } => {
                let this = (*term, *entry);
                facts.applied_differently += u32::from(*applied.entry(*index).or_insert(this) != this);
            }
            Observation::LogEntry { replica, index, term, entry, .. } => {
                logs.entry(*replica).or_default().insert(*index, (*term, *entry));
            }
            _ => {}
        }
    }
    // Log matching: where two logs have an entry of the same index and term, they agree up to there.
    for (a, one) in &logs {
        for other in logs.range(a + 1..).map(|(_, log)| log) {
            let both = |index: &u64| Some((one.get(index)?, other.get(index)?));
            let shared = one.keys().rev().find(|i| both(i).is_some_and(|(x, y)| x.0 == y.0));
            if let Some(shared) = shared {
                let differ = one.range(..=shared).filter(|(i, _)| both(i).is_some_and(|(x, y)| x != y));
                facts.logs_that_do_not_match += differ.count() as u32;
            }
        }
    }
    facts.terms = leaders.len();
    facts.applied = applied.len();
    facts
}

fn linearizable(outcome: &Outcome) -> Verdict {
    let object = outcome.history.find_object("kv");
    assert!(object.is_some(), "the store has a history");
    judge(&outcome.history, object, Property::Linearizable, Steps::DEFAULT)
}

fn leaders_are_complete(outcome: &Outcome) -> Verdict {
    judge(&outcome.history, outcome.history.find_object("kv"), Property::LeaderCompleteness, Steps::DEFAULT)
}

/// Who led from when on, in seconds.
fn leaders(outcome: &Outcome) -> Vec<(f64, u32)> {
    let led = outcome.history.observations().iter().filter_map(|o| match o {
        Observation::Leader { at, process, .. } => Some((at.as_secs_f64(), *process)),
        _ => None,
    });
    led.collect()
}

/// Writes that began in a stretch of time, in seconds, and were acknowledged.
fn writes(outcome: &Outcome, from: f64, to: f64) -> usize {
    let one = |o: &&netsplit::history::Operation| {
        o.function == Function::Write && o.status == Status::Ok && (from..to).contains(&o.invoked.as_secs_f64())
    };
    outcome.history.operations().iter().filter(one).count()
}

fn reads(outcome: &Outcome) -> usize {
    let read = |o: &&netsplit::history::Operation| o.function == Function::Read && o.status == Status::Ok;
    outcome.history.operations().iter().filter(read).count()
}

/// Plays seeds until `found` says that the bug shows, 12 at most.
fn shows(text: &str, found: impl Fn(&Outcome) -> bool) -> bool {
    (1..=12).any(|seed| found(&run(text, seed)))
}

#[test]
fn election_safety_log_matching_and_state_machine_safety_hold_through_chaos() {
    let text = scenario(5, "snapshot_every = 200", "", CHAOS);
    let mut terms = 0;
    for seed in 1..=8 {
        let outcome = run(&text, seed);
        let facts = facts(&outcome);
        assert_eq!(facts.two_leaders, 0, "seed {seed}: {facts:?}");
        assert_eq!(facts.logs_that_do_not_match, 0, "seed {seed}: {facts:?}");
        assert_eq!(facts.applied_differently, 0, "seed {seed}: {facts:?}");
        assert!(facts.applied >= 500, "seed {seed}: {facts:?}");
        terms += facts.terms;
    }
    assert!(terms >= 40, "only {terms} leaders");
}

#[test]
fn every_way_to_read_is_linearizable_through_chaos() {
    for (n, mode) in ["log", "read_index", "lease", "follower"].into_iter().enumerate() {
        for seed in 1..=3 {
            let outcome = run(&scenario(5, &format!("reads = \"{mode}\""), "", CHAOS), 10 * n as u64 + seed);
            assert_eq!(linearizable(&outcome), Verdict::Holds, "{mode}, seed {seed}");
            assert!(reads(&outcome) >= 500, "{mode}, seed {seed}: {} reads", reads(&outcome));
        }
    }
}

#[test]
fn elections_without_pre_vote_and_quorum_checks_are_as_safe() {
    let knobs = "prevote = false, check_quorum = false, election_timeout = \"150ms..200ms\"";
    for seed in 1..=3 {
        let outcome = run(&scenario(5, knobs, "", CHAOS), seed);
        let facts = facts(&outcome);
        assert_eq!((facts.two_leaders, facts.applied_differently), (0, 0), "seed {seed}");
        assert_eq!(linearizable(&outcome), Verdict::Holds, "seed {seed}");
    }
}

#[test]
fn learners_follow_without_a_vote() {
    // Two voters of four: the two learners do not make a majority when the voters are gone.
    let more = "[fault.voter]\nat = \"10s\"\ncrash = \"kv/1\"\n";
    let outcome = run(&scenario(4, "learners = 2", "", more), 1);
    let late = |o: &&netsplit::history::Operation| {
        o.function == Function::Write && o.status == Status::Ok && o.invoked.as_secs_f64() > 10.0
    };
    assert_eq!(outcome.history.operations().iter().filter(late).count(), 0);
    let finals =
        outcome.history.observations().iter().filter(|o| matches!(o, Observation::FinalState { replica: 3, .. }));
    assert_eq!(finals.count(), 4, "a learner has every key");
}

/// The leader has sent it as much as may be under way at a time, has no answer, and has forgotten what came before: nothing
/// that the follower is then asked has it refuse.
#[test]
fn a_follower_that_missed_what_was_compacted_is_sent_a_snapshot() {
    let quiet = "[fault.quiet]\nat = \"22s\"\nload = \"users\"\nfactor = 0.0\n";
    for away in ["crash", "pause"] {
        let more = format!("[fault.away]\nat = \"2s\"\nfor = \"15s\"\n{away} = \"kv/2\"\n{quiet}");
        let outcome = run(&scenario(3, "snapshot_every = 50, pipeline = 16", "", &more), 1);
        let late = outcome
            .history
            .observations()
            .iter()
            .filter(|o| matches!(o, Observation::Applied { at, replica: 2, .. } if at.as_secs_f64() > 17.0));
        assert!(late.count() > 100, "after {away} it takes part again");
        let object = outcome.history.find_object("kv");
        assert_eq!(judge(&outcome.history, object, Property::Converged, Steps::DEFAULT), Verdict::Holds, "{away}");
    }
}

#[test]
fn the_majority_goes_on_without_a_leader_that_was_cut_off() {
    let more = "[fault.cut]\nat = \"10s\"\nfor = \"10s\"\npartition = [\"kv/leader\", \"rest\"]\n";
    let outcome = run(&scenario(5, "", "", more), 3);
    assert_eq!(linearizable(&outcome), Verdict::Holds);
    let during = outcome
        .history
        .operations()
        .iter()
        .filter(|o| o.status == Status::Ok && (11.0..20.0).contains(&o.invoked.as_secs_f64()));
    assert!(during.count() > 200, "the majority answers");
}

#[test]
fn bug_local_reads_serves_stale_reads() {
    let text = scenario(5, "", "\"local_reads\"", CHAOS);
    assert!(shows(&text, |outcome| linearizable(outcome).is_violated()));
}

#[test]
fn bug_lease_under_drift_serves_stale_reads() {
    // The leader is cut off from its followers, not from its clients.
    let more = "[fault.cut]\nevery = \"3s\"\nfor = \"1s\"\npartition = [\"kv/leader\", \"kv/follower\"]\n";
    let text = |bugs| scenario(5, "reads = \"lease\"", bugs, more);
    assert!(shows(&text("\"lease_under_drift\""), |outcome| linearizable(outcome).is_violated()));
    assert_eq!(linearizable(&run(&text(""), 1)), Verdict::Holds);
}

#[test]
fn bug_read_index_before_commit_serves_stale_reads() {
    let text = scenario(5, "", "\"read_index_before_commit\"", CHAOS);
    assert!(shows(&text, |outcome| linearizable(outcome).is_violated()));
}

#[test]
fn bug_vote_not_persisted_elects_two_leaders_in_one_term() {
    let more = r#"
[network]
within_zone = { rtt = "20ms" }
[fault.leaders]
random = { mtbf = "500ms", mttr = "1ms" }
crash = "kv/leader"
[fault.voter]
random = { mtbf = "30ms", mttr = "1ms" }
crash = "kv/2"
"#;
    let text = |bugs| scenario(3, "prevote = false, check_quorum = false", bugs, more).replace("30s", "120s");
    assert!(shows(&text("\"vote_not_persisted\""), |outcome| facts(outcome).two_leaders > 0));
    assert_eq!(facts(&run(&text(""), 1)).two_leaders, 0);
}

#[test]
fn bug_stale_ack_commits_what_no_majority_has() {
    let more = r#"
[fault.loss]
random = { mtbf = "1s", mttr = "1s" }
loss = "kv -> kv"
share = "20%"
[fault.leaders]
random = { mtbf = "2s", mttr = "500ms" }
power_loss = "kv/leader"
"#;
    let text = |bugs| scenario(3, "batch = 1", bugs, more).replace("exp(20ms)", "exp(5ms)").replace("30s", "15s");
    assert!(shows(&text("\"stale_ack\""), |outcome| facts(outcome).applied_differently > 0));
    assert_eq!(facts(&run(&text(""), 1)).applied_differently, 0);
}

#[test]
fn bug_no_sessions_does_things_twice() {
    let more = "[fault.leaders]\nrandom = { mtbf = \"2s\", mttr = \"300ms\" }\ncrash = \"kv/leader\"\n";
    let text = |bugs| {
        scenario(3, "", bugs, more)
            .replace("read = \"50%\", write = \"50%\"", "append = \"90%\", scan = \"10%\"")
            .replace("20ms", "5ms")
    };
    // Every value is written by one operation: a list that has one twice carried it out twice.
    let twice = |outcome: &Outcome| {
        outcome.history.observations().iter().any(|o| match o {
            Observation::FinalState { values, .. } => {
                let mut distinct = values.clone();
                distinct.sort_unstable();
                distinct.dedup();
                distinct.len() < values.len()
            }
            _ => false,
        })
    };
    assert!(shows(&text("\"no_sessions\""), twice));
    assert!(!twice(&run(&text(""), 1)));
}

/// Two guests come and go, two of the first members and whoever leads go and come.
const MEMBERS: &str = r#"
[fault.guests]
random = { mtbf = "2s", mttr = "4s" }
add = ["kv/3", "kv/4"]
[fault.leave]
random = { mtbf = "4s", mttr = "2s" }
remove = ["kv/0", "kv/1"]
[fault.abdicate]
random = { mtbf = "5s", mttr = "1s" }
remove = "kv/leader"
"#;

#[test]
fn leaders_are_complete_while_members_come_and_go_through_chaos() {
    for membership in ["single", "joint"] {
        let knobs = format!("spares = 2, snapshot_every = 200, membership = \"{membership}\"");
        let text = scenario(5, &knobs, "", &format!("{CHAOS}{MEMBERS}"));
        let (mut guests, mut applied) = (0, 0);
        for seed in 1..=12 {
            let outcome = run(&text, seed);
            let facts = facts(&outcome);
            let wrong = (facts.two_leaders, facts.logs_that_do_not_match, facts.applied_differently);
            assert_eq!(wrong, (0, 0, 0), "{membership}, seed {seed}: {facts:?}");
            assert_eq!(leaders_are_complete(&outcome), Verdict::Holds, "{membership}, seed {seed}");
            assert_eq!(linearizable(&outcome), Verdict::Holds, "{membership}, seed {seed}");
            guests += leaders(&outcome).iter().filter(|(_, who)| *who >= 3).count();
            applied += facts.applied;
        }
        assert!(guests >= 10, "{membership}: guests led {guests} terms");
        assert!(applied >= 3_000, "{membership}: {applied} entries");
    }
}

/// Replica 3 takes the place of replica 2, everybody restarts, and replica 0 dies.
const REPLACED: &str = r#"
[fault.death]
at = "3s"
crash = "kv/2"
[fault.newcomer]
at = "4s"
add = "kv/3"
[fault.farewell]
at = "6s"
remove = "kv/2"
[fault.outage]
at = "12s"
for = "1s"
power_loss = ["kv/0", "kv/1", "kv/3"]
[fault.second-death]
at = "20s"
crash = "kv/0"
"#;

#[test]
fn who_votes_survives_restarts_and_snapshots() {
    for snapshot_every in [50, 100_000] {
        let knobs = format!("spares = 1, snapshot_every = {snapshot_every}");
        let outcome = run(&scenario(4, &knobs, "", REPLACED), 1);
        assert_eq!(linearizable(&outcome), Verdict::Holds);
        assert!(writes(&outcome, 14.0, 20.0) > 100 && writes(&outcome, 22.0, 28.0) > 50, "{snapshot_every}");
    }
}

#[test]
fn bug_config_not_in_snapshot_brings_back_the_first_members() {
    let outcome = run(&scenario(4, "spares = 1, snapshot_every = 50", "\"config_not_in_snapshot\"", REPLACED), 1);
    // Replicas 0 and 1 believe that 2 votes, and 3 that it doesn't.
    assert_eq!(writes(&outcome, 22.0, 28.0), 0);
    let text = |bugs| scenario(5, "spares = 2, snapshot_every = 50", bugs, &format!("{CHAOS}{MEMBERS}"));
    let found = |outcome: &Outcome| leaders_are_complete(outcome).is_violated();
    assert!(shows(&text("\"config_not_in_snapshot\""), found));
}

#[test]
fn a_removed_server_disturbs_nobody_who_hears_a_leader() {
    // Dissertation, 4.2.3 and 9.6.
    let more = "[fault.farewell]\nat = \"5s\"\nremove = \"kv/follower\"\n";
    let terms = |knobs: &str| leaders(&run(&scenario(4, knobs, "", more), 1)).len();
    assert!(terms("prevote = false, check_quorum = false") > 10);
    assert_eq!(terms("prevote = false, check_quorum = true"), 1);
    assert_eq!(terms("prevote = true, check_quorum = false"), 1);
}

#[test]
fn the_leader_goes_back_to_where_it_likes_to_be() {
    let kill = "[fault.kill]\nat = \"10s\"\nfor = \"5s\"\ncrash = \"kv/2\"\n";
    for reads in ["read_index", "lease"] {
        for seed in 1..=3 {
            let text = scenario(3, &format!("reads = \"{reads}\""), "", kill)
                .replace("replicas = 3\n", "replicas = 3\nprefer_leader = \"kv/2\"\n");
            let outcome = run(&text, seed);
            let led = leaders(&outcome);
            let last_before = |when: f64| led.iter().rfind(|(at, _)| *at < when).map(|(_, who)| *who);
            assert_eq!(last_before(10.0), Some(2), "seed {seed}: {led:?}");
            assert_ne!(last_before(15.0), Some(2), "seed {seed}: {led:?}");
            assert_eq!(last_before(30.0), Some(2), "seed {seed}: {led:?}");
            assert!(led.len() <= 4, "seed {seed}: {led:?}");
            assert_eq!(linearizable(&outcome), Verdict::Holds, "seed {seed}");
        }
    }
}

#[test]
fn leases_are_safe_although_leaders_are_told_to_stand_at_once() {
    for seed in 1..=4 {
        let text = scenario(5, "reads = \"lease\"", "", CHAOS)
            .replace("replicas = 5\n", "replicas = 5\nprefer_leader = \"kv/4\"\n");
        let outcome = run(&text, seed);
        assert_eq!(linearizable(&outcome), Verdict::Holds, "seed {seed}");
        assert_eq!(leaders_are_complete(&outcome), Verdict::Holds, "seed {seed}");
        assert!(leaders(&outcome).iter().filter(|(_, who)| *who == 4).count() >= 2, "seed {seed}");
    }
}
