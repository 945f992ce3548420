//! Disks: how long a write takes to be durable, and what a crash keeps.

use crate::engine::Dist;

/// The disk of each host of a component.
#[derive(Clone, Debug, PartialEq)]
pub struct DiskSpec {
    /// Of one read, ns.
    pub read_time: Dist,
    /// Of one write into the page cache, ns.
    pub write_time: Dist,
    /// Of one fsync, ns; fsyncs of one host queue up.
    pub fsync_time: Dist,
    /// Bytes per second; `None` = no limit.
    pub bandwidth: Option<u64>,
    /// Bytes; `None` = endless.
    pub space: Option<u64>,
}

impl Default for DiskSpec {
    /// Reads and writes for nothing, 1 ms an fsync (illustrative: a datacentre SSD without power-loss protection).
    fn default() -> DiskSpec {
        DiskSpec {
            read_time: Dist::constant(0.0),
            write_time: Dist::constant(0.0),
            fsync_time: Dist::constant(1e6),
            bandwidth: None,
            space: None,
        }
    }
}
