//! Reading TOML without losing the place.
//!
//! Texts share one address space, so that a place finds its own ([`source`]); what is inside a text has its own grammar
//! ([`units`], [`call`], [`dist`], …); all that is wrong is collected ([`diagnostic`]). The tables themselves are read by
//! `scenario`.

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
