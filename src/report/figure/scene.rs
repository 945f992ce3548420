//! What a picture of space and time shows: who is there, what they ask, say and have.

use serde::{Deserialize, Serialize};

use crate::engine::Instant;

/// One row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// Its name.
    pub name: String,
    /// On which side it stands; a change of side draws a line.
    pub side: usize,
    /// What it has at the beginning; clients have nothing.
    pub state: Option<State>,
}

/// What a replica has of the key, and what it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// Its value: `v2`.
    pub has: String,
    /// Its rank among the others, `leader of term 3`; may be empty.
    pub rank: String,
}

impl State {
    pub(super) fn whole(&self) -> String {
        let parts = [self.has.as_str(), self.rank.as_str()];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ")
    }
    /// What is different, as it was and as it is.
    pub(super) fn difference(&self, before: &State) -> (String, String) {
        match (self.has == before.has, self.rank == before.rank) {
            (false, true) => (before.has.clone(), self.has.clone()),
            (true, false) => (before.rank.clone(), self.rank.clone()),
            _ => (before.whole(), self.whole()),
        }
    }
}

/// What a client asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// In which row.
    pub row: usize,
    /// What: `read → v1`.
    pub words: String,
    /// When it began.
    pub from: Instant,
    /// When it was answered, if ever.
    pub until: Option<Instant>,
    /// Whether it fits into no order.
    pub nowhere: bool,
}

/// One message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// Row of the sender.
    pub from: usize,
    /// Row of the receiver.
    pub to: usize,
    /// When it left.
    pub at: Instant,
    /// When it arrives; `None` = lost.
    pub arrives: Option<Instant>,
    /// What it says, in a word or two.
    pub words: String,
    /// The term or epoch in which it was said.
    pub term: Option<u64>,
    /// If it was said again and again: this is the last of all.
    #[serde(default)]
    pub repeats: Option<Repeats>,
}

/// What happened several times and is drawn once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repeats {
    /// How often.
    pub times: u32,
    /// When it first did.
    pub since: Instant,
}

/// A replica has something else of the key from now on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// In which row.
    pub row: usize,
    /// When.
    pub at: Instant,
    /// What it has now.
    pub state: State,
    /// If it changed again and again: this is what it came to.
    #[serde(default)]
    pub repeats: Option<Repeats>,
}
