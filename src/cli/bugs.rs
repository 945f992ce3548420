//! `netsplit bugs`: plants each bug of each protocol, and sees whether the checkers find it.

use std::io::IsTerminal as _;
use std::sync::atomic::Ordering;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};

use super::run::{INTERRUPTED, heed_interrupts};
use super::{Exit, err, load, out};
use crate::report::wording::plain;
use crate::run::{Hunted, STOCK, Stock, hunt, planted};
use crate::scenario::Plan;
use crate::spec::units::WholeRange;
use crate::spec::{FromText as _, Sources};

/// The arguments of `bugs`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Only the bugs of this protocol.
    #[arg(long, value_name = "NAME", value_parser = STOCK.map(|stock| stock.protocol))]
    protocol: Option<String>,
    /// Only bugs of this name.
    #[arg(long, value_name = "NAME")]
    bug: Option<String>,
    /// Each bug is to be found under one of these seeds.
    #[arg(long, value_name = "RANGE", default_value = "1..=100")]
    seeds: String,
    /// Without a bug nothing may be found under so many seeds.
    #[arg(long, value_name = "N", default_value_t = 20)]
    without: u64,
    /// `text`, `markdown` or `json`.
    #[arg(long, default_value = "text", value_parser = ["text", "markdown", "json"])]
    format: String,
}

/// A bug and what came of it.
struct Row {
    stock: Stock,
    bug: &'static str,
    what: &'static str,
    source: &'static str,
    /// The variant that is played for it, unless it is the base.
    variant: Option<&'static str>,
    with: Hunted,
    without: Hunted,
}

pub(super) fn run(arguments: &Arguments) -> Exit {
    heed_interrupts();
    let seeds = match WholeRange::from_text(&arguments.seeds) {
        Ok(range) if range.first <= range.last && range.last - range.first < 1_000_000 => range.first..=range.last,
        _ => {
            err(&format!("error: `{}` is no range of seeds; write 1..=100\n", arguments.seeds));
            return Exit::Usage;
        }
    };
    let mut rows: Vec<Row> = Vec::new();
    let protocol = arguments.protocol.as_deref();
    let bar = bar();
    for stock in STOCK.into_iter().filter(|stock| protocol.is_none_or(|p| p == stock.protocol)) {
        for bug in planted(stock.protocol) {
            if arguments.bug.as_ref().is_some_and(|only| only != bug.name) {
                continue;
            }
            bar.set_message(format!("{} {}", stock.protocol, bug.name));
            let variant = has_variant(stock, bug.name).then_some(bug.name);
            let set = set(bug.name);
            let played = played(stock, Some(&set), variant, seeds.clone(), &bar).and_then(|with| {
                // Bugs of one variant share the runs without any of them.
                let same = rows.iter().find(|r| r.stock == stock && r.variant == variant).map(|r| r.without.clone());
                let without = match same {
                    Some(without) => without,
                    None if arguments.without == 0 => Hunted::default(),
                    None => played(stock, None, variant, 1..=arguments.without, &bar)?,
                };
                Ok((with, without))
            });
            let (with, without) = match played {
                Ok(played) => played,
                Err(exit) => {
                    bar.finish_and_clear();
                    return exit;
                }
            };
            rows.push(Row { stock, bug: bug.name, what: bug.what, source: bug.source, variant, with, without });
        }
    }
    bar.finish_and_clear();
    if rows.is_empty() {
        let known: Vec<&str> = STOCK.iter().flat_map(|s| planted(s.protocol)).map(|bug| bug.name).collect();
        let wanted = arguments.bug.as_deref().unwrap_or_default();
        err(&format!("error: no bug is called `{wanted}`; there are {}\n", known.join(", ")));
        return Exit::Usage;
    }
    out(&match arguments.format.as_str() {
        "json" => format!("{:#}\n", json(&rows)),
        "markdown" => markdown(&rows),
        _ => text(&rows),
    });
    exit(&rows)
}

/// Which bug, and how many seeds so far, if somebody is there to see it.
fn bar() -> ProgressBar {
    let bar = ProgressBar::no_length();
    if !std::io::stderr().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    let style = ProgressStyle::with_template("  {msg} · {pos} seeds · {elapsed}");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn exit(rows: &[Row]) -> Exit {
    let all = || rows.iter().flat_map(|row| [&row.with, &row.without]);
    for (seed, broken) in all().flat_map(|hunted| &hunted.broken) {
        err(&format!("an error of ours at seed {seed}: {broken}\n"));
    }
    if all().any(|hunted| !hunted.broken.is_empty()) {
        Exit::Internal
    } else if rows.iter().any(|row| row.with.found.is_none() || row.without.found.is_some()) {
        Exit::NotMet
    } else if rows.iter().any(|row| !row.without.undecided.is_empty()) {
        Exit::Inconclusive
    } else {
        Exit::Pass
    }
}

/// The setting that plants a bug.
fn set(bug: &str) -> String {
    format!("store.kv.bugs=[\"{bug}\"]")
}

fn sources(stock: Stock, set: Option<&str>) -> Sources {
    let sources = Sources::new(stock.file, stock.text);
    match set {
        Some(set) => sources.with_set("--set", set),
        None => sources,
    }
}

fn has_variant(stock: Stock, name: &str) -> bool {
    let (plan, _) = load::plan(&sources(stock, None), None, None);
    plan.is_some_and(|plan: Plan| plan.variants.iter().any(|(variant, _)| variant == name))
}

fn played(
    stock: Stock,
    set: Option<&str>,
    variant: Option<&str>,
    seeds: std::ops::RangeInclusive<u64>,
    bar: &ProgressBar,
) -> Result<Hunted, Exit> {
    let sources = sources(stock, set);
    bar.set_position(0);
    let plan = |seed: u64| {
        bar.inc(1);
        load::plan(&sources, variant, Some(seed)).0
    };
    hunt(seeds, &plan, &|| !INTERRUPTED.load(Ordering::Relaxed)).map_err(|seed| {
        if INTERRUPTED.load(Ordering::Relaxed) {
            err("interrupted\n");
            return Exit::Interrupted;
        }
        let _ = load::plans(&sources, variant, Some(seed), false);
        err(&format!("error: {} can't be played under seed {seed}\n", stock.file));
        Exit::Internal
    })
}

/// The command that plays a row again.
fn again(row: &Row, seed: u64) -> String {
    let variant = row.variant.map_or(String::new(), |v| format!(" --variant {v}"));
    format!("netsplit run {}{variant} --set '{}' --seed {seed}", row.stock.file, set(row.bug))
}

/// How many seeds it took, and what was violated by how many operations.
fn with(row: &Row) -> (String, String, String) {
    let Some((_, violations)) = &row.with.found else {
        return (format!("not in {}", row.with.seeds), "-".to_owned(), "-".to_owned());
    };
    let names: Vec<&str> = violations.iter().map(|v| v.property.as_str()).collect();
    let fewest = violations.iter().map(|v| v.operations).filter(|n| *n > 0).min();
    (row.with.seeds.to_string(), names.join(", "), fewest.map_or("-".to_owned(), |n| n.to_string()))
}

/// What was found with the bug switched off.
fn without(row: &Row) -> String {
    match &row.without.found {
        _ if row.without.seeds == 0 => "not played".to_owned(),
        Some((seed, violations)) => format!("{} at seed {seed}", violations[0].property),
        None if !row.without.undecided.is_empty() => {
            format!("nothing in {}, {} undecided", row.without.seeds, row.without.undecided.len())
        }
        None => format!("nothing in {}", row.without.seeds),
    }
}

fn text(rows: &[Row]) -> String {
    let mut text = String::new();
    for row in rows {
        let (seeds, violated, operations) = with(row);
        text += &format!("{} {}: {}\n", row.stock.protocol, row.bug, row.what);
        match &row.with.found {
            Some((seed, violations)) => {
                let many = if row.with.seeds == 1 { "seed" } else { "seeds" };
                text +=
                    &format!("  found after {seeds} {many}: {violated} violated, witness of {operations} operations\n");
                let sentence = plain(&violations[0].sentence, "kv");
                text += &format!("  {sentence}\n  again    {}\n", again(row, *seed));
            }
            None => text += &format!("  NOT FOUND in {} seeds\n", row.with.seeds),
        }
        text += &format!("  without  {}\n\n", without(row));
    }
    let found = rows.iter().filter(|row| row.with.found.is_some()).count();
    let alarms = rows.iter().filter(|row| row.without.found.is_some()).count();
    text + &format!("{found} of {} bugs found, {alarms} false alarms\n", rows.len())
}

fn markdown(rows: &[Row]) -> String {
    let mut text = "| protocol | bug | what it does wrong | seeds until found | violated | operations of the smallest \
                    witness | without the bug |\n|---|---|---|---|---|---|---|\n"
        .to_owned();
    for row in rows {
        let (seeds, violated, operations) = with(row);
        text += &format!(
            "| {} | `{}` | {} | {seeds} | {violated} | {operations} | {} |\n",
            row.stock.protocol,
            row.bug,
            row.what,
            without(row)
        );
    }
    text += "\nEach once more, and its report:\n\n```\n";
    for row in rows {
        if let Some((seed, _)) = &row.with.found {
            text += &format!("{}\n", again(row, *seed));
        }
    }
    text + "```\n"
}

fn json(rows: &[Row]) -> Value {
    let hunted = |hunted: &Hunted| {
        let found = hunted.found.as_ref().map(|(seed, violations)| {
            let violations: Vec<Value> = violations
                .iter()
                .map(|v| json!({ "property": v.property, "operations": v.operations, "sentence": v.sentence }))
                .collect();
            json!({ "seed": seed, "violations": violations })
        });
        json!({ "seeds": hunted.seeds, "found": found, "undecided": hunted.undecided })
    };
    let rows: Vec<Value> = rows
        .iter()
        .map(|row| {
            json!({
                "protocol": row.stock.protocol, "bug": row.bug, "what": row.what, "source": row.source,
                "with": hunted(&row.with), "without": hunted(&row.without),
                "again": row.with.found.as_ref().map(|(seed, _)| again(row, *seed)),
            })
        })
        .collect();
    json!({ "bugs": rows })
}
