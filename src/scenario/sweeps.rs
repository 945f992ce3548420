//! Whether the points of a sweep are scenarios: each value is put in its place once, and what is then wrong is told at
//! the value.

use std::borrow::Cow;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::reader::Log;
use super::{lower, tree};
use crate::spec::units::split_range;
use crate::spec::{Diagnostics, Place, Sources};

/// Values that are tried; a sweep has a few dozen.
const MOST: usize = 200;

type Setting<'t> = (Spanned<Cow<'t, str>>, Spanned<DeValue<'t>>);

/// Both ends of a range as values of a path.
fn ends<'t>(path: &Spanned<DeValue<'t>>, range: &Spanned<DeValue<'t>>) -> Option<[Setting<'t>; 2]> {
    let (DeValue::String(name), DeValue::String(text)) = (path.get_ref(), range.get_ref()) else { return None };
    let (low, high, _) = split_range(text)?;
    // Each end with the place where it stands, a quote before it and one behind it.
    let end = |value: &str, at: usize| {
        let place = range.span().start + at..range.span().start + at + value.len() + 2;
        let value = DeValue::String(Cow::Owned(value.trim().to_owned()));
        (Spanned::new(path.span(), name.clone()), Spanned::new(place, value))
    };
    Some([end(low, 0), end(high, text.len() - high.len())])
}

/// Tries every value of every sweep alone, on the file without a variant.
pub(super) fn check(sources: &Sources, root: &DeTable<'_>, log: &Log, load: &dyn Fn(&str) -> Result<String, String>) {
    let sweeps = root.get("sweep").and_then(|n| n.get_ref().as_table()).into_iter().flatten();
    let mut tried = 0;
    for (_, sweep) in sweeps {
        let grid = sweep.get_ref().get("grid").and_then(|n| n.get_ref().as_table()).into_iter().flatten();
        let points = grid.flat_map(|(path, values)| {
            values.get_ref().as_array().into_iter().flat_map(|v| v.iter()).map(move |value| vec![(path, value)])
        });
        let cases = sweep.get_ref().get("cases").and_then(|n| n.get_ref().as_table()).into_iter().flatten();
        let cases = cases.map(|(_, case)| case.get_ref().as_table().into_iter().flatten().collect());
        // Of a search the two ends are tried.
        let text = |key: &str| sweep.get_ref().get(key).filter(|node| node.get_ref().is_str());
        let ends: Vec<Setting<'_>> = match (text("bisect"), text("range")) {
            (Some(path), Some(range)) => ends(path, range).into_iter().flatten().collect(),
            _ => Vec::new(),
        };
        let ends = ends.iter().map(|(path, value)| vec![(path, value)]);
        for point in points.chain(cases).chain(ends) {
            tried += 1;
            if tried > MOST {
                return;
            }
            let mut there = root.clone();
            let mut found = Diagnostics::new();
            let mut places: Vec<Place> = Vec::new();
            for (path, value) in &point {
                places.extend([path.span(), value.span()]);
                tree::assign(&mut there, path.get_ref(), path.span(), (*value).clone(), &mut found);
            }
            if !found.has_errors() {
                // What else is swept is no part of this point; an empty table says that it is one.
                if let Some(sweeps) = there.get_mut("sweep") {
                    *sweeps.get_mut() = DeValue::Table(DeTable::new());
                }
                tree::like(&mut there, &mut found);
                let inner = Log::new(found);
                lower::lower(sources, &there, None, None, &inner, load);
                found = inner.into_inner();
            }
            for diagnostic in found.sorted().into_iter().filter(|d| d.is_error()) {
                let mut diagnostic = diagnostic.clone();
                let within = |place: &Place| places.iter().any(|p| p.start <= place.start && place.end <= p.end);
                if !diagnostic.place.as_ref().is_some_and(within) {
                    // It is wrong elsewhere, but by this value.
                    let (path, value) = point.first().expect("a point has a value, or nothing is wrong");
                    let written = match value.get_ref() {
                        DeValue::String(text) => text.to_string(),
                        other => tree::plain(other).to_string(),
                    };
                    diagnostic.message = format!("with {} = {written}: {}", path.get_ref(), diagnostic.message);
                    diagnostic.place = Some(value.span());
                    diagnostic.label = None;
                }
                log.borrow_mut().push(diagnostic);
            }
        }
    }
}
