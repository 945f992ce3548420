//! The JSON schema of scenarios against an independent validator: what ships passes, and what is misspelt doesn't.

use std::path::{Path, PathBuf};

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

fn validator() -> jsonschema::Validator {
    jsonschema::draft7::new(&scenario::schema::schema()).expect("it is a schema")
}

/// The errors of a file; `None` if it isn't TOML.
fn errors(validator: &jsonschema::Validator, file: &Path) -> Option<Vec<String>> {
    let text = std::fs::read_to_string(file).ok()?;
    let table: toml::Table = toml::from_str(&text).ok()?;
    let json = serde_json::to_value(table).ok()?;
    Some(validator.iter_errors(&json).map(|e| format!("{}: {e}", e.instance_path())).collect())
}

#[test]
fn every_scenario_that_ships_fits_the_schema() {
    let validator = validator();
    for file in files("scenarios").into_iter().chain(files("tests/small")) {
        let errors = errors(&validator, &file).expect("it is TOML");
        assert!(errors.is_empty(), "{}: {errors:#?}", file.display());
    }
}

#[test]
fn whatever_loads_fits_the_schema() {
    let validator = validator();
    let mut loaded = 0;
    for file in files("tests/broken") {
        let Ok(text) = std::fs::read_to_string(&file) else { continue };
        if text.starts_with("# netsplit ") {
            continue;
        }
        let sources = Sources::new(file.display().to_string(), text);
        if let (Some(_), _) = scenario::load(&sources, None, None, &|_| Err("there is none".into())) {
            loaded += 1;
            let errors = errors(&validator, &file).expect("it is TOML");
            // Variants may still be wrong; that is not seen here.
            assert!(errors.is_empty(), "{}: {errors:#?}", file.display());
        }
    }
    assert!(loaded > 5, "only {loaded} were loaded");
}

/// Mistakes of form are caught by an editor; those of meaning, such as an unknown name, only by `netsplit check`.
#[test]
fn mistakes_of_form_do_not_fit_the_schema() {
    let validator = validator();
    let form = ["misspelt", "a-number", "a-text", "a-list", "unit", "missing", "without-t", "negative", "in-quotes"];
    let meaning = [
        // The word is any text to a schema.
        "clients-target-misspelt",
        "edge-misspelt",
        "expect-metric-misspelt",
        "expect-property-misspelt",
        "expect-scope-misspelt",
        "expect-statistic-misspelt",
        "balancer-policy-misspelt",
        "distribution-misspelt",
        "expect-bare-number",
        "expect-wrong-unit",
        "sweep-of-a-wrong-unit",
        "variant-sets-a-wrong-unit",
        "variant-sets-without-quotes",
        "expect-without-tolerance",
        "fault-without-a-time",
        "fault-without-its-factor",
        "set-in-quotes-of-its-own",
    ];
    let mut refused = 0;
    for file in files("tests/broken") {
        let name = file.file_stem().expect("it has a name").to_string_lossy().into_owned();
        let Some(errors) = errors(&validator, &file) else { continue };
        refused += usize::from(!errors.is_empty());
        let drawn = name.starts_with("unit") || name.starts_with("duration") || name.starts_with("rate");
        let of_form = form.iter().any(|f| name.contains(f)) && !name.starts_with("set-") && !drawn;
        if of_form && !meaning.contains(&name.as_str()) {
            assert!(!errors.is_empty(), "{name} fits the schema");
        }
    }
    assert!(refused >= 60, "only {refused} don't fit");
}
