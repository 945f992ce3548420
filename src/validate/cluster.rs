//! Worlds of one group that is tried: perfect machines on one link, without a scenario text, for what no scenario says
//! (who coordinates which write, who is cut off during it, what a member holds of another in the end).

use std::sync::Arc;

use crate::engine::{Dist, GroupId, Instant, Seed, Span, ZoneId};
use crate::metric::Frame;
use crate::physics::link::{Delay, LinkShape};
use crate::physics::topology::{Topology, Zone};
use crate::world::{Finished, Focus, GroupSetup, HostSetup, Process, Setup, World};

use super::experiment::Estimate;
use super::rows::Malformed;

/// A link on which each message is under way for `delay` (ns) and lost with probability `loss`.
pub(super) fn link(delay: Dist, loss: f64) -> LinkShape {
    LinkShape { delay: Delay::OneWay(delay), loss, ..LinkShape::round_trip(Dist::constant(0.0)) }
}

/// A world in which all links are like this.
pub(super) fn setup<P: Process>(seed: u64, end: Instant, delay: Span, loss: f64) -> Setup<P> {
    let link = link(Dist::constant(delay.0 as f64), loss);
    let topology = Topology {
        regions: vec!["here".into()],
        zones: vec![Zone { name: "a".into(), region: 0 }],
        links: vec![link.clone(), link.clone(), link],
    };
    // Nobody looks at what is measured: one bin.
    let frame = Frame::new(end, &[], Span(end.0)).expect("runs have a length");
    Setup::new(Seed(seed), topology, Arc::new(frame))
}

/// Adds a group, each member on a machine of its own whose disk takes no time.
pub(super) fn add<P: Process>(setup: &mut Setup<P>, name: &str, count: u32, make: impl FnMut(u32) -> P) -> GroupId {
    let host = |i| {
        let mut host = HostSetup::standard(&format!("{name}/{i}"), ZoneId(0));
        host.disk.fsync_time = Dist::constant(0.0);
        host
    };
    setup.component(GroupSetup::component(name), (0..count).map(host).collect(), make)
}

/// Plays to the end, and gives the processes as they ended.
pub(super) fn play<P: Process>(setup: Setup<P>, end: Instant) -> Result<Vec<P>, Malformed> {
    finished(setup, end, Focus::default()).map(|f| f.processes)
}

/// Plays to the end, and gives everything that is left.
pub(super) fn finished<P: Process>(setup: Setup<P>, end: Instant, focus: Focus) -> Result<Finished<P>, Malformed> {
    let mut world = World::new(setup, focus);
    world.run_until(end);
    let finished = world.finish();
    if finished.broken.is_empty() { Ok(finished) } else { Err(Malformed(finished.broken.join("; "))) }
}

/// A share of independent trials.
pub(super) fn share(hits: u64, trials: u64) -> Estimate {
    Estimate { value: hits as f64 / trials as f64, error: f64::NAN, n: trials as f64 }
}

/// The mean of independent runs.
pub(super) fn mean(values: &[f64]) -> Estimate {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|v| (v - mean) * (v - mean)).sum();
    Estimate { value: mean, error: (squares / (n - 1.0) / n).sqrt(), n }
}

/// So many runs at this effort, at least ten.
pub(super) fn runs(full: u64, scale: f64) -> u64 {
    ((full as f64 * scale) as u64).max(10)
}
