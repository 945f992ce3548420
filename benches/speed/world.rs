//! The mesh of `floor` as processes in a world: hosts, a network with a delay, messages with names and sizes, books.

use std::sync::Arc;

use netsplit::engine::{Bits as _, Dist, Instant, ProcessId, Seed, ZoneId};
use netsplit::metric::Frame;
use netsplit::physics::link::{Delay, LinkShape};
use netsplit::physics::topology::{Topology, Zone};
use netsplit::world::{Focus, GroupSetup, HostSetup, Message, Out, Process, Setup, World};

use super::Done;
use super::clock::timed;

#[derive(Clone, Debug, Hash)]
enum Msg {
    Request(u64),
    Answer(u64),
}

impl Message for Msg {
    fn name(&self) -> &'static str {
        "hop"
    }
    fn bytes(&self) -> u32 {
        16
    }
}

#[derive(Clone, Debug)]
struct Node {
    nodes: u32,
    answered: u64,
    sum: u64,
}

impl Node {
    fn ask_another(&self, id: u64, out: &mut Out<'_, Self>) {
        let to = out.draw(0, id).below(u64::from(self.nodes) - 1) as u32;
        out.send(ProcessId(to + u32::from(to >= out.me().0)), Msg::Request(id));
    }
}

impl Process for Node {
    type Msg = Msg;
    type Timer = ();
    type Record = ();

    fn start(&mut self, _log: &[()], out: &mut Out<'_, Self>) {
        (0..10).for_each(|id| self.ask_another(id, out));
    }
    fn message(&mut self, from: ProcessId, msg: Msg, out: &mut Out<'_, Self>) {
        match msg {
            Msg::Request(id) => {
                self.answered += 1;
                out.send(from, Msg::Answer(id));
            }
            Msg::Answer(id) => {
                self.sum = self.sum.wrapping_add(id);
                self.ask_another(id + 10, out);
            }
        }
    }
}

pub(crate) fn mesh(n: u32, messages: u64) -> Done {
    let mut link = LinkShape::round_trip(Dist::constant(0.0));
    link.delay = Delay::OneWay(Dist::exponential(1e6));
    let zones = vec![Zone { name: "a".into(), region: 0 }];
    let topology = Topology { regions: vec!["local".into()], zones, links: vec![link] };
    let end = Instant(u64::from(u32::MAX) << 10);
    let frame = Arc::new(Frame::new(end, &[], Frame::bin_for(end)).expect("it has a length"));
    let mut setup = Setup::new(Seed(42), topology, frame);
    let hosts = (0..n).map(|i| HostSetup::standard(&format!("node/{i}"), ZoneId(0))).collect();
    setup.component(GroupSetup::component("node"), hosts, |_| Node { nodes: n, answered: 0, sum: 0 });
    let mut world = World::new(setup, Focus::default());
    // Each of ten messages a node is under way for a millisecond.
    let step = 1_000_000 * messages / (u64::from(n) * 10 * 50);
    let (ns, ()) = timed(|| {
        while world.events() < messages {
            world.run_until(Instant(world.now().0 + step.max(1)));
        }
    });
    let check = format!("{:.1} ms, digest {:016x}", world.now().0 as f64 / 1e6, world.digest());
    Done { events: world.events(), ns, check }
}
