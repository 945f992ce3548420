//! What expectations measured, told in words and in the order in which the scenario's question asks for it.
//!
//! A question is taken by its words: each measure has a few that ask for it (`ASKED_BY`). What is asked for comes first,
//! then the order of the file; of what is alike only the first is told.

use super::bind::measured;
use super::number::fmt_share;
use crate::expect::ast::{Arithmetic, Part, Phase, Stat};
use crate::expect::{Dimension, Expr, Measured, Metric, Operand, That, Verdict, parse_that};
use crate::metric::EpochSet;
use crate::run::{Judged, Outcome, Run};
use crate::scenario::Plan;
use crate::world::meters::{ANSWERED, OK};

/// What an expectation measured, for every design that it concerns.
#[derive(Clone, Debug, PartialEq)]
pub struct Measure {
    /// In words: `mean detection time (crash)`.
    pub what: String,
    /// Design and value; the design is empty if there is but one.
    pub values: Vec<(String, Measured)>,
    /// The measure of the language.
    kind: String,
    /// Whether the question asks for it.
    asked: bool,
}

/// More values than these are told by the lowest and the highest.
const VALUES_MAX: usize = 4;

impl Measure {
    /// `mean detection time (crash): **2.92 s** with timeout and **980 ms** with phi`.
    pub fn sentence(&self) -> String {
        if let [(design, only)] = self.values.as_slice()
            && design.is_empty()
        {
            return format!("{}: **{}**", self.what, measured(only));
        }
        let mut alike: Vec<(String, f64, Vec<String>)> = Vec::new();
        for (design, value) in &self.values {
            let told = measured(value);
            match alike.iter_mut().find(|(known, ..)| *known == told) {
                Some((.., designs)) => designs.push(design.clone()),
                None => alike.push((told, value.value, vec![design.clone()])),
            }
        }
        let with = |(told, _, designs): &(String, f64, Vec<String>)| {
            let whose = if designs.len() > VALUES_MAX { format!("{} designs", designs.len()) } else { listed(designs) };
            format!("**{told}** with {whose}")
        };
        if alike.len() <= VALUES_MAX {
            return format!("{}: {}", self.what, listed(&alike.iter().map(with).collect::<Vec<_>>()));
        }
        let ends = |(low, high), one| match (low, high) {
            (None, _) | (_, None) => (Some(one), Some(one)),
            (Some(low), Some(high)) => (Some(lower(low, one)), Some(higher(high, one))),
        };
        match alike.iter().fold((None, None), ends) {
            (Some(low), Some(high)) => format!("{}: from {} to {}", self.what, with(low), with(high)),
            _ => self.what.clone(),
        }
    }
}

type Alike = (String, f64, Vec<String>);

fn lower<'a>(a: &'a Alike, b: &'a Alike) -> &'a Alike {
    if b.1 < a.1 { b } else { a }
}

fn higher<'a>(a: &'a Alike, b: &'a Alike) -> &'a Alike {
    if b.1 > a.1 { b } else { a }
}

/// `a`, `a and b`, `a, b and c`.
pub fn listed(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [all @ .., last] => format!("{} and {last}", all.join(", ")),
    }
}

/// So many measures make the answer, or begin it.
const TOLD: usize = 3;
/// The answer is meant to have three lines; a measure that would make them more is not told, but for the first.
const ROOM_CHARS: usize = 340;

/// Words of questions and what they ask for. A word of four letters and more stands for all that begin so.
const ASKED_BY: [(&[&str], &[&str]); 17] = [
    (&["unavailable"], &["wait", "notice", "move"]),
    (&["leaderless", "failover_time"], &["leads", "election"]),
    (&["two_leaders", "late_acks"], &["both"]),
    (&["detection_time", "agreement_time"], &["dies", "death", "found", "detector"]),
    (&["spread_time"], &["knows"]),
    (&["residue"], &["told"]),
    (&["false_positives"], &["living"]),
    (&["messages"], &["message", "pay"]),
    (&["staleness", "versions_behind", "t_visibility", "stale_served"], &["stale", "old", "fresh"]),
    (&["lost_writes"], &["lost", "gone", "missing"]),
    (&["catch_up_time"], &["quicker", "back"]),
    (&["recovery_time", "threshold"], &["long"]),
    (&["repair_keys", "tree_hashes", "divergent_keys", "hints"], &["hashes", "mends", "equal"]),
    (&["hit_ratio"], &["miss", "hit"]),
    (&["latency"], &["long", "cost", "gain", "worth"]),
    (&["answered"], &["answers", "99", "lose", "fail"]),
    (&["goodput"], &["more"]),
];

/// Whether a question asks for a measure.
pub(super) fn asks(question: &str, kind: &str) -> bool {
    let question = question.to_lowercase();
    let words = || question.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let by = ASKED_BY.iter().filter(|(kinds, _)| kinds.contains(&kind)).flat_map(|(_, by)| by.iter());
    by.into_iter().any(|by| words().any(|word| word == *by || by.len() >= 4 && word.starts_with(by)))
}

/// Whether the answer begins with measures: no client asks anything, or the question asks for one of them, or no
/// expectation names those who ask and most are about other things.
pub fn lead(runs: &[&Run]) -> bool {
    let Some(plan) = runs.first().map(|run| &run.outcome.plan) else { return false };
    let texts = || runs.iter().flat_map(|run| run.judged.iter().map(|judged| judged.text.as_str()));
    let names = |text: &str| {
        let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || "_-".contains(c)));
        words.into_iter().any(|word| plan.clients.iter().any(|(clients, _)| clients.name == word))
    };
    let clients = client_names(plan);
    let told = texts().filter(|text| said(text, &clients, "").is_some_and(|said| !said.of_requests)).count();
    plan.clients.is_empty()
        || told > 0 && 2 * told >= texts().count() && !texts().any(names)
        || measures(runs).iter().any(|measure| measure.asked)
}

/// Whether the question asks for a measure by a word.
pub fn asked(runs: &[&Run]) -> bool {
    measures(runs).iter().any(|measure| measure.asked)
}

/// What the answer tells of the measures, as many as there is room for: those that are asked for; if none is, one of each
/// kind.
pub fn told(runs: &[&Run]) -> Vec<Measure> {
    let all = measures(runs);
    let mut told: Vec<Measure> = Vec::new();
    let mut chars = 0;
    let some = all.iter().any(|measure| measure.asked);
    for measure in all.iter().filter(|measure| measure.asked == some) {
        let length = measure.sentence().chars().count();
        let known = !some && told.iter().any(|known| known.kind == measure.kind);
        let room = told.is_empty() || told.len() < TOLD && chars + length <= ROOM_CHARS;
        if !known && room {
            chars += length;
            told.push(measure.clone());
        }
    }
    told
}

/// What expectations measured that the table of numbers doesn't have: elections, detections, staleness, requests of one
/// kind or in one stretch. In the order of the file, each once.
pub fn measures(runs: &[&Run]) -> Vec<Measure> {
    let Some(first) = runs.first().map(|run| &run.outcome.plan) else { return Vec::new() };
    let clients = client_names(first);
    let variants: Vec<&str> = runs.iter().map(|run| run.outcome.plan.variant.as_str()).collect();
    let mut all: Vec<(usize, Measure)> = Vec::new();
    for run in runs {
        for judged in &run.judged {
            let during = during(run, judged);
            let said = said(&judged.text, &clients, &during);
            let Some((left, said)) = judged.finding.left.zip(said) else { continue };
            let what = said.what;
            // `@variant` says whose number it is, whoever is judged.
            let design = said.variant.unwrap_or_else(|| run.outcome.plan.variant.clone());
            if !variants.contains(&design.as_str()) {
                continue;
            }
            let value = match said.of_those_not_answered {
                true => Measured { value: 1.0 - left.value, ..left },
                false => left,
            };
            let value = (if runs.len() > 1 { design } else { String::new() }, value);
            match all.iter_mut().find(|(_, m)| m.what == what) {
                Some((_, known)) if known.values.iter().any(|(design, _)| *design == value.0) => {}
                Some((_, known)) => known.values.push(value),
                None => {
                    let asked = asks(&first.question, &said.kind);
                    all.push((judged.line, Measure { what, values: vec![value], kind: said.kind, asked }));
                }
            }
        }
    }
    all.extend(["answered", "goodput"].iter().filter_map(|kind| of_all(runs, &clients, kind)));
    all.sort_by_key(|(line, _)| *line);
    let place = |name: &str| variants.iter().position(|variant| *variant == name);
    all.iter_mut().for_each(|(_, measure)| measure.values.sort_by_key(|(design, _)| place(design)));
    all.into_iter().map(|(_, measure)| measure).collect()
}

/// What the table has, too, of every design, where the question and an expectation are about it: then it is the answer.
fn of_all(runs: &[&Run], clients: &[&str], kind: &str) -> Option<(usize, Measure)> {
    let first = &runs.first()?.outcome.plan;
    let whole = |run: &&Run| {
        let judged = run.judged.iter().filter(|judged| during(run, judged).is_empty());
        judged.filter_map(|judged| Some((judged.line, group_of(&judged.text, clients, kind)?))).next()
    };
    let (line, group) = runs.iter().filter_map(whole).min()?;
    if !asks(&first.question, kind) || runs.len() < 2 {
        return None;
    }
    let of = |run: &&Run| {
        let plan = &run.outcome.plan;
        let frame = run.outcome.meters.frame();
        let epochs = frame.epochs_in(crate::engine::Instant::ZERO + plan.warmup, plan.end);
        let visits = &run.outcome.meters.groups[plan.group(&group)?].visits;
        let value = match kind {
            "answered" => Measured::exact(visits.share_of_ended(&epochs, ANSWERED)?, Dimension::SHARE),
            _ => Measured::exact(visits.rate_per_second(&epochs, OK), Dimension::RATE),
        };
        Some((plan.variant.clone(), value))
    };
    let values = runs.iter().filter_map(of).collect();
    Some((line, Measure { what: format!("{kind} of {group}"), values, kind: kind.to_owned(), asked: true }))
}

/// The client group of whose whole run an expectation asks this.
fn group_of(text: &str, clients: &[&str], kind: &str) -> Option<String> {
    let that = parse_that(text).ok()?;
    let metric = match &left(&that)?.operand {
        Operand::Metric(metric) => metric,
        Operand::Binary(_, Arithmetic::Minus, right) => match &right.operand {
            Operand::Metric(metric) => metric,
            _ => return None,
        },
        _ => return None,
    };
    let [(Part::Name(name), _)] = metric.scope.parts.as_slice() else { return None };
    let theirs = match metric.measure.as_deref() {
        Some("availability" | "error_ratio") => kind == "answered",
        Some("goodput") => kind == "goodput",
        _ => false,
    };
    (theirs && clients.contains(&name.as_str())).then(|| name.clone())
}

fn client_names(plan: &Plan) -> Vec<&str> {
    plan.clients.iter().map(|(clients, _)| clients.name.as_str()).collect()
}

/// A number of a stretch is none of the whole.
fn during(run: &Run, judged: &Judged) -> String {
    let terms = run.outcome.plan.expects.iter().find(|e| e.name == judged.name);
    terms.and_then(|e| e.during.as_ref()).map_or_else(String::new, in_phase)
}

fn in_phase(phase: &Phase) -> String {
    match phase {
        Phase::During(_) => format!(" during {phase}"),
        // Ends of a window are written as in the file: `20s..90s`.
        Phase::Window(..) => format!(" in {}", phase.to_string().replace("..", " to ")),
        Phase::Before(_) | Phase::After(_) => format!(" {phase}"),
        Phase::Steady => ", steady".to_owned(),
        Phase::All => String::new(),
    }
}

/// The properties that were judged: which are violated, with which design. Said where nothing else is expected, or where
/// the question is what breaks; else the table of the ladder says it.
pub fn properties(runs: &[&Run]) -> Option<String> {
    let judged = || runs.iter().flat_map(|run| run.judged.iter().map(move |judged| (*run, judged)));
    let property = |judged: &Judged| matches!(parse_that(&judged.text), Ok(That::Property(_)));
    let question = runs.first()?.outcome.plan.question.to_lowercase();
    let only = judged().all(|(_, one)| property(one));
    if judged().next().is_none() || !only && !BREAKS.iter().any(|word| question.contains(word)) {
        return None;
    }
    let mut texts: Vec<&str> = judged().filter(|(_, one)| property(one)).map(|(_, one)| one.text.as_str()).collect();
    texts.dedup();
    texts.sort_unstable();
    texts.dedup();
    let violating = |text: &&str| -> Option<String> {
        let by = judged().filter(|(_, one)| one.text == **text && one.finding.verdict == Verdict::Violated);
        let designs: Vec<String> = by.map(|(run, _)| run.outcome.plan.variant.clone()).collect();
        let with = match (runs.len(), designs.len()) {
            (_, 0) => return None,
            (1, _) => String::new(),
            (all, some) if all == some => " with every design".to_owned(),
            _ => format!(" with {}", listed(&designs)),
        };
        Some(format!("**`{text}` is violated**{with}"))
    };
    let violated: Vec<String> = texts.iter().filter_map(violating).collect();
    let held = judged().filter(|(_, one)| property(one)).all(|(_, one)| one.finding.verdict == Verdict::Holds);
    match (violated.as_slice(), texts.as_slice()) {
        ([], _) if !held || !only => None,
        ([], [one]) => Some(format!("**`{one}` holds**")),
        ([], [one, two]) => Some(format!("**`{one}` and `{two}` hold**")),
        ([], all) => Some(format!("**All {} properties hold**", all.len())),
        (some, _) => Some(listed(some)),
    }
}

/// Words of questions about what goes wrong.
const BREAKS: [&str; 4] = ["breaks", "which one fails", "false", "wrong"];

/// That no acknowledged write is lost, where the question is whether any is.
pub fn nothing_lost(runs: &[&Run]) -> Option<&'static str> {
    let question = &runs.first()?.outcome.plan.question;
    let judged = || runs.iter().flat_map(|run| &run.judged).filter(|one| one.text.starts_with("no_lost_acked_write("));
    let kept = judged().next().is_some() && judged().all(|one| one.finding.verdict == Verdict::Holds);
    (kept && asks(question, "lost_writes")).then_some("**No acknowledged write is lost**")
}

/// Properties that `better` violates and another design that was judged holds, with those designs.
pub fn gives_up(runs: &[&Run], better: usize) -> Option<String> {
    let violated = runs.get(better)?.judged.iter().filter(|one| one.finding.verdict == Verdict::Violated);
    let property = |judged: &&Judged| matches!(parse_that(&judged.text), Ok(That::Property(_)));
    let told = violated.filter(property).filter_map(|one| {
        let holds = |run: &&&Run| {
            run.judged.iter().any(|other| other.text == one.text && other.finding.verdict == Verdict::Holds)
        };
        let others: Vec<String> = runs.iter().filter(holds).map(|run| run.outcome.plan.variant.clone()).collect();
        (!others.is_empty()).then(|| format!("`{}`, which {} holds", one.text, listed(&others)))
    });
    let told: Vec<String> = told.collect();
    (!told.is_empty()).then(|| listed(&told))
}

/// An expectation's left side in words.
struct Said {
    what: String,
    kind: String,
    /// Whose number it is, if that is written.
    variant: Option<String>,
    /// The number is that of those who were not answered.
    of_those_not_answered: bool,
    /// It is about requests of clients.
    of_requests: bool,
}

fn left(that: &That) -> Option<&Expr> {
    match that {
        That::Compare { left, .. } | That::Near { left, .. } => Some(left),
        That::Between { value, .. } => Some(value),
        That::Label { .. } | That::Property(_) => None,
    }
}

/// `during` is the stretch that stands beside it, in words.
///
/// `mean detection time (crash)` of `mean(detection_time(crash)) ~ 3.5s - 1s / 2 ± 4 se`; nothing if the table of numbers
/// has it, or it compares several numbers.
fn said(text: &str, clients: &[&str], during: &str) -> Option<Said> {
    let that = parse_that(text).ok()?;
    let left = left(&that)?;
    match &left.operand {
        Operand::Metric(metric) => metric_said(metric, clients, during),
        Operand::Binary(a, Arithmetic::Over, b) => {
            let Operand::Metric(metric) = &a.operand else { return None };
            match &b.operand {
                Operand::Quantity(unit) => {
                    let said = metric_said(metric, clients, during)?;
                    Some(Said { what: format!("{} in units of {unit}", said.what), ..said })
                }
                // How much of one thing each of another takes.
                Operand::Metric(each) => {
                    let counts = metric.stat == Some(Stat::Count) && each.stat == Some(Stat::Count);
                    let said =
                        metric_said(metric, clients, during).filter(|_| counts && metric.variant == each.variant)?;
                    let each = match each.measure.as_deref()? {
                        "ok" => "answered request".to_owned(),
                        measure => measure.replace('_', " "),
                    };
                    Some(Said { what: format!("{} per {each}", said.what), ..said })
                }
                _ => None,
            }
        }
        Operand::Binary(one, Arithmetic::Minus, b) => {
            let Operand::Metric(metric) = &b.operand else { return None };
            let whole = matches!(&one.operand, Operand::Quantity(_)) && one.to_string() == "1";
            let said = metric_said(metric, clients, during).filter(|said| whole && said.kind == "answered")?;
            Some(Said { of_those_not_answered: !said.of_those_not_answered, ..said })
        }
        _ => None,
    }
}

/// Statistics that need no word beside the unit of their value.
fn silent(stat: Stat) -> bool {
    matches!(stat, Stat::Count | Stat::Rate)
}

/// What the table of numbers has already, or a section of its own.
const TABLED: [&str; 8] = ["goodput", "offered", "utilization", "attempts", "errors", "timeouts", "ok", "calls"];

/// Measures whose own words say little to somebody who doesn't know the language.
const IN_WORDS: [(&str, &str); 6] = [
    ("leaderless", "time without a leader"),
    ("two_leaders", "time with two leaders"),
    ("unavailable", "longest time without an answer"),
    ("residue", "share never told"),
    ("spread_time", "time until all know"),
    ("staleness", "age of what was read"),
];

fn metric_said(metric: &Metric, clients: &[&str], during: &str) -> Option<Said> {
    let Metric { stat, measure, scope, variant, .. } = metric;
    let narrowed = scope.parts.len() > 1 || !during.is_empty();
    let theirs =
        scope.parts.iter().any(|(part, _)| matches!(part, Part::Name(name) if clients.contains(&name.as_str())));
    let (phases, names): (Vec<_>, Vec<_>) = scope.parts.iter().partition(|(part, _)| matches!(part, Part::Phase(_)));
    let phase =
        phases.iter().map(|(part, _)| if let Part::Phase(phase) = part { in_phase(phase) } else { String::new() });
    let phase = phase.collect::<String>() + during;
    let names = names.iter().map(|(part, _)| part.to_string()).collect::<Vec<_>>().join(", ");
    let said = |what: String, kind: &str| Said {
        what,
        kind: kind.to_owned(),
        variant: variant.clone(),
        of_those_not_answered: measure.as_deref() == Some("error_ratio"),
        of_requests: matches!(kind, "latency" | "answered"),
    };
    match measure.as_deref() {
        None | Some("latency") => {
            let stat = stat.as_ref().filter(|stat| !silent(**stat))?;
            (theirs && narrowed).then(|| said(format!("{stat} of {names}{phase}"), "latency"))
        }
        Some("availability" | "error_ratio") => {
            (theirs && narrowed).then(|| said(format!("answered of {names}{phase}"), "answered"))
        }
        Some(measure) if TABLED.contains(&measure) || scope.is_per_instance() => None,
        Some(measure) => {
            let stat = stat.as_ref().filter(|stat| !silent(**stat)).map_or(String::new(), |stat| format!("{stat} "));
            let words = IN_WORDS.iter().find(|(name, _)| *name == measure);
            let words = words.map_or_else(|| measure.replace('_', " "), |(_, words)| (*words).to_owned());
            Some(said(format!("{stat}{words} ({names}){phase}"), measure))
        }
    }
}

/// The client group that got least in these epochs, if there are several and it got clearly less than all together:
/// whoever is cut off is few, and lost in the sum.
pub fn least_answered<'a>(outcome: &'a Outcome, epochs: &EpochSet, all: f64) -> Option<(&'a str, f64)> {
    let plan = &outcome.plan;
    let groups = plan.clients.iter().enumerate().filter_map(|(c, (clients, _))| {
        let share = outcome.meters.groups[plan.components.len() + c].visits.share_of_ended(epochs, ANSWERED)?;
        Some((clients.name.as_str(), share))
    });
    let least = groups.reduce(|a, b| if b.1 < a.1 { b } else { a })?;
    (plan.clients.len() > 1 && fmt_share(least.1) != fmt_share(all) && all - least.1 > LESS).then_some(least)
}

/// A share that is less by this is told.
const LESS: f64 = 0.002;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::answer::plain;

    #[test]
    fn what_is_no_request_is_told_in_words() {
        for (text, words) in [
            ("mean(detection_time(crash)) ~ 3.5s - 1s / 2 ± 4 se", Some("mean detection time (crash)")),
            ("count(false_positives(cluster, storm)) <= 31", Some("false positives (cluster, storm)")),
            ("rate(messages(cluster)) ~ 32 * 31 / 1s ± 1%", Some("messages (cluster)")),
            ("threshold(collapse) ~ 909ms ± 15%", Some("threshold (collapse)")),
            ("p99(staleness(kv)) >= 5ms", Some("p99 age of what was read (kv)")),
            ("p99(users) <= 5ms", None),
            ("mean(utilization(server/*)) ~ 90% ± 1%", None),
            ("count(false_positives(a)) >= 10 * count(false_positives(a))@timeout", Some("false positives (a)")),
            ("mean(server)@two-choices <= 30ms", None),
            ("1 - availability(users) < 1%", None),
            (
                "mean(spread_time(cluster)) / 1s ~ 12.305 ± 4 se",
                Some("mean time until all know (cluster) in units of 1s"),
            ),
            ("count(messages(kv)) / count(ok(writers)) ~ 5", None),
            ("count(messages(kv)) / count(ok(writers)) ~ 5 ± 1%", Some("messages (kv) per answered request")),
            ("mean(leaderless(kv, kill)) ~ 110ms ± 4 se", Some("mean time without a leader (kv, kill)")),
            ("p50(users, write) <= 5ms", Some("p50 of users, write")),
            ("mean(users, before cut) <= 5ms", Some("mean of users before cut")),
            ("1 - availability(users, cut) < 1%", Some("answered of users, cut")),
            ("linearizable(kv)", None),
        ] {
            assert_eq!(said(text, &["users"], "").map(|said| said.what).as_deref(), words, "{text}");
        }
    }

    #[test]
    fn a_stretch_makes_a_number_of_requests_worth_telling() {
        let told = said("p50(users) <= 5ms", &["users"], " before cut").map(|said| said.what);
        assert_eq!(told.as_deref(), Some("p50 of users before cut"));
    }

    #[test]
    fn questions_ask_by_their_words() {
        for (question, kinds) in [
            ("How long do clients wait, and is anything lost?", &["unavailable", "lost_writes", "latency"][..]),
            ("How many reads are stale, and how old are they?", &["staleness"]),
            ("Who says so first, and which of them buries the living?", &["false_positives"]),
            ("Which replica leads?", &["leaderless"]),
            ("Is the queue bounded?", &[]),
        ] {
            for kind in ["unavailable", "lost_writes", "latency", "staleness", "false_positives", "leaderless"] {
                assert_eq!(asks(question, kind), kinds.contains(&kind), "{kind}: {question}");
            }
        }
    }

    #[test]
    fn equal_values_are_told_together_and_many_by_their_ends() {
        let measure = |values: &[(&str, f64)]| Measure {
            what: "residue".to_owned(),
            values: values.iter().map(|(d, v)| ((*d).to_owned(), Measured::exact(*v, Dimension::SHARE))).collect(),
            kind: "residue".to_owned(),
            asked: false,
        };
        for (values, told) in [
            (&[("", 0.2)][..], "residue: 20 %"),
            (&[("a", 0.2), ("b", 0.1), ("c", 0.2)], "residue: 20 % with a and c and 10 % with b"),
            (&[("a", 0.2), ("b", 0.1), ("c", 0.3), ("d", 0.5), ("e", 0.4)], "residue: from 10 % with b to 50 % with d"),
        ] {
            assert_eq!(plain(&measure(values).sentence()), told);
        }
    }
}
