//! What replicas say to each other, and what they write to disk.

use std::sync::Arc;

use super::version::{self, Object};
use crate::protocol::clocks::{Timestamp, VectorClock};
use crate::rpc::Verb;
use crate::world::{About, Message};

/// Between replicas. `of` is the sender's own number of what it asks for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Msg {
    /// What do you have of this key?
    Fetch {
        /// Operation.
        of: u64,
        /// Key.
        key: u64,
    },
    /// This.
    Fetched {
        /// Operation.
        of: u64,
        /// All of it.
        object: Object,
        /// Whether the disk has it.
        durable: bool,
    },
    /// Keep this beside what you have.
    Store {
        /// Operation.
        of: u64,
        /// Key.
        key: u64,
        /// What.
        object: Object,
    },
    /// Keep this for `home`, which doesn't answer.
    Hint {
        /// Operation.
        of: u64,
        /// Whose copy it is.
        home: u32,
        /// Key.
        key: u64,
        /// What.
        object: Object,
    },
    /// It is on disk.
    Stored {
        /// Operation.
        of: u64,
        /// Whose copy it is: the sender's, or that of the replica it stands in for.
        home: u32,
        /// What the sender has seen of the key. Nobody acts on it, and it has no bytes: it is for whoever judges.
        met: VectorClock,
    },
    /// These nodes of my tree have these hashes.
    Hashes {
        /// Node and hash.
        nodes: Arc<[(u32, u64)]>,
    },
    /// I have these keys in these leaves.
    Keys {
        /// The leaves.
        leaves: Arc<[u32]>,
        /// All keys there, with what is kept of them.
        objects: Arc<[(u64, Object)]>,
        /// Whether the receiver is to say what it has beyond that.
        ask: bool,
    },
    /// Any of these, where logical clocks order writes.
    Stamped {
        /// What the sender's clock showed.
        at: Timestamp,
        /// The message.
        msg: Box<Msg>,
    },
}

impl Message for Msg {
    fn name(&self) -> &'static str {
        match self {
            Msg::Fetch { .. } => "Fetch",
            Msg::Fetched { .. } => "Fetched",
            Msg::Store { .. } => "Store",
            Msg::Hint { .. } => "Hint",
            Msg::Stored { .. } => "Stored",
            Msg::Hashes { .. } => "Hashes",
            Msg::Keys { .. } => "Keys",
            Msg::Stamped { msg, .. } => msg.name(),
        }
    }
    fn bytes(&self) -> u32 {
        match self {
            Msg::Fetch { .. } | Msg::Stored { .. } => 24,
            Msg::Fetched { object, .. } | Msg::Store { object, .. } | Msg::Hint { object, .. } => {
                24 + version::bytes(object)
            }
            Msg::Hashes { nodes } => 12 * nodes.len() as u32,
            Msg::Keys { leaves, objects, .. } => {
                4 * leaves.len() as u32 + objects.iter().map(|(_, o)| 8 + version::bytes(o)).sum::<u32>()
            }
            Msg::Stamped { msg, .. } => 8 + msg.bytes(),
        }
    }
    fn operations(&self, _: u32, each: &mut dyn FnMut(Verb)) {
        match self {
            Msg::Fetch { .. } => each(Verb::Read),
            Msg::Store { .. } | Msg::Hint { .. } => each(Verb::Write),
            // What is exchanged in bulk is taken up in one go.
            Msg::Keys { objects, .. } if !objects.is_empty() => each(Verb::Write),
            Msg::Stamped { msg, .. } => msg.operations(0, each),
            Msg::Fetched { .. } | Msg::Stored { .. } | Msg::Hashes { .. } | Msg::Keys { .. } => {}
        }
    }
    fn about(&self, key: u64) -> About {
        let values = |object: &Object| -> Vec<u64> { object.iter().map(|version| version.value).collect() };
        match self {
            Msg::Fetch { of, key: of_key } => About::asks(*of).carrying(*of_key == key, []),
            // It doesn't say of which key: the number does.
            Msg::Fetched { of, object, .. } if object.is_empty() => About::answers(*of).saying([0]),
            Msg::Fetched { of, object, .. } => About::answers(*of).saying(values(object)),
            Msg::Stored { of, .. } => About::answers(*of),
            Msg::Store { of, key: of_key, object } | Msg::Hint { of, key: of_key, object, .. } => {
                About::asks(*of).carrying(*of_key == key, values(object))
            }
            Msg::Hashes { .. } => About::default(),
            Msg::Keys { objects, .. } => match objects.iter().find(|(k, _)| *k == key) {
                Some((_, object)) => About::default().carrying(true, values(object)),
                None => About::default(),
            },
            Msg::Stamped { msg, .. } => msg.about(key),
        }
    }
}

/// One record on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// All that is kept of a key.
    Object {
        /// Key.
        key: u64,
        /// What.
        object: Object,
    },
    /// What is kept for somebody else.
    Hint {
        /// For whom.
        home: u32,
        /// Key.
        key: u64,
        /// What.
        object: Object,
    },
    /// He has it.
    Handed {
        /// Who.
        home: u32,
        /// Key.
        key: u64,
    },
}

impl Record {
    /// On disk, as on the wire (illustrative).
    pub(super) fn bytes(&self) -> u32 {
        match self {
            Record::Object { object, .. } | Record::Hint { object, .. } => 16 + super::version::bytes(object),
            Record::Handed { .. } => 16,
        }
    }
}
