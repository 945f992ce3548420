//! netsplit: a deterministic distributed-system simulator.

pub mod catalog;
pub mod check;
pub mod cli;
pub mod component;
pub mod engine;
pub mod expect;
pub mod fault;
pub mod flow;
pub mod history;
pub mod metric;
pub mod physics;
pub mod protocol;
pub mod report;
pub mod rpc;
pub mod run;
pub mod scenario;
pub mod spec;
pub mod state_machine;
pub mod validate;
pub mod workload;
pub mod world;
