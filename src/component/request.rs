//! A request under way at a service: its strands, what they wait for, and its variables.

use std::sync::Arc;

use crate::engine::mix;
use crate::flow::{FlowPlan, Source, Variable};
use crate::rpc::{Call, Cause, Outcome};

/// What a variable holds.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Word(u64),
    List(Arc<[u64]>),
}

impl Value {
    pub(super) fn word(&self) -> u64 {
        match self {
            Value::Word(word) => *word,
            Value::List(list) => list.len() as u64,
        }
    }
}

/// What the last call of a strand brought.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Brought {
    pub(super) value: u64,
    pub(super) version: u64,
    pub(super) bytes: u32,
    pub(super) instance: Option<u32>,
    pub(super) missed: bool,
}

/// What runs through the acts of a flow.
#[derive(Clone, Debug)]
pub(super) struct Strand {
    pub(super) at: u32,
    /// Addresses its random numbers, with the number of acts it has done.
    pub(super) path: u64,
    pub(super) acts: u32,
    /// Of what it waits for; 0 = of nothing that has a token.
    pub(super) ticket: u32,
    /// Handlers, and how many misses were owed when each was set.
    pub(super) guards: Vec<(u32, usize)>,
    /// Caches that had nothing: lease and instance.
    pub(super) owed: Vec<(u64, Option<u32>)>,
    pub(super) join: Option<usize>,
    pub(super) own: Vec<(Variable, u64)>,
    pub(super) last: Brought,
    pub(super) first: bool,
}

/// Strands that somebody waits for.
#[derive(Clone, Debug)]
struct Join {
    parent: usize,
    needed: u32,
    all: u32,
    succeeded: u32,
    failed: u32,
    failure: Option<Outcome>,
    decided: bool,
}

/// A request between its arrival and the end of its last strand.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) call: Call,
    pub(super) flow: Arc<FlowPlan>,
    pub(super) variables: Vec<Value>,
    pub(super) strands: Vec<Option<Strand>>,
    joins: Vec<Join>,
    live: u32,
    pub(super) replied: bool,
    pub(super) degraded: bool,
    pub(super) definite: bool,
    pub(super) wrote: bool,
    /// The key under which its answer is remembered.
    pub(super) remembered: Option<u64>,
}

/// What the end of a strand means.
pub(super) enum Over {
    /// Nothing more.
    Nothing,
    /// The strand that waits goes on.
    Resume(usize),
    /// The strand that waits fails.
    Fail(usize, Outcome),
    /// It was the first strand.
    First,
}

impl Request {
    pub(super) fn new(call: Call, flow: Arc<FlowPlan>) -> Request {
        let handed = call.op.arguments.iter().flat_map(|list| list.iter());
        let variables = handed.map(|word| Value::Word(*word)).collect();
        let first = Strand {
            at: 0,
            path: 0,
            acts: 0,
            ticket: 0,
            guards: Vec::new(),
            owed: Vec::new(),
            join: None,
            own: Vec::new(),
            last: Brought::default(),
            first: true,
        };
        Request {
            call,
            flow,
            variables,
            strands: vec![Some(first)],
            joins: Vec::new(),
            live: 1,
            replied: false,
            degraded: false,
            definite: true,
            wrote: false,
            remembered: None,
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.live == 0
    }

    pub(super) fn put(&mut self, variable: Variable, value: Value) {
        let at = usize::from(variable.0);
        if self.variables.len() <= at {
            self.variables.resize(at + 1, Value::Word(0));
        }
        self.variables[at] = value;
    }

    pub(super) fn value(&self, strand: &Strand, source: Source) -> Value {
        Value::Word(match source {
            Source::Key => self.call.op.key,
            Source::Request => self.call.cause.request,
            Source::Client => u64::from(self.call.cause.client),
            Source::Number(number) => number,
            Source::Variable(variable) => {
                if let Some((_, word)) = strand.own.iter().rev().find(|(own, _)| *own == variable) {
                    *word
                } else {
                    return self.variables.get(usize::from(variable.0)).cloned().unwrap_or(Value::Word(0));
                }
            }
        })
    }

    /// All variables as they are for a strand, to be handed over.
    pub(super) fn handed(&self, strand: &Strand) -> Arc<[u64]> {
        let mut words: Vec<u64> = self.variables.iter().map(Value::word).collect();
        for (variable, word) in &strand.own {
            let at = usize::from(variable.0);
            words.resize(words.len().max(at + 1), 0);
            words[at] = *word;
        }
        words.into()
    }

    /// The cause of what a strand does next.
    pub(super) fn cause(&self, strand: &Strand) -> Cause {
        let cause = self.call.cause;
        Cause { path: mix(cause.path, mix(strand.path, u64::from(strand.acts))), ..cause }
    }

    /// Starts strands; those to wait for have a join. Returns their positions.
    pub(super) fn start(
        &mut self,
        parent: usize,
        begins: impl Iterator<Item = (u32, Option<(Variable, u64)>)>,
        needed: impl Fn(u32) -> u32,
    ) -> (Vec<usize>, bool) {
        let Some(from) = self.strands[parent].clone() else { return (Vec::new(), false) };
        let begins: Vec<_> = begins.collect();
        let all = begins.len() as u32;
        let needed = needed(all).min(all);
        let join = (needed > 0).then_some(self.joins.len());
        if needed > 0 {
            self.joins.push(Join { parent, needed, all, succeeded: 0, failed: 0, failure: None, decided: false });
        }
        let mut started = Vec::new();
        for (i, (at, own)) in begins.into_iter().enumerate() {
            let strand = Strand {
                at,
                path: mix(from.path, u64::from(from.acts) << 32 | (i as u64 + 1)),
                acts: 0,
                ticket: 0,
                guards: Vec::new(),
                owed: Vec::new(),
                join,
                own: from.own.iter().copied().chain(own).collect(),
                last: Brought::default(),
                first: false,
            };
            let free = self.strands.iter().position(Option::is_none);
            started.push(match free {
                Some(free) => {
                    self.strands[free] = Some(strand);
                    free
                }
                None => {
                    self.strands.push(Some(strand));
                    self.strands.len() - 1
                }
            });
        }
        self.live += all;
        (started, needed > 0)
    }

    /// A failure at a strand: whether a guard catches it.
    pub(super) fn caught(&mut self, strand: usize) -> bool {
        let Some(row) = &mut self.strands[strand] else { return false };
        let Some((handler, owed)) = row.guards.pop() else { return false };
        row.at = handler;
        row.owed.truncate(owed);
        true
    }

    /// A strand is over.
    pub(super) fn over(&mut self, strand: usize, failure: Option<Outcome>) -> Over {
        let Some(row) = self.strands[strand].take() else { return Over::Nothing };
        self.live -= 1;
        if row.first {
            return Over::First;
        }
        let Some(join) = row.join.map(|join| &mut self.joins[join]) else { return Over::Nothing };
        match failure {
            None => join.succeeded += 1,
            Some(outcome) => {
                join.failed += 1;
                join.failure = join.failure.or(Some(outcome));
            }
        }
        if join.decided {
            return Over::Nothing;
        }
        if join.succeeded >= join.needed {
            join.decided = true;
            return Over::Resume(join.parent);
        }
        if join.failed > join.all - join.needed {
            join.decided = true;
            return Over::Fail(join.parent, join.failure.unwrap_or(Outcome::Error));
        }
        Over::Nothing
    }
}
