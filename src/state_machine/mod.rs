//! What a log can replicate: deterministic state machines.
