//! A reader for the part of EDN that operation logs use, and for JSON, which is nearly a part of it.
//!
//! Forms are pulled one at a time and borrow from the text. Left out: characters other than as raw text, ratios and
//! namespaces (kept as raw text), metadata. A tagged form is read as the form behind the tag.

use super::io::Error;

/// One form.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Form<'a> {
    /// `nil`, and JSON's `null`.
    Nil,
    /// A number, a symbol, `true`, `false`: as written.
    Plain(&'a str),
    /// A string, with its quotes and escapes.
    Text(&'a str),
    /// `:name`, without the colon.
    Keyword(&'a str),
    /// A vector, list or set.
    Sequence(Vec<Form<'a>>),
    /// A map; its content is not kept.
    Map,
}

impl<'a> Form<'a> {
    /// As the file wrote it, for what identifies a value; sequences have no such text.
    pub(super) fn raw(&self) -> Option<&'a str> {
        match self {
            Form::Plain(text) | Form::Text(text) | Form::Keyword(text) => Some(text),
            _ => None,
        }
    }

    /// What a reader calls it.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Form::Nil => "nil",
            Form::Plain(_) => "a plain value",
            Form::Text(_) => "a string",
            Form::Keyword(_) => "a keyword",
            Form::Sequence(_) => "a sequence",
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
            b'[' => self.sequence(b']'),
            b'(' => self.sequence(b')'),
            b'{' => {
                self.skip_balanced()?;
                Ok(Form::Map)
            }
            b'#' if self.rest().starts_with("#{") => {
                self.at += 1;
                self.sequence(b'}')
            }
            b'#' => {
                self.skip_tag()?;
                self.form()
            }
            b':' => {
                self.at += 1;
                match self.token() {
                    "" => Err(self.error("a colon without a name behind it")),
                    name => Ok(Form::Keyword(name)),
                }
            }
            b']' | b')' | b'}' => Err(self.error(&format!("`{}` closes nothing here", byte as char))),
            _ => {
                let token = self.token();
                Ok(match token {
                    "" => return Err(self.unexpected()),
                    "nil" => Form::Nil,
                    "null" if self.json => Form::Nil,
                    _ => Form::Plain(token),
                })
            }
        }
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

    fn token(&mut self) -> &'a str {
        let rest = &self.text.as_bytes()[self.at..];
        let end = rest.iter().position(|&byte| {
            matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b',' | b'(' | b')' | b'[' | b']' | b'{' | b'}' | b'"' | b';')
                || (self.json && byte == b':')
        });
        let start = self.at;
        self.at += end.unwrap_or(rest.len());
        &self.text[start..self.at]
    }

    fn string(&mut self) -> Result<&'a str, Error> {
        let (start, line) = (self.at, self.line);
        let bytes = self.text.as_bytes();
        self.at += 1;
        while let Some(&byte) = bytes.get(self.at) {
            self.at += 1;
            match byte {
                b'"' => return Ok(&self.text[start..self.at]),
                b'\\' => self.at += 1,
                b'\n' => self.line += 1,
                _ => {}
            }
        }
        Err(Error { line, reason: "the file ends inside a string that begins here".to_owned() })
    }

    fn sequence(&mut self, close: u8) -> Result<Form<'a>, Error> {
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
        Ok(Form::Sequence(forms))
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
pub(super) fn unquote(text: &str) -> String {
    let Some(inner) = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) else { return text.to_owned() };
    if !inner.contains('\\') {
        return inner.to_owned();
    }
    let mut out = String::with_capacity(inner.len());
    let mut characters = inner.chars();
    while let Some(c) = characters.next() {
        out.push(match (c, c == '\\') {
            (_, true) => match characters.next() {
                Some('n') => '\n',
                Some('t') => '\t',
                Some('r') => '\r',
                Some(other) => other,
                None => '\\',
            },
            (c, false) => c,
        });
    }
    out
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
                Form::Sequence(vec![Form::Plain("1"), Form::Nil]),
                Form::Sequence(vec![Form::Plain("2")]),
                Form::Sequence(vec![Form::Plain("3")]),
                Form::Text("\"x\""),
                Form::Keyword("read"),
                Form::Text("\"a\\\"b\""),
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
}
