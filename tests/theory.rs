//! The models against closed forms, through the whole path: scenario text, clients, network, station, meters.
//!
//! Tolerance: four standard errors of the run itself, by batch means.

use netsplit::run::{play_all, value};
use netsplit::scenario;
use netsplit::spec::Sources;

/// Runs a scenario and asserts that an expression is within four of its own standard errors of `expected`, and that those
/// are small enough to mean something.
fn assert_near(scenario: &str, expression: &str, expected: f64) {
    let text = format!(
        "schema = 1\ntitle = \"t\"\nquestion = \"q\"\nmax_events = \"1B\"\nnetwork.within_zone = {{ rtt = \"0ms\" }}\n{scenario}"
    );
    let sources = Sources::new("t.toml", text);
    let (plan, diagnostics) = scenario::load(&sources, None, None, &|_| Err("none".into()));
    let plan = plan.unwrap_or_else(|| panic!("{}", diagnostics.lines(&sources)));
    let runs = play_all(vec![plan], &|_, _, _| true).expect("nobody interrupts");
    assert_eq!(runs[0].outcome.broken, Vec::<String>::new());
    let measured = value(expression, &runs[0].outcome).expect("it was measured");
    let error = measured.standard_error.expect("long enough for an error");
    let off = (measured.value - expected).abs();
    assert!(off <= 4.0 * error, "{expression} = {} ± {error}, expected {expected}", measured.value);
    assert!(4.0 * error <= 0.12 * expected, "{expression}: an error of {error} tells nothing about {expected}");
}

fn queue(service: &str, rate: &str) -> String {
    format!("duration = \"4000s\"\nwarmup = \"400s\"\n{service}\n[clients.c]\nrate = \"{rate}\"\ntarget = \"s\"\n")
}

#[test]
fn m_m_1_at_70_percent() {
    // T = 1 / (mu - lambda).
    assert_near(&queue("[service.s]\nservice_time = \"exp(10ms)\"", "70/s"), "mean(s)", 1.0 / 30.0);
}

#[test]
fn m_d_1_at_70_percent() {
    // Pollaczek-Khinchine: Wq = rho S / (2 (1 - rho)).
    assert_near(&queue("[service.s]\nservice_time = \"10ms\"", "70/s"), "mean(s)", 0.01 + 0.7 * 0.01 / 0.6);
}

#[test]
fn m_m_3_at_80_percent() {
    // Erlang C with a = 2.4: P(wait) = 0.6472; T = S + P(wait) / (3 mu - lambda).
    let a: f64 = 2.4;
    let last = a * a * a / 6.0 / (1.0 - 0.8);
    let wait = last / (1.0 + a + a * a / 2.0 + last);
    let service = "[service.s]\nworkers = 3\nservice_time = \"exp(10ms)\"";
    assert_near(&queue(service, "240/s"), "mean(s)", 0.01 + wait / 60.0);
}

#[test]
fn erlang_b_loses_what_finds_all_servers_busy() {
    // a = 2, c = 3: B = (8/6) / (1 + 2 + 2 + 8/6) = 0.2105.
    let b = (8.0 / 6.0) / (5.0 + 8.0 / 6.0);
    let service = "[service.s]\nworkers = 3\nqueue = { limit = 0 }\nservice_time = \"exp(10ms)\"";
    assert_near(&queue(service, "200/s"), "error_ratio(c)", b);
}

#[test]
fn processor_sharing_depends_on_the_mean_alone() {
    // M/G/1-PS: T = E[S] / (1 - rho), whatever the law.
    let service = "[service.s]\nqueue = { discipline = \"ps\" }\nservice_time = \"mix(90%: 5ms, 10%: 55ms)\"";
    assert_near(&queue(service, "60/s"), "mean(s)", 0.01 / 0.4);
}

#[test]
fn retries_take_as_many_attempts_as_the_geometric_series() {
    // Each attempt fails with p = 0.3, at most two retries: (1 - p^3) / (1 - p).
    let scenario = "duration = \"2000s\"\n[service.w]\n[service.s]\n[flow.f]\nruns_on = \"w\"\nsteps = [{ call = \"s\" }]\n\
        [edge.w.s]\nretry = { attempts = 3, backoff = \"none\" }\n\
        [clients.c]\nrate = \"50/s\"\ntarget = \"w\"\nmix = { f = \"100%\" }\n\
        [fault.flaky]\nat = \"0s\"\ngray = \"s\"\nerrors = \"30%\"\n";
    let expected = (1.0 - 0.027) / 0.7;
    assert_near(scenario, "count(attempts(w -> s)) / count(calls(w -> s))", expected);
}
