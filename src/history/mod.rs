//! What clients saw: operations ok, fail or unknown in closed intervals, and observations; import and export.
