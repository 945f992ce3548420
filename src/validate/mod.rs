//! Published oracles, reproduced through the real parts: every row of a table becomes a scenario text, which is read,
//! built and played like anybody's, and what its meters say is held against the row.
//!
//! A [`Family`] is a table of one model. Its closed form, where there is one, is here too, so that parameters that stand
//! in no table can be tried. Rules and estimators: [`Rule`], [`Check`]. Tables lie in `data/`, with their sources.

mod check;
mod cluster;
mod experiment;
mod family;
mod oracle;
mod rows;

pub use check::{Check, Rule, TOLERANCE, expected_by_chance};
pub use experiment::Effort;
pub use rows::{Figure, Malformed, Row, read_table};

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What becomes of a row: its comparisons, or why it can't be tried.
pub type Checks = Result<Vec<Check>, Malformed>;

/// Fills in the results of a row.
type Oracle = fn(&Row) -> Result<Row, Malformed>;

/// A table of oracles of one model.
#[derive(Clone, Copy)]
pub struct Family {
    /// Its name.
    pub name: &'static str,
    /// The model, in a few words.
    pub model: &'static str,
    /// Which parts play it.
    pub parts: &'static str,
    /// Where the figures are from.
    pub source: &'static str,
    /// The table, as text.
    table: &'static str,
    /// Columns that are not part of the setup: results and remarks.
    results: &'static [&'static str],
    /// Fills in the results of a row that has parameters only; `None` where there is no closed form.
    oracle: Option<Oracle>,
    /// Plays a row and compares.
    measure: fn(&Row, Effort) -> Checks,
}

impl std::fmt::Debug for Family {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Family").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Family {
    /// The rows of its table.
    pub fn rows(&self) -> Vec<Row> {
        read_table(self.table).expect("the tables that are compiled in are read by a test")
    }

    /// A row of these parameters, with the results of its closed form.
    pub fn row(&self, parameters: &Row) -> Result<Row, Malformed> {
        match self.oracle {
            Some(oracle) => oracle(parameters),
            None => Err(Malformed(format!("{} has no closed form; give rows with results by --file", self.name))),
        }
    }

    /// What a row sets up, for people.
    pub fn setup(&self, row: &Row) -> String {
        row.setup(self.results)
    }

    /// Plays a row and compares what is measured with every result that it has.
    pub fn measure(&self, row: &Row, effort: Effort) -> Checks {
        let checks = (self.measure)(row, effort)?;
        if checks.is_empty() { Err(Malformed("this row has no result to compare with".to_owned())) } else { Ok(checks) }
    }
}

/// All families, in the order in which they are played.
pub fn families() -> &'static [Family] {
    family::ALL
}

/// One row to be played.
#[derive(Clone, Debug)]
pub struct Case {
    /// Of which family.
    pub family: &'static Family,
    /// The row.
    pub row: Row,
}

impl Case {
    /// Family and setup, for people and for filters.
    pub fn name(&self) -> String {
        format!("{} {}", self.family.name, self.family.setup(&self.row))
    }
}

/// Plays all cases, on all cores; `each` is told of every case in order, as soon as it and those before it are done.
/// Results don't depend on the number of threads.
pub fn validate(cases: &[Case], effort: Effort, each: &mut (dyn FnMut(&Case, &Checks) + Send)) -> Vec<Checks> {
    struct Done<'a> {
        results: Vec<Option<Checks>>,
        told: usize,
        each: &'a mut (dyn FnMut(&Case, &Checks) + Send),
    }
    let done = Mutex::new(Done { results: cases.iter().map(|_| None).collect(), told: 0, each });
    let next = AtomicUsize::new(0);
    let work = || {
        loop {
            let i = next.fetch_add(1, Ordering::Relaxed);
            let Some(case) = cases.get(i) else { return };
            // Every row has numbers of its own: what is rare in one must not be rare in all.
            let own = crate::engine::random::name_hash(&case.name()) >> 40;
            let checks = case.family.measure(&case.row, Effort { seed: effort.seed + own, ..effort });
            let mut done = done.lock().expect("nobody panics while he tells");
            done.results[i] = Some(checks);
            while let Some(Some(checks)) = done.results.get(done.told).cloned() {
                let case = &cases[done.told];
                (done.each)(case, &checks);
                done.told += 1;
            }
        }
    };
    std::thread::scope(|scope| {
        // The runs of a row share the pool of all rows; a thread here only waits for it.
        (0..rayon::current_num_threads()).for_each(|_| drop(scope.spawn(work)));
    });
    let done = done.into_inner().expect("nobody panics while he tells");
    done.results.into_iter().map(|r| r.expect("every case was played")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closed_forms_say_what_the_tables_say() {
        let mut compared = 0;
        for family in families().iter().filter(|f| f.oracle.is_some()) {
            for row in family.rows() {
                let computed = family.row(&row).unwrap_or_else(|e| panic!("{} {row:?}: {e}", family.name));
                for column in family.results {
                    let (Some(table), Some(own)) = (row.figure(column), computed.figure(column)) else { continue };
                    if table.value.is_infinite() {
                        assert_eq!(table.value, own.value, "{} {row:?}", family.name);
                        continue;
                    }
                    // By rule A, or to the last digit that is printed.
                    let near = 1e-6 * table.value.abs() + table.half_unit.max(0.51 * table.unit.min(1e-3));
                    let apart = (table.value - own.value).abs();
                    assert!(apart <= near, "{} {column} {row:?}: {}", family.name, own.value);
                    compared += 1;
                }
            }
        }
        assert!(compared > 1000, "{compared}");
    }

    #[test]
    fn every_table_is_read_and_every_row_is_told_apart() {
        for family in families() {
            let rows = family.rows();
            assert!(!rows.is_empty(), "{}", family.name);
            let mut names: Vec<String> = rows.iter().map(|r| family.setup(r)).collect();
            names.sort();
            names.dedup();
            assert_eq!(names.len(), rows.len(), "{}", family.name);
        }
    }

    #[test]
    fn parameters_that_mean_nothing_are_refused() {
        let refused = |family: &str, text: &str| {
            let family = families().iter().find(|f| f.name == family).expect("it is there");
            let row = Row::from_assignments(text).expect("it reads");
            family.row(&row).and_then(|row| family.measure(&row, Effort::default())).unwrap_err().0
        };
        assert!(refused("queueing_open", "lambda=2,mu=1,c=2").contains("nothing is stationary"));
        assert!(refused("queueing_open", "mu=1").contains("`lambda` is missing"));
        assert!(refused("queueing_open", "lambda=0.5,model=G/G/1").contains("no queue known"));
        assert!(refused("order_statistics_exp", "n=3,k=4").contains("1..3"));
        assert!(refused("power_of_d_finite_mc", "n=3,lambda=0.5,d=2").contains("no closed form"));
        assert!(refused("zipf", "theta=-1,n_items=10").contains("0..10"));
        assert!(refused("hedging_mc", "dist=Weibull").contains("is not like"));
    }
}
