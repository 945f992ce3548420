//! Same scenario, same seed: the same bytes. And who is added shifts nobody else's random numbers.

use netsplit::report::data;
use netsplit::run::{Run, play_all};
use netsplit::scenario;
use netsplit::spec::Sources;

const BASE: &str = r#"
schema = 1
title = "t"
question = "q"
duration = "20s"
warmup = "1s"

[load_balancer.lb]
targets = "web"
policy = "power_of_d(2)"
health = { every = "2s", timeout = "1s" }

[service.web]
replicas = 4
workers = 2
service_time = "lognormal(p50=5ms, p99=40ms)"
queue = { limit = 50 }

[service.db]
service_time = "exp(2ms)"
workers = 4

[flow.checkout]
runs_on = "web"
steps = [{ call = "db" }, { reply = "ok" }]

[edge.web.db]
timeout = "50ms"
retry = { attempts = 3, backoff = "full_jitter(5ms, 50ms)" }

[clients.users]
rate = "300/s"
target = "lb"
mix = { checkout = "100%" }
timeout = "1s"

[fault.loss]
at = "5s"
for = "5s"
loss = "web -> db"
share = "10%"

[fault.down]
at = "12s"
for = "2s"
crash = "random(web)"

[expect.works]
that = "availability(users) > 50%"
"#;

fn run(text: &str) -> Vec<Run> {
    let sources = Sources::new("t.toml", text);
    let (plan, diagnostics) = scenario::load(&sources, None, None, &|_| Err("none".into()));
    let plan = plan.unwrap_or_else(|| panic!("{}", diagnostics.lines(&sources)));
    let runs = play_all(vec![plan], &|_, _, _| true).expect("nobody interrupts");
    assert_eq!(runs[0].outcome.broken, Vec::<String>::new());
    runs
}

fn arrivals(text: &str, clients: &str) -> Vec<u32> {
    let runs = run(text);
    let outcome = &runs[0].outcome;
    let group = outcome.plan.group(clients).expect("the group is there");
    outcome.meters.groups[group].visits.started().to_vec()
}

#[test]
fn a_run_is_repeated_to_the_byte() {
    let (a, b) = (run(BASE), run(BASE));
    assert!(a[0].outcome.events > 10_000, "something happened");
    assert_eq!(a[0].outcome.digests, b[0].outcome.digests);
    assert_eq!(data::summary_json(&a).to_string(), data::summary_json(&b).to_string());
    assert_eq!(data::series_csv(&a), data::series_csv(&b));
    assert_eq!(data::latency_csv(&a), data::latency_csv(&b));
}

#[test]
fn threads_and_neighbours_change_nothing() {
    let alone = run(BASE)[0].outcome.digest;
    let sources = Sources::new("t.toml", BASE);
    let plan = || scenario::load(&sources, None, None, &|_| Err("none".into())).0.expect("it reads");
    for threads in [1, 4] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        let runs = pool.install(|| play_all((0..4).map(|_| plan()).collect(), &|_, _, _| true)).expect("undisturbed");
        assert!(runs.iter().all(|r| r.outcome.digest == alone), "{threads} threads");
    }
}

#[test]
fn another_seed_is_another_run() {
    let sources = Sources::new("t.toml", BASE);
    let plan = |seed| scenario::load(&sources, None, Some(seed), &|_| Err("none".into())).0.expect("it reads");
    let runs = play_all(vec![plan(1), plan(2)], &|_, _, _| true).expect("nobody interrupts");
    assert_ne!(runs[0].outcome.digest, runs[1].outcome.digest);
}

#[test]
fn an_unrelated_component_or_fault_leaves_everybody_elses_numbers_alone() {
    let more = format!(
        "{BASE}\n[service.aside]\nservice_time = \"exp(1ms)\"\n\n[clients.others]\nrate = \"50/s\"\ntarget = \"aside\"\n\n\
         [fault.aside-slow]\nat = \"3s\"\nfor = \"4s\"\nslow = \"aside\"\nfactor = 3\n"
    );
    let (before, after) = (run(BASE), run(&more));
    assert_eq!(arrivals(BASE, "users"), arrivals(&more, "users"));
    // Not only their arrivals: every latency of every request of theirs is the same.
    let latencies = |runs: &[Run]| {
        let outcome = &runs[0].outcome;
        let group = outcome.plan.group("users").expect("the group is there");
        let frame = outcome.meters.frame();
        let tally = &outcome.meters.groups[group].visits;
        tally.latencies(&frame.all(), netsplit::metric::ClassSet::ALL).cumulative().to_vec()
    };
    assert_eq!(latencies(&before), latencies(&after));
}

#[test]
fn a_second_look_reproduces_the_first() {
    let runs = run(BASE);
    let (examples, trace) = netsplit::run::explain(&runs[0].outcome).expect("the digest is the same");
    assert!(!examples.is_empty() && !trace.events.is_empty());
}
