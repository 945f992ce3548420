//! How replicas agree: pure sans-IO state machines, one file each, the paper on line 1.
