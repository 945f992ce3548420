//! What components count of their own: redeliveries, hints, what repair compared and sent.

use super::judge::Found;
use super::statistics::count;
use crate::expect::ast::Stat;
use crate::expect::{Dimension, Measured};
use crate::world::Counted;

/// Whether [`measure`] knows a measure.
pub(super) fn measures(name: &str) -> bool {
    matches!(
        name,
        "redeliveries"
            | "hints"
            | "conflicts"
            | "leader_changes"
            | "repair_bytes"
            | "repair_keys"
            | "tree_hashes"
            | "false_positives"
    )
}

/// How many there were in these epochs, or how many a second.
pub(super) fn measure(found: &Found<'_>, measure: &str, stat: Option<Stat>) -> Measured {
    let counted = Counted::ALL.iter().find(|c| c.name() == measure);
    let counter = found.group.zip(counted).and_then(|(g, c)| g.counts.get(c));
    let n = counter.map_or(0, |c| c.count(&found.epochs));
    let asked = found.tallies.iter().map(|t| t.offered(&found.epochs)).sum::<u64>();
    // Members watch each other, and replicas mend each other, whether anybody asks or not.
    let unasked = matches!(measure, "false_positives" | "repair_bytes" | "repair_keys" | "tree_hashes");
    let measured = count(n, if unasked { asked.max(1) } else { asked });
    if stat == Some(Stat::Rate) && measure != "repair_bytes" {
        return Measured {
            value: counter.map_or(0.0, |c| c.rate_per_second(&found.epochs)),
            dimension: Dimension::RATE,
            standard_error: counter.and_then(|c| c.rate_standard_error(&found.epochs)),
            samples: measured.samples,
        };
    }
    let dimension = if measure == "repair_bytes" { Dimension::SIZE } else { measured.dimension };
    Measured { dimension, ..measured }
}
