//! `[membership.X]`: how a cluster finds out who is alive, and how the news spread.

use super::Lowering;
use crate::engine::Span;
use crate::protocol::Membership;
use crate::protocol::gossip::{GossipSpec, Interest, Mode, Rounds, Spread};
use crate::protocol::heartbeat::{HeartbeatSpec, Patience};
use crate::protocol::phi_accrual::Law;
use crate::protocol::swim::SwimSpec;
use crate::scenario::reader::{Fields, parse};
use crate::spec::Diagnostic;
use crate::spec::call::{Call, Signature};
use crate::spec::text::{FromText, TextError};
use crate::spec::units::{Count, span_above_zero};

impl Lowering<'_, '_> {
    /// The detector and the gossip of a group with `count` members.
    pub(super) fn membership(&self, fields: &Fields<'_, '_>, count: usize) -> Membership {
        if count < 2 {
            fields.error(
                Diagnostic::error(fields.place.clone(), "a member alone has nobody to watch")
                    .help("add `replicas = 5`"),
            );
        }
        let written = fields.or_none::<WrittenSpread>("gossip").flatten();
        let gossip = written.as_ref().map(|g| g.spread);
        let rumours = written.map_or((Rounds::Apart, Interest::Kept), |g| (g.rounds, g.interest));
        let detector = fields.node("detector").and_then(|node| parse::<WrittenDetector>(node, self.log));
        let detector = detector.unwrap_or(WrittenDetector::Swim(SwimSpec::default()));
        if !matches!(detector, WrittenDetector::None) && rumours != (Rounds::Apart, Interest::Kept) {
            fields.error(
                Diagnostic::error(
                    fields.place.clone(),
                    "news of who is alive are told for ever, at everybody's own phase",
                )
                .help("`rounds` and `interest` are for `detector = \"none\"`"),
            );
        }
        match detector {
            WrittenDetector::Swim(spec) => Membership::Swim(SwimSpec { gossip, ..spec }),
            WrittenDetector::Heartbeat(every, patience) => {
                Membership::Heartbeat(HeartbeatSpec { every, patience, gossip })
            }
            WrittenDetector::None => {
                let spread = gossip.unwrap_or(Spread { mode: Mode::Push, fanout: 3, every: Span::millis(200) });
                let (rounds, interest) = rumours;
                if interest != Interest::Kept && spread.mode != Mode::Push {
                    fields.error(
                        Diagnostic::error(
                            fields.place.clone(),
                            "only whoever pushes learns that a contact was useless",
                        )
                        .help("write `push(1, interest=coin(2))`"),
                    );
                }
                Membership::Gossip(GossipSpec { spread, rounds, interest, seeded: true })
            }
        }
    }
}

/// `swim(…)`, `timeout(3s)`, `phi(8)`, `lease(10s)`, or `none`.
pub(in crate::scenario) enum WrittenDetector {
    Swim(SwimSpec),
    Heartbeat(Span, Patience),
    /// Nobody is watched: one rumour spreads.
    None,
}

fn count(text: &str) -> Result<u32, TextError> {
    let Count(count) = Count::from_text(text).or_else(|_| Count::from_number(text))?;
    u32::try_from(count).map_err(|_| TextError::new(0..text.len(), "this is too many"))
}

/// How often a heartbeat is sent, of the time after which its lack is noticed: three may be late or lost.
const BEATS: u64 = 3;

impl FromText for WrittenDetector {
    const WHAT: &'static str = "a failure detector";
    fn examples() -> &'static [&'static str] {
        &["swim(probe=1s, timeout=500ms, indirect=3, suspicion=4)", "timeout(3s)", "phi(8)", "lease(10s)"]
    }
    fn from_text(text: &str) -> Result<WrittenDetector, TextError> {
        let call = Call::parse(text)?;
        let one =
            |name, usage| call.bind(Signature { usage, positional: std::slice::from_ref(name), named: &["every"] });
        Ok(match call.name {
            "none" => call.no_args().map(|()| WrittenDetector::None)?,
            name @ ("timeout" | "lease") => {
                let usage = if name == "lease" { "`lease(10s)`" } else { "`timeout(3s, every=1s)`" };
                let bound = one(&"after", usage)?;
                let after = bound.read("after", span_above_zero)?;
                let every = bound.read_if("every", span_above_zero)?.unwrap_or(Span((after.0 / BEATS).max(1)));
                WrittenDetector::Heartbeat(every, Patience::Timeout(after))
            }
            "phi" => {
                let signature = Signature {
                    usage: "`phi(8, every=1s, law=normal)`",
                    positional: &["threshold"],
                    named: &["every", "law"],
                };
                let bound = call.bind(signature)?;
                let threshold = bound.need("threshold")?;
                let Some(phi) = threshold.text.trim().parse::<f64>().ok().filter(|p| *p > 0.0 && *p <= 100.0) else {
                    return Err(TextError::new(threshold.at(), "phi is a number above 0 and at most 100")
                        .help("Akka's and Cassandra's is 8: one mistake in 100 million"));
                };
                let law = match bound.get("law") {
                    None => Law::Normal,
                    Some(arg) => match arg.text.trim() {
                        "normal" => Law::Normal,
                        "logistic" => Law::Logistic,
                        "exponential" => Law::Exponential,
                        _ => {
                            return Err(TextError::new(arg.at(), "the law is `normal`, `logistic` or `exponential`"));
                        }
                    },
                };
                let every = bound.read_if("every", span_above_zero)?.unwrap_or(Span::secs(1));
                WrittenDetector::Heartbeat(every, Patience::Phi(phi, law))
            }
            "swim" => {
                let usage = "`swim(probe=1s, timeout=500ms, indirect=3, suspicion=4)`";
                let named = &["probe", "timeout", "indirect", "suspicion"];
                let bound = call.bind(Signature { usage, positional: &[], named })?;
                let base = SwimSpec::default();
                let spec = SwimSpec {
                    probe: bound.read_if("probe", span_above_zero)?.unwrap_or(base.probe),
                    timeout: bound.read_if("timeout", span_above_zero)?.unwrap_or(base.timeout),
                    indirect: bound.read_if("indirect", count)?.unwrap_or(base.indirect),
                    suspicion: bound.read_if("suspicion", count)?.unwrap_or(base.suspicion),
                    ..base
                };
                if spec.timeout >= spec.probe {
                    return Err(TextError::new(call.at(), "a probe's timeout must be shorter than its period")
                        .help(format!("write {usage}")));
                }
                WrittenDetector::Swim(spec)
            }
            _ => return Err(call.unknown("failure detector", ["timeout", "phi", "lease", "swim", "none"])),
        })
    }
}

/// `push(3, every=200ms)`; of rumours also when rounds begin and until when a rumour is told:
/// `push(1, every=1s, rounds=together, interest=coin(2))`.
pub(in crate::scenario) struct WrittenSpread {
    spread: Spread,
    rounds: Rounds,
    interest: Interest,
}

impl FromText for WrittenSpread {
    const WHAT: &'static str = "a way to gossip";
    fn examples() -> &'static [&'static str] {
        &["push(3, every=200ms)", "push_pull(3, every=200ms)"]
    }
    fn from_text(text: &str) -> Result<WrittenSpread, TextError> {
        let call = Call::parse(text)?;
        let mode = match call.name {
            "push" => Mode::Push,
            "pull" => Mode::Pull,
            "push_pull" => Mode::PushPull,
            _ => return Err(call.unknown("way to gossip", ["push", "pull", "push_pull"])),
        };
        let usage = "`push(3, every=200ms)`";
        let named = &["every", "rounds", "interest"];
        let bound = call.bind(Signature { usage, positional: &["fanout"], named })?;
        let fanout = bound.read_if("fanout", count)?.unwrap_or(3);
        if fanout == 0 {
            return Err(TextError::new(call.at(), "whoever gossips with nobody learns nothing").help(usage));
        }
        let every = bound.read_if("every", span_above_zero)?.unwrap_or(Span::millis(200));
        let rounds = bound.read_if("rounds", rounds)?.unwrap_or(Rounds::Apart);
        let interest = bound.read_if("interest", interest)?.unwrap_or(Interest::Kept);
        Ok(WrittenSpread { spread: Spread { mode, fanout, every }, rounds, interest })
    }
}

fn rounds(text: &str) -> Result<Rounds, TextError> {
    let call = Call::parse(text)?;
    call.no_args()?;
    Ok(match call.name {
        "apart" => Rounds::Apart,
        "together" => Rounds::Together,
        "poisson" => Rounds::Poisson,
        _ => return Err(call.unknown("way to begin rounds", ["apart", "together", "poisson"])),
    })
}

fn interest(text: &str) -> Result<Interest, TextError> {
    let call = Call::parse(text)?;
    let made: fn(u32) -> Interest = match call.name {
        "kept" => return call.no_args().map(|()| Interest::Kept),
        "coin" => Interest::Coin,
        "counter" => Interest::Counter,
        _ => return Err(call.unknown("way to lose interest", ["kept", "coin", "counter"])),
    };
    let k = call.bind(Signature { usage: "`coin(2)`", positional: &["k"], named: &[] })?.read("k", count)?;
    if k == 0 {
        return Err(TextError::new(call.at(), "whoever never had interest tells nobody").help("write `coin(1)`"));
    }
    Ok(made(k))
}
