//! How long limited links and disks worked: what no process sees, and what may be all that a system waits for.

use std::collections::BTreeMap;

use crate::engine::{HostId, Instant, Span};
use crate::metric::Frame;
use crate::physics::topology::LinkId;

/// Working time since the start, at the end of each bin. Who never worked has none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Of each limited link.
    pub links: BTreeMap<LinkId, Vec<Span>>,
    /// Of each disk: its fsyncs.
    pub disks: BTreeMap<HostId, Vec<Span>>,
}

impl Usage {
    /// The end of a bin, before which there were `bins`.
    pub(super) fn mark(
        &mut self,
        bins: usize,
        links: impl Iterator<Item = (LinkId, Span)>,
        disks: impl Iterator<Item = (HostId, Span)>,
    ) {
        for (link, used) in links {
            self.links.entry(link).or_insert_with(|| vec![Span::ZERO; bins]).push(used);
        }
        for (host, used) in disks {
            self.disks.entry(host).or_insert_with(|| vec![Span::ZERO; bins]).push(used);
        }
    }

    /// The share of a stretch in which one of them worked, over the bins that the stretch touches.
    pub fn share(worked: &[Span], frame: &Frame, from: Instant, to: Instant) -> f64 {
        let (first, last) = (frame.bin_of(from), frame.bin_of(Instant(to.0.saturating_sub(1))));
        let at = |bin: usize| worked.get(bin.min(worked.len().saturating_sub(1))).copied().unwrap_or_default();
        let before = first.checked_sub(1).map_or(Span::ZERO, at);
        let length = frame.bin_bounds(last).end.since(frame.bin_bounds(first).start);
        (at(last) - before).0 as f64 / length.0.max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_that_of_the_stretch() {
        let frame = Frame::new(Instant(400), &[], Span(100)).expect("it is cut nowhere");
        let worked: Vec<Span> = [0, 50, 150, 150].map(Span).into();
        for (from, to, share) in [(0, 400, 0.375), (100, 200, 0.5), (200, 300, 1.0), (250, 400, 0.5), (300, 400, 0.0)] {
            assert_eq!(Usage::share(&worked, &frame, Instant(from), Instant(to)), share, "{from} to {to}");
        }
    }
}
