//! The markup of a [`Page`]. Styles and script are files of their own, written into the page.

use std::fmt::Write;

use crate::report::figure::{Drawing, Figure, Table};
use crate::report::number::NOTHING;
use crate::report::page::{Cell, Expectations, ModelCard, Numbers, Page, Section, Verdict};
use crate::report::svg::escape;
use crate::report::theme::{self, FULL_PX, Mark, State};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");
/// A longer note finds no room beside a name.
const ASIDE_CHARS: usize = 24;
/// A table with more columns is set smaller.
const MANY_COLUMNS: usize = 6;

pub(super) fn page(page: &Page) -> String {
    let mut out = String::with_capacity(200_000);
    let _ = write!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta name=\"description\" content=\"{}\">\n<title>{} – netsplit</title>\n<style>\n{}{STYLE}</style>\n</head>\n\
         <body>\n<main>\n",
        escape(&page.question),
        escape(&page.title),
        theme::css()
    );
    first_screen(&mut out, page);
    // The first screen has none.
    let mut number = 0;
    let mut next = || {
        number += 1;
        number
    };
    if !page.expectations.rows.is_empty() {
        expectations(&mut out, next(), &page.expectations);
    }
    for part in &page.sections {
        if !(part.figures.is_empty() && part.tables.is_empty()) {
            section(&mut out, next(), part);
        }
    }
    if page.model != ModelCard::default() {
        model_card(&mut out, next(), &page.model);
    }
    if !page.teach.is_empty() {
        head(&mut out, next(), "teach", "For teaching", "Predict, then look", "Answers are closed.");
        for (question, answer) in &page.teach {
            let (question, answer) = (inline(question), inline(answer));
            let _ = writeln!(out, "<details class=\"teach\"><summary>{question}</summary><p>{answer}</p></details>");
        }
        out.push_str("</section>\n");
    }
    if !page.files.is_empty() {
        head(&mut out, next(), "files", "Files", "Beside this page", "");
        out.push_str("<ul class=\"files\">\n");
        for (path, what) in &page.files {
            let (path, what) = (escape(path), inline(what));
            let _ = writeln!(out, "<li><a href=\"{path}\"><code>{path}</code></a> {what}</li>");
        }
        out.push_str("</ul>\n</section>\n");
    }
    let _ = write!(out, "</main>\n<script>\n{SCRIPT}</script>\n</body>\n</html>\n");
    out
}

fn first_screen(out: &mut String, page: &Page) {
    let facts: Vec<String> = page.facts.iter().map(|f| escape(f)).collect();
    let separator = " <span class=\"dot\">·</span> ";
    let _ = writeln!(
        out,
        "<section class=\"first\" id=\"answer\">\n<p class=\"kicker\"><b>netsplit</b> {}{}{}\
         <button type=\"button\" id=\"theme\" hidden>dark</button></p>",
        escape(&page.source),
        if facts.is_empty() || page.source.is_empty() { "" } else { separator },
        facts.join(separator)
    );
    let link = if page.expectations.rows.is_empty() { "" } else { "#expect" };
    // A long title beside the verdict would take two lines.
    let long = if page.title.chars().count() > 32 { " class=\"long\"" } else { "" };
    let verdict = if page.verdict.words.is_empty() { String::new() } else { pill(&page.verdict, link) };
    let _ = writeln!(out, "<div class=\"top\"><h1{long}>{}</h1>{verdict}</div>", escape(&page.title));
    paragraph(out, "question", &page.question);
    paragraph(out, "answer", &page.answer);
    numbers(out, &page.numbers);
    for (kicker, words) in &page.remarks {
        let _ = writeln!(out, "<p class=\"read\"><b>{}:</b> {}</p>", escape(kicker), inline(words));
    }
    if !page.repeat.is_empty() {
        let _ = writeln!(out, "<pre class=\"repeat\"><code>{}</code></pre>", escape(&page.repeat));
    }
    out.push_str("</section>\n");
}

fn numbers(out: &mut String, numbers: &Numbers) {
    if numbers.rows.is_empty() {
        return;
    }
    // A column is judged if its first cell is; figures are set smaller where there are many.
    let judged = |i: usize| numbers.rows.iter().any(|r| matches!(r.cells.get(i), Some(Cell::Judged { .. })));
    let many = match (numbers.rows.len(), numbers.columns.len() > 6) {
        (9.., _) => " many dense",
        (4.., _) => " many compact",
        (_, true) => " many",
        _ => "",
    };
    let _ = write!(
        out,
        "<div class=\"scroll\"><table class=\"numbers{many}\">\n<thead><tr><th scope=\"col\">{}</th>",
        inline(&numbers.corner)
    );
    for (i, column) in numbers.columns.iter().enumerate() {
        let class = if judged(i) { "" } else { " class=\"num\"" };
        let _ = write!(out, "<th scope=\"col\"{class}>{}</th>", inline(column));
    }
    out.push_str("</tr></thead>\n<tbody>\n");
    for row in &numbers.rows {
        let _ = write!(
            out,
            "<tr><th scope=\"row\" class=\"{}\"><span class=\"name\">{}</span>{}</th>",
            colour(row.mark),
            escape(&row.mark.label(&row.name)),
            if numbers.rows.len() < 4 { note(&row.note) } else { aside(&row.note) }
        );
        for (i, column) in numbers.columns.iter().enumerate() {
            let head = escape(column);
            match row.cells.get(i) {
                Some(Cell::Number(q)) => {
                    let unit =
                        if q.unit.is_empty() { String::new() } else { format!("<small>{}</small>", escape(&q.unit)) };
                    let _ = write!(out, "<td class=\"num\" data-name=\"{head}\">{}{unit}</td>", escape(&q.digits));
                }
                Some(Cell::Judged { state, words, note: under, link }) => {
                    let under = match link {
                        Some(link) if !under.is_empty() => {
                            format!("<span class=\"note\"><a href=\"{}\">{}</a></span>", escape(link), inline(under))
                        }
                        _ => note(under),
                    };
                    let (class, sign) = (state_class(*state), state.sign());
                    let _ = write!(
                        out,
                        "<td class=\"judged\" data-name=\"{head}\"><span class=\"name {class}\">{sign} {}</span>{under}</td>",
                        inline(words)
                    );
                }
                None => {
                    let _ = write!(out, "<td class=\"num\" data-name=\"{head}\">{NOTHING}</td>");
                }
            }
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody>\n</table></div>\n");
}

fn expectations(out: &mut String, number: usize, e: &Expectations) {
    head(out, number, "expect", "Expectations", &e.finding, &e.caption);
    // Beside many designs there is no room for what is expected and why: that stands in a line above the numbers.
    let wide = e.designs.len() > 3;
    let why = !wide && e.rows.iter().any(|r| !r.why.is_empty());
    let class = if wide { " wide" } else { "" };
    let _ = write!(out, "<div class=\"scroll\"><table class=\"rows expect{class}\">\n<thead><tr>");
    if !wide {
        out.push_str("<th scope=\"col\">expectation</th>");
    }
    if why {
        out.push_str("<th scope=\"col\">why</th>");
    }
    for (mark, name) in &e.designs {
        let _ =
            write!(out, "<th scope=\"col\" class=\"{}\">{}</th>", colour(*mark), breakable(&escape(&mark.label(name))));
    }
    out.push_str("<th scope=\"col\">result</th></tr></thead>\n<tbody>\n");
    for row in &e.rows {
        let text = format!("<code>{}</code>", breakable(&escape(&row.text)));
        if wide {
            let (span, place, why) = (e.designs.len() + 1, escape(&row.place), inline(&row.why));
            let gap = if why.is_empty() { "" } else { " · " };
            let _ = write!(
                out,
                "<tr class=\"alone\"><th scope=\"row\" colspan=\"{span}\">{text} <span class=\"aside\">{place}{gap}{why}\
                 </span></th></tr>\n<tr>"
            );
        } else {
            let _ = write!(out, "<tr><th scope=\"row\">{text}{}</th>", note(&row.place));
        }
        if why {
            let _ = write!(out, "<td class=\"why\">{}</td>", inline(&row.why));
        }
        for (i, (mark, name)) in e.designs.iter().enumerate() {
            let measured = row.measured.get(i).map_or(NOTHING, String::as_str);
            let name = escape(&mark.label(name));
            let _ = write!(out, "<td class=\"value\" data-name=\"{name}\">{}</td>", inline(measured));
        }
        let evidence = row.evidence.as_ref().map_or(String::new(), |(link, words)| {
            format!("<span class=\"note\"><a href=\"{}\">{}</a></span>", escape(link), inline(words))
        });
        let _ = writeln!(out, "<td class=\"result\">{}{evidence}</td></tr>", pill(&row.result, ""));
    }
    out.push_str("</tbody>\n</table></div>\n");
    how_to_read(out, &e.how_to_read);
    out.push_str("</section>\n");
}

fn section(out: &mut String, number: usize, part: &Section) {
    head(out, number, &part.anchor, &part.name, &part.finding, &part.caption);
    if part.folded {
        part.tables.iter().for_each(|shown| table(out, "", shown, "rows"));
        out.push_str("<details class=\"fold\"><summary>Show</summary>\n");
    }
    let mut data = String::new();
    let figures: Vec<&dyn Figure> = part.figures.iter().map(Drawing::figure).collect();
    let half = |f: &dyn Figure| f.width_px() < FULL_PX;
    let mut index = 0;
    while index < figures.len() {
        let pair = half(figures[index]) && figures.get(index + 1).is_some_and(|f| half(*f));
        let taken = if pair { 2 } else { 1 };
        let class = if pair || half(figures[index]) { "charts pair" } else { "charts" };
        let _ = writeln!(out, "<div class=\"{class}\">");
        for drawing in &figures[index..index + taken] {
            index += 1;
            let id = format!("s{number}-{index}");
            // What is folded shows the same of one design after the other.
            let title = if part.folded { format!("<h3>{}</h3>\n", escape(drawing.title())) } else { String::new() };
            let _ = write!(out, "<figure>\n{title}{}", drawing.svg(&id));
            steps(out, &id, &drawing.steps());
            out.push_str("</figure>\n");
            let title = if part.figures.len() > 1 { drawing.title() } else { "" };
            table(&mut data, title, &drawing.table(), "data");
        }
        out.push_str("</div>\n");
    }
    for shown in part.tables.iter().filter(|_| !part.folded) {
        let class = match shown.columns.len() {
            n if n > MANY_COLUMNS + 2 => "rows wide",
            n if n > MANY_COLUMNS => "rows mid",
            _ => "rows",
        };
        table(out, "", shown, class);
    }
    how_to_read(out, &part.how_to_read);
    if !data.is_empty() {
        let _ = write!(out, "<details class=\"data\"><summary>Data</summary>\n{data}</details>\n");
    }
    if part.folded {
        out.push_str("</details>\n");
    }
    out.push_str("</section>\n");
}

/// The controls that walk through a drawing's steps, hidden without script; the steps as a list, always.
fn steps(out: &mut String, id: &str, steps: &[String]) {
    if steps.is_empty() {
        return;
    }
    let count = steps.len();
    let _ = writeln!(
        out,
        "<div class=\"stepper\" data-for=\"{id}\" data-count=\"{count}\" hidden>\
         <button type=\"button\" data-go=\"first\" aria-label=\"first step\">|◀</button>\
         <button type=\"button\" data-go=\"back\" aria-label=\"step back\">◀</button>\
         <span class=\"at\">step {count} of {count}</span>\
         <button type=\"button\" data-go=\"on\" aria-label=\"step forward\">▶</button>\
         <button type=\"button\" data-go=\"last\" aria-label=\"last step\">▶|</button>\
         <span class=\"says\" aria-live=\"polite\"></span><span class=\"keys\">← → Home End</span></div>"
    );
    let _ = writeln!(out, "<details class=\"data\"><summary>Steps</summary>\n<ol class=\"steps\">");
    for step in steps {
        let _ = writeln!(out, "<li>{}</li>", inline(step));
    }
    out.push_str("</ol></details>\n");
}

fn model_card(out: &mut String, number: usize, card: &ModelCard) {
    let finding = if card.checks.is_empty() {
        "What this run models"
    } else {
        "What this run models, and how far it is from theory"
    };
    let caption = if card.checks.is_empty() { "" } else { "The numbers below come from this run." };
    head(out, number, "model", "Model card", finding, caption);
    out.push_str("<div class=\"thirds\">\n");
    for (name, lines) in [("Modelled", &card.modelled), ("Not modelled", &card.not_modelled), ("Scale", &card.scale)] {
        if lines.is_empty() {
            continue;
        }
        let _ = writeln!(out, "<div><h3>{name}</h3>\n<ul>");
        for line in lines {
            let _ = writeln!(out, "<li>{}</li>", inline(line));
        }
        out.push_str("</ul></div>\n");
    }
    out.push_str("</div>\n");
    if !card.checks.is_empty() {
        out.push_str(
            "<div class=\"scroll\"><table class=\"rows\">\n<thead><tr><th scope=\"col\">checked against</th><th scope=\"col\" class=\"num\">theory\
             </th><th scope=\"col\" class=\"num\">this run</th><th scope=\"col\" class=\"num\">error</th>\
             <th scope=\"col\">source</th></tr></thead>\n<tbody>\n",
        );
        for c in &card.checks {
            let _ = writeln!(
                out,
                "<tr><th scope=\"row\">{}</th><td class=\"num\">{}</td><td class=\"num\">{}</td><td class=\"num\">{}</td>\
                 <td>{}</td></tr>",
                inline(&c.what),
                escape(&c.theory),
                escape(&c.run),
                escape(&c.error),
                inline(&c.source)
            );
        }
        out.push_str("</tbody>\n</table></div>\n");
    }
    out.push_str("</section>\n");
}

/// Opens a section: number and name, finding, caption.
fn head(out: &mut String, number: usize, anchor: &str, name: &str, finding: &str, caption: &str) {
    let anchor: String =
        anchor.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
    let finding = if finding.is_empty() { name } else { finding };
    let _ = writeln!(
        out,
        "<section id=\"{anchor}\" tabindex=\"-1\">\n<p class=\"kicker\"><b>{number} · {}</b></p>\n<h2>{}</h2>",
        escape(name),
        inline(finding)
    );
    paragraph(out, "caption", caption);
}

fn paragraph(out: &mut String, class: &str, words: &str) {
    if !words.trim().is_empty() {
        let _ = writeln!(out, "<p class=\"{class}\">{}</p>", inline(words));
    }
}

fn how_to_read(out: &mut String, words: &str) {
    if !words.is_empty() {
        let _ = writeln!(out, "<p class=\"read\"><b>How to read this.</b> {}</p>", inline(words));
    }
}

fn table(out: &mut String, caption: &str, table: &Table, class: &str) {
    if table.rows.is_empty() {
        return;
    }
    let _ = writeln!(out, "<div class=\"scroll\"><table class=\"{class}\">");
    if !caption.is_empty() {
        let _ = writeln!(out, "<caption>{}</caption>", escape(caption));
    }
    out.push_str("<thead><tr>");
    for column in &table.columns {
        let _ = write!(out, "<th scope=\"col\">{}</th>", breakable(&inline(column)));
    }
    out.push_str("</tr></thead>\n<tbody>\n");
    for row in &table.rows {
        out.push_str("<tr>");
        for i in 0..table.columns.len() {
            let _ = write!(out, "<td>{}</td>", inline(row.get(i).map_or(NOTHING, String::as_str)));
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody>\n</table></div>\n");
}

/// Markup in which a line may end behind an underscore, and before what stands in parentheses: names have no blanks.
fn breakable(markup: &str) -> String {
    markup.replace('_', "_<wbr>").replace('(', "<wbr>(")
}

/// A note for which there is no line of its own; what it says stands elsewhere too.
fn aside(words: &str) -> String {
    let long = words.chars().count() > ASIDE_CHARS;
    if words.is_empty() || long { String::new() } else { format!("<span class=\"aside\"> {}</span>", inline(words)) }
}

fn note(words: &str) -> String {
    if words.is_empty() { String::new() } else { format!("<span class=\"note\">{}</span>", inline(words)) }
}

fn pill(verdict: &Verdict, link: &str) -> String {
    let (class, sign, words) = (state_class(verdict.state), verdict.state.sign(), escape(&verdict.words));
    match link {
        "" => format!("<span class=\"pill {class}\">{sign} {words}</span>"),
        link => format!("<a class=\"pill {class}\" href=\"{link}\">{sign} {words}</a>"),
    }
}

fn colour(mark: Mark) -> String {
    format!("c-{}", mark.ink().for_text().name())
}

fn state_class(state: State) -> String {
    format!("c-{}", state.ink().for_text().name())
}

/// Escaped text with `**bold**` and `` `code` ``; a mark without its partner stays as it is.
pub(super) fn inline(words: &str) -> String {
    let mut out = String::with_capacity(words.len() + 16);
    let mut rest = words;
    loop {
        let bold = rest.find("**").map(|at| (at, "**", "b"));
        let code = rest.find('`').map(|at| (at, "`", "code"));
        let Some((at, mark, tag)) = [bold, code].into_iter().flatten().min() else { break };
        let inner = &rest[at + mark.len()..];
        let Some(end) = inner.find(mark).filter(|end| *end > 0) else {
            out.push_str(&escape(&rest[..at + mark.len()]));
            rest = inner;
            continue;
        };
        let inside = &inner[..end];
        // Code may stand in what is bold.
        let marked = if tag == "code" { breakable(&escape(inside)) } else { inline(inside) };
        let _ = write!(out, "{}<{tag}>{marked}</{tag}>", escape(&rest[..at]));
        rest = &inner[end + mark.len()..];
    }
    out.push_str(&escape(rest));
    out
}
