//! `netsplit compare`: two reports or two variants side by side.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::run::{play, seeds_of};
use super::{Exit, err, load, out, report};
use crate::report::compare::{Side, page, text};
use crate::report::{bind, data, write};

/// The arguments of `compare`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// A report folder, or a scenario file; `@variant` behind it names the variant.
    a: String,
    /// The other one. `@variant` alone is another variant of the first.
    b: String,
    /// Seeds for scenario files: `1..=10`. From two on there are intervals.
    #[arg(long, value_name = "RANGE")]
    seeds: Option<String>,
    /// Write a page into this folder too.
    #[arg(long)]
    out: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments) -> Exit {
    match both(arguments) {
        Ok(exit) | Err(exit) => exit,
    }
}

fn both(arguments: &Arguments) -> Result<Exit, Exit> {
    let (place_a, variant_a) = parts(&arguments.a);
    let (place_b, variant_b) = parts(&arguments.b);
    if place_a.is_empty() {
        err(&format!("error: {} names no report folder and no scenario; write one before the @\n", arguments.a));
        return Err(Exit::Usage);
    }
    let place_b = if place_b.is_empty() { place_a } else { place_b };
    let mut a = side(arguments, place_a, variant_a, &arguments.a)?;
    let mut b = side(arguments, place_b, variant_b, &arguments.b)?;
    if a.name == b.name {
        (a.name, b.name) = (arguments.a.clone(), arguments.b.clone());
    }
    out(&text(&a, &b));
    if let Some(folder) = &arguments.out {
        let mut repeat = format!("netsplit compare {} {}", arguments.a, arguments.b);
        arguments.seeds.iter().for_each(|s| repeat += &format!(" --seeds {s}"));
        write::write(folder, &bind::files(&page(&a, &b, &repeat))).map_err(|error| report::failed(folder, &error))?;
        out(&format!("\n  report     {}\n", folder.join("report.html").display()));
    }
    Ok(Exit::Pass)
}

/// `place@variant`.
fn parts(text: &str) -> (&str, Option<&str>) {
    match text.rsplit_once('@') {
        // A folder may have an @ in its name.
        Some((place, variant)) if !variant.contains('/') => (place, Some(variant)),
        _ => (text, None),
    }
}

fn side(arguments: &Arguments, place: &str, variant: Option<&str>, given: &str) -> Result<Side, Exit> {
    let path = Path::new(place);
    let summary = if path.is_dir() { read(&path.join("summary.json"))? } else { fresh(arguments, path, variant)? };
    Side::of(&summary, variant).map_err(|wrong| {
        err(&format!("error: {given}: {wrong}\n"));
        Exit::Usage
    })
}

fn read(file: &Path) -> Result<Value, Exit> {
    let text = std::fs::read_to_string(file).map_err(|error| {
        err(&format!("error: {} can't be read: {}\n", file.display(), load::reason(&error)));
        Exit::Usage
    })?;
    serde_json::from_str(&text).map_err(|error| {
        err(&format!("error: {} is no summary: {error}\n", file.display()));
        Exit::Usage
    })
}

/// Plays one variant of a scenario and sums it up.
fn fresh(arguments: &Arguments, file: &Path, variant: Option<&str>) -> Result<Value, Exit> {
    let sources = load::sources(file, &[])?;
    let base = load::plan(&sources, None, None).0.map(|p| p.base);
    let variant = variant.map(str::to_owned).or(base);
    let first = load::plans(&sources, variant.as_deref(), None, false)?;
    let (low, high) = seeds_of(arguments.seeds.as_deref(), &first[0])?;
    let mut plans = Vec::new();
    for seed in low..=high {
        plans.extend(load::plans(&sources, variant.as_deref(), Some(seed), false)?);
    }
    Ok(data::summary_json(&play(plans)?))
}
