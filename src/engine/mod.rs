//! Time passes, events happen. Knows no network, no TOML, no files: it could simulate a bakery.

pub mod ids;
pub mod time;

pub use ids::*;
pub use time::{Instant, Span};
