//! TOML to plan: names to ids, defaults explicit, complete and printable.
//!
//! A variant is the file with some paths set; it is put together on the tree, before anything is read, so that an error
//! in a value points at where it was written: in the file, in the variant, or in a `--set`.

pub mod full;
mod language;
mod lower;
pub mod plan;
mod presets;
mod protocols;
mod reader;
pub mod schema;

mod shape;
mod sweeps;
mod syntax;
mod tree;

pub use plan::{Awaited, Bisect, ComponentPlan, ExpectPlan, FaultPlan, Kind, Plan, SweepPlan, Teach};

pub(crate) use lower::after_windows;

use crate::spec::{Diagnostic, Diagnostics, Sources};
use toml::de::{DeTable, DeValue};

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
        let Some(found) = table.and_then(|t| t.get(name)).cloned() else {
            let known: Vec<String> =
                table.into_iter().flat_map(|t| t.keys().map(|k| k.get_ref().to_string())).collect();
            let known = std::iter::once(base.as_str()).chain(known.iter().map(String::as_str));
            let wrong = Diagnostic::overall(format!("no variant is called `{name}`")).label("--variant");
            diagnostics.push(wrong.nearest(name, "variants", known));
            return (None, diagnostics);
        };
        vary(&mut root, &found, &mut diagnostics);
    }
    tree::set(sources, &mut root, &mut diagnostics);
    let log = reader::Log::new(diagnostics);
    let plan = read(sources, root, variant, seed, &log, load);
    let diagnostics = log.into_inner();
    let plan = if diagnostics.has_errors() { None } else { plan };
    (plan, diagnostics)
}

/// Puts what a variant sets in its place.
fn vary<'t>(root: &mut DeTable<'t>, variant: &tree::Node<'t>, diagnostics: &mut Diagnostics) {
    let sets = variant.get_ref().get("set").and_then(|set| set.get_ref().as_table());
    for (path, value) in sets.into_iter().flatten() {
        let (name, place) = (path.get_ref().as_ref(), path.span());
        if value.get_ref().is_table() && !name.contains('.') {
            let example = tree::example(name, value);
            diagnostics.push(
                Diagnostic::error(place, format!("`{name}` is set as a table"))
                    .help(format!("a path stands in quotes, as one key: set.\"{example}\" = …")),
            );
            continue;
        }
        tree::assign(root, name, place, value.clone(), diagnostics);
    }
}

/// From a tree in which everything is set to a plan.
fn read(
    sources: &Sources,
    mut root: DeTable<'_>,
    variant: Option<&str>,
    seed: Option<u64>,
    log: &reader::Log,
    load: &dyn Fn(&str) -> Result<String, String>,
) -> Option<Plan> {
    let before = root.clone();
    tree::like(&mut root, &mut log.borrow_mut());
    presets::fill_in(&mut root, &mut log.borrow_mut());
    let plan = lower::lower(sources, &root, variant, seed, log, load);
    if variant.is_none() && !log.borrow().has_errors() {
        sweeps::check(sources, &before, log, load);
    }
    plan
}
