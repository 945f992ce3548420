//! History to verdict. Depends on the history alone, so it also judges histories recorded elsewhere.

mod completeness;
mod configuration;
pub mod describe;
mod durable;
pub mod hierarchy;
mod just_in_time;
mod known;
mod layers;
mod linearizable;
mod locks;
mod merged;
mod model;
mod order;
mod property;
mod replicated;
mod search;
mod seen;
mod segments;
mod serial;
mod sessions;
mod shrink;
mod staleness;
mod verdict;
mod view;
mod weak;
mod zones;

pub use durable::lost_writes;
pub use hierarchy::{Standing, standing};
pub use linearizable::{Engine, Linearizable, linearizable};
pub use merged::{Dropped, dropped};
pub use property::{Property, judge, judge_with};
pub use staleness::{ReadAge, Staleness, staleness};
pub use verdict::{Check, Edge, Evidence, Reason, Steps, Verdict};
pub use view::View;
