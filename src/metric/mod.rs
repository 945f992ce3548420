//! Counters, histograms and series that the world fills; integers, no formatting.
//!
//! The fault schedule is known before a run, so the run is cut into **epochs**: elementary intervals between the
//! boundaries of phases ([`Frame`]). Everything is kept per epoch; a phase is a set of epochs ([`EpochSet`]), and what
//! happened in it is the sum. Beside that, everything has a series of equal **bins**, for charts and for standard
//! errors ([`batch`]).
//!
//! Requests are counted in the epoch in which they started, because a phase asks "what became of those who came
//! then". Knows neither outcomes nor components: a class is a number below [`CLASSES`].

pub mod batch;
mod counter;
mod frame;
mod gauge;
mod heat;
mod latency;
mod log_linear;
mod recovery;
pub mod stats;
mod tally;

pub use counter::Counter;
pub use frame::{EpochSet, Frame, FrameError, Mismatch};
pub use gauge::{Gauge, Level};
pub use heat::{HEAT_ROWS, heat_row_bounds};
pub use latency::Latencies;
pub use recovery::{Silence, recovery_time};
pub use tally::{Bin, CLASSES, ClassSet, Detail, LittlesLaw, Tally};
