//! Reading TOML without losing the place.
//!

pub mod backoff;
pub mod call;
pub mod diagnostic;
pub mod dist;
pub mod nearest;
pub mod popularity;
pub mod rate_over_time;
pub mod source;
pub mod text;
pub mod units;

pub use backoff::Backoff;
pub use diagnostic::{Diagnostic, Diagnostics, Screen, Severity};
pub use dist::{Draw, Drawn};
pub use nearest::nearest;
pub use popularity::Popularity;
pub use rate_over_time::RateOverTime;
pub use source::{Place, Sources};
pub use text::{FromText, TextError};
