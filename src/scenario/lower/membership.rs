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
use crate::spec::units::Count;

impl Lowering<'_, '_> {
    /// The detector and the gossip of a group with `count` members.
    pub(super) fn membership(&self, fields: &Fields<'_, '_>, count: usize) -> Membership {
        if count < 2 {
            fields.error(
                Diagnostic::error(fields.place.clone(), "a member alone has nobody to watch")
                    .help("add `replicas = 5`"),
            );
        }
        let gossip = fields.or_none::<WrittenSpread>("gossip").flatten().map(|g| g.0);
        let written = fields.node("detector").and_then(|node| parse::<WrittenDetector>(node, self.log));
        match written.unwrap_or(WrittenDetector::Swim(SwimSpec::default())) {
            WrittenDetector::Swim(spec) => Membership::Swim(SwimSpec { gossip, ..spec }),
            WrittenDetector::Heartbeat(every, patience) => {
                Membership::Heartbeat(HeartbeatSpec { every, patience, gossip })
            }
            WrittenDetector::None => {
                let spread = gossip.unwrap_or(Spread { mode: Mode::Push, fanout: 3, every: Span::millis(200) });
                Membership::Gossip(GossipSpec { spread, rounds: Rounds::Apart, interest: Interest::Kept, seeded: true })
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

fn positive(text: &str) -> Result<Span, TextError> {
    let span = Span::from_text(text)?;
    if span.is_zero() {
        return Err(TextError::new(0..text.len(), "this must be longer than 0s"));
    }
    Ok(span)
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
                let after = bound.read("after", positive)?;
                let every = bound.read_if("every", positive)?.unwrap_or(Span((after.0 / BEATS).max(1)));
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
                let every = bound.read_if("every", positive)?.unwrap_or(Span::secs(1));
                WrittenDetector::Heartbeat(every, Patience::Phi(phi, law))
            }
            "swim" => {
                let usage = "`swim(probe=1s, timeout=500ms, indirect=3, suspicion=4)`";
                let named = &["probe", "timeout", "indirect", "suspicion"];
                let bound = call.bind(Signature { usage, positional: &[], named })?;
                let base = SwimSpec::default();
                let spec = SwimSpec {
                    probe: bound.read_if("probe", positive)?.unwrap_or(base.probe),
                    timeout: bound.read_if("timeout", positive)?.unwrap_or(base.timeout),
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

/// `push(3, every=200ms)`.
pub(in crate::scenario) struct WrittenSpread(Spread);

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
        let bound = call.bind(Signature { usage, positional: &["fanout"], named: &["every"] })?;
        let fanout = bound.read_if("fanout", count)?.unwrap_or(3);
        if fanout == 0 {
            return Err(TextError::new(call.at(), "whoever gossips with nobody learns nothing").help(usage));
        }
        let every = bound.read_if("every", positive)?.unwrap_or(Span::millis(200));
        Ok(WrittenSpread(Spread { mode, fanout, every }))
    }
}
