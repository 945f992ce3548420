//! The laws between and under processes: links, stations, disks, clocks. Never sees a process.

pub mod clock;
pub mod disk;
pub mod host_set;
pub mod link;
pub mod link_change;
pub mod network;
mod pipe;
pub mod regions;
pub mod station;
pub mod topology;

pub use host_set::HostSet;
pub use link_change::{LinkChange, Reach};
pub use network::{Crossing, Loss, Network, Place};
