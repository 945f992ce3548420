//! A choice with parameters is a call: `zipf(0.99)`, `lognormal(p50=1ms, p99=8ms)`, `mix(90%: 1ms, 10%: 1s)`.

use std::ops::Range;

use super::nearest;
use super::text::{TextError, offset, range};

/// `name` or `name(argument, key=value, …)`, with every part's place in the whole text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call<'a> {
    /// The whole text.
    pub whole: &'a str,
    /// What is called.
    pub name: &'a str,
    /// What stands between the parentheses; `None` if there are none.
    pub args: Option<Vec<Arg<'a>>>,
}

/// One argument of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arg<'a> {
    /// What stands before `=`.
    pub key: Option<&'a str>,
    /// The value, trimmed.
    pub text: &'a str,
    /// Where `text` is in the whole text.
    pub start: usize,
}

/// What a call takes: positional names first. Every one may also be given by name.
#[derive(Clone, Copy, Debug)]
pub struct Signature {
    /// How to write it, for messages: `exponential(base, cap)`.
    pub usage: &'static str,
    /// Arguments in order.
    pub positional: &'static [&'static str],
    /// Arguments only by name.
    pub named: &'static [&'static str],
}

/// The arguments of a call, by name.
#[derive(Clone, Debug)]
pub struct Bound<'a> {
    call: &'a Call<'a>,
    usage: &'static str,
    values: Vec<(&'static str, Arg<'a>)>,
}

/// Longest text that is read: a call nests, and a parser must not.
const LONGEST: usize = 64 * 1024;
/// Deepest nesting of parentheses.
const DEEPEST: usize = 16;

impl<'a> Call<'a> {
    /// Splits the text; says nothing yet about whether the name is known.
    pub fn parse(whole: &'a str) -> Result<Call<'a>, TextError> {
        if whole.len() > LONGEST {
            return Err(TextError::new(0..0, "this text is too long to be read"));
        }
        let text = whole.trim();
        let open = text.find('(');
        let name = open.map_or(text, |open| &text[..open]);
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-' || c == '.') {
            return Err(TextError::new(range(whole, name), format!("`{text}` is not a name or a call"))
                .help("a call is written `name(argument, key=value)`"));
        }
        let Some(open) = open else {
            return Ok(Call { whole, name, args: None });
        };
        let inside = offset(whole, text) + open + 1;
        let mut depth = 1_usize;
        let mut start = inside;
        let mut args = Vec::new();
        for (at, c) in whole[inside..].char_indices() {
            let at = inside + at;
            match c {
                '(' | '[' => depth += 1,
                ')' | ']' => depth -= 1,
                ',' if depth == 1 => {
                    args.push(Arg::parse(whole, start..at)?);
                    start = at + 1;
                }
                _ => {}
            }
            if depth > DEEPEST {
                return Err(TextError::new(at..at + 1, "parentheses nest too deeply"));
            }
            if depth == 0 {
                if c == ']' {
                    return Err(TextError::new(at..at + 1, "`]` closes nothing"));
                }
                if !(args.is_empty() && whole[start..at].trim().is_empty()) {
                    args.push(Arg::parse(whole, start..at)?);
                }
                let rest = whole[at + 1..].trim();
                if !rest.is_empty() {
                    return Err(TextError::new(range(whole, rest), format!("`{rest}` after the closing parenthesis")));
                }
                return Ok(Call { whole, name, args: Some(args) });
            }
        }
        let end = offset(whole, text) + text.len();
        Err(TextError::new(end..end, format!("`{name}(` is never closed")).label("expected `)`"))
    }

    /// The place of the name.
    pub fn name_at(&self) -> Range<usize> {
        range(self.whole, self.name)
    }

    /// The place of the whole call, without blanks around it.
    pub fn at(&self) -> Range<usize> {
        range(self.whole, self.whole.trim())
    }

    /// The error for a name that isn't one of `known`. `what` comes without article: "backoff".
    pub fn unknown<'b>(&self, what: &str, known: impl IntoIterator<Item = &'b str>) -> TextError {
        unknown_word(self.name, self.name_at(), what, known)
    }

    /// Sorts the arguments by the signature's names.
    pub fn bind(&'a self, signature: Signature) -> Result<Bound<'a>, TextError> {
        let Signature { usage, positional, named } = signature;
        let mut bound = Bound { call: self, usage, values: Vec::new() };
        let mut position = 0;
        for arg in self.args.iter().flatten() {
            let name = match arg.key {
                Some(key) => match positional.iter().chain(named).find(|name| **name == key) {
                    Some(name) => *name,
                    None => {
                        let known: Vec<&str> = positional.iter().chain(named).copied().collect();
                        let help = match nearest(key, known.iter().copied()) {
                            Some(meant) => format!("did you mean `{meant}`? Write {usage}"),
                            None => format!("write {usage}"),
                        };
                        let at = range(self.whole, key);
                        return Err(TextError::new(at, format!("`{}` takes no `{key}`", self.name)).help(help));
                    }
                },
                None if position < positional.len() => {
                    position += 1;
                    positional[position - 1]
                }
                None => {
                    let message = match positional.len() {
                        0 => format!("`{}` takes no such argument", self.name),
                        1 => format!("`{}` takes one argument", self.name),
                        n => format!("`{}` takes {n} arguments", self.name),
                    };
                    return Err(TextError::new(arg.at(), message).label("one too many").help(format!("write {usage}")));
                }
            };
            if bound.get(name).is_some() {
                return Err(TextError::new(arg.at(), format!("`{name}` is given twice")).help(format!("write {usage}")));
            }
            bound.values.push((name, *arg));
        }
        Ok(bound)
    }

    /// The argument-less use of a word: an error if there are parentheses with something in them.
    pub fn no_args(&self) -> Result<(), TextError> {
        match self.args.as_deref() {
            None | Some([]) => Ok(()),
            Some([first, ..]) => Err(TextError::new(first.at(), format!("`{}` takes no arguments", self.name))
                .help(format!("write `{}`", self.name))),
        }
    }
}

impl<'a> Arg<'a> {
    fn parse(whole: &'a str, at: Range<usize>) -> Result<Arg<'a>, TextError> {
        let raw = &whole[at.clone()];
        let text = raw.trim();
        if text.is_empty() {
            return Err(TextError::new(at, "an argument is missing here"));
        }
        if let Some((key, value)) = text.split_once('=') {
            let key = key.trim_end();
            let value = value.trim_start();
            let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '/' | '.' | '*' | ':');
            if !key.is_empty() && key.chars().all(word) && !value.starts_with('=') {
                if value.is_empty() {
                    let end = offset(whole, text) + text.len();
                    return Err(TextError::new(end..end, format!("`{key}=` has no value")));
                }
                return Ok(Arg { key: Some(key), text: value, start: offset(whole, value) });
            }
        }
        Ok(Arg { key: None, text, start: offset(whole, text) })
    }

    /// The place of the value.
    pub fn at(&self) -> Range<usize> {
        self.start..self.start + self.text.len()
    }

    /// Reads the value, and moves its errors to where it stands.
    pub fn read<T>(&self, read: impl FnOnce(&'a str) -> Result<T, TextError>) -> Result<T, TextError> {
        read(self.text).map_err(|error| error.shifted(self.start))
    }

    /// `left: right` at the first colon, as two arguments.
    pub fn pair(&self) -> Result<(Arg<'a>, Arg<'a>), TextError> {
        let Some((left, right)) = self.text.split_once(':') else {
            return Err(TextError::new(self.at(), format!("`{}` lacks its `:`", self.text)));
        };
        let start = self.start + left.len() + 1;
        let lead = right.len() - right.trim_start().len();
        Ok((
            Arg { key: None, text: left.trim_end(), start: self.start },
            Arg { key: None, text: right.trim(), start: start + lead },
        ))
    }
}

impl<'a> Bound<'a> {
    /// An argument, if given.
    pub fn get(&self, name: &str) -> Option<Arg<'a>> {
        self.values.iter().find(|(key, _)| *key == name).map(|(_, arg)| *arg)
    }

    /// An argument that must be given.
    pub fn need(&self, name: &str) -> Result<Arg<'a>, TextError> {
        self.get(name).ok_or_else(|| {
            TextError::new(self.call.at(), format!("`{}` lacks its `{name}`", self.call.name))
                .help(format!("write {}", self.usage))
        })
    }

    /// Reads an argument that must be given.
    pub fn read<T>(&self, name: &str, read: impl FnOnce(&'a str) -> Result<T, TextError>) -> Result<T, TextError> {
        self.need(name)?.read(read)
    }

    /// Reads an argument, if given.
    pub fn read_if<T>(
        &self,
        name: &str,
        read: impl FnOnce(&'a str) -> Result<T, TextError>,
    ) -> Result<Option<T>, TextError> {
        self.get(name).map(|arg| arg.read(read)).transpose()
    }
}

/// The error for a word that isn't one of `known`. `what` may have its article.
pub fn unknown_word<'b>(
    word: &str,
    at: Range<usize>,
    what: &str,
    known: impl IntoIterator<Item = &'b str>,
) -> TextError {
    let what = what.strip_prefix("a ").or(what.strip_prefix("an ")).unwrap_or(what);
    let known: Vec<&str> = known.into_iter().collect();
    let list = known.join(", ");
    let help = match nearest(word, known.iter().copied()) {
        Some(meant) => format!("did you mean `{meant}`? There are: {list}"),
        None => format!("there are: {list}"),
    };
    TextError::new(at, format!("unknown {what} `{word}`")).label(format!("not a {what}")).help(help)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ERLANG: Signature = Signature { usage: "`erlang(k, mean)`", positional: &["k", "mean"], named: &["min"] };

    #[test]
    fn calls_keep_the_place_of_every_part() {
        let call = Call::parse(" lognormal(p50 = 1ms, sigma=2 )").expect("a call");
        assert_eq!((call.name, call.name_at()), ("lognormal", 1..10));
        let args = call.args.expect("arguments");
        assert_eq!(args[0], Arg { key: Some("p50"), text: "1ms", start: 17 });
        assert_eq!(args[1], Arg { key: Some("sigma"), text: "2", start: 28 });
        let nested = Call::parse("mix(90%: exp(1ms), 10%: pareto(1ms, 1.5))").expect("a call");
        let args = nested.args.expect("arguments");
        assert_eq!(args.iter().map(|arg| arg.text).collect::<Vec<_>>(), ["90%: exp(1ms)", "10%: pareto(1ms, 1.5)"]);
        let (left, right) = args[1].pair().expect("a pair");
        assert_eq!((left.text, left.start, right.text, right.start), ("10%", 19, "pareto(1ms, 1.5)", 24));
    }

    #[test]
    fn calls_that_are_refused() {
        for (text, at, message) in [
            ("exp(5ms", 7..7, "`exp(` is never closed"),
            ("exp(5ms))", 8..9, "`)` after the closing parenthesis"),
            ("exp(,)", 4..4, "an argument is missing here"),
            ("exp(min=)", 8..8, "`min=` has no value"),
            ("exp[5]", 0..6, "`exp[5]` is not a name or a call"),
            ("", 0..0, "`` is not a name or a call"),
            ("a(b]", 3..4, "`]` closes nothing"),
        ] {
            let error = Call::parse(text).expect_err(text);
            assert_eq!((error.at, error.message.as_str()), (at, message), "{text}");
        }
        assert!(Call::parse(&"f(".repeat(100)).is_err());
    }

    #[test]
    fn arguments_go_by_position_or_name() {
        for text in ["erlang(3, 5ms)", "erlang(k=3, mean=5ms)", "erlang(mean=5ms, 3)"] {
            let call = Call::parse(text).expect(text);
            let bound = call.bind(ERLANG).expect(text);
            assert_eq!((bound.need("k").unwrap().text, bound.need("mean").unwrap().text), ("3", "5ms"));
        }
        for (text, at, message) in [
            ("erlang(3)", 0..9, "`erlang` lacks its `mean`"),
            ("erlang(3, 5ms, 7)", 15..16, "`erlang` takes 2 arguments"),
            ("erlang(3, 5ms, mx=7)", 15..17, "`erlang` takes no `mx`"),
            ("erlang(3, k=4)", 12..13, "`k` is given twice"),
        ] {
            let call = Call::parse(text).expect(text);
            let error = call.bind(ERLANG).and_then(|bound| bound.need("mean").map(|_| ())).expect_err(text);
            assert_eq!((error.at, error.message.as_str()), (at, message), "{text}");
        }
    }
}
