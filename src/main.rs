//! The `netsplit` command.

fn main() {}
