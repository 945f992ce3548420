//! Reading TOML without losing the place: units, calls and distributions inside texts, and where in them an error is.

pub mod backoff;
pub mod call;
pub mod dist;
pub mod nearest;
pub mod popularity;
pub mod rate_over_time;
pub mod text;
pub mod units;

pub use backoff::Backoff;
pub use dist::{Draw, Drawn};
pub use nearest::nearest;
pub use popularity::Popularity;
pub use rate_over_time::RateOverTime;
pub use text::{FromText, TextError};
