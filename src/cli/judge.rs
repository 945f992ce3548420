//! `netsplit judge`: the verdict on a history, from a run of ours or from anywhere else.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::builder::PossibleValuesParser;
use flate2::read::MultiGzDecoder;
use serde_json::json;

use super::{Exit, err, load, out};
use crate::check::{Evidence, Property, Steps, Verdict, View, judge, staleness, standing};
use crate::history::io::{FailedCas, Format, Keys, Kind, NilRead, Options, read};
use crate::history::{History, ObjectId, OpIndex, jsonl, shown};
use crate::report::counterexample::picture;
use crate::report::figure::Figure as _;
use crate::report::verdict::{
    Judged, json as verdict_json, staleness_json, staleness_text, standing_text, text as verdict_text,
};

/// The arguments of `judge`.
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Arguments {
    /// History files: etcd logs and kv files of porcupine, EDN of Jepsen and Knossos, JSON, our own JSONL; any of them
    /// may be compressed by gzip. `-` is standard input.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// What the operations are of; by their names otherwise, `read` and `write` being a register's. [see below]
    #[arg(long, value_parser = PossibleValuesParser::new(MODELS.map(|(name, _)| name)))]
    model: Option<String>,
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
    /// Whether a value `[k v]` is v of an independent key k, as Jepsen writes it, or a value as any other.
    #[arg(long, default_value = "independent", value_parser = ["independent", "none"])]
    keys: String,
    /// The initial value of a register, as the file writes it; nil otherwise, or "" where values are strings by key.
    #[arg(long, allow_hyphen_values = true)]
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

const HELP: &str = "\
Models:
  register, cas-register, kv  read (get, r), write (put, w), cas, delete, append; a value each for every key.
                              Jepsen's etcd logs and porcupine's kv files; append makes strings and lists grow
  list                        append, and read of the whole list; write and delete replace it
  set                         add, remove, contains, and read of all elements
  counter                     add, inc, dec, and read of the sum
  queue, fifo-queue           enqueue (enq) and dequeue (deq): first in, first out, for both names
  lock                        acquire (lock) and release (unlock); only the owner, which is the process, may release
  mutex                       the same, but anybody may release, as in Knossos
An operation that the model doesn't have is an error.

Formats and their habits (--nil-read and --refused-cas):
  etcd-log                    a completed read of nil says initial; a failed cas is a constraint
  edn                         anything; with a field :key (porcupine's kv files) initial; a failed cas is ignored
  json-events                 initial; a failed cas is ignored
  jsonl                       our own: nil is the initial value, and status `refused` is the constraint

Exit codes: 0 holds · 1 violated · 2 unreadable or wrong usage · 3 unknown or vacuous
Of several files the worst counts: 2 before 1 before 3 before 0";

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
    let is_stdin = file.as_os_str() == "-";
    let name = if is_stdin { "standard input".to_owned() } else { file.display().to_string() };
    let bytes = match content(file, is_stdin) {
        Ok(bytes) => bytes,
        Err(error) => {
            err(&format!("error: {name} can't be read: {}\n", load::reason(&error)));
            return Exit::Usage;
        }
    };
    let options = options(arguments);
    let loaded = match read(&bytes, &options) {
        Ok(loaded) => loaded,
        Err(error) => {
            let line = if error.line == 0 { String::new() } else { format!("{}:", error.line) };
            err(&format!("error: {name}:{line} {}\n", shown(&error.reason)));
            return Exit::Usage;
        }
    };
    let history = &loaded.history;
    let object = match object(history, arguments.object.as_deref()) {
        Ok(object) => object,
        Err(reason) => {
            err(&format!("error: {name}: {}\n", shown(&reason)));
            return Exit::Usage;
        }
    };
    // Readers of events have looked at each operation's kind already.
    if loaded.format == Format::Jsonl
        && let Some(kind) = kind(arguments)
        && let Some(at) = misfit(history, object, kind)
    {
        let function = history.operation(at).function;
        let reason = kind.misfit(function.name(), function);
        err(&format!("error: {name}:{}: {reason}\n", history.line(at)));
        return Exit::Usage;
    }
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
            "file": name,
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
        out(&format!("{name}: {} operations, read as {}\n", history.operations().len(), loaded.format.name()));
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

/// What `--model` says, if it was given.
fn kind(arguments: &Arguments) -> Option<Kind> {
    let name = arguments.model.as_deref()?;
    MODELS.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind)
}

fn options(arguments: &Arguments) -> Options {
    let kind = kind(arguments);
    Options {
        format: arguments.input.as_deref().and_then(Format::named),
        kind,
        keys: if arguments.keys == "none" { Keys::None } else { Keys::Independent },
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

/// A file's bytes, unpacked if they are compressed by gzip.
fn content(file: &Path, is_stdin: bool) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if is_stdin {
        std::io::stdin().lock().read_to_end(&mut bytes)?;
    } else {
        bytes = std::fs::read(file)?;
    }
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok(bytes);
    }
    let mut unpacked = Vec::new();
    MultiGzDecoder::new(bytes.as_slice()).take(UNPACKED_BYTES_MAX + 1).read_to_end(&mut unpacked)?;
    if unpacked.len() as u64 > UNPACKED_BYTES_MAX {
        return Err(std::io::Error::other("it is over 4 GiB when unpacked"));
    }
    Ok(unpacked)
}

/// More than any recorded history has, and less than a small file may claim to hold.
const UNPACKED_BYTES_MAX: u64 = 4 << 30;

/// The first operation that an object of this kind doesn't have.
fn misfit(history: &History, object: Option<ObjectId>, kind: Kind) -> Option<OpIndex> {
    let wrong = history
        .operations()
        .iter()
        .position(|operation| object.is_none_or(|object| operation.object == object) && !kind.has(operation.function));
    wrong.map(|at| OpIndex(at as u32))
}

fn object(history: &History, name: Option<&str>) -> Result<Option<ObjectId>, String> {
    let Some(name) = name else { return Ok(None) };
    match history.find_object(name) {
        Some(object) => Ok(Some(object)),
        None if history.objects().iter().all(String::is_empty) => {
            Err(format!("no object is called {name}: this file names none, leave --object out"))
        }
        None => Err(format!("no object is called {name}; it has: {}", history.objects().join(", "))),
    }
}
