//! How many keys the replicas of a store disagree about, over time, a row per design on one scale.

use super::Design;
use super::over_time::{Columns, faults};
use crate::engine::Span;
use crate::metric::Gauge;
use crate::report::axis::Scale;
use crate::report::curve::Stroke;
use crate::report::figure::{Body, Drawing, Limit, Line, Lines, Panel, Row, Timeline, number_of};
use crate::report::number::{Unit, fmt_span};
use crate::report::page::Section;
use crate::report::theme::Ink;
use crate::world::Level;

/// Rows on one figure: more would not fit a screen.
const ROWS_MAX: usize = 10;
/// Longer names are cut beside the axis.
const NAME_FITS: usize = 12;

/// The section, if any design compared copies.
pub(super) fn section(designs: &[Design<'_>]) -> Option<Section> {
    let outcome = &designs.first()?.run.outcome;
    let columns = Columns::of(outcome, 400);
    let compared: Vec<(&Design<'_>, Vec<&Gauge>)> = designs
        .iter()
        .map(|d| (d, d.run.outcome.meters.groups.iter().filter_map(|g| g.levels.get(&Level::Divergent)).collect()))
        .filter(|(_, gauges): &(_, Vec<&Gauge>)| !gauges.is_empty())
        .collect();
    let (shown, left_out) = compared.split_at(compared.len().min(ROWS_MAX));
    let series: Vec<_> = shown.iter().map(|(_, gauges)| columns.level(gauges, 1.0)).collect();
    let most = series.iter().flatten().filter_map(|(_, v)| *v).fold(0.0, f64::max);
    let rows = shown.iter().zip(&series).enumerate().map(|(i, ((design, _), points))| {
        let mut line = Line::new(design.name(), Ink::First, Stroke::Thick, points.clone());
        line.end = line.last().map_or(String::new(), |v| format!("ends at {}", number_of(v)));
        let mut lines = Lines::new(Unit::Count, Scale::Linear, vec![line], "no copies");
        // One scale for all rows: what is small in one design looks small.
        // A name that is cut short at the left stands whole over its line.
        let name = match (i, design.name()) {
            (0, _) => format!("most of all designs: {}", number_of(most)),
            (_, long) if long.len() > NAME_FITS => long.to_owned(),
            _ => String::new(),
        };
        lines.limit = Some(Limit { name, value: most });
        Row { height_px: Some(43.0), ..Row::new(design.name(), Body::Lines(lines)) }
    });
    let rows: Vec<Row> = rows.collect();
    let (last, first) = (series.iter().map(|s| s.last().and_then(|p| p.1).unwrap_or(0.0)), shown.first()?);
    let agree = last.filter(|v| *v == 0.0).count();
    let mut caption = format!(
        "Keys of which not all replicas hold the same, at the end of each {}; \
                               who is down counts with what it had.",
        fmt_span(first.0.run.outcome.meters.frame().bin())
    );
    if !left_out.is_empty() {
        caption += &format!(" {} more designs are not drawn.", left_out.len());
    }
    Some(Section {
        name: "Divergence".to_owned(),
        anchor: "divergence".to_owned(),
        finding: format!("Replicas agree in the end in {agree} of {} designs", shown.len()),
        caption,
        figures: vec![Drawing::Timeline(Timeline {
            title: "Keys that replicas disagree about".to_owned(),
            description: String::new(),
            until: Span(outcome.plan.end.0),
            panels: vec![Panel { name: String::new(), mark: first.0.mark, faults: faults(outcome), rows }],
        })],
        tables: Vec::new(),
        how_to_read: "All rows have one scale. A line that stays up is what nobody mends.".to_owned(),
        folded: false,
    })
}
