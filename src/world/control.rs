//! The closed list of things that a fault may do. Faults are programs; these are their instructions.

use crate::engine::{EdgeId, GroupId, Instant, KeysId, ProcessId, Span};
use crate::physics::LinkChange;
use crate::physics::link::LinkShape;
use crate::physics::station::StationSpec;
use crate::physics::topology::LinkId;
use crate::rpc::{Op, Policy};

use super::out::Point;
use super::process::Role;

/// When a control acts.
#[derive(Clone, Debug, PartialEq)]
pub enum When {
    /// At a time.
    At(Instant),
    /// So long after a point of a protocol was passed.
    Point(Passage, Span),
}

/// The `nth` time that somebody passes a point of a protocol at or after `from`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passage {
    /// Name of the point.
    pub point: String,
    /// What comes after it, if the point begins a stretch that matters as a whole: a stretch that has begun and not
    /// ended at `from` counts, and what passes `point` within a stretch doesn't.
    pub until: Option<String>,
    /// Who passes it; `None` is whoever does.
    pub of: Option<GroupId>,
    /// Not before.
    pub from: Instant,
    /// 1 = the first.
    pub nth: u32,
}

impl Passage {
    /// The `nth` time that anybody passes this point.
    pub fn nth(nth: u32, point: &str) -> Passage {
        Passage { point: point.to_owned(), until: None, of: None, from: Instant::ZERO, nth }
    }
}

/// How far a control has come that waits for a passage.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Waiting {
    /// Passages so far.
    passed: u32,
    /// Whether a stretch has begun and not ended.
    within: bool,
}

impl Waiting {
    /// Somebody passed a point. Whether that is the passage.
    pub(super) fn on_point(&mut self, passage: &Passage, group: GroupId, point: Point, now: Instant) -> bool {
        if passage.of.is_some_and(|of| of != group) {
            return false;
        }
        if passage.until.as_deref() == Some(point.name) {
            self.within = false;
            return false;
        }
        if passage.point != point.name {
            return false;
        }
        let inside = self.within;
        self.within = passage.until.is_some();
        !inside && now >= passage.from && self.pass(passage)
    }
    /// The time has come from which passages count. Whether that is the passage.
    pub(super) fn on_from(&mut self, passage: &Passage) -> bool {
        self.within && self.pass(passage)
    }
    fn pass(&mut self, passage: &Passage) -> bool {
        self.passed += 1;
        self.passed == passage.nth
    }
}

/// Which process a control hits, settled when it acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// This one.
    Process(ProcessId),
    /// Whoever has the role in the group at that moment; nobody, if nobody has.
    Role(GroupId, Role),
    /// Whatever an earlier control of the same fault hit (to undo it).
    Same(u32),
}

/// One side of a cut: processes, and roles settled when it acts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Side {
    /// Processes.
    pub processes: Vec<ProcessId>,
    /// Roles.
    pub roles: Vec<(GroupId, Role)>,
    /// Whether it is everybody but these.
    pub rest: bool,
}

/// How a process goes down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Power {
    /// The process dies, the machine lives: what was written is kept, and callers get their connections reset.
    Process,
    /// The machine loses power: what was not fsynced is gone, and nobody answers.
    Machine,
}

/// How a gray process fails while its health checks pass.
#[derive(Clone, Debug, PartialEq)]
pub struct Gray {
    /// Share of requests answered with an error, 0..=1.
    pub errors: f64,
    /// Work of such a request; `None` = what it would have been.
    pub service_time: Option<crate::engine::Dist>,
}

/// One instruction. What a fault does is undone by that fault only; what others do to the same place goes on.
#[derive(Clone, Debug, PartialEq)]
pub enum Control {
    /// Nothing from `from` reaches `to` until mended.
    Cut {
        /// Name for `Mend`.
        id: u32,
        /// Senders.
        from: Side,
        /// Receivers.
        to: Side,
    },
    /// Ends cut `id`.
    Mend {
        /// The cut.
        id: u32,
    },
    /// Makes links worse, on top of what they are.
    Strain {
        /// Name for `Relax`.
        id: u32,
        /// How.
        strain: LinkChange,
    },
    /// Ends strain `id`.
    Relax {
        /// The strain.
        id: u32,
    },
    /// A process goes down.
    Crash(Target, Power),
    /// It comes back, unless somebody else holds it down.
    Restart(Target),
    /// A process that runs is stopped, and started at once.
    Relaunch(Target),
    /// Its callers choose a process no longer; they know at once. What they asked of it before it may still answer.
    Withdraw(Target),
    /// It is put back, unless somebody else keeps it out.
    Admit(Target),
    /// A process freezes while clocks run.
    Pause(Target),
    /// A frozen process goes on, unless somebody else freezes it.
    Resume(Target),
    /// Service times are this many times as long; `None` = that ends.
    Slow(Target, Option<f64>),
    /// Gray failure begins; `None` = ends.
    Gray(Target, Option<Gray>),
    /// The clock of a process's host.
    Clock(Target, ClockFault),
    /// The disk of a process's host: every operation takes this many times as long; `None` = that ends.
    DiskSlow(Target, Option<f64>),
    /// Open clients arrive this many times as often, closed ones are this many times as many; `None` = that ends.
    Load(ProcessId, Option<f64>),
    /// One key of a set gets this share of the draws; `None` = ends.
    HotKey(KeysId, Option<(u64, f64)>),
    /// Slots of a pool are held by nobody; `None` = they are given back.
    Leak(EdgeId, Option<u32>),
    /// A live value of the plan changes.
    Set(Box<Setting>),
    /// What this fault set there counts no longer.
    Unset(Box<Setting>),
    /// An operator's request.
    Ask(Target, Op),
    /// An operator wants these in their group, or out of it: every member that runs hears of it, by no network.
    Member(Target, bool),
}

/// What may happen to a clock.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ClockFault {
    /// Jumps by this many ns, forwards or back.
    Step(i64),
    /// Gains this many more parts per million.
    Drift(f64),
    /// Gains them no longer.
    Steady,
    /// Stands still.
    Freeze,
    /// Goes on, unless somebody else holds it.
    Thaw,
}

/// A value that may change while the run goes on.
#[derive(Clone, Debug, PartialEq)]
pub enum Setting {
    /// The policy of an edge.
    Policy(EdgeId, Policy),
    /// The stations of a group.
    Station(GroupId, StationSpec),
    /// The service times of a group.
    Service(GroupId, super::setup::ServiceTime),
    /// A link.
    Link(LinkId, LinkShape),
    /// Clients: open ones arrive this many times as often, closed ones are this many times as many.
    Load(ProcessId, f64),
}

/// A control that acted, for the timeline and the trace.
#[derive(Clone, Debug, PartialEq)]
pub struct Acted {
    /// When.
    pub at: Instant,
    /// The fault it belongs to, as an index into the plan's faults.
    pub fault: u16,
    /// Whom it hit; empty if it hit the network or nobody, or if others did the same to all of them at the time.
    pub hit: Vec<ProcessId>,
    /// Whether it was meant for somebody and met nobody.
    pub missed: bool,
    /// What it was, in a few words.
    pub what: &'static str,
}

/// A control in a schedule.
#[derive(Clone, Debug, PartialEq)]
pub struct Scheduled {
    /// When.
    pub when: When,
    /// The fault it belongs to.
    pub fault: u16,
    /// What happens.
    pub control: Control,
}
