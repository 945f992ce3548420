//! Reading TOML without losing the place: sources, spans, units, diagnostics.
