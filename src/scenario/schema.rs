//! The JSON schema of scenarios, for editors: made from the same declarations that the reader takes its keys from.
//! JSON Schema draft 7, which every TOML language server reads.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use super::language;
use super::shape::{Grammar, Key, Need, Value};

/// Names that objects may have.
const NAME: &str = "^[a-z][a-z0-9_-]*$";

/// The schema as text, ending with a newline.
pub fn text() -> String {
    format!("{:#}\n", schema())
}

/// The schema.
pub fn schema() -> Json {
    let mut writer = Writer::default();
    let mut root = writer.value(language::FILE, "");
    let object = root.as_object_mut().expect("a file is a table");
    object.insert("$schema".into(), json!("http://json-schema.org/draft-07/schema#"));
    object.insert("title".into(), json!("A netsplit scenario"));
    object.insert("definitions".into(), json!(writer.grammars));
    root
}

#[derive(Default)]
struct Writer {
    /// Each grammar once, by its name.
    grammars: BTreeMap<String, Json>,
}

impl Writer {
    /// The schema of a value that stands at `path`.
    fn value(&mut self, value: Value, path: &str) -> Json {
        match value {
            Value::Text => json!({ "type": "string" }),
            Value::Flag => json!({ "type": "boolean" }),
            Value::Whole => json!({ "type": "integer", "minimum": 0 }),
            Value::Any => json!({}),
            Value::Words(words) => json!({ "type": "string", "enum": words }),
            Value::Texts => json!({ "anyOf": [
                { "type": "string" },
                { "type": "array", "items": { "type": "string" } },
            ] }),
            Value::Read(grammar) => self.grammar(grammar),
            Value::OrNone(inner) => {
                json!({ "anyOf": [{ "type": "string", "enum": ["none"] }, self.value(*inner, path)] })
            }
            Value::Either(all) => {
                let all: Vec<Json> = all.iter().map(|one| self.value(*one, path)).collect();
                json!({ "anyOf": all })
            }
            Value::List(inner) => json!({ "type": "array", "items": self.value(*inner, path) }),
            Value::Table(keys) => self.table(keys),
            Value::Names(inner) => {
                let inner = self.value(*inner, "");
                // Objects at the top have names; below them, keys may be paths, places or operations.
                let named = KINDS.contains(&path);
                match named {
                    true => json!({
                        "type": "object",
                        "propertyNames": { "pattern": NAME },
                        "additionalProperties": inner,
                    }),
                    false => json!({ "type": "object", "additionalProperties": inner }),
                }
            }
        }
    }

    fn table(&mut self, keys: &[Key]) -> Json {
        let mut properties = Map::new();
        for key in keys.iter().filter(|k| k.need != Need::Later) {
            let value = self.value(key.value, key.name);
            // Draft 7 passes over whatever stands beside a `$ref`.
            let mut value = match value.get("$ref") {
                Some(_) => json!({ "allOf": [value] }),
                None => value,
            };
            if let Some(object) = value.as_object_mut() {
                object.insert("description".into(), json!(key.doc));
                if let Some(default) = key.default_value() {
                    object.insert("default".into(), json!(default));
                }
            }
            properties.insert(key.name.to_owned(), value);
        }
        let mut table = json!({ "type": "object", "properties": properties, "additionalProperties": false });
        let object = table.as_object_mut().expect("made as one");
        let named = |need: Need| keys.iter().filter(move |k| k.need == need).map(|k| k.name).collect::<Vec<_>>();
        // Whoever is `like` another need not say what the other says.
        let required = named(Need::Required);
        if !required.is_empty() {
            let all = json!({ "required": required });
            if keys.iter().any(|k| k.name == "like" && k.need != Need::Later) {
                object.insert("anyOf".into(), json!([all, { "required": ["like"] }]));
            } else {
                object.insert("required".into(), json!(required));
            }
        }
        let actions: Vec<Json> = named(Need::OneOf).iter().map(|name| json!({ "required": [name] })).collect();
        if !actions.is_empty() {
            let mut one = actions;
            if keys.iter().any(|k| k.name == "like" && k.need != Need::Later) {
                one.push(json!({ "required": ["like"] }));
            }
            object.insert("oneOf".into(), json!(one));
        }
        table
    }

    fn grammar(&mut self, grammar: Grammar) -> Json {
        let name = grammar.what.trim_start_matches("a ").trim_start_matches("an ").replace([' ', ','], "_");
        let name: String = name.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        if !self.grammars.contains_key(&name) {
            let kind = match (grammar.what, (grammar.numbers)()) {
                ("a number", _) => json!("number"),
                (_, true) => json!(["string", "integer"]),
                _ => json!("string"),
            };
            let mut schema = json!({ "type": kind, "title": grammar.what });
            let object = schema.as_object_mut().expect("made as one");
            if kind != "number"
                && let Some(pattern) = (grammar.pattern)()
            {
                object.insert("pattern".into(), json!(pattern));
            }
            if (grammar.numbers)() && kind != "number" {
                object.insert("minimum".into(), json!(0));
            }
            if !(grammar.examples)().is_empty() {
                object.insert("examples".into(), json!((grammar.examples)()));
            }
            self.grammars.insert(name.clone(), schema);
        }
        json!({ "$ref": format!("#/definitions/{name}") })
    }
}

/// Keys at the top whose objects have names.
const KINDS: &[&str] =
    &["region", "keys", "service", "load_balancer", "store", "flow", "clients", "fault", "expect", "variant", "sweep"];

#[cfg(test)]
mod tests {
    use super::super::reader::Log;
    use super::super::{lower, tree, vary};
    use super::*;
    use crate::spec::{Diagnostics, Sources};
    use std::path::{Path, PathBuf};

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
        found
    }

    #[test]
    fn the_committed_schema_is_the_one_that_the_declarations_make() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/scenario.schema.json");
        if std::env::var_os("NETSPLIT_BLESS").is_some() {
            std::fs::write(&file, text()).expect("the folder is writable");
        }
        let committed = std::fs::read_to_string(&file).unwrap_or_default();
        assert!(committed == text(), "write it anew: netsplit schema > scenarios/scenario.schema.json");
    }

    /// The reader and the declarations may not drift apart: every key that any scenario makes the reader ask for is
    /// declared, with the grammar that it is read by.
    #[test]
    fn whatever_is_read_is_declared_as_it_is_read() {
        let mut read = 0;
        for file in files("scenarios").into_iter().chain(files("tests/broken")) {
            let Ok(text) = std::fs::read_to_string(&file) else { continue };
            let sources = Sources::new(file.display().to_string(), text);
            let mut diagnostics = Diagnostics::new();
            let Some(root) = tree::read(&sources, &mut diagnostics) else { continue };
            let variants = root.get("variant").and_then(|n| n.get_ref().as_table()).cloned();
            let variants = variants.iter().flatten().map(|(_, node)| Some(node.clone()));
            for variant in std::iter::once(None).chain(variants) {
                let mut root = root.clone();
                if let Some(variant) = variant {
                    vary(&mut root, &variant, &mut diagnostics);
                }
                tree::like(&mut root, &mut diagnostics);
                let log = Log::new(Diagnostics::new());
                lower::lower(&sources, &root, None, None, &log, &|_| Err("no file".into()));
                let undeclared = log.undeclared();
                assert!(undeclared.is_empty(), "{}: {undeclared:?}; see scenario/language.rs", file.display());
                read += 1;
            }
        }
        assert!(read > 100, "only {read} scenarios were read");
    }

    #[test]
    fn every_key_is_declared_once_and_says_what_it_is() {
        fn walk(value: Value, path: &str) {
            match value {
                Value::Table(keys) => {
                    for (i, key) in keys.iter().enumerate() {
                        assert!(keys[..i].iter().all(|k| k.name != key.name), "{path}.{} is there twice", key.name);
                        let finished = key.doc.ends_with('.') && key.doc.len() > 5;
                        assert!(finished || key.need == Need::Later, "{path}.{} does not say what it is", key.name);
                        walk(key.value, &format!("{path}.{}", key.name));
                    }
                }
                Value::Names(inner) | Value::OrNone(inner) | Value::List(inner) => walk(*inner, path),
                Value::Either(all) => all.iter().for_each(|one| walk(*one, path)),
                _ => {}
            }
        }
        walk(language::FILE, "");
    }
}
