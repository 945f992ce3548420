//! The JSON schema of scenarios: what ships fits it, and what is misspelt doesn't.

use std::path::{Path, PathBuf};

use jsonschema::Validator;
use netsplit::scenario;
use netsplit::spec::Sources;

fn files(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
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
    found
}

fn validator() -> Validator {
    jsonschema::validator_for(&scenario::schema::schema()).expect("it is a schema")
}

/// Why a file doesn't fit; `None` if it isn't TOML.
fn errors(schema: &Validator, file: &Path) -> Option<Option<String>> {
    let text = std::fs::read_to_string(file).ok()?;
    let table: toml::Table = toml::from_str(&text).ok()?;
    let json = serde_json::to_value(table).ok()?;
    Some(schema.iter_errors(&json).next().map(|error| format!("{}: {error}", error.instance_path())))
}

#[test]
fn every_scenario_that_ships_fits_the_schema() {
    let schema = validator();
    for file in files("scenarios").into_iter().chain(files("tests/small")) {
        let errors = errors(&schema, &file).expect("it is TOML");
        assert_eq!(errors, None, "{}", file.display());
    }
}

#[test]
fn whatever_loads_fits_the_schema() {
    let schema = validator();
    let mut loaded = 0;
    for file in files("tests/broken") {
        let Ok(text) = std::fs::read_to_string(&file) else { continue };
        if text.starts_with("# netsplit ") {
            continue;
        }
        let sources = Sources::new(file.display().to_string(), text);
        if let (Some(_), _) = scenario::load(&sources, None, None, &|_| Err("there is none".into())) {
            loaded += 1;
            let errors = errors(&schema, &file).expect("it is TOML");
            // Variants may still be wrong; that is not seen here.
            assert_eq!(errors, None, "{}", file.display());
        }
    }
    assert!(loaded > 5, "only {loaded} were loaded");
}

/// Mistakes of form are seen by an editor; those of meaning, such as an unknown name, only by `netsplit check`.
#[test]
fn mistakes_of_form_do_not_fit_the_schema() {
    let schema = validator();
    let form = ["key-misspelt", "kind-misspelt", "-a-list", "title-a-number", "missing-duration"];
    let mut refused = 0;
    for file in files("tests/broken") {
        let name = file.file_stem().expect("it has a name").to_string_lossy().into_owned();
        let Some(why) = errors(&schema, &file) else { continue };
        refused += usize::from(why.is_some());
        // A list of texts is one of the two ways to write them, and lists of values are swept.
        if form.iter().any(|f| name.contains(f)) && !name.starts_with("sweep-not") {
            assert!(why.is_some(), "{name} fits the schema");
        }
    }
    assert!(refused >= 60, "only {refused} don't fit");
}
