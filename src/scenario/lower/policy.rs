//! `[edge.A.B]` and the same keys of client groups: how patiently one calls another.

use super::Lowering;
use super::components::WrittenBalance;
use crate::engine::Span;
use crate::rpc::Outcome;
use crate::rpc::policy::{Backoff, Breaker, Concurrency, Connect, Hedge, HedgeAfter, Policy, Pool, Retry};
use crate::scenario::reader::{Fields, inside};
use crate::spec::text::{FromText, TextError};
use crate::spec::units::{Count, Share};
use crate::spec::{Diagnostic, Place};

/// A policy with what must still be resolved.
pub(super) struct WrittenPolicy {
    pub(super) policy: Policy,
    pub(super) balance: Option<(WrittenBalance, Place)>,
    pub(super) same_as: Option<(String, Place)>,
}

impl Lowering<'_, '_> {
    /// Reads the policy keys of a table that may have others too.
    pub(super) fn policy(&self, fields: &Fields<'_, '_>) -> WrittenPolicy {
        let mut policy = Policy {
            timeout: fields.or_none::<Span>("timeout").flatten(),
            deadline: fields.or_none::<Span>("deadline").flatten(),
            propagate_deadline: fields.flag("propagate_deadline").unwrap_or(false),
            ..Policy::default()
        };
        for (key, limit) in [("timeout", policy.timeout), ("deadline", policy.deadline)] {
            if let Some(node) = fields.node(key).filter(|_| limit.is_some_and(Span::is_zero)) {
                fields.error(
                    Diagnostic::error(inside(node), format!("with a {key} of 0s no call is ever answered"))
                        .help(format!("write `{key} = \"1s\"`, or `\"none\"` to wait for ever")),
                );
            }
        }
        if let Some(Some(fields)) = fields.table("retry") {
            let base = Retry::default();
            let attempts = fields.at::<Count>("attempts");
            if let Some((_, place)) = attempts.as_ref().filter(|(count, _)| !(1..=1000).contains(&count.0)) {
                fields.error(
                    Diagnostic::error(place.clone(), "1 to 1000 attempts are made")
                        .help("`attempts` counts the first: 1 is no retry"),
                );
            }
            let on = fields.names("on").map(|words| {
                let named = |(word, place): (String, Place)| {
                    let found = Outcome::ALL.into_iter().find(|o| o.name() == word && !o.answered());
                    if found.is_none() {
                        let names = Outcome::ALL.iter().filter(|o| !o.answered()).map(|o| o.name());
                        fields.error(
                            Diagnostic::error(place, format!("`{word}` is no outcome that can be retried"))
                                .nearest(&word, "outcomes", names),
                        );
                    }
                    found
                };
                words.into_iter().filter_map(named).collect()
            });
            policy.retry = Some(Retry {
                attempts: attempts.map_or(base.attempts, |(c, _)| c.0.clamp(1, 1000) as u32),
                on: on.unwrap_or(base.on),
                backoff: fields.get::<crate::spec::Backoff>("backoff").map_or(base.backoff, backoff),
                budget: fields.or_none::<Share>("budget").flatten().map(|s| s.0),
                budget_burst: fields.count_up_to("budget_burst", u32::MAX).unwrap_or(base.budget_burst),
            });
            fields.done();
        }
        if let Some(Some(fields)) = fields.table("hedge") {
            let base = Hedge::default();
            policy.hedge = Some(Hedge {
                after: fields.get::<WrittenAfter>("after").map_or(base.after, |a| a.0),
                max: fields.get::<Share>("max").map_or(base.max, |s| s.0),
            });
            fields.done();
        }
        if let Some(Some(fields)) = fields.table("breaker") {
            let base = Breaker::default();
            let count = |key, default: u32| fields.count_up_to(key, 1_000_000).unwrap_or(default);
            let open = "a breaker that is open for 0s isn't";
            policy.breaker = Some(Breaker {
                window: count("window", base.window),
                min_calls: count("min_calls", base.min_calls),
                failure_rate: fields.get::<Share>("failure_rate").map_or(base.failure_rate, |s| s.0),
                open: fields.above_zero("open", open).unwrap_or(base.open),
                half_open: count("half_open", base.half_open),
            });
            fields.done();
        }
        let mut same_as = None;
        if let Some(Some(fields)) = fields.table("pool") {
            let base = Pool::default();
            if let Some(node) = fields.node("same_as")
                && !crate::scenario::reader::is_none(node)
            {
                same_as = fields.text_of(node).map(|text| (text, inside(node)));
            }
            policy.pool = Some(Pool {
                size: fields.count_up_to("size", 10_000_000).unwrap_or(base.size),
                max_wait: fields.or_none::<Span>("max_wait").flatten(),
                create: fields.get::<Span>("create").unwrap_or(base.create),
                same_as: None,
            });
            fields.done();
        }
        policy.concurrency = fields.or_none::<WrittenLimit>("concurrency").flatten().map(|l| l.0);
        let balance = fields.at::<WrittenBalance>("balance");
        if let Some((written, _)) = &balance {
            policy.balance = written.balance.clone();
        }
        if let Some(Some(fields)) = fields.table("connect") {
            policy.connect = Connect {
                round_trips: fields.get::<Count>("round_trips").map_or(0, |c| c.0.min(100) as u32),
                cpu: fields.get::<Span>("cpu").unwrap_or(Span::ZERO),
                keepalive: fields.or_none::<Span>("keepalive").flatten(),
            };
            fields.done();
        }
        WrittenPolicy { policy, balance, same_as }
    }
}

fn backoff(written: crate::spec::Backoff) -> Backoff {
    use crate::spec::Backoff as W;
    match written {
        W::None => Backoff::None,
        W::Constant(pause) => Backoff::Constant(pause),
        W::Exponential { base, cap } => Backoff::Exponential { base, cap },
        W::FullJitter { base, cap } => Backoff::FullJitter { base, cap },
        W::EqualJitter { base, cap } => Backoff::EqualJitter { base, cap },
        W::DecorrelatedJitter { base, cap } => Backoff::DecorrelatedJitter { base, cap },
    }
}

/// When a hedge goes out, as written.
pub(in crate::scenario) struct WrittenAfter(HedgeAfter);

impl FromText for WrittenAfter {
    const WHAT: &'static str = "a percentile or a duration";
    fn from_text(text: &str) -> Result<WrittenAfter, TextError> {
        if let Some(percent) = text.strip_prefix('p') {
            return match percent.parse::<f64>() {
                Ok(p) if p > 0.0 && p < 100.0 => Ok(WrittenAfter(HedgeAfter::Quantile(p / 100.0))),
                _ => Err(TextError::new(0..text.len(), format!("`{text}` is no percentile")).help("such as `p95`")),
            };
        }
        Span::from_text(text).map(|span| WrittenAfter(HedgeAfter::Fixed(span)))
    }
}

/// An adaptive limit, as written.
pub(in crate::scenario) struct WrittenLimit(Concurrency);

impl FromText for WrittenLimit {
    const WHAT: &'static str = "an adaptive limit";
    fn from_text(text: &str) -> Result<WrittenLimit, TextError> {
        let help = "write `aimd(100)`, `gradient` or `vegas`";
        match text {
            "gradient" => return Ok(WrittenLimit(Concurrency::Gradient)),
            "vegas" => return Ok(WrittenLimit(Concurrency::Vegas)),
            _ => {}
        }
        let limit = text.strip_prefix("aimd(").and_then(|t| t.strip_suffix(')')).and_then(|t| t.trim().parse().ok());
        match limit {
            Some(limit) if limit > 0 => Ok(WrittenLimit(Concurrency::Aimd(limit))),
            _ => Err(TextError::new(0..text.len(), format!("`{text}` is no adaptive limit")).help(help)),
        }
    }
}
