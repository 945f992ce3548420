//! The JSON schema of scenarios: what ships fits it, and what is misspelt doesn't. The validator below knows the words of
//! JSON Schema that ours uses, but for `pattern`.

use std::path::{Path, PathBuf};

use netsplit::scenario;
use netsplit::spec::Sources;
use serde_json::Value as Json;

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

/// Why a value doesn't fit a schema: the path of the first part that doesn't.
fn misfit(root: &Json, schema: &Json, value: &Json, path: &str) -> Option<String> {
    if let Some(to) = schema["$ref"].as_str() {
        let name = to.strip_prefix("#/definitions/").expect("all definitions stand there");
        return misfit(root, &root["definitions"][name], value, path);
    }
    let kind = match value {
        Json::Null => "null",
        Json::Bool(_) => "boolean",
        Json::Number(n) if n.is_f64() => "number",
        Json::Number(_) => "integer",
        Json::String(_) => "string",
        Json::Array(_) => "array",
        Json::Object(_) => "object",
    };
    let is = |t: &Json| t == kind || t == "number" && kind == "integer";
    let fits = match &schema["type"] {
        Json::Null => true,
        Json::Array(any) => any.iter().any(is),
        one => is(one),
    };
    if !fits {
        return Some(format!("{path}: {kind}"));
    }
    if schema["enum"].as_array().is_some_and(|all| !all.contains(value)) {
        return Some(format!("{path}: {value} is no choice"));
    }
    if schema["minimum"].as_f64().is_some_and(|least| value.as_f64().is_some_and(|v| v < least)) {
        return Some(format!("{path}: {value} is too small"));
    }
    let list = |word: &str| schema[word].as_array().cloned().unwrap_or_default();
    let missing = list("required").into_iter().find(|key| value.get(key.as_str().unwrap_or("")).is_none());
    if let Some(key) = missing.filter(|_| kind == "object") {
        return Some(format!("{path}: {key} is missing"));
    }
    let fitting = |word: &str| list(word).iter().filter(|one| misfit(root, one, value, path).is_none()).count();
    if schema.get("anyOf").is_some() && fitting("anyOf") == 0
        || schema.get("oneOf").is_some() && fitting("oneOf") != 1
        || fitting("allOf") < list("allOf").len()
    {
        return Some(format!("{path}: none of what it may be"));
    }
    for (i, item) in value.as_array().into_iter().flatten().enumerate() {
        if let Some(items) = schema.get("items")
            && let Some(why) = misfit(root, items, item, &format!("{path}[{i}]"))
        {
            return Some(why);
        }
    }
    value.as_object().into_iter().flatten().find_map(|(key, inner)| {
        let path = format!("{path}.{key}");
        match (schema["properties"].get(key), &schema["additionalProperties"]) {
            (Some(own), _) => misfit(root, own, inner, &path),
            (None, Json::Bool(false)) => Some(format!("{path}: unknown")),
            (None, Json::Object(_)) => misfit(root, &schema["additionalProperties"], inner, &path),
            (None, _) => None,
        }
    })
}

/// Why a file doesn't fit; `None` if it isn't TOML.
fn errors(schema: &Json, file: &Path) -> Option<Option<String>> {
    let text = std::fs::read_to_string(file).ok()?;
    let table: toml::Table = toml::from_str(&text).ok()?;
    let json = serde_json::to_value(table).ok()?;
    Some(misfit(schema, schema, &json, ""))
}

#[test]
fn every_scenario_that_ships_fits_the_schema() {
    let schema = scenario::schema::schema();
    for file in files("scenarios").into_iter().chain(files("tests/small")) {
        let errors = errors(&schema, &file).expect("it is TOML");
        assert_eq!(errors, None, "{}", file.display());
    }
}

#[test]
fn whatever_loads_fits_the_schema() {
    let schema = scenario::schema::schema();
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
    let schema = scenario::schema::schema();
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
