//! `replication = { primary_backup = { mode, lag, reads, failover = { detector, promotion, fencing } } }`.

use super::Replicas;
use crate::engine::Span;
use crate::protocol::PrimaryBackupSpec;
use crate::protocol::primary_backup::{Failover, Fencing, Mode, Promotion};
use crate::scenario::reader::Fields;
use crate::spec::{Diagnostic, FromText, TextError};

/// How a silent primary is noticed: `timeout(10s)`, `lease(10s)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::scenario) struct Detector {
    pub(super) lease: bool,
    pub(super) after: Span,
}

impl FromText for Detector {
    const WHAT: &'static str = "a failure detector";
    fn from_text(text: &str) -> Result<Detector, TextError> {
        let inside = |word: &str| {
            let inner = text.strip_prefix(word)?.strip_prefix('(')?.strip_suffix(')')?;
            Span::from_text(inner.trim()).ok().filter(|span| !span.is_zero())
        };
        let detector = |lease: bool| move |after: Span| Detector { lease, after };
        inside("timeout").map(detector(false)).or_else(|| inside("lease").map(detector(true))).ok_or_else(|| {
            TextError::new(0..text.len(), format!("`{text}` is not a failure detector"))
                .help("write `timeout(10s)` or `lease(10s)`")
        })
    }
    fn examples() -> &'static [&'static str] {
        &["timeout(10s)", "lease(10s)"]
    }
}

/// The power-off of `fencing = "stonith"`.
fn stonith(failover: &Fields<'_, '_>, detector: Span) -> Fencing {
    // Illustrative, both: a baseboard controller is asked, cuts the power and says so; a server boots.
    let takes = failover.at::<Span>("power_off");
    let boot = failover.get::<Span>("boot").unwrap_or(Span::secs(30));
    if let Some((span, place)) = &takes
        && *span >= detector
    {
        failover.error(
            Diagnostic::error(
                place.clone(),
                format!("the power is off after {span}, and somebody else stands after {detector}"),
            )
            .help("let it be shorter than the detector's time"),
        );
    }
    Fencing::PowerOff { takes: takes.map_or(Span::secs(2).min(detector / 2), |(span, _)| span), boot }
}

/// Reads the knobs of primary and backups.
pub(super) fn read(replicas: &Replicas<'_, '_, '_>) -> Option<PrimaryBackupSpec> {
    let fields = replicas.fields;
    let mode = match fields.word("mode", &["async", "semi_sync", "sync"]) {
        Some("sync") => Mode::Sync,
        Some("semi_sync") => Mode::SemiSync,
        _ => Mode::Async,
    };
    let lag = fields.get::<Span>("lag").unwrap_or(Span::ZERO);
    let reads_anywhere = fields.word("reads", &["primary", "any"]) == Some("any");
    let mut failover = None;
    if let Some(Some(inner)) = fields.table("failover") {
        let detector = inner.get::<Detector>("detector").unwrap_or(Detector { lease: false, after: Span::secs(10) });
        let promotion = match inner.word("promotion", &["self", "majority", "external"]) {
            Some("self") => Promotion::Alone,
            Some("external") => Promotion::External,
            _ => Promotion::Majority,
        };
        let word = inner.word("fencing", &["none", "epoch", "stonith"]).unwrap_or("none");
        let fencing = if word == "stonith" { stonith(&inner, detector.after) } else { Fencing::None };
        let fencing = if word == "epoch" { Fencing::Epoch } else { fencing };
        for key in ["power_off", "boot"].into_iter().filter(|key| word != "stonith" && inner.has(key)) {
            inner.error(
                Diagnostic::error(inner.place.clone(), format!("`{key}` is for those who are powered off"))
                    .help("add `fencing = \"stonith\"`"),
            );
        }
        let sure = match promotion {
            Promotion::Alone => 2,
            Promotion::External => 3,
            Promotion::Majority => u32::MAX,
        };
        if word == "stonith" && replicas.count > sure {
            inner.error(
                Diagnostic::error(
                    inner.place.clone(),
                    format!("of {} replicas nobody knows which to power off", replicas.count),
                )
                .label("only votes tell who follows")
                .help("write `promotion = \"majority\"`: whoever hasn't voted is powered off"),
            );
        }
        if promotion != Promotion::Alone && replicas.count < 3 {
            inner.error(
                Diagnostic::error(inner.place.clone(), format!("{} replicas have nobody to decide", replicas.count))
                    .help("a majority or a witness takes three; `promotion = \"self\"` takes two"),
            );
            return None;
        }
        failover = Some(Failover { after: detector.after, lease: detector.lease, promotion, fencing });
        inner.done();
    }
    Some(PrimaryBackupSpec { mode, lag, reads_anywhere, failover, bugs: replicas.bugs.clone() })
}
