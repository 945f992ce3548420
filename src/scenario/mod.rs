//! TOML to plan: names to ids, defaults explicit, complete and printable.
