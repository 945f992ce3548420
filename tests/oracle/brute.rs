//! Definitions, taken at their word: try every order.

use std::collections::BTreeMap;

use netsplit::history::{Function, History, Operation, Status};

/// The content of one key, for every kind of object at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Object {
    /// Of registers, counters and locks.
    pub(crate) word: u64,
    /// Of lists, sets and queues.
    pub(crate) items: Vec<u64>,
}

impl Object {
    /// Replaces the value, and the list.
    pub(crate) fn write(&mut self, value: u64) {
        self.word = value;
        self.items = if value == 0 { Vec::new() } else { vec![value] };
    }

    /// Does what an operation does; false if its result does not follow.
    fn accept(&mut self, history: &History, operation: &Operation) -> bool {
        let known = operation.status != Status::Unknown;
        let refused = operation.status == Status::Refused;
        let owner = if operation.value == 0 { u64::from(operation.process) + 1 } else { operation.value };
        let sorted = |list: &[u64]| {
            let mut list = list.to_vec();
            list.sort_unstable();
            list.dedup();
            list
        };
        match operation.function {
            Function::Read => return self.word == operation.result(),
            Function::Write => self.write(operation.value),
            Function::Delete => self.write(0),
            Function::Cas if refused => return self.word != operation.expected(),
            Function::Cas if self.word != operation.expected() => return false,
            Function::Cas => self.word = operation.value,
            Function::Add => self.word = self.word.wrapping_add(operation.value),
            Function::Append | Function::Enqueue => self.items.push(operation.value),
            Function::AppendList => self.items.extend_from_slice(history.list(operation.value)),
            Function::WriteList => self.items = history.list(operation.value).to_vec(),
            Function::Scan => return self.items == history.list(operation.result()),
            Function::SetAdd => self.items.push(operation.value),
            Function::SetRemove => self.items.retain(|&element| element != operation.value),
            Function::SetContains => {
                return self.items.contains(&operation.value) == (operation.result() == 1);
            }
            Function::SetScan => return sorted(&self.items) == sorted(history.list(operation.result())),
            Function::Dequeue => {
                let first = if self.items.is_empty() { 0 } else { self.items.remove(0) };
                return !known || first == operation.result();
            }
            Function::Acquire if refused => return self.word != 0,
            Function::Acquire if self.word != 0 => return false,
            Function::Acquire => self.word = owner,
            Function::Release if refused => return self.word != owner,
            Function::Release if self.word != owner => return false,
            Function::Release => self.word = 0,
        }
        true
    }
}

/// Whether some order of the operations that `before` allows explains every result. Unknown outcomes may be left out.
pub(crate) fn explained(history: &History, operations: &[Operation], before: &dyn Fn(usize, usize) -> bool) -> bool {
    let count = operations.len();
    let mut must: Vec<u32> = vec![0; count];
    for (later, mask) in must.iter_mut().enumerate() {
        for earlier in 0..count {
            if earlier != later && operations[earlier].status != Status::Unknown && before(earlier, later) {
                *mask |= 1 << earlier;
            }
        }
    }
    extend(history, operations, &must, 0, &BTreeMap::new())
}

fn extend(
    history: &History,
    operations: &[Operation],
    must: &[u32],
    taken: u32,
    objects: &BTreeMap<u64, Object>,
) -> bool {
    let open = |at: usize| taken & 1 << at == 0;
    if (0..operations.len()).all(|at| !open(at) || operations[at].status == Status::Unknown) {
        return true;
    }
    (0..operations.len()).filter(|&at| open(at) && must[at] & !taken == 0).any(|at| {
        let mut objects = objects.clone();
        objects.entry(operations[at].key).or_default().accept(history, &operations[at])
            && extend(history, operations, must, taken | 1 << at, &objects)
    })
}

/// The operations that say or do something.
pub(crate) fn counted(history: &History) -> Vec<Operation> {
    let says = |operation: &&Operation| {
        operation.status != Status::Fail && !(operation.status == Status::Unknown && operation.function.is_read())
    };
    history.operations().iter().filter(says).copied().collect()
}

/// Herlihy and Wing: an order that respects real time.
pub(crate) fn linearizable(history: &History) -> bool {
    let operations = counted(history);
    explained(history, &operations, &|a, b| operations[a].precedes(&operations[b]))
}

/// Lamport: an order that respects the order of each process.
pub(crate) fn sequential(history: &History) -> bool {
    let operations = counted(history);
    explained(history, &operations, &|a, b| a < b && operations[a].process == operations[b].process)
}
