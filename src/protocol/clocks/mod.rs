//! Clocks that order events: logical, vector, hybrid, and physical ones that know how wrong they may be.
//!
//! Plain types, no process: a protocol holds one, ticks it and sends what it shows.

mod hybrid;
mod interval;
mod lamport;
mod vector;

pub use hybrid::{HybridClock, Timestamp};
pub use interval::Interval;
pub use lamport::LamportClock;
pub use vector::{Causality, Dot, VectorClock};
