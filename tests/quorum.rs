//! Quorums and merging types in a whole world: clients, network, faults, and the checker as the judge.

use std::sync::Arc;

use netsplit::check::{Check, Linearizable, Steps, Verdict};
use netsplit::history::Observation;
use netsplit::run::{Outcome, play};
use netsplit::scenario;
use netsplit::spec::Sources;
use netsplit::world::Counted;

fn run(text: &str, seed: u64) -> Outcome {
    let sources = Sources::new("t.toml", format!("schema = 1\ntitle = \"t\"\nquestion = \"q\"\n{text}"));
    let (plan, diagnostics) = scenario::load(&sources, None, Some(seed), &|_| Err("none".into()));
    let plan = plan.unwrap_or_else(|| panic!("{}", diagnostics.lines(&sources)));
    let outcome = play(&Arc::new(plan), &mut |_, _| true).expect("nobody interrupts");
    assert_eq!(outcome.broken, Vec::<String>::new());
    outcome
}

/// Five replicas in two regions, clients in both, and a cut between them: three replicas on one side, two on the other.
fn two_regions(replication: &str, more: &str) -> String {
    format!(
        "duration = \"20s\"\n\
         [region.east]\n[region.west]\n\
         [network]\nbetween_regions = {{ rtt = \"20ms\" }}\n\
         [keys.few]\ncount = 4\n\
         [store.kv]\nreplicas = {{ east = 3, west = 2 }}\nreplication = {{ {replication} }}\n{more}\n\
         [clients.e]\ncount = 4\nthink = \"exp(30ms)\"\ntarget = \"kv\"\nkeys = \"few\"\nregion = \"east\"\n\
         timeout = \"300ms\"\n\
         [clients.w]\ncount = 4\nthink = \"exp(30ms)\"\ntarget = \"kv\"\nkeys = \"few\"\nregion = \"west\"\n\
         timeout = \"300ms\"\n\
         [fault.cut]\nat = \"5s\"\nfor = \"6s\"\npartition = [\"region:east\", \"region:west\"]\n"
    )
}

fn verdict(outcome: &Outcome) -> Verdict {
    Linearizable::default().check(&outcome.history, Steps::DEFAULT)
}

fn violations(text: &str, seeds: std::ops::RangeInclusive<u64>) -> usize {
    seeds.filter(|seed| matches!(verdict(&run(text, *seed)), Verdict::Violated(_))).count()
}

fn counted(outcome: &Outcome, what: Counted) -> u64 {
    let store = outcome.plan.group("kv").expect("it has one");
    outcome.meters.groups[store].counts.get(&what).map_or(0, |c| c.count(&outcome.meters.frame().all()))
}

/// Whether all replicas hold the same of every key at the end.
fn converged(outcome: &Outcome) -> bool {
    let mut held: std::collections::BTreeMap<u64, Vec<Vec<u64>>> = std::collections::BTreeMap::new();
    for observation in outcome.history.observations() {
        if let Observation::FinalState { key, values, .. } = observation {
            let mut values = values.clone();
            values.sort_unstable();
            held.entry(*key).or_default().push(values);
        }
    }
    !held.is_empty() && held.values().all(|all| all.len() == 5 && all.iter().all(|v| *v == all[0]))
}

#[test]
fn strict_quorums_that_overlap_and_write_back_are_linearizable_whatever_breaks() {
    let more = "[fault.crashes]\nrandom = { mtbf = \"6s\", mttr = \"1s\" }\nuntil = \"15s\"\ncrash = \"kv\"\n\
                [fault.power]\nat = \"13s\"\nfor = \"1s\"\npower_loss = \"kv/1\"\n";
    let text = two_regions("quorum = { w = 3, r = 3, write_back = true }", more);
    for seed in 1..=12 {
        let outcome = run(&text, seed);
        assert_eq!(verdict(&outcome), Verdict::Holds, "seed {seed}");
        assert!(outcome.history.operations().len() > 500);
    }
}

#[test]
fn without_write_back_a_later_read_may_be_older() {
    let text = |bugs: &str| two_regions("quorum = { w = 3, r = 3, write_back = true }", bugs);
    assert_eq!(violations(&text(""), 1..=8), 0);
    assert!(violations(&text("bugs = [\"no_write_back\"]"), 1..=8) > 0);
}

#[test]
fn sloppy_quorums_go_on_on_both_sides_of_a_cut_and_read_what_is_stale() {
    let sloppy = "quorum = { w = 3, r = 3, write_back = true, sloppy = true, hinted_handoff = \"3h\" }";
    let outcome = run(&two_regions(sloppy, ""), 1);
    assert!(counted(&outcome, Counted::Hint) > 0);
    let strict = "quorum = { w = 3, r = 3, write_back = true }";
    let answered = |outcome: &Outcome| {
        outcome
            .history
            .operations()
            .iter()
            .filter(|o| o.function == netsplit::history::Function::Write)
            .filter(|o| {
                o.status == netsplit::history::Status::Ok && (6_000_000_000..10_000_000_000).contains(&o.invoked.0)
            })
            .count()
    };
    let (s, l) = (answered(&run(&two_regions(strict, ""), 1)), answered(&outcome));
    assert!(l > s + s / 4, "{l} writes with stand-ins, {s} without");
    let reads_two = two_regions("quorum = { w = 4, r = 2, write_back = false, sloppy = true }", "");
    assert!(violations(&reads_two, 1..=4) > 0, "R + W > N, and yet they don't meet");
}

#[test]
fn a_strict_quorum_with_the_bug_of_a_sloppy_one_is_caught() {
    let replication = "quorum = { w = 4, r = 2, write_back = true }";
    assert_eq!(violations(&two_regions(replication, ""), 1..=4), 0);
    assert!(violations(&two_regions(replication, "bugs = [\"sloppy_as_strict\"]"), 1..=4) > 0);
}

#[test]
fn skewed_clocks_lose_acknowledged_writes_silently() {
    let clocks = "clock = { offset = \"normal(0ms, 200ms)\" }";
    let lost = |replication: &str| {
        (1..=3).filter(|s| counted(&run(&two_regions(replication, clocks), *s), Counted::Conflict) > 0).count()
    };
    assert!(lost("quorum = { w = 3, r = 3 }") > 0);
    assert_eq!(lost("quorum = { w = 3, r = 3, versions = \"hlc\" }"), 0, "hybrid clocks follow what they have seen");
}

#[test]
fn clocks_that_know_how_wrong_they_are_make_skew_harmless_at_the_price_of_waiting() {
    let quorum = "quorum = { w = 3, r = 3, write_back = true }";
    let clock = "clock = { offset = \"uniform\", uncertainty = \"50ms\" }".replace("uniform", "-50ms..50ms");
    let plain = two_regions(quorum, &clock);
    assert!(violations(&plain, 1..=3) > 0, "by the clock alone writes are lost");
    let waits = two_regions(quorum, &format!("{clock}\ntimestamps = \"uncertain\"\ncommit_wait = true"));
    assert_eq!(violations(&waits, 1..=3), 0);
}

#[test]
fn acknowledging_before_the_disk_loses_writes_with_the_power() {
    let power = |bugs: &str| {
        format!(
            "duration = \"10s\"\n[keys.few]\ncount = 4\n\
             [store.kv]\nreplicas = 3\nreplication = {{ quorum = {{ w = 2, r = 2, write_back = true }} }}\n\
             disk = {{ fsync_time = \"10ms\" }}\n{bugs}\n\
             [clients.c]\ncount = 8\nthink = \"exp(5ms)\"\ntarget = \"kv\"\nkeys = \"few\"\ntimeout = \"300ms\"\n\
             [fault.power]\nevery = \"1s\"\nfor = \"300ms\"\npower_loss = \"kv\"\n"
        )
    };
    assert_eq!(violations(&power(""), 1..=4), 0);
    assert!(violations(&power("bugs = [\"ack_before_disk\"]"), 1..=4) > 0);
}

#[test]
fn replicas_agree_in_the_end_by_hints_or_by_anti_entropy_and_not_without() {
    let stopped = |replication: &str| {
        two_regions(replication, "")
            .replace("duration = \"20s\"", "duration = \"60s\"")
            .replace("count = 4\nthink = \"exp(30ms)\"", "rate = \"steps(0s: 40/s, 10s: 0/s)\"")
    };
    let sloppy = "quorum = { w = 1, r = 1, sloppy = true, hinted_handoff = \"3h\" }";
    assert!(converged(&run(&stopped(sloppy), 1)));
    let hinted = "quorum = { w = 1, r = 1, hinted_handoff = \"3h\" }";
    assert!(converged(&run(&stopped(hinted), 1)));
    let entropy = "quorum = { w = 1, r = 1, anti_entropy = { every = \"1s\", depth = 6 } }";
    let outcome = run(&stopped(entropy), 1);
    assert!(converged(&outcome));
    assert!(counted(&outcome, Counted::RepairBytes) > 0);
    assert!(!converged(&run(&stopped("quorum = { w = 1, r = 1 }"), 1)), "what the cut kept back stays back");
}

#[test]
fn merging_types_answer_on_both_sides_and_agree_in_the_end() {
    for (kind, mix) in [
        ("pn_counter", "{ add = \"50%\", read = \"50%\" }"),
        ("mv_register", "{ write = \"50%\", read = \"50%\" }"),
        ("or_set", "{ set_add = \"60%\", set_remove = \"20%\", set_contains = \"20%\" }"),
    ] {
        for sync in ["state", "delta", "op"] {
            let text = two_regions(&format!("crdt = {{ type = \"{kind}\", sync = \"{sync}\" }}"), "")
                .replace("count = 4\nthink = \"exp(30ms)\"", "rate = \"steps(0s: 40/s, 10s: 0/s)\"")
                .replace("timeout = \"300ms\"", &format!("timeout = \"300ms\"\nmix = {mix}"));
            let outcome = run(&text, 1);
            assert!(converged(&outcome), "{kind} {sync}");
            let unanswered =
                outcome.history.operations().iter().filter(|o| o.status != netsplit::history::Status::Ok).count();
            // Clients of both regions choose among all replicas: those across the cut don't answer.
            assert!(unanswered * 3 < outcome.history.operations().len(), "{kind} {sync}");
        }
    }
}

#[test]
fn a_cluster_finds_out_who_is_dead_and_forgets_it_when_he_is_back() {
    for detector in ["swim()", "timeout(3s)", "phi(8)", "lease(5s)"] {
        for gossip in ["", "gossip = \"push_pull(3, every=200ms)\"\n"] {
            let text = format!(
                "duration = \"60s\"\n[membership.kv]\nreplicas = 8\ndetector = \"{detector}\"\n{gossip}\
                 [fault.crash]\nat = \"20s\"\nfor = \"20s\"\ncrash = \"kv/3\"\n"
            );
            let outcome = run(&text, 1);
            assert_eq!(counted(&outcome, Counted::FalsePositive), 0, "{detector} {gossip}");
        }
    }
    let text = "duration = \"60s\"\n[membership.kv]\nreplicas = 8\ndetector = \"timeout(3s)\"\n\
                [fault.pause]\nat = \"20s\"\nfor = \"10s\"\npause = \"kv/3\"\n";
    assert!(counted(&run(text, 1), Counted::FalsePositive) >= 7, "a pause looks like death to everybody else");
}

#[test]
fn two_writes_of_one_abd_coordinator_never_share_a_tag() {
    // All clients ask one replica, whose writes overlap; messages overtake each other and come twice.
    let text = "duration = \"20s\"\n[network]\nwithin_zone = { rtt = \"exp(2ms)\" }\n\
        [keys.one]\ncount = 1\n\
        [store.kv]\nreplicas = 5\nreplication = { abd = {} }\n\
        [clients.c]\nrate = \"100/s\"\ntarget = \"kv\"\nkeys = \"one\"\ncontact = [\"kv/0\"]\ntimeout = \"1s\"\n\
        [fault.overtake]\nat = \"1s\"\nreorder = \"kv\"\nshare = \"30%\"\n\
        [fault.twice]\nat = \"1s\"\nduplicate = \"kv\"\nshare = \"30%\"\n";
    assert_eq!(violations(text, 1..=4), 0);
}

#[test]
fn a_write_that_is_asked_for_again_may_take_effect_again() {
    // Attempts time out while a replica sleeps, and each is a write of its own under a newer tag.
    let text = "duration = \"30s\"\n[keys.few]\ncount = 3\n\
        [store.kv]\nreplicas = 3\nreplication = { abd = {} }\n\
        [clients.c]\ncount = 6\nthink = \"exp(20ms)\"\ntarget = \"kv\"\nkeys = \"few\"\ncontact = \"any\"\n\
        timeout = \"200ms\"\nretry = { attempts = 3 }\n\
        [fault.nap]\nevery = \"3s\"\nfor = \"400ms\"\npause = \"kv/0\"\n";
    for seed in 1..=3 {
        let outcome = run(text, seed);
        let writes = outcome.history.operations().iter().filter(|o| !o.function.is_read());
        let in_doubt = writes.filter(|o| o.status == netsplit::history::Status::Unknown).count();
        assert!(in_doubt > 20, "seed {seed}: {in_doubt} attempts in doubt");
        assert_eq!(verdict(&outcome), Verdict::Holds, "seed {seed}");
    }
}
