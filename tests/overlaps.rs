//! Faults that overlap: what one has done holds until that one is over, whatever the others do.

mod played;

use netsplit::run::Run;
use played::{measured, play};

/// The stretches of time that are looked at: only those that an expectation names are measured.
const LOOKED_AT: [&str; 12] = [
    "50.5s..51.5s",
    "51s..59s",
    "61s..64s",
    "61s..69s",
    "61s..79s",
    "66s..79s",
    "66s..89s",
    "69.5s..70.5s",
    "71s..72s",
    "71s..79s",
    "81s..99s",
    "91s..99s",
];

/// A hundred seconds of clients `u` with a system and its faults.
fn watched(scenario: &str) -> Run {
    let mut text = format!("duration = \"100s\"\nwarmup = \"0s\"\n{scenario}");
    for (i, stretch) in LOOKED_AT.iter().enumerate() {
        text += &format!("[expect.look-{i}]\nthat = \"count(u, {stretch}) >= 0\"\n");
    }
    play(&text)
}

/// One instance that takes 10 ms, a request every 10 ms, and these faults.
fn run(faults: &str) -> Run {
    watched(&format!(
        "region.r.zones = [\"a\", \"b\"]\n\
         [service.api]\nworkers = 100\nservice_time = \"10ms\"\n\
         [clients.u]\nrate = \"100/s\"\narrivals = \"constant\"\ntarget = \"api\"\n{faults}"
    ))
}

fn fault(name: &str, at: u32, lasting: u32, what: &str) -> String {
    format!("[fault.{name}]\nat = \"{at}s\"\nfor = \"{lasting}s\"\n{what}\n")
}

/// Two faults from 50 s to 70 s and from 60 s to 80 s.
fn two(first: &str, second: &str) -> Run {
    run(&(fault("s", 50, 20, first) + &fault("t", 60, 20, second)))
}

fn check(run: &Run, expected: &[(&str, f64)]) {
    for (expression, value) in expected {
        let measured = measured(run, expression);
        assert!((measured - value).abs() <= 0.01 * value.abs().max(0.01), "{expression} is {measured}, not {value}");
    }
}

#[test]
fn the_last_crash_to_end_lets_the_process_start_and_each_has_hit_it() {
    for (first, second) in [
        ("crash = \"api\"", "crash = \"api\""),
        ("crash = \"api/0\"", "crash = \"zone:a\""),
        ("power_loss = \"api\"", "crash = \"api\""),
        ("pause = \"api\"", "crash = \"api\""),
    ] {
        let run = two(first, second);
        check(&run, &[("error_ratio(u, 71s..79s)", 1.0), ("error_ratio(u, 81s..99s)", 0.0)]);
        assert!(run.outcome.missed().is_empty(), "{:?}", run.outcome.missed());
    }
    let nested = run(&(fault("s", 50, 30, "crash = \"api\"") + &fault("t", 60, 5, "crash = \"api\"")));
    check(&nested, &[("error_ratio(u, 66s..79s)", 1.0), ("error_ratio(u, 81s..99s)", 0.0)]);
    let restarts = nested.outcome.acted.iter().filter(|act| act.what == "restart" && !act.hit.is_empty()).count();
    assert_eq!(restarts, 1, "it recovers once");
}

#[test]
fn a_restart_is_of_a_process_that_runs() {
    let restart = "[fault.t]\nat = \"60s\"\nrestart = \"api\"\n";
    let within = run(&(fault("s", 50, 30, "crash = \"api\"") + restart));
    check(&within, &[("error_ratio(u, 61s..79s)", 1.0), ("error_ratio(u, 81s..99s)", 0.0)]);
    assert_eq!(within.outcome.missed(), [("t", 1)]);
    let alone = run(restart);
    assert!(alone.outcome.missed().is_empty());
}

#[test]
fn an_instance_stays_frozen_until_the_last_pause_is_over_and_through_a_crash_that_ends_before() {
    let run = two("pause = \"api\"", "pause = \"api\"");
    check(&run, &[("max(queue_length(api))", 3000.0), ("mean(u, 50.5s..51.5s)", 29.0)]);
    let crashed = self::run(&(fault("s", 50, 30, "pause = \"api\"") + &fault("t", 60, 5, "crash = \"api\"")));
    check(&crashed, &[("error_ratio(u, 61s..64s)", 1.0), ("mean(u, 69.5s..70.5s)", 10.0)]);
}

#[test]
fn of_two_values_the_one_that_began_last_counts_and_the_other_again_after_it() {
    let set = |time: &str| format!("set = {{ \"service.api.service_time\" = \"{time}\" }}");
    let run_set = two(&set("20ms"), &set("30ms"));
    check(&run_set, &[("mean(u, 51s..59s)", 0.02), ("mean(u, 61s..79s)", 0.03), ("mean(u, 81s..99s)", 0.01)]);
    let inner = run(&(fault("s", 50, 30, &set("20ms")) + &fault("t", 60, 10, &set("30ms"))));
    check(&inner, &[("mean(u, 61s..69s)", 0.03), ("mean(u, 71s..79s)", 0.02), ("mean(u, 81s..99s)", 0.01)]);
    let gray = |errors: &str| format!("gray = \"api\"\nerrors = \"{errors}\"\nservice_time = \"1ms\"");
    let gray = two(&gray("0%"), &gray("100%"));
    check(&gray, &[("error_ratio(u, 61s..79s)", 1.0), ("error_ratio(u, 81s..99s)", 0.0)]);
}

#[test]
fn settings_of_one_place_count_each_for_what_it_changes() {
    // Workers and speed are of one station.
    let run = two(
        "set = { \"service.api.speed\" = 2 }",
        "set = { \"service.api.workers\" = 1, \"service.api.speed\" = 0.5 }",
    );
    // At half the speed one worker has work for 20 ms every 10 ms: who comes after 5 s waits as long. At 80 s all others
    // are back.
    check(&run, &[("mean(u, 51s..59s)", 0.005), ("mean(u, 61s..69s)", 5.0), ("mean(u, 71s..72s)", 8.5)]);
    let run = two("set = { \"service.api.speed\" = 2 }", "set = { \"service.api.workers\" = 50 }");
    check(&run, &[("mean(u, 61s..69s)", 0.005), ("mean(u, 71s..79s)", 0.01)]);
}

#[test]
fn factors_multiply() {
    let slow = |factor: u32| format!("slow = \"api\"\nfactor = {factor}");
    let slow = two(&slow(2), &slow(3));
    check(
        &slow,
        &[
            ("mean(u, 51s..59s)", 0.02),
            ("mean(u, 61s..69s)", 0.06),
            ("mean(u, 71s..79s)", 0.03),
            ("mean(u, 81s..99s)", 0.01),
        ],
    );
    let load = |factor: u32| format!("load = \"u\"\nfactor = {factor}");
    let load = two(&load(2), &load(3));
    check(
        &load,
        &[
            ("rate(calls(u, 61s..69s))", 600.0),
            ("rate(calls(u, 71s..79s))", 300.0),
            ("rate(calls(u, 81s..99s))", 100.0),
        ],
    );
    let set = two("set = { \"clients.u.rate\" = \"200/s\" }", "load = \"u\"\nfactor = 3");
    check(&set, &[("rate(calls(u, 61s..69s))", 600.0), ("rate(calls(u, 71s..79s))", 300.0)]);
    let rate = |rate: u32| format!("load = \"u\"\nrate = \"{rate}/s\"");
    let factor = two(&rate(200), "load = \"u\"\nfactor = 3");
    check(
        &factor,
        &[
            ("rate(calls(u, 51s..59s))", 200.0),
            ("rate(calls(u, 61s..69s))", 600.0),
            ("rate(calls(u, 71s..79s))", 300.0),
            ("rate(calls(u, 81s..99s))", 100.0),
        ],
    );
    let latest = two(&rate(200), &rate(50));
    check(
        &latest,
        &[
            ("rate(calls(u, 51s..59s))", 200.0),
            ("rate(calls(u, 61s..69s))", 50.0),
            ("rate(calls(u, 71s..79s))", 50.0),
            ("rate(calls(u, 81s..99s))", 100.0),
        ],
    );
}

#[test]
fn what_slows_an_instance_outlasts_its_crash() {
    let run = self::run(&(fault("s", 50, 40, "slow = \"api\"\nfactor = 3") + &fault("t", 60, 5, "crash = \"api\"")));
    check(&run, &[("mean(u, 66s..89s)", 0.03), ("mean(u, 91s..99s)", 0.01)]);
}

#[test]
fn faults_of_one_machines_links_end_each_on_its_own() {
    let delay = |by: &str| format!("delay = \"api/0\"\nby = \"{by}\"");
    let run = two(&delay("10ms"), &delay("100ms"));
    check(&run, &[("mean(u, 61s..69s)", 0.23), ("mean(u, 71s..79s)", 0.21), ("mean(u, 81s..99s)", 0.01)]);
}

#[test]
fn a_zone_that_is_lost_stays_lost_while_its_instances_wear_out_and_are_repaired() {
    let run = play(
        "duration = \"3600s\"\nregion.r.zones = [\"a\", \"b\"]\nnetwork.between_zones = { rtt = \"0ms\" }\n\
         [service.api]\nreplicas = 10\nworkers = 10\nservice_time = \"1ms\"\n\
         [clients.u]\nrate = \"50/s\"\ntarget = \"api\"\n\
         [fault.wear]\nrandom = { mtbf = \"300s\", mttr = \"30s\" }\ncrash = \"api\"\n\
         [fault.zone-loss]\nat = \"1000s\"\nfor = \"600s\"\ncrash = \"zone:a\"\n",
    );
    // Five of ten are gone, and of the others one in eleven.
    let running = measured(&run, "mean(running(api, zone-loss))");
    assert!((4.0..5.0).contains(&running), "{running} ran");
}

#[test]
fn leaks_of_one_pool_add_up() {
    let leak = "leak = \"web -> api\"\nslots = 5";
    let run = watched(&format!(
        "[service.web]\nworkers = 100\n[service.api]\nworkers = 100\nservice_time = \"100ms\"\n\
         [edge.web.api]\npool = {{ size = 10, max_wait = \"0s\" }}\n\
         [flow.f]\nruns_on = \"web\"\nsteps = [{{ call = \"api\" }}]\n\
         [clients.u]\nrate = \"90/s\"\ntarget = \"web\"\nmix = {{ f = \"100%\" }}\n{}{}",
        fault("s", 50, 20, leak),
        fault("t", 60, 20, leak)
    ));
    check(&run, &[("error_ratio(u, 61s..69s)", 1.0)]);
    let half = measured(&run, "error_ratio(u, 71s..79s)");
    assert!((0.4..0.6).contains(&half), "{half}");
}

#[test]
fn a_hot_key_stays_hot_until_the_last_that_made_it_so() {
    let hot = "hot_key = \"k\"\nshare = \"90%\"";
    let run = watched(&format!(
        "[keys.k]\ncount = 1000\n\
         [load_balancer.lb]\ntargets = \"svc\"\npolicy = \"consistent_hash\"\n\
         [service.svc]\nreplicas = 20\nworkers = 100\n\
         [clients.u]\nrate = \"1000/s\"\ntarget = \"lb\"\nkeys = \"k\"\n{}{}",
        fault("s", 50, 20, hot),
        fault("t", 60, 20, hot)
    ));
    let share = measured(&run, "max(share(svc/*, 71s..79s))");
    assert!(share > 0.85, "{share}");
}
