//! What a message is about, told by the protocol that sends it, so that nobody has to read it out of its text: the term
//! in which it was said, the operation or the entries that it belongs to, and what it carries of one key.

use std::collections::{BTreeMap, BTreeSet};

use crate::engine::ProcessId;
use crate::rpc::Requester;

/// What one message says about one key, and what it belongs to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// The term, epoch or ballot in which it was said.
    pub term: Option<u64>,
    /// What it belongs to.
    pub part: Part,
    /// Whether it names the key, or something of the key is in it.
    pub names: bool,
    /// The values in it, 0 being nil: those of the key if it names it, else those that it answers with.
    pub values: Vec<u64>,
}

/// What a message belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Part {
    /// Nothing that other messages belong to.
    #[default]
    Alone,
    /// It asks, in the operation that the sender has given this number.
    Asks(u64),
    /// It answers, in the operation that the receiver has given this number.
    Answers(u64),
    /// A client's request that replicas hand to one another, or the answer to it.
    Request(Requester),
    /// Entries of a log.
    Entries {
        /// Position before the first.
        after: u64,
    },
    /// Says that entries up to this position have arrived.
    Upto(u64),
}

impl About {
    /// Nothing but the term in which it was said.
    pub fn term(term: u64) -> About {
        About { term: Some(term), ..About::default() }
    }
    /// It asks under the sender's own number.
    pub fn asks(number: u64) -> About {
        About { part: Part::Asks(number), ..About::default() }
    }
    /// It answers what the receiver has given this number.
    pub fn answers(number: u64) -> About {
        About { part: Part::Answers(number), ..About::default() }
    }
    /// It belongs to a client's request.
    pub fn request(requester: Requester) -> About {
        About { part: Part::Request(requester), ..About::default() }
    }
    /// It belongs to this as well.
    pub fn part(mut self, part: Part) -> About {
        self.part = part;
        self
    }
    /// With what it carries, if that is of the key.
    pub fn carrying(mut self, is_of_the_key: bool, values: impl IntoIterator<Item = u64>) -> About {
        if is_of_the_key {
            self.names = true;
            self.values.extend(values);
        }
        self
    }
    /// With the values that it answers with. Whose they are, what it answers knows.
    pub fn saying(mut self, values: impl IntoIterator<Item = u64>) -> About {
        self.values.extend(values);
        self
    }
}

/// Which messages have to do with a key: those that name it, and those that answer them.
#[derive(Clone, Debug, Default)]
pub(super) struct Threads {
    asked: BTreeSet<(ProcessId, u64)>,
    requests: BTreeSet<Requester>,
    /// Positions of a log at which entries of the key stand, and who has said that he has them.
    entries: BTreeMap<u64, BTreeSet<ProcessId>>,
}

impl Threads {
    /// A client's request about the key. It has another name before it has reached a station than afterwards.
    pub(super) fn follow(&mut self, requester: Requester) {
        self.requests.insert(Requester { visit: 0, ..requester });
    }

    /// Whether a message has to do with the key; from now on so do the answers to it.
    pub(super) fn follows(&mut self, from: ProcessId, to: ProcessId, about: &About) -> bool {
        let names = about.names;
        match about.part {
            Part::Alone => names,
            Part::Asks(number) => {
                if names {
                    self.asked.insert((from, number));
                }
                names
            }
            Part::Answers(number) => names || self.asked.contains(&(to, number)),
            Part::Request(requester) => {
                if names {
                    self.follow(requester);
                }
                names || self.requests.contains(&Requester { visit: 0, ..requester })
            }
            Part::Entries { after } => {
                if names {
                    self.entries.entry(after).or_default();
                }
                names
            }
            Part::Upto(index) => {
                let mut first = false;
                for (_, told) in self.entries.range_mut(..index) {
                    first |= told.insert(from);
                }
                names || first
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(index: usize) -> ProcessId {
        ProcessId::at(index)
    }

    #[test]
    fn an_answer_is_known_by_the_number_of_what_it_answers() {
        let mut threads = Threads::default();
        let (a, b, c) = (process(0), process(1), process(2));
        assert!(threads.follows(a, b, &About::asks(5).carrying(true, [])));
        assert!(!threads.follows(a, b, &About::asks(6).carrying(false, [9])), "of another key");
        assert!(threads.follows(b, a, &About::answers(5)));
        assert!(!threads.follows(b, a, &About::answers(6)));
        assert!(!threads.follows(b, c, &About::answers(5)), "the number is another replica's");
        assert!(threads.follows(c, a, &About::answers(9).carrying(true, [7])), "it names the key by itself");
    }

    #[test]
    fn of_acknowledgements_the_first_that_covers_an_entry_counts() {
        let mut threads = Threads::default();
        let (leader, one, other) = (process(0), process(1), process(2));
        let entries = About::term(3).part(Part::Entries { after: 41 });
        assert!(threads.follows(leader, one, &entries.clone().carrying(true, [7])));
        assert!(!threads.follows(leader, one, &entries), "a heartbeat carries nothing of the key");
        let upto = |index| About::term(3).part(Part::Upto(index));
        assert!(!threads.follows(one, leader, &upto(41)), "that is the entry before");
        assert!(threads.follows(one, leader, &upto(42)));
        assert!(!threads.follows(one, leader, &upto(50)), "it has been told");
        assert!(threads.follows(other, leader, &upto(50)));
    }

    #[test]
    fn a_request_that_is_handed_on_is_followed_to_its_answer() {
        let mut threads = Threads::default();
        let requester = Requester { process: process(9), slot: 4, generation: 1, attempt: 0, visit: 3 };
        assert!(threads.follows(process(0), process(1), &About::request(requester).carrying(true, [])));
        assert!(threads.follows(process(1), process(0), &About::request(requester)));
        let other = Requester { slot: 5, ..requester };
        assert!(!threads.follows(process(1), process(0), &About::request(other)));
    }
}
