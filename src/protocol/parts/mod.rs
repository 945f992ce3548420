//! What several protocols share, and nothing else.

pub mod bugs;
pub mod data;
pub mod group;
pub mod join;
pub mod members;
pub mod sessions;

pub use bugs::{Bugs, Planted};
pub use data::carries;
pub use group::Group;
pub use join::Join;
pub use members::Members;
pub use sessions::Sessions;
