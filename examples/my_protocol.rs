//! A protocol of your own in under 120 lines: a primary that acknowledges a write once its backup has it on disk (Alsberg
//! and Day, ICSE 1976). The scenario gives it clients, a network, a fault and expectations; the run gives it a history
//! and a report. Leaves out recovery of the primary, and sending again what is lost. `cargo run --example my_protocol`

use std::{collections::BTreeMap, path::Path, sync::Arc};

use netsplit::report::{bind::Told, text, write_all};
use netsplit::rpc::{Answer, Call, Op, Outcome, Token, Verb};
use netsplit::run::{Member, Run, judge, play_with};
use netsplit::world::{Message, Out, Process};
use netsplit::{catalog::AnyProcess, engine::ProcessId, scenario, spec::Sources};

/// The file says `abd`; `play` puts the protocol below in its place.
const SCENARIO: &str = r#"
schema   = 1
title    = "A primary and its backup"
question = "The primary can't reach its backup for ten seconds. Who can still read, who can still write?"
duration = "60s"
[store.kv]
replicas     = 2
service_time = "exp(0.2ms)"
replication  = { abd = {} }
[clients.app]
count   = 20
think   = "exp(20ms)"
target  = "kv"
mix     = { read = "50%", write = "50%" }
timeout = "200ms"
[fault.cut]
at        = "20s"
for       = "10s"
partition = ["kv/0", "kv/1"]
[expect.reads-go-on]
that   = "availability(read) >= 99%"
during = "cut"
[expect.writes-stop]
that   = "availability(write) <= 1%"
during = "cut"
[expect.writes-come-back]
that   = "availability(write) >= 99%"
during = "after cut"
"#;

#[derive(Clone, Debug, Hash)]
enum Msg {
    Copy { key: u64, value: u64 },
    Copied { value: u64 },
}

impl Message for Msg {
    fn name(&self) -> &'static str {
        if matches!(self, Msg::Copy { .. }) { "Copy" } else { "Copied" }
    }
    fn bytes(&self) -> u32 {
        32
    }
}

#[derive(Clone, Debug, Default)]
struct Replica {
    primary: ProcessId,           // the backup is the next one
    values: BTreeMap<u64, u64>,   // at the primary: what has been acknowledged
    waiting: BTreeMap<u64, Call>, // at the primary: writes that the backup has not acknowledged, by value
}

impl Process for Replica {
    type Msg = Msg;
    type Timer = ();
    type Record = (u64, u64);

    fn start(&mut self, log: &[(u64, u64)], _out: &mut Out<'_, Self>) {
        *self = Replica { primary: self.primary, values: log.iter().copied().collect(), ..Replica::default() };
    }
    fn request(&mut self, call: Call, out: &mut Out<'_, Self>) {
        if out.me() != self.primary {
            out.answer(&call, Answer { redirect: Some(0), ..Answer::of(Outcome::Unavailable) });
        } else if call.op.verb == Verb::Read {
            out.answer(&call, Answer::value(self.values.get(&call.op.key).copied().unwrap_or(0), 0));
        } else {
            let Op { key, value, .. } = call.op;
            out.send(ProcessId(self.primary.0 + 1), Msg::Copy { key, value });
            self.waiting.insert(value, call);
        }
    }
    fn message(&mut self, _from: ProcessId, msg: Msg, out: &mut Out<'_, Self>) {
        match msg {
            Msg::Copy { key, value } => out.persist((key, value), Token(value)),
            Msg::Copied { value } => {
                let Some(call) = self.waiting.remove(&value) else { return };
                self.values.insert(call.op.key, value);
                out.answer(&call, Answer::ok());
            }
        }
    }
    fn synced(&mut self, Token(value): Token, out: &mut Out<'_, Self>) {
        out.send(self.primary, Msg::Copied { value });
    }
}

netsplit::processes! { pub enum Mine { Replica(Replica), Stock(AnyProcess) } }

pub(crate) fn play() -> Run {
    let sources = Sources::new("my_protocol.toml", SCENARIO);
    let (plan, problems) = scenario::load(&sources, None, None, &|_| Err("there are no other files".into()));
    let plan = Arc::new(plan.unwrap_or_else(|| panic!("{}", problems.lines(&sources))));
    let own = |m: Member<'_>| (m.component == "kv").then(|| Replica { primary: m.first, ..Replica::default() }.into());
    let outcome = play_with::<Mine>(&plan, own, &mut |_, _| true).expect("nobody stops it");
    Run { judged: judge(&outcome, &[]), outcome }
}

#[allow(clippy::print_stdout, reason = "for people")]
fn main() -> std::io::Result<()> {
    let runs = [play()];
    let ink = text::Ink { colour: false, unicode: true, verbose: true, width: 100 };
    println!("{}", text::render(&runs, ink, Some("reports/my_protocol"), "cargo run --example my_protocol"));
    write_all(Path::new("reports/my_protocol"), &runs, SCENARIO, Told::default())
}
