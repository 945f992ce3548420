//! What each design of a replicated store buys and what it pays, side by side.

use super::consistency::Shown;
use crate::check::Verdict as Checked;
use crate::report::figure::Drawing;
use crate::report::figure::trade_off::{TradeOff, Traded};
use crate::report::page::Section;

/// Of two designs or more whose clients read.
pub(super) fn section(all: &[Shown<'_>]) -> Option<Section> {
    let mut cuts: Vec<&str> = Vec::new();
    for cut in all.iter().flat_map(|shown| &shown.kept.cuts) {
        if !cuts.contains(&cut.name.as_str()) {
            cuts.push(&cut.name);
        }
    }
    let figure = TradeOff {
        title: "What each design buys, and what it pays".to_owned(),
        times: match cuts.as_slice() {
            [] => "p50".to_owned(),
            [cut] => format!("p50 before {cut}"),
            _ => "p50 before any cut".to_owned(),
        },
        cut: match cuts.as_slice() {
            [] => None,
            [cut] => Some(format!("answered in {cut}")),
            _ => Some("answered while cut".to_owned()),
        },
        rows: all.iter().map(traded).collect(),
    };
    if figure.rows.iter().filter(|row| row.read_ns.is_some() && row.stale.is_some()).count() < 2 {
        return None;
    }
    let at_worst = if figure.cut.is_some() {
        " Answered: of the client group and the partition with the fewest answers."
    } else {
        ""
    };
    Some(Section {
        name: "What each design buys".to_owned(),
        anchor: "trade-off".to_owned(),
        finding: finding(&figure),
        caption: format!(
            "Fast, fresh, always answered: each row is a design. Grey is one that another betters in something without \
             being worse in anything.{at_worst}"
        ),
        figures: vec![Drawing::TradeOff(figure)],
        tables: Vec::new(),
        how_to_read: "Left is faster; a short bar of stale reads, of the whole run, and a long one of answers is better. One \
                      copy: whether the whole history is linearizable. A latency counts as shorter from 5\u{202f}% on, a \
                      share as better from half a point on. The table names who outdoes whom."
            .to_owned(),
        folded: false,
    })
}

fn traded(shown: &Shown<'_>) -> Traded {
    let served = shown.kept.served.iter().map(|served| served.answered);
    Traded {
        name: shown.name.to_owned(),
        read_ns: shown.kept.taken(true, 50).map(|ns| ns as f64),
        write_ns: shown.kept.taken(false, 50).map(|ns| ns as f64),
        stale: shown.kept.stale(shown.kept.whole(), None),
        answered: served.min_by(f64::total_cmp),
        linearizable: match shown.linearizable() {
            Some(Checked::Holds) => Some(true),
            Some(Checked::Violated(_)) => Some(false),
            _ => None,
        },
    }
}

/// Who is outdone by nobody.
fn finding(figure: &TradeOff) -> String {
    let best: Vec<&str> = (0..figure.rows.len())
        .filter(|n| figure.outdone_by(*n).is_none())
        .map(|n| figure.rows[n].name.as_str())
        .collect();
    match best.as_slice() {
        all if all.len() == figure.rows.len() => "No design outdoes another: each is the best at something".to_owned(),
        [only] => format!("{only} is at least as good as every other design in everything"),
        [most @ .., last] => {
            format!("Nobody outdoes {} and {last}; every other design is bettered by one of them", most.join(", "))
        }
        [] => "Each design is outdone by another".to_owned(),
    }
}
