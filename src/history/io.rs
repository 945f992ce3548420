//! Reads histories that were recorded elsewhere, and our own.
//!
//! | format | what it is | source |
//! |---|---|---|
//! | [`Format::EtcdLog`] | `INFO  jepsen.util - 3\t:ok\t:cas\t[3 0]`, an event a line | Jepsen's etcd logs as kept by porcupine |
//! | [`Format::Edn`] | `{:process 3 :type :ok :f :cas :value [3 0]}`: maps a line each, in a vector or in a list | Jepsen, Knossos, porcupine's kv files |
//! | [`Format::JsonEvents`] | `{"process":3,"type":"ok","f":"cas","value":[3,0]}`, an event a line | the same in JSON |
//! | [`Format::Jsonl`] | our own, an operation a line | [`super::jsonl`] |
//!
//! In event files the order of the lines is the order of real time, and instants count events. `:info`, an invocation
//! without a later event of its process, and a file that ends in the middle leave the outcome unknown.
//! What a nil read and a failed cas mean differs between formats: see [`NilRead`] and [`FailedCas`].

use std::borrow::Cow;
use std::fmt;

use super::edn::{Form, Reader, shown};
use super::history::History;
use super::jsonl;
pub use super::kind::Kind;
use super::recorder::{Phase, Recorder};

/// Why a file could not be read, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// The line, from 1; 0 if not the file is wrong but what was said of it.
    pub line: u32,
    /// What is wrong with it, and what was expected. One sentence without a period.
    pub reason: String,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => f.write_str(&self.reason),
            line => write!(f, "line {line}: {}", self.reason),
        }
    }
}

impl std::error::Error for Error {}

/// How a file writes its operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Tab-separated log lines of Jepsen's etcd test.
    EtcdLog,
    /// Event maps in EDN.
    Edn,
    /// Event maps in JSON.
    JsonEvents,
    /// Our own operations and observations.
    Jsonl,
}

impl Format {
    /// All formats.
    pub const ALL: [Format; 4] = [Format::EtcdLog, Format::Edn, Format::JsonEvents, Format::Jsonl];

    /// As the command line writes it.
    pub fn name(self) -> &'static str {
        match self {
            Format::EtcdLog => "etcd-log",
            Format::Edn => "edn",
            Format::JsonEvents => "json-events",
            Format::Jsonl => "jsonl",
        }
    }

    /// The format of that name.
    pub fn named(name: &str) -> Option<Format> {
        Format::ALL.into_iter().find(|format| format.name() == name)
    }
}

/// What a vector of two elements is where a value is expected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keys {
    /// `[k v]`: the value v of the key k, as Jepsen's independent keys are written.
    #[default]
    Independent,
    /// A value as any other.
    None,
}

/// What a completed read of nil says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NilRead {
    /// That the state was the initial one. The default for etcd logs, for maps with a `:key` and for JSON.
    Initial,
    /// Nothing: the value was not recorded. The default for EDN, as in Knossos.
    Anything,
}

/// What a failed cas says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailedCas {
    /// That the state was another than the expected one. The default for etcd logs.
    Refused,
    /// Nothing: it did not happen. The default for EDN and JSON, as in Jepsen.
    Ignored,
}

/// Choices beside the file; `None` takes the format's own default.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The format; detected by content if absent.
    pub format: Option<Format>,
    /// What the operations are of; a register's unless their names say otherwise, if absent.
    pub kind: Option<Kind>,
    /// What vectors of two are.
    pub keys: Keys,
    /// The initial value as the file writes it; nil if absent (`""` where values are strings with a `:key`).
    pub initial: Option<String>,
    /// What a completed read of nil says.
    pub nil_read: Option<NilRead>,
    /// What a failed cas says.
    pub failed_cas: Option<FailedCas>,
}

/// A history, and what had to be decided to read it.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The history.
    pub history: History,
    /// Which format was taken.
    pub format: Format,
    /// What a reader of the verdict should know: nil reads that say nothing, processes that went on after `:info`.
    pub notes: Vec<String>,
}

/// Reads a history.
pub fn read(bytes: &[u8], options: &Options) -> Result<Loaded, Error> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let line = bytes[..error.valid_up_to()].iter().filter(|&&byte| byte == b'\n').count() as u32 + 1;
        Error { line, reason: "this line is not UTF-8 text".to_owned() }
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let format = match options.format {
        Some(format) => format,
        None => detect(text)?,
    };
    match format {
        Format::Jsonl => match options.initial.as_deref().map(str::trim) {
            None | Some("nil" | "null" | "0") => {
                let (mut history, went_on) = jsonl::read_counting(text)?;
                if options.kind == Some(Kind::Mutex) {
                    history.give_locks_one_owner();
                }
                let processes = if went_on == 1 { "process" } else { "processes" };
                let note = format!("{went_on} {processes} went on after an unknown outcome, which stays open");
                Ok(Loaded { history, format, notes: (went_on > 0).then_some(note).into_iter().collect() })
            }
            Some(_) => {
                let reason =
                    "--initial counts for histories of events only: a file in jsonl begins with nil".to_owned();
                Err(Error { line: 0, reason })
            }
        },
        Format::EtcdLog => read_etcd_log(text, options),
        Format::Edn | Format::JsonEvents => read_maps(text, format, options),
    }
}

/// The format of a text, by what it begins with. An empty text passes for our own format.
pub fn detect(text: &str) -> Result<Format, Error> {
    let start = text.trim_start();
    let line = (text[..text.len() - start.len()].matches('\n').count() + 1) as u32;
    let first = start.lines().next().unwrap_or("");
    match start.bytes().next() {
        None => Ok(Format::Jsonl),
        Some(b'{') if first[1..].trim_start().starts_with('"') => {
            Ok(if first.contains("\"type\"") { Format::JsonEvents } else { Format::Jsonl })
        }
        // JSON's list of events begins like EDN's vector of maps.
        Some(b'[')
            if start[1..].trim_start().strip_prefix('{').is_some_and(|map| map.trim_start().starts_with('"')) =>
        {
            Ok(Format::JsonEvents)
        }
        Some(b'{' | b'[' | b'(' | b';' | b'#') => Ok(Format::Edn),
        _ if text.contains(LOG_MARK) => Ok(Format::EtcdLog),
        _ => Err(Error {
            line,
            reason: format!(
                "this is no history: expected a map such as {{:process 0, :type :invoke, …}}, a JSON object or a line \
                 with `{}`",
                LOG_MARK.trim_end()
            ),
        }),
    }
}

const LOG_MARK: &str = "jepsen.util - ";

fn read_etcd_log(text: &str, options: &Options) -> Result<Loaded, Error> {
    let mut recorder = Recorder::new(
        options,
        Format::EtcdLog,
        options.nil_read.unwrap_or(NilRead::Initial),
        options.failed_cas.unwrap_or(FailedCas::Refused),
    )?;
    let mut found = false;
    let cut_off = !text.ends_with('\n');
    let mut lines = text.lines().enumerate().peekable();
    while let Some((at, text)) = lines.next() {
        let line = at as u32 + 1;
        let last = cut_off && lines.peek().is_none();
        let Some(start) = text.find(LOG_MARK) else {
            if last && !text.is_empty() && "INFO  jepsen.util - ".starts_with(text) {
                return Err(Error { line, reason: "the last line is cut off".to_owned() });
            }
            continue;
        };
        found = true;
        let event = &text[start + LOG_MARK.len()..];
        log_event(&mut recorder, line, event).map_err(|error| match (last, event.matches('\t').count() < 3) {
            (true, true) => Error { line, reason: format!("the last line is cut off: {}", error.reason) },
            _ => error,
        })?;
    }
    if !found && !text.trim().is_empty() {
        return Err(Error { line: 1, reason: format!("no line of this file has `{}` in it", LOG_MARK.trim_end()) });
    }
    let (history, notes) = recorder.finish()?;
    Ok(Loaded { history, format: Format::EtcdLog, notes })
}

fn log_event(recorder: &mut Recorder, line: u32, event: &str) -> Result<(), Error> {
    let error = |reason: String| Error { line, reason };
    let fields: Vec<&str> = event.split('\t').collect();
    let &[process, phase, function, value] = fields.as_slice() else {
        return Err(error(format!(
            "expected 4 fields between tabs (process, type, function, value), found {}",
            fields.len()
        )));
    };
    let (Some(phase), Some(function)) = (phase.strip_prefix(':'), function.strip_prefix(':')) else {
        return Err(error(format!(
            "type and function begin with a colon, found `{}` and `{}`",
            shown(phase),
            shown(function)
        )));
    };
    let phase = phase_named(phase).ok_or_else(|| error(unknown_phase(phase)))?;
    let mut reader = Reader::new(value, false);
    let value = reader.form().map_err(|inner| error(inner.reason))?;
    if reader.peek().map_err(|inner| error(inner.reason))?.is_some() {
        return Err(error("there is more behind the value".to_owned()));
    }
    recorder.event(line, process, phase, function, None, Some(value))
}

fn read_maps(text: &str, format: Format, options: &Options) -> Result<Loaded, Error> {
    let json = format == Format::JsonEvents;
    let nil_read = if json { NilRead::Initial } else { NilRead::Anything };
    let failed_cas = options.failed_cas.unwrap_or(FailedCas::Ignored);
    let mut recorder = Recorder::new(options, format, options.nil_read.unwrap_or(nil_read), failed_cas)?;
    recorder.keyed_nil_reads_are_initial(options.nil_read.is_none());
    let mut reader = Reader::new(text, json);
    let mut enclosing: Option<(u8, u32)> = None;
    loop {
        reader.skip_tag()?;
        match (reader.peek()?, enclosing) {
            (None, None) => break,
            (None, Some((_, line))) => {
                return Err(Error {
                    line,
                    reason: "the file ends inside the list of events that begins here".to_owned(),
                });
            }
            (Some(b'{'), _) => map_event(&mut recorder, &mut reader)?,
            (Some(byte @ (b'[' | b'(')), None) => {
                enclosing = Some((if byte == b'[' { b']' } else { b')' }, reader.line()));
                reader.advance();
            }
            (Some(byte), Some((close, _))) if byte == close => {
                enclosing = None;
                reader.advance();
            }
            (Some(_), _) => {
                let error = reader.unexpected();
                return Err(Error { reason: format!("{}, expected a map of one event", error.reason), ..error });
            }
        }
    }
    let (history, notes) = recorder.finish()?;
    Ok(Loaded { history, format, notes })
}

fn map_event(recorder: &mut Recorder, reader: &mut Reader<'_>) -> Result<(), Error> {
    let line = reader.line();
    let error = |reason: String| Error { line, reason };
    let cut_off = |_: ()| Error { line, reason: "the file ends inside a map that begins here".to_owned() };
    reader.advance();
    let (mut process, mut phase, mut function, mut key, mut value) = (None, None, None, None, None);
    let mut place = None;
    let mut names = Vec::with_capacity(8);
    loop {
        match reader.peek()? {
            None => return Err(cut_off(())),
            Some(b'}') => break,
            Some(_) => {}
        }
        let name = match reader.form()? {
            Form::Keyword(name) => name,
            Form::Text(text) => match text {
                Cow::Borrowed(text) => text.trim_matches('"'),
                Cow::Owned(text) => {
                    return Err(reader.error(&format!("the name of a field must be simple, not {text}")));
                }
            },
            other => return Err(reader.error(&format!("the name of a field must be a keyword, not {}", other.kind()))),
        };
        if names.contains(&name) {
            return Err(reader.error(&format!("field `{name}` occurs twice in one map")));
        }
        names.push(name);
        match reader.peek()? {
            None => return Err(cut_off(())),
            Some(b'}') => return Err(reader.error(&format!("field `{name}` has no value"))),
            Some(_) => {}
        }
        match name {
            "process" => process = Some(reader.form()?),
            "type" => phase = Some(reader.form()?),
            "f" => function = Some(reader.form()?),
            "key" => key = Some(reader.form()?),
            "value" => value = Some(reader.form()?),
            "index" => place = Some(reader.form()?),
            _ => reader.skip()?,
        }
    }
    reader.advance();
    if let Some(Form::Plain(place)) = place
        && let Ok(place) = place.parse::<i64>()
    {
        recorder.place(place).map_err(error)?;
    }
    let missing = |field: &str| error(format!("field `{field}` is missing"));
    let word = |form: Form<'_>, field: &str| match form {
        Form::Keyword(name) | Form::Plain(name) => Ok(name.to_owned()),
        Form::Text(text) if !text.contains('\\') => Ok(text.trim_matches('"').to_owned()),
        other => Err(error(format!("field `{field}` must be a keyword, not {}", other.kind()))),
    };
    let process = match process.ok_or_else(|| missing("process"))? {
        Form::Plain(number) => number,
        // The nemesis and its kind are no clients. JSON has no keywords.
        Form::Keyword(_) | Form::Nil => {
            recorder.no_client(line);
            return Ok(());
        }
        Form::Text(text) if matches!(&*text, "\"nemesis\"" | "\":nemesis\"") => {
            recorder.no_client(line);
            return Ok(());
        }
        Form::Text(text) => return Err(error(format!("field `process` must be a number, not the string {text}"))),
        other => return Err(error(format!("field `process` must be a number, not {}", other.kind()))),
    };
    let phase = word(phase.ok_or_else(|| missing("type"))?, "type")?;
    let phase = phase_named(&phase).ok_or_else(|| error(unknown_phase(&phase)))?;
    let function = match function {
        Some(function) => word(function, "f")?,
        None if phase == Phase::Info => String::new(),
        None => return Err(missing("f")),
    };
    recorder.event(line, process, phase, &function, key, value)
}

fn phase_named(name: &str) -> Option<Phase> {
    Some(match name {
        "invoke" => Phase::Invoke,
        "ok" => Phase::Ok,
        "fail" => Phase::Fail,
        "info" => Phase::Info,
        _ => return None,
    })
}

fn unknown_phase(found: &str) -> String {
    format!("unknown type `{}`, expected one of: invoke, ok, fail, info", shown(found))
}
