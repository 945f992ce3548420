//! `[cache.X]`: what each key means, and what is there without it.

use super::Lowering;
use super::edges::{Edges, ends};
use super::policy::WrittenPolicy;
use crate::component::cache::{CacheSpec, Capacity, Eviction, Stampede, WriteMode};
use crate::engine::{Dist, Span};
use crate::scenario::reader::{Fields, inside};
use crate::spec::call::{Call, Signature};
use crate::spec::text::{FromText, TextError};
use crate::spec::units::{Count, Dimension, Share, Sign, Size, quantity_in};
use crate::spec::{Diagnostic, Place};
use crate::workload::ClientsPlan;
use crate::world::HostSetup;

/// A cache with its backing still by name.
pub(super) struct CacheDraft {
    pub(super) backing: Option<(String, Place)>,
    pub(super) spec: CacheSpec,
}

impl CacheDraft {
    /// Whether the cache itself ever asks its backing.
    pub(super) fn asks(&self) -> bool {
        self.spec.reads_through || matches!(self.spec.writes, WriteMode::Through | WriteMode::Behind)
    }
}

impl Lowering<'_, '_> {
    pub(super) fn cache(&self, fields: &Fields<'_, '_>) -> CacheDraft {
        fields.require("backing", "\"db\"");
        fields.require("size", "10_000");
        let backing = fields.node("backing").and_then(|node| Some((fields.text_of(node)?, inside(node))));
        let size = fields.at::<WrittenCapacity>("size");
        if let Some((WrittenCapacity(Capacity::Entries(0) | Capacity::Bytes(0)), place)) = &size {
            fields.error(Diagnostic::error(place.clone(), "a cache without room keeps nothing"));
        }
        let eviction = match fields.word("eviction", &["lru", "lfu", "fifo", "random", "s3fifo"]) {
            Some("lfu") => Eviction::Lfu,
            Some("fifo") => Eviction::Fifo,
            Some("random") => Eviction::Random,
            Some("s3fifo") => Eviction::S3Fifo,
            _ => Eviction::Lru,
        };
        let reads_through = fields.word("read_mode", &["aside", "through"]) == Some("through");
        let writes = match fields.word("write_mode", &["invalidate", "through", "behind", "around"]) {
            Some("through") => WriteMode::Through,
            Some("behind") => WriteMode::Behind,
            Some("around") => WriteMode::Around,
            _ => WriteMode::Invalidate,
        };
        let ttl = fields.or_none::<Span>("ttl").flatten();
        let jitter = fields.at::<Share>("ttl_jitter");
        if let Some((_, place)) = jitter.as_ref().filter(|_| ttl.is_none()) {
            fields.error(Diagnostic::error(place.clone(), "there is no `ttl` to jitter").help("add `ttl = \"60s\"`"));
        }
        let stampede = fields.or_none::<WrittenStampede>("stampede").flatten().map_or(Stampede::Any, |s| s.0);
        let stale = |key: &'static str| {
            let span = fields.or_none::<Span>(key).flatten();
            if span.is_some() && !reads_through {
                let place = fields.node(key).map_or(fields.place.clone(), |n| n.span());
                fields.error(
                    Diagnostic::error(place, format!("`{key}` needs a cache that asks its backing itself"))
                        .help("add `read_mode = \"through\"`"),
                );
            }
            span.unwrap_or(Span::ZERO)
        };
        let (stale_while_revalidate, stale_if_error) = (stale("stale_while_revalidate"), stale("stale_if_error"));
        let spec = CacheSpec {
            backing: None,
            capacity: size.map_or(Capacity::Entries(1), |(s, _)| s.0),
            eviction,
            second_hit: fields.word("admit", &["always", "second_hit"]) == Some("second_hit"),
            prefill: fields.get::<Share>("prefill").map_or(0.0, |s| s.0),
            keys: 1000,
            bytes: Dist::constant(1000.0),
            reads_through,
            writes,
            ttl,
            ttl_jitter: jitter.map_or(0.0, |(s, _)| s.0),
            negative_ttl: fields.or_none::<Span>("negative_ttl").flatten(),
            stampede,
            stale_while_revalidate,
            stale_if_error,
            purge_delay: fields.get::<Span>("purge_delay").unwrap_or(Span::ZERO),
        };
        CacheDraft { backing, spec }
    }

    /// The client group whose keys a cache sees: the first that reaches it, by whatever way.
    pub(super) fn keys_of<'p>(
        &self,
        cache: &str,
        populations: &'p [(ClientsPlan, HostSetup, WrittenPolicy)],
        edges: &Edges,
    ) -> Option<&'p ClientsPlan> {
        let mut callers = vec![cache];
        let mut at = 0;
        while let Some(name) = callers.get(at).copied() {
            at += 1;
            for (from, to) in &edges.pairs {
                if ends(to).any(|end| end == name) && !callers.contains(&from.as_str()) {
                    callers.push(from);
                }
            }
        }
        callers.iter().find_map(|name| populations.iter().map(|(plan, ..)| plan).find(|plan| plan.name == *name))
    }
}

/// Entries, or bytes.
pub(in crate::scenario) struct WrittenCapacity(Capacity);

impl FromText for WrittenCapacity {
    const WHAT: &'static str = "entries or a size";
    fn from_text(text: &str) -> Result<WrittenCapacity, TextError> {
        if let Ok(size) = Size::from_text(text) {
            return Ok(WrittenCapacity(Capacity::Bytes(size.0)));
        }
        match Count::from_text(text) {
            Ok(count) => Ok(WrittenCapacity(Capacity::Entries(count.0))),
            Err(error) => Err(error.help("write how many entries, `10_000`, or how many bytes, `\"1GB\"`")),
        }
    }
    fn from_number(written: &str) -> Result<WrittenCapacity, TextError> {
        Count::from_number(written).map(|count| WrittenCapacity(Capacity::Entries(count.0)))
    }
    fn numbers() -> bool {
        true
    }
    fn examples() -> &'static [&'static str] {
        &["10_000", "1GB"]
    }
}

/// What keeps misses of one key apart, as written.
pub(in crate::scenario) struct WrittenStampede(Stampede);

impl FromText for WrittenStampede {
    const WHAT: &'static str = "what keeps misses from all asking the backing";
    fn from_text(text: &str) -> Result<WrittenStampede, TextError> {
        let call = Call::parse(text)?;
        Ok(WrittenStampede(match call.name {
            "single_flight" | "lease" => call.no_args().map(|()| Stampede::SingleFlight)?,
            "early_expiry" => {
                let usage = "`early_expiry(1.0)`";
                let bound = call.bind(Signature { usage, positional: &["beta"], named: &[] })?;
                let beta = bound.read("beta", |part| quantity_in(part, Dimension::Number, Sign::Positive))?;
                Stampede::EarlyExpiry(beta)
            }
            other => {
                let names = ["single_flight", "lease", "early_expiry"];
                let near =
                    crate::spec::nearest(other, names).map_or(String::new(), |n| format!("did you mean `{n}`? "));
                return Err(TextError::new(call.name_at(), format!("`{other}` is nothing against a stampede"))
                    .help(format!("{near}write `single_flight`, `lease` or `early_expiry(1.0)`")));
            }
        }))
    }
}
