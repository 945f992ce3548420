//! The point of a protocol that a fault waits for: `on(leader_elected)`, `between(election_started, leader_elected)`.

use std::ops::Range;

use super::{Lowering, Site};
use crate::engine::{GroupId, Instant};
use crate::scenario::plan::{Awaited, Kind};
use crate::scenario::reader::{Fields, inside};
use crate::spec::call::{Arg, Call, Signature};
use crate::spec::text::{FromText, TextError};
use crate::spec::units::Count;
use crate::spec::{Diagnostic, nearest};
use crate::world::Passage;

/// A name, and where it begins in the text.
struct Word(String, usize);

impl Word {
    fn new(arg: Arg<'_>) -> Word {
        Word(arg.text.to_owned(), arg.start)
    }
}

/// As written.
pub(in crate::scenario) struct Passing {
    point: Word,
    until: Option<Word>,
    of: Option<Word>,
}

impl FromText for Passing {
    const WHAT: &'static str = "a point of a protocol";
    fn from_text(text: &str) -> Result<Passing, TextError> {
        let call = Call::parse(text)?;
        let signature = match call.name {
            "on" => Signature { usage: "`on(leader_elected)`", positional: &["point"], named: &["of"] },
            "between" => Signature {
                usage: "`between(election_started, leader_elected)`",
                positional: &["point", "until"],
                named: &["of"],
            },
            other => {
                let help = match call.args {
                    None => format!("write `on({other})`, if that is a point of a protocol"),
                    Some(_) => "write `on(leader_elected)` or `between(election_started, leader_elected)`".to_owned(),
                };
                return Err(
                    TextError::new(call.name_at(), format!("`{other}` is no way to wait for a point")).help(help)
                );
            }
        };
        let bound = call.bind(signature)?;
        let until = if call.name == "between" { Some(Word::new(bound.need("until")?)) } else { None };
        Ok(Passing { point: Word::new(bound.need("point")?), until, of: bound.get("of").map(Word::new) })
    }
    fn examples() -> &'static [&'static str] {
        &[
            "on(leader_elected)",
            "on(member_dead)",
            "on(leader_elected, of=kv)",
            "between(election_started, leader_elected)",
        ]
    }
}

impl Lowering<'_, '_> {
    /// What a fault waits for; from when on is not known yet. An outer `None` was said to be wrong.
    pub(super) fn passing(&self, fields: &Fields<'_, '_>, site: &Site<'_>) -> Option<Option<Awaited>> {
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
        let at = |word: &Word| -> Range<usize> {
            let whole = fields.node("when").map(inside);
            whole.map_or(place.clone(), |whole| whole.start + word.1..whole.start + word.1 + word.0.len())
        };
        let of = match &passing.of {
            None => None,
            Some(word) => Some((self.passer(fields, site, word, at(word))?, word.0.clone())),
        };
        let who = site.components.iter().enumerate().filter(|(c, _)| of.as_ref().is_none_or(|(of, _)| of == c));
        let mut known: Vec<&str> = who.flat_map(|(_, component)| points(&component.kind)).copied().collect();
        known.sort_unstable();
        known.dedup();
        for word in std::iter::once(&passing.point).chain(&passing.until) {
            if known.contains(&word.0.as_str()) {
                continue;
            }
            // A store that was written wrongly passes no points, and that was said.
            if self.log.borrow().has_errors() {
                return None;
            }
            let whose = of.as_ref().map_or("nothing here".to_owned(), |(_, name)| format!("`{name}` never"));
            let found = Diagnostic::error(at(word), format!("{whose} passes a point `{}`", word.0));
            fields.error(match (known.is_empty(), nearest(&word.0, known.iter().copied())) {
                (true, _) => found.help("points belong to protocols with a leader, a chain or members"),
                (false, Some(meant)) => found.help(format!("did you mean `{meant}`?")),
                (false, None) => found.help(format!("points here: {}", known.join(", "))),
            });
            return None;
        }
        if let Some(until) = passing.until.as_ref().filter(|until| until.0 == passing.point.0) {
            fields.error(
                Diagnostic::error(at(until), "nothing lies between a point and itself")
                    .help(format!("write `on({})`", until.0)),
            );
            return None;
        }
        let nth = match nth {
            None => 1,
            Some((Count(n), place)) => match u32::try_from(n).ok().filter(|n| *n > 0) {
                Some(n) => n,
                None => {
                    fields.error(Diagnostic::error(place, "the first time is number 1"));
                    return None;
                }
            },
        };
        let (group, of) = of.map(|(group, name)| (GroupId::at(group), name)).unzip();
        let passage = Passage {
            point: passing.point.0,
            until: passing.until.map(|until| until.0),
            of: group,
            from: Instant::ZERO,
            nth,
        };
        Some(Some(Awaited { passage, of, lasting: None }))
    }

    /// The component that alone counts.
    fn passer(&self, fields: &Fields<'_, '_>, site: &Site<'_>, word: &Word, place: Range<usize>) -> Option<usize> {
        let found = site.components.iter().position(|component| component.name == word.0);
        if found.is_none() && !self.log.borrow().has_errors() {
            let passers = site.components.iter().filter(|component| !points(&component.kind).is_empty());
            let names: Vec<&str> = passers.map(|component| component.name.as_str()).collect();
            let error = Diagnostic::error(place, format!("no component is called `{}`", word.0));
            fields.error(match nearest(&word.0, names.iter().copied()) {
                Some(meant) => error.help(format!("did you mean `{meant}`?")),
                None if names.is_empty() => error.help("points belong to protocols with a leader, a chain or members"),
                None => error.help(format!("points are passed by {}", names.join(", "))),
            });
        }
        found
    }
}

/// The points that a component may pass.
fn points(kind: &Kind) -> &'static [&'static str] {
    match kind {
        Kind::Store(Some(replication)) => replication.points(),
        Kind::Membership(membership) => membership.points(),
        _ => &[],
    }
}
