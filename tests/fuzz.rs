//! Mutated scenarios, settings and expectations: the loader neither panics nor hangs nor fills the memory, every error
//! stands inside a text, and whatever loads also plays, with its books balanced.
//!
//! Much more than by default: `NETSPLIT_FUZZ=20000 cargo test --release --test fuzz`. A failure prints its scenario.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use netsplit::expect;
use netsplit::report::{data, text};
use netsplit::run::play_all;
use netsplit::scenario;
use netsplit::spec::Sources;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

/// Values of every kind, most of them wrong wherever they are put.
const VALUES: &[&str] = &[
    "0",
    "-1",
    "1",
    "2.5",
    "nan",
    "inf",
    "-inf",
    "1e30",
    "9223372036854775807",
    "99999999999999999999999",
    "0x10",
    "true",
    "[]",
    "{}",
    "2026-01-01",
    "\"\"",
    "\"none\"",
    "\"0s\"",
    "\"1ns\"",
    "\"1us\"",
    "\"10ms\"",
    "\"292y\"",
    "\"100000d\"",
    "\"-5ms\"",
    "\"1e9s\"",
    "\"0/s\"",
    "\"1/day\"",
    "\"1000B/s\"",
    "\"999999999999/s\"",
    "\"0%\"",
    "\"100%\"",
    "\"101%\"",
    "\"0B\"",
    "\"1PB\"",
    "\"0ppm\"",
    "\"1000000ppm\"",
    "\"exp(0ms)\"",
    "\"exp(1ns)\"",
    "\"exp(100000d)\"",
    "\"pareto(1ms, 0.01)\"",
    "\"normal(0ms, 1h)\"",
    "\"erlang(1000, 1ns)\"",
    "\"lognormal(p50=1ns, p99=100000d)\"",
    "\"mix(100%: mix(100%: mix(100%: 1ms)))\"",
    "\"empirical(x.csv)\"",
    "\"trace(x.csv)\"",
    "\"1ns..100000d\"",
    "\"1..=18446744073709551615\"",
    "\"diurnal(mean=1/s, peak=2/s, period=1ns)\"",
    "\"bursts(1/s, 2/s, low=exp(1ns), high=exp(1ns))\"",
    "\"steps(0s: 0/s)\"",
    "\"ramp(0/s, 999999/s, over=0s)\"",
    "\"zipf(0)\"",
    "\"zipf(50)\"",
    "\"hotset(1%, 100%)\"",
    "\"power_of_d(16)\"",
    "\"random\"",
    "\"ewma\"",
    "\"consistent_hash\"",
    "\"weighted(web/0=1)\"",
    "\"constant(0s)\"",
    "\"decorrelated_jitter(0s, 0s)\"",
    "\"p0.0001\"",
    "\"p99.9999\"",
    "\"aimd(1)\"",
    "\"gradient\"",
    "\"rest\"",
    "\"web\"",
    "\"web/2\"",
    "\"kv\"",
    "\"users\"",
    "\"random(web, price, 100%)\"",
    "\"random(web, 0)\"",
    "\"region:east\"",
    "\"zone:east/a\"",
    "\"web -> price\"",
    "\"region:east <-> region:west\"",
    "[\"web\", \"price\"]",
    "[\"rest\", \"kv\"]",
    "\"é日本\\u0000\"",
    "\"\"\"\n\n10ms\"\"\"",
    "'it''s'",
    "\"0s .. 0s\"",
    "\"p99(web) < 10ms\"",
    "\"count(web/*, ok, timeout, all) == 0\"",
    "\"mean(users)@random < exp(1) ^ 9 * 1s\"",
    "\"1 / 0 == 0\"",
    "{ limit = 0 }",
    "{ limit = 1, discipline = \"ps\", when_full = \"block\" }",
    "{ limit = 0, when_full = \"block\", drop = \"codel(target=0s, interval=0s)\" }",
    "{ size = 1, max_wait = \"none\", create = \"1s\" }",
    "{ attempts = 1000, backoff = \"none\" }",
    "{ window = 1, min_calls = 1, failure_rate = \"0%\", open = \"0s\", half_open = 1 }",
    "{ mtbf = \"1ns\", mttr = \"1ns\" }",
    "{ above = \"0%\" }",
];

/// Lines that may stand anywhere.
const LINES: &[&str] = &[
    "[service.web]",
    "[fault.down]",
    "[[service.web]]",
    "[region.north]",
    "[link.east.east]",
    "[clients.more]",
    "like = \"web\"",
    "like = \"users\"",
    "workers = 1",
    "rate = \"1/s\"",
    "set.\"service.web.workers\" = 1",
    "crash = \"web\"",
    "steps = []",
    "steps = [{ reply = \"error\" }]",
    "enabled = false",
    "base = \"random\"",
    "]",
    "}",
    "\"\"\"",
    "\u{feff}",
    "\r",
];

#[derive(Clone, Debug)]
enum Mutation {
    Byte(Index, u8),
    Cut(Index, u8),
    Repeat(Index),
    Drop(Index),
    Swap(Index, Index),
    Value(Index, Index),
    Borrow(Index, Index),
    Number(Index, Index),
    Line(Index, Index),
    End(Index),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let at = any::<Index>;
    prop_oneof![
        2 => (at(), any::<u8>()).prop_map(|(a, b)| Mutation::Byte(a, b)),
        1 => (at(), any::<u8>()).prop_map(|(a, n)| Mutation::Cut(a, n)),
        1 => at().prop_map(Mutation::Repeat),
        2 => at().prop_map(Mutation::Drop),
        2 => (at(), at()).prop_map(|(a, b)| Mutation::Swap(a, b)),
        8 => (at(), at()).prop_map(|(a, b)| Mutation::Value(a, b)),
        4 => (at(), at()).prop_map(|(a, b)| Mutation::Borrow(a, b)),
        4 => (at(), at()).prop_map(|(a, b)| Mutation::Number(a, b)),
        2 => (at(), at()).prop_map(|(a, b)| Mutation::Line(a, b)),
        1 => at().prop_map(Mutation::End),
    ]
}

const NUMBERS: &[&str] = &["0", "1", "2", "3", "7", "100", "1000", "65536", "99999999", "0.5", "0.0001", "-1"];

fn mutate(bytes: &[u8], mutations: &[Mutation]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for mutation in mutations {
        bytes = apply(&bytes, mutation);
    }
    bytes
}

fn apply(bytes: &[u8], mutation: &Mutation) -> Vec<u8> {
    let mut out = bytes.to_vec();
    if bytes.is_empty() {
        return out;
    }
    let mut lines: Vec<Vec<u8>> = bytes.split(|b| *b == b'\n').map(<[u8]>::to_vec).collect();
    let valued: Vec<usize> = (0..lines.len()).filter(|i| lines[*i].contains(&b'=')).collect();
    let equals = |line: &[u8]| line.iter().position(|b| *b == b'=').unwrap_or(0);
    match mutation {
        Mutation::Byte(at, byte) => out[at.index(bytes.len())] = *byte,
        Mutation::Cut(at, length) => {
            let from = at.index(bytes.len());
            out.drain(from..(from + usize::from(*length)).min(bytes.len()));
        }
        Mutation::End(at) => out.truncate(at.index(bytes.len())),
        Mutation::Repeat(at) => {
            let at = at.index(lines.len());
            lines.insert(at, lines[at].clone());
            out = lines.join(&b'\n');
        }
        Mutation::Drop(at) => {
            lines.remove(at.index(lines.len()));
            out = lines.join(&b'\n');
        }
        Mutation::Swap(a, b) => {
            let (a, b) = (a.index(lines.len()), b.index(lines.len()));
            lines.swap(a, b);
            out = lines.join(&b'\n');
        }
        Mutation::Line(at, which) => {
            let line = LINES[which.index(LINES.len())].as_bytes().to_vec();
            lines.insert(at.index(lines.len()), line);
            out = lines.join(&b'\n');
        }
        Mutation::Value(at, which) if !valued.is_empty() => {
            let line = &mut lines[valued[at.index(valued.len())]];
            line.truncate(equals(line) + 1);
            line.extend_from_slice(VALUES[which.index(VALUES.len())].as_bytes());
            out = lines.join(&b'\n');
        }
        Mutation::Borrow(at, from) if !valued.is_empty() => {
            let (at, from) = (valued[at.index(valued.len())], valued[from.index(valued.len())]);
            let value = lines[from][equals(&lines[from])..].to_vec();
            let keep = equals(&lines[at]);
            lines[at].truncate(keep);
            lines[at].extend(value);
            out = lines.join(&b'\n');
        }
        Mutation::Number(at, which) => {
            let starts: Vec<usize> = (0..bytes.len())
                .filter(|i| bytes[*i].is_ascii_digit() && (*i == 0 || !bytes[*i - 1].is_ascii_digit()))
                .collect();
            if let Some(&from) = starts.get(at.index(starts.len().max(1))) {
                let to = (from..bytes.len()).find(|i| !bytes[*i].is_ascii_digit()).unwrap_or(bytes.len());
                out.splice(from..to, NUMBERS[which.index(NUMBERS.len())].bytes());
            }
        }
        Mutation::Value(..) | Mutation::Borrow(..) => {}
    }
    out
}

fn cases(default: u32) -> u32 {
    std::env::var("NETSPLIT_FUZZ").ok().and_then(|n| n.parse().ok()).unwrap_or(default)
}

fn runner(default: u32) -> TestRunner {
    // The same cases in every run of the default number; more, and others, on request.
    let seeded = std::env::var_os("NETSPLIT_FUZZ").is_none();
    let config =
        Config { cases: cases(default), failure_persistence: None, max_shrink_iters: 400, ..Config::default() };
    if seeded {
        TestRunner::new_with_rng(
            config,
            proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
        )
    } else {
        TestRunner::new(config)
    }
}

fn files(folder: &str) -> Vec<(String, Vec<u8>)> {
    let mut found: Vec<PathBuf> = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("the folder is there").flatten() {
            if entry.path().is_dir() {
                folders.push(entry.path());
            } else if entry.path().extension().is_some_and(|e| e == "toml") {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    assert!(!found.is_empty());
    found.into_iter().map(|p| (p.display().to_string(), std::fs::read(&p).expect("it was listed"))).collect()
}

/// What is being tried, for the watchdog.
static TRYING: Mutex<(u64, String)> = Mutex::new((0, String::new()));

fn trying(what: &[u8]) {
    if let Ok(mut now) = TRYING.lock() {
        now.0 += 1;
        now.1 = String::from_utf8_lossy(what).into_owned();
    }
}

/// Ends the process if one case takes longer than two minutes, and shows the case.
fn watch() {
    std::thread::spawn(|| {
        let mut last = 0;
        loop {
            std::thread::sleep(std::time::Duration::from_secs(120));
            let Ok(now) = TRYING.lock() else { return };
            if now.0 == last {
                let mut text = String::new();
                let _ = writeln!(text, "this scenario hangs:\n{}", now.1);
                let _ = std::fs::write(std::env::temp_dir().join("netsplit-hangs.toml"), &now.1);
                std::io::Write::write_all(&mut std::io::stderr(), text.as_bytes()).expect("stderr is open");
                std::process::abort();
            }
            last = now.0;
        }
    });
}

/// Most memory that this process has held, MiB, where the system tells.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"));
    line.and_then(|l| l.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0) / 1024
}

fn no_file(_: &str) -> Result<String, String> {
    Err("there is none".into())
}

/// Loads, and holds every diagnostic to its place.
fn load(sources: &Sources, variant: Option<&str>) -> Result<Option<scenario::Plan>, TestCaseError> {
    let loaded = std::panic::catch_unwind(|| scenario::load(sources, variant, None, &no_file));
    let (plan, diagnostics) = loaded.map_err(|panic| fail(sources, "the loader panics", &panic))?;
    for diagnostic in diagnostics.sorted() {
        let Some(place) = &diagnostic.place else { continue };
        let source = sources.source(place);
        let end = source.start + source.text.len();
        // The first byte of a file that isn't UTF-8 lies where the text is not the file any more.
        let inside = place.start <= place.end && source.start <= place.start && place.end <= end.max(place.start);
        prop_assert!(inside && place.start <= end + 1, "{diagnostic:?} is not in\n{}", sources.file().text);
        prop_assert!(!diagnostic.message.is_empty() && diagnostic.message.len() < 2000, "{diagnostic:?}");
    }
    prop_assert!(plan.is_some() != diagnostics.has_errors(), "a plan or an error\n{}", sources.file().text);
    let lines = diagnostics.lines(sources);
    prop_assert!(lines.lines().count() == diagnostics.sorted().len());
    let screen = netsplit::spec::Screen { width: 100, ..netsplit::spec::Screen::PLAIN };
    prop_assert!(diagnostics.is_empty() || !diagnostics.render(sources, screen).is_empty());
    Ok(plan)
}

fn fail(sources: &Sources, what: &str, panic: &Box<dyn std::any::Any + Send>) -> TestCaseError {
    let said = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
    let sets: Vec<&str> = sources.sets().map(|s| s.text.as_ref()).collect();
    TestCaseError::fail(format!("{what}: {said:?}\n{sets:?}\n{}", sources.file().text))
}

/// Plays, judges and reports a plan.
fn play(sources: &Sources, plan: scenario::Plan) -> Result<bool, TestCaseError> {
    let played = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let runs = play_all(vec![plan], &|_, _, events| events < 1_000_000);
        let Ok(runs) = runs else { return None };
        let ink = text::Ink { colour: true, unicode: true, verbose: true, width: 80 };
        let said = text::render(&runs, ink, None, "netsplit run it");
        let written = data::summary_json(&runs).to_string() + &data::series_csv(&runs) + &data::latency_csv(&runs);
        let tree = toml::to_string(&runs[0].outcome.plan.tree).expect("what was read can be written");
        assert!(!said.is_empty() && !written.is_empty() && !tree.is_empty());
        Some(runs[0].outcome.broken.clone())
    }));
    let broken = played.map_err(|panic| fail(sources, "the run panics", &panic))?;
    let Some(broken) = broken else { return Ok(false) };
    prop_assert!(broken.is_empty(), "{broken:?}\n{}", sources.file().text);
    Ok(true)
}

/// Panics are reported with their scenario; the usual words on stderr would only be in the way.
fn quietly<T>(work: impl FnOnce() -> T) -> T {
    if std::env::var_os("NETSPLIT_FUZZ_LOUD").is_none() {
        std::panic::set_hook(Box::new(|_| {}));
    }
    watch();
    let done = work();
    let _ = std::panic::take_hook();
    done
}

#[test]
fn mutated_scenarios_load_or_say_why_not() {
    let files: Vec<_> = ["scenarios", "tests/small", "tests/broken"].into_iter().flat_map(files).collect();
    let strategy = (any::<Index>(), prop::collection::vec(mutation(), 1..12));
    let result = quietly(|| {
        runner(400).run(&strategy, |(file, mutations)| {
            let (name, bytes) = &files[file.index(files.len())];
            let bytes = mutate(bytes, &mutations);
            trying(&bytes);
            let sources = Sources::from_bytes(name.as_str(), &bytes);
            let plan = load(&sources, None)?;
            for (variant, _) in plan.iter().flat_map(|p| p.variants.iter().skip(1)) {
                load(&sources, Some(variant))?;
            }
            Ok(())
        })
    });
    result.unwrap_or_else(|error| panic!("{error}"));
    assert!(peak_memory() < 2048, "{} MiB were needed", peak_memory());
}

#[test]
fn what_loads_also_plays_with_its_books_balanced() {
    let files = files("tests/small");
    let strategy = (any::<Index>(), prop::collection::vec(mutation(), 1..10));
    let played = Mutex::new(0_u32);
    let result = quietly(|| {
        runner(60).run(&strategy, |(file, mutations)| {
            let (name, bytes) = &files[file.index(files.len())];
            // Only mutations after which it still loads: several of them, far away from what anybody would write.
            let mut bytes = bytes.clone();
            let mut found = None;
            for mutation in &mutations {
                let next = apply(&bytes, mutation);
                trying(&next);
                let sources = Sources::from_bytes(name.as_str(), &next)
                    .with_set("--set", "max_events=100K")
                    .with_set("--set", "sweep={}");
                if let Some(plan) = load(&sources, None)?
                    && plan.components.iter().map(|c| c.hosts.len()).sum::<usize>() <= 1000
                {
                    bytes = next;
                    found = Some((sources, plan));
                }
            }
            if let Some((sources, plan)) = found {
                trying(&bytes);
                *played.lock().expect("nobody panics with it") += u32::from(play(&sources, plan)?);
            }
            Ok(())
        })
    });
    result.unwrap_or_else(|error| panic!("{error}"));
    let played = *played.lock().expect("nobody panics with it");
    assert!(played >= cases(60) / 2, "only {played} of {} were good enough to play", cases(60));
    assert!(peak_memory() < 4096, "{} MiB were needed", peak_memory());
}

#[test]
fn settings_of_any_kind_load_or_say_why_not() {
    let files = files("tests/small");
    let paths = [
        "duration",
        "service.web.workers",
        "service.web",
        "service",
        "clients.users.rate",
        "edge.web.price.retry",
        "edge.web.db.retry.attempts",
        "fault.cut.for",
        "fault.down.crash",
        "flow.checkout.steps",
        "teach",
        "variant",
        "region.east.zones",
        "link.east.west.rtt",
        "expect.answers.that",
        "store.kv.replicas",
        "clients.people.mix",
        "",
        ".",
        "a.b.c.d",
        "service.\"we b\".workers",
        "service.'web",
        "network.access",
        "clock",
        "keys.items.count",
    ];
    let value = prop_oneof![
        any::<Index>().prop_map(|i| VALUES[i.index(VALUES.len())].to_owned()),
        "[ -~é\"'={}\\[\\].]{0,24}",
        ".{0,12}",
    ];
    let path =
        prop_oneof![any::<Index>().prop_map(move |i| paths[i.index(paths.len())].to_owned()), "[a-z.\"' ]{0,20}"];
    let strategy = (any::<Index>(), path, value, prop_oneof![Just("="), Just(" = "), Just(""), Just("==")]);
    let result = quietly(|| {
        runner(400).run(&strategy, |(file, path, value, equals)| {
            let (name, bytes) = &files[file.index(files.len())];
            let set = format!("{path}{equals}{value}");
            trying(set.as_bytes());
            load(&Sources::from_bytes(name.as_str(), bytes).with_set("--set", set), None)?;
            Ok(())
        })
    });
    result.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn expectations_of_any_kind_are_read_or_refused_at_a_place() {
    const WORDS: &[&str] = &[
        "p99",
        "p0",
        "p100.1",
        "mean",
        "count",
        "rate",
        "sum",
        "exp",
        "web",
        "web/2",
        "db/*",
        "all",
        "steady",
        "before",
        "after",
        "cut",
        "latency",
        "utilization",
        "availability",
        "linearizable",
        "cap",
        "in",
        "se",
        "nan",
        "(",
        ")",
        "(",
        ")",
        ",",
        "~",
        "±",
        "+-",
        "<",
        "<=",
        "==",
        "..",
        "-",
        "+",
        "*",
        "/",
        "^",
        "@",
        "->",
        "<->",
        "50ms",
        "5%",
        "1e9",
        "1_000",
        "0",
        "-1",
        "3 se",
        "\"",
        "'",
        "é",
        "service.web.workers",
        "region:east",
        "zone:a",
        " ",
        " ",
        " ",
        "\n",
        "\t",
        "\0",
    ];
    let words = prop::collection::vec(any::<Index>().prop_map(|i| WORDS[i.index(WORDS.len())]), 0..24);
    let text = prop_oneof![words.prop_map(|w| w.concat()), ".{0,40}", "[a-z0-9()<>=~± ./%*+-]{0,60}"];
    let result = quietly(|| {
        runner(2000).run(&text, |text| {
            trying(text.as_bytes());
            let inside = |error: &netsplit::spec::TextError| {
                error.at.start <= error.at.end && error.at.end <= text.len() + 1 && !error.message.is_empty()
            };
            match expect::parse_that(&text) {
                Ok(that) => {
                    for error in expect::check(&that, &expect::AnyName) {
                        prop_assert!(inside(&error), "{error:?} in {text:?}");
                    }
                }
                Err(error) => prop_assert!(inside(&error), "{error:?} in {text:?}"),
            }
            for error in
                [expect::parse_expr(&text).err(), expect::parse_phase(&text).err(), expect::parse_within(&text).err()]
            {
                prop_assert!(error.is_none_or(|e| inside(&e)), "{text:?}");
            }
            Ok(())
        })
    });
    result.unwrap_or_else(|error| panic!("{error}"));
}
