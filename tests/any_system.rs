//! Systems put together at random: whatever is combined, the books balance, and once nobody comes any more every request
//! has ended, every thread is free.
//!
//! `NETSPLIT_FUZZ=10000 cargo test --test any_system` plays more of them, and others.

#[expect(dead_code, reason = "what plays here may fail, and says with which system")]
mod played;

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

/// What is chosen, a byte each. No byte is the first of whatever there is, so that shrinking leaves the simplest system.
struct Choices<'a>(std::slice::Iter<'a, u8>);

impl Choices<'_> {
    fn number(&mut self, below: usize) -> usize {
        usize::from(self.0.next().copied().unwrap_or(0)) % below
    }
    fn of<'t>(&mut self, these: &[&'t str]) -> &'t str {
        these[self.number(these.len())]
    }
}

fn station(choices: &mut Choices<'_>) -> String {
    let parts = [
        choices.of(&["", "workers = 2\n", "workers = 8\n"]),
        choices.of(&["", "service_time = \"3ms\"\n", "service_time = \"exp(4ms)\"\n", "service_time = \"0ms..8ms\"\n"]),
        choices.of(&[
            "",
            "queue = { discipline = \"lifo\" }\n",
            "queue = { discipline = \"ps\" }\n",
            "queue = { discipline = \"priority\", limit = 3 }\n",
            "queue = { discipline = \"adaptive_lifo\", drop = \"expired\" }\n",
            "queue = { limit = 1, when_full = \"block\" }\n",
            "queue = { limit = 0 }\n",
            "queue = { drop = \"codel(target=5ms, interval=100ms)\" }\n",
        ]),
        choices.of(&["", "shed = { above = \"50%\", by = \"all\" }\n", "shed = { above = \"80%\" }\n"]),
        choices.of(&["", "speed = 0.5\n", "startup = \"1s\"\n", "cold = { for = \"5s\", factor = 3 }\n"]),
    ];
    parts.concat()
}

fn service(choices: &mut Choices<'_>) -> String {
    let parts = [
        choices.of(&["", "model = \"thread\"\n"]),
        choices.of(&["", "replicas = 2\n", "replicas = 3\n"]),
        choices.of(&[
            "",
            "",
            "autoscale = { target = \"50%\", min = 1, max = 4, every = \"1s\", down_after = \"3s\" }\n",
        ]),
    ];
    parts.concat() + &station(choices)
}

fn policy(choices: &mut Choices<'_>) -> String {
    let parts = [
        choices.of(&["", "timeout = \"5ms\"\n", "timeout = \"50ms\"\n", "timeout = \"1s\"\n"]),
        choices.of(&["", "deadline = \"20ms\"\n", "deadline = \"500ms\"\npropagate_deadline = true\n"]),
        choices.of(&[
            "",
            "retry = { attempts = 3, backoff = \"none\" }\n",
            "retry = { attempts = 2, backoff = \"full_jitter(10ms, 100ms)\", budget = \"20%\" }\n",
        ]),
        choices.of(&["", "hedge = { after = \"10ms\", max = \"100%\" }\n", "hedge = {}\n"]),
        choices.of(&["", "breaker = { window = 10, min_calls = 5, open = \"500ms\", half_open = 2 }\n"]),
        choices.of(&["", "pool = { size = 1 }\n", "pool = { size = 2, max_wait = \"50ms\", create = \"2ms\" }\n"]),
        choices.of(&["", "concurrency = \"gradient\"\n", "concurrency = \"aimd(10)\"\n"]),
        choices.of(&["", "connect = { round_trips = 2, cpu = \"1ms\", keepalive = \"100ms\" }\n"]),
    ];
    parts.concat()
}

/// Between one and four steps that may run `flows`, and whom they ask.
fn steps<'t>(
    choices: &mut Choices<'_>,
    flows: &[String],
    stores: &[&'t str],
    asked: &mut BTreeSet<&'t str>,
) -> Vec<String> {
    let flow = |choices: &mut Choices<'_>| flows[choices.number(flows.len())].clone();
    let mut steps = Vec::new();
    for _ in 0..=choices.number(4) {
        let fallback = choices.of(&["", ", fallback = \"default\""]);
        steps.push(match choices.number(if flows.is_empty() { 5 } else { 9 }) {
            0 => format!("{{ work = \"{}\" }}", choices.of(&["0s", "2ms", "exp(3ms)"])),
            1 => format!("{{ sleep = \"{}\" }}", choices.of(&["5ms", "exp(10ms)"])),
            2 => {
                asked.insert("back");
                format!("{{ call = \"back\"{fallback} }}")
            }
            n @ (3 | 4) => {
                let store = stores[choices.number(stores.len())];
                asked.insert(store);
                format!("{{ {} = \"{store}\"{fallback} }}", if n == 3 { "read" } else { "write" })
            }
            5 => {
                let (one, two) = (flow(choices), flow(choices));
                format!("{{ parallel = [\"{one}\", \"{two}\"], wait = \"{}\" }}", choices.of(&["all", "any", "none"]))
            }
            6 => {
                let (each, wait) = (flow(choices), choices.of(&["all", "any", "none"]));
                format!("{{ fan_out = 3, each = \"{each}\", wait = \"{wait}\" }}")
            }
            7 => format!("{{ branch = \"50%\", then = \"{}\" }}", flow(choices)),
            _ => format!("{{ loop = \"{}\", max = 2 }}", flow(choices)),
        });
    }
    steps
}

/// A web service with flows over whatever else there is, asked for five seconds. With faults users give up after a
/// second: what is lost on the way would never end otherwise.
fn system(bytes: &[u8], faults: bool) -> String {
    let mut choices = Choices(bytes.iter());
    let choices = &mut choices;
    let mut text = format!("duration = \"60s\"\n[service.api]\n{}", service(choices));
    text += &format!("[service.back]\n{}[store.kv]\n{}", service(choices), station(choices));
    let replicated =
        choices.of(&["", "raft = {}", "quorum = { w = 2, r = 2 }", "primary_backup = { mode = \"sync\" }", "abd = {}"]);
    let cached = choices.of(&["", "aside", "through"]);
    let mut stores = vec!["kv"];
    if !replicated.is_empty() {
        stores.push("copies");
        text += &format!("[store.copies]\nreplicas = 3\nreplication = {{ {replicated} }}\n{}", station(choices));
    }
    if !cached.is_empty() {
        stores.push("cache");
        let more = choices.of(&["", "stampede = \"single_flight\"\n", "stampede = \"lease\"\n", "ttl = \"1s\"\n"]);
        text += &format!(
            "[cache.cache]\nbacking = \"kv\"\nsize = 10\nread_mode = \"{cached}\"\n{more}{}",
            station(choices)
        );
    }
    let front = choices.of(&["api", "lb"]);
    if front == "lb" {
        let policy = choices.of(&["round_robin", "random", "least_request", "power_of_d(2)"]);
        let more = choices.of(&["", "outlier = {}\n", "health = { every = \"1s\", timeout = \"200ms\" }\n"]);
        text += &format!("[load_balancer.lb]\ntargets = [\"api\"]\npolicy = \"{policy}\"\n{more}{}", station(choices));
    }
    let (mut flows, mut asked) = (Vec::new(), BTreeSet::new());
    for n in 0..=choices.number(3) {
        let steps = steps(choices, &flows, &stores, &mut asked);
        text += &format!("[flow.part{n}]\nsteps = [{}]\n", steps.join(", "));
        flows.push(format!("part{n}"));
    }
    let mut main = steps(choices, &flows, &stores, &mut asked);
    main.extend(
        choices.of(&["", "{ reply = \"ok\" }", "{ reply = \"error\" }"]).split_terminator('\n').map(String::from),
    );
    // Each part is used at least once.
    let all: Vec<String> = flows.iter().map(|flow| format!("\"{flow}\"")).collect();
    main.push(format!("{{ parallel = [{}] }}", all.join(", ")));
    text += &format!("[flow.main]\nruns_on = \"api\"\nsteps = [{}]\n", main.join(", "));
    for callee in asked {
        let policy = policy(choices);
        if !policy.is_empty() {
            text += &format!("[edge.api.{callee}]\n{policy}");
        }
    }
    let (rate, priority) = (choices.of(&["5/s", "20/s", "50/s"]), choices.of(&["", "priority = 7\n"]));
    let patience = if faults { "timeout = \"1s\"\n".to_owned() } else { policy(choices) };
    text += &format!(
        "[clients.users]\nrate = \"steps(0s: {rate}, 5s: 0/s)\"\ntarget = \"{front}\"\nmix = {{ main = \"100%\" }}\n{priority}{patience}"
    );
    for n in 0..if faults { 1 + choices.number(4) } else { 0 } {
        let what = choices.of(&["crash", "power_loss", "pause", "restart", "slow", "gray", "loss"]);
        let whom = choices.of(&["api", "api/0", "back", "kv", front]);
        let (at, lasting) = (choices.of(&["1s", "2500ms", "4s"]), choices.of(&["300ms", "2s", "8s"]));
        let how = match what {
            "slow" => "factor = 5\n",
            "loss" => "share = \"20%\"\n",
            _ => "",
        };
        let lasting = if what == "restart" { String::new() } else { format!("for = \"{lasting}\"\n") };
        let whom = if what == "loss" { "back" } else { whom };
        text += &format!("[fault.f{n}]\nat = \"{at}\"\n{lasting}{what} = \"{whom}\"\n{how}");
    }
    text
}

fn play(bytes: &[u8], faults: bool) -> Result<(), TestCaseError> {
    let text = system(bytes, faults);
    let plan = played::load(&text).map_err(|errors| TestCaseError::fail(format!("{errors}\n{text}")))?;
    let run = netsplit::run::play_all(vec![plan], &|_, _, _| true).expect("nobody interrupts").remove(0);
    let users = &run.outcome.meters.groups.last().expect("users are the last group").visits;
    prop_assert!(run.outcome.broken.is_empty(), "{:?}\n{text}", run.outcome.broken);
    prop_assert_eq!(users.open(), 0, "requests have not ended:\n{}", text);
    prop_assert!(users.offered(&run.outcome.meters.frame().all()) > 5, "nobody came:\n{}", text);
    Ok(())
}

fn any_systems(faults: bool) {
    // The same in every run of the default number; more, and others, on request.
    let more = std::env::var("NETSPLIT_FUZZ").ok().and_then(|n| n.parse().ok());
    let config = Config { cases: more.unwrap_or(150), failure_persistence: None, ..Config::default() };
    let mut runner = match more {
        None => TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha)),
        Some(_) => TestRunner::new(config),
    };
    let result = runner.run(&prop::collection::vec(any::<u8>(), 0..150), |bytes| play(&bytes, faults));
    result.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn every_request_ends_and_every_thread_is_free() {
    any_systems(false);
}

#[test]
fn faults_leave_the_books_balanced_and_no_request_behind() {
    any_systems(true);
}
