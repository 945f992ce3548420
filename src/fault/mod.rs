//! What breaks: each kind compiles its spec into timed controls.
