//! What the place of a fault comes to: `db/1`, `kv/leader`, `region:east`, `web -> db`, `random(api, 2)`, `rest`.

use super::cuts::role_at;
use super::{Lowering, Site};
use crate::engine::{GroupId, ProcessId, Stream, ZoneId};
use crate::physics::topology::LinkId;
use crate::spec::{Diagnostic, Place};
use crate::world::Role;

/// What a place of the language comes to.
pub(super) enum Hit {
    /// Whatever the other side doesn't name.
    Rest,
    /// Whoever has the role when the fault acts.
    Role(GroupId, Role),
    Processes(Vec<ProcessId>),
    /// Drawn anew for each stretch: so many of these.
    Drawn(Vec<ProcessId>, usize),
    Links(Vec<LinkId>),
    Between(Vec<ProcessId>, Vec<ProcessId>),
}

impl Lowering<'_, '_> {
    /// What a place comes to for this action.
    pub(super) fn hit(&self, text: &str, at: &Place, site: &Site<'_>, action: &str) -> Option<Hit> {
        let fail = |diagnostic: Diagnostic| -> Option<Hit> {
            self.log.borrow_mut().push(diagnostic);
            None
        };
        if text.trim().is_empty() {
            let known = site.groups.iter().map(|g| g.0.as_str());
            return fail(Diagnostic::error(at.clone(), "a place is missing here").nearest("", "there are", known));
        }
        if action == "leak" {
            let edges: Vec<&str> = site.edges.iter().map(|e| e.name.as_str()).filter(|n| !n.is_empty()).collect();
            let Some((a, b)) = text.split_once("->").map(|(a, b)| (a.trim(), b.trim())) else {
                return fail(
                    Diagnostic::error(at.clone(), format!("`{text}` is no edge; pools belong to edges"))
                        .nearest(text, "edges", edges),
                );
            };
            return match site.edge(a, b).or(site.shared_edge(a, b)) {
                Some(edge) if site.edges[edge.index()].policy.pool.is_none() => {
                    fail(Diagnostic::error(at.clone(), format!("`{a} -> {b}` has no pool that could leak")).help(
                        match site.clients.iter().any(|(population, _)| population.name == a) {
                            true => format!("give it one: [clients.{a}] with `pool = {{ size = 64 }}`"),
                            false => format!("give it one: [edge.{a}.{b}] with `pool = {{ size = 64 }}`"),
                        },
                    ))
                }
                Some(edge) => Some(Hit::Processes(vec![ProcessId(u32::from(edge.0))])),
                None => fail(
                    Diagnostic::error(at.clone(), format!("nobody calls over `{text}`")).nearest(text, "edges", edges),
                ),
            };
        }
        if action == "hot_key" {
            return match site.keys.get(text) {
                Some(set) => Some(Hit::Processes(vec![ProcessId(set.id as u32)])),
                None => {
                    let known = ("key sets", site.keys.keys().map(String::as_str));
                    let none = format!("no key set is called `{text}`");
                    self.not_called(at.clone(), text, "a set of keys", none, known);
                    None
                }
            };
        }
        for (arrow, both) in [("<->", true), ("->", false)] {
            if let Some((a, b)) = text.split_once(arrow) {
                let (a, b) = (a.trim(), b.trim());
                if a.is_empty() || b.is_empty() {
                    return fail(
                        Diagnostic::error(at.clone(), "an end of this link is missing").help("write `web -> db`"),
                    );
                }
                let (from, to) = (self.processes(a, at, site)?, self.processes(b, at, site)?);
                if both {
                    let zones = |p: &[ProcessId]| -> Vec<ZoneId> {
                        let mut z: Vec<ZoneId> = p.iter().map(|p| site.zone(*p)).collect();
                        z.sort_unstable();
                        z.dedup();
                        z
                    };
                    if a.starts_with("region:") && b.starts_with("region:") {
                        let mut links = Vec::new();
                        for x in zones(&from) {
                            for y in zones(&to) {
                                links.extend([site.topology.link(x, y), site.topology.link(y, x)]);
                            }
                        }
                        return Some(Hit::Links(links));
                    }
                    return fail(
                        Diagnostic::error(at.clone(), "both ways is for regions: `region:a <-> region:b`")
                            .help("write two faults, one for each direction"),
                    );
                }
                return Some(Hit::Between(from, to));
            }
        }
        if text == "rest" {
            return Some(Hit::Rest);
        }
        if let Some((group, role)) = role_at(text, site) {
            return Some(Hit::Role(group, role));
        }
        if let Some(inner) = text.strip_prefix("random(").and_then(|t| t.strip_suffix(')')) {
            let mut parts: Vec<&str> = inner.split(',').map(str::trim).collect();
            let last = parts.last().copied().unwrap_or("");
            let mut count = None;
            let mut share = None;
            if let Ok(n) = last.parse::<usize>() {
                count = Some(n);
                parts.pop();
            } else if let Some(percent) = last.strip_suffix('%').and_then(|p| p.parse::<f64>().ok()) {
                if !(0.0..=100.0).contains(&percent) {
                    return fail(Diagnostic::error(at.clone(), format!("`{last}` is no share")).label("0% to 100%"));
                }
                share = Some(percent / 100.0);
                parts.pop();
            }
            if parts.iter().all(|part| part.is_empty()) {
                return fail(
                    Diagnostic::error(at.clone(), "`random` of what?")
                        .help("write `random(api)`, `random(api, 2)` or `random(web, db, 20%)`"),
                );
            }
            let mut among = Vec::new();
            for part in parts {
                among.extend(self.processes(part, at, site)?);
            }
            let n = count.unwrap_or_else(|| share.map_or(1, |s| libm::round(s * among.len() as f64) as usize));
            if n > among.len() {
                return fail(
                    Diagnostic::error(at.clone(), format!("there are only {} to draw from", among.len()))
                        .label(format!("{n} are too many")),
                );
            }
            let stranger = among.iter().find(|p| match action {
                "load" => !site.is_clients(**p),
                "flush" => !site.is_a(**p, "cache"),
                _ => false,
            });
            if let Some(stranger) = stranger {
                let (name, what) =
                    (site.process_name(*stranger), if action == "load" { "client group" } else { "cache" });
                return fail(Diagnostic::error(at.clone(), format!("`{name}` is no {what}")).label("may be drawn"));
            }
            return Some(Hit::Drawn(among, n));
        }
        let processes = self.processes(text, at, site)?;
        let clients = processes.iter().all(|p| site.is_clients(*p));
        match action {
            "rolling_upgrade" if clients && !text.contains(':') => fail(
                Diagnostic::error(at.clone(), format!("`{text}` are clients; there is nothing to upgrade"))
                    .help("name a component, such as `rolling_upgrade = \"web\"`"),
            ),
            "flush" if !processes.iter().any(|p| site.is_a(*p, "cache")) => {
                fail(Diagnostic::error(at.clone(), format!("`{text}` is no cache; there is nothing to empty")).nearest(
                    text,
                    "caches",
                    site.components.iter().filter(|c| c.kind.name() == "cache").map(|c| c.name.as_str()),
                ))
            }
            "load" if !clients => fail(
                Diagnostic::error(at.clone(), format!("`{text}` is no client group"))
                    .help("`load` is about clients: how often they ask"),
            ),
            "crash" | "restart" | "pause" | "slow" | "gray" | "power_loss" if clients && !text.contains(':') => fail(
                Diagnostic::error(at.clone(), format!("`{text}` are clients; they don't {action}"))
                    .help("use `load` with a factor"),
            ),
            // The network is cut for everybody at a place, clients too.
            _ if text.contains(':') && action != "partition" => {
                // A place holds clients too; only machines break.
                Some(Hit::Processes(processes.into_iter().filter(|p| !site.is_clients(*p)).collect()))
            }
            _ => Some(Hit::Processes(processes)),
        }
    }

    fn processes(&self, text: &str, at: &Place, site: &Site<'_>) -> Option<Vec<ProcessId>> {
        match site.processes(text) {
            Ok(processes) => Some(processes),
            Err((word, what, known)) => {
                let known = ("there are", known.iter().map(String::as_str));
                let none = format!("no {what} is called `{word}`");
                self.not_called(at.clone(), &word, &format!("a {what}"), none, known);
                None
            }
        }
    }
}

/// Puts `count` of these in front, each choice as likely as any other.
pub(super) fn draw(among: &mut [ProcessId], count: usize, stream: &mut Stream) {
    use crate::engine::Bits as _;
    for i in 0..count.min(among.len()) {
        let j = i + stream.below((among.len() - i) as u64) as usize;
        among.swap(i, j);
    }
}
