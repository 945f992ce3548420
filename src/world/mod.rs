//! Where processes meet physics; the only interpreter of effects.
