//! Whether a lock is one: nobody is given it while somebody else certainly holds it.

use super::describe;
use super::verdict::{Evidence, Verdict};
use super::view::View;
use crate::engine::Instant;
use crate::history::{Function, OpIndex, Status};

/// A lock held for certain: from the answer of acquire to the call of release.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Hold {
    from: Instant,
    until: Instant,
    acquire: OpIndex,
    release: OpIndex,
}

/// Whether no two owners certainly held a lock at one time. A lock that its holder did not give back may have been a
/// lease, and is held until somebody else is given it; but it was given, at some moment of its acquire.
pub(super) fn mutual_exclusion(view: &View<'_>) -> Verdict {
    let mut acquired = false;
    let (sorted, ranges) = view.by_key();
    for range in ranges {
        let operations = &sorted[range];
        let mut holds: Vec<Hold> = Vec::new();
        let mut kept: Vec<OpIndex> = Vec::new();
        for (place, &acquire) in operations.iter().enumerate() {
            let operation = view.operation(acquire);
            if operation.function != Function::Acquire || operation.status != Status::Ok {
                continue;
            }
            acquired = true;
            let release = operations[place + 1..].iter().copied().find(|&index| {
                let other = view.operation(index);
                other.function == Function::Release
                    && other.process == operation.process
                    && other.value == operation.value
            });
            match release.filter(|&index| view.operation(index).status != Status::Refused) {
                Some(release) => {
                    let until = view.operation(release).invoked;
                    holds.push(Hold { from: operation.completed, until, acquire, release });
                }
                None => kept.push(acquire),
            }
        }
        holds.sort_unstable();
        if let Some(verdict) = at_once(view, &holds).or_else(|| given_meanwhile(view, &holds, &kept)) {
            return verdict;
        }
    }
    if acquired { Verdict::Holds } else { Verdict::vacuous("nobody acquired the lock") }
}

/// Two holds of different owners that overlap.
fn at_once(view: &View<'_>, holds: &[Hold]) -> Option<Verdict> {
    let mut longest: Option<Hold> = None;
    for &hold in holds {
        if let Some(other) = longest
            && hold.from < other.until
            && view.operation(other.acquire).process != view.operation(hold.acquire).process
        {
            let operations = vec![other.acquire, other.release, hold.acquire, hold.release];
            return Some(violated(view, operations, other.acquire, hold.acquire));
        }
        if longest.is_none_or(|other| hold.until > other.until) {
            longest = Some(hold);
        }
    }
    None
}

/// An acquire that was never given back, and all of it while another owner held the lock. The holds of different owners
/// don't overlap.
fn given_meanwhile(view: &View<'_>, holds: &[Hold], kept: &[OpIndex]) -> Option<Verdict> {
    let mut longest: Vec<Hold> = Vec::with_capacity(holds.len());
    for &hold in holds {
        let before = longest.last().copied().filter(|other| other.until >= hold.until);
        longest.push(before.unwrap_or(hold));
    }
    kept.iter().find_map(|&acquire| {
        let given = view.operation(acquire);
        let begun = holds.partition_point(|hold| hold.from < given.invoked);
        let hold = longest.get(begun.checked_sub(1)?)?;
        let meanwhile = given.completed < hold.until && view.operation(hold.acquire).process != given.process;
        meanwhile.then(|| violated(view, vec![hold.acquire, hold.release, acquire], hold.acquire, acquire))
    })
}

fn violated(view: &View<'_>, mut operations: Vec<OpIndex>, first: OpIndex, second: OpIndex) -> Verdict {
    operations.sort_unstable();
    Verdict::Violated(Box::new(Evidence {
        sentence: format!(
            "{} and {} hold the lock at the same time",
            describe::name(view.history, first),
            describe::name(view.history, second)
        ),
        operations,
        culprit: Some(second),
        minimal: true,
        engine: "scan",
        ..Evidence::default()
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{History, Invocation, ObjectId};

    /// Process, function, invoked, completed; 0 = never.
    fn verdict(operations: &[(u32, Function, u64, u64)]) -> (Verdict, History) {
        let mut history = History::new();
        history.object("lock");
        for &(process, function, at, until) in operations {
            let call =
                Invocation { at: Instant(at), process, object: ObjectId(0), key: 0, function, value: 0, expected: 0 };
            let index = history.invoke(call);
            if until > 0 {
                history.complete(index, Status::Ok, 0, Instant(until));
            }
        }
        (mutual_exclusion(&View::new(&history, None)), history)
    }

    use Function::{Acquire, Release};

    #[test]
    fn two_that_hold_it_at_once_are_found_and_the_witness_shows_it_again() {
        let both = [(0, Acquire, 1, 2), (1, Acquire, 3, 4), (0, Release, 5, 6), (1, Release, 7, 8)];
        for count in [3, 4] {
            let (verdict, history) = verdict(&both[..count]);
            let evidence = verdict.evidence().expect("process 1 is given what process 0 holds");
            assert_eq!(evidence.operations.len(), count);
            let part = history.part(&evidence.operations);
            assert!(mutual_exclusion(&View::new(&part, None)).is_violated());
        }
    }

    #[test]
    fn a_release_that_may_have_happened_at_its_call_is_an_excuse() {
        assert_eq!(verdict(&[(0, Acquire, 1, 2), (1, Acquire, 3, 6), (0, Release, 5, 7)]).0, Verdict::Holds);
        let at_the_same_time = [(0, Acquire, 1, 2), (1, Acquire, 3, 5), (0, Release, 5, 7), (1, Release, 8, 9)];
        assert_eq!(verdict(&at_the_same_time).0, Verdict::Holds);
        assert!(verdict(&[(0, Acquire, 1, 2), (1, Acquire, 3, 4), (0, Release, 5, 0)]).0.is_violated());
    }

    #[test]
    fn a_lease_that_nobody_gave_back_may_have_ended() {
        assert_eq!(verdict(&[(0, Acquire, 1, 2), (1, Acquire, 3, 4)]).0, Verdict::Holds);
        assert_eq!(verdict(&[(0, Acquire, 1, 2), (1, Acquire, 3, 4), (1, Release, 5, 6)]).0, Verdict::Holds);
    }
}
