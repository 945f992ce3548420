//! Events that add something and contexts that know of events: what registers and sets with removals are made of
//! (Almeida, Shoker, Baquero, "Delta state replicated data types", J. Parallel Distrib. Comput. 111, 2018, section 7).

use std::collections::{BTreeMap, BTreeSet};

use crate::protocol::parts::Join;

/// Who makes events: one life of one replica. Numbers of events begin anew with each life, so that none is used twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Actor(pub u64);

/// The `count`-th event of an actor, from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Event {
    /// Whose.
    pub actor: Actor,
    /// Its number.
    pub count: u64,
}

/// A set of events: for each actor all up to a number, and some beyond.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Context {
    upto: BTreeMap<Actor, u64>,
    beyond: BTreeSet<Event>,
}

impl Context {
    /// Whether it knows of an event.
    pub fn holds(&self, event: Event) -> bool {
        event.count <= self.upto(event.actor) || self.beyond.contains(&event)
    }
    /// All of an actor's events up to this one are known.
    pub fn upto(&self, actor: Actor) -> u64 {
        self.upto.get(&actor).copied().unwrap_or(0)
    }
    /// Learns of an event.
    pub fn add(&mut self, event: Event) {
        if !self.holds(event) {
            self.beyond.insert(event);
            self.close_gaps();
        }
    }
    /// The next event of an actor.
    pub fn next(&self, actor: Actor) -> Event {
        let last = self.beyond.range(Event { actor, count: 0 }..=Event { actor, count: u64::MAX }).next_back();
        Event { actor, count: self.upto(actor).max(last.map_or(0, |e| e.count)) + 1 }
    }
    /// Whether everything it knows of is in `other`.
    pub fn within(&self, other: &Context) -> bool {
        self.upto.iter().all(|(actor, count)| *count <= other.upto(*actor))
            && self.beyond.iter().all(|e| other.holds(*e))
    }
    /// Bytes on the wire.
    pub fn bytes(&self) -> u32 {
        16 * (self.upto.len() + self.beyond.len()) as u32
    }

    fn close_gaps(&mut self) {
        for event in std::mem::take(&mut self.beyond) {
            let upto = self.upto.entry(event.actor).or_insert(0);
            if event.count == *upto + 1 {
                *upto += 1;
            } else if event.count > *upto {
                self.beyond.insert(event);
            }
        }
        self.upto.retain(|_, count| *count > 0);
    }
}

impl Join for Context {
    fn join(&mut self, other: &Context) {
        for (actor, count) in &other.upto {
            let mine = self.upto.entry(*actor).or_insert(0);
            *mine = (*mine).max(*count);
        }
        self.beyond.extend(other.beyond.iter().copied());
        self.close_gaps();
    }
}

/// Values, each with the event that added it, and the events that are known of. An event that is known of and adds
/// nothing has been removed.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kernel {
    entries: BTreeMap<Event, u64>,
    context: Context,
}

impl Kernel {
    /// The values that are there, by event.
    pub fn entries(&self) -> impl Iterator<Item = (Event, u64)> + '_ {
        self.entries.iter().map(|(event, value)| (*event, *value))
    }
    /// The delta that adds a value in place of those that `replaces` picks.
    pub fn add(&self, actor: Actor, value: u64, replaces: impl Fn(u64) -> bool) -> Kernel {
        let mut delta = self.remove(replaces);
        let event = self.context.next(actor);
        delta.entries.insert(event, value);
        delta.context.add(event);
        delta
    }
    /// The delta that removes the values that `which` picks, as far as they are known here.
    pub fn remove(&self, which: impl Fn(u64) -> bool) -> Kernel {
        let mut delta = Kernel::default();
        self.entries().filter(|(_, value)| which(*value)).for_each(|(event, _)| delta.context.add(event));
        delta
    }
    /// Whether joining this would change nothing.
    pub fn knows(&self, other: &Kernel) -> bool {
        other.context.within(&self.context) && self.gone_by(other).next().is_none()
    }

    /// What is here and has been removed there. A delta knows of few events, so it is they that are looked up.
    fn gone_by<'a>(&'a self, other: &'a Kernel) -> impl Iterator<Item = Event> + 'a {
        let first = |actor: Actor| Event { actor, count: 0 };
        let known = other.context.upto.iter().flat_map(move |(actor, count)| {
            self.entries.range(first(*actor)..=Event { actor: *actor, count: *count }).map(|(event, _)| *event)
        });
        let beyond = other.context.beyond.iter().copied().filter(|event| self.entries.contains_key(event));
        known.chain(beyond).filter(|event| !other.entries.contains_key(event))
    }
    /// Bytes on the wire.
    pub fn bytes(&self) -> u32 {
        24 * self.entries.len() as u32 + self.context.bytes()
    }
}

impl Join for Kernel {
    fn join(&mut self, other: &Kernel) {
        let gone: Vec<Event> = self.gone_by(other).collect();
        for event in gone {
            self.entries.remove(&event);
        }
        for (event, value) in &other.entries {
            if !self.context.holds(*event) {
                self.entries.insert(*event, *value);
            }
        }
        self.context.join(&other.context);
    }
}
