//! What several protocols share, and nothing else.

pub mod bugs;
pub mod data;
pub mod gateway;
pub mod group;
pub mod join;
pub mod journal;
pub mod log;
pub mod members;
pub mod sessions;

pub use bugs::{Bugs, Planted};
pub use data::carries;
pub use gateway::Gateway;
pub use group::Group;
pub use join::Join;
pub use journal::Journal;
pub use log::{Command, Entry, Log, Position, handed_on, shipped};
pub use members::Members;
pub use sessions::Sessions;
