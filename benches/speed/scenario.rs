//! Whole scenarios, from TOML: client rows, network, station, history, histograms, books and digest.

use std::path::Path;

use netsplit::catalog::AnyProcess;
use netsplit::run;
use netsplit::scenario::{self, Plan};
use netsplit::spec::Sources;
use netsplit::world::{Finished, Focus, World};

use super::Done;
use super::clock::timed;

pub(crate) fn plan(text: &str) -> Plan {
    let sources = Sources::new("bench.toml", text);
    let (plan, problems) = scenario::load(&sources, None, None, &|_| Err("there are no other files".to_owned()));
    plan.unwrap_or_else(|| panic!("{}", problems.lines(&sources)))
}

pub(crate) fn world(text: &str) -> (Plan, World<AnyProcess>) {
    let plan = plan(text);
    let world = run::build(&plan, Focus::default());
    (plan, world)
}

/// Plays it to the end: what was played, the CPU time it took in ns, and what came of it.
pub(crate) fn finished(text: &str) -> (Plan, u64, Finished<AnyProcess>) {
    let (plan, mut world) = world(text);
    let (ns, finished) = timed(|| {
        world.run_until(plan.end);
        world.finish()
    });
    assert_eq!(finished.broken, Vec::<String>::new());
    (plan, ns, finished)
}

fn play(text: &str) -> Done {
    let (plan, ns, finished) = finished(text);
    let clients = &finished.meters.groups[plan.components.len()];
    let all = finished.meters.frame().all();
    let latencies = clients.visits.latencies(&all, netsplit::world::meters::OK);
    let mean = latencies.mean_ns().unwrap_or(f64::NAN) / 1e9;
    let check = format!("{} requests, mean {mean:.4} s, digest {:016x}", latencies.count(), finished.digest);
    Done { events: finished.events, ns, check }
}

const HEAD: &str = "schema = 1\ntitle = \"t\"\nquestion = \"q\"\n";

/// `n` customers of a server that is busy 80% of the time.
pub(crate) fn mm1(n: u64) -> Done {
    let seconds = n * 5 / 4;
    play(&format!(
        "{HEAD}duration = \"{seconds}s\"\n[network]\nwithin_zone = {{ rtt = \"0ms\" }}\n\
         [service.api]\nservice_time = \"exp(1s)\"\n[clients.web]\nrate = \"0.8/s\"\ntarget = \"api\"\n"
    ))
}

/// The same with a network of Exp(1 ms) each way and a store, whose operations make a history.
pub(crate) fn path(n: u64) -> Done {
    let seconds = n * 5 / 4;
    play(&format!(
        "{HEAD}duration = \"{seconds}s\"\n[network]\nwithin_zone = {{ rtt = \"exp(2ms)\" }}\n\
         [store.kv]\nservice_time = \"exp(1s)\"\n[clients.web]\nrate = \"0.8/s\"\ntarget = \"kv\"\n\
         mix = {{ read = \"100%\" }}\n"
    ))
}

fn shipped(name: &str, change: &[(&str, &str)]) -> Done {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios").join(name);
    let mut text = std::fs::read_to_string(path).expect("the scenario ships with the crate");
    for (from, to) in change {
        assert!(text.contains(from), "{name} has no {from}");
        text = text.replacen(from, to, 1);
    }
    play(&text)
}

/// The flagship: a service with retries, timeouts and flows, as it ships, its base variant.
pub(crate) fn retry_storm() -> Done {
    shipped("chaos/retry-storm.toml", &[])
}

/// A hundred servers behind a balancer: twenty seconds of it.
pub(crate) fn two_choices() -> Done {
    let change = [
        ("duration = \"240s\"", "duration = \"20s\""),
        ("warmup   = \"30s\"", "warmup = \"5s\""),
        ("policy  = \"random\"", "policy = \"power_of_d(2)\""),
    ];
    shipped("basics/load-balancing.toml", &change)
}

/// Ten servers, 80% busy, for a minute.
pub(crate) fn ten_thousand_a_second() -> Done {
    play(&format!(
        "{HEAD}duration = \"60s\"\n[service.api]\nreplicas = 10\nworkers = 8\nservice_time = \"exp(6.4ms)\"\n\
         [clients.web]\nrate = \"10000/s\"\ntarget = \"api\"\n"
    ))
}

/// A million clients, each of which asks every five seconds, for a minute.
pub(crate) fn a_million_clients() -> Done {
    play(&heartbeats(1_000_000, 60))
}

/// So many clients that ask every five seconds.
pub(crate) fn heartbeats(count: u32, seconds: u64) -> String {
    format!(
        "{HEAD}duration = \"{seconds}s\"\nmax_events = 200_000_000\n[service.hub]\nworkers = 64\nservice_time = \"exp(0.1ms)\"\n\
         [clients.devices]\ncount = {count}\nthink = \"4.9s..5.1s\"\ntarget = \"hub\"\n"
    )
}
