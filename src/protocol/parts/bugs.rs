//! Planted bugs: what a protocol gets wrong on purpose, so that checkers can be checked.

/// A bug that a protocol can be told to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planted {
    /// As `bugs = ["…"]` names it.
    pub name: &'static str,
    /// What it does wrong.
    pub what: &'static str,
    /// Where it happened, or who described it.
    pub source: &'static str,
}

/// The bugs that one replica group has. Usually none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bugs {
    names: Vec<&'static str>,
}

impl Bugs {
    /// These, by name; the names must come from the protocol's own table.
    pub fn new(names: impl IntoIterator<Item = &'static str>) -> Bugs {
        Bugs { names: names.into_iter().collect() }
    }
    /// Whether it has this one.
    pub fn has(&self, name: &str) -> bool {
        self.names.contains(&name)
    }
    /// Their names.
    pub fn names(&self) -> &[&'static str] {
        &self.names
    }
}
