//! Properties that a store must keep whatever its consistency, judged on histories written out here.

use netsplit::check::{Property, Steps, Verdict, View, hierarchy, judge, lost_writes, staleness, standing};
use netsplit::engine::{Instant, Span};
use netsplit::history::{Function, History, Invocation, ObjectId, Observation, OpIndex, Status};

const STORE: ObjectId = ObjectId(0);

fn empty() -> History {
    let mut history = History::new();
    history.object("kv");
    history
}

/// One operation of a process; unknown without an end.
fn op(history: &mut History, process: u32, function: Function, value: u64, from: u64, until: Option<u64>) -> OpIndex {
    let reads = function == Function::Read;
    let index = history.invoke(Invocation {
        at: Instant(from),
        process,
        object: STORE,
        key: 1,
        function,
        value: if reads { 0 } else { value },
        expected: 0,
    });
    if let Some(until) = until {
        history.complete(index, Status::Ok, if reads { value } else { 0 }, Instant(until));
    }
    index
}

fn holds(history: &mut History, replica: u32, values: &[u64]) {
    history.observe(Observation::FinalState { object: STORE, replica, key: 1, values: values.to_vec() });
}

fn verdict(history: &History, property: Property) -> &'static str {
    judge(history, Some(STORE), property, Steps::DEFAULT).name()
}

#[test]
fn replicas_converge_if_they_hold_the_same() {
    let mut history = empty();
    assert_eq!(verdict(&history, Property::Converged), "vacuous");
    holds(&mut history, 0, &[4, 5]);
    assert_eq!(verdict(&history, Property::Converged), "vacuous", "one replica cannot differ");
    holds(&mut history, 1, &[5, 4]);
    assert_eq!(verdict(&history, Property::Converged), "holds", "siblings have no order");
    holds(&mut history, 2, &[]);
    assert_eq!(verdict(&history, Property::Converged), "violated");
}

#[test]
fn a_recorder_says_since_when_keys_had_to_be_left_alone() {
    let mut history = empty();
    op(&mut history, 1, Function::Write, 5, 10, Some(20));
    holds(&mut history, 0, &[5]);
    holds(&mut history, 1, &[]);
    assert_eq!(verdict(&history, Property::Converged), "violated");
    history.leave_alone_since(Instant(15));
    assert_eq!(verdict(&history, Property::Converged), "vacuous", "repair had no time");
    history.leave_alone_since(Instant(20));
    assert_eq!(verdict(&history, Property::Converged), "violated");
}

#[test]
fn what_is_left_of_a_counter_tells_no_change_from_another() {
    let mut history = empty();
    op(&mut history, 1, Function::Add, 5, 10, Some(20));
    let read = op(&mut history, 2, Function::Read, 0, 30, Some(40));
    let lost = judge(&history, None, Property::NoLostAckedWrite, Steps::DEFAULT);
    assert!(matches!(&lost, Verdict::Vacuous(reason) if reason.0.contains("ask for linearizable")), "{lost:?}");
    assert_eq!(verdict(&history, Property::Linearizable), "violated");
    assert_eq!(netsplit::check::describe::label(&history, read), "read → 0");
}

#[test]
fn additions_that_leave_a_word_are_not_judged() {
    let mut history = empty();
    op(&mut history, 1, Function::Add, i64::MAX as u64, 10, Some(20));
    op(&mut history, 1, Function::Add, 1, 30, Some(40));
    op(&mut history, 2, Function::Read, i64::MIN as u64, 50, Some(60));
    assert_eq!(verdict(&history, Property::Linearizable), "unknown");
}

#[test]
fn an_acknowledged_write_is_lost_if_only_something_older_is_left() {
    let mut history = empty();
    op(&mut history, 0, Function::Write, 3, 0, Some(10));
    op(&mut history, 0, Function::Write, 7, 20, Some(30));
    assert_eq!(verdict(&history, Property::NoLostAckedWrite), "vacuous", "nobody looked");
    let mut lost = history.clone();
    holds(&mut lost, 0, &[]);
    holds(&mut lost, 1, &[3]);
    assert_eq!(verdict(&lost, Property::NoLostAckedWrite), "violated");
    assert_eq!(lost_writes(&View::new(&lost, Some(STORE))), Some(1));
    holds(&mut history, 0, &[7]);
    assert_eq!(verdict(&history, Property::NoLostAckedWrite), "holds", "3 was overwritten");
    holds(&mut history, 1, &[3]);
    assert_eq!(verdict(&history, Property::NoLostAckedWrite), "holds", "a replica that lags has lost nothing");
    assert_eq!(verdict(&history, Property::Converged), "violated");
}

#[test]
fn what_a_replaced_primary_takes_back_is_lost_even_if_it_was_overwritten_later() {
    let mut history = empty();
    op(&mut history, 0, Function::Write, 3, 0, Some(10));
    history.observe(Observation::RolledBack { at: Instant(15), object: STORE, replica: 0, key: 1, value: 3 });
    op(&mut history, 0, Function::Write, 7, 20, Some(30));
    holds(&mut history, 0, &[7]);
    assert_eq!(verdict(&history, Property::NoLostAckedWrite), "violated");
    assert_eq!(lost_writes(&View::new(&history, Some(STORE))), Some(1));
    // Unless it came back: somebody sent it again.
    op(&mut history, 2, Function::Read, 3, 16, Some(18));
    assert_eq!(verdict(&history, Property::NoLostAckedWrite), "holds");
}

#[test]
fn a_write_of_unknown_outcome_may_have_overwritten() {
    let mut history = empty();
    op(&mut history, 1, Function::Write, 3, 0, None);
    op(&mut history, 0, Function::Write, 7, 20, Some(30));
    holds(&mut history, 0, &[3]);
    assert_eq!(verdict(&history, Property::NoLostAckedWrite), "holds");
}

#[test]
fn without_final_states_the_last_read_tells() {
    let mut history = empty();
    op(&mut history, 0, Function::Write, 3, 0, Some(10));
    op(&mut history, 0, Function::Write, 7, 20, Some(30));
    op(&mut history, 1, Function::Read, 3, 25, Some(28));
    assert_eq!(verdict(&history, Property::NoLostAckedWrite), "vacuous", "that read began too early");
    op(&mut history, 1, Function::Read, 3, 40, Some(50));
    assert_eq!(verdict(&history, Property::NoLostAckedWrite), "violated");
}

#[test]
fn values_come_from_writes_that_had_begun() {
    let mut history = empty();
    op(&mut history, 0, Function::Write, 3, 0, Some(10));
    op(&mut history, 1, Function::Read, 3, 5, Some(8));
    assert_eq!(verdict(&history, Property::NoPhantomValue), "holds");
    let mut early = history.clone();
    op(&mut early, 1, Function::Read, 9, 15, Some(16));
    op(&mut early, 0, Function::Write, 9, 20, Some(30));
    assert_eq!(verdict(&early, Property::NoPhantomValue), "violated", "nobody had written 9 yet");
    let failed = op(&mut history, 2, Function::Write, 8, 20, None);
    history.complete(failed, Status::Fail, 0, Instant(25));
    op(&mut history, 1, Function::Read, 8, 30, Some(31));
    assert_eq!(verdict(&history, Property::NoPhantomValue), "violated", "a failed write wrote nothing");
}

#[test]
fn a_sum_comes_from_nowhere_and_is_no_phantom() {
    let mut history = empty();
    op(&mut history, 1, Function::Add, 2, 10, Some(20));
    op(&mut history, 2, Function::Add, 3, 30, Some(40));
    op(&mut history, 1, Function::Read, 5, 50, Some(60));
    assert_eq!(verdict(&history, Property::NoPhantomValue), "vacuous");
}

#[test]
fn what_was_deleted_stays_deleted_unless_somebody_writes_it_again() {
    let mut history = empty();
    op(&mut history, 0, Function::Write, 3, 0, Some(10));
    assert_eq!(verdict(&history, Property::NoResurrection), "vacuous");
    op(&mut history, 0, Function::Delete, 0, 20, Some(30));
    op(&mut history, 1, Function::Read, 3, 25, Some(40));
    assert_eq!(verdict(&history, Property::NoResurrection), "holds", "that read may have come before");
    let mut again = history.clone();
    op(&mut again, 2, Function::Write, 3, 22, Some(60));
    op(&mut again, 1, Function::Read, 3, 70, Some(80));
    assert_eq!(verdict(&again, Property::NoResurrection), "holds");
    holds(&mut history, 0, &[3]);
    assert_eq!(verdict(&history, Property::NoResurrection), "violated");
}

#[test]
fn staleness_counts_acknowledged_writes_that_a_read_missed() {
    let mut history = empty();
    op(&mut history, 0, Function::Write, 3, 0, Some(10));
    op(&mut history, 0, Function::Write, 7, 20, Some(30));
    op(&mut history, 0, Function::Write, 8, 40, Some(50));
    op(&mut history, 1, Function::Read, 3, 100, Some(110));
    op(&mut history, 1, Function::Read, 8, 120, Some(130));
    let ages = staleness(&View::new(&history, Some(STORE)));
    assert_eq!((ages.reads[0].behind, ages.reads[0].age), (2, Span(70)));
    assert_eq!((ages.reads[1].behind, ages.reads[1].age), (0, Span(0)));
    assert_eq!(ages.reads[0].since_write, Some(Span(50)));
    assert_eq!(ages.k_staleness(), vec![(0, 0.5), (2, 1.0)]);
    assert_eq!(ages.t_visibility(2), vec![(Span(50), 0.0), (Span(70), 1.0)]);
    let after: Vec<Span> = ages.visible_after.iter().map(|&(_, after)| after).collect();
    assert_eq!(after, vec![Span(0), Span(70), Span(50)]);
    assert_eq!(verdict(&history, Property::BoundedStaleness(Span(69))), "violated");
    assert_eq!(verdict(&history, Property::BoundedStaleness(Span(70))), "holds");
}

/// Writes of two clients and what a third reads, one after another each: key, value.
fn two_write_and_one_reads(a: &[(u64, u64)], b: &[(u64, u64)], reads: &[(u64, u64)]) -> History {
    let mut history = empty();
    for (process, function, operations) in
        [(1, Function::Write, a), (2, Function::Write, b), (3, Function::Read, reads)]
    {
        for (n, &(key, value)) in operations.iter().enumerate() {
            // Nobody waits for anybody else: only what is read binds.
            let (from, until) = (100 * n as u64, 100 * n as u64 + 50);
            let written = if function == Function::Read { 0 } else { value };
            let at = Instant(from);
            let index =
                history.invoke(Invocation { at, process, object: STORE, key, function, value: written, expected: 0 });
            history.complete(index, Status::Ok, if written == 0 { value } else { 0 }, Instant(until));
        }
    }
    history
}

// The last read sees x = 1 although x = 2 is in its past: x = 2 comes before x = 1. But then y = 2, which is older than
// x = 2, comes before the first read of x, and so before the read that still sees y = 1.
#[test]
fn what_one_read_implies_may_make_another_impossible() {
    let (x, y, z) = (1, 2, 3);
    let reads = [(x, 1), (y, 1), (z, 5), (x, 1)];
    let history = two_write_and_one_reads(&[(y, 1), (y, 2), (x, 2), (z, 5)], &[(x, 1)], &reads);
    assert_eq!(verdict(&history, Property::Causal), "violated");
    let history = two_write_and_one_reads(&[(y, 1), (x, 2), (z, 5)], &[(x, 1)], &reads);
    assert_eq!(verdict(&history, Property::Causal), "holds");
}

#[test]
fn the_strongest_model_is_named() {
    // Two processes see two concurrent writes in different orders: causal, but no single order.
    let mut history = empty();
    op(&mut history, 0, Function::Write, 1, 0, Some(1));
    op(&mut history, 1, Function::Write, 2, 0, Some(1));
    for (process, values) in [(2, [1, 2]), (3, [2, 1])] {
        op(&mut history, process, Function::Read, values[0], 10, Some(11));
        op(&mut history, process, Function::Read, values[1], 20, Some(21));
    }
    let found = standing(&View::new(&history, None), Steps::DEFAULT);
    assert_eq!(found.word(), "causal");
    assert_eq!(found.weakest_violated(), vec![Property::Sequential]);
    assert_eq!(found.of(Property::MonotonicReads), Some(&Verdict::Holds));
}

#[test]
fn the_hierarchy_has_linearizable_on_top_and_no_circle() {
    for model in hierarchy::MODELS {
        assert!(hierarchy::implies(Property::Linearizable, model));
        assert_eq!(hierarchy::implies(model, Property::Linearizable), model == Property::Linearizable);
    }
}

#[test]
fn one_leader_a_term_and_one_entry_an_index() {
    let leader = |term, process| Observation::Leader { at: Instant(term), object: STORE, term, process };
    let applied =
        |replica, entry| Observation::Applied { at: Instant(1), object: STORE, replica, index: 4, term: 1, entry };
    let mut history = empty();
    assert_eq!(verdict(&history, Property::SingleLeaderPerTerm), "vacuous");
    history.observe(leader(1, 0));
    history.observe(leader(2, 1));
    history.observe(applied(0, 77));
    assert_eq!(verdict(&history, Property::SingleLeaderPerTerm), "holds");
    assert_eq!(verdict(&history, Property::StateMachineSafety), "holds");
    history.observe(leader(2, 0));
    history.observe(applied(1, 78));
    assert_eq!(verdict(&history, Property::SingleLeaderPerTerm), "violated");
    assert_eq!(verdict(&history, Property::StateMachineSafety), "violated");
}

#[test]
fn logs_that_agree_in_an_entry_agree_in_all_before() {
    let entry = |replica, index, term, entry| Observation::LogEntry { object: STORE, replica, index, term, entry };
    let mut history = empty();
    for replica in [0, 1] {
        history.observe(entry(replica, 1, 1, 10));
        history.observe(entry(replica, 3, 2, 30));
    }
    history.observe(entry(0, 2, 1, 20));
    history.observe(entry(0, 4, 2, 40));
    history.observe(entry(1, 4, 3, 41));
    assert_eq!(verdict(&history, Property::LogMatching), "holds", "different terms may differ");
    history.observe(entry(1, 2, 2, 21));
    assert_eq!(verdict(&history, Property::LogMatching), "violated");
}

/// A leader of term 1 whose first two entries are applied by it and another, then a leader of term 2.
fn committed_in_term_1() -> History {
    let mut history = empty();
    let leader = |at, term, process| Observation::Leader { at: Instant(at), object: STORE, term, process };
    history.observe(leader(10, 1, 0));
    for (at, replica, index) in [(20, 0, 1), (20, 0, 2), (25, 1, 1)] {
        history.observe(applied_entry(at, replica, index, 1, 10 * index));
    }
    history.observe(leader(30, 2, 2));
    history
}

fn applied_entry(at: u64, replica: u32, index: u64, term: u64, entry: u64) -> Observation {
    Observation::Applied { at: Instant(at), object: STORE, replica, index, term, entry }
}

#[test]
fn a_leader_has_what_was_committed_in_earlier_terms() {
    let mut history = committed_in_term_1();
    assert_eq!(verdict(&history, Property::LeaderCompleteness), "vacuous", "the second leader wrote nothing");
    history.observe(applied_entry(35, 1, 2, 1, 20));
    history.observe(applied_entry(40, 1, 3, 2, 30));
    assert_eq!(verdict(&history, Property::LeaderCompleteness), "holds");
}

#[test]
fn a_leader_that_writes_over_what_was_committed_lacks_it() {
    let mut history = committed_in_term_1();
    // Where its term begins tells how long its log was, although nobody applied that entry.
    history.observe(Observation::LogEntry { object: STORE, replica: 2, index: 2, term: 2, entry: 21 });
    assert_eq!(verdict(&history, Property::LeaderCompleteness), "violated");
    let Verdict::Violated(evidence) = judge(&history, Some(STORE), Property::LeaderCompleteness, Steps::DEFAULT) else {
        panic!("it was violated");
    };
    assert!(evidence.sentence.starts_with("replica 2, leader of term 2 from "), "{}", evidence.sentence);
    assert!(evidence.sentence.contains("lacks entry 2 of term 1"), "{}", evidence.sentence);
}

#[test]
fn a_leader_with_a_longer_log_may_still_lack_what_was_committed() {
    // Figure 8 (d): what stands before its first entry is something else.
    let mut history = committed_in_term_1();
    for (index, term, entry) in [(1, 1, 10), (2, 0, 99), (3, 2, 30)] {
        history.observe(applied_entry(40, 2, index, term, entry));
    }
    assert_eq!(verdict(&history, Property::LeaderCompleteness), "violated");
}

#[test]
fn a_leader_need_not_have_what_a_later_term_commits() {
    let mut history = committed_in_term_1();
    let leader = |at, term, process| Observation::Leader { at: Instant(at), object: STORE, term, process };
    // Elected late by votes that were given early: term 3 has committed an old entry meanwhile.
    history.observe(leader(50, 4, 0));
    history.observe(applied_entry(60, 0, 3, 2, 30));
    history.observe(leader(70, 3, 1));
    history.observe(Observation::LogEntry { object: STORE, replica: 1, index: 3, term: 3, entry: 31 });
    assert_eq!(verdict(&history, Property::LeaderCompleteness), "holds");
    let mut early = committed_in_term_1();
    early.observe(applied_entry(60, 0, 3, 2, 30));
    early.observe(leader(70, 3, 1));
    early.observe(Observation::LogEntry { object: STORE, replica: 1, index: 3, term: 3, entry: 31 });
    assert_eq!(verdict(&early, Property::LeaderCompleteness), "violated");
}

#[test]
fn an_older_token_is_fenced_off() {
    let effect = |token| Observation::Effect { at: Instant(token), object: STORE, key: 1, token, process: 0 };
    let mut history = empty();
    history.observe(effect(33));
    history.observe(effect(34));
    assert_eq!(verdict(&history, Property::FencingMonotonic), "holds");
    history.observe(effect(33));
    assert_eq!(verdict(&history, Property::FencingMonotonic), "violated");
}

#[test]
fn two_owners_do_not_hold_a_lock_at_once() {
    let mut history = empty();
    op(&mut history, 0, Function::Acquire, 0, 0, Some(10));
    op(&mut history, 0, Function::Release, 0, 50, Some(60));
    op(&mut history, 1, Function::Acquire, 0, 40, Some(55));
    op(&mut history, 1, Function::Release, 0, 70, Some(80));
    assert_eq!(verdict(&history, Property::MutualExclusion), "holds");
    op(&mut history, 2, Function::Acquire, 0, 20, Some(30));
    op(&mut history, 2, Function::Release, 0, 45, Some(46));
    assert_eq!(verdict(&history, Property::MutualExclusion), "violated");
}
