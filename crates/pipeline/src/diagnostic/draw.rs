//! Diagnostics drawn for people, in the manner of a good compiler.

use annotate_snippets::{AnnotationKind, Group, Level as Title, Origin, Renderer, Snippet};

use super::{Diagnostic, Level};
use crate::visible;

/// Draws `diagnostics` one below the other, each with its source line; with ANSI colours if `color`.
///
/// ```
/// use motet_pipeline::diagnostic::{render, Code, Diagnostic};
/// let empty = Diagnostic::of_file("film.yaml", Code::Empty, "the file is empty");
/// assert_eq!(render(&[empty], false), "error[empty]: the file is empty\n--> film.yaml\n");
/// ```
pub fn render(diagnostics: &[Diagnostic], color: bool) -> String {
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let drawn: Vec<String> = diagnostics.iter().map(|diagnostic| draw(diagnostic, &renderer)).collect();
    drawn.join("\n")
}

fn draw(diagnostic: &Diagnostic, renderer: &Renderer) -> String {
    let file = in_a_line(&diagnostic.file);
    let title = match diagnostic.level {
        Level::Error => Title::ERROR,
        Level::Warning => Title::WARNING,
    };
    let group =
        Group::with_title(title.primary_title(in_a_line(&diagnostic.message)).id(diagnostic.code.word()));
    let (group, shown_column) = if diagnostic.source.is_empty() {
        (group.element(Origin::path(&file)), None)
    } else {
        let (snippet, column) = snippet(diagnostic, &file);
        (group.element(snippet), Some(column))
    };
    let notes = diagnostic.notes.iter().map(|note| Title::NOTE.no_name().message(visible(note)));
    let help = diagnostic.help.iter().map(|help| Title::HELP.message(visible(help)));
    let text = renderer.render(&[group.elements(notes).elements(help)]) + "\n";
    match (text.split_once('\n'), shown_column) {
        // The renderer counts in the line as it is shown; the place is one in the file.
        (Some((title, below)), Some(shown)) if shown != diagnostic.column => {
            let place = |column: usize| format!("{file}:{}:{column}", diagnostic.line);
            format!("{title}\n{}", below.replacen(&place(shown), &place(diagnostic.column), 1))
        }
        _ => text,
    }
}

/// The line with its place marked, and the column that the place has in the line as it is shown.
fn snippet<'d>(
    diagnostic: &'d Diagnostic,
    file: &'d str,
) -> (Snippet<'d, annotate_snippets::Annotation<'d>>, usize) {
    let source = &diagnostic.source;
    let byte_of = |column: usize| {
        let index = column.saturating_sub(diagnostic.source_column);
        source.char_indices().nth(index).map_or(source.len(), |(byte, _)| byte)
    };
    let (from, to) = (byte_of(diagnostic.column), byte_of(diagnostic.end_column));
    // What was left out of a very long line becomes blanks: the renderer cuts them off and still counts them.
    let before = " ".repeat(diagnostic.source_column - 1) + &visible(&source[..from]);
    let marked = visible(&source[from..to]);
    let annotation = AnnotationKind::Primary
        .span(before.len()..before.len() + marked.len())
        .label(diagnostic.label.as_deref().map(in_a_line));
    let column = before.chars().count() + 1;
    let line = before + &marked + &visible(&source[to..]);
    (Snippet::source(line).path(file).line_start(diagnostic.line).annotation(annotation), column)
}

/// Text that must stay in its line.
fn in_a_line(text: &str) -> String {
    visible(text).replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::super::Code;
    use super::*;

    #[test]
    fn nothing_in_a_file_or_its_name_reaches_the_terminal_raw_and_the_marks_stay_below_their_place() {
        let mut finding =
            Diagnostic::of_file("fi\u{1b}[2Jlm\n.yaml", Code::Type, "no \u{9b}31m `a\u{202e}b`\nhere");
        finding.source = "a: \u{1b}]0;title\u{7} {{ st\u{202e}eps.漢\u{9b} }} \u{2066}#".into();
        (finding.line, finding.column, finding.end_column) = (3, 19, 28);
        finding.label("from\u{7f}\n`x`").note("why\u{200f}\nthough").help("write \u{2028}");
        for color in [false, true] {
            let drawn = render(std::slice::from_ref(&finding), color).replace("\u{1b}[", "ESC[");
            assert!(drawn.chars().all(|character| character == '\n' || !character.is_control()), "{drawn:?}");
        }
        insta::assert_snapshot!(render(&[finding], false));
    }

    #[test]
    fn a_place_in_a_very_long_line_is_where_it_was() {
        let mut finding = Diagnostic::of_file("film.yaml", Code::Type, "no");
        finding.source = "a \u{9b} bad part".into();
        finding.source_column = 1000;
        (finding.line, finding.column, finding.end_column) = (3, 1004, 1007);
        insta::assert_snapshot!(render(&[finding], false));
    }
}
