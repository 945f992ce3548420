//! One operation: who asked what of which object, in which closed interval, and how it ended.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::engine::Instant;

/// The position of an operation in its history, in the order of invocation calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct OpIndex(pub u32);

impl OpIndex {
    /// The position in [`History::operations`](super::History::operations).
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// An object of a history: a store, a lock, a queue. Its name is [`History::object_name`](super::History::object_name).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ObjectId(pub u16);

/// What an operation asks. Values are opaque 64-bit words; 0 is nil, except for counters, where it is the number 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Function {
    /// The value of a key, or the number in a counter.
    Read,
    /// Replace the value of a key; a list becomes that one element.
    Write,
    /// Replace the value of a key if it is `expected`. Refused if it is not.
    Cas,
    /// Remove a key: from then on it reads nil, or as the empty list.
    Delete,
    /// Add `value` (two's complement) to a counter.
    Add,
    /// Append the element `value` to the list of a key.
    Append,
    /// The whole list of a key.
    Scan,
    /// Replace the list of a key; `value` is a list of the history.
    WriteList,
    /// Append several elements at once; `value` is a list of the history.
    AppendList,
    /// Add the element `value` to a set.
    SetAdd,
    /// Remove the element `value` from a set.
    SetRemove,
    /// Whether the element `value` is in a set; the result is 1 or 0.
    SetContains,
    /// All elements of a set, in any order.
    SetScan,
    /// Put `value` at the end of a FIFO queue.
    Enqueue,
    /// Take the first element of a FIFO queue; the result nil means that it was empty.
    Dequeue,
    /// Take a lock for the owner `value` (0: the process itself). Refused if it is taken. The result is a fencing token.
    Acquire,
    /// Give a lock back for the owner `value` (0: the process itself). Refused if it is not the owner's.
    Release,
}

impl Function {
    /// Every function, in declaration order.
    pub const ALL: [Function; 17] = [
        Function::Read,
        Function::Write,
        Function::Cas,
        Function::Delete,
        Function::Add,
        Function::Append,
        Function::Scan,
        Function::WriteList,
        Function::AppendList,
        Function::SetAdd,
        Function::SetRemove,
        Function::SetContains,
        Function::SetScan,
        Function::Enqueue,
        Function::Dequeue,
        Function::Acquire,
        Function::Release,
    ];

    /// As files and reports write it.
    pub fn name(self) -> &'static str {
        match self {
            Function::Read => "read",
            Function::Write => "write",
            Function::Cas => "cas",
            Function::Delete => "delete",
            Function::Add => "add",
            Function::Append => "append",
            Function::Scan => "scan",
            Function::WriteList => "write_list",
            Function::AppendList => "append_list",
            Function::SetAdd => "set_add",
            Function::SetRemove => "set_remove",
            Function::SetContains => "set_contains",
            Function::SetScan => "set_scan",
            Function::Enqueue => "enqueue",
            Function::Dequeue => "dequeue",
            Function::Acquire => "acquire",
            Function::Release => "release",
        }
    }

    /// Whether the operation only looks. A read of unknown outcome says nothing and may be left out of any judgement.
    pub fn is_read(self) -> bool {
        matches!(self, Function::Read | Function::Scan | Function::SetContains | Function::SetScan)
    }

    /// Whether the result is a list.
    pub fn returns_list(self) -> bool {
        matches!(self, Function::Scan | Function::SetScan)
    }

    /// Whether an invocation must say a value; nil is one.
    pub(super) fn takes_value(self) -> bool {
        match self {
            Function::Write
            | Function::Cas
            | Function::Add
            | Function::Append
            | Function::SetAdd
            | Function::SetRemove
            | Function::SetContains
            | Function::Enqueue => true,
            Function::Read
            | Function::Scan
            | Function::SetScan
            | Function::WriteList
            | Function::AppendList
            | Function::Delete
            | Function::Dequeue
            | Function::Acquire
            | Function::Release => false,
        }
    }

    /// Whether the argument is a list.
    pub fn takes_list(self) -> bool {
        matches!(self, Function::WriteList | Function::AppendList)
    }
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How an operation ended, as its client saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Status {
    /// It took effect, between invocation and completion.
    Ok,
    /// It compared and lost, between invocation and completion: a constraint on the state, without an effect.
    Refused,
    /// It definitely did not happen, and says nothing about the state.
    Fail,
    /// It may have taken effect at any time after its invocation, or may yet, or never.
    Unknown,
}

impl Status {
    /// As files and reports write it.
    pub fn name(self) -> &'static str {
        match self {
            Status::Ok => "ok",
            Status::Refused => "refused",
            Status::Fail => "fail",
            Status::Unknown => "unknown",
        }
    }
}

/// One operation of a client. 48 bytes: a million of them are 48 MB. Lists live beside, in the history.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Operation {
    /// When it was sent.
    pub invoked: Instant,
    /// When its answer came; [`Instant::NEVER`] if the outcome is unknown.
    pub completed: Instant,
    /// Of which key; 0 where there is none.
    pub key: u64,
    /// The argument: value written, amount added, element. A list's number for functions that take a list.
    pub value: u64,
    /// What a cas expected; of every other function the result. A list's number for functions that return a list.
    pub(crate) other: u64,
    /// The client's logical process: one after another, a process has one operation open at a time. A client whose
    /// operation ended unknown goes on under a new number.
    pub process: u32,
    /// Of which object.
    pub object: ObjectId,
    /// What is asked.
    pub function: Function,
    /// How it ended.
    pub status: Status,
}

const _: () = assert!(size_of::<Operation>() == 48);

impl Operation {
    /// What a cas compared with; nil for anything else.
    pub fn expected(&self) -> u64 {
        if self.function == Function::Cas { self.other } else { 0 }
    }

    /// What came back; nil for a cas, whose status says all.
    pub fn result(&self) -> u64 {
        if self.function == Function::Cas { 0 } else { self.other }
    }

    /// Whether the operation was over before `later` began. Intervals are closed: equal instants are concurrent.
    pub fn precedes(&self, later: &Operation) -> bool {
        self.completed < later.invoked
    }
}

impl fmt::Debug for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}..{:?} process {} ", self.invoked, self.completed, self.process)?;
        match self.function {
            Function::Cas => write!(f, "cas k{} {} -> {}", self.key, self.other, self.value)?,
            function => write!(f, "{function} k{} {} = {}", self.key, self.value, self.other)?,
        }
        write!(f, " {}", self.status.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_agree_with_what_files_contain() {
        for function in Function::ALL {
            assert_eq!(serde_json::to_string(&function).unwrap(), format!("\"{}\"", function.name()));
        }
        for status in [Status::Ok, Status::Refused, Status::Fail, Status::Unknown] {
            assert_eq!(serde_json::to_string(&status).unwrap(), format!("\"{}\"", status.name()));
        }
    }
}
