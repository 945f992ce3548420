//! `[fault.X] add = "kv/3"`, `remove = "kv/leader"`: the members of a group change.

use super::hits::Hit;
use super::{Lowering, Site};
use crate::engine::ProcessId;
use crate::protocol::Replication;
use crate::scenario::plan::Kind;
use crate::spec::{Diagnostic, Place};

impl Lowering<'_, '_> {
    /// Whether what a change of members hits are replicas that can come and go; if not, says why.
    pub(super) fn is_member(&self, action: &str, text: &str, at: &Place, hit: &Hit, site: &Site<'_>) -> bool {
        let (group, hits) = match hit {
            Hit::Role(group, _) => (group.index(), 1),
            Hit::Processes(some) | Hit::Drawn(some, _) if same_group(some, site) => {
                let count = if let Hit::Drawn(_, count) = hit { *count } else { some.len() };
                (site.group_of(some[0]), count)
            }
            _ => {
                self.log.borrow_mut().push(
                    Diagnostic::error(at.clone(), format!("`{text}` are not replicas of one store"))
                        .help(format!("say which of them: `{action} = \"kv/3\"`")),
                );
                return false;
            }
        };
        let component = site.components.get(group);
        let kind = component.map(|c| &c.kind);
        let Some(component) = component.filter(|_| matches!(kind, Some(Kind::Store(Some(Replication::Raft(_))))))
        else {
            // Replicas without a protocol have been complained about.
            if !matches!(kind, Some(Kind::Store(None))) || component.is_some_and(|c| c.hosts.len() == 1) {
                self.log.borrow_mut().push(
                    Diagnostic::error(at.clone(), format!("the members of {} don't change", site.groups[group].0))
                        .help("those of a store under `replication = { raft = {} }` do"),
                );
            }
            return false;
        };
        if action == "remove" && hits >= component.hosts.len() {
            self.log.borrow_mut().push(
                Diagnostic::error(at.clone(), format!("nobody would be left in {}", component.name))
                    .help(format!("say which of them leaves: `remove = \"{}/0\"`", component.name)),
            );
            return false;
        }
        true
    }
}

fn same_group(some: &[ProcessId], site: &Site<'_>) -> bool {
    some.first().is_some_and(|first| some.iter().all(|p| site.group_of(*p) == site.group_of(*first)))
}
