//! Connections at layer 4: they follow their instance, and end with it.

mod played;

use netsplit::run::Run;
use played::{measured, play};

/// A hundred users, each with a connection of its own to one of four instances, the first of which is hit by this.
fn users(balancer: &str, fault: &str) -> Run {
    play(&format!(
        "duration = \"200s\"\nwarmup = \"10s\"\n\
         [load_balancer.lb]\ntargets = \"api\"\nlayer = \"L4\"\npolicy = \"round_robin\"\n{balancer}\n\
         [service.api]\nreplicas = 4\nworkers = 100\nservice_time = \"10ms\"\n\
         [clients.v]\ncount = 100\nthink = \"1s\"\ntarget = \"lb\"\n\
         [fault.c]\nat = \"50s\"\nfor = \"100s\"\n{fault}\n\
         [expect.before]\nthat = \"count(v, 20s..50s) > 0\"\n[expect.later]\nthat = \"count(v, 60s..150s) > 0\"\n"
    ))
}

const CHECKS: &str = "health = { every = \"1s\", timeout = \"1s\", unhealthy = 1, healthy = 1 }";

#[test]
fn a_connection_to_a_crashed_instance_is_replaced_by_one_to_a_healthy_one() {
    for fault in ["crash = \"api/0\"", "power_loss = \"api/0\""] {
        let run = users(CHECKS, fault);
        let failed = measured(&run, "error_ratio(v, 60s..150s)");
        assert!(failed < 0.001, "{fault}: {failed}");
        assert!(measured(&run, "count(calls(api/0, 20s..50s))") > 500.0, "it had its share before");
    }
}

#[test]
fn without_checks_each_connection_is_as_likely_as_another_to_meet_the_dead() {
    let run = users("", "crash = \"api/0\"");
    // Round robin meets it every fourth time; who got a connection elsewhere keeps that.
    let failed = measured(&run, "error_ratio(v, 60s..150s)");
    assert!(failed < 0.001, "{failed}");
}

#[test]
fn an_ejected_instance_loses_its_connections() {
    let outlier = "outlier = { consecutive_errors = 5, every = \"10s\", ejection = \"200s\" }";
    let run = users(outlier, "gray = \"api/0\"\nerrors = \"100%\"");
    let failed = measured(&run, "error_ratio(v, 60s..150s)");
    assert!(failed < 0.001, "{failed}");
}
