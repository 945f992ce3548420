//! Texts and what becomes of them: trees, errors, verdicts.

use std::ops::Range;

use proptest::prelude::*;

use super::ast::{Arg, Member, Part};
use super::*;
use crate::engine::Instant;

// ---- reading ----

/// Texts as scenarios write them, and how they are printed if that differs.
const READABLE: &[(&str, &str)] = &[
    ("mean(api) ~ 50ms ± 10%", ""),
    ("mean(api) ~ 50ms +- 10%", "mean(api) ~ 50ms ± 10%"),
    ("mean(api) ~ 50ms ± 3 se", ""),
    ("mean(api) ~ 50ms ± 3se", "mean(api) ~ 50ms ± 3 se"),
    ("mean(api) ~ 50ms ± 2ms", ""),
    ("goodput(shoppers) >= 95% * offered(shoppers)", ""),
    ("p99.9(t_visibility(pbs)) <= 60ms", ""),
    ("p99(latency(sent, delivered, forward)) <= 800ms", ""),
    ("mean(server)@two-choices <= 0.3 * mean(server)@random", ""),
    ("mean(server)@two-choices - mean(server)@three-choices <= 0.1 * mean(server)@random", ""),
    ("mean(utilization(server/*)) ~ 90% ± 1%", ""),
    ("max(share(db/*, put)) in 16.5%..23.5%", ""),
    ("moved_keys(reshard) / keys.accounts.count ~ 11.11% ± 15%", ""),
    ("threshold(collapse) ~ 1000/s * 1s / (3 * 700/s - 1000/s) ± 15%", ""),
    ("rate(attempts(web -> pricing)) <= 1.25 * rate(calls(web -> pricing))", ""),
    ("rate(attempts(web->pricing)) <= 5/s", "rate(attempts(web -> pricing)) <= 5/s"),
    ("mean(bytes(region:east <-> region:west)) < 4MiB", ""),
    ("error_ratio(checkout, gray)@least-request-black-hole >= 3 * error_ratio(checkout, gray)@base", ""),
    (
        "count(conflicts(kv, cut)) ~ keys.registers.count\n  * (1 - exp(-rate(ok(east, write, cut)) * fault.cut.for / keys.registers.count)) ± 15%",
        "count(conflicts(kv, cut)) ~ keys.registers.count * (1 - exp(-rate(ok(east, write, cut)) * fault.cut.for / keys.registers.count)) ± 15%",
    ),
    ("recovery_time(outage) <= 2 * 1M / (10 * gateway.sockets.handshakes)", ""),
    ("p99(read, before cut) <= p99(read, 10s..20s) + 5ms", ""),
    ("p99(read, steady, zone:east/a) < 1s", ""),
    ("p50(kv/leader) < p50(kv/2) ^ 1", ""),
    ("max(lock_time(db/3/0)) >= 19s", ""),
    ("availability(x) == 1 - 0.99 ^ 8", ""),
    ("-mean(a) + 5ms > -(mean(b) + 1ms)", ""),
    ("(1 + 2) * 3 - (4 - 5) == 2 ^ (1 + 2) / (6 / 3) * keys.few.count", ""),
    ("((1 + 2)) * keys.few.count == (2 ^ 3) ^ 2", "(1 + 2) * keys.few.count == (2 ^ 3) ^ 2"),
    ("2 * (-mean(a)) < 0s", ""),
    ("mean(lag(jobs)) in -5..5", ""),
    ("cap(kv) == CP", ""),
    ("pacelc(kv) == PC/EC", ""),
    ("strongest(kv) == causal", ""),
    ("linearizable(kv)", ""),
    ("bounded_staleness(kv, 5s)", ""),
    ("absent(G1c, db)", ""),
    ("conserved(accounts.balance)", ""),
    ("no_lost(checkout,orders)", "no_lost(checkout, orders)"),
    ("foreign_key(orders.user, users)", ""),
    ("count(lost_writes(wal)) <= 0.1s * goodput(writers)", ""),
    (
        "rate(deliveries(bus)) ~ 2 * sum(sockets(chat-server/*)) * mean(degree(friends)) * population.users.online / mean(session(users)) ± 20%",
        "",
    ),
];

#[test]
fn what_scenarios_write_is_read_and_printed() {
    for (text, printed) in READABLE {
        let that = parse_that(text).unwrap_or_else(|error| panic!("{text}: {error:?}"));
        let printed = if printed.is_empty() { text } else { printed };
        assert_eq!(that.to_string(), *printed);
        assert_eq!(parse_that(printed).expect("printed").to_string(), *printed);
        let errors = check(&that, &AnyName);
        assert!(errors.is_empty(), "{text}: {errors:?}");
    }
}

#[test]
fn nodes_know_their_bytes() {
    let text = "p99(queue_age(db/3/primary), after cut)@big <= 2 * service.db.workers";
    let error = parse_that(text).unwrap_err();
    assert_eq!(&text[error.at], ",", "a phase belongs to the measure's scope");

    let text = "p99(queue_age(db/3/primary, after cut))@big <= 2 * service.db.workers * 1s";
    let that = parse_that(text).unwrap();
    let metric = that.metrics()[0].clone();
    assert_eq!(&text[metric.at], "p99(queue_age(db/3/primary, after cut))@big");
    assert_eq!(&text[metric.measure_at], "queue_age");
    assert_eq!(metric.scope.phase(), Some(&Phase::After("cut".into())));
    let (part, at) = metric.scope.parts[0].clone();
    assert_eq!(&text[at], "db/3/primary");
    let members = vec![Member::Index(3), Member::Role("primary".into())];
    assert_eq!(part, Part::Instance { of: "db".into(), members });
    let (path, at) = that.paths()[0].clone();
    assert_eq!((path, &text[at]), ("service.db.workers", "service.db.workers"));
    assert_eq!(that.variants(), ["big"]);
}

#[test]
fn precedence_is_that_of_mathematics() {
    for (text, value) in [
        ("1 + 2 * 3 ^ 2", 19.0),
        ("2 ^ 3 ^ 2", 512.0),
        ("-2 ^ 2", -4.0),
        ("10 - 4 - 3", 3.0),
        ("16 / 4 / 2", 2.0),
        ("-3 * 2 + 10", 4.0),
        ("exp(-(2 - 2))", 1.0),
        ("(1 + 2) * 3", 9.0),
    ] {
        let expr = parse_expr(text).expect(text);
        assert_eq!(super::value(&expr, None, &Table).expect(text).value, value, "{text}");
    }
}

#[test]
fn phases_and_deadlines_are_read() {
    for text in ["all", "steady", "cut", "before cut", "after cut", "10s..20s"] {
        assert_eq!(parse_phase(text).expect(text).to_string(), text);
    }
    assert_eq!(parse_phase("reshard").unwrap(), Phase::During("reshard".into()));
    for text in ["60s", "60s after spike"] {
        assert_eq!(parse_within(text).expect(text).to_string(), text);
    }
    for text in ["", "20s..10s", "10..20", "after", "before 5s", "cut and spike", "Cut"] {
        assert!(parse_phase(text).is_err(), "{text}");
    }
    for text in ["", "60", "60s after", "60s before spike", "5% after x"] {
        assert!(parse_within(text).is_err(), "{text}");
    }
}

#[test]
fn properties_have_the_arguments_they_take() {
    let That::Property(property) = parse_that("min_gap(fetched, 1s)").unwrap() else { panic!("a property") };
    assert_eq!(property.args[0].0, Arg::Part(Part::Name("fetched".into())));
    assert!(matches!(&property.args[1].0, Arg::Quantity(gap) if gap.value == 1.0));
}

/// Text, the bytes that are blamed, and what the message or the help contains.
const UNREADABLE: &[(&str, &str, &str)] = &[
    ("p(95)<500", "p", "`p95(x) < 500ms`"),
    ("", "", "text ends"),
    ("mean(api)", "", "comparison is missing"),
    ("mean(api) < ", "", "text ends"),
    ("mean(api) ~ 50ms", "~", "needs a tolerance"),
    ("mean(api) = 50ms", "=", "`==`"),
    ("mean(api) != 50ms", "!", "violated"),
    ("mean(api) < 50ms && mean(b) < 5ms", "&", "write two"),
    ("mean(api)*2 < 50ms", "*", "space"),
    ("mean(a) -mean(b) < 50ms", "-", "space"),
    ("api < 50ms", "api", "`p99(api)`"),
    ("a/b < 5", "a/b", "division has spaces"),
    ("mean(kv/ledaer) < 5ms", "kv/ledaer", "`kv/leader`"),
    ("mean(max(x)) < 5ms", "max", "statistic of a statistic"),
    ("p0(x) < 5ms", "p0", "percentiles lie above 0"),
    ("p101(x) < 5ms", "p101", "percentiles lie above 0"),
    ("mean(Api) < 5ms", "Api", "lower case"),
    ("mean(x) < 10min", "", "`10m`"),
    ("mean(x) in 5ms..1ms", "5ms..1ms", "ends below"),
    ("mean(x) in 5ms", "", "`..`"),
    ("mean(x, 20s..10s) < 5ms", "20s..10s", "ends before"),
    ("mean(service.x.replicas) < 5ms", "service.x.replicas", "is a path"),
    ("linearisable(kv)", "linearisable", "`linearizable`"),
    ("lineariseable(kv)", "lineariseable", "`linearizable`"),
    ("foo(kv)", "foo", "no property `foo`"),
    ("linearizable(kv) == 5", "==", "violated"),
    ("linearizable()", "linearizable()", "takes 1 argument"),
    ("no_lost(a)", "no_lost(a)", "takes 2 argument"),
    ("bounded_staleness(kv, 5)", "5", "`5s`"),
    ("cap(kv) < CP", "<", "`=="),
    ("cap(kv) ==", "", "a word"),
    ("p99(latency(x), v) < 5ms", ",", "`p99(latency(api, cut))@variant`"),
    ("mean(x < 5ms", "<", "`,` or `)`"),
    ("mean(x) < 5ms mean(y)", "mean", "the end"),
    ("mean(ok(f(x))) < 5ms", "f", "can't stand in a scope"),
    ("count(x) ~ 5 ± 5ms se", "5ms", "no unit"),
    ("$x < 5", "$", "variables"),
    (".5 < count(x)", ".", "digit before"),
];

#[test]
fn what_cannot_be_read_says_where_and_what_instead() {
    for (text, blamed, told) in UNREADABLE {
        let Err(error) = parse_that(text) else { panic!("{text} was read") };
        let all = format!("{} {}", error.message, error.help.clone().unwrap_or_default());
        assert!(all.contains(told), "{text}: {error:?}");
        if !blamed.is_empty() {
            assert_eq!(&text[error.at.clone()], *blamed, "{text}: {error:?}");
        }
    }
}

#[test]
fn deep_parentheses_are_refused_not_followed() {
    let deep = format!("{}1{} < 2", "(".repeat(200), ")".repeat(200));
    assert!(parse_that(&deep).unwrap_err().message.contains("deep"));
    let wide = format!("{} < 2", vec!["(1)"; 200].join(" + "));
    assert!(parse_that(&wide).is_ok());
    assert!(parse_that(&format!("{} < 2", vec!["1"; 20_000].join(" + "))).is_err(), "the tree would be as deep");
}

// ---- units ----

/// Readable texts that make no sense, what is blamed, and what the message or the help contains.
const SENSELESS: &[(&str, &str, &str)] = &[
    ("p95(x) < 500", "500", "write `500ms`"),
    ("500 > p95(x)", "500", "write `500ms`"),
    ("goodput(x) >= 700", "700", "write `700/s`"),
    ("goodput(x) >= 95%", "95%", "a rate"),
    ("availability(x) >= 0.999", "0.999", "write `99.9%`"),
    ("availability(x) >= 99.9", "99.9", "write `99.9%`"),
    ("availability(x) in 0.9..1", "0.9..1", "write `90%`"),
    ("count(errors(x)) <= 5%", "5%", "a count"),
    ("mean(x) < 5ms + 700/s", "700/s", "added to"),
    ("mean(x) ~ 5ms ± 2/s", "5ms", "tolerance"),
    ("exp(mean(x)) < 2", "mean(x)", "exp() takes a number"),
    ("mean(x) ^ 0.5 < 2s", "0.5", "whole number"),
    ("mean(x) * mean(x) < 2s", "2s", "s^2"),
    ("staleness(x) < 5s", "staleness(x)", "`p99(staleness(x))`"),
    ("mean(conflicts(x)) < 5", "mean(conflicts(x))", "`count(conflicts(x))`"),
    ("conflicts(x) < 5", "conflicts(x)", "`count(conflicts(x))`"),
    ("utilization(x) < 5%", "utilization(x)", "`mean(utilization(x))`"),
    ("rate(utilization(x)) < 5%", "rate(utilization(x))", "can't be counted"),
    ("sum(sockets(x)) < 5", "sum(sockets(x))", "sum(sockets(x/*))"),
    ("mean(goodput(x)) < 5/s", "mean(goodput(x))", "write `goodput(x)`"),
    ("share(db/*) < 5%", "share(db/*)", "`max(share(db/*))`"),
    ("mean(threshold(x)) < 5", "mean(threshold(x))", "one value already"),
    ("mean(thrughput(x)) < 5", "thrughput", "no measure"),
    ("throughput(x) < 5/s", "throughput", "did you mean `goodput`?"),
    ("avg(x) < 5ms", "avg", "did you mean `mean`?"),
    ("mean(linearizable(x)) < 5ms", "mean(linearizable(x))", "is a property"),
    ("mean(cap(x)) < 5ms", "mean(cap(x))", "is a word"),
    ("cap(kv) == PA", "PA", "CP, AP"),
];

#[test]
fn units_and_statistics_that_do_not_fit_are_found_before_the_run() {
    for (text, blamed, told) in SENSELESS {
        let that = parse_that(text).unwrap_or_else(|error| panic!("{text}: {error:?}"));
        let errors = check(&that, &AnyName);
        assert_eq!(errors.len(), 1, "{text}: {errors:?}");
        let all = format!("{} {}", errors[0].message, errors[0].help.clone().unwrap_or_default());
        assert!(all.contains(told), "{text}: {errors:?}");
        assert_eq!(&text[errors[0].at.clone()], *blamed, "{text}");
    }
}

#[test]
fn a_scenario_tells_what_its_own_names_are() {
    struct Scenario;
    impl Names for Scenario {
        fn path(&self, path: &str) -> Result<Option<Dimension>, Option<String>> {
            match path {
                "fault.cut.for" => Ok(Some(Dimension::DURATION)),
                _ => Err(Some("fault.cut.for".into())),
            }
        }
        fn is_record(&self, name: &str) -> bool {
            name == "sold"
        }
    }
    let errors = |text: &str| check(&parse_that(text).expect(text), &Scenario);
    assert_eq!(errors("max(x) < fault.cut.for"), []);
    assert_eq!(errors("count(sold(shop)) < 5"), []);
    assert_eq!(errors("count(x) < fault.cut.for").len(), 1);
    assert_eq!(errors("max(x) < fault.cat.for")[0].help.as_deref(), Some("did you mean `fault.cut.for`?"));
    assert_eq!(errors("count(bought(shop)) < fault.cat.for").len(), 2, "both are told");
}

// ---- judging ----

/// A run in which everything is what its name says.
struct Table;

impl Source for Table {
    fn metric(&self, ask: Ask<'_>) -> Result<Measured, Missing> {
        let measured =
            |value, dimension, error, samples| Ok(Measured { value, dimension, standard_error: error, samples });
        let late = ask.window.is_some_and(|window| window.start >= Instant(100));
        match ask.metric.to_string().as_str() {
            "mean(api)" => measured(0.0503, Dimension::DURATION, Some(0.0002), 1000),
            "mean(api)@big" => measured(0.02, Dimension::DURATION, Some(0.0001), 1000),
            "mean(db)" => measured(0.04, Dimension::DURATION, None, 1000),
            "goodput(shoppers)" => measured(if late { 0.0 } else { 698.0 }, Dimension::RATE, None, 1000),
            "offered(shoppers)" => measured(700.0, Dimension::RATE, None, 1000),
            "availability(shoppers)" => measured(0.9997, Dimension::SHARE, None, 1000),
            "count(ok(kv, cut))" if ask.simulated => measured(400.0, Dimension::COUNT, None, 400),
            "count(ok(kv, cut))" => measured(400_000.0, Dimension::COUNT, None, 400),
            "count(lost_writes(kv))" => measured(0.0, Dimension::COUNT, None, 500),
            "p99(scan)" => measured(0.0, Dimension::DURATION, None, 0),
            "recovery_time(cut)" => measured(f64::INFINITY, Dimension::DURATION, None, 1),
            "threshold(sweep)" => measured(3.0, Dimension::RATE, None, 1),
            "mean(api)@absent" => Err(Missing::Unknown("variant absent wasn't run".into())),
            other => Err(Missing::NoSamples(format!("{other}: nobody asked"))),
        }
    }
    fn path(&self, path: &str) -> Result<Measured, Missing> {
        match path {
            "service.api.replicas" => Ok(Measured::exact(10.0, Dimension::COUNT)),
            _ => Err(Missing::Unknown(format!("{path} isn't set"))),
        }
    }
    fn property(&self, property: &Property, _: Option<&Within>) -> Judgement {
        match property.name.as_str() {
            "linearizable" => {
                Judgement { verdict: Verdict::Violated, because: "operation 7 read 3, overwritten before".into() }
            }
            "causal" => Judgement { verdict: Verdict::Unknown, because: "1000 steps are spent".into() },
            _ => Judgement { verdict: Verdict::Holds, because: String::new() },
        }
    }
    fn label(&self, _: &Label) -> Result<String, Missing> {
        Ok("AP".into())
    }
}

fn judge(text: &str, expected: Expected, needs: &[&str], windows: Option<&[Range<Instant>]>) -> Finding {
    let that = parse_that(text).expect(text);
    let needs: Vec<That> = needs.iter().map(|need| parse_that(need).expect(need)).collect();
    evaluate(&Terms { that: &that, expected, needs: &needs, during: None, within: None, windows }, &Table)
}

#[test]
fn verdicts_and_what_they_say() {
    use Verdict::{Holds, Unknown, Vacuous, Violated};
    for (text, verdict, sentence) in [
        ("mean(api) ~ 50ms ± 10%", Holds, "mean(api) = 50.3 ms, expected 50 ms ± 10%"),
        ("mean(api) ~ 50ms ± 0.5%", Violated, "mean(api) = 50.3 ms, expected 50 ms ± 0.5%"),
        ("mean(api) ~ 50ms ± 1ms", Holds, "mean(api) = 50.3 ms, expected 50 ms ± 1ms"),
        ("mean(api) ~ 50ms ± 2 se", Holds, "mean(api) = 50.3 ms, expected 50 ms ± 2 se"),
        ("mean(api) ~ 50ms ± 1 se", Violated, "mean(api) = 50.3 ms, expected 50 ms ± 1 se"),
        (
            "mean(db) ~ 40ms ± 3 se",
            Unknown,
            "mean(db) = 40 ms, expected 40 ms ± 3 se: too short a run to tell its standard error",
        ),
        ("mean(api) <= 50.3ms", Holds, "mean(api) = 50.3 ms, expected <= 50.3 ms"),
        ("mean(api) < 50.301ms", Holds, "mean(api) = 50.3 ms, expected < 50.301 ms"),
        ("mean(api) in 50ms..50.3ms", Holds, "mean(api) = 50.3 ms, expected 50ms..50.3ms"),
        ("mean(api) in 51ms..52ms", Violated, "mean(api) = 50.3 ms, expected 51ms..52ms"),
        ("mean(api)@big <= 0.6 * mean(api)", Holds, "mean(api)@big = 20 ms, expected <= 30.2 ms"),
        ("availability(shoppers) == 100%", Violated, "availability(shoppers) = 99.97%, expected 100%"),
        ("goodput(shoppers) >= 95% * offered(shoppers)", Holds, "goodput(shoppers) = 698/s, expected >= 665/s"),
        ("count(lost_writes(kv)) == 0", Holds, "count(lost_writes(kv)) = 0, expected 0"),
        ("1 / (100/s - 80/s) == mean(db) * 1.25", Holds, "1 / (100/s - 80/s) = 50 ms, expected 50 ms"),
        ("service.api.replicas > 9", Holds, "service.api.replicas = 10, expected > 9"),
        ("service.web.replicas > 9", Unknown, "service.web.replicas isn't set"),
        ("p99(scan) < 50ms", Vacuous, "p99(scan): no samples"),
        ("p99(other) < 50ms", Vacuous, "p99(other): nobody asked"),
        ("mean(api)@absent < 50ms", Unknown, "variant absent wasn't run"),
        ("p99(scan) < mean(api)@absent", Unknown, "variant absent wasn't run"),
        (
            "mean(api) / count(lost_writes(kv)) < 5s",
            Vacuous,
            "mean(api) / count(lost_writes(kv)) is undefined: a division by nothing",
        ),
        ("recovery_time(cut) < 5s", Violated, "recovery_time(cut) = unbounded, expected < 5 s"),
        ("recovery_time(cut) > 5s", Holds, "recovery_time(cut) = unbounded, expected > 5 s"),
        ("threshold(sweep) < 5s", Unknown, "threshold(sweep) is a rate, 5s is a duration"),
        ("linearizable(kv)", Violated, "linearizable(kv) is violated: operation 7 read 3, overwritten before"),
        ("causal(kv)", Unknown, "causal(kv) is unknown: 1000 steps are spent"),
        ("converged(kv)", Holds, "converged(kv) holds"),
        ("cap(kv) == AP", Holds, "cap(kv) is AP, expected AP"),
        ("cap(kv) == CP", Violated, "cap(kv) is AP, expected CP"),
    ] {
        let finding = judge(text, Expected::Holds, &[], None);
        assert_eq!((finding.verdict, finding.sentence.as_str()), (verdict, sentence), "{text}");
    }
}

#[test]
fn a_violation_may_be_the_lesson() {
    assert_eq!(judge("linearizable(kv)", Expected::Violated, &[], None).outcome, Outcome::Met);
    assert_eq!(judge("converged(kv)", Expected::Violated, &[], None).outcome, Outcome::NotMet);
    assert_eq!(judge("causal(kv)", Expected::Violated, &[], None).outcome, Outcome::Unknown);
    assert_eq!(judge("linearizable(kv)", Expected::Any, &[], None).outcome, Outcome::Reported);
}

#[test]
fn unmet_needs_make_a_verdict_vacuous() {
    let needs = |need: &str| judge("converged(kv)", Expected::Holds, &[need], None);
    assert_eq!(needs("count(ok(kv, cut)) >= 400").outcome, Outcome::Met);
    let short = needs("count(ok(kv, cut)) >= 500");
    assert_eq!(short.outcome, Outcome::Vacuous, "what was simulated counts, not what it stands for");
    assert_eq!(short.sentence, "needs count(ok(kv, cut)) >= 500: count(ok(kv, cut)) = 400, expected >= 500");
    assert_eq!(needs("p99(scan) < 5s").outcome, Outcome::Vacuous);
    assert_eq!(needs("mean(api)@absent < 5s").outcome, Outcome::Unknown);
}

#[test]
fn within_must_be_true_in_each_window() {
    let text = "goodput(shoppers) >= 95% * offered(shoppers)";
    let (early, late) = (Instant(0)..Instant(50), Instant(100)..Instant(200));
    let judge = |windows: &[Range<Instant>]| judge(text, Expected::Holds, &[], Some(windows));
    assert_eq!(judge(std::slice::from_ref(&early)).outcome, Outcome::Met);
    let both = judge(&[early, late]);
    assert_eq!(both.outcome, Outcome::NotMet);
    assert_eq!(both.sentence, "goodput(shoppers) = 0/s, expected >= 665/s", "the window that failed");
    assert_eq!(judge(&[]).outcome, Outcome::Vacuous);
}

#[test]
fn standard_errors_go_through_arithmetic() {
    let error = |text: &str| {
        let expr = parse_expr(text).expect(text);
        super::value(&expr, None, &Table).expect(text).standard_error
    };
    let close = |text: &str, expected: f64| {
        let told = error(text).expect(text);
        assert!((told - expected).abs() < 1e-9, "{text}: {told} instead of {expected}");
    };
    close("mean(api) * 3", 0.0006);
    close("mean(api) + mean(api)@big", (0.0002f64 * 0.0002 + 0.0001 * 0.0001).sqrt());
    close(
        "mean(api) / mean(api)@big",
        0.0503 / 0.02 * ((0.0002f64 / 0.0503) * (0.0002 / 0.0503) + 0.005 * 0.005).sqrt(),
    );
    close("-mean(api)", 0.0002);
    close("mean(api) ^ 2", 2.0 * 0.0503 * 0.0002);
    close("exp(mean(api) / 1s)", libm::exp(0.0503) * 0.0002);
    close("1 - 0.99 ^ 8", 0.0);
    assert_eq!(error("mean(api) + mean(db)"), None);
    assert_eq!(error("0 ^ (mean(api) / 1s)"), None, "a logarithm of nothing");
}

// ---- whatever comes ----

fn expression() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        (0u32..1000).prop_map(|n| n.to_string()),
        Just("1.5ms".to_string()),
        Just("95%".to_string()),
        Just("8K/s".to_string()),
        Just("service.api.replicas".to_string()),
        Just("mean(api)".to_string()),
        Just("p99.9(kv/leader, 10s..20s)@big".to_string()),
        Just("max(utilization(db/*))".to_string()),
        Just("rate(calls(web -> db, before cut))".to_string()),
    ];
    leaf.prop_recursive(4, 24, 2, |inner| {
        prop_oneof![
            (inner.clone(), prop::sample::select(vec!["+", "-", "*", "/", "^"]), inner.clone())
                .prop_map(|(l, sign, r)| format!("{l} {sign} {r}")),
            inner.clone().prop_map(|inner| format!("({inner})")),
            inner.clone().prop_map(|inner| format!("(-{inner})")),
            inner.prop_map(|inner| format!("exp({inner})")),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_printed_is_read_as_the_same(left in expression(), right in expression(), sign in 0usize..4) {
        let text = match sign {
            0 => format!("{left} <= {right}"),
            1 => format!("{left} ~ {right} ± 5%"),
            2 => format!("-{left} == {right}"),
            _ => format!("{left} in 1ms..2ms"),
        };
        let that = parse_that(&text).unwrap_or_else(|error| panic!("{text}: {error:?}"));
        let printed = that.to_string();
        let again = parse_that(&printed).unwrap_or_else(|error| panic!("{printed}: {error:?}"));
        prop_assert_eq!(again.to_string(), printed);
        let terms = |that| Terms { that, expected: Expected::Holds, needs: &[], during: None, within: None, windows: None };
        let (first, second) = (evaluate(&terms(&that), &Table), evaluate(&terms(&again), &Table));
        prop_assert_eq!(first.verdict, second.verdict);
        prop_assert_eq!(first.left, second.left);
        prop_assert_eq!(first.right, second.right);
        check(&that, &AnyName);
    }

    #[test]
    fn no_text_is_too_strange(text in any::<String>()) {
        let _ = (parse_that(&text), parse_phase(&text), parse_within(&text), parse_expr(&text));
    }

    #[test]
    fn no_salad_of_our_own_words_is_too_strange(
        words in prop::collection::vec(prop::sample::select(vec![
            "mean", "p99", "p", "(", ")", ",", "kv", "kv/2", "db/*", "->", "<->", "<", "<=", "==", "~", "±", "+-", "in", "..",
            "5ms", "3", "se", "95%", "+", "-", "*", "/", "^", "exp", "@", "a.b", "cap", "linearizable", "latency", "count",
            "ok", "before", "after", "steady", "region:x", "µ", "5µs", "1e9", " ", "\n",
        ]), 0..14),
        spaces in any::<bool>(),
    ) {
        let text = words.join(if spaces { " " } else { "" });
        match parse_that(&text) {
            Ok(that) => {
                for error in check(&that, &AnyName) {
                    prop_assert!(text.get(error.at.clone()).is_some(), "{:?}", error);
                }
                let printed = that.to_string();
                prop_assert_eq!(parse_that(&printed).expect("printed").to_string(), printed);
            }
            Err(error) => prop_assert!(text.get(error.at.clone()).is_some(), "{:?}", error),
        }
        let _ = (parse_phase(&text), parse_within(&text), parse_expr(&text));
    }
}
