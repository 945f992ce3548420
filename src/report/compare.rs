//! Two sets of runs side by side: the differences, and how far they can be trusted.
//!
//! Both sides are read from `summary.json`, so that a folder of last year can be compared with a run of today. Where
//! both sides have the same seeds, differences are taken seed by seed (common random numbers; Law, "Simulation Modeling
//! and Analysis", 5th ed., 10.2.2): chance is the same on both sides and mostly cancels. Else by Welch's interval. That both
//! sides are asked the same is said only of users who don't wait for an answer before they ask again.

use serde_json::Value;

use super::answer::plain;
use super::figure::Table;
use super::number::{MINUS, NOTHING, Unit, fmt_error};
use super::page::{Cell, Expectations, ModelCard, NumberRow, Numbers, Page, Section, Verdict};
use super::theme::{Mark, State};
use crate::metric::stats::{Across, t_quantile};

/// One side.
#[derive(Clone, Debug)]
pub struct Side {
    /// What it is called: its variant, or what the reader typed where both are of one name.
    pub name: String,
    /// The scenario's title.
    pub title: String,
    /// The variant.
    pub variant: String,
    /// The seeds, ascending.
    pub seeds: Vec<u64>,
    /// The runs, by seed, as `summary.json` has them.
    runs: Vec<Value>,
}

/// One measure on both sides.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// What is measured: `users p99`.
    pub measure: String,
    /// Its unit.
    pub unit: Unit,
    /// Mean of the first side.
    pub a: Option<f64>,
    /// Mean of the second.
    pub b: Option<f64>,
    /// Half the width of the 95 % interval of the difference; `None` if one seed says nothing about it.
    pub half_width: Option<f64>,
}

impl Difference {
    /// Second minus first.
    pub fn difference(&self) -> Option<f64> {
        Some(self.b? - self.a?)
    }
    /// Whether it is more than chance; `None` if that can't be told.
    pub fn sure(&self) -> Option<bool> {
        Some(self.difference()?.abs() > self.half_width?)
    }
}

impl Side {
    /// A variant of a `summary.json`; the first one if none is named. Says what is wrong otherwise.
    pub fn of(summary: &Value, variant: Option<&str>) -> Result<Side, String> {
        let all = summary.get("runs").and_then(Value::as_array).ok_or("it holds no runs")?;
        let text = |run: &Value, key: &str| run.get(key).and_then(Value::as_str).unwrap_or("").to_owned();
        let first = all.first().ok_or("it holds no runs")?;
        let variant = variant.map_or_else(|| text(first, "variant"), str::to_owned);
        let mut runs: Vec<Value> = all.iter().filter(|r| text(r, "variant") == variant).cloned().collect();
        if runs.is_empty() {
            let mut known: Vec<String> = all.iter().map(|r| text(r, "variant")).collect();
            known.dedup();
            return Err(format!("no variant is called `{variant}`; there are {}", known.join(", ")));
        }
        let seed = |run: &Value| run.get("seed").and_then(Value::as_u64).unwrap_or(0);
        runs.sort_by_key(seed);
        let title = summary.get("title").and_then(Value::as_str).unwrap_or("").to_owned();
        Ok(Side { name: variant.clone(), title, variant, seeds: runs.iter().map(seed).collect(), runs })
    }

    /// One value a seed: `list` is `clients` or `components`, `name` an entry of it. `None` if any seed has none.
    fn values(&self, list: &str, name: &str, key: &str) -> Option<Vec<f64>> {
        self.runs
            .iter()
            .map(|run| {
                let entries = run.get(list)?.as_array()?;
                let entry = entries.iter().find(|e| e.get("name").and_then(Value::as_str) == Some(name))?;
                entry.get(key)?.as_f64()
            })
            .collect()
    }

    fn names(&self, list: &str) -> Vec<String> {
        let entries = self.runs.first().and_then(|r| r.get(list)).and_then(Value::as_array);
        let name = |e: &Value| e.get("name").and_then(Value::as_str).map(str::to_owned);
        entries.map_or_else(Vec::new, |e| e.iter().filter_map(name).collect())
    }
}

/// Latencies are those of answers.
const CLIENTS: [(&str, &str, Unit); 8] = [
    ("offered", "offered_per_s", Unit::PerSecond),
    ("goodput", "goodput_per_s", Unit::PerSecond),
    ("answered", "answered", Unit::Share),
    ("mean", "answer_mean_ns", Unit::Nanos),
    ("p50", "answer_p50_ns", Unit::Nanos),
    ("p90", "answer_p90_ns", Unit::Nanos),
    ("p99", "answer_p99_ns", Unit::Nanos),
    ("p99.9", "answer_p99_9_ns", Unit::Nanos),
];

/// Those who got no answer; left out where there are none on either side.
const APART: [(&str, &str, Unit); 2] = [("refused", "refused", Unit::Share), ("timed out", "timed_out", Unit::Share)];

const COMPONENTS: [(&str, &str, Unit); 2] =
    [("utilisation", "utilization", Unit::Share), ("waiting", "waiting_mean", Unit::Count)];

/// All measures that either side has.
pub fn differences(a: &Side, b: &Side) -> Vec<Difference> {
    let mut all = Vec::new();
    let clients = [CLIENTS.as_slice(), APART.as_slice()].concat();
    for (list, measures) in [("clients", clients.as_slice()), ("components", COMPONENTS.as_slice())] {
        let mut names = a.names(list);
        for name in b.names(list) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        for name in names {
            for (word, key, unit) in measures {
                let (va, vb) = (a.values(list, &name, key), b.values(list, &name, key));
                let none = |v: &Option<Vec<f64>>| v.as_ref().is_none_or(|v| v.iter().all(|share| *share == 0.0));
                let nobody = APART.iter().any(|(_, apart, _)| apart == key) && none(&va) && none(&vb);
                if va.is_none() && vb.is_none() || nobody {
                    continue;
                }
                let mean = |v: &Option<Vec<f64>>| v.as_deref().and_then(Across::of).map(|a| a.mean);
                all.push(Difference {
                    measure: format!("{name} {word}"),
                    unit: *unit,
                    a: mean(&va),
                    b: mean(&vb),
                    half_width: half_width(va.as_deref(), vb.as_deref(), a.seeds == b.seeds),
                });
            }
        }
    }
    all
}

fn half_width(a: Option<&[f64]>, b: Option<&[f64]>, paired: bool) -> Option<f64> {
    let (a, b) = (a?, b?);
    if paired {
        let differences: Vec<f64> = a.iter().zip(b).map(|(a, b)| b - a).collect();
        return Across::of(&differences)?.half_width_95();
    }
    let (sa, sb) = (Across::of(a)?, Across::of(b)?);
    let (ea, eb) = (sa.standard_error()?, sb.standard_error()?);
    let (va, vb) = (ea * ea, eb * eb);
    if va + vb == 0.0 {
        return Some(0.0);
    }
    let degrees = (va + vb) * (va + vb) / (va * va / (sa.n - 1) as f64 + vb * vb / (sb.n - 1) as f64);
    Some((va + vb).sqrt() * t_quantile(0.975, degrees))
}

/// A row a measure: both sides, the difference, its interval, and whether it is more than chance.
pub fn table(a: &Side, b: &Side) -> Table {
    let mut table =
        Table::new(&["measure", &a.name, &b.name, "difference", "relative", "95 % within", "more than chance"]);
    for d in differences(a, b) {
        let write = |v: Option<f64>| v.map_or(NOTHING.to_owned(), |v| d.unit.write(v));
        let difference = d.difference().map_or(NOTHING.to_owned(), |diff| signed(d.unit, diff));
        let relative = match (d.difference(), d.a) {
            // Beside points, a percentage of a percentage would only be mistaken for them.
            (Some(diff), Some(a)) if a != 0.0 && d.unit != Unit::Share => fmt_error(diff / a),
            _ => NOTHING.to_owned(),
        };
        let half = d.half_width.map_or(NOTHING.to_owned(), |h| format!("±{}", spread(d.unit, h)));
        let sure = match d.sure() {
            Some(true) => "yes",
            Some(false) => "no",
            None => "one seed can't tell",
        };
        table.rows.push(vec![d.measure.clone(), write(d.a), write(d.b), difference, relative, half, sure.to_owned()]);
    }
    table
}

/// The size of a difference: of shares it counts in points, so that nobody takes it for a relative one.
fn spread(unit: Unit, size: f64) -> String {
    match unit {
        Unit::Share => format!("{} points", super::number::digits3(size * 100.0)),
        unit => unit.write(size),
    }
}

/// A difference with its sign.
fn signed(unit: Unit, difference: f64) -> String {
    format!("{}{}", if difference < 0.0 { MINUS } else { '+' }, spread(unit, difference.abs()))
}

/// What stands above the table.
pub fn finding(a: &Side, b: &Side) -> String {
    let all = differences(a, b);
    let told: Vec<String> = ["goodput", "answered", "mean", "p99"]
        .iter()
        .filter_map(|word| {
            let d = all.iter().find(|d| d.measure.ends_with(&format!(" {word}")))?;
            let difference = d.difference()?;
            // Shares are far apart by points, from none at all too.
            let (far, told) = match d.unit {
                Unit::Share => (difference, signed(d.unit, difference)),
                _ => {
                    let relative = difference / d.a.filter(|a| *a != 0.0)?;
                    (relative, fmt_error(relative))
                }
            };
            (far.abs() >= 0.001 && d.sure() != Some(false)).then(|| format!("{word} {told}"))
        })
        .collect();
    if all.iter().all(|d| d.difference().is_none()) {
        format!("{} and {} have no measure in common", a.name, b.name)
    } else if told.is_empty() {
        format!("No difference between {} and {} that is more than chance", a.name, b.name)
    } else {
        format!("{} against {}: {}", b.name, a.name, told.join(", "))
    }
}

fn seeds(a: &Side, b: &Side) -> String {
    let (n, m) = (a.seeds.len(), b.seeds.len());
    match (a.seeds == b.seeds, n, m) {
        (true, ..) if a.title != b.title => {
            format!("the same seeds of different scenarios: \"{}\" and \"{}\"", a.title, b.title)
        }
        (true, 1, _) => {
            format!("seed {} on both sides: {}, but one seed gives no interval", a.seeds[0], asked(a, b))
        }
        (true, n, _) => format!("{n} seeds, compared seed by seed: {}", asked(a, b)),
        (false, n, m) => format!("{n} and {m} seeds, not the same ones"),
    }
}

/// What both sides, under the same seeds, were asked for.
fn asked(a: &Side, b: &Side) -> &'static str {
    let regardless =
        |side: &Side| side.runs.iter().all(|run| run.get("asks_regardless").and_then(Value::as_bool) == Some(true));
    let requests = |side: &Side| -> Vec<(String, Option<Vec<f64>>)> {
        let names = side.names("clients").into_iter();
        names.map(|name| (name.clone(), side.values("clients", &name, "requests"))).collect()
    };
    match (regardless(a) && regardless(b), requests(a) == requests(b)) {
        (true, true) if requests(a).is_empty() => "the same chance",
        (true, true) => "the same arrivals",
        (true, false) => "the same chance, but not the same number of arrivals",
        (false, _) => "the same chance, but users who wait for an answer ask less when it is late",
    }
}

/// What the terminal says.
pub fn text(a: &Side, b: &Side) -> String {
    let text = format!("{}\n{}.\n\n{}", finding(a, b), seeds(a, b), super::text::columns(&table(a, b)));
    plain(&text)
}

/// The page.
pub fn page(a: &Side, b: &Side, repeat: &str) -> Page {
    let all = differences(a, b);
    let group = a.names("clients").first().cloned().unwrap_or_default();
    let columns = ["goodput", "mean", "p50", "p90", "p99", "p99.9", "answered"];
    let row = |side: &Side, mark: Mark, pick: fn(&Difference) -> Option<f64>| NumberRow {
        mark,
        name: side.name.clone(),
        // Said once.
        note: if side.variant == side.name { String::new() } else { side.variant.clone() },
        cells: columns
            .iter()
            .map(|word| {
                let found = all.iter().find(|d| d.measure == format!("{group} {word}"));
                let value = found.and_then(pick).unwrap_or(f64::NAN);
                Cell::Number(found.map_or(Unit::Count, |d| d.unit).quantity(value))
            })
            .collect(),
    };
    Page {
        title: if a.title == b.title { a.title.clone() } else { format!("{} and {}", a.title, b.title) },
        question: format!("What is different between {} and {}?", a.name, b.name),
        answer: format!("{}.", finding(a, b)),
        source: String::new(),
        facts: vec![seeds(a, b)],
        verdict: Verdict { state: State::Vacuous, words: String::new() },
        numbers: Numbers {
            corner: group.clone(),
            columns: columns.map(str::to_owned).to_vec(),
            rows: vec![row(a, Mark::First, |d| d.a), row(b, Mark::Second, |d| d.b)],
        },
        remarks: Vec::new(),
        repeat: repeat.to_owned(),
        expectations: Expectations::default(),
        sections: vec![Section {
            name: "Differences".to_owned(),
            anchor: "differences".to_owned(),
            finding: finding(a, b),
            caption: format!("{}.", seeds(a, b)),
            figures: Vec::new(),
            tables: vec![table(a, b)],
            how_to_read: "The interval is that of the difference. Where it holds zero, the difference may be chance."
                .to_owned(),
            folded: false,
        }],
        model: ModelCard::default(),
        teach: Vec::new(),
        files: vec![("report.json".to_owned(), "this page as data".to_owned())],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn side(name: &str, values: &[(u64, f64)]) -> Side {
        let runs: Vec<Value> = values
            .iter()
            .map(|(seed, mean)| json!({"variant": "base", "seed": seed, "clients": [{"name": "users", "answer_mean_ns": mean}]}))
            .collect();
        let side = Side::of(&json!({"title": "t", "runs": runs}), None).expect("it has runs");
        Side { name: name.to_owned(), ..side }
    }

    #[test]
    fn the_same_seeds_are_compared_seed_by_seed() {
        // Noise of 10 between seeds, a difference of 1 within each: paired it is sure, unpaired it is not.
        let a = side("a", &[(1, 100.0), (2, 110.0), (3, 120.0)]);
        let b = side("b", &[(1, 101.1), (2, 111.0), (3, 120.9)]);
        let paired = &differences(&a, &b)[0];
        assert_eq!(paired.sure(), Some(true), "{paired:?}");
        let c = side("c", &[(4, 101.1), (5, 111.0), (6, 120.9)]);
        assert_eq!(differences(&a, &c)[0].sure(), Some(false));
    }

    #[test]
    fn users_who_wait_are_not_said_to_ask_the_same_of_every_design() {
        let side = |name: &str, regardless: Option<bool>, requests: u64| {
            let clients = json!([{"name": "users", "answer_mean_ns": 1.0, "requests": requests}]);
            let mut run = json!({"variant": name, "seed": 1, "clients": clients});
            regardless.into_iter().for_each(|word| run["asks_regardless"] = json!(word));
            Side::of(&json!({"title": "t", "runs": [run]}), None).expect("it has runs")
        };
        let same = "the same arrivals";
        assert!(seeds(&side("a", Some(true), 80), &side("b", Some(true), 80)).contains(same));
        for (a, b, requests) in [
            // Whoever waits may by chance ask as often.
            (Some(false), Some(false), 80),
            (Some(true), Some(false), 80),
            (Some(true), Some(true), 79),
            // What an older version wrote doesn't say it.
            (None, None, 80),
        ] {
            let told = seeds(&side("a", a, 80), &side("b", b, requests));
            assert!(!told.contains(same) && told.starts_with("seed 1 on both sides: the same chance, but "), "{told}");
        }
    }

    #[test]
    fn shares_differ_by_points() {
        let side = |name: &str, answered: f64, goodput: f64| {
            let clients = json!([{"name": "users", "answered": answered, "goodput_per_s": goodput, "refused": 0.0}]);
            let runs = json!([{"variant": name, "seed": 1, "clients": clients}]);
            Side::of(&json!({"title": "t", "runs": runs}), None).expect("it has runs")
        };
        let (a, b) = (side("a", 0.5, 100.0), side("b", 0.618, 123.6));
        assert_eq!(plain(&finding(&a, &b)), "b against a: goodput +23.6 %, answered +11.8 points");
        let answered = table(&a, &b).rows.into_iter().find(|row| row[0] == "users answered").expect("it is there");
        assert_eq!(answered[3..5], ["+11.8 points".to_owned(), NOTHING.to_owned()]);
        // Of nobody something is a difference too.
        assert_eq!(plain(&finding(&side("a", 0.0, 1.0), &side("b", 0.5, 1.0))), "b against a: answered +50 points");
        assert!(differences(&a, &b).iter().all(|d| d.measure != "users refused"), "nobody was");
    }

    #[test]
    fn one_seed_gives_no_interval() {
        let (a, b) = (side("a", &[(1, 100.0)]), side("b", &[(1, 200.0)]));
        assert_eq!(differences(&a, &b)[0].sure(), None);
        assert!(finding(&a, &b).contains("+100.0"), "{}", finding(&a, &b));
    }

    #[test]
    fn what_has_nothing_in_common_is_not_called_alike() {
        let a = side("a", &[(1, 100.0)]);
        let other = json!({"title": "u", "runs": [{"variant": "base", "seed": 1, "clients": [{"name": "others", "answer_mean_ns": 5.0}]}]});
        let b = Side { name: "b".to_owned(), ..Side::of(&other, None).expect("it has runs") };
        assert_eq!(finding(&a, &b), "a and b have no measure in common");
        assert_eq!(seeds(&a, &b), "the same seeds of different scenarios: \"t\" and \"u\"");
    }

    #[test]
    fn what_is_no_summary_is_said() {
        assert!(Side::of(&json!({}), None).is_err());
        let of = Side::of(&json!({"runs": [{"variant": "base", "seed": 1}]}), Some("bsae"));
        assert_eq!(of.expect_err("there is none"), "no variant is called `bsae`; there are base");
    }
}
