//! Reads scenario files for commands, and shows what is wrong with them.

use std::path::Path;

use super::{Exit, err};
use crate::report::text::Ink;
use crate::scenario::{self, Plan};
use crate::spec::{Diagnostics, Screen, Sources};

/// A scenario file with its `--set`s.
pub(super) fn sources(file: &Path, sets: &[String]) -> Result<Sources, Exit> {
    let bytes = match std::fs::read(file) {
        Ok(bytes) => bytes,
        Err(error) => {
            let near = nearby(file);
            err(&format!("error: {} can't be read: {}{near}\n", file.display(), reason(&error)));
            return Err(Exit::Usage);
        }
    };
    let mut sources = Sources::from_bytes(file.display().to_string(), &bytes);
    for set in sets {
        sources = sources.with_set("--set", set.as_str());
    }
    Ok(sources)
}

/// Without the operating system's number.
pub(super) fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_lowercase()
}

/// What lies beside a file that isn't there.
fn nearby(file: &Path) -> String {
    let folder = file.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = file.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let Ok(entries) = std::fs::read_dir(folder) else { return String::new() };
    let mut names: Vec<String> = entries
        .flatten()
        .map(|e| e.file_name().to_string_lossy().into_owned())
        .filter(|n| n.ends_with(".toml"))
        .collect();
    names.sort();
    match crate::spec::nearest(&name, names.iter().map(String::as_str)) {
        Some(near) => format!("; did you mean {}?", folder.join(near).display()),
        None => String::new(),
    }
}

/// One variant under one seed.
pub(super) fn plan(sources: &Sources, variant: Option<&str>, seed: Option<u64>) -> (Option<Plan>, Diagnostics) {
    let folder = Path::new(sources.file().name.as_ref()).parent().map(Path::to_path_buf).unwrap_or_default();
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).map_err(|e| reason(&e));
    scenario::load(sources, variant, seed, &read)
}

/// What the reader's screen can show.
pub(super) fn screen(stderr: bool) -> Screen {
    use std::io::IsTerminal as _;
    let terminal = if stderr { std::io::stderr().is_terminal() } else { std::io::stdout().is_terminal() };
    let plain = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
    let dumb = std::env::var("TERM").is_ok_and(|t| t == "dumb");
    Screen { colour: terminal && !plain && !dumb, unicode: !dumb, width: 100 }
}

/// How results are written to stdout: 100 columns on a terminal, 80 where nobody knows.
pub(super) fn ink(verbose: bool) -> Ink {
    use std::io::IsTerminal as _;
    let screen = screen(false);
    let usual = if std::io::stdout().is_terminal() { 100 } else { 80 };
    let told = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse::<usize>().ok());
    let width = told.map_or(usual, |columns| columns.clamp(80, 100));
    Ink { colour: screen.colour, unicode: screen.unicode, verbose, width }
}

/// Shows everything that is wrong, and counts it.
pub(super) fn complain(diagnostics: &Diagnostics, sources: &Sources) {
    if diagnostics.is_empty() {
        return;
    }
    err(&diagnostics.render(sources, screen(true)));
    let (errors, warnings) = (diagnostics.errors(), diagnostics.warnings());
    let of = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    let counts: Vec<String> = [(errors, "error"), (warnings, "warning")]
        .into_iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, what)| of(n, what))
        .collect();
    let end = if errors > 0 { ", nothing was run" } else { "" };
    err(&format!("\n{}{end}\n", counts.join(", ")));
}

/// All variants to run: the one asked for, or all, the base first. Complains and stops if any is wrong.
pub(super) fn plans(
    sources: &Sources,
    variant: Option<&str>,
    seed: Option<u64>,
    deny_warnings: bool,
) -> Result<Vec<Plan>, Exit> {
    let (first, mut all) = plan(sources, variant, seed);
    let mut plans = Vec::new();
    if let Some(first) = first {
        if variant.is_none() {
            for (name, _) in first.variants.iter().skip(1) {
                let (plan, diagnostics) = self::plan(sources, Some(name), seed);
                all.append(diagnostics);
                plans.extend(plan);
            }
        }
        plans.insert(0, first);
    }
    complain(&all, sources);
    if all.has_errors() || deny_warnings && !all.is_empty() {
        return Err(Exit::Usage);
    }
    Ok(plans)
}
