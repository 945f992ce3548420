//! The counter-example of a report: the smallest part of a run's history that no single copy could have produced, in the
//! names of the scenario.

use super::consistency::Shown;
use super::space_time;
use crate::check::{self, Evidence, Property, Steps, describe};
use crate::engine::Instant;
use crate::history::{Function, History, OpIndex, Operation};
use crate::report::answer::capital;
use crate::report::broken_axis::{Offsets, clock};
use crate::report::counterexample::{picture, plain};
use crate::report::figure::space_time::Repeats;
use crate::report::figure::{Drawing, Witness};
use crate::report::number::{fmt_count, fmt_duration};
use crate::report::page::{Expectation, Section};
use crate::run::Outcome;

/// The values of a run are large numbers that say nothing; from here on they get short names.
const PLAIN_MAX: u64 = 9999;

/// The design whose linearizability is violated, and how.
fn violated<'s, 'a>(all: &'s [Shown<'a>]) -> Option<(&'s Shown<'a>, &'s Evidence)> {
    all.iter().find_map(|s| Some((s, s.linearizable()?.evidence()?)))
}

/// The key that it is about. One with a large number is `k1`: a violation is about one key.
fn key(history: &History, evidence: &Evidence) -> String {
    let Some(&first) = evidence.operations.first() else { return String::new() };
    let operation = history.operation(first);
    let whole = describe::key(history, operation);
    match large_key(operation) {
        Some(number) => whole.replace(&number, SHORT_KEY),
        None => whole,
    }
}

const SHORT_KEY: &str = "key k1";

/// A key of a large number, as a checker names it.
fn large_key(operation: &Operation) -> Option<String> {
    (operation.key > PLAIN_MAX).then(|| format!("key {}", operation.key))
}

/// The name of whoever made an operation of a run: `users/5`, or the service alone if it has one instance.
pub(crate) fn caller(outcome: &Outcome, process: u32) -> Option<String> {
    let plan = &outcome.plan;
    let (group, place) = outcome.caller(process).unwrap_or_else(|| outcome.client(process));
    match plan.components.get(group) {
        Some(service) if service.hosts.len() == 1 => Some(service.name.clone()),
        Some(service) => Some(format!("{}/{place}", service.name)),
        None => {
            let (clients, _) = group.checked_sub(plan.components.len()).and_then(|c| plan.clients.get(c))?;
            Some(format!("{}/{place}", clients.name))
        }
    }
}

fn about(history: &History, evidence: &Evidence) -> String {
    let count = evidence.operations.len();
    format!("{count} operation{}, {}", if count == 1 { "" } else { "s" }, key(history, evidence))
}

/// Why no single copy could have answered so: who read what, how long after somebody else was told otherwise. Nothing if
/// it all could be, or if the example is none of the plain ones.
pub(crate) fn told(outcome: &Outcome, object: &str) -> Option<String> {
    let history = &outcome.history;
    let verdict = check::judge(history, history.find_object(object), Property::Linearizable, Steps::DEFAULT);
    let evidence = verdict.evidence()?;
    let operations: Vec<Operation> = evidence.operations.iter().map(|&index| *history.operation(index)).collect();
    let words = Names::of(outcome, &operations).words(evidence);
    let sentence = plain(history, evidence)?;
    Some(words.iter().fold(sentence, |text, (from, to)| text.replace(from.as_str(), to)))
}

/// Which read misses which write, where a circle shows that no order of all writes explains what one client read; who
/// did both as the page names them. Nothing if the circle has no such read.
pub(super) fn missed_write(outcome: &Outcome, evidence: &Evidence) -> Option<String> {
    let history = &outcome.history;
    let misses = |edge: &&check::Edge| {
        let (read, write) = (history.operation(edge.from), history.operation(edge.to));
        read.function.is_read() && !write.function.is_read() && read.key == write.key
    };
    let edge = evidence.edges.iter().find(misses)?;
    let operations: Vec<Operation> = evidence.operations.iter().map(|&index| *history.operation(index)).collect();
    let names = Names::of(outcome, &operations);
    let words = names.words(evidence);
    let spelled = |index: OpIndex| {
        let label = words.iter().fold(describe::label(history, index), |text, (from, to)| text.replace(from, to));
        format!("\u{201c}{label}\u{201d} of {}", names.client(history.operation(index).process))
    };
    let key = describe::key(history, history.operation(edge.from));
    let at = if key.is_empty() { key } else { format!(" ({key})") };
    Some(format!(
        "{} misses {}{at}, which comes first in every order that explains the client’s other reads",
        spelled(edge.from),
        spelled(edge.to)
    ))
}

/// The counter-example of the first design that is not linearizable, and what was said behind it.
pub(super) fn sections(all: &[Shown<'_>]) -> Vec<Section> {
    example(all).unwrap_or_default()
}

fn example(all: &[Shown<'_>]) -> Option<Vec<Section>> {
    let (shown, evidence) = violated(all)?;
    let history = shown.history();
    let plan = &shown.outcome.plan;
    let operations: Vec<Operation> = evidence.operations.iter().map(|&index| *history.operation(index)).collect();
    let mut names = Names::of(shown.outcome, &operations);
    let mut figure = picture(history, "linearizable", evidence)?;
    // Of a large witness only what is drawn is looked at.
    let drawn =
        |o: &Operation| figure.bars.iter().any(|b| b.from == o.invoked && b.until.is_none_or(|u| u == o.completed));
    let drawn: Vec<Operation> = operations.iter().copied().filter(drawn).collect();
    let trace = space_time::watched(shown.outcome, &drawn);
    let sentence = plain(history, evidence);
    let words = names.words(evidence);
    let spelled = |text: &str| words.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from.as_str(), to));
    spell(&mut figure, &spelled);
    figure.title = format!("Operations on {}", key(history, evidence));
    let messages = trace.and_then(|trace| space_time::figure(shown.outcome, &figure, &drawn, &trace, &mut names));
    let finding = match sentence {
        Some(sentence) if all.len() > 1 => format!("With {}, {}", shown.name, spelled(&sentence)),
        Some(sentence) => capital(&spelled(&sentence)),
        None => format!("{}: no single copy could have answered so", capital(shown.name)),
    };
    let number = operations.first().and_then(large_key).map_or_else(String::new, |number| format!(" ({number})"));
    let which = format!("Seed {}, {}", plan.seed.0, key(history, evidence));
    let minimal = if evidence.minimal && evidence.optional.is_empty() {
        " Without any of them there is no contradiction."
    } else {
        ""
    };
    let mut sections = vec![Section {
        name: "Counter-example".to_owned(),
        anchor: "witness".to_owned(),
        finding,
        caption: format!(
            "No single copy could have answered so. {which}{number}: {} of {} operations.{minimal}",
            evidence.operations.len(),
            fmt_count(history.operations().len() as u64)
        ),
        figures: vec![Drawing::Witness(figure)],
        tables: Vec::new(),
        how_to_read: "A bar runs from request to answer. Numbers give the longest order that one copy could have made; \
                      the framed bar fits nowhere after it. Time is to scale, but for the stretches between dashed lines."
            .to_owned(),
        folded: false,
    }];
    if let Some(messages) = messages {
        let once = |times: Option<Repeats>| times.map_or(1, |r| r.times as usize);
        let lost: usize = messages.messages.iter().filter(|m| m.arrives.is_none()).map(|m| once(m.repeats)).sum();
        let late = messages.messages.iter().any(|m| m.arrives.zip(messages.until).is_some_and(|(a, u)| a > u));
        let again = messages.messages.iter().any(|m| m.repeats.is_some())
            || messages.changes.iter().any(|c| c.repeats.is_some());
        let from = messages.from.map_or_else(String::new, |from| format!(" From {} on.", clock(from)));
        let finding = match (lost, &messages.cut) {
            (0, _) => "Behind it: who asked whom, and who had what".to_owned(),
            (lost, Some(cut)) => format!("Behind it: {lost} messages were lost while `{cut}` lasted"),
            (lost, None) => format!("Behind it: {lost} messages were lost"),
        };
        let left = match messages.left_out {
            0 => String::new(),
            left => format!(" {} more messages are left out.", fmt_count(left)),
        };
        sections.push(Section {
            name: "Messages".to_owned(),
            anchor: "messages".to_owned(),
            finding: if lost == 1 { finding.replace("1 messages were", "1 message was") } else { finding },
            caption: format!("{which}.{from} What was asked, said and changed.{left}"),
            figures: vec![Drawing::SpaceTime(messages)],
            tables: Vec::new(),
            how_to_read: format!(
                "A line is a client or a replica, an arrow a message, ✕ a loss, a small square a change of what a \
                 replica has; the right column has it in words, as of the step. Time is wide where much happens; the times \
                 below are exact.{}{}",
                if again { " What happens again and again is drawn once, long, with how often: ×3." } else { "" },
                if late { " What runs out at the right arrives later." } else { "" }
            ),
            folded: false,
        });
    }
    Some(sections)
}

/// Clients by their group, values by short names. What a run counts in large numbers says nothing to anybody.
pub(super) struct Names<'a> {
    outcome: &'a Outcome,
    /// Values that have a short name.
    values: Vec<(u64, String)>,
    /// Whether values are amounts.
    counts: bool,
    /// Processes that have a name.
    callers: Vec<(u32, String)>,
}

impl<'a> Names<'a> {
    fn of(outcome: &'a Outcome, operations: &[Operation]) -> Names<'a> {
        let counts = operations.iter().any(|o| o.function == Function::Add);
        let mut names = Names { outcome, values: Vec::new(), counts, callers: callers(outcome, operations) };
        for o in operations.iter().filter(|o| matches!(o.function, Function::Write | Function::Read | Function::Cas)) {
            for value in [o.value, o.expected(), o.result()] {
                names.value(value);
            }
        }
        names
    }

    /// The group of a client or a service, and the place in it.
    pub(super) fn group(&self, process: u32) -> (usize, u32) {
        self.outcome.caller(process).unwrap_or_else(|| self.outcome.client(process))
    }

    /// `west-users/5`, as replicas have it: a name and a number.
    pub(super) fn client(&self, process: u32) -> String {
        let known = self.callers.iter().find(|(known, _)| *known == process);
        let nameless = || format!("process {}", self.outcome.history.process_text(process));
        known.map_or_else(nameless, |(_, name)| name.clone())
    }

    /// The short name of a value.
    fn value(&mut self, value: u64) -> String {
        match value {
            0 if !self.counts => return "nothing".to_owned(),
            value if value <= PLAIN_MAX || self.counts => return self.outcome.history.value_text(value),
            _ => {}
        }
        if let Some((_, known)) = self.values.iter().find(|(known, _)| *known == value) {
            return known.clone();
        }
        let short = format!("v{}", self.values.len() + 1);
        self.values.push((value, short.clone()));
        short
    }

    /// Several values that stand side by side.
    pub(super) fn values(&mut self, values: &[u64]) -> String {
        let mut words: Vec<String> = values.iter().map(|value| self.value(*value)).collect();
        words.dedup();
        match words.len() {
            0 if self.counts => "0".to_owned(),
            0 => "nothing".to_owned(),
            1..=4 => words.join(", "),
            many => format!("{} … {many} values", words[0]),
        }
    }

    /// What stands in the evidence of a verdict, and what a page says instead; what contains another goes first.
    fn words(&self, evidence: &Evidence) -> Vec<(String, String)> {
        let history = &self.outcome.history;
        let operation = |index: &OpIndex| history.operation(*index);
        let mut words: Vec<(String, String)> = vec![("→ nil".to_owned(), "→ nothing".to_owned())];
        let first = evidence.operations.first().map(operation);
        words.extend(first.and_then(large_key).map(|number| (number, SHORT_KEY.to_owned())));
        words.extend(self.values.iter().map(|(value, short)| (history.value_text(*value), short.clone())));
        for o in evidence.operations.iter().map(operation) {
            words.push((format!("process {}", history.process_text(o.process)), self.client(o.process)));
            for at in [o.invoked, o.completed].into_iter().filter(|at| *at != Instant::NEVER) {
                words.push((describe::time(history, at), clock(at)));
            }
            for before in evidence.operations.iter().map(operation).filter(|b| b.precedes(o)) {
                let gap = o.invoked.since(before.completed);
                words.push((describe::span(history, gap), fmt_duration(gap.0 as f64)));
            }
        }
        words.sort_by(|a, b| b.0.len().cmp(&a.0.len()).then_with(|| a.cmp(b)));
        words.dedup();
        words
    }
}

/// Names of those who made these operations. A service makes several at a time: then each call is a row of its own, with
/// a number.
fn callers(outcome: &Outcome, operations: &[Operation]) -> Vec<(u32, String)> {
    let mut known: Vec<(u32, String)> = Vec::new();
    for operation in operations {
        if known.iter().all(|(process, _)| *process != operation.process) {
            known.extend(caller(outcome, operation.process).map(|name| (operation.process, name)));
        }
    }
    let numbered = |(at, (process, name)): (usize, &(u32, String))| {
        let alike = |upto: usize| known[..upto].iter().filter(|(_, other)| other == name).count();
        let several = outcome.caller(*process).is_some() && alike(known.len()) > 1;
        (*process, if several { format!("{name} #{}", alike(at) + 1) } else { name.clone() })
    };
    known.iter().enumerate().map(numbered).collect()
}

/// Puts names into a picture, and counts its times from the first of them.
fn spell(figure: &mut Witness, spelled: &dyn Fn(&str) -> String) {
    let origin = figure.bars.iter().map(|bar| bar.from).min().unwrap_or(Instant::ZERO);
    let instants: Vec<Instant> = figure.bars.iter().flat_map(|bar| [Some(bar.from), bar.until]).flatten().collect();
    let offsets = Offsets::of(origin, &instants);
    let since = |at: Instant| offsets.since(at);
    figure.title = spelled(&figure.title);
    figure.description = spelled(&figure.description);
    figure.notes.iter_mut().for_each(|note| *note = spelled(note));
    figure.arrows.iter_mut().for_each(|arrow| arrow.words = spelled(&arrow.words));
    for bar in &mut figure.bars {
        bar.client = spelled(&bar.client);
        bar.words = spelled(&bar.words);
        bar.times = (since(bar.from), bar.until.map_or_else(|| "never".to_owned(), since));
    }
}

/// Links expectations to what shows why they came out so.
pub(super) fn link(rows: &mut [Expectation], all: &[Shown<'_>]) {
    let example = violated(all).map(|(s, evidence)| about(s.history(), evidence));
    for row in rows {
        let what = row.text.split('(').next().unwrap_or("");
        row.evidence = match (what, &example) {
            ("linearizable", Some(example)) => Some(("#witness".to_owned(), example.clone())),
            ("cap" | "pacelc", _) if !all.is_empty() => Some(("#consistency".to_owned(), "consistency".to_owned())),
            ("strongest", _) if !all.is_empty() => Some(("#models".to_owned(), "all models".to_owned())),
            _ => row.evidence.take(),
        };
    }
}
