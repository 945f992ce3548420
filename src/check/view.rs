//! Which operations of a history a check looks at, and how they fall into keys.

use std::ops::Range;

use super::model::Model;
use crate::engine::Instant;
use crate::history::{Function, History, ObjectId, OpIndex, Operation, Status};

/// A history and the operations of it that count: of one object or of all. Operations that did not happen are left
/// out, and so are reads of unknown outcome, which say nothing.
#[derive(Clone, Debug)]
pub struct View<'a> {
    /// The history.
    pub history: &'a History,
    /// What counts, in order of invocation.
    pub operations: Vec<OpIndex>,
    /// The only object that counts, if it is one; observations of others don't.
    pub object: Option<ObjectId>,
}

impl<'a> View<'a> {
    /// Keys that were changed too shortly before the end to be judged by what is there, sorted.
    pub(crate) fn unsettled(&self) -> Vec<(ObjectId, u64)> {
        let over = |operation: &Operation| {
            if operation.completed == Instant::NEVER { operation.invoked } else { operation.completed }
        };
        let operations = || self.operations.iter().map(|&index| self.history.operation(index));
        let changes = operations().filter(|o| !o.function.is_read() && over(o) > self.history.alone_since());
        let mut keys: Vec<(ObjectId, u64)> = changes.map(|o| (o.object, o.key)).collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    /// Everything in the history, or only what concerns one object.
    pub fn new(history: &'a History, object: Option<ObjectId>) -> View<'a> {
        let mut operations: Vec<OpIndex> = (0..history.operations().len() as u32)
            .map(OpIndex)
            .filter(|&index| {
                let operation = history.operation(index);
                object.is_none_or(|object| operation.object == object) && counts(operation)
            })
            .collect();
        // Recorders may note an invocation late; nearly always this is a pass over sorted data.
        operations.sort_by_key(|&index| history.operation(index).invoked);
        View { history, operations, object }
    }

    pub(super) fn operation(&self, index: OpIndex) -> &'a Operation {
        self.history.operation(index)
    }

    /// The operations by object and key, each in order of invocation.
    pub(super) fn by_key(&self) -> (Vec<OpIndex>, Vec<Range<usize>>) {
        let mut sorted = self.operations.clone();
        let group = |index: OpIndex| {
            let operation = self.history.operation(index);
            (operation.object, operation.key)
        };
        if sorted.windows(2).any(|pair| group(pair[0]) != group(pair[1])) {
            sorted.sort_by_key(|&index| group(index));
        }
        let mut ranges = Vec::new();
        let mut start = 0;
        for at in 1..=sorted.len() {
            if at == sorted.len() || group(sorted[at]) != group(sorted[start]) {
                ranges.push(start..at);
                start = at;
            }
        }
        (sorted, ranges)
    }

    /// Whether some order of these additions may leave what a word can hold.
    pub(super) fn may_overflow(&self) -> bool {
        let additions =
            self.operations.iter().map(|&index| self.operation(index)).filter(|o| o.function == Function::Add);
        let most: u128 = additions.map(|o| u128::from((o.value as i64).unsigned_abs())).sum();
        most > i64::MAX as u128
    }

    /// Completed operations whose result says something about the state.
    pub(super) fn observers(&self) -> usize {
        self.operations.iter().filter(|&&index| observes(self.operation(index))).count()
    }

    /// What kind of object these operations are of, or the two functions that don't go together.
    pub(super) fn model(&self, operations: &[OpIndex]) -> Result<Model, (Function, Function)> {
        let mut found: Option<(Model, Function)> = None;
        for &index in operations {
            let function = self.operation(index).function;
            let Some(model) = Model::of(function) else { continue };
            match found {
                None => found = Some((model, function)),
                Some((known, _)) if known == model => {}
                Some((_, first)) => return Err((first, function)),
            }
        }
        let shared = |function: Function| operations.iter().any(|&index| self.operation(index).function == function);
        let model = found.map_or(Model::Register, |(model, _)| model);
        // Read, Write, Cas and Delete belong to several models, but not to all.
        let foreign: &[Function] = match model {
            Model::Register | Model::Counter => &[],
            Model::List => &[Function::Read, Function::Cas],
            _ => &[Function::Read, Function::Cas, Function::Write, Function::Delete],
        };
        match foreign.iter().find(|&&function| shared(function)) {
            Some(&function) => Err((found.expect("only named models have foreign functions").1, function)),
            None => Ok(model),
        }
    }
}

fn counts(operation: &Operation) -> bool {
    match operation.status {
        Status::Fail => false,
        Status::Unknown => !operation.function.is_read(),
        Status::Ok | Status::Refused => true,
    }
}

pub(super) fn observes(operation: &Operation) -> bool {
    match operation.status {
        Status::Ok => {
            operation.function.is_read()
                || matches!(
                    operation.function,
                    Function::Cas | Function::Dequeue | Function::Acquire | Function::Release
                )
        }
        Status::Refused => true,
        Status::Fail | Status::Unknown => false,
    }
}
