//! What members of a group learn from one another, and how fast: rumours, deaths.

use super::Design;
use crate::engine::Span;
use crate::report::figure::Drawing;
use crate::report::figure::spreading::{ALL, Climb, Spread, Spreading};
use crate::report::number::{fmt_count, fmt_duration, fmt_share};
use crate::report::page::Section;
use crate::run::{Learning, News, learning};

/// The time axis ends this much after the last of those drawn has learnt.
const AFTER: f64 = 1.15;
/// The last few of all members and times are not waited for.
const NEARLY: f64 = 0.998;

/// The section, if members of any design were to learn of something.
pub(super) fn section(designs: &[Design<'_>]) -> Option<Section> {
    let all: Vec<(&Design<'_>, Option<Learning>)> =
        designs.iter().map(|d| (d, learning(&d.run.outcome).into_iter().next())).collect();
    let first = all.iter().find_map(|(_, learning)| learning.as_ref())?;
    let (fault, suspects) = (first.fault.clone(), all.iter().flat_map(|(_, l)| l).any(|l| !l.suspected.is_empty()));
    // Nobody else's news beside these.
    let panels: Vec<Spread> = all
        .iter()
        .map(|(design, learning)| panel(design.name(), learning.as_ref().filter(|l| l.fault == fault)))
        .collect();
    let until = panels.iter().filter_map(|p| p.know.reaches(NEARLY * p.know.end())).fold(0.0, f64::max) * AFTER;
    let until = if until > 0.0 { Span::from_nanos_f64(until) } else { Span(1_000_000_000) };
    let times = panels.iter().map(|p| p.times).max().unwrap_or(0);
    let (title, share, since, what) = match &fault {
        None => ("Who knows the news", "share of the members that know the news", "the first one knew", "rumours"),
        Some(_) if suspects => (
            "Who notices a death",
            "share of the other members that suspect it or hold it for dead",
            "it fell silent",
            "deaths",
        ),
        Some(_) => {
            ("Who notices a death", "share of the other members that hold it for dead", "it fell silent", "deaths")
        }
    };
    let of = fault.as_ref().map_or_else(String::new, |fault| format!(" by {fault}"));
    Some(Section {
        name: "Who knows".to_owned(),
        anchor: "spreading".to_owned(),
        finding: finding(&panels, fault.is_some()),
        caption: format!(
            "Mean over {} {what}{of} after the warm-up, {}. {}",
            fmt_count(times),
            if panels.iter().all(|p| p.times == times) { "with every design" } else { "or fewer" },
            match fault {
                None => "Those near the end of the run that could not be followed as long as half of all are left out.",
                Some(_) => "A member that is back sooner than half of them is left out.",
            }
        ),
        figures: vec![Drawing::Spreading(Spreading {
            title: title.to_owned(),
            share: share.to_owned(),
            since: since.to_owned(),
            until,
            panels,
        })],
        tables: Vec::new(),
        how_to_read:
            "A curve that is steep is fast, one that stays below 100\u{202f}% leaves somebody out. All panels have \
                      the same axes."
                .to_owned(),
        folded: false,
    })
}

fn panel(name: &str, learning: Option<&Learning>) -> Spread {
    let name = name.to_owned();
    let Some(learning) = learning else {
        return Spread { name, times: 0, suspect: Climb::default(), know: Climb::default() };
    };
    let mut watched: Vec<Span> = learning.known.iter().map(|news| news.watched).collect();
    watched.sort_unstable();
    // Whoever could not be followed as long as half of them would pull the curve down where it ends.
    let enough = watched.get(watched.len() / 2).copied().unwrap_or(Span::ZERO);
    let followed = |news: &[News]| -> Vec<News> { news.iter().filter(|n| n.watched >= enough).cloned().collect() };
    let known = followed(&learning.known);
    Spread { name, times: known.len() as u64, suspect: climb(&followed(&learning.suspected)), know: climb(&known) }
}

/// The mean share over several times.
fn climb(all: &[News]) -> Climb {
    let times = all.len() as f64;
    let each = |news: &News| 1.0 / (news.members.max(1) as f64 * times);
    let mut learnt: Vec<(Span, f64)> =
        all.iter().flat_map(|news| news.learnt.iter().map(move |span| (*span, each(news)))).collect();
    learnt.sort_by_key(|(span, _)| *span);
    let mut steps: Vec<(f64, f64)> = Vec::new();
    let mut share = 0.0;
    for (span, more) in learnt {
        share += more;
        match steps.last_mut() {
            Some(last) if last.0 == span.0 as f64 => last.1 = share,
            _ => steps.push((span.0 as f64, share)),
        }
    }
    // What was added up in many small steps.
    if let Some(last) = steps.last_mut().filter(|last| (last.1 - 1.0).abs() < 1e-9) {
        last.1 = 1.0;
    }
    Climb { steps: thinned(steps) }
}

/// A page keeps so many steps of a curve.
const STEPS_MAX: usize = 1000;

/// The first step that passes each thousandth of the way.
fn thinned(steps: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    let Some(last) = steps.last().copied().filter(|_| steps.len() > STEPS_MAX) else { return steps };
    let mut kept: Vec<(f64, f64)> = Vec::new();
    for step in steps {
        let bound = kept.last().map_or(0.0, |kept| kept.1) + last.1 / STEPS_MAX as f64;
        if kept.is_empty() || step.1 >= bound || step == last {
            kept.push(step);
        }
    }
    kept
}

/// The fastest and the slowest, and who leaves most out.
fn finding(panels: &[Spread], death: bool) -> String {
    let what = if death { "hold it for dead" } else { "know" };
    let with = |panel: &Spread| if panels.len() > 1 { format!(" with {}", panel.name) } else { String::new() };
    let mut half: Vec<(f64, &Spread)> = panels.iter().filter_map(|p| Some((p.know.reaches(0.5)?, p))).collect();
    half.sort_by(|a, b| a.0.total_cmp(&b.0));
    let lead = match half.as_slice() {
        [] => format!("Never do half of them {what}"),
        [one] => format!("Half of all {what} after {}{}", fmt_duration(one.0), with(one.1)),
        [fast, .., slow] if fmt_duration(fast.0) == fmt_duration(slow.0) => {
            format!("Half of all {what} after {} with every design", fmt_duration(fast.0))
        }
        [fast, .., slow] => format!(
            "Half of all {what} after {}{}, and after {}{}",
            fmt_duration(fast.0),
            with(fast.1),
            fmt_duration(slow.0),
            with(slow.1)
        ),
    };
    let told = panels.iter().filter(|p| p.times > 0);
    let least = told.min_by(|a, b| a.know.end().total_cmp(&b.know.end())).filter(|p| p.know.end() < ALL);
    let never = if death { "don’t before it is back" } else { "never do" };
    let rest = least.map_or_else(String::new, |p| format!("; {}{} {never}", fmt_share(1.0 - p.know.end()), with(p)));
    lead + &rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn news(members: usize, learnt: &[u64], watched: u64) -> News {
        News { members, learnt: learnt.iter().map(|s| Span(s * 1_000_000_000)).collect(), watched: Span(watched) }
    }

    #[test]
    fn a_curve_is_the_mean_over_all_times() {
        let climb = climb(&[news(2, &[1, 3], 9), news(2, &[2], 9)]);
        assert_eq!(climb.steps, [(1e9, 0.25), (2e9, 0.5), (3e9, 0.75)]);
        let many: Vec<News> = (0..40).map(|i| news(100, &(i..i + 100).collect::<Vec<_>>(), 9)).collect();
        let many = super::climb(&many);
        assert!(many.steps.len() <= STEPS_MAX + 2 && many.end() == 1.0, "{} steps", many.steps.len());
    }

    #[test]
    fn who_could_not_be_followed_does_not_pull_it_down() {
        let known = vec![news(1, &[1], 9), news(1, &[2], 9), news(1, &[], 1)];
        let learning = Learning { component: 0, fault: Some("crash".to_owned()), suspected: Vec::new(), known };
        let panel = panel("one", Some(&learning));
        assert_eq!((panel.times, panel.know.end()), (2, 1.0));
        let told = finding(std::slice::from_ref(&panel), true);
        assert_eq!(crate::report::answer::plain(&told), "Half of all hold it for dead after 1 s");
        let deaf = Spread { name: "deaf".to_owned(), know: Climb::default(), ..panel.clone() };
        let told = crate::report::answer::plain(&finding(&[panel, deaf], true));
        assert_eq!(told, "Half of all hold it for dead after 1 s with one; 100 % with deaf don’t before it is back");
    }
}
