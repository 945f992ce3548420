//! The registry: every kind of process that the product has, on one screen. Keep it sorted.

use crate::component::{cache, load_balancer, queue, service, store};
use crate::history::ObjectId;
use crate::protocol::{
    Group, Membership, Replication, abd, chain, crdt, gossip, heartbeat, multi_paxos, primary_backup, quorum, raft,
    swim,
};
use crate::state_machine::Kv;
use crate::workload::clients;

/// Makes one enum out of several kinds of process, which a [`World`](crate::world::World) then runs.
///
/// `processes! { pub enum Mine { Raft(my::Raft), Clients(netsplit::workload::Clients) } }` expands to that enum and to
/// enums of the kinds' messages, timers and records, and hands every input to the kind it belongs to. Effects are
/// wrapped as they are pushed, so a kind never learns of the enum.
#[macro_export]
macro_rules! processes {
    ($(#[$doc:meta])* pub enum $name:ident { $($kind:ident($process:ty)),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        #[allow(missing_docs, clippy::large_enum_variant)]
        pub enum $name { $($kind($process)),+ }

        #[doc(hidden)]
        #[allow(missing_docs, unreachable_pub, clippy::all)]
        pub mod wrapped {
            use super::*;
            use $crate::world::{Message, Own, Process, Sink};

            #[derive(Clone, Debug, Hash)]
            pub enum Msg { $($kind(<$process as Process>::Msg)),+ }
            #[derive(Clone, Copy, Debug, PartialEq, Eq)]
            pub enum Timer { $($kind(<$process as Process>::Timer)),+ }
            #[derive(Clone, Debug)]
            pub enum Record { $($kind(<$process as Process>::Record)),+ }

            impl Message for Msg {
                fn name(&self) -> &'static str {
                    match self { $(Msg::$kind(msg) => msg.name()),+ }
                }
                fn bytes(&self) -> u32 {
                    match self { $(Msg::$kind(msg) => msg.bytes()),+ }
                }
                fn operations(&self, receiver: u32, each: &mut dyn FnMut($crate::rpc::Verb)) {
                    match self { $(Msg::$kind(msg) => msg.operations(receiver, each)),+ }
                }
                fn about(&self, key: u64) -> $crate::world::About {
                    match self { $(Msg::$kind(msg) => msg.about(key)),+ }
                }
            }

            // A level of their own: a kind and its process may have the same name.
            pub mod wraps {
                $(
                    #[allow(non_snake_case)]
                    pub mod $kind {
                        use super::super::*;
                        pub struct Wrap<'a>(pub &'a mut dyn Sink<$name>);
                        impl std::fmt::Debug for Wrap<'_> {
                            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                                f.write_str("Wrap")
                            }
                        }
                        impl Sink<$process> for Wrap<'_> {
                            fn arm(&mut self, timer: <$process as Process>::Timer, after: $crate::engine::Span) {
                                self.0.arm(Timer::$kind(timer), after);
                            }
                            fn push(&mut self, effect: Own<$process>) {
                                self.0.push(match effect {
                                    Own::Send { to, msg } => Own::Send { to, msg: Msg::$kind(msg) },
                                    Own::Arm { timer, after } => Own::Arm { timer: Timer::$kind(timer), after },
                                    Own::Disarm { timer } => Own::Disarm { timer: Timer::$kind(timer) },
                                    Own::Persist { record, token } =>
                                        Own::Persist { record: Record::$kind(record), token },
                                    Own::Checkpoint { record, token } =>
                                        Own::Checkpoint { record: Record::$kind(record), token },
                                });
                            }
                        }
                    }
                )+
            }

            $(
                impl From<$process> for $name {
                    fn from(process: $process) -> $name {
                        $name::$kind(process)
                    }
                }
            )+
        }

        impl $crate::world::Process for $name {
            type Msg = wrapped::Msg;
            type Timer = wrapped::Timer;
            type Record = wrapped::Record;

            fn start(&mut self, log: &[Self::Record], out: &mut $crate::world::Out<'_, Self>) {
                match self {
                    $($name::$kind(process) => {
                        let log: Vec<_> = log.iter().filter_map(|record| match record {
                            wrapped::Record::$kind(record) => Some(record.clone()),
                            #[allow(unreachable_patterns)]
                            _ => None,
                        }).collect();
                        let (env, all, own) = out.parts();
                        let mut own = wrapped::wraps::$kind::Wrap(own);
                        process.start(&log, &mut $crate::world::Out::within(env, all, &mut own));
                    })+
                }
            }
            fn message(
                &mut self,
                from: $crate::engine::ProcessId,
                msg: Self::Msg,
                out: &mut $crate::world::Out<'_, Self>,
            ) {
                match (self, msg) {
                    $(($name::$kind(process), wrapped::Msg::$kind(msg)) => {
                        let (env, all, own) = out.parts();
                        let mut own = wrapped::wraps::$kind::Wrap(own);
                        process.message(from, msg, &mut $crate::world::Out::within(env, all, &mut own));
                    })+
                    #[allow(unreachable_patterns)]
                    _ => {}
                }
            }
            fn timer(&mut self, timer: Self::Timer, out: &mut $crate::world::Out<'_, Self>) {
                match (self, timer) {
                    $(($name::$kind(process), wrapped::Timer::$kind(timer)) => {
                        let (env, all, own) = out.parts();
                        let mut own = wrapped::wraps::$kind::Wrap(own);
                        process.timer(timer, &mut $crate::world::Out::within(env, all, &mut own));
                    })+
                    #[allow(unreachable_patterns)]
                    _ => {}
                }
            }
            $crate::processes!(@forward $name [$($kind)+]
                request(call: $crate::rpc::Call)
                answer(token: $crate::rpc::Token, answer: $crate::rpc::Answer)
                woken(token: $crate::rpc::Token)
                synced(token: $crate::rpc::Token)
                computed(token: $crate::rpc::Token)
                thrown_away(token: $crate::rpc::Token)
                ask(op: &$crate::rpc::Op)
                callee(edge: $crate::engine::EdgeId, instance: u32, there: bool)
                finish()
            );
            fn record_bytes(record: &Self::Record) -> u32 {
                match record {
                    $(wrapped::Record::$kind(record) => <$process as $crate::world::Process>::record_bytes(record),)+
                    #[allow(unreachable_patterns)]
                    _ => 0,
                }
            }
            fn role(&self) -> $crate::world::Role {
                match self { $($name::$kind(process) => process.role()),+ }
            }
            fn holds(&self, key: u64) -> Option<$crate::world::Held> {
                match self { $($name::$kind(process) => process.holds(key)),+ }
            }
            fn fingerprints(&self) -> Option<Vec<(u64, u64)>> {
                match self { $($name::$kind(process) => process.fingerprints()),+ }
            }
        }
    };
    (@forward $name:ident $kinds:tt $($method:ident($($arg:ident: $ty:ty),*))+) => {
        $($crate::processes!(@method $name $kinds $method($($arg: $ty),*));)+
    };
    (@method $name:ident [$($kind:ident)+] $method:ident $args:tt) => {
        $crate::processes!(@body $name $method $args [$($kind)+]);
    };
    (@body $name:ident $method:ident ($($arg:ident: $ty:ty),*) $kinds:tt) => {
        fn $method(&mut self, $($arg: $ty,)* out: &mut $crate::world::Out<'_, Self>) {
            $crate::processes!(@match self out $name $method ($($arg),*) $kinds)
        }
    };
    (@match $self:ident $out:ident $name:ident $method:ident $args:tt [$($kind:ident)+]) => {
        match $self {
            $($name::$kind(process) => {
                let (env, all, own) = $out.parts();
                let mut own = wrapped::wraps::$kind::Wrap(own);
                $crate::processes!(@call process env all own $method $args)
            })+
        }
    };
    (@call $process:ident $env:ident $all:ident $own:ident $method:ident ($($arg:ident),*)) => {
        $process.$method($($arg,)* &mut $crate::world::Out::within($env, $all, &mut $own))
    };
}

processes! {
    /// Any process that a scenario can name.
    pub enum AnyProcess {
        Abd(abd::Abd),
        Cache(cache::Cache),
        Chain(chain::ChainServer<Kv>),
        Clients(clients::Clients),
        Crdt(crdt::Crdt),
        Gossip(gossip::Gossip),
        Heartbeat(heartbeat::Heartbeat),
        LoadBalancer(load_balancer::LoadBalancer),
        MultiPaxos(multi_paxos::MultiPaxos<Kv>),
        PrimaryBackup(primary_backup::PrimaryBackup<Kv>),
        Quorum(quorum::Quorum),
        Queue(queue::Queue),
        Raft(raft::Raft<Kv>),
        Service(service::Service),
        Store(store::Store),
        Swim(swim::Swim),
    }
}

/// A replica of a store.
pub fn replica(replication: &Replication, group: Group, object: ObjectId) -> AnyProcess {
    match replication {
        Replication::Abd(spec) => AnyProcess::Abd(abd::Abd::new(group, object, spec.clone())),
        Replication::Chain(spec) => AnyProcess::Chain(chain::ChainServer::new(group, object, spec.clone())),
        Replication::MultiPaxos(spec) => {
            AnyProcess::MultiPaxos(multi_paxos::MultiPaxos::new(group, object, spec.clone()))
        }
        Replication::PrimaryBackup(spec) => {
            AnyProcess::PrimaryBackup(primary_backup::PrimaryBackup::new(group, object, spec.clone()))
        }
        Replication::Crdt(spec) => AnyProcess::Crdt(crdt::Crdt::new(group, object, spec.clone())),
        Replication::Quorum(spec) => AnyProcess::Quorum(quorum::Quorum::new(group, object, spec.clone())),
        Replication::Raft(spec) => AnyProcess::Raft(raft::Raft::new(group, object, spec.clone())),
    }
}

/// A member of a cluster that watches itself.
pub fn member(membership: Membership, group: Group) -> AnyProcess {
    match membership {
        Membership::Gossip(spec) => AnyProcess::Gossip(gossip::Gossip::new(group, spec)),
        Membership::Heartbeat(spec) => AnyProcess::Heartbeat(heartbeat::Heartbeat::new(group, spec)),
        Membership::Swim(spec) => AnyProcess::Swim(swim::Swim::new(group, spec)),
    }
}
