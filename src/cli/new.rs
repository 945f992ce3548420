//! `netsplit new`: writes a scenario to start from, and the schema that editors read beside it.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::{Exit, err, load, out};

/// The arguments of `new`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// What it is called: `checkout`, or a path such as `scenarios/checkout.toml`.
    name: PathBuf,
    /// Which shipped scenario to start from.
    #[arg(long, default_value = "first", value_parser = names())]
    from: String,
}

/// Scenarios that a new one may start from: they come with the program.
const TEMPLATES: &[(&str, &str)] = &[
    ("first", include_str!("../../scenarios/basics/first.toml")),
    ("load-balancing", include_str!("../../scenarios/basics/load-balancing.toml")),
    ("availability", include_str!("../../scenarios/capacity/availability.toml")),
    ("scaling-ladder", include_str!("../../scenarios/capacity/scaling-ladder.toml")),
    ("bulkheads", include_str!("../../scenarios/chaos/bulkheads.toml")),
    ("gray-failure", include_str!("../../scenarios/chaos/gray-failure.toml")),
    ("retry-storm", include_str!("../../scenarios/chaos/retry-storm.toml")),
];

/// What editors look for.
const SCHEMA: &str = "scenario.schema.json";

fn names() -> Vec<&'static str> {
    TEMPLATES.iter().map(|(name, _)| *name).collect()
}

pub(super) fn run(arguments: &Arguments) -> Exit {
    let file = match arguments.name.extension() {
        Some(ending) if ending == "toml" => arguments.name.clone(),
        _ => {
            let mut name = arguments.name.clone().into_os_string();
            name.push(".toml");
            PathBuf::from(name)
        }
    };
    if arguments.name.file_name().is_none_or(|name| name.to_string_lossy().starts_with('.')) {
        err("error: a scenario needs a name\n  such as: netsplit new checkout\n");
        return Exit::Usage;
    }
    let template = TEMPLATES.iter().find(|(name, _)| *name == arguments.from).map_or("", |(_, text)| text);
    // The line that names the schema is the first one; here the schema lies beside the file.
    let body = template.strip_prefix("#:schema ").and_then(|rest| rest.split_once('\n')).map_or(template, |(_, b)| b);
    if let Err(error) = write_new(&file, &format!("#:schema {SCHEMA}\n{body}")) {
        let why = match error.kind() {
            std::io::ErrorKind::AlreadyExists => "it is there already, and is not overwritten".to_owned(),
            _ => load::reason(&error),
        };
        err(&format!("error: {} can't be written: {why}\n", file.display()));
        return Exit::Usage;
    }
    // One that is there stays: it may be shared with other scenarios.
    let schema = file.with_file_name(SCHEMA);
    let beside = match write_new(&schema, &crate::scenario::schema::text()) {
        Ok(()) => format!(", and {} for your editor", schema.display()),
        Err(_) => String::new(),
    };
    out(&format!(
        "wrote {}{beside}\n\n  check      netsplit check {0}\n  run        netsplit run {0}\n",
        file.display()
    ));
    Exit::Pass
}

/// Writes a file that must not be there yet; one that can't be written whole is taken away again.
fn write_new(file: &Path, text: &str) -> std::io::Result<()> {
    let mut open = std::fs::OpenOptions::new().write(true).create_new(true).open(file)?;
    let written = open.write_all(text.as_bytes()).and_then(|()| open.sync_all());
    if written.is_err() {
        let _ = std::fs::remove_file(file);
    }
    written
}
