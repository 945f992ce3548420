//! TOML to plan: names to ids, defaults explicit, complete and printable.
//!
//! A variant is the file with some paths set; it is put together on the tree, before anything is read, so that an error
//! in a value points at where it was written: in the file, in the variant, or in a `--set`.

mod inherit;
mod lower;
pub mod plan;
mod reader;
mod tree;

use std::cell::RefCell;

pub use plan::{ComponentPlan, ExpectPlan, FaultPlan, Kind, Plan, SweepPlan, Teach};

pub(crate) use lower::after_windows;

use crate::spec::{Diagnostic, Diagnostics, Sources};
use toml::de::DeValue;

/// Reads one variant of a scenario under one seed (`None`: the first of its own), or says everything that is wrong.
///
/// `load` gives the text of files that the scenario names.
pub fn load(
    sources: &Sources,
    variant: Option<&str>,
    seed: Option<u64>,
    load: &dyn Fn(&str) -> Result<String, String>,
) -> (Option<Plan>, Diagnostics) {
    let mut diagnostics = Diagnostics::new();
    let Some(mut root) = tree::read(sources, &mut diagnostics) else { return (None, diagnostics) };
    let base = match root.get("base").map(|n| n.get_ref()) {
        Some(DeValue::String(name)) => name.to_string(),
        _ => "base".to_owned(),
    };
    let chosen = variant.filter(|v| *v != base);
    if let Some(name) = chosen {
        let table = root.get("variant").and_then(|n| n.get_ref().as_table());
        let found = table.and_then(|t| t.get(name));
        let Some(found) = found else {
            let known: Vec<String> =
                table.into_iter().flat_map(|t| t.keys().map(|k| k.get_ref().to_string())).collect();
            let known = std::iter::once(base.as_str()).chain(known.iter().map(String::as_str));
            diagnostics
                .push(Diagnostic::overall(format!("no variant is called `{name}`")).nearest(name, "variants", known));
            return (None, diagnostics);
        };
        let sets: Vec<_> = found
            .get_ref()
            .get("set")
            .and_then(|set| set.get_ref().as_table())
            .into_iter()
            .flatten()
            .map(|(k, v)| (k.get_ref().to_string(), k.span(), v.clone()))
            .collect();
        for (path, place, value) in sets {
            if let DeValue::Table(inner) = value.get_ref()
                && !path.contains('.')
            {
                let _ = inner;
                diagnostics.push(
                    Diagnostic::error(place, format!("`{path}` is set as a table"))
                        .help("quote the whole path: set.\"edge.web.db.retry\" = { … }"),
                );
                continue;
            }
            tree::assign(&mut root, &path, place, value, &mut diagnostics);
        }
    }
    tree::set(sources, &mut root, &mut diagnostics);
    inherit::inherit(&mut root, &mut diagnostics);
    let log = RefCell::new(diagnostics);
    let plan = lower::lower(sources, &root, variant, seed, &log, load);
    let diagnostics = log.into_inner();
    let plan = if diagnostics.has_errors() { None } else { plan };
    (plan, diagnostics)
}
