//! The processor time of replicated stores: every replica pays for every operation that it carries out, whoever hands it
//! over, so that more replicas take no more writes.

mod played;

use played::{measured, play};

/// 60 writes a second of 1 ms each, through any replica.
fn store(replicas: u32, replication: &str, mix: &str) -> String {
    format!(
        "duration = \"60s\"\n\n\
         [keys.k]\ncount = 1000\n\
         [store.kv]\nreplicas = {replicas}\nservice_time = \"1ms\"\nreplication = {{ {replication} }}\n\
         [clients.c]\nrate = \"60/s\"\narrivals = \"constant\"\ntarget = \"kv\"\nkeys = \"k\"\nmix = {{ {mix} }}\n\
         contact = \"any\"\n"
    )
}

/// Milliseconds of processor time that one operation costs all replicas together.
fn cost(replicas: u32, replication: &str, mix: &str) -> f64 {
    let run = play(&store(replicas, replication, mix));
    let busy: f64 = (0..replicas).map(|i| measured(&run, &format!("mean(utilization(kv/{i}))"))).sum();
    let asked = measured(&run, "rate(calls(c -> kv))");
    assert!((measured(&run, "availability(c)") - 1.0).abs() < 0.01, "{replication}");
    busy / asked * 1000.0
}

fn near(measured: f64, expected: f64, what: &str) {
    assert!((measured - expected).abs() <= 0.02 * expected, "{what}: {measured} ms, expected {expected} ms");
}

#[test]
fn a_write_costs_each_replica_of_a_log_once() {
    for replicas in [3, 5] {
        for log in ["raft = {}", "multi_paxos = {}", "primary_backup = { mode = \"sync\" }"] {
            near(cost(replicas, log, "write = \"100%\""), f64::from(replicas), &format!("{log} at {replicas}"));
        }
    }
}

#[test]
fn a_write_costs_each_server_of_a_chain_once() {
    // The fourth is the master. Of every four clients one contacts it, and pays a visit that is no server's.
    near(cost(4, "chain = {}", "write = \"100%\""), 3.0 + 0.25, "a chain of three");
}

#[test]
fn a_quorum_asks_every_replica_whatever_it_waits_for() {
    for (w, r) in [(1, 1), (2, 2), (3, 1)] {
        let quorum = format!("quorum = {{ w = {w}, r = {r} }}");
        near(cost(3, &quorum, "write = \"100%\""), 3.0, &quorum);
        near(cost(3, &quorum, "read = \"100%\""), 3.0, &quorum);
    }
}

#[test]
fn abd_asks_before_it_writes_and_writes_after_it_has_read() {
    // The contacted replica pays as for any request; the others for the question and for what is stored.
    near(cost(3, "abd = {}", "write = \"100%\""), 1.0 + 2.0 * 2.0, "a write");
    near(cost(3, "abd = { write_back = false }", "read = \"100%\""), 3.0, "a read without write-back");
}

#[test]
fn a_merged_change_is_a_write() {
    near(
        cost(3, "crdt = { type = \"pn_counter\", sync = \"op\" }", "add = \"100%\""),
        3.0,
        "a counter, one message a change",
    );
}

#[test]
fn more_replicas_of_a_log_take_no_more_writes() {
    let goodput = |replicas| {
        let text = store(replicas, "raft = {}", "write = \"100%\"").replace("60/s", "1500/s").replace("60s", "20s");
        let text = text + "timeout = \"500ms\"\n[store.kv.queue]\nlimit = 50\n";
        measured(&play(&text), "goodput(c)")
    };
    let (three, five) = (goodput(3), goodput(5));
    // The leader carries out each write in 1 ms.
    assert!(three < 1_020.0 && five < 1_020.0, "{three}/s with 3 replicas, {five}/s with 5");
    assert!(three > 500.0 && five > 500.0, "{three}/s with 3 replicas, {five}/s with 5");
}

#[test]
fn a_slow_backup_falls_behind_and_holds_nobody_up() {
    let text = store(3, "primary_backup = { mode = \"semi_sync\" }", "write = \"100%\"")
        .replace("\"any\"", "[\"kv/0\", \"kv/1\"]")
        + "[fault.slow]\nat = \"10s\"\nfor = \"40s\"\nslow = \"kv/2\"\nfactor = 10\n";
    let run = play(&text);
    assert!(measured(&run, "p99(c)") < 0.010);
    let busiest = measured(&run, "max(utilization(kv/*))");
    assert!(busiest > 0.3, "the slow one works all the time: {busiest}");
}
