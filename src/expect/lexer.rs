//! Words, numbers and signs of an expression.

use std::ops::Range;

use crate::spec::TextError;

/// One token and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) at: Range<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A number with its unit.
    Number,
    /// A name, a path (`service.web.replicas`) or a place (`db/3/primary`, `zone:east/a`).
    Word,
    /// A sign, one of [`SIGNS`].
    Sign(&'static str),
    /// The end of the text.
    End,
}

/// Longer ones first.
const SIGNS: &[&str] =
    &["<->", "->", "<=", ">=", "==", "..", "+-", "±", "(", ")", ",", "@", "<", ">", "~", "+", "-", "*", "/", "^"];

/// Cuts a text into tokens; the last is the end.
pub(super) fn lex(text: &str) -> Result<Vec<Token>, TextError> {
    let mut tokens = Vec::new();
    let mut start = 0;
    while let Some(first) = text[start..].chars().next() {
        if first.is_whitespace() {
            start += first.len_utf8();
            continue;
        }
        let rest = &text[start..];
        let (kind, length) = if first.is_ascii_digit() {
            (Kind::Number, number(rest))
        } else if first.is_ascii_alphabetic() {
            (Kind::Word, word(rest))
        } else if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            (Kind::Sign(sign), sign.len())
        } else {
            return Err(unreadable(start, first, rest));
        };
        tokens.push(Token { kind, at: start..start + length });
        start += length;
    }
    tokens.push(Token { kind: Kind::End, at: text.len()..text.len() });
    Ok(tokens)
}

fn unreadable(start: usize, first: char, rest: &str) -> TextError {
    let error = TextError::new(start..start + first.len_utf8(), format!("`{first}` means nothing here"));
    match first {
        '=' => error.help("equality is `==`"),
        '!' => error.help("there is no `!=`: expect it `==`, with verdict = \"violated\""),
        '&' | '|' => error.help("one comparison an expectation: write two"),
        '≤' => error.help("write `<=`"),
        '≥' => error.help("write `>=`"),
        '≈' => error.help("write `~`, with a tolerance"),
        '$' => error.help("variables belong into flows"),
        '.' if rest[1..].starts_with(|next: char| next.is_ascii_digit()) => {
            error.help("write the digit before the point")
        }
        _ => error,
    }
}

/// Digits, then letters or `%`, then one more after a slash: `8K/s`.
fn number(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    let digits = |mut end: usize| {
        while bytes.get(end).is_some_and(|b| b.is_ascii_digit() || *b == b'_') {
            end += 1;
        }
        end
    };
    let mut end = digits(0);
    if bytes.get(end) == Some(&b'.') && bytes.get(end + 1).is_some_and(u8::is_ascii_digit) {
        end = digits(end + 1);
    }
    let letters =
        |from: usize| rest[from..].find(|c: char| !(c.is_alphabetic() || c == '%')).map_or(rest.len(), |n| from + n);
    end = letters(end);
    if bytes.get(end) == Some(&b'/') && rest[end + 1..].starts_with(char::is_alphabetic) {
        end = letters(end + 1);
    }
    end
}

/// A name and whatever hangs on it by `.`, `/` and `:` without a space.
fn word(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    let is_name = |at: usize| bytes.get(at).is_some_and(|b| b.is_ascii_alphanumeric());
    let mut end = 1;
    while let Some(byte) = bytes.get(end) {
        let next = end + 1;
        let goes_on = match byte {
            b'_' => true,
            // A minus belongs to a name if letters follow: `east-users`, but not `web->db`.
            b'-' => is_name(next),
            b':' => is_name(next),
            b'/' => is_name(next) || bytes.get(next) == Some(&b'*'),
            // p99.9 is one word, and so is a path; `a..b` isn't.
            b'.' => {
                let letter = bytes.get(next).is_some_and(u8::is_ascii_alphabetic);
                letter || is_name(next) && is_percentile(&rest[..end])
            }
            b'*' => bytes[end - 1] == b'/',
            other => other.is_ascii_alphanumeric(),
        };
        if !goes_on {
            break;
        }
        end = next;
    }
    end
}

fn is_percentile(word: &str) -> bool {
    word.strip_prefix('p').is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_cut_where_people_would() {
        let cut = |text: &str| {
            let tokens = lex(text).expect(text);
            tokens.iter().map(|token| text[token.at.clone()].to_string()).collect::<Vec<_>>().join("|")
        };
        for (text, tokens) in [
            ("p99.9(read) < 50ms", "p99.9|(|read|)|<|50ms|"),
            ("keys.a.count * 1.5", "keys.a.count|*|1.5|"),
            ("max(share(db/*, put)) in 16.5%..23.5%", "max|(|share|(|db/*|,|put|)|)|in|16.5%|..|23.5%|"),
            ("rate(calls(web -> pricing))", "rate|(|calls|(|web|->|pricing|)|)|"),
            ("calls(web->pricing)", "calls|(|web|->|pricing|)|"),
            ("1000/s * 1s / (3 - 2)", "1000/s|*|1s|/|(|3|-|2|)|"),
            ("x ± 3 se", "x|±|3|se|"),
            ("a +- 10%", "a|+-|10%|"),
            ("before cut, 10s..20s", "before|cut|,|10s|..|20s|"),
            ("zone:east/a db/3/primary", "zone:east/a|db/3/primary|"),
            ("mean(x)@two-choices", "mean|(|x|)|@|two-choices|"),
        ] {
            assert_eq!(cut(text), tokens);
        }
    }
}
