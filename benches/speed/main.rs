//! How fast netsplit is, beside a hand-written floor that does the same work in the same run.
//!
//! `cargo bench --bench speed` measures everything, `cargo bench --bench speed -- mesh1000 path` only that; `-r 5` sets
//! the rounds. Within a round every program of a group runs once, in turn; the ratio is to the best floor of that round,
//! and the medians over the rounds are printed. Ratios hold; absolute figures depend on the machine and its neighbours.

#![expect(clippy::print_stdout, reason = "a program for people")]

mod clock;
mod engine;
mod floor;
mod memory;
mod protocols;
mod scenario;
mod world;

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

/// Counts bytes for the figures of `memory`; it costs every program of a group the same.
#[global_allocator]
static GLOBAL: &StatsAlloc<std::alloc::System> = &INSTRUMENTED_SYSTEM;

/// What a program did: units of the workload's own events, the CPU time they took, and something to check it by.
pub(crate) struct Done {
    pub(crate) events: u64,
    pub(crate) ns: u64,
    pub(crate) check: String,
}

type Program = (&'static str, Box<dyn Fn() -> Done>);

/// One workload: the floors first, then what is measured against them.
struct Group {
    name: &'static str,
    floors: usize,
    programs: Vec<Program>,
}

fn program(name: &'static str, run: impl Fn() -> Done + 'static) -> Program {
    (name, Box::new(run))
}

const READS_AND_WRITES: &str = "read = \"50%\", write = \"50%\"";
const SET: &str = "set_contains = \"50%\", set_add = \"50%\"";

fn groups() -> Vec<Group> {
    let mesh = |name, nodes: u32| Group {
        name,
        floors: 2,
        programs: vec![
            program("floor: heap", move || floor::mesh::<floor::Heap>(nodes, 1_000_000)),
            program("floor: wheel", move || floor::mesh::<floor::Wheel>(nodes, 1_000_000)),
            program("engine", move || engine::mesh(nodes, 1_000_000)),
            program("world", move || world::mesh(nodes, 300_000)),
        ],
    };
    let timers = |name, clients: u32, seconds: u64| Group {
        name,
        floors: 2,
        programs: vec![
            program("floor: heap", move || floor::timers::<floor::Heap>(clients, seconds)),
            program("floor: wheel", move || floor::timers::<floor::Wheel>(clients, seconds)),
            program("engine", move || engine::timers(clients, seconds)),
        ],
    };
    vec![
        Group {
            name: "mm1",
            floors: 2,
            programs: vec![
                program("floor: heap", || floor::mm1::<floor::Heap>(1_000_000)),
                program("floor: wheel", || floor::mm1::<floor::Wheel>(1_000_000)),
                program("engine", || engine::mm1(1_000_000)),
                program("scenario", || scenario::mm1(200_000)),
            ],
        },
        Group {
            name: "path",
            floors: 2,
            programs: vec![
                program("floor: heap", || floor::path::<floor::Heap>(1_000_000)),
                program("floor: wheel", || floor::path::<floor::Wheel>(1_000_000)),
                program("scenario", || scenario::path(200_000)),
            ],
        },
        mesh("mesh100", 100),
        mesh("mesh1000", 1_000),
        mesh("mesh10000", 10_000),
        timers("timers100k", 100_000, 5),
        timers("timers1M", 1_000_000, 2),
        Group {
            name: "scenarios",
            floors: 0,
            programs: vec![
                program("retry storm", scenario::retry_storm),
                program("two choices, 20 s", scenario::two_choices),
                program("10 000/s for 60 s", scenario::ten_thousand_a_second),
                program("1M clients, 60 s", scenario::a_million_clients),
            ],
        },
        Group {
            name: "protocols",
            floors: 0,
            programs: vec![
                program("Raft", || protocols::store("raft = {}", READS_AND_WRITES)),
                program("Multi-Paxos", || protocols::store("multi_paxos = {}", READS_AND_WRITES)),
                program("primary-backup", || {
                    protocols::store("primary_backup = { mode = \"sync\" }", READS_AND_WRITES)
                }),
                program("chain", || protocols::store("chain = {}", READS_AND_WRITES)),
                program("quorum", || protocols::store("quorum = { w = 3, r = 3 }", READS_AND_WRITES)),
                program("ABD", || protocols::store("abd = {}", READS_AND_WRITES)),
                program("OR-set", || protocols::store("crdt = { type = \"or_set\" }", SET)),
                program("SWIM", || protocols::members("swim(probe=1s, timeout=500ms, indirect=3, suspicion=4)")),
                program("heartbeats", || protocols::members("timeout(3s)")),
            ],
        },
    ]
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn measure(group: &Group, rounds: usize) {
    let mut taken: Vec<Vec<(f64, f64, Done)>> = group.programs.iter().map(|_| Vec::new()).collect();
    for _ in 0..rounds {
        let done: Vec<Done> = group.programs.iter().map(|(_, run)| run()).collect();
        let cost = |done: &Done| done.ns as f64 / done.events as f64;
        let floor = done[..group.floors].iter().map(cost).fold(f64::INFINITY, f64::min);
        for (taken, done) in taken.iter_mut().zip(done) {
            taken.push((cost(&done), cost(&done) / floor, done));
        }
    }
    println!(
        "\n{:<10} {:<18} {:>10} {:>7} {:>12} {:>9}  check",
        group.name, "", "ns/event", "ratio", "events", "CPU s"
    );
    for ((name, _), taken) in group.programs.iter().zip(&taken) {
        let (ns, ratio) = (median(taken.iter().map(|t| t.0)), median(taken.iter().map(|t| t.1)));
        let ratio = if group.floors > 0 { format!("{ratio:.2}") } else { "–".to_owned() };
        let seconds = median(taken.iter().map(|t| t.2.ns as f64 / 1e9));
        let last = &taken[taken.len() - 1].2;
        println!("{:<10} {name:<18} {ns:>10.1} {ratio:>7} {:>12} {seconds:>9.3}  {}", "", last.events, last.check);
    }
}

fn main() {
    let mut rounds = 3;
    let mut wanted = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "-r" => rounds = arguments.next().and_then(|n| n.parse().ok()).unwrap_or(rounds).max(1),
            "--bench" | "--test" => {}
            name => wanted.push(name.to_owned()),
        }
    }
    let asked = |name: &str| wanted.is_empty() || wanted.iter().any(|w| w == name);
    for group in groups().iter().filter(|g| asked(g.name)) {
        measure(group, rounds);
    }
    if asked("memory") {
        memory::print();
    }
}
