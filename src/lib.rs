//! netsplit: a deterministic distributed-system simulator. Performance and consistency from the same run.
//!
//! # A guided tour
//!
//! A **scenario** is a TOML text: components, the clients that use them, what breaks and when, and what is expected.
//! [`scenario::load`] reads it, with every error at its place, into a [`scenario::Plan`]: all names resolved, all defaults
//! written out, all faults laid out in time. [`run::play`] plays a plan in virtual time, and [`run::judge`] holds the
//! outcome against the expectations.
//!
//! ```
//! use std::sync::Arc;
//!
//! use netsplit::metric::ClassSet;
//! use netsplit::{run, scenario, spec::Sources};
//!
//! let sources = Sources::new("tour.toml", r#"
//! schema   = 1
//! title    = "One server, half busy"
//! question = "How long does a request take?"
//! duration = "10m"
//!
//! [service.api]
//! service_time = "exp(10ms)"
//!
//! [clients.web]
//! rate   = "50/s"
//! target = "api"
//!
//! [expect.mean-time]
//! that   = "mean(api) ~ 20ms ± 10%"
//! source = "M/M/1: 1 / (100/s - 50/s)"
//! "#);
//! let (plan, problems) = scenario::load(&sources, None, Some(7), &|name| Err(format!("there is no {name}")));
//! let plan = Arc::new(plan.unwrap_or_else(|| panic!("{}", problems.lines(&sources))));
//!
//! let outcome = run::play(&plan, &mut |_now, _events| true).expect("nobody interrupts");
//! let judged = run::judge(&outcome, &[]);
//! assert!(judged[0].finding.outcome.passes(), "{}", judged[0].finding.sentence);
//!
//! // What was measured, by group: components first, in the order of their names, then clients.
//! let api = &outcome.meters.groups[plan.group("api").expect("it is in the text")];
//! let everything = outcome.meters.frame().all();
//! let latencies = api.visits.latencies(&everything, ClassSet::ALL);
//! assert!(latencies.percentile(99.0) > latencies.percentile(50.0));
//!
//! // Same plan, same seed: the same run, event by event.
//! let again = run::play(&plan, &mut |_now, _events| true).expect("nobody interrupts");
//! assert_eq!(outcome.digest, again.digest);
//! ```
//!
//! What happens inside a run, from the bottom:
//!
//! - **Time** is [`engine::Instant`], whole nanoseconds. What will happen waits in an [`engine::queue::EventQueue`];
//!   equal times pop in the order of insertion.
//! - **Randomness** is named. [`engine::Draws`] are addressed by the request they are for, so that a second design under
//!   the same seed meets the same requests with the same work, and adding a component shifts nobody's numbers.
//! - A **process** ([`world::Process`]) is a state machine: it learns by input and answers with effects
//!   ([`world::Effect`]). It sees no clock but its host's, no network and no disk; [`world::World`] carries its effects
//!   out over [`physics`] and is the only thing that does.
//! - A **call** is one row of [`rpc::Calls`]: timeouts, retries, hedges, breakers, pools and balancing are policy of the
//!   edge between two groups, the same code for a million clients and for every service.
//! - A **timeout is unknown**, not a failure: the [`history::History`] keeps operations as ok, refused, failed or unknown
//!   in closed intervals, and checks see nothing else.
//! - **Books** are kept in every run: what was sent arrived, was lost or is under way; Little's law holds for every
//!   process to the nanosecond. What does not balance stands in [`run::Outcome::broken`].
//!
//! # A protocol of your own
//!
//! Implement [`world::Process`], make one enum of it and the stock kinds with [`processes!`], and put it in the place of
//! any component with [`run::play_with`]. It then has clients, a network, disks, faults, a history and a report:
//! `examples/my_protocol.rs` does so in under 120 lines. [`report::write_all`] writes the folder that the command line
//! writes.
//!
//! # Where things are
//!
//! Each module uses only those below it.
//!
//! | module | what it is |
//! |---|---|
//! | [`cli`] | arguments, commands, exit codes |
//! | [`report`] | the only place that formats or draws |
//! | [`run`] | plan to outcome: build, drive, judge, explain |
//! | [`scenario`] | TOML to plan |
//! | [`catalog`] | the registry: one enum of all kinds of process |
//! | [`expect`] | the expectation grammar and its evaluation |
//! | [`component`] | service, load balancer, single-copy store |
//! | [`workload`] | populations of clients, keys, rates over time |
//! | [`fault`] | when and for how long things break |
//! | [`check`] | history to verdict; sees the history only |
//! | [`protocol`] | how replicas agree, one paper a file |
//! | [`state_machine`] | what replicas agree on |
//! | [`flow`] | what one request does, compiled to stages |
//! | [`world`] | where processes meet physics |
//! | [`rpc`] | what callers and callees share |
//! | [`history`] | what clients saw; import and export |
//! | [`metric`] | tallies, gauges, counters, standard errors |
//! | [`physics`] | network, stations, clocks, disks |
//! | [`spec`] | reading TOML without losing the place |
//! | [`engine`] | time, randomness, distributions, event queue, digest |
#![deny(rustdoc::broken_intra_doc_links, rustdoc::private_intra_doc_links, rustdoc::invalid_html_tags)]

pub mod catalog;
pub mod check;
pub mod cli;
pub mod component;
pub mod engine;
pub mod expect;
pub mod fault;
pub mod flow;
pub mod history;
pub mod metric;
pub mod physics;
pub mod protocol;
pub mod report;
pub mod rpc;
pub mod run;
pub mod scenario;
pub mod spec;
pub mod state_machine;
pub mod validate;
pub mod workload;
pub mod world;
