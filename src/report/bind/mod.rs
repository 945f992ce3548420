//! From runs to a page: which numbers and which figures a report shows, and the sentence above each.
//!
//! The figures themselves know nothing of runs. What stands here chooses, adds up and words; the bytes of a page depend
//! on its [`Page`] alone, which is kept beside it as `report.json`.

use std::collections::BTreeSet;

use crate::report::answer::{answer, facts};
use crate::report::page::Page;
use crate::report::summary::{Summary, summary};
use crate::report::theme::Mark;
use crate::report::write::Files;
use crate::run::{Run, SecondPass};

mod consistency;
mod divergence;
mod first;
mod latency;
mod level;
mod model;
mod over_time;
mod planted;
mod pram;
mod promises;
mod shape;
mod space_time;
mod spreading;
mod stale;
mod trade_off;
mod volley;
mod waiting;
mod witness;

pub(super) use first::missed;

#[cfg(test)]
mod tests;

pub(crate) use promises::{measured, names_its_designs};
pub(crate) use witness::{caller, told};

/// What a page says that no run knows.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// The scenario's path as given.
    pub source: String,
    /// The command that repeats it.
    pub repeat: String,
    /// A second pass of the first run ([`crate::run::explain`]), for the account of single requests.
    pub second_pass: Option<SecondPass>,
    /// Files beside the page that aren't the report's own: path, what it holds.
    pub files: Vec<(String, String)>,
}

/// A variant with what its first seed measured.
pub(crate) struct Design<'a> {
    /// The run of the first seed.
    pub(crate) run: &'a Run,
    /// Its numbers.
    pub(crate) sum: Summary,
    /// Its mark; from the fourth design on there are none but for the base.
    pub(crate) mark: Mark,
}

impl Design<'_> {
    /// Its name.
    #[expect(clippy::misnamed_getters, reason = "a design is called by its variant; `name` of a plan is the file's")]
    pub(crate) fn name(&self) -> &str {
        &self.run.outcome.plan.variant
    }
    /// Why it is there, if the file says so.
    pub(crate) fn why(&self) -> &str {
        let plan = &self.run.outcome.plan;
        plan.variants.iter().find(|(v, _)| *v == plan.variant).and_then(|(_, why)| why.as_deref()).unwrap_or("")
    }
}

/// The designs of some runs, in their order: each variant under the lowest seed.
pub(crate) fn designs(runs: &[Run]) -> Vec<Design<'_>> {
    let low = runs.iter().map(|r| r.outcome.plan.seed.0).min().unwrap_or(0);
    let shown: Vec<&Run> = runs.iter().filter(|r| r.outcome.plan.seed.0 == low).collect();
    let many = shown.len() > 3;
    let mark = |i: usize| if many && i > 0 { Mark::Plain } else { Mark::of(i) };
    shown.into_iter().enumerate().map(|(i, run)| Design { run, sum: summary(&run.outcome), mark: mark(i) }).collect()
}

/// The page of these runs: variants of one scenario under one or several seeds. Numbers and figures are those of the
/// lowest seed; expectations count all.
pub fn page(runs: &[Run], told: &Told) -> Page {
    let designs = designs(runs);
    let shown: Vec<&Run> = designs.iter().map(|d| d.run).collect();
    let plan = runs.first().map(|r| &r.outcome.plan);
    let mut facts = facts(runs);
    facts.push(format!("digest {:016x}", crate::report::data::digest(runs)));
    let promised = consistency::shown(&designs);
    let mut page = Page {
        title: plan.map_or(String::new(), |p| p.title.clone()),
        question: plan.map_or(String::new(), |p| p.question.clone()),
        answer: answer(&shown),
        source: told.source.clone(),
        facts,
        verdict: first::verdict(runs),
        numbers: first::promises(&designs, &promised).unwrap_or_else(|| first::numbers(&designs)),
        remarks: first::remarks(&designs, !promised.is_empty(), &told.source),
        repeat: told.repeat.clone(),
        expectations: promises::expectations(runs, &designs, &told.source),
        sections: Vec::new(),
        model: model::card(runs, &designs),
        teach: plan.map_or(Vec::new(), |p| model::teach(&p.teach)),
        files: told.files.clone(),
    };
    witness::link(&mut page.expectations.rows, &promised);
    page.sections.extend(spreading::section(&designs));
    page.sections.extend(over_time::sections(&designs));
    page.sections.extend(divergence::section(&designs));
    page.sections.extend(consistency::sections(&promised));
    page.sections.extend(witness::sections(&promised));
    page.sections.extend(shape::variants(&designs));
    let mut latency = latency::percentiles(&designs);
    if let Some(section) = latency.as_mut().filter(|_| !promised.is_empty()) {
        section.tables.push(first::table(&designs));
    }
    page.sections.extend(latency);
    page.sections.extend(latency::hops(&designs, told));
    page.sections.extend(shape::topology(&designs));
    page.sections.extend(over_time::others(&designs));
    page.files.extend(own_files(&page));
    page
}

fn own_files(page: &Page) -> Vec<(String, String)> {
    let mut files = vec![("report.json".to_owned(), "this page as data; `netsplit report` draws it again".to_owned())];
    files.extend(plots(page).into_iter().map(|(path, title, _)| (path, title)));
    files
}

/// The figures of a page as files: path, title, SVG.
fn plots(page: &Page) -> Vec<(String, String, String)> {
    let mut taken = BTreeSet::new();
    let figures = page.sections.iter().flat_map(|s| s.figures.iter().map(move |f| (s, f.figure())));
    let mut plots = Vec::new();
    for (number, (section, figure)) in figures.enumerate() {
        let mut name: String = section
            .anchor
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' })
            .take(40)
            .collect();
        if !taken.insert(name.clone()) {
            name += "-b";
        }
        let name = format!("{:02}-{name}", number + 1);
        plots.push((format!("plots/{name}.svg"), figure.title().to_owned(), figure.svg(&name)));
    }
    plots
}

/// The files that a page alone makes: `report.html`, `report.json`, `plots/NN-name.svg`.
pub fn files(page: &Page) -> Files<'static> {
    let data = serde_json::to_string(page).unwrap_or_default();
    let mut files: Files<'_> =
        vec![("report.html".to_owned(), page.render().into()), ("report.json".to_owned(), (data + "\n").into())];
    files.extend(plots(page).into_iter().map(|(path, _, svg)| (path, svg.into())));
    files
}
