//! The top of a scenario: what it asks, how long it runs, under which seeds.

use toml::de::DeTable;

use super::Lowering;
use crate::engine::{Instant, Seed, Span};
use crate::scenario::reader::Fields;
use crate::spec::units::{Count, WholeRange};
use crate::spec::{Diagnostic, Place};

/// What stands before the first table.
pub(super) struct Head {
    pub(super) title: String,
    pub(super) question: String,
    pub(super) level: String,
    pub(super) covers: Vec<String>,
    pub(super) end: Instant,
    /// Where `duration` stands, if it could be read.
    pub(super) duration_at: Option<Place>,
    pub(super) warmup: Span,
    pub(super) seeds: (u64, u64),
    pub(super) seed: Seed,
    /// Events above which the run is refused.
    pub(super) most: u64,
}

impl Lowering<'_, '_> {
    pub(super) fn head(&self, root: &Fields<'_, '_>, tree: &DeTable<'_>, seed: Option<u64>) -> Head {
        for (key, example) in
            [("schema", "1"), ("title", "\"What it is\""), ("question", "\"What it answers\""), ("duration", "\"60s\"")]
        {
            if !tree.contains_key(key) && !root.excused(key) {
                root.error(
                    Diagnostic::overall(format!("`{key}` is missing"))
                        .help(format!("add `{key} = {example}` at the top")),
                );
            }
        }
        if let Some((schema, place)) = root.at::<Count>("schema")
            && schema.0 != 1
        {
            root.error(
                Diagnostic::error(place, format!("schema {} is unknown", schema.0)).help("this version reads 1"),
            );
        }
        if let Some(node) = tree.get("schema").filter(|node| node.get_ref().is_str()) {
            root.error(Diagnostic::error(node.span(), "the schema is a number").help("write `schema = 1`"));
        }
        let title = root.text("title").unwrap_or_default();
        let question = root.text("question").unwrap_or_default();
        let level = root.word("level", &["intro", "core", "deep"]).unwrap_or("core").to_owned();
        let covers = root.names("covers").unwrap_or_default();
        for (row, place) in &covers {
            let number = row.strip_prefix(|c: char| c.is_ascii_uppercase()).unwrap_or("");
            if !matches!(number.len(), 1 | 2) || !number.bytes().all(|b| b.is_ascii_digit()) {
                let message = format!("`{row}` is no row of the catalogue");
                root.error(
                    Diagnostic::warning(place.clone(), message)
                        .help("a row is a letter and a number of one or two digits, such as `F05`"),
                );
            }
        }
        let covers = covers.into_iter().map(|(c, _)| c).collect();
        let duration = root.at::<Span>("duration");
        if let Some((Span::ZERO, place)) = &duration {
            root.error(Diagnostic::error(place.clone(), "a run of no length measures nothing"));
        }
        let end = Instant::ZERO + duration.as_ref().map_or(Span::secs(1), |(d, _)| *d).max(Span(1));
        self.lasts.set(duration.is_some());
        let warmup = root.at::<Span>("warmup");
        if let Some((warmup, place)) = &warmup
            && warmup.0 >= end.0
            && self.lasts.get()
        {
            root.error(
                Diagnostic::error(place.clone(), "the warm-up lasts as long as the run")
                    .label("nothing is left to measure"),
            );
        }
        let warmup = warmup.map_or(Span::ZERO, |(w, _)| w);
        let seeds = self.seeds(root);
        let seed = Seed(seed.unwrap_or(seeds.0));
        let most = root.get::<Count>("max_events").map_or(20_000_000, |c| c.0); // illustrative
        let duration_at = duration.map(|(_, place)| place);
        Head { title, question, level, covers, end, duration_at, warmup, seeds, seed, most }
    }

    fn seeds(&self, root: &Fields<'_, '_>) -> (u64, u64) {
        let Some((range, place)) = root.at::<WholeRange>("seeds") else { return (1, 1) };
        if range.last - range.first >= 1_000_000 {
            root.error(Diagnostic::error(place, "more than a million seeds").help("write a shorter range: `1..=100`"));
        }
        (range.first, range.last)
    }
}
