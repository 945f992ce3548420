//! History to verdict. Depends on the history alone, so it also judges histories recorded elsewhere.

pub mod describe;
mod model;
mod verdict;
mod view;

pub use verdict::{Check, Edge, Evidence, Reason, Steps, Verdict};
pub use view::View;
