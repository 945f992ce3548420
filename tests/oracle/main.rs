//! The checkers agree with brute force on random small histories, and fast engines with the general one on larger ones.
//!
//! 100,000 histories a model: `ORACLE_CASES=100000 cargo test --release --test oracle`. Without the variable a tenth.

mod brute;
mod generate;

use generate::{Domain, history, raws};
use netsplit::check::{Engine, Steps, Verdict, View, linearizable};
use netsplit::history::History;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

/// How many histories a test tries.
fn cases() -> u32 {
    std::env::var("ORACLE_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(10_000)
}

/// Runs a test on random histories. Both answers must turn up, or it would say nothing.
fn agree(domain: Domain, most: usize, cases: u32, check: impl Fn(&History) -> Result<Option<bool>, String>) {
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 20_000, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(
        config,
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    let seen = std::cell::Cell::new([0_u32; 2]);
    let result = runner.run(&raws(most), |raws| {
        let history = history(domain, &raws);
        match check(&history) {
            Ok(Some(answer)) => {
                let mut counts = seen.get();
                counts[usize::from(answer)] += 1;
                seen.set(counts);
                Ok(())
            }
            Ok(None) => Ok(()),
            Err(reason) => Err(TestCaseError::fail(format!("{reason}\n{:#?}", history.operations()))),
        }
    });
    if let Err(error) = result {
        panic!("{error}");
    }
    let [no, yes] = seen.get();
    assert!(no > cases / 50 && yes > cases / 50, "{no} violated, {yes} hold of {cases}");
}

/// Compares a verdict with the truth. Vacuous says nothing; unknown is no answer.
fn same(verdict: &Verdict, truth: bool) -> Result<Option<bool>, String> {
    match verdict {
        Verdict::Holds if truth => Ok(Some(true)),
        Verdict::Violated(_) if !truth => Ok(Some(false)),
        Verdict::Vacuous(_) if truth => Ok(None),
        other => Err(format!("{other:?}, but the truth is {truth}")),
    }
}

fn linearizable_as_defined(domain: Domain) {
    agree(domain, 6, cases(), |history| {
        let truth = brute::linearizable(history);
        let view = View::new(history, None);
        same(&linearizable(&view, Engine::Search, Steps::DEFAULT), truth)?;
        same(&linearizable(&view, Engine::Fastest, Steps::DEFAULT), truth)
    });
}

macro_rules! linearizable {
    ($($name:ident: $domain:ident),* $(,)?) => {
        mod linearizable_like_brute_force {
            $(#[test] fn $name() { super::linearizable_as_defined(super::Domain::$domain); })*
        }
    };
}

linearizable! {
    register: Register,
    register_of_distinct_values: Distinct,
    cas: Cas,
    cas_of_distinct_values: DistinctCas,
    kv: Kv,
    kv_of_distinct_values: DistinctKv,
    list: List,
    list_of_distinct_elements: DistinctList,
    set: Set,
    set_that_grows: GrowingSet,
    set_read_as_a_whole: SetScan,
    counter: Counter,
    counter_of_any_steps: Sums,
    queue: Queue,
    queue_of_distinct_values: DistinctQueue,
    lock: Lock,
}
