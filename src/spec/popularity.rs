//! Which key is asked for how often: `uniform`, `zipf(0.99)`, `hotset(10%, 90%)`, …

use super::call::{Call, Signature, unknown_word};
use super::text::{FromText, TextError};
use super::units::{Dimension, Share, Sign, quantity_in};

/// Popularity of the keys of a set.
#[derive(Clone, Debug, PartialEq)]
pub enum Popularity {
    /// All alike.
    Uniform,
    /// The k-th most popular key in proportion to k^-exponent.
    Zipf(f64),
    /// A share of the keys gets a share of the requests.
    Hotset {
        /// Share of the keys that are hot.
        keys: f64,
        /// Share of the requests they get.
        requests: f64,
    },
    /// The youngest keys are the most popular (YCSB).
    Latest,
    /// Named values and their shares, which add up to 1.
    Weighted(Vec<(String, f64)>),
    /// Weights in a file beside the scenario: one a line, with or without a name before a comma.
    Empirical(String),
}

const NAMES: &[&str] = &["uniform", "zipf", "hotset", "latest", "weighted", "empirical"];

impl FromText for Popularity {
    const WHAT: &'static str = "a popularity";
    fn from_text(text: &str) -> Result<Popularity, TextError> {
        let call = Call::parse(text)?;
        match call.name {
            "uniform" => call.no_args().map(|()| Popularity::Uniform),
            "latest" => call.no_args().map(|()| Popularity::Latest),
            "zipf" => {
                let bound = call.bind(Signature { usage: "`zipf(0.99)`", positional: &["exponent"], named: &[] })?;
                let exponent = bound.read("exponent", |part| quantity_in(part, Dimension::Number, Sign::Positive))?;
                if exponent > 20.0 {
                    return Err(TextError::new(bound.need("exponent")?.at(), "an exponent above 20 leaves one key")
                        .help("exponents seen in practice are 0.6 to 2"));
                }
                Ok(Popularity::Zipf(exponent))
            }
            "hotset" => {
                let usage = "`hotset(10%, 90%)`: 10% of the keys get 90%";
                let bound = call.bind(Signature { usage, positional: &["keys", "requests"], named: &[] })?;
                let keys = bound.read("keys", Share::from_text)?.0;
                if keys == 0.0 {
                    return Err(TextError::new(bound.need("keys")?.at(), "no key would be hot"));
                }
                Ok(Popularity::Hotset { keys, requests: bound.read("requests", Share::from_text)?.0 })
            }
            "weighted" => weighted(&call).map(Popularity::Weighted),
            "empirical" => {
                let usage = "`empirical(surnames.csv)`, a weight a line";
                let bound = call.bind(Signature { usage, positional: &["file"], named: &[] })?;
                Ok(Popularity::Empirical(bound.need("file")?.text.to_string()))
            }
            _ => Err(unknown_word(call.name, call.name_at(), "popularity", NAMES.iter().copied())),
        }
    }
    fn examples() -> &'static [&'static str] {
        &["uniform", "zipf(0.99)", "hotset(10%, 90%)", "latest", "weighted(us=45%, eu=55%)", "empirical(surnames.csv)"]
    }
}

fn weighted(call: &Call<'_>) -> Result<Vec<(String, f64)>, TextError> {
    let usage = "write `weighted(us=45%, eu=55%)`";
    let mut weights: Vec<(String, f64)> = Vec::new();
    for arg in call.args.iter().flatten() {
        let Some(key) = arg.key else {
            return Err(TextError::new(arg.at(), format!("`{}` has no weight", arg.text)).help(usage));
        };
        if weights.iter().any(|(name, _)| name == key) {
            return Err(TextError::new(arg.at(), format!("`{key}` is given twice")));
        }
        weights.push((key.to_string(), arg.read(Share::from_text)?.0));
    }
    let total: f64 = weights.iter().map(|(_, weight)| weight).sum();
    if (total - 1.0).abs() > 1e-9 {
        let percent = libm::round(total * 1e8) / 1e6;
        return Err(TextError::new(call.at(), format!("the weights add up to {percent}%, not 100%")).help(usage));
    }
    Ok(weights)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn popularities() {
        for (text, popularity) in [
            ("uniform", Popularity::Uniform),
            ("zipf(0.99)", Popularity::Zipf(0.99)),
            ("hotset(10%, 90%)", Popularity::Hotset { keys: 0.1, requests: 0.9 }),
            ("latest", Popularity::Latest),
            ("weighted(us=45%, eu=55%)", Popularity::Weighted(vec![("us".into(), 0.45), ("eu".into(), 0.55)])),
            ("empirical(surnames.csv)", Popularity::Empirical("surnames.csv".into())),
        ] {
            assert_eq!(Popularity::from_text(text), Ok(popularity), "{text}");
        }
    }

    #[test]
    fn popularities_that_are_refused() {
        for (text, message) in [
            ("zipfian(0.99)", "unknown popularity `zipfian`"),
            ("zipf", "`zipf` lacks its `exponent`"),
            ("zipf(99%)", "unknown unit `%`"),
            ("hotset(0%, 90%)", "no key would be hot"),
            ("weighted(us=45%, eu=50%)", "the weights add up to 95%, not 100%"),
            ("uniform(5)", "`uniform` takes no arguments"),
        ] {
            assert_eq!(Popularity::from_text(text).expect_err(text).message, message);
        }
    }
}
