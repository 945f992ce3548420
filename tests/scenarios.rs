//! Every scenario that ships is what it says: it reads without a complaint, and its short ones meet what they expect.

use std::path::{Path, PathBuf};

use netsplit::run::{Run, play_all};
use netsplit::scenario;
use netsplit::spec::Sources;

fn scenarios() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("scenarios are there").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "toml") {
                found.push(path);
            }
        }
    }
    found.sort();
    assert!(found.len() >= 2);
    found
}

fn plans(path: &Path) -> Vec<scenario::Plan> {
    let text = std::fs::read_to_string(path).expect("scenarios are text");
    let sources = Sources::new(path.display().to_string(), text);
    let load = |_: &str| Err("scenarios that ship read no other file".to_owned());
    let (first, diagnostics) = scenario::load(&sources, None, None, &load);
    assert!(diagnostics.is_empty(), "{}", diagnostics.lines(&sources));
    let first = first.expect("without errors there is a plan");
    let names: Vec<String> = first.variants.iter().skip(1).map(|v| v.0.clone()).collect();
    let mut all = vec![first];
    for name in names {
        let (plan, diagnostics) = scenario::load(&sources, Some(&name), None, &load);
        assert!(diagnostics.is_empty(), "{name}: {}", diagnostics.lines(&sources));
        all.extend(plan);
    }
    all
}

#[test]
fn every_scenario_reads_without_a_complaint_and_expects_something() {
    for path in scenarios() {
        let plans = plans(&path);
        assert!(!plans[0].expects.is_empty(), "{} expects nothing", path.display());
        let text = std::fs::read_to_string(&path).expect("scenarios are text");
        assert!(text.contains("# Proves"), "{} does not say what it proves", path.display());
    }
}

/// Plays what is short enough for a test in the dev profile; the whole list is played by `netsplit run` in release.
#[test]
fn short_scenarios_meet_what_they_expect() {
    let mut played = 0;
    for path in scenarios() {
        let plans = plans(&path);
        let work: f64 = plans.iter().map(|p| p.events.0).sum();
        if work > 12e6 {
            continue;
        }
        played += 1;
        let runs = play_all(plans, &|_, _, _| true).expect("nobody interrupts");
        for run in &runs {
            assert_eq!(run.outcome.broken, Vec::<String>::new(), "{}", path.display());
            check(&path, run);
        }
    }
    assert!(played >= 1, "no scenario was short enough");
}

fn check(path: &Path, run: &Run) {
    for judged in &run.judged {
        assert!(
            judged.finding.outcome.passes(),
            "{} {}: {}: {}",
            path.display(),
            run.outcome.plan.variant,
            judged.name,
            judged.finding.sentence
        );
    }
}

/// The list in the README is made from the files.
#[test]
fn the_readme_lists_every_scenario_with_its_question() {
    let mut list = String::from("\n| scenario | asks |\n|---|---|\n");
    for path in scenarios() {
        let plans = plans(&path);
        let inside = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).expect("below the crate").display().to_string();
        list += &format!("| [`{}`]({inside}) | {} |\n", inside.trim_start_matches("scenarios/"), plans[0].question);
    }
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let text = std::fs::read_to_string(&readme).expect("there is a README");
    let begin = "writes it anew -->\n";
    let start = text.find(begin).expect("the list begins") + begin.len();
    let end = text.find("<!-- /scenarios -->").expect("the list ends");
    let list = format!("{}\n", list);
    if std::env::var_os("NETSPLIT_BLESS").is_some() {
        let fresh = format!("{}{list}{}", &text[..start], &text[end..]);
        std::fs::write(&readme, fresh).expect("the README is writable");
    } else {
        assert_eq!(&text[start..end], list, "write it anew: NETSPLIT_BLESS=1 cargo test --test scenarios");
    }
}
