//! Protocol messages per CPU second: each protocol's replicas under a thousand clients for a minute, and groups that
//! watch one another.

use super::Done;
use super::scenario::finished;

/// Plays it and counts the messages between replicas, not those to and from clients.
fn play(text: &str) -> Done {
    let (plan, ns, finished) = finished(text);
    let all = finished.meters.frame().all();
    let messages: u64 = finished.meters.groups.iter().map(|group| group.messages.count(&all)).sum();
    let answered: u64 = finished.meters.groups[plan.components.len()..]
        .iter()
        .map(|clients| clients.visits.count(&all, netsplit::world::meters::OK))
        .sum();
    let rate = messages as f64 / (ns as f64 / 1e9);
    let check = format!(
        "{:.2} million messages a second; {answered} requests answered, digest {:016x}",
        rate / 1e6,
        finished.digest
    );
    Done { events: messages, ns, check }
}

const HEAD: &str = "schema = 1\ntitle = \"t\"\nquestion = \"q\"\nduration = \"60s\"\n\
                    [network]\nwithin_zone = { rtt = \"1ms\" }\n";

/// Five replicas under a thousand clients that ask about ten times a second each, half reads and half writes.
pub(crate) fn store(replication: &str, mix: &str) -> Done {
    play(&format!(
        "{HEAD}[store.kv]\nreplicas = 5\ndisk = {{ fsync_time = \"0.5ms\" }}\nreplication = {{ {replication} }}\n\
         [clients.users]\ncount = 1000\nthink = \"exp(100ms)\"\ntarget = \"kv\"\nmix = {{ {mix} }}\ntimeout = \"1s\"\n"
    ))
}

/// A hundred members of whom none fails.
pub(crate) fn members(detector: &str) -> Done {
    play(&format!("{HEAD}[membership.cluster]\nreplicas = 100\ndetector = \"{detector}\"\n"))
}
