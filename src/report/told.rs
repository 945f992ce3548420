//! What the author of a scenario says of it, as far as this run has shown it: the sentences of expectations that are met.

use super::bind::measured;
use crate::expect::{Measured, Piece};
use crate::run::Run;

/// The sentences of all expectations that are met in every design that was run and that they concern, in the order of the
/// file. `**bold**` marks the numbers.
pub fn told(runs: &[&Run]) -> Vec<String> {
    let judged = || runs.iter().flat_map(|run| &run.judged);
    let mut numbers: Vec<(usize, usize)> = judged().map(|judged| (judged.line, judged.number)).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let sentence = |(_, number): &(usize, usize)| {
        let mut said = judged().filter(|judged| judged.number == *number).map(|judged| judged.say.as_slice());
        let first = said.next().filter(|say| !say.is_empty())?;
        said.all(|say| !say.is_empty()).then(|| written(first))
    };
    numbers.iter().filter_map(sentence).collect()
}

fn written(say: &[Piece<Measured>]) -> String {
    let pieces = say.iter().map(|piece| match piece {
        Piece::Words(words) => words.clone(),
        Piece::Number(number) => format!("**{}**", measured(number)),
    });
    let text: String = pieces.collect();
    let ends = text.ends_with(['.', '?', '!']);
    if ends { text } else { text + "." }
}
