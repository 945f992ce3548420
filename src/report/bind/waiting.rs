//! The queue rows of a timeline: how many wait at a component, and how long those waited that came then.

use super::over_time::Columns;
use crate::metric::{ClassSet, Gauge, Tally};
use crate::report::figure::{Body, Row, number_of};
use crate::report::number::fmt_span;
use crate::run::Outcome;
use crate::scenario::plan::Kind;
use crate::world::Level;

/// Depth, and age if it is asked for. A queue's messages wait in the component, requests before its workers.
pub(super) fn rows(outcome: &Outcome, part: usize, columns: &Columns, ages: bool) -> Vec<Row> {
    let component = &outcome.plan.components[part];
    let meters = &outcome.meters.groups[part];
    let messages = meters.levels.get(&Level::Backlog);
    let (gauge, limit, waited): (&Gauge, Option<u64>, &Tally) = match (&component.kind, messages, meters.all_levels()) {
        (Kind::Queue(spec), Some(messages), _) => (messages, spec.limit, &meters.kept),
        (_, _, Some(levels)) => {
            let limit = component.station.limit.map(|l| u64::from(l) * meters.members.len() as u64);
            (&levels.waiting, limit, &meters.waits)
        }
        _ => return Vec::new(),
    };
    let depth = columns.level(&[gauge], 1.0);
    let highest = depth.iter().filter_map(|(_, v)| *v).fold(0.0, f64::max);
    // A limit far above the queue would flatten it.
    let limit = limit.filter(|l| (*l as f64) < highest * 4.0);
    let all = outcome.meters.frame().all();
    let mut rows = vec![Row::queue(&component.name, depth, limit)];
    end(&mut rows[0], format!("at most {}", number_of(gauge.level(&all).max as f64)));

    let longest = waited.latencies(&all, ClassSet::ALL).max().filter(|longest| !longest.is_zero());
    if let (true, Some(longest)) = (ages, longest) {
        let bins = waited.bins(0).unwrap_or_default();
        let age = columns.mean(|bin| bins.get(bin).map_or((0, 0), |b| (u64::from(b.started), b.latency.0)));
        let mut row = Row::age(&component.name, age);
        end(&mut row, format!("longest {}", fmt_span(longest)));
        rows.push(row);
    }
    rows
}

fn end(row: &mut Row, text: String) {
    if let Body::Lines(lines) = &mut row.body {
        lines.lines.iter_mut().for_each(|line| line.end.clone_from(&text));
    }
}
