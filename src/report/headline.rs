//! The numbers that are said aloud, in their order and under one name: the terminal, the first screen of a page and a
//! comparison show the same.

use super::number::Unit;
use super::summary::Seen;

/// One number of a client group.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// Its unit.
    pub unit: Unit,
    of: fn(&Seen) -> Option<f64>,
}

impl Column {
    /// Its value; NaN where there is none.
    pub fn value(&self, seen: &Seen) -> f64 {
        (self.of)(seen).unwrap_or(f64::NAN)
    }
}

const fn column(name: &'static str, unit: Unit, of: fn(&Seen) -> Option<f64>) -> Column {
    Column { name, unit, of }
}

fn at(seen: &Seen, place: usize) -> Option<f64> {
    seen.answers.at_ns[place].map(|ns| ns as f64)
}

/// Latencies are those of answers.
const ALWAYS: [Column; 8] = [
    column("goodput", Unit::PerSecond, |s| Some(s.goodput)),
    column("mean", Unit::Nanos, |s| s.answers.mean_ns),
    column("p50", Unit::Nanos, |s| at(s, 0)),
    column("p90", Unit::Nanos, |s| at(s, 1)),
    column("p99", Unit::Nanos, |s| at(s, 2)),
    column("p99.9", Unit::Nanos, |s| at(s, 3)),
    column("max", Unit::Nanos, |s| at(s, 4)),
    column("answered", Unit::Share, |s| s.answered),
];

/// Those who got no answer; shown where there are any.
const APART: [Column; 3] = [
    column("refused", Unit::Share, |s| s.refused),
    column("timed out", Unit::Share, |s| s.timed_out),
    column("still open", Unit::Share, |s| Some(s.open_share().unwrap_or(0.0))),
];

/// The numbers of these groups, those that anybody has: what became of those who got no answer only if it happened to
/// somebody.
pub fn columns<'a>(seen: impl Iterator<Item = &'a Seen> + Clone) -> Vec<Column> {
    let known = |column: &&Column| seen.clone().any(|s| column.value(s).is_finite());
    let occurs = |column: &&Column| seen.clone().any(|s| column.value(s) > 0.0);
    ALWAYS.iter().filter(known).chain(APART.iter().filter(occurs)).copied().collect()
}

/// What is left out first where there is no room for all.
pub const LEFT_OUT: [&str; 4] = ["p99.9", "mean", "p90", "max"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::summary::Times;

    fn seen(refused: f64, timed_out: f64, open: u64) -> Seen {
        let at_ns = [Some(1); 5];
        let answers = if refused < 1.0 { Times { at_ns, mean_ns: Some(1.0), count: 1 } } else { Times::default() };
        Seen {
            name: "users".to_owned(),
            offered: 10.0,
            goodput: 9.0,
            answered: Some(1.0 - refused - timed_out),
            refused: Some(refused),
            timed_out: Some(timed_out),
            answers,
            ended: Times::default(),
            requests: 1000,
            open,
        }
    }

    #[test]
    fn what_nobody_has_is_no_column() {
        let refused = Seen { answered: Some(0.0), ..seen(1.0, 0.0, 0) };
        let names: Vec<&str> = columns([refused].iter()).iter().map(|c| c.name).collect();
        assert_eq!(names, ["goodput", "answered", "refused"], "nobody was answered, so no answer took any time");
    }

    #[test]
    fn who_got_no_answer_has_a_column_where_there_is_somebody() {
        let names = |all: &[Seen]| columns(all.iter()).iter().skip(8).map(|c| c.name).collect::<Vec<_>>();
        assert!(names(&[seen(0.0, 0.0, 4)]).is_empty(), "four of a thousand are under way whenever a run ends");
        assert_eq!(names(&[seen(0.0, 0.0, 5)]), ["still open"]);
        assert_eq!(names(&[seen(0.1, 0.0, 0), seen(0.0, 0.2, 0)]), ["refused", "timed out"]);
    }
}
