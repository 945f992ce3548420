//! What a timeline without a trend says of goodput: whether it stays where it is, falls, or follows what is asked.

use super::over_time::{Columns, goodput, offered};
use crate::engine::Instant;
use crate::report::number::fmt_rate;
use crate::run::Outcome;

/// A column of the picture, as far as the finding is concerned.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bin {
    goodput: f64,
    /// What was offered; nothing of users who wait for an answer, and so ask less because they get less.
    offered: Option<f64>,
    seconds: f64,
}

/// The columns after the warm-up and from the first answer on.
pub(super) fn columns_of_a_finding(outcome: &Outcome) -> Vec<Bin> {
    let columns = Columns::of(outcome, 400);
    let warm = Instant::ZERO + outcome.plan.warmup;
    let open = outcome.asks_regardless();
    let both = goodput(outcome, &columns).into_iter().zip(offered(outcome, &columns)).zip(&columns.edges);
    both.filter(|(_, (from, _))| *from >= warm)
        .filter_map(|(((_, goodput), (_, offered)), (from, to))| {
            Some(Bin { goodput: goodput?, offered: offered.filter(|_| open), seconds: (*to - *from).as_secs_f64() })
        })
        .skip_while(|bin| bin.goodput == 0.0)
        .collect()
}

/// Of so few answers in a column chance takes away what it will.
const FEW: f64 = 10.0;

/// Goodput without a trend: it stays where it is only if no column that was offered load lacks a fifth of the mean, and
/// more than chance takes away.
pub(super) fn level(mean: f64, bins: &[Bin]) -> String {
    let low = |bin: &Bin| mean - bin.goodput > (0.2 * mean).max(4.0 * (mean / bin.seconds).sqrt());
    let falls = |bin: &Bin| low(bin) && bin.offered.is_none_or(|asked| bin.goodput < 0.8 * asked);
    let worst = bins.iter().filter(|bin| falls(bin)).map(|bin| bin.goodput).reduce(f64::min);
    let times = bins.chunk_by(|a, b| falls(a) == falls(b)).filter(|run| falls(&run[0])).count();
    match (worst, times) {
        (Some(worst), 1) => {
            format!("Goodput is {} on average, and falls to {} at worst", fmt_rate(mean), fmt_rate(worst))
        }
        (Some(worst), n) => {
            format!("Goodput is {} on average, and falls {n} times, to {} at worst", fmt_rate(mean), fmt_rate(worst))
        }
        (None, _) if bins.iter().any(low) => {
            format!("Goodput follows what is asked, {} on average", fmt_rate(mean))
        }
        // A column of a few says nothing of whether it stays.
        (None, _) if bins.iter().any(|bin| mean * bin.seconds < FEW) => {
            format!("Goodput is {} on average", fmt_rate(mean))
        }
        (None, _) => format!("Goodput stays at {}", fmt_rate(mean)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::answer::plain;

    /// A column a second; `None` of what was offered are users who wait.
    fn said(goodput: &[f64], offered: Option<&[f64]>) -> String {
        let bin = |(i, goodput): (usize, &f64)| Bin { goodput: *goodput, offered: offered.map(|o| o[i]), seconds: 1.0 };
        let bins: Vec<Bin> = goodput.iter().enumerate().map(bin).collect();
        plain(&level(goodput.iter().sum::<f64>() / goodput.len() as f64, &bins))
    }

    #[test]
    fn goodput_stays_only_where_no_column_falls() {
        let dips = [1000.0, 1000.0, 0.0, 0.0, 1000.0, 1000.0, 1000.0, 100.0, 1000.0, 1000.0];
        let twice = "Goodput is 710/s on average, and falls 2 times, to 0/s at worst";
        assert_eq!(said(&dips, None), twice);
        assert_eq!(said(&dips, Some(&[1000.0; 10])), twice);
        assert_eq!(said(&[900.0, 900.0, 300.0], None), "Goodput is 700/s on average, and falls to 300/s at worst");
        assert_eq!(said(&[950.0, 1000.0, 850.0, 1000.0], None), "Goodput stays at 950/s");
        // Fewer were asked by chance, but more than that is missing.
        assert_eq!(
            said(&[40.0, 40.0, 8.0, 40.0], Some(&[40.0, 40.0, 25.0, 40.0])),
            "Goodput is 32/s on average, and falls to 8/s at worst"
        );
        // So few that chance does it.
        assert_eq!(said(&[4.0, 1.0, 5.0, 2.0], None), "Goodput is 3/s on average");
    }

    #[test]
    fn who_is_asked_for_less_does_not_fall() {
        let wave = [1000.0, 400.0, 1000.0, 400.0];
        assert_eq!(said(&wave, Some(&wave)), "Goodput follows what is asked, 700/s on average");
        let pause = [1000.0, 0.0, 1000.0, 1000.0];
        assert_eq!(said(&pause, Some(&pause)), "Goodput follows what is asked, 750/s on average");
    }
}
