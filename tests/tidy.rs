//! The house rules that a machine can check: which module may use which, sizes, names, unfinished work.

use std::path::{Path, PathBuf};

/// Who may `use crate::` whom. `engine` is open to all; a module may always use itself.
const ALLOWED: &[(&str, &[&str])] = &[
    ("engine", &[]),
    ("spec", &[]),
    ("history", &[]),
    ("metric", &[]),
    ("physics", &[]),
    ("rpc", &[]),
    ("world", &["physics", "rpc", "history", "metric"]),
    ("state_machine", &["world", "rpc", "history"]),
    ("protocol", &["world", "rpc", "history", "state_machine"]),
    ("flow", &["world", "rpc", "history"]),
    ("component", &["flow", "state_machine", "world", "rpc", "history"]),
    ("workload", &["flow", "world", "rpc", "history"]),
    ("fault", &["world", "physics", "rpc"]),
    ("check", &["history"]),
    ("expect", &["check", "metric", "spec"]),
    ("catalog", &["component", "workload", "world", "rpc", "history", "fault", "check", "protocol", "state_machine"]),
    (
        "scenario",
        &[
            "catalog",
            "expect",
            "component",
            "protocol",
            "workload",
            "fault",
            "flow",
            "world",
            "physics",
            "rpc",
            "metric",
            "spec",
        ],
    ),
    (
        "run",
        &[
            "scenario",
            "catalog",
            "expect",
            "check",
            "component",
            "protocol",
            "workload",
            "world",
            "rpc",
            "metric",
            "history",
            "physics",
        ],
    ),
    ("report", &["run", "scenario", "expect", "check", "world", "rpc", "metric", "history"]),
    (
        "validate",
        &["run", "scenario", "spec", "protocol", "state_machine", "world", "physics", "rpc", "metric", "history"],
    ),
    ("cli", &["validate", "report", "run", "scenario", "expect", "check", "spec", "catalog", "history"]),
];

fn sources() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("src is there").flatten() {
            if entry.path().is_dir() {
                folders.push(entry.path());
            } else {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    assert!(found.len() > 50, "the sources were not found");
    found
}

fn module(path: &Path) -> String {
    let inside = path.strip_prefix(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).expect("below src");
    let first = inside.components().next().expect("it has a name").as_os_str().to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_owned()
}

#[test]
fn dependencies_point_down() {
    let mut wrong = Vec::new();
    for path in sources() {
        let from = module(&path);
        let Some((_, allowed)) = ALLOWED.iter().find(|(m, _)| *m == from) else { continue };
        let text = std::fs::read_to_string(&path).expect("sources are text");
        // Tests may look wherever they need to.
        let text = text.split("#[cfg(test)]\nmod tests {").next().expect("there is a first part");
        for (number, line) in text.lines().enumerate() {
            if path.ends_with("tests.rs") {
                break;
            }
            for part in line.split("crate::").skip(1) {
                let to: String = part.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                let known = ALLOWED.iter().any(|(m, _)| *m == to);
                if known && to != from && to != "engine" && !allowed.contains(&to.as_str()) {
                    wrong.push(format!("{}:{}: {from} uses {to}", path.display(), number + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_file_says_what_it_is_and_fits_a_reader() {
    for path in sources().into_iter().filter(|p| p.extension().is_some_and(|e| e == "rs")) {
        let text = std::fs::read_to_string(&path).expect("sources are text");
        let is_test = path.ends_with("tests.rs");
        assert!(is_test || text.starts_with("//!"), "{} does not begin with what it is", path.display());
        let lines = text.lines().count();
        assert!(lines <= 800, "{} has {lines} lines: which noun hides in it?", path.display());
        let name = path.file_stem().expect("it has a name").to_string_lossy().into_owned();
        assert!(!["utils", "util", "helpers", "common", "misc", "imp"].contains(&name.as_str()), "{}", path.display());
    }
}

#[test]
fn faults_can_wait_for_every_point_that_a_protocol_passes() {
    use netsplit::protocol::{chain, gossip, heartbeat, multi_paxos, primary_backup, raft, swim};
    let points = [
        ("chain", chain::POINTS),
        ("gossip", gossip::POINTS),
        ("heartbeat", heartbeat::POINTS),
        ("multi_paxos", multi_paxos::POINTS),
        ("primary_backup", primary_backup::POINTS),
        ("raft", raft::POINTS),
        ("swim", swim::POINTS),
    ];
    let mut passed: Vec<(String, String)> = Vec::new();
    for path in sources().into_iter().filter(|path| module(path) == "protocol") {
        let inside: Vec<String> = path.iter().map(|part| part.to_string_lossy().into_owned()).collect();
        let at = inside.iter().position(|part| part == "protocol").expect("it is inside");
        let protocol = inside[at + 1].trim_end_matches(".rs").to_owned();
        let text = std::fs::read_to_string(&path).expect("sources are text");
        for call in text.split(".note(").skip(1) {
            let call = call.split(");").next().expect("there is a first part");
            // Names stand between quotes; a number beside them has none.
            passed.extend(call.split('"').skip(1).step_by(2).map(|name| (protocol.clone(), name.to_owned())));
        }
    }
    for (protocol, names) in points {
        let mut said: Vec<&str> =
            passed.iter().filter(|(of, _)| of == protocol).map(|(_, name)| name.as_str()).collect();
        said.sort_unstable();
        said.dedup();
        let mut listed = names.to_vec();
        listed.sort_unstable();
        assert_eq!(said, listed, "{protocol}");
    }
    assert!(passed.iter().all(|(of, _)| points.iter().any(|(protocol, _)| of == protocol)), "{passed:?}");
}
