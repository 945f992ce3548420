//! A load balancer: passes requests on to its targets and answers back.
//!
//! Whom it picks is its edge's balance; passive ejection and slow start are the edge's too. Active health checks are
//! pings over an edge of their own, which pass the target's station without work, so a target that is merely slow or
//! gray passes them, as in life.

use crate::engine::{EdgeId, Instant, Span};
use crate::rpc::{Answer, Call, Cause, Op, Token, Verb};
use crate::world::{Counted, Effect, Never, Out, Process};

/// What a balancer is told.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadBalancerSpec {
    /// To its targets.
    pub edge: EdgeId,
    /// How many there are.
    pub instances: u32,
    /// Active checks.
    pub health: Option<Health>,
}

/// Active health checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Health {
    /// The edge that pings go over; its policy has the check's timeout.
    pub edge: EdgeId,
    /// Between checks of one target.
    pub every: Span,
    /// Failures in a row that take a target out.
    pub unhealthy: u32,
    /// Successes in a row that put it back.
    pub healthy: u32,
}

/// The process.
#[derive(Clone, Debug)]
pub struct LoadBalancer {
    spec: LoadBalancerSpec,
    waiting: Vec<Option<Call>>,
    free: Vec<u32>,
    /// Of each target that is checked: in or out, and how many results in a row say the other thing. None: it was taken
    /// out on purpose, and nobody asks how it is.
    targets: Vec<Option<(bool, u32)>>,
    checks: u64,
    life: u16,
}

/// The timers of a balancer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timer {
    /// Time for a round of checks.
    Check,
}

const CHECK: u64 = 1 << 47;

impl LoadBalancer {
    /// A balancer.
    pub fn new(spec: LoadBalancerSpec) -> LoadBalancer {
        LoadBalancer { spec, waiting: Vec::new(), free: Vec::new(), targets: Vec::new(), checks: 0, life: 0 }
    }

    fn checked(&mut self, target: u32, passed: bool, out: &mut Out<'_, Self>) {
        let Some(health) = self.spec.health else { return };
        let Some((healthy, streak)) = &mut self.targets[target as usize] else { return };
        if !passed {
            out.count(Counted::HealthCheckFailed, 1);
        }
        if *healthy == passed {
            *streak = 0;
            return;
        }
        *streak += 1;
        let needed = if *healthy { health.unhealthy } else { health.healthy };
        if *streak >= needed {
            *healthy = passed;
            *streak = 0;
            out.push(Effect::Eligible { edge: self.spec.edge, instance: target, eligible: passed });
        }
    }
}

impl Process for LoadBalancer {
    type Msg = Never;
    type Timer = Timer;
    type Record = ();

    fn start(&mut self, _log: &[()], out: &mut Out<'_, Self>) {
        self.waiting.clear();
        self.free.clear();
        self.life = self.life.wrapping_add(1);
        self.targets = vec![Some((true, 0)); self.spec.instances as usize];
        if let Some(health) = self.spec.health {
            // What an earlier life found out is forgotten.
            for target in 0..self.spec.instances {
                out.push(Effect::Eligible { edge: self.spec.edge, instance: target, eligible: true });
            }
            out.arm(Timer::Check, health.every);
        }
    }

    fn request(&mut self, call: Call, out: &mut Out<'_, Self>) {
        let (op, cause) = (call.op.clone(), call.cause.child(0, 0));
        let slot = match self.free.pop() {
            Some(slot) => {
                self.waiting[slot as usize] = Some(call);
                slot
            }
            None => {
                self.waiting.push(Some(call));
                self.waiting.len() as u32 - 1
            }
        };
        out.call(self.spec.edge, op, cause, Token(u64::from(self.life) << 48 | u64::from(slot)));
    }

    fn answer(&mut self, token: Token, answer: Answer, out: &mut Out<'_, Self>) {
        if (token.0 >> 48) as u16 != self.life {
            return;
        }
        let slot = token.0 as u32;
        if token.0 & CHECK != 0 {
            self.checked(slot, answer.outcome.answered(), out);
        } else if let Some(call) = self.waiting[slot as usize].take() {
            self.free.push(slot);
            out.answer(&call, answer);
        }
    }

    /// Who was put back serves: it counts as healthy until checks say otherwise.
    fn callee(&mut self, edge: EdgeId, instance: u32, there: bool, out: &mut Out<'_, Self>) {
        if edge == self.spec.edge && self.spec.health.is_some() {
            self.targets[instance as usize] = there.then_some((true, 0));
            if there {
                out.push(Effect::Eligible { edge, instance, eligible: true });
            }
        }
    }

    fn timer(&mut self, _timer: Timer, out: &mut Out<'_, Self>) {
        let Some(health) = self.spec.health else { return };
        for target in (0..self.spec.instances).filter(|target| self.targets[*target as usize].is_some()) {
            self.checks += 1;
            let cause = Cause {
                root: crate::engine::mix(u64::from(target), self.checks),
                path: 0,
                deadline: Instant::NEVER,
                request: 0,
                client: 0,
            };
            let token = Token(u64::from(self.life) << 48 | CHECK | u64::from(target));
            out.call_instance(health.edge, target, Op::plain(Verb::Ping), cause, token);
        }
        out.arm(Timer::Check, health.every);
    }
}
