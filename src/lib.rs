//! netsplit: a deterministic distributed-system simulator.

pub mod engine;
