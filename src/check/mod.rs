//! History to verdict. Depends on the history alone, so it also judges histories recorded elsewhere.
