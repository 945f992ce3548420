//! History to verdict. Depends on the history alone, so it also judges histories recorded elsewhere.

pub mod describe;
mod linearizable;
mod model;
mod property;
mod search;
mod shrink;
mod verdict;
mod view;
mod zones;

pub use linearizable::{Engine, Linearizable, linearizable};
pub use property::{Property, judge};
pub use verdict::{Check, Edge, Evidence, Reason, Steps, Verdict};
pub use view::View;
