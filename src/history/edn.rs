//! A reader for the part of EDN that operation logs use, and for JSON, which is nearly a part of it.
//!
//! Forms are pulled one at a time and borrow from the text where they can. Equal values get equal texts: escapes in
//! strings are resolved, whole numbers lose `+`, `N` and `M`. Left out: characters, fractions (`1.0` is not `1.00`), ratios
//! and namespaces (kept as raw text), metadata. A tagged form is read as the form behind the tag.

use std::borrow::Cow;

use super::io::Error;

/// The brackets of a sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// `[…]`, also JSON's array.
    Vector,
    /// `(…)`, equal to a vector of the same elements.
    List,
    /// `#{…}`, whose order says nothing.
    Set,
}

/// One form.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Form<'a> {
    /// `nil`, and JSON's `null`.
    Nil,
    /// A number, a symbol, `true`, `false`: as written, but for whole numbers, which have one spelling.
    Plain(&'a str),
    /// A string with its quotes. Only quotes, backslashes and characters that don't print are escaped.
    Text(Cow<'a, str>),
    /// `:name`, without the colon.
    Keyword(&'a str),
    /// A vector, list or set.
    Sequence(Shape, Vec<Form<'a>>),
    /// A map; its content is not kept.
    Map,
}

impl<'a> Form<'a> {
    /// The text that identifies a value: two forms are equal if and only if their texts are. Maps have none.
    pub(super) fn identity(&self) -> Option<Cow<'_, str>> {
        Some(match self {
            Form::Nil => Cow::Borrowed("nil"),
            Form::Plain(text) => Cow::Borrowed(text),
            Form::Text(text) => Cow::Borrowed(text),
            Form::Keyword(name) => Cow::Owned(format!(":{name}")),
            Form::Sequence(shape, forms) => {
                let mut texts = forms.iter().map(Form::identity).collect::<Option<Vec<_>>>()?;
                if *shape == Shape::Set {
                    texts.sort_unstable();
                    texts.dedup();
                    Cow::Owned(format!("#{{{}}}", texts.join(" ")))
                } else {
                    Cow::Owned(format!("[{}]", texts.join(" ")))
                }
            }
            Form::Map => return None,
        })
    }

    /// What a reader calls it.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Form::Nil => "nil",
            Form::Plain(_) => "a plain value",
            Form::Text(_) => "a string",
            Form::Keyword(_) => "a keyword",
            Form::Sequence(..) => "a sequence",
            Form::Map => "a map",
        }
    }
}

/// A place in the text.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    text: &'a str,
    at: usize,
    line: u32,
    /// In JSON a colon separates; in EDN it begins a keyword.
    json: bool,
    depth: u32,
}

/// Deeper forms than any log has are refused, so that no file can exhaust the stack.
const DEPTH_MAX: u32 = 64;

impl<'a> Reader<'a> {
    /// At the start of the text.
    pub(super) fn new(text: &'a str, json: bool) -> Reader<'a> {
        Reader { text, at: 0, line: 1, json, depth: 0 }
    }

    /// The line of the next character, from 1.
    pub(super) fn line(&self) -> u32 {
        self.line
    }

    /// The next character after white space and comments, not consumed.
    pub(super) fn peek(&mut self) -> Result<Option<u8>, Error> {
        loop {
            let Some(&byte) = self.text.as_bytes().get(self.at) else { return Ok(None) };
            match byte {
                b'\n' => self.line += 1,
                b' ' | b'\t' | b'\r' | b',' | 0x0c => {}
                b':' if self.json => {}
                b';' => {
                    self.skip_line();
                    continue;
                }
                b'#' if self.rest().starts_with("#_") => {
                    self.at += 2;
                    self.form()?;
                    continue;
                }
                _ => return Ok(Some(byte)),
            }
            self.at += 1;
        }
    }

    /// Consumes the character that [`peek`](Self::peek) showed.
    pub(super) fn advance(&mut self) {
        self.at += 1;
    }

    /// Consumes a tag such as `#jepsen.history.Op` in front of a map, if there is one.
    pub(super) fn skip_tag(&mut self) -> Result<(), Error> {
        if self.peek()? == Some(b'#') && !self.rest().starts_with("#{") {
            self.advance();
            self.token();
        }
        Ok(())
    }

    /// Reads one form.
    pub(super) fn form(&mut self) -> Result<Form<'a>, Error> {
        if self.depth == DEPTH_MAX {
            return Err(self.error(&format!("values are nested more than {DEPTH_MAX} deep")));
        }
        self.depth += 1;
        let form = self.form_at_this_depth();
        self.depth -= 1;
        form
    }

    fn form_at_this_depth(&mut self) -> Result<Form<'a>, Error> {
        let Some(byte) = self.peek()? else { return Err(self.error("the file ends where a value should follow")) };
        match byte {
            b'"' => self.string().map(Form::Text),
            b'[' => self.sequence(b']', Shape::Vector),
            b'(' => self.sequence(b')', Shape::List),
            b'{' => {
                self.skip_balanced()?;
                Ok(Form::Map)
            }
            b'#' if self.rest().starts_with("#{") => {
                self.at += 1;
                self.sequence(b'}', Shape::Set)
            }
            b'#' if self.rest().starts_with("##") => Ok(Form::Plain(self.visible_token()?)),
            b'#' => {
                self.skip_tag()?;
                self.form()
            }
            b'\\' if !self.json => self.character(),
            b':' => {
                self.at += 1;
                match self.visible_token()? {
                    "" => Err(self.error("a colon without a name behind it")),
                    name => Ok(Form::Keyword(name)),
                }
            }
            b']' | b')' | b'}' => Err(self.error(&format!("`{}` closes nothing here", byte as char))),
            _ => {
                let token = self.visible_token()?;
                Ok(match token {
                    "" => return Err(self.unexpected()),
                    _ if token.starts_with(['@', '^', '`', '~', '\'']) => {
                        return Err(self.error(&format!("`{token}` is no value of an operation")));
                    }
                    "nil" if !self.json => Form::Nil,
                    "null" if self.json => Form::Nil,
                    "true" | "false" => Form::Plain(token),
                    _ if self.json && !token.starts_with(|c: char| c.is_ascii_digit() || c == '-') => {
                        return Err(self.error(&format!("`{token}` is no JSON: a string has quotes")));
                    }
                    _ => Form::Plain(whole(token)),
                })
            }
        }
    }

    /// A character such as `\a`, `\newline` or `\}`, as it is written.
    fn character(&mut self) -> Result<Form<'a>, Error> {
        let start = self.at;
        self.at += 1;
        let Some(first) = self.rest().chars().next().filter(|c| !c.is_whitespace()) else {
            return Err(self.error("a backslash without a character behind it"));
        };
        self.at += first.len_utf8();
        if first.is_alphanumeric() {
            self.visible_token()?;
        }
        Ok(Form::Plain(&self.text[start..self.at]))
    }

    /// Skips one form. What it holds need not be well-formed beyond brackets and strings.
    pub(super) fn skip(&mut self) -> Result<(), Error> {
        match self.peek()? {
            Some(b'{' | b'[' | b'(') => self.skip_balanced(),
            Some(b'#') if self.rest().starts_with("#{") => {
                self.at += 1;
                self.skip_balanced()
            }
            _ => self.form().map(|_| ()),
        }
    }

    /// An error at this line.
    pub(super) fn error(&self, reason: &str) -> Error {
        Error { line: self.line, reason: reason.to_owned() }
    }

    /// "unexpected character", with the character.
    pub(super) fn unexpected(&self) -> Error {
        let found = self.rest().chars().next().map_or("the end of the file".to_owned(), |c| format!("character {c:?}"));
        self.error(&format!("unexpected {found}"))
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn skip_line(&mut self) {
        let rest = &self.text.as_bytes()[self.at..];
        self.at += rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len());
    }

    /// A token whose characters can all be shown.
    fn visible_token(&mut self) -> Result<&'a str, Error> {
        let token = self.token();
        match token.chars().find(|&c| is_hidden(c)) {
            Some(c) => Err(self.error(&format!("unexpected character {}", quote(c.encode_utf8(&mut [0; 4]))))),
            None => Ok(token),
        }
    }

    fn token(&mut self) -> &'a str {
        let rest = &self.text.as_bytes()[self.at..];
        let end = rest.iter().position(|&byte| {
            matches!(
                byte,
                b' ' | b'\t' | b'\r' | b'\n' | 0x0c | b',' | b'(' | b')' | b'[' | b']' | b'{' | b'}' | b'"' | b';'
            ) || (self.json && byte == b':')
        });
        let start = self.at;
        self.at += end.unwrap_or(rest.len());
        &self.text[start..self.at]
    }

    fn string(&mut self) -> Result<Cow<'a, str>, Error> {
        let (start, line) = (self.at, self.line);
        let bytes = self.text.as_bytes();
        let mut simple = true;
        self.at += 1;
        while let Some(&byte) = bytes.get(self.at) {
            self.at += 1;
            match byte {
                b'"' if simple => return Ok(Cow::Borrowed(&self.text[start..self.at])),
                b'"' => {
                    let content = decode(&self.text[start + 1..self.at - 1], self.json)
                        .map_err(|reason| Error { line, reason })?;
                    return Ok(Cow::Owned(quote(&content)));
                }
                b'\\' => {
                    simple = false;
                    self.line += u32::from(bytes.get(self.at) == Some(&b'\n'));
                    self.at += 1;
                }
                b'\n' => {
                    simple = false;
                    self.line += 1;
                }
                b' '..=b'~' => {}
                _ => simple = false,
            }
        }
        Err(Error { line, reason: "the file ends inside a string that begins here".to_owned() })
    }

    fn sequence(&mut self, close: u8, shape: Shape) -> Result<Form<'a>, Error> {
        let line = self.line;
        self.at += 1;
        let mut forms = Vec::new();
        loop {
            match self.peek()? {
                None => {
                    return Err(Error { line, reason: "the file ends inside a sequence that begins here".to_owned() });
                }
                Some(byte) if byte == close => break,
                Some(_) => forms.push(self.form()?),
            }
        }
        self.at += 1;
        Ok(Form::Sequence(shape, forms))
    }

    /// From an opening bracket to the one that closes it, with a counter instead of recursion.
    fn skip_balanced(&mut self) -> Result<(), Error> {
        let line = self.line;
        let mut open = 0_u32;
        loop {
            match self.peek()? {
                None => return Err(Error { line, reason: "the file ends inside a map that begins here".to_owned() }),
                Some(b'{' | b'[' | b'(') => {
                    open += 1;
                    self.at += 1;
                }
                Some(b'}' | b']' | b')') => {
                    open -= 1;
                    self.at += 1;
                    if open == 0 {
                        return Ok(());
                    }
                }
                Some(b'"') => {
                    self.string()?;
                }
                Some(_) => {
                    if self.token().is_empty() {
                        self.at += 1;
                    }
                }
            }
        }
    }
}

/// The content of a string form: without quotes, escapes resolved.
pub(super) fn unquote(text: &str) -> Cow<'_, str> {
    let Some(inner) = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) else { return text.into() };
    match inner.contains('\\') {
        true => decode(inner, false).map_or(inner.into(), Cow::Owned),
        false => inner.into(),
    }
}

/// The string form of a content, in the one spelling that [`Form::Text`] has.
pub(super) fn quote(content: &str) -> String {
    let mut out = String::with_capacity(content.len() + 2);
    out.push('"');
    for c in content.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            _ => show(c, &mut out),
        }
    }
    out.push('"');
    out
}

/// A text of which a terminal shows every character: those that it would obey are escaped.
pub(crate) fn shown(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hidden) {
        return text.into();
    }
    let mut out = String::with_capacity(text.len() + 8);
    text.chars().for_each(|c| show(c, &mut out));
    out.into()
}

fn show(c: char, out: &mut String) {
    match c {
        '\n' => out.push_str("\\n"),
        '\t' => out.push_str("\\t"),
        '\r' => out.push_str("\\r"),
        c if is_hidden(c) => out.push_str(&format!("\\u{:04x}", u32::from(c))),
        c => out.push(c),
    }
}

/// Whether a character does something to a terminal instead of being seen: controls, and what turns the direction.
fn is_hidden(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The content of a string between its quotes.
fn decode(inner: &str, json: bool) -> Result<String, String> {
    let mut out = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let mut after = rest[at + 1..].chars();
        match after.next() {
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('r') => out.push('\r'),
            Some('b') => out.push('\u{8}'),
            Some('f') => out.push('\u{c}'),
            Some(same @ ('"' | '\\')) => out.push(same),
            Some('/') if json => out.push('/'),
            Some('u') => {
                let (c, length) = code_point(after.as_str())?;
                out.push(c);
                rest = &after.as_str()[length..];
                continue;
            }
            other => {
                let found = other.map_or(String::new(), String::from);
                return Err(format!("`\\{}` is no escape that a string may have", shown(&found)));
            }
        }
        rest = after.as_str();
    }
    out.push_str(rest);
    Ok(out)
}

/// What the four digits behind `\u` name, with the second half of a surrogate pair, and how long that is.
fn code_point(text: &str) -> Result<(char, usize), String> {
    let wrong = || {
        let found: String = text.chars().take(4).collect();
        format!("`\\u{}` names no character: four hexadecimal digits are expected", shown(&found))
    };
    let unit = |text: &str| {
        let digits = text.get(..4).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        u16::from_str_radix(digits, 16).ok()
    };
    let first = unit(text).ok_or_else(wrong)?;
    if let Some(c) = char::from_u32(u32::from(first)) {
        return Ok((c, 4));
    }
    let second = text[4..].strip_prefix("\\u").and_then(unit);
    second
        .and_then(|second| char::decode_utf16([first, second]).next()?.ok())
        .map(|c| (c, 10))
        .ok_or_else(|| format!("`\\u{}` is half of a surrogate pair, and the other half is missing", &text[..4]))
}

/// A token in its one spelling, if it is a whole number: `+1`, `1N` and `1M` are `1`, `-0` is `0`.
pub(super) fn whole(token: &str) -> &str {
    let unsigned = token.strip_prefix(['+', '-']).unwrap_or(token);
    let digits = unsigned.strip_suffix(['N', 'M']).unwrap_or(unsigned);
    let is_whole = !digits.is_empty()
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && (digits == "0" || !digits.starts_with('0'));
    match is_whole {
        true if token.starts_with('-') && digits != "0" => &token[..1 + digits.len()],
        true => digits,
        false => token,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forms(text: &str, json: bool) -> Result<Vec<Form<'_>>, Error> {
        let mut reader = Reader::new(text, json);
        let mut found = Vec::new();
        while reader.peek()?.is_some() {
            found.push(reader.form()?);
        }
        Ok(found)
    }

    #[test]
    fn forms_of_an_operation_log() {
        let text = "{:a {:b \"}\"}} ; comment }\n [1 nil] #{2} (3) #inst \"x\" :read \"a\\\"b\" -7 #_ gone true";
        assert_eq!(
            forms(text, false).unwrap(),
            vec![
                Form::Map,
                Form::Sequence(Shape::Vector, vec![Form::Plain("1"), Form::Nil]),
                Form::Sequence(Shape::Set, vec![Form::Plain("2")]),
                Form::Sequence(Shape::List, vec![Form::Plain("3")]),
                Form::Text("\"x\"".into()),
                Form::Keyword("read"),
                Form::Text("\"a\\\"b\"".into()),
                Form::Plain("-7"),
                Form::Plain("true"),
            ]
        );
    }

    #[test]
    fn json_is_read_with_colons_as_space() {
        assert_eq!(forms("\"a\": null, [1,2]", true).unwrap().len(), 3);
    }

    #[test]
    fn what_is_not_closed_is_reported_where_it_begins() {
        assert_eq!(
            forms("1\n[2\n3", false).unwrap_err().to_string(),
            "line 2: the file ends inside a sequence that begins here"
        );
        assert_eq!(
            forms("1\n\"2\n3", false).unwrap_err().to_string(),
            "line 2: the file ends inside a string that begins here"
        );
        assert_eq!(forms("]", false).unwrap_err().to_string(), "line 1: `]` closes nothing here");
        assert_eq!(forms(&"[".repeat(1000), false).unwrap_err().reason, "values are nested more than 64 deep");
    }

    #[test]
    fn strings_lose_quotes_and_escapes() {
        assert_eq!(unquote(r#""a\"b\\c""#), r#"a"b\c"#);
    }

    fn identities(text: &str, json: bool) -> Vec<String> {
        forms(text, json).unwrap().iter().map(|form| form.identity().unwrap().into_owned()).collect()
    }

    #[test]
    fn strings_are_equal_by_what_they_contain() {
        for json in [false, true] {
            assert_eq!(
                identities(r#""\u0041" "A" "\ud83d\ude00" "😀""#, json),
                [r#""A""#, r#""A""#, "\"😀\"", "\"😀\""]
            );
            assert_eq!(identities("\"\\n\" \"\n\" \"\\u001b\" \"\u{1b}\"", json)[0], r#""\n""#);
            assert_eq!(identities("\"\\u001b\" \"\u{1b}\"", json), [r#""\u001b""#, r#""\u001b""#]);
        }
        assert_eq!(unquote(r#""\u001b\\""#), "\u{1b}\\");
    }

    #[test]
    fn escapes_that_are_none_are_errors() {
        let reason = |text: &str, json| forms(text, json).unwrap_err().to_string();
        assert_eq!(reason("1\n\"\\q\"", false), "line 2: `\\q` is no escape that a string may have");
        assert_eq!(reason(r#""\/""#, false), "line 1: `\\/` is no escape that a string may have");
        assert_eq!(identities(r#""\/""#, true), [r#""/""#]);
        assert!(reason(r#""\u00""#, true).contains("four hexadecimal digits"));
        assert!(reason(r#""\ud83dx""#, true).contains("half of a surrogate pair"));
        assert_eq!(reason("a\u{1b}", false), "line 1: unexpected character \"\\u001b\"");
    }

    #[test]
    fn whole_numbers_have_one_spelling() {
        assert_eq!(
            identities("123 123N +123 123M -5 -5N -0 +0", false),
            ["123", "123", "123", "123", "-5", "-5", "0", "0"]
        );
        assert_eq!(identities("1.50 - + N -N 007 1/2", false), ["1.50", "-", "+", "N", "-N", "007", "1/2"]);
    }

    #[test]
    fn values_of_different_types_differ() {
        assert_eq!(
            identities(r#":a a "a" [a] (a) #{b a a} [nil ""]"#, false),
            [":a", "a", "\"a\"", "[a]", "[a]", "#{a b}", "[nil \"\"]"]
        );
    }
}
