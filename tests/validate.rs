//! A fast part of `netsplit validate`: a row or two of every family, through the real parts.

use netsplit::validate::{Case, Check, Effort, Figure, Row, families, validate};

/// The rows of a family whose setup contains one of these words; all words must be met.
fn cases(family: &str, setups: &[&str]) -> Vec<Case> {
    let family = families().iter().find(|f| f.name == family).expect("it is there");
    let rows = family.rows();
    let found: Vec<Row> = setups
        .iter()
        .map(|setup| {
            let row = rows.iter().find(|row| family.setup(row).contains(setup));
            row.unwrap_or_else(|| panic!("{} has no row {setup}", family.name)).clone()
        })
        .collect();
    found.into_iter().map(|row| Case { family, row }).collect()
}

fn holds(family: &str, setups: &[&str], scale: f64) {
    let cases = cases(family, setups);
    let results = validate(&cases, Effort { scale, seed: 1 }, &mut |_, _| {});
    for (case, checks) in cases.iter().zip(results) {
        for check in checks.unwrap_or_else(|e| panic!("{}: {e}", case.name())) {
            let (expected, measured, off) = (check.expected.value, check.measured, check.off());
            let metric = &check.metric;
            assert!(check.holds(), "{} {metric}: {measured} for {expected}, {off:.1} se off", case.name());
        }
    }
}

#[test]
fn open_queues() {
    holds("queueing_open", &["M/M/1 lambda=0.5", "M/M/5 lambda=3.5", "M/D/1 lambda=0.7", "M/E4/1 lambda=0.5"], 0.1);
    holds("queueing_open", &["scv=4 lambda=0.3", "sigma=1.0) lambda=0.5", "M/G/1-PS lambda=0.5"], 0.2);
}

#[test]
fn queues_that_lose() {
    holds("queueing_loss", &["K=1 rho=0.8", "K=5 rho=1.2", "K=20 rho=2.0", "c=2 a=1", "c=10 a=8"], 0.15);
}

#[test]
fn closed_networks() {
    holds("closed_mva", &["Z=0.0 N=5", "Z=5.0 N=10", "Z=1.0 N=20", "D=[0.05, 0.05, 0.05] Z=0.0 N=2"], 0.2);
}

#[test]
fn networks_of_product_form() {
    holds("jackson", &["mu=[1.25, 2.0]", "p_return=0.25"], 0.1);
}

#[test]
fn the_kth_answer_of_n() {
    holds("order_statistics_exp", &["n=3 k=2", "n=5 k=5", "n=100 k=50"], 0.1);
}

#[test]
fn one_slow_call_of_many() {
    holds("fanout_tail", &["p_single_slow=0.01 fanout=10", "p_single_slow=0.001 fanout=100"], 0.1);
}

#[test]
fn two_choices() {
    holds("power_of_d_finite_mc", &["n=10 lambda=0.7 d(0=JSQ)=2", "n=10 lambda=0.7 d(0=JSQ)=0"], 0.2);
    holds("power_of_d_finite_mc_noreplacement", &["n=10 lambda=0.8 d(0=JSQ)=2"], 0.2);
}

#[test]
fn hedged_calls() {
    holds("hedging_mc", &["hedge at own p95"], 0.1);
    holds("hedge_bimodal", &["p_slow=0.05 no hedge", "p_slow=0.05 hedge after body"], 0.1);
}

#[test]
fn retries_and_their_amplification() {
    holds("retry_expected", &["p_fail_iid=0.3 max_retries=2", "p_fail_iid=1.0 max_retries=3"], 0.1);
    holds("retry_amplification", &["retries_per_layer=3 layers=3", "retries_per_layer=1 layers=5"], 1.0);
}

#[test]
fn a_retry_storm_goes_out_when_it_should() {
    let mut cases = cases("metastable_retry", &["offered_qps=120", "offered_qps=160"]);
    // The twenty runs with Poisson arrivals are left to the command.
    cases.iter_mut().for_each(|case| case.row.set("poisson_mean_start_s", ""));
    let results = validate(&cases, Effort::default(), &mut |_, _| {});
    let checks: Vec<Check> = results.into_iter().flat_map(|r| r.expect("it plays")).collect();
    assert_eq!(checks.len(), 6);
    assert!(checks.iter().all(Check::holds), "{checks:?}");
}

#[test]
fn majorities_of_nodes_that_fail() {
    holds("quorum_availability", &["node_avail=0.9 n=3", "node_avail=0.99 n=5"], 0.2);
}

#[test]
fn a_cache_that_evicts_the_least_recently_used() {
    holds("lru_che", &["n_items=1000 zipf_theta=0.99 cache_items=100"], 0.2);
}

#[test]
fn popular_keys() {
    holds("zipf", &["theta=0.99 n_items=1000", "theta=1.2 n_items=100000"], 0.1);
}

#[test]
fn parameters_that_stand_in_no_table() {
    for (family, parameters) in [
        ("queueing_open", "lambda=1.3,mu=1,c=2"),
        ("queueing_loss", "K=4;rho=0.6"),
        ("closed_mva", "D=[0.2,0.1];Z=1;N=7"),
        ("order_statistics_exp", "n=7,k=4"),
        ("quorum_availability", "node_avail=0.95,n=4"),
        ("hedge_bimodal", "p_slow=0.1"),
        ("swim_detection", "n=13"),
        ("swim_detection_mc", "n=6,selection=shuffled round-robin,phase=synchronised periods"),
        ("raft_split_vote", "n=4,failed=1,one_way_latency_over_range=0.15"),
    ] {
        let family = families().iter().find(|f| f.name == family).expect("it is there");
        let row = family.row(&Row::from_assignments(parameters).expect("it reads")).expect("it has a closed form");
        let checks = family.measure(&row, Effort { scale: 0.1, seed: 7 }).expect("it plays");
        assert!(checks.iter().all(Check::holds), "{} {parameters}: {checks:?}", family.name);
    }
}

#[test]
fn an_oracle_that_is_wrong_is_told() {
    let mut cases = cases("queueing_open", &["M/M/1 lambda=0.5"]);
    cases[0].row.set("W_mean_sojourn", "2.2");
    let results = validate(&cases, Effort { scale: 0.2, seed: 1 }, &mut |_, _| {});
    let checks = results[0].as_ref().expect("it plays");
    let wrong: Vec<&str> = checks.iter().filter(|c| !c.holds()).map(|c| c.metric.as_str()).collect();
    assert_eq!(wrong, ["W_mean_sojourn"]);
    assert_eq!(checks[0].expected, Figure::read("2.2").expect("a number"));
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let cases = cases("retry_expected", &["p_fail_iid=0.3 max_retries=1", "p_fail_iid=0.5 max_retries=3"]);
    let play = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads can be had");
        pool.install(|| validate(&cases, Effort { scale: 0.02, seed: 3 }, &mut |_, _| {}))
    };
    assert_eq!(format!("{:?}", play(1)), format!("{:?}", play(3)));
}

#[test]
fn reads_of_partial_quorums() {
    holds("pbs_montecarlo", &["LNKD-SSD N=3 R=1 W=1", "LNKD-DISK N=3 R=1 W=2", "LNKD-DISK N=3 R=2 W=1"], 0.1);
    holds("pbs_montecarlo", &["YMMR N=3 R=2 W=1", "WAN N=3 R=1 W=1"], 0.1);
    holds("pbs_montecarlo", &["LNKD-DISK N=3 R=2 W=2", "LNKD-DISK N=5 R=1 W=1"], 0.1);
    holds("pbs_kstaleness", &["N=3 R=1 W=1 k=1", "N=3 R=1 W=1 k=2", "N=3 R=1 W=2 k=1"], 0.2);
}

#[test]
fn elections_after_a_leaders_crash() {
    let latency = |n: &str, latency: &str| format!("{n} one_way_latency_over_range={latency}");
    for (group, share) in
        [("n=3 failed=1", "0.2"), ("n=5 failed=1", "0.5"), ("n=5 failed=2", "0.05"), ("n=9 failed=4", "0.1")]
    {
        holds("raft_split_vote", &[latency(group, share).as_str()], 0.05);
    }
}

#[test]
fn members_that_watch_each_other() {
    holds("swim_detection", &["n=10", "n=28"], 0.1);
    holds(
        "swim_detection_mc",
        &[
            "n=20 selection=uniform random phase=desync",
            "n=20 selection=shuffled round-robin phase=synchronised periods; all",
        ],
        0.1,
    );
    holds(
        "swim_false_ping",
        &["msg_loss=0.0 k_indirect=1", "msg_loss=0.1 k_indirect=1", "msg_loss=0.17 k_indirect=3"],
        0.1,
    );
    holds("phi_accrual", &["phi=8"], 1.0);
    holds("phi_accrual_normal", &["mean_ms=100 sd_ms=10 phi=8", "mean_ms=1000 sd_ms=200 phi=12"], 1.0);
}

#[test]
fn rumours() {
    holds("gossip_rounds_mc", &["n=32 mode=push", "n=32 mode=pull", "n=100 mode=push-pull"], 0.1);
    holds("rumor_residue_mc", &["n=1000 k=1 loss_of_interest=coin timing=async"], 0.15);
    holds("rumor_residue_mc", &["n=1000 k=2 loss_of_interest=counter timing=sync"], 0.15);
}
