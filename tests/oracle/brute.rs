//! Definitions, taken at their word: try every order.

#![expect(clippy::needless_range_loop, reason = "operations are numbers here, as in the definitions")]

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

/// Whether an operation leaves everything as it is.
fn only_looks(operation: &Operation) -> bool {
    operation.function.is_read()
        || operation.status == Status::Refused
        || (operation.function == Function::Dequeue && operation.status == Status::Ok && operation.result() == 0)
}

/// For each process: whether its own operations and everybody's writes can stand in an order that `before` allows.
fn each_process(history: &History, operations: &[Operation], before: &dyn Fn(usize, usize) -> bool) -> bool {
    let processes: std::collections::BTreeSet<u32> = operations.iter().map(|operation| operation.process).collect();
    processes.into_iter().all(|process| {
        let own = |at: usize| operations[at].process == process;
        let chosen: Vec<usize> = (0..operations.len()).filter(|&at| own(at) || !only_looks(&operations[at])).collect();
        let seen: Vec<Operation> = chosen
            .iter()
            .map(|&at| match operations[at].function {
                Function::Cas if !own(at) || operations[at].status == Status::Unknown => {
                    blind(history, &operations[at])
                }
                _ => operations[at],
            })
            .collect();
        explained(history, &seen, &|a, b| before(chosen[a], chosen[b]))
    })
}

/// A cas as a write that takes effect whatever it finds.
fn blind(history: &History, operation: &Operation) -> Operation {
    let mut other = history.clone();
    let index = other.invoke(netsplit::history::Invocation {
        at: operation.invoked,
        process: operation.process,
        object: operation.object,
        key: operation.key,
        function: Function::Write,
        value: operation.value,
        expected: 0,
    });
    other.complete(index, operation.status, 0, operation.completed);
    *other.operation(index)
}

/// Lipton and Sandberg.
pub(crate) fn pram(history: &History) -> bool {
    let operations = counted(history);
    each_process(history, &operations, &|a, b| a < b && operations[a].process == operations[b].process)
}

/// Ahamad and others, for histories in which every value names its writer: `None` if one does not.
pub(crate) fn causal(history: &History) -> Option<bool> {
    let mut operations = counted(history);
    let count = operations.len();
    let mut causes = vec![vec![false; count]; count];
    for a in 0..count {
        for b in a + 1..count {
            causes[a][b] = operations[a].process == operations[b].process && operations[a].status != Status::Unknown;
        }
    }
    for read in 0..count {
        let operation = operations[read];
        let values: Vec<u64> = match (operation.function, operation.status) {
            (Function::Read, _) if operation.result() != 0 => vec![operation.result()],
            (Function::Cas, Status::Ok) if operation.expected() != 0 => vec![operation.expected()],
            (Function::Cas, Status::Refused) => return None,
            (Function::Scan | Function::SetScan, _) => history.list(operation.result()).to_vec(),
            _ => Vec::new(),
        };
        for value in values {
            let writes = |at: &usize| {
                let writer = &operations[*at];
                let writes =
                    matches!(writer.function, Function::Write | Function::Cas | Function::Append | Function::SetAdd);
                writes && writer.status != Status::Refused && writer.value == value && writer.key == operation.key
            };
            let writers: Vec<usize> = (0..count).filter(writes).collect();
            let [writer] = writers[..] else { return if writers.is_empty() { Some(false) } else { None } };
            causes[writer][read] = true;
            if operations[writer].status == Status::Unknown {
                // It was seen, so it happened.
                let mut happened = blind(history, &operations[writer]);
                if operations[writer].function != Function::Cas {
                    happened.function = operations[writer].function;
                }
                happened.status = Status::Ok;
                operations[writer] = happened;
            }
        }
    }
    for middle in 0..count {
        for a in 0..count {
            for b in 0..count {
                causes[a][b] |= causes[a][middle] && causes[middle][b];
            }
        }
    }
    Some((0..count).all(|at| !causes[at][at]) && each_process(history, &operations, &|a, b| causes[a][b]))
}

/// The four session guarantees for histories in which every value names its writer, each as the sentence in the
/// documentation of the checker says it: read your writes, monotonic reads, monotonic writes, writes follow reads.
pub(crate) fn sessions(history: &History) -> Option<[bool; 4]> {
    let operations = counted(history);
    let count = operations.len();
    let writes = |at: usize| !operations[at].function.is_read() && operations[at].status != Status::Refused;
    let over = |at: usize| operations[at].status != Status::Unknown;
    // What each operation saw; nothing, or a list of writes of which the only one is a register's value.
    let mut saw: Vec<Option<Vec<usize>>> = Vec::new();
    for operation in &operations {
        let values: Option<Vec<u64>> = match (operation.function, operation.status) {
            (Function::Cas, Status::Refused) => return None,
            (Function::Read, _) => Some(vec![operation.result()]),
            (Function::Cas, Status::Ok) => Some(vec![operation.expected()]),
            (Function::Scan | Function::SetScan, _) => Some(history.list(operation.result()).to_vec()),
            _ => None,
        };
        let Some(values) = values else {
            saw.push(None);
            continue;
        };
        let mut writers = Vec::new();
        for value in values.into_iter().filter(|&value| value != 0) {
            let all: Vec<usize> = (0..count)
                .filter(|&at| writes(at) && operations[at].value == value && operations[at].key == operation.key)
                .collect();
            let [writer] = all[..] else { return None };
            writers.push(writer);
        }
        saw.push(Some(writers));
    }
    let process = |at: usize| operations[at].process;
    let sees = |read: usize, write: usize| saw[read].as_ref().is_some_and(|saw| saw.contains(&write));
    let knew = |who: u32, write: usize, before: usize| {
        (0..before).any(|at| process(at) == who && (sees(at, write) || (at == write && over(at))))
    };
    let misses = |read: usize, write: usize, seen_counts: bool| {
        let Some(saw) = &saw[read] else { return false };
        if !writes(write) {
            return false;
        }
        if operations[read].key != operations[write].key || read == write {
            return false;
        }
        let grows = matches!(operations[read].function, Function::Scan | Function::SetScan);
        match saw[..] {
            _ if grows => !saw.contains(&write),
            [] => true,
            [source] if source == write => false,
            [source] => {
                let own = (0..read)
                    .find(|&at| process(at) == process(read) && (sees(at, write) || (at == write && over(at))));
                let wrote = process(source) == process(write) && over(source) && source < write;
                let knew_it = seen_counts && knew(process(write), source, write);
                wrote || knew_it || own.is_some_and(|own| knew(process(read), source, own))
            }
            _ => false,
        }
    };
    let mut holds = [true; 4];
    for read in 0..count {
        let grows = matches!(operations[read].function, Function::Scan | Function::SetScan);
        for write in 0..count {
            let (certain, by_seen) = (misses(read, write, false), misses(read, write, true));
            let earlier = |at: usize| process(at) == process(read) && (at < read || (at == read && grows));
            let later_writes = |v: usize| {
                (v + 1..count).filter(move |&w| writes(w) && process(w) == process(v) && over(v)).collect::<Vec<_>>()
            };
            holds[0] &= !(certain && over(write) && process(write) == process(read) && write < read);
            for at in (0..=read).filter(|&at| earlier(at)) {
                holds[1] &= !(certain && sees(at, write));
                holds[2] &= !(certain && later_writes(write).into_iter().any(|w| sees(at, w)));
                // Somebody saw the missed write and wrote `w` after.
                holds[3] &= !(by_seen
                    && (0..count).any(|w| {
                        writes(w) && sees(at, w) && (0..w).any(|r| process(r) == process(w) && sees(r, write))
                    }));
            }
        }
    }
    Some(holds)
}
