//! What a link does to a message: delay, bandwidth, loss, duplication, reordering, compression.
//!
//! Leaves out TCP (slow start, retransmission stalls) and packets: a message crosses as a whole or not at all.

use crate::engine::{Dist, Span};

/// How long a message is under way, before bandwidth.
#[derive(Clone, Debug, PartialEq)]
pub enum Delay {
    /// A draw of the round trip; one message takes half of it.
    HalfRoundTrip(Dist),
    /// A draw of the one-way delay.
    OneWay(Dist),
}

impl Delay {
    /// The mean of one message, ns; infinite if the distribution has none.
    pub fn mean_ns(&self) -> f64 {
        match self {
            Delay::HalfRoundTrip(dist) => dist.mean().map_or(f64::INFINITY, |mean| mean / 2.0),
            Delay::OneWay(dist) => dist.mean().unwrap_or(f64::INFINITY),
        }
    }
}

/// One direction of a link between two zones.
#[derive(Clone, Debug, PartialEq)]
pub struct LinkShape {
    /// Propagation, drawn per message, in nanoseconds.
    pub delay: Delay,
    /// Bytes per second; `None` = no limit. Shared first-come-first-served by everything that crosses.
    pub bandwidth: Option<u64>,
    /// Bytes that may wait for the bandwidth; more is dropped. `None` = no limit.
    pub buffer: Option<u64>,
    /// Share of messages lost, independently, 0..=1.
    pub loss: f64,
    /// Share of messages that arrive twice, 0..=1.
    pub duplicate: f64,
    /// Share of messages that don't wait for those sent before them, 0..=1.
    pub reorder: f64,
    /// Compression before the link, if any.
    pub codec: Option<Codec>,
}

/// Compression on a link: fewer bytes for some processor time at both ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Codec {
    /// Size before over size after, above 1.
    pub ratio: f64,
    /// Processor time to compress and decompress a million bytes.
    pub cpu_per_mb: Span,
}

impl LinkShape {
    /// Whether it does nothing but delay.
    pub(super) fn is_plain(&self) -> bool {
        self.bandwidth.is_none()
            && self.codec.is_none()
            && self.loss == 0.0
            && self.duplicate == 0.0
            && self.reorder == 0.0
    }
    /// A link that takes half of `rtt` a message and nothing else.
    pub fn round_trip(rtt: Dist) -> LinkShape {
        LinkShape {
            delay: Delay::HalfRoundTrip(rtt),
            bandwidth: None,
            buffer: None,
            loss: 0.0,
            duplicate: 0.0,
            reorder: 0.0,
            codec: None,
        }
    }
}
