//! The laws between and under processes: links, stations, disks, clocks. Never sees a process.

pub mod clock;
pub mod disk;
pub mod link;
pub mod station;
pub mod topology;
