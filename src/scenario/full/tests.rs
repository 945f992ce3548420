//! A scenario in full is the same scenario, and every default that it writes is the loader's.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::*;
use crate::scenario::load;
use crate::spec::Sources;

/// Every feature switched on, and no key below it written.
const BARE: &str = include_str!("bare.toml");

fn shipped() -> Vec<(String, String)> {
    let mut found: Vec<PathBuf> = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("scenarios are there").flatten() {
            match entry.path() {
                path if path.is_dir() => folders.push(path),
                path if path.extension().is_some_and(|e| e == "toml") => found.push(path),
                _ => {}
            }
        }
    }
    found.sort();
    assert!(found.len() > 30, "only {} scenarios were found", found.len());
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).expect("scenarios are text");
        (path.display().to_string(), text)
    };
    found.into_iter().map(read).chain([("bare.toml".to_owned(), BARE.to_owned())]).collect()
}

fn plan(name: &str, text: &str, variant: Option<&str>) -> Plan {
    let sources = Sources::new(name, text);
    let (plan, diagnostics) = load(&sources, variant, None, &|_| Err("no file".into()));
    plan.unwrap_or_else(|| panic!("{name}, {variant:?}:\n{}\n{text}", diagnostics.lines(&sources)))
}

/// Every design of a scenario, the base first.
fn plans(name: &str, text: &str) -> Vec<Plan> {
    let base = plan(name, text, None);
    let variants = base.variants[1..].iter().map(|(variant, _)| plan(name, text, Some(variant))).collect::<Vec<_>>();
    [base].into_iter().chain(variants).collect()
}

/// Everything that a run depends on: not where something stands in a file, nor which of it was written.
fn shown(plan: &Plan) -> String {
    let mut plan = plan.clone();
    plan.tree = Table::new();
    plan.expects.iter_mut().for_each(|expect| expect.line = 0);
    format!("{plan:?}")
}

/// Fails, with what is around the first difference, if two plans would not play the same run.
fn assert_same(one: &Plan, other: &Plan, what: &str) {
    let (one, other) = (shown(one), shown(other));
    if one == other {
        return;
    }
    let at = one.bytes().zip(other.bytes()).take_while(|(a, b)| a == b).count();
    let around = |text: &str| text.chars().skip(at.saturating_sub(200)).take(400).collect::<String>();
    panic!("{what}:\n{}\n\nis now\n\n{}", around(&one), around(&other));
}

#[test]
fn a_scenario_in_full_plays_the_same_run() {
    for (name, file) in shipped() {
        for design in plans(&name, &file) {
            let full = text(&design);
            let variant = (design.variant != design.base).then_some(design.variant.as_str());
            let again = plan(&name, &full, variant);
            assert_same(&design, &again, &format!("{name}, {}", design.variant));
            if variant.is_none() {
                assert_eq!(defaults(&text(&again)), BTreeSet::new(), "{name}: what is written is no default any more");
            }
        }
    }
}

/// What a variant sets, it sets as well where every default is written. Not where objects are `like` others: they are no
/// longer, so what is set of the one is not set of the other.
#[test]
fn variants_of_a_scenario_in_full_play_the_same_runs() {
    let mut wrong = Vec::new();
    for (name, file) in shipped().into_iter().filter(|(_, file)| !file.contains("\nlike")) {
        let designs = plans(&name, &file);
        let full = text(&designs[0]);
        for design in &designs[1..] {
            let sources = Sources::new(name.as_str(), full.as_str());
            let (plan, diagnostics) = load(&sources, Some(&design.variant), None, &|_| Err("no file".into()));
            match plan {
                Some(plan) if shown(&plan) != shown(design) => {
                    wrong.push(format!("{name} {}: differs", design.variant))
                }
                Some(_) => {}
                None => wrong.push(format!("{name} {}: {}", design.variant, diagnostics.lines(&sources))),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// `service.retry.attempts` of every default that is declared as a value.
fn declared(value: Value, at: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Table(keys) => {
            for key in keys {
                let at = path(at, key.name);
                if matches!(key.absent, Absent::Value(..)) {
                    found.insert(at.clone());
                }
                declared(key.value, &at, found);
            }
        }
        Value::Names(inner) | Value::OrNone(inner) | Value::List(inner) => declared(*inner, at, found),
        Value::Either(all) => all.iter().for_each(|one| declared(*one, at, found)),
        _ => {}
    }
}

/// The same of every one that a scenario in full writes.
fn defaults(full: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let (mut kind, mut list) = ("", "");
    for line in full.lines() {
        if let Some(header) = line.strip_prefix('[') {
            kind = header.split(['.', ']']).next().unwrap_or("");
        } else if let Some(key) = line.strip_suffix(" = [") {
            list = key;
        } else if let (true, Some((_, said))) = (line.starts_with("    {"), line.split_once("}, ")) {
            let names = said.split(['#', ';']).filter_map(|part| part.trim().strip_suffix(": default"));
            found.extend(names.map(|name| format!("{kind}.{list}.{name}")));
        } else if !line.starts_with('#') && line.contains(" # default") {
            let key = line.split(" = ").next().unwrap_or("");
            found.insert(if kind.is_empty() { key.to_owned() } else { format!("{kind}.{key}") });
        }
    }
    found
}

#[test]
fn every_default_that_is_declared_is_held_against_the_loader() {
    let mut wanted = BTreeSet::new();
    declared(language::FILE, "", &mut wanted);
    let texts = shipped().into_iter().map(|(name, file)| text(&plan(&name, &file, None)));
    let held: BTreeSet<String> = texts.flat_map(|text| defaults(&text)).collect();
    let missing: Vec<&String> = wanted.difference(&held).collect();
    assert!(missing.is_empty(), "no scenario leaves these out where they could be written: {missing:?}");
    assert!(held.len() > 150, "only {} defaults were written", held.len());
}

/// Defaults that are said in words, where they may be written: what is set before, and the default.
const IN_WORDS: &[(&[&str], &str)] = &[
    (&[], "load_balancer.front.policy=round_robin"),
    (&[], "edge.web.kept.balance=round_robin"),
    (&[], "clients.users.balance=round_robin"),
    (&[], "clients.users.contact=any"),
    (&[], "clients.users.region=here"),
    (&[], "service.scaled.autoscale.max=10"),
    (&["service.scaled.replicas=12"], "service.scaled.autoscale.max=12"),
    (&[], "membership.members.gossip=none"),
    (&["membership.members.detector=none"], "membership.members.gossip=push(3, every=200ms)"),
    (&["cache.near.ttl=60s"], "cache.near.ttl_jitter=0%"),
    (&[], "store.by-majority.replication.abd.w=2"),
    (&[], "store.by-majority.replication.abd.r=2"),
    (&["store.by-majority.replicas=5"], "store.by-majority.replication.abd.w=3"),
    (&[], "store.by-ballot.replication.multi_paxos={ phase1_quorum = 2, phase2_quorum = 2 }"),
    (&[ONE_TO_CHOOSE], "store.by-ballot.replication.multi_paxos.phase1_quorum=3"),
    (&[POWERED_OFF], "store.by-primary.replication.primary_backup.failover.power_off=2s"),
    (&[POWERED_OFF], "store.by-primary.replication.primary_backup.failover.boot=30s"),
    (&[], "store.by-quorum.replication.quorum.w=2"),
    (&[], "store.by-quorum.replication.quorum.r=2"),
    (&[], "store.by-quorum.replication.quorum.versions=wall_clock"),
    (&[], "store.by-quorum.timestamps=wall_clock"),
    (&[], "store.by-quorum.commit_wait=false"),
    (&[], "flow.eat.group=eat"),
    (&[], "link.here.there.loss=0%"),
    (&[], "service.web.clock.drift=0ppm"),
];
const ONE_TO_CHOOSE: &str = "store.by-ballot.replication.multi_paxos.phase2_quorum=1";
const POWERED_OFF: &str = "store.by-primary.replication.primary_backup.failover.fencing=stonith";

#[test]
fn what_is_said_in_words_is_what_the_loader_takes() {
    for (before, default) in IN_WORDS {
        let with = |sets: &[&str]| {
            let bare = Sources::new("bare.toml", BARE);
            let sources = sets.iter().fold(bare, |sources, set| sources.with_set("--set", *set));
            let (plan, diagnostics) = load(&sources, None, None, &|_| Err("no file".into()));
            plan.unwrap_or_else(|| panic!("{sets:?}: {}", diagnostics.lines(&sources)))
        };
        assert_same(&with(before), &with(&[before, &[*default][..]].concat()), default);
    }
}

/// What need not be written and has no default: one of several ways to say it, a part of an action, or words for people.
const NOTHING_TO_SAY: &[&str] = &[
    "at", "bind", "bisect", "by", "cases", "choices", "count", "delay", "draw", "each", "else", "every", "expect",
    "factor", "fallback", "grid", "hints", "if", "instance", "label", "like", "look_for", "max", "minutes", "on",
    "predict", "preset", "random", "range", "rate", "reading", "say", "set", "share", "show", "slots", "source",
    "then", "to", "until", "when", "why", "within",
];

#[test]
fn every_key_that_may_be_left_out_says_what_is_there_then() {
    fn walk(value: Value, at: &str) {
        match value {
            Value::Table(keys) => {
                for key in keys {
                    let silent = matches!(key.absent, Absent::Nothing) && key.need == Need::Optional;
                    let object = at.is_empty() && key.value.table().is_some();
                    let fine = !silent || object || NOTHING_TO_SAY.contains(&key.name);
                    assert!(fine, "{at}.{}: what is there if it isn't written?", key.name);
                    walk(key.value, &path(at, key.name));
                }
            }
            Value::Names(inner) | Value::OrNone(inner) | Value::List(inner) => walk(*inner, at),
            Value::Either(all) => all.iter().for_each(|one| walk(*one, at)),
            _ => {}
        }
    }
    walk(language::FILE, "");
}

#[test]
fn a_path_that_is_not_written_has_its_default_if_its_object_is_there() {
    let written = |path: &str| ["service", "service.api", "clients", "clients.web", "network"].contains(&path);
    let at = |path: &str| default_at(path, written).map(|value| value.to_string());
    for (path, value) in [
        ("service.api.workers", Some("1")),
        ("service.api.service_time", Some("\"0s\"")),
        // No such service, no such key, a feature that is off, a table.
        ("service.web.workers", None),
        ("service.api.worker", None),
        ("service.api.autoscale.target", None),
        ("service.api", None),
        ("service.api.workers.more", None),
        ("", None),
    ] {
        assert_eq!(at(path).as_deref(), value, "{path}");
    }
}
