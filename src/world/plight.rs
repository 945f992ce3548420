//! What faults do to one thing at a time, of which several may be under way: none undoes another.
//!
//! Whatever a fault has done holds until that fault is over. Of two crashes the second to end lets the process start; of
//! two values the one that began last counts, and the other again once that is over; factors multiply, slots add up.

use super::control::{Gray, Power};

/// Who does it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cause {
    /// A fault of the plan, by its number.
    Fault(u16),
    /// A fencing device.
    Fence,
    /// A control that belongs to no schedule.
    Operator,
}

/// What a control came to at one process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Met {
    /// It did nothing, and will have nothing to undo.
    Nobody,
    /// Something else does the same already, or still does: nothing changes until that is over.
    Holds,
    /// It did what it does.
    Hits,
}

/// What is done to one thing, in the order in which it began.
#[derive(Clone, Debug)]
pub(super) struct Standing<T> {
    // Invariant: every cause once, and each has begun at least once more than it has ended.
    rows: Vec<Row<T>>,
}

#[derive(Clone, Debug)]
struct Row<T> {
    cause: Cause,
    value: T,
    /// One fault may name a place twice, and end there at two times.
    times: u32,
}

impl<T> Default for Standing<T> {
    fn default() -> Standing<T> {
        Standing { rows: Vec::new() }
    }
}

impl<T> Standing<T> {
    /// It begins, as the latest of all.
    pub(super) fn begin(&mut self, cause: Cause, value: T) {
        let times = self.rows.iter().position(|row| row.cause == cause).map_or(0, |i| self.rows.remove(i).times);
        self.rows.push(Row { cause, value, times: times + 1 });
    }

    /// It ends. Whether it had begun.
    pub(super) fn end(&mut self, cause: Cause) -> bool {
        let Some(i) = self.rows.iter().position(|row| row.cause == cause) else { return false };
        self.rows[i].times -= 1;
        if self.rows[i].times == 0 {
            self.rows.remove(i);
        }
        true
    }

    /// Begins with a value, ends without one.
    pub(super) fn turn(&mut self, cause: Cause, value: Option<T>) -> bool {
        match value {
            Some(value) => {
                self.begin(cause, value);
                true
            }
            None => self.end(cause),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// What began last of all that goes on.
    pub(super) fn latest(&self) -> Option<&T> {
        self.rows.last().map(|row| &row.value)
    }

    /// All that goes on, in the order in which it began.
    pub(super) fn values(&self) -> impl Iterator<Item = &T> {
        self.rows.iter().map(|row| &row.value)
    }
}

impl Standing<f64> {
    /// Of factors; 1 without any.
    pub(super) fn product(&self) -> f64 {
        self.values().product()
    }
}

/// What faults do to one process.
#[derive(Clone, Debug, Default)]
pub(super) struct Plight {
    /// Invariant: while somebody holds it down, it is down, or stands by for a scaler.
    pub(super) down: Standing<Power>,
    pub(super) paused: Standing<()>,
    pub(super) slow: Standing<f64>,
    pub(super) gray: Standing<Gray>,
    pub(super) out: Standing<()>,
    /// Parts per million that the clock of its host gains.
    pub(super) drift: Standing<f64>,
    pub(super) frozen: Standing<()>,
    pub(super) disk: Standing<f64>,
    /// Factors of clients.
    pub(super) load: Standing<f64>,
}

impl Plight {
    /// How it is down: without power if that is so for anybody's sake.
    pub(super) fn power(&self) -> Option<Power> {
        let machine = self.down.values().any(|power| *power == Power::Machine);
        if machine { Some(Power::Machine) } else { self.down.latest().copied() }
    }

    /// Another process in its place, on the same machine.
    pub(super) fn renewed(&mut self) {
        *self = Plight {
            drift: std::mem::take(&mut self.drift),
            frozen: std::mem::take(&mut self.frozen),
            disk: std::mem::take(&mut self.disk),
            ..Plight::default()
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Cause = Cause::Fault(0);
    const B: Cause = Cause::Fault(1);

    #[test]
    fn the_latest_counts_and_the_one_before_it_again_once_that_is_over() {
        let mut standing = Standing::default();
        standing.begin(A, 2);
        standing.begin(B, 3);
        assert_eq!(standing.latest(), Some(&3));
        assert!(standing.end(B));
        assert_eq!(standing.latest(), Some(&2));
        standing.begin(B, 3);
        assert!(standing.end(A));
        assert_eq!(standing.latest(), Some(&3));
        assert!(standing.end(B));
        assert!(standing.is_empty());
        assert!(!standing.end(B), "what is over can't end");
    }

    #[test]
    fn what_names_a_place_twice_ends_there_with_its_second_end() {
        let mut standing = Standing::default();
        standing.begin(A, 2.0);
        standing.begin(A, 2.0);
        assert_eq!(standing.product(), 2.0);
        assert!(standing.end(A));
        assert_eq!(standing.product(), 2.0);
        assert!(standing.end(A));
        assert_eq!(standing.product(), 1.0);
    }
}
