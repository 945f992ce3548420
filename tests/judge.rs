//! Histories recorded elsewhere get the verdicts that are known for them.

use std::path::{Path, PathBuf};

use netsplit::check::{Check, Linearizable, Steps, Verdict};
use netsplit::history::io::{Options, read};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/histories").join(name)
}

fn table(folder: &Path) -> Vec<(String, String)> {
    let text = std::fs::read_to_string(folder.join("verdicts.csv")).expect("the table is there");
    text.lines()
        .skip(1)
        .map(|line| {
            let fields: Vec<&str> = line.split(',').collect();
            (fields[0].to_owned(), fields[fields.len() - 1].to_owned())
        })
        .collect()
}

#[test]
fn porcupines_histories_get_their_known_verdicts() {
    let folder = folder("porcupine");
    let rows = table(&folder);
    assert_eq!(rows.len(), 54);
    let mut wrong = Vec::new();
    for (file, expected) in rows {
        let bytes = std::fs::read(folder.join(&file)).expect("the history is there");
        let history = read(&bytes, &Options::default()).expect("it can be read").history;
        let verdict = Linearizable::default().check(&history, Steps::DEFAULT);
        let found = match &verdict {
            Verdict::Holds => "linearizable",
            Verdict::Violated(_) => "NOT linearizable",
            other => other.name(),
        };
        if found != expected {
            wrong.push(format!("{file}: {found}, expected {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
