//! Reading TOML without losing the place.
//!
//! Texts ([`source`]) become a tree that can be edited ([`set`]) and is then read into types ([`table`]) whose values
//! remember where they were written ([`written`]); what is inside a text has its own grammar ([`units`], [`call`],
//! [`dist`], …); all that is wrong is collected ([`diagnostic`]).

pub mod backoff;
pub mod call;
pub mod diagnostic;
pub mod dist;
pub mod nearest;
pub mod popularity;
pub mod rate_over_time;
pub mod set;
pub mod source;
pub mod table;
pub mod text;
pub mod units;
pub mod written;

pub use backoff::Backoff;
pub use diagnostic::{Diagnostic, Diagnostics, Screen, Severity};
pub use dist::{Draw, Drawn};
pub use nearest::nearest;
pub use popularity::Popularity;
pub use rate_over_time::RateOverTime;
pub use source::{Place, Sources};
pub use text::{FromText, TextError};
pub use written::{At, OneOrMany, OrNone, Raw, Table, TextOr, Written};
