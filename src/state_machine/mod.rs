//! What a replicated log replicates: deterministic machines, one file each, the same under every protocol.

pub mod kv;

pub use kv::Kv;
