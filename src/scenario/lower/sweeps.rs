//! `[sweep.X]`: the points of a grid or of cases, or a value that is looked for.

use super::Lowering;
use super::expects::{Paths, Speakable, fields_error, written};
use crate::expect;
use crate::expect::Expr;
use crate::expect::ast::Operand;
use crate::scenario::plan::{Bisect, SweepPlan};
use crate::scenario::reader::{Fields, in_node, inside};
use crate::spec::units::{self, Sign};
use crate::spec::{Diagnostic, Place};

impl Lowering<'_, '_> {
    pub(super) fn sweeps(&self, root: &Fields<'_, '_>, of: &Speakable<'_, '_>) -> Vec<SweepPlan> {
        let mut sweeps = Vec::new();
        for source in self.sources.shown() {
            let place = source.start..source.start + source.text.len();
            self.shows(&source.text, &place, of);
        }
        let Some(Some(table)) = root.table("sweep") else { return sweeps };
        for (name, place, node) in table.entries() {
            self.check_name(&name, &place);
            let Some(mut fields) = table.table_of(node) else { continue };
            fields.place = place;
            let mut points: Vec<Vec<(String, String)>> = Vec::new();
            let mut spoiled = false;
            if let Some(Some(grid)) = fields.table("grid") {
                points.extend((!grid.tree().is_empty()).then(Vec::new));
                for (path, place, node) in grid.entries() {
                    let Some(values) = node.get_ref().as_array() else {
                        let list = format!("write `\"{path}\" = [{}]`", written(node.get_ref()));
                        grid.error(
                            Diagnostic::error(node.span(), "a grid gives each path a list of values").help(list),
                        );
                        points.clear();
                        spoiled = true;
                        continue;
                    };
                    if values.is_empty() {
                        grid.error(Diagnostic::error(place, format!("`{path}` takes no value at all")));
                        spoiled = true;
                    }
                    let mut taken: Vec<String> = Vec::new();
                    for value in values.iter() {
                        let text = written(value.get_ref());
                        if taken.contains(&text) {
                            let message = format!("`{path}` takes the value {text} twice");
                            grid.error(Diagnostic::error(value.span(), message).help("each point is played once"));
                        }
                        taken.push(text);
                    }
                    let before = std::mem::take(&mut points);
                    for point in before {
                        for value in values.iter() {
                            let mut next = point.clone();
                            next.push((path.clone(), written(value.get_ref())));
                            points.push(next);
                        }
                    }
                }
            }
            let mut names = Vec::new();
            if let Some(Some(cases)) = fields.table("cases") {
                for (name, _, node) in cases.entries() {
                    let Some(case) = cases.table_of(node) else { continue };
                    names.push(name);
                    points.push(case.entries().map(|(path, _, v)| (path, written(v.get_ref()))).collect());
                }
            }
            let typo = fields.entries().any(|(key, ..)| !fields.knows(&key));
            let looks = ["bisect", "range", "until"].iter().any(|key| fields.has(key));
            if points.is_empty() && !looks && !spoiled && !typo {
                fields.error(
                    Diagnostic::error(fields.place.clone(), "this sweep has no points")
                        .help("add `grid = { \"clients.web.rate\" = [\"50/s\", \"90/s\"] }`"),
                );
            }
            let only = fields.names("only").unwrap_or_default();
            for (variant, place) in &only {
                if variant != "all" && !of.variants.iter().any(|(v, _)| v == variant) {
                    self.no_variant(place.clone(), variant, of.variants);
                }
            }
            let mut show = Vec::new();
            for (text, place) in fields.texts("show").unwrap_or_default() {
                if self.shows(&text, &place, of) {
                    show.push(text);
                }
            }
            let bisect = self.bisect(&fields, root);
            fields.done();
            let only = only.into_iter().map(|(o, _)| o).collect();
            sweeps.push(SweepPlan { name, points, names, bisect, only, show });
        }
        sweeps
    }

    /// Whether this is an expression; what is wrong with it was said.
    fn shows(&self, text: &str, place: &Place, of: &Speakable<'_, '_>) -> bool {
        let Some(expr) = self.parsed(text, place, expect::parse_expr) else { return false };
        self.expression(&expr, place, of);
        true
    }

    /// That what an expression speaks of is there, and has the units that it needs.
    pub(super) fn expression(&self, expr: &Expr, place: &Place, of: &Speakable<'_, '_>) {
        let mut metrics = Vec::new();
        expr.each(&mut |part| {
            if let Operand::Metric(metric) = &part.operand {
                metrics.push(&**metric);
            }
        });
        self.scopes(&metrics, place, of);
        self.kinds(&metrics, place, of);
        for error in expect::check::check_expr(expr, &Paths(of.tree)).1 {
            fields_error(self, place, error);
        }
    }

    /// What a sweep looks for, if it has no points.
    fn bisect(&self, fields: &Fields<'_, '_>, root: &Fields<'_, '_>) -> Option<Bisect> {
        if !["bisect", "range", "until"].iter().any(|key| fields.has(key)) {
            return None;
        }
        if fields.has("grid") || fields.has("cases") {
            let help = "give `grid` or `cases`, or `bisect`, `range` and `until`";
            fields.error(
                Diagnostic::error(fields.place.clone(), "a sweep has points or looks for one, not both").help(help),
            );
        }
        fields.require("bisect", "\"service.api.workers\"");
        fields.require("range", "\"1..=20\"");
        fields.require("until", "\"fast-enough\"");
        let (path, range, until) = (fields.text("bisect"), fields.text("range"), fields.text("until"));
        let bounds = range.and_then(|text| match units::bounds(&text, None, Sign::Any) {
            Ok(bounds) => Some(bounds),
            Err(error) => {
                let node = fields.node("range")?;
                fields.error(in_node(node, error));
                None
            }
        });
        let until = until?;
        let known: Vec<String> =
            root.table("expect").flatten().iter().flat_map(|e| e.entries().map(|(name, ..)| name)).collect();
        if !known.contains(&until) {
            let place = fields.node("until").map_or(fields.place.clone(), inside);
            fields.error(Diagnostic::error(place, format!("no expectation is called `{until}`")).nearest(
                &until,
                "expectations",
                known.iter().map(String::as_str),
            ));
            return None;
        }
        let bounds = bounds?;
        Some(Bisect { path: path?, low: bounds.low, high: bounds.high, dimension: bounds.dimension, until })
    }
}
