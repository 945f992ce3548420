//! Planted bugs are found by the checker that is to find them, and nothing is found without them.

use std::process::{Command, Output};

use serde_json::Value;

fn bugs(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_netsplit"));
    command.arg("bugs").args(arguments).output().expect("the binary was built")
}

fn table(arguments: &[&str]) -> Value {
    let output = bugs(&[arguments, &["--format", "json"]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("it is JSON")
}

fn violated(table: &Value) -> Vec<&str> {
    let violations = table["bugs"][0]["with"]["found"]["violations"].as_array().expect("it was found");
    violations.iter().filter_map(|v| v["property"].as_str()).collect()
}

#[test]
fn reads_of_a_leader_that_asks_nobody_are_not_linearizable() {
    let table = table(&["--protocol", "raft", "--bug", "local_reads", "--seeds", "1..=10", "--without", "4"]);
    assert_eq!(violated(&table), ["linearizable"]);
    let operations = table["bugs"][0]["with"]["found"]["violations"][0]["operations"].as_u64();
    assert!(operations.is_some_and(|n| (2..=10).contains(&n)), "{operations:?}");
    assert_eq!(table["bugs"][0]["without"]["seeds"], 4);
}

#[test]
fn an_answer_to_an_earlier_heartbeat_confirms_no_later_read() {
    let table = table(&["--protocol", "raft", "--bug", "late_ack_confirms", "--seeds", "1..=20", "--without", "20"]);
    assert_eq!(violated(&table), ["linearizable"]);
}

#[test]
fn leaders_that_fall_and_come_back_lose_nothing_that_was_committed() {
    // Seed 42 had a leader step down with entries that its disk had not been given, lead again, and lose power.
    let table = table(&["--protocol", "raft", "--bug", "vote_not_persisted", "--seeds", "1..=5", "--without", "60"]);
    assert!(violated(&table).contains(&"single_leader_per_term"));
    assert_eq!(table["bugs"][0]["without"]["found"], Value::Null);
}

#[test]
fn a_leader_that_changes_members_too_early_has_leaders_after_it_that_lack_what_it_committed() {
    let find = |bug| table(&["--protocol", "raft", "--bug", bug, "--seeds", "1..=10", "--without", "4"]);
    assert!(violated(&find("single_server_before_commit")).contains(&"leader_completeness"));
    assert!(violated(&find("config_not_in_snapshot")).contains(&"state_machine_safety"));
}

#[test]
fn each_rule_of_multi_paxos_is_missed_by_the_checker_that_is_to_miss_it() {
    let slots = "state_machine_safety";
    for (bug, finds) in [
        ("non_intersecting_quorums", slots),
        ("promise_not_persisted", slots),
        ("ignore_accepted", slots),
        ("chosen_by_number", slots),
        ("lease_of_one", "linearizable"),
        ("no_sessions", "linearizable"),
    ] {
        let table = table(&["--protocol", "multi_paxos", "--bug", bug, "--seeds", "1..=20", "--without", "0"]);
        assert!(violated(&table).contains(&finds), "{bug}: {:?}", violated(&table));
    }
}

#[test]
fn a_register_whose_reads_do_not_write_is_not_atomic() {
    let table = table(&["--protocol", "abd", "--seeds", "1..=10", "--without", "4"]);
    assert_eq!(violated(&table), ["linearizable"]);
}

/// Seed 26 restarts the tail while somebody joins: it once took its disk for stable.
#[test]
fn a_chain_keeps_its_updates_alike_when_its_tail_restarts_while_somebody_joins() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_netsplit"));
    let scenario = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/bugs/chain.toml");
    let output = command.args(["run", scenario, "--seeds", "20..=30", "--no-report"]).output().expect("it was built");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn a_counter_that_merges_by_the_larger_total_loses_additions() {
    let table = table(&["--protocol", "crdt", "--seeds", "1..=10", "--without", "4"]);
    assert_eq!(violated(&table), ["linearizable"]);
}

#[test]
fn the_same_on_one_thread_as_on_many() {
    let on = |threads: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_netsplit"));
        command.args(["bugs", "--protocol", "abd", "--seeds", "1..=10", "--without", "2", "--format", "json"]);
        command.env("RAYON_NUM_THREADS", threads).output().expect("the binary was built").stdout
    };
    assert_eq!(on("1"), on("4"));
}

#[test]
fn a_bug_that_nobody_planted_is_wrong_usage() {
    let output = bugs(&["--bug", "off_by_one"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("vote_not_persisted"));
}
