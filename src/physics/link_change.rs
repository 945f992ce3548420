//! What a fault does to links while it lasts. Changes stack: several may touch one message.

use std::collections::BTreeMap;

use super::host_set::HostSet;
use super::pipe::Pipe;
use super::topology::LinkId;
use crate::engine::{Dist, HostId};

/// A change on top of the shapes of some links, or of everything that some hosts send or are sent.
#[derive(Clone, Debug, PartialEq)]
pub struct LinkChange {
    /// What it touches.
    pub reach: Reach,
    /// Share lost on top, independently of other losses, 0..=1.
    pub loss: f64,
    /// Share duplicated on top, 0..=1.
    pub duplicate: f64,
    /// Share reordered on top, 0..=1.
    pub reorder: f64,
    /// Multiplies the drawn delay; 1 = no effect.
    pub delay_factor: f64,
    /// Added to each message's delay after the factor, ns.
    pub delay_added: Option<Dist>,
    /// Bytes per second. On links: the lower of this and what the link has. On hosts: a wire of its own for each host,
    /// one out and one in, without limit to what waits for it.
    pub bandwidth: Option<u64>,
}

/// Which messages a change touches.
#[derive(Clone, Debug, PartialEq)]
pub enum Reach {
    /// What crosses one of these links.
    Links(Vec<LinkId>),
    /// What these hosts send.
    From(HostSet),
    /// What is sent to these hosts.
    To(HostSet),
    /// What these hosts send or are sent, among themselves too.
    Touching(HostSet),
    /// What the first send to the second, one way.
    Between(HostSet, HostSet),
}

impl LinkChange {
    /// A change of nothing, to be filled in.
    pub fn none(reach: Reach) -> LinkChange {
        LinkChange {
            reach,
            loss: 0.0,
            duplicate: 0.0,
            reorder: 0.0,
            delay_factor: 1.0,
            delay_added: None,
            bandwidth: None,
        }
    }

    /// Whether it touches what crosses `link`.
    pub(super) fn on_link(&self, link: usize) -> bool {
        matches!(&self.reach, Reach::Links(links) if links.iter().any(|l| usize::from(l.0) == link))
    }

    /// Whether it touches messages between two hosts, whatever links they take. `Some` says whose wire they share.
    pub(super) fn on_hosts(&self, from: HostId, to: HostId) -> Option<Wire> {
        let out = Wire { host: from, out: true };
        let into = Wire { host: to, out: false };
        match &self.reach {
            Reach::Links(_) => None,
            Reach::From(hosts) => hosts.contains(from).then_some(out),
            Reach::To(hosts) => hosts.contains(to).then_some(into),
            Reach::Touching(hosts) if hosts.contains(from) => Some(out),
            Reach::Touching(hosts) => hosts.contains(to).then_some(into),
            Reach::Between(senders, receivers) => (senders.contains(from) && receivers.contains(to)).then_some(out),
        }
    }
}

/// One host's end of a limited wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Wire {
    host: HostId,
    out: bool,
}

/// A change that is in force.
#[derive(Clone, Debug)]
pub(super) struct Active {
    pub(super) id: u32,
    pub(super) change: LinkChange,
    /// Of host-wide changes with a bandwidth.
    pub(super) pipes: BTreeMap<Wire, Pipe>,
}
