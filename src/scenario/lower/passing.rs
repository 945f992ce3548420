//! The point of a protocol that a fault waits for: `on(leader_elected)`.

use super::{Lowering, Site};
use crate::scenario::plan::Kind;
use crate::scenario::reader::{Fields, inside};
use crate::spec::call::{Call, Signature};
use crate::spec::text::{FromText, TextError};
use crate::spec::units::Count;
use crate::spec::{Diagnostic, nearest};

/// As written.
pub(in crate::scenario) struct Passing {
    point: String,
    /// Where the name of the point begins in the text.
    start: usize,
}

impl FromText for Passing {
    const WHAT: &'static str = "a point of a protocol";
    fn from_text(text: &str) -> Result<Passing, TextError> {
        let usage = "`on(leader_elected)`";
        let call = Call::parse(text)?;
        match call.name {
            "on" => {}
            "between" => {
                return Err(TextError::new(call.name_at(), "`between` comes with transactions, in a later version")
                    .help(format!("a fault acts right after a point: write {usage}")));
            }
            other => {
                let help = match call.args {
                    None => format!("write `on({other})`, if that is a point of a protocol"),
                    Some(_) => format!("write {usage}"),
                };
                return Err(
                    TextError::new(call.name_at(), format!("`{other}` is no way to wait for a point")).help(help)
                );
            }
        }
        let bound = call.bind(Signature { usage, positional: &["point"], named: &[] })?;
        let point = bound.need("point")?;
        Ok(Passing { point: point.text.to_owned(), start: point.start })
    }
    fn examples() -> &'static [&'static str] {
        &["on(leader_elected)", "on(election_started)", "on(member_dead)"]
    }
}

impl Lowering<'_, '_> {
    /// Which point, and which passage of it. An outer `None` was said to be wrong.
    pub(super) fn passing(&self, fields: &Fields<'_, '_>, site: &Site<'_>) -> Option<Option<(String, u32)>> {
        let nth = fields.at::<Count>("nth");
        if !fields.has("when") {
            if let Some((_, place)) = nth {
                fields.error(
                    Diagnostic::error(place, "`nth` counts how often a point is passed, and this fault waits for none")
                        .help("add `when = \"on(leader_elected)\"`"),
                );
            }
            return Some(None);
        }
        let (passing, place) = fields.at::<Passing>("when")?;
        let mut known: Vec<&str> = Vec::new();
        for component in site.components {
            known.extend(match &component.kind {
                Kind::Store(Some(replication)) => replication.points(),
                Kind::Membership(membership) => membership.points(),
                _ => &[],
            });
        }
        known.sort_unstable();
        known.dedup();
        if !known.contains(&passing.point.as_str()) {
            // A store that was written wrongly passes no points, and that was said.
            if self.log.borrow().has_errors() {
                return None;
            }
            let word = fields.node("when").map(inside).map_or(place, |whole| {
                let start = whole.start + passing.start;
                start..start + passing.point.len()
            });
            let found = Diagnostic::error(word, format!("nothing here passes a point `{}`", passing.point));
            fields.error(match (known.is_empty(), nearest(&passing.point, known.iter().copied())) {
                (true, _) => found.help("points belong to protocols with a leader, a chain or members"),
                (false, Some(meant)) => found.help(format!("did you mean `{meant}`?")),
                (false, None) => found.help(format!("points here: {}", known.join(", "))),
            });
            return None;
        }
        match nth {
            Some((Count(n), place)) => match u32::try_from(n).ok().filter(|n| *n > 0) {
                Some(n) => Some(Some((passing.point, n))),
                None => {
                    fields.error(Diagnostic::error(place, "the first time is number 1"));
                    None
                }
            },
            None => Some(Some((passing.point, 1))),
        }
    }
}
