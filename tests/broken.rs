//! What the command line says to broken scenarios: each file of `tests/broken` has one mistake, its name says which, and
//! the text beside it is what a user reads. A first line `# netsplit …` is the command; without one it is `check FILE`.
//!
//! After a change of messages: `NETSPLIT_BLESS=1 cargo test --test broken`, and read the difference.

use std::path::{Path, PathBuf};
use std::process::Command;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/broken")
}

fn files() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder()).expect("the folder is there").flatten();
    let mut found: Vec<PathBuf> =
        entries.map(|e| e.path()).filter(|p| p.extension().is_some_and(|e| e == "toml")).collect();
    found.sort();
    found
}

/// The words of a command line, with `'…'` around those that hold blanks.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for c in line.trim().chars() {
        match c {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            c => words.last_mut().expect("there is always one").push(c),
        }
    }
    words
}

fn command(file: &Path) -> Vec<String> {
    let bytes = std::fs::read(file).expect("it was listed");
    let first = bytes.split(|b| *b == b'\n').next().unwrap_or_default();
    let first = String::from_utf8_lossy(first);
    let line = first.strip_prefix("# netsplit ").unwrap_or("check FILE");
    let name = file.file_name().expect("it has one").to_string_lossy();
    words(line).into_iter().map(|word| if word == "FILE" { name.to_string() } else { word }).collect()
}

/// Everything the command says, and its exit code.
fn says(arguments: &[String]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_netsplit"))
        .args(arguments)
        .current_dir(folder())
        .env_remove("TERM")
        .output()
        .expect("the binary was built");
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("it speaks UTF-8");
    let code = output.status.code().map_or("killed by a signal".to_owned(), |c| format!("exit {c}"));
    format!("{}{}{code}\n", text(&output.stderr), text(&output.stdout))
}

#[test]
fn every_mistake_is_told_as_its_golden_message_tells_it() {
    let bless = std::env::var_os("NETSPLIT_BLESS").is_some();
    let files = files();
    assert!(files.len() >= 200, "only {} broken scenarios were found", files.len());
    let mut wrong = Vec::new();
    for file in &files {
        let said = says(&command(file));
        let golden = file.with_extension("txt");
        if bless {
            std::fs::write(&golden, &said).expect("the folder is writable");
            continue;
        }
        let expected = std::fs::read_to_string(&golden).unwrap_or_default();
        if said != expected {
            wrong.push(format!("{}\nexpected\n{expected}\nsaid\n{said}", file.display()));
        }
    }
    let text = wrong.join("\n");
    assert!(wrong.is_empty(), "{text}\n{} messages changed; NETSPLIT_BLESS=1 accepts them", wrong.len());
}
