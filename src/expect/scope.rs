//! Where and when: the scopes of metrics, phases, and how soon something must be true.

use super::ast::{Bytes, Member, Part, Phase, Scope, Within};
use super::dimension::Dimension;
use super::grammar::{Parser, is_name, is_path};
use super::lexer::Kind;
use super::quantity::Quantity;
use crate::spec::{TextError, nearest};

/// Roles a place may name.
const ROLES: &[&str] =
    &["leader", "follower", "primary", "backup", "coordinator", "head", "tail", "minority", "majority"];

impl Parser<'_> {
    pub(super) fn scope(&mut self) -> Result<Scope, TextError> {
        let mut parts = Vec::new();
        loop {
            let start = self.at().start;
            let part = self.part()?;
            parts.push((part, start..self.end_of_last()));
            if !self.eat(",") {
                return Ok(Scope { parts });
            }
        }
    }

    pub(super) fn part(&mut self) -> Result<Part, TextError> {
        if self.kind() == Kind::Number {
            return self.window().map(Part::Phase);
        }
        let from = self.place()?;
        let both = self.is("<->");
        if !both && !self.is("->") {
            return Ok(from);
        }
        let at = self.at();
        self.next += 1;
        let to = self.place()?;
        if matches!(from, Part::Phase(_)) || matches!(to, Part::Phase(_)) {
            return Err(TextError::new(at, "a link leads from a place to a place"));
        }
        Ok(Part::Link { from: Box::new(from), to: Box::new(to), both })
    }

    fn place(&mut self) -> Result<Part, TextError> {
        if self.kind() != Kind::Word {
            return Err(self.unexpected("a place, flow, operation, outcome or phase"));
        }
        let (at, word) = (self.at(), self.word_text());
        if self.kind_after(1) == Kind::Sign("(") {
            return Err(TextError::new(at, format!("`{word}(` can't stand in a scope"))
                .help("a scope is names: `p99(checkout, steady)`"));
        }
        if let Some(region) = word.strip_prefix("region:") {
            let region = self.plain(region, &at)?;
            self.next += 1;
            return Ok(Part::Region(region));
        }
        if let Some(zone) = word.strip_prefix("zone:") {
            let parts: Vec<&str> = zone.split('/').collect();
            if parts.len() > 2 || !parts.iter().all(|part| is_name(part)) {
                return Err(TextError::new(at, format!("`{word}` is no zone")).help("write `zone:a` or `zone:east/a`"));
            }
            self.next += 1;
            return Ok(Part::Zone(zone.to_string()));
        }
        if word.contains(':') {
            return Err(
                TextError::new(at, format!("`{word}` is no place")).help("a colon follows `region` or `zone` only")
            );
        }
        if word.contains('/') {
            let part = instance(word, &at)?;
            self.next += 1;
            return Ok(part);
        }
        if is_path(word) {
            return Err(TextError::new(at, format!("`{word}` is a path, not a scope"))
                .help("a path stands outside of statistics, on its own"));
        }
        if matches!(word, "all" | "steady" | "before" | "after") {
            return self.phase().map(Part::Phase);
        }
        Ok(Part::Name(self.name("a place, flow, operation, outcome or phase")?.0))
    }

    pub(super) fn phase(&mut self) -> Result<Phase, TextError> {
        if self.kind() == Kind::Number {
            return self.window();
        }
        if self.eat_word("all") {
            return Ok(Phase::All);
        }
        if self.eat_word("steady") {
            return Ok(Phase::Steady);
        }
        if self.eat_word("before") {
            return Ok(Phase::Before(self.name("the name of a fault")?.0));
        }
        if self.eat_word("after") {
            return Ok(Phase::After(self.name("the name of a fault")?.0));
        }
        Ok(Phase::During(self.name("`all`, `steady`, a fault, `before` or `after` a fault, or `10s..20s`")?.0))
    }

    fn window(&mut self) -> Result<Phase, TextError> {
        let start = self.at().start;
        let from = self.duration()?;
        self.expect("..", "`..` and the end of the window")?;
        let to = self.duration()?;
        if from.value >= to.value {
            let at = start..self.end_of_last();
            return Err(TextError::new(at, format!("nothing is in {from}..{to}: it ends before its start")));
        }
        Ok(Phase::Window(from, to))
    }

    pub(super) fn within(&mut self) -> Result<Within, TextError> {
        let delay = self.duration()?;
        if self.eat_word("after") {
            let (fault, fault_at) = self.name("the name of a fault")?;
            return Ok(Within::After { delay, fault, fault_at });
        }
        if self.kind() == Kind::End {
            return Ok(Within::Each(delay));
        }
        Err(self.unexpected("`after` and a fault, or the end").help(format!("write `{delay} after cut`")))
    }

    fn duration(&mut self) -> Result<Quantity, TextError> {
        let at = self.at();
        let read = self.quantity()?;
        if read.dimension == Dimension::DURATION {
            return Ok(read);
        }
        let error = TextError::new(at, format!("expected a duration, `{read}` is {}", read.dimension));
        Err(if read.dimension == Dimension::NUMBER {
            error.help(format!("write `{read}s` or `{read}ms`"))
        } else {
            error
        })
    }
}

fn instance(word: &str, at: &Bytes) -> Result<Part, TextError> {
    let mut parts = word.split('/');
    let of = parts.next().unwrap_or_default();
    if !is_name(of) {
        return Err(TextError::new(at.clone(), format!("`{of}` is no name"))
            .help("an instance is `kv/2`, `kv/*` or `kv/leader`; a division has spaces"));
    }
    let mut members = Vec::new();
    for part in parts {
        members.push(if part == "*" {
            Member::Every
        } else if let Ok(index) = part.parse::<u32>() {
            Member::Index(index)
        } else if ROLES.contains(&part) {
            Member::Role(part.to_string())
        } else {
            let error = TextError::new(at.clone(), format!("`{part}` is no instance of `{of}`"));
            return Err(match nearest(part, ROLES.iter().copied()) {
                Some(role) => error.help(format!("did you mean `{of}/{role}`?")),
                None => error
                    .help(format!("write `{of}/0`, `{of}/*` or a role, such as `{of}/leader`; a division has spaces")),
            });
        });
    }
    if members.len() > 2 {
        return Err(
            TextError::new(at.clone(), format!("`{word}` is too deep")).help("of a sharded store: `db/3`, `db/3/0`")
        );
    }
    Ok(Part::Instance { of: of.to_string(), members })
}
