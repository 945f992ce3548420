//! Primary-backup and chains in a real world: what each combination of knobs keeps, and what it loses.

mod under_chaos;

use netsplit::check::{Property, Steps, Verdict, judge};
use netsplit::history::{Function, Observation, Status};
use netsplit::run::Outcome;
use under_chaos::{eight_clients, run};

/// The primary is cut off from the other replicas and from nobody else, again and again.
const ISOLATED: &str = "[fault.isolated]\nevery = \"8s\"\nfor = \"4s\"\npartition = [\"kv/primary\", \"kv/backup\"]\n";
/// Primaries crash, and any machine may lose power.
const CRASHES: &str = r#"
[fault.crash]
random = { mtbf = "4s", mttr = "3s" }
crash = "kv/primary"
[fault.blackout]
random = { mtbf = "10s", mttr = "2s" }
power_loss = "random(kv)"
"#;
/// Servers of a chain crash, and their machines lose power, one kind of fault a server.
const CHAIN_CRASHES: &str = r#"
[fault.head]
random = { mtbf = "6s", mttr = "2s" }
crash = "kv/0"
[fault.middle]
random = { mtbf = "10s", mttr = "2s" }
power_loss = "kv/1"
"#;

fn scenario(replicas: u32, protocol: &str, bugs: &str, more: &str) -> String {
    eight_clients(40, replicas, protocol, bugs, more)
}

fn linearizable(outcome: &Outcome) -> Verdict {
    judge(&outcome.history, outcome.history.find_object("kv"), Property::Linearizable, Steps::DEFAULT)
}

fn primary_backup(mode: &str, failover: &str) -> String {
    format!("primary_backup = {{ mode = \"{mode}\", failover = {failover} }}")
}

fn failover(detector: &str, promotion: &str, fencing: &str) -> String {
    format!("{{ detector = \"{detector}\", promotion = \"{promotion}\", fencing = \"{fencing}\" }}")
}

/// How many reads and writes were answered.
fn answered(outcome: &Outcome) -> usize {
    outcome.history.operations().iter().filter(|o| o.status == Status::Ok).count()
}

fn promotions(outcome: &Outcome) -> usize {
    outcome.history.observations().iter().filter(|o| matches!(o, Observation::Leader { term: 2.., .. })).count()
}

#[test]
fn without_failover_and_faults_every_mode_is_linearizable() {
    for mode in ["async", "semi_sync", "sync"] {
        let outcome = run(&scenario(3, &primary_backup(mode, "\"none\""), "", ""), 1);
        assert_eq!(linearizable(&outcome), Verdict::Holds, "{mode}");
        assert!(answered(&outcome) > 5_000, "{mode}");
    }
}

#[test]
fn a_backup_that_was_down_catches_up() {
    let more = "[fault.down]\nat = \"5s\"\nfor = \"10s\"\ncrash = \"kv/2\"\n";
    let text = scenario(3, &primary_backup("async", "\"none\""), "", more).replace("40s", "20s");
    let outcome = run(&text, 1);
    let of = |replica: u32| {
        let kept = outcome.history.observations().iter().filter_map(move |o| match o {
            Observation::LogEntry { replica: r, index, entry, .. } if *r == replica => Some((*index, *entry)),
            _ => None,
        });
        kept.collect::<Vec<_>>()
    };
    // What is under way when the run ends may be missing.
    let (primary, backup) = (of(0), of(2));
    assert!(backup.len() + 20 > primary.len() && primary.len() > 1_000, "{} of {}", backup.len(), primary.len());
    assert_eq!(primary[..backup.len()], backup);
}

#[test]
fn async_with_failover_by_itself_loses_acknowledged_writes() {
    let failover = failover("timeout(1s)", "self", "none");
    let outcome = run(&scenario(3, &primary_backup("async", &failover), "", ISOLATED), 1);
    assert!(promotions(&outcome) >= 2);
    assert!(linearizable(&outcome).is_violated(), "two primaries");
}

#[test]
fn async_with_a_majority_and_epochs_still_loses_acknowledged_writes() {
    let failover = failover("timeout(1s)", "majority", "epoch");
    let outcome = run(&scenario(3, &primary_backup("async", &failover), "", ISOLATED), 1);
    assert!(promotions(&outcome) >= 2);
    assert!(linearizable(&outcome).is_violated());
}

#[test]
fn sync_with_leases_majorities_and_epochs_loses_nothing() {
    let failover = failover("lease(1s)", "majority", "epoch");
    for (n, more) in [ISOLATED, CRASHES].into_iter().enumerate() {
        for seed in 1..=3 {
            let outcome = run(&scenario(3, &primary_backup("sync", &failover), "", more), seed);
            assert_eq!(linearizable(&outcome), Verdict::Holds, "faults {n}, seed {seed}");
            assert!(promotions(&outcome) >= 2, "faults {n}, seed {seed}: {}", promotions(&outcome));
            assert!(answered(&outcome) > 500, "faults {n}, seed {seed}: {}", answered(&outcome));
        }
    }
}

#[test]
fn a_witness_names_the_next_primary() {
    let failover = failover("lease(1s)", "external", "epoch");
    let outcome =
        run(&scenario(3, &primary_backup("sync", &failover), "", "[fault.down]\nat = \"10s\"\ncrash = \"kv/0\"\n"), 1);
    assert_eq!(promotions(&outcome), 1);
    assert_eq!(linearizable(&outcome), Verdict::Holds);
    let late = |o: &&netsplit::history::Operation| {
        o.function == Function::Write && o.status == Status::Ok && o.invoked.as_secs_f64() > 15.0
    };
    assert!(outcome.history.operations().iter().filter(late).count() > 500);
}

#[test]
fn a_primary_whose_power_is_cut_first_is_never_one_of_two() {
    let fencing = |word: &str| {
        failover("timeout(1s)", "majority", word).replace(" }", ", power_off = \"200ms\", boot = \"2s\" }")
    };
    for (n, more) in [ISOLATED, CRASHES].into_iter().enumerate() {
        for seed in 1..=3 {
            let outcome = run(&scenario(3, &primary_backup("sync", &fencing("stonith")), "", more), seed);
            assert_eq!(linearizable(&outcome), Verdict::Holds, "faults {n}, seed {seed}");
            assert!(promotions(&outcome) >= 2, "faults {n}, seed {seed}: {}", promotions(&outcome));
            let mut leading: Vec<netsplit::engine::ProcessId> = Vec::new();
            for (at, process, role) in &outcome.roles {
                leading.retain(|leader| leader != process);
                if *role == netsplit::world::Role::Primary {
                    leading.push(*process);
                }
                assert!(leading.len() < 2, "faults {n}, seed {seed}: two primaries at {at:?}");
            }
        }
    }
}

#[test]
fn bug_ack_before_replication_loses_acknowledged_writes() {
    let failover = failover("lease(1s)", "majority", "epoch");
    let found = (1..=8).any(|seed| {
        let text = scenario(3, &primary_backup("sync", &failover), "\"ack_before_replication\"", ISOLATED);
        linearizable(&run(&text, seed)).is_violated()
    });
    assert!(found);
}

#[test]
fn bug_failover_without_fencing_has_two_primaries_acknowledge() {
    // Replica 2 no longer hears replica 0, the primary, and promotes itself. Replica 1 hears both, and stores for both.
    let failover = failover("timeout(1s)", "self", "epoch");
    let more = "[fault.cut]\nat = \"5s\"\nfor = \"6s\"\npartition = [\"kv/0\", \"kv/2\"]\n";
    let text = |bugs| {
        scenario(3, &primary_backup("semi_sync", &failover), bugs, more).replace("40s", "12s").replace("20ms", "200ms")
    };
    assert!(linearizable(&run(&text("\"failover_without_fencing\""), 1)).is_violated());
}

#[test]
fn a_chain_of_fail_stop_servers_is_linearizable() {
    for craq in [false, true] {
        for seed in 1..=3 {
            let chain = format!("chain = {{ craq = {craq}, detector = \"lease(1s)\" }}");
            let outcome = run(&scenario(4, &chain, "", CHAIN_CRASHES), seed);
            assert_eq!(linearizable(&outcome), Verdict::Holds, "craq {craq}, seed {seed}");
            assert!(answered(&outcome) > 500, "craq {craq}, seed {seed}: {}", answered(&outcome));
        }
    }
}

#[test]
fn a_tail_that_hands_its_place_over_answers_with_nothing_that_was_overtaken() {
    // A server joins again and again, and the news that it is the tail is lost on its way to whoever was: then the new
    // one acknowledges what the old one still holds for unstable.
    let more = "[fault.restarts]\nevery = \"3s\"\nfor = \"1500ms\"\nuntil = \"20s\"\ncrash = \"kv/1\"\n\
                [fault.loss]\nat = \"1s\"\nfor = \"20s\"\nloss = \"kv\"\nshare = \"15%\"\n";
    for (craq, seeds) in [(false, 10..=20), (true, 30..=40)] {
        let chain = format!("chain = {{ craq = {craq}, detector = \"lease(1s)\" }}");
        for seed in seeds {
            let outcome = run(&scenario(4, &chain, "", more), seed);
            assert_eq!(linearizable(&outcome), Verdict::Holds, "craq {craq}, seed {seed}");
        }
    }
}

#[test]
fn servers_that_come_back_join_behind_the_tail() {
    let more = "[fault.down]\nat = \"5s\"\nfor = \"5s\"\ncrash = \"kv/2\"\n";
    let outcome = run(&scenario(4, "chain = { detector = \"timeout(1s)\" }", "", more), 1);
    assert_eq!(linearizable(&outcome), Verdict::Holds);
    let entries = |replica: u32| {
        let of = |o: &&Observation| matches!(o, Observation::LogEntry { replica: r, .. } if *r == replica);
        outcome.history.observations().iter().filter(of).count()
    };
    assert!(entries(0) > 1_000 && entries(2) + 20 > entries(0), "{} of {}", entries(2), entries(0));
}

#[test]
fn bug_dirty_reads_are_seen_and_gone() {
    let chain = "chain = { craq = true, detector = \"timeout(1s)\" }";
    let more = "[fault.down]\nrandom = { mtbf = \"4s\", mttr = \"2s\" }\ncrash = \"kv/0\"\n";
    assert!((1..=8).any(|seed| linearizable(&run(&scenario(4, chain, "\"dirty_reads\"", more), seed)).is_violated()));
}
