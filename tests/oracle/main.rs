//! The checkers agree with brute force on random small histories, and fast engines with the general one on larger ones.
//!
//! 100,000 histories a model: `ORACLE_CASES=100000 cargo test --release --test oracle`. Without the variable a tenth.

mod brute;
mod calls;
mod generate;
mod larger;

use generate::{Domain, history, lies, raws};
use netsplit::check::{Engine, Property, Steps, Verdict, View, judge_with, linearizable};
use netsplit::history::History;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

/// How many histories a test tries.
fn cases() -> u32 {
    std::env::var("ORACLE_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(10_000)
}

/// Runs a test on random histories of three processes. Both answers must turn up, or it would say nothing.
fn agree(domain: Domain, most: usize, cases: u32, check: impl Fn(&History) -> Result<Option<bool>, String>) {
    agree_among(3, domain, most, cases, check);
}

/// The same of any number of processes.
fn agree_among(
    processes: u8,
    domain: Domain,
    most: usize,
    cases: u32,
    check: impl Fn(&History) -> Result<Option<bool>, String>,
) {
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 20_000, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(
        config,
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    let seen = std::cell::Cell::new([0_u32; 2]);
    let result = runner.run(&(lies(), raws(processes, most)), |(lies, raws)| {
        let history = history(domain, lies, &raws);
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
    assert!(no > cases / 2000 && yes > cases / 50, "{no} violated, {yes} hold of {cases}");
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

fn weaker_as_defined(domain: Domain, property: Property, truth: impl Fn(&History) -> Option<bool>) {
    agree(domain, 6, cases(), |history| {
        let Some(truth) = truth(history) else { return Ok(None) };
        let view = View::new(history, None);
        same(&judge_with(&view, property, Engine::Search, Steps::DEFAULT), truth)?;
        same(&judge_with(&view, property, Engine::Fastest, Steps::DEFAULT), truth)
    });
}

fn linearizable_as_defined(domain: Domain) {
    agree(domain, 6, cases(), linearizable_by_both_engines);
}

fn linearizable_by_both_engines(history: &History) -> Result<Option<bool>, String> {
    let truth = brute::linearizable(history);
    let view = View::new(history, None);
    same(&linearizable(&view, Engine::Search, Steps::DEFAULT), truth)?;
    same(&linearizable(&view, Engine::Fastest, Steps::DEFAULT), truth)
}

/// Much is open at once, values repeat, much is refused and much unknown.
#[test]
fn crowds_on_few_values_like_brute_force() {
    agree_among(5, Domain::CasOfTwo, 8, cases(), linearizable_by_both_engines);
    agree_among(5, Domain::Cas, 8, cases(), linearizable_by_both_engines);
    agree_among(5, Domain::Register, 8, cases(), linearizable_by_both_engines);
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
    cas_of_two_values: CasOfTwo,
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

macro_rules! weaker {
    ($module:ident, $property:ident, $truth:expr, $($name:ident: $domain:ident),* $(,)?) => {
        mod $module {
            $(#[test] fn $name() {
                super::weaker_as_defined(super::Domain::$domain, super::Property::$property, $truth);
            })*
        }
    };
}

weaker! {
    sequential_like_brute_force, Sequential, |history| Some(crate::brute::sequential(history)),
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
    queue: Queue,
    lock: Lock,
}

weaker! {
    pram_like_brute_force, Pram, |history| Some(crate::brute::pram(history)),
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
    counter: Counter,
    queue: Queue,
    lock: Lock,
}

weaker! {
    causal_like_brute_force, Causal, crate::brute::causal,
    register_of_distinct_values: Distinct,
    cas_of_distinct_values: DistinctCas,
    kv_of_distinct_values: DistinctKv,
    list_of_distinct_elements: DistinctList,
    set_that_grows: GrowingSet,
}

mod sessions_like_brute_force {
    use super::*;

    const GUARANTEES: [Property; 4] =
        [Property::ReadYourWrites, Property::MonotonicReads, Property::MonotonicWrites, Property::WritesFollowReads];

    fn guarantee(number: usize, domain: Domain) {
        agree(domain, 10, cases(), |history| {
            let Some(truth) = brute::sessions(history) else { return Ok(None) };
            let view = View::new(history, None);
            same(&judge_with(&view, GUARANTEES[number], Engine::Fastest, Steps::DEFAULT), truth[number])
        });
    }

    #[test]
    fn read_your_writes() {
        guarantee(0, Domain::Distinct);
        guarantee(0, Domain::DistinctKv);
        guarantee(0, Domain::GrowingSet);
    }

    #[test]
    fn monotonic_reads() {
        guarantee(1, Domain::Distinct);
        guarantee(1, Domain::DistinctKv);
        guarantee(1, Domain::DistinctList);
    }

    #[test]
    fn monotonic_writes() {
        guarantee(2, Domain::Distinct);
        guarantee(2, Domain::DistinctKv);
        guarantee(2, Domain::GrowingSet);
    }

    #[test]
    fn writes_follow_reads() {
        guarantee(3, Domain::Distinct);
        guarantee(3, Domain::DistinctKv);
        guarantee(3, Domain::GrowingSet);
    }
}

/// Which model implies which.
const IMPLIES: [(Property, Property); 7] = [
    (Property::Linearizable, Property::Sequential),
    (Property::Sequential, Property::Causal),
    (Property::Causal, Property::WritesFollowReads),
    (Property::Causal, Property::Pram),
    (Property::Pram, Property::MonotonicReads),
    (Property::Pram, Property::MonotonicWrites),
    (Property::Pram, Property::ReadYourWrites),
];

#[test]
fn no_verdict_contradicts_the_hierarchy() {
    for domain in [Domain::Distinct, Domain::DistinctKv, Domain::DistinctCas, Domain::DistinctList, Domain::Register] {
        agree(domain, 8, cases(), |history| {
            let view = View::new(history, None);
            let verdict = |property| judge_with(&view, property, Engine::Fastest, Steps::DEFAULT);
            for (stronger, weaker) in IMPLIES {
                // A process that goes on at the instant of its last answer is bound by its order, not by time.
                if stronger == Property::Linearizable {
                    continue;
                }
                if verdict(stronger) == Verdict::Holds && verdict(weaker).is_violated() {
                    return Err(format!("{} holds, {} does not", stronger.name(), weaker.name()));
                }
            }
            Ok(Some(verdict(Property::Causal) == Verdict::Holds))
        });
    }
}
