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

fn judge(arguments: &[&str]) -> (i32, String) {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_netsplit"))
        .arg("judge")
        .args(arguments)
        .output()
        .expect("the binary was built");
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.code().expect("it was not killed"), text)
}

fn written(name: &str, text: &str) -> String {
    let path = std::env::temp_dir().join(format!("netsplit-judge-{}-{name}", std::process::id()));
    std::fs::write(&path, text).expect("a file of our own");
    path.display().to_string()
}

#[test]
fn exit_codes_say_what_the_verdict_is() {
    let porcupine = folder("porcupine");
    let file = |name: &str| porcupine.join(name).display().to_string();
    assert_eq!(judge(&["--model", "register", &file("jepsen/etcd_002.log")]).0, 0);
    assert_eq!(judge(&["--model", "register", &file("jepsen/etcd_000.log")]).0, 1);
    assert_eq!(judge(&["--model", "kv", &file("kv/c10-ok.txt")]).0, 0);
    assert_eq!(judge(&["--model", "kv", &file("kv/c10-bad.txt")]).0, 1);
    let empty = written("empty.edn", "[]");
    assert_eq!(judge(&[&empty]).0, 3, "nothing was read: vacuous");
    assert_eq!(judge(&["no-such-file"]).0, 2);
}

#[test]
fn a_broken_file_is_reported_by_its_line() {
    let whole = "{:process 0, :type :invoke, :f :write, :value 1}\n{:process 0, :type :ok, :f :write, :value 1}\n";
    let cut = written("cut.edn", &format!("{whole}{{:process 0, :type :inv"));
    let (code, text) = judge(&[&cut]);
    assert_eq!(code, 2);
    assert!(text.contains(":3: ") && text.contains("the file ends"), "{text}");
    let strange = written("strange.edn", &format!("{whole}{{:process 0, :type :ok, :f :write, :value 1}}\n"));
    let (code, text) = judge(&[&strange]);
    assert_eq!(code, 2);
    assert!(text.contains(":3: process 0 completes an operation that it never invoked"), "{text}");
}

#[test]
fn a_counterexample_is_drawn_and_can_be_judged_again() {
    let bad = folder("porcupine").join("kv/c01-bad.txt").display().to_string();
    let (picture, witness) = (written("w.svg", ""), written("w.jsonl", ""));
    assert_eq!(judge(&[&bad, "--picture", &picture, "--witness", &witness]).0, 1);
    let svg = std::fs::read_to_string(&picture).expect("it was written");
    assert!(svg.contains("fits nowhere"), "{svg}");
    assert_eq!(judge(&[&witness]).0, 1);
}
