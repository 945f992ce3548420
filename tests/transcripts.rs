//! Protocols without a world: what a handler does, effect by effect, one file for each claim of a paper.
//!
//! A file begins with `protocol NAME REPLICAS [word …] [bug …]`; then commands, `----`, and their exact effects, block by block.
//! `UPDATE_TRANSCRIPTS=1 cargo test --test transcripts` writes the effects anew; read the difference.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::path::Path;

use netsplit::engine::{Draws, Instant, ProcessId, Seed, Span};
use netsplit::history::ObjectId;
use netsplit::protocol::{Bugs, Group, Members, PrimaryBackupSpec, Replication, multi_paxos, primary_backup, raft};
use netsplit::rpc::{Call, Cause, Op, Requester, Token, Verb};
use netsplit::state_machine::Kv;
use netsplit::world::{Effect, Effects, Env, Message as _, Out, Own, Process};

/// Replicas on a table: messages lie on their wires and writes before their disks until a command moves them.
struct Bench<P: Process> {
    replicas: Vec<P>,
    wires: BTreeMap<(u32, u32), VecDeque<P::Msg>>,
    /// Of each replica: what is durable, and what is not yet.
    #[allow(clippy::type_complexity, reason = "what is on disk, and what is on its way there")]
    disks: Vec<(Vec<P::Record>, VecDeque<Write<P>>)>,
    now: Instant,
    requests: u32,
    /// The timers by name.
    timers: Vec<(&'static str, P::Timer)>,
    /// What fencing devices have been told and have not done: by whom, whom, and what the first hears then.
    orders: VecDeque<(u32, u32, Token)>,
}

struct Write<P: Process> {
    record: P::Record,
    token: Token,
    checkpoint: bool,
}

impl<P: Process> Bench<P> {
    fn new(replicas: Vec<P>, timers: Vec<(&'static str, P::Timer)>) -> Bench<P> {
        let disks = replicas.iter().map(|_| (Vec::new(), VecDeque::new())).collect();
        Bench {
            replicas,
            wires: BTreeMap::new(),
            disks,
            now: Instant::ZERO,
            requests: 0,
            timers,
            orders: VecDeque::new(),
        }
    }

    /// Lets a replica handle something, and writes down what it does.
    fn handle(&mut self, who: u32, text: &mut String, input: impl FnOnce(&mut P, &mut Out<'_, P>)) {
        let mut effects = Effects::default();
        let env = Env {
            now: self.now,
            local: self.now,
            uncertainty: Span::ZERO,
            me: ProcessId(who),
            index: who,
            draws: Draws::named(Seed(1), &format!("bench/{who}")),
        };
        input(&mut self.replicas[who as usize], &mut Out::new(&env, &mut effects));
        let mut both = (self, text);
        let write = |text: &mut String, line: String| writeln!(text, "{who} {line}").expect("texts grow");
        effects.each(
            &mut both,
            |(bench, text), effect| write(text, bench.own(who, effect)),
            |(bench, text), effect| bench.shared(who, effect).into_iter().for_each(|line| write(text, line)),
        );
    }

    /// Lets its messages and records go their ways, and says so.
    fn own(&mut self, who: u32, effect: Own<P>) -> String {
        match effect {
            Own::Send { to, msg } => {
                let line = format!("sends {} {msg:?}", to.0);
                self.wires.entry((who, to.0)).or_default().push_back(msg);
                line
            }
            Own::Persist { record, token } => {
                let line = format!("writes {record:?}");
                self.disks[who as usize].1.push_back(Write { record, token, checkpoint: false });
                line
            }
            Own::Checkpoint { record, token } => {
                let line = format!("replaces its log by {record:?}");
                self.disks[who as usize].1.push_back(Write { record, token, checkpoint: true });
                line
            }
            // How long is drawn, and not what these files are about.
            Own::Arm { timer, .. } => format!("arms {timer:?}"),
            Own::Disarm { timer } => format!("disarms {timer:?}"),
        }
    }

    fn shared(&mut self, who: u32, effect: Effect) -> Option<String> {
        match effect {
            Effect::Reply { requester, answer } => Some(format!(
                "answers request {}: {}{} {}",
                requester.slot,
                answer.outcome.name(),
                if answer.definite { "" } else { " (unknown)" },
                answer.value
            )),
            Effect::PowerCycle { of, token, .. } => {
                self.orders.push_back((who, of.0, token));
                Some(format!("has {} powered off", of.0))
            }
            Effect::Note(point) => Some(format!("passes {} {}", point.name, point.number)),
            _ => None,
        }
    }

    fn command(&mut self, line: &str, text: &mut String) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let number = |n: usize| -> u32 { words[n].parse().unwrap_or_else(|_| panic!("`{line}`: no number")) };
        match words[0] {
            "start" | "restart" | "lose-power" => {
                let who = number(1);
                let (durable, volatile) = &mut self.disks[who as usize];
                for write in volatile.drain(..).filter(|_| words[0] == "restart") {
                    keep(durable, write);
                }
                let log = durable.clone();
                self.handle(who, text, |p, out| p.start(&log, out));
            }
            "deliver" | "drop" => {
                let (from, to) = (number(1), number(2));
                let wire = self.wires.get_mut(&(from, to)).and_then(VecDeque::pop_front);
                let Some(msg) = wire else {
                    writeln!(text, "nothing is on that wire").expect("texts grow");
                    return;
                };
                if words[0] == "deliver" {
                    self.handle(to, text, |p, out| p.message(ProcessId(from), msg, out));
                } else {
                    writeln!(text, "{} is lost", msg.name()).expect("texts grow");
                }
            }
            "cut" => {
                // Everything on its way to or from somebody.
                let who = number(1);
                self.wires.retain(|(from, to), _| *from != who && *to != who);
            }
            "sync" => {
                let who = number(1);
                while let Some(write) = self.disks[who as usize].1.pop_front() {
                    let token = write.token;
                    keep(&mut self.disks[who as usize].0, write);
                    self.handle(who, text, |p, out| p.synced(token, out));
                }
            }
            "add" | "remove" => {
                // The operator, to everybody.
                let verb = if words[0] == "add" { Verb::AddMember } else { Verb::RemoveMember };
                let op = Op::on_key(verb, u64::from(number(1)), 0);
                for who in 0..self.replicas.len() as u32 {
                    self.handle(who, text, |p, out| p.ask(&op, out));
                }
            }
            "timeout" => {
                let known = self.timers.iter().find(|(name, _)| *name == words[2]);
                let timer = known.unwrap_or_else(|| panic!("no timer is called `{}`", words[2])).1;
                self.handle(number(1), text, |p, out| p.timer(timer, out));
            }
            "off" => {
                // The device does what it was told first: what the machine's disk hadn't is gone, and so is its mail.
                let (by, of, token) = self.orders.pop_front().expect("somebody ordered it");
                self.disks[of as usize].1.clear();
                self.wires.retain(|(_, to), _| *to != of);
                self.handle(by, text, |p, out| p.woken(token, out));
            }
            "advance" => self.now += Span::millis(u64::from(number(1))),
            "write" | "read" => {
                self.requests += 1;
                let (verb, value) = if words[0] == "write" { (Verb::Write, number(3)) } else { (Verb::Read, 0) };
                let op = Op::on_key(verb, u64::from(number(2)), u64::from(value));
                let slot = self.requests;
                let requester = Requester { process: ProcessId(99), slot, generation: 0, attempt: 0, visit: slot };
                let cause = Cause { root: 0, path: 0, deadline: Instant::NEVER, request: 0, client: 0 };
                self.handle(number(1), text, |p, out| p.request(Call { requester, op, cause }, out));
            }
            "settle" => {
                // Quietly, between these replicas: messages and disks until nothing moves.
                let among: Vec<u32> = (1..words.len()).map(number).collect();
                let mut silent = String::new();
                loop {
                    let wire = self
                        .wires
                        .iter()
                        .find(|((a, b), w)| !w.is_empty() && among.contains(a) && among.contains(b))
                        .map(|(wire, _)| *wire);
                    if let Some((from, to)) = wire {
                        self.command(&format!("deliver {from} {to}"), &mut silent);
                    } else if let Some(who) = among.iter().find(|w| !self.disks[**w as usize].1.is_empty()) {
                        self.command(&format!("sync {who}"), &mut silent);
                    } else {
                        break;
                    }
                }
                let told = silent.lines().filter(|l| l.contains(" answers ") || l.contains(" passes "));
                told.for_each(|l| writeln!(text, "{l}").expect("texts grow"));
            }
            other => panic!("no command is called `{other}`"),
        }
    }
}

fn keep<P: Process>(durable: &mut Vec<P::Record>, write: Write<P>) {
    if write.checkpoint {
        durable.clear();
    }
    durable.push(write.record);
}

/// What obeys the lines of a file.
trait Obeys {
    fn obey(&mut self, line: &str, text: &mut String);
}

impl<P: Process> Obeys for Bench<P> {
    fn obey(&mut self, line: &str, text: &mut String) {
        self.command(line, text);
    }
}

/// Replicas of the protocol that the first line of a file names.
fn bench(protocol: &str, count: u32, words: &[&str]) -> Box<dyn Obeys> {
    let group = Group { first: ProcessId(0), count };
    let planted = Replication::planted(protocol).unwrap_or_else(|| panic!("no protocol is called `{protocol}`"));
    let bugs = Bugs::new(planted.iter().map(|b| b.name).filter(|b| words.contains(b)));
    // `q1=4`
    let number = |key: &str| words.iter().find_map(|word| word.strip_prefix(key)?.strip_prefix('=')?.parse().ok());
    if protocol == "raft" {
        use raft::{Membership, Raft, RaftSpec, Timer};
        let spec = RaftSpec {
            spares: number("spares").unwrap_or(0),
            snapshot_every: number("snapshots").map_or(10_000, u64::from),
            membership: if words.contains(&"joint") { Membership::Joint } else { Membership::Single },
            catch_up: !words.contains(&"straight"),
            preferred: number("prefers").map_or(Members::NONE, |n| Members::NONE.with(n)),
            prevote: words.contains(&"prevote"),
            check_quorum: words.contains(&"check_quorum"),
            batch: if words.contains(&"single") { 1 } else { 64 },
            bugs,
            ..RaftSpec::default()
        };
        let replicas = (0..count).map(|_| Raft::<Kv>::new(group, ObjectId(0), spec.clone())).collect();
        let timers =
            vec![("election", Timer::Election), ("heartbeat", Timer::Heartbeat), ("patience", Timer::Patience)];
        return Box::new(Bench::new(replicas, timers));
    }
    if protocol == "primary_backup" {
        use primary_backup::{Failover, Fencing, Mode, PrimaryBackup, Promotion, Timer};
        let has = |word: &str| words.contains(&word);
        let stonith = Fencing::PowerOff { takes: Span::secs(2), boot: Span::secs(30) };
        let failover = Failover {
            after: Span::secs(10),
            lease: has("lease"),
            promotion: if has("self") { Promotion::Alone } else { Promotion::Majority },
            fencing: if has("stonith") { stonith } else { Fencing::Epoch },
        };
        let mode = if has("semi_sync") { Mode::SemiSync } else { Mode::Async };
        let spec = PrimaryBackupSpec { mode, lag: Span::ZERO, reads_anywhere: false, failover: Some(failover), bugs };
        let replicas = (0..count).map(|_| PrimaryBackup::<Kv>::new(group, ObjectId(0), spec.clone())).collect();
        let timers = vec![("beat", Timer::Beat), ("suspect", Timer::Suspect), ("choose", Timer::Choose)];
        return Box::new(Bench::new(replicas, timers));
    }
    use multi_paxos::{MultiPaxos, MultiPaxosSpec, Reads, Timer};
    let base = MultiPaxosSpec::new(count);
    let spec = MultiPaxosSpec {
        phase1_quorum: number("q1").unwrap_or(base.phase1_quorum),
        phase2_quorum: number("q2").unwrap_or(base.phase2_quorum),
        reads: if words.contains(&"lease") { Reads::Lease } else { Reads::Log },
        snapshot_every: number("snapshot_every").map_or(base.snapshot_every, u64::from),
        bugs,
        ..base
    };
    let replicas = (0..count).map(|_| MultiPaxos::<Kv>::new(group, ObjectId(0), spec.clone())).collect();
    let timers = vec![("election", Timer::Election), ("heartbeat", Timer::Heartbeat), ("patience", Timer::Patience)];
    Box::new(Bench::new(replicas, timers))
}

/// Plays a file; what comes back is the file as it should be.
fn play(text: &str) -> String {
    let mut lines = text.lines();
    let mut played = String::new();
    let mut played_on = None;
    let mut effects = String::new();
    while let Some(line) = lines.next() {
        if line == "----" {
            writeln!(played, "----\n{effects}").expect("texts grow");
            effects.clear();
            // What was expected is what is being found out.
            for expected in lines.by_ref() {
                if expected.is_empty() {
                    break;
                }
            }
            continue;
        }
        writeln!(played, "{line}").expect("texts grow");
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(rest) = line.strip_prefix("protocol ") {
            let words: Vec<&str> = rest.split_whitespace().collect();
            played_on = Some(bench(words[0], words[1].parse().expect("a number of replicas"), &words[2..]));
            continue;
        }
        let bench: &mut Box<dyn Obeys> = played_on.as_mut().expect("a file begins with its protocol");
        bench.obey(line, &mut effects);
    }
    format!("{}\n", played.trim_end())
}

#[test]
fn every_transcript_is_what_the_protocol_does() {
    let mut files = Vec::new();
    for (protocol, at_least) in [("multi_paxos", 6), ("primary_backup", 3), ("raft", 6)] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts").join(protocol);
        let of_it: Vec<_> = std::fs::read_dir(folder).expect("transcripts are there").flatten().collect();
        assert!(of_it.len() >= at_least, "{protocol}");
        files.extend(of_it);
    }
    files.sort_by_key(std::fs::DirEntry::path);
    let mut wrong = Vec::new();
    for file in files {
        let path = file.path();
        let text = std::fs::read_to_string(&path).expect("transcripts are text");
        let played = play(&text);
        if std::env::var_os("UPDATE_TRANSCRIPTS").is_some() {
            std::fs::write(&path, &played).expect("transcripts can be written");
        } else if played != text {
            let (n, (a, b)) = (1..)
                .zip(played.lines().zip(text.lines()))
                .find(|(_, (a, b))| a != b)
                .unwrap_or((0, ("more or less lines", "")));
            wrong.push(format!("{}:{n}\n  expected  {b}\n  found     {a}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
