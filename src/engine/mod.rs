//! Time passes, events happen. Knows no network, no TOML, no files: it could simulate a bakery.

pub mod agenda;
pub mod digest;
pub mod dist;
pub mod ids;
mod logarithm;
pub mod places;
pub mod queue;
pub mod random;
pub mod slab;
pub mod time;

pub use dist::{Dist, Shape};
pub use ids::*;
pub use places::Places;
pub use random::{Bits, Draws, Seed, Stream, mix};
pub use slab::Slab;
pub use time::{Instant, Span};
