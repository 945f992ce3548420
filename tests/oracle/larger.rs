//! Histories too large for brute force: fast engines against the general one, planted violations, and relations between
//! verdicts that must hold whatever the truth is.

use netsplit::check::hierarchy::{MODELS, implies};
use netsplit::check::{Engine, Evidence, Property, Steps, Verdict, View, judge_with, linearizable};
use netsplit::engine::Instant;
use netsplit::history::{History, OpIndex, Status};

use crate::calls::{
    Call, Kind, Random, Size, add_unseen, build, permute_clients, plant, rename_values, stretch, truthful,
};

fn verdict(history: &History, engine: Engine, steps: Steps) -> Verdict {
    linearizable(&View::new(history, None), engine, steps)
}

/// The witness is a contradiction by itself: taken alone, with what it says is optional taken so, no order explains it.
/// The general engine says so, or leaves it to the fast one.
fn assert_contradiction(history: &History, evidence: &Evidence, of: &str) {
    let mut witness = history.part(&evidence.operations);
    for &index in &evidence.optional {
        let place = evidence.operations.iter().position(|&other| other == index).expect("a part of the witness");
        witness.complete(OpIndex(place as u32), Status::Unknown, witness_result(&witness, place), Instant(0));
    }
    let mut general = verdict(&witness, Engine::Search, Steps(200_000));
    if matches!(general, Verdict::Unknown(_)) {
        general = verdict(&witness, Engine::Fastest, Steps::DEFAULT);
    }
    assert!(general.is_violated(), "{of}: {} of the witness {:#?}", general.name(), witness.operations());
}

fn witness_result(witness: &History, place: usize) -> u64 {
    witness.operation(OpIndex(place as u32)).result()
}

/// Hundreds of operations of several clients, some unknown, some with a wrong answer.
fn medium(kind: Kind, number: u64) -> (Vec<Call>, Option<usize>, String) {
    let mut random = Random(number * 1000 + kind as u64);
    // The general engine is lost where a queue is wide.
    let (operations, clients) = if kind == Kind::Queue { (60, 3) } else { (150, 4) };
    let size = Size {
        operations: (operations + random.below(operations)) as usize,
        clients: (clients + random.below(clients / 2 + 1)) as usize,
        unknown_permille: [0, 10, 30][random.below(3) as usize],
    };
    let mut calls = truthful(kind, size, &mut random);
    let planted = if number.is_multiple_of(2) { plant(kind, &mut calls, &mut random) } else { None };
    (calls, planted, format!("{kind:?} {number} {size:?}"))
}

fn engines_agree(kind: Kind) {
    const HISTORIES: u64 = 50;
    let (mut undecided, mut held, mut violated) = (0, 0, 0);
    for number in 0..HISTORIES {
        let (calls, planted, name) = medium(kind, number);
        let history = build(&calls);
        let fast = verdict(&history, Engine::Fastest, Steps::DEFAULT);
        match &fast {
            Verdict::Holds => assert!(planted.is_none(), "{name}: {planted:?} was not found"),
            Verdict::Violated(evidence) => {
                let planted = planted.unwrap_or_else(|| panic!("{name}: {}", evidence.sentence));
                assert!(
                    evidence.operations.contains(&OpIndex(planted as u32)),
                    "{name}: {planted} not in {evidence:?}"
                );
                assert_contradiction(&history, evidence, &name);
            }
            other => panic!("{name}: {other:?}"),
        }
        match verdict(&history, Engine::Search, Steps(100_000)) {
            Verdict::Unknown(_) => undecided += 1,
            Verdict::Holds => {
                assert_eq!(fast, Verdict::Holds, "{name}");
                held += 1;
            }
            _ => {
                assert!(fast.is_violated(), "{name}: {fast:?}");
                violated += 1;
            }
        }
    }
    assert!(undecided * 4 <= HISTORIES, "the general engine left {undecided} of {HISTORIES} {kind:?} open");
    assert!(held >= 15 && violated >= 5, "{kind:?}: {held} hold, {violated} violated, {undecided} open");
}

macro_rules! kinds {
    ($module:ident, $check:path, $($name:ident: $kind:ident),* $(,)?) => {
        mod $module {
            $(#[test] fn $name() { $check(super::Kind::$kind); })*
        }
    };
}

kinds! {
    the_fast_engine_agrees_with_the_general_one, super::engines_agree,
    register: Register,
    register_of_few_values: FewValues,
    cas_chains: CasChains,
    cas_of_few_values: FewCas,
    lists: List,
    sets: Set,
    growing_sets: GrowingSet,
    queue: Queue,
    counter: Counter,
    lock: Lock,
}

/// One wrong answer somewhere among a hundred thousand right ones.
fn planted_is_found(kind: Kind) {
    for seed in 0..3 {
        let mut random = Random(seed);
        let clients = [10, 50, 25][seed as usize];
        let size = Size { operations: 100_000, clients, unknown_permille: [0, 1, 5][seed as usize] };
        let mut calls = truthful(kind, size, &mut random);
        let history = build(&calls);
        let truth = verdict(&history, Engine::Fastest, Steps::DEFAULT);
        assert_eq!(truth, Verdict::Holds, "{kind:?} {seed}");
        let planted = plant(kind, &mut calls, &mut random).expect("there is a place for it");
        let history = build(&calls);
        let verdict = verdict(&history, Engine::Fastest, Steps::DEFAULT);
        let Verdict::Violated(evidence) = &verdict else { panic!("{kind:?} {seed}: {planted}: {verdict:?}") };
        assert!(evidence.operations.contains(&OpIndex(planted as u32)), "{kind:?} {seed}: {planted}: {evidence:?}");
        assert!(evidence.operations.len() < 300, "{kind:?} {seed}: {} operations", evidence.operations.len());
        assert_contradiction(&history, evidence, &format!("{kind:?} {seed}"));
    }
}

kinds! {
    a_planted_violation_is_in_the_witness, super::planted_is_found,
    register: Register,
    cas_chains: CasChains,
    lists: List,
    sets: Set,
    growing_sets: GrowingSet,
    queue: Queue,
}

/// What must not turn what holds into something violated, and what must not change any answer.
#[test]
fn verdicts_keep_their_relations() {
    for kind in Kind::ALL {
        let (mut held, mut open) = (0, 0);
        for number in 0..24 {
            let (calls, _, name) = medium(kind, number);
            let judge = |calls: &[Call]| verdict(&build(calls), Engine::Fastest, Steps(300_000));
            let before = judge(&calls);
            let mut other = calls.clone();
            rename_values(&mut other);
            assert_eq!(judge(&other).name(), before.name(), "{name}, values renamed");
            let mut other = calls.clone();
            permute_clients(&mut other);
            assert_eq!(judge(&other).name(), before.name(), "{name}, clients permuted");
            if before != Verdict::Holds {
                continue;
            }
            held += 1;
            let mut random = Random(number);
            let mut other = calls.clone();
            stretch(&mut other, &mut random);
            let after = judge(&other);
            assert!(!after.is_violated(), "{name}, intervals stretched: {after:?}");
            open += u32::from(after != Verdict::Holds);
            let mut other = calls.clone();
            add_unseen(kind, &mut other, &mut random);
            let after = judge(&other);
            assert!(!after.is_violated(), "{name}, unseen changes added: {after:?}");
            open += u32::from(after != Verdict::Holds);
        }
        assert!(held >= 10 && open * 4 <= held, "{kind:?}: {held} hold, {open} of twice as many are open");
    }
}

#[test]
fn no_verdict_contradicts_the_hierarchy_on_larger_histories() {
    let mut answers = 0;
    for kind in [Kind::Register, Kind::CasChains, Kind::List, Kind::GrowingSet, Kind::FewValues] {
        for number in 0..12 {
            let (calls, _, name) = medium(kind, number);
            let history = build(&calls[..calls.len() / 2]);
            let view = View::new(&history, None);
            let verdicts: Vec<(Property, Verdict)> = MODELS
                .into_iter()
                .map(|model| (model, judge_with(&view, model, Engine::Fastest, Steps(400_000))))
                .collect();
            for (stronger, above) in &verdicts {
                for (weaker, below) in &verdicts {
                    if implies(*stronger, *weaker) && *above == Verdict::Holds {
                        assert!(!below.is_violated(), "{name}: {} but not {}", stronger.name(), weaker.name());
                        answers += u32::from(*below == Verdict::Holds);
                    }
                }
            }
        }
    }
    assert!(answers > 300, "{answers}");
}
