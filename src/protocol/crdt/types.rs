//! Shapiro, Preguica, Baquero, Zawirski, "A comprehensive study of convergent and commutative replicated data types",
//! INRIA RR-7506, 2011. Each mutator gives the delta that it makes; joining it in is the update.

use std::collections::BTreeMap;

use super::kernel::{Actor, Kernel};
use crate::protocol::clocks::Timestamp;
use crate::protocol::parts::Join;
use crate::rpc::{Answer, Op, Outcome, Verb};

/// The types of the scenario language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A counter that only grows: `add`, `read`.
    GCounter,
    /// A counter: `add` of negative numbers too, `read`.
    PnCounter,
    /// A register whose latest write by the clock wins: `write`, `delete`, `read`.
    LwwRegister,
    /// A register that keeps concurrent writes side by side: `write`, `delete`, `read`.
    MvRegister,
    /// A set in which an addition wins over a removal that doesn't know of it: `set_add`, `set_remove`, `set_contains`.
    OrSet,
}

impl Kind {
    /// Whether values of this type have the operation.
    pub fn carries(self, verb: Verb) -> bool {
        match self {
            Kind::GCounter | Kind::PnCounter => matches!(verb, Verb::Read | Verb::Add),
            Kind::LwwRegister | Kind::MvRegister => matches!(verb, Verb::Read | Verb::Write | Verb::Delete),
            Kind::OrSet => {
                let set = matches!(verb, Verb::SetAdd | Verb::SetRemove | Verb::SetContains);
                set || Kind::MvRegister.carries(verb)
            }
        }
    }
    /// The value before the first operation.
    pub fn bottom(self) -> Value {
        match self {
            Kind::GCounter => Value::GCounter(GCounter::default()),
            Kind::PnCounter => Value::PnCounter(PnCounter::default()),
            Kind::LwwRegister => Value::LwwRegister(LwwRegister::default()),
            Kind::MvRegister => Value::MvRegister(Kernel::default()),
            Kind::OrSet => Value::OrSet(Kernel::default()),
        }
    }
}

/// A counter that only grows: what each actor has added.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GCounter(BTreeMap<Actor, u64>);

impl GCounter {
    /// The sum.
    pub fn value(&self) -> u64 {
        self.0.values().fold(0, |sum, n| sum.wrapping_add(*n))
    }
    /// The delta of an addition.
    pub fn add(&self, actor: Actor, amount: u64) -> GCounter {
        let before = self.0.get(&actor).copied().unwrap_or(0);
        GCounter([(actor, before.saturating_add(amount))].into())
    }
}

impl Join for GCounter {
    fn join(&mut self, other: &GCounter) {
        for (actor, count) in &other.0 {
            let mine = self.0.entry(*actor).or_insert(0);
            *mine = (*mine).max(*count);
        }
    }
}

/// A counter: what was added and what was taken away.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PnCounter {
    up: GCounter,
    down: GCounter,
}

impl PnCounter {
    /// Additions less subtractions, in two's complement.
    pub fn value(&self) -> u64 {
        self.up.value().wrapping_sub(self.down.value())
    }
    /// The delta of an addition.
    pub fn add(&self, actor: Actor, amount: i64) -> PnCounter {
        if amount >= 0 {
            PnCounter { up: self.up.add(actor, amount.unsigned_abs()), down: GCounter::default() }
        } else {
            PnCounter { up: GCounter::default(), down: self.down.add(actor, amount.unsigned_abs()) }
        }
    }
}

impl Join for PnCounter {
    fn join(&mut self, other: &PnCounter) {
        self.up.join(&other.up);
        self.down.join(&other.down);
    }
}

/// A register whose latest write wins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LwwRegister {
    at: Timestamp,
    actor: Actor,
    value: u64,
}

impl Join for LwwRegister {
    fn join(&mut self, other: &LwwRegister) {
        *self = (*self).max(*other);
    }
}

/// A value of any type.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// A counter that only grows.
    GCounter(GCounter),
    /// A counter.
    PnCounter(PnCounter),
    /// A register whose latest write wins.
    LwwRegister(LwwRegister),
    /// A register with concurrent values.
    MvRegister(Kernel),
    /// A set.
    OrSet(Kernel),
}

impl Join for Value {
    /// Values of different types don't meet: a store has one type.
    fn join(&mut self, other: &Value) {
        match (self, other) {
            (Value::GCounter(a), Value::GCounter(b)) => a.join(b),
            (Value::PnCounter(a), Value::PnCounter(b)) => a.join(b),
            (Value::LwwRegister(a), Value::LwwRegister(b)) => a.join(b),
            (Value::MvRegister(a), Value::MvRegister(b)) | (Value::OrSet(a), Value::OrSet(b)) => a.join(b),
            _ => {}
        }
    }
}

impl Value {
    /// The delta that an operation makes here; `None` if the type has no such operation, or it is refused.
    pub fn change(&self, op: &Op, actor: Actor, at: Timestamp) -> Option<Value> {
        Some(match (self, op.verb) {
            (Value::GCounter(c), Verb::Add) if op.value as i64 >= 0 => Value::GCounter(c.add(actor, op.value)),
            (Value::PnCounter(c), Verb::Add) => Value::PnCounter(c.add(actor, op.value as i64)),
            (Value::LwwRegister(register), Verb::Write | Verb::Delete) => {
                // Later than what is known here, even if the clock isn't.
                let next = Timestamp { logical: register.at.logical + 1, ..register.at };
                let value = if op.verb == Verb::Write { op.value } else { 0 };
                Value::LwwRegister(LwwRegister { at: at.max(next), actor, value })
            }
            // A set that is written as a whole: what is known of it goes, and one element comes. Such a set is a register.
            (Value::OrSet(kernel), Verb::Write) => Value::OrSet(kernel.add(actor, op.value, |_| true)),
            (Value::OrSet(kernel), Verb::Delete) => Value::OrSet(kernel.remove(|_| true)),
            (Value::MvRegister(kernel), Verb::Write) => Value::MvRegister(kernel.add(actor, op.value, |_| true)),
            (Value::MvRegister(kernel), Verb::Delete) => Value::MvRegister(kernel.remove(|_| true)),
            (Value::OrSet(kernel), Verb::SetAdd) => Value::OrSet(kernel.add(actor, op.value, |v| v == op.value)),
            (Value::OrSet(kernel), Verb::SetRemove) => Value::OrSet(kernel.remove(|v| v == op.value)),
            _ => return None,
        })
    }

    /// Whether joining this would change nothing.
    pub fn knows(&self, change: &Value) -> bool {
        match (self, change) {
            (Value::MvRegister(a), Value::MvRegister(b)) | (Value::OrSet(a), Value::OrSet(b)) => a.knows(b),
            // As large as the number of replicas.
            _ => {
                let mut joined = self.clone();
                joined.join(change);
                joined == *self
            }
        }
    }

    /// The answer to an operation that looks.
    pub fn look(&self, op: &Op) -> Answer {
        match (self, op.verb) {
            (Value::GCounter(c), Verb::Read) => Answer::value(c.value(), 0),
            (Value::PnCounter(c), Verb::Read) => Answer::value(c.value(), 0),
            (Value::LwwRegister(register), Verb::Read) => Answer::value(register.value, 0),
            // A caller who wants one value gets that of the largest event, which is the same everywhere.
            (Value::MvRegister(kernel) | Value::OrSet(kernel), Verb::Read) => {
                Answer::value(kernel.entries().last().map_or(0, |e| e.1), 0)
            }
            (Value::OrSet(kernel), Verb::SetContains) => {
                Answer::value(u64::from(kernel.entries().any(|(_, v)| v == op.value)), 0)
            }
            _ => Answer::of(Outcome::Error),
        }
    }

    /// What it comes to, in ascending order: for checks at the end of a run.
    pub fn contents(&self) -> Vec<u64> {
        let mut values: Vec<u64> = match self {
            Value::GCounter(c) => vec![c.value()],
            Value::PnCounter(c) => vec![c.value()],
            Value::LwwRegister(register) => Some(register.value).filter(|v| *v != 0).into_iter().collect(),
            Value::MvRegister(kernel) | Value::OrSet(kernel) => kernel.entries().map(|(_, value)| value).collect(),
        };
        values.sort_unstable();
        values.dedup();
        values
    }

    /// How many values stand side by side where one is meant.
    pub fn siblings(&self) -> usize {
        match self {
            Value::MvRegister(kernel) => kernel.entries().count(),
            _ => 1,
        }
    }

    /// Bytes on the wire.
    pub fn bytes(&self) -> u32 {
        let actors = |c: &GCounter| 16 * c.0.len() as u32;
        match self {
            Value::GCounter(c) => actors(c),
            Value::PnCounter(c) => actors(&c.up) + actors(&c.down),
            Value::LwwRegister(_) => 28,
            Value::MvRegister(kernel) | Value::OrSet(kernel) => kernel.bytes(),
        }
    }
}
