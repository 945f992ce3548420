//! `netsplit judge`: the verdict on a history, from a run of ours or from anywhere else.

use std::path::{Path, PathBuf};

use clap::builder::PossibleValuesParser;
use serde_json::json;

use super::{Exit, err, load, out};
use crate::check::{Evidence, Property, Steps, Verdict, View, judge, staleness, standing};
use crate::history::io::{FailedCas, Format, Kind, NilRead, Options, read};
use crate::history::{History, ObjectId, jsonl};
use crate::report::counterexample::picture;
use crate::report::figure::Figure as _;
use crate::report::verdict::{
    Judged, json as verdict_json, staleness_json, staleness_text, standing_text, text as verdict_text,
};

/// The arguments of `judge`.
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Arguments {
    /// History files: etcd logs and kv files of porcupine, EDN of Jepsen and Knossos, JSON, our own JSONL.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// What the operations are of.
    #[arg(long, default_value = "register", value_parser = PossibleValuesParser::new(MODELS.map(|(name, _)| name)))]
    model: String,
    /// What to judge, separated by commas.
    #[arg(
        long, value_delimiter = ',', default_value = "linearizable",
        value_parser = PossibleValuesParser::new(Property::ALL.map(Property::name))
    )]
    property: Vec<String>,
    /// Judge every consistency model, and name the strongest that held.
    #[arg(long, conflicts_with = "property")]
    models: bool,
    /// Tell how old what was read was: reads by versions behind, and by time since the last write.
    #[arg(long)]
    staleness: bool,
    /// Only this object of a history that has several.
    #[arg(long)]
    object: Option<String>,
    /// How the files are written; found out by their content otherwise.
    #[arg(long, value_name = "FORMAT", value_parser = PossibleValuesParser::new(Format::ALL.map(Format::name)))]
    input: Option<String>,
    /// The initial value, as the file writes it; nil otherwise, or the empty string where values are strings by key.
    #[arg(long)]
    initial: Option<String>,
    /// What a completed read of nil says. Each format has its own habit.
    #[arg(long, value_parser = ["initial", "anything"])]
    nil_read: Option<String>,
    /// What a failed cas says: that the state differed, or nothing. Each format has its own habit.
    #[arg(long, value_parser = ["constraint", "ignore"])]
    refused_cas: Option<String>,
    /// How many configurations a search may visit before it says unknown.
    #[arg(long, default_value_t = Steps::DEFAULT.0)]
    budget: u64,
    /// Draw the first counter-example into this SVG file.
    #[arg(long, value_name = "FILE")]
    picture: Option<PathBuf>,
    /// Write the operations of the first counter-example into this file, as a history that can be judged again.
    #[arg(long, value_name = "FILE")]
    witness: Option<PathBuf>,
    /// `text` or `json`: one object a line for each file.
    #[arg(long, default_value = "text", value_parser = ["text", "json"])]
    format: String,
}

const HELP: &str = "Exit codes: 0 holds · 1 violated · 2 unreadable or wrong usage · 3 unknown or vacuous";

/// Names of models and what they mean to a reader of events.
const MODELS: [(&str, Kind); 10] = [
    ("register", Kind::Register),
    ("cas-register", Kind::Register),
    ("kv", Kind::Register),
    ("list", Kind::List),
    ("set", Kind::Set),
    ("counter", Kind::Counter),
    ("queue", Kind::Queue),
    ("fifo-queue", Kind::Queue),
    ("lock", Kind::Lock),
    ("mutex", Kind::Mutex),
];

pub(super) fn run(arguments: &Arguments) -> Exit {
    if let Err(reason) = keeps_apart(arguments) {
        err(&format!("error: {reason}\n"));
        return Exit::Usage;
    }
    // The worst of all files: unreadable, violated, inconclusive, fine.
    let rank = |exit: Exit| match exit {
        Exit::Usage => 3,
        Exit::NotMet => 2,
        Exit::Inconclusive => 1,
        _ => 0,
    };
    let exits = arguments.files.iter().map(|file| one(arguments, file));
    exits.max_by_key(|&exit| rank(exit)).unwrap_or(Exit::Nothing)
}

fn one(arguments: &Arguments, file: &Path) -> Exit {
    let bytes = match std::fs::read(file) {
        Ok(bytes) => bytes,
        Err(error) => {
            err(&format!("error: {} can't be read: {}\n", file.display(), load::reason(&error)));
            return Exit::Usage;
        }
    };
    let options = options(arguments);
    let loaded = match read(&bytes, &options) {
        Ok(loaded) => loaded,
        Err(error) => {
            err(&format!("error: {}:{}: {}\n", file.display(), error.line, error.reason));
            return Exit::Usage;
        }
    };
    let history = &loaded.history;
    let object = match object(history, arguments.object.as_deref()) {
        Ok(object) => object,
        Err(reason) => {
            err(&format!("error: {}: {reason}\n", file.display()));
            return Exit::Usage;
        }
    };
    let budget = Steps(arguments.budget);
    let view = View::new(history, object);
    let standing = arguments.models.then(|| standing(&view, budget));
    let verdicts: Vec<(Property, Verdict)> = match &standing {
        Some(standing) => standing.verdicts.clone(),
        None => {
            let properties = arguments.property.iter().filter_map(|name| Property::named(name));
            properties.map(|property| (property, judge(history, object, property, budget))).collect()
        }
    };
    let ages = arguments.staleness.then(|| staleness(&view));
    if arguments.format == "json" {
        let verdicts: Vec<_> = verdicts
            .iter()
            .map(|(property, verdict)| verdict_json(history, Judged { property: property.name(), verdict }))
            .collect();
        let mut line = json!({
            "file": file.display().to_string(),
            "format": loaded.format.name(),
            "operations": history.operations().len(),
            "notes": loaded.notes,
            "verdicts": verdicts,
        });
        if let Some(standing) = &standing {
            line["strongest"] = json!(standing.word());
        }
        if let Some(ages) = &ages {
            line["staleness"] = staleness_json(ages);
        }
        out(&format!("{line}\n"));
    } else {
        let ink = load::ink(false);
        out(&format!(
            "{}: {} operations, read as {}\n",
            file.display(),
            history.operations().len(),
            loaded.format.name()
        ));
        for note in &loaded.notes {
            out(&format!("  note: {note}\n"));
        }
        for (property, verdict) in &verdicts {
            out(&verdict_text(history, Judged { property: property.name(), verdict }, ink));
        }
        if let Some(standing) = &standing {
            out(&standing_text(standing));
        }
        if let Some(ages) = &ages {
            out(&staleness_text(history, ages));
        }
    }
    let first = verdicts.iter().find_map(|(property, verdict)| Some((property.name(), verdict.evidence()?)));
    if let Some((property, evidence)) = first
        && let Err(reason) = keep(arguments, history, property, evidence)
    {
        err(&format!("error: {reason}\n"));
        return Exit::Usage;
    }
    if verdicts.iter().any(|(_, verdict)| verdict.is_violated()) {
        Exit::NotMet
    } else if verdicts.iter().any(|(_, verdict)| !matches!(verdict, Verdict::Holds)) {
        Exit::Inconclusive
    } else {
        Exit::Pass
    }
}

/// Whether what is written would take the place of what is read, or of one another.
fn keeps_apart(arguments: &Arguments) -> Result<(), String> {
    let place = |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    let written = [("--picture", &arguments.picture), ("--witness", &arguments.witness)];
    for (flag, path) in written {
        let Some(path) = path else { continue };
        if arguments.files.iter().any(|file| place(file) == place(path)) {
            return Err(format!("{flag} would overwrite {}, which is to be judged", path.display()));
        }
    }
    match (&arguments.picture, &arguments.witness) {
        (Some(picture), Some(witness)) if place(picture) == place(witness) => {
            Err(format!("--picture and --witness name the same file, {}", picture.display()))
        }
        _ => Ok(()),
    }
}

/// Writes what was asked for of a counter-example.
fn keep(arguments: &Arguments, history: &History, property: &str, evidence: &Evidence) -> Result<(), String> {
    let write = |path: &Path, bytes: &[u8]| {
        std::fs::write(path, bytes)
            .map_err(|error| format!("{} can't be written: {}", path.display(), load::reason(&error)))
    };
    if let Some(path) = &arguments.picture {
        match picture(history, property, evidence) {
            Some(figure) => write(path, figure.svg("witness").as_bytes())?,
            None => err("note: no operation takes part in this violation, so there is no picture\n"),
        }
    }
    if let Some(path) = &arguments.witness {
        let mut bytes = Vec::new();
        jsonl::write(&history.part(&evidence.operations), &mut bytes).map_err(|error| load::reason(&error))?;
        write(path, &bytes)?;
    }
    Ok(())
}

fn options(arguments: &Arguments) -> Options {
    let kind = MODELS.iter().find(|(name, _)| *name == arguments.model);
    Options {
        format: arguments.input.as_deref().and_then(Format::named),
        kind: kind.map_or(Kind::default(), |(_, kind)| *kind),
        initial: arguments.initial.clone(),
        nil_read: arguments
            .nil_read
            .as_deref()
            .map(|word| if word == "initial" { NilRead::Initial } else { NilRead::Anything }),
        failed_cas: arguments
            .refused_cas
            .as_deref()
            .map(|word| if word == "constraint" { FailedCas::Refused } else { FailedCas::Ignored }),
    }
}

fn object(history: &History, name: Option<&str>) -> Result<Option<ObjectId>, String> {
    let Some(name) = name else { return Ok(None) };
    match history.find_object(name) {
        Some(object) => Ok(Some(object)),
        None => Err(format!("no object is called {name}; it has: {}", history.objects().join(", "))),
    }
}
