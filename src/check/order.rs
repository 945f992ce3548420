//! What must come before what: edges between operations, closed by what reads imply, until there is a circle or nothing
//! new.
//!
//! Source: Bouajjani, Enea, Guerraoui, Hamza, On verifying causal consistency, POPL 2017 (the happens-before of causal
//! memory); Wei, Huang, Huang, Xie, Verifying pipelined-RAM consistency, TPDS 2016; Gibbons and Korach 1997 for the
//! rules that sequential consistency needs. If a write comes before a read of the same key that saw another write, it
//! comes before that other write.

use std::collections::VecDeque;

use super::describe;
use super::known::{Fact, Known, Saw};
use super::verdict::{Budget, Edge, Evidence, Spent};
use crate::history::History;

/// Why one operation comes before another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Because {
    Session,
    Saw,
    /// The later one was seen by this read, after the earlier one.
    Overwritten(u32),
    /// The earlier one is a read that did not see the later one.
    Missed,
    /// One stands before the other in a list that somebody read.
    Listed,
}

/// Whose reads must be explained by one order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    /// Those of one process; the others' count as messages between processes.
    Causal(u32),
    /// Those of one process; the others' count for nothing.
    Pram(u32),
    /// All.
    Everybody,
}

/// An order that reads allow, or why there is none.
pub(super) enum Closed {
    /// No circle.
    Open,
    /// Operations that must each come before the next, and the last before the first.
    Circle(Box<Evidence>),
}

struct Order<'a> {
    known: &'a Known,
    edges: Vec<Vec<(u32, Because)>>,
    /// Of each operation and chain how many of the chain's operations come before or are it.
    clocks: Vec<u32>,
    /// Where the edges begin that were added for one process, in their order.
    added: Vec<u32>,
    /// Operations before which more comes than did.
    grown: Vec<u32>,
    /// Operations whose clocks are no longer those that were agreed on, and of each operation whether it is one.
    touched: Vec<u32>,
    is_touched: Vec<bool>,
    /// Words of clocks that were looked at.
    work: u64,
}

/// Orders that share what every process agrees on, and are closed one after another.
pub(super) struct Orders<'a> {
    history: &'a History,
    order: Order<'a>,
    /// The clocks before anything is implied.
    agreed: Vec<u32>,
    /// Whether what is agreed on goes in a circle.
    circle: bool,
}

impl<'a> Orders<'a> {
    /// The order of each process, and with `saw` what reads saw of others.
    pub(super) fn new(history: &'a History, known: &'a Known, saw: bool, budget: &mut Budget) -> Result<Self, Spent> {
        let mut order = Order::new(known, saw);
        // A pass over a clock is far cheaper than a configuration of a search.
        let words = known.facts.len() * known.chains;
        if words > WORDS_MAX || !budget.spend(words as u64 / WORDS_A_STEP + 1) {
            return Err(Spent::Steps);
        }
        let circle = !order.tick();
        Ok(Orders { history, agreed: order.clocks.clone(), order, circle })
    }

    /// Closes the order under what these reads imply. What was implied for others before is forgotten.
    pub(super) fn close(&mut self, whose: Whose, budget: &mut Budget) -> Result<Closed, Spent> {
        let order = &mut self.order;
        if self.circle {
            return Ok(Closed::Circle(Box::new(order.circle(self.history))));
        }
        for from in order.added.drain(..).rev() {
            order.edges[from as usize].pop();
        }
        // Of many processes with an operation or two each, all clocks for each process would be most of the work.
        let chains = order.known.chains;
        for at in std::mem::take(&mut order.touched) {
            let row = at as usize * chains..(at as usize + 1) * chains;
            order.clocks[row.clone()].copy_from_slice(&self.agreed[row]);
            order.is_touched[at as usize] = false;
            order.work += chains as u64;
        }
        order.work += 2 * order.known.facts.len() as u64;
        order.pay(budget)?;
        let mut new = order.stated(whose);
        let mut reads: Vec<u32> = (0..order.known.facts.len() as u32).filter(|&at| order.counts(at, whose)).collect();
        let mut first = true;
        loop {
            order.grown.clear();
            for &(from, to, because) in &new {
                if !order.add(from, to, because, budget)? {
                    return Ok(Closed::Circle(Box::new(order.circle(self.history))));
                }
            }
            if !first && whose != Whose::Everybody {
                // What one process's read implies is new only if more comes before it.
                order.grown.sort_unstable();
                order.grown.dedup();
                reads = order.grown.iter().copied().filter(|&at| order.counts(at, whose)).collect();
            }
            if !budget.spend(1) {
                return Err(Spent::Steps);
            }
            new.clear();
            for &at in &reads {
                order.work += (chains + order.known.written(order.fact(at).key).len()) as u64;
                order.pay(budget)?;
                order.infer(at, whose, &mut new);
            }
            if new.is_empty() {
                return Ok(Closed::Open);
            }
            first = false;
        }
    }

    /// What must come before what, as direct edges.
    pub(super) fn edges(&self) -> Vec<Vec<u32>> {
        self.order.edges.iter().map(|to| to.iter().map(|(to, _)| *to).collect()).collect()
    }
}

/// Words of clocks that cost as much as a step of a search.
pub(super) const WORDS_A_STEP: u64 = 512;
/// More words than these aren't kept, twice: 256 MiB.
const WORDS_MAX: usize = 1 << 25;

impl<'a> Order<'a> {
    fn new(known: &'a Known, saw: bool) -> Order<'a> {
        let count = known.facts.len();
        let mut order = Order {
            known,
            edges: vec![Vec::new(); count],
            clocks: Vec::new(),
            added: Vec::new(),
            grown: Vec::new(),
            touched: Vec::new(),
            is_touched: vec![false; count],
            work: 0,
        };
        let mut last: Vec<Option<u32>> = vec![None; known.chains];
        for (at, fact) in known.facts.iter().enumerate() {
            let before = last[fact.chain as usize].replace(at as u32).or(fact.after);
            if let Some(before) = before {
                order.edges[before as usize].push((at as u32, Because::Session));
            }
        }
        if saw {
            for at in 0..count as u32 {
                for &writer in order.seen(at) {
                    order.edges[writer as usize].push((at, Because::Saw));
                }
            }
        }
        order
    }

    /// The writes that an operation saw.
    fn seen(&self, at: u32) -> &'a [u32] {
        match &self.fact(at).saw {
            Saw::Write(writer) => std::slice::from_ref(writer),
            Saw::Elements(writers) => writers,
            _ => &[],
        }
    }

    /// What the reads that count say without more ado, beyond what is agreed on.
    fn stated(&self, whose: Whose) -> Vec<(u32, u32, Because)> {
        let mut edges = Vec::new();
        for at in (0..self.known.facts.len() as u32).filter(|&at| self.counts(at, whose)) {
            if let Whose::Pram(_) = whose {
                edges.extend(self.seen(at).iter().map(|&writer| (writer, at, Because::Saw)));
            }
            let fact = self.fact(at);
            let Saw::Elements(writers) = &fact.saw else { continue };
            if self.known.grows[fact.key as usize] == Some(true) {
                edges.extend(writers.windows(2).map(|pair| (pair[0], pair[1], Because::Listed)));
            }
            let mut seen = writers.clone();
            seen.sort_unstable();
            for chain in self.known.writes_of(fact.key) {
                let missed = chain.iter().find(|(.., writer)| seen.binary_search(writer).is_err());
                edges.extend(missed.map(|&(.., missed)| (at, missed, Because::Missed)));
            }
        }
        edges
    }

    /// One more edge, and what follows from it; false if it closes a circle.
    fn add(&mut self, from: u32, to: u32, because: Because, budget: &mut Budget) -> Result<bool, Spent> {
        self.edges[from as usize].push((to, because));
        self.added.push(from);
        if from == to || self.before(to, from) {
            return Ok(false);
        }
        let mut waits = vec![(from, to)];
        while let Some((from, to)) = waits.pop() {
            if self.grow(from, to) {
                self.grown.push(to);
                if !std::mem::replace(&mut self.is_touched[to as usize], true) {
                    self.touched.push(to);
                }
                waits.extend(self.edges[to as usize].iter().map(|&(next, _)| (to, next)));
            }
            self.pay(budget)?;
        }
        Ok(true)
    }

    /// Takes the steps of the work done from the budget; what is less than a step is kept for later.
    fn pay(&mut self, budget: &mut Budget) -> Result<(), Spent> {
        let steps = self.work / WORDS_A_STEP;
        self.work %= WORDS_A_STEP;
        if budget.spend(steps) { Ok(()) } else { Err(Spent::Steps) }
    }

    /// Whether anything came before `from` that did not yet come before `to`.
    fn grow(&mut self, from: u32, to: u32) -> bool {
        let chains = self.known.chains;
        let (from, to) = (from as usize * chains, to as usize * chains);
        let mut changed = false;
        self.work += chains as u64;
        for chain in 0..chains {
            let theirs = self.clocks[from + chain];
            if theirs > self.clocks[to + chain] {
                self.clocks[to + chain] = theirs;
                changed = true;
            }
        }
        changed
    }

    /// Whether the results of an operation must be explained.
    fn counts(&self, at: u32, whose: Whose) -> bool {
        let fact = &self.known.facts[at as usize];
        fact.saw != Saw::Nothing
            && match whose {
                Whose::Causal(process) | Whose::Pram(process) => fact.process == process,
                Whose::Everybody => true,
            }
    }

    fn fact(&self, at: u32) -> &'a Fact {
        &self.known.facts[at as usize]
    }

    fn before(&self, a: u32, b: u32) -> bool {
        let fact = self.fact(a);
        a != b && self.clocks[b as usize * self.known.chains + fact.chain as usize] > fact.place
    }

    /// Computes the clocks; false if there is a circle.
    fn tick(&mut self) -> bool {
        let (count, chains) = (self.known.facts.len(), self.known.chains);
        let mut waits = vec![0_u32; count];
        for &(to, _) in self.edges.iter().flatten() {
            waits[to as usize] += 1;
        }
        self.clocks.clear();
        self.clocks.resize(count * chains, 0);
        let mut ready: Vec<u32> = (0..count as u32).filter(|&at| waits[at as usize] == 0).collect();
        let mut done = 0;
        let mut row = vec![0_u32; chains];
        while let Some(at) = ready.pop() {
            done += 1;
            let fact = self.fact(at);
            let start = at as usize * chains;
            let own = &mut self.clocks[start + fact.chain as usize];
            *own = (*own).max(fact.place + 1);
            row.copy_from_slice(&self.clocks[start..start + chains]);
            for &(to, _) in &self.edges[at as usize] {
                let start = to as usize * chains;
                for (mine, &theirs) in self.clocks[start..start + chains].iter_mut().zip(&row) {
                    *mine = (*mine).max(theirs);
                }
                waits[to as usize] -= 1;
                if waits[to as usize] == 0 {
                    ready.push(to);
                }
            }
        }
        done == count
    }

    /// What a read implies.
    fn infer(&self, read: u32, whose: Whose, new: &mut Vec<(u32, u32, Because)>) {
        let fact = self.fact(read);
        let source = match fact.saw {
            Saw::Initial => None,
            Saw::Write(writer) => Some(writer),
            // Lists and sets say everything at once.
            _ => return,
        };
        for chain in self.known.writes_of(fact.key) {
            let number = chain[0].1;
            let until = self.clocks[read as usize * self.known.chains + number as usize];
            let done = chain.partition_point(|&(_, _, place, _)| place < until);
            let last = chain[..done].iter().rev().map(|&(.., writer)| writer).find(|&writer| writer != read);
            if let Some(writer) = last.filter(|&writer| Some(writer) != source) {
                match source {
                    None => new.push((read, writer, Because::Missed)),
                    Some(source) if !self.before(writer, source) => {
                        new.push((writer, source, Because::Overwritten(read)));
                    }
                    Some(_) => {}
                }
            }
            if whose == Whose::Everybody {
                let first = match source {
                    None => 0,
                    Some(source) => chain.partition_point(|&(.., writer)| !self.before(source, writer)),
                };
                let next = chain[first..].iter().map(|&(.., writer)| writer).find(|&writer| writer != read);
                if let Some(next) = next.filter(|&next| Some(next) != source && !self.before(read, next)) {
                    new.push((read, next, Because::Missed));
                }
            }
        }
    }

    /// The shortest circle through some operation of one, with reasons.
    fn circle(&self, history: &History) -> Evidence {
        let count = self.known.facts.len();
        // What is left after everything that nothing of a circle precedes or follows is taken away.
        let mut waits = vec![0_u32; count];
        for &(to, _) in self.edges.iter().flatten() {
            waits[to as usize] += 1;
        }
        let mut ready: Vec<u32> = (0..count as u32).filter(|&at| waits[at as usize] == 0).collect();
        while let Some(at) = ready.pop() {
            for &(to, _) in &self.edges[at as usize] {
                waits[to as usize] -= 1;
                if waits[to as usize] == 0 {
                    ready.push(to);
                }
            }
        }
        let mut best: Option<Vec<(u32, u32, Because)>> = None;
        // Every circle of sessions has an edge that is none; trying the first few of those is enough to find a short one.
        let starts = (0..count as u32).filter(|&at| waits[at as usize] > 0);
        let starts =
            starts.filter(|&at| self.edges[at as usize].iter().any(|&(_, because)| because != Because::Session));
        for start in starts.take(64) {
            if let Some(path) = self.path_back(start, &waits)
                && best.as_ref().is_none_or(|best| path.len() < best.len())
            {
                best = Some(path);
            }
        }
        self.evidence(history, best.unwrap_or_default())
    }

    fn path_back(&self, start: u32, waits: &[u32]) -> Option<Vec<(u32, u32, Because)>> {
        let mut from: Vec<Option<(u32, Because)>> = vec![None; waits.len()];
        let mut queue = VecDeque::from([start]);
        while let Some(at) = queue.pop_front() {
            for &(to, because) in &self.edges[at as usize] {
                if waits[to as usize] == 0 || from[to as usize].is_some() {
                    continue;
                }
                from[to as usize] = Some((at, because));
                if to == start {
                    let mut path = Vec::new();
                    let mut here = start;
                    loop {
                        let (previous, because) = from[here as usize]?;
                        path.push((previous, here, because));
                        here = previous;
                        if here == start {
                            path.reverse();
                            return Some(path);
                        }
                    }
                }
                queue.push_back(to);
            }
        }
        None
    }

    fn evidence(&self, history: &History, mut path: Vec<(u32, u32, Because)>) -> Evidence {
        // Neighbours in a session say no more than the first and the last of them; begin where a session does.
        if let Some(start) = path.iter().position(|&(.., because)| because != Because::Session) {
            path.rotate_left(start);
        }
        let mut edges: Vec<(u32, u32, Because)> = Vec::new();
        for (from, to, because) in path {
            match edges.last_mut() {
                Some(last) if because == Because::Session && last.2 == Because::Session => last.1 = to,
                _ => edges.push((from, to, because)),
            }
        }
        let index = |at: u32| self.fact(at).index;
        let mut operations = Vec::new();
        for &(from, to, because) in &edges {
            operations.extend([index(from), index(to)]);
            match because {
                Because::Overwritten(read) => operations.push(index(read)),
                Because::Missed => {
                    if let Saw::Write(writer) = self.fact(from).saw {
                        operations.push(index(writer));
                    }
                }
                _ => {}
            }
        }
        operations.sort_unstable();
        operations.dedup();
        let reason = |because: Because, to: u32| match because {
            Because::Session => "the same process did them in this order".to_owned(),
            Because::Saw => "it saw that".to_owned(),
            Because::Overwritten(read) => format!("{} saw the later one", describe::name(history, index(read))),
            Because::Missed => format!("it did not see {}", describe::label(history, index(to))),
            Because::Listed => "a list shows them in this order".to_owned(),
        };
        let edges: Vec<Edge> = edges
            .iter()
            .map(|&(from, to, because)| Edge { from: index(from), to: index(to), because: reason(because, to) })
            .collect();
        Evidence {
            sentence: format!("{} operations would each have to come before the next, in a circle", edges.len()),
            operations,
            edges,
            minimal: false,
            engine: "order",
            ..Evidence::default()
        }
    }
}
