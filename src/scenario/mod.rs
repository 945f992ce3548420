//! TOML to plan: names to ids, defaults explicit, complete and printable.

mod reader;
mod tree;
