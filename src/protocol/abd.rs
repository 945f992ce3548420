//! Attiya, Bar-Noy, Dolev, "Sharing memory robustly in message-passing systems", J. ACM 42(1), 1995: an atomic register
//! without a leader. Multi-writer tags as in Lynch and Shvartsman, FTCS 1997.
//!
//! Whichever replica a client contacts coordinates. A write asks `r` replicas for the newest tag and stores a newer one
//! at `w`; a read asks `r`, and writes the newest back to `w` before it answers, which is what keeps a later read from
//! seeing something older. Assumes `r + w > n`, crash-recovery with stable storage: a replica acknowledges what its disk
//! has. Leaves out: reconfiguration, and the shortcut for reads whose quorum agrees. A request that is repeated by its
//! caller writes again under a newer tag.

use std::collections::BTreeMap;

use super::parts::{Bugs, Group, Members, Planted};
use crate::engine::{ProcessId, Span};
use crate::history::{ObjectId, Observation};
use crate::rpc::{Answer, Call, Outcome, Token, Verb};
use crate::world::{About, Held, Message, Out, Process, fingerprints};

/// How one group is set up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AbdSpec {
    /// Acknowledgements that a write waits for.
    pub w: u32,
    /// Answers that a read waits for.
    pub r: u32,
    /// Whether a read stores what it read at `w` replicas before it answers.
    pub write_back: bool,
    /// Planted bugs.
    pub bugs: Bugs,
}

/// What it can be told to get wrong.
pub const BUGS: &[Planted] = &[Planted {
    name: "no_write_back",
    what: "a read returns the newest of a majority without writing it back: of two reads, the later may be older",
    source: "Attiya, Bar-Noy and Dolev 1995",
}];

/// How long a coordinator waits for its quorum: Cassandra 4.1, `write_request_timeout`.
const PATIENCE: Span = Span::secs(2);

/// The order of writes: a count, then the writer's number, then which of its writes it is. Lynch and Shvartsman's writers
/// have one write at a time; a replica coordinates several, and no two may have one tag.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag {
    /// One more than the newest that the writer knew.
    pub count: u64,
    /// Which replica coordinated the write.
    pub writer: u32,
    /// Its own number of the write.
    pub of: u64,
}

/// Between replicas. `of` is the coordinator's own number of the operation.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Msg {
    /// What is the newest you have of this key?
    Query {
        /// Operation.
        of: u64,
        /// Key.
        key: u64,
    },
    /// This.
    Newest {
        /// Operation.
        of: u64,
        /// Its tag.
        tag: Tag,
        /// Its value; 0 is nil.
        value: u64,
        /// Bytes of the value on the wire.
        bytes: u32,
    },
    /// Keep this, unless you have something newer.
    Store {
        /// Operation.
        of: u64,
        /// Key.
        key: u64,
        /// Tag.
        tag: Tag,
        /// Value.
        value: u64,
        /// Bytes of the value on the wire.
        bytes: u32,
    },
    /// It is on disk.
    Stored {
        /// Operation.
        of: u64,
    },
}

impl Message for Msg {
    fn name(&self) -> &'static str {
        match self {
            Msg::Query { .. } => "Query",
            Msg::Newest { .. } => "Newest",
            Msg::Store { .. } => "Store",
            Msg::Stored { .. } => "Stored",
        }
    }
    fn bytes(&self) -> u32 {
        match self {
            Msg::Store { bytes, .. } | Msg::Newest { bytes, .. } => 32 + bytes,
            _ => 32,
        }
    }
    fn operations(&self, _: u32, each: &mut dyn FnMut(Verb)) {
        match self {
            Msg::Query { .. } => each(Verb::Read),
            Msg::Store { .. } => each(Verb::Write),
            Msg::Newest { .. } | Msg::Stored { .. } => {}
        }
    }
    fn about(&self, key: u64) -> About {
        match self {
            Msg::Query { of, key: of_key } => About::asks(*of).carrying(*of_key == key, []),
            // It doesn't say of which key: the number does.
            Msg::Newest { of, value, .. } => About::answers(*of).saying([*value]),
            Msg::Stored { of } => About::answers(*of),
            Msg::Store { of, key: of_key, value, .. } => About::asks(*of).carrying(*of_key == key, [*value]),
        }
    }
}

/// One record on disk: a key's newest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    key: u64,
    tag: Tag,
    value: u64,
    bytes: u32,
}

impl Record {
    /// On disk, as on the wire (illustrative).
    fn bytes(&self) -> u32 {
        32 + self.bytes
    }
}

/// What a replica has of a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Register {
    tag: Tag,
    value: u64,
    bytes: u32,
    /// The newest tag that its disk has.
    durable: Tag,
}

/// An acknowledgement owed once the disk has a record.
#[derive(Clone, Copy, Debug)]
struct Owed {
    to: ProcessId,
    of: u64,
    key: u64,
    tag: Tag,
}

/// An operation that this replica coordinates.
#[derive(Clone, Debug)]
struct Operation {
    call: Call,
    heard: Members,
    stored: Members,
    tag: Tag,
    value: u64,
    bytes: u32,
    storing: bool,
}

/// The process.
#[derive(Clone, Debug)]
pub struct Abd {
    group: Group,
    object: ObjectId,
    spec: AbdSpec,
    registers: BTreeMap<u64, Register>,
    operations: BTreeMap<u64, Operation>,
    owed: BTreeMap<u64, Owed>,
    next: u64,
    tokens: u64,
}

impl Abd {
    /// A replica of `group` that is `object` in the history.
    pub fn new(group: Group, object: ObjectId, spec: AbdSpec) -> Abd {
        Abd {
            group,
            object,
            spec,
            registers: BTreeMap::new(),
            operations: BTreeMap::new(),
            owed: BTreeMap::new(),
            next: 0,
            tokens: 0,
        }
    }

    fn store(&mut self, of: u64, out: &mut Out<'_, Self>) {
        let Some(operation) = self.operations.get_mut(&of) else { return };
        operation.storing = true;
        let (key, tag, value, bytes) = (operation.call.op.key, operation.tag, operation.value, operation.bytes);
        for replica in self.group.all() {
            out.send(replica, Msg::Store { of, key, tag, value, bytes });
        }
    }

    fn end(&mut self, of: u64, out: &mut Out<'_, Self>) {
        let Some(operation) = self.operations.remove(&of) else { return };
        let bytes = if operation.call.op.verb == Verb::Read { operation.bytes } else { 0 };
        let answer = Answer { bytes, ..Answer::value(operation.value, operation.tag.count) };
        out.answer(&operation.call, answer);
    }
}

impl Process for Abd {
    type Msg = Msg;
    type Timer = ();
    type Record = Record;

    fn start(&mut self, log: &[Record], out: &mut Out<'_, Self>) {
        self.registers.clear();
        self.operations.clear();
        self.owed.clear();
        // Counted from the clock: an answer that comes late to an earlier life names no operation of this one.
        self.next = out.now().0;
        for record in log {
            if record.tag.writer == out.index() {
                // Whatever the clock says: two lives give no two writes one number.
                self.next = self.next.max(record.tag.of);
            }
            let kept = self.registers.entry(record.key).or_default();
            if record.tag >= kept.tag {
                let Record { tag, value, bytes, .. } = *record;
                *kept = Register { tag, value, bytes, durable: tag };
            }
        }
    }

    fn request(&mut self, call: Call, out: &mut Out<'_, Self>) {
        if !matches!(call.op.verb, Verb::Read | Verb::Write | Verb::Delete) {
            out.answer(&call, Answer::of(Outcome::Error));
            return;
        }
        self.next += 1;
        let (of, key) = (self.next, call.op.key);
        self.operations.insert(
            of,
            Operation {
                call,
                heard: Members::NONE,
                stored: Members::NONE,
                tag: Tag::default(),
                value: 0,
                bytes: 0,
                storing: false,
            },
        );
        for replica in self.group.all() {
            out.send(replica, Msg::Query { of, key });
        }
        out.wake(Token(of), out.true_now() + PATIENCE);
    }

    fn message(&mut self, from: ProcessId, msg: Msg, out: &mut Out<'_, Self>) {
        let me = out.index();
        let who = self.group.index(from);
        match msg {
            Msg::Query { of, key } => {
                let Register { tag, value, bytes, .. } = self.registers.get(&key).copied().unwrap_or_default();
                out.send(from, Msg::Newest { of, tag, value, bytes });
            }
            Msg::Newest { of, tag, value, bytes } => {
                let Some(operation) = self.operations.get_mut(&of) else { return };
                if operation.storing || !operation.heard.insert(who) {
                    return;
                }
                if tag >= operation.tag {
                    (operation.tag, operation.value, operation.bytes) = (tag, value, bytes);
                }
                if operation.heard.len() < self.spec.r {
                    return;
                }
                match operation.call.op.verb {
                    Verb::Read => {
                        if self.spec.write_back && !self.spec.bugs.has("no_write_back") {
                            self.store(of, out);
                        } else {
                            self.end(of, out);
                        }
                    }
                    verb => {
                        operation.tag = Tag { count: operation.tag.count + 1, writer: me, of };
                        operation.value = if verb == Verb::Write { operation.call.op.value } else { 0 };
                        operation.bytes = operation.call.op.bytes;
                        self.store(of, out);
                    }
                }
            }
            Msg::Store { of, key, tag, value, bytes } => {
                let kept = self.registers.entry(key).or_default();
                if tag <= kept.durable {
                    out.send(from, Msg::Stored { of });
                    return;
                }
                if tag > kept.tag {
                    (kept.tag, kept.value, kept.bytes) = (tag, value, bytes);
                }
                // Known is not yet durable: whoever stores the same again waits for the disk as well.
                self.tokens += 1;
                self.owed.insert(self.tokens, Owed { to: from, of, key, tag });
                out.persist(Record { key, tag, value, bytes }, Token(self.tokens));
            }
            Msg::Stored { of } => {
                let Some(operation) = self.operations.get_mut(&of) else { return };
                operation.stored.insert(who);
                if operation.stored.len() >= self.spec.w {
                    self.end(of, out);
                }
            }
        }
    }

    fn record_bytes(record: &Record) -> u32 {
        record.bytes()
    }

    fn synced(&mut self, token: Token, out: &mut Out<'_, Self>) {
        let Some(Owed { to, of, key, tag }) = self.owed.remove(&token.0) else { return };
        let kept = self.registers.entry(key).or_default();
        kept.durable = kept.durable.max(tag);
        out.send(to, Msg::Stored { of });
    }

    fn woken(&mut self, token: Token, out: &mut Out<'_, Self>) {
        let Some(operation) = self.operations.remove(&token.0) else { return };
        // What has been stored somewhere may be seen yet.
        let definite = operation.call.op.verb == Verb::Read || !operation.storing;
        out.answer(&operation.call, Answer { definite, ..Answer::of(Outcome::Unavailable) });
    }

    fn holds(&self, key: u64) -> Option<Held> {
        let value = self.registers.get(&key).map(|register| register.value);
        Some(Held { values: value.into_iter().collect(), term: None })
    }

    fn fingerprints(&self) -> Option<Vec<(u64, u64)>> {
        let value = |register: &Register| Some(register.value).filter(|value| *value != 0);
        Some(fingerprints(self.registers.iter().map(|(key, register)| (*key, value(register)))))
    }

    fn finish(&mut self, out: &mut Out<'_, Self>) {
        let replica = out.index();
        for (key, Register { value, .. }) in &self.registers {
            let values = if *value == 0 { Vec::new() } else { vec![*value] };
            out.observe(Observation::FinalState { object: self.object, replica, key: *key, values });
        }
    }
}
