//! A sentence with numbers in it: `two choices cut p99 to {p99(users)@two-choices}`.

use super::ast::Expr;
use super::evaluate::{Measured, Source, value};
use super::{Phase, parse_expr};
use crate::spec::TextError;

/// A part of a sentence.
#[derive(Clone, Debug, PartialEq)]
pub enum Piece<N> {
    /// Words.
    Words(String),
    /// What stood in braces.
    Number(N),
}

/// A sentence as it is written: its expressions, each with the byte at which it begins.
pub type Sentence = Vec<Piece<(usize, Expr)>>;

/// Reads words with expressions in braces.
///
/// # Errors
///
/// The first brace that isn't closed or opened, and what is wrong with the first expression that can't be read.
pub fn parse_sentence(text: &str) -> Result<Sentence, TextError> {
    let mut pieces = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        let words = rest.find(['{', '}']).unwrap_or(rest.len());
        if words > 0 {
            pieces.push(Piece::Words(rest[..words].to_owned()));
        }
        at += words;
        if at == text.len() {
            break;
        }
        let inner = at + 1;
        let closed = text[inner..].find(['{', '}']).filter(|end| text[inner + end..].starts_with('}'));
        let Some(end) = closed.filter(|_| text[at..].starts_with('{')) else {
            return Err(TextError::new(at..inner, "this brace stands alone")
                .help("an expression stands between two: `{p99(users)}`"));
        };
        let expr = parse_expr(&text[inner..inner + end]).map_err(|error| error.shifted(inner))?;
        pieces.push(Piece::Number((inner, expr)));
        at = inner + end + 1;
    }
    Ok(pieces)
}

/// The sentence with its numbers; `None` if one of them can't be told.
pub fn say(sentence: &Sentence, during: Option<&Phase>, source: &dyn Source) -> Option<Vec<Piece<Measured>>> {
    let piece = |piece: &Piece<(usize, Expr)>| match piece {
        Piece::Words(words) => Some(Piece::Words(words.clone())),
        Piece::Number((_, expr)) => value(expr, during, source).ok().map(Piece::Number),
    };
    sentence.iter().map(piece).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_expressions_take_turns() {
        let read = parse_sentence("from {p99(users)} to {p99(users)@two}, no more").expect("it reads");
        let told: Vec<String> = read
            .iter()
            .map(|piece| match piece {
                Piece::Words(words) => words.clone(),
                Piece::Number((at, expr)) => format!("<{at} {expr}>"),
            })
            .collect();
        assert_eq!(told, ["from ", "<6 p99(users)>", " to ", "<22 p99(users)@two>", ", no more"]);
        assert_eq!(parse_sentence("").expect("nothing is a sentence"), []);
    }

    #[test]
    fn errors_stand_where_they_are() {
        for (text, blamed, told) in [
            ("to {p99(users)", "{", "stands alone"),
            ("to } here", "}", "stands alone"),
            ("a {b{c}} d", "{", "stands alone"),
            ("to {p101(users)} of", "p101", "no percentile 101"),
            ("to {} of", "", "expected"),
        ] {
            let Err(error) = parse_sentence(text) else { panic!("{text} was read") };
            assert!(error.message.contains(told), "{text}: {error:?}");
            assert_eq!(&text[error.at.clone()], blamed, "{text}: {error:?}");
        }
    }
}
